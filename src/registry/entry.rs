//! Entries: a fact with who said it, when, and what it follows, as bytes that never change.
//!
//! The leaf of an entry is the hash of its envelope, and the envelope names its parts by salted
//! hashes: a part can be withheld or blanked, and the leaf and every proof still hold.

use prost::Message as _;

use crate::{
    domain::{author::Author, merkle},
    kernel::{
        hash::Hash,
        id::SubjectId,
        position::{Partition, Seq},
        time::{Day, Stamp},
    },
    proto::fact as stored,
    registry::{error::Error, fact::Body},
};

/// The version of the stored form.
const FORMAT: u32 = 1;
/// The part that holds the fact.
const PART_BODY: u32 = 1;
/// The part that holds free text.
const PART_TEXT: u32 = 2;

/// A subject of an entry and its entry before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The subject.
    pub subject: SubjectId,
    /// The number of its previous entry; 0 for none.
    pub previous_seq: Seq,
    /// The leaf of its previous entry.
    pub previous_leaf: Option<Hash>,
    /// How many entries it has, this one included.
    pub entry_count: u64,
}

/// Free text. Nothing is computed from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Why, in the caller's words.
    pub reason: String,
    /// Sentences about fields, by field.
    pub sentences: Vec<(String, String)>,
}

/// The caller's request: its id and the hash of what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestMark {
    /// The UUID's bytes.
    pub id: [u8; 16],
    /// SHA-256 of the request.
    pub hash: Hash,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The registry.
    pub registry: [u8; 16],
    /// The partition.
    pub partition: Partition,
    /// The number in the partition.
    pub seq: Seq,
    /// The registry's stamp.
    pub stamp: Stamp,
    /// The day from which the fact holds.
    pub valid_from: Option<Day>,
    /// The caller's time on that day, in seconds.
    pub second_of_day: Option<u32>,
    /// The caller's key that orders what is of the same day and time.
    pub order_key: Vec<u8>,
    /// Who said it.
    pub author: Author,
    /// The request; `None` for what the registry does by itself.
    pub request: Option<RequestMark>,
    /// The entries whose place it takes.
    pub corrects: Vec<Seq>,
    /// The entries on which the decision relied.
    pub basis: Vec<Seq>,
    /// Its subjects.
    pub subjects: Vec<Link>,
    /// The first entry of its command.
    pub command_seq: Seq,
    /// The fact; `None` when withheld.
    pub body: Option<Body>,
    /// The text; `None` when there is none or it is withheld.
    pub text: Option<Text>,
}

impl Entry {
    /// The bytes to keep, and the leaf. Salts are derived from `seed`, which is random and comes in
    /// with the command.
    pub fn encode(&self, seed: &[u8; 32]) -> (Vec<u8>, Hash) {
        let mut hashes = Vec::new();
        let mut parts = Vec::new();
        let mut put = |kind: u32, content: Vec<u8>| {
            let position = [self.partition.to_bytes().as_slice(), &self.seq.to_be_bytes()].concat();
            let mixed = Hash::of(&[seed, &position, &kind.to_le_bytes()]);
            let mut salt = [0; 16];
            for (to, from) in salt.iter_mut().zip(mixed.0) {
                *to = from;
            }
            let hash = merkle::part_hash(kind, &salt, &content);
            hashes.push(stored::PartHash { kind, hash: hash.0.to_vec() });
            parts.push(stored::Part { salt: salt.to_vec(), content });
        };
        if let Some(body) = &self.body {
            put(PART_BODY, body.encode());
        }
        if let Some(text) = &self.text {
            put(PART_TEXT, put_text(text).encode_to_vec());
        }
        let envelope = self.envelope(hashes).encode_to_vec();
        let leaf = merkle::leaf_hash(&envelope);
        (stored::Entry { envelope, parts }.encode_to_vec(), leaf)
    }

    fn envelope(&self, parts: Vec<stored::PartHash>) -> stored::Envelope {
        stored::Envelope {
            format: FORMAT,
            registry: self.registry.to_vec(),
            partition: self.partition.number(),
            seq: self.seq,
            stamp_us: self.stamp.micros(),
            valid_from: self.valid_from.map(Day::number),
            second_of_day: self.second_of_day,
            order_key: self.order_key.clone(),
            actor: Some(stored::Actor {
                subject: self.author.subject.clone(),
                person: self.author.person.clone(),
                role: self.author.role.clone(),
                institution: self.author.institution.clone(),
            }),
            request_id: self.request.map(|request| request.id.to_vec()).unwrap_or_default(),
            request_hash: self.request.map(|request| request.hash.0.to_vec()).unwrap_or_default(),
            corrects: self.corrects.clone(),
            basis: self.basis.clone(),
            subjects: self.subjects.iter().map(put_link).collect(),
            parts,
            command_seq: self.command_seq,
        }
    }

    /// Reads the bytes and checks every part that is there against its hash.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Hash), Error> {
        let unreadable = || Error::unreadable("an entry");
        let entry = stored::Entry::decode(bytes).map_err(|_| unreadable())?;
        let leaf = merkle::leaf_hash(&entry.envelope);
        let envelope = stored::Envelope::decode(&entry.envelope[..]).map_err(|_| unreadable())?;
        if envelope.format != FORMAT || envelope.parts.len() != entry.parts.len() {
            return Err(unreadable());
        }
        let (mut body, mut text) = (None, None);
        for (named, part) in envelope.parts.iter().zip(&entry.parts) {
            if part.salt.is_empty() && part.content.is_empty() {
                continue;
            }
            let salt = part.salt.as_slice().try_into().map_err(|_| unreadable())?;
            if merkle::part_hash(named.kind, salt, &part.content).0 != named.hash.as_slice() {
                return Err(Error::unreadable(format!(
                    "entry {}:{}, whose part does not have its hash",
                    envelope.partition, envelope.seq
                )));
            }
            match named.kind {
                PART_BODY => body = Some(Body::decode(&part.content)?),
                PART_TEXT => text = Some(read_text(&part.content).ok_or_else(unreadable)?),
                _ => {}
            }
        }
        Ok((read_envelope(envelope, body, text).ok_or_else(unreadable)?, leaf))
    }
}

/// The entry's bytes with every part withheld: the leaf still follows from them.
pub fn withhold(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut entry = stored::Entry::decode(bytes).map_err(|_| Error::unreadable("an entry"))?;
    for part in &mut entry.parts {
        *part = stored::Part::default();
    }
    Ok(entry.encode_to_vec())
}

/// The stamp alone, for finding a position by time.
pub(crate) fn stamp_of(bytes: &[u8]) -> Result<Stamp, Error> {
    let unreadable = || Error::unreadable("an entry");
    let entry = stored::Entry::decode(bytes).map_err(|_| unreadable())?;
    let envelope = stored::Envelope::decode(&entry.envelope[..]).map_err(|_| unreadable())?;
    Ok(Stamp::from_micros(envelope.stamp_us))
}

fn put_text(text: &Text) -> stored::Text {
    stored::Text {
        reason: text.reason.clone(),
        sentences: text
            .sentences
            .iter()
            .map(|(field, sentence)| stored::FieldSentence {
                field: field.clone(),
                sentence: sentence.clone(),
            })
            .collect(),
    }
}

fn read_text(content: &[u8]) -> Option<Text> {
    let text = stored::Text::decode(content).ok()?;
    Some(Text {
        reason: text.reason,
        sentences: text.sentences.into_iter().map(|s| (s.field, s.sentence)).collect(),
    })
}

fn put_link(link: &Link) -> stored::SubjectLink {
    stored::SubjectLink {
        subject: link.subject.to_bytes().to_vec(),
        previous_seq: link.previous_seq,
        previous_leaf: link.previous_leaf.map(|leaf| leaf.0.to_vec()).unwrap_or_default(),
        entry_count: link.entry_count,
    }
}

fn read_link(link: &stored::SubjectLink) -> Option<Link> {
    let previous_leaf = if link.previous_leaf.is_empty() {
        None
    } else {
        Some(Hash::from_slice(&link.previous_leaf)?)
    };
    Some(Link {
        subject: SubjectId::from_slice(&link.subject)?,
        previous_seq: link.previous_seq,
        previous_leaf,
        entry_count: link.entry_count,
    })
}

fn read_envelope(
    envelope: stored::Envelope,
    body: Option<Body>,
    text: Option<Text>,
) -> Option<Entry> {
    let request = if envelope.request_id.is_empty() {
        None
    } else {
        Some(RequestMark {
            id: envelope.request_id.try_into().ok()?,
            hash: Hash::from_slice(&envelope.request_hash)?,
        })
    };
    let actor = envelope.actor?;
    Some(Entry {
        registry: envelope.registry.try_into().ok()?,
        partition: Partition::new(envelope.partition)?,
        seq: envelope.seq,
        stamp: Stamp::from_micros(envelope.stamp_us),
        valid_from: match envelope.valid_from {
            Some(number) => Some(Day::from_number(number)?),
            None => None,
        },
        second_of_day: envelope.second_of_day,
        order_key: envelope.order_key,
        author: Author {
            subject: actor.subject,
            person: actor.person,
            role: actor.role,
            institution: actor.institution,
        },
        request,
        corrects: envelope.corrects,
        basis: envelope.basis,
        subjects: envelope.subjects.iter().map(read_link).collect::<Option<_>>()?,
        command_seq: envelope.command_seq,
        body,
        text,
    })
}
