//! Rule sets read from files, good and bad, and which of them is in force.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{CycleRuleSet, Months, Outcome, in_force, read};
use crate::kernel::time::Day;

const ZHENGZHOU: &str = include_str!("../../../data/reference/cycle/zhengzhou-2025-draft.toml");

/// The smallest set that is one.
const SMALL: &str = r#"
    table = "cycle"
    name = "example"
    edition = "1"
    standing = "example"
    jurisdiction = { scheme = "stats12", code = "410100000000" }
    from = 2020-01-01
    source = "made up"
    [[rule]]
    code = "all"
    then = { every = "10 years", reset_by = ["check_up"] }
"#;

fn check(text: &str, expected: &Expect) {
    let violations = read::rule_set(text).unwrap_err();
    let mut lines: Vec<String> = violations
        .list()
        .iter()
        .map(|at| format!("at {:?}, {}: {}\n", at.field, at.reason, at.message))
        .collect();
    lines.sort();
    expected.assert_eq(&lines.concat());
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

#[test]
fn the_draft_of_zhengzhou_reads_as_a_draft_with_its_source() {
    let set = read::rule_set(ZHENGZHOU).unwrap();
    let edition = &set.edition;
    let region = edition.jurisdiction.as_ref().unwrap();
    let mut lines = format!(
        "{} {} ({}), of {} {}, from {}\nsource: {}\n",
        edition.name,
        edition.edition,
        edition.standing.word(),
        region.scheme,
        region.code,
        edition.from,
        edition.source
    );
    for rule in &set.rules {
        let outcome = match &rule.outcome {
            Outcome::Exempt => "exempt".to_owned(),
            Outcome::Every(cycle) => {
                let payment = cycle.payment.unwrap();
                let award = payment.award_percent;
                format!("every {}, {} pays, award {award} %", cycle.interval, payment.payer)
            }
        };
        lines.push_str(&rule.code);
        lines.push_str(&[": ", &outcome, "\n"].concat());
    }
    expect![[r"
        zhengzhou-house-check-up 2025-draft (draft), of stats12 410100000000, from 2026-01-01
        source: Zhengzhou's draft of 2025-11, as reported by dzb.zzrbnews.com (88602) and m.jiemian.com (13658089); the text itself was not read
        dwelling-under-30-years: exempt
        dwelling-within-design-life: every 10 years, public_account pays, award 0 %
        dwelling-design-life-reached: every 5 years, public_account pays, award 0 %
        non-dwelling-design-life-reached: every 2 years, responsible_party pays, award 50 %
    "]]
    .assert_eq(&lines);
}

#[test]
fn everything_that_is_wrong_with_a_file_is_told_at_once() {
    check(
        r#"
        extra = 1
        table = "cycle"
        name = "x"
        edition = 3
        title = " "
        standing = "law"
        from = "2026-1-1"
        jurisdiction = { scheme = "stats12" }
        [[rule]]
        code = "a"
        when = { uses = ["house"], age_at_least = "30 years", age_below = "30 years", colour = "red" }
        then = { every = "ten years" }
        [[rule]]
        code = "b"
        when = { uses = [], storeys_above = { at_least = 7, at_most = 3 } }
        then = { exempt = true, every = "0 years", award_percent = 101 }
        [[rule]]
        code = "b"
        then = { exempt = false }
        [[first_check]]
        completed_to = "1985-12-31"
        due_by = 2026-12-31
        [[first_check]]
        completed_from = "1985-12-31"
        completed_to = "1990-12-31"
        due_by = "2027"
        [[first_check]]
        completed_from = "1985-12-31"
        completed_to = "1990-12-31"
        due_by = "2027-12-31"
        "#,
        &expect![[r#"
            at "edition", MALFORMED: a text is asked for, not integer
            at "extra", UNKNOWN_PATH: there is no such field here
            at "first_check[1].due_by", MALFORMED: a day is written as 2024-07-01
            at "first_check[2]", CONFLICTING: it has days of first_check[0]
            at "from", MALFORMED: a day is written as 2024-07-01
            at "jurisdiction.code", REQUIRED: this is missing
            at "rule[0].then.every", MALFORMED: a span is "10 years" or "18 months"
            at "rule[0].then.reset_by", REQUIRED: a cycle names the kinds of report that begin it anew
            at "rule[0].when.age_below", OUT_OF_RANGE: no age is 30 years and below 30 years
            at "rule[0].when.colour", UNKNOWN_PATH: there is no such field here
            at "rule[0].when.uses", UNKNOWN_VALUE: "house" is none of DWELLING, MIXED, COMMERCE, OFFICE, INDUSTRY, EDUCATION, HEALTH, OTHER
            at "rule[1].then", ONE_OF: a rule either says `exempt` or how often with `every`
            at "rule[1].then.award_percent", NOT_HERE: what is exempt has no check-up
            at "rule[1].then.award_percent", OUT_OF_RANGE: 101 is not within 0 and 100
            at "rule[1].then.every", OUT_OF_RANGE: a span is at least a month and at most 200 years
            at "rule[1].then.payer", REQUIRED: an award is given to who pays
            at "rule[1].when.storeys_above.at_most", OUT_OF_RANGE: no number is 7 or more, and 3 or less
            at "rule[1].when.uses", EMPTY: a list here has at least one value
            at "rule[2].then.exempt", OUT_OF_RANGE: a rule that exempts says true; others leave it out
            at "source", REQUIRED: this is missing
            at "standing", UNKNOWN_VALUE: "law" is none of in_force, draft, example
            at "title", EMPTY: the text has no characters
        "#]],
    );
}

#[test]
fn two_rules_of_one_name_are_refused() {
    let (_, rule) = SMALL.split_once("[[rule]]").unwrap();
    let violations = read::rule_set(&format!("{SMALL}[[rule]]{rule}")).unwrap_err();
    let found: Vec<_> = violations.list().iter().map(|at| (at.field.as_str(), at.reason)).collect();
    assert_eq!(found, [("rule[1].code", "REPEATED")]);
}

#[test]
fn a_set_is_made_for_a_region_and_ends_no_earlier_than_it_begins() {
    let text = SMALL
        .replace("jurisdiction =", "notes = [] #")
        .replace("from = 2020-01-01", "from = 2020-01-01\n until = 2019-12-31");
    check(
        &text,
        &expect![[r#"
            at "jurisdiction", REQUIRED: a rule set is made for a region
            at "until", OUT_OF_RANGE: it would end on 2019-12-31, before it begins on 2020-01-01
        "#]],
    );
    let one_day = SMALL.replace("from = 2020-01-01", "from = 2020-01-01\n until = 2020-01-01");
    let set = read::rule_set(&one_day).unwrap();
    assert_eq!(set.duty_since, day("2020-01-01"));
    assert!(in_force(&[&set], day("2020-01-01")).is_some());
    assert!(in_force(&[&set], day("2020-01-02")).is_none());
}

#[test]
fn a_file_of_another_table_is_no_rule_set() {
    check(
        include_str!("../../../data/reference/grades-example.toml"),
        &expect![[r#"
            at "table", OTHER_TABLE: this is a file of the table grades; one of cycle is asked for
        "#]],
    );
}

#[test]
fn a_file_that_is_no_toml_or_has_no_rule_is_refused() {
    check(
        "rule = [",
        &expect![[r#"
            at "", MALFORMED: line 1 is no TOML: unclosed array, expected `]`
        "#]],
    );
    check(
        SMALL.split("[[rule]]").next().unwrap(),
        &expect![[r#"
            at "rule", REQUIRED: a rule set has at least one rule
        "#]],
    );
    check(
        &" ".repeat(300_000),
        &expect![[r#"
            at "", TOO_LONG: a file has at most 262144 bytes
        "#]],
    );
}

#[test]
fn of_two_editions_of_one_day_the_greater_number_is_in_force() {
    let read = |edition: &str| {
        let text = format!(
            r#"
            table = "cycle"
            name = "example"
            edition = "{edition}"
            standing = "example"
            jurisdiction = {{ scheme = "stats12", code = "410100000000" }}
            from = 2026-01-01
            source = "made up"
            [[rule]]
            code = "all"
            then = {{ every = "5 years", reset_by = ["check_up"] }}
            "#
        );
        read::rule_set(&text).unwrap()
    };
    let sets = ["9", "10", "2", "09"].map(read);
    let mut sets = sets.iter().collect::<Vec<_>>();
    for _ in 0..sets.len() {
        sets.rotate_left(1);
        assert_eq!(in_force(&sets, day("2026-06-01")).unwrap().edition.edition, "10");
    }
    sets.retain(|set| set.edition.edition.ends_with('9'));
    assert_eq!(in_force(&sets, day("2026-06-01")).unwrap().edition.edition, "9");
}

#[test]
fn what_is_only_a_draft_never_displaces_what_is_in_force() {
    let of = |region: &str, standing: &str, from: &str| {
        let text = SMALL
            .replace("410100000000", region)
            .replace("standing = \"example\"", &format!("standing = {standing:?}"))
            .replace("2020-01-01", from);
        read::rule_set(&text).unwrap()
    };
    let city_draft = of("410100000000", "draft", "2020-01-01");
    let city_later = of("410100000000", "draft", "2025-01-01");
    let province = of("410000000000", "in_force", "2030-01-01");
    let example = of("410100000000", "example", "2019-01-01");
    let sets = [&city_draft, &city_later, &example, &province];
    let governs = |text: &str| {
        let edition = |set: &CycleRuleSet| set.edition.clone();
        let edition = in_force(&sets, day(text)).map(edition);
        edition.map(|it| format!("{} {}", it.standing.word(), it.from))
    };
    assert_eq!(governs("2018-12-31"), None);
    assert_eq!(governs("2019-12-31").unwrap(), "example 2019-01-01");
    assert_eq!(governs("2024-12-31").unwrap(), "draft 2020-01-01");
    assert_eq!(governs("2025-01-01").unwrap(), "draft 2025-01-01");
    assert_eq!(governs("2030-01-01").unwrap(), "in_force 2030-01-01");
}

#[test]
fn years_end_on_the_same_day_or_the_last_of_the_month() {
    let after = |years, from: &str| Months::of_years(years).unwrap().after(day(from)).to_string();
    assert_eq!(after(30, "1996-05-01"), "2026-05-01");
    assert_eq!(after(30, "1996-02-29"), "2026-02-28");
    assert_eq!(after(4, "1996-02-29"), "2000-02-29");
    assert_eq!(after(200, "9900-01-01"), Day::MAX.to_string());
    assert_eq!(Months::new(1).unwrap().after(day("2026-01-31")), day("2026-02-28"));
    assert_eq!(Months::new(12).unwrap().before(day("2026-02-28")), Some(day("2025-02-28")));
    assert_eq!(Months::new(12).unwrap().before(day("2025-02-28")), Some(day("2024-02-29")));
    assert_eq!(Months::new(12).unwrap().before(day("0001-06-01")), None);
}

proptest! {
    #[test]
    fn the_day_before_is_the_last_from_which_the_months_have_passed(
        number in -200_000_i32..200_000, months in 1_u16..2_400
    ) {
        last_day_before(number, months)?;
    }
}

fn last_day_before(number: i32, months: u16) -> Result<(), TestCaseError> {
    let (day, months) = (Day::from_number(number).unwrap(), Months::new(months).unwrap());
    let before = months.before(day).unwrap();
    prop_assert!(months.after(before) <= day);
    prop_assert!(months.after(before.next()) > day);
    prop_assert!(months.after(day) <= months.after(day.next()));
    Ok(())
}
