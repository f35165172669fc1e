//! Every read in all four combinations of valid and known time, against entries folded anew.

use anju::{
    kernel::{
        id::{Kind, SubjectId},
        page::PageRequest,
        position::Seq,
        time::{Day, KnownAt, ReadTime},
    },
    registry::{ListOf, Registry},
};
use proptest::prelude::*;

use crate::{
    city::day,
    oracle::{self, Oracle},
    rebuild::{known_up_to, state},
    story::{Act, DAYS, Story, acts, cases},
};

/// Everything that the registry tells on a day with some knowledge, as text.
fn told(registry: &Registry, story: &Story, valid: Option<Day>, known_at: KnownAt) -> String {
    let time = ReadTime { valid_at: valid, known_at };
    let page = PageRequest { rows: 1_000, after: Vec::new() };
    let home = story.home();
    let mut text = Vec::new();
    for id in story.everything() {
        match registry.get(id, time) {
            Ok(seen) => text.push(format!(
                "{id} {} {:?} {:?} {:?} {:?} {:?} {:?}",
                seen.etag,
                seen.exists_from,
                seen.end,
                seen.presence,
                seen.edges,
                seen.content,
                seen.doubts,
            )),
            Err(error) => text.push(format!("{id} {error}")),
        }
        // What was not known yet has no edges, and is not an error.
        text.push(format!(
            "{:?}",
            registry.lineage(id, known_at).map(|(edges, _)| edges).unwrap_or_default()
        ));
    }
    for kind in [Kind::Region, Kind::Compound, Kind::Building, Kind::Unit] {
        text.push(format!("{kind:?} {:?}", listed(registry, ListOf::All(kind, home), time)));
    }
    for node in story.nodes() {
        for kind in [Kind::Compound, Kind::Building, Kind::Unit] {
            let below = listed(registry, ListOf::Below(kind, node), time);
            text.push(format!("{kind:?} below {node}: {below:?}"));
        }
        let totals = registry.totals(node, time).map(|totals| oracle::answered(&totals));
        text.push(format!("{node} {:?}", totals.unwrap_or_default()));
    }
    for code in ["H0", "H1", "H2", "H3"] {
        let found = registry.resolve_code("house", code, valid, Some(home), known_at).unwrap().0;
        text.push(format!("{code} {found:?}"));
    }
    let open = registry.cases(home, None, false, known_at, &page).unwrap();
    for (id, case) in open.rows {
        text.push(format!("{id} {:?} {:?} {}", case.what, case.subjects, case.opened_by));
    }
    text.join("\n")
}

fn listed(registry: &Registry, of: ListOf, time: ReadTime) -> Vec<SubjectId> {
    let mut page = PageRequest { rows: 7, after: Vec::new() };
    let mut found = Vec::new();
    loop {
        let some = registry.list(of, time, &page).unwrap();
        found.extend(some.rows.into_iter().map(|seen| seen.id));
        let Some(next) = some.next else { return found };
        page.after = next;
    }
}

/// What is told of a past knowledge is what a registry tells that has nothing newer.
fn the_past_is_told_as_it_was(acts: &[Act], known: u16, on: usize) {
    let story = Story::tell(acts);
    let now = &story.city.registry;
    // The regions of the beginning are always known.
    let known = 12 + Seq::from(known) % (story.head() - 11);
    let then = known_up_to(&story.city, known);
    // A command's entries are known together.
    for valid in [None, Some(day(DAYS[on % DAYS.len()]))] {
        let past = told(now, &story, valid, KnownAt::Seq(known));
        let at_the_time = told(&then, &story, valid, KnownAt::Now);
        assert!(
            past == at_the_time,
            "known with entry {known} of {}:\n{}",
            story.head(),
            difference(&past, &at_the_time)
        );
    }
    assert!(!state(now.store()).is_empty());
}

fn difference(left: &str, right: &str) -> String {
    left.lines()
        .zip(right.lines())
        .filter(|(left, right)| left != right)
        .map(|(left, right)| format!("  past: {left}\n  then: {right}\n"))
        .take(3)
        .collect()
}

/// Lists of a day are those of the oracle.
fn lists_equal_the_oracle(acts: &[Act], known: u16, on: usize) {
    let story = Story::tell(acts);
    let registry = &story.city.registry;
    let valid = day(DAYS[on % DAYS.len()]);
    let known = 1 + Seq::from(known) % story.head();
    for (known_at, seq) in [(KnownAt::Now, story.head()), (KnownAt::Seq(known), known)] {
        let time = ReadTime { valid_at: Some(valid), known_at };
        let oracle = Oracle::read(registry.store(), story.home(), seq);
        for node in story.nodes() {
            for (kind, all) in [(Kind::Building, &story.buildings), (Kind::Unit, &story.units)] {
                let is_in = |id: &&SubjectId| {
                    oracle.may_be_there(**id, valid) && oracle.holders(**id, valid).contains(&node)
                };
                // A compound also lists what another community counts.
                if node.kind() == Kind::Compound && kind == Kind::Building {
                    continue;
                }
                let mut expected = all.iter().filter(is_in).copied().collect::<Vec<_>>();
                expected.sort();
                let told = listed(registry, ListOf::Below(kind, node), time);
                assert_eq!(told, expected, "{kind:?} below {node} on {valid} at {known_at:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn a_past_knowledge_is_told_as_it_was_told_then(
        acts in acts(40), known in any::<u16>(), on in any::<usize>()
    ) {
        the_past_is_told_as_it_was(&acts, known, on);
    }

    #[test]
    fn lists_below_a_region_equal_the_oracle(
        acts in acts(40), known in any::<u16>(), on in any::<usize>()
    ) {
        lists_equal_the_oracle(&acts, known, on);
    }
}

#[test]
fn a_list_below_a_region_comes_to_its_end_without_going_through_the_city() {
    let city = crate::city::City::new();
    let street = city.street("一街");
    let [full, empty] = ["甲", "乙"].map(|name| city.community(name, street));
    let compound = city.compound("甲院", full);
    let mut all: Vec<_> = (0..9).map(|_| city.building(compound, "2001-05-01", 100)).collect();
    all.sort();
    let page = PageRequest { rows: 9, after: Vec::new() };
    let below = |node| {
        let page = city.registry.list(ListOf::Below(Kind::Building, node), ReadTime::NOW, &page);
        let page = page.unwrap();
        (page.rows.into_iter().map(|seen| seen.id).collect::<Vec<_>>(), page.next)
    };
    // A page that is full to the last row has no other behind it.
    assert_eq!(below(full), (all.clone(), None));
    assert_eq!(below(empty), (Vec::new(), None));
    assert_eq!(below(street), (all, None));
}
