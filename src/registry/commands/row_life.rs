//! What rows of outside sources say of other days: what something was before, what it will be, and
//! what was taken out of it while it lived on.
//!
//! Something new begins with its whole life: what holds from the beginning is registered, what holds
//! from later days is said as changes, and all of it is judged at once. Of what is there already
//! nothing of this is taken but a split that nobody has said: where the registry has other values on
//! the days of a period, that is a conflict.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        content::Content,
        periods::differing,
        timeline::{Edge, Saying, Statement, Timeline},
    },
    kernel::{
        id::SubjectId,
        position::Seq,
        time::{Day, ImpreciseDay},
    },
    registry::{
        command::{ImportRow, RowPeriod},
        commands::{
            change::not_observed_before,
            import::{find, resolve_into, unknown},
            lineage::{alive_on, check_shares, is_there, succeed},
            register::Unresolved,
            row_end::{RowEnding, names},
            rules::{homes, record_everywhere},
            within::Within,
        },
        error::{Class, Error, Refusal},
        fact::{Conflict, Fact, SourceRow},
        read::level_of,
        record::Record,
        state::State,
        tx::{Draft, Tx},
    },
};

/// The field that says what it was before.
const EARLIER: &str = "earlier";
/// The field that says what it will be.
const LATER: &str = "later";
/// The field that says what was taken out.
const SPLIT_OFF: &str = "split_off";

/// What is said of a new subject beside its beginning, to be judged with it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Further<'a> {
    /// Of other days.
    pub life: Option<&'a RowDays>,
    /// Of its end.
    pub end: Option<&'a RowEnding>,
}

/// What was taken out of a subject, each with its share.
type Parts = Vec<(SubjectId, (u64, u64))>;

/// What a row says of other days, with what it names.
#[derive(Clone, Debug)]
pub(crate) struct RowDays {
    /// What the rest of the row says.
    base: Content,
    earlier: Vec<(Day, Content)>,
    later: Vec<(Day, Content)>,
    /// What was taken out, by the days.
    parts: BTreeMap<Day, Parts>,
}

/// All fields from a day on; without one from the beginning.
pub(crate) struct FieldsFrom {
    /// By what path a refusal names it: `fields.`, `earlier[0].fields.`.
    pub path: String,
    /// The path of the day.
    day_path: String,
    from: Option<Day>,
    /// The fields.
    pub content: Content,
    is_later: bool,
}

impl RowDays {
    /// What a row says of other days; tells what of it is not there, or not in reach, and what is
    /// wrong with it in itself. `None` when it says nothing of them.
    pub(crate) fn resolve(
        tx: &mut Tx<'_, '_>,
        source: &str,
        (row, base): (&ImportRow, &Content),
        within: &mut Within,
        unresolved: &mut Unresolved,
    ) -> Result<Option<Self>, Error> {
        if row.life.is_empty() {
            return Ok(None);
        }
        let mut periods = |name: &str, list: &[RowPeriod]| {
            let mut named = Vec::new();
            for (index, period) in list.iter().enumerate() {
                let mut content = period.content.clone();
                let said = (&mut content, period.references.as_slice());
                let path = format!("{name}[{index}].");
                resolve_into(tx, source, said, &path, within, unresolved)?;
                named.push((period.day, content));
            }
            Ok::<_, Error>(named)
        };
        let (earlier, later) =
            (periods(EARLIER, &row.life.earlier)?, periods(LATER, &row.life.later)?);
        let (kind, mut parts) = (row.content.kind(), BTreeMap::new());
        for (index, said) in row.life.split_off.iter().enumerate() {
            match find(tx, source, kind, &said.part)? {
                Some(id) if within.reaches(tx, id)? => {
                    let of_day: &mut Parts = parts.entry(said.day).or_default();
                    of_day.push((id, said.share));
                }
                found => {
                    let field = format!("{SPLIT_OFF}[{index}]");
                    let why = unknown(&field, kind, (&said.part, found), within);
                    unresolved.refusals.push(why);
                }
            }
        }
        let days = Self { base: base.clone(), earlier, later, parts };
        days.check(&mut unresolved.refusals);
        Ok(Some(days))
    }

    /// What is wrong with it in itself. What is not there is told already.
    fn check(&self, refusals: &mut Vec<Refusal>) {
        let mut before = None;
        for state in self.states() {
            if state.from.is_some() && state.from <= before {
                let message = "the days of what was before and will be later ascend";
                refusals.push(Refusal::of(Class::Invalid, "MALFORMED", &state.day_path, message));
            }
            before = state.from.or(before);
            if level_of(&state.content) != level_of(&self.base) {
                let field = format!("{}level", state.path);
                let message = "a region keeps its level: end it and create another";
                refusals.push(Refusal::of(Class::Invalid, "LEVEL", &field, message));
            }
        }
        for of_day in self.parts.values() {
            let distinct = of_day.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>().len();
            if distinct < of_day.len() {
                let message = "each part of a split is named once";
                refusals.push(Refusal::of(Class::Invalid, "SPLIT_PARTS", SPLIT_OFF, message));
            }
            let shares = of_day.iter().map(|(_, share)| *share).collect::<Vec<_>>();
            check_shares(SPLIT_OFF, &shares, true, refusals);
        }
    }

    /// The fields of all its days, in the order of the days.
    pub(crate) fn states(&self) -> Vec<FieldsFrom> {
        let path = |name: &str, index: usize| {
            (format!("{name}[{index}].fields."), format!("{name}[{index}].day"))
        };
        // What holds up to a day lies over what holds from it on.
        let mut content = self.base.clone();
        let mut before = Vec::new();
        for (index, (_, said)) in self.earlier.iter().enumerate().rev() {
            content.lay(said);
            before.push((index, content.clone()));
        }
        let (mut states, mut from, mut day_path) = (Vec::new(), None, String::new());
        for (index, content) in before.into_iter().rev() {
            let (fields, day) = path(EARLIER, index);
            states.push(FieldsFrom { path: fields, day_path, from, content, is_later: false });
            from = self.earlier.get(index).map(|(until, _)| *until);
            day_path = day;
        }
        let mut content = self.base.clone();
        let fields = "fields.".to_owned();
        let now = FieldsFrom { path: fields, day_path, from, content, is_later: false };
        content = now.content.clone();
        states.push(now);
        for (index, (day, said)) in self.later.iter().enumerate() {
            content.lay(said);
            let (path, day_path) = path(LATER, index);
            let (from, content) = (Some(*day), content.clone());
            states.push(FieldsFrom { path, day_path, from, content, is_later: true });
        }
        states
    }

    /// What holds from the beginning.
    pub(crate) fn first(&self) -> Content {
        let first = self.states().into_iter().next();
        let mut first = first.map_or_else(|| self.base.clone(), |first| first.content);
        // What was none before it had a value was never said.
        let texts = first.texts();
        let is_none =
            |field: &str| texts.iter().any(|(name, value)| name == field && value.is_none());
        if !self.earlier.is_empty() {
            first.retain(&|field| !is_none(field));
        }
        first
    }

    /// What is said from days on: the path of the day, the day, the fields, and whether that is later
    /// than what the rest of the row says.
    fn changes(&self) -> Vec<(String, Day, Content, bool)> {
        let states = self.states();
        let pairs = states.iter().zip(states.iter().skip(1));
        let changes = pairs.filter_map(|(before, after)| {
            let differing = differing(&after.content, &before.content);
            let mut content = after.content.clone();
            content.retain(&|field| differing.contains(field));
            let from = after.from.filter(|_| !content.is_empty())?;
            Some((after.day_path.clone(), from, content, after.is_later))
        });
        changes.collect()
    }

    /// Notes what is against its days.
    pub(crate) fn judge_days(
        &self,
        tx: &mut Tx<'_, '_>,
        exists_from: ImpreciseDay,
        refusals: &mut Vec<Refusal>,
    ) {
        for (path, from, content, _) in self.changes() {
            let mut own = Vec::new();
            not_observed_before(tx, &content, from, &mut own);
            if from < exists_from.earliest() {
                let message = format!("it is there since {exists_from}, and not on {from} yet");
                own.push(Refusal::rule("SAID_BEFORE_IT_BEGINS", &path, message));
            }
            refusals.extend(own.into_iter().map(|one| Refusal { field: path.clone(), ..one }));
        }
    }

    /// Lays what it says over the beginning of a life.
    pub(crate) fn lay_over(&self, id: SubjectId, timeline: &mut Timeline) {
        let statement =
            |from, saying| Statement { seq: Seq::MAX, from, second: None, key: Vec::new(), saying };
        for (_, from, content, _) in self.changes() {
            timeline.push(statement(from, Saying::Changed(content)), &[]);
        }
        for (day, edges) in self.splits(id) {
            timeline.push(statement(day, Saying::Succession { edges, ends: None }), &[]);
        }
    }

    /// Its splits, by the days.
    fn splits(&self, id: SubjectId) -> Vec<(Day, Vec<Edge>)> {
        let edge = |(into, (share_numerator, share_denominator)): &(SubjectId, (u64, u64))| Edge {
            from: id,
            into: *into,
            share_numerator: *share_numerator,
            share_denominator: *share_denominator,
        };
        let splits = self.parts.iter();
        splits.map(|(day, parts)| (*day, parts.iter().map(edge).collect())).collect()
    }

    /// Whether what was taken out is there on its day.
    pub(crate) fn go_on(
        &self,
        tx: &mut Tx<'_, '_>,
        id: SubjectId,
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), Error> {
        for (day, edges) in self.splits(id) {
            alive_on(tx, SPLIT_OFF, id, edges.iter().map(|edge| edge.into), day, refusals)?;
        }
        Ok(())
    }

    /// Records what holds from later days on, and what was taken out, of what has just begun.
    pub(crate) fn record_of_new(
        &self,
        tx: &mut Tx<'_, '_>,
        id: SubjectId,
        row: &SourceRow,
    ) -> Result<(), Error> {
        let homes = homes(id, &self.base);
        for (_, from, content, is_later) in self.changes() {
            // What its source says is what holds now, and not what was announced beside it.
            let said = is_later.then(|| self.base.clone());
            let source_row = Some(SourceRow { said, ..row.clone() });
            let fact = Fact::Changed { subject: id, content };
            let draft = Draft { source_row, ..Draft::new(id.partition(), fact).from(from) };
            record_everywhere(tx, &homes, id, draft)?;
        }
        record_splits(tx, id, self.splits(id))
    }

    /// Where the registry has it otherwise on the days of a period.
    pub(crate) fn conflicts(&self, record: &Record) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        let Some((first, beyond)) = record.timeline.possible_span() else { return conflicts };
        let segments = record.timeline.segments();
        let mut since = first;
        for (until, said) in &self.earlier {
            let span = (since, beyond.min(*until));
            let day = format!("until {until}");
            for segment in &segments {
                let lived =
                    (segment.from.max(span.0), segment.until.unwrap_or(Day::MAX).min(span.1));
                if lived.0 < lived.1 {
                    conflicts.extend(otherwise(EARLIER, &day, said, (lived.0, &segment.content)));
                }
            }
            since = since.max(*until);
        }
        for (from, said) in &self.later {
            let day = format!("from {from}");
            if let Some(content) = record.timeline.content_at(*from).filter(|_| *from < beyond) {
                conflicts.extend(otherwise(LATER, &day, said, (*from, &content)));
            }
        }
        // One that lasts is told once.
        let mut told = BTreeSet::new();
        conflicts.retain(|conflict| told.insert(conflict.row.clone()));
        conflicts
    }

    /// Of its splits those that are to be said of what is there: notes what is against them, and
    /// those that were taken back.
    pub(crate) fn fresh_splits(
        &self,
        tx: &mut Tx<'_, '_>,
        (id, record): (SubjectId, &Record),
        conflicts: &mut Vec<Conflict>,
        refusals: &mut Vec<Refusal>,
    ) -> Result<Vec<(Day, Vec<Edge>)>, Error> {
        let going_on = record.timeline.successions().filter(|(.., ends)| ends.is_none());
        let known =
            going_on.flat_map(|(said, edges, _)| edges.iter().map(|edge| (said.from, *edge)));
        let known = known.collect::<BTreeSet<_>>();
        let mut fresh = Vec::new();
        for (day, mut edges) in self.splits(id) {
            edges.retain(|edge| !known.contains(&(day, *edge)));
            if edges.is_empty() {
                continue;
            }
            let same = known.iter().filter(|(on, edge)| *on == day && edge.from == id);
            let has = same.map(|(_, edge)| *edge).collect::<BTreeSet<_>>();
            if !has.is_empty() || was_taken_back(tx, id, record, (day, &edges))? {
                let said = edges.into_iter().collect::<BTreeSet<_>>();
                let registry = (!has.is_empty()).then(|| format!("{day} {}", names(&has)));
                let row = Some(format!("{day} {}", names(&said)));
                conflicts.push(Conflict { field: SPLIT_OFF.to_owned(), row, registry });
                continue;
            }
            if !is_there(record, day) {
                let message = format!("{id} is not there on {day}");
                refusals.push(Refusal::rule("NOT_THERE", SPLIT_OFF, message));
            }
            alive_on(tx, SPLIT_OFF, id, edges.iter().map(|edge| edge.into), day, refusals)?;
            fresh.push((day, edges));
        }
        Ok(fresh)
    }
}

/// Records splits of a subject that lives on. No row stands in their entries, which are of others as
/// well.
pub(crate) fn record_splits(
    tx: &mut Tx<'_, '_>,
    id: SubjectId,
    splits: Vec<(Day, Vec<Edge>)>,
) -> Result<(), Error> {
    for (day, edges) in splits {
        let fact = Fact::Succession { split: true, edges, ended: Vec::new() };
        succeed(tx, id, fact, day, Vec::new())?;
    }
    Ok(())
}

/// The fields of a period of which something else stands in the registry from a day on.
fn otherwise(
    field: &str,
    day: &str,
    said: &Content,
    (from, stands): (Day, &Content),
) -> Vec<Conflict> {
    let differing = differing(said, stands);
    let registry = stands.texts();
    let said = said.texts().into_iter().filter(|(name, _)| differing.contains(name));
    let conflicts = said.map(|(name, value)| {
        let has = registry.iter().find(|(other, _)| *other == name);
        let has = has.and_then(|(_, value)| value.clone());
        let show = |value: Option<String>| value.unwrap_or_else(|| "(none)".to_owned());
        Conflict {
            field: field.to_owned(),
            row: Some(format!("{day} {name}={}", show(value))),
            registry: Some(format!("from {from} {name}={}", show(has))),
        }
    });
    conflicts.collect()
}

/// Whether somebody has said such a split before, and it was taken back.
fn was_taken_back(
    tx: &Tx<'_, '_>,
    id: SubjectId,
    record: &Record,
    (day, edges): (Day, &[Edge]),
) -> Result<bool, Error> {
    for place in record.timeline.places() {
        if place.statement.saying != Saying::Retracted || place.statement.from != day {
            continue;
        }
        let entry = tx.work.entry(id.partition(), place.seq)?;
        if let Some(Fact::Succession { edges: said, .. }) = entry.body.map(|body| body.fact)
            && edges.iter().any(|edge| said.contains(edge))
        {
            return Ok(true);
        }
    }
    Ok(false)
}
