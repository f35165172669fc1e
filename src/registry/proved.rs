//! Entries taken apart for whoever checks them without the registry: what the leaf binds, and
//! nothing beside it.

use prost::Message as _;

use crate::{
    domain::merkle,
    kernel::{
        hash::Hash,
        position::{Partition, Position},
        time::Stamp,
    },
    proto::fact as stored,
    registry::{
        entry::{Entry, Gone, gone},
        fact::Fact,
    },
};

/// An entry, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The bytes that the leaf is the hash of.
    pub envelope: Vec<u8>,
    /// The registry, by the envelope's word.
    pub registry: [u8; 16],
    /// Its partition and number, by the envelope's word.
    pub position: Position,
    /// Its stamp, by the envelope's word.
    pub stamp: Stamp,
    /// Its parts in the envelope's order.
    pub parts: Vec<OpenedPart>,
}

/// A part of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedPart {
    /// The number of its kind.
    pub kind: u32,
    /// The hash that stands for it in the envelope.
    pub hash: Hash,
    /// Its salt and content, unless it is withheld or blanked.
    pub shown: Option<([u8; 16], Vec<u8>)>,
    /// Whether it was overwritten for ever.
    pub is_blanked: bool,
}

impl OpenedPart {
    /// Whether what is shown is what the envelope says. True of what is not there.
    pub fn is_as_named(&self) -> bool {
        self.shown
            .as_ref()
            .is_none_or(|(salt, content)| merkle::part_hash(self.kind, salt, content) == self.hash)
    }
}

/// Why bytes are not taken for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEntry {
    /// They cannot be read.
    #[error("its bytes cannot be read")]
    Unreadable,
    /// The envelope names more or fewer parts than there are, shown or withheld.
    #[error("it does not have a part for each hash of its envelope")]
    PartCount,
    /// There is something that neither the envelope nor a hash in it binds.
    #[error("it has bytes that its leaf does not bind")]
    Unbound,
}

/// Takes an entry's bytes apart. Does not compare the parts with their hashes: see
/// [`OpenedPart::is_as_named`].
///
/// Refuses an entry that has not exactly one part for each hash of its envelope, and one with
/// anything outside the two: only the envelope is bound by the leaf.
pub fn open_entry(bytes: &[u8]) -> Result<Opened, NotAnEntry> {
    let entry = stored::Entry::decode(bytes).map_err(|_| NotAnEntry::Unreadable)?;
    if entry.encode_to_vec() != bytes {
        return Err(NotAnEntry::Unbound);
    }
    let envelope =
        stored::Envelope::decode(&entry.envelope[..]).map_err(|_| NotAnEntry::Unreadable)?;
    if envelope.parts.len() != entry.parts.len() {
        return Err(NotAnEntry::PartCount);
    }
    let mut parts = Vec::with_capacity(entry.parts.len());
    for (named, part) in envelope.parts.iter().zip(entry.parts) {
        let gone = gone(named.kind, &part);
        let shown = if gone.is_some() {
            None
        } else {
            let salt = part.salt.as_slice().try_into().map_err(|_| NotAnEntry::Unreadable)?;
            Some((salt, part.content))
        };
        let hash = Hash::from_slice(&named.hash).ok_or(NotAnEntry::Unreadable)?;
        let is_blanked = gone == Some(Gone::Blanked);
        parts.push(OpenedPart { kind: named.kind, hash, shown, is_blanked });
    }
    let partition = Partition::new(envelope.partition).ok_or(NotAnEntry::Unreadable)?;
    Ok(Opened {
        envelope: entry.envelope,
        registry: envelope.registry.try_into().map_err(|_| NotAnEntry::Unreadable)?,
        position: Position { partition, seq: envelope.seq },
        stamp: Stamp::from_micros(envelope.stamp_us),
        parts,
    })
}

/// What an entry says, as label and value for people.
pub fn sayings(entry: &Entry) -> Vec<(String, String)> {
    let mut says = Vec::new();
    let mut say = |label: &str, value: String| {
        if !value.is_empty() {
            says.push((label.to_owned(), value));
        }
    };
    let author = &entry.author;
    for (label, value) in [
        ("by", &author.subject),
        ("for", &author.person),
        ("as", &author.role),
        ("of", &author.institution),
    ] {
        say(label, value.clone());
    }
    if let Some(day) = entry.valid_from {
        say("from", day.to_string());
    }
    for link in &entry.subjects {
        let before = match link.previous_seq {
            0 => "its first entry".to_owned(),
            seq => format!("its entry {} after entry {seq}", link.entry_count),
        };
        say("about", format!("{}, {before}", link.subject));
    }
    if let Some(body) = &entry.body {
        say("fact", body.fact.word().to_owned());
        for (label, value) in said_by(&body.fact) {
            say(&label, value);
        }
        for subject in &entry.hidden.subjects {
            say("withheld", format!("what it says of {subject}"));
        }
    }
    if let Some(text) = &entry.text {
        say("reason", text.reason.clone());
    }
    says
}

fn said_by(fact: &Fact) -> Vec<(String, String)> {
    let line = |label: &str, value: String| (label.to_owned(), value);
    match fact {
        Fact::Registered { content, .. } | Fact::Changed { content, .. } => {
            let texts = content.texts().into_iter();
            let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
            texts.map(|(field, value)| (field, known(value))).collect()
        }
        Fact::Succession { edges, ended, .. } => {
            let edges = edges.iter().map(|edge| {
                let share = format!("{}/{}", edge.share_numerator, edge.share_denominator);
                line("edge", format!("{} to {}: {share}", edge.from, edge.into))
            });
            edges.chain(ended.iter().map(|subject| line("ends", subject.to_string()))).collect()
        }
        Fact::Retracted { subjects } => {
            subjects.iter().map(|subject| line("takes back", subject.to_string())).collect()
        }
        Fact::Erased { seq, order, ordered_by, .. } => vec![
            line("erases the text of", format!("entry {seq}")),
            line("order", order.clone()),
            line("ordered by", ordered_by.clone()),
        ],
        _ => Vec::new(),
    }
}
