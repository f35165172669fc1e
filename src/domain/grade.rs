//! Grades: five scales that are never mixed, and the municipal colour that is derived from them.
//!
//! A grade is (scale, edition, scope, aspect, value). Two grades are compared only when all but the
//! value agree; a [`Grade`] has no order of its own. Which values an edition has, and which colour a
//! value means, is reference data, read here and loaded elsewhere; a value without a row has no
//! colour, and is never green by default.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    domain::reference_file::{self, Edition, Section, Table},
    kernel::violation::Violations,
};

/// The scale. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Scale {
    /// 危险房屋鉴定 (JGJ 125).
    DangerousHouse = 1,
    /// 可靠性鉴定 (GB 50292).
    Reliability = 2,
    /// 房屋完损等级.
    Condition = 3,
    /// 排查分类.
    Survey = 4,
    /// 颜色码: a municipal meaning, derived from the others.
    Colour = 5,
}

impl Scale {
    /// Every scale.
    pub const ALL: [Self; 5] =
        [Self::DangerousHouse, Self::Reliability, Self::Condition, Self::Survey, Self::Colour];

    /// The word in files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DangerousHouse => "dangerous_house",
            Self::Reliability => "reliability",
            Self::Condition => "condition",
            Self::Survey => "survey",
            Self::Colour => "colour",
        }
    }

    /// The scale with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|scale| *scale as u32 == number)
    }
}

/// What part of a building a grade is about. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Scope {
    /// 构件
    Member = 1,
    /// 子单元
    SubUnit = 2,
    /// 鉴定单元
    AppraisalUnit = 3,
    /// 整幢
    Building = 4,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Member, Self::SubUnit, Self::AppraisalUnit, Self::Building];

    /// The word in files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::SubUnit => "sub_unit",
            Self::AppraisalUnit => "appraisal_unit",
            Self::Building => "building",
        }
    }

    /// The scope with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| *scope as u32 == number)
    }
}

/// What a grade judges; scales that judge one thing judge the whole. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Aspect {
    /// 综合
    Whole = 1,
    /// 安全性
    Safety = 2,
    /// 使用性
    Serviceability = 3,
    /// 可靠性
    Reliability = 4,
}

impl Aspect {
    /// Every aspect.
    pub const ALL: [Self; 4] = [Self::Whole, Self::Safety, Self::Serviceability, Self::Reliability];

    /// The word in files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Safety => "safety",
            Self::Serviceability => "serviceability",
            Self::Reliability => "reliability",
        }
    }

    /// The aspect with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|aspect| *aspect as u32 == number)
    }
}

/// Everything of a grade but its value: grades are compared on one ladder only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ladder {
    /// The scale.
    pub scale: Scale,
    /// Its edition, for example `JGJ125-2016`.
    pub edition: String,
    /// What part of the building.
    pub scope: Scope,
    /// What is judged.
    pub aspect: Aspect,
}

impl Ladder {
    /// The scale, its edition, and the aspect where it is not the whole, as cycle rules name what
    /// they count from: `dangerous_house/JGJ125-2016`, `reliability/GB50292-2015/safety`.
    pub fn code(&self) -> String {
        let mut code = format!("{}/{}", self.scale.word(), self.edition);
        if self.aspect != Aspect::Whole {
            code.push('/');
            code.push_str(self.aspect.word());
        }
        code
    }
}

/// A grade as it was given. It says what it says, and has no order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grade {
    /// On which ladder.
    pub ladder: Ladder,
    /// Which of its values.
    pub value: String,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.ladder, self.value)
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scope, aspect) = (self.scope.word(), self.aspect.word());
        write!(f, "{} {} {scope} {aspect}", self.scale.word(), self.edition)
    }
}

impl Grade {
    /// Passes the grade on when it is of the scale that is asked for.
    pub fn on(&self, scale: Scale) -> Result<&Self, Refusal> {
        if self.ladder.scale == scale {
            Ok(self)
        } else {
            Err(Refusal::OtherScale { asked: scale, given: self.ladder.scale })
        }
    }
}

/// Why a grade is refused, in the order in which the rules are asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No loaded edition has such a ladder.
    #[error("no edition {edition:?} of the scale {} grades this scope and aspect", scale.word())]
    UnknownLadder {
        /// The scale that was named.
        scale: Scale,
        /// The edition that was named.
        edition: String,
    },
    /// The ladder does not have the value.
    #[error("{value:?} is not a value of {edition:?}")]
    UnknownValue {
        /// What was given.
        value: String,
        /// The edition.
        edition: String,
    },
    /// A grade of one scale was given where one of another is asked for.
    #[error("a grade on the scale {} is asked for; this one is on {}", asked.word(), given.word())]
    OtherScale {
        /// What is asked for.
        asked: Scale,
        /// What came.
        given: Scale,
    },
    /// Two grades are not on one ladder.
    #[error("grades of different scales, editions, scopes or aspects do not compare")]
    NotComparable,
    /// The mapping says no colour for the grade.
    #[error("the mapping {edition:?} has no colour for {value:?}")]
    NoColour {
        /// The grade's value.
        value: String,
        /// The mapping's edition.
        edition: String,
    },
}

impl Refusal {
    /// The stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownLadder { .. } => "GRADE_EDITION",
            Self::UnknownValue { .. } => "GRADE_VALUE",
            Self::OtherScale { .. } => "GRADE_SCALE",
            Self::NotComparable => "GRADE_NOT_COMPARABLE",
            Self::NoColour { .. } => "GRADE_WITHOUT_COLOUR",
        }
    }
}

/// A ladder with its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rungs {
    /// The ladder.
    pub ladder: Ladder,
    /// The values, the best first.
    pub values: Vec<String>,
    /// Those of the values that mean a dangerous house (危房).
    pub dangerous: Vec<String>,
    /// Whether only an appraisal (鉴定) gives such grades.
    pub is_of_appraisal: bool,
}

/// The scales that are known: an edition of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// Which edition, and when it holds.
    pub edition: Edition,
    ladders: Vec<Rungs>,
}

impl Catalogue {
    /// Reads a file of scales; see `data/reference/grades-example.toml`.
    pub fn read(text: &str) -> Result<Self, Violations> {
        reference_file::read(text, Table::Grades, |edition, section, violations| {
            let mut ladders: Vec<Rungs> = Vec::new();
            for mut row in section.sections("ladder", violations) {
                let path = row.path_of("values");
                let rungs = read_rungs(&mut row, violations);
                row.finish(violations);
                let Some(rungs) = rungs else { continue };
                if ladders.iter().any(|known| known.ladder == rungs.ladder) {
                    violations.add(path, "REPEATED", "this ladder is in the file twice");
                } else {
                    ladders.push(rungs);
                }
            }
            Some(Self { edition, ladders })
        })
    }

    /// The ladders, in the order of the file.
    pub fn ladders(&self) -> &[Rungs] {
        &self.ladders
    }

    /// The values of a ladder.
    pub fn rungs(&self, ladder: &Ladder) -> Result<&Rungs, Refusal> {
        self.ladders.iter().find(|known| known.ladder == *ladder).ok_or_else(|| {
            Refusal::UnknownLadder { scale: ladder.scale, edition: ladder.edition.clone() }
        })
    }

    /// A grade that the catalogue has. Refuses `GRADE_EDITION` and `GRADE_VALUE`.
    pub fn grade(&self, ladder: Ladder, value: &str) -> Result<Grade, Refusal> {
        let grade = Grade { ladder, value: value.to_owned() };
        self.rung(&grade)?;
        Ok(grade)
    }

    /// How far from the best a grade is.
    fn rung(&self, grade: &Grade) -> Result<usize, Refusal> {
        let rungs = self.rungs(&grade.ladder)?;
        rungs.values.iter().position(|value| *value == grade.value).ok_or_else(|| {
            Refusal::UnknownValue {
                value: grade.value.clone(),
                edition: grade.ladder.edition.clone(),
            }
        })
    }

    /// How bad `one` is beside `other`: `Greater` is worse. Refuses `GRADE_NOT_COMPARABLE` unless
    /// both are on one ladder.
    pub fn compare(&self, one: &Grade, other: &Grade) -> Result<Ordering, Refusal> {
        if one.ladder != other.ladder {
            return Err(Refusal::NotComparable);
        }
        Ok(self.rung(one)?.cmp(&self.rung(other)?))
    }

    /// Whether the grade makes the building a dangerous house (危房).
    pub fn is_dangerous(&self, grade: &Grade) -> Result<bool, Refusal> {
        self.rung(grade)?;
        Ok(self.rungs(&grade.ladder)?.dangerous.contains(&grade.value))
    }
}

fn words<T: Copy, const N: usize>(
    all: [T; N],
    word: impl Fn(T) -> &'static str,
) -> [(&'static str, T); N] {
    all.map(|one| (word(one), one))
}

fn read_ladder(row: &mut Section<'_>, violations: &mut Violations) -> Option<Ladder> {
    let scale = row.word("scale", &words(Scale::ALL, Scale::word), violations);
    let edition = row.text("edition", violations);
    let scope = row.word("scope", &words(Scope::ALL, Scope::word), violations);
    let aspect = row.word("aspect", &words(Aspect::ALL, Aspect::word), violations);
    Some(Ladder { scale: scale?, edition: edition?, scope: scope?, aspect: aspect? })
}

fn read_rungs(row: &mut Section<'_>, violations: &mut Violations) -> Option<Rungs> {
    let ladder = read_ladder(row, violations);
    let values = row.texts("values", violations);
    let dangerous = row.texts("dangerous", violations);
    let kinds = [("appraisal", true), ("any", false)];
    let is_of_appraisal = row.word("given_by", &kinds, violations);
    if values.len() < 2 {
        violations.add(row.path_of("values"), "OUT_OF_RANGE", "a ladder has at least two values");
    }
    for value in dangerous.iter().filter(|value| !values.contains(value)) {
        let message = format!("{value:?} is not among the values");
        violations.add(row.path_of("dangerous"), "UNKNOWN_VALUE", message);
    }
    Some(Rungs { ladder: ladder?, values, dangerous, is_of_appraisal: is_of_appraisal? })
}

/// Which colour a city gives to which grade: an edition of the city's own mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColourMapping {
    /// Which edition, and when it holds.
    pub edition: Edition,
    /// The ladder of the colours.
    pub colours: Ladder,
    rows: Vec<(Grade, String)>,
}

/// A colour, and what it was derived from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derived {
    /// The colour: a grade on [`Scale::Colour`].
    pub colour: Grade,
    /// The grade it was derived from.
    pub basis: Grade,
    /// The mapping's name.
    pub mapping: String,
    /// The mapping's edition.
    pub edition: String,
}

impl ColourMapping {
    /// Reads a mapping, whose grades and colours `catalogue` must have; see
    /// `data/reference/colours-example.toml`.
    pub fn read(text: &str, catalogue: &Catalogue) -> Result<Self, Violations> {
        reference_file::read(text, Table::Colours, |edition, section, violations| {
            let colours = section.section("colours", violations).and_then(|mut colours| {
                let name = colours.text("edition", violations);
                let scope = colours.word("scope", &words(Scope::ALL, Scope::word), violations);
                let path = colours.path_of("edition");
                colours.finish(violations);
                let scale = Scale::Colour;
                let (edition, scope) = (name?, scope?);
                let ladder = Ladder { scale, edition, scope, aspect: Aspect::Whole };
                violations.take(&path, told(catalogue.rungs(&ladder).map(|_| ladder.clone())))
            });
            if colours.is_none() && violations.is_empty() {
                violations.add("colours", "REQUIRED", "the mapping names no edition of colours");
            }
            let mut rows: Vec<(Grade, String)> = Vec::new();
            for mut row in section.sections("row", violations) {
                read_row(&mut row, catalogue, colours.as_ref(), &mut rows, violations);
                row.finish(violations);
            }
            Some(Self { edition, colours: colours?, rows })
        })
    }

    /// The colour of a grade. Refuses `GRADE_WITHOUT_COLOUR` when no row has it: of what is not
    /// mapped the colour is unknown.
    pub fn colour(&self, grade: &Grade) -> Result<Derived, Refusal> {
        let row = self.rows.iter().find(|(known, _)| known == grade);
        let (_, colour) = row.ok_or_else(|| Refusal::NoColour {
            value: grade.value.clone(),
            edition: self.edition.edition.clone(),
        })?;
        Ok(Derived {
            colour: Grade { ladder: self.colours.clone(), value: colour.clone() },
            basis: grade.clone(),
            mapping: self.edition.name.clone(),
            edition: self.edition.edition.clone(),
        })
    }
}

fn told<T>(read: Result<T, Refusal>) -> Result<T, (&'static str, String)> {
    read.map_err(|refusal| (refusal.reason(), refusal.to_string()))
}

fn read_row(
    row: &mut Section<'_>,
    catalogue: &Catalogue,
    colours: Option<&Ladder>,
    rows: &mut Vec<(Grade, String)>,
    violations: &mut Violations,
) {
    let ladder = read_ladder(row, violations);
    let values = row.texts("values", violations);
    let colour = row.text("colour", violations);
    if values.is_empty() {
        violations.add(row.path_of("values"), "REQUIRED", "a row maps at least one value");
    }
    if let (Some(colours), Some(colour)) = (colours, &colour) {
        let read = catalogue.grade(colours.clone(), colour);
        violations.take(&row.path_of("colour"), told(read));
    }
    let Some(ladder) = ladder else { return };
    if ladder.scale == Scale::Colour {
        let message = "a colour is derived, and nothing is derived from it";
        violations.add(row.path_of("scale"), "GRADE_SCALE", message);
        return;
    }
    for value in values {
        let read = catalogue.grade(ladder.clone(), &value);
        let Some(grade) = violations.take(&row.path_of("values"), told(read)) else { continue };
        if rows.iter().any(|(known, _)| *known == grade) {
            let message = format!("{value:?} is mapped twice");
            violations.add(row.path_of("values"), "REPEATED", message);
        } else if let Some(colour) = &colour {
            rows.push((grade, colour.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reference_file::told as violations_told;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use std::fmt::Write as _;

    const GRADES: &str = include_str!("../../data/reference/grades-example.toml");
    const COLOURS: &str = include_str!("../../data/reference/colours-example.toml");

    fn catalogue() -> Catalogue {
        Catalogue::read(GRADES).unwrap()
    }

    /// `dangerous_house JGJ125-2016 building whole C`
    fn given(text: &str) -> Grade {
        let of = text.split(' ').collect::<Vec<_>>();
        let ladder = Ladder {
            scale: Scale::ALL.into_iter().find(|one| one.word() == of[0]).unwrap(),
            edition: of[1].to_owned(),
            scope: Scope::ALL.into_iter().find(|one| one.word() == of[2]).unwrap(),
            aspect: Aspect::ALL.into_iter().find(|one| one.word() == of[3]).unwrap(),
        };
        Grade { ladder, value: of[4].to_owned() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "expect! makes values")]
    fn check(lines: &str, expected: Expect) {
        let catalogue = catalogue();
        let mapping = ColourMapping::read(COLOURS, &catalogue).unwrap();
        let mut told = String::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let grade = given(line);
            let answer = catalogue
                .grade(grade.ladder.clone(), &grade.value)
                .and_then(|grade| {
                    let danger = if catalogue.is_dangerous(&grade)? { "dangerous, " } else { "" };
                    Ok(format!("{danger}{}", mapping.colour(&grade)?.colour.value))
                })
                .unwrap_or_else(|refusal| refusal.reason().to_owned());
            writeln!(told, "{line}: {answer}").unwrap();
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn a_grade_has_the_colour_that_the_city_gives_it_or_none() {
        check(
            "
        dangerous_house JGJ125-2016 building whole A
        dangerous_house JGJ125-2016 building whole C
        dangerous_house JGJ125-2016 building whole D
        dangerous_house JGJ125-2016 building whole E
        dangerous_house JGJ125-1999 building whole C
        dangerous_house JGJ125-2016 member whole C
        reliability GB50292-2015 appraisal_unit safety B_su
        condition 1984 building whole mostly_sound
        condition 1984 building whole C
        survey 2020 building whole A
        survey 2020 building whole C
        colour example-4 building whole green
        ",
            expect![[r"
            dangerous_house JGJ125-2016 building whole A: green
            dangerous_house JGJ125-2016 building whole C: dangerous, orange
            dangerous_house JGJ125-2016 building whole D: dangerous, red
            dangerous_house JGJ125-2016 building whole E: GRADE_VALUE
            dangerous_house JGJ125-1999 building whole C: GRADE_EDITION
            dangerous_house JGJ125-2016 member whole C: GRADE_EDITION
            reliability GB50292-2015 appraisal_unit safety B_su: GRADE_WITHOUT_COLOUR
            condition 1984 building whole mostly_sound: green
            condition 1984 building whole C: GRADE_VALUE
            survey 2020 building whole A: green
            survey 2020 building whole C: red
            colour example-4 building whole green: GRADE_WITHOUT_COLOUR
        "]],
        );
    }

    #[test]
    fn a_grade_of_another_scale_is_refused_where_one_is_asked_for() {
        let survey = given("survey 2020 building whole C");
        let refusal = survey.on(Scale::DangerousHouse).unwrap_err();
        assert_eq!(refusal.reason(), "GRADE_SCALE");
        expect!["a grade on the scale dangerous_house is asked for; this one is on survey"]
            .assert_eq(&refusal.to_string());
        assert_eq!(survey.on(Scale::Survey), Ok(&survey));
    }

    #[test]
    fn all_that_is_wrong_with_a_mapping_is_told_at_once() {
        let text = r#"
        table = "colours"
        name = "colours"
        edition = "2"
        standing = "example"
        from = 2025-01-01
        source = "made up"
        colours = { edition = "example-4", scope = "building" }
        row = [
            { scale = "survey", edition = "2020", scope = "building", aspect = "whole", values = ["A", "D"], colour = "blue" },
            { scale = "survey", edition = "2020", scope = "building", aspect = "whole", values = ["A"], colour = "red" },
            { scale = "colour", edition = "example-4", scope = "building", aspect = "whole", values = ["red"], colour = "red" },
            { scale = "stars", edition = "1", scope = "building", aspect = "whole", colour = 3 },
        ]
    "#;
        expect![[r#"
        row[0].colour: GRADE_VALUE ("blue" is not a value of "example-4")
        row[0].values: GRADE_VALUE ("D" is not a value of "2020")
        row[1].values: REPEATED ("A" is mapped twice)
        row[2].scale: GRADE_SCALE (a colour is derived, and nothing is derived from it)
        row[3].scale: UNKNOWN_VALUE ("stars" is none of dangerous_house, reliability, condition, survey, colour)
        row[3].colour: MALFORMED (a text is asked for, not integer)
        row[3].values: REQUIRED (a row maps at least one value)
    "#]]
    .assert_eq(&violations_told(ColourMapping::read(text, &catalogue())));
    }

    #[test]
    fn all_that_is_wrong_with_a_catalogue_is_told_at_once() {
        let text = r#"
        table = "grades"
        name = "grades"
        edition = "2"
        standing = "example"
        from = 2025-01-01
        source = "made up"
        ladder = [
            { scale = "survey", edition = "2020", scope = "building", aspect = "whole", given_by = "any", values = ["A", "A"], dangerous = ["D"] },
            { scale = "survey", edition = "2020", scope = "building", aspect = "whole", given_by = "any", values = ["A", "B"] },
            { scale = "survey", edition = "2020", scope = "street", aspect = "whole", given_by = "nobody", values = ["A", "B"] },
        ]
    "#;
        expect![[r#"
        ladder[0].values[1]: REPEATED ("A" is named twice)
        ladder[0].values: OUT_OF_RANGE (a ladder has at least two values)
        ladder[0].dangerous: UNKNOWN_VALUE ("D" is not among the values)
        ladder[1].values: REPEATED (this ladder is in the file twice)
        ladder[2].scope: UNKNOWN_VALUE ("street" is none of member, sub_unit, appraisal_unit, building)
        ladder[2].given_by: UNKNOWN_VALUE ("nobody" is none of appraisal, any)
    "#]]
    .assert_eq(&violations_told(Catalogue::read(text)));
    }

    fn all_grades() -> Vec<Grade> {
        let catalogue = catalogue();
        let of = |rungs: &Rungs| {
            let ladder = rungs.ladder.clone();
            rungs
                .values
                .iter()
                .map(move |value| Grade { ladder: ladder.clone(), value: value.clone() })
                .collect::<Vec<_>>()
        };
        catalogue.ladders().iter().flat_map(of).collect()
    }

    fn compares_only_on_one_ladder(one: &Grade, other: &Grade) {
        let catalogue = catalogue();
        let is_one_ladder = one.ladder.scale == other.ladder.scale
            && one.ladder.edition == other.ladder.edition
            && one.ladder.scope == other.ladder.scope
            && one.ladder.aspect == other.ladder.aspect;
        match catalogue.compare(one, other) {
            Ok(order) => {
                assert!(is_one_ladder, "{one:?} was compared with {other:?}");
                assert_eq!(order == Ordering::Equal, one == other);
                assert_eq!(catalogue.compare(other, one), Ok(order.reverse()));
            }
            Err(refusal) => {
                assert!(!is_one_ladder);
                assert_eq!(refusal, Refusal::NotComparable);
            }
        }
    }

    proptest! {
        #[test]
        fn grades_of_different_scales_never_compare(
            one in proptest::sample::select(all_grades()),
            other in proptest::sample::select(all_grades()),
        ) {
            compares_only_on_one_ladder(&one, &other);
        }
    }
}
