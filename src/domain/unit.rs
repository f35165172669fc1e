//! Units (户).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    domain::content::{FieldText, Said, drop_unless, lay, push},
    kernel::id::BuildingId,
};

/// 用途. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum UnitUse {
    /// 住宅
    Dwelling = 1,
    /// 商业
    Commerce = 2,
    /// 办公
    Office = 3,
    /// 车库
    Garage = 4,
    /// 储藏
    Storage = 5,
    /// 其他
    Other = 6,
}

impl UnitUse {
    /// Every value, in the order of the numbers.
    pub const ALL: [Self; 6] =
        [Self::Dwelling, Self::Commerce, Self::Office, Self::Garage, Self::Storage, Self::Other];

    /// The value with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|value| *value as u32 == number)
    }
}

impl fmt::Display for UnitUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dwelling => "DWELLING",
            Self::Commerce => "COMMERCE",
            Self::Office => "OFFICE",
            Self::Garage => "GARAGE",
            Self::Storage => "STORAGE",
            Self::Other => "OTHER",
        })
    }
}

/// What is said of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitContent {
    /// The building it is in.
    pub building: Said<BuildingId>,
    /// 单元.
    pub entrance: Said<String>,
    /// 楼层; below ground is negative.
    pub floor: Said<i16>,
    /// 房号.
    pub number: Said<String>,
    /// 建筑面积 in square centimetres.
    pub area_cm2: Said<u64>,
    /// 用途.
    pub unit_use: Said<UnitUse>,
}

impl UnitContent {
    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.building, &newer.building);
        lay(&mut self.entrance, &newer.entrance);
        lay(&mut self.floor, &newer.floor);
        lay(&mut self.number, &newer.number);
        lay(&mut self.area_cm2, &newer.area_cm2);
        lay(&mut self.unit_use, &newer.unit_use);
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "building_id", &self.building);
        push(&mut texts, "entrance", &self.entrance);
        push(&mut texts, "floor", &self.floor);
        push(&mut texts, "number", &self.number);
        push(&mut texts, "area_cm2", &self.area_cm2);
        push(&mut texts, "use", &self.unit_use);
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "building_id", &mut self.building);
        drop_unless(keep, "entrance", &mut self.entrance);
        drop_unless(keep, "floor", &mut self.floor);
        drop_unless(keep, "number", &mut self.number);
        drop_unless(keep, "area_cm2", &mut self.area_cm2);
        drop_unless(keep, "use", &mut self.unit_use);
    }
}
