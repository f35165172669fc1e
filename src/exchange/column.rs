//! The one table of columns: what each is called, which slot it fills, how its cells are read.
//!
//! Reading, writing, the header's names and `docs/import.md` all come from it.

use clap::ValueEnum;

use crate::{
    exchange::{
        column::{building::BUILDING, compound::COMPOUND, region::REGION, unit::UNIT},
        draft::{Draft, DraftPeriod, Successor},
        paper_column::{FINDING, FINDING_NEEDS, INSPECTION, INSPECTION_NEEDS},
        policy_column::{POLICY, POLICY_NEEDS},
    },
    kernel::{id::Kind, limit::ENTRY_SUBJECTS_MAX},
    proto::v1::{
        Boundary, Document, Grade, Identifier, ImportObject, Insurer, PolicyCover, PolicyPremium,
        Reference,
    },
};

mod building;
mod compound;
mod place;
mod region;
mod unit;
mod words;

pub(super) use words::word;
pub use words::{
    BUILDING_USES, END_CAUSES, LEVELS, MANAGEMENTS, PROTECTIONS, STRUCTURES, SYSTEMS, UNIT_USES,
    Word,
};

/// What the rows of a file are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum FileKind {
    /// 行政区划
    Regions,
    /// 小区
    Compounds,
    /// 栋
    Buildings,
    /// 户
    Units,
    /// 体检、巡查、鉴定报告
    Inspections,
    /// 问题
    Findings,
    /// 保险单
    Policies,
}

impl FileKind {
    /// Every kind, in the order in which they build on each other.
    pub const ALL: [Self; 7] = [
        Self::Regions,
        Self::Compounds,
        Self::Buildings,
        Self::Units,
        Self::Inspections,
        Self::Findings,
        Self::Policies,
    ];
    /// Those that are written too.
    pub const EXPORTED: [Self; 4] = [Self::Regions, Self::Compounds, Self::Buildings, Self::Units];

    /// The word of the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regions => "regions",
            Self::Compounds => "compounds",
            Self::Buildings => "buildings",
            Self::Units => "units",
            Self::Inspections => "inspections",
            Self::Findings => "findings",
            Self::Policies => "policies",
        }
    }

    /// Whether its rows say days of their own, and not since when something exists.
    pub const fn is_of_papers(self) -> bool {
        matches!(self, Self::Inspections | Self::Findings)
    }

    /// Its columns, in the order in which they are written.
    pub fn columns(self) -> impl Iterator<Item = &'static Column> {
        let last = match self {
            Self::Inspections | Self::Findings | Self::Policies => &[],
            Self::Regions | Self::Compounds | Self::Buildings | Self::Units => LAST,
        };
        FIRST.iter().chain(self.own_columns()).chain(last)
    }

    /// The columns of what is said of its subjects: that can be otherwise on other days.
    pub const fn own_columns(self) -> &'static [Column] {
        match self {
            Self::Regions => REGION,
            Self::Compounds => COMPOUND,
            Self::Buildings => BUILDING,
            Self::Units => UNIT,
            Self::Inspections => INSPECTION,
            Self::Findings => FINDING,
            Self::Policies => POLICY,
        }
    }

    /// The column with this name.
    pub fn column(self, name: &str) -> Option<&'static Column> {
        self.columns().find(|column| column.name == name)
    }

    /// Groups of columns of which a file must have at least one.
    pub const fn required(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Regions => &[&["key"], &["name"], &["level"]],
            Self::Compounds => &[
                &["key"],
                &["name"],
                &["community_id", "community_code", "community_key", "community_identifier"],
            ],
            Self::Buildings => &[
                &["key"],
                &[
                    "compound_id",
                    "compound_key",
                    "compound_identifier",
                    "community_id",
                    "community_code",
                    "community_key",
                    "community_identifier",
                ],
            ],
            Self::Units => &[&["key"], &["building_id", "building_key", "building_identifier"]],
            Self::Inspections => INSPECTION_NEEDS,
            Self::Findings => FINDING_NEEDS,
            Self::Policies => POLICY_NEEDS,
        }
    }
}

/// A slot of a draft.
pub type Slot<T> = fn(&mut Draft) -> &mut T;

/// How the cells of a column are read, and which slot they fill.
#[derive(Clone, Copy)]
pub enum Form {
    /// Any text up to so many characters.
    Text(usize, Slot<Option<String>>),
    /// A text that is no text of the subject's: keys, sources, ids.
    Token(usize, Slot<Option<String>>),
    /// A day that may be imprecise.
    Day(Slot<Option<String>>),
    /// One exact day.
    ExactDay(Slot<Option<String>>),
    /// A whole number between two, with words of its unit that may stand behind it.
    Count(u32, u32, &'static [&'static str], Slot<Option<u32>>),
    /// A storey: below ground negative.
    Storey(Slot<Option<i32>>),
    /// Square metres, kept in square centimetres.
    Area(Slot<Option<i64>>),
    /// Metres, kept in centimetres.
    Height(Slot<Option<u32>>),
    /// One word of a list, kept as the number of the API's enumeration.
    Word(&'static [Word], Slot<i32>),
    /// A list of at most so many texts, joined with `|`.
    List(usize, Slot<Vec<String>>),
    /// Outside numbers of all schemes: `scheme:value|scheme:value`.
    Identifiers(Slot<Vec<Identifier>>),
    /// Outside numbers of one scheme, joined with `|`.
    Scheme(&'static str, Slot<Vec<Identifier>>),
    /// Another subject.
    Reference(By, Slot<Option<Reference>>),
    /// Other subjects, each by its id or as `scheme:value`, joined with `|`.
    References(Kind, Slot<Vec<Reference>>),
    /// What stands in the place of a subject, each perhaps with its share, joined with `|`:
    /// `B-2;1/3|B-3;2/3`.
    Successors(By, Slot<Vec<Successor>>),
    /// What was taken out of a subject, each with its day and share: `2019-03-01;B-2;1/3`.
    Parts(By, Slot<Vec<Successor>>),
    /// What was or will be otherwise, joined with `|`: a day, and the columns that are otherwise:
    /// `2012-03-01;compound_key=C-1;floor_area_m2=250`.
    Periods(Slot<Vec<DraftPeriod>>),
    /// Grades, joined with `|`: `SURVEY;2020;BUILDING;B`.
    Grades(Slot<Vec<Grade>>),
    /// Papers, joined with `|`: the hash, the bytes, the type and where it lies.
    Documents(Slot<Vec<Document>>),
    /// Insurers, joined with `|`, each with its share: `P-1 60%|P-2 40%`.
    Insurers(Slot<Vec<Insurer>>),
    /// Covers, joined with `|`: `STR;sum=1000000;from=2024-01-01;until=2024-12-31`.
    Covers(Slot<Vec<PolicyCover>>),
    /// Parts of a premium, joined with `|`: `15000;DEVELOPER`.
    Premiums(Slot<Vec<PolicyPremium>>),
    /// What is insured, joined with `|`: ids of anything, or keys or outside numbers of one kind.
    Objects(Option<Kind>, By, Slot<Vec<ImportObject>>),
    /// Degrees up to so many.
    Degrees(i64, Slot<Option<String>>),
    /// An outline: `CGCS2000;113.1 34.2;113.2 34.2;113.2 34.3`.
    Outline(Slot<Option<Boundary>>),
    /// Yes or no.
    Flag(Slot<Option<bool>>),
}

/// By what another subject is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The registry's id.
    Id,
    /// A key of the same source.
    Key,
    /// `scheme:value`.
    Identifier,
    /// The 12-digit statistical code.
    Code,
}

/// A column.
pub struct Column {
    /// Its name in files that we write.
    pub name: &'static str,
    /// Other names, the usual Chinese one first. Case, blanks, `_` and a unit in brackets do not
    /// matter.
    pub aliases: &'static [&'static str],
    /// The field of the API that it says; empty for what cannot be said to be unknown.
    pub field: &'static str,
    /// The path by which a refusal names it, when that is neither its name nor the field.
    pub path: &'static str,
    /// How its cells are read.
    pub form: Form,
    /// Whether it is in files that we write.
    pub exported: bool,
    /// One sentence for `docs/import.md`.
    pub about: &'static str,
}

impl Column {
    pub(super) const fn new(
        name: &'static str,
        aliases: &'static [&'static str],
        field: &'static str,
        form: Form,
        about: &'static str,
    ) -> Self {
        Self { name, aliases, field, path: "", form, exported: true, about }
    }

    /// A column that is read but never written.
    pub(super) const fn read_only(self) -> Self {
        Self { exported: false, ..self }
    }
}

/// Characters of a key.
pub(super) const KEY_CHARS_MAX: usize = 100;
/// What may stand in the place of one subject.
const SUCCESSORS_MAX: usize = ENTRY_SUBJECTS_MAX - 1;
/// The source of a key by which another subject is named.
pub(super) const fn source_of(
    name: &'static str,
    aliases: &'static [&'static str],
    slot: Slot<Option<String>>,
    about: &'static str,
) -> Column {
    Column::new(name, aliases, "", Form::Token(KEY_CHARS_MAX, slot), about)
}

static FIRST: &[Column] = &[
    Column::new(
        "source",
        &["来源", "数据来源"],
        "",
        Form::Token(KEY_CHARS_MAX, |draft| &mut draft.source),
        "Where the row comes from, when it is not the file's source.",
    ),
    Column::new(
        "key",
        &["编号", "键", "代码", "code", "序列号"],
        "",
        Form::Token(KEY_CHARS_MAX, |draft| &mut draft.key),
        "The source's own key of the row, the same for ever.",
    ),
    Column::new(
        "id",
        &["登记标识", "anju_id"],
        "",
        Form::Token(KEY_CHARS_MAX, |draft| &mut draft.id),
        "The registry's id; written for people, and read only to find the partition.",
    ),
    Column::new(
        "city_code",
        &["城市代码", "所属城市代码"],
        "",
        Form::Token(12, |draft| &mut draft.district_code),
        "The statistical code of the city or district it lies in; read only to find the partition.",
    ),
];

/// Since when it exists.
pub(super) const EXISTS_FROM: Column = Column::new(
    "exists_from",
    &["存在起始", "始存日期", "存在自"],
    "",
    Form::Day(|draft| &mut draft.exists_from),
    "Since when it exists; for a row that is new, `--exists-from` where it is empty.",
);

/// From when a change holds.
pub(super) const FROM: Column = Column::new(
    "from",
    &["变更日期", "生效日期"],
    "",
    Form::ExactDay(|draft| &mut draft.from),
    "From when a change holds; the file's `from` where it is empty.",
)
.read_only();

static LAST: &[Column] = &[
    EXISTS_FROM,
    FROM,
    Column::new(
        "ended_on",
        &["终止日期", "灭失日期"],
        "",
        Form::Day(|draft| &mut draft.ended_on),
        "The first day on which it was no more; of a merge or split an exact one.",
    ),
    Column::new(
        "end_cause",
        &["终止原因", "灭失原因", "注销原因"],
        "",
        Form::Word(END_CAUSES, |draft| &mut draft.end_cause),
        "Why it ended; goes with `ended_on`.",
    ),
    successors(
        "successor_keys",
        &["去向编号", "继承编号", "并入编号"],
        By::Key,
        "What it was merged or split into, by their keys with `|` between them, each with its share when \
         that is not all: `B-2;1/3|B-3;2/3`.",
    ),
    Column::new(
        "successor_source",
        &["去向来源", "继承来源"],
        "",
        Form::List(SUCCESSORS_MAX, |draft| &mut draft.successor_sources),
        "The source of `successor_keys`, when it is not the row's: one for all of them, or one for each \
         with `|` between them.",
    ),
    successors(
        "successor_identifiers",
        &["去向外部编号"],
        By::Identifier,
        "What it was merged or split into, by outside numbers: `stats12:410102001000`.",
    ),
    successors(
        "successor_ids",
        &["去向标识"],
        By::Id,
        "What it was merged or split into, by the registry's ids.",
    ),
    Column::new(
        "earlier",
        &["以前情况", "曾经"],
        "",
        Form::Periods(|draft| &mut draft.earlier),
        "What it was before: up to a day, other values of its columns: \
         `2012-03-01;compound_key=C-1;floor_area_m2=250`.",
    ),
    Column::new(
        "later",
        &["以后情况", "拟变更"],
        "",
        Form::Periods(|draft| &mut draft.later),
        "What it will be: from a day on, other values of its columns.",
    ),
    parts(
        "split_off_keys",
        &["分出编号"],
        By::Key,
        "What was taken out of it while it lived on: the day, the key and the share of each, \
         `2019-03-01;B-2;1/3`.",
    ),
    Column::new(
        "split_off_source",
        &["分出来源"],
        "",
        Form::List(SUCCESSORS_MAX, |draft| &mut draft.split_off_sources),
        "The source of `split_off_keys`, when it is not the row's: one for all of them, or one for each \
         with `|` between them.",
    ),
    parts(
        "split_off_identifiers",
        &["分出外部编号"],
        By::Identifier,
        "What was taken out of it, by outside numbers: `2019-03-01;stats12:410102001000;1/3`.",
    ),
    parts(
        "split_off_ids",
        &["分出标识"],
        By::Id,
        "What was taken out of it, by the registry's ids.",
    ),
];

const fn parts(
    name: &'static str,
    aliases: &'static [&'static str],
    by: By,
    about: &'static str,
) -> Column {
    let form = Form::Parts(by, |draft| &mut draft.split_off);
    Column { path: "split_off", ..Column::new(name, aliases, "", form, about) }
}

const fn successors(
    name: &'static str,
    aliases: &'static [&'static str],
    by: By,
    about: &'static str,
) -> Column {
    let form = Form::Successors(by, |draft| &mut draft.successors);
    Column { path: "successors", ..Column::new(name, aliases, "", form, about) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::header::plain;
    use std::collections::BTreeMap;

    #[test]
    fn no_name_of_a_column_is_the_name_of_another() {
        for kind in FileKind::ALL {
            let mut names = BTreeMap::new();
            for column in kind.columns() {
                for name in column.aliases.iter().chain([&column.name]) {
                    let other = names.insert(plain(name).name, column.name);
                    assert!(
                        other.is_none_or(|other| other == column.name),
                        "{kind:?} {name}: {other:?} and {}",
                        column.name
                    );
                }
            }
        }
    }

    #[test]
    fn every_required_column_exists() {
        for kind in FileKind::ALL {
            for name in kind.required().iter().copied().flatten() {
                assert!(kind.column(name).is_some(), "{kind:?} {name}");
            }
        }
    }
}
