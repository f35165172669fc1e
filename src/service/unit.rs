//! Units (户) on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        content::{Content, Fields},
        unit::{UnitContent, UnitUse},
    },
    kernel::{
        id::{BuildingId, Kind, SubjectId},
        limit,
    },
    proto::v1::{self, unit_service_server::UnitService},
    registry::ListOf,
    service::{
        Api,
        common::{self, FieldReader, number},
        kind::{
            Changing, Correcting, Creation, Listing, Merging, Parts, Resource, Splitting, answer,
        },
    },
};

/// Characters of an entrance's or a room's number.
const NUMBER_CHARS_MAX: usize = 40;

impl Resource for v1::Unit {
    const KIND: Kind = Kind::Unit;
    type Fields = v1::UnitFields;

    fn read(fields: v1::UnitFields, reader: &mut FieldReader) -> Fields {
        if fields.floor == Some(0) {
            let message = "the ground floor is 1, the one below it -1";
            reader.violations.add("floor", "OUT_OF_RANGE", message);
        }
        let content = UnitContent {
            building: reader.parsed("building_id", fields.building_id),
            entrance: reader.text("entrance", fields.entrance, NUMBER_CHARS_MAX),
            floor: reader.number("floor", fields.floor, -50..=300),
            number: reader.text("number", fields.number, NUMBER_CHARS_MAX),
            area_cm2: reader.number("area_cm2", fields.area_cm2, 1..=limit::UNIT_AREA_CM2_MAX),
            unit_use: reader.choice("use", fields.r#use, UnitUse::from_number),
        };
        reader.identifiers("identifiers", fields.identifiers);
        reader.doubts(fields.doubts);
        Fields::Unit(content)
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::UnitFields {
        let Fields::Unit(fields) = content.fields else { return v1::UnitFields::default() };
        v1::UnitFields {
            building_id: fields.building.flatten().map(|id| id.to_string()),
            entrance: fields.entrance.flatten(),
            floor: fields.floor.flatten().map(i32::from),
            number: fields.number.flatten(),
            area_cm2: fields.area_cm2.flatten().and_then(|area| area.try_into().ok()),
            r#use: number(fields.unit_use, |value| value as u32),
            identifiers: common::identifiers(content.shared.identifiers),
            doubts,
        }
    }

    fn new(parts: Parts<v1::UnitFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        Self { id, etag, life, fields, case_ids, entries_in_doubt }
    }
}

fn creation(asked: v1::CreateUnitRequest) -> Creation<v1::UnitFields> {
    let v1::CreateUnitRequest { context: _, fields, exists_from } = asked;
    Creation { fields, exists_from, opens_partition: false }
}

#[tonic::async_trait]
impl UnitService for Api {
    async fn create_unit(
        &self,
        request: Request<v1::CreateUnitRequest>,
    ) -> Result<Response<v1::CreateUnitResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.create(creation(asked)).await?;
        Ok(answer(done, |receipt, unit| v1::CreateUnitResponse { receipt, unit }))
    }

    async fn batch_create_units(
        &self,
        request: Request<v1::BatchCreateUnitsRequest>,
    ) -> Result<Response<v1::BatchCreateUnitsResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let items =
            asked.requests.into_iter().map(|mut item| (item.context.take(), creation(item)));
        let done = write.create_all::<v1::Unit>(items.collect(), asked.per_item).await?;
        Ok(answer(done, |receipt, results| v1::BatchCreateUnitsResponse { receipt, results }))
    }

    async fn get_unit(
        &self,
        request: Request<v1::GetUnitRequest>,
    ) -> Result<Response<v1::GetUnitResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (unit, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetUnitResponse { unit, read_at }))
    }

    async fn list_units(
        &self,
        request: Request<v1::ListUnitsRequest>,
    ) -> Result<Response<v1::ListUnitsResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        let (units, next_page_token, read_at) = way
            .list(&asked, listing, |violations| {
                let building: BuildingId =
                    common::required(violations, "building_id", &asked.building_id)?;
                let holder = SubjectId::from(building);
                Some((ListOf::Below(Kind::Unit, holder), Some(("building_id", holder))))
            })
            .await?;
        Ok(Response::new(v1::ListUnitsResponse { units, next_page_token, read_at }))
    }

    async fn change_unit(
        &self,
        request: Request<v1::ChangeUnitRequest>,
    ) -> Result<Response<v1::ChangeUnitResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::ChangeUnitRequest {
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
        Ok(answer(done, |receipt, unit| v1::ChangeUnitResponse { receipt, unit }))
    }

    async fn correct_unit(
        &self,
        request: Request<v1::CorrectUnitRequest>,
    ) -> Result<Response<v1::CorrectUnitResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectUnitRequest {
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
        Ok(answer(done, |receipt, unit| v1::CorrectUnitResponse { receipt, unit, case_ids }))
    }

    async fn end_unit(
        &self,
        request: Request<v1::EndUnitRequest>,
    ) -> Result<Response<v1::EndUnitResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.end(&asked.id, &asked.etag, &asked.ended_on, asked.cause).await?;
        Ok(answer(done, |receipt, unit| v1::EndUnitResponse { receipt, unit }))
    }

    async fn merge_units(
        &self,
        request: Request<v1::MergeUnitsRequest>,
    ) -> Result<Response<v1::MergeUnitsResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::MergeUnitsRequest { context: _, ids, day, into_id, into } = asked;
        let done = write.merge(Merging { ids, day, into_id, into }).await?;
        Ok(answer(done, |receipt, unit| v1::MergeUnitsResponse { receipt, unit }))
    }

    async fn split_unit(
        &self,
        request: Request<v1::SplitUnitRequest>,
    ) -> Result<Response<v1::SplitUnitResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::SplitUnitRequest { context: _, id, etag, day, parts, assignments, keeps } = asked;
        let parts = parts
            .into_iter()
            .map(|part| (part.fields, part.share_numerator, part.share_denominator))
            .collect();
        let done = write.split(Splitting { id, etag, day, parts, assignments, keeps }).await?;
        Ok(answer(done, |receipt, parts| v1::SplitUnitResponse { receipt, parts }))
    }

    async fn retract_unit(
        &self,
        request: Request<v1::RetractUnitRequest>,
    ) -> Result<Response<v1::RetractUnitResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, unit| v1::RetractUnitResponse { receipt, unit, case_ids }))
    }
}
