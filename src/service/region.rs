//! Regions (行政区划) on the wire.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        content::{Content, Fields},
        region::{Level, RegionContent},
    },
    kernel::{
        id::{Kind, RegionId, SubjectId},
        limit,
        position::Partition,
        time::{Day, KnownAt, ReadTime},
        violation::Violations,
    },
    proto::v1::{self, region_service_server::RegionService},
    registry::{CodeMatch, Error, ListOf},
    service::{
        Api, Way,
        common::{self, FieldReader},
        kind::{
            Changing, Correcting, Creation, Listing, Merging, Parts, Resource, Splitting, answer,
            resource,
        },
        status,
    },
};

impl Resource for v1::Region {
    const KIND: Kind = Kind::Region;
    type Fields = v1::RegionFields;

    fn read(fields: v1::RegionFields, reader: &mut FieldReader) -> Fields {
        let content = RegionContent {
            // It cannot be said to be unknown.
            level: reader.choice("level", fields.level, Level::from_number).flatten(),
            name: reader.text("name", fields.name, limit::NAME_CHARS_MAX),
            parent: reader.parsed("parent_id", fields.parent_id),
        };
        reader.identifiers("codes", fields.codes);
        reader.doubts(fields.doubts);
        Fields::Region(content)
    }

    fn write(content: Content, doubts: Vec<v1::FieldDoubt>) -> v1::RegionFields {
        let Fields::Region(fields) = content.fields else { return v1::RegionFields::default() };
        v1::RegionFields {
            level: common::number(Some(fields.level), |value| value as u32),
            name: fields.name.flatten(),
            parent_id: fields.parent.flatten().map(|id| id.to_string()),
            codes: common::identifiers(content.shared.identifiers),
            doubts,
        }
    }

    fn new(parts: Parts<v1::RegionFields>) -> Self {
        let Parts { id, etag, life, fields, case_ids, entries_in_doubt } = parts;
        Self { id, etag, life, fields, case_ids, entries_in_doubt }
    }
}

fn creation(asked: v1::CreateRegionRequest) -> Creation<v1::RegionFields> {
    let v1::CreateRegionRequest { context: _, fields, exists_from, opens_partition } = asked;
    Creation { fields, exists_from, opens_partition }
}

#[tonic::async_trait]
impl RegionService for Api {
    async fn create_region(
        &self,
        request: Request<v1::CreateRegionRequest>,
    ) -> Result<Response<v1::CreateRegionResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.create(creation(asked)).await?;
        Ok(answer(done, |receipt, region| v1::CreateRegionResponse { receipt, region }))
    }

    async fn batch_create_regions(
        &self,
        request: Request<v1::BatchCreateRegionsRequest>,
    ) -> Result<Response<v1::BatchCreateRegionsResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let items =
            asked.requests.into_iter().map(|mut item| (item.context.take(), creation(item)));
        let done = write.create_all::<v1::Region>(items.collect(), asked.per_item).await?;
        Ok(answer(done, |receipt, results| v1::BatchCreateRegionsResponse { receipt, results }))
    }

    async fn get_region(
        &self,
        request: Request<v1::GetRegionRequest>,
    ) -> Result<Response<v1::GetRegionResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        let (region, read_at) = way.get_one(asked.context, &asked.id).await?;
        Ok(Response::new(v1::GetRegionResponse { region, read_at }))
    }

    async fn list_regions(
        &self,
        request: Request<v1::ListRegionsRequest>,
    ) -> Result<Response<v1::ListRegionsResponse>, Status> {
        let (way, mut asked) = self.begin(request)?;
        let listing = Listing {
            context: asked.context.take(),
            page_size: std::mem::take(&mut asked.page_size),
            page_token: std::mem::take(&mut asked.page_token),
            order_by: asked.order_by.clone(),
        };
        let (regions, next_page_token, read_at) = way
            .list(&asked, listing, |violations| {
                let parent: Option<RegionId> =
                    common::optional(violations, "parent_id", &asked.parent_id);
                let judged_by = parent.map(|parent| ("parent_id", SubjectId::from(parent)));
                Some((ListOf::Regions(parent), judged_by))
            })
            .await?;
        Ok(Response::new(v1::ListRegionsResponse { regions, next_page_token, read_at }))
    }

    async fn change_region(
        &self,
        request: Request<v1::ChangeRegionRequest>,
    ) -> Result<Response<v1::ChangeRegionResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::ChangeRegionRequest {
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
        Ok(answer(done, |receipt, region| v1::ChangeRegionResponse { receipt, region }))
    }

    async fn correct_region(
        &self,
        request: Request<v1::CorrectRegionRequest>,
    ) -> Result<Response<v1::CorrectRegionResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::CorrectRegionRequest {
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
        Ok(answer(done, |receipt, region| v1::CorrectRegionResponse { receipt, region, case_ids }))
    }

    async fn end_region(
        &self,
        request: Request<v1::EndRegionRequest>,
    ) -> Result<Response<v1::EndRegionResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.end(&asked.id, &asked.etag, &asked.ended_on, asked.cause).await?;
        Ok(answer(done, |receipt, region| v1::EndRegionResponse { receipt, region }))
    }

    async fn merge_regions(
        &self,
        request: Request<v1::MergeRegionsRequest>,
    ) -> Result<Response<v1::MergeRegionsResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::MergeRegionsRequest { context: _, ids, day, into_id, into } = asked;
        let done = write.merge(Merging { ids, day, into_id, into }).await?;
        Ok(answer(done, |receipt, region| v1::MergeRegionsResponse { receipt, region }))
    }

    async fn split_region(
        &self,
        request: Request<v1::SplitRegionRequest>,
    ) -> Result<Response<v1::SplitRegionResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::SplitRegionRequest { context: _, id, etag, day, parts, assignments, keeps } = asked;
        let parts = parts
            .into_iter()
            .map(|part| (part.fields, part.share_numerator, part.share_denominator))
            .collect();
        let done = write.split(Splitting { id, etag, day, parts, assignments, keeps }).await?;
        Ok(answer(done, |receipt, parts| v1::SplitRegionResponse { receipt, parts }))
    }

    async fn retract_region(
        &self,
        request: Request<v1::RetractRegionRequest>,
    ) -> Result<Response<v1::RetractRegionResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let done = write.retract(&asked.id, &asked.etag, asked.entry).await?;
        let case_ids = done.0.opened_cases()?;
        Ok(answer(done, |receipt, region| v1::RetractRegionResponse { receipt, region, case_ids }))
    }

    async fn transfer_region(
        &self,
        request: Request<v1::TransferRegionRequest>,
    ) -> Result<Response<v1::TransferRegionResponse>, Status> {
        let (write, asked) = self.begin_write(request, |asked| asked.context.take())?;
        let v1::TransferRegionRequest { context: _, region_id, etag, parent_id, from } = asked;
        let done = write.transfer(&region_id, &etag, &parent_id, &from).await?;
        Ok(answer(done, |receipt, region| v1::TransferRegionResponse { receipt, region }))
    }

    async fn resolve_code(
        &self,
        request: Request<v1::ResolveCodeRequest>,
    ) -> Result<Response<v1::ResolveCodeResponse>, Status> {
        let (way, asked) = self.begin(request)?;
        way.resolve_code(asked).await.map(Response::new)
    }
}

impl Way {
    async fn resolve_code(
        &self,
        asked: v1::ResolveCodeRequest,
    ) -> Result<v1::ResolveCodeResponse, Status> {
        let mut violations = Violations::default();
        let scheme: Option<String> = common::required(&mut violations, "scheme", &asked.scheme);
        let code: Option<String> = common::required(&mut violations, "code", &asked.code);
        let date: Option<Day> = common::optional(&mut violations, "date", &asked.date);
        let partition = asked.partition.and_then(|number| {
            let message = format!("a partition is a number up to {}", Partition::MAX);
            violations.take("partition", Partition::new(number).ok_or(("OUT_OF_RANGE", message)))
        });
        let time = self.reading(asked.context, violations).await?;
        let (Some(scheme), Some(code)) = (scheme, code) else {
            return Err(status::bug("a code was read and is not there"));
        };
        let (candidates, positions) = self
            .blocking(move |registry| {
                let (found, positions) =
                    registry.resolve_code(&scheme, &code, date, partition, time.known_at)?;
                let today = registry.now().day();
                let seen = found.into_iter().map(|found| {
                    let day = date.or(time.valid_at).unwrap_or_else(|| told_on(&found, today));
                    let own = found.region.partition();
                    // Where the code was looked up in its partition, it is read there too.
                    let read = positions.iter().find(|position| position.partition == own);
                    let known_at = read.map_or(time.known_at, |read| KnownAt::Seq(read.seq));
                    let time = ReadTime { valid_at: Some(day), known_at };
                    Ok((registry.get(found.region.into(), time)?, found))
                });
                Ok((seen.collect::<Result<Vec<_>, Error>>()?, positions))
            })
            .await?;
        let candidates = candidates.into_iter().map(|(seen, found)| {
            let CodeMatch { region: _, from, until } = found;
            v1::CodeCandidate {
                region: Some(resource(seen)),
                from: from.to_string(),
                until: until.map(|day| day.to_string()).unwrap_or_default(),
            }
        });
        let candidates = candidates.collect::<Vec<_>>();
        let answer = match candidates.as_slice() {
            [] => v1::CodeAnswer::None,
            [_] => v1::CodeAnswer::One,
            _ => v1::CodeAnswer::Ambiguous,
        };
        let read_at = positions.iter().map(ToString::to_string).collect();
        Ok(v1::ResolveCodeResponse { answer: answer.into(), candidates, read_at })
    }
}

/// The day of which a region is told that was asked for by a code alone: today, when it has the code
/// today. A code of the past belongs to the region of those days, and its last day is the one of
/// which most is known.
fn told_on(found: &CodeMatch, today: Day) -> Day {
    match found.until {
        Some(until) if until <= today => until.previous(),
        _ => today.max(found.from),
    }
}
