//! The columns of buildings.

use crate::{
    exchange::column::{
        By, Column, Form,
        place::{community, latitude, location_system, longitude},
        source_of,
        words::{BUILDING_USES, PROTECTIONS, STRUCTURES},
    },
    kernel::limit::{ADDRESS_CHARS_MAX, NAME_CHARS_MAX},
};

const STOREYS: &[&str] = &["层"];
const YEARS: &[&str] = &["年"];
const LIFTS: &[&str] = &["部", "台", "个"];

pub(super) static BUILDING: &[Column] = &[
    Column::new(
        "name",
        &["楼栋名称", "名称", "幢名称", "楼号", "幢号"],
        "name",
        Form::Text(NAME_CHARS_MAX, |draft| &mut draft.building.name),
        "Its name or number.",
    ),
    Column::new(
        "address",
        &["地址", "坐落", "详细地址"],
        "address",
        Form::Text(ADDRESS_CHARS_MAX, |draft| &mut draft.building.address),
        "Its address.",
    ),
    Column::new(
        "compound_id",
        &["小区标识"],
        "compound_id",
        Form::Reference(By::Id, |draft| &mut draft.compound_of),
        "Its compound, by the registry's id.",
    ),
    Column::new(
        "compound_key",
        &["小区编号", "小区代码"],
        "compound_id",
        Form::Reference(By::Key, |draft| &mut draft.compound_of),
        "Its compound, by its key in the same source.",
    ),
    source_of(
        "compound_source",
        &["小区来源"],
        |draft| &mut draft.compound_source,
        "The source of `compound_key`, when it is not the row's.",
    ),
    Column::new(
        "compound_identifier",
        &[],
        "compound_id",
        Form::Reference(By::Identifier, |draft| &mut draft.compound_of),
        "Its compound, by an outside number: `scheme:value`.",
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
        "completed",
        &["竣工日期", "竣工时间", "竣工年份", "建成年份", "建成时间", "建造年代"],
        "completed",
        Form::Day(|draft| &mut draft.building.completed),
        "When it was completed, as far as that is known.",
    ),
    Column::new(
        "design_life_years",
        &["设计使用年限"],
        "design_life_years",
        Form::Count(1, 200, YEARS, |draft| &mut draft.building.design_life_years),
        "For how many years it was designed.",
    ),
    Column::new(
        "structure",
        &["结构类型", "结构", "建筑结构"],
        "structure",
        Form::Word(STRUCTURES, |draft| &mut draft.building.structure),
        "What it is built of.",
    ),
    Column::new(
        "storeys_above",
        &["地上层数", "层数", "总层数", "地上总层数"],
        "storeys_above",
        Form::Count(0, 300, STOREYS, |draft| &mut draft.building.storeys_above),
        "Storeys above ground.",
    ),
    Column::new(
        "storeys_below",
        &["地下层数"],
        "storeys_below",
        Form::Count(0, 50, STOREYS, |draft| &mut draft.building.storeys_below),
        "Storeys below ground.",
    ),
    Column::new(
        "height_m",
        &["高度", "建筑高度", "height", "height_cm"],
        "height_cm",
        Form::Height(|draft| &mut draft.building.height_cm),
        "Its height in metres, at most 2 decimals.",
    ),
    Column::new(
        "floor_area_m2",
        &["建筑面积", "总建筑面积", "floor_area", "floor_area_cm2"],
        "floor_area_cm2",
        Form::Area(|draft| &mut draft.building.floor_area_cm2),
        "Its floor area in square metres, at most 4 decimals.",
    ),
    Column::new(
        "use",
        &["用途", "房屋用途", "建筑用途", "规划用途"],
        "use",
        Form::Word(BUILDING_USES, |draft| &mut draft.building.r#use),
        "What it is used for.",
    ),
    Column::new(
        "lift_count",
        &["电梯数", "电梯数量", "lifts"],
        "lift_count",
        Form::Count(0, 1_000, LIFTS, |draft| &mut draft.building.lift_count),
        "How many lifts it has.",
    ),
    Column::new(
        "protection",
        &["保护身份", "保护类别"],
        "protection",
        Form::Word(PROTECTIONS, |draft| &mut draft.building.protection),
        "Whether it is protected.",
    ),
    location_system(),
    longitude(),
    latitude(),
    Column::new(
        "physical_id",
        &["自然幢标识"],
        "physical_id",
        Form::Reference(By::Id, |draft| &mut draft.physical_of),
        "The physical building of a logical one, by the registry's id.",
    ),
    Column::new(
        "physical_key",
        &["自然幢编号"],
        "physical_id",
        Form::Reference(By::Key, |draft| &mut draft.physical_of),
        "The physical building, by its key in the same source; its row may come later.",
    ),
    source_of(
        "physical_source",
        &["自然幢来源"],
        |draft| &mut draft.physical_source,
        "The source of `physical_key`, when it is not the row's.",
    ),
    Column::new(
        "physical_identifier",
        &[],
        "physical_id",
        Form::Reference(By::Identifier, |draft| &mut draft.physical_of),
        "The physical building, by an outside number: `scheme:value`.",
    ),
    Column::new(
        "identifiers",
        &["外部编号"],
        "",
        Form::Identifiers(|draft| &mut draft.building.identifiers),
        "Outside numbers: `scheme:value|scheme:value`.",
    ),
    Column::new(
        "jgjt246",
        &["房屋代码", "房屋编码", "幢编码"],
        "identifiers.jgjt246",
        Form::Scheme("jgjt246", |draft| &mut draft.building.identifiers),
        "Its house code of JGJ/T 246.",
    )
    .read_only(),
    Column::new(
        "bdcdyh",
        &["不动产单元号", "不动产单元代码"],
        "identifiers.bdcdyh",
        Form::Scheme("bdcdyh", |draft| &mut draft.building.identifiers),
        "Its real-estate unit code.",
    )
    .read_only(),
    Column::new(
        "census",
        &["普查编号", "普查编码"],
        "identifiers.census",
        Form::Scheme("census", |draft| &mut draft.building.identifiers),
        "Its number in the census.",
    )
    .read_only(),
];
