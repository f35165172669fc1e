//! `--set field=value` and `--unset field`, turned into the fields of a request and its mask.
//!
//! Everything that is wrong comes back at once. What is checked here is what a person can mistype;
//! whether a value is true is the registry's to judge.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as FieldKind, MessageDescriptor, ReflectMessage as _,
    Value,
};

use crate::{
    cli::{field, message},
    kernel::{
        id::{Kind, SubjectId},
        limit::amount_max,
        time::{Day, ImpreciseDay},
        violation::Violations,
    },
    proto::v1,
};

/// Why one text is not a value: the stable reason and a sentence.
type Wrong = (&'static str, String);

/// The fewest points of an outline.
const VERTICES_MIN: usize = 3;

/// What the flags say of a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The fields that have a value.
    pub fields: DynamicMessage,
    /// The names of all fields that are said, those without a value too.
    pub mask: Vec<String>,
}

/// Reads the flags for a subject of `kind`.
///
/// `set` holds `field=value`, `unset` names of fields. Lists are given by repeating the flag. Parts
/// are named with a dot: `identifiers.census`, `codes.gbt2260`, `doubts.completed`. Areas and heights
/// may be given in metres as `floor_area_m2`, `area_m2`, `height_m`.
///
/// What is wrong is left out, of the mask too, and told.
pub fn read(kind: Kind, set: &[String], unset: &[String]) -> (Option<Said>, Violations) {
    let mut violations = Violations::default();
    let Ok(fields) = message::empty(&format!("{}Fields", message::noun(kind))) else {
        violations.add("id", "KIND", format!("a {} has no fields to set", kind.word()));
        return (None, violations);
    };
    let mut reader = Reader { of: fields.descriptor(), fields, said: Vec::new(), violations };
    for pair in set {
        match pair.split_once('=') {
            Some((name, value)) => reader.set(name.trim(), value.trim()),
            None => reader.violations.add(pair, "NO_VALUE", "--set takes field=value"),
        }
    }
    for name in unset {
        reader.unset(name.trim());
    }
    let mut mask = Vec::new();
    let wrong = reader.violations.list().iter().map(|one| stored_head(&one.field));
    let wrong: Vec<_> = wrong.collect();
    for (name, _) in reader.said {
        let head = stored_head(&name);
        if wrong.contains(&head) {
            // Half of what is said of a field is not what is meant.
            reader.fields.clear_field_by_name(head);
        } else if !mask.iter().any(|other| other == head) {
            mask.push(head.to_owned());
        }
    }
    (Some(Said { fields: reader.fields, mask }), reader.violations)
}

/// Adds fields in JSON, as the API has them, to what flags say.
pub fn add_json(
    said: &mut Said,
    text: &str,
    violations: &mut Violations,
) -> Result<(), serde_json::Error> {
    let names: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let of = said.fields.descriptor();
    let read = DynamicMessage::deserialize(of.clone(), &mut reader)?;
    reader.end()?;
    for name in names.keys() {
        // A name that is not known was refused above.
        let by_json = of.get_field_by_json_name(name);
        let Some(field) = by_json.or_else(|| of.get_field_by_name(name)) else { continue };
        if said.mask.iter().any(|other| other == field.name()) {
            let sentence = "it is said by a flag and by the file";
            violations.add(field.name(), "SAID_TWICE", sentence);
            continue;
        }
        if read.has_field(&field) {
            said.fields.set_field(&field, read.get_field(&field).into_owned());
        }
        said.mask.push(field.name().to_owned());
    }
    Ok(())
}

/// The field of the API that a name says something about, as a whole.
pub(crate) fn stored_head(name: &str) -> &str {
    let stored = in_metres(name).map_or(name, |(stored, _)| stored);
    stored.split('.').next().unwrap_or_default()
}

struct Reader {
    of: MessageDescriptor,
    fields: DynamicMessage,
    /// Full names that were said, and whether with a value.
    said: Vec<(String, bool)>,
    violations: Violations,
}

impl Reader {
    fn set(&mut self, name: &str, text: &str) {
        let (stored, places) = in_metres(name).unwrap_or((name, None));
        let Some((descriptor, part)) = self.find(name, stored) else { return };
        if !self.may_say(name, stored, true, descriptor.is_list()) {
            return;
        }
        if text.is_empty() {
            self.violations.add(name, "EMPTY", format!("say --unset {name} for unknown or none"));
            return;
        }
        let value = match places {
            Some(places) => decimal(text, places)
                .and_then(|amount| within(stored, amount))
                .and_then(|amount| fitting(&descriptor, Value::I64(amount))),
            None => value(&descriptor, part, text),
        };
        if let Some(value) = self.violations.take(name, value) {
            self.store(name, &descriptor, value);
        }
    }

    fn unset(&mut self, name: &str) {
        let stored = in_metres(name).map_or(name, |(stored, _)| stored);
        let Some((descriptor, part)) = self.find(name, stored) else { return };
        if !self.may_say(name, stored, false, false) {
            return;
        }
        // Of numbers and doubts, one is taken away by an empty one of its own.
        if let Some(part) = part {
            let value = value_of_part(&descriptor, part, "");
            if let Some(value) = self.violations.take(name, value) {
                self.store(name, &descriptor, value);
            }
        }
    }

    /// The field with this name, and the part of it that is meant. Notes what is wrong.
    fn find<'n>(
        &mut self,
        name: &str,
        stored: &'n str,
    ) -> Option<(FieldDescriptor, Option<&'n str>)> {
        let (head, part) = match stored.split_once('.') {
            Some((head, part)) => (head, Some(part)),
            None => (stored, None),
        };
        let Some(descriptor) = self.of.get_field_by_name(head) else {
            let known: Vec<_> = self.of.fields().map(|field| field.name().to_owned()).collect();
            let sentence = format!("there is no such field; there are {}", known.join(", "));
            self.violations.add(name, "UNKNOWN_FIELD", sentence);
            return None;
        };
        let wants_part = part_name(&descriptor).is_some();
        match part {
            None if wants_part => {
                let sentence = format!("say which: {head}.{}", example_part(head));
                self.violations.add(name, "PART_MISSING", sentence);
                None
            }
            Some(_) if !wants_part => {
                self.violations.add(name, "NO_PARTS", format!("{head} has no parts"));
                None
            }
            Some("") => {
                self.violations.add(name, "PART_MISSING", "say which, after the dot");
                None
            }
            part => Some((descriptor, part)),
        }
    }

    /// Whether this may still be said, and notes that it was.
    fn may_say(&mut self, name: &str, stored: &str, with_value: bool, repeats: bool) -> bool {
        let before = self.said.iter().find(|(said, _)| said == stored).map(|(_, value)| *value);
        match before {
            None => {
                self.said.push((stored.to_owned(), with_value));
                true
            }
            Some(true) if with_value && repeats && !stored.starts_with("doubts.") => true,
            Some(_) => {
                self.violations.add(name, "SAID_TWICE", "it is set or unset more than once");
                false
            }
        }
    }

    fn store(&mut self, name: &str, descriptor: &FieldDescriptor, value: Value) {
        let stored = if descriptor.is_list() {
            match self.fields.get_field_mut(descriptor).as_list_mut() {
                Some(values) => {
                    values.push(value);
                    true
                }
                None => false,
            }
        } else {
            self.fields.try_set_field(descriptor, value).is_ok()
        };
        if !stored {
            self.violations.add(name, "UNSETTABLE", "it cannot be set from the command line");
        }
    }
}

/// The stored field that people give in metres, and its decimal places.
fn in_metres(name: &str) -> Option<(&'static str, Option<usize>)> {
    match name {
        "floor_area_m2" => Some(("floor_area_cm2", Some(4))),
        "area_m2" => Some(("area_cm2", Some(4))),
        "height_m" => Some(("height_cm", Some(2))),
        _ => None,
    }
}

/// The field of a list's items that names the part: of outside numbers the scheme.
fn part_name(descriptor: &FieldDescriptor) -> Option<&'static str> {
    match descriptor.kind().as_message()?.name() {
        "Identifier" => Some("scheme"),
        "FieldDoubt" => Some("field"),
        _ => None,
    }
}

fn example_part(head: &str) -> &'static str {
    match head {
        "codes" => "gbt2260",
        "doubts" => "completed",
        _ => "census",
    }
}

/// Reads a value of a field.
fn value(descriptor: &FieldDescriptor, part: Option<&str>, text: &str) -> Result<Value, Wrong> {
    if let Some(part) = part {
        return value_of_part(descriptor, part, text);
    }
    match descriptor.kind() {
        FieldKind::String => checked_text(descriptor.name(), text),
        FieldKind::Int32 | FieldKind::Uint32 | FieldKind::Int64 | FieldKind::Uint64 => {
            let number = text
                .parse()
                .map_err(|_| ("NOT_A_NUMBER", format!("{text:?} is not a whole number")))?;
            fitting(descriptor, Value::I64(number))
        }
        FieldKind::Bool => match text {
            "true" | "yes" | "是" => Ok(Value::Bool(true)),
            "false" | "no" | "否" => Ok(Value::Bool(false)),
            _ => Err(("NOT_YES_OR_NO", format!("{text:?} is neither yes nor no"))),
        },
        FieldKind::Enum(of) => enum_number(&of, text).map(Value::EnumNumber),
        FieldKind::Message(of) => match of.name() {
            "Location" => location(&of, text).map(Value::Message),
            "Boundary" => boundary(&of, text).map(Value::Message),
            "Qualification" | "Interest" | "Employment" => pairs(&of, text).map(Value::Message),
            _ => Err(unsettable()),
        },
        _ => Err(unsettable()),
    }
}

fn unsettable() -> Wrong {
    ("UNSETTABLE", "it cannot be set from the command line".to_owned())
}

fn value_of_part(descriptor: &FieldDescriptor, part: &str, text: &str) -> Result<Value, Wrong> {
    let kind = descriptor.kind();
    let (Some(of), Some(name)) = (kind.as_message(), part_name(descriptor)) else {
        return Err(unsettable());
    };
    let value_name = if name == "scheme" { "value" } else { "sentence" };
    Ok(Value::Message(texts(of, &[(name, part), (value_name, text)])?))
}

/// A message all of whose given fields are text.
fn texts(of: &MessageDescriptor, given: &[(&str, &str)]) -> Result<DynamicMessage, Wrong> {
    let mut message = DynamicMessage::new(of.clone());
    for (name, text) in given {
        message
            .try_set_field_by_name(name, Value::String((*text).to_owned()))
            .map_err(|_| unsettable())?;
    }
    Ok(message)
}

/// One of a list of periods: `scope=structure,certificate=ZJ-17,from=2019,until=2029-12-31`; of a
/// licence also `suspended=2024-01-01/2024-06-30`.
fn pairs(of: &MessageDescriptor, text: &str) -> Result<DynamicMessage, Wrong> {
    let mut message = DynamicMessage::new(of.clone());
    let mut suspensions = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    for pair in text.split(',').map(str::trim) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(("NO_VALUE", format!("{pair:?} is no name=value")));
        };
        if let ("suspended", Some(field)) = (name, of.get_field_by_name("suspensions")) {
            let kind = field.kind();
            let of = kind.as_message().ok_or_else(unsettable)?;
            let (from, until) = value.split_once('/').unwrap_or((value, ""));
            suspensions.push(Value::Message(texts(of, &[("from", from), ("until", until)])?));
            continue;
        }
        let field = of.get_field_by_name(name).filter(|field| field.kind() == FieldKind::String);
        let Some(field) = field else {
            let known: Vec<_> = of.fields().map(|field| field.name().to_owned()).collect();
            let sentence = format!("there is no {name}; there are {}", known.join(", "));
            return Err(("UNKNOWN_FIELD", sentence));
        };
        if said.contains(&name) {
            return Err(("SAID_TWICE", format!("{name} is given twice")));
        }
        said.push(name);
        if matches!(name, "from" | "until") {
            value.parse::<ImpreciseDay>().map_err(|error| ("BAD_DAY", error.to_string()))?;
        }
        let value = checked_text(name, value)?;
        message.try_set_field(&field, value).map_err(|_| unsettable())?;
    }
    if !suspensions.is_empty() {
        let list = Value::List(suspensions);
        message.try_set_field_by_name("suspensions", list).map_err(|_| unsettable())?;
    }
    Ok(message)
}

/// A text; days and ids are held to their form.
fn checked_text(name: &str, text: &str) -> Result<Value, Wrong> {
    if matches!(name, "completed" | "built") {
        text.parse::<ImpreciseDay>().map_err(|error| ("BAD_DAY", error.to_string()))?;
    }
    if name == "deadline" {
        text.parse::<Day>().map_err(|error| ("BAD_DAY", error.to_string()))?;
    }
    let expected = match name {
        "compound_id" => Some(Kind::Compound),
        "community_id" | "parent_id" | "region_id" => Some(Kind::Region),
        "body_id" => Some(Kind::Body),
        "plan_id" => Some(Kind::Plan),
        "building_id" | "physical_id" => Some(Kind::Building),
        _ => None,
    };
    if let Some(expected) = expected {
        let id: SubjectId = text.parse().map_err(|error| ("BAD_ID", format!("{error}")))?;
        if id.kind() != expected {
            let sentence =
                format!("this is the id of a {}, not of a {}", id.kind().word(), expected.word());
            return Err(("WRONG_KIND", sentence));
        }
    }
    Ok(Value::String(text.to_owned()))
}

/// A number as the field's own type.
fn fitting(descriptor: &FieldDescriptor, value: Value) -> Result<Value, Wrong> {
    let number = value.as_i64().unwrap_or_default();
    let fits = match descriptor.kind() {
        FieldKind::Int64 => Some(Value::I64(number)),
        FieldKind::Int32 => i32::try_from(number).ok().map(Value::I32),
        FieldKind::Uint32 => u32::try_from(number).ok().map(Value::U32),
        FieldKind::Uint64 => u64::try_from(number).ok().map(Value::U64),
        _ => None,
    };
    fits.ok_or_else(|| ("OUT_OF_RANGE", format!("{number} is out of range")))
}

/// Metres with up to `places` decimals, in the stored unit: `1234.5` with 4 is 12345000.
fn decimal(text: &str, places: usize) -> Result<i64, Wrong> {
    let wrong = || ("NOT_A_NUMBER", format!("a number with at most {places} decimal places"));
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |text| ("-", text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let dangles = whole.is_empty() || text.ends_with('.');
    if dangles || !digits(whole) || !digits(fraction) || fraction.len() > places {
        return Err(wrong());
    }
    format!("{sign}{whole}{fraction:0<places$}").parse().map_err(|_| wrong())
}

/// An amount that can be kept; otherwise the range is told in the unit in which it was given.
fn within(stored: &str, amount: i64) -> Result<i64, Wrong> {
    let most = amount_max(stored).unwrap_or(i64::MAX);
    if (1..=most).contains(&amount) {
        return Ok(amount);
    }
    let unit = field::unit(stored).map_or("", |(unit, _)| unit);
    let [least, most] = [1, most].map(|amount| field::amount(stored, amount));
    Err(("OUT_OF_RANGE", format!("from {least} to {most} {unit}")))
}

/// The number of an enumeration's value that is named in full, in short or in Chinese.
pub fn enum_number(of: &prost_reflect::EnumDescriptor, text: &str) -> Result<i32, Wrong> {
    let asked = text.replace(['-', ' '], "_").to_ascii_uppercase();
    let mut known = Vec::new();
    for value in of.values().filter(|value| value.number() != 0) {
        let short = field::short_name(of, value.name());
        let chinese = field::chinese_of(value.name());
        if asked == short || asked == value.name() || chinese == Some(text) {
            return Ok(value.number());
        }
        let short = short.to_ascii_lowercase();
        known.push(chinese.map_or_else(|| short.clone(), |chinese| format!("{short} {chinese}")));
    }
    Err(("UNKNOWN_VALUE", format!("{text:?} is not one of {}", known.join(", "))))
}

/// `crs:longitude,latitude`.
fn location(of: &MessageDescriptor, text: &str) -> Result<DynamicMessage, Wrong> {
    let (system, point) = tagged(of, text, "wgs84:113.6654,34.7579")?;
    let (longitude, latitude) = coordinates(point)?;
    let mut message = texts(of, &[("longitude", longitude), ("latitude", latitude)])?;
    message.try_set_field_by_name("system", system).map_err(|_| unsettable())?;
    Ok(message)
}

/// A box of a map: `crs:west,south;east,north`.
pub fn bounding_box(text: &str) -> Result<v1::BoundingBox, String> {
    const EXAMPLE: &str = "cgcs2000:113.60,34.70;113.70,34.80";
    let of = message::empty("BoundingBox").map_err(|error| error.to_string())?.descriptor();
    let sentence = |wrong: Wrong| wrong.1;
    let (system, corners) = tagged(&of, text, EXAMPLE).map_err(sentence)?;
    let Some((least, most)) = corners.split_once(';') else {
        return Err(format!("a box is its south-west and its north-east corner: {EXAMPLE}"));
    };
    let (longitude_min, latitude_min) = coordinates(least).map_err(sentence)?;
    let (longitude_max, latitude_max) = coordinates(most).map_err(sentence)?;
    Ok(v1::BoundingBox {
        system: system.as_enum_number().unwrap_or_default(),
        longitude_min: longitude_min.to_owned(),
        latitude_min: latitude_min.to_owned(),
        longitude_max: longitude_max.to_owned(),
        latitude_max: latitude_max.to_owned(),
    })
}

/// `crs:longitude,latitude;longitude,latitude;…`.
fn boundary(of: &MessageDescriptor, text: &str) -> Result<DynamicMessage, Wrong> {
    let (system, points) = tagged(of, text, "cgcs2000:113.1,34.1;113.2,34.1;113.2,34.2")?;
    let field = of.get_field_by_name("vertices").ok_or_else(unsettable)?;
    let kind = field.kind();
    let vertex = kind.as_message().ok_or_else(unsettable)?;
    let mut vertices = Vec::new();
    for point in points.split(';').map(str::trim).filter(|point| !point.is_empty()) {
        let (longitude, latitude) = coordinates(point)?;
        let given = [("longitude", longitude), ("latitude", latitude)];
        vertices.push(Value::Message(texts(vertex, &given)?));
    }
    if vertices.len() < VERTICES_MIN {
        return Err(("TOO_FEW", format!("an outline has at least {VERTICES_MIN} points")));
    }
    let mut message = DynamicMessage::new(of.clone());
    message.try_set_field(&field, Value::List(vertices)).map_err(|_| unsettable())?;
    message.try_set_field_by_name("system", system).map_err(|_| unsettable())?;
    Ok(message)
}

/// How histories tell the reference systems.
const TOLD_SYSTEMS: [(&str, &str); 4] =
    [("EPSG:4490", "cgcs2000"), ("EPSG:4326", "wgs84"), ("GCJ-02", "gcj02"), ("BD-09", "bd09")];

/// Splits the reference system off. Coordinates without one are refused: guessing is half a
/// kilometre wrong.
fn tagged<'t>(
    of: &MessageDescriptor,
    text: &'t str,
    example: &str,
) -> Result<(Value, &'t str), Wrong> {
    // As histories tell the systems, too.
    let told = TOLD_SYSTEMS.iter().find_map(|(told, system)| {
        let rest = text.trim_start().strip_prefix(told)?.strip_prefix(':')?;
        Some((*system, rest))
    });
    let (system, rest) = told
        .or_else(|| text.split_once(':'))
        .ok_or_else(|| ("NO_SYSTEM", format!("name the reference system: {example}")))?;
    let field = of.get_field_by_name("system").ok_or_else(unsettable)?;
    let kind = field.kind();
    let systems = kind.as_enum().ok_or_else(unsettable)?;
    Ok((Value::EnumNumber(enum_number(systems, system.trim())?), rest))
}

fn coordinates(point: &str) -> Result<(&str, &str), Wrong> {
    let wrong = || ("BAD_POINT", format!("{point:?} is not longitude,latitude in degrees"));
    let (longitude, latitude) = point.split_once(',').ok_or_else(wrong)?;
    let (longitude, latitude) = (longitude.trim(), latitude.trim());
    let is_degrees = |text: &str, most: u32| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        all_digits(whole)
            && all_digits(fraction)
            && whole.parse::<u32>().is_ok_and(|whole| whole <= most)
    };
    if is_degrees(longitude, 180) && is_degrees(latitude, 90) {
        Ok((longitude, latitude))
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    /// Reads flags written one a line, `-` before a field for `--unset`, and shows what they say.
    fn check(kind: Kind, flags: &str, expected: &Expect) {
        let (mut set, mut unset) = (Vec::new(), Vec::new());
        for flag in flags.lines().map(str::trim).filter(|flag| !flag.is_empty()) {
            match flag.strip_prefix('-') {
                Some(name) => unset.push(name.to_owned()),
                None => set.push(flag.to_owned()),
            }
        }
        let (said, violations) = read(kind, &set, &unset);
        let line = |violation: &crate::kernel::violation::Violation| {
            format!("{} {}: {}", violation.reason, violation.field, violation.message)
        };
        let mut shown: Vec<_> = violations.list().iter().map(line).collect();
        if let Some(Said { fields, mask }) = said.filter(|said| !said.mask.is_empty()) {
            shown.push(serde_json::to_string(&fields).unwrap());
            shown.push(format!("mask {}", mask.join(",")));
        }
        let shown = shown.join("\n");
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_reference_system_is_named_as_it_is_told() {
        let of = message::empty("BuildingFields").unwrap().descriptor();
        let of = of.get_field_by_name("location").unwrap();
        let kind = of.kind();
        let of = kind.as_message().unwrap();
        for (told, named) in [
            ("EPSG:4490", "cgcs2000"),
            ("EPSG:4326", "wgs84"),
            ("GCJ-02", "gcj02"),
            ("BD-09", "bd09"),
        ] {
            let [told, named] = [told, named].map(|system| {
                let text = format!("{system}:113.1,34.1");
                let (system, rest) = tagged(of, &text, "").unwrap();
                (system, rest.to_owned())
            });
            assert_eq!(told, named);
        }
        assert!(tagged(of, "EPSG:9999:113.1,34.1", "").is_err());
    }

    #[test]
    fn every_kind_of_field_can_be_set() {
        check(
            Kind::Building,
            "
            name=12号楼
            completed=1983..1985
            compound_id=cmp_01HF7YAT000000E0000000001A
            structure=brick-concrete
            use=住宅
            storeys_above=6
            floor_area_m2=1234.5
            height_m=20.05
            location=wgs84:113.6654,-34.7579
            identifiers.census=123
            identifiers.census=124
            identifiers.jgjt246=410102-0007
            doubts.completed=the plan says 1987
            ",
            &expect![[r#"
                {"name":"12号楼","compoundId":"cmp_01HF7YAT000000E0000000001A","completed":"1983..1985","structure":"STRUCTURE_BRICK_CONCRETE","storeysAbove":6,"heightCm":2005,"floorAreaCm2":"12345000","use":"BUILDING_USE_DWELLING","location":{"system":"COORDINATE_SYSTEM_WGS84","longitude":"113.6654","latitude":"-34.7579"},"identifiers":[{"scheme":"census","value":"123"},{"scheme":"census","value":"124"},{"scheme":"jgjt246","value":"410102-0007"}],"doubts":[{"field":"completed","sentence":"the plan says 1987"}]}
                mask name,completed,compound_id,structure,use,storeys_above,floor_area_cm2,height_cm,location,identifiers,doubts"#]],
        );
        check(
            Kind::Compound,
            "
            aliases=北院
            aliases=North Court
            management=SELF
            boundary=cgcs2000:113.1,34.1; 113.2,34.1; 113.2,34.2
            ",
            &expect![[r#"
                {"aliases":["北院","North Court"],"boundary":{"system":"COORDINATE_SYSTEM_CGCS2000","vertices":[{"longitude":"113.1","latitude":"34.1"},{"longitude":"113.2","latitude":"34.1"},{"longitude":"113.2","latitude":"34.2"}]},"management":"MANAGEMENT_MODE_SELF"}
                mask aliases,management,boundary"#]],
        );
        check(
            Kind::Unit,
            "floor=-1\narea_cm2=895000\nuse=GARAGE",
            &expect![[r#"
                {"floor":-1,"areaCm2":"895000","use":"UNIT_USE_GARAGE"}
                mask floor,area_cm2,use"#]],
        );
        check(
            Kind::Region,
            "codes.gbt2260=410102\nname=中原区",
            &expect![[r#"
                {"name":"中原区","codes":[{"scheme":"gbt2260","value":"410102"}]}
                mask codes,name"#]],
        );
    }

    #[test]
    fn what_is_unset_is_in_the_mask_and_has_no_value() {
        check(
            Kind::Building,
            "
            address=人民路12号
            -name
            -floor_area_m2
            -identifiers.census
            -doubts.completed
            ",
            &expect![[r#"
                {"address":"人民路12号","identifiers":[{"scheme":"census"}],"doubts":[{"field":"completed"}]}
                mask address,name,floor_area_cm2,identifiers,doubts"#]],
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        check(
            Kind::Building,
            "
            colour=red
            structure=straw
            storeys_above=-1
            lift_count=two
            floor_area_m2=1.23456
            height_m=-5
            completed=next year
            compound_id=bld_01HF7YAT000000E0000000001A
            community_id=nowhere
            location=113.6,34.7
            location=mars:113.6,34.7
            name=a
            name=b
            -address
            address=c
            identifiers=5
            name.first=x
            protection=
            use
            -use
            design_life_years=50
            identifiers.census=1
            ",
            &expect![[r#"
                UNKNOWN_FIELD colour: there is no such field; there are name, address, compound_id, community_id, completed, design_life_years, structure, storeys_above, storeys_below, height_cm, floor_area_cm2, use, lift_count, protection, location, physical_id, identifiers, doubts
                UNKNOWN_VALUE structure: "straw" is not one of brick_concrete 砖混, brick_timber 砖木, timber 木结构, reinforced_concrete 钢筋混凝土, steel 钢结构, steel_concrete 钢和钢筋混凝土混合, other 其他
                OUT_OF_RANGE storeys_above: -1 is out of range
                NOT_A_NUMBER lift_count: "two" is not a whole number
                NOT_A_NUMBER floor_area_m2: a number with at most 4 decimal places
                OUT_OF_RANGE height_m: from 0.01 to 2000 m
                BAD_DAY completed: a day that may be imprecise is written as 2024-07-01, 2024-07, 2024, 1980s, <1986, 1983..1985, or unknown
                WRONG_KIND compound_id: this is the id of a building, not of a compound
                BAD_ID community_id: an id is a prefix, an underscore and 26 letters or digits, for example bld_01J8…
                NO_SYSTEM location: name the reference system: wgs84:113.6654,34.7579
                SAID_TWICE location: it is set or unset more than once
                SAID_TWICE name: it is set or unset more than once
                PART_MISSING identifiers: say which: identifiers.census
                NO_PARTS name.first: name has no parts
                EMPTY protection: say --unset protection for unknown or none
                NO_VALUE use: --set takes field=value
                SAID_TWICE address: it is set or unset more than once
                {"designLifeYears":50}
                mask design_life_years"#]],
        );
        check(
            Kind::Compound,
            "
            boundary=cgcs2000:113.1,34.1;113.2,34.1
            location=cgcs2000:213.1,34.1
            management=0
            management_mode=self
            ",
            &expect![[r#"
                TOO_FEW boundary: an outline has at least 3 points
                BAD_POINT location: "213.1,34.1" is not longitude,latitude in degrees
                UNKNOWN_VALUE management: "0" is not one of company 物业企业, self 业主自管, community 社区代管, work_unit 单位管理, none 无管理
                UNKNOWN_FIELD management_mode: there is no such field; there are name, aliases, address, community_id, built, location, boundary, management, identifiers, doubts"#]],
        );
        check(Kind::Case, "name=x", &expect!["KIND id: a case has no fields to set"]);
    }

    fn reads_back(stored: i64) -> Result<(), TestCaseError> {
        for (name, places) in [("floor_area_cm2", 4), ("height_cm", 2)] {
            prop_assert_eq!(decimal(&field::amount(name, stored), places), Ok(stored));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn what_is_shown_in_metres_reads_back(stored in 0..=i64::MAX) {
            reads_back(stored)?;
        }
    }

    #[test]
    fn metres_lose_nothing() {
        let read =
            [("1", 10_000), ("0.0001", 1), ("12.5", 125_000), ("007", 70_000), ("-1", -10_000)];
        for (text, stored) in read {
            assert_eq!(decimal(text, 4), Ok(stored), "{text}");
        }
        for text in ["", ".", "1.", ".5", "-", "+1", "1e3", "1,5", "0.00001", "922337203685477581"]
        {
            assert!(decimal(text, 4).is_err(), "{text}");
        }
    }
}
