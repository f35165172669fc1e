//! What a subcommand works with: the connection, where to write, and how an answer is shown.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use anyhow::Context as _;
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use tonic::Code;

use crate::{
    cli::{BadUsage, NothingFound, message, table::Sheet},
    client::{Connection, Failure, Retry, WARNING_KEY, describe},
    kernel::id::SubjectId,
    proto::v1,
};

/// Where answers go, and in what form.
pub struct Output<'w> {
    writer: &'w mut dyn Write,
    json: bool,
    terminal: bool,
}

impl<'w> Output<'w> {
    /// Writes JSON or tables to `writer`; tables with lines when it is a terminal.
    pub fn new(writer: &'w mut dyn Write, json: bool, terminal: bool) -> Self {
        Self { writer, json, terminal }
    }

    /// Whether programs read it.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Where to write what is neither line, table nor JSON.
    pub fn writer(&mut self) -> &mut dyn Write {
        self.writer
    }

    /// Writes a line.
    pub fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.writer, "{}", text.as_ref())
    }

    /// Writes a table.
    pub fn sheet(&mut self, sheet: &Sheet) -> io::Result<()> {
        writeln!(self.writer, "{}", sheet.render(self.terminal))
    }

    /// Writes a message as canonical JSON over several lines.
    pub fn json(&mut self, message: &DynamicMessage) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *self.writer, message)?;
        writeln!(self.writer)
    }

    /// Writes a value of our own as JSON over several lines.
    pub fn value(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *self.writer, value)?;
        writeln!(self.writer)
    }

    /// Writes a message as canonical JSON on one line and hands it on at once: for streams.
    pub fn json_line(&mut self, message: &DynamicMessage) -> io::Result<()> {
        serde_json::to_writer(&mut *self.writer, message)?;
        writeln!(self.writer)?;
        self.writer.flush()
    }

    /// Hands on what was written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Partitions that are named when there is a choice.
const KNOWN_SHOWN_MAX: usize = 10;

/// Whether an error says that the caller may not do this.
fn is_denied(error: &anyhow::Error) -> bool {
    let failure = error.downcast_ref::<Failure>();
    failure.is_some_and(|failure| failure.code == Code::PermissionDenied)
}

/// An answer as it came, and by its type.
#[derive(Clone, Debug)]
pub struct Answer<A> {
    /// With every field, for JSON.
    pub message: DynamicMessage,
    /// For tables.
    pub typed: A,
}

/// One run of a subcommand against a server.
pub struct Session<'w> {
    connection: Connection,
    retry: Retry,
    /// Where answers go.
    pub out: Output<'w>,
}

impl<'w> Session<'w> {
    /// A run over `connection`.
    pub const fn new(connection: Connection, retry: Retry, out: Output<'w>) -> Self {
        Self { connection, retry, out }
    }

    /// The connection, for streams.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Calls a method and waits for its answer; repeats the same request when the server says when.
    pub async fn ask<Q: Message, A: Message + Default>(
        &self,
        service: &str,
        name: &str,
        request: &Q,
    ) -> anyhow::Result<Answer<A>> {
        let method = message::method(service, name)?;
        let mut asked = DynamicMessage::new(method.input());
        asked.transcode_from(request).context("the request is of another type")?;
        let message = self.ask_by_name(&method, &asked).await?;
        let typed = message.transcode_to().context("the answer is of another type")?;
        Ok(Answer { message, typed })
    }

    /// Calls a method with a message that is known by descriptor.
    pub async fn ask_by_name(
        &self,
        method: &MethodDescriptor,
        request: &DynamicMessage,
    ) -> anyhow::Result<DynamicMessage> {
        Ok(self.ask_with_warnings(method, request).await?.0)
    }

    /// The same, with what the answer warns of.
    pub async fn ask_with_warnings(
        &self,
        method: &MethodDescriptor,
        request: &DynamicMessage,
    ) -> anyhow::Result<(DynamicMessage, Vec<String>)> {
        let answer = self.retry.run(|| self.connection.call(method, request)).await;
        let answer = answer.map_err(|status| anyhow::Error::new(describe(&status)))?;
        let warnings = answer.metadata().get_all(WARNING_KEY).iter();
        let warnings = warnings.filter_map(|value| value.to_str().ok()).map(str::to_owned);
        let warnings = warnings.collect();
        Ok((answer.into_inner(), warnings))
    }

    /// The partition to look in: the one that was named, or the only one there is.
    pub async fn partition(&self, named: Option<u32>) -> anyhow::Result<u32> {
        if let Some(partition) = named {
            return Ok(partition);
        }
        let cities = self.cities().await?;
        if let [only] = cities.as_slice() {
            return Ok(only.partition);
        }
        let known: Vec<_> = cities
            .iter()
            .map(|city| format!("{} {}", city.partition, city.name).trim_end().to_owned())
            .collect();
        let more = known.len().saturating_sub(KNOWN_SHOWN_MAX);
        let shown = known.into_iter().take(KNOWN_SHOWN_MAX).collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let sentence = format!(
            "say which --partition, or where it has one --region; there are: {shown}{more}"
        );
        Err(BadUsage::new(&sentence).into())
    }

    /// The partitions of cities in which there may be something that the caller reaches.
    pub async fn partitions(&self) -> anyhow::Result<Vec<u32>> {
        Ok(self.cities().await?.into_iter().map(|city| city.partition).collect())
    }

    /// The cities of the registry; at least one. For those who may not look at the whole registry,
    /// the ones in which the regions of the credential lie, without their names.
    async fn cities(&self) -> anyhow::Result<Vec<v1::PartitionStatus>> {
        let status: anyhow::Result<Answer<v1::GetStatusResponse>> =
            self.ask("RegistryService", "GetStatus", &v1::GetStatusRequest {}).await;
        let status = match status {
            Err(error) if is_denied(&error) => return self.own_cities(error).await,
            status => status?,
        };
        let mut cities = status.typed.partitions;
        cities.retain(|partition| partition.partition != 0);
        if cities.is_empty() {
            let sentence =
                "no city is in the registry yet 尚无城市; anju import regions brings them";
            return Err(NothingFound(sentence.to_owned()).into());
        }
        if cities.len() > 1 {
            // Who may look at all of it may still have but a part of it to answer for.
            let own = self.own_partitions().await?;
            if !own.is_empty() && !own.contains(&0) {
                cities.retain(|city| own.contains(&city.partition));
            }
        }
        Ok(cities)
    }

    /// The partitions in which the regions of the credential lie; none when it is for everywhere.
    async fn own_partitions(&self) -> anyhow::Result<BTreeSet<u32>> {
        let me: Answer<v1::WhoAmIResponse> =
            self.ask("RegistryService", "WhoAmI", &v1::WhoAmIRequest {}).await?;
        let regions = me.typed.region_ids.iter().filter_map(|id| id.parse::<SubjectId>().ok());
        Ok(regions.map(|id| id.partition().number()).collect())
    }

    /// The partitions in which the regions of the credential lie: not everybody may look at the
    /// whole registry.
    async fn own_cities(&self, denied: anyhow::Error) -> anyhow::Result<Vec<v1::PartitionStatus>> {
        let partitions = self.own_partitions().await?;
        // Of a province it is not known which cities it has.
        if partitions.is_empty() || partitions.contains(&0) {
            return Err(denied.context("say which --partition, or where it has one --region"));
        }
        let city = |partition| v1::PartitionStatus { partition, ..v1::PartitionStatus::default() };
        Ok(partitions.into_iter().map(city).collect())
    }
}
