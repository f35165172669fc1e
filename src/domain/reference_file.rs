//! Files of reference data: read from TOML, all that is wrong told at once.
//!
//! A file is an edition of a table. All have the same head: which kind of table it is, its name and
//! edition, what it is worth, where and on which days it holds, and where it is from
//! (`data/reference/README.md`). A key that nobody asks for is a violation, so a misspelt rule is
//! never silently a missing one. Nothing here opens files.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use toml::Value;

use crate::{
    domain::text::identity_violation,
    kernel::{
        limit::{IDENTIFIER_CHARS_MAX, NAME_CHARS_MAX, SCHEME_CHARS_MAX, TEXT_CHARS_MAX},
        time::Day,
        violation::Violations,
    },
};

/// Bytes of a reference file.
pub const FILE_BYTES_MAX: usize = 256 * 1024;
/// Rows of one list of a reference file.
pub const ROWS_MAX: usize = 10_000;
/// Notes of one file, and values of one list of codes or words.
pub const LIST_MAX: usize = 50;
/// Characters of a code: a table's name and edition, and what a file calls its rows and values.
pub const CODE_CHARS_MAX: usize = 60;

/// Which kind of table a file is. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Table {
    /// 体检周期: how often buildings are checked.
    Cycle = 1,
    /// What can be found, and what follows.
    Findings = 2,
    /// The scales on which buildings are graded.
    Grades = 3,
    /// The colours that a city gives to grades.
    Colours = 4,
    /// The check characters of house codes (房屋代码).
    HouseCodeCheck = 5,
    /// 保险产品: insurance products and their clauses.
    Products = 6,
}

impl Table {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Cycle,
        Self::Findings,
        Self::Grades,
        Self::Colours,
        Self::HouseCodeCheck,
        Self::Products,
    ];

    /// The word in files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cycle => "cycle",
            Self::Findings => "findings",
            Self::Grades => "grades",
            Self::Colours => "colours",
            Self::HouseCodeCheck => "house_code_check",
            Self::Products => "products",
        }
    }

    /// The kind with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|table| *table as u32 == number)
    }
}

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

/// An outside code of a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RegionCode {
    /// Its scheme, for example `stats12`.
    pub scheme: String,
    /// The code, as it is on the first day on which the table holds.
    pub code: String,
}

/// The head of a file: which edition of which table, where and when it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// Which kind of table.
    pub table: Table,
    /// The table's name, which all its editions have.
    pub name: String,
    /// The edition; editions of one table differ in it.
    pub edition: String,
    /// Its title, as people know it.
    pub title: Option<String>,
    /// How far it may be relied on.
    pub standing: Standing,
    /// The region in and below which it holds; `None` wherever it is loaded.
    pub jurisdiction: Option<RegionCode>,
    /// The first day on which it holds.
    pub from: Day,
    /// The last day on which it holds; `None` when none is known.
    pub until: Option<Day>,
    /// Where it is from.
    pub source: String,
    /// What a reader has to know of it.
    pub notes: Vec<String>,
}

impl Edition {
    /// Whether it holds on `day`.
    pub fn holds_on(&self, day: Day) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }

    /// The first day on which it holds no more; `None` when it holds for as long as days are kept.
    pub fn over_on(&self) -> Option<Day> {
        self.until.filter(|until| *until < Day::MAX).map(Day::next)
    }

    /// Where it comes among editions that begin on one day: digits count as numbers, so that `10`
    /// follows `9`.
    pub fn in_order(&self) -> (String, &str) {
        let mut key = String::new();
        let mut digits = String::new();
        for letter in self.edition.chars().chain(['\0']) {
            if letter.is_ascii_digit() {
                digits.push(letter);
                continue;
            }
            if !digits.is_empty() {
                // As wide as a code can be.
                let number = std::mem::take(&mut digits);
                key.extend(std::iter::repeat_n('0', CODE_CHARS_MAX.saturating_sub(number.len())));
                key.push_str(&number);
            }
            key.push(letter);
        }
        (key, &self.edition)
    }

    fn read(
        table: Option<Table>,
        section: &mut Section<'_>,
        violations: &mut Violations,
    ) -> Option<Self> {
        let name = section.code("name", violations);
        let edition = section.code("edition", violations);
        let title = section.optional_text_within("title", NAME_CHARS_MAX, violations);
        let standing =
            section.word("standing", &Standing::ALL.map(|one| (one.word(), one)), violations);
        let jurisdiction = section.below("jurisdiction", violations, read_region);
        let from = section.day("from", violations);
        let until = section.optional_day("until", violations);
        let source = section.text("source", violations);
        let notes = section.texts_within("notes", (LIST_MAX, TEXT_CHARS_MAX), violations);
        if let (Some(from), Some(until)) = (from, until)
            && until < from
        {
            let message = format!("it would end on {until}, before it begins on {from}");
            violations.add(section.path_of("until"), "OUT_OF_RANGE", message);
        }
        Some(Self {
            table: table?,
            name: name?,
            edition: edition?,
            title,
            standing: standing?,
            jurisdiction,
            from: from?,
            until,
            source: source?,
            notes,
        })
    }

    /// What a body is read below when the file's own head is wrong.
    const fn stand_in(table: Table) -> Self {
        Self {
            table,
            name: String::new(),
            edition: String::new(),
            title: None,
            standing: Standing::Example,
            jurisdiction: None,
            from: Day::MIN,
            until: None,
            source: String::new(),
            notes: Vec::new(),
        }
    }
}

fn read_region(section: &mut Section<'_>, violations: &mut Violations) -> Option<RegionCode> {
    let scheme = section.text_within("scheme", SCHEME_CHARS_MAX, violations);
    let code = section.text_within("code", IDENTIFIER_CHARS_MAX, violations);
    Some(RegionCode { scheme: scheme?, code: code? })
}

fn read_table(section: &mut Section<'_>, violations: &mut Violations) -> Option<Table> {
    section.word("table", &Table::ALL.map(|one| (one.word(), one)), violations)
}

/// What can be read of a head, the whole of which may be wrong: by which edition of what it would be,
/// and where and since when it would hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Which kind of table.
    pub table: Option<Table>,
    /// The table's name.
    pub name: Option<String>,
    /// The edition.
    pub edition: Option<String>,
    /// The region in and below which it holds; `None` also where it could not be read.
    pub jurisdiction: Option<RegionCode>,
    /// The first day on which it holds.
    pub from: Option<Day>,
}

/// Reads what can be read of a head. What is wrong with it is told by the table's own reader.
pub fn sketch(text: &str) -> Sketch {
    let Ok(file) = parse(text) else { return Sketch::default() };
    let mut section = Section::new(String::new(), &file);
    let told_elsewhere = &mut Violations::default();
    Sketch {
        table: read_table(&mut section, told_elsewhere),
        name: section.code("name", told_elsewhere),
        edition: section.code("edition", told_elsewhere),
        jurisdiction: section.below("jurisdiction", told_elsewhere, read_region),
        from: section.day("from", told_elsewhere),
    }
}

/// Reads the head of a file and nothing else, so that a loader knows which table it is of. What is
/// wrong with the rest, keys that nobody knows among it, is told by that table's own reader.
pub fn head(text: &str) -> Result<Edition, Violations> {
    let file = parse(text)?;
    let mut violations = Violations::default();
    let mut section = Section::new(String::new(), &file);
    let table = read_table(&mut section, &mut violations);
    match Edition::read(table, &mut section, &mut violations) {
        Some(edition) => violations.or(edition),
        None => Err(violations),
    }
}

/// Reads a file of one kind of table: its head, then whatever `body` asks for. Answers with every
/// violation at once; of a file of another table, `OTHER_TABLE` and what is wrong with its head.
pub fn read<T>(
    text: &str,
    table: Table,
    body: impl FnOnce(Edition, &mut Section<'_>, &mut Violations) -> Option<T>,
) -> Result<T, Violations> {
    let file = parse(text)?;
    let mut violations = Violations::default();
    let mut section = Section::new(String::new(), &file);
    let named = read_table(&mut section, &mut violations);
    let edition = Edition::read(named, &mut section, &mut violations);
    if let Some(named) = named.filter(|named| *named != table) {
        let (named, asked) = (named.word(), table.word());
        let message = format!("this is a file of the table {named}; one of {asked} is asked for");
        violations.add("table", "OTHER_TABLE", message);
        return Err(violations);
    }
    // The body is read below a head that stands in when the file's own is wrong, so that all
    // violations are told; what is built on it is then thrown away.
    let edition = edition.unwrap_or_else(|| Edition::stand_in(table));
    let built = body(edition, &mut section, &mut violations);
    section.finish(&mut violations);
    match built {
        Some(built) => violations.or(built),
        None => Err(violations),
    }
}

fn parse(text: &str) -> Result<toml::Table, Violations> {
    let mut violations = Violations::default();
    if text.len() > FILE_BYTES_MAX {
        violations.add("", "TOO_LONG", format!("a file has at most {FILE_BYTES_MAX} bytes"));
        return Err(violations);
    }
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let message = format!("line {line} is no TOML: {}", error.message());
        violations.add("", "MALFORMED", message);
        violations
    })
}

/// One table of a file, and which of its keys were asked for.
#[derive(Debug)]
pub struct Section<'t> {
    path: String,
    table: &'t toml::Table,
    asked: BTreeSet<String>,
}

impl<'t> Section<'t> {
    const fn new(path: String, table: &'t toml::Table) -> Self {
        Self { path, table, asked: BTreeSet::new() }
    }

    /// The path of this table in the file; empty for the file itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path of a key in the file.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Whether the key is there, be its value good or bad.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether the key is not there, or is a list of nothing.
    pub fn lacks(&self, key: &str) -> bool {
        match self.table.get(key) {
            Some(Value::Array(values)) => values.is_empty(),
            value => value.is_none(),
        }
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
        self.text_within(key, TEXT_CHARS_MAX, violations)
    }

    /// A text, if it is there.
    pub fn optional_text(&mut self, key: &str, violations: &mut Violations) -> Option<String> {
        self.optional_text_within(key, TEXT_CHARS_MAX, violations)
    }

    /// A text of at most [`CODE_CHARS_MAX`] characters that must be there.
    pub fn code(&mut self, key: &str, violations: &mut Violations) -> Option<String> {
        self.text_within(key, CODE_CHARS_MAX, violations)
    }

    /// A code of letters, digits, points, hyphens and underscores that must be there.
    pub fn symbol(&mut self, key: &str, violations: &mut Violations) -> Option<String> {
        let code = self.code(key, violations)?;
        let message =
            format!("{code:?} is not made of letters, digits, points, hyphens, underscores");
        let read = if is_code(&code) { Ok(code) } else { Err(("MALFORMED", message)) };
        violations.take(&self.path_of(key), read)
    }

    fn text_within(
        &mut self,
        key: &str,
        chars_max: usize,
        violations: &mut Violations,
    ) -> Option<String> {
        self.required(key, violations)?;
        self.optional_text_within(key, chars_max, violations)
    }

    fn optional_text_within(
        &mut self,
        key: &str,
        chars_max: usize,
        violations: &mut Violations,
    ) -> Option<String> {
        let value = self.get(key)?;
        read_text(&self.path_of(key), value, chars_max, violations)
    }

    /// One of several words; one must be there.
    pub fn word<T: Copy, W: AsRef<str>>(
        &mut self,
        key: &str,
        words: &[(W, T)],
        violations: &mut Violations,
    ) -> Option<T> {
        self.required(key, violations)?;
        self.optional_word(key, words, violations)
    }

    /// One of several words, if it is there.
    pub fn optional_word<T: Copy, W: AsRef<str>>(
        &mut self,
        key: &str,
        words: &[(W, T)],
        violations: &mut Violations,
    ) -> Option<T> {
        let text = self.optional_text_within(key, CODE_CHARS_MAX, violations)?;
        known_word(&self.path_of(key), &text, words, violations)
    }

    /// Some of several words; none when the list is not there. One that is there has at least one.
    pub fn words<T: Copy + Ord, W: AsRef<str>>(
        &mut self,
        key: &str,
        words: &[(W, T)],
        violations: &mut Violations,
    ) -> BTreeSet<T> {
        let path = self.path_of(key);
        if self.has(key) && self.lacks(key) {
            violations.add(&path, "EMPTY", "a list here has at least one value");
        }
        let texts = self.texts_within(key, (LIST_MAX, CODE_CHARS_MAX), violations);
        texts.iter().filter_map(|text| known_word(&path, text, words, violations)).collect()
    }

    /// True or false, if it is there.
    pub fn optional_switch(&mut self, key: &str, violations: &mut Violations) -> Option<bool> {
        let value = self.get(key)?;
        if value.as_bool().is_none() {
            let message = format!("true or false is asked for, not {}", value.type_str());
            violations.add(self.path_of(key), "MALFORMED", message);
        }
        value.as_bool()
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

    /// A whole number within bounds, ends included, that must be there.
    pub fn number(
        &mut self,
        key: &str,
        bounds: (u32, u32),
        violations: &mut Violations,
    ) -> Option<u32> {
        self.required(key, violations)?;
        self.optional_number(key, bounds, violations)
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
        self.list(key, ROWS_MAX, violations)
            .iter()
            .enumerate()
            .filter_map(|(at, value)| {
                read_number(&format!("{path}[{at}]"), value, bounds, violations)
            })
            .collect()
    }

    /// A list of texts without repetition; none when it is not there.
    pub fn texts(&mut self, key: &str, violations: &mut Violations) -> Vec<String> {
        self.texts_within(key, (ROWS_MAX, TEXT_CHARS_MAX), violations)
    }

    /// A list of codes without repetition, at most [`LIST_MAX`]; none when it is not there.
    pub fn codes(&mut self, key: &str, violations: &mut Violations) -> Vec<String> {
        self.texts_within(key, (LIST_MAX, CODE_CHARS_MAX), violations)
    }

    fn texts_within(
        &mut self,
        key: &str,
        (count_max, chars_max): (usize, usize),
        violations: &mut Violations,
    ) -> Vec<String> {
        let path = self.path_of(key);
        let mut texts: Vec<String> = Vec::new();
        for (at, value) in self.list(key, count_max, violations).iter().enumerate() {
            let path = format!("{path}[{at}]");
            match read_text(&path, value, chars_max, violations) {
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

    /// Reads the table below this one, if it is there, and notes its keys that `read` did not ask
    /// for.
    pub fn below<T>(
        &mut self,
        key: &str,
        violations: &mut Violations,
        read: impl FnOnce(&mut Section<'t>, &mut Violations) -> Option<T>,
    ) -> Option<T> {
        let mut below = self.section(key, violations)?;
        let value = read(&mut below, violations);
        below.finish(violations);
        value
    }

    /// Reads the table below this one, which must be there.
    pub fn required_below<T>(
        &mut self,
        key: &str,
        violations: &mut Violations,
        read: impl FnOnce(&mut Section<'t>, &mut Violations) -> Option<T>,
    ) -> Option<T> {
        self.required(key, violations)?;
        self.below(key, violations, read)
    }

    /// The tables of a list; none when it is not there.
    pub fn sections(&mut self, key: &str, violations: &mut Violations) -> Vec<Section<'t>> {
        self.sections_within(key, ROWS_MAX, violations)
    }

    /// The tables of a list that has at most so many; none when it is not there.
    pub fn sections_within(
        &mut self,
        key: &str,
        count_max: usize,
        violations: &mut Violations,
    ) -> Vec<Section<'t>> {
        let path = self.path_of(key);
        let mut sections = Vec::new();
        for (at, value) in self.list(key, count_max, violations).iter().enumerate() {
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

    fn list(&mut self, key: &str, count_max: usize, violations: &mut Violations) -> &'t [Value] {
        match self.get(key) {
            None => &[],
            Some(Value::Array(values)) if values.len() <= count_max => values,
            Some(Value::Array(values)) => {
                let message = format!("{} are more than {count_max}", values.len());
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

fn known_word<T: Copy, W: AsRef<str>>(
    path: &str,
    text: &str,
    words: &[(W, T)],
    violations: &mut Violations,
) -> Option<T> {
    let found = words.iter().find(|(word, _)| word.as_ref() == text).map(|(_, value)| *value);
    if found.is_none() {
        let known = words.iter().map(|(word, _)| word.as_ref()).collect::<Vec<_>>().join(", ");
        violations.add(path, "UNKNOWN_VALUE", format!("{text:?} is none of {known}"));
    }
    found
}

fn read_text(
    path: &str,
    value: &Value,
    chars_max: usize,
    violations: &mut Violations,
) -> Option<String> {
    let Value::String(text) = value else {
        let message = format!("a text is asked for, not {}", value.type_str());
        violations.add(path, "MALFORMED", message);
        return None;
    };
    let wrong = if text.trim().is_empty() {
        Some(("EMPTY", "the text has no characters".to_owned()))
    } else if text.chars().count() > chars_max {
        Some(("TOO_LONG", format!("more than {chars_max} characters")))
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
    use expect_test::{Expect, expect};

    const HEAD: &str = r#"
        table = "grades"
        name = "x"
        edition = "1"
        title = "等级"
        standing = "draft"
        jurisdiction = { scheme = "stats12", code = "410100000000" }
        from = 2025-01-01
        until = 2025-12-31
        source = "made up"
        notes = ["nobody's"]
    "#;

    #[expect(clippy::needless_pass_by_value, reason = "expect! makes values")]
    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&told(read(text, Table::Grades, |edition, _, _| Some(edition))));
    }

    #[test]
    fn all_that_is_wrong_with_a_head_is_told_at_once() {
        check(
            r#"
            edition = ""
            title = 3
            standing = "rumour"
            jurisdiction = { scheme = "stats12", region = "Zhengzhou" }
            from = 2025-01-01
            until = "2024-01-01"
            source = "call 13800138000"
            form = "2025-01-01"
            notes = ["a", "a", ""]
            "#,
            expect![[r#"
                table: REQUIRED (this is missing)
                name: REQUIRED (this is missing)
                edition: EMPTY (the text has no characters)
                title: MALFORMED (a text is asked for, not integer)
                standing: UNKNOWN_VALUE ("rumour" is none of in_force, draft, example)
                jurisdiction.code: REQUIRED (this is missing)
                jurisdiction.region: UNKNOWN_PATH (there is no such field here)
                source: PHONE_NUMBER (the registry keeps no such number)
                notes[1]: REPEATED ("a" is named twice)
                notes[2]: EMPTY (the text has no characters)
                until: OUT_OF_RANGE (it would end on 2024-01-01, before it begins on 2025-01-01)
                form: UNKNOWN_PATH (there is no such field here)
            "#]],
        );
    }

    #[test]
    fn a_head_is_read_without_its_body_and_tells_the_table() {
        let edition = head(&format!("{HEAD}\n[[ladder]]\nscale = 3")).unwrap();
        assert_eq!(edition.table, Table::Grades);
        assert_eq!(edition.title.as_deref(), Some("等级"));
        assert_eq!(edition.notes, ["nobody's"]);
        let code = |region: RegionCode| format!("{} {}", region.scheme, region.code);
        assert_eq!(edition.jurisdiction.map(code).as_deref(), Some("stats12 410100000000"));
        expect![[r#"
            table: UNKNOWN_VALUE ("stars" is none of cycle, findings, grades, colours, house_code_check, products)
            name: REQUIRED (this is missing)
            edition: REQUIRED (this is missing)
            standing: REQUIRED (this is missing)
            from: REQUIRED (this is missing)
            source: REQUIRED (this is missing)
        "#]]
        .assert_eq(&told(head("table = \"stars\"")));
    }

    #[test]
    fn a_file_of_another_table_is_refused_and_its_body_left_alone() {
        let other = HEAD.replace("\"grades\"", "\"findings\"").replace("\"draft\"", "\"law\"");
        check(
            &format!("{other}\nageing_days = 3"),
            expect![[r#"
                standing: UNKNOWN_VALUE ("law" is none of in_force, draft, example)
                table: OTHER_TABLE (this is a file of the table findings; one of grades is asked for)
            "#]],
        );
    }

    #[test]
    fn a_table_has_its_word_and_number() {
        let known = |table: Table| Table::from_number(table as u32) == Some(table);
        assert!(Table::ALL.into_iter().all(known));
        assert_eq!(Table::from_number(0), None);
        for table in Table::ALL {
            let text = HEAD.replace("\"grades\"", &format!("{:?}", table.word()));
            assert_eq!(head(&text).unwrap().table, table);
        }
    }

    #[test]
    fn what_is_no_toml_or_too_long_is_one_violation() {
        check(
            "\nname = ",
            expect![[r"
                the file: MALFORMED (line 2 is no TOML: string values must be quoted, expected literal string)
            "]],
        );
        check(
            &" ".repeat(FILE_BYTES_MAX + 1),
            expect![[r"
                the file: TOO_LONG (a file has at most 262144 bytes)
            "]],
        );
    }

    #[test]
    fn an_edition_holds_on_its_first_and_last_day_and_on_no_other() {
        let edition = head(HEAD).unwrap();
        let day = |text: &str| text.parse::<Day>().unwrap();
        let holds = |text: &str| edition.holds_on(day(text));
        assert!(holds("2025-01-01") && holds("2025-12-31"));
        assert!(!holds("2024-12-31") && !holds("2026-01-01"));
        assert_eq!(edition.over_on(), Some(day("2026-01-01")));
        let ever = Edition { until: Some(Day::MAX), ..edition };
        assert_eq!(ever.over_on(), None);
    }
}
