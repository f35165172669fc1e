//! Import and export over the session's connection.

use anyhow::Error;

use crate::{
    cli::{
        Outcome,
        export::{self, ExportArgs},
        import::{self, Answer, Clients, ImportArgs, Stop},
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
    let stop = Stop::by_interrupts()?;
    let outcome =
        import::run_until(args.clone(), clients, answer, stop, session.out.writer()).await;
    match outcome.map_err(told)? {
        import::Outcome::Whole => Ok(Outcome::Fine),
        import::Outcome::Partly => Ok(Outcome::Partly),
        import::Outcome::Interrupted => Ok(Outcome::Interrupted),
    }
}

/// Exports rows.
pub(crate) async fn export(
    args: &ExportArgs,
    session: &mut Session<'_>,
) -> anyhow::Result<Outcome> {
    let clients = Clients::new(session.connection().service());
    let exported = export::run(args.clone(), clients, session.out.writer()).await;
    let exported = exported.map_err(told)?;
    // Without a file the rows themselves are the output.
    if let Some(path) = args.file() {
        let (file, rows) = (path.display(), exported.rows);
        let (left_out, ended) = (exported.left_out, exported.ended_left_out);
        if session.out.is_json() {
            let told = serde_json::json!({
                "file": path,
                "rows": rows,
                "left_out": left_out,
                "ended_left_out": ended,
                "read_at": exported.read_at,
            });
            session.out.value(&told)?;
        } else {
            let mut line = format!("{file}: exported 已导出: {rows} rows");
            if !exported.read_at.is_empty() {
                line = format!("{line}, read at 读取位置 {}", exported.read_at);
            }
            if left_out > 0 {
                let sentence = "entered in error and left out 误录，未导出";
                line = format!("{line}; {left_out} {sentence}");
            }
            if ended > 0 {
                let sentence = "ended and left out 已终止，未导出 (--with-ended writes them)";
                line = format!("{line}; {ended} {sentence}");
            }
            session.out.line(line)?;
        }
    }
    Ok(Outcome::Fine)
}

/// A refusal of the registry, told as every other subcommand tells it.
fn told(error: Error) -> Error {
    let failure =
        error.chain().find_map(|cause| cause.downcast_ref::<tonic::Status>()).map(describe);
    match failure {
        Some(failure) => {
            // The failure says reason and message itself.
            let reason = failure.reason.as_deref().map(|reason| format!("{reason}: "));
            let said = format!(": {}{}", reason.unwrap_or_default(), failure.message);
            let what = error.to_string();
            let what = what.strip_suffix(&said).unwrap_or(&what).to_owned();
            Error::new(failure).context(what)
        }
        None => error,
    }
}
