//! Signatures, judged by the lives of signer and body.

use crate::{
    domain::{
        content::Fields,
        qualification::{Signing, Verdict, judge},
        timeline::Presence,
    },
    kernel::{
        id::{BodyId, SignerId, SubjectId},
        position::Position,
        time::{Answer, KnownAt, ReadTime},
    },
    registry::{
        engine::Registry,
        error::{Error, Refusal},
        read::see,
        state::{Durable, State as _},
    },
};

impl Registry {
    /// Judges a signature by all rules, as signer and body were on its day, as known at a moment.
    /// Refuses (`NOT_FOUND`) who was not known then, and a building that is not there.
    pub fn judge_signing(
        &self,
        signer: SignerId,
        body: BodyId,
        signing: Signing<'_>,
        known_at: KnownAt,
    ) -> Result<(Verdict, Position), Error> {
        let partition = SubjectId::from(signer).partition();
        let at = self.at(partition, ReadTime { valid_at: Some(signing.day), known_at })?;
        let state = Durable::new(self.store())?;
        let mut refusals = Vec::new();
        let mut seen = Vec::new();
        let named = [
            ("signer_id", SubjectId::from(signer)),
            ("body_id", body.into()),
            ("building_id", signing.building.into()),
        ];
        for (field, id) in named {
            if id.partition() != partition {
                let message = format!("{id} belongs to another partition than the signer");
                refusals.push(Refusal::rule("OTHER_PARTITION", field, message));
                continue;
            }
            match see(&state, partition, id, at)? {
                Some(found) => seen.push(found),
                None => refusals.push(Refusal::missing(field, id)),
            }
        }
        if !refusals.is_empty() {
            return Err(Error::Refused(refusals));
        }
        let mut seen = seen.into_iter();
        let (Some(of_signer), Some(of_body)) = (seen.next(), seen.next()) else {
            return Err(Error::Bug("signer and body were read and are not there".to_owned()));
        };
        let (Fields::Signer(signs), Fields::Body(answers)) =
            (of_signer.content.fields, of_body.content.fields)
        else {
            return Err(Error::Bug(format!("{signer} or {body} is of another kind")));
        };
        let verdict = judge(&signs.judged_as(signer), &answers.judged_as(body), signing)
            .with_presence(is_there(of_signer.presence), is_there(of_body.presence));
        let seq = match at.known {
            Some(known) => known,
            None => state.meta(partition)?.seq,
        };
        Ok((verdict, Position { partition, seq }))
    }
}

const fn is_there(presence: Presence) -> Answer {
    match presence {
        Presence::Exists => Answer::Yes,
        Presence::Unknown => Answer::Unknown,
        Presence::NotYet | Presence::Ended | Presence::EnteredInError => Answer::No,
    }
}
