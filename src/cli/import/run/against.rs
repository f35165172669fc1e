//! What the registry has against rows, in the words of their file.

use csv::StringRecord;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    cli::import::Shape,
    exchange::row::Fault,
    proto::v1::{ItemRefusal, RowResult},
};

/// The registry's reason for what is not within the regions of the credential.
pub(super) const OUT_OF_REACH: &str = "OUT_OF_REACH";

/// What the registry has against a row, by the fields of the API.
pub(super) fn refusals(result: &RowResult) -> Vec<Fault> {
    let fault = |each: &ItemRefusal| Fault::new(&each.field, &each.reason, each.message.clone());
    result.refusals.iter().map(fault).collect()
}

/// What looks doubtful, by the column of the number's scheme or else by the one of all numbers.
pub(super) fn warnings(shape: &Shape, result: &RowResult) -> Vec<Fault> {
    let fault = |each: &crate::proto::v1::RowWarning| {
        let (all, scheme) = each.field.rsplit_once('.').unwrap_or(("", &each.field));
        let own = shape.header_of(&each.field);
        let is_own = own != each.field || shape.has(own);
        let column = if is_own { own.to_owned() } else { shape.header_of(all).to_owned() };
        let message =
            if is_own { each.message.clone() } else { format!("{scheme}: {}", each.message) };
        Fault::new(&column, &each.reason, message)
    };
    result.warnings.iter().map(fault).collect()
}

/// Conflicts in the words of the file: the cell as it stands, and the registry's value in its unit,
/// or by the key or code by which it is known.
pub(super) fn conflicts(
    shape: &Shape,
    cells: &StringRecord,
    source: &str,
    result: &RowResult,
) -> Vec<Fault> {
    let fault = |each: &crate::proto::v1::RowConflict| {
        let header = shape.header_of(&each.field);
        let said = shape.in_words(header, &each.row_value);
        // A place is in several cells, a number among others in one: they are told as they are.
        let cell = shape.cell(header, cells).filter(|_| !each.field.contains("location"));
        let said = cell.map_or(said, str::to_owned);
        let named = each.registry_reference.as_ref();
        let has = named.and_then(|named| shape.named_in_words(header, named, source));
        let has = has.unwrap_or_else(|| shape.in_words(header, &each.registry_value));
        let message =
            format!("the row says {said:?}, but somebody has said {has:?} since; it stays");
        Fault::new(header, "CONFLICT", message)
    };
    result.conflicts.iter().map(fault).collect()
}

/// Whether a refusal of the whole request is about some of its rows.
pub(super) fn names_rows(status: &Status) -> bool {
    let about = |field: &str| field.starts_with("rows[") || field.starts_with("rows.");
    status
        .get_details_bad_request()
        .is_some_and(|bad| bad.field_violations.iter().any(|each| about(&each.field)))
}

/// Whether nothing of the partition of a batch is within the regions of the credential.
pub(super) fn is_out_of_reach(status: &Status) -> bool {
    let reason = status.get_details_error_info().map(|info| info.reason);
    status.code() == Code::PermissionDenied && reason.as_deref() == Some(OUT_OF_REACH)
}

pub(super) fn violations(shape: &Shape, status: &Status) -> Vec<Fault> {
    let bad = status.get_details_bad_request();
    bad.iter()
        .flat_map(|bad| &bad.field_violations)
        .map(|each| {
            let field = each.field.rsplit('.').next().unwrap_or(&each.field);
            Fault::new(shape.header_of(field), &each.reason, each.description.clone())
        })
        .collect()
}
