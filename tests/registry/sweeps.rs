//! Moves of more than one step can move at once: what is told while they are under way, and after.

use std::sync::{Arc, mpsc::channel};

use anju::{
    domain::{content::Fields, region::Level},
    kernel::{
        id::{Kind, SubjectId},
        position::{Position, Seq},
        time::{Day, KnownAt, ReadTime},
    },
    registry::{Command, Correct, Error, Fact, Outcome, Register, Registry},
    store::Store,
};
use proptest::prelude::*;

use crate::{
    city::{City, building, day, fields, said},
    gate::Gate,
    oracle::{self, Oracle, Sums},
    story::cases,
};

/// Months of valid days that one step moves.
const STEP: usize = 64;

struct Move {
    gate: Arc<Gate>,
    city: City,
    nodes: Vec<SubjectId>,
    /// What no move concerns: the compound that moves, and all that lies apart.
    apart: Vec<SubjectId>,
    compound: SubjectId,
    communities: [SubjectId; 3],
    /// The last entry before anything moved.
    built: Seq,
}

impl Drop for Move {
    fn drop(&mut self) {
        // The writer ends only when its last commit has passed.
        self.gate.open();
    }
}

impl Move {
    /// A compound with a building for each of so many months.
    fn of_months(count: usize) -> Self {
        let gate = Arc::new(Gate::default());
        let city = City::on(Arc::clone(&gate) as Arc<dyn Store>);
        let (one, two) = (city.street("一街道"), city.street("二街道"));
        let communities = [
            city.community("甲社区", one),
            city.community("乙社区", two),
            city.community("丙社区", one),
        ];
        let compound = city.compound("示例小区", communities[0]);
        let items = (0..count)
            .map(|index| Register {
                seed: city.seed(),
                content: building(compound, 100 + u64::try_from(index).unwrap()),
                exists_from: said(&format!("{}-{:02}-03", 1986 + index / 12, index % 12 + 1)),
                opens_partition: false,
                sentences: Vec::new(),
            })
            .collect();
        city.run(city.home(), Command::RegisterAll { items, per_item: false }).unwrap();
        let district = city.region(Level::District, "二七区", Some(city.city), false);
        let street = city.region(Level::Street, "三街道", Some(district), false);
        let community = city.community("丁社区", street);
        let other = city.compound("另一小区", community);
        city.building(other, "1986-01-01", 700);
        let apart = vec![compound, other, community, street, district];
        let nodes = [&communities[..], &[one, two, city.district], &apart].concat();
        let built = city.registry.frontier(city.home()).seq;
        Self { gate, city, nodes, apart, compound, communities, built }
    }

    fn registry(&self) -> &Registry {
        &self.city.registry
    }

    fn head(&self) -> Seq {
        self.registry().frontier(self.city.home()).seq
    }

    fn to_community(&self, index: usize) -> anju::domain::content::Content {
        fields(Kind::Compound, |fields| {
            if let Fields::Compound(fields) = fields {
                fields.community = Some(Some(self.communities[index].try_into().unwrap()));
            }
        })
    }

    /// Moves the compound and holds up what is still to be done.
    fn begin(&self, from: &str) {
        self.gate.close_after(1);
        let outcome = self.city.change(self.compound, from, self.to_community(1)).unwrap();
        assert!(outcome.sweep_under_way);
    }

    /// Lets one more step be done; whether the sweep has ended.
    fn step(&self) -> bool {
        let seq = self.head() + 1;
        self.gate.pass_one();
        self.registry().wait_for(Position { partition: self.city.home(), seq }).unwrap();
        let entries = oracle::entries(self.registry().store(), self.city.home());
        let steps = entries.iter().rev().filter_map(|entry| match &entry.body.as_ref()?.fact {
            Fact::SweepStep { up_to, .. } => Some(up_to.is_none()),
            _ => None,
        });
        steps.into_iter().next().unwrap()
    }

    /// Sends a command while a step waits to be committed, and lets both pass.
    fn meanwhile(&self, command: Command) -> Result<Outcome, Error> {
        self.gate.wait_for_a_commit();
        let (sender, receiver) = channel();
        self.registry().submit(self.city.call(self.city.home()), command, move |answer| {
            sender.send(answer).unwrap();
        });
        self.gate.pass_one();
        self.gate.pass_one();
        receiver.recv().unwrap()
    }

    /// Compares every total with a recount; gives how many were refused as being moved.
    fn check(&self, known: KnownAt, seq: Seq) -> usize {
        self.check_while_moving(known, seq, Day::MIN)
    }

    /// The same while something is moved from a day on: what that does not concern is told.
    fn check_while_moving(&self, known: KnownAt, seq: Seq, from: Day) -> usize {
        let oracle = Oracle::read(self.registry().store(), self.city.home(), seq);
        let mut refused = 0;
        let mut days = days();
        if from > Day::MIN {
            // The last day that was read before is remembered: it is asked for first.
            days.reverse();
        }
        for valid in days {
            let counted = oracle.totals(valid);
            for node in &self.nodes {
                let time = ReadTime { valid_at: Some(valid), known_at: known };
                let counted = counted.get(node).cloned().unwrap_or_default();
                match self.registry().totals(*node, time) {
                    Ok(totals) => {
                        let told = oracle::answered(&totals);
                        assert_eq!(told, counted, "{node} on {valid} at {known:?}");
                    }
                    Err(Error::Refused(refusals)) if refusals[0].reason == "SWEEP_UNDER_WAY" => {
                        let is_apart = self.apart.contains(node) || valid < from;
                        assert!(!is_apart, "{node} on {valid} at {known:?} is not being moved");
                        refused += 1;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
        refused
    }

    fn check_all(&self) -> usize {
        let head = self.head();
        let mut refused = self.check(KnownAt::Now, head);
        for seq in self.built..=head {
            refused += self.check(KnownAt::Seq(seq), seq);
        }
        refused
    }
}

fn days() -> Vec<Day> {
    [
        "1980-01-01",
        "1986-01-03",
        "1990-07-10",
        "1995-06-30",
        "1995-07-01",
        "2001-01-01",
        "2026-11-22",
    ]
    .map(day)
    .to_vec()
}

#[test]
fn totals_read_while_much_is_moved_are_refused_or_exact() {
    let story = Move::of_months(3 * STEP);
    let before = story.head();
    // What was read before is remembered, and must not be told half moved.
    assert_eq!(story.check(KnownAt::Now, before), 0);
    let from = "1995-07-01";
    story.begin(from);
    let mut steps = 0;
    loop {
        assert_eq!(story.check(KnownAt::Seq(before), before), 0, "what was known before is told");
        let head = story.head();
        let refused = story.check_while_moving(KnownAt::Now, head, day(from));
        // The streets, the district above them and two of the communities, on three days.
        assert_eq!(refused, 15);
        story.check_while_moving(KnownAt::Seq(head), head, day(from));
        steps += 1;
        if story.step() {
            break;
        }
    }
    story.gate.open();
    assert!(steps >= 2, "{steps}");
    assert_eq!(story.check_all(), 0);
}

#[test]
fn a_late_paper_during_a_move_lands_on_the_right_side() {
    let story = Move::of_months(6 * STEP);
    story.begin("1995-07-01");
    story.step();
    for exists_from in ["1986-02-01", "2001-12-31"] {
        let item = Register {
            seed: story.city.seed(),
            content: building(story.compound, 77),
            exists_from: said(exists_from),
            opens_partition: false,
            sentences: Vec::new(),
        };
        story.meanwhile(Command::Register(item)).unwrap();
    }
    story.gate.open();
    story.finish();
    assert_eq!(story.check_all(), 0);
}

#[test]
fn a_move_corrected_while_it_is_under_way_is_refused_or_exact_in_the_end() {
    for correct in [Some("1990-07-01"), Some("2000-01-01"), None] {
        let story = Move::of_months(3 * STEP);
        story.begin("1995-07-01");
        let entry = Some(story.head());
        let command = match correct {
            Some(from) => Command::Correct(Correct {
                subject: story.compound,
                etag: None,
                entry,
                from: Some(day(from)),
                content: fields(Kind::Compound, |_| {}),
                exists_from: None,
                ended_on: None,
                sentences: Vec::new(),
            }),
            None => Command::Retract(anju::registry::Retract {
                subject: story.compound,
                etag: None,
                entry,
            }),
        };
        let answer = story.meanwhile(command);
        story.gate.open();
        if let Err(Error::Refused(refusals)) = &answer {
            assert_eq!(refusals[0].reason, "SWEEP_UNDER_WAY");
        }
        story.finish();
        assert_eq!(story.check_all(), 0, "corrected to {correct:?}");
    }
}

impl Move {
    /// Waits for the end of all that is being moved: commands that move are taken again.
    fn finish(&self) {
        loop {
            let head = self.head();
            let position = Position { partition: self.city.home(), seq: head + 1 };
            let entries = oracle::entries(self.registry().store(), self.city.home());
            let mut open = std::collections::BTreeSet::new();
            for entry in &entries {
                if let Some(Fact::SweepStep { opened_by, up_to, .. }) =
                    entry.body.as_ref().map(|body| &body.fact)
                {
                    if up_to.is_none() {
                        open.remove(opened_by);
                    } else {
                        open.insert(*opened_by);
                    }
                }
            }
            if open.is_empty() && self.is_still() {
                return;
            }
            // Another step will come; when it has come already, this returns at once.
            let _ = self.registry().wait_for(position);
        }
    }

    /// Whether no total is refused any more.
    fn is_still(&self) -> bool {
        let head = self.head();
        let time = ReadTime { valid_at: None, known_at: KnownAt::Seq(head) };
        self.registry().totals(self.city.district, time).is_ok()
    }
}

/// Moves to and fro, with steps of any number between them.
fn moves_to_and_fro(months: usize, moves: &[(usize, usize)]) {
    let story = Move::of_months(months);
    for (to, from) in moves {
        let content = story.to_community(*to);
        let from = ["1990-07-10", "1995-07-01", "2001-01-01", "2026-07-01", "2027-01-01"][*from];
        story.gate.close_after(1);
        let mut moves = story.city.change(story.compound, from, content).unwrap().sweep_under_way;
        while moves {
            let head = story.head();
            story.check_while_moving(KnownAt::Now, head, day(from));
            story.check_while_moving(KnownAt::Seq(head), head, day(from));
            moves = !story.step();
        }
        story.gate.open();
        story.finish();
    }
    assert_eq!(story.check_all(), 0);
    let sums: Sums = Oracle::read(story.registry().store(), story.city.home(), story.head())
        .totals(day("2026-11-22"))
        .remove(&story.city.district)
        .unwrap();
    assert_eq!(
        sums.get("buildings"),
        Some(&(i64::try_from(months).unwrap(), i64::try_from(months).unwrap()))
    );
}

proptest! {
    #![proptest_config(cases(3))]

    #[test]
    fn moves_to_and_fro_leave_exact_totals(
        months in 60_usize..150,
        moves in proptest::collection::vec((0_usize..3, 0_usize..5), 1..4)
    ) {
        moves_to_and_fro(months, &moves);
    }
}
