//! Rows of a source from who does not reach all of a city: what is in reach is taken, each row by
//! itself, and nothing is told of the rest.

use std::collections::BTreeSet;

use anju::{
    domain::{
        content::{Content, Fields},
        region::Level,
    },
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        position::Partition,
        time::ReadTime,
    },
    registry::{Command, Import, ImportRow, ItemOutcome, Outcome, Reference, RowLife, RowMode},
};
use expect_test::expect;

use crate::city::{City, fields, said};

/// A city of two streets with a community and an imported compound each; the caller reaches the east.
struct Streets {
    city: City,
    east: SubjectId,
    /// The communities, east and west.
    communities: [SubjectId; 2],
}

type References = Vec<(&'static str, Kind, Reference)>;

fn key(text: &str) -> Reference {
    Reference::Key(text.to_owned())
}

impl Streets {
    fn new() -> Self {
        let city = City::new();
        let [east, west] = ["东街", "西街"].map(|name| city.street(name));
        let communities = [(east, "410102001001"), (west, "410102002001")].map(|(street, code)| {
            let mut content = Content::empty(Kind::Region);
            if let Fields::Region(fields) = &mut content.fields {
                fields.level = Some(Level::Community);
                fields.name = Some(Some("第一社区".to_owned()));
                fields.parent = Some(Some(street.try_into().unwrap()));
            }
            content.shared.identifiers.insert("stats12".to_owned(), vec![code.to_owned()]);
            city.register(content, "1980", false).unwrap()
        });
        let streets = Self { city, east, communities };
        let rows = ["east", "west"].into_iter().zip(communities).map(|(name, community)| {
            let place = vec![("community_id", Kind::Region, Reference::Id(community))];
            streets.compound(&format!("{name}-compound"), place)
        });
        streets.send(None, rows.collect());
        let rows = ["east", "west"].map(|name| {
            streets.building(&format!("{name}-building"), 5, key(&format!("{name}-compound")))
        });
        streets.send(None, rows.into());
        streets
    }

    fn row(&self, key: &str, content: Content, references: References) -> ImportRow {
        let text = format!("{key} {:?} {references:?}", content.texts());
        ImportRow {
            key: key.to_owned(),
            hash: Hash::of(&[text.as_bytes()]),
            seed: self.city.seed(),
            content,
            references,
            exists_from: Some(said("1990-05-01")),
            exists_from_when_new: None,
            from: None,
            life: RowLife::default(),
            opens_partition: false,
            end: None,
            paper: None,
        }
    }

    fn compound(&self, key: &str, place: References) -> ImportRow {
        let content = fields(Kind::Compound, |fields| {
            if let Fields::Compound(fields) = fields {
                fields.name = Some(Some(key.to_owned()));
            }
        });
        self.row(key, content, place)
    }

    fn building(&self, key: &str, storeys: u16, compound: Reference) -> ImportRow {
        let content = fields(Kind::Building, |fields| {
            if let Fields::Building(fields) = fields {
                fields.storeys_above = Some(Some(storeys));
            }
        });
        self.row(key, content, vec![("compound_id", Kind::Compound, compound)])
    }

    fn region(&self, key: &str, level: Level, parent: Option<SubjectId>) -> ImportRow {
        let content = fields(Kind::Region, |fields| {
            if let Fields::Region(fields) = fields {
                fields.level = Some(level);
                fields.name = Some(Some(key.to_owned()));
            }
        });
        let parent = parent.map(|id| ("parent_id", Kind::Region, Reference::Id(id)));
        self.row(key, content, parent.into_iter().collect())
    }

    fn send_to(
        &self,
        partition: Partition,
        within: Option<SubjectId>,
        rows: Vec<ImportRow>,
    ) -> Outcome {
        let within = within.map(|region| BTreeSet::from([region.try_into().unwrap()]));
        let rows = (0..).zip(rows).collect();
        let (source, mode) = ("census".to_owned(), RowMode::Change);
        let import = Import { source, mode, within, insurers: None, rows, unread: Vec::new() };
        self.city.run(partition, Command::Import(import)).unwrap()
    }

    fn send(&self, within: Option<SubjectId>, rows: Vec<ImportRow>) -> Outcome {
        self.send_to(self.city.home(), within, rows)
    }

    /// What becomes of each row of a caller who reaches the east: new ones are not told.
    fn told(&self, partition: Partition, rows: Vec<ImportRow>) -> String {
        let names = rows.iter().map(|row| row.key.clone()).collect::<Vec<_>>();
        let mut told = names.iter().map(|name| format!("{name}: taken")).collect::<Vec<_>>();
        for item in self.send_to(partition, Some(self.east), rows).decided.items {
            let index = usize::try_from(item.index).unwrap();
            let refusals =
                item.refusals.iter().map(|each| format!("{} {}", each.reason, each.field));
            told[index] = match item.outcome {
                ItemOutcome::Refused => {
                    assert_eq!((item.subject, item.conflicts.len()), (None, 0));
                    format!("{}: {}", names[index], refusals.collect::<Vec<_>>().join(", "))
                }
                outcome => format!("{}: {outcome:?}", names[index]),
            };
        }
        told.join("\n")
    }
}

#[test]
fn rows_in_reach_are_taken_and_others_are_refused_one_by_one() {
    let streets = Streets::new();
    let [east, west] = streets.communities;
    let by_id = |id| vec![("community_id", Kind::Region, Reference::Id(id))];
    let by_code = |code: &str| {
        let reference = Reference::Identifier("stats12".to_owned(), code.to_owned());
        vec![("community_id", Kind::Region, reference)]
    };
    let mut implausible = streets.building("west-building", 6, key("east-compound"));
    implausible.exists_from = Some(said("2099-01-01"));
    let rows = vec![
        streets.region("new community", Level::Community, Some(streets.east)),
        streets
            .compound("by a new key", vec![("community_id", Kind::Region, key("new community"))]),
        streets.compound("by id", by_id(east)),
        streets.compound("by code", by_code("410102001001")),
        streets.building("in a new one", 5, key("by id")),
        streets.building("east-building", 6, key("east-compound")),
        streets.compound("west by id", by_id(west)),
        streets.compound("west by code", by_code("410102002001")),
        streets.compound("no such code", by_code("410102009009")),
        streets.building("in the west", 5, key("west-compound")),
        streets.building("in nothing", 5, key("no such compound")),
        streets.building("west-building", 5, key("west-compound")),
        implausible,
        streets.region("new street", Level::Street, Some(streets.city.district)),
    ];
    expect![[r"
        new community: taken
        by a new key: taken
        by id: taken
        by code: taken
        in a new one: taken
        east-building: Changed
        west by id: OUT_OF_REACH community_id
        west by code: OUT_OF_REACH community_id
        no such code: REFERENCE_NOT_FOUND community_id
        in the west: REFERENCE_NOT_FOUND compound_id
        in nothing: REFERENCE_NOT_FOUND compound_id
        west-building: OUT_OF_REACH 
        west-building: OUT_OF_REACH , FUTURE_DATE exists_from
        new street: OUT_OF_REACH parent_id"]]
    .assert_eq(&streets.told(streets.city.home(), rows));
}

#[test]
fn what_lies_between_cities_is_out_of_reach() {
    let streets = Streets::new();
    let (province, city) = (streets.city.province, streets.city.city);
    let mut opening = streets.region("another city", Level::City, Some(province));
    opening.opens_partition = true;
    let rows = vec![
        streets.region("province", Level::Province, None),
        opening,
        streets.region("district", Level::District, Some(city)),
    ];
    expect![[r"
        province: OUT_OF_REACH 
        another city: OUT_OF_REACH 
        district: OUT_OF_REACH parent_id"]]
    .assert_eq(&streets.told(Partition::ROOT, rows));
}

/// What is refused of a row, in full.
fn refusals(outcome: Outcome) -> Vec<(String, String, String)> {
    let refusals = outcome.decided.items.into_iter().flat_map(|item| item.refusals);
    refusals.map(|each| (each.reason, each.field, each.message)).collect()
}

#[test]
fn keys_and_numbers_of_others_are_told_as_what_is_not_there() {
    let streets = Streets::new();
    let reach = Some(streets.east);
    // What the west has and what nobody has are told in the same words.
    for reference in ["west-compound", "nobody's"] {
        let row = streets.building("new", 5, key(reference));
        let message = "no compound within the regions of the credential is known by this reference";
        let told = ("REFERENCE_NOT_FOUND".to_owned(), "compound_id".to_owned(), message.to_owned());
        assert_eq!(refusals(streets.send(reach, vec![row])), [told], "{reference}");
    }
    // A number that a building of the west has is not told of a row that is put there.
    let mut numbered = streets.building("numbered", 5, key("west-compound"));
    numbered.content.shared.identifiers.insert("census".to_owned(), vec!["17".to_owned()]);
    let mut probe = ImportRow { key: "probe".to_owned(), ..numbered.clone() };
    probe.seed = streets.city.seed();
    assert_eq!(streets.send(None, vec![numbered]).decided.subjects.len(), 1);
    let told = refusals(streets.send(reach, vec![probe]));
    assert_eq!(told.iter().map(|(reason, ..)| reason).collect::<Vec<_>>(), ["REFERENCE_NOT_FOUND"]);
}

#[test]
fn nothing_is_moved_out_of_reach() {
    let streets = Streets::new();
    let found = streets.send(None, vec![streets.building("moved", 5, key("east-compound"))]);
    let moved = found.decided.subjects[0];
    let there = streets.city.registry.regions_above(moved).unwrap();
    let etag = streets.city.registry.get(moved, ReadTime::NOW).unwrap().etag;
    let rows = vec![streets.building("moved", 7, key("west-compound"))];
    let told = streets.told(streets.city.home(), rows);
    assert_eq!(told, "moved: REFERENCE_NOT_FOUND compound_id");
    assert_eq!(streets.city.registry.get(moved, ReadTime::NOW).unwrap().etag, etag);
    // Who reaches both moves it.
    streets.send(None, vec![streets.building("moved", 7, key("west-compound"))]);
    assert_ne!(streets.city.registry.regions_above(moved).unwrap(), there);
    let rows = vec![streets.building("moved", 8, key("east-compound"))];
    assert_eq!(streets.told(streets.city.home(), rows), "moved: OUT_OF_REACH ");
}
