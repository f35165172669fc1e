//! The words of a command line: of values that cannot be read all are told, and not the first alone,
//! at which the parser stops.

use std::ffi::{OsStr, OsString};

use clap::{
    Error, Parser as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::cli::Arguments;

/// Reads a command line.
pub fn parse(words: Vec<OsString>) -> Result<Arguments, Error> {
    let first = match Arguments::try_parse_from(&words) {
        Ok(arguments) => return Ok(arguments),
        Err(error) => error,
    };
    let told = told(words);
    if told.len() < 2 {
        return Err(first);
    }
    let told = told.join("\n       ");
    Err(Error::raw(first.kind(), format!("{told}\n\nFor more information, try '--help'.\n")))
}

/// What is said of each value that cannot be read, until something else is wrong with what is left.
fn told(mut words: Vec<OsString>) -> Vec<String> {
    let mut told = Vec::new();
    let mut is_shifted = false;
    while let Err(error) = Arguments::try_parse_from(&words) {
        let Some(taken) = take(&mut words, &error) else { break };
        // Those behind a word without a flag that was taken out stand in the place of others.
        if taken == Taken::Word && std::mem::replace(&mut is_shifted, true) {
            continue;
        }
        let sentence = error.render().to_string();
        let sentence = sentence.strip_prefix("error: ").unwrap_or(&sentence);
        told.push(sentence.split("\n\n").next().unwrap_or_default().to_owned());
    }
    told
}

/// What was taken out of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// A flag with its value.
    Flag,
    /// A word that has no flag before it.
    Word,
}

/// Takes the value that an error is about, with its flag, out of the words.
fn take(words: &mut Vec<OsString>, error: &Error) -> Option<Taken> {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return None;
    }
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let (of, value) = (context(ContextKind::InvalidArg)?, context(ContextKind::InvalidValue)?);
    let Some(flag) = of.split_whitespace().next().filter(|name| name.starts_with("--")) else {
        let place = words.iter().skip(1).position(|word| word == value)?;
        words.remove(place + 1);
        return Some(Taken::Word);
    };
    let in_one = OsString::from(format!("{flag}={value}"));
    if let Some(place) = words.iter().position(|word| *word == in_one) {
        words.remove(place);
        return Some(Taken::Flag);
    }
    let is_pair = |pair: &[OsString]| pair == [OsStr::new(flag), OsStr::new(value)];
    let place = words.windows(2).position(is_pair)?;
    words.drain(place..place + 2);
    Some(Taken::Flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(line: &str) -> String {
        let words = line.split(' ').map(OsString::from).collect();
        parse(words).err().map(|error| error.render().to_string()).unwrap_or_default()
    }

    #[test]
    fn every_value_that_cannot_be_read_is_told() {
        let told = told_of("anju get bld_1 --valid-at 2024-13-01 --min-commit=x --known-at soon");
        for (flag, value) in [
            ("[ID]", "bld_1"),
            ("--valid-at <DAY>", "2024-13-01"),
            ("--min-commit <PARTITION:SEQ>", "x"),
            ("--known-at <STAMP|SEQ>", "soon"),
        ] {
            assert!(told.contains(&format!("invalid value '{value}' for '{flag}'")), "{told}");
        }
        assert_eq!(told.matches("error: ").count(), 1, "{told}");
        // What stands in another's place now is not wrong by itself.
        let told = told_of("anju import rows a.csv --batch-rows many");
        assert!(told.contains("'rows'") && told.contains("'many'"), "{told}");
        assert!(!told.contains("a.csv"), "{told}");
        let told = told_of("anju get bld_1 --valid-at 2024-13-01 --min-commit=x --known-at soon");
        assert_eq!(told.matches("--help").count(), 1, "{told}");
    }

    #[test]
    fn one_alone_and_what_is_no_value_are_told_as_ever() {
        let as_ever = |line: &str| {
            let error = Arguments::try_parse_from(line.split(' ')).err();
            error.map(|error| error.render().to_string()).unwrap_or_default()
        };
        for line in [
            "anju get bld_01HF7YAT000000E0000000001A --valid-at x",
            "anju import rows a.csv",
            "anju get --nonsense",
            "anju frobnicate",
            "anju --help",
        ] {
            assert_eq!(told_of(line), as_ever(line), "{line}");
            assert!(!told_of(line).is_empty(), "{line}");
        }
        assert_eq!(told_of("anju get bld_01HF7YAT000000E0000000001A"), "");
    }
}
