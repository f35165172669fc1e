//! Which partition a row belongs to: said by an id, learned from rows before, or asked.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use tonic::Code;

use crate::{
    cli::import::client::{Clients, Credential, patiently, refused},
    exchange::{draft::Place, edition::partition_owner, row::Fault},
    kernel::id::SubjectId,
    proto::v1::{GetStatusRequest, PartitionStatus, ResolveCodeRequest, WhoAmIRequest},
};

/// What is known of the registry's partitions.
pub(super) struct Partitions<I> {
    clients: Clients<I>,
    /// The one that the caller named.
    fixed: Option<u32>,
    /// By the code of what owns a partition (`11`, `4101`, `419001`); `None`: asked, not there.
    known: BTreeMap<String, Option<u32>>,
    listed: Option<Vec<PartitionStatus>>,
}

impl<I: Credential> Partitions<I> {
    pub(super) const fn new(clients: Clients<I>, fixed: Option<u32>) -> Self {
        Self { clients, fixed, known: BTreeMap::new(), listed: None }
    }

    /// Only this partition, from now on.
    pub(super) const fn fix(&mut self, partition: u32) {
        self.fixed = Some(partition);
    }

    /// Takes note of where a region of an edition was put.
    pub(super) fn learn(&mut self, code: &str, id: &str, opened: Option<u32>) {
        let owner = partition_owner(code);
        let inside = id.parse::<SubjectId>().map_or(0, |id| id.partition().number());
        // A city that opens a partition may itself have been born in the root.
        let partition = opened.or((inside != 0).then_some(inside));
        if let (Some(owner), Some(partition)) = (owner, partition) {
            self.known.insert(owner.to_owned(), Some(partition));
        }
    }

    /// Where a row belongs, or why that cannot be said.
    pub(super) async fn of(&mut self, place: &Place) -> anyhow::Result<Result<u32, Fault>> {
        if *place == Place::Root {
            return Ok(Ok(0));
        }
        if let Some(fixed) = self.fixed {
            return Ok(Ok(fixed));
        }
        Ok(match place {
            Place::Root => Ok(0),
            Place::OfId(id) => match id.parse::<SubjectId>() {
                Ok(id) => Ok(id.partition().number()),
                Err(bad) => Err(Fault::new("", "NOT_AN_ID", bad.to_string())),
            },
            Place::OfDistrict(code) => self.of_code(code).await?.ok_or_else(|| {
                let message =
                    format!("the registry has no district {code}; import its regions first");
                unknown(message)
            }),
            Place::Unsaid => self.only().await?.ok_or_else(|| {
                unknown("the row does not say its city; give --city or --partition".to_owned())
            }),
        })
    }

    /// The partition in which what lies below this code is kept.
    pub(super) async fn of_code(&mut self, code: &str) -> anyhow::Result<Option<u32>> {
        let owner = partition_owner(code).unwrap_or(code).to_owned();
        if let Some(known) = self.known.get(&owner) {
            return Ok(*known);
        }
        let mut found = self.ask(code).await?;
        if found.is_none() && owner != code {
            found = self.ask(&owner).await?;
        }
        self.known.insert(owner, found);
        Ok(found)
    }

    async fn ask(&mut self, code: &str) -> anyhow::Result<Option<u32>> {
        let request = ResolveCodeRequest {
            scheme: "stats12".to_owned(),
            code: format!("{code:0<12}"),
            ..ResolveCodeRequest::default()
        };
        let client = &self.clients.region;
        let answer = patiently(|| {
            let (mut client, request) = (client.clone(), request.clone());
            async move { client.resolve_code(request).await }
        });
        let candidates = match answer.await {
            Ok(answer) => answer.into_inner().candidates,
            Err(status) if status.code() == Code::NotFound => Vec::new(),
            Err(status) => {
                return Err(refused(&format!("code {code} could not be looked up"), status));
            }
        };
        let ids: Vec<String> =
            candidates.into_iter().filter_map(|each| each.region).map(|region| region.id).collect();
        for id in &ids {
            let id: SubjectId = id.parse().context("the registry answered with what is no id")?;
            if id.partition().number() != 0 {
                return Ok(Some(id.partition().number()));
            }
        }
        let listed = self.listed().await?;
        Ok(listed.iter().find(|each| ids.contains(&each.region_id)).map(|each| each.partition))
    }

    /// The registry's one city, if it has just one.
    async fn only(&mut self) -> anyhow::Result<Option<u32>> {
        let cities = self.listed().await?.iter().filter(|each| each.partition != 0);
        let numbers: Vec<u32> = cities.map(|each| each.partition).collect();
        Ok(match numbers.as_slice() {
            [only] => Some(*only),
            _ => None,
        })
    }

    async fn listed(&mut self) -> anyhow::Result<&[PartitionStatus]> {
        if self.listed.is_none() {
            let client = &self.clients.registry;
            let answer = patiently(|| {
                let mut client = client.clone();
                async move { client.get_status(GetStatusRequest {}).await }
            });
            self.listed = Some(match answer.await {
                Ok(answer) => answer.into_inner().partitions,
                // Who may import need not be one who may look at the whole registry.
                Err(status) if status.code() == Code::PermissionDenied => self.own().await?,
                Err(status) => return Err(refused("the partitions could not be listed", status)),
            });
        }
        Ok(self.listed.as_deref().unwrap_or_default())
    }

    /// The partitions in which the regions of the credential lie.
    async fn own(&self) -> anyhow::Result<Vec<PartitionStatus>> {
        let client = &self.clients.registry;
        let answer = patiently(|| {
            let mut client = client.clone();
            async move { client.who_am_i(WhoAmIRequest {}).await }
        });
        let me = answer.await.map_err(|status| refused("the regions could not be listed", status));
        let regions = me?.into_inner().region_ids;
        let ids = regions.iter().filter_map(|id| id.parse::<SubjectId>().ok());
        let partitions: BTreeSet<u32> = ids.map(|id| id.partition().number()).collect();
        let known = |partition| PartitionStatus { partition, ..PartitionStatus::default() };
        Ok(partitions.into_iter().map(known).collect())
    }
}

fn unknown(message: String) -> Fault {
    Fault::new("", "PARTITION_UNKNOWN", message)
}
