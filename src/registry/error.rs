//! Why a command or a read was not done, before any transport.

use std::time::Duration;

use crate::{kernel::violation::Violations, store::StoreError};

/// A rule said no. The reason is stable and listed in `docs/reasons.md`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// For example `IDENTIFIER_TAKEN`.
    pub reason: String,
    /// The field of the request that it is about; may be empty.
    pub field: String,
    /// One English sentence.
    pub message: String,
    /// What the refusal amounts to.
    pub class: Class,
}

/// The few kinds of refusals that callers treat differently. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// The request itself is wrong.
    Invalid = 1,
    /// The request does not fit what is recorded.
    Precondition = 2,
    /// Something that it names is not there.
    NotFound = 3,
    /// Something came between; ask again.
    Conflict = 4,
    /// It is there already.
    AlreadyExists = 5,
    /// The caller does not reach what it names.
    OutOfReach = 6,
}

impl Class {
    /// The class with this stored number; what is unknown is a failed precondition.
    pub fn from_number(number: u32) -> Self {
        [Self::Invalid, Self::NotFound, Self::Conflict, Self::AlreadyExists, Self::OutOfReach]
            .into_iter()
            .find(|class| *class as u32 == number)
            .unwrap_or(Self::Precondition)
    }
}

impl Refusal {
    /// A refusal of a rule.
    pub fn rule(reason: &str, field: &str, message: impl Into<String>) -> Self {
        Self::of(Class::Precondition, reason, field, message)
    }

    /// A refusal of any class.
    pub fn of(class: Class, reason: &str, field: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), field: field.to_owned(), message: message.into(), class }
    }

    /// Something named is not there.
    pub fn missing(field: &str, what: impl std::fmt::Display) -> Self {
        Self::of(Class::NotFound, "NOT_FOUND", field, format!("{what} is not in the registry"))
    }
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input cannot be read.
    #[error("the request is not valid: {0}")]
    Invalid(Violations),
    /// Rules say no; all of them that do.
    #[error("refused: {}", .0.first().map_or("", |refusal| refusal.message.as_str()))]
    Refused(Vec<Refusal>),
    /// The writers have too much to do; ask again after this time.
    #[error("the queue of commands is full")]
    Busy(Duration),
    /// The store, or the wait for it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A value of the state is not what it must be: the state must be computed again.
    #[error("the state is damaged: {0} cannot be read")]
    StateDamaged(String),
    /// The registry is stopping or not ready.
    #[error("the registry is not available: {0}")]
    Unavailable(String),
    /// A read asks for more than was known in time.
    #[error("the registry has not reached {0}")]
    NotReached(String),
    /// A bug: the command panicked, or state is not what it must be.
    #[error("internal: {0}")]
    Bug(String),
}

impl Error {
    /// One refusal.
    pub fn refused(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }

    /// Something in the journal that cannot be read.
    pub fn unreadable(what: impl std::fmt::Display) -> Self {
        Self::Store(StoreError::Damage {
            place: what.to_string(),
            what: "its bytes cannot be read".to_owned(),
        })
    }
}

impl Error {
    /// Something in the state that is not what it must be.
    pub(crate) fn damaged_state(what: impl std::fmt::Display) -> Self {
        Self::StateDamaged(what.to_string())
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal)
    }
}
