//! `anju merge`, `split` and `transfer`: several become one, one becomes several, and a region comes
//! under another parent.
//!
//! What these end lives on in the statistics of its days, and says by what it was succeeded. Each is
//! taken back by `anju retract --entry`.

use std::{path::PathBuf, str::FromStr};

use anyhow::Context as _;
use clap::Args;
use prost_reflect::{DynamicMessage, Value};

use crate::{
    cli::{
        BadUsage, Outcome, create,
        message::{self, noun, put, put_text, put_typed},
        read::ReadArgs,
        region::{self, RegionName},
        rest::Wrong,
        session::Session,
        set,
        typed::Typed,
        write::{self, TargetArgs, WriteArgs},
    },
    kernel::{
        id::{Kind, SubjectId},
        time::Day,
    },
};

const MERGE_EXAMPLES: &str = "\
Examples:
  anju merge bld_01HF7YAT000000E0000000001A --into bld_01HF7YAT000000E0000000002B --on 2024-07-01

Without --into a new one begins: name at least two, and say what it is by --set name=大楼.";

const SPLIT_EXAMPLES: &str = "\
Examples:
  anju split bld_01HF7YAT000000E0000000001A --on 2024-07-01 --part '1/2;name=东楼' --part 1/2
  anju split cmp_01HF7YAT000000E0000000001A --on 2024-07-01 --part '1/3;name=东院' --keeps
  anju split bld_01HF7YAT000000E0000000001A --file split.json --dry-run

What lives in it goes to its first part by --child unt_…=1. A file holds the request as the API has
it, without its context; there parts are counted from 0:
  {\"day\": \"2024-07-01\", \"keeps\": true,
   \"parts\": [{\"shareNumerator\": \"1\", \"shareDenominator\": \"2\", \"fields\": {\"name\": \"东楼\"}}],
   \"assignments\": [{\"childId\": \"unt_…\", \"part\": 0}]}";

const TRANSFER_EXAMPLES: &str = "\
Examples:
  anju transfer rgn_01HF7YAT000000E0000000001A --to rgn_01HF7YAT000000E0000000002B --from 2024-07-01";

/// Flags of `anju merge`.
#[derive(Args, Clone, Debug)]
#[command(after_help = MERGE_EXAMPLES)]
pub struct MergeArgs {
    /// The ids of what is merged, all of one kind: at least two, or one with --into.
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<SubjectId>,
    /// The first day of the merged one.
    #[arg(long, value_name = "DAY")]
    pub on: Typed<Day>,
    /// One that is there already and takes them in.
    #[arg(long, value_name = "ID", conflicts_with = "set")]
    pub into: Option<SubjectId>,
    /// A field of the new one and its value; what is not said is as in the first of the ids. May be
    /// repeated.
    #[arg(long, value_name = "FIELD=VALUE", required_unless_present = "into")]
    pub set: Vec<String>,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Flags of `anju split`.
#[derive(Args, Clone, Debug)]
#[command(after_help = SPLIT_EXAMPLES)]
pub struct SplitArgs {
    /// Which one.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The first day of the parts.
    #[arg(long, value_name = "DAY", required_unless_present = "file")]
    pub on: Option<Typed<Day>>,
    /// A part: its share of the area, and its fields; what is not said is as in the one that is
    /// split. At least two, or one with --keeps.
    #[arg(long, value_name = "SHARE;FIELD=VALUE;…", required_unless_present = "file")]
    pub part: Vec<Typed<Part>>,
    /// Where something that lives in it goes: to the first part, which is 1, or to another. Every
    /// living one must be named, unless with --keeps. May be repeated.
    #[arg(long, value_name = "ID=PART")]
    pub child: Vec<Typed<Child>>,
    /// It lives on beside the parts that are taken out of it.
    #[arg(long)]
    pub keeps: bool,
    /// The whole of it as JSON instead; - for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["on", "part", "child", "keeps"])]
    pub file: Option<PathBuf>,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// Flags of `anju transfer`.
#[derive(Args, Clone, Debug)]
#[command(after_help = TRANSFER_EXAMPLES)]
pub struct TransferArgs {
    /// The region that comes under another parent, with all that is in it; also by a code.
    pub id: RegionName,
    /// The new parent: of the level of the old one, and of the same partition.
    #[arg(long, value_name = "RGN")]
    pub to: RegionName,
    /// The first day under it.
    #[arg(long, value_name = "DAY")]
    pub from: Typed<Day>,
    /// Only if this is still its etag, as an earlier answer gave it.
    #[arg(long, value_name = "ETAG")]
    pub etag: Option<String>,
    /// What comes with every write.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// A part as it is written: `1/2;name=东楼;floor_area_m2=500`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    numerator: u64,
    denominator: u64,
    set: Vec<String>,
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut pieces = text.split(';').map(str::trim);
        let share = pieces.next().unwrap_or_default();
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
        let (numerator, denominator) = share
            .split_once('/')
            .and_then(|(one, other)| Some((number(one)?, number(other)?)))
            .ok_or_else(|| format!("{share:?} is no share of the area; one looks like 1/2"))?;
        let set: Vec<_> = pieces.filter(|piece| !piece.is_empty()).map(str::to_owned).collect();
        match set.iter().find(|piece| !piece.contains('=')) {
            Some(piece) => Err(format!(
                "{piece:?} is not field=value; what has a semicolon in it is said with --file"
            )),
            None => Ok(Self { numerator, denominator, set }),
        }
    }
}

/// Where something goes, as it is written: `unt_…=1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    id: SubjectId,
    /// Counted from 0.
    part: u32,
}

impl FromStr for Child {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, part) = text.split_once('=').ok_or("an id, = and a part: unt_…=1")?;
        let id = id.trim().parse().map_err(|error| format!("{error}"))?;
        let part = part.trim().parse::<u32>().ok().and_then(|part| part.checked_sub(1));
        Ok(Self { id, part: part.ok_or("the first part is 1")? })
    }
}

/// Several become one.
pub async fn merge(args: &MergeArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let kind = args.ids.first().context("an id is needed")?.kind();
    check_kind(kind)?;
    let verb = format!("Merge{}s", noun(kind));
    let mut wrong = Wrong::default();
    let mut request = message::empty(&format!("{verb}Request"))?;
    put_typed(&mut request, "context", &args.write.context())?;
    let ids = (0..).zip(&args.ids);
    let ids = ids.map(|(index, id)| of_kind(kind, *id, &format!("ids[{index}]"), &mut wrong));
    let ids = ids.map(Value::String).collect();
    put(&mut request, "ids", Value::List(ids))?;
    let day = args.on.text("day", &mut wrong);
    put_text(&mut request, "day", Some(&day))?;
    if let Some(into) = args.into {
        let into = of_kind(kind, into, "into_id", &mut wrong);
        put(&mut request, "into_id", Value::String(into))?;
    } else {
        let (said, violations) = set::read(kind, &args.set, &[]);
        let Some(said) = said else { return Err(BadUsage(violations).into()) };
        wrong.absorb_fields("into", "", violations);
        put(&mut request, "into", Value::Message(said.fields))?;
    }
    write::send(kind, &verb, request, wrong, &args.write, session).await
}

/// One becomes several.
pub async fn split(args: &SplitArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let target = args.target.find(session).await?;
    let kind = target.id.kind();
    check_kind(kind)?;
    let verb = format!("Split{}", noun(kind));
    let name = format!("{verb}Request");
    let (mut request, wrong) = match &args.file {
        Some(path) => (create::from_file(&name, path)?, Wrong::default()),
        None => split_from_flags(&name, kind, args)?,
    };
    let id = target.id.to_string();
    let of_file = message::text(&request, "id");
    if !of_file.is_empty() && of_file != id {
        return Err(BadUsage::new(&format!("the file is about {of_file}, not about {id}")).into());
    }
    put_typed(&mut request, "context", &args.write.context())?;
    put(&mut request, "id", Value::String(id))?;
    put_text(&mut request, "etag", target.etag.as_deref())?;
    write::send(kind, &verb, request, wrong, &args.write, session).await
}

fn split_from_flags(
    name: &str,
    kind: Kind,
    args: &SplitArgs,
) -> anyhow::Result<(DynamicMessage, Wrong)> {
    let mut request = message::empty(name)?;
    let mut wrong = Wrong::default();
    let day = args.on.as_ref().context("--on or --file is needed")?;
    let day = day.read("day", &mut wrong).map(|day| day.to_string());
    put_text(&mut request, "day", day.as_deref())?;
    let mut parts = Vec::new();
    for (index, part) in args.part.iter().enumerate() {
        let mut message = message::empty(&format!("Split{}Part", noun(kind)))?;
        let Some(part) = part.read(&format!("parts[{index}]"), &mut wrong) else {
            parts.push(Value::Message(message));
            continue;
        };
        let (said, violations) = set::read(kind, &part.set, &[]);
        let Some(said) = said else { return Err(BadUsage(violations).into()) };
        let path = format!("parts[{index}].fields");
        wrong.absorb_fields(&path, &format!("part {}", index + 1), violations);
        put(&mut message, "share_numerator", Value::U64(part.numerator))?;
        put(&mut message, "share_denominator", Value::U64(part.denominator))?;
        put(&mut message, "fields", Value::Message(said.fields))?;
        parts.push(Value::Message(message));
    }
    put(&mut request, "parts", Value::List(parts))?;
    let mut assignments = Vec::new();
    for (index, child) in args.child.iter().enumerate() {
        let mut message = message::empty("ChildAssignment")?;
        if let Some(child) = child.read(&format!("assignments[{index}]"), &mut wrong) {
            put(&mut message, "child_id", Value::String(child.id.to_string()))?;
            put(&mut message, "part", Value::U32(child.part))?;
        }
        assignments.push(Value::Message(message));
    }
    put(&mut request, "assignments", Value::List(assignments))?;
    put(&mut request, "keeps", Value::Bool(args.keeps))?;
    Ok((request, wrong))
}

/// A region comes under another parent.
pub async fn transfer(args: &TransferArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    let mut request = message::empty("TransferRegionRequest")?;
    let mut wrong = Wrong::default();
    put_typed(&mut request, "context", &args.write.context())?;
    let read = ReadArgs::default();
    let region = region::resolve(&args.id, &read, None, session).await?;
    let parent = region::resolve(&args.to, &read, None, session).await?;
    put(&mut request, "region_id", Value::String(region))?;
    put_text(&mut request, "etag", args.etag.as_deref())?;
    put(&mut request, "parent_id", Value::String(parent))?;
    put(&mut request, "from", Value::String(args.from.text("from", &mut wrong)))?;
    write::send(Kind::Region, "TransferRegion", request, wrong, &args.write, session).await
}

/// The id of what has to be of a kind. One of another is noted, and stays: the registry judges the
/// rest.
fn of_kind(kind: Kind, id: SubjectId, field: &str, wrong: &mut Wrong) -> String {
    if id.kind() != kind {
        let (of, expected) = (id.kind().word(), kind.word());
        let message = format!(
            "only what is of one kind is merged: {id} is the id of a {of}, not of a {expected}"
        );
        wrong.add(field, "WRONG_KIND", message);
    }
    id.to_string()
}

fn check_kind(kind: Kind) -> Result<(), BadUsage> {
    if kind == Kind::Case {
        return Err(BadUsage::new("a case is worked on with anju case"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_share_and_fields() {
        let part = |text: &str| text.parse::<Part>();
        let expected = Part {
            numerator: 1,
            denominator: 3,
            set: vec!["name=东楼".to_owned(), "floor_area_m2=500".to_owned()],
        };
        assert_eq!(part("1/3; name=东楼;floor_area_m2=500;"), Ok(expected));
        assert_eq!(part("2/2").map(|part| part.set.len()), Ok(0));
        for wrong in ["", "name=x", "1", "0/2", "1/0", "1/2/3", "-1/2", "1/2;boundary"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parts_are_counted_from_one() {
        let child = |text: &str| text.parse::<Child>().map(|child| child.part);
        let id = "unt_01HF7YAT000000E0000000001A";
        assert_eq!(child(&format!("{id}=1")), Ok(0));
        assert_eq!(child(&format!("{id}=12")), Ok(11));
        for wrong in [id.to_owned(), format!("{id}=0"), format!("{id}=x"), "unt_1=1".to_owned()] {
            assert!(child(&wrong).is_err(), "{wrong}");
        }
    }
}
