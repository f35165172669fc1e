//! Reports as they stand: the steps that they took, and what stands against their signatures.

use crate::{
    domain::{
        content::{Content, Fields},
        qualification::Objection,
        report::{ReportKind, State as Stand, Steps, state_on, steps_on},
        timeline::Timeline,
    },
    kernel::{id::SignerId, position::Partition, time::Answer},
    registry::{
        dossier::{Knowing, doubt, verdicts},
        error::Error,
        read::At,
        state::State,
    },
};

/// Where a report stands, and how well.
#[derive(Clone, Debug)]
pub struct ReportStand {
    /// Where it stands on the day of the read.
    pub state: Stand,
    /// The steps that it took by then.
    pub steps: Steps,
    /// Why it was returned, when it was.
    pub returned_because: String,
    /// Whether somebody signed who was not entitled to, by what was known.
    pub doubt: Answer,
    /// What stands against each signature.
    pub objections: Vec<(SignerId, Objection)>,
}

/// Which reports are asked for. What is empty is not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportsWanted {
    states: u8,
    kinds: u8,
}

/// The states of reports, by the words that answers have.
pub const REPORT_STATES: [&str; 6] =
    ["drafted", "signed", "submitted", "accepted", "returned", "superseded"];

impl ReportsWanted {
    /// Those in one of some states, by their places in [`REPORT_STATES`], and of one of some kinds.
    pub fn of(states: &[usize], kinds: &[ReportKind]) -> Self {
        Self {
            states: states.iter().fold(0, |set, state| set | 1 << state),
            kinds: kinds.iter().fold(0, |set, kind| set | 1 << (*kind as u8)),
        }
    }

    /// Whether a report is one of them.
    pub fn has(self, content: &Content, stand: &ReportStand) -> bool {
        let kind = match &content.fields {
            Fields::Report(report) => report.kind.flatten(),
            _ => None,
        };
        let state = REPORT_STATES.iter().position(|word| *word == stand.state.word());
        (self.states == 0 || state.is_some_and(|state| self.states & 1 << state != 0))
            && (self.kinds == 0 || kind.is_some_and(|kind| self.kinds & 1 << (kind as u8) != 0))
    }
}

/// How a subject that is a report stands; `None` for any other.
pub(crate) fn stand_of(
    state: &dyn State,
    partition: Partition,
    timeline: &Timeline,
    content: &Content,
    at: At,
) -> Result<Option<ReportStand>, Error> {
    let Fields::Report(fields) = &content.fields else { return Ok(None) };
    let stand = state_on(timeline, at.day);
    let knowing = Knowing::at(at.known);
    let doubt = doubt(state, fields, &stand, knowing)?;
    let steps = steps_on(timeline, at.day);
    let mut objections = Vec::new();
    if doubt != Answer::No
        && let Some((day, _)) = &steps.signed
    {
        for (signer, verdict) in verdicts(state, fields, *day, knowing)? {
            objections.extend(verdict.objections.into_iter().map(|found| (signer, found)));
        }
    }
    let mut returned_because = String::new();
    if matches!(stand, Stand::Returned { .. })
        && let Some(said) = timeline.said_by("judged", at.day)
    {
        let text = state.entry(partition, said.seq)?.text;
        returned_because = text.map(|text| text.reason).unwrap_or_default();
    }
    Ok(Some(ReportStand { state: stand, steps, returned_because, doubt, objections }))
}
