//! The columns of compounds.

use crate::{
    exchange::column::{
        By, Column, Form,
        place::{community, latitude, location_system, longitude},
        source_of,
        words::MANAGEMENTS,
    },
    kernel::limit::{ADDRESS_CHARS_MAX, ALIASES_MAX, NAME_CHARS_MAX},
};

pub(super) static COMPOUND: &[Column] = &[
    Column::new(
        "name",
        &["小区名称", "名称"],
        "name",
        Form::Text(NAME_CHARS_MAX, |draft| &mut draft.compound.name),
        "Its name.",
    ),
    Column::new(
        "aliases",
        &["别名", "曾用名"],
        "aliases",
        Form::List(ALIASES_MAX, |draft| &mut draft.compound.aliases),
        "Other names, with `|` between them.",
    ),
    Column::new(
        "address",
        &["地址", "坐落", "小区地址"],
        "address",
        Form::Text(ADDRESS_CHARS_MAX, |draft| &mut draft.compound.address),
        "Its address.",
    ),
    community("community_id", &["社区标识"], By::Id),
    community("community_code", &["社区代码", "社区统计代码"], By::Code),
    community("community_key", &["社区编号"], By::Key),
    source_of(
        "community_source",
        &["社区来源"],
        |draft| &mut draft.community_source,
        "The source of `community_key`, when it is not the row's.",
    ),
    community("community_identifier", &[], By::Identifier),
    Column::new(
        "built",
        &["建成年代", "建设年代", "建成时间"],
        "built",
        Form::Day(|draft| &mut draft.compound.built),
        "When it was built, as a span.",
    ),
    location_system(),
    longitude(),
    latitude(),
    Column::new(
        "boundary",
        &["边界", "四至"],
        "boundary",
        Form::Outline(|draft| &mut draft.compound.boundary),
        "Its outline: `CGCS2000;113.1 34.2;113.2 34.2;113.2 34.3`.",
    ),
    Column::new(
        "management",
        &["管理方式", "物业管理方式"],
        "management",
        Form::Word(MANAGEMENTS, |draft| &mut draft.compound.management),
        "Who manages the property.",
    ),
    Column::new(
        "identifiers",
        &["外部编号"],
        "",
        Form::Identifiers(|draft| &mut draft.compound.identifiers),
        "Outside numbers: `scheme:value|scheme:value`.",
    ),
];
