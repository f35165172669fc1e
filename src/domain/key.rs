//! Keys of what the rules of the check-up name, until each is told apart by its own kind of id.
//!
//! A key wraps the bits of an id, so that a body is never taken for a signer.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::id::RawId;

/// Declares the key of one kind of thing.
macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub RawId);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let number = u128::from_be_bytes(self.0.to_bytes());
                write!(f, concat!(stringify!($name), "({:x})"), number)
            }
        }
    };
}

key!(
    /// Names a body: an institution that inspects or appraises.
    BodyKey
);
key!(
    /// Names a signer: a person, by an opaque key.
    SignerKey
);
key!(
    /// Names a report.
    ReportKey
);
key!(
    /// Names a finding.
    FindingKey
);
key!(
    /// Names a renovation project.
    ProjectKey
);
