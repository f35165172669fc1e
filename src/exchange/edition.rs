//! An edition of the administrative divisions, as the `china-division` package has it: five files
//! of codes and names, from provinces to communities.
//!
//! Each file is known by its header. The codes are statistical ones, of one day, and not all of
//! them are codes of GB/T 2260; what is odd about a row is counted in [`Findings`], never dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    exchange::{
        draft::{Draft, by_key},
        header::plain,
        row::Fault,
        table::Record,
    },
    kernel::{hash::Hash, limit::NAME_CHARS_MAX},
    proto::v1::{Identifier, RegionLevel},
};

/// The source of the edition's rows, unless another is named.
pub const SOURCE: &str = "china-division-2.7.0";
/// Since when its regions exist: the edition is of 2023-06-30, and says no more.
pub const EXISTS_FROM: &str = "<2023-07-01";

/// Provinces that are one city: 北京, 天津, 上海, 重庆.
const MUNICIPALITIES: [&str; 4] = ["11", "12", "31", "50"];
/// Names of rows that stand for no region of their own.
const PLACEHOLDERS: [&str; 4] = ["市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"];

/// The levels in the order in which they build on each other, with the digits of their codes.
pub const LEVELS: [(RegionLevel, usize, &str); 5] = [
    (RegionLevel::Province, 2, "provinces"),
    (RegionLevel::City, 4, "cities"),
    (RegionLevel::District, 6, "districts"),
    (RegionLevel::Street, 9, "streets"),
    (RegionLevel::Community, 12, "communities"),
];

/// The first digits of `code` that name what has a partition of its own: a municipality, a
/// prefecture-level city, or a county-level unit directly under a province. `None` for a code
/// above these.
pub fn partition_owner(code: &str) -> Option<&str> {
    let province = code.get(..2)?;
    if MUNICIPALITIES.contains(&province) {
        return Some(province);
    }
    let city = code.get(..4)?;
    if city.ends_with("90") { code.get(..6) } else { Some(city) }
}

/// One of the five files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    /// The level of its rows.
    pub level: RegionLevel,
    digits: usize,
    code: usize,
    name: usize,
    parent: Option<usize>,
}

impl Edition {
    /// Knows a file of the edition by its header; `None` for any other file.
    pub fn recognise(headers: &[String]) -> Option<Self> {
        let position = |wanted: &str| headers.iter().position(|h| plain(h).name == wanted);
        let (code, name) = (position("code")?, position("name")?);
        if position("level").is_some() {
            return None;
        }
        let parents = [
            ("streetcode", RegionLevel::Community, 12),
            ("areacode", RegionLevel::Street, 9),
            ("citycode", RegionLevel::District, 6),
            ("provincecode", RegionLevel::City, 4),
        ];
        for (column, level, digits) in parents {
            if let Some(parent) = position(column) {
                return Some(Self { level, digits, code, name, parent: Some(parent) });
            }
        }
        let own = headers.iter().filter(|header| !header.starts_with("reject_")).count();
        (own == 2).then_some(Self {
            level: RegionLevel::Province,
            digits: 2,
            code,
            name,
            parent: None,
        })
    }

    /// Reads one row.
    pub fn read(&self, record: &Record) -> Result<Draft, Vec<Fault>> {
        let mut faults = Vec::new();
        let cell = |index: usize| record.cells.get(index).unwrap_or("").trim();
        let (code, name) = (cell(self.code), cell(self.name));
        if !record.unreadable.is_empty() {
            faults.push(Fault::new("", "CELL_ENCODING", "not in the encoding of the file"));
        }
        if code.len() != self.digits || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("{code:?} has not the {} digits of this level", self.digits);
            faults.push(Fault::new("code", "NOT_A_CODE", message));
        }
        if name.is_empty() {
            faults.push(Fault::new("name", "REQUIRED", "a region has a name"));
        }
        if name.chars().count() > NAME_CHARS_MAX {
            let message = format!("at most {NAME_CHARS_MAX} characters are taken");
            faults.push(Fault::new("name", "TEXT_TOO_LONG", message));
        }
        let parent = self.parent.map(cell);
        if parent.is_some_and(|parent| parent.is_empty() || !code.starts_with(parent)) {
            let message = format!("the parent's code is not the beginning of {code:?}");
            faults.push(Fault::new("code", "NOT_A_CODE", message));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut draft = Draft { key: Some(code.to_owned()), ..Draft::default() };
        draft.region.set_level(self.level);
        draft.region.name = Some(name.to_owned());
        draft.region.codes = codes(self.level, code, name);
        draft.district_code = Some(format!("{code:0<12}"));
        draft.parent_of_region = parent.and_then(by_key);
        draft.opens_partition = (partition_owner(code) == Some(code)).then_some(true);
        Ok(draft)
    }
}

/// The codes that a row's code is.
///
/// A placeholder, a development zone and what is below the district have only a statistical code.
/// A row that stands for a level that is not there repeats the code of the one above (东莞 441900 in
/// both schemes), so the code stays that one's alone.
fn codes(level: RegionLevel, code: &str, name: &str) -> Vec<Identifier> {
    let identifier = |scheme: &str, width: usize| Identifier {
        scheme: scheme.to_owned(),
        value: format!("{code:0<width$}"),
    };
    if is_stand_in(level, code) {
        return Vec::new();
    }
    let above_street =
        matches!(level, RegionLevel::Province | RegionLevel::City | RegionLevel::District);
    let national = above_street && !is_placeholder(name) && !is_zone(level, code);
    let gbt2260 = national.then(|| identifier("gbt2260", 6));
    gbt2260.into_iter().chain([identifier("stats12", 12)]).collect()
}

fn is_placeholder(name: &str) -> bool {
    PLACEHOLDERS.contains(&name)
}

/// 441900: a district row for a city that has none; 350527000 and 350527000000: a street and a
/// community for a district (金门县) that has neither in the edition.
fn is_stand_in(level: RegionLevel, code: &str) -> bool {
    match level {
        RegionLevel::District => code.ends_with("00"),
        RegionLevel::Street | RegionLevel::Community => code.ends_with("000"),
        RegionLevel::Unspecified | RegionLevel::Province | RegionLevel::City => false,
    }
}

/// 410171: a development zone, with a statistical code at the place of a district's.
fn is_zone(level: RegionLevel, code: &str) -> bool {
    level == RegionLevel::District && code.as_bytes().get(4) == Some(&b'7')
}

/// How many names of a kind are listed before "and more".
const NAMES_MAX: usize = 12;

/// A count, and the first few of what was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// The first few.
    pub first: Vec<String>,
}

impl Tally {
    fn add(&mut self, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < NAMES_MAX {
            self.first.push(text());
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.count)?;
        if !self.first.is_empty() {
            let more = if self.count > self.first.len() as u64 { ", …" } else { "" };
            write!(f, " ({}{more})", self.first.join(", "))?;
        }
        Ok(())
    }
}

/// What was odd about the rows of an edition, and how many there were.
#[derive(Debug, Default)]
pub struct Findings {
    /// Rows of each level, in the order of [`LEVELS`].
    pub levels: [u64; 5],
    /// 市辖区 and the like.
    pub placeholders: Tally,
    /// Districts directly under a province; each opens a partition.
    pub under_province: Tally,
    /// Cities without districts, and a district without streets: one row stands in for them.
    pub stand_ins: Tally,
    /// Development zones at the place of districts.
    pub zones: Tally,
    /// 400–599 among the streets: zones, farms and the like.
    pub street_zones: Tally,
    /// The same name twice under one parent.
    pub repeated_siblings: Tally,
    /// Names that several districts have.
    pub repeated_districts: Tally,
    siblings: BTreeSet<[u8; 16]>,
    district_names: BTreeMap<String, u32>,
}

impl Findings {
    /// Looks at one row.
    pub fn observe(&mut self, level: RegionLevel, code: &str, name: &str) {
        let Some(place) = LEVELS.iter().position(|each| each.0 == level) else { return };
        if let Some(count) = self.levels.get_mut(place) {
            *count += 1;
        }
        let entry = || format!("{code} {name}");
        if is_placeholder(name) {
            self.placeholders.add(entry);
        }
        if level == RegionLevel::District {
            if code.get(2..4) == Some("90") {
                self.under_province.add(entry);
            }
            let times = self.district_names.entry(name.to_owned()).or_default();
            *times += 1;
            if *times == 2 {
                self.repeated_districts.add(|| name.to_owned());
            }
        }
        if is_stand_in(level, code) {
            self.stand_ins.add(entry);
        }
        if is_zone(level, code) {
            self.zones.add(entry);
        }
        if level == RegionLevel::Street && matches!(code.as_bytes().get(6), Some(b'4' | b'5')) {
            self.street_zones.add(entry);
        }
        let digits = place.checked_sub(1).and_then(|above| LEVELS.get(above)).map_or(0, |l| l.1);
        let parent = code.get(..digits).unwrap_or_default();
        let Hash(hash) = Hash::of(&[parent.as_bytes(), b"\0", name.as_bytes()]);
        let mut short = [0; 16];
        short.copy_from_slice(hash.get(..16).unwrap_or(&[0; 16]));
        if !self.siblings.insert(short) {
            self.repeated_siblings.add(entry);
        }
    }

    /// The findings by their names, for people and for `--json`.
    pub fn list(&self) -> [(&'static str, &Tally); 7] {
        [
            ("placeholders, kept with their statistical code only", &self.placeholders),
            ("districts directly under a province, each a partition", &self.under_province),
            ("without the level below, one row standing in", &self.stand_ins),
            ("development zones at the place of districts", &self.zones),
            ("zones, farms and the like at the place of streets", &self.street_zones),
            ("repeated names under one parent", &self.repeated_siblings),
            ("names that several districts have", &self.repeated_districts),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{column::FileKind, draft::Place};
    use csv::StringRecord;

    fn headers(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    fn read(header: &str, row: &[&str]) -> Result<Draft, Vec<&'static str>> {
        let edition = Edition::recognise(&headers(header)).unwrap();
        let record =
            Record { line: 2, cells: StringRecord::from(row.to_vec()), unreadable: vec![] };
        edition.read(&record).map_err(|faults| {
            let known =
                |fault: &Fault| ["NOT_A_CODE", "REQUIRED"].into_iter().find(|r| *r == fault.reason);
            faults.iter().filter_map(known).collect()
        })
    }

    fn codes_of(header: &str, row: &[&str]) -> String {
        let draft = read(header, row).unwrap();
        let codes: Vec<_> = draft
            .region
            .codes
            .iter()
            .map(|each| format!("{}:{}", each.scheme, each.value))
            .collect();
        let opens = if draft.opens_partition == Some(true) { " opens" } else { "" };
        codes.join(" ") + opens
    }

    const PROVINCES: &str = "code,name";
    const CITIES: &str = "code,name,provinceCode";
    const DISTRICTS: &str = "code,name,cityCode,provinceCode";
    const STREETS: &str = "code,name,areaCode,provinceCode,cityCode";
    const VILLAGES: &str = "code,name,streetCode,provinceCode,cityCode,areaCode";

    #[test]
    fn each_file_is_known_by_its_header() {
        let level = |text: &str| Edition::recognise(&headers(text)).map(|edition| edition.level);
        assert_eq!(level(PROVINCES), Some(RegionLevel::Province));
        assert_eq!(level(CITIES), Some(RegionLevel::City));
        assert_eq!(level(DISTRICTS), Some(RegionLevel::District));
        assert_eq!(level(STREETS), Some(RegionLevel::Street));
        assert_eq!(level(VILLAGES), Some(RegionLevel::Community));
        assert_eq!(
            level("code,name,cityCode,provinceCode,reject_line"),
            Some(RegionLevel::District)
        );
        assert_eq!(level("key,level,name"), None);
        assert_eq!(level("code,name,colour"), None);
    }

    #[test]
    fn a_row_without_codes_lies_in_its_district_all_the_same() {
        for row in [["350527000", "金门县", "350527"], ["350526100", "浔中镇", "350526"]] {
            let place = read(STREETS, &row).unwrap().place(FileKind::Regions);
            assert_eq!(place, Place::OfDistrict(row[2].to_owned()));
        }
    }

    #[test]
    fn odd_rows_have_the_codes_that_are_theirs_alone() {
        assert_eq!(codes_of(PROVINCES, &["41", "河南省"]), "gbt2260:410000 stats12:410000000000");
        assert_eq!(
            codes_of(PROVINCES, &["11", "北京市"]),
            "gbt2260:110000 stats12:110000000000 opens"
        );
        assert_eq!(codes_of(CITIES, &["1101", "市辖区", "11"]), "stats12:110100000000");
        assert_eq!(
            codes_of(CITIES, &["4101", "郑州市", "41"]),
            "gbt2260:410100 stats12:410100000000 opens"
        );
        assert_eq!(codes_of(CITIES, &["4190", "省直辖县级行政区划", "41"]), "stats12:419000000000");
        assert_eq!(
            codes_of(DISTRICTS, &["419001", "济源市", "4190", "41"]),
            "gbt2260:419001 stats12:419001000000 opens"
        );
        assert_eq!(codes_of(DISTRICTS, &["441900", "东莞市", "4419", "44"]), "");
        assert_eq!(
            codes_of(DISTRICTS, &["410171", "郑州经济技术开发区", "4101", "41"]),
            "stats12:410171000000"
        );
        assert_eq!(
            codes_of(STREETS, &["410102001", "林山寨街道", "410102"]),
            "stats12:410102001000"
        );
        assert_eq!(codes_of(STREETS, &["350527000", "金门县", "350527"]), "");
        assert_eq!(codes_of(VILLAGES, &["350527000000", "金门县", "350527000"]), "");
        assert_eq!(
            codes_of(VILLAGES, &["410102001001", "碧沙岗社区", "410102001"]),
            "stats12:410102001001"
        );
    }

    #[test]
    fn a_row_of_another_level_or_parent_is_refused() {
        assert_eq!(read(CITIES, &["410102", "中原区", "41"]), Err(vec!["NOT_A_CODE"]));
        assert_eq!(read(CITIES, &["4101", "", "42"]), Err(vec!["REQUIRED", "NOT_A_CODE"]));
        assert_eq!(read(PROVINCES, &["4A", "河南"]), Err(vec!["NOT_A_CODE"]));
    }

    #[test]
    fn every_code_below_the_owner_leads_to_its_partition() {
        let cases = [
            ("110101001001", Some("11")),
            ("500229", Some("50")),
            ("410102", Some("4101")),
            ("419001", Some("419001")),
            ("4190", None),
            ("41", None),
            ("441900003001", Some("4419")),
        ];
        for (code, owner) in cases {
            assert_eq!(partition_owner(code), owner, "{code}");
        }
    }

    #[test]
    fn what_is_odd_is_counted_by_its_kind() {
        let mut findings = Findings::default();
        for (level, code, name) in [
            (RegionLevel::City, "1101", "市辖区"),
            (RegionLevel::District, "419001", "济源市"),
            (RegionLevel::District, "441900", "东莞市"),
            (RegionLevel::District, "410171", "郑州经济技术开发区"),
            (RegionLevel::District, "320106", "鼓楼区"),
            (RegionLevel::District, "410204", "鼓楼区"),
            (RegionLevel::Street, "110111400", "北京经济技术开发区"),
            (RegionLevel::Community, "410102001001", "同名社区"),
            (RegionLevel::Community, "410102001002", "同名社区"),
            (RegionLevel::Community, "410102002001", "同名社区"),
        ] {
            findings.observe(level, code, name);
        }
        assert_eq!(findings.levels, [0, 1, 5, 1, 3]);
        assert_eq!(findings.list().map(|(_, tally)| tally.count), [1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(findings.repeated_siblings.to_string(), "1 (410102001002 同名社区)");
    }
}
