//! Values of flags that are kept as they were typed, so that a wrong one does not hide what else is
//! wrong with the command line.

use std::{convert::Infallible, fmt::Display, str::FromStr};

use crate::cli::rest::Wrong;

/// A value of a flag, read when all of the line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed<T> {
    text: String,
    value: Result<T, String>,
}

impl<T: FromStr<Err: Display>> FromStr for Typed<T> {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let value = text.parse().map_err(|why| format!("{text:?}: {why}"));
        Ok(Self { text: text.to_owned(), value })
    }
}

impl<T: Clone> Typed<T> {
    /// The value. One that is wrong is noted by the field of the request that it is for.
    pub(crate) fn read(&self, field: &str, wrong: &mut Wrong) -> Option<T> {
        match &self.value {
            Ok(value) => Some(value.clone()),
            Err(why) => {
                wrong.add(field, "MALFORMED", why.clone());
                None
            }
        }
    }
}

impl<T: Clone + Display> Typed<T> {
    /// The value as the API has it. One that is wrong is noted, and stays as it was typed: where a
    /// field that is left out means something, the registry would judge that.
    pub(crate) fn text(&self, field: &str, wrong: &mut Wrong) -> String {
        self.read(field, wrong).map_or_else(|| self.text.clone(), |value| value.to_string())
    }
}

/// The same of a flag that may be left out.
pub(crate) fn text_of<T: Clone + Display>(
    typed: Option<&Typed<T>>,
    field: &str,
    wrong: &mut Wrong,
) -> String {
    typed.map(|typed| typed.text(field, wrong)).unwrap_or_default()
}
