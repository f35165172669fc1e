//! Cases on the wire: what people have to look at.

use tonic::{Request, Response, Status};

use crate::{
    auth::actor::check_key,
    kernel::{
        id::{CaseId, SubjectId},
        time::KnownAt,
        violation::Violations,
    },
    proto::v1::{self, case_service_server::CaseService},
    registry::{Case, Command, Refusal},
    service::{Api, Plan, Way, Write, Written, common, page::Question, search::Part, status},
};

#[tonic::async_trait]
impl CaseService for Api {
    async fn get_case(
        &self,
        request: Request<v1::GetCaseRequest>,
    ) -> Result<Response<v1::GetCaseResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let id = common::required(&mut violations, "id", &asked.id);
        let time = way.reading(asked.context, violations).await?;
        let id: CaseId = way.was_read(id)?;
        way.check_case(id)?;
        let (case, position) =
            way.blocking(move |registry| registry.case(id, time.known_at)).await?;
        let (case, read_at) = (Some(on_wire(id, case)), position.to_string());
        Ok(Response::new(v1::GetCaseResponse { case, read_at }))
    }

    async fn list_cases(
        &self,
        request: Request<v1::ListCasesRequest>,
    ) -> Result<Response<v1::ListCasesResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let context = asked.context.take();
        let (size, token) = (asked.page_size, std::mem::take(&mut asked.page_token));
        asked.page_size = 0;
        let question = Question::new(&way, &asked, context.as_ref());
        let page = question.page(&mut violations, size, &token);
        let subject: Option<SubjectId> =
            common::optional(&mut violations, "subject_id", &asked.subject_id);
        let time = way.reading(context, violations).await?;
        let (partition, part) = if let Some(subject) = subject {
            way.check_reach("subject_id", subject)?;
            (subject.partition(), Part::Whole)
        } else {
            let partition = way.partition("partition", asked.partition)?;
            (partition, way.part_of(partition)?)
        };
        let closed = asked.include_closed;
        let (cases, position) = way
            .blocking(move |registry| {
                let position = registry.position(partition, time.known_at)?;
                let known_at = KnownAt::Seq(position.seq);
                let cases = registry.cases(partition, subject, closed, known_at, &page)?;
                Ok((cases, position))
            })
            .await?;
        let next_page_token = question.token(&cases);
        let mut reached = Vec::new();
        for (id, case) in cases.rows {
            if part == Part::Whole || way.reaches_case(&case)? {
                reached.push(on_wire(id, case));
            }
        }
        let read_at = position.to_string();
        Ok(Response::new(v1::ListCasesResponse { cases: reached, next_page_token, read_at }))
    }

    async fn assign_case(
        &self,
        request: Request<v1::AssignCaseRequest>,
    ) -> Result<Response<v1::AssignCaseResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let mut violations = Violations::default();
        let id = common::required(&mut violations, "id", &asked.id);
        let assignee = check_key(&asked.assignee).map_err(|bad| ("MALFORMED", bad.to_string()));
        violations.take("assignee", assignee);
        let assignee = asked.assignee;
        let plan = violations
            .or(id)
            .map(|id| id.map(|case| (case, Command::AssignCase { case, assignee })));
        let (written, case) = write.about_case(plan).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::AssignCaseResponse { receipt, case }))
    }

    async fn settle_case(
        &self,
        request: Request<v1::SettleCaseRequest>,
    ) -> Result<Response<v1::SettleCaseResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let mut violations = Violations::default();
        let id = common::required(&mut violations, "id", &asked.id);
        let outcome = u32::try_from(asked.outcome).ok().filter(|number| (1..=3).contains(number));
        let message = "outcome is STANDS, CORRECTED or UNFOUNDED".to_owned();
        let outcome = violations.take("outcome", outcome.ok_or(("REQUIRED", message)));
        let plan = violations
            .or(id.zip(outcome))
            .map(|read| read.map(|(case, outcome)| (case, Command::SettleCase { case, outcome })));
        let (written, case) = write.about_case(plan).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::SettleCaseResponse { receipt, case }))
    }
}

impl Way {
    /// Refuses a case of which no subject is in reach, as if it were not there.
    fn check_case(&self, id: CaseId) -> Result<(), Status> {
        if self.reaches_everything()? {
            return Ok(());
        }
        let registry = self.registry();
        let case = registry.noticed(registry.case(id, KnownAt::Now));
        let (case, _) = case.map_err(status::status)?;
        if self.reaches_case(&case)? {
            return Ok(());
        }
        Err(status::refused(&[Refusal::missing("id", id)]))
    }

    /// Whether a case is about something in reach.
    fn reaches_case(&self, case: &Case) -> Result<bool, Status> {
        for subject in &case.subjects {
            if self.reaches(*subject)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Write {
    /// Does something with a case; the case as it is then.
    async fn about_case(
        self,
        read: Result<Option<(CaseId, Command)>, Violations>,
    ) -> Result<(Written, Option<v1::Case>), Status> {
        let (plan, id) = match read {
            Ok(read) => {
                let (id, command) = self.way.was_read(read)?;
                self.way.check_case(id)?;
                let plan = Plan {
                    command,
                    partition: id.partition(),
                    named: Vec::new(),
                    needs_everything: false,
                    needs_reason: false,
                    warnings: Vec::new(),
                };
                (Ok(plan), Some(id))
            }
            Err(violations) => (Err(violations), None),
        };
        let written = self.run(plan).await?;
        let case = match id.filter(|_| !written.is_only_judged()) {
            Some(id) => {
                let known_at = KnownAt::Seq(written.outcome.position.seq);
                let registry = written.api.registry();
                let found = registry.noticed(registry.case(id, known_at));
                let (case, _) = found.map_err(status::status)?;
                Some(on_wire(id, case))
            }
            None => None,
        };
        Ok((written, case))
    }
}

fn on_wire(id: CaseId, case: Case) -> v1::Case {
    let state = match (case.closed_by, case.outcome, &case.assignee) {
        (Some(_), Some(_), _) => v1::CaseState::Settled,
        (Some(_), None, _) => v1::CaseState::Cleared,
        (None, _, Some(_)) => v1::CaseState::Assigned,
        (None, _, None) => v1::CaseState::Open,
    };
    let message = if case.detail.is_empty() {
        case.what.message().to_owned()
    } else {
        format!("{}: {}", case.what.message(), case.detail)
    };
    v1::Case {
        id: id.to_string(),
        reason: case.what.reason().to_owned(),
        message,
        subject_ids: case.subjects.iter().map(ToString::to_string).collect(),
        opened_by_entry: case.opened_by,
        entries_in_doubt: case.doubts,
        opened_at: Some(common::timestamp(case.opened_at)),
        state: state.into(),
        assignee: case.assignee.unwrap_or_default(),
        outcome: case.outcome.and_then(|outcome| outcome.try_into().ok()).unwrap_or(0),
        closed_by_entry: case.closed_by,
    }
}
