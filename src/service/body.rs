//! Bodies (机构) and signers (签字人) on the wire, and the judgement of a signature.

use std::collections::BTreeSet;

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        body::BodyContent,
        content::{Content, Fields},
        qualification::{
            CompanyKey, Concern, Employment, Interest, Period, Qualification, Signing,
        },
        reference_file::is_code,
        signer::SignerContent,
        text::identity_violation,
    },
    kernel::{
        id::{BodyId, BuildingId, Kind, RegionId, SignerId, SubjectId},
        limit,
        time::{Answer, Day, ImpreciseDay},
        violation::Violations,
    },
    proto::v1::{self, body_service_server::BodyService},
    registry::ListOf,
    service::{
        Api, Way,
        common::{self, FieldReader, check_text, listed},
        kind::{Changing, Correcting, Creation, Listing, Parts, Resource, answer},
        status,
    },
};

/// Licences of one body or signer.
const QUALIFICATIONS_MAX: usize = 50;
/// Suspensions of one licence.
const SUSPENSIONS_MAX: usize = 20;
/// Interests of one body or signer.
const INTERESTS_MAX: usize = 200;
/// Employments of one signer.
const EMPLOYMENTS_MAX: usize = 50;
/// Companies that have to do with a building.
const COMPANIES_MAX: usize = 100;

impl Resource for v1::Body {
    const KIND: Kind = Kind::Body;
    type Fields = v1::BodyFields;

    fn read(fields: v1::BodyFields, reader: &mut FieldReader) -> Fields {
        let company = reader.text("company", fields.company, limit::IDENTIFIER_CHARS_MAX);
        let content = BodyContent {
            region: reader.parsed("region_id", fields.region_id),
            name: reader.text("name", fields.name, limit::NAME_CHARS_MAX),
            company: company.map(|company| company.map(CompanyKey)),
            qualifications: reader.list(
                "qualifications",
                fields.qualifications,
                QUALIFICATIONS_MAX,
                qualification,
            ),
            interests: reader.list("interests", fields.interests, INTERESTS_MAX, interest),
        };
        reader.identifiers("identifiers", fields.identifiers);
        reader.doubts(fields.doubts);
        Fields::Body(content)
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::BodyFields {
        let Fields::Body(fields) = content.fields else { return v1::BodyFields::default() };
        v1::BodyFields {
            region_id: fields.region.flatten().map(|id| id.to_string()),
            name: fields.name.flatten(),
            company: fields.company.flatten().map(|company| company.0),
            qualifications: listed(fields.qualifications.flatten(), write_qualification),
            interests: listed(fields.interests.flatten(), write_interest),
            identifiers: common::identifiers(content.shared.identifiers),
            doubts,
        }
    }

    fn new(parts: Parts<v1::BodyFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        Self { id, etag, life, fields, case_ids, entries_in_doubt }
    }
}

impl Resource for v1::Signer {
    const KIND: Kind = Kind::Signer;
    type Fields = v1::SignerFields;

    fn read(fields: v1::SignerFields, reader: &mut FieldReader) -> Fields {
        let content = SignerContent {
            region: reader.parsed("region_id", fields.region_id),
            qualifications: reader.list(
                "qualifications",
                fields.qualifications,
                QUALIFICATIONS_MAX,
                qualification,
            ),
            employments: reader.list(
                "employments",
                fields.employments,
                EMPLOYMENTS_MAX,
                employment,
            ),
            interests: reader.list("interests", fields.interests, INTERESTS_MAX, interest),
        };
        // What names a person elsewhere is a key, not the number of the person's own card.
        for (index, identifier) in fields.identifiers.iter().enumerate() {
            if let Some(reason) = identity_violation(&identifier.value) {
                let message = "an opaque key of a system, never an identity or phone number";
                reader.violations.add(format!("identifiers[{index}].value"), reason, message);
            }
        }
        reader.identifiers("identifiers", fields.identifiers);
        reader.doubts(fields.doubts);
        Fields::Signer(content)
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::SignerFields {
        let Fields::Signer(fields) = content.fields else { return v1::SignerFields::default() };
        v1::SignerFields {
            region_id: fields.region.flatten().map(|id| id.to_string()),
            qualifications: listed(fields.qualifications.flatten(), write_qualification),
            employments: listed(fields.employments.flatten(), write_employment),
            interests: listed(fields.interests.flatten(), write_interest),
            identifiers: common::identifiers(content.shared.identifiers),
            doubts,
        }
    }

    fn new(parts: Parts<v1::SignerFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        Self { id, etag, life, fields, case_ids, entries_in_doubt }
    }
}

/// Reads days from one to another, both included.
fn period(violations: &mut Violations, path: &str, from: &str, until: &str) -> Option<Period> {
    let from = common::required::<ImpreciseDay>(violations, &format!("{path}.from"), from);
    let field = format!("{path}.until");
    let before = violations.list().len();
    let until = common::optional::<ImpreciseDay>(violations, &field, until);
    let is_read = violations.list().len() == before;
    let from = from?;
    if let Some(until) = until.filter(|until| until.latest() < from.earliest()) {
        let message = format!("it would end on {until}, before it begins on {from}");
        violations.add(field, "OUT_OF_RANGE", message);
        return None;
    }
    is_read.then_some(Period { from, until })
}

fn qualification(
    violations: &mut Violations,
    path: &str,
    said: v1::Qualification,
) -> Option<Qualification> {
    let v1::Qualification { scope, certificate, from, until, suspensions } = said;
    scope_code(violations, &format!("{path}.scope"), &scope);
    let field = format!("{path}.certificate");
    check_text(violations, &field, &certificate, limit::IDENTIFIER_CHARS_MAX);
    let period = period(violations, path, &from, &until);
    if suspensions.len() > SUSPENSIONS_MAX {
        let message = format!("at most {SUSPENSIONS_MAX}");
        violations.add(format!("{path}.suspensions"), "TOO_MANY", message);
    }
    let suspensions = suspensions.into_iter().take(SUSPENSIONS_MAX).enumerate().filter_map(
        |(index, v1::Suspension { from, until })| {
            let path = format!("{path}.suspensions[{index}]");
            self::period(violations, &path, &from, &until)
        },
    );
    let suspensions = suspensions.collect();
    Some(Qualification { scope, certificate, period: period?, suspensions })
}

fn scope_code(violations: &mut Violations, field: &str, scope: &str) {
    if scope.is_empty() {
        violations.add(field, "REQUIRED", format!("{field} is required"));
    } else if !is_code(scope) {
        let message = "a code of letters, digits, points, hyphens and underscores: structure";
        violations.add(field, "MALFORMED", message);
    }
}

fn interest(violations: &mut Violations, path: &str, said: v1::Interest) -> Option<Interest> {
    use v1::interest::Concern as Named;
    let concern = match said.concern {
        Some(Named::BuildingId(id)) => {
            common::required::<BuildingId>(violations, &format!("{path}.building_id"), &id)
                .map(Concern::Building)
        }
        Some(Named::Company(key)) => {
            let field = format!("{path}.company");
            check_text(violations, &field, &key, limit::IDENTIFIER_CHARS_MAX)
                .then_some(Concern::Company(CompanyKey(key)))
        }
        None => {
            let message = "name a building or a company: building_id or company";
            violations.add(path, "ONE_OF", message);
            None
        }
    };
    let period = period(violations, path, &said.from, &said.until);
    Some(Interest { concern: concern?, period: period? })
}

fn employment(violations: &mut Violations, path: &str, said: v1::Employment) -> Option<Employment> {
    let field = format!("{path}.body_id");
    let body = common::required::<BodyId>(violations, &field, &said.body_id);
    let period = period(violations, path, &said.from, &said.until);
    Some(Employment { body: body?, period: period? })
}

fn days(period: Period) -> (String, String) {
    let until = period.until.map(|until| until.to_string()).unwrap_or_default();
    (period.from.to_string(), until)
}

fn write_qualification(held: Qualification) -> v1::Qualification {
    let (from, until) = days(held.period);
    let suspensions = listed(Some(held.suspensions), |suspension| {
        let (from, until) = days(suspension);
        v1::Suspension { from, until }
    });
    let Qualification { scope, certificate, .. } = held;
    v1::Qualification { scope, certificate, from, until, suspensions }
}

fn write_interest(held: Interest) -> v1::Interest {
    use v1::interest::Concern as Named;
    let (from, until) = days(held.period);
    let concern = match held.concern {
        Concern::Building(id) => Named::BuildingId(id.to_string()),
        Concern::Company(CompanyKey(key)) => Named::Company(key),
    };
    v1::Interest { concern: Some(concern), from, until }
}

fn write_employment(held: Employment) -> v1::Employment {
    let (from, until) = days(held.period);
    v1::Employment { body_id: held.body.to_string(), from, until }
}

/// What is kept in the lists of a region or of those in it.
pub(crate) fn in_region(
    violations: &mut Violations,
    kind: Kind,
    region_id: &str,
) -> Option<(ListOf, Option<(&'static str, SubjectId)>)> {
    let region: RegionId = common::required(violations, "region_id", region_id)?;
    let holder = SubjectId::from(region);
    Some((ListOf::Below(kind, holder), Some(("region_id", holder))))
}

/// A signature as it is asked about.
struct Asked {
    signer: SignerId,
    body: BodyId,
    scope: String,
    building: BuildingId,
    companies: BTreeSet<CompanyKey>,
    day: Day,
}

fn read_signing(violations: &mut Violations, asked: v1::JudgeSigningRequest) -> Option<Asked> {
    let signer = common::required(violations, "signer_id", &asked.signer_id);
    let body = common::required(violations, "body_id", &asked.body_id);
    scope_code(violations, "scope", &asked.scope);
    let building = common::required(violations, "building_id", &asked.building_id);
    let day = common::required(violations, "day", &asked.day);
    if asked.companies.len() > COMPANIES_MAX {
        violations.add("companies", "TOO_MANY", format!("at most {COMPANIES_MAX}"));
    }
    for (index, key) in asked.companies.iter().enumerate().take(COMPANIES_MAX) {
        let field = format!("companies[{index}]");
        check_text(violations, &field, key, limit::IDENTIFIER_CHARS_MAX);
    }
    Some(Asked {
        signer: signer?,
        body: body?,
        scope: asked.scope,
        building: building?,
        companies: asked.companies.into_iter().map(CompanyKey).collect(),
        day: day?,
    })
}

impl Way {
    /// Judges a signature by the lives of signer and body on its day.
    async fn judge_signing(
        &self,
        mut asked: v1::JudgeSigningRequest,
    ) -> Result<v1::JudgeSigningResponse, Status> {
        let mut violations = Violations::default();
        let context = asked.context.take();
        let time = context.as_ref().and_then(|context| context.read_time.as_ref());
        if time.is_some_and(|time| !time.valid_at.is_empty()) {
            let message = "the day is that of the signature: give day";
            violations.add("context.read_time.valid_at", "NOT_HERE", message);
        }
        let signing = read_signing(&mut violations, asked);
        let time = self.reading(context, violations).await?;
        let Some(asked) = signing else {
            return Err(status::bug("a signature was read and is not there"));
        };
        self.check_reach("building_id", asked.building.into())?;
        let verdict = self
            .blocking(move |registry| {
                let Asked { signer, body, scope, building, companies, day } = asked;
                registry.judge_signing(
                    signer,
                    body,
                    Signing { day, scope: &scope, building, companies: &companies },
                    time.known_at,
                )
            })
            .await?;
        let (verdict, position) = verdict;
        let objections = verdict.objections.iter().map(|objection| v1::SigningObjection {
            reason: objection.rule.reason().to_owned(),
            certain: objection.is_certain,
            sentence: objection.to_string(),
        });
        let answer = match verdict.answer() {
            Answer::Yes => v1::SigningAnswer::Yes,
            Answer::No => v1::SigningAnswer::No,
            Answer::Unknown => v1::SigningAnswer::Unknown,
        };
        Ok(v1::JudgeSigningResponse {
            answer: answer.into(),
            objections: objections.collect(),
            read_at: position.to_string(),
        })
    }
}

#[tonic::async_trait]
impl BodyService for Api {
    async fn create_body(
        &self,
        request: Request<v1::CreateBodyRequest>,
    ) -> Result<Response<v1::CreateBodyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CreateBodyRequest { context: _, fields, exists_from } = asked;
        let creation = Creation { fields, exists_from, opens_partition: false };
        let done = write.create(creation).await?;
        Ok(answer(done, |receipt, body| v1::CreateBodyResponse { receipt, body }))
    }

    async fn get_body(
        &self,
        request: Request<v1::GetBodyRequest>,
    ) -> Result<Response<v1::GetBodyResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (body, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetBodyResponse { body, read_at }))
    }

    async fn list_bodies(
        &self,
        request: Request<v1::ListBodiesRequest>,
    ) -> Result<Response<v1::ListBodiesResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        let (bodies, next_page_token, read_at) = way
            .list(&asked, listing, |violations| in_region(violations, Kind::Body, &asked.region_id))
            .await?;
        Ok(Response::new(v1::ListBodiesResponse { bodies, next_page_token, read_at }))
    }

    async fn change_body(
        &self,
        request: Request<v1::ChangeBodyRequest>,
    ) -> Result<Response<v1::ChangeBodyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::ChangeBodyRequest {
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
        let way = write.way.clone();
        let mut done = write.change(changing).await?;
        done.0.warn_of_doubt(&way)?;
        Ok(answer(done, |receipt, body| v1::ChangeBodyResponse { receipt, body }))
    }

    async fn correct_body(
        &self,
        request: Request<v1::CorrectBodyRequest>,
    ) -> Result<Response<v1::CorrectBodyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectBodyRequest {
            context: _,
            id,
            etag,
            entry,
            from,
            fields,
            update_mask,
            exists_from,
            ended_on,
        } = asked;
        let correcting =
            Correcting { id, etag, entry, from, fields, update_mask, exists_from, ended_on };
        let way = write.way.clone();
        let mut done = write.correct(correcting).await?;
        done.0.warn_of_doubt(&way)?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, body| v1::CorrectBodyResponse { receipt, body, case_ids }))
    }

    async fn end_body(
        &self,
        request: Request<v1::EndBodyRequest>,
    ) -> Result<Response<v1::EndBodyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let way = write.way.clone();
        let mut done = write.end(&asked.id, &asked.etag, &asked.ended_on, asked.cause).await?;
        done.0.warn_of_doubt(&way)?;
        Ok(answer(done, |receipt, body| v1::EndBodyResponse { receipt, body }))
    }

    async fn retract_body(
        &self,
        request: Request<v1::RetractBodyRequest>,
    ) -> Result<Response<v1::RetractBodyResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let way = write.way.clone();
        let mut done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        done.0.warn_of_doubt(&way)?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, body| v1::RetractBodyResponse { receipt, body, case_ids }))
    }

    async fn create_signer(
        &self,
        request: Request<v1::CreateSignerRequest>,
    ) -> Result<Response<v1::CreateSignerResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CreateSignerRequest { context: _, fields, exists_from } = asked;
        let creation = Creation { fields, exists_from, opens_partition: false };
        let done = write.create(creation).await?;
        Ok(answer(done, |receipt, signer| v1::CreateSignerResponse { receipt, signer }))
    }

    async fn get_signer(
        &self,
        request: Request<v1::GetSignerRequest>,
    ) -> Result<Response<v1::GetSignerResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (signer, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetSignerResponse { signer, read_at }))
    }

    async fn list_signers(
        &self,
        request: Request<v1::ListSignersRequest>,
    ) -> Result<Response<v1::ListSignersResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        let (signers, next_page_token, read_at) = way
            .list(&asked, listing, |violations| {
                in_region(violations, Kind::Signer, &asked.region_id)
            })
            .await?;
        Ok(Response::new(v1::ListSignersResponse { signers, next_page_token, read_at }))
    }

    async fn change_signer(
        &self,
        request: Request<v1::ChangeSignerRequest>,
    ) -> Result<Response<v1::ChangeSignerResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::ChangeSignerRequest {
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
        let way = write.way.clone();
        let mut done = write.change(changing).await?;
        done.0.warn_of_doubt(&way)?;
        Ok(answer(done, |receipt, signer| v1::ChangeSignerResponse { receipt, signer }))
    }

    async fn correct_signer(
        &self,
        request: Request<v1::CorrectSignerRequest>,
    ) -> Result<Response<v1::CorrectSignerResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectSignerRequest {
            context: _,
            id,
            etag,
            entry,
            from,
            fields,
            update_mask,
            exists_from,
            ended_on,
        } = asked;
        let correcting =
            Correcting { id, etag, entry, from, fields, update_mask, exists_from, ended_on };
        let way = write.way.clone();
        let mut done = write.correct(correcting).await?;
        done.0.warn_of_doubt(&way)?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, signer| v1::CorrectSignerResponse { receipt, signer, case_ids }))
    }

    async fn end_signer(
        &self,
        request: Request<v1::EndSignerRequest>,
    ) -> Result<Response<v1::EndSignerResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let way = write.way.clone();
        let mut done = write.end(&asked.id, &asked.etag, &asked.ended_on, asked.cause).await?;
        done.0.warn_of_doubt(&way)?;
        Ok(answer(done, |receipt, signer| v1::EndSignerResponse { receipt, signer }))
    }

    async fn retract_signer(
        &self,
        request: Request<v1::RetractSignerRequest>,
    ) -> Result<Response<v1::RetractSignerResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let way = write.way.clone();
        let mut done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        done.0.warn_of_doubt(&way)?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, signer| v1::RetractSignerResponse { receipt, signer, case_ids }))
    }

    async fn judge_signing(
        &self,
        request: Request<v1::JudgeSigningRequest>,
    ) -> Result<Response<v1::JudgeSigningResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        way.judge_signing(asked).await.map(Response::new)
    }
}
