//! What a row says of other days, on the wire: what something was before, what it will be, and what
//! was taken out of it.

use std::collections::BTreeSet;

use prost_types::FieldMask;

use crate::{
    domain::content::Content,
    kernel::{id::Kind, time::Day, violation::Violations},
    proto::v1::{self, import_row::Row},
    registry::{Reference, RowLife, RowPart, RowPeriod},
    service::{
        common,
        import::{About, CLEARED_MAX, SUCCESSORS_MAX, about, reference, references},
        kind::{SHARE_MAX, fields, take_over},
    },
};

/// Days from which a row may say other values.
const PERIODS_MAX: usize = 200;

/// What a row says of other days, as it is asked.
#[derive(Clone)]
pub(crate) struct OtherDays {
    earlier: Vec<v1::ImportPeriod>,
    later: Vec<v1::ImportPeriod>,
    split_off: Vec<v1::ImportPart>,
}

impl OtherDays {
    /// Takes it out of a row.
    pub(crate) fn take(asked: &mut v1::ImportRow) -> Self {
        Self {
            earlier: std::mem::take(&mut asked.earlier),
            later: std::mem::take(&mut asked.later),
            split_off: std::mem::take(&mut asked.split_off),
        }
    }

    /// Puts it back.
    pub(crate) fn put_back(self, asked: &mut v1::ImportRow) {
        (asked.earlier, asked.later, asked.split_off) = (self.earlier, self.later, self.split_off);
    }

    /// Reads what is said of other days. What the row itself leaves out and was something earlier has
    /// been none since.
    pub(crate) fn read(
        self,
        violations: &mut Violations,
        base: &mut Content,
        references: &[(&'static str, Kind, Reference)],
    ) -> RowLife {
        let kind = base.kind();
        let mut life = RowLife::default();
        if matches!(kind, Kind::Report | Kind::Finding | Kind::Policy) {
            return life;
        }
        for (name, asked, read) in
            [("earlier", self.earlier, &mut life.earlier), ("later", self.later, &mut life.later)]
        {
            if asked.len() > PERIODS_MAX {
                violations.add(name, "TOO_MANY", format!("at most {PERIODS_MAX}"));
                continue;
            }
            for (index, asked) in asked.into_iter().enumerate() {
                read.extend(period(violations, &format!("{name}[{index}]"), kind, asked));
            }
        }
        if self.split_off.len() > SUCCESSORS_MAX {
            violations.add("split_off", "TOO_MANY", format!("at most {SUCCESSORS_MAX}"));
            return life;
        }
        for (index, asked) in self.split_off.into_iter().enumerate() {
            life.split_off.extend(part(violations, &format!("split_off[{index}]"), kind, asked));
        }
        none_since(base, references, &life.earlier);
        life
    }
}

/// Says of a row that what it leaves out is none, where it was something earlier.
fn none_since(
    base: &mut Content,
    references: &[(&'static str, Kind, Reference)],
    earlier: &[RowPeriod],
) {
    let said = base.texts();
    let is_said = |field: &str| {
        said.iter().any(|(name, _)| name == field)
            || references.iter().any(|(name, ..)| *name == field)
    };
    let mut paths = BTreeSet::new();
    for period in earlier {
        let texts = period.content.texts().into_iter();
        paths.extend(texts.filter_map(|(field, value)| value.map(|_| field)));
        paths.extend(period.references.iter().map(|(field, ..)| (*field).to_owned()));
    }
    paths.retain(|field| !is_said(field) && !field.starts_with("doubts."));
    let (schemes, paths): (Vec<_>, Vec<_>) =
        paths.into_iter().partition(|field| field.starts_with("identifiers."));
    for scheme in schemes.iter().filter_map(|field| field.strip_prefix("identifiers.")) {
        base.shared.identifiers.entry(scheme.to_owned()).or_default();
    }
    if !paths.is_empty() {
        // What a mask names and nothing says is none.
        let mask = Some(FieldMask { paths });
        let (none, _) = match base.kind() {
            Kind::Region => fields::<v1::Region>(None, mask),
            Kind::Compound => fields::<v1::Compound>(None, mask),
            Kind::Building => fields::<v1::Building>(None, mask),
            _ => fields::<v1::Unit>(None, mask),
        };
        base.lay(&none.content);
    }
}

/// Reads other values of fields of a kind of subject.
fn period(
    violations: &mut Violations,
    path: &str,
    kind: Kind,
    asked: v1::ImportPeriod,
) -> Option<RowPeriod> {
    use v1::import_period::Row as Period;
    let v1::ImportPeriod { day, row, cleared } = asked;
    let day = common::required::<Day>(violations, &format!("{path}.day"), &day);
    let row = match (row, kind) {
        (Some(Period::Region(row)), Kind::Region) if !row.opens_partition => Row::Region(row),
        (Some(Period::Compound(row)), Kind::Compound) => Row::Compound(row),
        (Some(Period::Building(row)), Kind::Building) => Row::Building(row),
        (Some(Period::Unit(row)), Kind::Unit) => Row::Unit(row),
        _ => {
            let message = format!("the fields of a {} are asked for", kind.word());
            violations.add(format!("{path}.row"), "REQUIRED", message);
            return None;
        }
    };
    if cleared.len() > CLEARED_MAX {
        violations.add(format!("{path}.cleared"), "TOO_MANY", format!("at most {CLEARED_MAX}"));
        return None;
    }
    let mut nested = Violations::default();
    let About { mut content, named, .. } = about(&mut nested, &mut Vec::new(), row, cleared)?;
    let references = references(&mut nested, &mut content, named);
    if nested.is_empty() && content.is_empty() && references.is_empty() {
        nested.add("row", "REQUIRED", "something was or will be otherwise");
    }
    take_over(violations, path, &nested);
    Some(RowPeriod { day: day?, content, references })
}

/// Reads what was taken out of a subject.
fn part(
    violations: &mut Violations,
    path: &str,
    kind: Kind,
    asked: v1::ImportPart,
) -> Option<RowPart> {
    let day = common::required::<Day>(violations, &format!("{path}.day"), &asked.day);
    let share = (asked.share_numerator, asked.share_denominator);
    if share.0.max(share.1) > SHARE_MAX {
        let message = format!("at most {SHARE_MAX}");
        violations.add(format!("{path}.share_numerator"), "OUT_OF_RANGE", message);
    }
    let named = asked.reference.unwrap_or_default();
    let part = reference(violations, &format!("{path}.reference"), kind, named);
    Some(RowPart { day: day?, part: part?, share })
}
