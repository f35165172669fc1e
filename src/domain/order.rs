//! Orders (体检任务): one building's check-up, asked of a body.
//!
//! planned → ordered → done | cancelled. An order without a body is planned; it is done when a
//! report that answers it is accepted, which is seen from the report and kept nowhere.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        content::{FieldText, Fields, Said, drop_unless, lay, push},
        cycle::Payer,
        qualification::Qualification,
        report::{self, ReportKind},
        timeline::{Presence, Timeline},
    },
    kernel::{
        id::{BodyId, BuildingId, OrderId, PlanId},
        time::{Answer, Day},
    },
};

/// What is said of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderContent {
    /// The building.
    pub building: Said<BuildingId>,
    /// The plan that it belongs to.
    pub plan: Said<PlanId>,
    /// What is asked for.
    pub kind: Said<ReportKind>,
    /// Of whom it is asked.
    pub body: Said<BodyId>,
    /// The last day for the report.
    pub deadline: Said<Day>,
    /// Who pays.
    pub payer: Said<Payer>,
    /// The account or contract that pays, by its number elsewhere.
    pub payment_reference: Said<String>,
    /// Whether it was cancelled. Why is among the sentences of the entry.
    pub cancelled: Said<bool>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum OrderState {
    /// 已列入计划
    Planned = 1,
    /// 已委托
    Ordered = 2,
    /// 已完成
    Done = 3,
    /// 已取消
    Cancelled = 4,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Planned, Self::Ordered, Self::Done, Self::Cancelled];

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Ordered => "ordered",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u32 == number)
    }

    /// Whether a report is still waited for.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Ordered)
    }
}

/// Since when a report with this life answers the order on `day`: it names it and is accepted. `None`
/// where it does not, or does no more.
pub fn answered_since(order: OrderId, report: &Timeline, day: Day) -> Option<Day> {
    let names = match report.content_at(day).map(|content| content.fields) {
        Some(Fields::Report(report)) => report.order.flatten() == Some(order),
        _ => false,
    };
    match report::state_on(report, day) {
        report::State::Accepted { on, .. } if names && report.registration().is_some() => Some(on),
        _ => None,
    }
}

/// Whether an order with this deadline asks for the same as another one that is open and began on
/// `other_from`. One of the past that was to be answered before the other began stands beside it.
pub fn overlaps(deadline: Option<Day>, other_from: Day) -> bool {
    deadline.is_none_or(|deadline| other_from <= deadline)
}

/// A body on the day on which it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is there.
    pub presence: Presence,
    /// Its licences.
    pub qualifications: Vec<Qualification>,
    /// The day.
    pub day: Day,
}

/// What the registry knows beside what is said of an order. What is `None` is not judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// Whether the building is there on the day on which the order is set.
    pub building: Option<Presence>,
    /// The first day that can be a deadline.
    pub deadline_from: Option<Day>,
    /// The body that is named.
    pub body: Option<Standing>,
    /// Another open order of the same building and kind.
    pub open: Option<OrderId>,
    /// Where the order stands before.
    pub state: Option<OrderState>,
    /// What the order is, where it is to stay that.
    pub keeps: Option<(BuildingId, ReportKind)>,
}

/// Something that stands against an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objection {
    /// The building is not there on the day.
    BuildingAbsent,
    /// The deadline is over on the day from which it is said.
    DeadlinePast {
        /// The deadline.
        deadline: Day,
        /// The first day that it could be.
        from: Day,
    },
    /// The body is not there on the day.
    BodyAbsent,
    /// The body has no licence on the day.
    BodyUnqualified {
        /// The day.
        day: Day,
    },
    /// The building has an open order of the kind.
    Open(OrderId),
    /// The order takes no more changes.
    Closed(OrderState),
    /// It would be of another building.
    OtherBuilding(BuildingId),
    /// It would ask for something else.
    OtherKind(ReportKind),
}

impl Objection {
    /// The stable reason.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::BuildingAbsent => "BUILDING_ABSENT",
            Self::DeadlinePast { .. } => "DEADLINE_PAST",
            Self::BodyAbsent => "BODY_ABSENT",
            Self::BodyUnqualified { .. } => "BODY_UNQUALIFIED",
            Self::Open(_) => "ORDER_OPEN",
            Self::Closed(_) => "ORDER_STATE",
            Self::OtherBuilding(_) | Self::OtherKind(_) => "ORDER_KEEPS",
        }
    }

    /// The field that it is about.
    pub const fn field(self) -> &'static str {
        match self {
            Self::BuildingAbsent | Self::Open(_) | Self::OtherBuilding(_) => "fields.building_id",
            Self::OtherKind(_) => "fields.kind",
            Self::DeadlinePast { .. } => "fields.deadline",
            Self::BodyAbsent | Self::BodyUnqualified { .. } => "fields.body_id",
            Self::Closed(_) => "id",
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuildingAbsent => f.write_str("the building is not there on the order's day"),
            Self::DeadlinePast { deadline, from } => {
                write!(f, "{deadline} lies before {from}, the day from which it is said")
            }
            Self::BodyAbsent => f.write_str("the body is not there on the day"),
            Self::BodyUnqualified { day } => {
                write!(f, "the body has no licence of any scope that holds on {day}")
            }
            Self::Open(other) => {
                write!(
                    f,
                    "{other} asks for the same of this building and is still open: an order of \
                     before it has a deadline before its day"
                )
            }
            Self::Closed(state) => {
                write!(f, "the order is {} and takes no more changes", state.word())
            }
            Self::OtherBuilding(building) => {
                write!(f, "it stays an order of {building}: cancel it and set another")
            }
            Self::OtherKind(kind) => {
                write!(f, "it stays one for a {}: cancel it and set another", kind.word())
            }
        }
    }
}

/// All that stands against what is said of an order. What imprecise days leave open does not.
pub fn objections(said: &OrderContent, setting: &Setting) -> Vec<Objection> {
    let mut found = Vec::new();
    if let Some(state) = setting.state.filter(|state| !state.is_open()) {
        found.push(Objection::Closed(state));
    }
    if setting.building.is_some_and(is_absent) {
        found.push(Objection::BuildingAbsent);
    }
    if let Some((building, kind)) = setting.keeps {
        let is_other = said.building.flatten().is_some_and(|other| other != building);
        found.extend(is_other.then_some(Objection::OtherBuilding(building)));
        let is_other = said.kind.flatten().is_some_and(|other| other != kind);
        found.extend(is_other.then_some(Objection::OtherKind(kind)));
    }
    found.extend(setting.open.map(Objection::Open));
    if let Some(body) = &setting.body {
        let day = body.day;
        let may_work = body.qualifications.iter().any(|held| held.holds_on(day) != Answer::No);
        if is_absent(body.presence) {
            found.push(Objection::BodyAbsent);
        } else if !may_work {
            found.push(Objection::BodyUnqualified { day });
        }
    }
    if let (Some(deadline), Some(from)) = (said.deadline.flatten(), setting.deadline_from)
        && deadline < from
    {
        found.push(Objection::DeadlinePast { deadline, from });
    }
    found
}

const fn is_absent(presence: Presence) -> bool {
    !matches!(presence, Presence::Exists | Presence::Unknown)
}

impl OrderContent {
    /// Where the order stands, when a report that answers it `is_answered`, accepted.
    pub fn state(&self, is_answered: bool) -> OrderState {
        if is_answered {
            OrderState::Done
        } else if self.cancelled.flatten() == Some(true) {
            OrderState::Cancelled
        } else if self.body.flatten().is_some() {
            OrderState::Ordered
        } else {
            OrderState::Planned
        }
    }

    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.building, &newer.building);
        lay(&mut self.plan, &newer.plan);
        lay(&mut self.kind, &newer.kind);
        lay(&mut self.body, &newer.body);
        lay(&mut self.deadline, &newer.deadline);
        lay(&mut self.payer, &newer.payer);
        lay(&mut self.payment_reference, &newer.payment_reference);
        lay(&mut self.cancelled, &newer.cancelled);
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "building_id", &self.building);
        push(&mut texts, "plan_id", &self.plan);
        let kind = self.kind.map(|kind| kind.map(|kind| kind.word().to_owned()));
        push(&mut texts, "kind", &kind);
        push(&mut texts, "body_id", &self.body);
        push(&mut texts, "deadline", &self.deadline);
        push(&mut texts, "payer", &self.payer);
        push(&mut texts, "payment_reference", &self.payment_reference);
        push(&mut texts, "cancelled", &self.cancelled);
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "building_id", &mut self.building);
        drop_unless(keep, "plan_id", &mut self.plan);
        drop_unless(keep, "kind", &mut self.kind);
        drop_unless(keep, "body_id", &mut self.body);
        drop_unless(keep, "deadline", &mut self.deadline);
        drop_unless(keep, "payer", &mut self.payer);
        drop_unless(keep, "payment_reference", &mut self.payment_reference);
        drop_unless(keep, "cancelled", &mut self.cancelled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::qualification::Period,
        kernel::{id::RawId, position::Partition},
    };
    use expect_test::{Expect, expect};

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// Reads a script: a line for each thing that is known or said of an order.
    fn check(script: &str, expected: &Expect) {
        let (mut said, mut setting) = (OrderContent::default(), Setting::default());
        let presence = |word: &str| match word {
            "there" => Presence::Exists,
            "perhaps" => Presence::Unknown,
            "gone" => Presence::Ended,
            _ => Presence::NotYet,
        };
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["from", from] => setting.deadline_from = Some(day(from)),
                ["deadline", on] => said.deadline = Some(Some(day(on))),
                ["building", word] => setting.building = Some(presence(word)),
                ["keeps", number, word] => {
                    let raw = RawId::new(1, Partition::ROOT, number.parse().unwrap());
                    let kind = ReportKind::ALL.into_iter().find(|it| it.word() == *word);
                    setting.keeps = kind.map(|kind| (BuildingId::new(raw), kind));
                }
                ["of", number] => {
                    let raw = RawId::new(1, Partition::ROOT, number.parse().unwrap());
                    said.building = Some(Some(BuildingId::new(raw)));
                }
                ["for", word] => {
                    said.kind = Some(ReportKind::ALL.into_iter().find(|it| it.word() == *word));
                }
                ["state", word] => {
                    setting.state = OrderState::ALL.into_iter().find(|it| it.word() == *word);
                }
                ["body", word, "on", on] => {
                    setting.body = Some(Standing {
                        presence: presence(word),
                        qualifications: Vec::new(),
                        day: day(on),
                    });
                }
                ["licensed", from, until] => {
                    let period =
                        Period { from: from.parse().unwrap(), until: Some(until.parse().unwrap()) };
                    setting.body.as_mut().unwrap().qualifications.push(Qualification {
                        scope: "structure".to_owned(),
                        certificate: "1".to_owned(),
                        period,
                        suspensions: Vec::new(),
                    });
                }
                _ => panic!("{line}"),
            }
        }
        let told: Vec<String> = objections(&said, &setting)
            .into_iter()
            .map(|one| format!("{} {}: {one}", one.reason(), one.field()))
            .collect();
        expected.assert_eq(&told.join("\n"));
    }

    #[test]
    fn an_order_is_for_what_is_there_and_asked_of_who_may() {
        check(
            "
            building there
            body there on 2026-06-01
            licensed 2020 2026-06-01
            from 2026-06-01
            deadline 2026-06-01
            ",
            &expect![""],
        );
        check(
            "
            building gone
            body there on 2026-06-02
            licensed 2020 2026-06-01
            from 2026-06-02
            deadline 2026-06-01
            ",
            &expect![[r"
                BUILDING_ABSENT fields.building_id: the building is not there on the order's day
                BODY_UNQUALIFIED fields.body_id: the body has no licence of any scope that holds on 2026-06-02
                DEADLINE_PAST fields.deadline: 2026-06-01 lies before 2026-06-02, the day from which it is said"]],
        );
        check(
            "body gone on 2026-06-02",
            &expect!["BODY_ABSENT fields.body_id: the body is not there on the day"],
        );
    }

    #[test]
    fn what_imprecise_days_leave_open_stands_against_nothing() {
        check(
            "
            building perhaps
            body perhaps on 2026-06-02
            licensed 2020 2026
            ",
            &expect![""],
        );
    }

    #[test]
    fn an_order_keeps_its_building_and_what_it_asks_for() {
        check(
            "
            keeps 1 check_up
            of 1
            for check_up
            ",
            &expect![""],
        );
        check(
            "
            keeps 1 check_up
            of 2
            for appraisal
            ",
            &expect![[r"
                ORDER_KEEPS fields.building_id: it stays an order of bld_00000000010000000000000001: cancel it and set another
                ORDER_KEEPS fields.kind: it stays one for a check_up: cancel it and set another"]],
        );
    }

    #[test]
    fn what_is_done_or_cancelled_takes_no_more_changes() {
        check("state planned", &expect![""]);
        check("state ordered", &expect![""]);
        check(
            "state done",
            &expect!["ORDER_STATE id: the order is done and takes no more changes"],
        );
        check(
            "state cancelled",
            &expect!["ORDER_STATE id: the order is cancelled and takes no more changes"],
        );
    }
}
