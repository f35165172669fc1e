//! What all services share: reading a request's fields, both ways between wire and domain.
//!
//! Reading collects: a violation is noted with its path and reading goes on, so that a caller
//! learns everything at once. Forms, ranges and lengths are judged here; whether something can be
//! true is the registry's to judge.

use std::{collections::BTreeSet, fmt::Display, ops::RangeInclusive, str::FromStr};

use prost_types::{FieldMask, Timestamp};

use crate::{
    domain::{
        content::{Identifiers, Said, Shared},
        house_code,
        place::{Boundary, BoundingBox, Crs, PlaceError, Point},
        plausibility::OVERRIDABLE,
        reference_file,
        text::identity_violation,
        timeline::{EndCause, Presence},
    },
    kernel::{
        id::{IdSeed, SubjectId},
        limit,
        position::Seq,
        time::{Day, ImpreciseDay, KnownAt, ReadTime, Stamp},
        violation::Violations,
    },
    proto::v1,
    registry::{ListOf, Outcome, Refusal, Registry, Seen},
};

/// Bytes of a caller's key of order.
const ORDER_KEY_BYTES_MAX: usize = 64;
/// Paths of an update mask.
const MASK_PATHS_MAX: usize = 200;
/// Rules that one request may override.
const OVERRIDES_MAX: usize = 16;

/// The unit of a field, for the sentence that tells its range.
fn unit(field: &str) -> &'static str {
    if field.ends_with("_cm2") {
        " cm²"
    } else if field.ends_with("_cm") {
        " cm"
    } else {
        ""
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit =
        |nibble: u8| DIGITS.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Random bytes of the system. The system gives them or the process is of no use.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], crate::registry::Error> {
    let mut bytes = [0; N];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| crate::registry::Error::Bug("the system gives no random bytes".to_owned()))?;
    Ok(bytes)
}

/// The seed of a new id.
pub(crate) fn id_seed(now: Stamp) -> Result<IdSeed, crate::registry::Error> {
    let unix_ms = u64::try_from(now.micros() / 1_000).unwrap_or(0);
    Ok(IdSeed { unix_ms, random: u64::from_be_bytes(random()?) })
}

/// What a list is of, and with its field what decides reach.
pub(crate) type Judged = (ListOf, Option<(&'static str, SubjectId)>);

/// Reads the id of what a list is of, with its field.
pub(crate) fn holder<T>(
    violations: &mut Violations,
    field: &'static str,
    text: &str,
) -> Option<(&'static str, SubjectId)>
where
    T: FromStr<Err: Display> + Into<SubjectId>,
{
    required::<T>(violations, field, text).map(|id| (field, id.into()))
}

/// Reads a text that must be there.
pub(crate) fn required<T: FromStr>(
    violations: &mut Violations,
    field: &str,
    text: &str,
) -> Option<T>
where
    T::Err: Display,
{
    if text.is_empty() {
        violations.add(field, "REQUIRED", format!("{field} is required"));
        return None;
    }
    parsed(violations, field, text)
}

/// Reads a text that may be missing. `None` when it is, and when it cannot be read.
pub(crate) fn optional<T: FromStr>(
    violations: &mut Violations,
    field: &str,
    text: &str,
) -> Option<T>
where
    T::Err: Display,
{
    if text.is_empty() { None } else { parsed(violations, field, text) }
}

fn parsed<T: FromStr>(violations: &mut Violations, field: &str, text: &str) -> Option<T>
where
    T::Err: Display,
{
    violations.take(field, text.parse().map_err(|error: T::Err| ("MALFORMED", error.to_string())))
}

/// Checks a text that people wrote: not empty, not too long, no control characters, and no number
/// that tells who a person is.
pub(crate) fn check_text(
    violations: &mut Violations,
    field: &str,
    text: &str,
    chars_max: usize,
) -> bool {
    let before = violations.list().len();
    if text.trim().is_empty() {
        violations.add(field, "EMPTY", "a text has at least one character");
    }
    if text.chars().count() > chars_max {
        violations.add(field, "TOO_LONG", format!("at most {chars_max} characters"));
    }
    if text.chars().any(char::is_control) {
        violations.add(field, "CONTROL_CHARACTER", "no line breaks or other control characters");
    }
    if let Some(reason) = identity_violation(text) {
        let message = "no identity numbers or phone numbers: the registry keeps none";
        violations.add(field, reason, message);
    }
    violations.list().len() == before
}

/// Reads a number of an entry that a caller hands back.
pub(crate) fn etag(violations: &mut Violations, text: &str) -> Option<Seq> {
    let bare = text.trim_matches('"');
    if text.is_empty() {
        return None;
    }
    violations.take(
        "etag",
        bare.parse()
            .map_err(|_| ("MALFORMED", "an etag is handed back as it was given".to_owned())),
    )
}

/// Reads a time of day, `HH:MM:SS`, as its second.
pub(crate) fn second_of_day(violations: &mut Violations, text: &str) -> Option<u32> {
    fn read(text: &str) -> Option<u32> {
        let parts = text.split(':').collect::<Vec<_>>();
        let [hour, minute, second] = parts.as_slice() else { return None };
        let number = |digits: &str, below: u32| {
            (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| digits.parse::<u32>().ok())
                .flatten()
                .filter(|number| *number < below)
        };
        Some(number(hour, 24)? * 3_600 + number(minute, 60)? * 60 + number(second, 60)?)
    }
    if text.is_empty() {
        return None;
    }
    let second = read(text).ok_or(("MALFORMED", "a time is written as 08:30:00".to_owned()));
    violations.take("time", second)
}

/// Reads a caller's key of order.
pub(crate) fn order_key(violations: &mut Violations, text: String) -> Vec<u8> {
    if text.len() > ORDER_KEY_BYTES_MAX {
        let message = format!("at most {ORDER_KEY_BYTES_MAX} bytes");
        violations.add("order_key", "TOO_LONG", message);
    }
    text.into_bytes()
}

/// Reads why something ended.
pub(crate) fn end_cause(violations: &mut Violations, field: &str, number: i32) -> Option<EndCause> {
    let cause = u32::try_from(number).ok().and_then(EndCause::from_number);
    let refusal = if number == 0 {
        ("REQUIRED", format!("{field} is required"))
    } else {
        ("UNKNOWN_VALUE", format!("{number} is no cause"))
    };
    violations.take(field, cause.ok_or(refusal))
}

/// Reads the fields of one subject, by a mask or without one.
///
/// Without a mask what has a value is said. With one, what it names is said, and what it names
/// without a value is said to be unknown or none.
pub(crate) struct FieldReader {
    /// What is wrong so far; paths as in the message of fields.
    pub violations: Violations,
    mask: Option<BTreeSet<String>>,
    known: BTreeSet<&'static str>,
    /// What every kind has.
    shared: Shared,
    sentences: Vec<(String, String)>,
    warnings: Vec<CodeWarning>,
}

/// What was read beside the fields of the kind.
pub(crate) struct Read {
    /// What every kind has.
    pub shared: Shared,
    /// Why fields are doubted.
    pub sentences: Vec<(String, String)>,
    /// Codes that are not as their standard has them.
    pub warnings: Vec<CodeWarning>,
}

impl FieldReader {
    /// Begins.
    pub(crate) fn new(mask: Option<FieldMask>) -> Self {
        let mut violations = Violations::default();
        let paths = mask.map(|mask| mask.paths).unwrap_or_default();
        if paths.len() > MASK_PATHS_MAX {
            violations.add("update_mask", "TOO_MANY", format!("at most {MASK_PATHS_MAX} paths"));
        }
        let mask: BTreeSet<String> = paths.into_iter().take(MASK_PATHS_MAX).collect();
        Self {
            violations,
            mask: (!mask.is_empty()).then_some(mask),
            known: BTreeSet::new(),
            shared: Shared::default(),
            sentences: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// A field as it is said.
    pub(crate) fn said<T>(&mut self, field: &'static str, value: Option<T>) -> Said<T> {
        self.known.insert(field);
        match &self.mask {
            None => value.map(Some),
            Some(mask) => mask.contains(field).then_some(value),
        }
    }

    /// A text for people.
    pub(crate) fn text(
        &mut self,
        field: &'static str,
        value: Option<String>,
        chars_max: usize,
    ) -> Said<String> {
        if let Some(text) = &value {
            check_text(&mut self.violations, field, text, chars_max);
        }
        self.said(field, value)
    }

    /// A text that has a form of its own: an id, a day.
    pub(crate) fn parsed<T: FromStr>(
        &mut self,
        field: &'static str,
        value: Option<String>,
    ) -> Said<T>
    where
        T::Err: Display,
    {
        let value = value.and_then(|text| required(&mut self.violations, field, &text));
        self.said(field, value)
    }

    /// A number of a range, in the domain's own type.
    pub(crate) fn number<T, U>(
        &mut self,
        field: &'static str,
        value: Option<T>,
        range: RangeInclusive<T>,
    ) -> Said<U>
    where
        T: PartialOrd + Display + Copy + TryInto<U>,
    {
        let value = value.and_then(|number| {
            let fits = range.contains(&number).then_some(number).and_then(|n| n.try_into().ok());
            let message = format!("from {} to {}{}", range.start(), range.end(), unit(field));
            self.violations.take(field, fits.ok_or(("OUT_OF_RANGE", message)))
        });
        self.said(field, value)
    }

    /// A value of an enumeration; 0 is no value.
    pub(crate) fn choice<T>(
        &mut self,
        field: &'static str,
        number: i32,
        from_number: impl Fn(u32) -> Option<T>,
    ) -> Said<T> {
        let value = if number == 0 {
            None
        } else {
            let value = u32::try_from(number).ok().and_then(from_number);
            let message = format!("{number} is none of the values of {field}");
            self.violations.take(field, value.ok_or(("UNKNOWN_VALUE", message)))
        };
        self.said(field, value)
    }

    /// A list of texts; an empty one is no value.
    pub(crate) fn texts(
        &mut self,
        field: &'static str,
        values: Vec<String>,
        count_max: usize,
        chars_max: usize,
    ) -> Said<Vec<String>> {
        if values.len() > count_max {
            self.violations.add(field, "TOO_MANY", format!("at most {count_max}"));
        }
        for (index, text) in values.iter().enumerate().take(count_max) {
            check_text(&mut self.violations, &format!("{field}[{index}]"), text, chars_max);
        }
        self.said(field, (!values.is_empty()).then_some(values))
    }

    /// A list of things of their own form; an empty one is no value. `read` notes what is wrong with
    /// one at its path.
    pub(crate) fn list<T, U>(
        &mut self,
        field: &'static str,
        values: Vec<T>,
        count_max: usize,
        read: impl Fn(&mut Violations, &str, T) -> Option<U>,
    ) -> Said<Vec<U>> {
        if values.len() > count_max {
            self.violations.add(field, "TOO_MANY", format!("at most {count_max}"));
        }
        let is_there = !values.is_empty();
        let mut list = Vec::new();
        for (index, value) in values.into_iter().take(count_max).enumerate() {
            list.extend(read(&mut self.violations, &format!("{field}[{index}]"), value));
        }
        self.said(field, is_there.then_some(list))
    }

    /// A point.
    pub(crate) fn location(&mut self, value: Option<v1::Location>) -> Said<Point> {
        let value = value.and_then(|location| {
            let read = point(location.system, &location.longitude, &location.latitude);
            self.violations.take("location", read.map_err(place))
        });
        self.said("location", value)
    }

    /// An outline.
    pub(crate) fn boundary(&mut self, value: Option<v1::Boundary>) -> Said<Boundary> {
        let value = value.and_then(|boundary| {
            let read = if boundary.vertices.len() > limit::BOUNDARY_POINTS_MAX + 1 {
                Err(PlaceError::BoundaryPoints)
            } else {
                let vertices = boundary.vertices.iter();
                vertices
                    .map(|vertex| point(boundary.system, &vertex.longitude, &vertex.latitude))
                    .collect::<Result<Vec<_>, _>>()
                    .and_then(Boundary::new)
            };
            self.violations.take("boundary", read.map_err(place))
        });
        self.said("boundary", value)
    }

    /// Outside numbers or codes; `field` is their name in the message.
    pub(crate) fn identifiers(&mut self, field: &'static str, values: Vec<v1::Identifier>) {
        self.known.insert(field);
        let mut read = Identifiers::new();
        for (index, v1::Identifier { scheme, value }) in values.into_iter().enumerate() {
            let path = format!("{field}[{index}]");
            if !is_scheme(&scheme) {
                let message = "1 to 40 of the characters a-z 0-9 _ . -, for example jgjt246";
                self.violations.add(format!("{path}.scheme"), "MALFORMED", message);
                continue;
            }
            let said = read.entry(scheme.clone()).or_default();
            if value.is_empty() {
                continue;
            }
            if !is_identifier(&value) {
                let message = format!(
                    "1 to {} characters without spaces around them or control characters",
                    limit::IDENTIFIER_CHARS_MAX
                );
                self.violations.add(format!("{path}.value"), "MALFORMED", message);
            }
            // Mobile numbers have the form of many a number of a thing; those of identity cards have not.
            if identity_violation(&value) == Some("IDENTITY_NUMBER") {
                let message = "a number of the thing, never that of a person's identity card";
                self.violations.add(format!("{path}.value"), "IDENTITY_NUMBER", message);
            }
            if said.contains(&value) {
                self.violations.add(path, "REPEATED", "the same number is given twice");
                continue;
            }
            self.warnings.extend(warnings(field, &scheme, &value));
            said.push(value);
        }
        let too_many = read.values().any(|said| said.len() > limit::IDENTIFIERS_PER_SCHEME_MAX);
        if too_many || read.len() > limit::SCHEMES_MAX {
            let message = format!(
                "at most {} schemes with {} values each",
                limit::SCHEMES_MAX,
                limit::IDENTIFIERS_PER_SCHEME_MAX
            );
            self.violations.add(field, "TOO_MANY", message);
        }
        self.shared.identifiers = self.masked(field, read);
    }

    /// Leaves out the schemes that the mask does not name, and adds those that it names without a
    /// value.
    fn masked(&mut self, field: &'static str, mut read: Identifiers) -> Identifiers {
        let Some(mask) = &self.mask else { return read };
        let prefix = format!("{field}.");
        let named: BTreeSet<String> =
            mask.iter().filter_map(|path| path.strip_prefix(&prefix)).map(str::to_owned).collect();
        if mask.contains(field) {
            if read.is_empty() && named.is_empty() {
                let message =
                    format!("name the scheme that has no values any more: {field}.<scheme>");
                self.violations.add("update_mask", "SCHEME_MISSING", message);
            }
        } else {
            read.retain(|scheme, _| named.contains(scheme));
        }
        for scheme in named {
            if is_scheme(&scheme) {
                read.entry(scheme).or_default();
            } else {
                self.violations.add("update_mask", "UNKNOWN_PATH", format!("{prefix}{scheme}"));
            }
        }
        read
    }

    /// Doubts about fields of the names in `fields`. To be read last, since by then they are known.
    pub(crate) fn doubts(&mut self, values: Vec<v1::FieldDoubt>) {
        let is_said = self.mask.as_ref().is_none_or(|mask| mask.contains("doubts"));
        let fields = self.known.clone();
        self.known.insert("doubts");
        for (index, v1::FieldDoubt { field, sentence }) in values.into_iter().enumerate() {
            let path = format!("doubts[{index}]");
            // Of what was looked at, each dimension by itself: `dimensions.FIR`.
            let name = match field.split_once('.') {
                Some((name @ "dimensions", code)) if reference_file::is_code(code) => name,
                _ => field.as_str(),
            };
            if !fields.contains(name) {
                let message = "this is no field that can be doubted";
                self.violations.add(format!("{path}.field"), "UNKNOWN_PATH", message);
                continue;
            }
            if self.shared.doubts.contains_key(&field) {
                self.violations.add(path, "REPEATED", "the same field is named twice");
                continue;
            }
            if !sentence.is_empty() {
                let path = format!("{path}.sentence");
                check_text(&mut self.violations, &path, &sentence, limit::TEXT_CHARS_MAX);
            }
            if is_said {
                self.shared.doubts.insert(field.clone(), !sentence.is_empty());
                if !sentence.is_empty() {
                    self.sentences.push((field, sentence));
                }
            }
        }
    }

    /// What was read, and what is wrong with it; every path of the mask that names nothing is a
    /// violation.
    pub(crate) fn finish(mut self) -> (Read, Violations) {
        for path in self.mask.iter().flatten() {
            let head = path.split('.').next().unwrap_or_default();
            let is_scheme_path = matches!(head, "identifiers" | "codes") && path.contains('.');
            let name = if is_scheme_path { head } else { path.as_str() };
            if !self.known.contains(name) {
                let message = format!("there is no field {path}");
                self.violations.add("update_mask", "UNKNOWN_PATH", message);
            }
        }
        let Self { violations, shared, sentences, warnings, .. } = self;
        (Read { shared, sentences, warnings }, violations)
    }
}

fn is_scheme(scheme: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    (1..=limit::SCHEME_CHARS_MAX).contains(&scheme.len()) && scheme.bytes().all(plain)
}

fn is_identifier(value: &str) -> bool {
    (1..=limit::IDENTIFIER_CHARS_MAX).contains(&value.chars().count())
        && value.trim() == value
        && !value.chars().any(char::is_control)
}

/// What a standard has against a code; nothing is refused for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CodeWarning {
    /// The field that has it: `identifiers`, or `codes`.
    pub field: &'static str,
    /// The scheme of the code.
    pub scheme: String,
    /// What is odd about it.
    pub warning: house_code::Warning,
}

impl std::fmt::Display for CodeWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.scheme, self.warning.reason(), self.warning)
    }
}

fn warnings(field: &'static str, scheme: &str, value: &str) -> impl Iterator<Item = CodeWarning> {
    let found = match scheme {
        "jgjt246" => house_code::check(value, None),
        "bdcdyh" => house_code::check_real_estate(value),
        _ => Vec::new(),
    };
    found.into_iter().map(move |warning| CodeWarning { field, scheme: scheme.to_owned(), warning })
}

fn place(error: PlaceError) -> (&'static str, String) {
    (error.reason(), error.to_string())
}

/// The reference system of a number on the wire.
fn crs(system: i32) -> Result<Crs, PlaceError> {
    match v1::CoordinateSystem::try_from(system) {
        Ok(v1::CoordinateSystem::Cgcs2000) => Ok(Crs::Cgcs2000),
        Ok(v1::CoordinateSystem::Wgs84) => Ok(Crs::Wgs84),
        Ok(v1::CoordinateSystem::Gcj02) => Ok(Crs::Gcj02),
        Ok(v1::CoordinateSystem::Bd09) => Ok(Crs::Bd09),
        Ok(v1::CoordinateSystem::Unspecified) => Err(PlaceError::CrsMissing),
        Err(_) => Err(PlaceError::CrsUnknown),
    }
}

/// The number on the wire; 0 for a system that the wire does not have.
fn crs_number(crs: Crs) -> i32 {
    let system = match crs {
        Crs::Cgcs2000 => v1::CoordinateSystem::Cgcs2000,
        Crs::Wgs84 => v1::CoordinateSystem::Wgs84,
        Crs::Gcj02 => v1::CoordinateSystem::Gcj02,
        Crs::Bd09 => v1::CoordinateSystem::Bd09,
        Crs::GaussKruger(_) => v1::CoordinateSystem::Unspecified,
    };
    system.into()
}

fn point(system: i32, longitude: &str, latitude: &str) -> Result<Point, PlaceError> {
    Point::parse(crs(system)?, longitude, latitude)
}

/// Reads a box.
pub(crate) fn bounding_box(
    violations: &mut Violations,
    asked: &v1::BoundingBox,
) -> Option<BoundingBox> {
    let south_west = point(asked.system, &asked.longitude_min, &asked.latitude_min);
    let north_east = point(asked.system, &asked.longitude_max, &asked.latitude_max);
    let read = south_west.and_then(|first| BoundingBox::new(first, north_east?));
    violations.take("box", read.map_err(place))
}

/// A point on the wire.
pub(crate) fn location(point: Point) -> v1::Location {
    let (longitude, latitude) = point.decimals();
    v1::Location { system: crs_number(point.crs()), longitude, latitude }
}

/// An outline on the wire.
pub(crate) fn boundary(boundary: &Boundary) -> v1::Boundary {
    let vertices = boundary.points().iter().map(|point| {
        let (longitude, latitude) = point.decimals();
        v1::Vertex { longitude, latitude }
    });
    v1::Boundary { system: crs_number(boundary.bounding_box().crs()), vertices: vertices.collect() }
}

/// A list on the wire; what was not said, or is none, is an empty one.
pub(crate) fn listed<T, U>(list: Option<Vec<T>>, write: impl FnMut(T) -> U) -> Vec<U> {
    list.unwrap_or_default().into_iter().map(write).collect()
}

/// Outside numbers on the wire.
pub(crate) fn identifiers(identifiers: Identifiers) -> Vec<v1::Identifier> {
    let pairs = identifiers.into_iter().flat_map(|(scheme, values)| {
        values.into_iter().map(move |value| v1::Identifier { scheme: scheme.clone(), value })
    });
    pairs.collect()
}

/// Doubts on the wire.
pub(crate) fn doubts(doubts: Vec<(String, String)>) -> Vec<v1::FieldDoubt> {
    doubts.into_iter().map(|(field, sentence)| v1::FieldDoubt { field, sentence }).collect()
}

/// A stored number of an enumeration on the wire: they are the same.
pub(crate) fn number<T>(value: Said<T>, number: impl Fn(T) -> u32) -> i32 {
    value.flatten().map_or(0, |value| i32::try_from(number(value)).unwrap_or(0))
}

/// A life on the wire.
pub(crate) fn life(seen: &Seen) -> v1::Life {
    let relative = |id, day: Day, edge: &crate::domain::timeline::Edge| v1::Relative {
        id,
        day: day.to_string(),
        share_numerator: edge.share_numerator,
        share_denominator: edge.share_denominator,
    };
    let of = |is_wanted: &dyn Fn(&crate::domain::timeline::Edge) -> bool| {
        seen.edges.iter().filter(|(_, edge)| is_wanted(edge)).copied().collect::<Vec<_>>()
    };
    let text = |day: ImpreciseDay| day.to_string();
    v1::Life {
        exists_from: seen.exists_from.map(text).unwrap_or_default(),
        ended_on: seen.end.map(|end| text(end.day)).unwrap_or_default(),
        end_cause: seen.end.map_or(0, |end| i32::try_from(end.cause as u32).unwrap_or(0)),
        presence: presence(seen.presence).into(),
        because: because(seen),
        successors: of(&|edge| edge.from == seen.id && edge.into != seen.id)
            .iter()
            .map(|(day, edge)| relative(edge.into.to_string(), *day, edge))
            .collect(),
        predecessors: of(&|edge| edge.into == seen.id && edge.from != seen.id)
            .iter()
            .map(|(day, edge)| relative(edge.from.to_string(), *day, edge))
            .collect(),
    }
}

fn presence(presence: Presence) -> v1::Presence {
    match presence {
        Presence::Exists => v1::Presence::Exists,
        Presence::NotYet => v1::Presence::NotYet,
        Presence::Ended => v1::Presence::Ended,
        Presence::EnteredInError => v1::Presence::EnteredInError,
        Presence::Unknown => v1::Presence::Unknown,
    }
}

/// Why it cannot be said whether something is there.
fn because(seen: &Seen) -> String {
    if seen.presence != Presence::Unknown {
        return String::new();
    }
    let day = seen.valid_at;
    let is_open = |span: ImpreciseDay| span.earliest() <= day && day < span.latest();
    let mut reasons = Vec::new();
    if let Some(from) = seen.exists_from.filter(|from| is_open(*from)) {
        reasons.push(format!("it exists since {from}"));
    }
    if let Some(end) = seen.end.filter(|end| is_open(end.day)) {
        reasons.push(format!("it ended on {}", end.day));
    }
    format!("{}, and {day} may be before or after that", reasons.join(" and "))
}

/// A stamp on the wire.
pub(crate) fn timestamp(stamp: Stamp) -> Timestamp {
    let micros = stamp.micros();
    Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0),
    }
}

/// Reads a moment. What is between two microseconds belongs to the first.
pub(crate) fn stamp(violations: &mut Violations, field: &str, moment: Timestamp) -> Option<Stamp> {
    let micros = moment
        .seconds
        .checked_mul(1_000_000)
        .filter(|_| (0..1_000_000_000).contains(&moment.nanos))
        .and_then(|micros| micros.checked_add(i64::from(moment.nanos) / 1_000))
        .ok_or(("MALFORMED", "this is no moment".to_owned()));
    violations.take(field, micros).map(Stamp::from_micros)
}

/// Reads the two times of a read; `context` is the path before them.
pub(crate) fn read_time(violations: &mut Violations, asked: Option<v1::ReadTime>) -> ReadTime {
    let Some(asked) = asked else { return ReadTime::NOW };
    let path = "context.read_time";
    let valid_at = optional(violations, &format!("{path}.valid_at"), &asked.valid_at);
    let known_at = match (asked.known_at, asked.known_at_seq) {
        (Some(_), Some(_)) => {
            let message = "give known_at or known_at_seq, not both";
            violations.add(format!("{path}.known_at_seq"), "CONFLICTING", message);
            KnownAt::Now
        }
        (Some(moment), None) => stamp(violations, &format!("{path}.known_at"), moment)
            .map_or(KnownAt::Now, KnownAt::Stamp),
        (None, Some(seq)) => KnownAt::Seq(seq),
        (None, None) => KnownAt::Now,
    };
    ReadTime { valid_at, known_at }
}

/// What a write answers. Of a request that was only judged it has nothing to say.
pub(crate) fn receipt(outcome: &Outcome, is_only_judged: bool) -> v1::WriteReceipt {
    if is_only_judged {
        return v1::WriteReceipt::default();
    }
    v1::WriteReceipt {
        commit_token: outcome.position.to_string(),
        recorded_at: Some(timestamp(outcome.stamp)),
        entries: outcome.entries.clone(),
        repeated: outcome.repeated,
        sweep_under_way: outcome.sweep_under_way,
    }
}

/// A refusal of an item on the wire.
pub(crate) fn item_refusals(refusals: &[Refusal]) -> Vec<v1::ItemRefusal> {
    let refusals = refusals.iter().map(|refusal| v1::ItemRefusal {
        reason: refusal.reason.clone(),
        field: refusal.field.clone(),
        message: refusal.message.clone(),
    });
    refusals.collect()
}

/// Violations of an item on the wire.
pub(crate) fn item_violations(violations: &Violations) -> Vec<v1::ItemRefusal> {
    let refusals = violations.list().iter().map(|violation| v1::ItemRefusal {
        reason: violation.reason.to_owned(),
        field: violation.field.clone(),
        message: violation.message.clone(),
    });
    refusals.collect()
}

/// Checks the rules that a request wants to break.
pub(crate) fn overrides(violations: &mut Violations, names: Vec<String>) -> Vec<String> {
    if names.len() > OVERRIDES_MAX {
        violations.add("context.overrides", "TOO_MANY", format!("at most {OVERRIDES_MAX}"));
    }
    for (index, name) in names.iter().enumerate().take(OVERRIDES_MAX) {
        // A rule that is misspelt would stay in force, and the caller would not know why.
        if !OVERRIDABLE.contains(&name.as_str()) {
            let field = format!("context.overrides[{index}]");
            let message =
                format!("the rules that can be overridden are {}", OVERRIDABLE.join(", "));
            violations.add(field, "UNKNOWN_VALUE", message);
        }
    }
    names
}

/// Seeds of so many new ids.
pub(crate) fn seeds(
    registry: &Registry,
    count: usize,
) -> Result<Vec<IdSeed>, crate::registry::Error> {
    let now = registry.now();
    (0..count).map(|_| id_seed(now)).collect()
}
