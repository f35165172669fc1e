//! A registry with a random past and future, by files into another one: the same rows and totals,
//! and nothing refused.

use std::{collections::BTreeMap, path::Path, thread, time::Duration};

use anju::{
    cli::import::{ImportArgs, Outcome},
    domain::{
        author::Author,
        building::Structure,
        content::{Content, Fields},
        region::Level,
        timeline::{EndCause, Presence},
    },
    exchange::column::FileKind,
    kernel::{
        id::{IdSeed, Kind, SubjectId},
        page::PageRequest,
        position::Partition,
        time::{Day, ImpreciseDay, KnownAt, ReadTime},
    },
    registry::{
        Call, Change, Command, End, ListOf, Merge, MergeInto, Register, Registry, Seen, Split,
        SplitPart,
    },
};

use crate::{
    ended::{exported, rows},
    harness::City,
    imports::run,
};

/// Commands of days that are over, and of days to come.
const PAST: u32 = 170;
const TO_COME: u32 = 90;

/// Numbers that look random and are the same in every run.
struct Chance(u64);

impl Chance {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, many: u64) -> u64 {
        self.number() % many
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let index = self.below(u64::try_from(of.len().max(1)).unwrap());
        of.get(usize::try_from(index).unwrap()).copied()
    }
}

/// A registry to which things happen.
struct Story<'a> {
    registry: &'a Registry,
    home: Partition,
    chance: Chance,
    day: Day,
    /// How many commands of each kind were taken.
    taken: BTreeMap<&'static str, u32>,
}

fn placed_in(kind: Kind, holder: SubjectId) -> Content {
    let mut content = Content::empty(kind);
    match &mut content.fields {
        Fields::Region(fields) => fields.parent = Some(holder.try_into().ok()),
        Fields::Compound(fields) => fields.community = Some(holder.try_into().ok()),
        Fields::Building(fields) if holder.kind() == Kind::Compound => {
            fields.compound = Some(holder.try_into().ok());
            fields.community = Some(None);
        }
        Fields::Building(fields) => {
            fields.compound = Some(None);
            fields.community = Some(holder.try_into().ok());
        }
        Fields::Unit(fields) => fields.building = Some(holder.try_into().ok()),
        _ => {}
    }
    content
}

impl Story<'_> {
    fn seed(&mut self) -> IdSeed {
        // In no order, as ids of several hands are.
        IdSeed { unix_ms: 1_780_000_000_000, random: self.chance.number() | (1 << 40) }
    }

    fn is_to_come(&self) -> bool {
        self.day > "2026-06-01".parse().unwrap()
    }

    fn run(&mut self, name: &'static str, command: Command) {
        let seed = self.chance.number().to_be_bytes();
        let mut salt = [0; 32];
        salt[..8].copy_from_slice(&seed);
        let call = Call {
            partition: self.home,
            author: Author { subject: "story".to_owned(), ..Author::default() },
            request: None,
            reason: "it happened".to_owned(),
            validate_only: false,
            overrides: Vec::new(),
            seed: salt,
        };
        if self.registry.execute(call, command).is_ok() {
            *self.taken.entry(name).or_default() += 1;
        }
        while self.registry.work_under_way(self.home).unwrap().sweep_count > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn all(&self, kind: Kind) -> Vec<Seen> {
        let time = ReadTime { valid_at: Some(self.day), known_at: KnownAt::Now };
        let page = PageRequest { rows: 2_000, after: Vec::new() };
        self.registry.list(ListOf::Ever(kind, self.home), time, &page).unwrap().rows
    }

    /// What is there on the day, and has no end.
    fn alive(&self, kind: Kind, level: Option<Level>) -> Vec<SubjectId> {
        let alive = self.all(kind).into_iter().filter(|seen| {
            let is_of_level = match &seen.content.fields {
                Fields::Region(region) => region.level == level,
                _ => true,
            };
            seen.presence == Presence::Exists && seen.end.is_none() && is_of_level
        });
        alive.map(|seen| seen.id).collect()
    }

    fn children(&self, holder: SubjectId) -> Vec<SubjectId> {
        let kinds = [Kind::Region, Kind::Compound, Kind::Building, Kind::Unit];
        let all = kinds.into_iter().flat_map(|kind| self.all(kind));
        let children = all.filter(|seen| {
            seen.presence == Presence::Exists && seen.content.holders().contains(&holder)
        });
        children.map(|seen| seen.id).collect()
    }

    /// Something of a kind that is there, with where it may be.
    fn any(&mut self) -> Option<(SubjectId, Vec<SubjectId>)> {
        let communities = self.alive(Kind::Region, Some(Level::Community));
        let (of, mut holders) = match self.chance.below(9) {
            0 => (communities, self.alive(Kind::Region, Some(Level::Street))),
            1 | 2 => (self.alive(Kind::Compound, None), communities),
            3 | 4 => (self.alive(Kind::Unit, None), self.alive(Kind::Building, None)),
            _ => {
                let mut holders = self.alive(Kind::Compound, None);
                holders.extend(communities.into_iter().take(1));
                (self.alive(Kind::Building, None), holders)
            }
        };
        let id = self.chance.one(&of)?;
        holders.retain(|holder| *holder != id);
        Some((id, holders))
    }

    fn begin(&mut self) {
        let mut content = match self.chance.below(10) {
            0 => {
                let streets = self.alive(Kind::Region, Some(Level::Street));
                let Some(street) = self.chance.one(&streets) else { return };
                placed_in(Kind::Region, street)
            }
            1 | 2 => {
                let communities = self.alive(Kind::Region, Some(Level::Community));
                let Some(community) = self.chance.one(&communities) else { return };
                placed_in(Kind::Compound, community)
            }
            3..=5 => {
                let Some(building) = self.chance.one(&self.alive(Kind::Building, None)) else {
                    return;
                };
                placed_in(Kind::Unit, building)
            }
            _ => {
                let mut holders = self.alive(Kind::Compound, None);
                holders.extend(self.alive(Kind::Region, Some(Level::Community)).first());
                let Some(holder) = self.chance.one(&holders) else { return };
                placed_in(Kind::Building, holder)
            }
        };
        content.lay(&self.said(content.kind()));
        content.lay(&self.said(content.kind()));
        if let Fields::Region(fields) = &mut content.fields {
            fields.level = Some(Level::Community);
        }
        let name = Some(Some(format!("新|{};'{}", self.day, self.chance.below(100))));
        match &mut content.fields {
            Fields::Region(fields) => fields.name = name,
            Fields::Compound(fields) => fields.name = name,
            _ => {}
        }
        let day = self.day;
        let exists_from: ImpreciseDay = match self.chance.below(4) {
            0 => day.to_string()[..7].parse().unwrap(),
            _ => ImpreciseDay::exactly(day),
        };
        let seed = self.seed();
        let (opens_partition, sentences) = (false, Vec::new());
        let register = Register { seed, content, exists_from, opens_partition, sentences };
        self.run("begin", Command::Register(register));
    }

    /// Something that can be said of a kind, and may be said to be none.
    fn said(&mut self, kind: Kind) -> Content {
        let mut content = Content::empty(kind);
        let (which, number) = (self.chance.below(5), self.chance.below(900));
        let text = Some(format!("={number}号;甲|乙\\"));
        let to_come = self.is_to_come();
        match &mut content.fields {
            Fields::Region(fields) => fields.name = Some(text),
            Fields::Compound(fields) if which < 2 => fields.name = Some(text),
            Fields::Compound(fields) if which == 2 => fields.address = Some(None),
            Fields::Compound(fields) => fields.address = Some(text),
            Fields::Building(fields) => match which {
                0 | 1 if !to_come => {
                    fields.floor_area_cm2 = Some(Some((9_000 + number) * 10_000 + number));
                }
                2 if !to_come => {
                    let structures = Structure::ALL.map(Some).into_iter().chain([None]);
                    fields.structure =
                        Some(self.chance.one(&structures.collect::<Vec<_>>()).flatten());
                }
                3 => {
                    let numbers = (number % 3 > 0).then(|| format!("c{}", self.chance.number()));
                    let numbers = numbers.into_iter().collect();
                    content.shared.identifiers.insert("census".to_owned(), numbers);
                }
                _ => fields.name = Some(text.filter(|_| number % 4 > 0)),
            },
            Fields::Unit(fields) if to_come => fields.building = None,
            Fields::Unit(fields) if which < 3 => {
                fields.area_cm2 = Some(Some((60 + number % 90) * 10_000));
            }
            Fields::Unit(fields) => fields.number = Some(text.filter(|_| number % 4 > 0)),
            _ => {}
        }
        content
    }

    fn change(&mut self) {
        let Some((id, holders)) = self.any() else { return };
        let holder = self.chance.one(&holders).filter(|_| self.chance.below(2) == 0);
        let (name, mut content) = match holder {
            Some(holder) => ("move", placed_in(id.kind(), holder)),
            None => ("change", Content::empty(id.kind())),
        };
        content.lay(&self.said(id.kind()));
        let change = Change {
            subject: id,
            etag: None,
            from: self.day,
            second_of_day: None,
            order_key: Vec::new(),
            content,
            sentences: Vec::new(),
        };
        self.run(name, Command::Change(change));
    }

    fn end(&mut self) {
        let found = if self.is_to_come() {
            // Only what is empty can be decided to end.
            let mut empty = self.alive(Kind::Compound, None);
            empty.retain(|id| self.children(*id).is_empty());
            self.chance.one(&empty)
        } else {
            self.any().map(|(id, _)| id)
        };
        let Some(id) = found else { return };
        let cause =
            if id.kind() == Kind::Building { EndCause::Demolished } else { EndCause::Other };
        let day = ImpreciseDay::exactly(self.day);
        self.run("end", Command::End(End { subject: id, etag: None, day, cause }));
    }

    fn merge(&mut self) {
        let Some((id, _)) = self.any() else { return };
        let level = (id.kind() == Kind::Region).then_some(Level::Community);
        let mut others = self.alive(id.kind(), level);
        others.retain(|other| *other != id);
        let Some(other) = self.chance.one(&others) else { return };
        let (name, subjects, into) = if self.chance.below(3) == 0 {
            let mut content = Content::empty(id.kind());
            content.lay(&self.said(id.kind()));
            let into = MergeInto::New { seed: self.seed(), content: Box::new(content) };
            ("merge into a new one", vec![id, other], into)
        } else {
            ("merge into one that is there", vec![id], MergeInto::Existing(other))
        };
        let merge = Merge { kind: id.kind(), subjects, day: self.day, into };
        self.run(name, Command::Merge(merge));
    }

    fn split(&mut self) {
        let Some((id, _)) = self.any() else { return };
        let keeps = self.chance.below(2) == 0;
        let shares: &[(u64, u64)] = match (keeps, self.chance.below(2)) {
            (true, 0) => &[(1, 5)],
            (true, _) => &[(1, 4), (1, 3)],
            (false, 0) => &[(1, 3), (2, 3)],
            (false, _) => &[(1, 7), (2, 7), (4, 7)],
        };
        let part = |share: &(u64, u64), seed| SplitPart {
            seed,
            content: Content::empty(id.kind()),
            share: *share,
        };
        let parts = shares.iter().map(|share| part(share, self.seed())).collect::<Vec<_>>();
        let mut assignments = Vec::new();
        for child in self.children(id) {
            let index = self.chance.below(u64::try_from(parts.len()).unwrap() + u64::from(keeps));
            let index = usize::try_from(index).unwrap();
            if index < parts.len() {
                assignments.push((child, index));
            }
        }
        let name = if keeps { "split and go on" } else { "split" };
        let split = Split { subject: id, etag: None, day: self.day, parts, assignments, keeps };
        self.run(name, Command::Split(split));
    }

    fn go_on(&mut self, events: u32, days: u64, last: &str) {
        let last: Day = last.parse().unwrap();
        for _ in 0..events {
            let number = i32::try_from(self.chance.below(days)).unwrap();
            self.day = Day::from_number(self.day.number() + number).unwrap().min(last);
            match self.chance.below(12) {
                0..=3 => self.begin(),
                4..=6 => self.change(),
                7 => self.end(),
                8 | 9 => self.merge(),
                _ => self.split(),
            }
        }
    }
}

/// A city to which things happened, and will happen.
async fn eventful(chance: u64) -> (City, BTreeMap<&'static str, u32>) {
    let city = City::start().await;
    let mut story = Story {
        registry: &city.registry,
        home: city.partition,
        chance: Chance(chance),
        day: "1995-01-01".parse().unwrap(),
        taken: BTreeMap::new(),
    };
    story.go_on(PAST, 130, "2026-05-31");
    story.day = "2027-01-01".parse().unwrap();
    let before = std::mem::take(&mut story.taken);
    story.go_on(TO_COME, 20, "2035-01-01");
    let mut taken = before;
    for (name, count) in story.taken {
        let name = match name {
            "move" => "move to come",
            "end" => "end to come",
            "merge into a new one" | "merge into one that is there" => "merge to come",
            "split" | "split and go on" => "split to come",
            _ => continue,
        };
        *taken.entry(name).or_default() += count;
    }
    (city, taken)
}

/// The files of a city in the order in which they are imported.
fn files(home: u32) -> [(FileKind, u32, &'static str); 5] {
    [
        (FileKind::Regions, 0, "0.csv"),
        (FileKind::Regions, home, "regions.csv"),
        (FileKind::Compounds, home, "compounds.csv"),
        (FileKind::Buildings, home, "buildings.csv"),
        (FileKind::Units, home, "units.csv"),
    ]
}

async fn import(city: &City, kind: FileKind, path: &Path, partition: Option<u32>) -> [u64; 3] {
    // A building was made smaller when its units were there.
    let overrides = vec!["AREA_PER_UNIT".to_owned()];
    let args = ImportArgs { partition, overrides, ..ImportArgs::of(kind, vec![path.to_owned()]) };
    let (outcome, summary) = run(city, "operator", args).await;
    assert_eq!(outcome, Outcome::Whole, "{summary:#}");
    let counts = &summary["files"][0]["counts"];
    ["created", "changed", "unchanged"].map(|name| counts[name].as_u64().unwrap())
}

/// All that is counted where, on several days, by the ids of the first registry.
fn totals(registry: &Registry, partition: Partition, is_first: bool) -> BTreeMap<String, String> {
    let days = [
        "1990-01-01",
        "1996-03-01",
        "1998-07-15",
        "2001-01-01",
        "2004-10-10",
        "2008-05-01",
        "2012-12-31",
        "2017-01-01",
        "2020-06-30",
        "2026-06-01",
        "2027-02-01",
        "2028-01-01",
        "2040-01-01",
    ];
    let page = PageRequest { rows: 2_000, after: Vec::new() };
    let mut told = BTreeMap::new();
    for kind in [Kind::Region, Kind::Compound] {
        for seen in registry.list(ListOf::Ever(kind, partition), ReadTime::NOW, &page).unwrap().rows
        {
            let key = if is_first { seen.id.to_string() } else { seen.source.unwrap().1 };
            for day in days {
                let time =
                    ReadTime { valid_at: Some(day.parse().unwrap()), known_at: KnownAt::Now };
                let amounts = registry.totals(seen.id, time).unwrap().amounts;
                let amounts = amounts.iter().map(|(cell, amount)| format!("{cell:?} {amount}"));
                told.insert(format!("{key} {day}"), amounts.collect::<Vec<_>>().join("; "));
            }
        }
    }
    told
}

async fn goes_round(chance: u64) -> BTreeMap<&'static str, u32> {
    let (first, mut taken) = eventful(chance).await;
    let second = City::start().await;
    let directory = tempfile::tempdir().unwrap();
    let home = first.partition.number();
    let next = home + 1;
    for (kind, partition, name) in files(home) {
        let path = exported(&first, &directory, (kind, partition, name)).await;
        let there = rows(&path);
        let count = u64::try_from(there.len()).unwrap();
        let to = Some(next).filter(|_| partition != 0);
        // One run takes all of it; the city and its district are in two of the files.
        let [created, changed, unchanged] = import(&second, kind, &path, to).await;
        assert_eq!((created + unchanged, changed), (count, 0), "{chance} {name}");
        assert!(unchanged <= 2, "{chance} {name}: {unchanged}");
        assert_eq!(import(&second, kind, &path, to).await, [0, 0, count], "{chance} {name}");
        // What was just exported says nothing new where it comes from.
        let home = Some(home).filter(|_| partition != 0);
        assert_eq!(import(&first, kind, &path, home).await, [0, 0, count], "{chance} {name}");
        for row in there.values() {
            for column in ["earlier", "later", "split_off_keys"] {
                let name = if kind == FileKind::Regions { "of regions" } else { column };
                *taken.entry(name).or_default() += u32::from(!row[column].is_empty());
            }
        }
    }
    for (kind, partition, name) in files(home) {
        let number = if partition == 0 { 0 } else { next };
        let again = exported(&second, &directory, (kind, number, "again.csv")).await;
        let (mut again, there) = (rows(&again), rows(&directory.path().join(name)));
        if partition == 0 {
            // The second registry has a city of its own.
            again.retain(|key, _| there.contains_key(key));
        }
        assert_eq!(again, there, "{chance} {name}");
    }
    let told = totals(&first.registry, first.partition, true);
    assert!(told.values().any(|amounts| !amounts.is_empty()));
    let again = totals(&second.registry, Partition::new(next).unwrap(), false);
    for (of, amounts) in &told {
        assert_eq!(again.get(of), Some(amounts), "{chance} {of}");
    }
    assert_eq!(again.len(), told.len());
    taken
}

#[tokio::test]
async fn a_random_registry_goes_by_files_into_another_one_as_it_is() {
    let mut taken: BTreeMap<&'static str, u32> = BTreeMap::new();
    // As many times more as is asked for.
    let factor = std::env::var("ANJU_TEST_CASES").ok().and_then(|text| text.parse().ok());
    for chance in 1..=4 * factor.unwrap_or(1) {
        for (name, count) in goes_round(chance).await {
            *taken.entry(name).or_default() += count;
        }
    }
    let needed = [
        "begin",
        "change",
        "move",
        "end",
        "merge into a new one",
        "merge into one that is there",
        "split",
        "split and go on",
        "move to come",
        "end to come",
        "merge to come",
        "split to come",
        "earlier",
        "later",
        "split_off_keys",
        "of regions",
    ];
    for name in needed {
        assert!(taken.get(name).is_some_and(|count| *count > 2), "{name}: {taken:?}");
    }
}

#[tokio::test]
async fn rows_that_wait_for_each_other_are_taken_and_those_for_what_never_comes_are_not() {
    let city = City::start().await;
    let there = city.compound(&city.communities[0], "东院").await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("b.csv");
    let head = "编号,小区标识,始存日期,建筑面积,灭失日期,终止原因,去向编号,以前情况,分出编号";
    let compound = &there.id;
    // 2 was taken out of 1 and merged into it again; what was taken out of 3 is nowhere; 5 became 6,
    // and 6 became 7.
    let text = format!(
        "{head}\n\
         1,{compound},1990,300,,,,2010-01-01;建筑面积=300|2020-01-01;建筑面积=200,2010-01-01;2;1/3\n\
         2,{compound},2010-01-01,100,2020-01-01,合并,1,,\n\
         3,{compound},1990,300,,,,,2010-01-01;4;1/3\n\
         5,{compound},1990,100,2005-01-01,合并,6,,\n\
         6,{compound},2005-01-01,100,2010-01-01,合并,7,,\n\
         7,{compound},2010-01-01,100,,,,,\n"
    );
    std::fs::write(&path, text).unwrap();
    let args = || ImportArgs {
        source: Some("census".to_owned()),
        ..ImportArgs::of(FileKind::Buildings, vec![path.clone()])
    };
    let told = |summary: &serde_json::Value| {
        let counts = &summary["files"][0]["counts"];
        let counts = ["created", "changed", "unchanged", "unjudged", "refused"]
            .map(|name| counts[name].as_u64().unwrap());
        (counts, summary["files"][0]["first_rejected"][0]["line"].as_u64())
    };
    let (_, summary) = run(&city, "operator", ImportArgs { dry_run: true, ..args() }).await;
    assert_eq!(told(&summary), ([1, 0, 0, 4, 1], Some(4)), "{summary:#}");
    let (_, summary) = run(&city, "operator", args()).await;
    assert_eq!(told(&summary), ([5, 0, 0, 0, 1], Some(4)), "{summary:#}");
    let page = PageRequest { rows: 100, after: Vec::new() };
    let listed = ListOf::Ever(Kind::Building, city.partition);
    let seen = city.registry.list(listed, ReadTime::NOW, &page).unwrap().rows;
    let lives = seen.into_iter().map(|seen| {
        let end = seen.end.map_or("-".to_owned(), |end| end.day.to_string());
        format!("{} {end} {} edges", seen.source.unwrap().1, seen.edges.len())
    });
    let mut lives = lives.collect::<Vec<_>>();
    lives.sort();
    let expected = [
        "1 - 2 edges",
        "2 2020-01-01 2 edges",
        "5 2005-01-01 1 edges",
        "6 2010-01-01 2 edges",
        "7 - 1 edges",
    ];
    assert_eq!(lives, expected);
    let (_, summary) = run(&city, "operator", args()).await;
    assert_eq!(told(&summary).0, [0, 0, 5, 0, 1], "{summary:#}");
}
