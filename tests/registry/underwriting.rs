//! The underwriter's file: it never changes whatever is written later, and whatever is changed in it
//! is seen.

use std::{collections::BTreeSet, fmt::Write as _, fs, io::Cursor, path::Path, sync::Arc};

use anju::{
    domain::{
        author::Author,
        claim::{ClaimContent, Payment, Settlement, Step, Told},
        content::{Content, Fields},
        finding::PartyKey,
        finding::catalogue::Severity,
        policy::{CoverItem, Insurer, Standing},
        qualification::CompanyKey,
        report::ReportKind,
        underwriting::{Item, Worth},
        work::{Funding, FundingSource},
    },
    kernel::{
        fen::Fen,
        hash::Hash,
        id::{Kind, RegionId, SubjectId},
        position::{Partition, Seq},
        share::Share,
        time::{Answer, KnownAt, ReadTime},
    },
    registry::{
        Change, Command, Correct, Error, Options, Outcome, Registry,
        underwriting::{
            Checked, KnownTree, Line, Lines, Question, ReaderReach, UnderwritingFile, Writer,
        },
    },
    store::{Group, Limit, NewEntry, Store, memory::MemoryStore},
};
use expect_test::expect_file;
use proptest::prelude::*;

use crate::{
    checkups::{self, CYCLE, FINDINGS, GRADES, Town},
    city::{City, day, fields},
    story::{self, Story, cases},
};

const PRODUCTS: &str = include_str!("../../data/reference/products-example.toml");

/// Somebody who is shown everything.
fn everybody() -> ReaderReach {
    ReaderReach {
        role: "operator".to_owned(),
        regions: None,
        companies: None,
        sees_orders: true,
        sees_cases: true,
        sees_signers: true,
    }
}

/// An insurer that reaches one region.
fn insurer(region: SubjectId) -> ReaderReach {
    ReaderReach {
        role: "insurer".to_owned(),
        regions: Some(BTreeSet::from([RegionId::try_from(region).unwrap()])),
        companies: Some(BTreeSet::from(["EXAMPLE-insurer".to_owned()])),
        sees_orders: false,
        sees_cases: false,
        sees_signers: false,
    }
}

fn asked(building: SubjectId, valid: &str, known: Seq, reader: ReaderReach) -> Question {
    Question {
        building: building.try_into().unwrap(),
        time: ReadTime { valid_at: Some(day(valid)), known_at: KnownAt::Seq(known) },
        reader,
        since: None,
    }
}

/// The file, or the reasons for which there is none.
fn file(registry: &Registry, question: Question) -> Result<Vec<u8>, String> {
    let mut file = match UnderwritingFile::open(registry, question) {
        Ok(file) => file,
        Err(Error::Refused(refusals)) => return Err(refusals[0].reason.clone()),
        Err(other) => panic!("{other}"),
    };
    let mut bytes = Vec::new();
    while let Some(part) = file.next_part(registry).unwrap() {
        bytes.extend(part);
    }
    Ok(bytes)
}

fn checked(bytes: &[u8], against: Option<&KnownTree>) -> Checked {
    anju::registry::underwriting::check(&mut Cursor::new(bytes), against, &mut |_| {}).unwrap()
}

fn lines_of(bytes: &[u8]) -> Vec<Line> {
    let mut lines = Lines::default();
    let all = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    all.map(|line| lines.read(line).unwrap()).collect()
}

fn items_of(bytes: &[u8]) -> Vec<Item> {
    let item = |line| match line {
        Line::Item(item) => Some(*item),
        _ => None,
    };
    lines_of(bytes).into_iter().filter_map(item).collect()
}

/// The same lines with sums that fit them: what somebody would write who changed them.
fn written(lines: &[Line]) -> Vec<u8> {
    let mut writer = Writer::default();
    let mut bytes = Vec::new();
    for line in lines {
        match line {
            Line::Header(header) => writer.header(header, &mut bytes),
            Line::Chapter(chapter) => writer.chapter(chapter, &mut bytes),
            Line::Entry(entry) => writer.entry(entry, &mut bytes),
            Line::Item(item) => writer.item(item, &mut bytes),
            Line::End(_) => writer.end(&mut bytes),
        }
        .unwrap();
    }
    bytes
}

/// A policy on a building by two insurers.
fn policy(region: SubjectId, object: SubjectId, number: u8, company: &str) -> Content {
    let cover = |code: &str, from: Option<&str>, until: Option<&str>| CoverItem {
        cover: code.to_owned(),
        from: from.map(day),
        until: until.map(day),
        sum_insured: Fen::new(100_000_000).unwrap(),
        per_event: None,
        per_household: None,
        per_person: None,
        deductible: Fen::new(50_000).unwrap(),
    };
    fields(Kind::Policy, |fields| {
        if let Fields::Policy(policy) = fields {
            policy.region = Some(region.try_into().ok());
            policy.number = Some(Some(format!("P-{number}")));
            policy.product = Some(Some("IDI".to_owned()));
            policy.clause = Some(Some("2019-example".to_owned()));
            policy.insurers = Some(Some(vec![Insurer {
                company: CompanyKey(company.to_owned()),
                share: Share::new(1, 1).unwrap(),
            }]));
            policy.objects = Some(Some(vec![object]));
            policy.covers = Some(Some(vec![
                cover("STR", None, None),
                cover("WTR", Some("2020-01-01"), Some("2029-12-31")),
            ]));
            policy.standing = Some(Some(Standing::Bound));
        }
    })
}

fn claim_fields(fill: impl FnOnce(&mut ClaimContent)) -> Content {
    fields(Kind::Claim, |fields| {
        if let Fields::Claim(claim) = fields {
            fill(claim);
        }
    })
}

/// The notice of a leak under the waterproofing of a policy.
fn leak(building: SubjectId, policy: SubjectId, lost_on: &str) -> Content {
    claim_fields(|claim| {
        let said = |text: &str| Some(Some(text.to_owned()));
        claim.building = Some(building.try_into().ok());
        claim.policy = Some(policy.try_into().ok());
        claim.cover = said("WTR");
        claim.part = said("WATERPROOFING");
        claim.cause = said("LATENT_DEFECT");
        claim.lost_on = Some(Some(day(lost_on)));
        claim.claimant = said("owner-7");
        claim.claimed = Some(Fen::new(9_000_000));
    })
}

fn work_item(building: SubjectId) -> Content {
    fields(Kind::Work, |fields| {
        if let Fields::Work(work) = fields {
            work.building = Some(building.try_into().ok());
            work.part = Some(Some("WATERPROOFING".to_owned()));
            work.done = Some(Some("roof sealed".to_owned()));
            work.cost = Some(Fen::new(8_000_000));
        }
    })
}

fn paid(amount: u64, work: Option<SubjectId>) -> Step {
    Step::Paid(Payment {
        amount: Fen::new(amount).unwrap(),
        to: PartyKey("roofer".to_owned()),
        invoice: Some(Hash::of(&[&amount.to_be_bytes()])),
        work: work.map(|id| id.try_into().unwrap()),
    })
}

/// Takes a step of a claim; the last is said by somebody else than the others.
fn step(town: &Town, claim: SubjectId, on: &str, step: Step) -> Result<Outcome, Error> {
    let mut call = town.city.call(claim.partition());
    let who = if matches!(step, Step::Paid(_)) { "wang" } else { "li" };
    call.author = Author { subject: who.to_owned(), ..Author::default() };
    let is_registered = matches!(step, Step::Registered);
    let content = claim_fields(|content| {
        content.step = Some(Told::new(step, Author::default()));
        content.number = is_registered.then(|| Some(format!("C-{claim}")));
    });
    let change = Change {
        subject: claim,
        etag: None,
        from: day(on),
        second_of_day: None,
        order_key: Vec::new(),
        content,
        sentences: Vec::new(),
    };
    town.registry().execute(call, Command::Change(change))
}

/// The steps of a claim in their order, with so much approved.
fn steps(amount: u64, work: Option<SubjectId>) -> Vec<Step> {
    let fen = |amount| Fen::new(amount).unwrap();
    vec![
        Step::Registered,
        Step::CoverageChecked { answer: Answer::Unknown, against: Vec::new() },
        Step::Surveyed { assessed: fen(amount + 100_000) },
        Step::Approved { amount: fen(amount) },
        Step::Reserved { amount: fen(amount) },
        Step::Settling(Settlement::Repair),
        Step::Accepted,
        paid(amount / 2, work),
        Step::Recovered { amount: fen(1_000), from: PartyKey("builder".to_owned()) },
        Step::Closed,
    ]
}

fn fund(town: &Town, work: SubjectId, on: &str, amount: u64) -> Result<Outcome, Error> {
    let content = fields(Kind::Work, |fields| {
        if let Fields::Work(work) = fields {
            work.funding = Some(Funding {
                source: FundingSource::Fund,
                amount: Fen::new(amount).unwrap(),
                reference: "F-1".to_owned(),
                invoice: Some(Hash::of(&[b"invoice", &amount.to_be_bytes()])),
            });
        }
    });
    town.city.change(work, on, content)
}

/// What is done with claims and work items beside all else.
#[derive(Clone, Copy, Debug)]
struct Deed {
    what: u8,
    which: u8,
    number: u8,
}

/// Claims and work items so far.
#[derive(Default)]
struct Money {
    policies: Vec<SubjectId>,
    claims: Vec<(SubjectId, u64)>,
    works: Vec<SubjectId>,
    /// Steps that were taken, by claims and by work items.
    taken: [usize; 2],
}

const MONEY_DAYS: [&str; 5] =
    ["2021-03-01", "2023-07-01", "2024-04-30", "2024-05-01", "2026-11-01"];

impl Money {
    fn act(&mut self, town: &mut Town, deed: Deed) {
        let Deed { what, which, number } = deed;
        let pick = |all: &[SubjectId]| all.get(usize::from(which) % all.len().max(1)).copied();
        let on = MONEY_DAYS[usize::from(number) % MONEY_DAYS.len()];
        match what % 8 {
            0 => {
                let building = town.buildings[0];
                let Some(policy) = pick(&self.policies) else { return };
                if let Ok(id) = town.city.register(leak(building, policy, "2021-02-01"), on, false)
                {
                    self.claims.push((id, 1_000_000 * u64::from(number % 7 + 1)));
                }
            }
            1..=4 => {
                let nth = usize::from(which) % self.claims.len().max(1);
                let Some((claim, amount)) = self.claims.get(nth).copied() else { return };
                // As far as it goes.
                let on = MONEY_DAYS[usize::from(number) % 2 + 3];
                let work = self.works.first().copied().filter(|_| number % 2 == 0);
                for next in steps(amount, work).into_iter().take(usize::from(number) % 11) {
                    self.taken[0] += usize::from(step(town, claim, on, next).is_ok());
                }
            }
            5 => {
                let building = town.buildings[0];
                self.works.extend(town.city.register(work_item(building), on, false));
            }
            6 => {
                let Some(work) = pick(&self.works) else { return };
                let amount = 500_000 + u64::from(number);
                self.taken[1] += usize::from(fund(town, work, on, amount).is_ok());
            }
            _ => self.mend(town, deed),
        }
    }

    /// Corrects or takes back a step, or all of a claim or work item.
    fn mend(&self, town: &Town, Deed { which, number, .. }: Deed) {
        let all = self.claims.iter().map(|(id, _)| *id).chain(self.works.iter().copied());
        let all = all.collect::<Vec<_>>();
        let Some(subject) = all.get(usize::from(which) % all.len().max(1)).copied() else { return };
        let page = anju::kernel::page::PageRequest { rows: 100, after: Vec::new() };
        let history = town.registry().history(subject, KnownAt::Now, &page).unwrap();
        let entries = history.rows.iter().map(|row| row.position.seq).collect::<Vec<_>>();
        let entry = entries.get(usize::from(number) % entries.len()).copied();
        if number % 3 == 0 {
            let _ = town.city.retract(subject, entry.filter(|_| number > 40));
            return;
        }
        let amount = Fen::new(u64::from(number) * 10_000 + 1).unwrap();
        let content = match subject.kind() {
            Kind::Claim => claim_fields(|claim| {
                let step = Step::Approved { amount };
                claim.step = Some(Told::new(step, Author::default()));
            }),
            _ => fields(Kind::Work, |fields| {
                if let Fields::Work(work) = fields {
                    work.cost = Some(Some(amount));
                }
            }),
        };
        let _ = town.city.correct(Correct {
            subject,
            etag: None,
            entry,
            from: None,
            exists_from: None,
            ended_on: None,
            content,
            sentences: Vec::new(),
        });
    }
}

fn town(store: Arc<dyn Store>) -> Town {
    let mut town = Town::on(City::on(store));
    for (table, text) in
        [("findings", FINDINGS), ("grades", GRADES), ("cycle", CYCLE), ("products", PRODUCTS)]
    {
        town.load(town.city.city, table, "1", text);
    }
    town
}

/// A town with a building of which a good deal is known.
fn lived_in(store: Arc<dyn Store>) -> (Town, SubjectId) {
    let mut town = town(store);
    let building = town.dwelling(town.compounds[0], "1986-05-01");
    town.report(building, "2016-02-29", "B", ReportKind::CheckUp);
    town.report(building, "2024-03-31", "C", ReportKind::CheckUp);
    town.observe(building, "2024-03-31", "STR.CRACK", Severity::RepairBy);
    let finding = *town.findings.last().unwrap();
    let notice = anju::domain::finding::Saying::Notified { deadline: Some(day("2024-09-30")) };
    town.follow(finding, "2024-04-10", notice, 0).unwrap();
    let content = fields(Kind::Building, |fields| {
        if let Fields::Building(building) = fields {
            building.building_use = Some(anju::domain::building::BuildingUse::from_number(2));
            building.structure = Some(None);
        }
    });
    town.city.change(building, "2010-07-01", content).unwrap();
    let mut doubted = fields(Kind::Building, |_| {});
    doubted.shared.doubts.insert("completed".to_owned(), true);
    town.city.change(building, "2025-01-01", doubted).unwrap();
    for (number, company) in [(1, "EXAMPLE-insurer"), (2, "EXAMPLE-other")] {
        let content = policy(town.city.district, building, number, company);
        let policy = town.city.register(content, "2020-01-01", false).unwrap();
        let claim = town.city.register(leak(building, policy, "2025-02-01"), "2025-02-03", false);
        let (claim, amount) = (claim.unwrap(), 2_000_000 * u64::from(number));
        let work = town.city.register(work_item(building), "2025-03-31", false).unwrap();
        for next in steps(amount, Some(work)) {
            step(&town, claim, "2025-04-01", next).unwrap();
        }
        fund(&town, work, "2025-05-01", 3_000_000 + u64::from(number)).unwrap();
    }
    (town, building)
}

/// Asks for every building on several days, by several states of knowledge, for several readers.
fn files(town: &Town, known: Seq) -> Vec<(Question, Result<Vec<u8>, String>)> {
    let mut found = Vec::new();
    for building in &town.buildings {
        for (nth, valid) in ["2005-01-01", "2024-05-01", "2026-11-23"].into_iter().enumerate() {
            for reader in [everybody(), insurer(town.streets[0]), insurer(town.city.district)] {
                let seq = known - (nth as Seq * known / 5);
                let question = asked(*building, valid, seq, reader);
                let file = file(town.registry(), question.clone());
                found.push((question, file));
            }
        }
    }
    found
}

fn same(registry: &Registry, before: &[(Question, Result<Vec<u8>, String>)], when: &str) {
    for (question, was) in before {
        let is = file(registry, question.clone());
        if let (Ok(was), Ok(is)) = (was, &is) {
            let differs = was.split(|byte| *byte == b'\n').zip(is.split(|byte| *byte == b'\n'));
            for (nth, (was, is)) in differs.enumerate() {
                let (was, is) = (String::from_utf8_lossy(was), String::from_utf8_lossy(is));
                assert_eq!(was, is, "line {} {when} of {question:?}", nth + 1);
            }
        }
        assert_eq!(*was, is, "{when} of {question:?}");
    }
}

/// What is written before or after files are asked for.
type Written = (Vec<checkups::Act>, Vec<Deed>);

fn written_acts() -> impl Strategy<Value = Written> {
    let deed = any::<(u8, u8, u8)>().prop_map(|(what, which, number)| Deed { what, which, number });
    (checkups::acts(), prop::collection::vec(deed, 20..60))
}

/// Each act of the town with its share of the deeds.
fn write_all(town: &mut Town, money: &mut Money, (acts, deeds): &Written) {
    let every = acts.len().div_ceil(deeds.len()).max(1);
    let mut deeds = deeds.iter();
    for (nth, act) in acts.iter().enumerate() {
        town.act(*act);
        if nth % every == 0
            && let Some(deed) = deeds.next()
        {
            money.act(town, *deed);
        }
    }
    for deed in deeds {
        money.act(town, *deed);
    }
}

fn a_file_never_changes(before: &Written, after: &Written, number: u8) {
    let kept = Arc::new(MemoryStore::new());
    let mut town = town(Arc::clone(&kept) as Arc<dyn Store>);
    let first = town.dwelling(town.compounds[0], "1986-05-01");
    let content = policy(town.city.district, first, number, "EXAMPLE-insurer");
    let mut money = Money::default();
    money.policies.push(town.city.register(content, "2020-01-01", false).unwrap());
    write_all(&mut town, &mut money, before);
    let head = town.registry().frontier(town.city.home()).seq;
    let files = files(&town, head);
    for (question, file) in &files {
        if let Ok(file) = file {
            let found = checked(file, None);
            assert_eq!(found.wrong, [], "{question:?}\n{}", String::from_utf8_lossy(file));
        }
    }
    // The list of products may have been taken back by now.
    let content = policy(town.city.district, first, number + 1, "EXAMPLE-insurer");
    money.policies.extend(town.city.register(content, "2020-01-01", false));
    write_all(&mut town, &mut money, after);
    same(town.registry(), &files, "after more was written");
    kept.clear_state().unwrap();
    town.city.reopen(Arc::clone(&kept) as Arc<dyn Store>);
    same(town.registry(), &files, "after a rebuild and a restart");
}

fn a_file_of_a_story_never_changes(acts: &[story::Act], cut: usize) {
    let mut story = Story::on(City::new());
    let (before, after) = acts.split_at(cut % acts.len());
    for act in before {
        story.act(act);
    }
    let head = story.head();
    let mut files = Vec::new();
    for building in story.buildings.clone() {
        for valid in ["1995-01-01", "2026-11-23"] {
            for reader in [everybody(), insurer(story.streets[0])] {
                let question = asked(building, valid, head, reader);
                let file = file(&story.city.registry, question.clone());
                if let Ok(file) = &file {
                    let found = checked(file, None);
                    assert_eq!(found.wrong, [], "{}", String::from_utf8_lossy(file));
                }
                files.push((question, file));
            }
        }
    }
    let erased_before = story.tally.get("erase").map_or(0, |tally| tally.0);
    for act in after {
        story.act(act);
    }
    // What was erased is the one thing that a file does not say any more.
    if story.tally.get("erase").map_or(0, |tally| tally.0) == erased_before {
        same(&story.city.registry, &files, "after more was written");
    }
}

proptest! {
    #![proptest_config(cases(6))]

    #[test]
    fn a_file_for_a_day_and_a_position_never_changes(
        before in written_acts(),
        after in written_acts(),
    ) {
        a_file_never_changes(&before, &after, 1);
    }

    #[test]
    fn a_file_of_what_was_merged_moved_and_taken_back_never_changes(
        acts in story::acts(60),
        cut in any::<usize>(),
    ) {
        a_file_of_a_story_never_changes(&acts, cut);
    }
}

fn small() -> (Town, SubjectId, Vec<u8>) {
    let (town, building) = lived_in(Arc::new(MemoryStore::new()));
    let head = town.registry().frontier(town.city.home()).seq;
    let bytes = file(town.registry(), asked(building, "2026-11-23", head, everybody())).unwrap();
    (town, building, bytes)
}

#[test]
fn a_changed_byte_is_told_with_its_line() {
    let (_, _, good) = small();
    assert!(checked(&good, None).is_fine());
    // Every 211th byte: some of every kind of line, and of sums, names, values and hashes.
    let mut line = 1;
    for (place, byte) in good.iter().enumerate() {
        if place % 211 == 0 || place + 1 == good.len() {
            let mut bad = good.clone();
            bad[place] = byte ^ 1;
            let found = checked(&bad, None);
            let first = found.wrong.first().unwrap_or_else(|| panic!("byte {place} unseen"));
            assert_eq!(first.line, line, "byte {place}: {first:?}");
        }
        line += u64::from(*byte == b'\n');
    }
}

#[test]
fn a_file_that_was_cut_short_or_went_on_is_told() {
    let (_, _, good) = small();
    let count = u64::try_from(lines_of(&good).len()).unwrap();
    let line_ends = good.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let ends = line_ends.map(|(place, _)| place + 1).collect::<Vec<_>>();
    for end in [0, ends[0], ends[1], ends[ends.len() - 2]] {
        let found = checked(&good[..end], None);
        assert!(found.wrong.iter().any(|wrong| wrong.what.contains("has no end")), "{found:?}");
    }
    let found = checked(&good[..good.len() - 1], None);
    assert_eq!(found.wrong[0].line, count);
    let more = [good.as_slice(), b"{}\n"].concat();
    assert_eq!(checked(&more, None).wrong[0].line, count + 1);
    // A line is taken out, or stands twice.
    for (from, to) in [(ends[2], ends[3]), (ends[4], ends[5])] {
        let without = [&good[..from], &good[to..]].concat();
        assert!(!checked(&without, None).is_fine());
        let twice = [&good[..to], &good[from..to], &good[to..]].concat();
        assert!(!checked(&twice, None).is_fine());
    }
}

/// What somebody who knows the format can change and write anew with sums that fit.
#[test]
fn what_is_forged_is_told_though_the_sums_fit() {
    let (_, _, good) = small();
    let lines = lines_of(&good);
    assert_eq!(written(&lines), good);
    let is_caught = |forged: &[Line], what: &str, line: usize| {
        let found = checked(&written(forged), None);
        let first = found.wrong.first().unwrap_or_else(|| panic!("{what}: not seen"));
        let expected = u64::try_from(line + 1).unwrap();
        assert_eq!(first.line, expected, "{what}: {first:?}");
    };
    let (mut said, mut entries) = (0, 0);
    for (nth, line) in lines.iter().enumerate() {
        match line {
            Line::Item(item) if matches!(item.is, Worth::Said | Worth::NotRecorded) => {
                said += 1;
                let mut forged = lines.clone();
                let value = Some("forged".to_owned());
                forged[nth] = Line::Item(Box::new(Item { value, ..item.as_ref().clone() }));
                is_caught(&forged, &format!("the value of {item:?}"), nth);
                // As if it were the registry's word.
                let worth = Worth::Reckoned;
                forged[nth] = Line::Item(Box::new(Item { is: worth, ..item.as_ref().clone() }));
                is_caught(&forged, &format!("the worth of {item:?}"), nth);
                // Left out: the line after it is where it should have been.
                forged.remove(nth);
                is_caught(&forged, &format!("without {item:?}"), nth);
            }
            Line::Entry(entry) => {
                entries += 1;
                let mut forged = lines.clone();
                let mut other = entry.as_ref().clone();
                other.recorded = "2020-01-01T00:00:00Z".to_owned();
                forged[nth] = Line::Entry(Box::new(other));
                is_caught(&forged, "when it was recorded", nth);
                forged.remove(nth);
                let found = checked(&written(&forged), None);
                assert!(!found.is_fine(), "without entry {}", entry.entry);
            }
            _ => {}
        }
    }
    assert!(said > 30 && entries > 10, "{said} {entries}");
    // Another tree.
    let mut forged = lines.clone();
    let Line::Header(header) = &lines[0] else { panic!("no header") };
    let mut other = header.clone();
    other.tree.root = Hash::of(&[b"another"]).to_string();
    forged[0] = Line::Header(other);
    assert!(!checked(&written(&forged), None).is_fine());
    // An item that nobody says.
    let mut forged = lines.clone();
    let extra = Item::new("illegal_alterations", Worth::Reckoned).with("answer", "none");
    let end = lines.iter().position(|line| matches!(line, Line::Chapter(chapter) if chapter.chapter == anju::registry::underwriting::Of::Compound));
    forged.insert(end.unwrap(), Line::Item(Box::new(extra)));
    is_caught(&forged, "an item that the registry does not reckon", end.unwrap());
}

#[test]
fn a_tree_that_was_kept_is_compared() {
    let (town, building, good) = small();
    let home = town.city.home();
    let registry = town.registry();
    let tree = |size: Option<u64>| {
        let found = registry.checkpoint(home, size).unwrap();
        let id = u128::from_be_bytes(found.registry);
        KnownTree {
            registry: format!("{id:032x}"),
            partition: home.number(),
            size: found.size,
            root: found.root.to_string(),
            older: None,
        }
    };
    let found = checked(&good, Some(&tree(None)));
    assert!(found.is_fine() && found.kept.is_some(), "{found:?}");
    let other = KnownTree { root: Hash::of(&[b"another"]).to_string(), ..tree(None) };
    let found = checked(&good, Some(&other));
    assert!(found.wrong[0].what.contains("another past"), "{found:?}");
    // Of another size nothing shows how they belong together.
    assert!(!checked(&good, Some(&tree(Some(5)))).is_fine());
    let head = registry.frontier(home).seq;
    let question = Question { since: Some(5), ..asked(building, "2026-11-23", head, everybody()) };
    let with_older = file(registry, question).unwrap();
    let found = checked(&with_older, Some(&tree(Some(5))));
    assert!(found.is_fine() && found.kept.is_some(), "{found:?}");
    let other = KnownTree { root: Hash::of(&[b"another"]).to_string(), ..tree(Some(5)) };
    assert!(!checked(&with_older, Some(&other)).is_fine());
    let question =
        Question { since: Some(head + 1), ..asked(building, "2026-11-23", head, everybody()) };
    assert_eq!(file(registry, question), Err("BEYOND_SIZE".to_owned()));
}

/// Counts of claims and work items, amounts of claims, and what paid for repairs.
fn money(bytes: &[u8]) -> Vec<String> {
    let mut told = Vec::new();
    for item in items_of(bytes) {
        let says = |name: &str| item.says.get(name).cloned().flatten().unwrap_or_default();
        told.push(match item.item.as_str() {
            "claims" | "works" => format!("{} {} of {}", says("count"), item.item, says("of")),
            "claim" => format!("claim {} approved {}", says("stage"), says("approved")),
            "funding" if item.is == Worth::Reckoned => {
                let of = if item.about.is_some() { "a claim that is named" } else { "some claim" };
                format!("{} by {of}", says("amount"))
            }
            "funding" => format!("{} by {}", says("amount"), says("source")),
            _ => continue,
        });
    }
    told
}

const WHOLE_MONEY: &[&str] = &[
    "2 claims of all",
    "2 works of all",
    "claim closed approved 20000.00",
    "claim closed approved 40000.00",
    "30000.01 by fund",
    "10000.00 by a claim that is named",
    "30000.02 by fund",
    "20000.00 by a claim that is named",
];
const PART_MONEY: &[&str] = &[
    "1 claims of own_policies",
    "2 works of all",
    "claim closed approved 20000.00",
    "30000.01 by fund",
    "10000.00 by a claim that is named",
    "30000.02 by fund",
    "20000.00 by some claim",
];

#[test]
fn a_reader_is_shown_what_is_in_reach_and_told_what_is_not() {
    let (town, building, whole) = small();
    let head = town.registry().frontier(town.city.home()).seq;
    let policies = |bytes: &[u8]| {
        let numbers = items_of(bytes).into_iter().filter(|item| item.item == "policy");
        let numbers = numbers.filter_map(|item| item.says.get("policy_number").cloned().flatten());
        numbers.collect::<Vec<_>>()
    };
    assert_eq!(policies(&whole), ["P-1", "P-2"]);
    let reader = insurer(town.streets[0]);
    let part = file(town.registry(), asked(building, "2026-11-23", head, reader)).unwrap();
    let found = checked(&part, None);
    assert_eq!(found.wrong, []);
    assert_eq!(policies(&part), ["P-1"]);
    // Claims on its own policies alone; what others paid for a repair is told without their claim.
    assert_eq!(money(&whole), WHOLE_MONEY);
    assert_eq!(money(&part), PART_MONEY);
    let withheld = items_of(&part).into_iter().filter(|item| item.is == Worth::Withheld);
    let withheld = withheld.map(|item| (item.item, item.because.unwrap()));
    let withheld = withheld.collect::<BTreeSet<_>>();
    for told in [("case", "role"), ("order", "role"), ("edition", "reach"), ("region", "reach")] {
        let told = (told.0.to_owned(), told.1.to_owned());
        assert!(withheld.contains(&told), "{told:?} {withheld:?}");
    }
    // Nothing of the other's policy is in it, not even that there is one.
    assert!(!String::from_utf8_lossy(&part).contains("EXAMPLE-other"));
    // What is not known, and what is not recorded, is said.
    let items = items_of(&part);
    let has =
        |item: &str, is: Worth| items.iter().any(|found| found.item == item && found.is == is);
    assert!(has("height_cm", Worth::Unknown) && has("structure", Worth::Unknown));
    assert!(
        has("illegal_alterations", Worth::NotRecorded) && has("fund_balance", Worth::NotRecorded)
    );
    let doubted = items.iter().find(|item| item.item == "completed").unwrap();
    assert_eq!(doubted.doubted.as_deref(), Some(""));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let (town, building, _) = small();
    let registry = town.registry();
    let head = registry.frontier(town.city.home()).seq;
    let nobody =
        SubjectId::new(Kind::Building, anju::kernel::id::RawId::new(1, town.city.home(), 1));
    let reason =
        |building, known| file(registry, asked(building, "2026-11-23", known, everybody()));
    assert_eq!(reason(nobody, head), Err("NOT_FOUND".to_owned()));
    assert_eq!(reason(building, 3), Err("NOT_FOUND".to_owned()));
    assert_eq!(reason(building, head + 1_000_000), Err("BEYOND_SIZE".to_owned()));
    town.city.retract(building, None).unwrap_err();
}

#[test]
fn a_long_history_comes_in_parts_of_bounded_size() {
    let mut town = town(Arc::new(MemoryStore::new()));
    let building = town.dwelling(town.compounds[0], "1986-05-01");
    for nth in 0..300_u32 {
        let content = fields(Kind::Building, |fields| {
            if let Fields::Building(building) = fields {
                building.name = Some(Some(format!("{nth}号楼")));
            }
        });
        town.city.change(building, "2010-07-01", content).unwrap();
    }
    let head = town.registry().frontier(town.city.home()).seq;
    let question = asked(building, "2026-11-23", head, everybody());
    let mut file = UnderwritingFile::open(town.registry(), question).unwrap();
    let (mut bytes, mut parts) = (Vec::new(), 0);
    while let Some(part) = file.next_part(town.registry()).unwrap() {
        assert!(part.len() < 256 * 1024, "{}", part.len());
        bytes.extend(part);
        parts += 1;
    }
    assert!(parts > 3, "{parts}");
    let found = checked(&bytes, None);
    assert_eq!(found.wrong, []);
    assert!(found.counts.entries > 300);
}

/// The entries of a made-up life, kept for ever: `partition seq bytes`, a line each.
const JOURNAL: &str = "tests/samples/underwriting-journal.txt";

/// A registry on the entries that are kept.
fn kept_registry() -> Registry {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(JOURNAL)).unwrap();
    let store = MemoryStore::new();
    let mut entries = Vec::new();
    for line in text.lines() {
        let words = line.split(' ').collect::<Vec<_>>();
        let partition = Partition::new(words[0].parse().unwrap()).unwrap();
        let pairs = (0..words[2].len()).step_by(2);
        let bytes = pairs.map(|at| u8::from_str_radix(&words[2][at..at + 2], 16).unwrap());
        entries.push(NewEntry {
            partition,
            seq: words[1].parse().unwrap(),
            bytes: bytes.collect(),
        });
    }
    store.commit(Group { entries, steps: Vec::new() }).unwrap();
    let clock = anju::kernel::time::ManualClock::new("2026-11-24T02:00:00Z".parse().unwrap());
    Registry::open(Arc::new(store), Arc::new(clock), Options::default(), &mut |_, _| {}).unwrap()
}

/// Writes the entries of the life anew: only for another version of the format.
fn keep_journal() {
    let store = Arc::new(MemoryStore::new());
    let (town, _) = lived_in(Arc::clone(&store) as Arc<dyn Store>);
    town.registry().close();
    let limit = Limit { entries: usize::MAX, bytes: usize::MAX };
    let mut text = String::new();
    for head in store.heads() {
        for (seq, bytes) in (1_u64..).zip(store.entries(head.partition, 1, limit).unwrap()) {
            let _ = write!(text, "{} {seq} ", head.partition);
            for byte in bytes {
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\n');
        }
    }
    fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(JOURNAL), text).unwrap();
}

#[test]
fn the_file_of_a_kept_life_is_the_kept_file() {
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join(JOURNAL).exists() {
        keep_journal();
    }
    let registry = kept_registry();
    let partition = Partition::new(1).unwrap();
    let head = registry.frontier(partition).seq;
    let page = anju::kernel::page::PageRequest { rows: 10, after: Vec::new() };
    let of = anju::registry::ListOf::All(Kind::Building, partition);
    let building = registry.list(of, ReadTime::NOW, &page).unwrap().rows[0].id;
    let bytes = file(&registry, asked(building, "2026-11-23", head, everybody())).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    expect_file!["../samples/underwriting-v1.jsonl"].assert_eq(&text);
    assert_eq!(checked(&bytes, None).wrong, []);
}
