//! The largest sizes of things. Every list, text, page, batch and retry has one here.

/// Characters of a name.
pub const NAME_CHARS_MAX: usize = 200;
/// Characters of an address.
pub const ADDRESS_CHARS_MAX: usize = 400;
/// Characters of a sentence of free text (a reason, a doubt).
pub const TEXT_CHARS_MAX: usize = 1_000;
/// Characters of an outside number or code.
pub const IDENTIFIER_CHARS_MAX: usize = 100;
/// Characters of an identifier's or code's scheme.
pub const SCHEME_CHARS_MAX: usize = 40;
/// Outside numbers of one subject in one scheme at one time.
pub const IDENTIFIERS_PER_SCHEME_MAX: usize = 16;
/// Schemes of one subject.
pub const SCHEMES_MAX: usize = 16;
/// Other names of a compound.
pub const ALIASES_MAX: usize = 16;
/// Square centimetres of the floor area of a building: a million square metres.
pub const FLOOR_AREA_CM2_MAX: i64 = 1_000_000 * 10_000;
/// Square centimetres of a unit: a hundred thousand square metres.
pub const UNIT_AREA_CM2_MAX: i64 = 100_000 * 10_000;
/// Centimetres of the height of a building: two kilometres.
pub const HEIGHT_CM_MAX: u32 = 200_000;
/// Points of a boundary, so that an entry stays below its size.
pub const BOUNDARY_POINTS_MAX: usize = 500;
/// Items of one batch command.
pub const BATCH_ITEMS_MAX: usize = 500;
/// Subjects of one entry.
pub const ENTRY_SUBJECTS_MAX: usize = 64;
/// Bytes of one entry.
pub const ENTRY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one state value; longer records are split over numbered keys.
pub const VALUE_BYTES_MAX: usize = 4 * 1024;
/// Rows of one page.
pub const PAGE_ROWS_MAX: u32 = 1_000;
/// Rows of one page when none are asked for.
pub const PAGE_ROWS_DEFAULT: u32 = 50;
/// Subjects folded for one page of a past list.
pub const FOLDS_PER_PAGE_MAX: usize = 2_000;
/// Rows that one view of the state serves.
pub const VIEW_ROWS_MAX: usize = 1_000;
/// Months of one series: forty years.
pub const SERIES_MONTHS_MAX: usize = 480;
/// Bytes of one request message.
pub const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Days for which the answer to a request id is remembered.
pub const REQUEST_DAYS: i32 = 7;
/// Entries by which a position may lie ahead of what is durable and still be waited for.
pub const ENTRIES_IN_FLIGHT_MAX: u64 = 100_000;

/// The largest amount of a field that people give in metres, in the unit that is kept. The smallest
/// is 1.
pub fn amount_max(field: &str) -> Option<i64> {
    match field {
        "floor_area_cm2" => Some(FLOOR_AREA_CM2_MAX),
        "area_cm2" => Some(UNIT_AREA_CM2_MAX),
        "height_cm" => Some(HEIGHT_CM_MAX.into()),
        _ => None,
    }
}
