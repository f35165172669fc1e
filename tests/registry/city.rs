//! A small registry to test with: short names for long commands.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anju::{
    domain::{
        author::Author,
        content::{Content, Fields},
        region::Level,
        totals::{Certainty, Measure},
    },
    kernel::{
        hash::Hash,
        id::{IdSeed, Kind, SubjectId},
        position::Partition,
        time::{Day, ImpreciseDay, KnownAt, ManualClock, ReadTime, Stamp},
    },
    registry::{
        Call, Change, Command, Correct, Error, Options, Outcome, Register, Registry, RequestMark,
        Retract,
    },
    store::{Store, memory::MemoryStore},
};

#[expect(clippy::struct_field_names, reason = "a city has a region of that level")]
pub(crate) struct City {
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<ManualClock>,
    next: AtomicU64,
    pub(crate) province: SubjectId,
    pub(crate) city: SubjectId,
    pub(crate) district: SubjectId,
}

pub(crate) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub(crate) fn said(text: &str) -> ImpreciseDay {
    text.parse().unwrap()
}

pub(crate) fn at(valid: &str, known: KnownAt) -> ReadTime {
    ReadTime { valid_at: Some(day(valid)), known_at: known }
}

impl City {
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    pub(crate) fn on(store: Arc<dyn Store>) -> Self {
        Self::with(store, Options::default())
    }

    pub(crate) fn with(store: Arc<dyn Store>, options: Options) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-23T02:00:00Z".parse().unwrap()));
        let registry = Registry::open(
            store,
            Arc::clone(&clock) as Arc<dyn anju::kernel::time::Clock>,
            options,
            &mut |_, _| {},
        )
        .unwrap();
        let raw = anju::kernel::id::RawId::from_bytes([0; 16]);
        let none = SubjectId::new(Kind::Region, raw);
        let mut city = Self {
            registry,
            clock,
            next: AtomicU64::new(1),
            province: none,
            city: none,
            district: none,
        };
        city.province = city.region(Level::Province, "河南省", None, false);
        city.city = city.region(Level::City, "郑州市", Some(city.province), true);
        city.district = city.region(Level::District, "中原区", Some(city.city), false);
        city
    }

    /// Closes the registry and opens another on the store.
    pub(crate) fn reopen(&mut self, store: Arc<dyn Store>) {
        self.registry.close();
        self.registry = Registry::open(
            store,
            Arc::clone(&self.clock) as Arc<dyn anju::kernel::time::Clock>,
            Options::default(),
            &mut |_, _| {},
        )
        .unwrap();
    }

    pub(crate) fn seed(&self) -> IdSeed {
        IdSeed { unix_ms: 1_764_000_000_000, random: self.next.fetch_add(1, Ordering::SeqCst) }
    }

    pub(crate) fn call(&self, partition: Partition) -> Call {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        Call {
            partition,
            author: Author { subject: "tester".to_owned(), ..Author::default() },
            request: Some(RequestMark { id, hash: Hash::of(&[&id]) }),
            reason: "a test".to_owned(),
            validate_only: false,
            overrides: Vec::new(),
            seed: Hash::of(&[&number.to_be_bytes()]).0,
        }
    }

    pub(crate) fn run(&self, partition: Partition, command: Command) -> Result<Outcome, Error> {
        self.registry.execute(self.call(partition), command)
    }

    pub(crate) fn home(&self) -> Partition {
        self.district.partition()
    }

    pub(crate) fn register(
        &self,
        content: Content,
        exists_from: &str,
        opens_partition: bool,
    ) -> Result<SubjectId, Error> {
        let partition =
            content.references().first().map_or(Partition::ROOT, |holder| holder.partition());
        let item = Register {
            seed: self.seed(),
            content,
            exists_from: said(exists_from),
            opens_partition,
            sentences: Vec::new(),
        };
        let outcome = self.run(partition, Command::Register(item))?;
        Ok(outcome.decided.subjects[0])
    }

    pub(crate) fn region(
        &self,
        level: Level,
        name: &str,
        parent: Option<SubjectId>,
        opens_partition: bool,
    ) -> SubjectId {
        let mut content = Content::empty(Kind::Region);
        if let Fields::Region(fields) = &mut content.fields {
            fields.level = Some(level);
            fields.name = Some(Some(name.to_owned()));
            fields.parent = parent.map(|id| Some(id.try_into().unwrap()));
        }
        self.register(content, "<2023-07-01", opens_partition).unwrap()
    }

    pub(crate) fn street(&self, name: &str) -> SubjectId {
        self.region(Level::Street, name, Some(self.district), false)
    }

    pub(crate) fn community(&self, name: &str, street: SubjectId) -> SubjectId {
        self.region(Level::Community, name, Some(street), false)
    }

    pub(crate) fn compound(&self, name: &str, community: SubjectId) -> SubjectId {
        self.register(compound(name, community), "1980", false).unwrap()
    }

    pub(crate) fn building(
        &self,
        compound: SubjectId,
        exists_from: &str,
        area_m2: u64,
    ) -> SubjectId {
        self.register(building(compound, area_m2), exists_from, false).unwrap()
    }

    pub(crate) fn unit(&self, building: SubjectId, exists_from: &str) -> SubjectId {
        let mut content = Content::empty(Kind::Unit);
        if let Fields::Unit(fields) = &mut content.fields {
            fields.building = Some(Some(building.try_into().unwrap()));
            fields.area_cm2 = Some(Some(80 * 10_000));
        }
        self.register(content, exists_from, false).unwrap()
    }

    pub(crate) fn change(
        &self,
        subject: SubjectId,
        from: &str,
        content: Content,
    ) -> Result<Outcome, Error> {
        let change = Change {
            subject,
            etag: None,
            from: day(from),
            second_of_day: None,
            order_key: Vec::new(),
            content,
            sentences: Vec::new(),
        };
        self.run(subject.partition(), Command::Change(change))
    }

    pub(crate) fn correct(&self, correct: Correct) -> Result<Outcome, Error> {
        self.run(correct.subject.partition(), Command::Correct(correct))
    }

    pub(crate) fn retract(&self, subject: SubjectId, entry: Option<u64>) -> Result<Outcome, Error> {
        self.run(subject.partition(), Command::Retract(Retract { subject, etag: None, entry }))
    }

    /// Buildings and floor area in m², certain and possible, as `2 300` or `1..2 100..300`.
    pub(crate) fn totals(&self, subject: SubjectId, time: ReadTime) -> String {
        let totals = match self.registry.totals(subject, time) {
            Ok(totals) => totals,
            Err(error) => return format!("{error}"),
        };
        let sum = |wanted: Measure| {
            let (mut certain, mut possible) = (0, 0);
            for (cell, amount) in totals.amounts.iter() {
                if cell.measure() == Some(wanted) {
                    possible += amount;
                    if cell.certainty() == Certainty::Certain {
                        certain += amount;
                    }
                }
            }
            if wanted == Measure::FloorArea || wanted == Measure::UnitArea {
                (certain, possible) = (certain / 10_000, possible / 10_000);
            }
            if certain == possible {
                format!("{certain}")
            } else {
                format!("{certain}..{possible}")
            }
        };
        format!(
            "{} buildings {} m², {} units, {} compounds",
            sum(Measure::Buildings),
            sum(Measure::FloorArea),
            sum(Measure::Units),
            sum(Measure::Compounds)
        )
    }

    pub(crate) fn tick(&self, stamp: &str) {
        self.clock.set(stamp.parse::<Stamp>().unwrap());
    }
}

pub(crate) fn compound(name: &str, community: SubjectId) -> Content {
    let mut content = Content::empty(Kind::Compound);
    if let Fields::Compound(fields) = &mut content.fields {
        fields.name = Some(Some(name.to_owned()));
        fields.community = Some(Some(community.try_into().unwrap()));
    }
    content
}

pub(crate) fn building(compound: SubjectId, area_m2: u64) -> Content {
    let mut content = Content::empty(Kind::Building);
    if let Fields::Building(fields) = &mut content.fields {
        fields.compound = Some(Some(compound.try_into().unwrap()));
        fields.floor_area_cm2 = Some(Some(area_m2 * 10_000));
    }
    content
}

pub(crate) fn fields(kind: Kind, fill: impl FnOnce(&mut Fields)) -> Content {
    let mut content = Content::empty(kind);
    fill(&mut content.fields);
    content
}
