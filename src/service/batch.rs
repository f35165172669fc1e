//! Batches of new subjects: one command, an answer for each item.

use tonic::Status;

use crate::{
    kernel::{id::IdSeed, limit, position::Partition, violation::Violations},
    proto::v1,
    registry::{Command, ItemOutcome, Refusal},
    service::{
        Plan, Write, Written, common,
        kind::{Creation, Planned, Resource, creation, take_over},
        misread::{LeftOut, Misread},
    },
};

/// One item of a batch: its own context, which must be empty, and what it brings.
pub(crate) type Item<F> = (Option<v1::WriteContext>, Creation<F>);

impl Write {
    /// Registers several subjects: an answer for each.
    pub(crate) async fn create_all<R: Resource>(
        self,
        items: Vec<Item<R::Fields>>,
        per_item: bool,
    ) -> Result<(Written, Vec<v1::ItemResult>), Status> {
        let seeds = self.seeds(items.len().min(limit::BATCH_ITEMS_MAX))?;
        let batch = match read_items::<R>(items, seeds) {
            Ok(batch) => batch,
            Err(violations) => {
                let written = self.run(Err::<Plan, _>(violations)).await?;
                return Ok((written, Vec::new()));
            }
        };
        let whole_count = batch.iter().filter(|(_, read)| read.is_ok()).count();
        if whole_count < batch.len() && !(per_item && whole_count > 0) {
            let written = self.run(Err::<Plan, _>(misread_batch(batch))).await?;
            return Ok((written, Vec::new()));
        }
        let unread = self.unread(&batch).await;
        let whole = batch.into_iter().filter_map(|(index, read)| Some((index, read.ok()?)));
        let (plan, indexes) = batch_plan(whole, per_item);
        let written = self.run(Ok::<_, Violations>(plan)).await?;
        let results = item_results(&written, unread, &indexes);
        Ok((written, results))
    }

    /// What the items that could not be read are answered. Everything is judged for it, since items
    /// are judged one after the other.
    async fn unread(&self, batch: &[ReadItem]) -> Vec<v1::ItemResult> {
        let flawed = batch.iter().filter_map(|(index, read)| Some((index, read.as_ref().err()?)));
        let flawed = flawed.collect::<Vec<_>>();
        if flawed.is_empty() {
            return Vec::new();
        }
        let all = batch.iter().filter_map(|(index, read)| {
            let planned = match read {
                Ok(planned) => planned,
                Err(misread) => misread.rest.as_deref()?,
            };
            Some((*index, planned.clone()))
        });
        let (plan, indexes) = batch_plan(all, false);
        let refusals = self.objections(plan, self.overrides(), &indexes).await;
        let results = flawed.into_iter().map(|(index, misread)| {
            let item = format!("requests[{index}]");
            let of_item = refusals.iter().filter_map(|refusal| {
                let field = refusal.field.strip_prefix(&item)?;
                let field = field.strip_prefix('.').unwrap_or(field).to_owned();
                Some(Refusal { field, ..refusal.clone() })
            });
            let beside = LeftOut::new(&misread.violations, &[]).beside(of_item.collect());
            let mut refusals = common::item_violations(&misread.violations);
            refusals.extend(common::item_refusals(&beside));
            v1::ItemResult { index: *index, id: String::new(), refusals }
        });
        results.collect()
    }
}

/// An item of a batch, and its index in the request.
type ReadItem = (u32, Result<Planned, Misread<Planned>>);

/// Reads the items of a batch, which are of one partition.
fn read_items<R: Resource>(
    items: Vec<Item<R::Fields>>,
    seeds: Vec<IdSeed>,
) -> Result<Vec<ReadItem>, Violations> {
    let mut violations = Violations::default();
    if !(1..=limit::BATCH_ITEMS_MAX).contains(&items.len()) {
        let message = format!("1 to {} items", limit::BATCH_ITEMS_MAX);
        violations.add("requests", "OUT_OF_RANGE", message);
        return Err(violations);
    }
    let mut batch: Vec<ReadItem> = Vec::new();
    for (index, ((context, asked), seed)) in (0_u32..).zip(items.into_iter().zip(seeds)) {
        let mut read = creation::<R>(asked, seed);
        if context.is_some() {
            let mut misread = match read {
                Ok(planned) => {
                    Misread { rest: Some(Box::new(planned)), ..Violations::default().into() }
                }
                Err(misread) => misread,
            };
            let message = "the batch has one context for all items";
            misread.violations.add("context", "NOT_HERE", message);
            read = Err(misread);
        }
        batch.push((index, read));
    }
    let own = |planned: &Planned| planned.partition.unwrap_or(Partition::ROOT);
    let rest = |(_, read): &ReadItem| {
        let rest = read.as_ref().err()?.rest.as_deref();
        rest.filter(|planned| planned.is_placed).map(own)
    };
    let mut of_whole =
        batch.iter().filter_map(|(index, read)| Some((*index, own(read.as_ref().ok()?))));
    let first = of_whole.next().map(|(_, partition)| partition);
    if let Some((index, _)) = of_whole.find(|(_, partition)| Some(*partition) != first) {
        for (other, read) in batch.iter().take_while(|(other, _)| *other < index) {
            if let Err(misread) = read {
                take_over(&mut violations, &format!("requests[{other}]"), &misread.violations);
            }
        }
        let message = "all items of a batch belong to one partition";
        violations.add(format!("requests[{index}]"), "OTHER_PARTITION", message);
        return Err(violations);
    }
    let first = first.or_else(|| batch.iter().find_map(rest));
    for (_, read) in &mut batch {
        if let Err(misread) = read {
            // What is not known to belong anywhere is judged where the others belong.
            if let Some(planned) = misread.rest.as_mut().filter(|planned| !planned.is_placed) {
                planned.partition = first;
            } else {
                misread.rest.take_if(|planned| Some(own(planned)) != first);
            }
        }
    }
    Ok(batch)
}

/// A plan to register items, and the index in the request of each of them.
fn batch_plan(items: impl Iterator<Item = (u32, Planned)>, per_item: bool) -> (Plan, Vec<u32>) {
    let mut plan = Plan {
        command: Command::RegisterAll { items: Vec::new(), per_item },
        partition: Partition::ROOT,
        named: Vec::new(),
        needs_everything: false,
        needs_reason: false,
        warnings: Vec::new(),
    };
    let (mut registers, mut indexes) = (Vec::new(), Vec::new());
    for (index, planned) in items {
        plan.partition = planned.partition.unwrap_or(Partition::ROOT);
        plan.needs_everything |= planned.partition.is_none() && planned.is_placed;
        let named = planned.named.into_iter();
        plan.named.extend(named.map(|(field, id)| (format!("requests[{index}].{field}"), id)));
        registers.push(planned.register);
        indexes.push(index);
    }
    plan.command = Command::RegisterAll { items: registers, per_item };
    (plan, indexes)
}

/// A batch that is refused for some of its items.
fn misread_batch(batch: Vec<ReadItem>) -> Misread<Plan> {
    let mut violations = Violations::default();
    let mut items = Vec::new();
    for (index, read) in batch {
        let planned = read.map_or_else(
            |misread| {
                take_over(&mut violations, &format!("requests[{index}]"), &misread.violations);
                misread.rest.map(|rest| *rest)
            },
            Some,
        );
        items.extend(planned.map(|planned| (index, planned)));
    }
    if items.is_empty() {
        return violations.into();
    }
    let (plan, indexes) = batch_plan(items.into_iter(), false);
    Misread { rest: Some(Box::new(plan)), indexes, ..violations.into() }
}

/// An answer for each item, in the order of the request.
fn item_results(
    written: &Written,
    mut results: Vec<v1::ItemResult>,
    indexes: &[u32],
) -> Vec<v1::ItemResult> {
    let decided = &written.outcome.decided;
    let mut made = decided.subjects.iter();
    for (position, index) in (0_u32..).zip(indexes) {
        let record = decided.items.iter().find(|item| item.index == position);
        let refused = record.filter(|item| item.outcome == ItemOutcome::Refused);
        let (id, refusals) = match refused {
            Some(item) => (String::new(), common::item_refusals(&item.refusals)),
            None => (made.next().map(ToString::to_string).unwrap_or_default(), Vec::new()),
        };
        // What was only judged has no id.
        let id = if written.is_only_judged() { String::new() } else { id };
        results.push(v1::ItemResult { index: *index, id, refusals });
    }
    results.sort_by_key(|result| result.index);
    results
}
