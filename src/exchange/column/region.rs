//! The columns of regions.

use crate::{
    exchange::column::{By, Column, Form, source_of, words::LEVELS},
    kernel::limit::NAME_CHARS_MAX,
};

pub(super) static REGION: &[Column] = &[
    Column::new(
        "level",
        &["级别", "行政级别"],
        "",
        Form::Word(LEVELS, |draft| &mut draft.region.level),
        "Province, city, district, street or community.",
    ),
    Column::new(
        "name",
        &["名称", "区划名称"],
        "name",
        Form::Text(NAME_CHARS_MAX, |draft| &mut draft.region.name),
        "Its name.",
    ),
    Column::new(
        "parent_id",
        &["上级标识"],
        "",
        Form::Reference(By::Id, |draft| &mut draft.parent_of_region),
        "The region above, by the registry's id.",
    ),
    Column::new(
        "parent_key",
        &["上级代码", "上级编号", "parent"],
        "",
        Form::Reference(By::Key, |draft| &mut draft.parent_of_region),
        "The region above, by its key in the same source.",
    ),
    source_of(
        "parent_source",
        &["上级来源"],
        |draft| &mut draft.parent_source,
        "The source of `parent_key`, when it is not the row's.",
    ),
    Column::new(
        "parent_identifier",
        &[],
        "",
        Form::Reference(By::Identifier, |draft| &mut draft.parent_of_region),
        "The region above, by an outside number: `stats12:410102000000`.",
    ),
    Column::new(
        "codes",
        &["代码表"],
        "",
        Form::Identifiers(|draft| &mut draft.region.codes),
        "Its codes: `gbt2260:410102|stats12:410102000000`.",
    ),
    Column::new(
        "gbt2260",
        &["行政区划代码"],
        "codes.gbt2260",
        Form::Scheme("gbt2260", |draft| &mut draft.region.codes),
        "Its code of GB/T 2260.",
    )
    .read_only(),
    Column::new(
        "stats12",
        &["统计用区划代码", "统计代码"],
        "codes.stats12",
        Form::Scheme("stats12", |draft| &mut draft.region.codes),
        "Its 12-digit statistical code.",
    )
    .read_only(),
    Column::new(
        "opens_partition",
        &["独立分区"],
        "",
        Form::Flag(|draft| &mut draft.opens_partition),
        "Whether all below it is kept in a partition of its own.",
    ),
];
