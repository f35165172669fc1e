//! Cases on the wire: what people have to look at.

use tonic::{Request, Response, Status};

use crate::{
    auth::actor::check_key,
    kernel::{
        id::{CaseId, Kind, SubjectId},
        time::KnownAt,
        violation::Violations,
    },
    proto::v1::{self, case_service_server::CaseService},
    registry::{Case, Command, Error},
    service::{
        Api, Plan, Way, Write, Written, common,
        misread::{self, Misread},
        page::Question,
        search::Part,
        status,
    },
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
        way.check_reach("id", id.into())?;
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
        let id = case_id(&mut violations, &asked.id);
        let assignee = check_key(&asked.assignee).map_err(|bad| ("MALFORMED", bad.to_string()));
        violations.take("assignee", assignee);
        let assignee = asked.assignee;
        let plan = Misread::check(violations, (id, Command::AssignCase { case: id, assignee }));
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
        let id = case_id(&mut violations, &asked.id);
        let outcome = u32::try_from(asked.outcome).ok().filter(|number| (1..=3).contains(number));
        let reason = if asked.outcome == 0 { "REQUIRED" } else { "UNKNOWN_VALUE" };
        let message = "outcome is STANDS, CORRECTED or UNFOUNDED".to_owned();
        let outcome = violations.take("outcome", outcome.ok_or((reason, message)));
        // Whether the case may be settled does not hang on how.
        let outcome = outcome.unwrap_or(1);
        let plan = Misread::check(violations, (id, Command::SettleCase { case: id, outcome }));
        let (written, case) = write.about_case(plan).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::SettleCaseResponse { receipt, case }))
    }
}

impl Way {
    /// Whether a case is there and about something in reach.
    pub(crate) fn reaches_case_of(&self, id: SubjectId) -> Result<bool, Status> {
        let Ok(id) = CaseId::try_from(id) else { return Ok(false) };
        let registry = self.registry();
        match registry.noticed(registry.case(id, KnownAt::Now)) {
            Ok((case, _)) => self.reaches_case(&case),
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(status::status(error)),
        }
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
        read: Result<(CaseId, Command), Misread<(CaseId, Command)>>,
    ) -> Result<(Written, Option<v1::Case>), Status> {
        let id = read.as_ref().ok().map(|(id, _)| *id);
        let plan = |(id, command): (CaseId, Command)| Plan {
            command,
            partition: id.partition(),
            named: vec![("id".to_owned(), id.into())],
            needs_everything: false,
            needs_reason: false,
            warnings: Vec::new(),
        };
        let plan = read.map(plan).map_err(|misread| misread.map(plan));
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

/// Reads the id of a case; one that there never is when it cannot be read.
fn case_id(violations: &mut Violations, text: &str) -> CaseId {
    let id: Option<CaseId> = common::required(violations, "id", text);
    id.unwrap_or_else(|| CaseId::new(misread::nobody(Kind::Case, &[]).raw()))
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
