//! The registry itself on the wire: what it holds, and whom it takes the caller for.

use tonic::{Request, Response, Status};

use crate::{
    auth::actor::Regions,
    proto::v1::{self, registry_service_server::RegistryService},
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
        let answer = way
            .blocking(|registry| {
                let (stats, _) = registry.stats();
                let partitions = registry.partitions().into_iter().map(|(partition, frontier)| {
                    v1::PartitionStatus {
                        partition: partition.number(),
                        entry_count: frontier.seq,
                        ..v1::PartitionStatus::default()
                    }
                });
                Ok(v1::GetStatusResponse {
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    registry_id: String::new(),
                    partitions: partitions.collect(),
                    now: Some(common::timestamp(registry.now())),
                    read_only: stats.read_only,
                })
            })
            .await?;
        Ok(Response::new(answer))
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
