//! A rule set read from a TOML file: a rule set, or everything that is wrong with the file at once.
//!
//! Nothing is passed over: a key that is not known, a day written as `2026-1-1`, or two periods
//! that overlap refuse the file, so that a mistyped condition never becomes no condition.
//! `data/reference/cycle/` holds examples.

use crate::{
    domain::{
        building::{BuildingUse, Structure},
        cycle::{
            Between, Conditions, Cycle, CycleRuleSet, DesignLife, FIRST_CHECKS_MAX, FirstCheck,
            GradeIn, Months, Outcome, Payer, Payment, RULES_MAX, Rule, YEARS_MAX,
        },
        due::Found,
        grade::{Aspect, Ladder, Scale, Scope},
        reference_file::{self, Section, Table},
        report::ReportKind,
    },
    kernel::{time::Day, violation::Violations},
};

/// Reads a rule set. The fields of the violations are paths in the file, for example
/// `rule[2].when.age_below`; rules and periods are counted from 0.
pub fn rule_set(text: &str) -> Result<CycleRuleSet, Violations> {
    reference_file::read(text, Table::Cycle, |edition, file, violations| {
        if !file.has("jurisdiction") {
            let message = "a rule set is made for a region";
            violations.add("jurisdiction", "REQUIRED", message);
        }
        let duty_since = file.optional_day("duty_since", violations).unwrap_or(edition.from);
        let rules = rules(file, violations);
        let first_checks = first_checks(file, violations);
        let found = Found::default();
        Some(CycleRuleSet { edition, duty_since, rules, first_checks, found })
    })
}

fn rules(file: &mut Section<'_>, violations: &mut Violations) -> Vec<Rule> {
    if file.lacks("rule") {
        violations.add("rule", "REQUIRED", "a rule set has at least one rule");
    }
    let mut rules: Vec<Rule> = Vec::new();
    for mut row in file.sections_within("rule", RULES_MAX, violations) {
        let rule = rule(&mut row, violations);
        let path = row.path_of("code");
        row.finish(violations);
        let Some(rule) = rule else { continue };
        if rules.iter().any(|known| known.code == rule.code) {
            let message = format!("another rule is called {:?}", rule.code);
            violations.add(path, "REPEATED", message);
        }
        rules.push(rule);
    }
    rules
}

fn rule(from: &mut Section<'_>, violations: &mut Violations) -> Option<Rule> {
    let code = from.code("code", violations);
    let when =
        from.below("when", violations, |when, violations| Some(conditions(when, violations)));
    let outcome = from.required_below("then", violations, outcome);
    Some(Rule { code: code?, when: when.unwrap_or_default(), outcome: outcome? })
}

fn conditions(from: &mut Section<'_>, violations: &mut Violations) -> Conditions {
    let uses = BuildingUse::ALL.map(|it| (it.to_string(), it));
    let structures = Structure::ALL.map(|it| (it.to_string(), it));
    let lives = DesignLife::ALL.map(|it| (it.to_string(), it));
    let conditions = Conditions {
        uses: from.words("uses", &uses, violations),
        structures: from.words("structures", &structures, violations),
        age_at_least: months(from, "age_at_least", violations),
        age_below: months(from, "age_below", violations),
        design_life: from.optional_word("design_life", &lives, violations),
        storeys_above: from.below("storeys_above", violations, |it, to| Some(between(it, to))),
        height_cm: from.below("height_cm", violations, |it, to| Some(between(it, to))),
        last_grade: from.below("last_grade", violations, grade_in),
        has_open_findings: from.optional_switch("has_open_findings", violations),
    };
    if let (Some(least), Some(below)) = (conditions.age_at_least, conditions.age_below)
        && below <= least
    {
        let message = format!("no age is {least} and below {below}");
        violations.add(from.path_of("age_below"), "OUT_OF_RANGE", message);
    }
    conditions
}

fn between(from: &mut Section<'_>, violations: &mut Violations) -> Between {
    let at_least = from.optional_number("at_least", (0, u32::MAX), violations);
    let at_most = from.optional_number("at_most", (0, u32::MAX), violations);
    if let (Some(least), Some(most)) = (at_least, at_most)
        && most < least
    {
        let message = format!("no number is {least} or more, and {most} or less");
        violations.add(from.path_of("at_most"), "OUT_OF_RANGE", message);
    }
    Between { at_least, at_most }
}

fn grade_in(from: &mut Section<'_>, violations: &mut Violations) -> Option<GradeIn> {
    let scales = Scale::ALL.map(|scale| (scale.word(), scale));
    let aspects = Aspect::ALL.map(|aspect| (aspect.word(), aspect));
    let scale = from.word("scale", &scales, violations);
    if scale == Some(Scale::Colour) {
        let message = "a colour is derived from grades: name the scale that was graded on";
        violations.add(from.path_of("scale"), "NOT_HERE", message);
    }
    let edition = from.code("edition", violations);
    let aspect = from.optional_word("aspect", &aspects, violations).unwrap_or(Aspect::Whole);
    if from.lacks("values") {
        violations.add(from.path_of("values"), "REQUIRED", "a grade has at least one value");
    }
    let values = from.codes("values", violations).into_iter().collect();
    let ladder = Ladder { scale: scale?, edition: edition?, scope: Scope::Building, aspect };
    Some(GradeIn { ladder: ladder.code(), values })
}

fn outcome(from: &mut Section<'_>, violations: &mut Violations) -> Option<Outcome> {
    let is_exempt = from.optional_switch("exempt", violations);
    match (from.has("exempt"), from.has("every")) {
        (true, false) | (false, true) => {}
        (true, true) | (false, false) => {
            let message = "a rule either says `exempt` or how often with `every`";
            violations.add(from.path(), "ONE_OF", message);
        }
    }
    if is_exempt == Some(false) {
        let message = "a rule that exempts says true; others leave it out";
        violations.add(from.path_of("exempt"), "OUT_OF_RANGE", message);
    }
    if from.has("exempt") {
        for key in ["reset_by", "payer", "award_percent", "duty_since"] {
            if from.has(key) {
                violations.add(from.path_of(key), "NOT_HERE", "what is exempt has no check-up");
            }
        }
    } else if !from.has("reset_by") {
        let message = "a cycle names the kinds of report that begin it anew";
        violations.add(from.path_of("reset_by"), "REQUIRED", message);
    }
    let cycle = cycle(from, violations);
    if is_exempt == Some(true) { Some(Outcome::Exempt) } else { cycle.map(Outcome::Every) }
}

fn cycle(from: &mut Section<'_>, violations: &mut Violations) -> Option<Cycle> {
    let kinds = ReportKind::ALL.map(|it| (it.word(), it));
    let payers = Payer::ALL.map(|it| (it.to_string(), it));
    let interval = months(from, "every", violations);
    let reset_by = from.words("reset_by", &kinds, violations);
    let payer = from.optional_word("payer", &payers, violations);
    let award = from.optional_number("award_percent", (0, 100), violations);
    let duty_since = from.optional_day("duty_since", violations);
    if from.has("award_percent") && !from.has("payer") {
        violations.add(from.path_of("payer"), "REQUIRED", "an award is given to who pays");
    }
    let award_percent = u8::try_from(award.unwrap_or(0)).unwrap_or(100);
    let payment = payer.map(|payer| Payment { payer, award_percent });
    Some(Cycle { interval: interval?, reset_by, payment, duty_since })
}

/// A span of time, for example `10 years` or `18 months`, if it is there.
fn months(from: &mut Section<'_>, key: &str, violations: &mut Violations) -> Option<Months> {
    let text = from.optional_text(key, violations)?;
    let parts = text.split_once(' ').and_then(|(count, word)| {
        let is_written = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        let count = is_written.then(|| count.parse::<u16>().unwrap_or(u16::MAX))?;
        match word {
            "year" | "years" => Some((count, 12)),
            "month" | "months" => Some((count, 1)),
            _ => None,
        }
    });
    let read = parts
        .ok_or_else(|| ("MALFORMED", "a span is \"10 years\" or \"18 months\"".to_owned()))
        .and_then(|(count, unit)| {
            let months = count.checked_mul(unit).and_then(Months::new);
            months.ok_or_else(|| {
                let message = format!("a span is at least a month and at most {YEARS_MAX} years");
                ("OUT_OF_RANGE", message)
            })
        });
    violations.take(&from.path_of(key), read)
}

fn first_checks(file: &mut Section<'_>, violations: &mut Violations) -> Vec<FirstCheck> {
    let begin = |first: &FirstCheck| first.completed_from.unwrap_or(Day::MIN);
    let mut found: Vec<(String, FirstCheck)> = Vec::new();
    for mut row in file.sections_within("first_check", FIRST_CHECKS_MAX, violations) {
        let first_check = first_check(&mut row, violations);
        let path = row.path().to_owned();
        row.finish(violations);
        let Some(late) = first_check else { continue };
        let earlier = found.iter().find(|(_, early)| {
            begin(early) <= late.completed_to && begin(&late) <= early.completed_to
        });
        if let Some((other, _)) = earlier {
            violations.add(&path, "CONFLICTING", format!("it has days of {other}"));
        }
        found.push((path, late));
    }
    found.into_iter().map(|(_, first_check)| first_check).collect()
}

fn first_check(from: &mut Section<'_>, violations: &mut Violations) -> Option<FirstCheck> {
    let completed_from = from.optional_day("completed_from", violations);
    let completed_to = from.day("completed_to", violations);
    let due_by = from.day("due_by", violations);
    if let (Some(first), Some(last)) = (completed_from, completed_to)
        && last < first
    {
        let message = format!("{last} is before {first}");
        violations.add(from.path_of("completed_to"), "OUT_OF_RANGE", message);
    }
    Some(FirstCheck { completed_from, completed_to: completed_to?, due_by: due_by? })
}
