//! Open notices in the order of the days on which they were served: what the list of findings by
//! age reads.
//!
//! A finding stands below each holder of its building by the day of its first open notice, as long as
//! that is open and the building there. The rows are written with those of the due list, by the same
//! comparison; what is over by the passing of days alone is passed over by who reads them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        checkup::{Dossier, Span},
        tables::Tables,
        totals::Targets,
    },
    kernel::{
        id::{BuildingId, FindingId, Kind, SubjectId},
        limit,
        page::{Page, PageRequest},
        position::{Partition, Position},
        time::{Day, KnownAt, ReadTime},
    },
    registry::{
        engine::Registry,
        error::Error,
        findings::{FindingSeen, FindingsWanted, Walk},
        merged::Merged,
        parts::Stated,
        record::read,
        recount::Recount,
        reference,
        space::{Space, subject_key},
        state::{Live, State},
    },
    store::Key,
};

/// The first and the last of some days.
type Days = (Option<Day>, Option<Day>);

/// Spans of one finding that are kept.
const SPANS_MAX: usize = 64;

/// How long a finding stands at a place of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NoticeRow {
    /// From this day on …
    pub from: Day,
    /// … to the day before this one.
    pub until: Option<Day>,
    /// Whether it is only this holder's.
    pub is_local: bool,
}

/// The begin of the keys of the open notices of a holder.
fn prefix(partition: Partition, holder: SubjectId) -> Key {
    subject_key(partition, Space::Notice, holder)
}

/// The places of a building's findings in the list of open notices.
pub(crate) fn rows(
    building: BuildingId,
    dossier: &Dossier,
    tables: &Tables,
) -> BTreeMap<Key, NoticeRow> {
    let mut rows = BTreeMap::new();
    let notices = dossier.notices(tables);
    if notices.is_empty() {
        return rows;
    }
    let targets = Targets::of(&dossier.building);
    let days = targets.days().collect::<Vec<_>>();
    let mut counts: BTreeMap<FindingId, usize> = BTreeMap::new();
    for notice in notices {
        for (nth, from) in days.iter().enumerate() {
            let held = Span { from: *from, until: days.get(nth + 1).copied() };
            let Some(part) = notice.span.within(held) else { continue };
            for target in targets.on(*from) {
                let count = counts.entry(notice.finding).or_default();
                let Ok(number) = u8::try_from(*count) else { continue };
                if *count >= SPANS_MAX {
                    continue;
                }
                *count += 1;
                let mut key = prefix(building.partition(), target.node);
                key.extend_from_slice(&notice.served_on.to_bytes());
                key.extend_from_slice(&SubjectId::from(notice.finding).to_bytes());
                key.push(number);
                // Below one holder it may stand once for each building that its own became.
                key.extend_from_slice(&SubjectId::from(building).to_bytes());
                let (from, until) = (part.from, part.until);
                rows.insert(key, NoticeRow { from, until, is_local: target.local });
            }
        }
    }
    rows
}

/// The days on which notices were served whose age lies in a span that begins with so many days, by
/// any edition; `None` for a bound that there is not.
fn served(tables: &Tables, bucket_from_days: u32, today: Day) -> Days {
    let before = |days: u32| {
        let number = i32::try_from(days).ok().and_then(|days| today.number().checked_sub(days));
        number.and_then(Day::from_number)
    };
    let spans = tables
        .findings()
        .map(|catalogue| catalogue.bucket(bucket_from_days))
        .filter(|bucket| bucket.from_days == bucket_from_days);
    let mut oldest: Option<Day> = before(bucket_from_days);
    for span in spans {
        match span.to_days.map(before) {
            Some(Some(day)) => oldest = oldest.map(|oldest| oldest.min(day)),
            Some(None) | None => oldest = None,
        }
    }
    (oldest, before(bucket_from_days))
}

/// The same in a partition.
fn served_in(
    state: &dyn State,
    partition: Partition,
    bucket_from_days: Option<u32>,
    today: Day,
) -> Result<Days, Error> {
    let Some(from_days) = bucket_from_days else { return Ok((None, None)) };
    let tables = reference::known(state, partition, None)?;
    Ok(served(&tables, from_days, today))
}

/// Refuses `SWEEP_UNDER_WAY` while buildings of some holders, those below `asked`, are being counted
/// anew, and may stand elsewhere in a list of today.
pub(crate) fn not_being_counted(
    state: &dyn State,
    asked: SubjectId,
    holders: &[(Partition, SubjectId)],
    today: Day,
) -> Result<(), Error> {
    let partitions = holders.iter().map(|(partition, _)| *partition).collect::<BTreeSet<_>>();
    for partition in partitions {
        let Some(recount) = Recount::under_way(state, partition)? else { continue };
        let its = holders.iter().copied().filter(|(of, _)| *of == partition);
        if recount.concerns_any(state, asked, &its.collect::<Vec<_>>(), today)? {
            return Err(recount.refusal());
        }
    }
    Ok(())
}

impl Registry {
    /// Findings with an open notice below a compound or region, the oldest notice first, as of now,
    /// with the positions of all partitions that they lie in. Refuses `SWEEP_UNDER_WAY` while they
    /// are being counted anew.
    pub(crate) fn list_aged(
        &self,
        of: SubjectId,
        wanted: &FindingsWanted,
        page: &PageRequest,
    ) -> Result<(Page<FindingSeen>, Vec<Position>), Error> {
        let live = Live(self.store());
        let today = self.now().day();
        let is_wanted = |value: &[u8], is_asked: bool| {
            let row: NoticeRow = read(value)?;
            let is_now = row.from <= today && row.until.is_none_or(|until| today < until);
            Ok(is_now && (!row.is_local || is_asked))
        };
        let mut lists = Merged::new(&live, &is_wanted);
        let mut days: BTreeMap<Partition, Days> = BTreeMap::new();
        let mut stated = Stated::default();
        let nodes = self.nodes_then(of, ReadTime::NOW, &mut stated)?;
        let holders = self.holders(of, today)?;
        not_being_counted(&live, of, &holders, today)?;
        for (partition, holder) in holders {
            let served_on = if let Some(served_on) = days.get(&partition) {
                *served_on
            } else {
                // At least this much is in the answer.
                self.stated(partition, KnownAt::Now, &mut stated)?;
                served_in(&live, partition, wanted.bucket_from_days, today)?
            };
            days.insert(partition, served_on);
            lists.add(&prefix(partition, holder), served_on, &page.after, holder == of)?;
        }
        let mut walk = Walk::new(&live, wanted);
        let (mut rows, mut next, mut looked) = (Vec::new(), None, 0);
        while let Some(found) = lists.next()? {
            if rows.len() >= page.rows || looked >= limit::FOLDS_PER_PAGE_MAX {
                return Ok((Page { rows, next }, stated.positions()));
            }
            looked += 1;
            if let Some(id) = finding_at(&found.place)
                && let Some((at, nodes)) = nodes.get(&id.partition())
            {
                rows.extend(walk.look(id, nodes, *at)?);
            }
            next = Some(found.place);
        }
        Ok((Page { rows, next: None }, stated.positions()))
    }
}

/// Reads the finding of a place: day, finding, number.
fn finding_at(place: &[u8]) -> Option<FindingId> {
    let subject = SubjectId::from_slice(place.get(4..4 + SubjectId::BYTES)?)?;
    (subject.kind() == Kind::Finding).then_some(subject)?.try_into().ok()
}
