//! What a report holds before anybody stands for it. Which kind has to hold what is reference data; what
//! could not be looked at is said, with why, and then is not missed.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::domain::{
    grade::{Scale, Scope},
    report::{ReportContent, ReportKind},
};

/// What a report of a kind holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MustHold {
    /// A grade of the whole building, on any scale but that of colours.
    pub grade: bool,
    /// The dimensions that were looked at, by their codes.
    pub dimensions: BTreeSet<String>,
}

/// Something that a report does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A grade of the building.
    Grade(ReportKind),
    /// These dimensions.
    Dimensions(ReportKind, Vec<String>),
}

impl Missing {
    /// The stable reason.
    pub const REASON: &'static str = "REPORT_INCOMPLETE";

    /// The field that it is about.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Grade(_) => "fields.grades",
            Self::Dimensions(..) => "fields.dimensions",
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grade(kind) => write!(
                f,
                "a {} gives the building a grade before it is signed, or says why none could be given, \
                 as a doubt about grades",
                kind.word()
            ),
            Self::Dimensions(kind, codes) => {
                let (kind, first) = (kind.word(), codes.first().map_or("", String::as_str));
                write!(
                    f,
                    "a {kind} looks at {} too before it is signed, or says of each why it could not, \
                     as a doubt about dimensions.{first}",
                    codes.join(", ")
                )
            }
        }
    }
}

/// What a report does not hold of what it must. `unknown` are the fields of which it says why they are
/// not known: `grades`, `dimensions.FIR`.
pub fn missing(
    kind: ReportKind,
    holds: &MustHold,
    fields: &ReportContent,
    unknown: &BTreeSet<String>,
) -> Vec<Missing> {
    let mut missing = Vec::new();
    let grades = fields.grades.iter().flatten().flatten();
    let has_grade = grades.map(|grade| &grade.ladder).any(|ladder| {
        matches!(ladder.scope, Scope::Building | Scope::AppraisalUnit)
            && ladder.scale != Scale::Colour
    });
    if holds.grade && !has_grade && !unknown.contains("grades") {
        missing.push(Missing::Grade(kind));
    }
    let looked_at = fields.dimensions.iter().flatten().flatten().collect::<BTreeSet<_>>();
    let left_out = holds.dimensions.iter().filter(|code| {
        !looked_at.contains(*code) && !unknown.contains(&format!("dimensions.{code}"))
    });
    let left_out = left_out.cloned().collect::<Vec<_>>();
    if !left_out.is_empty() {
        missing.push(Missing::Dimensions(kind, left_out));
    }
    missing
}
