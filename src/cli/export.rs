//! `anju export`: what a partition holds, as a file that can be imported again.
//!
//! A row has the source and key that it was imported with. One that no source ever said has its id
//! as its key, and a source of ours that the registry knows to mean ids. What a row refers to is
//! named by keys and codes too, so that the file can be imported into another registry. Importing a
//! file that was just exported changes nothing.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use flate2::{Compression, write::GzEncoder};
use tonic::Code;

use crate::{
    cli::{
        import::{Clients, Credential, patiently, refused},
        read::ReadArgs,
    },
    exchange::{
        column::FileKind,
        draft::Draft,
        write::{Mark, RowWriter},
    },
    proto::v1::{
        ExportKind, ExportRowsRequest, GetRegionRequest, GetStatusRequest, PartitionStatus,
    },
};

const EXAMPLES: &str = "\
Examples:
  anju export regions --partition 0 --out regions.csv
  anju export buildings --partition 1 --out buildings.csv.gz
  anju export units --partition 1 --bom --out units.csv
  anju export buildings --partition 1 --valid-at 2020-01-01 --out -";

/// The words of the kinds that are exported.
fn read_kind() -> impl TypedValueParser<Value = FileKind> {
    PossibleValuesParser::new(FileKind::EXPORTED.map(FileKind::word)).try_map(|word| {
        let found = FileKind::EXPORTED.into_iter().find(|kind| kind.word() == word);
        found.ok_or_else(|| format!("{word} is not exported"))
    })
}

/// Export what a partition holds, as a file that can be imported again.
///
/// Without --out, or with --out -, the file is written to standard output.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArgs {
    /// What the rows are about
    #[arg(value_parser = read_kind())]
    pub kind: FileKind,
    /// The partition; 0 holds provinces and cities
    #[arg(long)]
    pub partition: u32,
    /// The file, packed when its name ends in .gz; it is there only once it is whole
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Begin with a byte order mark, which Excel needs to read Chinese
    #[arg(long)]
    pub bom: bool,
    /// Write all that ever was: rows of what has ended or is to come too, and with each row what it was
    /// before and will be
    #[arg(long)]
    pub with_ended: bool,
    /// Which day and which knowledge to export.
    #[command(flatten)]
    pub read: ReadArgs,
}

impl ExportArgs {
    /// The file; `None` for standard output.
    pub fn file(&self) -> Option<&Path> {
        self.out.as_deref().filter(|path| *path != Path::new("-"))
    }
}

/// How many rows were written, and how many were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Rows written.
    pub rows: u64,
    /// Subjects entered in error, which never existed and are left out.
    pub left_out: u64,
    /// Subjects that have ended, and are left out unless they are asked for.
    pub ended_left_out: u64,
    /// The position at which all of it was read.
    pub read_at: String,
}

/// Exports to the file of the arguments, or to `out`.
pub async fn run<I: Credential>(
    args: ExportArgs,
    clients: Clients<I>,
    out: &mut dyn io::Write,
) -> anyhow::Result<Exported> {
    let mark = if args.bom { Mark::Written } else { Mark::LeftOut };
    let Some(path) = args.file() else {
        let (exported, out) = rows(&args, &clients, mark, BufWriter::new(out)).await?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        return Ok(exported);
    };
    let partial = beside(path);
    let exported = to_file(&args, &clients, mark, path, &partial).await;
    if exported.is_err() {
        // What is left of it is of no use; the error that is answered says more than this one.
        let _gone = fs::remove_file(&partial);
    }
    exported
}

async fn to_file<I: Credential>(
    args: &ExportArgs,
    clients: &Clients<I>,
    mark: Mark,
    path: &Path,
    partial: &Path,
) -> anyhow::Result<Exported> {
    let unwritable = || format!("{} cannot be written", path.display());
    let file = BufWriter::new(File::create(partial).with_context(unwritable)?);
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    let (exported, file) = if packed {
        let gzip = GzEncoder::new(file, Compression::default());
        let (exported, gzip) = rows(args, clients, mark, gzip).await?;
        (exported, gzip.finish()?)
    } else {
        rows(args, clients, mark, file).await?
    };
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(partial, path).with_context(unwritable)?;
    Ok(exported)
}

/// The name under which a file is written until it is whole.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.partial"))
}

async fn rows<I: Credential, W: io::Write>(
    args: &ExportArgs,
    clients: &Clients<I>,
    mark: Mark,
    output: W,
) -> anyhow::Result<(Exported, W)> {
    let partitions = partitions(clients).await?;
    let owners: BTreeSet<String> = partitions.iter().map(|each| each.region_id.clone()).collect();
    let own = partitions.into_iter().find(|each| each.partition == args.partition);
    let city_code = city_code(clients, args, own).await?;
    let kind = match args.kind {
        FileKind::Regions => ExportKind::Regions,
        FileKind::Compounds => ExportKind::Compounds,
        FileKind::Buildings => ExportKind::Buildings,
        FileKind::Units => ExportKind::Units,
        FileKind::Inspections | FileKind::Findings | FileKind::Policies => {
            bail!("{} are imported, and not exported", args.kind.word())
        }
    };
    let context = Some(args.read.context());
    let (partition, with_ended) = (args.partition, args.with_ended);
    let request = ExportRowsRequest { context, partition, kind: kind.into(), with_ended };
    let refused = |status| refused("the registry refused the export", status);
    let answer = patiently(|| {
        let (mut client, request) = (clients.import.clone(), request.clone());
        async move { client.export_rows(request).await }
    });
    let mut stream = answer.await.map_err(refused)?.into_inner();
    let mut writer = RowWriter::new(args.kind, mark, output)?;
    let mut exported = Exported::default();
    while let Some(answer) = stream.message().await.map_err(refused)? {
        exported.ended_left_out += u64::from(answer.ended_left_out);
        exported.read_at = answer.read_at;
        for row in answer.rows {
            let Some(mut draft) = Draft::of_export(row, with_ended) else {
                exported.left_out += 1;
                continue;
            };
            let opens = draft.id.as_ref().is_some_and(|id| owners.contains(id));
            draft.opens_partition = opens.then_some(true);
            draft.district_code.clone_from(&city_code);
            writer.write(draft)?;
            exported.rows += 1;
        }
    }
    Ok((exported, writer.finish()?))
}

/// The partitions with their regions; none for who may not look at the whole registry.
async fn partitions<I: Credential>(clients: &Clients<I>) -> anyhow::Result<Vec<PartitionStatus>> {
    let answer = patiently(|| {
        let mut client = clients.registry.clone();
        async move { client.get_status(GetStatusRequest {}).await }
    });
    match answer.await {
        Ok(answer) => Ok(answer.into_inner().partitions),
        // What they are asked for says something only where a row is new.
        Err(status) if status.code() == Code::PermissionDenied => Ok(Vec::new()),
        Err(status) => Err(refused("the partitions could not be listed", status)),
    }
}

/// The statistical code of the region whose partition it is, by which another registry finds its
/// own partition for the rows.
async fn city_code<I: Credential>(
    clients: &Clients<I>,
    args: &ExportArgs,
    own: Option<PartitionStatus>,
) -> anyhow::Result<Option<String>> {
    let Some(id) = own.map(|own| own.region_id).filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    let context = Some(args.read.without_number().context());
    let request = GetRegionRequest { context, id };
    let answer = patiently(|| {
        let (mut client, request) = (clients.region.clone(), request.clone());
        async move { client.get_region(request).await }
    });
    let region = match answer.await {
        Ok(answer) => answer.into_inner().region,
        Err(status) if matches!(status.code(), Code::PermissionDenied | Code::NotFound) => None,
        Err(status) => return Err(refused("the partition's region could not be read", status)),
    };
    let codes = region.and_then(|region| region.fields).unwrap_or_default().codes;
    Ok(codes.into_iter().find(|code| code.scheme == "stats12").map(|code| code.value))
}
