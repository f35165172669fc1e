//! Commands decide: they read, ask the rules, and hand over facts. A file a command.

mod case;
mod change;
mod claim;
mod correct;
mod end;
mod erase;
mod finding;
mod gone;
mod import;
mod lineage;
mod lived;
mod order;
mod other_building;
mod paper_rows;
mod plan;
mod policy;
mod policy_rows;
mod reference;
mod register;
mod reinstate;
mod report;
mod retract;
mod row_end;
mod row_life;
mod rules;
mod said;
mod superseded;
mod together;
mod within;
mod work;

use crate::registry::{
    command::Command,
    error::Error,
    tx::{Decided, Tx},
};

/// Decides a command.
pub(crate) fn decide(tx: &mut Tx<'_, '_>, command: Command) -> Result<Decided, Error> {
    match command {
        Command::Register(item) => register::one(tx, item),
        Command::RegisterAll { items, per_item } => register::all(tx, items, per_item),
        Command::Change(change) => change::change(tx, change),
        Command::Correct(correct) => correct::correct(tx, correct),
        Command::End(end) => end::end(tx, end),
        Command::Merge(merge) => lineage::merge(tx, merge),
        Command::Split(split) => lineage::split(tx, split),
        Command::Retract(retract) => retract::retract(tx, retract),
        Command::AssignCase { case, assignee } => case::assign(tx, case, assignee),
        Command::SettleCase { case, outcome } => case::settle(tx, case, outcome),
        Command::Erase(erase) => erase::erase(tx, erase),
        Command::LoadReference { edition, is_correction } => {
            reference::load(tx, edition, is_correction)
        }
        Command::RecordReport(report) => report::record(tx, *report),
        Command::AdvanceReport(step) => report::advance(tx, step),
        Command::ObserveFinding(observe) => finding::observe(tx, *observe),
        Command::FollowFinding(follow) => finding::follow(tx, follow),
        Command::Import(rows) => import::import(tx, rows),
    }
}
