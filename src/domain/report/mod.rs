//! Reports: their kinds, and their way from draft to acceptance.
//!
//! drafted → signed → submitted → accepted | returned, and then perhaps superseded. A step says
//! whether it may be taken and gives the next state; nothing is changed by a step that is refused.
//! Whoever submitted a report does not accept or return it. A check-up may trigger an appraisal,
//! and never replaces one. A patrol or special check of no registered body is submitted unsigned.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        author::Author,
        grade::{Catalogue, Grade, Refusal as GradeRefusal, Scale},
        timeline::Presence,
    },
    kernel::{
        id::{BodyId, ReportId, SignerId},
        limit::{ENTRY_SUBJECTS_MAX, TEXT_CHARS_MAX},
        time::Day,
    },
};

mod content;
mod whole;

pub use content::{
    Document, Judgement, ReportContent, Signatures, Steps, replay, state_on, steps_on,
};
pub use whole::{Missing, MustHold, missing};

/// What kind of looking a report is of. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum ReportKind {
    /// 定期体检: the professional check-up of the cycle.
    CheckUp = 1,
    /// 日常巡查: daily patrol by owner, property firm, grid worker or insurer.
    Patrol = 2,
    /// 专项检查: after an earthquake, a fire, a flood, an excavation nearby.
    SpecialCheck = 3,
    /// 鉴定: appraisal by JGJ 125 or GB 50292.
    Appraisal = 4,
}

impl ReportKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::CheckUp, Self::Patrol, Self::SpecialCheck, Self::Appraisal];

    /// The word in files and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::CheckUp => "check_up",
            Self::Patrol => "patrol",
            Self::SpecialCheck => "special_check",
            Self::Appraisal => "appraisal",
        }
    }

    /// The kind with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number)
    }

    /// Whether a report of this kind may ask for an appraisal.
    pub const fn may_trigger_appraisal(self) -> bool {
        !matches!(self, Self::Appraisal)
    }

    /// Whether a report of this kind is a body's work; patrols and special checks may be anybody's.
    pub const fn needs_body(self) -> bool {
        matches!(self, Self::CheckUp | Self::Appraisal)
    }

    /// Whether it fulfils what `asked` was ordered for. Refuses `APPRAISAL_NOT_REPLACED` for
    /// anything but an appraisal where one is due, and `REPORT_KIND` for other kinds.
    pub fn fulfils(self, asked: Self) -> Result<(), Refusal> {
        match (asked, self) {
            _ if asked == self => Ok(()),
            (Self::Appraisal, brought) => Err(Refusal::NotAnAppraisal { brought }),
            (asked, brought) => Err(Refusal::OtherKind { asked, brought }),
        }
    }

    /// Whether an accepted report of this kind begins the cycle anew: only when the rule names it.
    pub fn resets_cycle(self, named_by_rule: &BTreeSet<Self>) -> bool {
        named_by_rule.contains(&self)
    }
}

/// Where a report stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// 草稿
    Drafted,
    /// 已签字
    Signed {
        /// The day of the signatures.
        on: Day,
        /// Who signed.
        signers: BTreeSet<SignerId>,
    },
    /// 已提交
    Submitted {
        /// Whose word it is now.
        submission: Submission,
    },
    /// 已验收
    Accepted {
        /// What was accepted.
        submission: Submission,
        /// The day.
        on: Day,
        /// By whom.
        by: Author,
    },
    /// 已退回
    Returned {
        /// What was returned.
        submission: Submission,
        /// The day.
        on: Day,
        /// By whom.
        by: Author,
        /// Why.
        reason: String,
    },
    /// 已被替代
    Superseded {
        /// The day.
        on: Day,
        /// By which report.
        by: ReportId,
        /// Whether it had been accepted, so that it counted until then.
        was_accepted: bool,
    },
}

/// A report as it was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The day of the signatures.
    pub signed_on: Day,
    /// Who signed.
    pub signers: BTreeSet<SignerId>,
    /// The day of the submission.
    pub on: Day,
    /// Who submitted it.
    pub by: Author,
}

impl State {
    /// The word in answers.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Drafted => "drafted",
            Self::Signed { .. } => "signed",
            Self::Submitted { .. } => "submitted",
            Self::Accepted { .. } => "accepted",
            Self::Returned { .. } => "returned",
            Self::Superseded { .. } => "superseded",
        }
    }

    /// Whether it was submitted, whatever became of it since: what it found counts.
    pub const fn is_submitted(&self) -> bool {
        !matches!(self, Self::Drafted | Self::Signed { .. })
    }

    /// The day on which it came to stand here; `None` for a draft.
    pub const fn since(&self) -> Option<Day> {
        match self {
            Self::Drafted => None,
            Self::Signed { on, .. }
            | Self::Accepted { on, .. }
            | Self::Returned { on, .. }
            | Self::Superseded { on, .. } => Some(*on),
            Self::Submitted { submission } => Some(submission.on),
        }
    }
}

/// One step of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// It is signed. That each signer was qualified is judged in `qualification`.
    Sign(BTreeSet<SignerId>),
    /// It is submitted.
    Submit,
    /// It is accepted.
    Accept,
    /// It is returned, with a reason.
    Return(String),
    /// Another report takes its place.
    Supersede(ReportId),
}

impl Step {
    /// The word in answers.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Sign(_) => "sign",
            Self::Submit => "submit",
            Self::Accept => "accept",
            Self::Return(_) => "return",
            Self::Supersede(_) => "supersede",
        }
    }
}

/// Why a report, or a step of it, is refused, in the order in which the rules are asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An observation that is still to come.
    #[error("{0} is still to come, and this can only be observed")]
    Future(Day),
    /// The building was not there yet.
    #[error("the building was not there yet on {0}")]
    BeforeBuilding(Day),
    /// The building was not there any more, or never was.
    #[error("the building was not there on {0}")]
    BuildingGone(Day),
    /// A step on a day before the one that it follows.
    #[error("{on} is before {after}, the day of what it follows")]
    OutOfOrder {
        /// The step's day.
        on: Day,
        /// The day of what it follows.
        after: Day,
    },
    /// The step does not lead on from where the report stands.
    #[error("a report that is {state} has no step {step:?}")]
    NoSuchStep {
        /// Where it stands.
        state: &'static str,
        /// What was asked.
        step: &'static str,
    },
    /// Nobody, or too many, signed.
    #[error("a report is signed by 1 to {ENTRY_SUBJECTS_MAX} signers, not {0}")]
    Signers(usize),
    /// The submitter judges their own report.
    #[error("whoever submitted a report does not accept or return it")]
    FourEyes,
    /// A return without a reason.
    #[error("a return says why, in at most {TEXT_CHARS_MAX} characters")]
    ReasonMissing,
    /// It would take its own place.
    #[error("a report does not supersede itself")]
    SupersedesItself,
    /// Something else was brought where an appraisal is due.
    #[error("a {} triggers an appraisal and does not replace one", brought.word())]
    NotAnAppraisal {
        /// What was brought.
        brought: ReportKind,
    },
    /// Something of another kind was brought.
    #[error("a {} was ordered, not a {}", asked.word(), brought.word())]
    OtherKind {
        /// What was ordered.
        asked: ReportKind,
        /// What was brought.
        brought: ReportKind,
    },
    /// A grade that only an appraisal gives.
    #[error("a {} does not give grades on the scale {}", kind.word(), scale.word())]
    GradeOfAppraisal {
        /// The kind that gave it.
        kind: ReportKind,
        /// The grade's scale.
        scale: Scale,
    },
    /// Only colours, which are derived and not given.
    #[error("a report grades on a scale; the colour is derived from that")]
    OnlyColours,
    /// A rule about grades.
    #[error(transparent)]
    Grade(#[from] GradeRefusal),
}

impl Refusal {
    /// The stable reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Future(_) => "FUTURE_DATE",
            Self::BeforeBuilding(_) => "BEFORE_BUILDING",
            Self::BuildingGone(_) => "NOT_THERE",
            Self::OutOfOrder { .. } => "DAYS_OUT_OF_ORDER",
            Self::NoSuchStep { .. } => "REPORT_STATE",
            Self::Signers(_) => "SIGNERS",
            Self::FourEyes => "FOUR_EYES",
            Self::ReasonMissing => "REASON_MISSING",
            Self::SupersedesItself => "SUPERSEDES_ITSELF",
            Self::NotAnAppraisal { .. } => "APPRAISAL_NOT_REPLACED",
            Self::OtherKind { .. } => "REPORT_KIND",
            Self::GradeOfAppraisal { .. } => "GRADE_OF_APPRAISAL",
            Self::OnlyColours => "COLOUR_ALONE",
            Self::Grade(refusal) => refusal.reason(),
        }
    }
}

/// Whether something can have been seen of the building on `day`, said on `today`. An imprecise
/// beginning or end of the building speaks for the observer.
pub fn check_observed(day: Day, today: Day, presence: Presence) -> Result<(), Refusal> {
    if day > today {
        return Err(Refusal::Future(day));
    }
    match presence {
        Presence::NotYet => Err(Refusal::BeforeBuilding(day)),
        Presence::Ended | Presence::EnteredInError => Err(Refusal::BuildingGone(day)),
        Presence::Exists | Presence::Unknown => Ok(()),
    }
}

/// Whether a step may be taken on `on`, said on `today`, after what it follows on `after`.
pub fn check_step_day(on: Day, after: Day, today: Day) -> Result<(), Refusal> {
    if on > today {
        Err(Refusal::Future(on))
    } else if on < after {
        Err(Refusal::OutOfOrder { on, after })
    } else {
        Ok(())
    }
}

/// Whether the grades are such as a report of this kind gives, and, where a scale is asked for,
/// all on it (colours, which may stand beside, left out).
pub fn check_grades(
    kind: ReportKind,
    grades: &[Grade],
    asked: Option<Scale>,
    catalogue: &Catalogue,
) -> Result<(), Refusal> {
    for grade in grades {
        let known = catalogue.grade(grade.ladder.clone(), &grade.value)?;
        let scale = known.ladder.scale;
        if catalogue.rungs(&known.ladder)?.is_of_appraisal && kind != ReportKind::Appraisal {
            return Err(Refusal::GradeOfAppraisal { kind, scale });
        }
        if let Some(asked) = asked
            && scale != Scale::Colour
        {
            known.on(asked)?;
        }
    }
    let is_colour = |grade: &Grade| grade.ladder.scale == Scale::Colour;
    if !grades.is_empty() && grades.iter().all(is_colour) {
        return Err(Refusal::OnlyColours);
    }
    Ok(())
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which one.
    pub key: ReportId,
    /// Of what kind.
    pub kind: ReportKind,
    /// Who made it; `None` for a patrol by somebody who is no registered body.
    pub body: Option<BodyId>,
    /// The last day of the looking: the day by which reports are ordered, whenever they arrive.
    pub inspected_on: Day,
    /// Whether it asks for an appraisal.
    pub triggers_appraisal: bool,
    /// Where it stands.
    pub state: State,
}

impl Report {
    /// A draft.
    pub const fn draft(
        key: ReportId,
        kind: ReportKind,
        body: Option<BodyId>,
        inspected_on: Day,
    ) -> Self {
        let state = State::Drafted;
        Self { key, kind, body, inspected_on, triggers_appraisal: false, state }
    }

    /// Whether it counts: accepted, and not superseded.
    pub const fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted { .. })
    }

    /// Takes a step, said by `by` to have been taken on `on`, on `today`; or tells all that stands
    /// against it.
    pub fn advance(
        self,
        step: Step,
        on: Day,
        by: &Author,
        today: Day,
    ) -> Result<Self, Vec<Refusal>> {
        let since = self.state.since().unwrap_or(self.inspected_on);
        let mut refusals: Vec<Refusal> =
            check_step_day(on, since, today).err().into_iter().collect();
        let advanced = self.advanced(step, on, by);
        match advanced {
            Ok(advanced) if refusals.is_empty() => Ok(advanced),
            Ok(_) => Err(refusals),
            Err(others) => {
                refusals.extend(others);
                Err(refusals)
            }
        }
    }

    fn advanced(self, step: Step, on: Day, by: &Author) -> Result<Self, Vec<Refusal>> {
        let word = step.word();
        let key = self.key;
        let state = match (self.state, step) {
            (State::Drafted, Step::Sign(signers)) => {
                if !(1..=ENTRY_SUBJECTS_MAX).contains(&signers.len()) {
                    return Err(vec![Refusal::Signers(signers.len())]);
                }
                State::Signed { on, signers }
            }
            (State::Signed { on: signed_on, signers }, Step::Submit) => {
                let submission = Submission { signed_on, signers, on, by: by.clone() };
                State::Submitted { submission }
            }
            // What is nobody's licensed work is signed by nobody.
            (State::Drafted, Step::Submit) if self.body.is_none() && !self.kind.needs_body() => {
                let signers = BTreeSet::new();
                let submission = Submission { signed_on: on, signers, on, by: by.clone() };
                State::Submitted { submission }
            }
            (State::Submitted { submission }, judgement @ (Step::Accept | Step::Return(_))) => {
                judged(submission, judgement, on, by)?
            }
            (state @ (State::Accepted { .. } | State::Returned { .. }), Step::Supersede(newer)) => {
                if newer == key {
                    return Err(vec![Refusal::SupersedesItself]);
                }
                let was_accepted = matches!(state, State::Accepted { .. });
                State::Superseded { on, by: newer, was_accepted }
            }
            (state, _) => {
                return Err(vec![Refusal::NoSuchStep { state: state.word(), step: word }]);
            }
        };
        Ok(Self { state, ..self })
    }
}

fn judged(submission: Submission, step: Step, on: Day, by: &Author) -> Result<State, Vec<Refusal>> {
    let mut refusals = Vec::new();
    if submission.by.same_person(by) {
        refusals.push(Refusal::FourEyes);
    }
    if let Step::Return(reason) = &step
        && (reason.trim().is_empty() || reason.chars().count() > TEXT_CHARS_MAX)
    {
        refusals.push(Refusal::ReasonMissing);
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let by = by.clone();
    Ok(match step {
        Step::Return(reason) => State::Returned { submission, on, by, reason },
        _ => State::Accepted { submission, on, by },
    })
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

    /// `li` is a person of their own; `bot/li` is li through a system.
    fn author(text: &str) -> Author {
        let (subject, person) = text.split_once('/').unwrap_or((text, text));
        Author { subject: subject.to_owned(), person: person.to_owned(), ..Author::default() }
    }

    fn step(text: &str) -> Step {
        match text.split_once(' ').unwrap_or((text, "")) {
            ("sign", names) => Step::Sign(
                names
                    .split(' ')
                    .filter_map(|name| name.parse().ok())
                    .map(|name| SignerId::new(raw(name)))
                    .collect(),
            ),
            ("submit", _) => Step::Submit,
            ("accept", _) => Step::Accept,
            ("return", reason) => Step::Return(reason.to_owned()),
            (_, by) => Step::Supersede(ReportId::new(raw(by.parse().unwrap()))),
        }
    }

    /// One step a line: day, who, what. A step that is refused leaves the report as it was.
    #[expect(clippy::needless_pass_by_value, reason = "expect! makes values")]
    fn check(script: &str, expected: Expect) {
        let inspected_on = "2026-03-01".parse().unwrap();
        let mut report =
            Report::draft(ReportId::new(raw(1)), ReportKind::CheckUp, None, inspected_on);
        let today = "2026-11-23".parse().unwrap();
        let mut told = String::new();
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let [on, by, what] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!() };
            match report.clone().advance(step(what), on.parse().unwrap(), &author(by), today) {
                Ok(next) => {
                    report = next;
                    writeln!(told, "{line}: {}", report.state.word()).unwrap();
                }
                Err(refusals) => {
                    let reasons = refusals.iter().map(Refusal::reason).collect::<Vec<_>>();
                    writeln!(told, "{line}: {}", reasons.join(", ")).unwrap();
                }
            }
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn a_report_goes_from_draft_to_acceptance_by_other_eyes() {
        check(
            "
            2026-03-05 li accept
            2026-02-27 li sign 7
            2026-03-05 li sign
            2026-03-05 li sign 7 8
            2026-03-05 li sign 7
            2026-03-04 wang submit
            2027-03-06 wang submit
            2026-03-06 app/wang submit
            2026-03-10 wang accept
            2026-03-10 desk/wang accept
            2026-03-10 desk/zhao accept
            2026-03-11 desk/zhao return too late
            2026-05-01 desk/zhao supersede 1
            2026-05-01 desk/zhao supersede 2
            2026-05-02 desk/zhao accept
            ",
            expect![[r"
                2026-03-05 li accept: REPORT_STATE
                2026-02-27 li sign 7: DAYS_OUT_OF_ORDER
                2026-03-05 li sign: SIGNERS
                2026-03-05 li sign 7 8: signed
                2026-03-05 li sign 7: REPORT_STATE
                2026-03-04 wang submit: DAYS_OUT_OF_ORDER
                2027-03-06 wang submit: FUTURE_DATE
                2026-03-06 app/wang submit: submitted
                2026-03-10 wang accept: FOUR_EYES
                2026-03-10 desk/wang accept: FOUR_EYES
                2026-03-10 desk/zhao accept: accepted
                2026-03-11 desk/zhao return too late: REPORT_STATE
                2026-05-01 desk/zhao supersede 1: SUPERSEDES_ITSELF
                2026-05-01 desk/zhao supersede 2: superseded
                2026-05-02 desk/zhao accept: REPORT_STATE
            "]],
        );
    }

    #[test]
    fn a_returned_report_says_why_and_is_followed_by_another() {
        check(
            "
            2026-03-05 li sign 7
            2026-03-06 li submit
            2026-03-07 li return no photos
            2026-03-07 zhao return
            2026-03-07 zhao return no photos
            2026-03-08 zhao accept
            2026-03-09 li supersede 2
            ",
            expect![[r"
                2026-03-05 li sign 7: signed
                2026-03-06 li submit: submitted
                2026-03-07 li return no photos: FOUR_EYES
                2026-03-07 zhao return: REASON_MISSING
                2026-03-07 zhao return no photos: returned
                2026-03-08 zhao accept: REPORT_STATE
                2026-03-09 li supersede 2: superseded
            "]],
        );
    }

    #[test]
    fn a_check_up_triggers_an_appraisal_and_never_replaces_one() {
        let mut told = String::new();
        for asked in ReportKind::ALL {
            for brought in ReportKind::ALL {
                let answer = brought.fulfils(asked).map_or_else(|no| no.reason(), |()| "yes");
                writeln!(told, "{} for {}: {answer}", brought.word(), asked.word()).unwrap();
            }
        }
        expect![[r"
            check_up for check_up: yes
            patrol for check_up: REPORT_KIND
            special_check for check_up: REPORT_KIND
            appraisal for check_up: REPORT_KIND
            check_up for patrol: REPORT_KIND
            patrol for patrol: yes
            special_check for patrol: REPORT_KIND
            appraisal for patrol: REPORT_KIND
            check_up for special_check: REPORT_KIND
            patrol for special_check: REPORT_KIND
            special_check for special_check: yes
            appraisal for special_check: REPORT_KIND
            check_up for appraisal: APPRAISAL_NOT_REPLACED
            patrol for appraisal: APPRAISAL_NOT_REPLACED
            special_check for appraisal: APPRAISAL_NOT_REPLACED
            appraisal for appraisal: yes
        "]]
        .assert_eq(&told);
        let named = BTreeSet::from([ReportKind::CheckUp]);
        assert!(ReportKind::CheckUp.resets_cycle(&named));
        assert!(!ReportKind::Patrol.resets_cycle(&named), "an insurer's visit resets nothing");
    }

    #[test]
    fn nothing_is_observed_in_the_future_or_of_a_building_that_is_not_there() {
        let [day, today] = ["2026-03-01", "2026-11-23"].map(|text| text.parse().unwrap());
        let on = |presence| check_observed(day, today, presence).map_err(|no| no.reason());
        assert_eq!(on(Presence::Exists), Ok(()));
        assert_eq!(on(Presence::Unknown), Ok(()));
        assert_eq!(on(Presence::NotYet), Err("BEFORE_BUILDING"));
        assert_eq!(on(Presence::Ended), Err("NOT_THERE"));
        assert_eq!(on(Presence::EnteredInError), Err("NOT_THERE"));
        let tomorrow = check_observed(today.next(), today, Presence::Exists);
        assert_eq!(tomorrow.map_err(|no| no.reason()), Err("FUTURE_DATE"));
    }

    #[test]
    fn a_report_grades_on_the_scale_that_is_asked_for_and_not_by_colour_alone() {
        let text = include_str!("../../../data/reference/grades-example.toml");
        let catalogue = Catalogue::read(text).unwrap();
        let grade = |scale, value: &str| {
            let mut ladders = catalogue.ladders().iter();
            let ladder = &ladders.find(|rungs| rungs.ladder.scale == scale).unwrap().ladder;
            Grade { ladder: ladder.clone(), value: value.to_owned() }
        };
        let on = |kind, grades: &[Grade], asked| {
            check_grades(kind, grades, asked, &catalogue).map_err(|no| no.reason())
        };
        let condition = grade(Scale::Condition, "sound");
        let green = grade(Scale::Colour, "green");
        let dangerous = grade(Scale::DangerousHouse, "C");
        let both = [condition.clone(), green.clone()];
        assert_eq!(on(ReportKind::CheckUp, &both, Some(Scale::Condition)), Ok(()));
        assert_eq!(on(ReportKind::CheckUp, &both, Some(Scale::Survey)), Err("GRADE_SCALE"));
        assert_eq!(on(ReportKind::CheckUp, &[green], None), Err("COLOUR_ALONE"));
        assert_eq!(
            on(ReportKind::CheckUp, std::slice::from_ref(&dangerous), None),
            Err("GRADE_OF_APPRAISAL")
        );
        assert_eq!(on(ReportKind::Appraisal, &[dangerous], Some(Scale::DangerousHouse)), Ok(()));
        assert_eq!(on(ReportKind::CheckUp, &[grade(Scale::Survey, "Z")], None), Err("GRADE_VALUE"));
    }

    /// Whatever is tried, in whatever order: what is accepted was submitted by somebody else.
    fn acceptance_has_four_eyes(tried: Vec<(u8, u8, i32)>) {
        let day = |number| Day::from_number(number).unwrap();
        let mut report = Report::draft(ReportId::new(raw(1)), ReportKind::CheckUp, None, day(0));
        let mut submitter = None;
        for (what, who, on) in tried {
            let step = match what {
                0 => Step::Sign(BTreeSet::from([SignerId::new(raw(7))])),
                1 => Step::Submit,
                2 => Step::Accept,
                3 => Step::Return("no photos".to_owned()),
                _ => Step::Supersede(ReportId::new(raw(2))),
            };
            let person = format!("person {who}");
            let by = author(&format!("system/{person}"));
            let Ok(next) = report.clone().advance(step, day(on), &by, day(30)) else { continue };
            assert!(next.state.since() >= report.state.since(), "a step back in time");
            report = next;
            match what {
                1 => submitter = Some(person),
                2 | 3 => assert!(submitter.as_ref().is_some_and(|other| *other != person)),
                _ => {}
            }
        }
    }

    proptest! {
        #[test]
        fn no_path_accepts_a_report_by_its_submitter(
            tried in proptest::collection::vec((0..5_u8, 0..3_u8, 0..32_i32), 0..40),
        ) {
            acceptance_has_four_eyes(tried);
        }
    }
}
