//! Insurance claims (理赔) on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        author::Author,
        claim::{
            Claim, ClaimContent, Event, LINKS_MAX, Payment, Settlement, Stage, Step as ClaimStep,
            Told,
        },
        content::{Content, Fields},
        finding::PartyKey,
        reference_file::is_code,
    },
    kernel::{
        fen::Fen,
        id::{
            BuildingId, CompoundId, FindingId, Kind, PolicyId, RegionId, ReportId, SubjectId,
            UnitId,
        },
        limit,
        time::Answer,
        violation::Violations,
    },
    proto::v1::{self, claim_service_server::ClaimService, claim_step::Step as Said},
    registry::{ClaimSeen, ClaimStages, ListOf, Seen},
    service::{
        Api, Write, Written,
        common::{self, FieldReader, check_text, listed, number},
        kind::{self, Changing, Correcting, Creation, Listing, Parts, Resource, Step, answer},
        policy::{fen, write_answer},
        work::invoice,
    },
};

impl Resource for v1::Claim {
    const KIND: Kind = Kind::Claim;
    type Fields = v1::ClaimFields;

    fn read(fields: v1::ClaimFields, reader: &mut FieldReader) -> Fields {
        let key = limit::IDENTIFIER_CHARS_MAX;
        let claimed = fields.claimed_fen;
        let claimed = claimed.and_then(|said| fen(&mut reader.violations, "claimed_fen", said));
        let step = fields.step.and_then(|said| step(&mut reader.violations, "step", said));
        let content = ClaimContent {
            building: reader.parsed("building_id", fields.building_id),
            unit: reader.parsed("unit_id", fields.unit_id),
            policy: reader.parsed("policy_id", fields.policy_id),
            cover: reader.text("cover", fields.cover, key),
            part: reader.text("part", fields.part, key),
            cause: reader.text("cause", fields.cause, key),
            lost_on: reader.parsed("lost_on", fields.lost_on),
            claimant: reader.text("claimant", fields.claimant, key),
            number: reader.text("claim_number", fields.claim_number, key),
            event: reader.text("event_key", fields.event_key, key),
            household: reader.text("household_key", fields.household_key, key),
            person: reader.text("person_key", fields.person_key, key),
            claimed: reader.said("claimed_fen", claimed),
            findings: reader.list("finding_ids", fields.finding_ids, LINKS_MAX, link::<FindingId>),
            reports: reader.list("report_ids", fields.report_ids, LINKS_MAX, link::<ReportId>),
            step: reader.said("step", step.map(said_by_nobody_yet)).flatten(),
        };
        repeated(&mut reader.violations, "finding_ids", content.findings());
        repeated(&mut reader.violations, "report_ids", content.reports());
        reader.doubts(fields.doubts);
        Fields::Claim(Box::new(content))
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::ClaimFields {
        let Fields::Claim(fields) = content.fields else { return v1::ClaimFields::default() };
        let fields = *fields;
        let id = |id: SubjectId| id.to_string();
        v1::ClaimFields {
            building_id: fields.building.flatten().map(|it| id(it.into())),
            unit_id: fields.unit.flatten().map(|it| id(it.into())),
            policy_id: fields.policy.flatten().map(|it| id(it.into())),
            cover: fields.cover.flatten(),
            part: fields.part.flatten(),
            cause: fields.cause.flatten(),
            lost_on: fields.lost_on.flatten().map(|day| day.to_string()),
            claimant: fields.claimant.flatten(),
            claim_number: fields.number.flatten(),
            event_key: fields.event.flatten(),
            household_key: fields.household.flatten(),
            person_key: fields.person.flatten(),
            claimed_fen: fields.claimed.flatten().map(Fen::count),
            finding_ids: listed(fields.findings.flatten(), |it| id(it.into())),
            report_ids: listed(fields.reports.flatten(), |it| id(it.into())),
            // The steps stand beside, each in its place.
            step: None,
            doubts,
        }
    }

    fn new(parts: Parts<v1::ClaimFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        Self { id, etag, life, fields, case_ids, entries_in_doubt, ..Self::default() }
    }

    fn with_derived(self, seen: &Seen) -> Self {
        let Some(ClaimSeen { claim, borne }) = seen.claim.as_deref() else { return self };
        Self {
            state: number(Some(Some(claim.stage)), |stage| stage as u32),
            amounts: Some(amounts(claim)),
            steps: claim.events.iter().map(write_event).collect(),
            borne: borne.iter().map(write_part).collect(),
            ..self
        }
    }
}

/// Who says a step is known by who calls.
fn said_by_nobody_yet(step: ClaimStep) -> Told {
    Told::new(step, Author::default())
}

fn link<T: std::str::FromStr<Err: std::fmt::Display>>(
    violations: &mut Violations,
    path: &str,
    said: String,
) -> Option<T> {
    common::required::<T>(violations, path, &said)
}

fn repeated<T: PartialEq>(violations: &mut Violations, field: &str, list: &[T]) {
    for (index, one) in list.iter().enumerate() {
        if list.iter().take(index).any(|other| other == one) {
            let field = format!("{field}[{index}]");
            violations.add(field, "REPEATED", "the same one is named twice");
        }
    }
}

fn amounts(claim: &Claim) -> v1::ClaimAmounts {
    let some = |amount: Fen| (amount > Fen::ZERO).then(|| amount.count());
    v1::ClaimAmounts {
        claimed_fen: claim.content.claimed.flatten().map(Fen::count),
        assessed_fen: claim.assessed.map(Fen::count),
        appraised_fen: claim.appraised.map(Fen::count),
        approved_fen: claim.approved.map(Fen::count),
        reserved_fen: claim.reserved.map(Fen::count),
        paid_fen: some(claim.paid),
        recovered_fen: some(claim.recovered),
    }
}

fn write_part((company, part): &(String, Fen)) -> v1::ClaimInsurerPart {
    v1::ClaimInsurerPart { company: company.clone(), paid_fen: part.count() }
}

fn write_event(event: &Event) -> v1::ClaimEvent {
    let reasons = event.out_of_place.iter().map(|refusal| refusal.reason().to_owned());
    v1::ClaimEvent {
        entry: event.seq,
        on: event.on.to_string(),
        step: Some(v1::ClaimStep { step: Some(write_step(event.step.clone())) }),
        role: event.by.role.clone(),
        institution: event.by.institution.clone(),
        out_of_place: reasons.collect(),
    }
}

fn write_step(step: ClaimStep) -> Said {
    let plain = v1::ClaimPlain {};
    let sum = |amount: Fen| v1::ClaimSum { amount_fen: amount.count() };
    let of_party = |amount: Fen, party: PartyKey| v1::ClaimPartySum {
        amount_fen: amount.count(),
        party: party.0,
    };
    match step {
        ClaimStep::Registered => Said::Registered(v1::ClaimRegistered::default()),
        ClaimStep::CoverageChecked { answer, against } => {
            Said::CoverageChecked(v1::ClaimCoverageChecked {
                answer: write_answer(answer).into(),
                objections: against,
            })
        }
        ClaimStep::Surveyed { assessed } => Said::Surveyed(sum(assessed)),
        ClaimStep::Approved { amount } => Said::Approved(sum(amount)),
        ClaimStep::Declined { code } => Said::Declined(v1::ClaimDeclined { code }),
        ClaimStep::Reserved { amount } => Said::Reserved(sum(amount)),
        ClaimStep::Settling(way) => Said::Settling(v1::ClaimSettling {
            settlement: number(Some(Some(way)), |way| way as u32),
        }),
        ClaimStep::Accepted => Said::Accepted(plain),
        ClaimStep::Paid(Payment { amount, to, invoice, work }) => Said::Paid(v1::ClaimPayment {
            amount_fen: amount.count(),
            paid_to: to.0,
            invoice_sha256: invoice.map(|hash| hash.to_string()).unwrap_or_default(),
            work_id: work.map(|id| id.to_string()).unwrap_or_default(),
        }),
        ClaimStep::Recovered { amount, from } => Said::Recovered(of_party(amount, from)),
        ClaimStep::Closed => Said::Closed(plain),
        ClaimStep::Withdrawn => Said::Withdrawn(plain),
        ClaimStep::Disputed => Said::Disputed(plain),
        ClaimStep::Appraised { amount, by } => Said::Appraised(of_party(amount, by)),
        ClaimStep::Reopened => Said::Reopened(plain),
    }
}

/// Reads a step; `path` is that of the message.
fn step(violations: &mut Violations, path: &str, said: v1::ClaimStep) -> Option<ClaimStep> {
    let Some(said) = said.step else {
        violations.add(path, "REQUIRED", "say which step it is");
        return None;
    };
    Some(match said {
        Said::Registered(_) => ClaimStep::Registered,
        // What is found is the registry's to say.
        Said::CoverageChecked(_) => {
            ClaimStep::CoverageChecked { answer: Answer::Unknown, against: Vec::new() }
        }
        Said::Surveyed(v1::ClaimSum { amount_fen }) => {
            let field = format!("{path}.surveyed.amount_fen");
            ClaimStep::Surveyed { assessed: fen(violations, &field, amount_fen)? }
        }
        Said::Approved(v1::ClaimSum { amount_fen }) => {
            ClaimStep::Approved { amount: money(violations, path, "approved", amount_fen)? }
        }
        Said::Reserved(v1::ClaimSum { amount_fen }) => {
            ClaimStep::Reserved { amount: money(violations, path, "reserved", amount_fen)? }
        }
        Said::Declined(v1::ClaimDeclined { code }) => {
            let is_known = !code.is_empty() && is_code(&code);
            let message = "a code of letters, digits, points, hyphens and underscores";
            let code = if is_known { Ok(code) } else { Err(("MALFORMED", message.to_owned())) };
            ClaimStep::Declined { code: violations.take(&format!("{path}.declined.code"), code)? }
        }
        Said::Settling(v1::ClaimSettling { settlement }) => {
            let way = u32::try_from(settlement).ok().and_then(Settlement::from_number);
            let way = way.ok_or_else(|| ("UNKNOWN_VALUE", "say repair or cash".to_owned()));
            ClaimStep::Settling(violations.take(&format!("{path}.settling.settlement"), way)?)
        }
        Said::Paid(payment) => ClaimStep::Paid(read_payment(violations, path, payment)?),
        Said::Recovered(v1::ClaimPartySum { amount_fen, party }) => {
            let amount = money(violations, path, "recovered", amount_fen);
            let from = party_key(violations, &format!("{path}.recovered.party"), party);
            ClaimStep::Recovered { amount: amount?, from: from? }
        }
        Said::Appraised(v1::ClaimPartySum { amount_fen, party }) => {
            let amount = fen(violations, &format!("{path}.appraised.amount_fen"), amount_fen);
            let by = party_key(violations, &format!("{path}.appraised.party"), party);
            ClaimStep::Appraised { amount: amount?, by: by? }
        }
        Said::Accepted(_) => ClaimStep::Accepted,
        Said::Closed(_) => ClaimStep::Closed,
        Said::Withdrawn(_) => ClaimStep::Withdrawn,
        Said::Disputed(_) => ClaimStep::Disputed,
        Said::Reopened(_) => ClaimStep::Reopened,
    })
}

/// Reads money that moves, which is more than nothing.
fn money(violations: &mut Violations, path: &str, of: &str, said: u64) -> Option<Fen> {
    let field = format!("{path}.{of}.amount_fen");
    let amount = fen(violations, &field, said)?;
    let is_some = amount > Fen::ZERO;
    let amount = is_some.then_some(amount);
    violations.take(&field, amount.ok_or(("OUT_OF_RANGE", "more than nothing".to_owned())))
}

fn party_key(violations: &mut Violations, field: &str, said: String) -> Option<PartyKey> {
    if said.is_empty() {
        violations.add(field, "REQUIRED", "an opaque key is required");
        return None;
    }
    check_text(violations, field, &said, limit::IDENTIFIER_CHARS_MAX).then_some(PartyKey(said))
}

fn read_payment(
    violations: &mut Violations,
    path: &str,
    said: v1::ClaimPayment,
) -> Option<Payment> {
    let amount = money(violations, path, "paid", said.amount_fen);
    let to = party_key(violations, &format!("{path}.paid.paid_to"), said.paid_to);
    let field = format!("{path}.paid.invoice_sha256");
    let invoice = invoice(violations, &field, &said.invoice_sha256);
    let before = violations.list().len();
    let work = common::optional(violations, &format!("{path}.paid.work_id"), &said.work_id);
    let is_read = violations.list().len() == before;
    let payment = Payment { amount: amount?, to: to?, invoice: invoice?, work };
    is_read.then_some(payment)
}

fn creation(asked: v1::CreateClaimRequest) -> Creation<v1::ClaimFields> {
    let v1::CreateClaimRequest { context: _, fields, exists_from } = asked;
    Creation { fields, exists_from, opens_partition: false }
}

fn claims(violations: &mut Violations, asked: &v1::ListClaimsRequest) -> Option<common::Judged> {
    use v1::list_claims_request::Of;
    let mut stages = Vec::new();
    for (index, number) in asked.stages.iter().enumerate() {
        let stage = u32::try_from(*number).ok().and_then(Stage::from_number);
        let wrong = ("UNKNOWN_VALUE", format!("{number} is no stage of a claim"));
        stages.extend(violations.take(&format!("stages[{index}]"), stage.ok_or(wrong)));
    }
    let holder = match &asked.of {
        Some(Of::PolicyId(text)) => common::holder::<PolicyId>(violations, "policy_id", text),
        Some(Of::BuildingId(text)) => common::holder::<BuildingId>(violations, "building_id", text),
        Some(Of::UnitId(text)) => common::holder::<UnitId>(violations, "unit_id", text),
        Some(Of::CompoundId(text)) => common::holder::<CompoundId>(violations, "compound_id", text),
        Some(Of::RegionId(text)) => common::holder::<RegionId>(violations, "region_id", text),
        Some(Of::FindingId(text)) => common::holder::<FindingId>(violations, "finding_id", text),
        Some(Of::ReportId(text)) => common::holder::<ReportId>(violations, "report_id", text),
        None => {
            let message =
                "name a policy, a building, a unit, a compound, a region, a finding or a report";
            violations.add("", "ONE_OF", message);
            None
        }
    };
    let (field, holder) = holder?;
    Some((ListOf::Claims(holder, ClaimStages::of(&stages)), Some((field, holder))))
}

/// What an insurer does with a claim.
const ADVANCED: [&str; 10] = [
    "registered",
    "coverage_checked",
    "surveyed",
    "approved",
    "declined",
    "reserved",
    "settling",
    "recovered",
    "closed",
    "reopened",
];
/// What the claimant says.
const ANSWERED: [&str; 3] = ["accepted", "disputed", "withdrawn"];
/// What a third party says.
const APPRAISED: [&str; 1] = ["appraised"];
/// What goes out.
const PAID: [&str; 1] = ["paid"];

/// Takes a request of a step apart.
macro_rules! stepping {
    ($asked:expr, $request:ident) => {{
        let v1::$request { context: _, id, etag, from, step } = $asked;
        (Step { id, etag, from }, step)
    }};
}

impl Write {
    /// Says a step of a claim, today unless another day is named.
    async fn claim_step(
        self,
        (about, said): (Step, Option<v1::ClaimStep>),
        here: &[&str],
    ) -> Result<(Written, Option<v1::Claim>), Status> {
        let number = match said.as_ref().and_then(|said| said.step.as_ref()) {
            Some(Said::Registered(v1::ClaimRegistered { claim_number })) => claim_number.clone(),
            _ => String::new(),
        };
        let needs_reason = matches!(
            said.as_ref().and_then(|said| said.step.as_ref()),
            Some(Said::Declined(_) | Said::Withdrawn(_) | Said::Disputed(_) | Said::Reopened(_))
        );
        let read = |violations: &mut Violations| {
            let step = step(violations, "step", said.unwrap_or_default())?;
            if !here.contains(&step.word()) {
                let (word, here) = (step.word(), here.join(", "));
                let message = format!("{word} is not said by this call; here are {here}");
                violations.add("step", "NOT_HERE", message);
                return None;
            }
            let field = "step.registered.claim_number";
            let most = limit::IDENTIFIER_CHARS_MAX;
            let is_numbered = !number.is_empty() && check_text(violations, field, &number, most);
            let content = ClaimContent {
                number: is_numbered.then_some(Some(number)),
                step: Some(said_by_nobody_yet(step)),
                ..ClaimContent::default()
            };
            Some(Fields::Claim(Box::new(content)))
        };
        self.step(about, read, needs_reason).await
    }
}

#[tonic::async_trait]
impl ClaimService for Api {
    async fn create_claim(
        &self,
        request: Request<v1::CreateClaimRequest>,
    ) -> Result<Response<v1::CreateClaimResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.create(creation(asked)).await?;
        Ok(answer(done, |receipt, claim| v1::CreateClaimResponse { receipt, claim }))
    }

    async fn get_claim(
        &self,
        request: Request<v1::GetClaimRequest>,
    ) -> Result<Response<v1::GetClaimResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (claim, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetClaimResponse { claim, read_at }))
    }

    async fn list_claims(
        &self,
        request: Request<v1::ListClaimsRequest>,
    ) -> Result<Response<v1::ListClaimsResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        let (claims, next_page_token, read_at) = way
            .list::<v1::Claim, _>(&asked, listing, |violations| claims(violations, &asked))
            .await?;
        let is_shown = |id| way.is_of_own_insurer(id);
        let claims = kind::shown(claims, |claim| &claim.id, is_shown)?;
        Ok(Response::new(v1::ListClaimsResponse { claims, next_page_token, read_at }))
    }

    async fn change_claim(
        &self,
        request: Request<v1::ChangeClaimRequest>,
    ) -> Result<Response<v1::ChangeClaimResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::ChangeClaimRequest {
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
        Ok(answer(done, |receipt, claim| v1::ChangeClaimResponse { receipt, claim }))
    }

    async fn advance_claim(
        &self,
        request: Request<v1::AdvanceClaimRequest>,
    ) -> Result<Response<v1::AdvanceClaimResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.claim_step(stepping!(asked, AdvanceClaimRequest), &ADVANCED).await?;
        Ok(answer(done, |receipt, claim| v1::AdvanceClaimResponse { receipt, claim }))
    }

    async fn answer_claim(
        &self,
        request: Request<v1::AnswerClaimRequest>,
    ) -> Result<Response<v1::AnswerClaimResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.claim_step(stepping!(asked, AnswerClaimRequest), &ANSWERED).await?;
        Ok(answer(done, |receipt, claim| v1::AnswerClaimResponse { receipt, claim }))
    }

    async fn appraise_claim(
        &self,
        request: Request<v1::AppraiseClaimRequest>,
    ) -> Result<Response<v1::AppraiseClaimResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.claim_step(stepping!(asked, AppraiseClaimRequest), &APPRAISED).await?;
        Ok(answer(done, |receipt, claim| v1::AppraiseClaimResponse { receipt, claim }))
    }

    async fn pay_claim(
        &self,
        request: Request<v1::PayClaimRequest>,
    ) -> Result<Response<v1::PayClaimResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.claim_step(stepping!(asked, PayClaimRequest), &PAID).await?;
        Ok(answer(done, |receipt, claim| v1::PayClaimResponse { receipt, claim }))
    }

    async fn correct_claim(
        &self,
        request: Request<v1::CorrectClaimRequest>,
    ) -> Result<Response<v1::CorrectClaimResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectClaimRequest {
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
        Ok(answer(done, |receipt, claim| v1::CorrectClaimResponse { receipt, claim, case_ids }))
    }

    async fn retract_claim(
        &self,
        request: Request<v1::RetractClaimRequest>,
    ) -> Result<Response<v1::RetractClaimResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, claim| v1::RetractClaimResponse { receipt, claim, case_ids }))
    }
}
