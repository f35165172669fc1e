//! The registry itself on the wire: what it holds, and whom it takes the caller for.

use tonic::{Request, Response, Status};

use crate::{
    auth::actor::Regions,
    domain::content::Fields,
    kernel::{id::RegionId, position::Partition, time::ReadTime},
    proto::v1::{self, registry_service_server::RegistryService},
    registry::{Error, Frontier, Registry},
    service::{Api, common},
};

#[tonic::async_trait]
impl RegistryService for Api {
    async fn get_status(
        &self,
        request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        let (way, _) = self.begin(request)?;
        way.check_everything()?;
        let (partitions, registry_id, read_only) = way
            .blocking(|registry| {
                let stats = registry.stats();
                let checkpoint = registry.checkpoint(Partition::ROOT, None)?;
                Ok((registry.partitions(), common::hex(&checkpoint.registry), stats.read_only))
            })
            .await?;
        let mut statuses = Vec::new();
        for (partition, frontier) in partitions {
            let region = way.region_of(partition)?;
            statuses.push(
                way.blocking(move |registry| {
                    partition_status(registry, partition, frontier, region)
                })
                .await?,
            );
        }
        Ok(Response::new(v1::GetStatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            registry_id,
            partitions: statuses,
            now: Some(common::timestamp(way.registry().now())),
            read_only,
        }))
    }

    async fn who_am_i(
        &self,
        request: Request<v1::WhoAmIRequest>,
    ) -> Result<Response<v1::WhoAmIResponse>, Status> {
        let (way, _) = self.begin(request)?;
        let actor = &way.caller.actor;
        let (region_ids, everywhere) = match &actor.reach.regions {
            Regions::All => (Vec::new(), true),
            Regions::List(regions) => (regions.iter().map(ToString::to_string).collect(), false),
        };
        Ok(Response::new(v1::WhoAmIResponse {
            subject: actor.subject.clone(),
            role: actor.role.name().to_owned(),
            institution: actor.institution.clone().unwrap_or_default(),
            person: actor.person.clone().unwrap_or_default(),
            region_ids,
            everywhere,
        }))
    }
}

fn partition_status(
    registry: &Registry,
    partition: Partition,
    frontier: Frontier,
    region: Option<RegionId>,
) -> Result<v1::PartitionStatus, Error> {
    let work = registry.work_under_way(partition)?;
    let mut name = String::new();
    if let Some(region) = region {
        let seen = registry.get(region.into(), ReadTime::NOW)?;
        if let Fields::Region(fields) = seen.content.fields {
            name = fields.name.flatten().unwrap_or_default();
        }
    }
    Ok(v1::PartitionStatus {
        partition: partition.number(),
        region_id: region.map(|region| region.to_string()).unwrap_or_default(),
        name,
        entry_count: frontier.seq,
        sweep_count: work.sweep_count,
        open_case_count: work.open_case_count,
        recounted_count: work.recounted_count,
        recount_total: work.recount_total,
    })
}
