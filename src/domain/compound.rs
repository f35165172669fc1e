//! Compounds (小区).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        content::{FieldText, Said, drop_unless, lay, push},
        place::{Boundary, Point},
    },
    kernel::{id::RegionId, time::ImpreciseDay},
};

/// Who manages the property. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Management {
    /// 物业企业
    Company = 1,
    /// 业主自管
    Owners = 2,
    /// 社区代管
    Community = 3,
    /// 单位管理
    WorkUnit = 4,
    /// 无管理
    Nobody = 5,
}

impl Management {
    /// Every value, in the order of the numbers.
    pub const ALL: [Self; 5] =
        [Self::Company, Self::Owners, Self::Community, Self::WorkUnit, Self::Nobody];

    /// The value with this stored number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|value| *value as u32 == number)
    }
}

impl fmt::Display for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Company => "COMPANY",
            Self::Owners => "SELF",
            Self::Community => "COMMUNITY",
            Self::WorkUnit => "WORK_UNIT",
            Self::Nobody => "NONE",
        })
    }
}

/// What is said of a compound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompoundContent {
    /// Its name.
    pub name: Said<String>,
    /// Other names.
    pub aliases: Said<Vec<String>>,
    /// Its address.
    pub address: Said<String>,
    /// The community it belongs to.
    pub community: Said<RegionId>,
    /// When it was built, as a span.
    pub built: Said<ImpreciseDay>,
    /// A point in it.
    pub location: Said<Point>,
    /// Its outline.
    pub boundary: Said<Boundary>,
    /// Who manages it.
    pub management: Said<Management>,
}

impl CompoundContent {
    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.name, &newer.name);
        lay(&mut self.aliases, &newer.aliases);
        lay(&mut self.address, &newer.address);
        lay(&mut self.community, &newer.community);
        lay(&mut self.built, &newer.built);
        lay(&mut self.location, &newer.location);
        lay(&mut self.boundary, &newer.boundary);
        lay(&mut self.management, &newer.management);
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "name", &self.name);
        push(
            &mut texts,
            "aliases",
            &self.aliases.as_ref().map(|list| list.as_ref().map(|list| list.join(" | "))),
        );
        push(&mut texts, "address", &self.address);
        push(&mut texts, "community_id", &self.community);
        push(&mut texts, "built", &self.built);
        push(&mut texts, "location", &self.location);
        push(&mut texts, "boundary", &self.boundary);
        push(&mut texts, "management", &self.management);
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "name", &mut self.name);
        drop_unless(keep, "aliases", &mut self.aliases);
        drop_unless(keep, "address", &mut self.address);
        drop_unless(keep, "community_id", &mut self.community);
        drop_unless(keep, "built", &mut self.built);
        drop_unless(keep, "location", &mut self.location);
        drop_unless(keep, "boundary", &mut self.boundary);
        drop_unless(keep, "management", &mut self.management);
    }
}
