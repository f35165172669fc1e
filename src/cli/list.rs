//! `anju list`: what lies in a region, a compound or a building.

use clap::{Args, Subcommand};

use crate::{
    cli::{
        Outcome, case, message,
        page::{self, PageArgs},
        read::ReadArgs,
        record,
        region::{self, RegionName},
        session::Session,
        set,
    },
    kernel::id::{BuildingId, CompoundId},
    proto::v1,
};

const EXAMPLES: &str = "\
Examples:
  anju list regions
  anju list regions --parent gbt2260:410100
  anju list compounds --region gbt2260:410102 --valid-at 2020-12-31
  anju list compounds --box 'cgcs2000:113.60,34.74;113.64,34.78'
  anju list buildings --compound cmp_01HF7YAT000000E0000000001A
  anju list buildings --region rgn_01HF7YAT000000E0000000001A --all --json
  anju list buildings --box 'cgcs2000:113.60,34.74;113.64,34.78'
  anju list units --building bld_01HF7YAT000000E0000000001A
  anju list cases --partition 1";

/// Flags of `anju list`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// What to list.
    #[command(subcommand)]
    pub of: ListOf,
}

/// What can be listed.
#[derive(Subcommand, Clone, Debug)]
pub enum ListOf {
    /// The children of a region; without --parent the provinces.
    Regions {
        /// Their parent.
        #[arg(long, value_name = "RGN")]
        parent: Option<RegionName>,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// The compounds (小区) of a region or a box of a map.
    Compounds {
        /// The region, of any level below the province.
        #[arg(
            long,
            value_name = "RGN",
            required_unless_present = "bounding_box",
            conflicts_with = "bounding_box"
        )]
        region: Option<RegionName>,
        /// A box of a map, its south-west and north-east corner: `crs:west,south;east,north`.
        #[arg(long = "box", value_name = "BOX", value_parser = set::bounding_box)]
        bounding_box: Option<v1::BoundingBox>,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// The buildings (栋) of a region, a compound or a box of a map.
    Buildings {
        /// The region.
        #[arg(
            long,
            value_name = "RGN",
            required_unless_present_any = ["compound", "bounding_box"],
            conflicts_with_all = ["compound", "bounding_box"]
        )]
        region: Option<RegionName>,
        /// The compound.
        #[arg(long, value_name = "CMP")]
        compound: Option<CompoundId>,
        /// A box of a map, its south-west and north-east corner: `crs:west,south;east,north`.
        #[arg(
            long = "box",
            value_name = "BOX",
            value_parser = set::bounding_box,
            conflicts_with = "compound"
        )]
        bounding_box: Option<v1::BoundingBox>,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// The units (户) of a building.
    Units {
        /// The building.
        #[arg(long, value_name = "BLD")]
        building: BuildingId,
        /// Which days and which knowledge.
        #[command(flatten)]
        read: ReadArgs,
        /// How much.
        #[command(flatten)]
        page: PageArgs,
    },
    /// The open cases of a partition; the same as `anju case list`.
    Cases(case::CaseListArgs),
}

/// Lists.
pub async fn run(args: &ListArgs, session: &mut Session<'_>) -> anyhow::Result<Outcome> {
    match &args.of {
        ListOf::Regions { parent, read, page } => {
            let parent_id = id_of(parent.as_ref(), read, session).await?;
            let request = v1::ListRegionsRequest {
                context: Some(read.context()),
                parent_id,
                ..v1::ListRegionsRequest::default()
            };
            let call = ("RegionService", "ListRegions");
            page::show(session, call, &request, page, |answer| rows(answer, "regions")).await
        }
        ListOf::Compounds { region, bounding_box, read, page } => {
            let region_id = id_of(region.as_ref(), read, session).await?;
            let request = v1::ListCompoundsRequest {
                context: Some(read.context()),
                region_id,
                r#box: bounding_box.clone(),
                ..v1::ListCompoundsRequest::default()
            };
            let call = ("CompoundService", "ListCompounds");
            page::show(session, call, &request, page, |answer| rows(answer, "compounds")).await
        }
        ListOf::Buildings { region, compound, bounding_box, read, page } => {
            let region_id = id_of(region.as_ref(), read, session).await?;
            let request = v1::ListBuildingsRequest {
                context: Some(read.context()),
                region_id,
                compound_id: compound.map(|id| id.to_string()).unwrap_or_default(),
                r#box: bounding_box.clone(),
                ..v1::ListBuildingsRequest::default()
            };
            let call = ("BuildingService", "ListBuildings");
            page::show(session, call, &request, page, |answer| rows(answer, "buildings")).await
        }
        ListOf::Units { building, read, page } => {
            let request = v1::ListUnitsRequest {
                context: Some(read.context()),
                building_id: building.to_string(),
                ..v1::ListUnitsRequest::default()
            };
            let call = ("UnitService", "ListUnits");
            page::show(session, call, &request, page, |answer| rows(answer, "units")).await
        }
        ListOf::Cases(args) => case::list(args, session).await,
    }
}

/// The id of a region that may be named by its code; empty for none.
async fn id_of(
    name: Option<&RegionName>,
    read: &ReadArgs,
    session: &Session<'_>,
) -> anyhow::Result<String> {
    match name {
        Some(name) => region::resolve(name, read, None, session).await,
        None => Ok(String::new()),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the form that page::show asks for")]
fn rows(
    answer: &prost_reflect::DynamicMessage,
    field: &str,
) -> anyhow::Result<crate::cli::table::Sheet> {
    Ok(record::rows(&message::list(answer, field)))
}
