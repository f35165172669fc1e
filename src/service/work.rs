//! Work items (维修工程项) on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        content::{Content, Fields},
        work::{FINDINGS_MAX, Funding, FundingSource, WorkContent},
    },
    kernel::{
        fen::Fen,
        hash::Hash,
        id::{BuildingId, CompoundId, FindingId, Kind, RegionId},
        limit,
        violation::Violations,
    },
    proto::v1::{self, work_service_server::WorkService},
    registry::{ListOf, Paid, Seen},
    service::{
        Api,
        common::{self, FieldReader, check_text, listed, number},
        kind::{Changing, Correcting, Creation, Listing, Parts, Resource, Step, answer},
        policy::fen,
    },
};

impl Resource for v1::Work {
    const KIND: Kind = Kind::Work;
    type Fields = v1::WorkFields;

    fn read(fields: v1::WorkFields, reader: &mut FieldReader) -> Fields {
        let cost = fields.cost_fen;
        let cost = cost.and_then(|said| fen(&mut reader.violations, "cost_fen", said));
        let funding =
            fields.funding.and_then(|said| funding(&mut reader.violations, "funding", said));
        let content = WorkContent {
            building: reader.parsed("building_id", fields.building_id),
            part: reader.text("part", fields.part, limit::IDENTIFIER_CHARS_MAX),
            done: reader.text("done", fields.done, limit::TEXT_CHARS_MAX),
            cost: reader.said("cost_fen", cost),
            findings: reader.list("finding_ids", fields.finding_ids, FINDINGS_MAX, finding),
            funding: reader.said("funding", funding).flatten(),
        };
        reader.doubts(fields.doubts);
        Fields::Work(Box::new(content))
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::WorkFields {
        let Fields::Work(fields) = content.fields else { return v1::WorkFields::default() };
        let fields = *fields;
        v1::WorkFields {
            building_id: fields.building.flatten().map(|id| id.to_string()),
            part: fields.part.flatten(),
            done: fields.done.flatten(),
            cost_fen: fields.cost.flatten().map(Fen::count),
            finding_ids: listed(fields.findings.flatten(), |id| id.to_string()),
            // What paid stands beside, each in its place.
            funding: None,
            doubts,
        }
    }

    fn new(parts: Parts<v1::WorkFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        Self { id, etag, life, fields, case_ids, entries_in_doubt, ..Self::default() }
    }

    fn with_derived(self, seen: &Seen) -> Self {
        let Some(work) = seen.work.as_deref() else { return self };
        Self {
            funded_fen: work.total().count(),
            funded: work.paid.iter().cloned().map(write_paid).collect(),
            ..self
        }
    }
}

fn finding(violations: &mut Violations, path: &str, said: String) -> Option<FindingId> {
    common::required::<FindingId>(violations, path, &said)
}

fn write_paid(paid: Paid) -> v1::WorkFunded {
    let Paid { by, entry, on, funding } = paid;
    v1::WorkFunded {
        by_id: by.to_string(),
        entry,
        on: on.to_string(),
        funding: Some(v1::WorkFunding {
            source: number(Some(Some(funding.source)), |source| source as u32),
            amount_fen: funding.amount.count(),
            reference: funding.reference,
            invoice_sha256: funding.invoice.map(|hash| hash.to_string()).unwrap_or_default(),
        }),
    }
}

/// Reads what paid; `path` is that of the message.
fn funding(violations: &mut Violations, path: &str, said: v1::WorkFunding) -> Option<Funding> {
    let source = u32::try_from(said.source).ok().and_then(FundingSource::from_number);
    let source = source.ok_or_else(|| ("UNKNOWN_VALUE", "say who pays".to_owned()));
    let source = violations.take(&format!("{path}.source"), source);
    let field = format!("{path}.amount_fen");
    let amount = fen(violations, &field, said.amount_fen);
    let is_nothing = amount == Some(Fen::ZERO);
    if is_nothing {
        violations.add(field, "OUT_OF_RANGE", "more than nothing");
    }
    let field = format!("{path}.reference");
    let is_text = said.reference.is_empty()
        || check_text(violations, &field, &said.reference, limit::IDENTIFIER_CHARS_MAX);
    let invoice = invoice(violations, &format!("{path}.invoice_sha256"), &said.invoice_sha256);
    let funding = Funding {
        source: source?,
        amount: amount.filter(|_| !is_nothing)?,
        reference: said.reference,
        invoice: invoice?,
    };
    is_text.then_some(funding)
}

/// Reads the hash of an invoice; `None` when it cannot be read.
#[expect(clippy::option_option, reason = "the outer one says whether it could be read")]
pub(crate) fn invoice(
    violations: &mut Violations,
    field: &str,
    said: &str,
) -> Option<Option<Hash>> {
    if said.is_empty() {
        return Some(None);
    }
    let hash = Hash::from_hex(said)
        .ok_or_else(|| ("MALFORMED", "a SHA-256 has 64 hexadecimal digits".to_owned()));
    violations.take(field, hash).map(Some)
}

fn works(violations: &mut Violations, asked: &v1::ListWorksRequest) -> Option<common::Judged> {
    use v1::list_works_request::Of;
    let holder = match &asked.of {
        Some(Of::BuildingId(text)) => common::holder::<BuildingId>(violations, "building_id", text),
        Some(Of::CompoundId(text)) => common::holder::<CompoundId>(violations, "compound_id", text),
        Some(Of::RegionId(text)) => common::holder::<RegionId>(violations, "region_id", text),
        Some(Of::FindingId(text)) => common::holder::<FindingId>(violations, "finding_id", text),
        None => {
            let message = "name a building, a compound, a region or a finding";
            violations.add("", "ONE_OF", message);
            None
        }
    };
    let (field, holder) = holder?;
    Some((ListOf::Below(Kind::Work, holder), Some((field, holder))))
}

#[tonic::async_trait]
impl WorkService for Api {
    async fn create_work(
        &self,
        request: Request<v1::CreateWorkRequest>,
    ) -> Result<Response<v1::CreateWorkResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CreateWorkRequest { context: _, fields, exists_from } = asked;
        let creation = Creation { fields, exists_from, opens_partition: false };
        let done = write.create(creation).await?;
        Ok(answer(done, |receipt, work| v1::CreateWorkResponse { receipt, work }))
    }

    async fn get_work(
        &self,
        request: Request<v1::GetWorkRequest>,
    ) -> Result<Response<v1::GetWorkResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (work, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetWorkResponse { work, read_at }))
    }

    async fn list_works(
        &self,
        request: Request<v1::ListWorksRequest>,
    ) -> Result<Response<v1::ListWorksResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        let (works, next_page_token, read_at) =
            way.list(&asked, listing, |violations| works(violations, &asked)).await?;
        Ok(Response::new(v1::ListWorksResponse { works, next_page_token, read_at }))
    }

    async fn change_work(
        &self,
        request: Request<v1::ChangeWorkRequest>,
    ) -> Result<Response<v1::ChangeWorkResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::ChangeWorkRequest {
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
        Ok(answer(done, |receipt, work| v1::ChangeWorkResponse { receipt, work }))
    }

    async fn fund_work(
        &self,
        request: Request<v1::FundWorkRequest>,
    ) -> Result<Response<v1::FundWorkResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::FundWorkRequest { context: _, id, etag, from, funding: said } = asked;
        let read = |violations: &mut Violations| {
            let funding = funding(violations, "funding", said.unwrap_or_default())?;
            let content = WorkContent { funding: Some(funding), ..WorkContent::default() };
            Some(Fields::Work(Box::new(content)))
        };
        let done = write.step(Step { id, etag, from }, read, false).await?;
        Ok(answer(done, |receipt, work| v1::FundWorkResponse { receipt, work }))
    }

    async fn correct_work(
        &self,
        request: Request<v1::CorrectWorkRequest>,
    ) -> Result<Response<v1::CorrectWorkResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectWorkRequest {
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
        Ok(answer(done, |receipt, work| v1::CorrectWorkResponse { receipt, work, case_ids }))
    }

    async fn retract_work(
        &self,
        request: Request<v1::RetractWorkRequest>,
    ) -> Result<Response<v1::RetractWorkResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, work| v1::RetractWorkResponse { receipt, work, case_ids }))
    }
}
