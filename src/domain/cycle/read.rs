//! A rule set read from a TOML file: a rule set, or everything that is wrong with the file at once.
//!
//! Nothing is passed over: a key that is not known, a day written as `2026-1-1`, or two periods
//! that overlap refuse the file, so that a mistyped condition never becomes no condition.
//! `data/reference/cycle/` holds examples.

use std::{collections::BTreeSet, fmt};

use toml::{Table, Value};

use crate::{
    domain::{
        building::{BuildingUse, Structure},
        cycle::{
            Between, Conditions, Cycle, CycleRuleSet, DesignLife, FILE_BYTES_MAX, FIRST_CHECKS_MAX,
            FirstCheck, GradeIn, Months, Outcome, Payer, Payment, RULES_MAX, RegionCode, Rule,
            YEARS_MAX,
        },
        reference_file::Standing,
        report::ReportKind,
    },
    kernel::{
        limit::{IDENTIFIER_CHARS_MAX, NAME_CHARS_MAX, SCHEME_CHARS_MAX, TEXT_CHARS_MAX},
        time::Day,
        violation::Violations,
    },
};

/// Characters of the code of a set or rule, of a version, a scale and a grade.
const CODE_CHARS_MAX: usize = 60;
/// Notes of one set, and values of one list.
const LIST_MAX: usize = 50;

/// Reads a rule set. The fields of the violations are paths in the file, for example
/// `rule[2].when.age_below`; rules and periods are counted from 0.
pub fn rule_set(text: &str) -> Result<CycleRuleSet, Violations> {
    let mut violations = Violations::default();
    if text.len() > FILE_BYTES_MAX {
        violations.add("", "TOO_LONG", format!("a rule set has at most {FILE_BYTES_MAX} bytes"));
        return Err(violations);
    }
    let table = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let message = format!("line {line} is no TOML: {}", error.message());
            violations.add("", "MALFORMED", message);
            return Err(violations);
        }
    };
    let mut file = Section::new(String::new(), table, violations);
    let head = file.required("rule_set", |file, key| file.nested(key, head));
    let rules = file.sections("rule", RULES_MAX, rule);
    let first_checks = file.sections("first_check", FIRST_CHECKS_MAX, first_check);
    if rules.is_empty() && !file.is_found("rule") {
        file.add("rule", "REQUIRED", "a rule set has at least one rule");
    }
    let mut violations = file.close();
    repeated_codes(&rules, &mut violations);
    overlaps(&first_checks, &mut violations);
    let set = head.map(|head| CycleRuleSet {
        rules: rules.into_iter().map(|(_, rule)| rule).collect(),
        first_checks: first_checks.into_iter().map(|(_, first)| first).collect(),
        ..head
    });
    match set {
        Some(set) if violations.is_empty() => Ok(set),
        _ => Err(violations),
    }
}

fn head(from: &mut Section) -> Option<CycleRuleSet> {
    let code = from.required("code", |from, key| from.text(key, CODE_CHARS_MAX));
    let version = from.required("version", |from, key| from.text(key, CODE_CHARS_MAX));
    let title = from.required("title", |from, key| from.text(key, NAME_CHARS_MAX));
    let standing = from.required("standing", |from, key| {
        from.word(key, &Standing::ALL.map(|it| Worded(it, it.word())))
    });
    let valid_from = from.required("valid_from", Section::day);
    let valid_until = from.day("valid_until");
    let duty_since = from.day("duty_since");
    let source = from.required("source", |from, key| from.text(key, TEXT_CHARS_MAX));
    let notes = from.texts("notes", TEXT_CHARS_MAX);
    let region = from.required("region", |from, key| from.nested(key, region));
    if let (Some(begin), Some(end)) = (valid_from, valid_until)
        && end <= begin
    {
        from.add("valid_until", "OUT_OF_RANGE", format!("a set valid from {begin} ends after it"));
    }
    Some(CycleRuleSet {
        code: code?,
        version: version?,
        title: title?,
        region: region?,
        standing: standing?.0,
        valid_from: valid_from?,
        valid_until,
        duty_since: duty_since.or(valid_from)?,
        source: source?,
        notes,
        rules: Vec::new(),
        first_checks: Vec::new(),
    })
}

fn region(from: &mut Section) -> Option<RegionCode> {
    let scheme = from.required("scheme", |from, key| from.text(key, SCHEME_CHARS_MAX));
    let code = from.required("code", |from, key| from.text(key, IDENTIFIER_CHARS_MAX));
    Some(RegionCode { scheme: scheme?, code: code? })
}

fn rule(from: &mut Section) -> Option<Rule> {
    let code = from.required("code", |from, key| from.text(key, CODE_CHARS_MAX));
    let when = from.nested("when", |when| Some(conditions(when))).unwrap_or_default();
    let outcome = from.required("then", |from, key| from.nested(key, outcome));
    Some(Rule { code: code?, when, outcome: outcome? })
}

fn conditions(from: &mut Section) -> Conditions {
    let conditions = Conditions {
        uses: from.words("uses", &BuildingUse::ALL),
        structures: from.words("structures", &Structure::ALL),
        age_at_least: from.months("age_at_least"),
        age_below: from.months("age_below"),
        design_life: from.word("design_life", &DesignLife::ALL),
        storeys_above: from.nested("storeys_above", |span| Some(between(span))),
        height_cm: from.nested("height_cm", |span| Some(between(span))),
        last_grade: from.nested("last_grade", grade_in),
        has_open_findings: from.switch("has_open_findings"),
    };
    if let (Some(least), Some(below)) = (conditions.age_at_least, conditions.age_below)
        && below <= least
    {
        from.add("age_below", "OUT_OF_RANGE", format!("no age is {least} and below {below}"));
    }
    conditions
}

fn between(from: &mut Section) -> Between {
    let between = Between { at_least: from.count("at_least"), at_most: from.count("at_most") };
    if let (Some(least), Some(most)) = (between.at_least, between.at_most)
        && most < least
    {
        from.add("at_most", "OUT_OF_RANGE", format!("no number is {least} or more, and {most}"));
    }
    between
}

fn grade_in(from: &mut Section) -> Option<GradeIn> {
    let scale = from.required("scale", |from, key| from.text(key, CODE_CHARS_MAX));
    let values: BTreeSet<String> = from.texts("values", CODE_CHARS_MAX).into_iter().collect();
    if values.is_empty() && !from.is_found("values") {
        from.add("values", "REQUIRED", "a grade has at least one value");
    }
    Some(GradeIn { scale: scale?, values })
}

fn outcome(from: &mut Section) -> Option<Outcome> {
    let is_exempt = from.switch("exempt");
    let interval = from.months("every");
    let reset_by = from.words("reset_by", &ReportKind::ALL.map(|it| Worded(it, it.word())));
    let payer = from.word("payer", &Payer::ALL);
    let award = from.count("award_percent");
    let duty_since = from.day("duty_since");
    if let Some(award) = award {
        if award > 100 {
            from.add("award_percent", "OUT_OF_RANGE", "an award is at most the whole, 100");
        }
        if !from.had("payer") {
            from.add("payer", "REQUIRED", "an award is given to who pays");
        }
    }
    let is_given = [from.had("exempt"), from.had("every")];
    if is_given == [true, true] || is_given == [false, false] {
        from.add("", "ONE_OF", "a rule either says `exempt` or how often with `every`");
    }
    if is_exempt == Some(false) {
        from.add("exempt", "OUT_OF_RANGE", "a rule that exempts says true; others leave it out");
    }
    if from.had("exempt") {
        for key in ["reset_by", "payer", "award_percent", "duty_since"] {
            if from.had(key) {
                from.add(key, "NOT_HERE", "what is exempt has no check-up");
            }
        }
    } else if reset_by.is_empty() && !from.is_found("reset_by") {
        from.add("reset_by", "REQUIRED", "a cycle names the kinds of report that begin it anew");
    }
    if is_exempt == Some(true) {
        return Some(Outcome::Exempt);
    }
    let award_percent = u8::try_from(award.unwrap_or(0)).unwrap_or(100);
    let payment = payer.map(|payer| Payment { payer, award_percent });
    let reset_by = reset_by.into_iter().map(|kind| kind.0).collect();
    Some(Outcome::Every(Cycle { interval: interval?, reset_by, payment, duty_since }))
}

fn first_check(from: &mut Section) -> Option<FirstCheck> {
    let completed_from = from.day("completed_from");
    let completed_to = from.required("completed_to", Section::day);
    let due_by = from.required("due_by", Section::day);
    if let (Some(first), Some(last)) = (completed_from, completed_to)
        && last < first
    {
        from.add("completed_to", "OUT_OF_RANGE", format!("{last} is before {first}"));
    }
    Some(FirstCheck { completed_from, completed_to: completed_to?, due_by: due_by? })
}

fn repeated_codes(rules: &[(usize, Rule)], violations: &mut Violations) {
    let mut codes = BTreeSet::new();
    for (index, rule) in rules {
        if !codes.insert(&rule.code) {
            let message = format!("another rule is called {:?}", rule.code);
            violations.add(format!("rule[{index}].code"), "REPEATED", message);
        }
    }
}

fn overlaps(first_checks: &[(usize, FirstCheck)], violations: &mut Violations) {
    for (place, (index, late)) in first_checks.iter().enumerate() {
        let earlier = first_checks.iter().take(place).find(|(_, early)| {
            let begin = |first: &FirstCheck| first.completed_from.unwrap_or(Day::MIN);
            begin(early) <= late.completed_to && begin(late) <= early.completed_to
        });
        if let Some((other, _)) = earlier {
            let message = format!("it has days of first_check[{other}]");
            violations.add(format!("first_check[{index}]"), "CONFLICTING", message);
        }
    }
}

/// A value with its word in files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Worded<T>(T, &'static str);

impl<T> fmt::Display for Worded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }
}

/// A table of the file. What is read is taken out; what is left at the end was not known.
struct Section {
    path: String,
    table: Table,
    had: BTreeSet<String>,
    violations: Violations,
}

impl Section {
    fn new(path: String, table: Table, violations: Violations) -> Self {
        Self { path, table, had: BTreeSet::new(), violations }
    }

    fn path(&self, key: &str) -> String {
        match (self.path.is_empty(), key.is_empty()) {
            (_, true) => self.path.clone(),
            (true, false) => key.to_owned(),
            (false, false) => format!("{}.{key}", self.path),
        }
    }

    fn add(&mut self, key: &str, reason: &'static str, message: impl Into<String>) {
        let path = self.path(key);
        self.violations.add(path, reason, message);
    }

    /// Whether the key was there, be its value good or bad.
    fn had(&self, key: &str) -> bool {
        self.had.contains(key)
    }

    /// Whether something at the key, or below it, was found wrong.
    fn is_found(&self, key: &str) -> bool {
        let path = self.path(key);
        self.violations.list().iter().any(|violation| {
            let rest = violation.field.strip_prefix(&path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        let value = self.table.remove(key)?;
        self.had.insert(key.to_owned());
        Some(value)
    }

    /// Refuses what nobody asked for.
    fn close(mut self) -> Violations {
        for key in std::mem::take(&mut self.table).keys() {
            self.add(key, "UNKNOWN_PATH", "there is no such key in this place");
        }
        self.violations
    }

    fn required<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            self.add(key, "REQUIRED", format!("`{key}` is missing"));
        }
        read(self, key)
    }

    fn malformed(&mut self, key: &str, form: &str) {
        self.add(key, "MALFORMED", format!("this is written as {form}"));
    }

    /// Reads the table of a path, and gives the violations back.
    fn below<T>(
        &mut self,
        path: String,
        table: Table,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let mut below = Self::new(path, table, std::mem::take(&mut self.violations));
        let value = read(&mut below);
        self.violations = below.close();
        value
    }

    fn nested<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if let Value::Table(table) = self.take(key)? {
            self.below(self.path(key), table, read)
        } else {
            self.malformed(key, "a table");
            None
        }
    }

    /// What could be read of a list of tables, each with its place.
    fn sections<T>(
        &mut self,
        key: &str,
        count_max: usize,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Vec<(usize, T)> {
        let mut found = Vec::new();
        for (index, value) in self.list(key, count_max).into_iter().enumerate() {
            let place = format!("{key}[{index}]");
            match value {
                Value::Table(table) => {
                    let value = self.below(self.path(&place), table, &read);
                    found.extend(value.map(|value| (index, value)));
                }
                _ => self.malformed(&place, "a table"),
            }
        }
        found
    }

    fn list(&mut self, key: &str, count_max: usize) -> Vec<Value> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::Array(values)) if values.len() <= count_max => values,
            Some(Value::Array(values)) => {
                let message = format!("{} are more than {count_max}", values.len());
                self.add(key, "TOO_MANY", message);
                Vec::new()
            }
            Some(_) => {
                self.malformed(key, "a list");
                Vec::new()
            }
        }
    }

    fn text(&mut self, key: &str, chars_max: usize) -> Option<String> {
        if let Value::String(text) = self.take(key)? {
            self.checked(key, text, chars_max)
        } else {
            self.malformed(key, "a text in quotes");
            None
        }
    }

    fn checked(&mut self, key: &str, text: String, chars_max: usize) -> Option<String> {
        if text.trim().is_empty() {
            self.add(key, "EMPTY", "a text has at least one character");
        } else if text.chars().count() > chars_max {
            self.add(key, "TOO_LONG", format!("a text here has at most {chars_max} characters"));
        } else if text.chars().any(char::is_control) {
            self.add(key, "CONTROL_CHARACTER", "a text here has no line breaks or the like");
        } else {
            return Some(text);
        }
        None
    }

    /// A list of different texts.
    fn texts(&mut self, key: &str, chars_max: usize) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for (index, value) in self.list(key, LIST_MAX).into_iter().enumerate() {
            let place = format!("{key}[{index}]");
            match value {
                Value::String(text) if found.contains(&text) => {
                    self.add(&place, "REPEATED", format!("{text:?} is there already"));
                }
                Value::String(text) => found.extend(self.checked(&place, text, chars_max)),
                _ => self.malformed(&place, "a text in quotes"),
            }
        }
        found
    }

    fn known<T: Copy + fmt::Display>(&mut self, key: &str, text: &str, all: &[T]) -> Option<T> {
        let found = all.iter().copied().find(|value| value.to_string() == text);
        if found.is_none() {
            let words: Vec<String> = all.iter().map(ToString::to_string).collect();
            let message = format!("{text:?} is none of {}", words.join(", "));
            self.add(key, "UNKNOWN_VALUE", message);
        }
        found
    }

    fn word<T: Copy + fmt::Display>(&mut self, key: &str, all: &[T]) -> Option<T> {
        let text = self.text(key, CODE_CHARS_MAX)?;
        self.known(key, &text, all)
    }

    /// A list of words that, when it is there, is not empty: no value would never apply.
    fn words<T: Copy + Ord + fmt::Display>(&mut self, key: &str, all: &[T]) -> BTreeSet<T> {
        let texts = self.texts(key, CODE_CHARS_MAX);
        if texts.is_empty() && self.had(key) && !self.is_found(key) {
            self.add(key, "EMPTY", "a list here has at least one value");
        }
        let mut found = BTreeSet::new();
        for text in texts {
            found.extend(self.known(key, &text, all));
        }
        found
    }

    fn day(&mut self, key: &str) -> Option<Day> {
        // A day of TOML's own, without quotes, says the same.
        let text = match self.take(key)? {
            Value::String(text) => text,
            Value::Datetime(day) => day.to_string(),
            _ => String::new(),
        };
        let day = text.parse().ok();
        if day.is_none() {
            self.malformed(key, "\"2026-12-31\"");
        }
        day
    }

    /// A span of time, for example `10 years` or `18 months`.
    fn months(&mut self, key: &str) -> Option<Months> {
        let text = match self.take(key)? {
            Value::String(text) => text,
            _ => String::new(),
        };
        let parts = text.split_once(' ').and_then(|(count, word)| {
            let is_written = count.bytes().all(|byte| byte.is_ascii_digit());
            let count = is_written.then(|| count.parse::<u16>().unwrap_or(u16::MAX));
            let months = match word {
                "year" | "years" => 12,
                "month" | "months" => 1,
                _ => return None,
            };
            (!text.starts_with(' ')).then_some((count?, months))
        });
        let Some((count, unit)) = parts else {
            self.malformed(key, "\"10 years\" or \"18 months\"");
            return None;
        };
        let months = count.checked_mul(unit).and_then(Months::new);
        if months.is_none() {
            let message = format!("a span is at least a month and at most {YEARS_MAX} years");
            self.add(key, "OUT_OF_RANGE", message);
        }
        months
    }

    fn count(&mut self, key: &str) -> Option<u32> {
        let Value::Integer(number) = self.take(key)? else {
            self.malformed(key, "a whole number");
            return None;
        };
        let count = u32::try_from(number).ok();
        if count.is_none() {
            self.add(key, "OUT_OF_RANGE", format!("{number} is no count"));
        }
        count
    }

    fn switch(&mut self, key: &str) -> Option<bool> {
        if let Value::Boolean(is_so) = self.take(key)? {
            Some(is_so)
        } else {
            self.malformed(key, "true or false");
            None
        }
    }
}
