//! Reading what is to be registered: of one subject, and where it belongs.

use crate::{
    domain::{
        content::{Content, Fields},
        region::Level,
    },
    kernel::{
        id::{IdSeed, Kind, SubjectId},
        position::Partition,
        time::ImpreciseDay,
        violation::Violations,
    },
    registry::{Command, Register},
    service::{
        Plan, common,
        kind::{Resource, fields_at, named_at, take_over},
        misread::{self, LeftOut, Misread},
        named,
    },
};

/// What a create brings.
pub(crate) struct Creation<F> {
    pub fields: Option<F>,
    pub exists_from: String,
    pub opens_partition: bool,
}

/// A create, read: what to register, and where it belongs.
#[derive(Clone)]
pub(crate) struct Planned {
    pub register: Register,
    /// `None` for a province, which belongs to nothing, and where it is not known.
    pub partition: Option<Partition>,
    /// Whether it is known where it belongs. Without that it is only judged.
    pub is_placed: bool,
    pub named: Vec<(String, SubjectId)>,
    pub warnings: Vec<common::CodeWarning>,
}

/// Reads a create.
pub(crate) fn creation<R: Resource>(
    asked: Creation<R::Fields>,
    seed: IdSeed,
) -> Result<Planned, Misread<Planned>> {
    let mut violations = Violations::default();
    let exists_from =
        common::required::<ImpreciseDay>(&mut violations, "exists_from", &asked.exists_from)
            .or_else(misread::stand_in);
    let (said, _) = fields_at::<R>(&mut violations, "fields", asked.fields, None);
    let left_out = LeftOut::new(&violations, &[]);
    let mut homeless = Violations::default();
    let home = home(&mut homeless, &said.content);
    // Where it belongs is missed only where nothing was said of it.
    if !left_out.has_any(&misread::PLACES) {
        take_over(&mut violations, "", &homeless);
    }
    let Some(exists_from) = exists_from else { return Err(violations.into()) };
    let mut content = said.content;
    if home.is_none() && content.kind() == Kind::Region {
        // Codes are free or taken in a partition, and it is not known in which.
        content.shared.identifiers.clear();
    }
    let planned = Planned {
        partition: home.flatten().map(SubjectId::partition),
        is_placed: home.is_some(),
        named: named_at("fields", &content),
        warnings: said.warnings,
        register: Register {
            seed,
            content,
            exists_from,
            opens_partition: asked.opens_partition,
            sentences: said.sentences,
        },
    };
    Misread::check(violations, planned)
}

/// Where a new subject belongs: `Some(None)` for what belongs to nothing.
#[expect(clippy::option_option, reason = "the outer one says whether it could be read")]
fn home(violations: &mut Violations, content: &Content) -> Option<Option<SubjectId>> {
    let level = match &content.fields {
        Fields::Region(region) => Some(region.level),
        _ => None,
    };
    if level == Some(None) {
        violations.add("fields.level", "REQUIRED", "level is required");
    }
    // A building's own community is in the same partition as its compound.
    let is_home = |field: &str| match content.kind() {
        Kind::Claim | Kind::Work => field == "building_id",
        _ => field != "physical_id",
    };
    if let Some((_, home)) = named(content).into_iter().find(|(field, _)| is_home(field)) {
        return Some(Some(home));
    }
    let field = match content.kind() {
        Kind::Region if level == Some(Some(Level::Province)) => {
            return Some(None);
        }
        Kind::Region => "fields.parent_id",
        Kind::Compound => "fields.community_id",
        Kind::Body | Kind::Signer | Kind::Plan | Kind::Reference | Kind::Policy => {
            "fields.region_id"
        }
        Kind::Unit | Kind::Order | Kind::Report | Kind::Finding | Kind::Claim | Kind::Work => {
            "fields.building_id"
        }
        Kind::Building | Kind::Case => "fields.compound_id",
    };
    let message = if content.kind() == Kind::Building {
        "a building is in a compound or in a community: name one"
    } else {
        "what it belongs to is required"
    };
    violations.add(field, "REQUIRED", message);
    None
}

/// Reads a create as a plan.
pub(super) fn create_plan<R: Resource>(
    asked: Creation<R::Fields>,
    seed: IdSeed,
) -> Result<Plan, Misread<Plan>> {
    creation::<R>(asked, seed).map(plan_of).map_err(|misread| misread.map(plan_of))
}

pub(crate) fn plan_of(planned: Planned) -> Plan {
    Plan {
        command: Command::Register(planned.register),
        partition: planned.partition.unwrap_or(Partition::ROOT),
        named: planned.named,
        needs_everything: planned.partition.is_none() && planned.is_placed,
        needs_reason: false,
        warnings: planned.warnings,
    }
}
