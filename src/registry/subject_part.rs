//! The parts of an entry that are about one of its subjects.
//!
//! Readers who reach one of two merged buildings are shown what became of that one. Put together,
//! the parts give back exactly the fact that was written; with some of them withheld, what the
//! others say of it.

use std::collections::BTreeMap;

use prost::Message as _;

use crate::{
    domain::timeline::Edge, kernel::id::SubjectId, proto::fact as stored, registry::fact::Fact,
};

/// What an entry has beside what is common to its subjects.
#[derive(Clone, Debug, Default)]
pub struct SubjectParts<'a> {
    /// Each subject that has a part, and the part unless it is withheld.
    pub parts: Vec<(SubjectId, Option<&'a [u8]>)>,
    /// How many subjects the entry has.
    pub subject_count: usize,
}

impl Fact {
    /// The stored forms of what it says of each of its subjects, in their order; none for facts
    /// that are about one subject by their nature.
    pub fn encode_parts(&self) -> Vec<Vec<u8>> {
        let part = |subject: SubjectId| match self {
            Self::Succession { edges, ended, .. } => {
                let edges = (1..).zip(edges).filter(|(_, edge)| touches(edge, subject));
                let ends_as = (1..).zip(ended).find(|(_, ended)| **ended == subject);
                stored::SubjectPart {
                    edges: edges.map(|(place, edge)| put_edge(place, *edge)).collect(),
                    ends_as: ends_as.map_or(0, |(place, _)| place),
                }
            }
            _ => stored::SubjectPart::default(),
        };
        match self {
            Self::Succession { .. } | Self::Retracted { .. } | Self::Erased { .. } => {
                self.subjects().into_iter().map(|subject| part(subject).encode_to_vec()).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl SubjectParts<'_> {
    /// The subjects whose part is shown. `None` when there is not a part for every subject.
    pub(crate) fn subjects(&self) -> Option<Vec<SubjectId>> {
        let shown = self.parts.iter().filter(|(_, part)| part.is_some());
        (self.parts.len() == self.subject_count)
            .then(|| shown.map(|(subject, _)| *subject).collect())
    }

    /// The subjects whose part is withheld.
    pub(crate) fn withheld(&self) -> Vec<SubjectId> {
        let withheld = self.parts.iter().filter(|(_, part)| part.is_none());
        withheld.map(|(subject, _)| *subject).collect()
    }

    /// A merge or split as far as it is shown. `None` when the parts are not those of one.
    pub(crate) fn succession(&self, split: bool) -> Option<Fact> {
        self.subjects()?;
        let (mut edges, mut ended) = (BTreeMap::new(), BTreeMap::new());
        let mut ends = 0;
        for (subject, content) in &self.parts {
            let Some(content) = content else { continue };
            let part = stored::SubjectPart::decode(*content).ok()?;
            for placed in part.edges {
                let edge = read_edge(&placed.edge?)?;
                // What two parts say of one edge is the same.
                let known = *edges.entry(placed.place).or_insert(edge);
                (known == edge && touches(&edge, *subject)).then_some(())?;
                ends += 1;
            }
            if part.ends_as > 0 {
                ended.insert(part.ends_as, *subject).is_none().then_some(())?;
            }
        }
        if self.withheld().is_empty() {
            let count = |edge: &Edge| if edge.from == edge.into { 1 } else { 2 };
            let is_whole = is_gapless(&edges)
                && is_gapless(&ended)
                && edges.values().map(count).sum::<usize>() == ends;
            is_whole.then_some(())?;
        }
        let (edges, ended) = (edges.into_values().collect(), ended.into_values().collect());
        Some(Fact::Succession { split, edges, ended })
    }
}

/// Whether the places are 1, 2, 3 …
fn is_gapless<T>(placed: &BTreeMap<u32, T>) -> bool {
    placed.keys().copied().eq((1..).take(placed.len()))
}

fn touches(edge: &Edge, subject: SubjectId) -> bool {
    edge.from == subject || edge.into == subject
}

fn put_edge(place: u32, edge: Edge) -> stored::PlacedEdge {
    let edge = stored::SuccessionEdge {
        from: edge.from.to_bytes().to_vec(),
        into: edge.into.to_bytes().to_vec(),
        share_numerator: edge.share_numerator,
        share_denominator: edge.share_denominator,
    };
    stored::PlacedEdge { place, edge: Some(edge) }
}

fn read_edge(edge: &stored::SuccessionEdge) -> Option<Edge> {
    Some(Edge {
        from: SubjectId::from_slice(&edge.from)?,
        into: SubjectId::from_slice(&edge.into)?,
        share_numerator: edge.share_numerator,
        share_denominator: edge.share_denominator,
    })
}
