//! What cannot be, and what can hardly be.
//!
//! Two classes, after the UK's register of energy certificates: rules that nothing overrides (days
//! of observations to come), and rules that a caller overrides by name and with a reason, the
//! override being part of the fact. The bounds are Anju's own choice, wide enough for every
//! building that we know of; they are not from a law or a standard.

use crate::{
    domain::{
        building::BuildingContent,
        content::{Content, Fields},
        place::Point,
    },
    kernel::time::{Day, ImpreciseDay},
};

/// One square metre in square centimetres.
const M2: u64 = 10_000;

/// Something implausible.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Implausible {
    /// The stable reason, by which it is overridden.
    pub reason: &'static str,
    /// The field.
    pub field: &'static str,
    /// One sentence.
    pub message: String,
    /// Whether a caller may insist.
    pub is_overridable: bool,
}

/// The rules that a caller may break by their name. Those of signers and bodies only where it cannot
/// be said whether they are broken; what certainly is, is refused.
pub const OVERRIDABLE: [&str; 23] = [
    "AREA_PER_UNIT",
    "BODY_ABSENT",
    "BODY_INTEREST",
    "BODY_PERIOD",
    "BODY_SCOPE",
    "BODY_SUSPENDED",
    "DESIGN_LIFE",
    "FLOOR",
    "FLOOR_AREA",
    "LIFT_COUNT",
    "LOSS_TOLD_ALREADY",
    "OUTSIDE_CHINA",
    "OUTSIDE_ZONE",
    "SIGNER_ABSENT",
    "SIGNER_INTEREST",
    "SIGNER_NOT_EMPLOYED",
    "SIGNER_PERIOD",
    "SIGNER_SCOPE",
    "SIGNER_SUSPENDED",
    "STOREYS",
    "STOREY_HEIGHT",
    "UNITS_PER_BUILDING",
    "UNIT_AREA",
];

fn hardly(reason: &'static str, field: &'static str, message: String) -> Implausible {
    debug_assert!(OVERRIDABLE.contains(&reason), "{reason} could be named by nobody");
    Implausible { reason, field, message, is_overridable: true }
}

fn never(field: &'static str, day: ImpreciseDay) -> Implausible {
    Implausible {
        reason: "FUTURE_DATE",
        field,
        message: format!("{day} is still to come, and this can only be observed"),
        is_overridable: false,
    }
}

/// Fields that decide how things are to be, and so may be said of days to come.
const DISPOSED: &[&str] = &[
    "address",
    "aliases",
    "beneficiary",
    "building_id",
    "clause",
    "community_id",
    "compound_id",
    "covers",
    "deadline",
    "insured",
    "insurers",
    "management",
    "name",
    "object_ids",
    "parent_id",
    "payer",
    "payment_reference",
    "plan_id",
    "policy_number",
    "policy_standing",
    "policyholder",
    "premiums",
    "product",
    "protection",
    "visits_per_year",
];

/// The largest area that can be said: 1 000 km², so that sums of totals stay exact.
const AREA_CM2_MAX: u64 = 10_000_000_000_000;

fn too_large(field: &'static str, area: u64) -> Implausible {
    Implausible {
        reason: "AREA_LIMIT",
        field,
        message: format!(
            "{} m² is more than the {} m² that can be kept",
            area / M2,
            AREA_CM2_MAX / M2
        ),
        is_overridable: false,
    }
}

/// Whether a field may be said of a day to come.
pub fn is_disposed(field: &str) -> bool {
    DISPOSED.contains(&field) || field.starts_with("identifiers.") || field.starts_with("doubts.")
}

/// What is implausible in a content that is said on `today`.
pub fn check(content: &Content, today: Day) -> Vec<Implausible> {
    let mut found = Vec::new();
    match &content.fields {
        Fields::Building(building) => check_building(building, today, &mut found),
        Fields::Compound(compound) => {
            if let Some(built) = compound.built.flatten().filter(|day| day.earliest() > today) {
                found.push(never("built", built));
            }
            check_point(compound.location.flatten(), &mut found);
        }
        Fields::Unit(unit) => {
            if let Some(area) = unit.area_cm2.flatten()
                && !(3 * M2..=5_000 * M2).contains(&area)
            {
                let message = format!("{} m² is not the area of a unit", area / M2);
                found.push(hardly("UNIT_AREA", "area_cm2", message));
            }
            if let Some(area) = unit.area_cm2.flatten().filter(|area| *area > AREA_CM2_MAX) {
                found.push(too_large("area_cm2", area));
            }
            if let Some(floor) = unit.floor.flatten()
                && !(-10..=150).contains(&floor)
            {
                found.push(hardly("FLOOR", "floor", format!("floor {floor} is hardly there")));
            }
        }
        _ => {}
    }
    found
}

fn check_building(building: &BuildingContent, today: Day, found: &mut Vec<Implausible>) {
    if let Some(completed) = building.completed.flatten().filter(|day| day.earliest() > today) {
        found.push(never("completed", completed));
    }
    let above = building.storeys_above.flatten();
    if let Some(storeys) = above
        && !(1..=130).contains(&storeys)
    {
        let message = format!("{storeys} storeys above ground are hardly there");
        found.push(hardly("STOREYS", "storeys_above", message));
    }
    if let Some(storeys) = building.storeys_below.flatten().filter(|storeys| *storeys > 10) {
        let message = format!("{storeys} storeys below ground are hardly there");
        found.push(hardly("STOREYS", "storeys_below", message));
    }
    if let (Some(height), Some(storeys)) = (building.height_cm.flatten(), above)
        && storeys > 0
        && !(200..=1_000).contains(&(height / u32::from(storeys)))
    {
        let (metres, rest) = (height / 100, height % 100);
        let message = format!("{storeys} storeys do not make {metres}.{rest:02} m of height");
        found.push(hardly("STOREY_HEIGHT", "height_cm", message));
    }
    if let Some(area) = building.floor_area_cm2.flatten() {
        if area > AREA_CM2_MAX {
            found.push(too_large("floor_area_cm2", area));
        }
        let storeys = u64::from(above.unwrap_or(1).max(1))
            + u64::from(building.storeys_below.flatten().unwrap_or(0));
        let a_storey = area / storeys;
        if !(5 * M2..=100_000 * M2).contains(&a_storey) {
            let message = format!("{} m² a storey is hardly so", a_storey / M2);
            found.push(hardly("FLOOR_AREA", "floor_area_cm2", message));
        }
    }
    if let Some(years) = building.design_life_years.flatten()
        && !(5..=120).contains(&years)
    {
        let message = format!("a design life of {years} years is hardly so");
        found.push(hardly("DESIGN_LIFE", "design_life_years", message));
    }
    if let Some(lifts) = building.lift_count.flatten().filter(|lifts| *lifts > 100) {
        found.push(hardly("LIFT_COUNT", "lift_count", format!("{lifts} lifts are hardly there")));
    }
    check_point(building.location.flatten(), found);
}

fn check_point(point: Option<Point>, found: &mut Vec<Implausible>) {
    if let Some(doubt) = point.and_then(Point::doubt) {
        let message = "the point lies outside China, or outside its zone".to_owned();
        found.push(hardly(doubt.reason(), "location", message));
    }
}

/// The same of what a building comes to be with the units in it, by the fields of the building.
pub fn check_units_in(building: &Content, units: u32) -> Vec<Implausible> {
    if units == 0 {
        return Vec::new();
    }
    let field = |reason| match reason {
        "AREA_PER_UNIT" => "floor_area_cm2",
        _ => "storeys_above",
    };
    let found = check_unit_count(building, units).into_iter();
    found.map(|found| Implausible { field: field(found.reason), ..found }).collect()
}

/// Whether a building of these fields can hardly have so many units, by the fields of a unit.
pub fn check_unit_count(building: &Content, units: u32) -> Vec<Implausible> {
    let Fields::Building(building) = &building.fields else {
        return Vec::new();
    };
    let mut found = Vec::new();
    // A tower of New York is on record with 19 201 units, where there are about 800.
    let most = building
        .storeys_above
        .flatten()
        .map_or(3_000, |storeys| u32::from(storeys.max(1)).saturating_mul(60));
    if units > most {
        let message = format!("{units} units are hardly in a building that would have {most}");
        found.push(hardly("UNITS_PER_BUILDING", "building_id", message));
    }
    if let Some(area) = building.floor_area_cm2.flatten()
        && area / u64::from(units.max(1)) < 8 * M2
    {
        let message = format!("{units} units leave each less than 8 m² of {} m²", area / M2);
        found.push(hardly("AREA_PER_UNIT", "building_id", message));
    }
    found
}

/// What is implausible in the beginning of a life.
pub fn check_beginning(
    content: &Content,
    exists_from: ImpreciseDay,
    today: Day,
) -> Vec<Implausible> {
    // A region begins by decision; everything else is seen to be there.
    let is_decided = matches!(content.fields, Fields::Region(_));
    if exists_from.earliest() > today && !is_decided {
        return vec![never("exists_from", exists_from)];
    }
    Vec::new()
}

/// What is implausible in the end of a life.
pub fn check_end(content: &Content, ended_on: ImpreciseDay, today: Day) -> Vec<Implausible> {
    let is_decided = matches!(content.fields, Fields::Region(_) | Fields::Compound(_));
    if ended_on.earliest() > today && !is_decided {
        return vec![never("ended_on", ended_on)];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::Kind;

    fn building(fill: impl FnOnce(&mut BuildingContent)) -> Content {
        let mut content = Content::empty(Kind::Building);
        if let Fields::Building(fields) = &mut content.fields {
            fill(fields);
        }
        content
    }

    fn reasons(found: &[Implausible]) -> Vec<&'static str> {
        found.iter().map(|implausible| implausible.reason).collect()
    }

    #[test]
    fn a_tower_does_not_have_19_201_units() {
        let tower = building(|fields| fields.storeys_above = Some(Some(40)));
        assert_eq!(reasons(&check_unit_count(&tower, 800)), Vec::<&str>::new());
        assert_eq!(reasons(&check_unit_count(&tower, 19_201)), ["UNITS_PER_BUILDING"]);
        let small = building(|fields| fields.floor_area_cm2 = Some(Some(100 * M2)));
        assert_eq!(reasons(&check_unit_count(&small, 20)), ["AREA_PER_UNIT"]);
    }

    #[test]
    fn what_is_to_come_cannot_have_been_completed() {
        let today = Day::from_ymd(2026, 11, 23).unwrap();
        let said = |text: &str| {
            let day = text.parse().unwrap();
            check(&building(|fields| fields.completed = Some(Some(day))), today)
        };
        assert!(said("2026").is_empty(), "the year is not over, but it began");
        assert_eq!(reasons(&said("2027")), ["FUTURE_DATE"]);
        assert!(!said("2027").first().unwrap().is_overridable);
    }

    #[test]
    fn storeys_make_the_height() {
        let today = Day::from_ymd(2026, 11, 23).unwrap();
        let of = |storeys: u16, height: u32| {
            reasons(&check(
                &building(|fields| {
                    fields.storeys_above = Some(Some(storeys));
                    fields.height_cm = Some(Some(height));
                }),
                today,
            ))
            .len()
        };
        assert_eq!(of(6, 1_800), 0);
        assert_eq!(of(6, 180), 1);
        assert_eq!(of(6, 18_000), 1);
    }
}
