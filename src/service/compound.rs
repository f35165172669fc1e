//! Compounds (小区) on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        compound::{CompoundContent, Management},
        content::{Content, Fields},
    },
    kernel::{
        id::{Kind, RegionId, SubjectId},
        limit,
        violation::Violations,
    },
    proto::v1::{self, compound_service_server::CompoundService},
    registry::ListOf,
    service::{
        Api,
        common::{self, FieldReader, number},
        kind::{
            Changing, Correcting, Creation, Listing, Merging, Parts, Resource, Splitting, answer,
        },
    },
};

impl Resource for v1::Compound {
    const KIND: Kind = Kind::Compound;
    type Fields = v1::CompoundFields;

    fn read(fields: v1::CompoundFields, reader: &mut FieldReader) -> Fields {
        let content = CompoundContent {
            name: reader.text("name", fields.name, limit::NAME_CHARS_MAX),
            aliases: reader.texts(
                "aliases",
                fields.aliases,
                limit::ALIASES_MAX,
                limit::NAME_CHARS_MAX,
            ),
            address: reader.text("address", fields.address, limit::ADDRESS_CHARS_MAX),
            community: reader.parsed("community_id", fields.community_id),
            built: reader.parsed("built", fields.built),
            location: reader.location(fields.location),
            boundary: reader.boundary(fields.boundary),
            management: reader.choice("management", fields.management, Management::from_number),
        };
        reader.identifiers("identifiers", fields.identifiers);
        reader.doubts(fields.doubts);
        Fields::Compound(content)
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::CompoundFields {
        let Fields::Compound(fields) = content.fields else { return v1::CompoundFields::default() };
        v1::CompoundFields {
            name: fields.name.flatten(),
            aliases: fields.aliases.flatten().unwrap_or_default(),
            address: fields.address.flatten(),
            community_id: fields.community.flatten().map(|id| id.to_string()),
            built: fields.built.flatten().map(|day| day.to_string()),
            location: fields.location.flatten().map(common::location),
            boundary: fields.boundary.flatten().as_ref().map(common::boundary),
            management: number(fields.management, |value| value as u32),
            identifiers: common::identifiers(content.shared.identifiers),
            doubts,
        }
    }

    fn new(parts: Parts<v1::CompoundFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        Self { id, etag, life, fields, case_ids, entries_in_doubt }
    }
}

fn creation(asked: v1::CreateCompoundRequest) -> Creation<v1::CompoundFields> {
    let v1::CreateCompoundRequest { context: _, fields, exists_from } = asked;
    Creation { fields, exists_from, opens_partition: false }
}

/// Notes when not exactly one of region and box is given.
fn check_one_of(violations: &mut Violations, asked: &v1::ListCompoundsRequest) -> bool {
    let is_one = asked.region_id.is_empty() == asked.r#box.is_some();
    if !is_one {
        violations.add("region_id", "ONE_OF", "give exactly one of region_id and box");
    }
    is_one
}

#[tonic::async_trait]
impl CompoundService for Api {
    async fn create_compound(
        &self,
        request: Request<v1::CreateCompoundRequest>,
    ) -> Result<Response<v1::CreateCompoundResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.create(creation(asked)).await?;
        Ok(answer(done, |receipt, compound| v1::CreateCompoundResponse { receipt, compound }))
    }

    async fn batch_create_compounds(
        &self,
        request: Request<v1::BatchCreateCompoundsRequest>,
    ) -> Result<Response<v1::BatchCreateCompoundsResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let items =
            asked.requests.into_iter().map(|mut item| (item.context.take(), creation(item)));
        let done = write.create_all::<v1::Compound>(items.collect(), asked.per_item).await?;
        Ok(answer(done, |receipt, results| v1::BatchCreateCompoundsResponse { receipt, results }))
    }

    async fn get_compound(
        &self,
        request: Request<v1::GetCompoundRequest>,
    ) -> Result<Response<v1::GetCompoundResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (compound, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetCompoundResponse { compound, read_at }))
    }

    async fn list_compounds(
        &self,
        request: Request<v1::ListCompoundsRequest>,
    ) -> Result<Response<v1::ListCompoundsResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        if asked.r#box.is_some() {
            let (compounds, next_page_token, read_at) = way
                .list_in_box(&asked, listing, asked.r#box.as_ref(), |violations| {
                    check_one_of(violations, &asked);
                })
                .await?;
            return Ok(Response::new(v1::ListCompoundsResponse {
                compounds,
                next_page_token,
                read_at,
            }));
        }
        let (compounds, next_page_token, read_at) = way
            .list(&asked, listing, |violations| {
                if !check_one_of(violations, &asked) {
                    return None;
                }
                let region: RegionId = common::required(violations, "region_id", &asked.region_id)?;
                let holder = SubjectId::from(region);
                Some((ListOf::Below(Kind::Compound, holder), Some(("region_id", holder))))
            })
            .await?;
        Ok(Response::new(v1::ListCompoundsResponse { compounds, next_page_token, read_at }))
    }

    async fn change_compound(
        &self,
        request: Request<v1::ChangeCompoundRequest>,
    ) -> Result<Response<v1::ChangeCompoundResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::ChangeCompoundRequest {
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
        Ok(answer(done, |receipt, compound| v1::ChangeCompoundResponse { receipt, compound }))
    }

    async fn correct_compound(
        &self,
        request: Request<v1::CorrectCompoundRequest>,
    ) -> Result<Response<v1::CorrectCompoundResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectCompoundRequest {
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
        let done = write.correct(correcting).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, compound| v1::CorrectCompoundResponse {
            receipt,
            compound,
            case_ids,
        }))
    }

    async fn end_compound(
        &self,
        request: Request<v1::EndCompoundRequest>,
    ) -> Result<Response<v1::EndCompoundResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.end(&asked.id, &asked.etag, &asked.ended_on, asked.cause).await?;
        Ok(answer(done, |receipt, compound| v1::EndCompoundResponse { receipt, compound }))
    }

    async fn merge_compounds(
        &self,
        request: Request<v1::MergeCompoundsRequest>,
    ) -> Result<Response<v1::MergeCompoundsResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::MergeCompoundsRequest { context: _, ids, day, into_id, into } = asked;
        let done = write.merge(Merging { ids, day, into_id, into }).await?;
        Ok(answer(done, |receipt, compound| v1::MergeCompoundsResponse { receipt, compound }))
    }

    async fn split_compound(
        &self,
        request: Request<v1::SplitCompoundRequest>,
    ) -> Result<Response<v1::SplitCompoundResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::SplitCompoundRequest { context: _, id, etag, day, parts, assignments, keeps } =
            asked;
        let parts = parts
            .into_iter()
            .map(|part| (part.fields, part.share_numerator, part.share_denominator))
            .collect();
        let done = write.split(Splitting { id, etag, day, parts, assignments, keeps }).await?;
        Ok(answer(done, |receipt, parts| v1::SplitCompoundResponse { receipt, parts }))
    }

    async fn retract_compound(
        &self,
        request: Request<v1::RetractCompoundRequest>,
    ) -> Result<Response<v1::RetractCompoundResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, compound| v1::RetractCompoundResponse {
            receipt,
            compound,
            case_ids,
        }))
    }
}
