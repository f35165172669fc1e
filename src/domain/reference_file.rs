//! Files of reference data: read from TOML, all that is wrong told at once.
//!
//! A file is an edition of a table: it has a name, an edition, a standing (in force, draft or
//! example) and the days on which it holds. A key that nobody asks for is a violation, so a
//! misspelt rule is never silently a missing one. Nothing here opens files.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::{
    domain::text::identity_violation,
    kernel::{
        limit::{IDENTIFIER_CHARS_MAX, TEXT_CHARS_MAX},
        time::Day,
        violation::Violations,
    },
};

/// Rows of one list of a reference file.
pub const ROWS_MAX: usize = 10_000;

/// How far a table may be relied on. Only what is in force may be printed as a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Standing {
    /// 施行
    InForce = 1,
    /// 征求意见稿
    Draft = 2,
    /// 示例: made up, to show the form.
    Example = 3,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 3] = [Self::InForce, Self::Draft, Self::Example];

    /// The word in files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::Draft => "draft",
            Self::Example => "example",
        }
    }
}

/// Which edition of which table, and when it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// The table.
    pub name: String,
    /// The edition; editions of one table differ in it.
    pub edition: String,
    /// How far it may be relied on.
    pub standing: Standing,
    /// The code of the region in and below which it holds; `None` wherever it is loaded.
    pub jurisdiction: Option<String>,
    /// The first day on which it holds.
    pub from: Day,
    /// The last day on which it holds; `None` when none is known.
    pub until: Option<Day>,
    /// Where it is from.
    pub source: String,
}

impl Edition {
    /// Whether it holds on `day`.
    pub fn holds_on(&self, day: Day) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }

    fn read(section: &mut Section<'_>, violations: &mut Violations) -> Option<Self> {
        let name = section.text("name", violations);
        let edition = section.text("edition", violations);
        let standing =
            section.word("standing", &Standing::ALL.map(|one| (one.word(), one)), violations);
        let jurisdiction = section.optional_text("jurisdiction", violations);
        let from = section.day("from", violations);
        let until = section.optional_day("until", violations);
        let source = section.text("source", violations);
        if let (Some(from), Some(until)) = (from, until)
            && until < from
        {
            let message = format!("it would end on {until}, before it begins on {from}");
            violations.add(section.path_of("until"), "OUT_OF_RANGE", message);
        }
        Some(Self {
            name: name?,
            edition: edition?,
            standing: standing?,
            jurisdiction,
            from: from?,
            until,
            source: source?,
        })
    }
}

/// Reads a file: its head, then whatever `body` asks for. Answers with every violation at once.
pub fn read<T>(
    text: &str,
    body: impl FnOnce(Edition, &mut Section<'_>, &mut Violations) -> Option<T>,
) -> Result<T, Violations> {
    let mut violations = Violations::default();
    let table = match toml::from_str::<Table>(text) {
        Ok(table) => table,
        Err(error) => {
            violations.add("", "MALFORMED", error.message());
            return Err(violations);
        }
    };
    let mut section = Section::new(String::new(), &table);
    let edition = Edition::read(&mut section, &mut violations);
    // The body is read below a head that stands in when the file's own is wrong, so that all
    // violations are told; what is built on it is then thrown away.
    let stand_in = edition.unwrap_or_else(|| Edition {
        name: String::new(),
        edition: String::new(),
        standing: Standing::Example,
        jurisdiction: None,
        from: Day::MIN,
        until: None,
        source: String::new(),
    });
    let built = body(stand_in, &mut section, &mut violations);
    section.finish(&mut violations);
    match built {
        Some(built) => violations.or(built),
        None => Err(violations),
    }
}

/// One table of a file, and which of its keys were asked for.
#[derive(Debug)]
pub struct Section<'t> {
    path: String,
    table: &'t Table,
    asked: BTreeSet<String>,
}

impl<'t> Section<'t> {
    const fn new(path: String, table: &'t Table) -> Self {
        Self { path, table, asked: BTreeSet::new() }
    }

    /// The path of a key in the file.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn get(&mut self, key: &str) -> Option<&'t Value> {
        self.asked.insert(key.to_owned());
        self.table.get(key)
    }

    fn required(&mut self, key: &str, violations: &mut Violations) -> Option<&'t Value> {
        let value = self.get(key);
        if value.is_none() {
            violations.add(self.path_of(key), "REQUIRED", "this is missing");
        }
        value
    }

    /// A text that must be there.
    pub fn text(&mut self, key: &str, violations: &mut Violations) -> Option<String> {
        let value = self.required(key, violations)?;
        read_text(&self.path_of(key), value, violations)
    }

    /// A text, if it is there.
    pub fn optional_text(&mut self, key: &str, violations: &mut Violations) -> Option<String> {
        let value = self.get(key)?;
        read_text(&self.path_of(key), value, violations)
    }

    /// One of several words.
    pub fn word<T: Copy>(
        &mut self,
        key: &str,
        words: &[(&str, T)],
        violations: &mut Violations,
    ) -> Option<T> {
        let text = self.text(key, violations)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            let message = format!("{text:?} is none of {known}");
            violations.add(self.path_of(key), "UNKNOWN_VALUE", message);
        }
        found
    }

    /// A day that must be there, as `2024-07-01`, in quotes or without.
    pub fn day(&mut self, key: &str, violations: &mut Violations) -> Option<Day> {
        self.required(key, violations)?;
        self.optional_day(key, violations)
    }

    /// A day, if it is there.
    pub fn optional_day(&mut self, key: &str, violations: &mut Violations) -> Option<Day> {
        let text = match self.get(key)? {
            Value::String(text) => text.clone(),
            Value::Datetime(moment) => moment.to_string(),
            other => other.type_str().to_owned(),
        };
        let read = text.parse::<Day>().map_err(|error| ("MALFORMED", error.to_string()));
        violations.take(&self.path_of(key), read)
    }

    /// A whole number within bounds, ends included, if it is there.
    pub fn optional_number(
        &mut self,
        key: &str,
        (least, most): (u32, u32),
        violations: &mut Violations,
    ) -> Option<u32> {
        let value = self.get(key)?;
        read_number(&self.path_of(key), value, (least, most), violations)
    }

    /// A list of whole numbers within bounds; none when it is not there.
    pub fn numbers(
        &mut self,
        key: &str,
        bounds: (u32, u32),
        violations: &mut Violations,
    ) -> Vec<u32> {
        let path = self.path_of(key);
        self.list(key, violations)
            .iter()
            .enumerate()
            .filter_map(|(at, value)| {
                read_number(&format!("{path}[{at}]"), value, bounds, violations)
            })
            .collect()
    }

    /// A list of texts without repetition; none when it is not there.
    pub fn texts(&mut self, key: &str, violations: &mut Violations) -> Vec<String> {
        let path = self.path_of(key);
        let mut texts: Vec<String> = Vec::new();
        for (at, value) in self.list(key, violations).iter().enumerate() {
            let path = format!("{path}[{at}]");
            match read_text(&path, value, violations) {
                Some(text) if texts.contains(&text) => {
                    violations.add(path, "REPEATED", format!("{text:?} is named twice"));
                }
                Some(text) => texts.push(text),
                None => {}
            }
        }
        texts
    }

    /// A table below this one, if it is there.
    pub fn section(&mut self, key: &str, violations: &mut Violations) -> Option<Section<'t>> {
        match self.get(key)? {
            Value::Table(table) => Some(Section::new(self.path_of(key), table)),
            other => {
                let message = format!("a table is asked for, not {}", other.type_str());
                violations.add(self.path_of(key), "MALFORMED", message);
                None
            }
        }
    }

    /// The tables of a list; none when it is not there.
    pub fn sections(&mut self, key: &str, violations: &mut Violations) -> Vec<Section<'t>> {
        let path = self.path_of(key);
        let mut sections = Vec::new();
        for (at, value) in self.list(key, violations).iter().enumerate() {
            let path = format!("{path}[{at}]");
            if let Value::Table(table) = value {
                sections.push(Section::new(path, table));
            } else {
                let message = format!("a table is asked for, not {}", value.type_str());
                violations.add(path, "MALFORMED", message);
            }
        }
        sections
    }

    fn list(&mut self, key: &str, violations: &mut Violations) -> &'t [Value] {
        match self.get(key) {
            None => &[],
            Some(Value::Array(values)) if values.len() <= ROWS_MAX => values,
            Some(Value::Array(values)) => {
                let message = format!("{} rows are more than {ROWS_MAX}", values.len());
                violations.add(self.path_of(key), "TOO_MANY", message);
                &[]
            }
            Some(other) => {
                let message = format!("a list is asked for, not {}", other.type_str());
                violations.add(self.path_of(key), "MALFORMED", message);
                &[]
            }
        }
    }

    /// Notes the keys that nobody asked for.
    pub fn finish(self, violations: &mut Violations) {
        for key in self.table.keys().filter(|key| !self.asked.contains(*key)) {
            violations.add(self.path_of(key), "UNKNOWN_PATH", "there is no such field here");
        }
    }
}

fn read_text(path: &str, value: &Value, violations: &mut Violations) -> Option<String> {
    let Value::String(text) = value else {
        let message = format!("a text is asked for, not {}", value.type_str());
        violations.add(path, "MALFORMED", message);
        return None;
    };
    let wrong = if text.trim().is_empty() {
        Some(("EMPTY", "the text has no characters".to_owned()))
    } else if text.chars().count() > TEXT_CHARS_MAX {
        Some(("TOO_LONG", format!("more than {TEXT_CHARS_MAX} characters")))
    } else if text.chars().any(char::is_control) {
        Some(("CONTROL_CHARACTER", "the text has a control character".to_owned()))
    } else {
        identity_violation(text).map(|reason| (reason, "the registry keeps no such number".into()))
    };
    violations.take(path, wrong.map_or_else(|| Ok(text.clone()), Err))
}

fn read_number(
    path: &str,
    value: &Value,
    (least, most): (u32, u32),
    violations: &mut Violations,
) -> Option<u32> {
    let Value::Integer(number) = value else {
        let message = format!("a whole number is asked for, not {}", value.type_str());
        violations.add(path, "MALFORMED", message);
        return None;
    };
    let read = u32::try_from(*number)
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| ("OUT_OF_RANGE", format!("{number} is not within {least} and {most}")));
    violations.take(path, read)
}

/// Whether a text can be a code: letters, digits, points, hyphens and underscores.
pub fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= IDENTIFIER_CHARS_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Violations as a test reads them: one line each.
#[cfg(test)]
pub(crate) fn told<T>(read: Result<T, Violations>) -> String {
    use std::fmt::Write as _;
    let Err(violations) = read else {
        return "read\n".to_owned();
    };
    violations.list().iter().fold(String::new(), |mut text, violation| {
        let field = if violation.field.is_empty() { "the file" } else { &violation.field };
        writeln!(text, "{field}: {} ({})", violation.reason, violation.message).unwrap();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn all_that_is_wrong_with_a_head_is_told_at_once() {
        let text = r#"
            edition = ""
            standing = "rumour"
            from = 2025-01-01
            until = "2024-01-01"
            source = "call 13800138000"
            form = "2025-01-01"
        "#;
        expect![[r#"
            name: REQUIRED (this is missing)
            edition: EMPTY (the text has no characters)
            standing: UNKNOWN_VALUE ("rumour" is none of in_force, draft, example)
            source: PHONE_NUMBER (the registry keeps no such number)
            until: OUT_OF_RANGE (it would end on 2024-01-01, before it begins on 2025-01-01)
            form: UNKNOWN_PATH (there is no such field here)
        "#]]
        .assert_eq(&told(read(text, |edition, _, _| Some(edition))));
    }

    #[test]
    fn what_is_no_toml_is_one_violation() {
        let read = read("name = ", |edition, _, _| Some(edition));
        assert!(told(read).starts_with("the file: MALFORMED"));
    }

    #[test]
    fn an_edition_holds_on_its_first_and_last_day_and_on_no_other() {
        let text = r#"
            name = "x"
            edition = "1"
            standing = "draft"
            from = 2025-01-01
            until = 2025-12-31
            source = "made up"
        "#;
        let edition = read(text, |edition, _, _| Some(edition)).unwrap();
        let holds = |text: &str| edition.holds_on(text.parse().unwrap());
        assert!(holds("2025-01-01") && holds("2025-12-31"));
        assert!(!holds("2024-12-31") && !holds("2026-01-01"));
    }
}
