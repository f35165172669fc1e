//! How the demo asks: patiently, and with request ids that are made of what is said, so that a run
//! that was cut short goes on.

use anyhow::Context as _;
use tonic::{Response, Status};

use crate::{
    cli::import::{patiently, refused},
    client::Connection,
    kernel::hash::Hash,
    proto::v1::{self, WriteContext},
};

/// Calls one method of a client with a request, patiently.
macro_rules! call {
    ($client:expr, $method:ident, $request:expr, $what:expr) => {{
        let (client, request) = (&$client, $request);
        told($what, || {
            let (mut client, request) = (client.clone(), request.clone());
            async move { client.$method(request).await }
        })
        .await
    }};
}

/// A call that is made until it is answered; `what` says in errors what it was for.
pub(super) async fn told<T, F>(what: &str, call: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    match patiently(call).await {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) => Err(refused(what, status)),
    }
}

/// What comes with a write that says `what`, in the registry that `seed` stands for.
pub(super) fn write(seed: &str, what: &str, reason: &str) -> WriteContext {
    let hash = Hash::of(&[b"anju demo 1\n", seed.as_bytes(), b"\n", what.as_bytes()]);
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.0).for_each(|(byte, of_hash)| *byte = of_hash);
    // The eighth version: made as its maker likes.
    let id = uuid::Builder::from_bytes(bytes)
        .with_variant(uuid::Variant::RFC4122)
        .with_version(uuid::Version::Custom)
        .into_uuid();
    WriteContext {
        request_id: id.to_string(),
        reason: reason.to_owned(),
        ..WriteContext::default()
    }
}

/// The id of the region with a code.
pub(super) async fn region(connection: &Connection, code: &str) -> anyhow::Result<String> {
    let request = v1::ResolveCodeRequest {
        scheme: "gbt2260".to_owned(),
        code: code.to_owned(),
        ..v1::ResolveCodeRequest::default()
    };
    let what = format!("code {code} could not be looked up");
    let answer = call!(connection.regions(), resolve_code, request, &what)?;
    let found = answer.candidates.into_iter().find_map(|candidate| candidate.region);
    Ok(found.with_context(|| format!("there is no region {code}"))?.id)
}
