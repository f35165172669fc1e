//! Who said something: the credential, and the person that the calling system vouches for.

use serde::{Deserialize, Serialize};

/// The roles of offices.
const OFFICES: [&str; 6] = [
    "registry",
    "operator",
    "municipal_operator",
    "district_operator",
    "community_committee",
    "grid_worker",
];

/// Stands in every entry. Rules of four eyes compare [`Author::same_person`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The credential's subject: an opaque key.
    pub subject: String,
    /// The person, an opaque key; empty when the credential is the person's own.
    pub person: String,
    /// The role in which it was said.
    pub role: String,
    /// The institution; may be empty.
    pub institution: String,
}

impl Author {
    /// The registry itself, for what it does unasked.
    pub fn registry() -> Self {
        Self { subject: "anju".to_owned(), role: "registry".to_owned(), ..Self::default() }
    }

    /// Whether it was said for a government office or a community, which put on record what others do.
    /// Whoever else says something says it of their own institution.
    pub fn is_of_office(&self) -> bool {
        OFFICES.contains(&self.role.as_str())
    }

    /// Whether both are, or may be, the same person.
    pub fn same_person(&self, other: &Self) -> bool {
        if self.person.is_empty() || other.person.is_empty() {
            self.subject == other.subject
        } else {
            self.person == other.person
        }
    }
}
