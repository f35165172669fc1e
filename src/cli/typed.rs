//! Values of flags that are kept as they were typed, so that a wrong one does not hide what else is
//! wrong with the command line.

use std::{convert::Infallible, fmt::Display, str::FromStr};

use crate::cli::rest::Wrong;

/// A value of a flag, read when all of the line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed<T>(Result<T, String>);

impl<T: FromStr<Err: Display>> FromStr for Typed<T> {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.parse().map_err(|why| format!("{text:?}: {why}"))))
    }
}

impl<T: Copy> Typed<T> {
    /// The value. One that is wrong is noted by the field of the request that it is for.
    pub(crate) fn read(&self, field: &str, wrong: &mut Wrong) -> Option<T> {
        match &self.0 {
            Ok(value) => Some(*value),
            Err(why) => {
                wrong.add(field, "MALFORMED", why.clone());
                None
            }
        }
    }
}
