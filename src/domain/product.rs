//! Insurance products (保险产品) and their clauses (条款): which parts of a building and which causes
//! a cover answers for, and when it begins and ends.
//!
//! Dated reference data, never code. A file lists the parts of a building and the causes of damage
//! that its products tell apart, and the products; a policy names a product and the version of its
//! clause, and holds by that version however many follow.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        cycle::{Months, YEARS_MAX},
        reference_file::{self, Edition, Section, Table},
    },
    kernel::{
        time::{Day, ImpreciseDay},
        violation::Violations,
    },
};

/// Covers of one product.
pub const COVERS_MAX: usize = 50;
/// Days within which a loss may have to be told.
const NOTICE_DAYS_MAX: u32 = 3_660;

/// What kind of insurance a product is. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Line {
    /// 工程质量潜在缺陷保险: inherent defects.
    InherentDefects = 1,
    /// 房屋安全保险: the safety of existing buildings.
    ExistingBuilding = 2,
    /// 城镇居民住房保险: the homes of a city's residents.
    Residents = 3,
    /// 巨灾保险: catastrophes.
    Catastrophe = 4,
    /// 责任保险: liability.
    Liability = 5,
}

impl Line {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::InherentDefects,
        Self::ExistingBuilding,
        Self::Residents,
        Self::Catastrophe,
        Self::Liability,
    ];

    /// The word in files and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InherentDefects => "inherent_defects",
            Self::ExistingBuilding => "existing_building",
            Self::Residents => "residents",
            Self::Catastrophe => "catastrophe",
            Self::Liability => "liability",
        }
    }

    /// The kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|line| *line as u32 == number)
    }
}

/// A code with its names: a part of a building, or a cause of damage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// For example `STRUCTURE`.
    pub code: String,
    /// Its Chinese name.
    pub chinese: String,
    /// Its English name.
    pub english: String,
}

/// Which day has to lie in the period of a cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Trigger {
    /// The day on which it happened.
    Loss = 1,
    /// The day on which the insurer was told.
    Notice = 2,
}

impl Trigger {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Loss, Self::Notice];

    /// The word in files and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Notice => "notice",
        }
    }
}

/// When a cover holds, where the policy does not say the days itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Term {
    /// The policy says the days.
    ByPolicy,
    /// It is counted from the day on which the building was completed and accepted.
    FromCompletion {
        /// Months that pass before it begins; `None` when it begins at once.
        wait: Option<Months>,
        /// Months after which it ends, counted from the same day.
        months: Months,
    },
}

/// The days of a cover, as far as they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub first: ImpreciseDay,
    /// The last.
    pub last: ImpreciseDay,
}

impl Term {
    /// The days of the cover of a building with this day of completion; `None` when the policy says
    /// them.
    ///
    /// Periods of months are counted as the Civil Code has it (民法典 第二百零一、二百零二条): the day
    /// from which one counts is not counted in, and the last day is the one with the same number,
    /// or the last of its month. So a cover of 60 months from 29 February 2016 ends with
    /// 28 February 2021, and what waits for 24 months begins on 1 March 2018. What does not wait
    /// begins on the day itself.
    pub fn days(self, completed: ImpreciseDay) -> Option<Days> {
        let Self::FromCompletion { wait, months } = self else { return None };
        let begins = |day: Day| wait.map_or(day, |wait| wait.after(day).next());
        let spanned = |of: &dyn Fn(Day) -> Day| {
            // A day that is not known at all stays so, and is not the calendar's first or last.
            let (earliest, latest) = (completed.earliest(), completed.latest());
            let earliest = if earliest == Day::MIN { Day::MIN } else { of(earliest) };
            let latest = if latest == Day::MAX { Day::MAX } else { of(latest) };
            ImpreciseDay::new(earliest, latest).unwrap_or(ImpreciseDay::UNKNOWN)
        };
        Some(Days { first: spanned(&begins), last: spanned(&|day| months.after(day)) })
    }
}

/// One cover of a clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// Its code with its names.
    pub name: Named,
    /// The parts of a building for which it answers.
    pub parts: BTreeSet<String>,
    /// The causes for which it answers.
    pub causes: BTreeSet<String>,
    /// When it holds.
    pub term: Term,
    /// Which day has to lie in it.
    pub trigger: Trigger,
    /// Days after the loss within which the insurer has to be told; `None` when none are set.
    pub notice_days: Option<u32>,
}

/// A product with the version of its clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its code with its names.
    pub name: Named,
    /// What kind of insurance it is.
    pub line: Line,
    /// The version of the clause.
    pub clause: String,
    /// Its covers, by code.
    pub covers: BTreeMap<String, Cover>,
}

/// An edition of the list of products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Products {
    /// Which edition, and when policies may be written by it.
    pub edition: Edition,
    parts: BTreeMap<String, Named>,
    causes: BTreeMap<String, Named>,
    list: Vec<Product>,
}

impl Products {
    /// Reads a file; see `data/reference/products-example.toml`.
    pub fn read(text: &str) -> Result<Self, Violations> {
        reference_file::read(text, Table::Products, |edition, section, violations| {
            let parts = read_list(section, "part", violations);
            let causes = read_list(section, "cause", violations);
            let mut products: Vec<Product> = Vec::new();
            for mut row in section.sections("product", violations) {
                let path = row.path_of("code");
                let product = read_product(&mut row, &parts, &causes, violations);
                row.finish(violations);
                let Some(product) = product else { continue };
                let is_same = |known: &Product| {
                    (&known.name.code, &known.clause) == (&product.name.code, &product.clause)
                };
                if products.iter().any(is_same) {
                    let message = "this version of the product is in the file twice";
                    violations.add(path, "REPEATED", message);
                }
                products.push(product);
            }
            Some(Self { edition, parts, causes, list: products })
        })
    }

    /// The products with their clauses, in the order of the file.
    pub fn products(&self) -> &[Product] {
        &self.list
    }

    /// A product by its code and the version of its clause.
    pub fn product(&self, code: &str, clause: &str) -> Option<&Product> {
        self.list.iter().find(|known| known.name.code == code && known.clause == clause)
    }

    /// A part of a building, or a cause, that it tells apart.
    pub fn word(&self, code: &str) -> Option<&Named> {
        self.parts.get(code).or_else(|| self.causes.get(code))
    }

    /// The parts of a building that it tells apart.
    pub fn parts(&self) -> impl Iterator<Item = &Named> {
        self.parts.values()
    }

    /// The causes that it tells apart.
    pub fn causes(&self) -> impl Iterator<Item = &Named> {
        self.causes.values()
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code, self.chinese, self.english)
    }
}

fn read_named(row: &mut Section<'_>, violations: &mut Violations) -> Option<Named> {
    let code = row.symbol("code", violations);
    let chinese = row.text("chinese", violations);
    let english = row.text("english", violations);
    Some(Named { code: code?, chinese: chinese?, english: english? })
}

fn read_list(
    section: &mut Section<'_>,
    key: &str,
    violations: &mut Violations,
) -> BTreeMap<String, Named> {
    let mut list = BTreeMap::new();
    for mut row in section.sections(key, violations) {
        let named = read_named(&mut row, violations);
        let path = row.path_of("code");
        row.finish(violations);
        if let Some(named) = named
            && list.insert(named.code.clone(), named).is_some()
        {
            violations.add(path, "REPEATED", format!("this {key} is in the file twice"));
        }
    }
    list
}

fn read_product(
    row: &mut Section<'_>,
    parts: &BTreeMap<String, Named>,
    causes: &BTreeMap<String, Named>,
    violations: &mut Violations,
) -> Option<Product> {
    let name = read_named(row, violations);
    let line = row.word("line", &Line::ALL.map(|line| (line.word(), line)), violations);
    let clause = row.symbol("clause", violations);
    let mut covers: BTreeMap<String, Cover> = BTreeMap::new();
    if row.lacks("cover") {
        violations.add(row.path_of("cover"), "REQUIRED", "a product has at least one cover");
    }
    for mut cover in row.sections_within("cover", COVERS_MAX, violations) {
        let path = cover.path_of("code");
        let read = read_cover(&mut cover, parts, causes, violations);
        cover.finish(violations);
        if let Some(read) = read
            && covers.insert(read.name.code.clone(), read).is_some()
        {
            violations.add(path, "REPEATED", "this cover is in the product twice");
        }
    }
    Some(Product { name: name?, line: line?, clause: clause?, covers })
}

fn read_cover(
    row: &mut Section<'_>,
    parts: &BTreeMap<String, Named>,
    causes: &BTreeMap<String, Named>,
    violations: &mut Violations,
) -> Option<Cover> {
    let name = read_named(row, violations);
    let parts = read_known(row, "parts", parts, violations);
    let causes = read_known(row, "causes", causes, violations);
    let triggers = Trigger::ALL.map(|trigger| (trigger.word(), trigger));
    let trigger = row.optional_word("trigger", &triggers, violations).unwrap_or(Trigger::Loss);
    let notice_days = row.optional_number("notice_days", (0, NOTICE_DAYS_MAX), violations);
    let from_completion = row.below("from_completion", violations, |section, violations| {
        let months_max = u32::from(YEARS_MAX) * 12;
        let wait = section.optional_number("wait_months", (0, months_max), violations);
        let path = section.path_of("months");
        let months = section.number("months", (1, months_max), violations)?;
        if wait.is_some_and(|wait| wait >= months) {
            let message = "it would end before its waiting time is over";
            violations.add(path, "OUT_OF_RANGE", message);
        }
        let of = |months: u32| u16::try_from(months).ok().and_then(Months::new);
        Some(Term::FromCompletion { wait: wait.and_then(of), months: of(months)? })
    });
    let term = from_completion.unwrap_or(Term::ByPolicy);
    Some(Cover { name: name?, parts, causes, term, trigger, notice_days })
}

/// Codes of a list of the file; at least one.
fn read_known(
    row: &mut Section<'_>,
    key: &str,
    known: &BTreeMap<String, Named>,
    violations: &mut Violations,
) -> BTreeSet<String> {
    let path = row.path_of(key);
    if row.lacks(key) {
        violations.add(&path, "REQUIRED", "at least one is named");
    }
    let codes = row.codes(key, violations);
    for code in codes.iter().filter(|code| !known.contains_key(*code)) {
        let message = format!("{code:?} is in no list of this file");
        violations.add(&path, "UNKNOWN_VALUE", message);
    }
    codes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reference_file::told;
    use expect_test::{Expect, expect};

    const EXAMPLE: &str = include_str!("../../data/reference/products-example.toml");

    #[test]
    fn the_example_is_one_of_every_line_and_marked_as_an_example() {
        let products = Products::read(EXAMPLE).unwrap();
        assert_eq!(products.edition.standing, reference_file::Standing::Example);
        for line in Line::ALL {
            assert!(products.products().iter().any(|product| product.line == line), "{line:?}");
            assert_eq!(Line::from_number(line as u32), Some(line));
        }
        let defects = products.product("IDI", "2019-example").unwrap();
        let months = |code: &str| match defects.covers.get(code).unwrap().term {
            Term::FromCompletion { months, .. } => months.count(),
            Term::ByPolicy => 0,
        };
        // DOMAIN §2.1 and the opinion of Shanghai of 2019: ten, five and two years.
        assert_eq!((months("STR"), months("WTR"), months("FIN")), (120, 60, 24));
        assert_eq!(products.product("IDI", "another"), None);
    }

    #[test]
    fn everything_that_is_wrong_with_a_list_of_products_is_told_at_once() {
        let text = r#"
            table = "products"
            name = "x"
            edition = "1"
            standing = "example"
            from = 2025-01-01
            source = "made up"
            part = [
                { code = "ROOF", chinese = "屋面", english = "roof" },
                { code = "ROOF", chinese = "屋面", english = "roof" },
            ]
            cause = [{ code = "A B", chinese = "缺陷", english = "defect" }]
            [[product]]
            code = "P"
            chinese = "产品"
            english = "product"
            line = "life"
            [[product]]
            code = "P"
            chinese = "产品"
            english = "product"
            line = "liability"
            clause = "1"
            [[product.cover]]
            code = "C"
            chinese = "责任"
            english = "cover"
            parts = ["WALL"]
            from_completion = { wait_months = 24, months = 24 }
            trigger = "claim"
            premium = 3
            [[product]]
            code = "P"
            chinese = "产品"
            english = "product"
            line = "liability"
            clause = "1"
            cover = [{ code = "C", chinese = "责任", english = "cover", parts = ["ROOF"], causes = [] }]
        "#;
        expect![[r#"
            part[1].code: REPEATED (this part is in the file twice)
            cause[0].code: MALFORMED ("A B" is not made of letters, digits, points, hyphens, underscores)
            product[0].line: UNKNOWN_VALUE ("life" is none of inherent_defects, existing_building, residents, catastrophe, liability)
            product[0].clause: REQUIRED (this is missing)
            product[0].cover: REQUIRED (a product has at least one cover)
            product[1].cover[0].parts: UNKNOWN_VALUE ("WALL" is in no list of this file)
            product[1].cover[0].causes: REQUIRED (at least one is named)
            product[1].cover[0].trigger: UNKNOWN_VALUE ("claim" is none of loss, notice)
            product[1].cover[0].from_completion.months: OUT_OF_RANGE (it would end before its waiting time is over)
            product[1].cover[0].premium: UNKNOWN_PATH (there is no such field here)
            product[2].cover[0].causes: REQUIRED (at least one is named)
            product[2].code: REPEATED (this version of the product is in the file twice)
        "#]].assert_eq(&told(Products::read(text)));
    }

    #[expect(clippy::needless_pass_by_value, reason = "expect! makes values")]
    fn check(wait: u16, months: u16, completed: &[&str], expected: Expect) {
        let term =
            Term::FromCompletion { wait: Months::new(wait), months: Months::new(months).unwrap() };
        let told = completed.iter().map(|completed| {
            let days = term.days(completed.parse().unwrap()).unwrap();
            format!("{completed}: {} to {}\n", days.first, days.last)
        });
        expected.assert_eq(&told.collect::<String>());
    }

    #[test]
    fn periods_are_counted_as_the_civil_code_has_it() {
        check(
            0,
            60,
            &["2015-06-30", "2016-02-29", "2016-02-28", "2019-12-31", "2016", "unknown"],
            expect![[r"
                2015-06-30: 2015-06-30 to 2020-06-30
                2016-02-29: 2016-02-29 to 2021-02-28
                2016-02-28: 2016-02-28 to 2021-02-28
                2019-12-31: 2019-12-31 to 2024-12-31
                2016: 2016 to 2021
                unknown: unknown to unknown
            "]],
        );
        check(
            24,
            120,
            &["2015-06-30", "2016-02-29", "2015-12-31", "<1990"],
            expect![[r"
            2015-06-30: 2017-07-01 to 2025-06-30
            2016-02-29: 2018-03-01 to 2026-02-28
            2015-12-31: 2018-01-01 to 2025-12-31
            <1990: <1992-01-02 to <2000
        "]],
        );
        assert_eq!(Term::ByPolicy.days(ImpreciseDay::UNKNOWN), None);
    }
}
