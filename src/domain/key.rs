//! Keys of what the rules of the check-up name and the registry does not keep yet.
//!
//! A key wraps the bits of an id, so that one kind of thing is never taken for another.

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
    /// Names a renovation project.
    ProjectKey
);
