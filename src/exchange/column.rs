//! The one table of columns: what each is called, which slot it fills, how its cells are read.
//!
//! Reading, writing, the header's names and `docs/import.md` all come from it.

use clap::ValueEnum;

use crate::{
    exchange::{
        draft::{Draft, Successor},
        paper_column::{FINDING, FINDING_NEEDS, INSPECTION, INSPECTION_NEEDS},
    },
    kernel::{
        id::Kind,
        limit::{ADDRESS_CHARS_MAX, ALIASES_MAX, ENTRY_SUBJECTS_MAX, NAME_CHARS_MAX},
    },
    proto::v1::{Boundary, Document, Grade, Identifier, Reference},
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
}

impl FileKind {
    /// Every kind, in the order in which they build on each other.
    pub const ALL: [Self; 6] = [
        Self::Regions,
        Self::Compounds,
        Self::Buildings,
        Self::Units,
        Self::Inspections,
        Self::Findings,
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
        }
    }

    /// Whether its rows say days of their own, and not since when something exists.
    pub const fn is_of_papers(self) -> bool {
        matches!(self, Self::Inspections | Self::Findings)
    }

    /// Its columns, in the order in which they are written.
    pub fn columns(self) -> impl Iterator<Item = &'static Column> {
        let own: &'static [Column] = match self {
            Self::Regions => REGION,
            Self::Compounds => COMPOUND,
            Self::Buildings => BUILDING,
            Self::Units => UNIT,
            Self::Inspections => INSPECTION,
            Self::Findings => FINDING,
        };
        let last = if self.is_of_papers() { &[] } else { LAST };
        FIRST.iter().chain(own).chain(last)
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
    /// Grades, joined with `|`: `SURVEY;2020;BUILDING;B`.
    Grades(Slot<Vec<Grade>>),
    /// Papers, joined with `|`: the hash, the bytes, the type and where it lies.
    Documents(Slot<Vec<Document>>),
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

/// A word of an enumeration: the API's name and number, and what Chinese files write.
#[derive(Debug)]
pub struct Word {
    /// The number in the API.
    pub number: i32,
    /// The name in the API without its prefix.
    pub name: &'static str,
    /// What files write, the usual word first.
    pub chinese: &'static [&'static str],
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
    const fn read_only(self) -> Self {
        Self { exported: false, ..self }
    }
}

/// Characters of a key.
pub(super) const KEY_CHARS_MAX: usize = 100;
/// What may stand in the place of one subject.
const SUCCESSORS_MAX: usize = ENTRY_SUBJECTS_MAX - 1;
const STOREYS: &[&str] = &["层"];
const YEARS: &[&str] = &["年"];
const LIFTS: &[&str] = &["部", "台", "个"];

/// A word of an enumeration.
pub(super) const fn word(
    number: i32,
    name: &'static str,
    chinese: &'static [&'static str],
) -> Word {
    Word { number, name, chinese }
}

/// 行政级别
pub static LEVELS: &[Word] = &[
    word(1, "PROVINCE", &["省", "省级", "直辖市", "自治区"]),
    word(2, "CITY", &["市", "地级", "市级", "地级市"]),
    word(3, "DISTRICT", &["区县", "县级", "区", "县", "县级市"]),
    word(4, "STREET", &["街道", "乡级", "镇", "乡", "乡镇"]),
    word(5, "COMMUNITY", &["社区", "村", "居委会", "村委会", "村级"]),
];

/// 管理方式
pub static MANAGEMENTS: &[Word] = &[
    word(1, "COMPANY", &["物业企业", "物业公司", "物业服务企业", "专业物业"]),
    word(2, "SELF", &["业主自管", "自管", "自治管理"]),
    word(3, "COMMUNITY", &["社区代管", "社区托管"]),
    word(4, "WORK_UNIT", &["单位管理", "单位自管"]),
    word(5, "NONE", &["无管理", "无物业", "无"]),
];

/// 结构类型
pub static STRUCTURES: &[Word] = &[
    word(1, "BRICK_CONCRETE", &["砖混", "砖混结构", "混合结构", "砌体结构"]),
    word(2, "BRICK_TIMBER", &["砖木", "砖木结构"]),
    word(3, "TIMBER", &["木结构", "木"]),
    word(
        4,
        "REINFORCED_CONCRETE",
        &["钢筋混凝土", "钢筋混凝土结构", "钢混", "钢混结构", "框架", "框架结构", "剪力墙", "框剪"],
    ),
    word(5, "STEEL", &["钢结构", "钢"]),
    word(6, "STEEL_CONCRETE", &["钢和钢筋混凝土混合", "钢和钢筋混凝土结构", "钢、钢筋混凝土结构"]),
    word(7, "OTHER", &["其他", "其他结构", "其它"]),
];

/// 用途
pub static BUILDING_USES: &[Word] = &[
    word(1, "DWELLING", &["住宅", "居住", "成套住宅"]),
    word(2, "MIXED", &["商住", "商住混合", "综合"]),
    word(3, "COMMERCE", &["商业", "商业用房", "店铺"]),
    word(4, "OFFICE", &["办公"]),
    word(5, "INDUSTRY", &["工业仓储", "工业", "仓储"]),
    word(6, "EDUCATION", &["教育"]),
    word(7, "HEALTH", &["医疗"]),
    word(8, "OTHER", &["其他", "其它"]),
];

/// 保护身份
pub static PROTECTIONS: &[Word] = &[
    word(1, "NONE", &["无", "否"]),
    word(2, "HERITAGE", &["文物保护单位", "文物"]),
    word(3, "HISTORIC", &["历史建筑"]),
    word(4, "TRADITIONAL", &["传统风貌建筑"]),
];

/// 户的用途
pub static UNIT_USES: &[Word] = &[
    word(1, "DWELLING", &["住宅", "居住", "成套住宅"]),
    word(2, "COMMERCE", &["商业", "店铺", "商业用房"]),
    word(3, "OFFICE", &["办公"]),
    word(4, "GARAGE", &["车库", "车位"]),
    word(5, "STORAGE", &["储藏", "储藏室", "地下室"]),
    word(6, "OTHER", &["其他", "其它"]),
];

/// 终止原因
pub static END_CAUSES: &[Word] = &[
    word(1, "DEMOLISHED", &["拆除", "已拆除"]),
    word(2, "DESTROYED", &["灭失", "损毁", "倒塌"]),
    word(3, "MERGED", &["合并", "并入"]),
    word(4, "SPLIT", &["拆分", "分割", "分立"]),
    word(5, "ABOLISHED", &["撤销"]),
    word(6, "OTHER", &["其他", "其它"]),
];

/// 坐标系
pub static SYSTEMS: &[Word] = &[
    word(1, "CGCS2000", &["2000国家大地坐标系", "国家2000", "EPSG:4490"]),
    word(2, "WGS84", &["WGS-84", "EPSG:4326"]),
    word(3, "GCJ02", &["GCJ-02", "火星坐标系", "高德"]),
    word(4, "BD09", &["BD-09", "百度坐标系", "百度"]),
];

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

static LAST: &[Column] = &[
    Column::new(
        "exists_from",
        &["存在起始", "始存日期", "存在自"],
        "",
        Form::Day(|draft| &mut draft.exists_from),
        "Since when it exists; for a row that is new, `--exists-from` where it is empty.",
    ),
    Column::new(
        "from",
        &["变更日期", "生效日期"],
        "",
        Form::ExactDay(|draft| &mut draft.from),
        "From when a change holds; the file's `from` where it is empty.",
    )
    .read_only(),
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
];

const fn successors(
    name: &'static str,
    aliases: &'static [&'static str],
    by: By,
    about: &'static str,
) -> Column {
    let form = Form::Successors(by, |draft| &mut draft.successors);
    Column { path: "successors", ..Column::new(name, aliases, "", form, about) }
}

static REGION: &[Column] = &[
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

/// The source of a key by which another subject is named.
pub(super) const fn source_of(
    name: &'static str,
    aliases: &'static [&'static str],
    slot: Slot<Option<String>>,
    about: &'static str,
) -> Column {
    Column::new(name, aliases, "", Form::Token(KEY_CHARS_MAX, slot), about)
}

const fn location_system() -> Column {
    Column::new(
        "location_system",
        &["坐标系", "坐标系统", "crs"],
        "",
        Form::Word(SYSTEMS, |draft| &mut draft.location_system),
        "The reference system of the two degrees; without it they are refused.",
    )
}

const fn longitude() -> Column {
    Column::new(
        "longitude",
        &["经度", "lng", "lon"],
        "location",
        Form::Degrees(180, |draft| &mut draft.longitude),
        "Degrees of longitude, at most 7 decimals.",
    )
}

const fn latitude() -> Column {
    Column::new(
        "latitude",
        &["纬度", "lat"],
        "location",
        Form::Degrees(90, |draft| &mut draft.latitude),
        "Degrees of latitude, at most 7 decimals.",
    )
}

const fn community(name: &'static str, aliases: &'static [&'static str], by: By) -> Column {
    let about = match by {
        By::Id => "The community, by the registry's id.",
        By::Key => "The community, by its key in the same source.",
        By::Code => "The community, by its 12-digit statistical code.",
        By::Identifier => "The community, by an outside number: `stats12:410102001001`.",
    };
    let form = Form::Reference(by, |draft| &mut draft.community_of);
    let column = Column::new(name, aliases, "community_id", form, about);
    if matches!(by, By::Code) { column.read_only() } else { column }
}

static COMPOUND: &[Column] = &[
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

static BUILDING: &[Column] = &[
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

static UNIT: &[Column] = &[
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exchange::header::plain,
        proto::v1::{
            BuildingUse, CoordinateSystem, EndCause, ManagementMode, Protection, RegionLevel,
            Structure, UnitUse,
        },
    };
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

    #[test]
    fn words_are_all_the_words_of_the_api_and_unambiguous() {
        fn check(words: &[Word], prefix: &str, name_of: impl Fn(i32) -> Option<&'static str>) {
            let mut seen = BTreeMap::new();
            for word in words {
                assert_eq!(name_of(word.number), Some(format!("{prefix}{}", word.name).as_str()));
                for chinese in word.chinese {
                    assert_eq!(seen.insert(*chinese, word.number), None, "{chinese}");
                }
            }
            let next = i32::try_from(words.len()).unwrap() + 1;
            assert_eq!(name_of(next), None, "a word of the API is missing: {prefix}");
        }
        let name = |found: Option<&'static str>| found;
        check(LEVELS, "REGION_LEVEL_", |n| {
            name(RegionLevel::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(MANAGEMENTS, "MANAGEMENT_MODE_", |n| {
            name(ManagementMode::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(STRUCTURES, "STRUCTURE_", |n| {
            name(Structure::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(BUILDING_USES, "BUILDING_USE_", |n| {
            name(BuildingUse::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(PROTECTIONS, "PROTECTION_", |n| {
            name(Protection::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(UNIT_USES, "UNIT_USE_", |n| name(UnitUse::try_from(n).ok().map(|v| v.as_str_name())));
        check(END_CAUSES, "END_CAUSE_", |n| {
            name(EndCause::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(SYSTEMS, "COORDINATE_SYSTEM_", |n| {
            name(CoordinateSystem::try_from(n).ok().map(|v| v.as_str_name()))
        });
    }
}
