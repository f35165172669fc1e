//! What merged and split subjects hand on.
//!
//! What is not said of a new one is as in what it comes from. Not handed on are outside numbers and
//! codes, which are one subject's own, and outlines, which are of another extent. Floor areas are
//! added up and shared out in whole square centimetres, so that nothing is lost or made on the way.

use crate::{
    domain::content::{Content, Fields, Said},
    kernel::share::parts_of,
};

/// What several subjects hand on to the one that they become: the fields of the first, with the sums
/// of all.
pub fn of_merged(models: &[Content]) -> Option<Content> {
    let mut whole = handed_on(models.first()?);
    take_out_sums(&mut whole);
    whole.lay(&sums(models)?);
    for model in models {
        for field in ["floor_area_cm2", "area_cm2"] {
            if model.shared.doubts.get(field) == Some(&true) {
                whole.shared.doubts.insert(field.to_owned(), true);
            }
        }
    }
    Some(whole)
}

/// The sums of several subjects of a kind: of what is known of every one of them.
pub fn sums(models: &[Content]) -> Option<Content> {
    let mut whole = Content::empty(models.first()?.kind());
    match &mut whole.fields {
        Fields::Building(fields) => {
            fields.floor_area_cm2 = sum(models, area).map(Some);
            let lifts = |content: &Content| match &content.fields {
                Fields::Building(fields) => fields.lift_count.flatten().map(u64::from),
                _ => None,
            };
            fields.lift_count =
                sum(models, lifts).and_then(|lifts| u16::try_from(lifts).ok()).map(Some);
        }
        Fields::Unit(fields) => fields.area_cm2 = sum(models, area).map(Some),
        _ => {}
    }
    Some(whole)
}

/// What a subject hands on to the parts into which it is split, each with its share of the area.
///
/// `parts` are the shares; when they are all of it (`keeps` is not set), the areas sum to the whole:
/// square centimetres that do not divide go to the parts with the largest remainders, the first of
/// equals. Otherwise they stay with the one that lives on.
pub fn of_split(model: &Content, parts: &[(u64, u64)], keeps: bool) -> Vec<Content> {
    let mut handed_on = handed_on(model);
    take_out_sums(&mut handed_on);
    let areas = area(model).map(|whole| parts_of(whole, parts, keeps)).unwrap_or_default();
    let mut contents = vec![handed_on; parts.len()];
    for (content, area) in contents.iter_mut().zip(areas) {
        put_area(content, area);
    }
    contents
}

/// What is left of a subject that lives on beside parts that were taken out of it: `None` when that
/// is not known, or when the parts are said to have all of it or more.
pub fn left_of_split(model: &Content, parts: &[Content]) -> Option<Content> {
    let whole = area(model)?;
    let gone = sum(parts, area)?;
    let left = whole.checked_sub(gone).filter(|left| *left > 0 && *left < whole)?;
    let mut content = Content::empty(model.kind());
    put_area(&mut content, left);
    Some(content)
}

fn handed_on(model: &Content) -> Content {
    let mut content = model.clone();
    content.shared.identifiers.clear();
    if let Fields::Compound(fields) = &mut content.fields {
        fields.boundary = None;
    }
    let said = content.texts();
    content
        .shared
        .doubts
        .retain(|field, is_doubted| *is_doubted && said.iter().any(|(name, _)| name == field));
    content
}

/// Takes out what holds of the whole and not of each part.
fn take_out_sums(content: &mut Content) {
    match &mut content.fields {
        Fields::Building(fields) => {
            fields.floor_area_cm2 = None;
            fields.lift_count = None;
        }
        Fields::Unit(fields) => fields.area_cm2 = None,
        _ => {}
    }
}

fn area(content: &Content) -> Option<u64> {
    let said: Said<u64> = match &content.fields {
        Fields::Building(fields) => fields.floor_area_cm2,
        Fields::Unit(fields) => fields.area_cm2,
        _ => None,
    };
    said.flatten()
}

fn put_area(content: &mut Content, area: u64) {
    match &mut content.fields {
        Fields::Building(fields) => fields.floor_area_cm2 = Some(Some(area)),
        Fields::Unit(fields) => fields.area_cm2 = Some(Some(area)),
        _ => {}
    }
}

fn sum(models: &[Content], of: impl Fn(&Content) -> Option<u64>) -> Option<u64> {
    models.iter().try_fold(0_u64, |sum, model| sum.checked_add(of(model)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_divide_goes_to_the_largest_remainders() {
        assert_eq!(parts_of(100, &[(1, 3), (1, 3), (1, 3)], false), [34, 33, 33]);
        assert_eq!(parts_of(10, &[(1, 7), (2, 7), (4, 7)], false), [1, 3, 6]);
        assert_eq!(parts_of(1, &[(1, 2), (1, 2)], false), [1, 0]);
        assert_eq!(parts_of(100, &[(1, 3)], true), [33]);
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole_and_are_off_by_less_than_one(
            whole in 0..u64::MAX,
            parts in prop::collection::vec(1_u64..1_000, 1..20),
        ) {
            let of: u64 = parts.iter().sum();
            let shares = parts.iter().map(|part| (*part, of)).collect::<Vec<_>>();
            let areas = parts_of(whole, &shares, false);
            let sum: u128 = areas.iter().map(|area| u128::from(*area)).sum();
            prop_assert_eq!(sum, u128::from(whole));
            for (area, part) in areas.iter().zip(&parts) {
                let wanted = u128::from(whole) * u128::from(*part);
                let got = u128::from(*area) * u128::from(of);
                prop_assert!(wanted.abs_diff(got) < u128::from(of));
            }
        }
    }
}
