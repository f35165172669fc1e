//! Loading editions of reference data.

use crate::{
    domain::{
        content::{Content, Fields},
        reference::ReferenceContent,
    },
    kernel::{
        id::{Kind, SubjectId},
        time::Day,
    },
    registry::{
        command::{Correct, Register},
        commands::{correct, register},
        error::{Class, Error, Refusal},
        subjects::Subjects,
        tx::{Decided, Tx},
    },
};

/// Loads an edition: the same text again is nothing new, another text is a correction or refused.
pub(crate) fn load(
    tx: &mut Tx<'_, '_>,
    edition: Register,
    is_correction: bool,
) -> Result<Decided, Error> {
    let Fields::Reference(said) = &edition.content.fields else {
        return Err(Error::Bug("what is loaded is no edition".to_owned()));
    };
    let said = said.clone();
    match (find(tx, &said)?, is_correction) {
        (Some((id, there)), _) if there.text == said.text && there.region == said.region => {
            Ok(Decided { subjects: vec![id], ..Decided::default() })
        }
        (Some((id, _)), true) => {
            let content = ReferenceContent {
                region: said.region,
                text: said.text,
                ..ReferenceContent::default()
            };
            let correct = Correct {
                subject: id,
                etag: None,
                entry: registration(tx, id)?,
                from: None,
                content: Content {
                    fields: Fields::Reference(content),
                    shared: crate::domain::content::Shared::default(),
                },
                exists_from: Some(edition.exists_from),
                ended_on: None,
                sentences: edition.sentences,
            };
            correct::correct(tx, correct)
        }
        (Some((id, _)), false) => Err(Error::refused(Refusal::of(
            Class::Conflict,
            "EDITION_EXISTS",
            "text",
            format!("{id} has this table, name and edition and says other than this file"),
        ))),
        (None, true) => Err(Error::refused(Refusal::of(
            Class::NotFound,
            "EDITION_MISSING",
            "correction",
            "no edition of this table, name and edition is there to be corrected",
        ))),
        (None, false) => register::one(tx, edition),
    }
}

fn registration(tx: &mut Tx<'_, '_>, id: SubjectId) -> Result<Option<u64>, Error> {
    let record = tx.work.known(id.partition(), id)?;
    Ok(record.and_then(|record| record.timeline.registration().map(|(first, _)| first.seq)))
}

/// The edition of the same table, name and edition that stands.
fn find(
    tx: &mut Tx<'_, '_>,
    said: &ReferenceContent,
) -> Result<Option<(SubjectId, ReferenceContent)>, Error> {
    let partition = tx.partition();
    let mut editions = Subjects::of_kind(partition, Kind::Reference);
    while let Some(id) = editions.next(tx.work)? {
        let Some(record) = tx.work.known(partition, id)? else { continue };
        let Some((_, _)) = record.timeline.registration() else { continue };
        let Some(Content { fields: Fields::Reference(there), .. }) =
            record.timeline.content_at(Day::MAX)
        else {
            continue;
        };
        let is_it =
            there.table == said.table && there.name == said.name && there.edition == said.edition;
        if is_it {
            return Ok(Some((id, there)));
        }
    }
    Ok(None)
}
