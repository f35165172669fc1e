//! What can be found and what follows from it: classes, deadlines, escalation, ageing.
//!
//! An edition of reference data, never code: which classes there are, how long a repair may take,
//! when a finding that nobody repairs becomes a worse one, and by which spans open notices are
//! counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        reference_file::{self, Edition, Section, Table},
        report::{MustHold, ReportKind},
    },
    kernel::{time::Day, violation::Violations},
};

/// Days that a deadline, a grace or a span of ageing may have: forty years.
const DAYS_MAX: u32 = 14_610;
/// The indicators of the city check-up that are derived from findings: 1 to 10.
const INDICATOR_MAX: u32 = 10;

/// How bad a finding is. The numbers are stored; their order is that of badness. The three steps
/// are those of New York's façade rule beside "safe".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Severity {
    /// 观察: to be watched.
    Watch = 1,
    /// 限期整改: safe until a day, by which it is repaired.
    RepairBy = 2,
    /// 危险: unsafe.
    Unsafe = 3,
}

impl Severity {
    /// Every severity, from the mildest.
    pub const ALL: [Self; 3] = [Self::Watch, Self::RepairBy, Self::Unsafe];

    /// The word in files and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::RepairBy => "repair_by",
            Self::Unsafe => "unsafe",
        }
    }

    /// The severity with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| *severity as u32 == number)
    }
}

/// From which day a finding that is not repaired becomes worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Basis {
    /// The deadline of the notice.
    Deadline = 1,
    /// The day on which the next check-up is due.
    NextCheckUp = 2,
}

/// A finding of one severity, not repaired, becomes one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Escalation {
    /// What it is.
    pub from: Severity,
    /// What it becomes; always worse.
    pub to: Severity,
    /// Counted from which day.
    pub basis: Basis,
    /// Days that are granted after it.
    pub grace_days: u32,
}

/// A dimension of the content of a check-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimension {
    /// For example `STR`.
    pub code: String,
    /// Its Chinese name.
    pub chinese: String,
    /// Its English name.
    pub english: String,
}

/// A class of findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// For example `STR.CRACK`: its dimension's code, a point, its own.
    pub code: String,
    /// Its dimension's code.
    pub dimension: String,
    /// Its Chinese name.
    pub chinese: String,
    /// Its English name.
    pub english: String,
    /// The indicators of the city check-up for which a building with such a finding counts.
    pub indicators: BTreeSet<u32>,
    /// Days to repair, where they are not those of the catalogue.
    pub deadline_days: BTreeMap<Severity, u32>,
}

/// A span of days since the notice. Both ends are included; the last span has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bucket {
    /// The fewest days.
    pub from_days: u32,
    /// The most days.
    pub to_days: Option<u32>,
}

/// An edition of the catalogue of findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// Which edition, and when it holds.
    pub edition: Edition,
    dimensions: BTreeMap<String, Dimension>,
    classes: BTreeMap<String, Class>,
    deadline_days: BTreeMap<Severity, u32>,
    escalations: Vec<Escalation>,
    /// For which scopes a report of a kind is signed, where the edition says so.
    signed_for: BTreeMap<ReportKind, BTreeSet<String>>,
    /// What a report of a kind holds before it is signed, where the edition says so.
    must_hold: BTreeMap<ReportKind, MustHold>,
    /// The last days of all spans but the last, rising.
    ageing_days: Vec<u32>,
}

impl Catalogue {
    /// Reads a file; see `data/reference/findings-example.toml`.
    pub fn read(text: &str) -> Result<Self, Violations> {
        reference_file::read(text, Table::Findings, |edition, section, violations| {
            let dimensions = read_dimensions(section, violations);
            let deadline_days = read_deadlines(section, violations);
            let classes = read_classes(section, &dimensions, violations);
            let escalations = read_escalations(section, violations);
            let signed_for = read_signed_for(section, violations);
            let must_hold = read_must_hold(section, &dimensions, violations);
            let ageing_days = section.numbers("ageing_days", (0, DAYS_MAX), violations);
            if !ageing_days.is_sorted_by(|one, next| one < next) {
                let message = "the ends of the spans rise from each to the next";
                violations.add("ageing_days", "OUT_OF_RANGE", message);
            }
            Some(Self {
                edition,
                dimensions,
                classes,
                deadline_days,
                escalations,
                signed_for,
                must_hold,
                ageing_days,
            })
        })
    }

    /// A class by its code. Refuses `CLASS_UNKNOWN`.
    pub fn class(&self, code: &str) -> Result<&Class, UnknownClass> {
        self.classes.get(code).ok_or_else(|| UnknownClass {
            code: code.to_owned(),
            edition: self.edition.edition.clone(),
        })
    }

    /// The classes, by code.
    pub fn classes(&self) -> impl Iterator<Item = &Class> {
        self.classes.values()
    }

    /// The dimensions, by code.
    pub fn dimensions(&self) -> impl Iterator<Item = &Dimension> {
        self.dimensions.values()
    }

    /// The last day for the repair of what was notified on a day; `None` where the rule sets none.
    pub fn deadline(
        &self,
        class: &str,
        severity: Severity,
        notified_on: Day,
    ) -> Result<Option<Day>, UnknownClass> {
        let own = self.class(class)?.deadline_days.get(&severity);
        let days = own.or_else(|| self.deadline_days.get(&severity));
        Ok(days.map(|days| notified_on.later(*days)))
    }

    /// The scopes of which one is signed for in a report of a kind; `None` where the edition leaves
    /// that open.
    pub fn signed_for(&self, kind: ReportKind) -> Option<&BTreeSet<String>> {
        self.signed_for.get(&kind)
    }

    /// What a report of a kind holds before it is signed, when it is of a day on which the edition holds
    /// or held: what nobody asked for then is not missed.
    pub fn must_hold(&self, kind: ReportKind, inspected: Day) -> Option<&MustHold> {
        self.must_hold.get(&kind).filter(|_| self.edition.from <= inspected)
    }

    /// The rules by which findings become worse.
    pub fn escalations(&self) -> &[Escalation] {
        &self.escalations
    }

    /// The span in which so many days lie.
    pub fn bucket(&self, age_days: u32) -> Bucket {
        let mut from_days = 0;
        for last in &self.ageing_days {
            if age_days <= *last {
                return Bucket { from_days, to_days: Some(*last) };
            }
            from_days = last.saturating_add(1);
        }
        Bucket { from_days, to_days: None }
    }

    /// The ages at which a notice enters another span.
    pub fn bucket_turns(&self) -> impl Iterator<Item = u32> {
        self.ageing_days.iter().map(|last| last.saturating_add(1))
    }
}

/// No class of the edition has the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("edition {edition:?} has no class {code:?}")]
pub struct UnknownClass {
    /// What was given.
    pub code: String,
    /// The catalogue's edition.
    pub edition: String,
}

impl UnknownClass {
    /// The stable reason.
    pub const fn reason(&self) -> &'static str {
        "CLASS_UNKNOWN"
    }
}

fn read_dimensions(
    section: &mut Section<'_>,
    violations: &mut Violations,
) -> BTreeMap<String, Dimension> {
    let mut dimensions = BTreeMap::new();
    for mut row in section.sections("dimension", violations) {
        let code = row.symbol("code", violations);
        let chinese = row.text("chinese", violations);
        let english = row.text("english", violations);
        let path = row.path_of("code");
        row.finish(violations);
        if let (Some(code), Some(chinese), Some(english)) = (code, chinese, english) {
            let dimension = Dimension { code: code.clone(), chinese, english };
            if dimensions.insert(code, dimension).is_some() {
                violations.add(path, "REPEATED", "this dimension is in the file twice");
            }
        }
    }
    dimensions
}

fn read_deadlines(
    section: &mut Section<'_>,
    violations: &mut Violations,
) -> BTreeMap<Severity, u32> {
    let mut days = BTreeMap::new();
    if let Some(mut table) = section.section("deadline_days", violations) {
        for severity in Severity::ALL {
            let read = table.optional_number(severity.word(), (0, DAYS_MAX), violations);
            days.extend(read.map(|read| (severity, read)));
        }
        table.finish(violations);
    }
    days
}

fn read_classes(
    section: &mut Section<'_>,
    dimensions: &BTreeMap<String, Dimension>,
    violations: &mut Violations,
) -> BTreeMap<String, Class> {
    let mut classes = BTreeMap::new();
    for mut row in section.sections("class", violations) {
        let code = row.symbol("code", violations);
        let chinese = row.text("chinese", violations);
        let english = row.text("english", violations);
        let indicators = row.numbers("indicators", (1, INDICATOR_MAX), violations);
        let deadline_days = read_deadlines(&mut row, violations);
        let path = row.path_of("code");
        row.finish(violations);
        let Some(code) = code else { continue };
        let dimension = code.split('.').next().unwrap_or_default().to_owned();
        if !dimensions.contains_key(&dimension) {
            let message = format!("{code:?} is of no dimension of this file");
            violations.add(path.clone(), "UNKNOWN_VALUE", message);
        }
        let (Some(chinese), Some(english)) = (chinese, english) else { continue };
        let indicators = indicators.into_iter().collect();
        let class =
            Class { code: code.clone(), dimension, chinese, english, indicators, deadline_days };
        if classes.insert(code, class).is_some() {
            violations.add(path, "REPEATED", "this class is in the file twice");
        }
    }
    classes
}

fn read_escalations(section: &mut Section<'_>, violations: &mut Violations) -> Vec<Escalation> {
    let severities = Severity::ALL.map(|severity| (severity.word(), severity));
    let counted_from = [("deadline", Basis::Deadline), ("next_check_up", Basis::NextCheckUp)];
    let mut escalations: Vec<Escalation> = Vec::new();
    for mut row in section.sections("escalation", violations) {
        let from = row.word("from", &severities, violations);
        let to = row.word("to", &severities, violations);
        let basis = row.word("basis", &counted_from, violations);
        let grace_days = row.optional_number("grace_days", (0, DAYS_MAX), violations);
        let path = row.path_of("to");
        row.finish(violations);
        let (Some(from), Some(to), Some(basis)) = (from, to, basis) else { continue };
        let escalation = Escalation { from, to, basis, grace_days: grace_days.unwrap_or(0) };
        if to <= from {
            violations.add(
                path,
                "OUT_OF_RANGE",
                "a finding becomes worse, never better, by waiting",
            );
        } else if escalations.iter().any(|known| (known.from, known.basis) == (from, basis)) {
            violations.add(path, "REPEATED", "there is such a rule already");
        } else {
            escalations.push(escalation);
        }
    }
    escalations
}

fn read_signed_for(
    section: &mut Section<'_>,
    violations: &mut Violations,
) -> BTreeMap<ReportKind, BTreeSet<String>> {
    let kinds = ReportKind::ALL.map(|kind| (kind.word(), kind));
    let mut signed_for = BTreeMap::new();
    for mut row in section.sections("signed_for", violations) {
        let kind = row.word("kind", &kinds, violations);
        if row.lacks("scopes") {
            let message = "a report is signed for at least one scope";
            violations.add(row.path_of("scopes"), "REQUIRED", message);
        }
        let scopes = row.codes("scopes", violations).into_iter().collect::<BTreeSet<_>>();
        let path = row.path_of("kind");
        row.finish(violations);
        let Some(kind) = kind else { continue };
        if signed_for.insert(kind, scopes).is_some() {
            violations.add(path, "REPEATED", "this kind is in the file twice");
        }
    }
    signed_for
}

fn read_must_hold(
    section: &mut Section<'_>,
    dimensions: &BTreeMap<String, Dimension>,
    violations: &mut Violations,
) -> BTreeMap<ReportKind, MustHold> {
    let kinds = ReportKind::ALL.map(|kind| (kind.word(), kind));
    let mut must_hold = BTreeMap::new();
    for mut row in section.sections("must_hold", violations) {
        let kind = row.word("kind", &kinds, violations);
        let grade = row.optional_switch("grade", violations).unwrap_or(false);
        let path = row.path_of("dimensions");
        let codes = row.codes("dimensions", violations);
        for code in codes.iter().filter(|code| !dimensions.contains_key(*code)) {
            let message = format!("{code:?} is no dimension of this file");
            violations.add(path.clone(), "UNKNOWN_VALUE", message);
        }
        let path = row.path_of("kind");
        row.finish(violations);
        let Some(kind) = kind else { continue };
        let holds = MustHold { grade, dimensions: codes.into_iter().collect() };
        if must_hold.insert(kind, holds).is_some() {
            violations.add(path, "REPEATED", "this kind is in the file twice");
        }
    }
    must_hold
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reference_file::told;
    use expect_test::expect;

    const FILE: &str = include_str!("../../../data/reference/findings-example.toml");

    #[test]
    fn the_example_has_the_dimensions_of_the_trade_and_all_ten_indicators() {
        let catalogue = Catalogue::read(FILE).unwrap();
        let codes = catalogue.dimensions().map(|one| one.code.as_str()).collect::<Vec<_>>();
        assert_eq!(codes.join(" "), "ACC DIG ELE ENE ENV FIR FND GAS LFT OTH ROF STA STR TER WAT");
        let indicators = catalogue.classes().flat_map(|class| class.indicators.iter().copied());
        assert_eq!(indicators.collect::<BTreeSet<_>>(), (1..=10).collect());
        assert_eq!(catalogue.class("STR.GHOST").unwrap_err().reason(), "CLASS_UNKNOWN");
    }

    #[test]
    fn a_deadline_is_that_of_the_class_or_else_of_the_severity() {
        let catalogue = Catalogue::read(FILE).unwrap();
        let notified = "2026-01-01".parse().unwrap();
        let of = |class, severity| {
            catalogue.deadline(class, severity, notified).unwrap().map(|day| day.to_string())
        };
        assert_eq!(of("STR.CRACK", Severity::Watch), None);
        assert_eq!(of("STR.CRACK", Severity::RepairBy).as_deref(), Some("2026-06-30"));
        assert_eq!(of("STR.CRACK", Severity::Unsafe).as_deref(), Some("2026-01-31"));
        assert_eq!(of("GAS.RISER", Severity::Unsafe).as_deref(), Some("2026-01-04"));
    }

    #[test]
    fn every_age_lies_in_one_span() {
        let catalogue = Catalogue::read(FILE).unwrap();
        let of = |age| {
            let bucket = catalogue.bucket(age);
            format!("{age}: {}..{:?}", bucket.from_days, bucket.to_days)
        };
        expect![
            "0: 0..Some(30) 30: 0..Some(30) 31: 31..Some(90) 365: 181..Some(365) 366: 366..None"
        ]
        .assert_eq(&[0, 30, 31, 365, 366].map(of).join(" "));
    }

    #[test]
    fn all_that_is_wrong_with_a_catalogue_is_told_at_once() {
        let text = r#"
            table = "findings"
            name = "findings"
            edition = "2"
            standing = "example"
            from = 2025-01-01
            source = "made up"
            ageing_days = [90, 30]
            deadline_days = { unsafe = -1, terrible = 3 }
            dimension = [{ code = "STR", chinese = "结构", english = "structure" }]
            class = [
                { code = "STR.CRACK", chinese = "裂缝", english = "crack", indicators = [1, 11] },
                { code = "STR.CRACK", chinese = "裂缝", english = "crack" },
                { code = "ABC.X", chinese = "", english = "x" },
                { code = "STR CRACK", chinese = "裂缝", english = "crack" },
            ]
            escalation = [
                { from = "unsafe", to = "repair_by", basis = "deadline" },
                { from = "watch", to = "unsafe", basis = "moon" },
            ]
        "#;
        expect![[r#"
            deadline_days.unsafe: OUT_OF_RANGE (-1 is not within 0 and 14610)
            deadline_days.terrible: UNKNOWN_PATH (there is no such field here)
            class[0].indicators[1]: OUT_OF_RANGE (11 is not within 1 and 10)
            class[1].code: REPEATED (this class is in the file twice)
            class[2].chinese: EMPTY (the text has no characters)
            class[2].code: UNKNOWN_VALUE ("ABC.X" is of no dimension of this file)
            class[3].code: MALFORMED ("STR CRACK" is not made of letters, digits, points, hyphens, underscores)
            escalation[0].to: OUT_OF_RANGE (a finding becomes worse, never better, by waiting)
            escalation[1].basis: UNKNOWN_VALUE ("moon" is none of deadline, next_check_up)
            ageing_days: OUT_OF_RANGE (the ends of the spans rise from each to the next)
        "#]]
        .assert_eq(&told(Catalogue::read(text)));
    }
}
