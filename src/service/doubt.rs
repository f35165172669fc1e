//! What a write about a signer or a body puts in doubt, told with its answer.

use tonic::Status;

use crate::{
    kernel::{
        id::{Kind, SubjectId},
        limit,
        page::PageRequest,
        time::{Answer, KnownAt, ReadTime},
    },
    registry::{ListOf, ReportsWanted, Seen},
    service::{Way, Written, status},
};

/// Reports of a signer or body that are looked at for one answer.
const LOOKED_MAX: usize = 2_000;
/// Reports that a warning names; how many more there are it counts.
const NAMED_MAX: usize = 5;

impl Written {
    /// Warns of the reports that are in doubt by this write about a signer or a body, and were not
    /// before. What the caller does not reach is not told.
    pub(crate) fn warn_of_doubt(&mut self, way: &Way) -> Result<(), Status> {
        let Some(id) = self.about.filter(|_| !self.is_only_judged) else { return Ok(()) };
        let Some(first) = self.outcome.entries.first().copied() else { return Ok(()) };
        let day = Some(self.outcome.stamp.day());
        let [before, after] = [first.saturating_sub(1), self.outcome.position.seq]
            .map(|seq| ReadTime { valid_at: day, known_at: KnownAt::Seq(seq) });
        let registry = way.registry();
        let (mut named, mut count, mut looked) = (Vec::new(), 0_usize, 0_usize);
        let mut page = PageRequest { rows: limit::VIEW_ROWS_MAX, after: Vec::new() };
        let is_all = loop {
            let of = match id.kind() {
                Kind::Signer | Kind::Body => ListOf::Reports(id, ReportsWanted::of(&[], &[])),
                _ => break true,
            };
            let found = registry.noticed(registry.list(of, after, &page));
            let found = found.map_err(status::status)?;
            looked += found.rows.len();
            for report in found.rows.iter().filter(|report| is_doubted(report)) {
                let was = registry.noticed(registry.get(report.id, before));
                let was_doubted = was.is_ok_and(|was| is_doubted(&was));
                if !was_doubted && way.reaches(report.id)? {
                    count += 1;
                    named.extend((named.len() < NAMED_MAX).then_some(report.id));
                }
            }
            match found.next {
                Some(next) if looked < LOOKED_MAX => page.after = next,
                next => break next.is_none(),
            }
        };
        if count > 0 {
            self.warn("REPORTS_IN_DOUBT", &told(count, &named, is_all));
        }
        Ok(())
    }
}

/// Whether a report is, or may be, in doubt.
fn is_doubted(report: &Seen) -> bool {
    report.report_stand.as_deref().is_some_and(|stand| stand.doubt != Answer::No)
}

fn told(count: usize, named: &[SubjectId], is_all: bool) -> String {
    let told = named.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let at_least = if is_all { "" } else { "at least " };
    let are = if count == 1 { "report is" } else { "reports are" };
    let more = match count.saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{at_least}{count} {are} in doubt by this: {told}{more}")
}
