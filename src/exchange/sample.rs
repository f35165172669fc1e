//! A made-up city: compounds, buildings and units in the real communities of a real city.
//!
//! Everything is drawn from the place's number, so the same size always gives the same rows, and
//! any number of them without keeping any. Nothing is a real compound: every name says 示例
//! (example), and the source is [`SOURCE`].

use std::{collections::BTreeMap, ops::RangeInclusive};

use crate::{
    exchange::{
        carried::{CarriedFile, carried},
        draft::{Draft, by_identifier, by_key},
        table::TableError,
    },
    kernel::time::Day,
    proto::v1::{
        BuildingUse, CoordinateSystem, Identifier, ManagementMode, Protection, Structure, UnitUse,
    },
};

/// The source of every made-up row.
pub const SOURCE: &str = "example-zhengzhou";

const FIRST: [&str; 24] = [
    "春", "锦", "安", "明", "嘉", "永", "康", "文", "德", "祥", "福", "翠", "云", "星", "兰", "桂",
    "松", "竹", "梅", "枫", "柳", "荷", "金", "银",
];
const SECOND: [&str; 24] = [
    "和", "园", "泰", "华", "悦", "宁", "盛", "雅", "丰", "瑞", "景", "庭", "溪", "苑", "湖", "山",
    "岭", "泉", "林", "原", "阳", "月", "河", "川",
];
const LAST: [&str; 6] = ["小区", "花园", "家属院", "新村", "公寓", "里小区"];
const ROADS: [&str; 4] = ["路", "街", "大道", "巷"];

/// A community in which compounds are made up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Community {
    /// The 12-digit statistical code.
    pub code: String,
    /// The name of its district, for addresses.
    pub district: String,
}

/// How large the city is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// Compounds.
    pub compounds: u64,
    /// Buildings of one compound.
    pub buildings: RangeInclusive<u64>,
}

impl Size {
    /// The size of the city that the repository carries.
    pub const CARRIED: Self = Self { compounds: 330, buildings: 9..=12 };
    /// Compounds of the carried city that have units.
    pub const CARRIED_WITH_UNITS: u64 = 6;

    /// A city of at least so many buildings, in compounds of 20 to 40.
    pub const fn of_buildings(count: u64) -> Self {
        Self { compounds: count.div_ceil(20), buildings: 20..=40 }
    }
}

/// Urban communities of the carried city: those of residents, not of villagers.
pub fn communities() -> Result<Vec<Community>, TableError> {
    let named = |name: &str| carried().into_iter().find(|file| file.name == name);
    let mut districts = BTreeMap::new();
    for [code, name] in pairs(named("districts.csv"))? {
        districts.insert(code, name);
    }
    let mut communities = Vec::new();
    for [code, name] in pairs(named("communities.csv.gz"))? {
        let district = code.get(..6).and_then(|code| districts.get(code));
        if let (true, Some(district)) = (name.contains("社区"), district) {
            communities.push(Community { code, district: district.clone() });
        }
    }
    Ok(communities)
}

fn pairs(file: Option<CarriedFile>) -> Result<Vec<[String; 2]>, TableError> {
    let mut pairs = Vec::new();
    for record in file.map(|file| file.table()).transpose()?.into_iter().flatten() {
        let cells = record?.cells;
        pairs.push([0, 1].map(|index| cells.get(index).unwrap_or("").to_owned()));
    }
    Ok(pairs)
}

/// A made-up city.
#[derive(Clone, Debug)]
pub struct SampleCity {
    communities: Vec<Community>,
    size: Size,
}

impl SampleCity {
    /// A city in these communities. Without any there are no compounds.
    pub const fn new(communities: Vec<Community>, size: Size) -> Self {
        Self { communities, size }
    }

    /// Its compounds.
    pub fn compounds(&self) -> impl Iterator<Item = Draft> + '_ {
        (0..self.size.compounds).filter_map(|number| self.compound(number).map(|c| c.draft()))
    }

    /// Its buildings, compound by compound.
    pub fn buildings(&self) -> impl Iterator<Item = Draft> + '_ {
        (0..self.size.compounds)
            .filter_map(|number| self.compound(number))
            .flat_map(|compound| (1..=compound.buildings).map(move |n| Building::of(&compound, n)))
            .map(|building| building.draft())
    }

    /// The units of the first `compounds`.
    pub fn units(&self, compounds: u64) -> impl Iterator<Item = Draft> + '_ {
        (0..compounds.min(self.size.compounds))
            .filter_map(|number| self.compound(number))
            .flat_map(|compound| (1..=compound.buildings).map(move |n| Building::of(&compound, n)))
            .flat_map(|building| building.units())
    }

    fn compound(&self, number: u64) -> Option<Compound> {
        let mut draw = Draw::at(1, number);
        let place = draw.below(u64::try_from(self.communities.len()).ok()?);
        let community = self.communities.get(usize::try_from(place).ok()?)?.clone();
        let least = *self.size.buildings.start();
        let buildings = least + draw.below(self.size.buildings.end().saturating_sub(least) + 1);
        // Half of the compounds are from before 2000, as in an old town.
        let year = if draw.below(2) == 0 { 1972 + draw.below(28) } else { 2000 + draw.below(22) };
        let road = format!("{}{}", pick(&FIRST, draw.below(24)), pick(&SECOND, draw.below(24)));
        let road = format!("{road}{}{}号", pick(&ROADS, draw.below(4)), 1 + draw.below(180));
        let longitude = 113_520_000 + draw.below(280_000);
        let latitude = 34_690_000 + draw.below(140_000);
        Some(Compound { number, community, buildings, year, road, longitude, latitude, draw })
    }
}

/// What all buildings of a compound share.
#[derive(Clone)]
struct Compound {
    number: u64,
    community: Community,
    buildings: u64,
    year: u64,
    road: String,
    /// In millionths of a degree.
    longitude: u64,
    latitude: u64,
    draw: Draw,
}

impl Compound {
    fn key(&self) -> String {
        format!("SL{:06}", self.number + 1)
    }

    fn name(&self) -> String {
        let names = 24 * 24 * 6;
        let place = self.number.wrapping_mul(2_221) % names;
        let [first, second] = [pick(&FIRST, place % 24), pick(&SECOND, place / 24 % 24)];
        let round = self.number / names;
        let district = if round == 0 { String::new() } else { format!("第{}区", round + 1) };
        format!("示例·{first}{second}{}{district}", pick(&LAST, place / 576))
    }

    fn address(&self) -> String {
        format!("{}{}", self.community.district, self.road)
    }

    fn draft(&self) -> Draft {
        let mut draw = self.draw;
        let mut draft = self.located(0, 0);
        draft.key = Some(self.key());
        // Laid out in the year before its first building.
        draft.exists_from = Some(format!("{}", self.year - 1));
        draft.community_of = by_identifier("stats12", &self.community.code);
        let compound = &mut draft.compound;
        compound.name = Some(self.name());
        compound.address = Some(self.address());
        compound.built = Some(match draw.below(5) {
            0 => format!("{}s", self.year / 10 * 10),
            1 => format!("<{}", self.year + 3),
            2 => format!("{}..{}", self.year, self.year + 2),
            _ => format!("{}", self.year),
        });
        let old = self.year < 1998;
        compound.set_management(match draw.below(10) {
            0..=1 if old => ManagementMode::WorkUnit,
            2..=4 if old => ManagementMode::Community,
            5..=6 if old => ManagementMode::None,
            0 => ManagementMode::Self_,
            _ => ManagementMode::Company,
        });
        if draw.below(8) == 0 {
            compound.aliases = vec![format!("示例·{}号院", 1 + draw.below(99))];
        }
        draft
    }

    fn located(&self, east: u64, north: u64) -> Draft {
        let degrees =
            |millionths: u64| format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
        Draft {
            source: Some(SOURCE.to_owned()),
            location_system: CoordinateSystem::Cgcs2000.into(),
            longitude: Some(degrees(self.longitude + east)),
            latitude: Some(degrees(self.latitude + north)),
            ..Draft::default()
        }
    }
}

/// One building, and what its units need of it.
struct Building {
    compound: Compound,
    number: u64,
    year: u64,
    storeys: u64,
    structure: Structure,
    entrances: u64,
    /// Square centimetres of one storey.
    storey_cm2: u64,
    completed: String,
    draw: Draw,
}

impl Building {
    fn of(compound: &Compound, number: u64) -> Self {
        let mut draw = Draw::at(2, compound.number * 1_000 + number);
        let year = (compound.year + draw.below(3)).min(2022);
        let (storeys, structure) = match year {
            ..1980 => (2 + draw.below(4), [Structure::BrickTimber, Structure::BrickConcrete]),
            1980..2000 => (4 + draw.below(4), [Structure::BrickConcrete; 2]),
            2000..2010 if draw.below(2) == 0 => (6, [Structure::BrickConcrete; 2]),
            _ => (8 + draw.below(25), [Structure::ReinforcedConcrete; 2]),
        };
        // A house of brick and timber has three storeys at most.
        let structure = match structure {
            [Structure::BrickTimber, _] if storeys <= 3 && draw.below(2) == 0 => {
                Structure::BrickTimber
            }
            [_, other] => other,
        };
        let entrances = 1 + draw.below(4);
        let storey_cm2 = entrances * (1_800_000 + draw.below(40_000) * 10);
        let completed = completed(year, &mut draw);
        let compound = compound.clone();
        Self { compound, number, year, storeys, structure, entrances, storey_cm2, completed, draw }
    }

    fn key(&self) -> String {
        format!("{}-{:02}", self.compound.key(), self.number)
    }

    /// What nobody dates was there when its compound was first surveyed.
    fn exists_from(&self) -> String {
        let undated = self.completed == "unknown";
        if undated { format!("<{}", self.compound.year + 4) } else { self.completed.clone() }
    }

    fn draft(&self) -> Draft {
        let mut draw = self.draw;
        let mut draft = self.compound.located(self.number % 6 * 400, self.number / 6 * 350);
        draft.key = Some(self.key());
        draft.exists_from = Some(self.exists_from());
        draft.compound_of = by_key(&self.compound.key());
        let building = &mut draft.building;
        building.name = Some(format!("{}{}号楼", self.compound.name(), self.number));
        building.address = Some(format!("{}{}号楼", self.compound.address(), self.number));
        building.completed = Some(self.completed.clone());
        building.set_structure(self.structure);
        building.storeys_above = narrow(self.storeys);
        building.floor_area_cm2 = i64::try_from(self.storeys * self.storey_cm2).ok();
        building.set_use(match draw.below(20) {
            0 => BuildingUse::Mixed,
            1 if self.number == 1 => BuildingUse::Commerce,
            _ => BuildingUse::Dwelling,
        });
        if draw.below(10) > 0 {
            building.design_life_years = Some(if self.year < 1985 { 40 } else { 50 });
            building.storeys_below = narrow(if self.storeys > 11 { 1 + draw.below(2) } else { 0 });
            building.height_cm = narrow(self.storeys * (280 + draw.below(20)) + 60);
            let has_lifts = self.storeys > 7 || (self.storeys == 7 && self.year >= 2000);
            let lifts = if has_lifts { self.entrances * (1 + self.storeys / 19) } else { 0 };
            building.lift_count = narrow(lifts);
            building.set_protection(match (self.year, draw.below(30)) {
                (..1980, 0) => Protection::Historic,
                _ => Protection::None,
            });
        }
        let code = &self.compound.community.code;
        let identifier =
            |scheme: &str, value: String| Identifier { scheme: scheme.to_owned(), value };
        let census = format!("EX{code}{:04}{:03}", self.compound.number + 1, self.number);
        building.identifiers.push(identifier("census", census));
        // A house code numbers four digits of buildings in a street; more compounds would repeat it.
        if draw.below(2) == 0 && self.compound.number < 240 {
            let year =
                if self.completed.len() >= 10 { self.year.to_string() } else { "****".to_owned() };
            let place = self.compound.number * 41 + self.number;
            let house = format!("{}{year}{place:04}00000*", code.get(..9).unwrap_or_default());
            building.identifiers.push(identifier("jgjt246", house));
        }
        draft
    }

    fn units(&self) -> Vec<Draft> {
        let mut units = Vec::new();
        // Stairs and walls take a tenth.
        let unit_cm2 = self.storey_cm2 / (self.entrances * 2) * 9 / 10;
        for entrance in 1..=self.entrances {
            for storey in 1..=self.storeys {
                for door in 1..=2 {
                    let mut draw =
                        Draw::at(3, (self.number * 10 + entrance) * 1_000 + storey * 10 + door);
                    let number = format!("{storey}{door:02}");
                    let mut draft = Draft { source: Some(SOURCE.to_owned()), ..Draft::default() };
                    draft.key = Some(format!("{}-{entrance}-{number}", self.key()));
                    draft.exists_from = Some(self.exists_from());
                    draft.building_of = by_key(&self.key());
                    draft.unit.entrance = Some(format!("{entrance}单元"));
                    draft.unit.floor = i32::try_from(storey).ok();
                    draft.unit.number = Some(number);
                    draft.unit.area_cm2 = i64::try_from(unit_cm2 - draw.below(50) * 1_000).ok();
                    let shop = storey == 1 && draw.below(25) == 0;
                    draft.unit.set_use(if shop { UnitUse::Commerce } else { UnitUse::Dwelling });
                    units.push(draft);
                }
            }
        }
        units
    }
}

/// Three in four days of completion are exact; old ones are often known only roughly.
fn completed(year: u64, draw: &mut Draw) -> String {
    let (month, day) = (1 + draw.below(12), 1 + draw.below(28));
    let rough = if year < 1995 { 8 } else { 3 };
    match draw.below(16) {
        kind if kind >= rough => {
            let ymd = [year, month, day].map(|number| i16::try_from(number).unwrap_or(1));
            let [year, month, day] = ymd;
            let [month, day] = [month, day].map(|number| i8::try_from(number).unwrap_or(1));
            Day::from_ymd(year, month, day).map_or_else(|| "unknown".to_owned(), |d| d.to_string())
        }
        0 => "unknown".to_owned(),
        1 | 2 => format!("{year}"),
        3 => format!("{year}-{month:02}"),
        4 => format!("<{}", year + 1),
        5 => format!("{}..{}", year - 1, year + 1),
        _ => format!("{}s", year / 10 * 10),
    }
}

fn pick(words: &[&'static str], index: u64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| words.get(index)).copied().unwrap_or("")
}

fn narrow(number: u64) -> Option<u32> {
    u32::try_from(number).ok()
}

/// A sequence of numbers that depends on nothing but where it begins (`SplitMix64`).
#[derive(Clone, Copy, Debug)]
struct Draw(u64);

impl Draw {
    const fn at(stream: u64, number: u64) -> Self {
        Self(
            stream.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ number.wrapping_mul(0xA076_1D64_78BD_642F),
        )
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        mixed.checked_rem(bound).unwrap_or(0)
    }
}
