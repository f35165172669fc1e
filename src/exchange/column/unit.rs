//! The columns of units.

use crate::{
    exchange::column::{By, Column, Form, source_of, words::UNIT_USES},
    kernel::limit::NAME_CHARS_MAX,
};

pub(super) static UNIT: &[Column] = &[
    Column::new(
        "building_id",
        &["楼栋标识"],
        "building_id",
        Form::Reference(By::Id, |draft| &mut draft.building_of),
        "Its building, by the registry's id.",
    ),
    Column::new(
        "building_key",
        &["楼栋编号", "幢编号"],
        "building_id",
        Form::Reference(By::Key, |draft| &mut draft.building_of),
        "Its building, by its key in the same source.",
    ),
    source_of(
        "building_source",
        &["楼栋来源"],
        |draft| &mut draft.building_source,
        "The source of `building_key`, when it is not the row's.",
    ),
    Column::new(
        "building_identifier",
        &[],
        "building_id",
        Form::Reference(By::Identifier, |draft| &mut draft.building_of),
        "Its building, by an outside number: `jgjt246:…`.",
    ),
    Column::new(
        "entrance",
        &["单元", "单元号"],
        "entrance",
        Form::Text(NAME_CHARS_MAX, |draft| &mut draft.unit.entrance),
        "The entrance of the building.",
    ),
    Column::new(
        "floor",
        &["楼层", "所在层", "所在楼层"],
        "floor",
        Form::Storey(|draft| &mut draft.unit.floor),
        "The storey; below ground negative, the ground floor is 1.",
    ),
    Column::new(
        "number",
        &["房号", "室号", "门牌号"],
        "number",
        Form::Text(NAME_CHARS_MAX, |draft| &mut draft.unit.number),
        "The number on the door.",
    ),
    Column::new(
        "area_m2",
        &["建筑面积", "面积", "area", "area_cm2"],
        "area_cm2",
        Form::Area(|draft| &mut draft.unit.area_cm2),
        "Its floor area in square metres, at most 4 decimals.",
    ),
    Column::new(
        "use",
        &["用途", "房屋用途", "规划用途"],
        "use",
        Form::Word(UNIT_USES, |draft| &mut draft.unit.r#use),
        "What it is used for.",
    ),
    Column::new(
        "identifiers",
        &["外部编号"],
        "",
        Form::Identifiers(|draft| &mut draft.unit.identifiers),
        "Outside numbers: `scheme:value|scheme:value`.",
    ),
    Column::new(
        "bdcdyh",
        &["不动产单元号", "不动产单元代码"],
        "identifiers.bdcdyh",
        Form::Scheme("bdcdyh", |draft| &mut draft.unit.identifiers),
        "Its real-estate unit code.",
    )
    .read_only(),
    Column::new(
        "jgjt246",
        &["房屋代码", "房屋编码", "户编码"],
        "identifiers.jgjt246",
        Form::Scheme("jgjt246", |draft| &mut draft.unit.identifiers),
        "Its house code of JGJ/T 246.",
    )
    .read_only(),
];
