//! Long answers, page by page.

use anyhow::{Context as _, bail};
use clap::Args;
use prost::Message;
use prost_reflect::{DynamicMessage, Value};

use crate::{
    cli::{
        Outcome,
        message::{self, put},
        session::Session,
        table::Sheet,
    },
    kernel::limit::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX},
};

/// How much of a long answer.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Long answers")]
pub struct PageArgs {
    /// Rows of a page.
    #[arg(
        long,
        value_name = "ROWS",
        default_value_t = PAGE_ROWS_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_ROWS_MAX))
    )]
    pub page_size: u32,
    /// Go on where an earlier answer stopped.
    #[arg(long, value_name = "TOKEN")]
    pub page_token: Option<String>,
    /// All pages, one after another; with --json one line each.
    #[arg(long)]
    pub all: bool,
}

/// Asks for one page, or all, and shows each.
pub async fn show<Q: Message>(
    session: &mut Session<'_>,
    (service, name): (&str, &str),
    request: &Q,
    args: &PageArgs,
    sheet: impl Fn(&DynamicMessage) -> anyhow::Result<Sheet>,
) -> anyhow::Result<Outcome> {
    let method = message::method(service, name)?;
    let mut asked = DynamicMessage::new(method.input());
    asked.transcode_from(request).context("the request is of another type")?;
    put(&mut asked, "page_size", Value::I32(i32::try_from(args.page_size)?))?;
    let mut token = args.page_token.clone().unwrap_or_default();
    let mut is_any_shown = false;
    loop {
        put(&mut asked, "page_token", Value::String(token.clone()))?;
        let answer = session.ask_by_name(&method, &asked).await?;
        let next = message::text(&answer, "next_page_token");
        if session.out.is_json() {
            if args.all { session.out.json_line(&answer)? } else { session.out.json(&answer)? }
        } else {
            let sheet = sheet(&answer)?;
            // A page may be empty and yet be followed by another.
            if !sheet.is_empty() {
                session.out.sheet(&sheet)?;
                is_any_shown = true;
            } else if next.is_empty() && !is_any_shown {
                session.out.line("none 无")?;
            }
        }
        if next.is_empty() {
            return Ok(Outcome::Fine);
        }
        let is_shown = is_any_shown || session.out.is_json();
        if !args.all && is_shown {
            if !session.out.is_json() {
                session.out.line(format!("more 更多: --page-token {next}"))?;
            }
            return Ok(Outcome::Fine);
        }
        if next == token {
            bail!("the server answers the same page again and again");
        }
        token = next;
    }
}
