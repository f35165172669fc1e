//! Insurance policies (保险单) on the wire, and what they cover.

use std::collections::BTreeSet;

use tonic::{Request, Response, Status};

use crate::{
    auth::role::Role,
    domain::{
        content::{Content, Fields},
        coverage::Damage,
        policy::{
            Beneficiary, COVERS_MAX, CoverItem, INSURERS_MAX, Insurer, NUMBER_SCHEME, OBJECTS_MAX,
            PREMIUMS_MAX, PolicyContent, Premium, PremiumPayer, Standing,
        },
        product::Days,
        qualification::CompanyKey,
        reference_file::is_code,
    },
    kernel::{
        fen::Fen,
        id::{BuildingId, CompoundId, Kind, PolicyId, RegionId, SubjectId, UnitId},
        limit,
        share::Share,
        time::{Answer, Day, ReadTime},
        violation::Violations,
    },
    proto::v1::{self, policy_service_server::PolicyService},
    registry::{CoverSeen, Coverage, ListOf, Refusal, Seen, led_by_another},
    service::{
        Api, Way, Write, Written,
        common::{self, FieldReader, check_text, listed, number},
        kind::{self, Changing, Correcting, Creation, Listing, Parts, Resource, Step, answer},
        status,
    },
};

/// Visits of a year.
const VISITS: std::ops::RangeInclusive<u32> = 0..=366;

impl Resource for v1::Policy {
    const KIND: Kind = Kind::Policy;
    type Fields = v1::PolicyFields;

    fn read(fields: v1::PolicyFields, reader: &mut FieldReader) -> Fields {
        let key = limit::IDENTIFIER_CHARS_MAX;
        let content = PolicyContent {
            region: reader.parsed("region_id", fields.region_id),
            number: reader.text("policy_number", fields.policy_number, key),
            product: reader.text("product", fields.product, key),
            clause: reader.text("clause", fields.clause, key),
            insurers: reader.list("insurers", fields.insurers, INSURERS_MAX, insurer),
            policyholder: reader.text("policyholder", fields.policyholder, key),
            insured: reader.text("insured", fields.insured, key),
            beneficiary: reader.choice("beneficiary", fields.beneficiary, Beneficiary::from_number),
            objects: reader.list("object_ids", fields.object_ids, OBJECTS_MAX, object),
            covers: reader.list("covers", fields.covers, COVERS_MAX, cover),
            premiums: reader.list("premiums", fields.premiums, PREMIUMS_MAX, premium),
            visits_per_year: reader.number("visits_per_year", fields.visits_per_year, VISITS),
            standing: reader.choice(
                "policy_standing",
                fields.policy_standing,
                Standing::from_number,
            ),
        };
        reader.doubts(fields.doubts);
        Fields::Policy(Box::new(content))
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::PolicyFields {
        let Fields::Policy(fields) = content.fields else { return v1::PolicyFields::default() };
        let fields = *fields;
        v1::PolicyFields {
            region_id: fields.region.flatten().map(|id| id.to_string()),
            policy_number: fields.number.flatten(),
            product: fields.product.flatten(),
            clause: fields.clause.flatten(),
            insurers: listed(fields.insurers.flatten(), write_insurer),
            policyholder: fields.policyholder.flatten(),
            insured: fields.insured.flatten(),
            beneficiary: number(fields.beneficiary, |value| value as u32),
            object_ids: listed(fields.objects.flatten(), |id| id.to_string()),
            covers: listed(fields.covers.flatten(), write_cover),
            premiums: listed(fields.premiums.flatten(), write_premium),
            visits_per_year: fields.visits_per_year.flatten().map(u32::from),
            policy_standing: number(fields.standing, |value| value as u32),
            doubts,
        }
    }

    fn new(parts: Parts<v1::PolicyFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        Self { id, etag, life, fields, case_ids, entries_in_doubt, state: 0 }
    }

    fn with_derived(self, seen: &Seen) -> Self {
        Self { state: number(Some(seen.policy_state), |state| state as u32), ..self }
    }
}

fn insurer(violations: &mut Violations, path: &str, said: v1::Insurer) -> Option<Insurer> {
    let v1::Insurer { company, share_numerator, share_denominator } = said;
    let field = format!("{path}.company");
    let is_key = check_text(violations, &field, &company, limit::IDENTIFIER_CHARS_MAX)
        && is_free_of_slash(violations, &field, &company);
    let share = Share::new(share_numerator, share_denominator).ok_or_else(|| {
        let most = Share::DENOMINATOR_MAX;
        (
            "OUT_OF_RANGE",
            format!("a share is more than 0 and at most 1, in parts of at most {most}"),
        )
    });
    let share = violations.take(&format!("{path}.share_numerator"), share);
    is_key.then_some(Insurer { company: CompanyKey(company), share: share? })
}

/// The key of an insurer and the number of a policy are told apart by a slash.
fn is_free_of_slash(violations: &mut Violations, field: &str, company: &str) -> bool {
    let is_free = !company.contains('/');
    if !is_free {
        let message =
            format!("a key without a slash: the scheme {NUMBER_SCHEME:?} has one behind it");
        violations.add(field, "MALFORMED", message);
    }
    is_free
}

fn object(violations: &mut Violations, path: &str, said: String) -> Option<SubjectId> {
    common::required::<SubjectId>(violations, path, &said)
}

pub(crate) fn fen(violations: &mut Violations, field: &str, said: u64) -> Option<Fen> {
    let most = Fen::MAX.count();
    let read = Fen::new(said).ok_or_else(|| ("OUT_OF_RANGE", format!("from 0 to {most} fen")));
    violations.take(field, read)
}

fn cover(violations: &mut Violations, path: &str, said: v1::PolicyCover) -> Option<CoverItem> {
    let at = |field: &str| format!("{path}.{field}");
    if said.cover.is_empty() {
        violations.add(at("cover"), "REQUIRED", "the code of a cover of the clause is required");
    } else if !is_code(&said.cover) {
        let message = "a code of letters, digits, points, hyphens and underscores";
        violations.add(at("cover"), "MALFORMED", message);
    }
    let before = violations.list().len();
    let from = common::optional::<Day>(violations, &at("from"), &said.from);
    let until = common::optional::<Day>(violations, &at("until"), &said.until);
    let sum_insured = fen(violations, &at("sum_insured_fen"), said.sum_insured_fen);
    let mut limit =
        |field: &str, said: Option<u64>| said.and_then(|said| fen(violations, &at(field), said));
    let per_event = limit("per_event_fen", said.per_event_fen);
    let per_household = limit("per_household_fen", said.per_household_fen);
    let per_person = limit("per_person_fen", said.per_person_fen);
    let deductible = fen(violations, &at("deductible_fen"), said.deductible_fen);
    let is_read = violations.list().len() == before;
    let item = CoverItem {
        cover: said.cover,
        from,
        until,
        sum_insured: sum_insured?,
        per_event,
        per_household,
        per_person,
        deductible: deductible?,
    };
    is_read.then_some(item)
}

fn premium(violations: &mut Violations, path: &str, said: v1::PolicyPremium) -> Option<Premium> {
    let amount = fen(violations, &format!("{path}.amount_fen"), said.amount_fen);
    let payer = u32::try_from(said.payer).ok().and_then(PremiumPayer::from_number);
    let payer = payer.ok_or_else(|| ("UNKNOWN_VALUE", "say who pays".to_owned()));
    let payer = violations.take(&format!("{path}.payer"), payer);
    let field = format!("{path}.reference");
    let is_text = said.reference.is_empty()
        || check_text(violations, &field, &said.reference, limit::IDENTIFIER_CHARS_MAX);
    let premium = Premium { amount: amount?, payer: payer?, reference: said.reference };
    is_text.then_some(premium)
}

fn write_insurer(insurer: Insurer) -> v1::Insurer {
    v1::Insurer {
        company: insurer.company.0,
        share_numerator: insurer.share.numerator(),
        share_denominator: insurer.share.denominator(),
    }
}

fn write_cover(item: CoverItem) -> v1::PolicyCover {
    let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    v1::PolicyCover {
        from: day(item.from),
        until: day(item.until),
        cover: item.cover,
        sum_insured_fen: item.sum_insured.count(),
        per_event_fen: item.per_event.map(Fen::count),
        per_household_fen: item.per_household.map(Fen::count),
        per_person_fen: item.per_person.map(Fen::count),
        deductible_fen: item.deductible.count(),
    }
}

fn write_premium(premium: Premium) -> v1::PolicyPremium {
    v1::PolicyPremium {
        amount_fen: premium.amount.count(),
        payer: i32::try_from(premium.payer as u32).unwrap_or(0),
        reference: premium.reference,
    }
}

fn creation(asked: v1::CreatePolicyRequest) -> Creation<v1::PolicyFields> {
    let v1::CreatePolicyRequest { context: _, fields, exists_from } = asked;
    Creation { fields, exists_from, opens_partition: false }
}

fn policies(
    violations: &mut Violations,
    asked: &v1::ListPoliciesRequest,
) -> Option<common::Judged> {
    use v1::list_policies_request::Of;
    let holder = match &asked.of {
        Some(Of::BuildingId(text)) => common::holder::<BuildingId>(violations, "building_id", text),
        Some(Of::CompoundId(text)) => common::holder::<CompoundId>(violations, "compound_id", text),
        Some(Of::UnitId(text)) => common::holder::<UnitId>(violations, "unit_id", text),
        Some(Of::RegionId(text)) => common::holder::<RegionId>(violations, "region_id", text),
        None => {
            let message = "name a building, a compound, a unit or a region";
            violations.add("", "ONE_OF", message);
            None
        }
    };
    let (field, holder) = holder?;
    Some((ListOf::Below(Kind::Policy, holder), Some((field, holder))))
}

impl Write {
    /// Says where a policy stands, today on unless another day is named. Why it was bound is in the
    /// policy; why it is over is nowhere else.
    async fn policy_step(
        self,
        step: Step,
        standing: Standing,
    ) -> Result<(Written, Option<v1::Policy>), Status> {
        let content = PolicyContent { standing: Some(Some(standing)), ..PolicyContent::default() };
        let said = Fields::Policy(Box::new(content));
        self.step(step, |_| Some(said), standing != Standing::Bound).await
    }
}

/// What is asked of covers.
struct Asked {
    damaged: SubjectId,
    field: &'static str,
    damage: Damage,
}

fn read_damage(
    violations: &mut Violations,
    asked: &v1::CheckCoverageRequest,
    today: Day,
) -> Option<Asked> {
    use v1::check_coverage_request::Of;
    let damaged = match &asked.of {
        Some(Of::BuildingId(text)) => {
            common::required::<BuildingId>(violations, "building_id", text)
                .map(|id| ("building_id", id.into()))
        }
        Some(Of::UnitId(text)) => {
            common::required::<UnitId>(violations, "unit_id", text).map(|id| ("unit_id", id.into()))
        }
        None => {
            violations.add("", "ONE_OF", "name a building or a unit: building_id or unit_id");
            None
        }
    };
    for (field, text) in [("part", &asked.part), ("cause", &asked.cause)] {
        if text.is_empty() {
            violations.add(field, "REQUIRED", format!("{field} is required"));
        }
    }
    let lost_on = common::required::<Day>(violations, "lost_on", &asked.lost_on);
    if lost_on.is_some_and(|day| day > today) {
        violations.add("lost_on", "FUTURE_DATE", "a loss is not of a day to come");
    }
    let noticed_on = common::optional::<Day>(violations, "noticed_on", &asked.noticed_on);
    if let (Some(lost_on), Some(noticed_on)) = (lost_on, noticed_on)
        && noticed_on < lost_on
    {
        let message = format!("nobody was told before it happened on {lost_on}");
        violations.add("noticed_on", "OUT_OF_RANGE", message);
    }
    let (field, damaged) = damaged?;
    let lost_on = lost_on?;
    let (part, cause) = (asked.part.clone(), asked.cause.clone());
    let noticed_on = noticed_on.unwrap_or(lost_on);
    Some(Asked { damaged, field, damage: Damage { part, cause, lost_on, noticed_on } })
}

impl Way {
    /// The companies for which an insurer calls; `None` for any other caller.
    pub(crate) fn own_companies(&self) -> Option<BTreeSet<String>> {
        let actor = &self.caller.actor;
        (actor.role == Role::Insurer)
            .then(|| actor.institution.iter().chain(&actor.reach.institutions).cloned().collect())
    }

    /// Whether a policy, or a claim on one, is one that the caller may know of: insurers know their
    /// own.
    pub(crate) fn is_of_own_insurer(&self, id: SubjectId) -> Result<bool, Status> {
        let Some(companies) = self.own_companies() else { return Ok(true) };
        let registry = self.registry();
        let policy = match id.kind() {
            Kind::Claim => registry.noticed(registry.policy_of_claim(id)),
            _ => Ok(PolicyId::try_from(id).ok()),
        };
        let Some(policy) = policy.map_err(status::status)?.map(SubjectId::from) else {
            return Ok(false);
        };
        let is_own = registry.noticed(registry.is_insured_by(policy, &companies));
        is_own.map_err(status::status)
    }

    /// Refuses an insurer that would write a policy that another one leads.
    fn check_insurers(&self, path: &str, fields: Option<&v1::PolicyFields>) -> Result<(), Status> {
        let (Some(companies), Some(fields)) = (self.own_companies(), fields) else { return Ok(()) };
        let Some(leader) = fields.insurers.first() else { return Ok(()) };
        if companies.contains(&leader.company) {
            return Ok(());
        }
        Err(status::refused(&[led_by_another(&format!("{path}fields.insurers"))]))
    }

    /// Why a policy is not the caller's to write; nothing where it is. Insurers that follow read it.
    pub(crate) fn unled(&self, field: &str, policy: SubjectId) -> Result<Option<Refusal>, Status> {
        let Some(companies) = self.own_companies() else { return Ok(None) };
        let registry = self.registry();
        let is_led = registry.noticed(registry.is_led_by(policy, &companies));
        let is_led = is_led.map_err(status::status)?;
        Ok((!is_led).then(|| led_by_another(field)))
    }

    /// Which covers answer for a damage.
    async fn check_coverage(
        &self,
        mut asked: v1::CheckCoverageRequest,
    ) -> Result<v1::CheckCoverageResponse, Status> {
        let mut violations = Violations::default();
        let context = asked.context.take();
        let time = context.as_ref().and_then(|context| context.read_time.as_ref());
        if time.is_some_and(|time| !time.valid_at.is_empty()) {
            let message = "the day is that of the loss: give lost_on";
            violations.add("context.read_time.valid_at", "NOT_HERE", message);
        }
        let read = read_damage(&mut violations, &asked, self.registry().now().day());
        let time = self.reading(context, violations).await?;
        let Some(Asked { damaged, field, damage }) = read else {
            return Err(status::bug("a damage was read and is not there"));
        };
        self.check_reach(field, damaged)?;
        let time = ReadTime { valid_at: None, ..time };
        let coverage =
            self.blocking(move |registry| registry.coverage(damaged, &damage, time)).await?;
        let mut covers = Vec::new();
        for cover in coverage.covers {
            if self.is_of_own_insurer(cover.policy.into())? {
                covers.push(cover);
            }
        }
        Ok(write_coverage(Coverage { covers, ..coverage }))
    }
}

fn write_coverage(coverage: Coverage) -> v1::CheckCoverageResponse {
    let answer = write_answer(coverage.answer());
    v1::CheckCoverageResponse {
        answer: answer.into(),
        completed: coverage.completed.to_string(),
        read_at: coverage.position.to_string(),
        covers: coverage.covers.into_iter().map(write_cover_seen).collect(),
    }
}

fn write_cover_seen(seen: CoverSeen) -> v1::CoverAnswer {
    let (from, until) = match seen.days {
        Some(Days { first, last }) => (first.to_string(), last.to_string()),
        None => (String::new(), String::new()),
    };
    let objections = seen.against.iter().map(|against| v1::CoverObjection {
        reason: against.reason().to_owned(),
        sentence: against.to_string(),
    });
    let insurers = seen
        .insurers
        .into_iter()
        .map(|(company, part)| v1::InsurerPart { company, sum_insured_fen: part.count() });
    v1::CoverAnswer {
        policy_id: seen.policy.to_string(),
        policy_number: seen.number,
        object_id: seen.object.map(|id| id.to_string()).unwrap_or_default(),
        objections: objections.collect(),
        insurers: insurers.collect(),
        item: Some(write_cover(seen.item)),
        left_fen: seen.left.count(),
        from,
        until,
        answer: write_answer(seen.answer).into(),
        by_predecessor: seen.is_by_predecessor,
    }
}

pub(crate) const fn write_answer(answer: Answer) -> v1::CoverageAnswer {
    match answer {
        Answer::Yes => v1::CoverageAnswer::Yes,
        Answer::No => v1::CoverageAnswer::No,
        Answer::Unknown => v1::CoverageAnswer::Unknown,
    }
}

#[tonic::async_trait]
impl PolicyService for Api {
    async fn create_policy(
        &self,
        request: Request<v1::CreatePolicyRequest>,
    ) -> Result<Response<v1::CreatePolicyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        write.way.check_insurers("", asked.fields.as_ref())?;
        let done = write.create(creation(asked)).await?;
        Ok(answer(done, |receipt, policy| v1::CreatePolicyResponse { receipt, policy }))
    }

    async fn batch_create_policies(
        &self,
        request: Request<v1::BatchCreatePoliciesRequest>,
    ) -> Result<Response<v1::BatchCreatePoliciesResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        for (index, item) in asked.requests.iter().enumerate() {
            let path = format!("requests[{index}].");
            write.way.check_insurers(&path, item.fields.as_ref())?;
        }
        let items =
            asked.requests.into_iter().map(|mut item| (item.context.take(), creation(item)));
        let done = write.create_all::<v1::Policy>(items.collect(), asked.per_item).await?;
        Ok(answer(done, |receipt, results| v1::BatchCreatePoliciesResponse { receipt, results }))
    }

    async fn get_policy(
        &self,
        request: Request<v1::GetPolicyRequest>,
    ) -> Result<Response<v1::GetPolicyResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (policy, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetPolicyResponse { policy, read_at }))
    }

    async fn list_policies(
        &self,
        request: Request<v1::ListPoliciesRequest>,
    ) -> Result<Response<v1::ListPoliciesResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        let (policies, next_page_token, read_at) = way
            .list::<v1::Policy, _>(&asked, listing, |violations| policies(violations, &asked))
            .await?;
        let is_shown = |id| way.is_of_own_insurer(id);
        let policies = kind::shown(policies, |policy| &policy.id, is_shown)?;
        Ok(Response::new(v1::ListPoliciesResponse { policies, next_page_token, read_at }))
    }

    async fn change_policy(
        &self,
        request: Request<v1::ChangePolicyRequest>,
    ) -> Result<Response<v1::ChangePolicyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::ChangePolicyRequest {
            context: _,
            id,
            etag,
            from,
            time,
            order_key,
            fields,
            update_mask,
        } = asked;
        let changing = Changing { id, etag, from, time, order_key, fields, update_mask };
        let done = write.change(changing).await?;
        Ok(answer(done, |receipt, policy| v1::ChangePolicyResponse { receipt, policy }))
    }

    async fn bind_policy(
        &self,
        request: Request<v1::BindPolicyRequest>,
    ) -> Result<Response<v1::BindPolicyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::BindPolicyRequest { context: _, id, etag, from } = asked;
        let done = write.policy_step(Step { id, etag, from }, Standing::Bound).await?;
        Ok(answer(done, |receipt, policy| v1::BindPolicyResponse { receipt, policy }))
    }

    async fn cancel_policy(
        &self,
        request: Request<v1::CancelPolicyRequest>,
    ) -> Result<Response<v1::CancelPolicyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CancelPolicyRequest { context: _, id, etag, from } = asked;
        let done = write.policy_step(Step { id, etag, from }, Standing::Cancelled).await?;
        Ok(answer(done, |receipt, policy| v1::CancelPolicyResponse { receipt, policy }))
    }

    async fn lapse_policy(
        &self,
        request: Request<v1::LapsePolicyRequest>,
    ) -> Result<Response<v1::LapsePolicyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::LapsePolicyRequest { context: _, id, etag, from } = asked;
        let done = write.policy_step(Step { id, etag, from }, Standing::Lapsed).await?;
        Ok(answer(done, |receipt, policy| v1::LapsePolicyResponse { receipt, policy }))
    }

    async fn correct_policy(
        &self,
        request: Request<v1::CorrectPolicyRequest>,
    ) -> Result<Response<v1::CorrectPolicyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectPolicyRequest {
            context: _,
            id,
            etag,
            entry,
            from,
            fields,
            update_mask,
            exists_from,
        } = asked;
        let ended_on = String::new();
        let correcting =
            Correcting { id, etag, entry, from, fields, update_mask, exists_from, ended_on };
        let done = write.correct(correcting).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, policy| v1::CorrectPolicyResponse { receipt, policy, case_ids }))
    }

    async fn retract_policy(
        &self,
        request: Request<v1::RetractPolicyRequest>,
    ) -> Result<Response<v1::RetractPolicyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, policy| v1::RetractPolicyResponse { receipt, policy, case_ids }))
    }

    async fn check_coverage(
        &self,
        request: Request<v1::CheckCoverageRequest>,
    ) -> Result<Response<v1::CheckCoverageResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        Ok(Response::new(way.check_coverage(asked).await?))
    }
}
