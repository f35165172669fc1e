//! Whether a signer was qualified on a day, for a scope, in a body, and without an interest.
//!
//! Bodies and signers have qualifications (scope, certificate, period, suspensions), signers have
//! employers over time, both declare interests. The check answers everything that stands against a
//! signature at once. What imprecise days leave open stays open: an objection is certain or only
//! possible, and neither is silently the other.
//!
//! That a signature without any of it is worth nothing is Hong Kong's lesson (signed as Registered
//! Inspector by one who was not); that an interest forbids it is Singapore's rule.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    domain::party,
    kernel::{
        id::{BodyId, BuildingId, SignerId},
        time::{Answer, Day, ImpreciseDay},
    },
};

/// Names a company by the opaque key that the municipal systems have for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CompanyKey(pub String);

/// Days from one to another, both included; either may be imprecise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Period {
    /// The first day.
    pub from: ImpreciseDay,
    /// The last day; `None` when no end is known or foreseen.
    pub until: Option<ImpreciseDay>,
}

impl fmt::Display for CompanyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {}", self.from)?;
        self.until.map_or(Ok(()), |until| write!(f, " to {until}"))
    }
}

impl Period {
    /// Whether `day` lies in it.
    pub fn holds_on(self, day: Day) -> Answer {
        let is_before_the_end = match self.until {
            None => Answer::Yes,
            // It ended before `day` when its last day is on or before the day before.
            Some(_) if day == Day::MIN => Answer::Yes,
            Some(until) => not(until.on_or_before(day.previous())),
        };
        and(self.from.on_or_before(day), is_before_the_end)
    }
}

const fn not(answer: Answer) -> Answer {
    match answer {
        Answer::Yes => Answer::No,
        Answer::No => Answer::Yes,
        Answer::Unknown => Answer::Unknown,
    }
}

const fn and(one: Answer, other: Answer) -> Answer {
    match (one, other) {
        (Answer::No, _) | (_, Answer::No) => Answer::No,
        (Answer::Yes, Answer::Yes) => Answer::Yes,
        _ => Answer::Unknown,
    }
}

fn any(answers: impl Iterator<Item = Answer>) -> Answer {
    answers.fold(Answer::No, |so_far, answer| not(and(not(so_far), not(answer))))
}

/// A licence to do work of one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qualification {
    /// The scope's code, for example `structure`.
    pub scope: String,
    /// The certificate's number.
    pub certificate: String,
    /// When it holds.
    pub period: Period,
    /// When it is suspended.
    pub suspensions: Vec<Period>,
}

impl fmt::Display for Qualification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.scope, self.certificate, self.period)?;
        for suspension in &self.suspensions {
            write!(f, ", suspended {suspension}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.concern {
            Concern::Building(building) => write!(f, "{building}")?,
            Concern::Company(company) => write!(f, "{company}")?,
        }
        write!(f, " {}", self.period)
    }
}

impl fmt::Display for Employment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.body, self.period)
    }
}

impl Qualification {
    /// Whether it holds on `day` and is not suspended.
    pub fn holds_on(&self, day: Day) -> Answer {
        and(self.period.holds_on(day), not(self.is_suspended_on(day)))
    }

    fn is_suspended_on(&self, day: Day) -> Answer {
        any(self.suspensions.iter().map(|suspension| suspension.holds_on(day)))
    }
}

/// In what an interest lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Concern {
    /// A building.
    Building(BuildingId),
    /// A company, for example the owner, the builder or the property firm.
    Company(CompanyKey),
}

/// A declared professional or financial interest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interest {
    /// In what.
    pub concern: Concern,
    /// When.
    pub period: Period,
}

/// An inspection or appraisal body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Which one.
    pub key: BodyId,
    /// The company that it is, as far as is known.
    pub company: Option<CompanyKey>,
    /// Its licences.
    pub qualifications: Vec<Qualification>,
    /// What it declared.
    pub interests: Vec<Interest>,
}

/// That a signer works for a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Employment {
    /// For whom.
    pub body: BodyId,
    /// When.
    pub period: Period,
}

/// Somebody who signs reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// Who.
    pub key: SignerId,
    /// Their own licences.
    pub qualifications: Vec<Qualification>,
    /// For whom they worked, and when. They may work for several.
    pub employments: Vec<Employment>,
    /// What they declared.
    pub interests: Vec<Interest>,
}

/// What was signed.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The day of the signature.
    pub day: Day,
    /// The scope that was signed for.
    pub scope: &'a str,
    /// The building.
    pub building: BuildingId,
    /// The companies that have to do with it: owner, builder, property firm, contractor.
    pub companies: &'a BTreeSet<CompanyKey>,
}

impl Signing<'_> {
    /// Whether a company is among them, however its key is spelled.
    fn names(&self, company: &CompanyKey) -> bool {
        self.companies.iter().any(|one| party::are_same(&one.0, &company.0))
    }
}

/// The rules, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The signer never had a licence for the scope.
    SignerScope,
    /// The signer's licence did not hold on the day.
    SignerPeriod,
    /// The signer's licence was suspended on the day.
    SignerSuspended,
    /// The body never had a licence for the scope.
    BodyScope,
    /// The body's licence did not hold on the day.
    BodyPeriod,
    /// The body's licence was suspended on the day.
    BodySuspended,
    /// The signer did not work for the body on the day.
    Employment,
    /// The signer had an interest.
    SignerInterest,
    /// The body had an interest.
    BodyInterest,
    /// The signer was not in the list on the day.
    SignerAbsent,
    /// The body was not there on the day.
    BodyAbsent,
}

impl Rule {
    /// The stable reason.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::SignerScope => "SIGNER_SCOPE",
            Self::SignerPeriod => "SIGNER_PERIOD",
            Self::SignerSuspended => "SIGNER_SUSPENDED",
            Self::BodyScope => "BODY_SCOPE",
            Self::BodyPeriod => "BODY_PERIOD",
            Self::BodySuspended => "BODY_SUSPENDED",
            Self::Employment => "SIGNER_NOT_EMPLOYED",
            Self::SignerInterest => "SIGNER_INTEREST",
            Self::BodyInterest => "BODY_INTEREST",
            Self::SignerAbsent => "SIGNER_ABSENT",
            Self::BodyAbsent => "BODY_ABSENT",
        }
    }

    /// What is broken, in a few words.
    const fn words(self) -> &'static str {
        match self {
            Self::SignerScope => "the signer never had a licence for the scope",
            Self::SignerPeriod => "the signer's licence did not hold on the day",
            Self::SignerSuspended => "the signer's licence was suspended on the day",
            Self::BodyScope => "the body never had a licence for the scope",
            Self::BodyPeriod => "the body's licence did not hold on the day",
            Self::BodySuspended => "the body's licence was suspended on the day",
            Self::Employment => "the signer did not work for the body on the day",
            Self::SignerInterest => "the signer had an interest in what was signed for",
            Self::BodyInterest => "the body had an interest in what was signed for",
            Self::SignerAbsent => "the signer was not in the list on the day",
            Self::BodyAbsent => "the body was not there on the day",
        }
    }
}

/// Something that stands against a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Objection {
    /// The rule that is, or may be, broken.
    pub rule: Rule,
    /// Whether it certainly is; otherwise it cannot be said.
    pub is_certain: bool,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.rule.words();
        if self.is_certain {
            f.write_str(words)
        } else {
            write!(f, "it cannot be excluded that {words}")
        }
    }
}

/// All that stands against a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// In the order of the rules.
    pub objections: Vec<Objection>,
}

impl Verdict {
    /// Whether the signer was qualified: no as soon as one objection is certain, unknown while one
    /// is possible.
    pub fn answer(&self) -> Answer {
        if self.objections.iter().any(|objection| objection.is_certain) {
            Answer::No
        } else if self.objections.is_empty() {
            Answer::Yes
        } else {
            Answer::Unknown
        }
    }

    /// The same for a signer and a body of whom it is known whether they were there on the day.
    #[must_use]
    pub fn with_presence(mut self, signer: Answer, body: Answer) -> Self {
        self.note(Rule::SignerAbsent, not(signer));
        self.note(Rule::BodyAbsent, not(body));
        self
    }

    fn note(&mut self, rule: Rule, is_broken: Answer) {
        if is_broken != Answer::No {
            self.objections.push(Objection { rule, is_certain: is_broken == Answer::Yes });
        }
    }
}

/// Judges a signature by all rules.
pub fn judge(signer: &Signer, body: &Body, signing: Signing<'_>) -> Verdict {
    let mut verdict = Verdict { objections: Vec::new() };
    let rules = [Rule::SignerScope, Rule::SignerPeriod, Rule::SignerSuspended];
    judge_licences(&signer.qualifications, signing, rules, &mut verdict);
    let rules = [Rule::BodyScope, Rule::BodyPeriod, Rule::BodySuspended];
    judge_licences(&body.qualifications, signing, rules, &mut verdict);
    let employments = signer.employments.iter().filter(|employment| employment.body == body.key);
    let is_employed = any(employments.map(|employment| employment.period.holds_on(signing.day)));
    verdict.note(Rule::Employment, not(is_employed));
    verdict.note(Rule::SignerInterest, has_interest(&signer.interests, signing));
    // Nobody need declare an interest in oneself.
    let is_itself = body.company.as_ref().is_some_and(|own| signing.names(own));
    let declared = has_interest(&body.interests, signing);
    verdict.note(Rule::BodyInterest, if is_itself { Answer::Yes } else { declared });
    verdict
}

/// One licence that holds and is not suspended is enough. Where none certainly is, the objections
/// are those to the licence that comes nearest.
fn judge_licences(
    licences: &[Qualification],
    signing: Signing<'_>,
    [scope, period, suspended]: [Rule; 3],
    verdict: &mut Verdict,
) {
    let nearest = licences
        .iter()
        .filter(|licence| licence.scope == signing.scope)
        .map(|licence| {
            let lapsed = not(licence.period.holds_on(signing.day));
            (lapsed, licence.is_suspended_on(signing.day))
        })
        .min_by_key(|&(lapsed, suspended)| {
            let broken = not(and(not(lapsed), not(suspended)));
            (badness(broken), badness(lapsed), badness(suspended))
        });
    match nearest {
        None => verdict.note(scope, Answer::Yes),
        Some((lapsed, is_suspended)) => {
            verdict.note(period, lapsed);
            verdict.note(suspended, is_suspended);
        }
    }
}

const fn badness(is_broken: Answer) -> u8 {
    match is_broken {
        Answer::No => 0,
        Answer::Unknown => 1,
        Answer::Yes => 2,
    }
}

fn has_interest(interests: &[Interest], signing: Signing<'_>) -> Answer {
    let concerned = interests.iter().filter(|interest| match &interest.concern {
        Concern::Building(building) => *building == signing.building,
        Concern::Company(company) => signing.names(company),
    });
    any(concerned.map(|interest| interest.period.holds_on(signing.day)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{id::RawId, position::Partition};
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use std::fmt::Write as _;

    fn raw(number: u64) -> RawId {
        RawId::new(1, Partition::ROOT, number)
    }

    fn period(text: &str) -> Period {
        let (from, until) = text.split_once('~').unwrap();
        let until = (!until.is_empty()).then(|| until.parse().unwrap());
        Period { from: from.parse().unwrap(), until }
    }

    /// `signer licence structure 2020~2024-06-30`, `body suspended structure 2022-01-01~2022-03-31`,
    /// `signer works 2019~`, `signer interest company wy1 2020~`, `body interest building 1980s~`.
    fn cast(script: &str) -> (Signer, Body) {
        let key = BodyId::new(raw(1));
        let mut signer = Signer {
            key: SignerId::new(raw(2)),
            qualifications: vec![],
            employments: vec![],
            interests: vec![],
        };
        let mut body = Body { key, company: None, qualifications: vec![], interests: vec![] };
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words = line.split(' ').collect::<Vec<_>>();
            if words[1] == "is" {
                body.company = Some(CompanyKey(words[2].to_owned()));
                continue;
            }
            let (licences, interests) = if words[0] == "signer" {
                (&mut signer.qualifications, &mut signer.interests)
            } else {
                (&mut body.qualifications, &mut body.interests)
            };
            let days = period(words.last().unwrap());
            match words[1] {
                "licence" => licences.push(Qualification {
                    scope: words[2].to_owned(),
                    certificate: format!("no {}", licences.len()),
                    period: days,
                    suspensions: vec![],
                }),
                "suspended" => licences
                    .iter_mut()
                    .filter(|licence| licence.scope == words[2])
                    .for_each(|licence| licence.suspensions.push(days)),
                "works" => signer.employments.push(Employment { body: key, period: days }),
                _ => interests.push(Interest {
                    concern: match words[2] {
                        "company" => Concern::Company(CompanyKey(words[3].to_owned())),
                        _ => Concern::Building(BuildingId::new(raw(9))),
                    },
                    period: days,
                }),
            }
        }
        (signer, body)
    }

    #[expect(clippy::needless_pass_by_value, reason = "expect! makes values")]
    fn check(script: &str, days: &[&str], expected: Expect) {
        let (signer, body) = cast(script);
        let companies = BTreeSet::from([CompanyKey("wy1".to_owned())]);
        let mut told = String::new();
        for text in days {
            let signing = Signing {
                day: text.parse().unwrap(),
                scope: "structure",
                building: BuildingId::new(raw(9)),
                companies: &companies,
            };
            let verdict = judge(&signer, &body, signing);
            write!(told, "{text} {:?}", verdict.answer()).unwrap();
            for objection in verdict.objections {
                let perhaps = if objection.is_certain { "" } else { "perhaps " };
                write!(told, ", {perhaps}{}", objection.rule.reason()).unwrap();
            }
            told.push('\n');
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn a_signer_is_qualified_to_the_last_day_of_the_licence() {
        check(
            "
            signer licence structure 2020-01-01~2024-06-30
            signer works 2019-05-01~
            body licence structure 2015-01-01~2025-12-31
            body suspended structure 2022-01-01~2022-03-31
            ",
            &["2019-12-31", "2020-01-01", "2022-01-01", "2022-04-01", "2024-06-30", "2024-07-01"],
            expect![[r"
                2019-12-31 No, SIGNER_PERIOD
                2020-01-01 Yes
                2022-01-01 No, BODY_SUSPENDED
                2022-04-01 Yes
                2024-06-30 Yes
                2024-07-01 No, SIGNER_PERIOD
            "]],
        );
    }

    #[test]
    fn all_objections_are_told_at_once() {
        check(
            "
            signer licence windows 2010-01-01~
            signer works 2019-05-01~2020-12-31
            signer interest building 2018-01-01~
            body licence structure 2015-01-01~2020-12-31
            body interest company wy1 2021-01-01~2021-12-31
            body interest company other 2001-01-01~
            ",
            &["2020-06-01", "2021-06-01"],
            expect![[r"
                2020-06-01 No, SIGNER_SCOPE, SIGNER_INTEREST
                2021-06-01 No, SIGNER_SCOPE, BODY_PERIOD, SIGNER_NOT_EMPLOYED, SIGNER_INTEREST, BODY_INTEREST
            "]],
        );
    }

    #[test]
    fn a_body_has_an_interest_in_the_company_that_it_is() {
        let licensed = "
            signer licence structure 2020~
            signer works 2019~
            body licence structure 2015~";
        check(
            &format!("{licensed}\nbody is wy1"),
            &["2024-01-01"],
            expect![[r"
            2024-01-01 No, BODY_INTEREST
        "]],
        );
        check(
            &format!("{licensed}\nbody is wy2"),
            &["2024-01-01"],
            expect![[r"
            2024-01-01 Yes
        "]],
        );
    }

    #[test]
    fn what_imprecise_days_leave_open_stays_open() {
        check(
            "
            signer licence structure 2020~2024
            signer suspended structure 2022-01-01~unknown
            signer works unknown~
            body licence structure 2015-01-01~
            signer interest building unknown~2021-03-31
            ",
            &["2019-06-01", "2020-06-01", "2021-06-01", "2022-06-01", "2025-01-01"],
            expect![[r"
                2019-06-01 No, SIGNER_PERIOD, perhaps SIGNER_NOT_EMPLOYED, perhaps SIGNER_INTEREST
                2020-06-01 Unknown, perhaps SIGNER_PERIOD, perhaps SIGNER_NOT_EMPLOYED, perhaps SIGNER_INTEREST
                2021-06-01 Unknown, perhaps SIGNER_NOT_EMPLOYED
                2022-06-01 Unknown, perhaps SIGNER_SUSPENDED, perhaps SIGNER_NOT_EMPLOYED
                2025-01-01 No, SIGNER_PERIOD, perhaps SIGNER_SUSPENDED, perhaps SIGNER_NOT_EMPLOYED
            "]],
        );
    }

    #[test]
    fn one_licence_that_holds_is_enough() {
        check(
            "
            signer licence structure 2010-01-01~2012-12-31
            signer licence structure 2012-06-01~2022-12-31
            signer licence structure unknown~
            signer works 2010-01-01~
            body licence structure 2010-01-01~
            ",
            &["2012-12-31", "2020-01-01", "2023-01-01"],
            expect![[r"
                2012-12-31 Yes
                2020-01-01 Yes
                2023-01-01 Unknown, perhaps SIGNER_PERIOD
            "]],
        );
    }

    /// Every day that an imprecise period can mean, tried: yes and no must hold for all of them.
    fn answers_as_every_meaning_does(bounds: [i32; 4], on: i32) {
        let day = |number| Day::from_number(number).unwrap();
        let [first, first_slack, last, last_slack] = bounds;
        let span = |from: i32, slack: i32| ImpreciseDay::new(day(from), day(from + slack)).unwrap();
        let imprecise =
            Period { from: span(first, first_slack), until: Some(span(last, last_slack)) };
        let mut meanings = BTreeSet::new();
        for from in first..=first + first_slack {
            for until in last..=last + last_slack {
                meanings.insert((from..=until).contains(&on));
            }
        }
        let expected = match (meanings.contains(&true), meanings.contains(&false)) {
            (true, true) => Answer::Unknown,
            (true, false) => Answer::Yes,
            _ => Answer::No,
        };
        assert_eq!(imprecise.holds_on(day(on)), expected);
    }

    proptest! {
        #[test]
        fn a_period_answers_as_all_its_meanings_do(
            bounds in [0..10_i32, 0..4_i32, 10..20_i32, 0..4_i32],
            on in -2..26_i32,
        ) {
            answers_as_every_meaning_does(bounds, on);
        }
    }
}
