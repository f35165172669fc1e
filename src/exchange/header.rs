//! The header row: which column of ours each column of a file is, by its name or by a mapping.
//!
//! All that is wrong with a header is said at once; what could be bound of it still judges the rows.

use std::collections::BTreeMap;

use crate::exchange::{
    column::{Column, FileKind, Form},
    reject::ADDED_COLUMNS,
};

/// Words for units of area, with the decimals that lead to square centimetres.
pub const AREA_UNITS: &[(&str, usize)] = &[
    ("平方厘米", 0),
    ("cm2", 0),
    ("cm²", 0),
    ("平方米", 4),
    ("平米", 4),
    ("m2", 4),
    ("m²", 4),
    ("㎡", 4),
];
/// Words for units of length, with the decimals that lead to centimetres.
pub const LENGTH_UNITS: &[(&str, usize)] = &[("厘米", 0), ("cm", 0), ("米", 2), ("m", 2)];

/// A header without what does not matter in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Plain {
    /// Lower case, no blanks, no `_`, no brackets at the end.
    pub name: String,
    /// What stood in brackets at the end.
    pub unit: Option<String>,
}

/// Takes from a header what does not matter: case, blanks, `_`, a star, full-width brackets.
pub fn plain(header: &str) -> Plain {
    let narrowed: String = header
        .chars()
        .filter(|character| !character.is_whitespace() && !matches!(character, '_' | '*' | '＊'))
        .map(|character| match character {
            '（' | '【' | '[' => '(',
            '）' | '】' | ']' => ')',
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect();
    let bracketed = narrowed.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    match bracketed {
        Some((name, unit)) if !name.is_empty() => {
            Plain { name: name.to_owned(), unit: Some(unit.to_owned()) }
        }
        _ => Plain { name: narrowed, unit: None },
    }
}

/// Which header each column has, from a mapping file: `floor_area_m2 = "面积"`, and
/// `ignore = ["备注"]` for columns that are left aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Headers by the names of our columns.
    headers: BTreeMap<String, String>,
    /// Headers that are left aside.
    ignored: Vec<String>,
}

impl Mapping {
    /// Reads a mapping file.
    pub fn read(text: &str) -> Result<Self, MappingError> {
        let table: BTreeMap<String, toml::Value> = toml::from_str(text)?;
        let mut mapping = Self::default();
        for (name, value) in table {
            match (name.as_str(), value) {
                ("ignore", toml::Value::Array(list)) => {
                    for each in list {
                        let header = each.as_str().ok_or(MappingError::Form)?;
                        mapping.ignored.push(header.to_owned());
                    }
                }
                (_, toml::Value::String(header)) => {
                    mapping.headers.insert(name, header);
                }
                _ => return Err(MappingError::Form),
            }
        }
        Ok(mapping)
    }
}

/// Why a mapping file is none.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// Not TOML.
    #[error("the mapping is not TOML")]
    Toml(#[from] toml::de::Error),
    /// Not columns and headers.
    #[error(
        "a mapping has lines like `floor_area_m2 = \"面积\"` and at most one `ignore = [\"备注\"]`"
    )]
    Form,
}

/// What is wrong with a header row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderFault {
    /// The stable reason.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
}

/// A column of a file that is a column of ours.
#[derive(Clone, Copy)]
pub struct Bound {
    /// The column.
    pub column: &'static Column,
    /// For areas and heights: the decimals that lead to the smallest unit.
    pub decimals: usize,
}

/// Which column of ours each column of a file is.
pub struct Layout {
    /// What the rows are about.
    pub kind: FileKind,
    bound: Vec<(String, Option<Bound>)>,
    /// Whether some columns may be ours and could not be bound.
    is_flawed: bool,
}

impl Layout {
    /// Binds `headers`. With `ignore_unknown`, columns that are not known are left aside.
    pub fn bind(
        kind: FileKind,
        headers: &[String],
        mapping: &Mapping,
        ignore_unknown: bool,
    ) -> Result<Self, Vec<HeaderFault>> {
        let (layout, faults) = Self::bind_some(kind, headers, mapping, ignore_unknown);
        if faults.is_empty() { Ok(layout) } else { Err(faults) }
    }

    /// Binds the columns that can be bound, and tells all that is wrong with the others. By what is
    /// bound the rows of a file can be judged that cannot be taken.
    pub fn bind_some(
        kind: FileKind,
        headers: &[String],
        mapping: &Mapping,
        ignore_unknown: bool,
    ) -> (Self, Vec<HeaderFault>) {
        let mut faults = Vec::new();
        let mut fault = |reason, message: String| faults.push(HeaderFault { reason, message });
        for (name, header) in &mapping.headers {
            if kind.column(name).is_none() {
                fault(
                    "UNKNOWN_COLUMN",
                    format!("the mapping names {name:?}, no column of {}", kind.word()),
                );
            }
            if !headers.contains(header) {
                fault(
                    "MISSING_COLUMN",
                    format!(
                        "the mapping names the header {header:?}, which the file does not have"
                    ),
                );
            }
        }
        let mut bound: Vec<(String, Option<Bound>)> = Vec::new();
        for header in headers {
            let found = find(kind, header, mapping);
            if let Some(column) = found
                && let Some((other, _)) = bound
                    .iter()
                    .find(|(_, other)| other.is_some_and(|other| other.column.name == column.name))
            {
                fault(
                    "COLUMN_TWICE",
                    format!("{other:?} and {header:?} are both {:?}", column.name),
                );
                bound.push((header.clone(), None));
                continue;
            }
            let passed = ADDED_COLUMNS.contains(&header.as_str())
                || header.is_empty()
                || mapping.ignored.contains(header);
            if found.is_none() && !passed && !ignore_unknown {
                fault("UNKNOWN_COLUMN", format!("{header:?} is no column of {}", kind.word()));
            }
            let binding = match found.map(|column| decimals(column, header).map(|d| (column, d))) {
                Some(Ok((column, decimals))) => Some(Bound { column, decimals }),
                Some(Err(message)) => {
                    fault("UNIT_NOT_TAKEN", message);
                    None
                }
                None => None,
            };
            bound.push((header.clone(), binding));
        }
        for group in kind.required() {
            let has = |name: &&str| {
                headers.iter().any(|h| find(kind, h, mapping).is_some_and(|c| c.name == *name))
            };
            if !group.iter().any(has) {
                fault("MISSING_COLUMN", format!("the file has no column {}", group.join(" or ")));
            }
        }
        (Self { kind, bound, is_flawed: !faults.is_empty() }, faults)
    }

    /// Whether no column says a field, though one of those that could not be bound may: that a row
    /// has it not is then no fault of the row.
    pub fn lacks(&self, field: &str) -> bool {
        let mut bound = self.bound.iter().filter_map(|(_, bound)| bound.as_ref());
        self.is_flawed && !bound.any(|bound| says(bound.column, field))
    }

    /// The columns in the order of the file: the header and, when it is one of ours, which.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Option<Bound>)> {
        self.bound.iter().map(|(header, bound)| (header.as_str(), *bound))
    }

    /// The header of the column that says this field of the API, by its path or its last part; the
    /// field itself when none does. A relation is said by any column that names it (`community` by
    /// `community_code`).
    pub fn header_of<'a>(&'a self, field: &'a str) -> &'a str {
        let columns =
            || self.bound.iter().filter_map(|(h, bound)| Some((h, bound.as_ref()?.column)));
        // What is otherwise on other days is all in one column.
        let is_of_days = |(head, _): &(&'a str, &str)| ["earlier", "later"].contains(head);
        let field = field.split_once('[').filter(is_of_days).map_or(field, |(head, _)| head);
        let last = field.rsplit('.').next().unwrap_or(field);
        let by_path = columns().find(|(_, column)| !field.is_empty() && column.path == field);
        let names = [field, last];
        by_path
            .or_else(|| {
                names.iter().find_map(|name| columns().find(|(_, column)| column.name == *name))
            })
            .or_else(|| columns().find(|(_, column)| says(column, field) || says(column, last)))
            .or_else(|| columns().find(|(_, column)| has_part(column, field)))
            .map_or(field, |(header, _)| header.as_str())
    }

    /// The column with this header.
    pub fn bound(&self, header: &str) -> Option<Bound> {
        self.bound.iter().find(|(own, _)| own == header).and_then(|(_, bound)| *bound)
    }

    /// Whether a column with this header says the field.
    pub fn is_said_by(&self, field: &str, header: &str) -> bool {
        self.bound.iter().any(|(own, bound)| {
            own == header && bound.is_some_and(|bound| says(bound.column, field))
        })
    }
}

fn says(column: &Column, field: &str) -> bool {
    let relation = field.strip_suffix("_id").unwrap_or(field);
    let names = matches!(column.form, Form::Reference(..))
        && column.name.strip_prefix(relation).is_some_and(|rest| rest.starts_with('_'));
    let is_own = |own: &str| !field.is_empty() && own == field;
    column.name == field || is_own(column.field) || is_own(column.path) || names
}

/// Whether a column says something that a field is a part of: `grades` of `fields.grades[0].value`.
fn has_part(column: &Column, field: &str) -> bool {
    field.split('.').filter_map(|part| part.split_once('[')).any(|(name, _)| says(column, name))
}

fn find(kind: FileKind, header: &str, mapping: &Mapping) -> Option<&'static Column> {
    if let Some((name, _)) = mapping.headers.iter().find(|(_, mapped)| *mapped == header) {
        return kind.column(name);
    }
    if mapping.ignored.iter().any(|ignored| ignored == header) || ADDED_COLUMNS.contains(&header) {
        return None;
    }
    let wanted = plain(header).name;
    kind.columns()
        .filter(|column| !mapping.headers.contains_key(column.name))
        .find(|column| column.aliases.iter().chain([&column.name]).any(|n| plain(n).name == wanted))
}

/// The column of what is said of subjects of a kind that has a header, as it is named in a cell of other
/// days; an error when its unit is not taken.
pub(super) fn bound_of(kind: FileKind, header: &str) -> Option<Result<Bound, String>> {
    let column = find(kind, header, &Mapping::default())?;
    let is_own = kind.own_columns().iter().any(|own| own.name == column.name);
    let bound = decimals(column, header).map(|decimals| Bound { column, decimals });
    is_own.then_some(bound)
}

/// The decimals that lead from the header's unit to ours.
fn decimals(column: &Column, header: &str) -> Result<usize, String> {
    let (units, plain_unit) = match column.form {
        Form::Area(_) => (AREA_UNITS, 4),
        Form::Height(_) => (LENGTH_UNITS, 2),
        _ => return Ok(0),
    };
    let Plain { name, unit } = plain(header);
    match unit {
        Some(unit) => units
            .iter()
            .find(|(word, _)| *word == unit)
            .map(|(_, decimals)| *decimals)
            .ok_or_else(|| {
                format!("{header:?}: {unit:?} is not taken; give m² or m, all digits written out")
            }),
        None if name.ends_with("cm2") || name.ends_with("cm") => Ok(0),
        None => Ok(plain_unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    fn reasons(kind: FileKind, text: &str) -> Vec<&'static str> {
        match Layout::bind(kind, &headers(text), &Mapping::default(), false) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.iter().map(|fault| fault.reason).collect(),
        }
    }

    fn names(text: &str, mapping: &Mapping) -> Vec<(&'static str, usize)> {
        let layout = Layout::bind(FileKind::Buildings, &headers(text), mapping, true);
        let layout = layout.map_err(|faults| format!("{faults:?}")).unwrap();
        layout
            .columns()
            .map(|(_, bound)| bound.map_or(("-", 0), |b| (b.column.name, b.decimals)))
            .collect()
    }

    #[test]
    fn headers_are_known_in_chinese_and_english_with_their_units() {
        let found = names(
            "编号,小区编号,建筑面积（平方米）,建筑高度(cm),Storeys Above,*结构类型,备注",
            &Mapping::default(),
        );
        let expected = [
            ("key", 0),
            ("compound_key", 0),
            ("floor_area_m2", 4),
            ("height_m", 0),
            ("storeys_above", 0),
            ("structure", 0),
            ("-", 0),
        ];
        assert_eq!(found, expected);
        assert_eq!(names("key,compoundKey,floor_area_cm2", &Mapping::default())[2].1, 0);
    }

    #[test]
    fn a_mapping_goes_before_the_names() {
        let mapping =
            Mapping::read("key = \"门牌\"\nfloor_area_m2 = \"面积\"\nignore = [\"编号\"]");
        let found = names("门牌,编号,小区编号,面积", &mapping.unwrap());
        assert_eq!(found, [("key", 0), ("-", 0), ("compound_key", 0), ("floor_area_m2", 4)]);
        assert!(matches!(Mapping::read("key = 3"), Err(MappingError::Form)));
        assert!(matches!(Mapping::read("key ="), Err(MappingError::Toml(_))));
    }

    #[test]
    fn all_that_is_wrong_with_a_header_is_said_at_once() {
        let found = reasons(FileKind::Buildings, "名称,楼号,颜色,建筑面积(万㎡)");
        assert_eq!(
            found,
            [
                "COLUMN_TWICE",
                "UNKNOWN_COLUMN",
                "UNIT_NOT_TAKEN",
                "MISSING_COLUMN",
                "MISSING_COLUMN"
            ]
        );
        assert_eq!(reasons(FileKind::Units, "key,楼栋编号,楼层,房号,面积(m²)"), [""; 0]);
        let mapping = Mapping::read("colour = \"颜色\"").unwrap();
        let faults = Layout::bind(FileKind::Units, &headers("key,楼栋编号"), &mapping, false);
        let reasons: Vec<_> = faults.err().unwrap().iter().map(|fault| fault.reason).collect();
        assert_eq!(reasons, ["UNKNOWN_COLUMN", "MISSING_COLUMN"]);
    }

    #[test]
    fn the_columns_that_a_reject_file_adds_are_passed_over() {
        let text = format!("key,楼栋编号,{}", ADDED_COLUMNS.join(","));
        assert_eq!(reasons(FileKind::Units, &text), [""; 0]);
    }
}
