//! `anju create`: registers one subject, from flags or from a file in the
//! API's JSON.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};

use crate::{
    cli::{
        BadUsage, Outcome,
        message::{self, noun, put, put_text, put_typed},
        rest::Wrong,
        session::Session,
        set,
        typed::Typed,
        write::{self, WriteArgs},
    },
    kernel::{id::Kind, time::ImpreciseDay},
};

const EXAMPLES: &str = "\
Examples:
  anju create building --exists-from 1986 --set compound_id=cmp_01HF7YAT000000E0000000001A
  anju create unit --exists-from 1986 --set building_id=bld_01HF7YAT000000E0000000001A
  anju create region --exists-from 1954 --set level=province --set name=河南省
  anju create building --file building.json --dry-run
  anju create plan --exists-from 2026 --set year=2026 --set region_id=rgn_01HF7YAT000000E0000000001A
  anju create order --file order.json
  anju create policy --file policy.json
  anju create claim --file claim.json
  anju create work --exists-from 2026-05-20 --set building_id=bld_01HF7YAT000000E0000000001A --set part=WATERPROOFING --set done=roof --set cost_fen=8000000

A file holds the request as the API has it, without its context:
  {\"existsFrom\": \"1986\", \"fields\": {\"name\": \"12号楼\", \"compoundId\": \"cmp_…\"}}";

/// The largest file that is read: the server takes no larger request by default.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Flags of `anju create`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CreateArgs {
    /// What to register.
    #[arg(value_enum)]
    pub kind: Creatable,
    /// Since when it exists; may be rough, for example 1986 or 1980s. Not the completion date.
    #[arg(long, value_name = "DAY|ROUGHLY", required_unless_present = "file")]
    pub exists_from: Option<Typed<ImpreciseDay>>,
    /// A field and its value. May be repeated; lists by repeating the same field.
    #[arg(long, value_name = "FIELD=VALUE", required_unless_present = "file")]
    pub set: Vec<String>,
    /// Begin a partition of its own at this region: a city, a municipality, or a county-level unit
    /// directly under a province.
    #[arg(long)]
    pub opens_partition: bool,
    /// The whole of it as JSON instead; - for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["exists_from", "set", "opens_partition"])]
    pub file: Option<PathBuf>,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// A kind that can be registered by hand.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creatable {
    /// 行政区划
    Region,
    /// 小区
    Compound,
    /// 栋
    Building,
    /// 户
    Unit,
    /// 机构
    Body,
    /// 签字人
    Signer,
    /// 体检计划
    Plan,
    /// 体检任务
    Order,
    /// 保险单
    Policy,
    /// 理赔: the notice of a loss.
    Claim,
    /// 维修工程项: work that was done.
    Work,
}

impl Creatable {
    const fn kind(self) -> Kind {
        match self {
            Self::Region => Kind::Region,
            Self::Compound => Kind::Compound,
            Self::Building => Kind::Building,
            Self::Unit => Kind::Unit,
            Self::Body => Kind::Body,
            Self::Signer => Kind::Signer,
            Self::Plan => Kind::Plan,
            Self::Order => Kind::Order,
            Self::Policy => Kind::Policy,
            Self::Claim => Kind::Claim,
            Self::Work => Kind::Work,
        }
    }
}

/// Registers it.
pub async fn run(args: &CreateArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let kind = args.kind.kind();
    let name = format!("Create{}Request", noun(kind));
    let (mut request, wrong) = match &args.file {
        Some(path) => (from_file(&name, path)?, Wrong::default()),
        None => from_flags(&name, kind, args)?,
    };
    put_typed(&mut request, "context", &args.write.context())?;
    write::send(kind, &format!("Create{}", noun(kind)), request, wrong, &args.write, session).await
}

fn from_flags(
    name: &str,
    kind: Kind,
    args: &CreateArgs,
) -> anyhow::Result<(DynamicMessage, Wrong)> {
    let (said, violations) = set::read(kind, &args.set, &[]);
    let Some(said) = said else { return Err(BadUsage(violations).into()) };
    let mut wrong = Wrong::default();
    wrong.absorb_fields("fields", "", violations);
    let mut request = message::empty(name)?;
    let exists_from = args.exists_from.as_ref().context("--exists-from or --file is needed")?;
    let exists_from = exists_from.read("exists_from", &mut wrong).map(|day| day.to_string());
    put_text(&mut request, "exists_from", exists_from.as_deref())?;
    put(&mut request, "fields", Value::Message(said.fields))?;
    if args.opens_partition {
        if kind == Kind::Region {
            put(&mut request, "opens_partition", Value::Bool(true))?;
        } else {
            wrong.add("opens_partition", "NOT_HERE", "only a region opens a partition");
        }
    }
    Ok((request, wrong))
}

/// A request as it stands in a file, without what comes with every write: that is for the flags to
/// say, so that no file bears the request id of another time.
pub(crate) fn from_file(name: &str, path: &Path) -> anyhow::Result<DynamicMessage> {
    let text =
        read(path).with_context(|| format!("the request in {} cannot be read", path.display()))?;
    let of = message::empty(name)?.descriptor();
    let mut reader = serde_json::Deserializer::from_str(&text);
    let read = DynamicMessage::deserialize(of, &mut reader);
    let read = read.and_then(|request| reader.end().map(|()| request));
    let request = read.map_err(|error| {
        BadUsage::new(&format!("{} is no {name} in JSON: {error}", path.display()))
    })?;
    if request.has_field_by_name("context") {
        let sentence = "the file has a context; say by flags what comes with the write";
        return Err(BadUsage::new(sentence).into());
    }
    Ok(request)
}

/// A file of at most 4 MiB, or standard input for `-`.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let from: Box<dyn io::Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(fs::File::open(path)?)
    };
    let mut text = String::new();
    let count = from.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(count).is_ok_and(|count| count <= FILE_BYTES_MAX) {
        Ok(text)
    } else {
        Err(io::Error::other("it is larger than 4 MiB"))
    }
}
