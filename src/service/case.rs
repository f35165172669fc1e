//! Cases on the wire: what people have to look at.

use tonic::{Request, Response, Status};

use crate::{
    auth::actor::check_key,
    kernel::{
        id::{CaseId, Kind, SubjectId},
        limit,
        page::{Page, PageRequest},
        time::{Day, KnownAt},
        violation::Violations,
    },
    proto::v1::{self, case_service_server::CaseService},
    registry::{Case, Command, Contradiction, Days, Error, InDoubt, Span},
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
        let (way, mut asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let context = asked.context.take();
        let (size, token) = (asked.page_size, std::mem::take(&mut asked.page_token));
        asked.page_size = 0;
        let question = Question::new(&way, &asked, context.as_ref());
        let page = question.page(&mut violations, size, &token);
        let id = common::required(&mut violations, "id", &asked.id);
        let time = way.reading(context, violations).await?;
        let id: CaseId = way.was_read(id)?;
        way.check_reach("id", id.into())?;
        let (case, first, subjects, position) = way
            .blocking(move |registry| {
                let (case, position) = registry.case(id, time.known_at)?;
                let known_at = KnownAt::Seq(position.seq);
                let first = registry.case_subjects(id, &case, known_at, &first_page())?;
                let subjects = registry.case_subjects(id, &case, known_at, &page)?;
                Ok((case, first.rows, subjects, position))
            })
            .await?;
        let next_page_token = question.token(&subjects);
        let mut in_doubt = Vec::new();
        for one in subjects.rows {
            if way.reaches(one.subject)? {
                in_doubt.push(subject_on_wire(&case, one));
            }
        }
        let case = Some(on_wire(id, case, way.in_reach(first)?));
        let read_at = position.to_string();
        Ok(Response::new(v1::GetCaseResponse { case, read_at, in_doubt, next_page_token }))
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
                let mut rows = Vec::new();
                for (id, case) in cases.rows {
                    let first = registry.case_subjects(id, &case, known_at, &first_page())?;
                    rows.push((id, case, first.rows));
                }
                Ok((Page { rows, next: cases.next }, position))
            })
            .await?;
        let next_page_token = question.token(&cases);
        let mut reached = Vec::new();
        for (id, case, first) in cases.rows {
            if part == Part::Whole {
                reached.push(on_wire(id, case, first));
            } else if way.reaches_case(id, &case)? {
                let first = way.in_reach(first)?;
                reached.push(on_wire(id, case, first));
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
            Ok((case, _)) => self.reaches_case(id, &case),
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(status::status(error)),
        }
    }

    /// Whether a case is about something in reach.
    fn reaches_case(&self, id: CaseId, case: &Case) -> Result<bool, Status> {
        for subject in &case.subjects {
            if self.reaches(*subject)? {
                return Ok(true);
            }
        }
        if case.in_doubt <= 1 {
            return Ok(false);
        }
        let registry = self.registry();
        let mut after = Vec::new();
        // What is reached of many in doubt may be far behind the first.
        loop {
            let page = PageRequest { rows: limit::VIEW_ROWS_MAX, after };
            let read = registry.case_subjects(id, case, KnownAt::Now, &page);
            let page = registry.noticed(read).map_err(status::status)?;
            for one in page.rows {
                if self.reaches(one.subject)? {
                    return Ok(true);
                }
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(false),
            }
        }
    }

    /// Of the subjects of a case those that are in reach.
    fn in_reach(&self, subjects: Vec<InDoubt>) -> Result<Vec<InDoubt>, Status> {
        let mut reached = Vec::new();
        for one in subjects {
            if self.reaches(one.subject)? {
                reached.push(one);
            }
        }
        Ok(reached)
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
        let way = self.way.clone();
        let plan = read.map(plan).map_err(|misread| misread.map(plan));
        let written = self.run(plan).await?;
        let case = match id.filter(|_| !written.is_only_judged()) {
            Some(id) => {
                let known_at = KnownAt::Seq(written.outcome.position.seq);
                let registry = written.api.registry();
                let found = registry.noticed(registry.case(id, known_at));
                let (case, _) = found.map_err(status::status)?;
                let first = registry.case_subjects(id, &case, known_at, &first_page());
                let first = registry.noticed(first).map_err(status::status)?;
                Some(on_wire(id, case, way.in_reach(first.rows)?))
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

/// Subjects in doubt that are told with their case.
const FIRST_TOLD: usize = 8;

fn first_page() -> PageRequest {
    PageRequest { rows: FIRST_TOLD, after: Vec::new() }
}

/// A case with the first of the subjects that it puts in doubt.
fn on_wire(id: CaseId, case: Case, first: Vec<InDoubt>) -> v1::Case {
    let state = match (case.closed_by, case.outcome, &case.assignee) {
        (Some(_), Some(_), _) => v1::CaseState::Settled,
        (Some(_), None, _) => v1::CaseState::Cleared,
        (None, _, Some(_)) => v1::CaseState::Assigned,
        (None, _, None) => v1::CaseState::Open,
    };
    let (message, message_zh) = sentences(&case);
    let in_doubt = first.iter().map(|one| one.subject);
    let others = case.subjects.iter().copied().skip(1);
    let subjects = in_doubt.chain(others).map(|subject| subject.to_string());
    v1::Case {
        id: id.to_string(),
        reason: case.what.reason().to_owned(),
        message,
        subject_ids: subjects.collect(),
        opened_by_entry: case.opened_by,
        entries_in_doubt: first.into_iter().flat_map(|one| one.entries).collect(),
        opened_at: Some(common::timestamp(case.opened_at)),
        state: state.into(),
        assignee: case.assignee.unwrap_or_default(),
        outcome: case.outcome.and_then(|outcome| outcome.try_into().ok()).unwrap_or(0),
        closed_by_entry: case.closed_by,
        message_zh,
        in_doubt_count: case.in_doubt,
    }
}

/// A subject that a case puts in doubt, with its own days.
fn subject_on_wire(case: &Case, one: InDoubt) -> v1::CaseSubject {
    let text = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let accepted = one.days.map(|days| days.accepted);
    let against = one.days.and_then(|days| days.against);
    let (message, message_zh) = one.days.map(|days| days_of(case, days)).unwrap_or_default();
    v1::CaseSubject {
        subject_id: one.subject.to_string(),
        entries_in_doubt: one.entries,
        from: text(accepted.map(|span| span.from)),
        until: text(accepted.and_then(|span| span.until)),
        against_from: text(against.map(|span| span.from)),
        against_until: text(against.and_then(|span| span.until)),
        message,
        message_zh,
    }
}

/// What a case is about, in English and in Chinese: what contradicts what, and the days of both.
fn sentences(case: &Case) -> (String, String) {
    let count = case.in_doubt;
    let mut english = match count {
        0 | 1 => case.what.message().to_owned(),
        _ => format!("of {count} subjects each: {}", case.what.message()),
    };
    let mut chinese = match count {
        0 | 1 => case.what.message_zh().to_owned(),
        _ => format!("{count} 个对象均如此：{}", case.what.message_zh()),
    };
    if !case.detail.is_empty() {
        english = format!("{english}: {}", case.detail);
        if case.what != Contradiction::BasisCorrected {
            chinese = format!("{chinese}：{}", case.detail);
        }
    }
    if let Some(days) = case.days {
        let (more, more_zh) = days_of(case, days);
        // Of several the days are those of all of them.
        let (all, all_zh) =
            if count > 1 { ("taken together, ", "合起来看，") } else { ("", "") };
        english = format!("{english}; {all}{more}");
        chinese = format!("{chinese}；{all_zh}{more_zh}");
    }
    (english, chinese)
}

/// The days that contradict each other.
fn days_of(case: &Case, days: Days) -> (String, String) {
    let by = case.opened_by;
    let (accepted, accepted_zh) = span(days.accepted);
    let against = days.against.map(span);
    match (case.what, against) {
        (Contradiction::OutsideParentLife, Some((holder, holder_zh))) => (
            format!("accepted is {accepted}, and by entry {by} what it is in is there {holder}"),
            format!("已采用的是{accepted_zh}，而按第 {by} 条记录，其所在对象{holder_zh}存在"),
        ),
        (Contradiction::OutsideParentLife, None) => (
            format!("accepted is {accepted}, and by entry {by} what it is in never was there"),
            format!("已采用的是{accepted_zh}，而按第 {by} 条记录，其所在对象从未存在"),
        ),
        (Contradiction::SaidAfterItsEnd, Some((end, _))) => {
            let on = end.trim_start_matches("from ").to_owned();
            (
                format!("accepted is what holds {accepted}, and by entry {by} it ended on {on}"),
                format!("已采用的内容{accepted_zh}生效，而按第 {by} 条记录，其于 {on} 终止"),
            )
        }
        (Contradiction::EndsBeforeItBegins, Some((begins, begins_zh))) => {
            let on = accepted.trim_start_matches("from ").to_owned();
            (
                format!("it ended on {on}, and is there {begins}"),
                format!("其于 {on} 终止，却{begins_zh}存在"),
            )
        }
        (Contradiction::IdentifierOverlap, Some((own, own_zh))) => (
            format!("accepted is that the other one has it {accepted}, and this one {own}"),
            format!("已采用的是另一对象{accepted_zh}使用，本对象{own_zh}使用"),
        ),
        (Contradiction::InsuredIsNoMore, Some((life, life_zh))) => (
            format!("it is insured {accepted} on, and by entry {by} was there {life}"),
            format!("保单{accepted_zh}仍承保该标的，而按第 {by} 条记录，其{life_zh}存在"),
        ),
        (Contradiction::InsuredIsNoMore, None) => (
            format!("by entry {by} what is insured never was there"),
            format!("按第 {by} 条记录，该标的从未存在"),
        ),
        (_, Some((corrected, corrected_zh))) => (
            format!("accepted is what holds {accepted}, and the correction holds {corrected}"),
            format!("已采用的内容{accepted_zh}生效，更正内容{corrected_zh}生效"),
        ),
        (_, None) => {
            (format!("accepted is what holds {accepted}"), format!("已采用的内容{accepted_zh}生效"))
        }
    }
}

/// `from 1985-05-01`, `from 1985-05-01 to before 1990-01-01`; in Chinese the same.
fn span(span: Span) -> (String, String) {
    let from = span.from;
    match span.until {
        Some(until) => {
            (format!("from {from} to before {until}"), format!("自 {from} 起至 {until} 前"))
        }
        None => (format!("from {from}"), format!("自 {from} 起")),
    }
}
