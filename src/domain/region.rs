//! Regions: the dated tree from province down to community.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    domain::content::{FieldText, Said, drop_unless, lay, push},
    kernel::id::RegionId,
};

/// 级别. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Level {
    /// 省级
    Province = 1,
    /// 地级
    City = 2,
    /// 县级
    District = 3,
    /// 乡级
    Street = 4,
    /// 社区、居委会、村委会
    Community = 5,
}

impl Level {
    /// Every level, from the top.
    pub const ALL: [Self; 5] =
        [Self::Province, Self::City, Self::District, Self::Street, Self::Community];

    /// The level with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|level| *level as u32 == number)
    }

    /// The level of its parent; `None` for a province.
    pub fn above(self) -> Option<Self> {
        Self::from_number(self as u32 - 1)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Province => "province",
            Self::City => "city",
            Self::District => "district",
            Self::Street => "street",
            Self::Community => "community",
        })
    }
}

/// What is said of a region. Its codes are among the identifiers of its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionContent {
    /// Said at registration, never changed.
    pub level: Option<Level>,
    /// Its name.
    pub name: Said<String>,
    /// The region of the level above.
    pub parent: Said<RegionId>,
}

impl RegionContent {
    pub(crate) fn lay(&mut self, newer: &Self) {
        if newer.level.is_some() {
            self.level = newer.level;
        }
        lay(&mut self.name, &newer.name);
        lay(&mut self.parent, &newer.parent);
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "level", &self.level.map(Some));
        push(&mut texts, "name", &self.name);
        push(&mut texts, "parent_id", &self.parent);
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        if !keep("level") {
            self.level = None;
        }
        drop_unless(keep, "name", &mut self.name);
        drop_unless(keep, "parent_id", &mut self.parent);
    }
}
