//! Which covers answer for a damage, and why the others do not.
//!
//! The question names what was damaged, the part and the cause, the day of the loss and the day on
//! which the insurer was told. Every cover item of every policy that ever named the damaged thing
//! is answered with all that stands against it, so that nobody has to ask twice. What cannot be
//! known because a day of completion is imprecise is said as that.

use std::fmt;

use crate::{
    domain::{
        policy::{CoverItem, Objection, PolicyContent, PolicyState, Standing},
        product::{Cover, Days, Product, Term, Trigger},
        timeline::Timeline,
    },
    kernel::time::{Answer, Day, ImpreciseDay},
};

/// What was damaged, how and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The part of the building.
    pub part: String,
    /// The cause.
    pub cause: String,
    /// The day of the loss.
    pub lost_on: Day,
    /// The day on which the insurer was told.
    pub noticed_on: Day,
}

/// Something that stands against an item's answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// The policy does not name the damaged thing, or what it is in or came from, on the day of the
    /// loss.
    NotInsured,
    /// What was damaged is no more on the day of the loss.
    Gone {
        /// Since when.
        since: ImpreciseDay,
    },
    /// Whether it was still there cannot be said.
    MaybeGone {
        /// Since when it is no more.
        since: ImpreciseDay,
    },
    /// The policy was not bound on the day that counts.
    Standing(Standing),
    /// The cover does not name the part.
    Part,
    /// The cover does not name the cause.
    Cause,
    /// The day that counts lies before the cover begins.
    NotYet(Days),
    /// The day that counts lies after the cover's end.
    Over(Days),
    /// Whether the day lies in the cover's days cannot be said.
    DaysUnknown(Days),
    /// The insurer was told too late.
    LateNotice {
        /// The last day for it.
        last: Day,
    },
    /// The version of the clause is in no list of products that is loaded.
    ClauseUnknown,
}

impl Against {
    /// The stable reason.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotInsured => "NOT_INSURED",
            Self::Gone { .. } => "OBJECT_GONE",
            Self::MaybeGone { .. } => "OBJECT_MAYBE_GONE",
            Self::Standing(_) => "POLICY_NOT_BOUND",
            Self::Part => "PART_NOT_COVERED",
            Self::Cause => "CAUSE_NOT_COVERED",
            Self::NotYet(_) => "BEFORE_COVER",
            Self::Over(_) => "AFTER_COVER",
            Self::DaysUnknown(_) => "COVER_DAYS_UNKNOWN",
            Self::LateNotice { .. } => "NOTICE_LATE",
            Self::ClauseUnknown => "CLAUSE_UNKNOWN",
        }
    }

    /// Whether it is certain that the item does not answer.
    pub const fn is_certain(self) -> bool {
        !matches!(self, Self::DaysUnknown(_) | Self::ClauseUnknown | Self::MaybeGone { .. })
    }
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInsured => f.write_str("the policy did not name it on the day of the loss"),
            Self::Gone { since } => write!(f, "it is no more since {since}"),
            Self::MaybeGone { since } => write!(f, "it is no more since some day of {since}"),
            Self::Standing(standing) => write!(f, "the policy was {standing} on the day"),
            Self::Part => f.write_str("the cover does not name the part"),
            Self::Cause => f.write_str("the cover does not name the cause"),
            Self::NotYet(days) => write!(f, "the cover begins on {}", days.first),
            Self::Over(days) => write!(f, "the cover ended with {}", days.last),
            Self::DaysUnknown(days) => {
                write!(f, "the cover holds from {} to {}", days.first, days.last)
            }
            Self::LateNotice { last } => write!(f, "the insurer was to be told by {last}"),
            Self::ClauseUnknown => f.write_str("the clause is in no list of products"),
        }
    }
}

/// A cover item, and what stands against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged<'p> {
    /// The item.
    pub item: &'p CoverItem,
    /// The clause's cover; `None` when the clause is not known.
    pub cover: Option<&'p Cover>,
    /// Its days, as far as they are known.
    pub days: Option<Days>,
    /// What stands against it; nothing: it answers.
    pub against: Vec<Against>,
}

impl Judged<'_> {
    /// Whether it answers.
    pub fn answer(&self) -> Answer {
        if self.against.is_empty() {
            Answer::Yes
        } else if self.against.iter().any(|against| against.is_certain()) {
            Answer::No
        } else {
            Answer::Unknown
        }
    }
}

/// A policy beside what was damaged.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'p> {
    /// The policy as it was on the day of the loss.
    pub policy: &'p PolicyContent,
    /// Where it stood on the day of the notice.
    pub stood_at_notice: Standing,
    /// Whether it named what was damaged, or what that is in or came from, on the day of the loss.
    pub is_named: bool,
    /// What stands against the damaged thing itself: that it was no more.
    pub gone: Option<Against>,
    /// The product by its clause.
    pub product: Option<&'p Product>,
    /// When the damaged building was completed.
    pub completed: ImpreciseDay,
}

/// Judges every cover item of a policy.
pub fn judge<'p>(beside: &Beside<'p>, damage: &Damage) -> Vec<Judged<'p>> {
    beside.policy.covers().iter().map(|item| judge_item(beside, item, damage)).collect()
}

fn judge_item<'p>(beside: &Beside<'p>, item: &'p CoverItem, damage: &Damage) -> Judged<'p> {
    let cover = beside.product.and_then(|product| product.covers.get(&item.cover));
    let days = days_of(item, cover, beside.completed);
    let mut against = Vec::new();
    if !beside.is_named {
        against.push(Against::NotInsured);
    }
    against.extend(beside.gone);
    let Some(cover) = cover else {
        against.push(Against::ClauseUnknown);
        return Judged { item, cover: None, days, against };
    };
    let (counts, stood) = match cover.trigger {
        Trigger::Loss => (damage.lost_on, beside.policy.stands()),
        Trigger::Notice => (damage.noticed_on, beside.stood_at_notice),
    };
    if stood != Standing::Bound {
        against.push(Against::Standing(stood));
    }
    if !cover.parts.contains(&damage.part) {
        against.push(Against::Part);
    }
    if !cover.causes.contains(&damage.cause) {
        against.push(Against::Cause);
    }
    if let Some(days) = days {
        against.extend(outside(days, counts));
    }
    if let Some(last) = cover.notice_days.map(|count| damage.lost_on.later(count))
        && damage.noticed_on > last
    {
        against.push(Against::LateNotice { last });
    }
    Judged { item, cover: Some(cover), days, against }
}

/// What stands against answering for a thing by its own life: its end, on or before the day of the
/// loss.
pub fn gone(life: &Timeline, lost_on: Day) -> Option<Against> {
    let since = life.end()?.day;
    match since.on_or_before(lost_on) {
        Answer::Yes => Some(Against::Gone { since }),
        Answer::Unknown => Some(Against::MaybeGone { since }),
        Answer::No => None,
    }
}

/// The days of a cover item of a building: the policy's own, or those that follow from the clause.
pub fn days_of(item: &CoverItem, cover: Option<&Cover>, completed: ImpreciseDay) -> Option<Days> {
    match (item.from, item.until) {
        (Some(from), Some(until)) => {
            Some(Days { first: ImpreciseDay::exactly(from), last: ImpreciseDay::exactly(until) })
        }
        _ => cover.and_then(|cover| cover.term.days(completed)),
    }
}

/// What stands against days by where a day lies; nothing: it lies within them.
pub fn outside(days: Days, day: Day) -> Option<Against> {
    let begun = days.first.on_or_before(day);
    let over = if day == Day::MIN { Answer::No } else { days.last.on_or_before(day.previous()) };
    match (begun, over) {
        (Answer::No, _) => Some(Against::NotYet(days)),
        (_, Answer::Yes) => Some(Against::Over(days)),
        (Answer::Yes, Answer::No) => None,
        _ => Some(Against::DaysUnknown(days)),
    }
}

/// Where a policy stands on a day, with the days of every cover of everything that it insures.
pub fn state(standing: Standing, covers: &[Option<Days>], day: Day) -> PolicyState {
    match standing {
        Standing::Quoted => return PolicyState::Quoted,
        Standing::Cancelled => return PolicyState::Cancelled,
        Standing::Lapsed => return PolicyState::Lapsed,
        Standing::Bound => {}
    }
    let mut is_over = !covers.is_empty();
    let mut is_before = true;
    for days in covers {
        let Some(days) = days else { return PolicyState::Unknown };
        match outside(*days, day) {
            None => return PolicyState::InForce,
            Some(Against::NotYet(_)) => is_over = false,
            Some(Against::Over(_)) => is_before = false,
            Some(_) => (is_over, is_before) = (false, false),
        }
    }
    if is_over {
        PolicyState::Expired
    } else if is_before {
        PolicyState::Bound
    } else {
        // Between two covers, or of days that are not known.
        let is_known = covers
            .iter()
            .flatten()
            .all(|days| !matches!(outside(*days, day), Some(Against::DaysUnknown(_))));
        if is_known { PolicyState::Bound } else { PolicyState::Unknown }
    }
}

/// What stands against the covers of a policy beside the clause that it names: covers that the
/// clause does not have, and days that neither says.
pub fn against_clause(said: &PolicyContent, product: &Product) -> Vec<Objection> {
    let mut found = Vec::new();
    for (index, item) in said.covers().iter().enumerate() {
        let Some(cover) = product.covers.get(&item.cover) else {
            let known = product.covers.keys().cloned().collect::<Vec<_>>().join(", ");
            found.push(Objection {
                reason: "COVER_UNKNOWN",
                field: format!("covers[{index}].cover"),
                message: format!("{:?} is none of the clause's covers: {known}", item.cover),
            });
            continue;
        };
        if cover.term == Term::ByPolicy && item.from.is_none() && item.until.is_none() {
            found.push(Objection {
                reason: "REQUIRED",
                field: format!("covers[{index}].from"),
                message: "the clause leaves the days of this cover to the policy".to_owned(),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        policy::{Insurer, objections},
        product::Products,
        qualification::CompanyKey,
    };
    use crate::kernel::{fen::Fen, share::Share};
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    const EXAMPLE: &str = include_str!("../../data/reference/products-example.toml");

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn item(cover: &str, from: Option<&str>, until: Option<&str>) -> CoverItem {
        CoverItem {
            cover: cover.to_owned(),
            from: from.map(day),
            until: until.map(day),
            sum_insured: Fen::new(1_000).unwrap(),
            per_event: None,
            per_household: None,
            per_person: None,
            deductible: Fen::ZERO,
        }
    }

    /// Plays a script: first what the policy and the building are, then a line for each damage. A
    /// damage is answered cover by cover.
    #[expect(clippy::needless_pass_by_value, reason = "expect! makes values")]
    fn check(script: &str, expected: Expect) {
        let products = Products::read(EXAMPLE).unwrap();
        let mut policy = PolicyContent {
            insurers: Some(Some(vec![Insurer {
                company: CompanyKey("EXAMPLE".to_owned()),
                share: Share::WHOLE,
            }])),
            ..PolicyContent::default()
        };
        let (mut product, mut completed, mut named) = (None, ImpreciseDay::UNKNOWN, true);
        let mut told: Vec<String> = Vec::new();
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["product", code, clause] => product = products.product(code, clause),
                ["completed", on] => completed = on.parse().unwrap(),
                ["stands", word] => {
                    let stands = Standing::ALL.into_iter().find(|it| it.word() == *word);
                    policy.standing = Some(stands);
                }
                ["named", word] => named = *word == "yes",
                ["cover", code] => {
                    let items = policy.covers.get_or_insert_default().get_or_insert_default();
                    items.push(item(code, None, None));
                }
                ["cover", code, from, until] => {
                    let items = policy.covers.get_or_insert_default().get_or_insert_default();
                    items.push(item(code, Some(from), Some(until)));
                }
                [part, cause, lost, noticed @ ..] => {
                    let damage = Damage {
                        part: (*part).to_owned(),
                        cause: (*cause).to_owned(),
                        lost_on: day(lost),
                        noticed_on: day(noticed.first().unwrap_or(lost)),
                    };
                    let beside = Beside {
                        policy: &policy,
                        stood_at_notice: policy.stands(),
                        is_named: named,
                        gone: None,
                        product,
                        completed,
                    };
                    for judged in judge(&beside, &damage) {
                        let against = judged.against.iter().map(ToString::to_string);
                        let against = against.collect::<Vec<_>>().join("; ");
                        let (cover, answer) = (&judged.item.cover, judged.answer());
                        told.push(format!("{line} | {cover} {answer:?}: {against}"));
                    }
                }
                _ => panic!("{line}"),
            }
        }
        assert_eq!(objections(&policy), []);
        expected.assert_eq(&told.join("\n"));
    }

    #[test]
    fn each_part_of_an_inherent_defects_policy_ends_on_a_day_of_its_own() {
        check(
            "
            product IDI 2019-example
            stands bound
            completed 2016-02-29
            cover STR
            STRUCTURE LATENT_DEFECT 2018-02-28
            STRUCTURE LATENT_DEFECT 2018-03-01
            STRUCTURE LATENT_DEFECT 2026-02-28
            STRUCTURE LATENT_DEFECT 2026-03-01
            cover WTR
            WATERPROOFING LATENT_DEFECT 2016-02-28
            WATERPROOFING LATENT_DEFECT 2016-02-29
            WATERPROOFING LATENT_DEFECT 2021-02-28
            WATERPROOFING LATENT_DEFECT 2021-03-01
            cover FIN
            PIPES LATENT_DEFECT 2018-02-28
            PIPES AGEING 2018-03-01
            ",
            expect![[r"
                STRUCTURE LATENT_DEFECT 2018-02-28 | STR No: the cover begins on 2018-03-01
                STRUCTURE LATENT_DEFECT 2018-03-01 | STR Yes: 
                STRUCTURE LATENT_DEFECT 2026-02-28 | STR Yes: 
                STRUCTURE LATENT_DEFECT 2026-03-01 | STR No: the cover ended with 2026-02-28
                WATERPROOFING LATENT_DEFECT 2016-02-28 | STR No: the cover does not name the part; the cover begins on 2018-03-01
                WATERPROOFING LATENT_DEFECT 2016-02-28 | WTR No: the cover begins on 2016-02-29
                WATERPROOFING LATENT_DEFECT 2016-02-29 | STR No: the cover does not name the part; the cover begins on 2018-03-01
                WATERPROOFING LATENT_DEFECT 2016-02-29 | WTR Yes: 
                WATERPROOFING LATENT_DEFECT 2021-02-28 | STR No: the cover does not name the part
                WATERPROOFING LATENT_DEFECT 2021-02-28 | WTR Yes: 
                WATERPROOFING LATENT_DEFECT 2021-03-01 | STR No: the cover does not name the part
                WATERPROOFING LATENT_DEFECT 2021-03-01 | WTR No: the cover ended with 2021-02-28
                PIPES LATENT_DEFECT 2018-02-28 | STR No: the cover does not name the part; the cover begins on 2018-03-01
                PIPES LATENT_DEFECT 2018-02-28 | WTR No: the cover does not name the part
                PIPES LATENT_DEFECT 2018-02-28 | FIN Yes: 
                PIPES AGEING 2018-03-01 | STR No: the cover does not name the part; the cover does not name the cause
                PIPES AGEING 2018-03-01 | WTR No: the cover does not name the part; the cover does not name the cause
                PIPES AGEING 2018-03-01 | FIN No: the cover does not name the cause; the cover ended with 2018-02-28"]],
        );
    }

    #[test]
    fn what_is_not_known_of_the_completion_stays_open_only_where_it_matters() {
        check(
            "
            product IDI 2019-example
            stands bound
            completed 2015
            cover WTR
            WATERPROOFING LATENT_DEFECT 2014-12-31
            WATERPROOFING LATENT_DEFECT 2015-06-30
            WATERPROOFING LATENT_DEFECT 2018-06-30
            WATERPROOFING LATENT_DEFECT 2020-06-30
            WATERPROOFING LATENT_DEFECT 2021-01-01
            completed unknown
            WATERPROOFING LATENT_DEFECT 2018-06-30
            ",
            expect![[r"
                WATERPROOFING LATENT_DEFECT 2014-12-31 | WTR No: the cover begins on 2015
                WATERPROOFING LATENT_DEFECT 2015-06-30 | WTR Unknown: the cover holds from 2015 to 2020
                WATERPROOFING LATENT_DEFECT 2018-06-30 | WTR Yes: 
                WATERPROOFING LATENT_DEFECT 2020-06-30 | WTR Unknown: the cover holds from 2015 to 2020
                WATERPROOFING LATENT_DEFECT 2021-01-01 | WTR No: the cover ended with 2020
                WATERPROOFING LATENT_DEFECT 2018-06-30 | WTR Unknown: the cover holds from unknown to unknown"]],
        );
    }

    #[test]
    fn all_that_stands_against_a_cover_is_told() {
        check(
            "
            product EBS 2024-example
            stands lapsed
            cover FALLING 2024-01-01 2024-12-31
            FACADE FALLING_OBJECT 2024-12-31 2025-01-30
            stands bound
            FACADE FALLING_OBJECT 2024-12-31 2025-01-30
            FACADE FALLING_OBJECT 2024-12-31 2025-01-31
            named no
            LIFT FIRE 2025-01-01 2025-03-01
            product EBS another
            LIFT FIRE 2025-01-01 2025-03-01
            ",
            expect![[r"
                FACADE FALLING_OBJECT 2024-12-31 2025-01-30 | FALLING No: the policy was lapsed on the day
                FACADE FALLING_OBJECT 2024-12-31 2025-01-30 | FALLING Yes: 
                FACADE FALLING_OBJECT 2024-12-31 2025-01-31 | FALLING No: the insurer was to be told by 2025-01-30
                LIFT FIRE 2025-01-01 2025-03-01 | FALLING No: the policy did not name it on the day of the loss; the cover does not name the part; the cover does not name the cause; the cover ended with 2024-12-31; the insurer was to be told by 2025-01-31
                LIFT FIRE 2025-01-01 2025-03-01 | FALLING No: the policy did not name it on the day of the loss; the clause is in no list of products"]],
        );
    }

    #[test]
    fn a_clause_may_ask_when_the_insurer_was_told() {
        check(
            "
            product LLI 2024-example
            stands bound
            cover LIFT 2024-01-01 2024-12-31
            LIFT LIFT_ACCIDENT 2023-12-31 2024-01-01
            LIFT LIFT_ACCIDENT 2024-12-31 2025-01-01
            ",
            expect![[r"
                LIFT LIFT_ACCIDENT 2023-12-31 2024-01-01 | LIFT Yes: 
                LIFT LIFT_ACCIDENT 2024-12-31 2025-01-01 | LIFT No: the cover ended with 2024-12-31"]],
        );
    }

    /// The answer for one exact day of completion, by counting months on the calendar one by one.
    fn naive(completed: Day, months: u32, wait: u32, on: Day) -> bool {
        let anniversary = |count: u32| {
            let mut month = completed.month();
            for _ in 0..count {
                month = month.next();
            }
            let number = completed.number() - completed.month().first().number();
            Day::from_number(month.first().number() + number).unwrap().min(month.last())
        };
        let begins = if wait == 0 { completed } else { anniversary(wait).next() };
        begins <= on && on <= anniversary(months)
    }

    proptest! {
        /// Of an imprecise completion the answer is yes when it is for every day that it can mean, no
        /// when it is for none, and open otherwise.
        #[test]
        fn a_completion_means_each_of_its_days(
            first in 0_i32..20_000,
            span in 0_i32..800,
            after in -100_i32..6_000,
            months in 3_u16..150,
            wait in 0_u16..3,
        ) {
            let earliest = Day::from_number(first).unwrap();
            let latest = Day::from_number(first + span).unwrap();
            let on = Day::from_number(first + after).unwrap();
            let term = Term::FromCompletion {
                wait: crate::domain::cycle::Months::new(wait),
                months: crate::domain::cycle::Months::new(months).unwrap(),
            };
            let days = term.days(ImpreciseDay::new(earliest, latest).unwrap()).unwrap();
            let answer = match outside(days, on) {
                None => Answer::Yes,
                Some(against) if against.is_certain() => Answer::No,
                Some(_) => Answer::Unknown,
            };
            let each = (0..=span).map(|offset| {
                let completed = Day::from_number(first + offset).unwrap();
                naive(completed, u32::from(months), u32::from(wait), on)
            });
            let each: Vec<bool> = each.collect();
            let expected = match (each.iter().any(|is| *is), each.iter().all(|is| *is)) {
                (true, true) => Answer::Yes,
                (true, false) => Answer::Unknown,
                _ => Answer::No,
            };
            prop_assert_eq!(answer, expected);
        }
    }
}
