//! Places on the map: points, boxes, boundaries, and the cells by which they are found.
//!
//! Every coordinate says its reference system; one that does not is refused, and nothing is ever
//! converted. The systems of web maps (GCJ-02, BD-09) lie 100 to 700 m off and look the same as
//! the others, so what is compared must be in one system.
//!
//! Coordinates are whole numbers of a small unit, read from decimal text without floats: 10⁻⁷
//! degree (about 1 cm) in geographic systems, a millimetre in projected ones. `x` is always
//! eastward (longitude or easting) and `y` northward, whichever order a system's definition or a
//! surveyor's habit has: EPSG:4490 names latitude first, and surveyors call the northing x.

use std::{fmt, ops::Range, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::kernel::limit;

/// Units of a geographic coordinate in a degree.
const DEGREE: i64 = 10_000_000;
/// Units of a projected coordinate in a kilometre.
const KILOMETRE: i64 = 1_000_000;
/// Characters of a coordinate as text.
const COORDINATE_CHARS_MAX: usize = 40;

/// Why a place is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// No reference system is named.
    #[error("a coordinate needs its reference system, for example EPSG:4490 or GCJ-02")]
    CrsMissing,
    /// A reference system that is not known here.
    #[error(
        "the reference system is none of EPSG:4490, EPSG:4326, GCJ-02, BD-09, EPSG:4513 to EPSG:4554"
    )]
    CrsUnknown,
    /// Two reference systems where there may be one.
    #[error("coordinates of different reference systems cannot be compared")]
    CrsDiffer,
    /// A coordinate that is no plain decimal number.
    #[error("a coordinate is a decimal number, for example 116.3912757")]
    NotDecimal,
    /// A coordinate that lies nowhere on earth.
    #[error("there is no such place in this reference system")]
    NowhereOnEarth,
    /// A box with a corner on the wrong side.
    #[error("the first corner of a box is in the south-west, the second in the north-east")]
    CornersSwapped,
    /// A boundary with fewer than three points, or more than it may have.
    #[error(
        "a boundary has 3 to {} points, no two of them neighbours in the same place",
        limit::BOUNDARY_POINTS_MAX
    )]
    BoundaryPoints,
}

impl PlaceError {
    /// The stable reason.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::CrsMissing => "CRS_MISSING",
            Self::CrsUnknown => "CRS_UNKNOWN",
            Self::CrsDiffer => "CRS_DIFFER",
            Self::NotDecimal => "NOT_DECIMAL",
            Self::NowhereOnEarth => "NOWHERE_ON_EARTH",
            Self::CornersSwapped => "CORNERS_SWAPPED",
            Self::BoundaryPoints => "BOUNDARY_POINTS",
        }
    }
}

/// Why a place is doubted. A caller may insist, with a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceDoubt {
    /// Outside 3 to 54 degrees north and 73 to 136 degrees east.
    #[error("the place is outside China: are the coordinates swapped?")]
    OutsideChina,
    /// Outside what the projected system is made for.
    #[error("the place is outside the zone of its reference system: is it another zone?")]
    OutsideZone,
}

impl PlaceDoubt {
    /// The stable reason.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::OutsideChina => "OUTSIDE_CHINA",
            Self::OutsideZone => "OUTSIDE_ZONE",
        }
    }
}

/// A 3-degree Gauss-Krüger zone of CGCS2000, by its EPSG number.
///
/// 4513 to 4533 are the zones 25 to 45 with the zone's number before the easting; 4534 to 4554 are
/// the same zones, named for their meridians 75° to 135°, without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Zone(u16);

impl Zone {
    /// `None` unless the number is 4513 to 4554.
    pub const fn new(epsg: u16) -> Option<Self> {
        if matches!(epsg, 4513..=4554) { Some(Self(epsg)) } else { None }
    }

    /// The EPSG number.
    pub const fn epsg(self) -> u16 {
        self.0
    }

    /// The easting of the middle meridian, in millimetres.
    fn false_easting(self) -> i64 {
        let before = if self.0 <= 4533 { i64::from(self.0) - 4513 + 25 } else { 0 };
        before * 1_000 * KILOMETRE + 500 * KILOMETRE
    }
}

/// What a coordinate refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Crs {
    /// CGCS2000, EPSG:4490: the national system.
    Cgcs2000,
    /// WGS 84, EPSG:4326.
    Wgs84,
    /// GCJ-02: the shifted system of Gaode, Tencent and others.
    Gcj02,
    /// BD-09: the system of Baidu, shifted once more.
    Bd09,
    /// A projected system in metres.
    GaussKruger(Zone),
}

impl Crs {
    /// A number of the system: EPSG's, and for the two that EPSG does not have, 1 and 2.
    pub const fn number(self) -> u16 {
        match self {
            Self::Gcj02 => 1,
            Self::Bd09 => 2,
            Self::Cgcs2000 => 4490,
            Self::Wgs84 => 4326,
            Self::GaussKruger(zone) => zone.0,
        }
    }

    /// The inverse of [`Crs::number`].
    pub const fn from_number(number: u16) -> Option<Self> {
        match (number, Zone::new(number)) {
            (1, _) => Some(Self::Gcj02),
            (2, _) => Some(Self::Bd09),
            (4490, _) => Some(Self::Cgcs2000),
            (4326, _) => Some(Self::Wgs84),
            (_, Some(zone)) => Some(Self::GaussKruger(zone)),
            (_, None) => None,
        }
    }

    /// Digits behind the decimal point that a coordinate keeps.
    const fn decimals(self) -> usize {
        match self {
            Self::GaussKruger(_) => 3,
            _ => 7,
        }
    }

    /// The least and the greatest x and y that are anywhere on earth.
    const fn world(self) -> [(i64, i64); 2] {
        match self {
            Self::GaussKruger(_) => [(0, 46_000 * KILOMETRE), (0, 10_000 * KILOMETRE)],
            _ => [(-180 * DEGREE, 180 * DEGREE), (-90 * DEGREE, 90 * DEGREE)],
        }
    }

    /// The side of a cell.
    const fn cell_side(self) -> i64 {
        match self {
            Self::GaussKruger(_) => KILOMETRE,
            _ => DEGREE / 100,
        }
    }
}

impl fmt::Display for Crs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gcj02 => f.write_str("GCJ-02"),
            Self::Bd09 => f.write_str("BD-09"),
            _ => write!(f, "EPSG:{}", self.number()),
        }
    }
}

impl FromStr for Crs {
    type Err = PlaceError;

    /// Reads what [`Crs`] is displayed as; case does not matter.
    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let upper = text.trim().to_ascii_uppercase();
        match upper.as_str() {
            "" => Err(PlaceError::CrsMissing),
            "GCJ-02" => Ok(Self::Gcj02),
            "BD-09" => Ok(Self::Bd09),
            _ => upper
                .strip_prefix("EPSG:")
                .filter(|number| number.len() == 4)
                .and_then(|number| number.parse().ok())
                .filter(|&number| number >= 1_000) // 1 and 2 are not EPSG's
                .and_then(Self::from_number)
                .ok_or(PlaceError::CrsUnknown),
        }
    }
}

/// A point somewhere on earth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Point {
    crs: Crs,
    x: i64,
    y: i64,
}

impl Point {
    /// Takes a point in units: 10⁻⁷ degree or millimetres. Refuses what is nowhere on earth.
    pub fn new(crs: Crs, x: i64, y: i64) -> Result<Self, PlaceError> {
        let [(west, east), (south, north)] = crs.world();
        if (west..=east).contains(&x) && (south..=north).contains(&y) {
            Ok(Self { crs, x, y })
        } else {
            Err(PlaceError::NowhereOnEarth)
        }
    }

    /// Reads x and y from decimal text, in degrees or metres. Digits beyond the unit are rounded,
    /// halves away from zero.
    pub fn parse(crs: Crs, x: &str, y: &str) -> Result<Self, PlaceError> {
        let parse = |text| parse_decimal(text, crs.decimals()).ok_or(PlaceError::NotDecimal);
        Self::new(crs, parse(x)?, parse(y)?)
    }

    /// The reference system.
    pub const fn crs(self) -> Crs {
        self.crs
    }

    /// Longitude or easting, in units.
    pub const fn x(self) -> i64 {
        self.x
    }

    /// Latitude or northing, in units.
    pub const fn y(self) -> i64 {
        self.y
    }

    /// x and y as decimal text, which [`Point::parse`] reads back.
    pub fn decimals(self) -> (String, String) {
        let show = |value| show_decimal(value, self.crs.decimals());
        (show(self.x), show(self.y))
    }

    /// Why the point is not likely meant, if so. A caller may insist.
    pub fn doubt(self) -> Option<PlaceDoubt> {
        let (x, y, doubt) = if let Crs::GaussKruger(zone) = self.crs {
            // 1.5 degrees are 167 km at 3° N; the northing is 332 km there and 5 990 km at 54° N.
            // Cities work somewhat beyond their zone, so as not to be cut in two.
            let middle = zone.false_easting();
            let easting = middle - 250 * KILOMETRE..=middle + 250 * KILOMETRE;
            (easting, 300 * KILOMETRE..=6_000 * KILOMETRE, PlaceDoubt::OutsideZone)
        } else {
            (73 * DEGREE..=136 * DEGREE, 3 * DEGREE..=54 * DEGREE, PlaceDoubt::OutsideChina)
        };
        if x.contains(&self.x) && y.contains(&self.y) { None } else { Some(doubt) }
    }
}

/// A box with its sides along the axes. Its edges belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundingBox {
    south_west: Point,
    north_east: Point,
}

impl BoundingBox {
    /// Refuses corners of different systems, and corners that are swapped. So no box crosses the
    /// 180th meridian.
    pub fn new(south_west: Point, north_east: Point) -> Result<Self, PlaceError> {
        if south_west.crs != north_east.crs {
            Err(PlaceError::CrsDiffer)
        } else if south_west.x > north_east.x || south_west.y > north_east.y {
            Err(PlaceError::CornersSwapped)
        } else {
            Ok(Self { south_west, north_east })
        }
    }

    /// The reference system.
    pub const fn crs(&self) -> Crs {
        self.south_west.crs
    }

    /// The corner with the least x and y.
    pub const fn south_west(&self) -> Point {
        self.south_west
    }

    /// The corner with the greatest x and y.
    pub const fn north_east(&self) -> Point {
        self.north_east
    }

    /// Whether the point is inside or on an edge. A point of another system is neither inside nor
    /// outside, and refused.
    pub fn contains(&self, point: Point) -> Result<bool, PlaceError> {
        if point.crs == self.crs() {
            Ok((self.south_west.x..=self.north_east.x).contains(&point.x)
                && (self.south_west.y..=self.north_east.y).contains(&point.y))
        } else {
            Err(PlaceError::CrsDiffer)
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (x, y) = self.decimals();
        write!(f, "{}:{x},{y}", self.crs)
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, point) in self.points.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{point}")?;
        }
        Ok(())
    }
}

/// The outline of an area: a closed ring of points of one system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boundary {
    points: Vec<Point>,
    around: BoundingBox,
}

impl Boundary {
    /// Takes the points in order; a last point that repeats the first is dropped. Refuses fewer
    /// than 3 points, more than [`limit::BOUNDARY_POINTS_MAX`], neighbours in the same place, and
    /// points of different systems. Whether the ring crosses itself is not looked at.
    pub fn new(mut points: Vec<Point>) -> Result<Self, PlaceError> {
        if points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        if points.windows(2).any(|pair| matches!(pair, [a, b] if a.crs != b.crs)) {
            return Err(PlaceError::CrsDiffer);
        }
        let neighbours = points.iter().zip(points.iter().cycle().skip(1));
        let is_degenerate = neighbours.into_iter().any(|(a, b)| a == b);
        if is_degenerate || !(3..=limit::BOUNDARY_POINTS_MAX).contains(&points.len()) {
            return Err(PlaceError::BoundaryPoints);
        }
        let first = *points.first().ok_or(PlaceError::BoundaryPoints)?;
        let mut around = BoundingBox { south_west: first, north_east: first };
        for point in &points {
            around.south_west.x = around.south_west.x.min(point.x);
            around.south_west.y = around.south_west.y.min(point.y);
            around.north_east.x = around.north_east.x.max(point.x);
            around.north_east.y = around.north_east.y.max(point.y);
        }
        Ok(Self { points, around })
    }

    /// The points in order, the first one not repeated at the end.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The smallest box around the area.
    pub const fn bounding_box(&self) -> BoundingBox {
        self.around
    }
}

/// A square of the grid by which points are found: 0.01 degree, or a kilometre, on each side.
///
/// 48 bits: the system, the row, the column. So the cells of a row are neighbours as keys, and
/// systems never mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell(u64);

impl Cell {
    /// Six bytes, whose order is the order of cells.
    pub fn to_bytes(self) -> [u8; 6] {
        let mut bytes = [0; 6];
        // The two leading bytes are 0: the number has 48 bits.
        for (to, from) in bytes.iter_mut().zip(self.0.to_be_bytes().into_iter().skip(2)) {
            *to = from;
        }
        bytes
    }
}

/// Neighbouring cells of one row, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellRange {
    /// The westernmost cell.
    pub first: Cell,
    /// The easternmost cell.
    pub last: Cell,
}

impl CellRange {
    /// The keys that begin with a cell of the range: from the first bytes up to, but without, the
    /// second ones.
    pub fn keys(&self) -> Range<[u8; 6]> {
        self.first.to_bytes()..Cell(self.last.0 + 1).to_bytes()
    }
}

/// The cell that a point lies in.
pub fn cell(point: Point) -> Cell {
    let [(west, _), (south, _)] = point.crs.world();
    let side = point.crs.cell_side();
    // Not negative and below 2¹⁶: a point is on earth.
    let place = |from_edge: i64| u64::try_from(from_edge / side).unwrap_or(0);
    let (row, column) = (place(point.y - south), place(point.x - west));
    Cell((u64::from(point.crs.number()) << 32) | (row << 16) | column)
}

/// The cells that a box touches, a range for each row from south to north. A point of a cell may
/// still be outside the box. `None` when there would be more than `max` ranges.
pub fn cells(bounding_box: &BoundingBox, max: usize) -> Option<Vec<CellRange>> {
    let (south_west, north_east) = (bounding_box.south_west, bounding_box.north_east);
    let (first, last) = (cell(south_west).0, cell(Point { x: north_east.x, ..south_west }).0);
    let rows = (cell(north_east).0 - last) >> 16;
    if usize::try_from(rows).ok().is_none_or(|rows| rows >= max) {
        return None;
    }
    let range =
        |row| CellRange { first: Cell(first + (row << 16)), last: Cell(last + (row << 16)) };
    Some((0..=rows).map(range).collect())
}

/// Reads a decimal number in units of 10^-`decimals`. `None` unless it is an optional sign, digits,
/// and perhaps a point and digits.
fn parse_decimal(text: &str, decimals: usize) -> Option<i64> {
    let unsigned = text.strip_prefix('-');
    let is_negative = unsigned.is_some();
    let unsigned = unsigned.or_else(|| text.strip_prefix('+')).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if text.len() > COORDINATE_CHARS_MAX || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let kept = fraction.bytes().chain(std::iter::repeat(b'0')).take(decimals);
    let units = whole.bytes().chain(kept).try_fold(0_i64, |units, digit| {
        units.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
    })?;
    let rounds_up = fraction.as_bytes().get(decimals).is_some_and(|&digit| digit >= b'5');
    let units = units.checked_add(i64::from(rounds_up))?;
    Some(if is_negative { -units } else { units })
}

fn show_decimal(units: i64, decimals: usize) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let digits = format!("{:0>1$}", units.unsigned_abs(), decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reference_system_is_named_or_refused() {
        let names = [
            "EPSG:4490",
            "epsg:4326",
            "GCJ-02",
            "bd-09",
            "EPSG:4513",
            "EPSG:4554",
            "EPSG:4512",
            "EPSG:4555",
            "EPSG:1",
            "EPSG:0001",
            "EPSG:+449",
            "4490",
            "",
            " ",
        ];
        let lines = names.map(|name| match name.parse::<Crs>() {
            Ok(crs) => format!("{name} -> {crs} {}\n", crs.number()),
            Err(error) => format!("{name:?} -> {}\n", error.reason()),
        });
        expect![[r#"
            EPSG:4490 -> EPSG:4490 4490
            epsg:4326 -> EPSG:4326 4326
            GCJ-02 -> GCJ-02 1
            bd-09 -> BD-09 2
            EPSG:4513 -> EPSG:4513 4513
            EPSG:4554 -> EPSG:4554 4554
            "EPSG:4512" -> CRS_UNKNOWN
            "EPSG:4555" -> CRS_UNKNOWN
            "EPSG:1" -> CRS_UNKNOWN
            "EPSG:0001" -> CRS_UNKNOWN
            "EPSG:+449" -> CRS_UNKNOWN
            "4490" -> CRS_UNKNOWN
            "" -> CRS_MISSING
            " " -> CRS_MISSING
        "#]]
        .assert_eq(&lines.concat());
    }

    #[test]
    fn a_coordinate_is_read_without_floats() {
        let pairs = [
            ("EPSG:4490", "116.3912757", "39.906217"),
            ("EPSG:4490", "+116", "-0.5"),
            ("EPSG:4490", "116.39127574999", "39.90621705"),
            ("EPSG:4490", "-0.00000005", "-0.00000004"),
            ("EPSG:4490", "180", "-90.00000000"),
            ("EPSG:4490", "180.0000001", "0"),
            ("EPSG:4490", "39.906217", "116.3912757"),
            ("EPSG:4490", "1e2", "0"),
            ("EPSG:4490", "1.", "0"),
            ("EPSG:4490", ".5", "0"),
            ("EPSG:4490", "", "0"),
            ("EPSG:4490", "--1", "0"),
            ("EPSG:4490", "1,5", "0"),
            ("EPSG:4490", "１", "0"),
            ("EPSG:4490", "99999999999999999999", "0"),
            ("EPSG:4490", "0.00000000000000000000000000000000000000001", "0"),
            ("EPSG:4527", "39500123.4564", "4418000.0005"),
            ("EPSG:4548", "500123.456", "4418000"),
            ("EPSG:4527", "500123.456", "4418000"),
            ("EPSG:4527", "-1", "4418000"),
            ("GCJ-02", "73", "54"),
            ("GCJ-02", "72.9999999", "54"),
            ("BD-09", "136", "2.9999999"),
            ("EPSG:4326", "136.0000001", "3"),
        ];
        let lines = pairs.map(|(crs, x, y)| {
            let outcome = match Point::parse(crs.parse().unwrap(), x, y) {
                Ok(point) => format!(
                    "{} {} {:?} {}",
                    point.x(),
                    point.y(),
                    point.decimals(),
                    point.doubt().map_or("", PlaceDoubt::reason)
                ),
                Err(error) => error.reason().to_owned(),
            };
            format!("{crs} {x} {y} -> {}\n", outcome.trim_end())
        });
        expect![[r#"
            EPSG:4490 116.3912757 39.906217 -> 1163912757 399062170 ("116.3912757", "39.9062170")
            EPSG:4490 +116 -0.5 -> 1160000000 -5000000 ("116.0000000", "-0.5000000") OUTSIDE_CHINA
            EPSG:4490 116.39127574999 39.90621705 -> 1163912757 399062171 ("116.3912757", "39.9062171")
            EPSG:4490 -0.00000005 -0.00000004 -> -1 0 ("-0.0000001", "0.0000000") OUTSIDE_CHINA
            EPSG:4490 180 -90.00000000 -> 1800000000 -900000000 ("180.0000000", "-90.0000000") OUTSIDE_CHINA
            EPSG:4490 180.0000001 0 -> NOWHERE_ON_EARTH
            EPSG:4490 39.906217 116.3912757 -> NOWHERE_ON_EARTH
            EPSG:4490 1e2 0 -> NOT_DECIMAL
            EPSG:4490 1. 0 -> NOT_DECIMAL
            EPSG:4490 .5 0 -> NOT_DECIMAL
            EPSG:4490  0 -> NOT_DECIMAL
            EPSG:4490 --1 0 -> NOT_DECIMAL
            EPSG:4490 1,5 0 -> NOT_DECIMAL
            EPSG:4490 １ 0 -> NOT_DECIMAL
            EPSG:4490 99999999999999999999 0 -> NOT_DECIMAL
            EPSG:4490 0.00000000000000000000000000000000000000001 0 -> NOT_DECIMAL
            EPSG:4527 39500123.4564 4418000.0005 -> 39500123456 4418000001 ("39500123.456", "4418000.001")
            EPSG:4548 500123.456 4418000 -> 500123456 4418000000 ("500123.456", "4418000.000")
            EPSG:4527 500123.456 4418000 -> 500123456 4418000000 ("500123.456", "4418000.000") OUTSIDE_ZONE
            EPSG:4527 -1 4418000 -> NOWHERE_ON_EARTH
            GCJ-02 73 54 -> 730000000 540000000 ("73.0000000", "54.0000000")
            GCJ-02 72.9999999 54 -> 729999999 540000000 ("72.9999999", "54.0000000") OUTSIDE_CHINA
            BD-09 136 2.9999999 -> 1360000000 29999999 ("136.0000000", "2.9999999") OUTSIDE_CHINA
            EPSG:4326 136.0000001 3 -> 1360000001 30000000 ("136.0000001", "3.0000000") OUTSIDE_CHINA
        "#]].assert_eq(&lines.concat());
    }

    #[test]
    fn different_systems_are_never_compared() {
        let point = |crs| Point::parse(crs, "116.4", "39.9").unwrap();
        let (national, shifted) = (point(Crs::Cgcs2000), point(Crs::Gcj02));
        assert_eq!(BoundingBox::new(national, shifted), Err(PlaceError::CrsDiffer));
        let around = BoundingBox::new(national, national).unwrap();
        assert_eq!(around.contains(national), Ok(true));
        assert_eq!(around.contains(shifted), Err(PlaceError::CrsDiffer));
        assert_ne!(cell(national), cell(shifted));
        assert_eq!(Boundary::new(vec![national, shifted, national]), Err(PlaceError::CrsDiffer));
    }

    #[test]
    fn a_boundary_is_a_ring_of_at_least_three_points() {
        let point = |x, y| Point::new(Crs::Cgcs2000, x, y).unwrap();
        let (a, b, c) = (point(0, 5), point(7, -2), point(3, 9));
        let ring = Boundary::new(vec![a, b, c, a]).unwrap();
        assert_eq!(ring.points(), [a, b, c]);
        let around = ring.bounding_box();
        assert_eq!((around.south_west(), around.north_east()), (point(0, -2), point(7, 9)));
        let few =
            [vec![], vec![a], vec![a, a], vec![a, b, a], vec![a, b, b, c], vec![a, b, c, a, a]];
        for points in few {
            assert_eq!(Boundary::new(points), Err(PlaceError::BoundaryPoints));
        }
        let many = (0..=500).map(|x| point(x, x * x)).collect();
        assert_eq!(Boundary::new(many), Err(PlaceError::BoundaryPoints));
    }

    #[test]
    fn a_box_of_the_city_is_few_ranges_and_one_of_the_country_none() {
        let point = |x, y| Point::parse(Crs::Cgcs2000, x, y).unwrap();
        let city = BoundingBox::new(point("116.30", "39.85"), point("116.4999999", "39.9499999"));
        let ranges = cells(&city.unwrap(), 10).unwrap();
        assert_eq!(ranges.len(), 10);
        let widths = ranges.iter().map(|range| range.last.0 - range.first.0 + 1);
        assert!(widths.into_iter().all(|width| width == 20));
        assert_eq!(cells(&city.unwrap(), 9), None);
        let country = BoundingBox::new(point("73", "3"), point("136", "54")).unwrap();
        assert_eq!(cells(&country, 1_000), None);
        let swapped = BoundingBox::new(point("116.4", "39.8"), point("116.3", "39.9"));
        assert_eq!(swapped, Err(PlaceError::CornersSwapped));
    }

    fn crs() -> impl Strategy<Value = Crs> {
        let zone = (4513..=4554_u16).prop_map(|epsg| Crs::GaussKruger(Zone::new(epsg).unwrap()));
        prop_oneof![Just(Crs::Cgcs2000), Just(Crs::Wgs84), Just(Crs::Gcj02), Just(Crs::Bd09), zone]
    }

    fn point_in(crs: Crs) -> impl Strategy<Value = Point> {
        let [(west, east), (south, north)] = crs.world();
        (west..=east, south..=north).prop_map(move |(x, y)| Point::new(crs, x, y).unwrap())
    }

    /// A box, a point in it, and a point perhaps near it.
    fn scene() -> impl Strategy<Value = (BoundingBox, Point, Point)> {
        let corner = crs().prop_flat_map(point_in);
        let sizes = (0..40_i64, 0..40_i64, 0..200_000_i64);
        (corner, sizes, (0..=1000_i64, 0..=1000_i64), (-9..9_i64, -9..9_i64)).prop_map(
            |(south_west, (wide, high, more), (x, y), (dx, dy))| {
                let (crs, side) = (south_west.crs, south_west.crs.cell_side());
                let [(_, east), (_, north)] = crs.world();
                let at = |x: i64, y: i64| Point { crs, x: x.min(east), y: y.min(north) };
                let north_east = at(
                    south_west.x + wide * side / 3 + more,
                    south_west.y + high * side / 3 + more,
                );
                let share = |from: i64, to: i64, part: i64| from + (to - from) * part / 1000;
                let inside =
                    at(share(south_west.x, north_east.x, x), share(south_west.y, north_east.y, y));
                let [(west, _), (south, _)] = crs.world();
                let near = at((inside.x + dx * side).max(west), (inside.y + dy * side).max(south));
                (BoundingBox::new(south_west, north_east).unwrap(), inside, near)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_point_of_a_box_is_in_its_cells(scene in scene()) {
            check_cells(&scene.0, scene.1, scene.2);
        }

        #[test]
        fn a_point_is_read_back_from_its_decimals(point in crs().prop_flat_map(point_in)) {
            let (x, y) = point.decimals();
            prop_assert_eq!(Point::parse(point.crs(), &x, &y), Ok(point));
            let crs = point.crs();
            prop_assert_eq!(crs.to_string().parse(), Ok(crs));
            prop_assert_eq!(Crs::from_number(crs.number()), Some(crs));
        }

        #[test]
        fn cells_order_as_their_bytes(a in crs().prop_flat_map(point_in), b in crs().prop_flat_map(point_in)) {
            prop_assert_eq!(cell(a).cmp(&cell(b)), cell(a).to_bytes().cmp(&cell(b).to_bytes()));
        }

        #[test]
        fn no_text_makes_reading_panic(x in "[-+0-9.]{0,30}|.*", crs in crs()) {
            let _ = Point::parse(crs, &x, "1");
            let _ = x.parse::<Crs>();
        }
    }

    fn check_cells(around: &BoundingBox, inside: Point, near: Point) {
        let ranges = cells(around, 100).unwrap();
        let has = |point| {
            let key = cell(point).to_bytes();
            ranges.iter().any(|range| range.keys().contains(&key))
        };
        assert!(around.contains(inside).unwrap());
        assert!(has(inside));
        // A cell that is scanned is not more than one side away from the box.
        let side = around.crs().cell_side();
        let is_close = near.x > around.south_west.x - side
            && near.x < around.north_east.x + side
            && near.y > around.south_west.y - side
            && near.y < around.north_east.y + side;
        assert!(has(near) || !around.contains(near).unwrap());
        assert!(!has(near) || is_close);
        assert!(ranges.is_sorted_by(|a, b| a.last < b.first));
    }
}
