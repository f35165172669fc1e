//! Cycle rules (体检周期): which buildings have to be checked, how often, and who pays.
//!
//! A rule set is dated reference data of one jurisdiction, read from a file by [`read::rule_set`]:
//! no interval, age or day of any city is written in code. Rules are asked in the order of the
//! file and the first that applies is *the* rule. A building to which none applies is neither due
//! nor exempt: the set says nothing of it, and so does the registry.
//!
//! **How age is counted.** A building is `n` years old from the day `n` years after its completion
//! on; one completed on 29 February is so on 28 February of a year without the 29th. Nothing is
//! rounded: a completion day that is known only roughly (a year, a decade) means every day of its
//! span, and a question on which these days do not agree is answered by neither yes nor no. In
//! particular a year is never turned into its first of January, nor into its last day.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        building::{BuildingUse, Structure},
        due::Found,
        reference_file::Edition,
        report::ReportKind,
    },
    kernel::time::{Day, Month},
};

pub mod read;

/// Rules of one set.
pub const RULES_MAX: usize = 100;
/// Periods of one set's schedule of first check-ups.
pub const FIRST_CHECKS_MAX: usize = 100;
/// The longest interval, age and design life that a rule can name.
pub const YEARS_MAX: u16 = 200;
/// The design lives that a building can have whose own is not known, in years. As wide as what is
/// plausible of a building (`domain::plausibility`).
pub const DESIGN_LIFE_YEARS: (u16, u16) = (5, 120);

/// Who pays for a check-up. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Payer {
    /// 公共账户: the public account of the fund.
    PublicAccount = 1,
    /// 房屋使用安全责任人: the owner, or who manages or uses in the owner's place.
    ResponsibleParty = 2,
}

impl Payer {
    /// Every value, in the order of the numbers.
    pub const ALL: [Self; 2] = [Self::PublicAccount, Self::ResponsibleParty];

    /// The payer with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|payer| *payer as u32 == number)
    }
}

impl fmt::Display for Payer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PublicAccount => "public_account",
            Self::ResponsibleParty => "responsible_party",
        })
    }
}

/// Who pays, and what comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Who pays at first.
    pub payer: Payer,
    /// What the public account gives back, in percent; 0 for nothing.
    pub award_percent: u8,
}

/// A stretch of calendar months: 1 to 12 × [`YEARS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Months(u16);

impl Months {
    /// `None` for no month, or for more than [`YEARS_MAX`] years.
    pub fn new(months: u16) -> Option<Self> {
        (1..=YEARS_MAX * 12).contains(&months).then_some(Self(months))
    }

    /// `None` for no year, or for more than [`YEARS_MAX`].
    pub fn of_years(years: u16) -> Option<Self> {
        years.checked_mul(12).and_then(Self::new)
    }

    /// How many.
    pub const fn count(self) -> u16 {
        self.0
    }

    /// The same day of the month that many months later, or that month's last day when it has no
    /// such day. The last day of the calendar when it lies beyond.
    pub fn after(self, day: Day) -> Day {
        Month::from_number(day.month().number() + u32::from(self.0))
            .map_or(Day::MAX, |month| in_month(month, day))
    }

    /// The last day from which that many months have passed on `day`; `None` when that lies before
    /// the calendar.
    pub fn before(self, day: Day) -> Option<Day> {
        let number = day.month().number().checked_sub(u32::from(self.0))?;
        let mut found = in_month(Month::from_number(number)?, day);
        // From the 28th of February as well as from the 29th it is the 28th thereafter.
        while found < Day::MAX && self.after(found.next()) <= day {
            found = found.next();
        }
        Some(found)
    }
}

impl fmt::Display for Months {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, word) =
            if self.0.is_multiple_of(12) { (self.0 / 12, "year") } else { (self.0, "month") };
        write!(f, "{count} {word}{}", if count == 1 { "" } else { "s" })
    }
}

/// The day of `month` with the number that `day` has in its own, or the last.
fn in_month(month: Month, day: Day) -> Day {
    let offset = day.number() - day.month().first().number();
    Day::from_number(month.first().number() + offset)
        .map_or(Day::MAX, |found| found.min(month.last()))
}

/// Numbers from one to another, ends included; an end that is not there does not bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Between {
    /// The smallest.
    pub at_least: Option<u32>,
    /// The largest.
    pub at_most: Option<u32>,
}

impl Between {
    /// Whether a number lies in it.
    pub fn holds(self, number: u32) -> bool {
        self.at_least.is_none_or(|least| least <= number)
            && self.at_most.is_none_or(|most| number <= most)
    }
}

/// How a building's age stands to its design life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum DesignLife {
    /// 设计使用年限内: not yet as old as that.
    Within = 1,
    /// 达到设计使用年限: as old or older.
    Reached = 2,
}

impl DesignLife {
    /// Every value, in the order of the numbers.
    pub const ALL: [Self; 2] = [Self::Within, Self::Reached];
}

impl fmt::Display for DesignLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Within => "within",
            Self::Reached => "reached",
        })
    }
}

/// Grades on one scale. Values of different scales, or of different editions of one, are never
/// compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradeIn {
    /// The scale with its edition and aspect, as [`Ladder::code`](crate::domain::grade::Ladder::code) writes them.
    pub ladder: String,
    /// The values, at least one.
    pub values: BTreeSet<String>,
}

/// When a rule applies: where every condition that is there holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// One of these uses; empty for any.
    pub uses: BTreeSet<BuildingUse>,
    /// One of these structures; empty for any.
    pub structures: BTreeSet<Structure>,
    /// At least this old.
    pub age_at_least: Option<Months>,
    /// Not yet this old.
    pub age_below: Option<Months>,
    /// How its age stands to its design life.
    pub design_life: Option<DesignLife>,
    /// Its storeys above ground.
    pub storeys_above: Option<Between>,
    /// Its height in centimetres.
    pub height_cm: Option<Between>,
    /// The last grade in a scale. A building never graded in it does not fulfil this.
    pub last_grade: Option<GradeIn>,
    /// Whether it has findings that are open.
    pub has_open_findings: Option<bool>,
}

/// What a rule asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// No check-up.
    Exempt,
    /// A check-up each time.
    Every(Cycle),
}

/// A check-up that comes round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// From one check-up to the next.
    pub interval: Months,
    /// The kinds of report that begin a new interval; at least one.
    pub reset_by: BTreeSet<ReportKind>,
    /// Who pays, where the set says so.
    pub payment: Option<Payment>,
    /// No check-up by this rule is due before this day, when it is not the set's.
    pub duty_since: Option<Day>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name in the set.
    pub code: String,
    /// When it applies.
    pub when: Conditions,
    /// What it asks for.
    pub outcome: Outcome,
}

/// By when buildings of a period are checked for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstCheck {
    /// The first day of completion; `None` for as far back as can be.
    pub completed_from: Option<Day>,
    /// The last day of completion.
    pub completed_to: Day,
    /// The day by which the check-up is due.
    pub due_by: Day,
}

impl FirstCheck {
    /// Whether it is for a building completed on this day.
    pub fn holds(&self, completed: Day) -> bool {
        self.completed_from.is_none_or(|from| from <= completed) && completed <= self.completed_to
    }
}

/// The rules of one jurisdiction in one edition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleRuleSet {
    /// Which edition, and where and when it holds. It is made for a region.
    pub edition: Edition,
    /// No check-up is due before this day. A later edition keeps the day, so that what was overdue
    /// stays overdue since then.
    pub duty_since: Day,
    /// The rules in the order in which they are asked.
    pub rules: Vec<Rule>,
    /// When those are due that were never checked; periods do not overlap.
    pub first_checks: Vec<FirstCheck>,
    /// What was found by these rules already.
    #[serde(skip)]
    pub found: Found,
}

impl CycleRuleSet {
    /// The first day on which a check-up can be due by any of the rules.
    pub fn first_duty(&self) -> Day {
        let of_rules = self.rules.iter().filter_map(|rule| match &rule.outcome {
            Outcome::Every(cycle) => Some(cycle.duty_since.unwrap_or(self.duty_since)),
            Outcome::Exempt => None,
        });
        of_rules.min().map_or(self.duty_since, |first| first.max(self.duty_since))
    }

    /// The day by which a building completed on `completed` is checked for the first time.
    pub fn first_check(&self, completed: Day) -> Option<Day> {
        self.first_checks.iter().find(|first| first.holds(completed)).map(|first| first.due_by)
    }
}

/// The set that governs on a day, out of those made for the places a building lies in, the nearest
/// place first.
///
/// What is in force as law comes before a draft, and a draft before an example, wherever they are
/// from: a city's draft does not displace what its province has in force. Then the nearest place
/// counts, then the later first day, then the edition: `10` follows `9`.
pub fn in_force<'r>(sets: &[&'r CycleRuleSet], day: Day) -> Option<&'r CycleRuleSet> {
    let place = |one: &Edition| {
        sets.iter().position(|other| other.edition.jurisdiction == one.jurisdiction)
    };
    sets.iter().copied().filter(|set| set.edition.holds_on(day)).min_by(|a, b| {
        let (a, b) = (&a.edition, &b.edition);
        (a.standing.cmp(&b.standing))
            .then_with(|| place(a).cmp(&place(b)))
            .then_with(|| b.from.cmp(&a.from))
            .then_with(|| b.in_order().cmp(&a.in_order()))
            .then_with(|| b.name.cmp(&a.name))
    })
}

#[cfg(test)]
mod tests;
