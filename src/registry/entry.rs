//! Entries: a fact with who said it, when, and what it follows, as bytes that never change.
//!
//! The leaf of an entry is the hash of its envelope, and the envelope names its parts by salted
//! hashes: a part can be withheld or blanked, and the leaf and every proof still hold. What a fact
//! about several subjects says of one is a part of its own.
//!
//! Who is withheld a subject's part still sees the envelope's link to it: an opaque id, which says
//! the kind and when and where the subject was born, how many entries it has, and which was the one
//! before. Without that nobody could check that a history has no gap.

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
    registry::{error::Error, fact::Body, subject_part::SubjectParts},
};

/// The version of the stored form.
const FORMAT: u32 = 1;
/// The part that holds the fact.
const PART_BODY: u32 = 1;
/// The part that holds free text.
pub(crate) const PART_TEXT: u32 = 2;
/// A part that holds what is said of one subject.
const PART_SUBJECT: u32 = 3;

/// Bytes of a part's salt.
const SALT_BYTES: usize = 16;
/// Zeros at the begin of a blanked part's salt.
pub(crate) const SALT_ZEROS: usize = 12;

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

/// What an entry has and its bytes do not show, beside a fact that is withheld.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// The subjects whose part is withheld.
    pub subjects: Vec<SubjectId>,
    /// Where the text is, if there is one.
    pub text: Option<Gone>,
}

/// Why a part is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It is kept from the reader.
    Withheld,
    /// It was overwritten for ever.
    Blanked,
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
    /// The fact, as far as it is shown; `None` when withheld.
    pub body: Option<Body>,
    /// The text; `None` when there is none or it is not shown.
    pub text: Option<Text>,
    /// What is not shown.
    pub hidden: Hidden,
}

impl Entry {
    /// The bytes to keep, and the leaf. Salts are derived from `seed`, which is random and comes in
    /// with the command.
    pub fn encode(&self, seed: &[u8; 32]) -> (Vec<u8>, Hash) {
        let mut hashes = Vec::new();
        let mut parts = Vec::new();
        let mut put = |kind: u32, subject: u32, content: Vec<u8>| {
            let position = [self.partition.to_bytes().as_slice(), &self.seq.to_be_bytes()].concat();
            let which = [kind.to_le_bytes(), subject.to_le_bytes()].concat();
            let mixed = Hash::of(&[seed, &position, &which]);
            let mut salt = [0; SALT_BYTES];
            for (to, from) in salt.iter_mut().zip(mixed.0) {
                *to = from;
            }
            let hash = merkle::part_hash(kind, &salt, &content);
            hashes.push(stored::PartHash { kind, hash: hash.0.to_vec(), subject });
            parts.push(stored::Part { salt: salt.to_vec(), content });
        };
        if let Some(body) = &self.body {
            put(PART_BODY, 0, body.encode());
            for (subject, content) in (1..).zip(body.fact.encode_parts()) {
                put(PART_SUBJECT, subject, content);
            }
        }
        if let Some(text) = &self.text {
            put(PART_TEXT, 0, put_text(text).encode_to_vec());
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
        let subjects = envelope.subjects.iter().map(read_link).collect::<Option<Vec<_>>>();
        let subjects = subjects.ok_or_else(unreadable)?;
        let (mut body, mut text, mut hidden) = (None, None, Hidden::default());
        let mut of_subjects =
            SubjectParts { parts: Vec::new(), subject_count: envelope.subjects.len() };
        for (named, part) in envelope.parts.iter().zip(&entry.parts) {
            let gone = gone(named.kind, part);
            if gone.is_none() {
                check_part(&envelope, named, part)?;
            }
            let shown = gone.is_none().then_some(part.content.as_slice());
            match (named.kind, shown) {
                (PART_BODY, shown) => body = shown,
                (PART_TEXT, Some(content)) => {
                    text = Some(read_text(content).ok_or_else(unreadable)?);
                }
                (PART_TEXT, None) => hidden.text = gone,
                (PART_SUBJECT, shown) => {
                    // One for each subject, in their order.
                    let at = of_subjects.parts.len();
                    let link = subjects.get(at).filter(|_| is_place(named.subject, at));
                    of_subjects.parts.push((link.ok_or_else(unreadable)?.subject, shown));
                }
                _ => {}
            }
        }
        hidden.subjects = of_subjects.withheld();
        let body = body.map(|content| Body::decode(content, &of_subjects)).transpose()?;
        let read = read_envelope(envelope, subjects, (body, text, hidden));
        Ok((read.ok_or_else(unreadable)?, leaf))
    }

    /// Whether everything is there that the state follows from: all but free text.
    pub fn is_whole(&self) -> bool {
        self.body.is_some() && self.hidden.subjects.is_empty()
    }
}

/// Whether and why the content of a part is not there.
pub(crate) fn gone(kind: u32, part: &stored::Part) -> Option<Gone> {
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    if part.salt.is_empty() && part.content.is_empty() {
        return Some(Gone::Withheld);
    }
    let is_blank = kind == PART_TEXT
        && part.salt.len() == SALT_BYTES
        && part.salt.get(..SALT_ZEROS).is_some_and(is_zero)
        && !part.content.is_empty()
        && is_zero(&part.content);
    is_blank.then_some(Gone::Blanked)
}

/// Whether this is the number, counted from 1, of what stands at `at`, counted from 0.
fn is_place(number: u32, at: usize) -> bool {
    usize::try_from(number).is_ok_and(|number| number == at + 1)
}

fn check_part(
    envelope: &stored::Envelope,
    named: &stored::PartHash,
    part: &stored::Part,
) -> Result<(), Error> {
    let salt = part.salt.as_slice().try_into().map_err(|_| Error::unreadable("an entry"))?;
    if merkle::part_hash(named.kind, salt, &part.content).0 != named.hash.as_slice() {
        return Err(Error::unreadable(format!(
            "entry {}:{}, whose part does not have its hash",
            envelope.partition, envelope.seq
        )));
    }
    Ok(())
}

/// The entry's bytes with every part withheld: the leaf still follows from them.
pub fn withhold(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    show(bytes, &[])
}

/// The entry's bytes for a reader who reaches only these of its subjects: the parts of others are
/// withheld, and every part when it reaches none. The leaf still follows from them.
pub fn show(bytes: &[u8], reached: &[SubjectId]) -> Result<Vec<u8>, Error> {
    let unreadable = || Error::unreadable("an entry");
    let mut entry = stored::Entry::decode(bytes).map_err(|_| unreadable())?;
    let envelope = stored::Envelope::decode(&entry.envelope[..]).map_err(|_| unreadable())?;
    let is_reached = |link: &stored::SubjectLink| {
        SubjectId::from_slice(&link.subject).is_some_and(|subject| reached.contains(&subject))
    };
    let is_any_reached = envelope.subjects.iter().any(is_reached);
    // A part that no hash names is none to be shown.
    let named = envelope.parts.iter().map(Some).chain(std::iter::repeat(None));
    for (part, named) in entry.parts.iter_mut().zip(named) {
        let is_shown = named.is_some_and(|named| match named.kind {
            PART_BODY | PART_TEXT => is_any_reached,
            PART_SUBJECT => {
                let at = usize::try_from(named.subject).ok().and_then(|at| at.checked_sub(1));
                at.and_then(|at| envelope.subjects.get(at)).is_some_and(is_reached)
            }
            _ => false,
        });
        if !is_shown {
            *part = stored::Part::default();
        }
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
    subjects: Vec<Link>,
    (body, text, hidden): (Option<Body>, Option<Text>, Hidden),
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
        subjects,
        command_seq: envelope.command_seq,
        body,
        text,
        hidden,
    })
}
