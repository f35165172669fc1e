//! When check-ups are due, on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        checkup::{Coloured, Graded},
        due::{self, Bounds, DueAnswer, Segment},
        grade::Grade,
        timeline::Presence,
    },
    kernel::{
        id::{BuildingId, SubjectId},
        time::{Answer, Day, ImpreciseDay},
        violation::Violations,
    },
    proto::v1::{self, due_service_server::DueService},
    registry::{CheckUps, DueDays, DueFor, DueListed},
    service::{
        Api, common,
        inspection::write_grade,
        page::{Question, is_of_another_time},
    },
};

#[tonic::async_trait]
impl DueService for Api {
    async fn explain_due(
        &self,
        request: Request<v1::ExplainDueRequest>,
    ) -> Result<Response<v1::ExplainDueResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let building = common::required(&mut violations, "building_id", &asked.building_id);
        let time = way.reading(asked.context, violations).await?;
        let building: BuildingId = way.was_read(building)?;
        way.check_reach("building_id", building.into())?;
        let found = way.blocking(move |registry| registry.check_ups(building, time)).await?;
        Ok(Response::new(explained(found)))
    }

    async fn list_due(
        &self,
        request: Request<v1::ListDueRequest>,
    ) -> Result<Response<v1::ListDueResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let context = asked.context.take();
        let (size, token) = (asked.page_size, std::mem::take(&mut asked.page_token));
        asked.page_size = 0;
        let question = Question::new(&way, &asked, context.as_ref());
        let page = question.page(&mut violations, size, &token);
        let holder = common::required(&mut violations, "holder_id", &asked.holder_id);
        let from: Option<Day> = common::optional(&mut violations, "from", &asked.from);
        let to: Option<Day> = common::optional(&mut violations, "to", &asked.to);
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            violations.add("to", "OUT_OF_RANGE", "the last day is not before the first");
        }
        let is_by_id = asked.order_by == "id";
        if !is_by_id && !asked.order_by.is_empty() && asked.order_by != "due" {
            violations.add("order_by", "ORDER_UNKNOWN", "this list is in the order `due` or `id`");
        }
        if !is_by_id && is_of_another_time(context.as_ref()) {
            let message = "of another time this list is served with order_by `id`";
            violations.add("order_by", "ORDER_ONLY_NOW", message);
        }
        let time = way.reading(context, violations).await?;
        let holder: SubjectId = way.was_read(holder)?;
        way.check_reach("holder_id", holder)?;
        let today = way.registry().now().day();
        if is_by_id {
            let (found, positions) =
                way.blocking(move |registry| registry.list_due_at(holder, time, &page)).await?;
            let next_page_token = question.token(&found);
            let valid_at = time.valid_at.unwrap_or(today);
            let read_at = positions.iter().map(ToString::to_string).collect();
            let wanted = Wanted { from, to, with_uncertain: asked.with_uncertain };
            let rows = found.rows.into_iter().filter_map(|row| listed_then(row, wanted)).collect();
            let valid_at = valid_at.to_string();
            return Ok(Response::new(v1::ListDueResponse {
                rows,
                next_page_token,
                read_at,
                valid_at,
            }));
        }
        let days = DueDays { from, to, with_uncertain: asked.with_uncertain };
        let (found, positions) =
            way.blocking(move |registry| registry.list_due(holder, days, &page)).await?;
        let next_page_token = question.token(&found);
        Ok(Response::new(v1::ListDueResponse {
            rows: found.rows.into_iter().map(|row| listed(row, today)).collect(),
            next_page_token,
            read_at: positions.iter().map(ToString::to_string).collect(),
            valid_at: today.to_string(),
        }))
    }
}

/// Which rows of another time are wanted.
#[derive(Clone, Copy)]
struct Wanted {
    from: Option<Day>,
    to: Option<Day>,
    with_uncertain: bool,
}

impl Wanted {
    fn has(self, day: Option<Day>) -> bool {
        let Some(day) = day else { return self.from.is_none() && self.to.is_none() };
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

fn listed_then(row: CheckUps, wanted: Wanted) -> Option<v1::DueRow> {
    if !matches!(row.presence, Presence::Exists | Presence::Unknown) {
        return None;
    }
    let segment = row.due?;
    let (day, is_certain) = match &segment.answer {
        DueAnswer::Due { on } => (Some(*on), true),
        DueAnswer::Exempt { then_due, .. } => (then_due.earliest, false),
        DueAnswer::Unknown { due, .. } => (due.earliest, false),
    };
    ((is_certain || wanted.with_uncertain) && wanted.has(day)).then(|| v1::DueRow {
        building_id: row.building.to_string(),
        label: String::new(),
        due: Some(due_on_wire(&segment, row.valid_at)),
    })
}

fn listed(row: DueListed, today: Day) -> v1::DueRow {
    let day = if row.day == Day::MAX { String::new() } else { row.day.to_string() };
    let bounds = || Some(v1::DayBounds { earliest: day.clone(), latest: String::new() });
    let mut due = v1::Due::default();
    match row.what {
        DueFor::CheckUp => {
            due.answer = v1::DueAnswer::Due.into();
            due.due_on.clone_from(&day);
            due.overdue = row.day < today;
        }
        DueFor::AfterExemption => {
            due.answer = v1::DueAnswer::Exempt.into();
            due.next_due = bounds();
        }
        DueFor::Unknown => {
            due.answer = v1::DueAnswer::Unknown.into();
            due.next_due = bounds();
        }
    }
    v1::DueRow { building_id: row.building.to_string(), label: row.label, due: Some(due) }
}

fn explained(found: CheckUps) -> v1::ExplainDueResponse {
    let ended_on = found.ended.map(|day| day.to_string()).unwrap_or_default();
    let no_day = |answer: v1::DueAnswer| v1::Due { answer: answer.into(), ..v1::Due::default() };
    let part_of_id = found.part_of.map(|id| SubjectId::from(id).to_string());
    let due = match (&found.due, found.presence, part_of_id) {
        (_, Presence::Ended, _) => v1::Due { ended_on, ..no_day(v1::DueAnswer::Ended) },
        (_, Presence::NotYet | Presence::EnteredInError, _) => no_day(v1::DueAnswer::NotThere),
        (_, _, Some(part_of_id)) => v1::Due { part_of_id, ..no_day(v1::DueAnswer::PartOfAnother) },
        (Some(segment), ..) => due_on_wire(segment, found.valid_at),
        (None, ..) => no_day(v1::DueAnswer::NoRules),
    };
    let payments = found.payments.into_iter().map(|(rule, payment)| v1::DuePayment {
        rule,
        payer: payment.payer.to_string(),
        award_percent: payment.award_percent.into(),
    });
    let basis = found.due.as_ref().map(|segment| v1::DueBasis {
        payments: payments.collect(),
        notes: found.notes,
        ..basis(&segment.basis)
    });
    v1::ExplainDueResponse {
        due: Some(due),
        basis,
        grades: found.grades.into_iter().map(graded).collect(),
        colour: found.colour.map(coloured),
        valid_at: found.valid_at.to_string(),
        read_at: found.position.to_string(),
    }
}

fn bounds(bounds: Bounds) -> v1::DayBounds {
    let text = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    v1::DayBounds { earliest: text(bounds.earliest), latest: text(bounds.latest) }
}

fn due_on_wire(segment: &Segment, day: Day) -> v1::Due {
    let mut due = v1::Due {
        overdue: segment.answer.is_overdue_on(day) == Answer::Yes,
        since: segment.from.to_string(),
        ..v1::Due::default()
    };
    match &segment.answer {
        DueAnswer::Due { on } => {
            due.answer = v1::DueAnswer::Due.into();
            due.due_on = on.to_string();
        }
        DueAnswer::Exempt { until, then_due } => {
            due.answer = v1::DueAnswer::Exempt.into();
            due.exempt_until = Some(bounds(*until));
            due.next_due = Some(bounds(*then_due));
        }
        DueAnswer::Unknown { because, due: next, .. } => {
            due.answer = v1::DueAnswer::Unknown.into();
            due.because = because.iter().map(ToString::to_string).collect();
            due.next_due = Some(bounds(*next));
        }
    }
    due
}

fn basis(basis: &due::Basis) -> v1::DueBasis {
    let input = |name: &str, value: Option<String>| v1::DueInput {
        name: name.to_owned(),
        value: value.unwrap_or_else(|| "unknown".to_owned()),
    };
    let building = &basis.building;
    let set = basis.set.as_ref();
    v1::DueBasis {
        rule_set: set.map(|set| set.name.clone()).unwrap_or_default(),
        edition: set.map(|set| set.edition.clone()).unwrap_or_default(),
        standing: set.map(|set| set.standing.word().to_owned()).unwrap_or_default(),
        rules: basis.rules.iter().cloned().collect(),
        counted_from: basis.counted_from.map(|(day, _)| day.to_string()).unwrap_or_default(),
        counted_from_kind: basis
            .counted_from
            .map(|(_, kind)| kind.word().to_owned())
            .unwrap_or_default(),
        inputs: vec![
            input(
                "completed",
                (building.completed != ImpreciseDay::UNKNOWN)
                    .then(|| building.completed.to_string()),
            ),
            input("design_life_years", building.design_life_years.map(|years| years.to_string())),
            input("use", building.building_use.map(|it| it.to_string())),
            input("structure", building.structure.map(|it| it.to_string())),
            input("storeys_above", building.storeys_above.map(|it| it.to_string())),
            input("height_cm", building.height_cm.map(|it| it.to_string())),
        ],
        grades: basis
            .grades
            .iter()
            .map(|(scale, value)| v1::DueInput { name: scale.clone(), value: value.clone() })
            .collect(),
        open_finding_count: basis.open_finding_count,
        ..v1::DueBasis::default()
    }
}

fn grade(grade: Grade, since: Day, report: String, in_doubt: bool) -> v1::BuildingGrade {
    let grade = Some(write_grade(grade));
    v1::BuildingGrade { grade, since: since.to_string(), report_id: report, in_doubt }
}

fn graded(graded: Graded) -> v1::BuildingGrade {
    grade(graded.grade, graded.span.from, graded.report.to_string(), graded.is_in_doubt)
}

fn coloured(coloured: Coloured) -> v1::BuildingColour {
    let since = coloured.span.from;
    v1::BuildingColour {
        colour: coloured.colour.colour.value.clone(),
        mapping: coloured.colour.mapping.clone(),
        edition: coloured.colour.edition.clone(),
        basis: Some(grade(
            coloured.colour.basis,
            since,
            coloured.report.to_string(),
            coloured.is_in_doubt,
        )),
    }
}
