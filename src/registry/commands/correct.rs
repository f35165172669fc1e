//! Saying that an entry was wrong.

use crate::{
    domain::{
        content::Content,
        plausibility,
        timeline::{Saying, Statement, Timeline},
    },
    kernel::{
        id::SubjectId,
        position::{Partition, Seq},
        time::{Day, ImpreciseDay},
    },
    registry::{
        command::Correct,
        commands::{
            change::{judge, not_before_it_begins, not_observed_before},
            claim,
            end::{EndedWith, ended_with},
            finding,
            gone::{self, WentWith, went_with},
            lived, order, plan, policy, report,
            rules::{
                homes, needs_reason, no_sweep, noted, real_subject, record_everywhere, settle,
                weigh,
            },
            work,
        },
        error::{Class, Error, Refusal},
        fact::{Fact, SourceRow},
        record::Record,
        tx::{Decided, Draft, Tx},
    },
};

/// Replaces the content of an entry in the place where it stands.
pub(crate) fn correct(tx: &mut Tx<'_, '_>, command: Correct) -> Result<Decided, Error> {
    let id = command.subject;
    let mut refusals = Vec::new();
    needs_reason(tx, &mut refusals);
    say_all(tx, vec![command], None, refusals)?;
    Ok(Decided { subjects: vec![id], ..Decided::default() })
}

/// Decides and records corrections of several entries, all of them or none; what is refused already
/// is told with the rest.
pub(crate) fn say_all(
    tx: &mut Tx<'_, '_>,
    commands: Vec<Correct>,
    source_row: Option<&SourceRow>,
    mut refusals: Vec<Refusal>,
) -> Result<(), Error> {
    let (mut decided, asked) = (Vec::new(), commands.len());
    for command in commands {
        let mut found = Vec::new();
        decided.extend(decide(tx, command, source_row.cloned(), &mut found)?);
        for refusal in found {
            if !refusals.contains(&refusal) {
                refusals.push(refusal);
            }
        }
    }
    settle(refusals)?;
    if decided.len() < asked {
        return Err(Error::Bug("a correction was neither decided nor refused".to_owned()));
    }
    for Correction { id, homes, draft, others } in decided {
        others.record_with(tx, &homes, id, draft)?;
    }
    Ok(())
}

/// A correction that was decided and is not recorded yet.
struct Correction {
    id: SubjectId,
    homes: Vec<Partition>,
    draft: Draft,
    others: Along,
}

/// Decides a correction and notes what is against it; `None` when nothing can stand in that place.
fn decide(
    tx: &mut Tx<'_, '_>,
    mut command: Correct,
    source_row: Option<SourceRow>,
    refusals: &mut Vec<Refusal>,
) -> Result<Option<Correction>, Error> {
    let id = command.subject;
    let record = real_subject(tx, id, command.etag, refusals)?;
    let statement = match &record {
        Some(record) => noted(wrong_one(&record.timeline, &command), refusals)?,
        None => None,
    };
    let statement = statement.cloned();
    if let (Some(record), Some(statement)) = (&record, &statement) {
        command = finding::corrected(tx, id, record, statement, command, refusals)?;
        policy::numbered_anew(statement, &record.timeline, &mut command);
        claim::prepared_anew(tx, statement, &record.timeline, &mut command)?;
    }
    let mut overridden = Vec::new();
    judge(tx, id, record.as_deref(), &command.content, refusals, &mut overridden)?;
    let (Some(record), Some(statement)) = (record, statement) else {
        days(tx, &command, refusals, &mut overridden);
        return Ok(None);
    };
    order::corrected(tx, &record, &statement, &command, refusals)?;
    let revised = revise(tx, &record, &statement, &command, refusals, &mut overridden)?;
    if let Some((fact, from, _)) = &revised {
        let after = after_correction(&record.timeline, &statement, fact, *from);
        lived::judge(tx, id, &record.timeline, &after, refusals)?;
        plan::beside(tx, id, &record.timeline, &after, refusals)?;
        report::corrected(tx, id, &after, refusals)?;
        policy::said(tx, &command.content, &record.timeline, &after, *from, refusals)?;
        claim::said(tx, id, &command.content, &after, "fields.step", refusals)?;
        work::moved(tx, id, &command.content, &after, refusals)?;
    }
    let Some((fact, from, others)) = revised else { return Ok(None) };

    let now = record.timeline.content_at(tx.today());
    let homes = homes(id, &now.unwrap_or_else(|| Content::empty(id.kind())));
    let draft = Draft {
        sentences: command.sentences,
        overridden,
        source_row,
        second_of_day: statement.second,
        order_key: statement.key,
        ..Draft::new(id.partition(), fact).from(from).correcting(vec![statement.seq])
    };
    Ok(Some(Correction { id, homes, draft, others }))
}

/// What cannot be of the days that a correction says, whatever it corrects.
fn days(
    tx: &Tx<'_, '_>,
    command: &Correct,
    refusals: &mut Vec<Refusal>,
    overridden: &mut Vec<String>,
) {
    let (content, today) = (Content::empty(command.subject.kind()), tx.today());
    let mut found = Vec::new();
    if let Some(exists_from) = command.exists_from {
        found.extend(plausibility::check_beginning(&content, exists_from, today));
    }
    if let Some(ended_on) = command.ended_on {
        found.extend(plausibility::check_end(&content, ended_on, today));
    }
    weigh(tx, "", found, refusals, overridden);
    if let Some(from) = command.from {
        not_observed_before(tx, &command.content, from, refusals);
    }
}

/// What stands in the place of a statement from now on: the fact, its first day, and what is said of
/// others. Notes what is against it; `None` when it cannot be corrected at all.
fn revise(
    tx: &mut Tx<'_, '_>,
    record: &Record,
    statement: &Statement,
    command: &Correct,
    refusals: &mut Vec<Refusal>,
    overridden: &mut Vec<String>,
) -> Result<Option<(Fact, Day, Along)>, Error> {
    let (id, today) = (command.subject, tx.today());
    Ok(Some(match statement.saying.clone() {
        Saying::Registered { exists_from, content } => {
            let said = exists_from;
            let exists_from = command.exists_from.unwrap_or(said);
            if exists_from != said {
                refusals.extend(began_with_another(record, id));
            }
            let content = laid(content, &command.content);
            let found = plausibility::check_beginning(&content, exists_from, today);
            weigh(tx, "", found, refusals, overridden);
            if command.from.is_some() {
                refusals.push(no_day("a registration holds since it exists: give exists_from"));
            }
            let from = exists_from.earliest();
            (Fact::Registered { subject: id, exists_from, content }, from, Along::default())
        }
        Saying::Changed(content) => {
            let content = laid(content, &command.content);
            let from = command.from.unwrap_or(statement.from);
            if from != statement.from && !content.references().is_empty() {
                // It moves on another day, which moves what is in it as well.
                let swept = no_sweep(tx, id.partition(), id);
                if !refusals.iter().any(|refusal| refusal.reason == "SWEEP_UNDER_WAY") {
                    noted(swept, refusals)?;
                }
            }
            not_observed_before(tx, &content, from, refusals);
            if command.from.is_some() {
                not_before_it_begins(record, from, refusals);
            }
            (Fact::Changed { subject: id, content }, from, Along::default())
        }
        Saying::Ended { day: said, cause } => {
            let day = command.ended_on.unwrap_or(said);
            let mut others = Along::default();
            if day != said
                && let Some(place) = record.timeline.place_of(statement.seq)
            {
                let ended = ended_with(tx, id, place)?;
                let holders = ended.iter().map(|other| other.id).chain([id]).collect::<Vec<_>>();
                let went = went_with(tx, &holders, place)?;
                others = Along::to(ended, went, place, said, day, today);
            }
            let now = record.timeline.content_at(today);
            let now = now.unwrap_or_else(|| Content::empty(id.kind()));
            weigh(tx, "", plausibility::check_end(&now, day, today), refusals, overridden);
            (Fact::Ended { subject: id, day, cause }, day.earliest(), others)
        }
        Saying::Succession { .. } | Saying::Retracted => {
            refusals.push(Refusal::rule(
                "NOT_CORRECTABLE",
                "entry",
                "a merge or split is retracted and made again; what was retracted is said anew",
            ));
            return Ok(None);
        }
    }))
}

/// A refusal of another beginning for what a merge or split made: it would be there beside what it
/// came from, or neither would be.
fn began_with_another(record: &Record, id: SubjectId) -> Option<Refusal> {
    let (_, edge) = record.timeline.edges().find(|(_, edge)| edge.into == id && edge.from != id)?;
    let (_, day) = record.timeline.registration()?;
    let message = format!(
        "it began on {day} by a merge or split with {}: that is retracted and made again",
        edge.from
    );
    Some(Refusal::rule("NOT_CORRECTABLE", "exists_from", message))
}

/// A life once a correction stands in the place of what it corrects.
fn after_correction(before: &Timeline, statement: &Statement, fact: &Fact, from: Day) -> Timeline {
    let saying = match fact.clone() {
        Fact::Registered { exists_from, content, .. } => {
            Saying::Registered { exists_from, content }
        }
        Fact::Changed { content, .. } => Saying::Changed(content),
        Fact::Ended { day, cause, .. } => Saying::Ended { day, cause },
        _ => return before.clone(),
    };
    let is_registration = matches!(saying, Saying::Registered { .. });
    let from = if is_registration { Day::MIN } else { from };
    let mut after = before.clone();
    after.push(Statement { seq: Seq::MAX, from, saying, ..statement.clone() }, &[statement.seq]);
    after
}

/// What is said of others because they ended with a subject whose end is corrected.
#[derive(Default)]
struct Along {
    /// What holds others first.
    drafts: Vec<Draft>,
    /// What is said about them.
    went: Vec<Draft>,
    /// Whether they live longer than was said.
    is_later: bool,
}

impl Along {
    /// What ended with a subject ended with it on the other day.
    fn to(
        others: Vec<EndedWith>,
        went: Vec<WentWith>,
        place: Seq,
        said: ImpreciseDay,
        day: ImpreciseDay,
        today: Day,
    ) -> Self {
        let draft = |other: EndedWith| {
            let fact = Fact::Ended { subject: other.id, day, cause: other.cause };
            Draft {
                basis: vec![place],
                second_of_day: other.statement.second,
                order_key: other.statement.key,
                ..Draft::new(other.id.partition(), fact)
                    .from(day.earliest())
                    .correcting(vec![other.statement.seq])
            }
        };
        let drafts = others.into_iter().map(draft).collect();
        let went = went.into_iter().filter_map(|other| {
            let Saying::Changed(content) = other.statement.saying else { return None };
            let draft = Draft {
                basis: vec![place],
                second_of_day: other.statement.second,
                order_key: other.statement.key,
                ..Draft::new(other.id.partition(), Fact::Changed { subject: other.id, content })
                    .from(gone::day_of(day, today))
                    .correcting(vec![other.statement.seq])
            };
            Some(draft)
        });
        let went = went.collect();
        Self { drafts, went, is_later: day.earliest() > said.latest() }
    }

    /// Records the correction and what goes along with it. What holds is there as long as what it
    /// holds, so that nothing contradicts it in between.
    fn record_with(
        mut self,
        tx: &mut Tx<'_, '_>,
        homes: &[Partition],
        id: SubjectId,
        draft: Draft,
    ) -> Result<(), Error> {
        for other in self.went {
            tx.accept(other)?;
        }
        if self.is_later {
            record_everywhere(tx, homes, id, draft)?;
            for other in self.drafts {
                tx.accept(other)?;
            }
            return Ok(());
        }
        self.drafts.reverse();
        for other in self.drafts {
            tx.accept(other)?;
        }
        record_everywhere(tx, homes, id, draft)?;
        Ok(())
    }
}

fn no_day(message: &str) -> Refusal {
    Refusal::of(Class::Invalid, "FROM_NOT_HERE", "from", message)
}

fn laid(mut content: Content, newer: &Content) -> Content {
    content.lay(newer);
    content
}

/// The statement that is wrong: the one that stands in the place of the entry named, or the newest
/// that says something about every field named.
fn wrong_one<'t>(timeline: &'t Timeline, command: &Correct) -> Result<&'t Statement, Error> {
    let found = match command.entry {
        Some(entry) => by_number(timeline, entry),
        None => by_fields(timeline, command),
    };
    let statement = found.ok_or_else(|| {
        let message = match command.entry {
            Some(entry) => format!("entry {entry} says nothing of this subject"),
            None => "no one entry of this subject says all that is to be corrected: name the entry"
                .to_owned(),
        };
        Error::refused(Refusal::of(Class::NotFound, "ENTRY_NOT_FOUND", "entry", message))
    })?;
    let fits = match &statement.saying {
        Saying::Registered { .. } => command.ended_on.is_none(),
        Saying::Changed(_) => command.exists_from.is_none() && command.ended_on.is_none(),
        Saying::Ended { .. } => command.content.is_empty() && command.exists_from.is_none(),
        _ => true,
    };
    if !fits {
        return Err(Error::refused(Refusal::of(
            Class::Invalid,
            "ENTRY_SAYS_OTHER",
            "entry",
            format!("entry {} does not say what is to be corrected", statement.seq),
        )));
    }
    Ok(statement)
}

fn by_number(timeline: &Timeline, entry: Seq) -> Option<&Statement> {
    timeline.standing_in(timeline.place_of(entry)?)
}

fn by_fields<'t>(timeline: &'t Timeline, command: &Correct) -> Option<&'t Statement> {
    if command.exists_from.is_some() {
        return timeline.registration().map(|(statement, _)| statement);
    }
    if command.ended_on.is_some() {
        let end = timeline.end()?;
        return timeline.statements().find(|statement| statement.seq == end.said_by);
    }
    let wanted = command.content.texts();
    if wanted.is_empty() {
        return None;
    }
    let mut says_all: Vec<&Statement> = Vec::new();
    for (statement, content) in timeline.contents() {
        let said = content.texts();
        if wanted.iter().all(|(field, _)| said.iter().any(|(name, _)| name == field)) {
            says_all.push(statement);
        }
    }
    // Nobody ever said it: then the registration should have.
    says_all.last().copied().or_else(|| {
        let nobody = wanted.iter().all(|(field, _)| {
            timeline
                .contents()
                .all(|(_, content)| content.texts().iter().all(|(name, _)| name != field))
        });
        nobody.then(|| timeline.registration().map(|(statement, _)| statement)).flatten()
    })
}
