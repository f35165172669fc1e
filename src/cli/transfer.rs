//! Import and export over the session's connection.

use anyhow::Error;

use crate::{
    cli::{
        Outcome,
        export::{self, ExportArgs},
        import::{self, Answer, Clients, ImportArgs},
        session::Session,
    },
    client::describe,
};

/// Imports files.
pub(crate) async fn import(
    args: &ImportArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let clients = Clients::new(session.connection().service());
    let answer = if session.out.is_json() { Answer::Json } else { Answer::Table };
    let outcome = import::run(args.clone(), clients, answer, session.out.writer()).await;
    match outcome.map_err(told)? {
        import::Outcome::Whole => Ok(Outcome::Fine),
        import::Outcome::Partly => Ok(Outcome::Partly),
    }
}

/// Exports rows.
pub(crate) async fn export(
    args: &ExportArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let clients = Clients::new(session.connection().service());
    export::run(args.clone(), clients, session.out.writer()).await.map_err(told)?;
    Ok(Outcome::Fine)
}

/// A refusal of the registry, told as every other subcommand tells it.
fn told(error: Error) -> Error {
    let failure =
        error.chain().find_map(|cause| cause.downcast_ref::<tonic::Status>()).map(describe);
    match failure {
        Some(failure) => Error::new(failure).context(error.to_string()),
        None => error,
    }
}
