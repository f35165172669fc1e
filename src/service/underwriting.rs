//! The underwriter's file (承保档案) on the wire: part by part, as fast as the reader takes it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::{Code, Request, Response, Status};

use crate::{
    auth::{
        permission::{Extent, allowed},
        role::Role,
    },
    kernel::{id::BuildingId, violation::Violations},
    proto::v1::{self, underwriting_service_server::UnderwritingService},
    registry::underwriting::{Question, ReaderReach, UnderwritingFile},
    service::{Api, Way, common, status},
};

/// Parts that wait for the reader.
const PARTS: usize = 2;

type Part = Result<v1::GetUnderwritingFileResponse, Status>;

/// The parts of a file.
pub struct Parts(mpsc::Receiver<Part>);

impl Stream for Parts {
    type Item = Part;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Part>> {
        self.0.poll_recv(context)
    }
}

impl Way {
    /// What decides what the caller is shown in a file.
    fn reader(&self) -> Result<ReaderReach, Status> {
        let actor = &self.caller.actor;
        let may = |rpc: &str| allowed(rpc, actor.role).is_some();
        let companies = (actor.role == Role::Insurer)
            .then(|| actor.institution.iter().chain(&actor.reach.institutions).cloned().collect());
        let regions = match self.extent()? {
            Extent::Everything => None,
            Extent::Regions(regions) => Some(regions.clone()),
            Extent::Caller => Some(std::collections::BTreeSet::new()),
        };
        Ok(ReaderReach {
            role: actor.role.name().to_owned(),
            regions,
            companies,
            sees_orders: may("anju.v1.PlanService/GetOrder"),
            sees_cases: may("anju.v1.CaseService/GetCase"),
            sees_signers: may("anju.v1.BodyService/GetSigner"),
        })
    }

    /// Sends part after part.
    async fn send_file(
        &self,
        mut file: UnderwritingFile,
        sender: &mpsc::Sender<Part>,
    ) -> Result<(), Status> {
        let mut stopping = self.api.0.stopping.clone();
        loop {
            if *stopping.borrow_and_update() {
                let message = "the registry is stopping; ask for the file again";
                return Err(status::plain(Code::Unavailable, "STOPPING", message));
            }
            let next = self.blocking(move |registry| {
                let part = file.next_part(registry)?;
                Ok((file, part))
            });
            let (rest, part) = next.await?;
            file = rest;
            let Some(part) = part else { return Ok(()) };
            if sender.send(Ok(v1::GetUnderwritingFileResponse { part })).await.is_err() {
                return Ok(());
            }
        }
    }
}

#[tonic::async_trait]
impl UnderwritingService for Api {
    type GetUnderwritingFileStream = Parts;

    async fn get_underwriting_file(
        &self,
        request: Request<v1::GetUnderwritingFileRequest>,
    ) -> Result<Response<Parts>, Status> {
        let (way, asked) = self.begin(request)?;
        let mut violations = Violations::default();
        let building = common::required(&mut violations, "building_id", &asked.building_id);
        let time = way.reading(asked.context, violations).await?;
        let building: BuildingId = way.was_read(building)?;
        way.check_reach("building_id", building.into())?;
        let question = Question { building, time, reader: way.reader()?, since: asked.since_size };
        let file = way.blocking(move |registry| UnderwritingFile::open(registry, question)).await?;
        let (sender, receiver) = mpsc::channel(PARTS);
        tokio::spawn(async move {
            if let Err(status) = way.send_file(file, &sender).await {
                // A reader that is gone needs no last word.
                let _ = sender.send(Err(status)).await;
            }
        });
        Ok(Response::new(Parts(receiver)))
    }
}
