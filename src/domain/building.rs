//! Buildings (栋).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        content::{FieldText, Said, drop_unless, lay, push},
        place::Point,
    },
    kernel::{
        id::{BuildingId, CompoundId, RegionId},
        time::ImpreciseDay,
    },
};

/// 结构类型. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Structure {
    /// 砖混
    BrickConcrete = 1,
    /// 砖木
    BrickTimber = 2,
    /// 木结构
    Timber = 3,
    /// 钢筋混凝土
    ReinforcedConcrete = 4,
    /// 钢结构
    Steel = 5,
    /// 钢和钢筋混凝土混合
    SteelConcrete = 6,
    /// 其他
    Other = 7,
}

impl Structure {
    /// Every value, in the order of the numbers.
    pub const ALL: [Self; 7] = [
        Self::BrickConcrete,
        Self::BrickTimber,
        Self::Timber,
        Self::ReinforcedConcrete,
        Self::Steel,
        Self::SteelConcrete,
        Self::Other,
    ];

    /// The value with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|value| *value as u32 == number)
    }
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BrickConcrete => "BRICK_CONCRETE",
            Self::BrickTimber => "BRICK_TIMBER",
            Self::Timber => "TIMBER",
            Self::ReinforcedConcrete => "REINFORCED_CONCRETE",
            Self::Steel => "STEEL",
            Self::SteelConcrete => "STEEL_CONCRETE",
            Self::Other => "OTHER",
        })
    }
}

/// 用途. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum BuildingUse {
    /// 住宅
    Dwelling = 1,
    /// 商住
    Mixed = 2,
    /// 商业
    Commerce = 3,
    /// 办公
    Office = 4,
    /// 工业仓储
    Industry = 5,
    /// 教育
    Education = 6,
    /// 医疗
    Health = 7,
    /// 其他
    Other = 8,
}

impl BuildingUse {
    /// Every value, in the order of the numbers.
    pub const ALL: [Self; 8] = [
        Self::Dwelling,
        Self::Mixed,
        Self::Commerce,
        Self::Office,
        Self::Industry,
        Self::Education,
        Self::Health,
        Self::Other,
    ];

    /// The value with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|value| *value as u32 == number)
    }
}

impl fmt::Display for BuildingUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dwelling => "DWELLING",
            Self::Mixed => "MIXED",
            Self::Commerce => "COMMERCE",
            Self::Office => "OFFICE",
            Self::Industry => "INDUSTRY",
            Self::Education => "EDUCATION",
            Self::Health => "HEALTH",
            Self::Other => "OTHER",
        })
    }
}

/// 保护身份. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Protection {
    /// 无
    None = 1,
    /// 文物保护单位
    Heritage = 2,
    /// 历史建筑
    Historic = 3,
    /// 传统风貌建筑
    Traditional = 4,
}

impl Protection {
    /// Every value, in the order of the numbers.
    pub const ALL: [Self; 4] = [Self::None, Self::Heritage, Self::Historic, Self::Traditional];

    /// The value with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|value| *value as u32 == number)
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "NONE",
            Self::Heritage => "HERITAGE",
            Self::Historic => "HISTORIC",
            Self::Traditional => "TRADITIONAL",
        })
    }
}

/// What is said of a building.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildingContent {
    /// Its name.
    pub name: Said<String>,
    /// Its address.
    pub address: Said<String>,
    /// The compound it belongs to.
    pub compound: Said<CompoundId>,
    /// Its own community, when it is not its compound's.
    pub community: Said<RegionId>,
    /// 竣工日期.
    pub completed: Said<ImpreciseDay>,
    /// 设计使用年限, in years.
    pub design_life_years: Said<u16>,
    /// 结构类型.
    pub structure: Said<Structure>,
    /// Storeys above ground.
    pub storeys_above: Said<u16>,
    /// Storeys below ground.
    pub storeys_below: Said<u16>,
    /// Height in centimetres.
    pub height_cm: Said<u32>,
    /// 建筑面积 in square centimetres.
    pub floor_area_cm2: Said<u64>,
    /// 用途.
    pub building_use: Said<BuildingUse>,
    /// Lifts.
    pub lift_count: Said<u16>,
    /// 保护身份.
    pub protection: Said<Protection>,
    /// A point in it.
    pub location: Said<Point>,
    /// The physical building of a logical one (逻辑幢).
    pub physical: Said<BuildingId>,
}

impl BuildingContent {
    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.name, &newer.name);
        lay(&mut self.address, &newer.address);
        lay(&mut self.compound, &newer.compound);
        lay(&mut self.community, &newer.community);
        lay(&mut self.completed, &newer.completed);
        lay(&mut self.design_life_years, &newer.design_life_years);
        lay(&mut self.structure, &newer.structure);
        lay(&mut self.storeys_above, &newer.storeys_above);
        lay(&mut self.storeys_below, &newer.storeys_below);
        lay(&mut self.height_cm, &newer.height_cm);
        lay(&mut self.floor_area_cm2, &newer.floor_area_cm2);
        lay(&mut self.building_use, &newer.building_use);
        lay(&mut self.lift_count, &newer.lift_count);
        lay(&mut self.protection, &newer.protection);
        lay(&mut self.location, &newer.location);
        lay(&mut self.physical, &newer.physical);
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "name", &self.name);
        push(&mut texts, "address", &self.address);
        push(&mut texts, "compound_id", &self.compound);
        push(&mut texts, "community_id", &self.community);
        push(&mut texts, "completed", &self.completed);
        push(&mut texts, "design_life_years", &self.design_life_years);
        push(&mut texts, "structure", &self.structure);
        push(&mut texts, "storeys_above", &self.storeys_above);
        push(&mut texts, "storeys_below", &self.storeys_below);
        push(&mut texts, "height_cm", &self.height_cm);
        push(&mut texts, "floor_area_cm2", &self.floor_area_cm2);
        push(&mut texts, "use", &self.building_use);
        push(&mut texts, "lift_count", &self.lift_count);
        push(&mut texts, "protection", &self.protection);
        push(&mut texts, "location", &self.location);
        push(&mut texts, "physical_id", &self.physical);
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "name", &mut self.name);
        drop_unless(keep, "address", &mut self.address);
        drop_unless(keep, "compound_id", &mut self.compound);
        drop_unless(keep, "community_id", &mut self.community);
        drop_unless(keep, "completed", &mut self.completed);
        drop_unless(keep, "design_life_years", &mut self.design_life_years);
        drop_unless(keep, "structure", &mut self.structure);
        drop_unless(keep, "storeys_above", &mut self.storeys_above);
        drop_unless(keep, "storeys_below", &mut self.storeys_below);
        drop_unless(keep, "height_cm", &mut self.height_cm);
        drop_unless(keep, "floor_area_cm2", &mut self.floor_area_cm2);
        drop_unless(keep, "use", &mut self.building_use);
        drop_unless(keep, "lift_count", &mut self.lift_count);
        drop_unless(keep, "protection", &mut self.protection);
        drop_unless(keep, "location", &mut self.location);
        drop_unless(keep, "physical_id", &mut self.physical);
    }
}
