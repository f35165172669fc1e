//! Findings (问题) on the wire.

mod plans;
mod reading;
mod showing;

pub(crate) use reading::{named_in, observation, observation_so_far};

use tonic::{Request, Response, Status};

use crate::{
    domain::finding::{Stage, catalogue::Severity},
    kernel::{
        id::{BuildingId, CompoundId, FindingId, Kind, RegionId, SubjectId},
        time::{KnownAt, ReadTime},
        violation::Violations,
    },
    proto::v1::{self, finding_service_server::FindingService},
    registry::FindingsWanted,
    service::{
        Api, Way, Write, Written, author, common,
        finding::{
            plans::{Following, correct_plan, follow_plan, merge_plan, observe_plan, retract_plan},
            reading::{choice, class, finding_id},
            showing::write_finding,
        },
        page::{Question, is_of_another_time},
        status,
    },
};

impl Written {
    /// The time at which what was written is read; `None` when nothing was.
    fn time(&self) -> Option<ReadTime> {
        (!self.is_only_judged).then(|| ReadTime {
            valid_at: Some(self.outcome.stamp.day()),
            known_at: KnownAt::Seq(self.outcome.position.seq),
        })
    }

    /// Findings as they were known with this write, each with others that may be the same defect; none
    /// when nothing was written.
    pub(crate) fn findings(
        &self,
        ids: &[SubjectId],
    ) -> Result<Vec<(v1::Finding, Vec<String>)>, Status> {
        let Some(time) = self.time() else { return Ok(Vec::new()) };
        let ids: Vec<FindingId> =
            ids.iter().filter_map(|id| FindingId::try_from(*id).ok()).collect();
        let registry = self.api.registry();
        let found = registry.noticed(registry.findings_alike(&ids, time));
        let found = found.map_err(status::status)?.into_iter().map(|(finding, alike)| {
            let alike = alike.into_iter().map(|id| SubjectId::from(id).to_string());
            (write_finding(finding), alike.collect())
        });
        Ok(found.collect())
    }

    /// The finding that the write was about first.
    fn about_finding(&self) -> Result<(Option<v1::Finding>, Vec<String>), Status> {
        let found = self.findings(self.made().as_slice())?;
        Ok(found
            .into_iter()
            .next()
            .map_or_else(Default::default, |(one, alike)| (Some(one), alike)))
    }
}

/// Takes a request of what follows apart.
macro_rules! following {
    ($asked:expr, $request:ident) => {{
        let v1::$request { context: _, id, etag, on, time, order_key, saying } = $asked;
        Following { id, etag, on, time, order_key, saying }
    }};
}

impl Write {
    async fn follow(
        self,
        asked: Following,
        here: &[&str],
    ) -> Result<(Written, Option<v1::Finding>), Status> {
        let today = self.registry().now().day();
        let written = self.run(follow_plan(asked, here, today)).await?;
        let (finding, _) = written.about_finding()?;
        Ok((written, finding))
    }
}

/// What a list of findings is of.
fn of(
    violations: &mut Violations,
    asked: &v1::ListFindingsRequest,
) -> Option<(&'static str, SubjectId)> {
    use v1::list_findings_request::Of;
    match &asked.of {
        Some(Of::BuildingId(text)) => {
            common::required::<BuildingId>(violations, "building_id", text)
                .map(|id| ("building_id", id.into()))
        }
        Some(Of::CompoundId(text)) => {
            common::required::<CompoundId>(violations, "compound_id", text)
                .map(|id| ("compound_id", id.into()))
        }
        Some(Of::RegionId(text)) => common::required::<RegionId>(violations, "region_id", text)
            .map(|id| ("region_id", id.into())),
        None => {
            violations.add("", "ONE_OF", "name a building, a compound or a region");
            None
        }
    }
}

fn wanted(violations: &mut Violations, asked: &v1::ListFindingsRequest) -> FindingsWanted {
    let mut severities = Vec::new();
    for (index, number) in asked.severities.iter().enumerate() {
        let field = format!("severities[{index}]");
        severities.extend(choice(violations, &field, *number, Severity::from_number));
    }
    let mut stages = Vec::new();
    for (index, number) in asked.stages.iter().enumerate() {
        let field = format!("stages[{index}]");
        stages.extend(choice(violations, &field, *number, Stage::from_number));
    }
    let class = match asked.class.as_str() {
        "" => None,
        text => class(violations, "class", text.to_owned()),
    };
    let is_by_age = match asked.order_by.as_str() {
        "" | "id" => false,
        "age" => true,
        _ => {
            let message = "findings are listed in the order of their ids or by age";
            violations.add("order_by", "ORDER_UNKNOWN", message);
            false
        }
    };
    FindingsWanted {
        class,
        severities,
        stages,
        is_overdue: asked.overdue_only,
        bucket_from_days: asked.bucket_from_days,
        has_notice: asked.with_open_notice,
        is_by_age,
    }
}

impl Way {
    async fn list_findings(
        &self,
        mut asked: v1::ListFindingsRequest,
    ) -> Result<v1::ListFindingsResponse, Status> {
        let context = asked.context.take();
        let page_size = std::mem::take(&mut asked.page_size);
        let page_token = std::mem::take(&mut asked.page_token);
        let mut violations = Violations::default();
        let question = Question::new(self, &asked, context.as_ref());
        let request = question.page(&mut violations, page_size, &page_token);
        let of = of(&mut violations, &asked);
        let wanted = wanted(&mut violations, &asked);
        let is_of_building = of.is_some_and(|(_, of)| of.kind() == Kind::Building);
        if wanted.is_by_age && !is_of_building && is_of_another_time(context.as_ref()) {
            let message = "of another time findings are listed in the order of their ids";
            violations.add("order_by", "ORDER_ONLY_NOW", message);
        }
        let time = self.reading(context, violations).await?;
        let Some((field, holder)) = of else {
            return Err(status::bug("a list was read and is not there"));
        };
        self.check_reach(field, holder)?;
        let (page, positions) = self
            .blocking(move |registry| registry.list_findings(holder, &wanted, time, &request))
            .await?;
        let next_page_token = question.token(&page);
        Ok(v1::ListFindingsResponse {
            findings: page.rows.into_iter().map(write_finding).collect(),
            next_page_token,
            read_at: positions.iter().map(ToString::to_string).collect(),
        })
    }
}

/// What an office does with a finding.
const FOLLOWED: [&str; 9] = [
    "assessed",
    "notified",
    "deadline_moved",
    "closed",
    "included",
    "excluded",
    "object_gone",
    "waived",
    "reopened",
];
/// What is done about it.
const REPAIRED: [&str; 3] = ["planned", "repair_began", "reported_fixed"];
/// What another party saw of that.
const VERIFIED: [&str; 2] = ["verified", "verification_failed"];
/// How people are kept from harm.
const SECURED: [&str; 4] = ["monitored", "monitoring_ended", "measure_taken", "measure_lifted"];

#[tonic::async_trait]
impl FindingService for Api {
    async fn observe_finding(
        &self,
        request: Request<v1::ObserveFindingRequest>,
    ) -> Result<Response<v1::ObserveFindingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let now = write.registry().now();
        let seed = common::id_seed(now).map_err(status::status)?;
        let role = write.way.caller.actor.role;
        let written = write.run(observe_plan(asked, seed, role, now.day())).await?;
        let (finding, possible_duplicates) = written.about_finding()?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::ObserveFindingResponse { receipt, finding, possible_duplicates }))
    }

    async fn get_finding(
        &self,
        request: Request<v1::GetFindingRequest>,
    ) -> Result<Response<v1::GetFindingResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let id = finding_id(&mut violations, "id", &asked.id);
        let time = way.reading(asked.context, violations).await?;
        let Some(id) = id else {
            return Err(status::bug("an id was read and is not there"));
        };
        way.check_reach("id", id.into())?;
        let found = way.blocking(move |registry| registry.finding(id, time)).await?;
        let read_at = found.seen.position.to_string();
        Ok(Response::new(v1::GetFindingResponse { finding: Some(write_finding(found)), read_at }))
    }

    async fn list_findings(
        &self,
        request: Request<v1::ListFindingsRequest>,
    ) -> Result<Response<v1::ListFindingsResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        way.list_findings(asked).await.map(Response::new)
    }

    async fn follow_finding(
        &self,
        request: Request<v1::FollowFindingRequest>,
    ) -> Result<Response<v1::FollowFindingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let asked = following!(asked, FollowFindingRequest);
        let (written, finding) = write.follow(asked, &FOLLOWED).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::FollowFindingResponse { receipt, finding }))
    }

    async fn report_repair(
        &self,
        request: Request<v1::ReportRepairRequest>,
    ) -> Result<Response<v1::ReportRepairResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let asked = following!(asked, ReportRepairRequest);
        let (written, finding) = write.follow(asked, &REPAIRED).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::ReportRepairResponse { receipt, finding }))
    }

    async fn verify_repair(
        &self,
        request: Request<v1::VerifyRepairRequest>,
    ) -> Result<Response<v1::VerifyRepairResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let asked = following!(asked, VerifyRepairRequest);
        let (written, finding) = write.follow(asked, &VERIFIED).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::VerifyRepairResponse { receipt, finding }))
    }

    async fn secure_finding(
        &self,
        request: Request<v1::SecureFindingRequest>,
    ) -> Result<Response<v1::SecureFindingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let asked = following!(asked, SecureFindingRequest);
        let (written, finding) = write.follow(asked, &SECURED).await?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::SecureFindingResponse { receipt, finding }))
    }

    async fn merge_findings(
        &self,
        request: Request<v1::MergeFindingsRequest>,
    ) -> Result<Response<v1::MergeFindingsResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let today = write.registry().now().day();
        let written = write.run(merge_plan(&asked, today)).await?;
        let (finding, possible_duplicates) = written.about_finding()?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::MergeFindingsResponse { receipt, finding, possible_duplicates }))
    }

    async fn correct_finding(
        &self,
        request: Request<v1::CorrectFindingRequest>,
    ) -> Result<Response<v1::CorrectFindingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let by = author(&write.way.caller);
        let mut written = write.run(correct_plan(asked, by)).await?;
        written.about = written.made();
        let (finding, _) = written.about_finding()?;
        let case_ids = written.opened_cases()?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::CorrectFindingResponse { receipt, finding, case_ids }))
    }

    async fn retract_finding(
        &self,
        request: Request<v1::RetractFindingRequest>,
    ) -> Result<Response<v1::RetractFindingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let mut written = write.run(retract_plan(&asked)).await?;
        written.about = written.made();
        let (finding, _) = written.about_finding()?;
        let case_ids = written.opened_cases()?;
        let receipt = Some(written.receipt());
        Ok(written.answer(v1::RetractFindingResponse { receipt, finding, case_ids }))
    }
}
