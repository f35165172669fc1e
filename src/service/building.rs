//! Buildings (栋) on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        building::{BuildingContent, BuildingUse, Protection, Structure},
        content::{Content, Fields},
    },
    kernel::{
        id::{CompoundId, Kind, RegionId, SubjectId},
        limit,
        violation::Violations,
    },
    proto::v1::{self, building_service_server::BuildingService},
    registry::ListOf,
    service::{
        Api,
        common::{self, FieldReader, number},
        kind::{
            Changing, Correcting, Creation, Listing, Merging, Parts, Resource, Splitting, answer,
        },
    },
};

impl Resource for v1::Building {
    const KIND: Kind = Kind::Building;
    type Fields = v1::BuildingFields;

    fn read(fields: v1::BuildingFields, reader: &mut FieldReader) -> Fields {
        let content = BuildingContent {
            name: reader.text("name", fields.name, limit::NAME_CHARS_MAX),
            address: reader.text("address", fields.address, limit::ADDRESS_CHARS_MAX),
            compound: reader.parsed("compound_id", fields.compound_id),
            community: reader.parsed("community_id", fields.community_id),
            completed: reader.parsed("completed", fields.completed),
            design_life_years: reader.number(
                "design_life_years",
                fields.design_life_years,
                1..=200,
            ),
            structure: reader.choice("structure", fields.structure, Structure::from_number),
            storeys_above: reader.number("storeys_above", fields.storeys_above, 0..=300),
            storeys_below: reader.number("storeys_below", fields.storeys_below, 0..=50),
            height_cm: reader.number("height_cm", fields.height_cm, 1..=limit::HEIGHT_CM_MAX),
            floor_area_cm2: reader.number(
                "floor_area_cm2",
                fields.floor_area_cm2,
                1..=limit::FLOOR_AREA_CM2_MAX,
            ),
            building_use: reader.choice("use", fields.r#use, BuildingUse::from_number),
            lift_count: reader.number("lift_count", fields.lift_count, 0..=1_000),
            protection: reader.choice("protection", fields.protection, Protection::from_number),
            location: reader.location(fields.location),
            physical: reader.parsed("physical_id", fields.physical_id),
        };
        reader.identifiers("identifiers", fields.identifiers);
        reader.doubts(fields.doubts);
        Fields::Building(content)
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::BuildingFields {
        let Fields::Building(fields) = content.fields else { return v1::BuildingFields::default() };
        v1::BuildingFields {
            name: fields.name.flatten(),
            address: fields.address.flatten(),
            compound_id: fields.compound.flatten().map(|id| id.to_string()),
            community_id: fields.community.flatten().map(|id| id.to_string()),
            completed: fields.completed.flatten().map(|day| day.to_string()),
            design_life_years: fields.design_life_years.flatten().map(u32::from),
            structure: number(fields.structure, |value| value as u32),
            storeys_above: fields.storeys_above.flatten().map(u32::from),
            storeys_below: fields.storeys_below.flatten().map(u32::from),
            height_cm: fields.height_cm.flatten(),
            floor_area_cm2: fields.floor_area_cm2.flatten().and_then(|area| area.try_into().ok()),
            r#use: number(fields.building_use, |value| value as u32),
            lift_count: fields.lift_count.flatten().map(u32::from),
            protection: number(fields.protection, |value| value as u32),
            location: fields.location.flatten().map(common::location),
            physical_id: fields.physical.flatten().map(|id| id.to_string()),
            identifiers: common::identifiers(content.shared.identifiers),
            doubts,
        }
    }

    fn new(parts: Parts<v1::BuildingFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        Self { id, etag, life, fields, case_ids, entries_in_doubt }
    }
}

fn creation(asked: v1::CreateBuildingRequest) -> Creation<v1::BuildingFields> {
    let v1::CreateBuildingRequest { context: _, fields, exists_from } = asked;
    Creation { fields, exists_from, opens_partition: false }
}

#[tonic::async_trait]
impl BuildingService for Api {
    async fn create_building(
        &self,
        request: Request<v1::CreateBuildingRequest>,
    ) -> Result<Response<v1::CreateBuildingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.create(creation(asked)).await?;
        Ok(answer(done, |receipt, building| v1::CreateBuildingResponse { receipt, building }))
    }

    async fn batch_create_buildings(
        &self,
        request: Request<v1::BatchCreateBuildingsRequest>,
    ) -> Result<Response<v1::BatchCreateBuildingsResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let items =
            asked.requests.into_iter().map(|mut item| (item.context.take(), creation(item)));
        let done = write.create_all::<v1::Building>(items.collect(), asked.per_item).await?;
        Ok(answer(done, |receipt, results| v1::BatchCreateBuildingsResponse { receipt, results }))
    }

    async fn get_building(
        &self,
        request: Request<v1::GetBuildingRequest>,
    ) -> Result<Response<v1::GetBuildingResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (building, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetBuildingResponse { building, read_at }))
    }

    async fn list_buildings(
        &self,
        request: Request<v1::ListBuildingsRequest>,
    ) -> Result<Response<v1::ListBuildingsResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        if asked.r#box.is_some() {
            let (buildings, next_page_token, read_at) = way
                .list_in_box(&asked, listing, asked.r#box.as_ref(), |violations| {
                    check_one_of(violations, &asked);
                })
                .await?;
            return Ok(Response::new(v1::ListBuildingsResponse {
                buildings,
                next_page_token,
                read_at,
            }));
        }
        let (buildings, next_page_token, read_at) =
            way.list(&asked, listing, |violations| list_of(violations, &asked)).await?;
        Ok(Response::new(v1::ListBuildingsResponse { buildings, next_page_token, read_at }))
    }

    async fn change_building(
        &self,
        request: Request<v1::ChangeBuildingRequest>,
    ) -> Result<Response<v1::ChangeBuildingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::ChangeBuildingRequest {
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
        Ok(answer(done, |receipt, building| v1::ChangeBuildingResponse { receipt, building }))
    }

    async fn correct_building(
        &self,
        request: Request<v1::CorrectBuildingRequest>,
    ) -> Result<Response<v1::CorrectBuildingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectBuildingRequest {
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
        Ok(answer(done, |receipt, building| v1::CorrectBuildingResponse {
            receipt,
            building,
            case_ids,
        }))
    }

    async fn end_building(
        &self,
        request: Request<v1::EndBuildingRequest>,
    ) -> Result<Response<v1::EndBuildingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.end(&asked.id, &asked.etag, &asked.ended_on, asked.cause).await?;
        Ok(answer(done, |receipt, building| v1::EndBuildingResponse { receipt, building }))
    }

    async fn merge_buildings(
        &self,
        request: Request<v1::MergeBuildingsRequest>,
    ) -> Result<Response<v1::MergeBuildingsResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::MergeBuildingsRequest { context: _, ids, day, into_id, into } = asked;
        let done = write.merge(Merging { ids, day, into_id, into }).await?;
        Ok(answer(done, |receipt, building| v1::MergeBuildingsResponse { receipt, building }))
    }

    async fn split_building(
        &self,
        request: Request<v1::SplitBuildingRequest>,
    ) -> Result<Response<v1::SplitBuildingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::SplitBuildingRequest { context: _, id, etag, day, parts, assignments, keeps } =
            asked;
        let parts = parts
            .into_iter()
            .map(|part| (part.fields, part.share_numerator, part.share_denominator))
            .collect();
        let done = write.split(Splitting { id, etag, day, parts, assignments, keeps }).await?;
        Ok(answer(done, |receipt, parts| v1::SplitBuildingResponse { receipt, parts }))
    }

    async fn retract_building(
        &self,
        request: Request<v1::RetractBuildingRequest>,
    ) -> Result<Response<v1::RetractBuildingResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, building| v1::RetractBuildingResponse {
            receipt,
            building,
            case_ids,
        }))
    }

    async fn get_lineage(
        &self,
        request: Request<v1::GetLineageRequest>,
    ) -> Result<Response<v1::GetLineageResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (edges, read_at) = way.lineage::<v1::Building>(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetLineageResponse { edges, read_at }))
    }
}

/// Notes when not exactly one of region, compound and box is given.
fn check_one_of(violations: &mut Violations, asked: &v1::ListBuildingsRequest) -> bool {
    let given = [!asked.region_id.is_empty(), !asked.compound_id.is_empty(), asked.r#box.is_some()];
    let is_one = given.into_iter().filter(|is_given| *is_given).count() == 1;
    if !is_one {
        let message = "give exactly one of region_id, compound_id and box";
        violations.add("region_id", "ONE_OF", message);
    }
    is_one
}

/// What a list of buildings is of: a region or a compound.
fn list_of(
    violations: &mut Violations,
    asked: &v1::ListBuildingsRequest,
) -> Option<(ListOf, Option<(&'static str, SubjectId)>)> {
    if !check_one_of(violations, asked) {
        return None;
    }
    let (field, holder) = if asked.compound_id.is_empty() {
        let region = common::required::<RegionId>(violations, "region_id", &asked.region_id)?;
        ("region_id", SubjectId::from(region))
    } else {
        let compound =
            common::required::<CompoundId>(violations, "compound_id", &asked.compound_id)?;
        ("compound_id", SubjectId::from(compound))
    };
    Some((ListOf::Below(Kind::Building, holder), Some((field, holder))))
}
