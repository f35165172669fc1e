//! All that stands against a command is told at once, and nothing of it is written.

use anju::{
    domain::{
        content::{Content, Fields},
        timeline::EndCause,
    },
    kernel::{
        hash::Hash,
        id::{Kind, SubjectId},
        position::Seq,
    },
    registry::{
        Change, Command, Correct, End, Error, Import, ImportRow, ItemRecord, Merge, MergeInto,
        Outcome, Reference, Refusal, Register, Retract, RowLife, RowMode, Split, SplitPart,
    },
};
use expect_test::{Expect, expect};

use crate::city::{City, day, fields, said};

/// A registry of two compounds with a building each.
struct Court {
    city: City,
    community: SubjectId,
    compound: SubjectId,
    building: SubjectId,
    /// An id that nothing has: a building that was only judged.
    nobody: SubjectId,
    /// A building that was entered in error.
    error: SubjectId,
}

fn lines(refusals: &[Refusal]) -> String {
    let told = refusals.iter().map(|refusal| format!("{} {}", refusal.reason, refusal.field));
    told.collect::<Vec<_>>().join("\n")
}

impl Court {
    fn new() -> Self {
        let city = City::new();
        let community = city.community("甲社区", city.street("一街道"));
        let compound = city.compound("示例小区", community);
        let building = city.building(compound, "1990-05-01", 500);
        let error = city.building(compound, "1990-05-01", 500);
        city.retract(error, None).unwrap();
        let nobody = SubjectId::new(Kind::Building, city.seed().born_in(city.home()));
        Self { city, community, compound, building, nobody, error }
    }

    /// Runs a command that is refused: tells why, and sees that nothing came of it.
    fn refused(&self, because: &str, command: Command, expected: &Expect) {
        let before = self.city.registry.frontier(self.city.home());
        let mut call = self.city.call(self.city.home());
        because.clone_into(&mut call.reason);
        match self.city.registry.execute(call, command) {
            Err(Error::Refused(refusals)) => expected.assert_eq(&lines(&refusals)),
            other => panic!("{other:?}"),
        }
        assert_eq!(self.city.registry.frontier(self.city.home()), before);
    }

    fn import(&self, mode: RowMode, rows: Vec<ImportRow>) -> Outcome {
        let rows = (0..).zip(rows).collect();
        let import = Import {
            source: "census".to_owned(),
            mode,
            within: None,
            insurers: None,
            rows,
            unread: Vec::new(),
        };
        self.city.run(self.city.home(), Command::Import(import)).unwrap()
    }

    fn row(&self, key: &str, compound: &str, exists_from: Option<&str>) -> ImportRow {
        ImportRow {
            key: key.to_owned(),
            hash: Hash::of(&[
                key.as_bytes(),
                compound.as_bytes(),
                exists_from.unwrap_or("").as_bytes(),
            ]),
            seed: self.city.seed(),
            content: to_come(None),
            references: vec![("compound_id", Kind::Compound, Reference::Key(compound.to_owned()))],
            exists_from: exists_from.map(said),
            exists_from_when_new: None,
            from: None,
            life: RowLife::default(),
            opens_partition: false,
            end: None,
            paper: None,
        }
    }
}

/// What is said of a building that is to be completed, in a compound if one is given.
fn to_come(compound: Option<SubjectId>) -> Content {
    fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.completed = Some(Some(said("2035")));
            building.compound = compound.map(|id| Some(id.try_into().unwrap()));
        }
    })
}

fn numbered(mut content: Content, number: &str) -> Content {
    content.shared.identifiers.insert("census".to_owned(), vec![number.to_owned()]);
    content
}

fn change(subject: SubjectId, etag: Option<Seq>, content: Content) -> Command {
    Command::Change(Change {
        subject,
        etag,
        from: day("2020-01-01"),
        second_of_day: None,
        order_key: Vec::new(),
        content,
        sentences: Vec::new(),
    })
}

fn correct(subject: SubjectId, etag: Option<Seq>, content: Content) -> Correct {
    Correct {
        subject,
        etag,
        entry: None,
        from: None,
        content,
        exists_from: None,
        ended_on: None,
        sentences: Vec::new(),
    }
}

fn register(city: &City, content: Content, exists_from: &str) -> Register {
    Register {
        seed: city.seed(),
        content,
        exists_from: said(exists_from),
        opens_partition: false,
        sentences: Vec::new(),
    }
}

#[test]
fn a_registration_is_told_what_cannot_be_and_what_contradicts() {
    let court = Court::new();
    let content = numbered(to_come(Some(court.compound)), "7");
    let mut taken = content.clone();
    if let Fields::Building(building) = &mut taken.fields {
        building.completed = None;
    }
    court.city.register(taken, "1990", false).unwrap();
    // Before its compound, with the number of another, and to be completed.
    let early = register(&court.city, content.clone(), "1970-01-01");
    court.refused(
        "",
        Command::Register(early.clone()),
        &expect![[r"
            FUTURE_DATE fields.completed
            OUTSIDE_PARENT_LIFE exists_from
            IDENTIFIER_TAKEN fields.identifiers"]],
    );
    let nowhere = register(&court.city, to_come(None), "2035");
    court.refused(
        "",
        Command::RegisterAll { items: vec![early, nowhere], per_item: false },
        &expect![[r"
            FUTURE_DATE requests[0].fields.completed
            OUTSIDE_PARENT_LIFE requests[0].exists_from
            IDENTIFIER_TAKEN requests[0].fields.identifiers
            PARTITION_MISSING requests[1]
            REQUIRED requests[1].fields.compound_id
            FUTURE_DATE requests[1].exists_from
            FUTURE_DATE requests[1].fields.completed"]],
    );
}

#[test]
fn a_change_is_told_what_is_wrong_beside_its_etag() {
    let court = Court::new();
    let gone = SubjectId::new(Kind::Compound, court.city.seed().born_in(court.city.home()));
    court.refused(
        "",
        change(court.building, Some(1), numbered(to_come(Some(gone)), "7")),
        &expect![[r"
            ETAG_MISMATCH etag
            NOT_FOUND fields.compound_id
            FUTURE_DATE fields.completed"]],
    );
    // An etag alone is told alone.
    let fine = fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.name = Some(Some("1号楼".to_owned()));
        }
    });
    court.refused("", change(court.building, Some(1), fine), &expect!["ETAG_MISMATCH etag"]);
    // Of what is not there, what is said of it is told all the same.
    for (id, expected) in [
        (
            court.nobody,
            expect![[r"
            NOT_FOUND id
            NOT_FOUND fields.compound_id
            FUTURE_DATE fields.completed"]],
        ),
        (
            court.error,
            expect![[r"
            ENTERED_IN_ERROR id
            NOT_FOUND fields.compound_id
            FUTURE_DATE fields.completed"]],
        ),
    ] {
        court.refused("", change(id, None, to_come(Some(gone))), &expected);
    }
}

#[test]
fn a_correction_is_told_what_is_wrong_beside_its_reason_its_etag_and_its_entry() {
    let court = Court::new();
    let lost = Correct {
        entry: Some(1),
        exists_from: Some(said("2035")),
        ..correct(court.building, Some(1), to_come(None))
    };
    court.refused(
        "",
        Command::Correct(lost),
        &expect![[r"
            REASON_MISSING context.reason
            ETAG_MISMATCH etag
            ENTRY_NOT_FOUND entry
            FUTURE_DATE fields.completed
            FUTURE_DATE exists_from"]],
    );
    court.refused(
        "",
        Command::Correct(Correct {
            from: Some(day("2020-01-01")),
            ..correct(court.building, Some(1), to_come(None))
        }),
        &expect![[r"
            REASON_MISSING context.reason
            ETAG_MISMATCH etag
            FUTURE_DATE fields.completed
            FROM_NOT_HERE from"]],
    );
    court.refused(
        "",
        Command::Correct(correct(court.error, None, to_come(None))),
        &expect![[r"
            REASON_MISSING context.reason
            ENTERED_IN_ERROR id
            FUTURE_DATE fields.completed"]],
    );
}

#[test]
fn an_end_and_a_retraction_are_told_all_that_stands_against_them() {
    let court = Court::new();
    let end = |subject, cause| {
        let day = said("2035");
        Command::End(End { subject, etag: Some(1), day, cause })
    };
    court.refused(
        "",
        end(court.compound, EndCause::Merged),
        &expect![[r"
            ETAG_MISMATCH etag
            END_CAUSE cause
            LIVING_DEPENDENTS id"]],
    );
    court.refused(
        "",
        end(court.nobody, EndCause::Split),
        &expect![[r"
            NOT_FOUND id
            END_CAUSE cause
            FUTURE_DATE ended_on"]],
    );
    let retract = |subject, entry| Command::Retract(Retract { subject, etag: Some(1), entry });
    court.refused(
        "",
        retract(court.compound, None),
        &expect![[r"
            ETAG_MISMATCH etag
            REASON_MISSING context.reason
            LIVING_DEPENDENTS id"]],
    );
    court.refused(
        "",
        retract(court.building, Some(1)),
        &expect![[r"
            ETAG_MISMATCH etag
            REASON_MISSING context.reason
            ENTRY_NOT_FOUND entry"]],
    );
    court.refused(
        "",
        retract(court.nobody, None),
        &expect![[r"
            NOT_FOUND id
            REASON_MISSING context.reason"]],
    );
    // What was merged and is lived in goes in neither way.
    let other = court.city.compound("东院", court.community);
    let merge = Merge {
        kind: Kind::Compound,
        subjects: vec![other],
        day: day("2020-01-01"),
        into: MergeInto::Existing(court.compound),
    };
    court.city.run(court.city.home(), Command::Merge(merge)).unwrap();
    court.refused(
        "twice",
        Command::Retract(Retract { subject: court.compound, etag: None, entry: None }),
        &expect![[r"
            LIVING_DEPENDENTS id
            IN_SUCCESSION id"]],
    );
}

#[test]
fn a_merge_is_told_what_stands_against_each_and_against_what_they_become() {
    let court = Court::new();
    let ended = court.city.building(court.compound, "1990-05-01", 500);
    let end = End { subject: ended, etag: None, day: said("2020"), cause: EndCause::Other };
    court.city.run(court.city.home(), Command::End(end)).unwrap();
    let merge = |subjects: Vec<SubjectId>, content| {
        let into = MergeInto::New { seed: court.city.seed(), content: Box::new(content) };
        Command::Merge(Merge { kind: Kind::Building, subjects, day: day("2035-01-01"), into })
    };
    court.refused(
        "",
        merge(vec![court.building, court.nobody, court.error, ended], to_come(None)),
        &expect![[r"
            FUTURE_DATE day
            NOT_FOUND ids[1]
            ENTERED_IN_ERROR ids[2]
            NOT_THERE ids[3]
            FUTURE_DATE into.completed"]],
    );
    // Where nothing is known of the first, nothing is missed in what would be placed like it.
    court.refused(
        "",
        merge(vec![court.nobody, court.nobody], to_come(None)),
        &expect![[r"
            MERGE_OF_FEW ids
            NOT_FOUND ids[0]
            FUTURE_DATE day
            NOT_FOUND ids[1]
            FUTURE_DATE into.completed"]],
    );
}

#[test]
fn a_split_is_told_what_stands_against_it_and_against_each_part() {
    let court = Court::new();
    court.city.unit(court.building, "1990-05-01");
    let split = |subject, etag, stranger| {
        let part = |content, share| SplitPart { seed: court.city.seed(), content, share };
        Command::Split(Split {
            subject,
            etag,
            day: day("2020-01-01"),
            parts: vec![part(Content::empty(Kind::Building), (1, 2)), part(to_come(None), (2, 3))],
            assignments: vec![(stranger, 0)],
            keeps: false,
        })
    };
    court.refused(
        "",
        split(court.building, Some(1), court.nobody),
        &expect![[r"
            ETAG_MISMATCH etag
            SHARES_SUM parts
            NOT_A_CHILD assignments
            UNASSIGNED_CHILDREN assignments
            FUTURE_DATE parts[1].fields.completed"]],
    );
    court.refused(
        "",
        split(court.nobody, None, court.error),
        &expect![[r"
            NOT_FOUND id
            SHARES_SUM parts
            FUTURE_DATE parts[1].fields.completed"]],
    );
}

fn told_of_items(items: &[ItemRecord]) -> String {
    let told = items.iter().map(|item| {
        format!("{} {:?} {}", item.index, item.outcome, lines(&item.refusals).replace('\n', ", "))
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_row_is_told_what_is_wrong_beside_a_reference_to_what_is_not_there() {
    let court = Court::new();
    let mut placed = court.row("b0", "c0", Some("1990"));
    placed.references = vec![("compound_id", Kind::Compound, Reference::Id(court.compound))];
    placed.content = numbered(Content::empty(Kind::Building), "7");
    let mut taken = court.row("b3", "nowhere", Some("1990"));
    taken.content = numbered(taken.content, "7");
    let again = court.row("b0", "nowhere", Some("1990"));
    let outcome = court.import(
        RowMode::Change,
        vec![
            placed,
            court.row("b1", "nowhere", Some("2035")),
            court.row("b2", "nowhere", None),
            taken,
            again.clone(),
        ],
    );
    expect![[r"
        1 Refused REFERENCE_NOT_FOUND compound_id, FUTURE_DATE exists_from, FUTURE_DATE fields.completed
        2 Refused REFERENCE_NOT_FOUND compound_id, REQUIRED exists_from, FUTURE_DATE fields.completed
        3 Refused REFERENCE_NOT_FOUND compound_id, FUTURE_DATE fields.completed, IDENTIFIER_TAKEN fields.identifiers
        4 Refused REFERENCE_NOT_FOUND compound_id, FUTURE_DATE fields.completed"]]
    .assert_eq(&told_of_items(&outcome.decided.items));
    let outcome = court.import(RowMode::Correction, vec![again]);
    expect![[r"
        0 Refused REFERENCE_NOT_FOUND compound_id, FUTURE_DATE fields.completed"]]
    .assert_eq(&told_of_items(&outcome.decided.items));
    // A row that its source said before is not taken as unchanged when it refers to nothing.
    let mut lost = court.row("b0", "nowhere", None);
    lost.content = numbered(Content::empty(Kind::Building), "7");
    let outcome = court.import(RowMode::Change, vec![lost]);
    expect!["0 Refused REFERENCE_NOT_FOUND compound_id"]
        .assert_eq(&told_of_items(&outcome.decided.items));
}

#[test]
fn nothing_is_said_of_days_before_a_subject_can_be_there() {
    let court = Court::new();
    let measured = |from: &str, subject| {
        let content = fields(Kind::Building, |fields| {
            if let Fields::Building(building) = fields {
                building.floor_area_cm2 = Some(Some(6_000_000));
            }
        });
        match change(subject, None, content) {
            Command::Change(change) => Command::Change(Change { from: day(from), ..change }),
            other => other,
        }
    };
    let expected = expect!["SAID_BEFORE_IT_BEGINS from"];
    court.refused("", measured("1990-04-30", court.building), &expected);
    let home = court.city.home();
    let entry = court.city.run(home, measured("1990-05-01", court.building)).unwrap();
    let rough = court.city.building(court.compound, "1980s", 500);
    court.refused("", measured("1979-12-31", rough), &expected);
    court.city.run(home, measured("1980-01-01", rough)).unwrap();
    let earlier = Correct {
        entry: entry.entries.last().copied(),
        from: Some(day("1990-04-30")),
        ..correct(court.building, None, Content::empty(Kind::Building))
    };
    court.refused("misread", Command::Correct(earlier), &expected);
}

#[test]
fn what_a_building_becomes_fits_the_units_in_it() {
    let court = Court::new();
    let city = &court.city;
    let [one, other] = [(); 2].map(|()| city.building(court.compound, "1990-05-01", 30));
    let units = [one, one, one, other, other, other].map(|held| city.unit(held, "1990-05-01"));
    let area = |m2: u64| {
        fields(Kind::Building, |fields| {
            if let Fields::Building(building) = fields {
                building.floor_area_cm2 = Some(Some(m2 * 10_000));
            }
        })
    };
    let moved = fields(Kind::Unit, |fields| {
        if let Fields::Unit(unit) = fields {
            unit.building = Some(Some(other.try_into().unwrap()));
        }
    });
    let measured = expect!["AREA_PER_UNIT fields.floor_area_cm2"];
    court.refused("", change(one, None, area(23)), &measured);
    court.refused("misread", Command::Correct(correct(one, None, area(23))), &measured);
    court.refused(
        "",
        change(units[0], None, moved.clone()),
        &expect!["AREA_PER_UNIT fields.building_id"],
    );
    // What was so before is not told of what is said of something else.
    let mut call = city.call(city.home());
    (call.reason, call.overrides) = ("as surveyed".to_owned(), vec!["AREA_PER_UNIT".to_owned()]);
    city.registry.execute(call, change(one, None, area(23))).unwrap();
    let lifts = fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.lift_count = Some(Some(1));
        }
    });
    city.run(city.home(), change(one, None, lifts)).unwrap();
    city.run(city.home(), change(other, None, area(32))).unwrap();
    city.run(city.home(), change(units[0], None, moved)).unwrap();
}
