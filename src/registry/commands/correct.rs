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
        time::ImpreciseDay,
    },
    registry::{
        command::Correct,
        commands::{
            change::judge,
            end::{EndedWith, ended_with},
            rules::{
                homes, no_sweep, not_in_error, reason_missing, record_everywhere, settle, subject,
                weigh,
            },
        },
        error::{Class, Error, Refusal},
        fact::{Fact, SourceRow},
        tx::{Decided, Draft, Tx},
    },
};

/// Replaces the content of an entry in the place where it stands.
pub(crate) fn correct(tx: &mut Tx<'_, '_>, command: Correct) -> Result<Decided, Error> {
    let id = command.subject;
    if tx.call.reason.is_empty() {
        return Err(Error::refused(reason_missing()));
    }
    say_all(tx, vec![command], None)?;
    Ok(Decided { subjects: vec![id], ..Decided::default() })
}

/// Decides and records corrections of several entries: all of them or none.
pub(crate) fn say_all(
    tx: &mut Tx<'_, '_>,
    commands: Vec<Correct>,
    source_row: Option<&SourceRow>,
) -> Result<(), Error> {
    let (mut decided, mut refusals) = (Vec::new(), Vec::<Refusal>::new());
    for command in commands {
        match decide(tx, command, source_row.cloned()) {
            Ok(correction) => decided.push(correction),
            Err(Error::Refused(found)) => {
                for refusal in found {
                    if !refusals.contains(&refusal) {
                        refusals.push(refusal);
                    }
                }
            }
            Err(error) => return Err(error),
        }
    }
    settle(refusals)?;
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

fn decide(
    tx: &mut Tx<'_, '_>,
    command: Correct,
    source_row: Option<SourceRow>,
) -> Result<Correction, Error> {
    let id = command.subject;
    let record = subject(tx, id, command.etag)?;
    not_in_error(id, &record)?;
    let statement = wrong_one(&record.timeline, &command)?.clone();
    let (mut refusals, mut overridden) = (Vec::new(), Vec::new());
    judge(tx, id, &record, &command.content, &mut refusals, &mut overridden)?;
    let (today, empty) = (tx.today(), || Content::empty(id.kind()));
    let mut others = Along::default();
    let (fact, from) = match statement.saying {
        Saying::Registered { exists_from, content } => {
            let exists_from = command.exists_from.unwrap_or(exists_from);
            let content = laid(content, &command.content);
            let found = plausibility::check_beginning(&content, exists_from, today);
            weigh(tx, "", found, &mut refusals, &mut overridden);
            if command.from.is_some() {
                refusals.push(no_day("a registration holds since it exists: give exists_from"));
            }
            (Fact::Registered { subject: id, exists_from, content }, exists_from.earliest())
        }
        Saying::Changed(content) => {
            let content = laid(content, &command.content);
            let from = command.from.unwrap_or(statement.from);
            if from != statement.from && !content.references().is_empty() {
                // It moves on another day, which moves what is in it as well.
                no_sweep(tx, id.partition(), id)?;
            }
            for (field, _) in content.texts() {
                if from > today && !plausibility::is_disposed(&field) {
                    refusals.push(Refusal::of(
                        Class::Invalid,
                        "FUTURE_DATE",
                        "from",
                        format!("{field} can only be observed, and {from} is still to come"),
                    ));
                }
            }
            (Fact::Changed { subject: id, content }, from)
        }
        Saying::Ended { day, cause } => {
            let said = day;
            let day = command.ended_on.unwrap_or(said);
            if day != said
                && let Some(place) = record.timeline.place_of(statement.seq)
            {
                others = Along::to(ended_with(tx, id, place)?, place, said, day);
            }
            let now = record.timeline.content_at(today);
            let found = plausibility::check_end(&now.unwrap_or_else(empty), day, today);
            weigh(tx, "", found, &mut refusals, &mut overridden);
            (Fact::Ended { subject: id, day, cause }, day.earliest())
        }
        Saying::Succession { .. } | Saying::Retracted => {
            return Err(Error::refused(Refusal::rule(
                "NOT_CORRECTABLE",
                "entry",
                "a merge or split is retracted and made again; what was retracted is said anew",
            )));
        }
    };
    settle(refusals)?;

    let now = record.timeline.content_at(today).unwrap_or_else(empty);
    let homes = homes(id, &now);
    let draft = Draft {
        sentences: command.sentences,
        overridden,
        source_row,
        second_of_day: statement.second,
        order_key: statement.key,
        ..Draft::new(id.partition(), fact).from(from).correcting(vec![statement.seq])
    };
    Ok(Correction { id, homes, draft, others })
}

/// What is said of others because they ended with a subject whose end is corrected.
#[derive(Default)]
struct Along {
    /// What holds others first.
    drafts: Vec<Draft>,
    /// Whether they live longer than was said.
    is_later: bool,
}

impl Along {
    /// What ended with a subject ended with it on the other day.
    fn to(others: Vec<EndedWith>, place: Seq, said: ImpreciseDay, day: ImpreciseDay) -> Self {
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
        Self { drafts, is_later: day.earliest() > said.latest() }
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
        Error::refused(Refusal::of(
            Class::NotFound,
            "ENTRY_NOT_FOUND",
            "entry",
            "no one entry of this subject says all that is to be corrected: name the entry",
        ))
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
