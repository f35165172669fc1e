//! Which covers answer for a damage, on the registry: against an oracle that goes through every policy
//! there is, clause by clause and day by day, and takes claims off one at a time.

use std::collections::BTreeSet;

use anju::{
    domain::{
        claim::ClaimContent,
        content::{Content, Fields},
        coverage::Damage,
        policy::{CoverItem, Insurer, PolicyContent, Standing},
        qualification::CompanyKey,
        timeline::EndCause,
    },
    kernel::{
        fen::Fen,
        id::{Kind, PolicyId, SubjectId},
        position::Seq,
        share::Share,
        time::{Answer, Day, ImpreciseDay, KnownAt, ReadTime},
    },
    registry::{Change, Command, Correct, CoverSeen, End, Merge, MergeInto, Register, Retract},
};
use proptest::prelude::*;

use crate::{
    city::{day, fields},
    claims::{Deed, Tale, deeds, stands},
    insured::{OnDay, building_of, building_says, months_after},
    oracle::{self, Life, Oracle},
    story::{Act, DAYS, Story, acts, cases},
};

/// A cover of a clause of the example file, as a person reads it there.
struct Clause {
    product: &'static str,
    version: &'static str,
    cover: &'static str,
    parts: &'static [&'static str],
    causes: &'static [&'static str],
    /// Months to wait, and months to hold, both from the completion; none: the policy says the days.
    term: Option<(i32, i32)>,
    /// Days after the loss within which the insurer is to be told.
    told_within: Option<u32>,
    /// Whether the day of the notice decides.
    by_notice: bool,
}

const fn clause(
    (product, version, cover): (&'static str, &'static str, &'static str),
    parts: &'static [&'static str],
    causes: &'static [&'static str],
    term: Option<(i32, i32)>,
) -> Clause {
    Clause { product, version, cover, parts, causes, term, told_within: None, by_notice: false }
}

const CLAUSES: [Clause; 8] = [
    clause(
        ("IDI", "2019-example", "STR"),
        &["FOUNDATION", "STRUCTURE"],
        &["LATENT_DEFECT"],
        Some((24, 120)),
    ),
    clause(
        ("IDI", "2019-example", "WTR"),
        &["WATERPROOFING", "INSULATION"],
        &["LATENT_DEFECT"],
        Some((0, 60)),
    ),
    clause(
        ("IDI", "2019-example", "FIN"),
        &["FINISHING", "PIPES", "WIRING"],
        &["LATENT_DEFECT"],
        Some((0, 24)),
    ),
    clause(
        ("EBS", "2024-example", "COLLAPSE"),
        &["FOUNDATION", "STRUCTURE"],
        &["COLLAPSE", "AGEING", "NEARBY_WORKS"],
        None,
    ),
    Clause {
        told_within: Some(30),
        ..clause(
            ("EBS", "2024-example", "FALLING"),
            &["FACADE", "INSULATION"],
            &["FALLING_OBJECT", "AGEING"],
            None,
        )
    },
    clause(
        ("RES", "2024-example", "HOME"),
        &["FOUNDATION", "STRUCTURE", "FINISHING"],
        &["COLLAPSE", "FIRE"],
        None,
    ),
    clause(
        ("CAT", "2024-example", "NATURAL"),
        &["FOUNDATION", "STRUCTURE", "WATERPROOFING", "FACADE"],
        &["EARTHQUAKE", "TYPHOON", "FLOOD"],
        None,
    ),
    Clause {
        by_notice: true,
        ..clause(("LLI", "2024-example", "LIFT"), &["LIFT"], &["LIFT_ACCIDENT"], None)
    },
];

/// Damages: mostly those for which some cover answers.
const DAMAGES: [(&str, &str); 9] = [
    ("STRUCTURE", "LATENT_DEFECT"),
    ("WATERPROOFING", "LATENT_DEFECT"),
    ("STRUCTURE", "COLLAPSE"),
    ("FOUNDATION", "AGEING"),
    ("INSULATION", "AGEING"),
    ("FACADE", "FALLING_OBJECT"),
    ("STRUCTURE", "FIRE"),
    ("FACADE", "TYPHOON"),
    ("LIFT", "LIFT_ACCIDENT"),
];

fn of_clause(product: &str, version: &str, cover: &str) -> Option<&'static Clause> {
    let is_it = |it: &&Clause| (it.product, it.version, it.cover) == (product, version, cover);
    CLAUSES.iter().find(is_it)
}

/// A policy as it is said to be on a day.
fn policy_on(life: &Life, on: Day) -> PolicyContent {
    fn of<T>(
        life: &Life,
        on: Day,
        of: impl Fn(&PolicyContent) -> Option<Option<T>>,
    ) -> Option<Option<T>> {
        let said = life.value(on, |content| match &content.fields {
            Fields::Policy(policy) => of(policy),
            _ => None,
        });
        said.map(Some)
    }
    PolicyContent {
        number: of(life, on, |it| it.number.clone()),
        product: of(life, on, |it| it.product.clone()),
        clause: of(life, on, |it| it.clause.clone()),
        insurers: of(life, on, |it| it.insurers.clone()),
        objects: of(life, on, |it| it.objects.clone()),
        covers: of(life, on, |it| it.covers.clone()),
        standing: of(life, on, |it| it.standing),
        ..PolicyContent::default()
    }
}

fn clause_of(policy: &PolicyContent, cover: &str) -> Option<&'static Clause> {
    let product = policy.product.clone().flatten()?;
    let version = policy.clause.clone().flatten()?;
    of_clause(&product, &version, cover)
}

/// The earliest and the latest first day, and the earliest and the latest last one.
type Bounds = [Day; 4];

/// The days of an item of a building with this completion.
fn bounds(item: &CoverItem, clause: Option<&Clause>, completed: ImpreciseDay) -> Option<Bounds> {
    if let (Some(from), Some(until)) = (item.from, item.until) {
        return Some([from, from, until, until]);
    }
    let (wait, months) = clause?.term?;
    let (earliest, latest) = (completed.earliest(), completed.latest());
    let begins = |day: Day| match day {
        Day::MIN | Day::MAX => day,
        _ if wait == 0 => day,
        _ => months_after(day, wait).next(),
    };
    let ends = |day: Day| match day {
        Day::MIN | Day::MAX => day,
        _ => months_after(day, months),
    };
    Some([begins(earliest), begins(latest), ends(earliest), ends(latest)])
}

/// Amounts by shares, to the fen: what is left over goes one by one to whoever lost most by rounding
/// down, the first of several.
fn shared_out(amount: u64, insurers: &[Insurer]) -> Vec<u64> {
    let exact = |it: &Insurer| {
        let whole = u128::from(amount) * u128::from(it.share.numerator());
        (whole / u128::from(it.share.denominator()), whole % u128::from(it.share.denominator()))
    };
    let mut parts: Vec<u64> =
        insurers.iter().map(|it| u64::try_from(exact(it).0).unwrap()).collect();
    let mut order: Vec<usize> = (0..insurers.len()).collect();
    // Remainders of different denominators are compared crosswise.
    order.sort_by(|one, other| {
        let [(_, one_left), (_, other_left)] = [exact(&insurers[*one]), exact(&insurers[*other])];
        let one_of = u128::from(insurers[*one].share.denominator());
        let other_of = u128::from(insurers[*other].share.denominator());
        (other_left * one_of).cmp(&(one_left * other_of))
    });
    let left = amount - parts.iter().sum::<u64>();
    for index in order.into_iter().take(usize::try_from(left).unwrap()) {
        parts[index] += 1;
    }
    parts
}

/// What can insure something when a policy names it, with the completion from which it counts.
struct Near {
    object: SubjectId,
    is_predecessor: bool,
    completed: ImpreciseDay,
}

fn near(oracle: &Oracle, damaged: SubjectId, on: Day) -> (Vec<Near>, ImpreciseDay) {
    let then = OnDay::new(oracle, on);
    let life = &oracle.lives[&damaged];
    let building = match damaged.kind() {
        Kind::Unit => building_of(life, on),
        _ => Some(damaged),
    };
    let completed = building.map_or(ImpreciseDay::UNKNOWN, |id| then.completed(id));
    let of = |object| Near { object, is_predecessor: false, completed };
    let before = |object, completed| Near { object, is_predecessor: true, completed };
    let mut near = vec![of(damaged)];
    let Some(building) = building else { return (near, completed) };
    if let Some(life) = oracle.lives.get(&building) {
        if building != damaged {
            near.push(of(building));
        }
        near.extend(building_says(life, on, |it| it.physical).map(|id| of(id.into())));
        near.extend(building_says(life, on, |it| it.compound).map(|id| of(id.into())));
    }
    if damaged.kind() == Kind::Unit {
        near.extend(then.came_from(damaged).into_iter().map(|id| before(id, completed)));
    }
    let parts = then.came_from(building).into_iter();
    near.extend(parts.map(|id| before(id, then.completed(id))));
    (near, completed)
}

/// What stands against an item, as the reasons say it.
fn against(
    policy: &PolicyContent,
    stood_at_notice: Standing,
    item: &CoverItem,
    completed: ImpreciseDay,
    damage: &Damage,
) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let Some(clause) = clause_of(policy, &item.cover) else {
        return BTreeSet::from(["CLAUSE_UNKNOWN"]);
    };
    let (counts, stood) = if clause.by_notice {
        (damage.noticed_on, stood_at_notice)
    } else {
        (damage.lost_on, policy.standing.flatten().unwrap_or(Standing::Quoted))
    };
    if stood != Standing::Bound {
        found.insert("POLICY_NOT_BOUND");
    }
    if !clause.parts.contains(&damage.part.as_str()) {
        found.insert("PART_NOT_COVERED");
    }
    if !clause.causes.contains(&damage.cause.as_str()) {
        found.insert("CAUSE_NOT_COVERED");
    }
    if let Some([first, certain, sure, last]) = bounds(item, Some(clause), completed) {
        if counts < first {
            found.insert("BEFORE_COVER");
        } else if last < counts {
            found.insert("AFTER_COVER");
        } else if counts < certain || sure < counts {
            found.insert("COVER_DAYS_UNKNOWN");
        }
    }
    if clause.told_within.is_some_and(|days| damage.noticed_on > damage.lost_on.later(days)) {
        found.insert("NOTICE_LATE");
    }
    found
}

fn answer(against: &BTreeSet<&str>) -> Answer {
    let unsure = ["COVER_DAYS_UNKNOWN", "CLAUSE_UNKNOWN", "OBJECT_MAYBE_GONE"];
    if against.is_empty() {
        Answer::Yes
    } else if against.iter().all(|reason| unsure.contains(reason)) {
        Answer::Unknown
    } else {
        Answer::No
    }
}

const fn rank(answer: Answer) -> u8 {
    match answer {
        Answer::Yes => 0,
        Answer::Unknown => 1,
        Answer::No => 2,
    }
}

fn says<T>(life: &Life, of: impl Fn(&ClaimContent) -> Option<Option<T>>) -> Option<T> {
    life.value(Day::MAX, |content| match &content.fields {
        Fields::Claim(claim) => of(claim),
        _ => None,
    })
}

/// What is left of an item's sum insured beside the claims on it: those on the policy and cover whose
/// own item, by the day that decides, has days in common with it, or is not there any more.
fn left(oracle: &Oracle, policy: SubjectId, item: &CoverItem) -> u64 {
    let days = |it: &CoverItem| (it.from.unwrap_or(Day::MIN), it.until.unwrap_or(Day::MAX));
    let mut left = item.sum_insured.count();
    for (_, life) in oracle.lives.iter().filter(|(id, _)| id.kind() == Kind::Claim) {
        let Some(stands) = stands(life, Day::MAX) else { continue };
        let is_of_policy = says(life, |it| it.policy).map(SubjectId::from) == Some(policy);
        if !is_of_policy || says(life, |it| it.cover.clone()).as_ref() != Some(&item.cover) {
            continue;
        }
        let lost_on = says(life, |it| it.lost_on).unwrap();
        let then = policy_on(&oracle.lives[&policy], lost_on);
        let noticed = life.begins().unwrap().latest();
        let by_notice = clause_of(&then, &item.cover).is_some_and(|clause| clause.by_notice);
        let counts = if by_notice { noticed } else { lost_on };
        let own = then.covers().iter().find(|it| {
            let (from, until) = days(it);
            it.cover == item.cover && from <= counts && counts <= until
        });
        let (from, until) = days(item);
        if own.map(days).is_none_or(|(first, last)| from <= last && first <= until) {
            left = left.saturating_sub(u64::try_from(stands.held()).unwrap());
        }
    }
    left
}

/// A cover in one line: what it is, by what it is insured, and all that is said of it.
fn line(
    item: &CoverItem,
    (object, is_predecessor): (Option<SubjectId>, bool),
    bounds: Option<Bounds>,
    against: &BTreeSet<&str>,
    (left, insurers): (u64, &[(String, u64)]),
) -> String {
    let bounds = bounds.map(|days| days.map(|day| day.to_string()).join(" "));
    let object = object.map(|id| id.to_string()).unwrap_or_default();
    let answer = answer(against);
    format!(
        "{item} by {object} {is_predecessor} {bounds:?} {answer:?} {against:?} {left} {insurers:?}"
    )
}

/// Every cover that is to be answered with, in the order of the answer; of each the lines that are
/// right: one, or one for every predecessor by which it answers equally.
fn expected(oracle: &Oracle, damaged: SubjectId, damage: &Damage) -> Vec<(u8, Vec<String>)> {
    let (near, completed) = near(oracle, damaged, damage.lost_on);
    let gone = oracle.lives[&damaged].end().and_then(|end| {
        if end.latest() <= damage.lost_on {
            Some("OBJECT_GONE")
        } else if end.earliest() <= damage.lost_on {
            Some("OBJECT_MAYBE_GONE")
        } else {
            None
        }
    });
    let mut covers = Vec::new();
    for (id, life) in oracle.lives.iter().filter(|(id, _)| id.kind() == Kind::Policy) {
        let Some(begins) = life.begins() else { continue };
        let ever = life.said().into_iter().any(|(_, content)| match &content.fields {
            Fields::Policy(it) => {
                it.objects().iter().any(|object| near.iter().any(|near| near.object == *object))
            }
            _ => false,
        });
        if !ever {
            continue;
        }
        let policy = policy_on(life, damage.lost_on);
        let at_notice = policy_on(life, damage.noticed_on).standing.flatten();
        let at_notice = at_notice.unwrap_or(Standing::Quoted);
        let named: Vec<&Near> =
            near.iter().filter(|near| policy.objects().contains(&near.object)).collect();
        for item in policy.covers() {
            let sums = shared_out(item.sum_insured.count(), policy.insurers());
            let companies = policy.insurers().iter().map(|it| it.company.0.clone());
            let insurers: Vec<(String, u64)> = companies.zip(sums).collect();
            let told = (left(oracle, *id, item), &insurers[..]);
            let clause = clause_of(&policy, &item.cover);
            let verdict = |object: Option<&Near>| {
                let completed = object.map_or(completed, |near| near.completed);
                let mut found = against(&policy, at_notice, item, completed, damage);
                found.extend(gone);
                if object.is_none() || damage.lost_on < begins.earliest() {
                    found.insert("NOT_INSURED");
                }
                let by = object.map(|near| near.object);
                let by = (by, object.is_some_and(|near| near.is_predecessor));
                let is_predecessor = by.1;
                let line = line(item, by, bounds(item, clause, completed), &found, told);
                (rank(answer(&found)), is_predecessor, line)
            };
            let mut all: Vec<_> = named.iter().map(|near| verdict(Some(near))).collect();
            if all.is_empty() {
                all.push(verdict(None));
            }
            let best = all.iter().map(|(rank, ..)| *rank).min().unwrap();
            all.retain(|(rank, ..)| *rank == best);
            // What it is and lies in goes before what it came from, the nearest first.
            if !all[0].1 {
                all.truncate(1);
            }
            covers.push((best, all.into_iter().map(|(.., line)| line).collect()));
        }
    }
    // Subjects are in the order of their ids, and so are policies among those of one answer.
    covers.sort_by_key(|(rank, _)| *rank);
    covers
}

fn seen(cover: &CoverSeen) -> String {
    let bounds = cover.days.map(|days| {
        [days.first.earliest(), days.first.latest(), days.last.earliest(), days.last.latest()]
    });
    let against = cover.against.iter().map(|against| against.reason()).collect();
    let parts = cover.insurers.iter().map(|(company, part)| (company.clone(), part.count()));
    let insurers: Vec<(String, u64)> = parts.collect();
    let object = (cover.object, cover.is_by_predecessor);
    assert_eq!(cover.answer, answer(&against));
    line(&cover.item, object, bounds, &against, (cover.left.count(), &insurers))
}

fn pick<T: Copy>(list: &[T], by: usize) -> Option<T> {
    list.get(by.checked_rem(list.len())?).copied()
}

/// A tale with policies of every product in it, which are endorsed, cancelled, corrected and taken back.
struct World {
    tale: Tale,
    own: Vec<SubjectId>,
    /// The last entry before anything was told.
    begins: Seq,
}

impl World {
    fn tell(acts: &[Act], deeds: &[Deed], words: &[Deed]) -> Self {
        let tale = Tale::new();
        let begins = tale.story.head();
        let mut world = Self { tale, own: Vec::new(), begins };
        for index in 0..acts.len().max(deeds.len()).max(words.len()) {
            if let Some(act) = acts.get(index) {
                world.tale.story.act(act);
            }
            if let Some(deed) = deeds.get(index) {
                world.tale.deed(deed);
            }
            if let Some(word) = words.get(index) {
                world.word(word);
                world.tale.story.learn();
            }
        }
        world
    }

    fn word(&mut self, word: &Deed) {
        match word.what {
            0..=6 => self.insure(word),
            7..=10 => self.endorse(word),
            11..=12 => self.stand(word),
            13..=16 => self.correct(word),
            17..=18 => self.retract(word),
            19 => self.end(word),
            _ => self.claim(word),
        }
    }

    fn objects(&self, word: &Deed) -> Vec<SubjectId> {
        let story = &self.tale.story;
        let lists = [&story.buildings, &story.buildings, &story.compounds, &story.units];
        let (a, b, c) = (usize::from(word.a), usize::from(word.b), usize::from(word.c));
        let mut objects: Vec<SubjectId> = pick(lists[a % 4], a / 4).into_iter().collect();
        if b.is_multiple_of(2) {
            objects.extend(pick(lists[c % 4], b / 2));
        }
        if b.is_multiple_of(3) {
            objects.extend(pick(lists[b % 4], c / 4));
        }
        let mut seen = BTreeSet::new();
        objects.retain(|object| seen.insert(*object));
        objects
    }

    /// Covers of a product, one after another of one code, or by the completion where the clause has it.
    fn covers(word: &Deed, product: &str) -> Vec<CoverItem> {
        let first = usize::from(word.day) % 14;
        let [from, turn, last] = [first, first + 2, first + 4 + usize::from(word.c % 2)];
        let [from, turn, last] = [from, turn, last].map(|index| day(DAYS[index.min(19)]));
        let item = |clause: &Clause, days: Option<(Day, Day)>, sum: u64| CoverItem {
            cover: clause.cover.to_owned(),
            from: days.map(|(from, _)| from),
            until: days.map(|(_, until)| until),
            sum_insured: Fen::new(sum + u64::from(word.b % 100)).unwrap(),
            per_event: None,
            per_household: None,
            per_person: None,
            deductible: Fen::ZERO,
        };
        let mut items = Vec::new();
        for clause in CLAUSES.iter().filter(|clause| clause.product == product) {
            if clause.term.is_some() && !word.c.is_multiple_of(4) {
                items.push(item(clause, None, 240));
            } else if word.b.is_multiple_of(3) {
                items.push(item(clause, Some((turn, last)), 230));
                items.push(item(clause, Some((from, turn.previous())), 140));
            } else {
                items.push(item(clause, Some((from, last)), 250));
            }
        }
        items
    }

    fn insure(&mut self, word: &Deed) {
        let (product, version) = [
            ("IDI", "2019-example"),
            ("EBS", "2024-example"),
            ("RES", "2024-example"),
            ("CAT", "2024-example"),
            ("LLI", "2024-example"),
        ][usize::from(word.c / 4) % 5];
        let shares: &[(u64, u64)] =
            [&[(1, 1)][..], &[(2, 3), (1, 3)], &[(1, 6), (1, 2), (1, 3)]][usize::from(word.a) % 3];
        let companies = ["EXAMPLE-A", "EXAMPLE-B", "EXAMPLE-C"].iter().zip(shares);
        let insurers = companies.map(|(company, (part, of))| Insurer {
            company: CompanyKey((*company).to_owned()),
            share: Share::new(*part, *of).unwrap(),
        });
        let (region, objects) = (self.tale.story.districts[0], self.objects(word));
        let number = self.own.len();
        let content = fields(Kind::Policy, |fields| {
            if let Fields::Policy(policy) = fields {
                policy.region = Some(region.try_into().ok());
                policy.number = Some(Some(format!("W-{number}")));
                policy.product = Some(Some(product.to_owned()));
                policy.clause = Some(Some(version.to_owned()));
                policy.insurers = Some(Some(insurers.collect()));
                policy.objects = Some(Some(objects));
                policy.covers = Some(Some(Self::covers(word, product)));
                let is_quoted = word.b % 8 == 1;
                let stands = if is_quoted { Standing::Quoted } else { Standing::Bound };
                policy.standing = Some(Some(stands));
            }
        });
        let begins = ["1980s", "1986-01-01", "1990", "1979-06-30", "2000-01-31"];
        let begins = begins[usize::from(word.day) % 5].parse().unwrap();
        let register = Register {
            seed: self.tale.story.city.seed(),
            content,
            exists_from: begins,
            opens_partition: false,
            sentences: Vec::new(),
        };
        let before = self.tale.story.policies.len();
        self.tale.send("insure", "handler", Command::Register(register));
        self.tale.story.learn();
        self.own.extend(self.tale.story.policies.iter().skip(before));
    }

    fn policy(&self, word: &Deed) -> Option<SubjectId> {
        let all = &self.tale.story.policies;
        pick(if word.c.is_multiple_of(5) { all } else { &self.own }, usize::from(word.a))
    }

    fn say(&mut self, name: &'static str, subject: SubjectId, word: &Deed, content: Content) {
        let change = Change {
            subject,
            etag: None,
            from: day(DAYS[usize::from(word.day) % DAYS.len()]),
            second_of_day: None,
            order_key: Vec::new(),
            content,
            sentences: Vec::new(),
        };
        self.tale.send(name, "handler", Command::Change(change));
    }

    /// Other objects, or fewer of them.
    fn endorse(&mut self, word: &Deed) {
        let Some(subject) = self.policy(word) else { return };
        let content = self.other_objects(subject, word);
        self.say("endorse", subject, word, content);
    }

    fn other_objects(&self, subject: SubjectId, word: &Deed) -> Content {
        let mut objects = self.objects(word);
        if word.b.is_multiple_of(2) {
            let now = self.tale.life(subject);
            let mut named = policy_on(&now, Day::MAX).objects().to_vec();
            if word.b.is_multiple_of(4) && named.len() > 1 {
                named.remove(usize::from(word.c) % named.len());
                objects = named;
            } else {
                named.retain(|object| !objects.contains(object));
                objects.extend(named);
            }
        }
        fields(Kind::Policy, |fields| {
            if let Fields::Policy(policy) = fields {
                policy.objects = Some(Some(objects));
            }
        })
    }

    fn stand(&mut self, word: &Deed) {
        let Some(subject) = self.policy(word) else { return };
        let stands = Standing::ALL[1 + usize::from(word.b) % 3];
        let content = fields(Kind::Policy, |fields| {
            if let Fields::Policy(policy) = fields {
                policy.standing = Some(Some(stands));
            }
        });
        self.say("stand", subject, word, content);
    }

    /// Another schedule, other objects, another day, another product, or another beginning.
    fn correct(&mut self, word: &Deed) {
        let Some(subject) = self.policy(word) else { return };
        let entries = self.tale.entries_of(subject);
        let mut correct = Correct {
            subject,
            etag: None,
            entry: pick(&entries, usize::from(word.c)).filter(|_| !word.day.is_multiple_of(3)),
            from: None,
            content: Content::empty(Kind::Policy),
            exists_from: None,
            ended_on: None,
            sentences: Vec::new(),
        };
        let now = policy_on(&self.tale.life(subject), Day::MAX);
        match word.b % 6 {
            0 => {
                let product = now.product.flatten().unwrap_or_default();
                let covers = Self::covers(word, &product);
                correct.content = fields(Kind::Policy, |fields| {
                    if let Fields::Policy(policy) = fields {
                        policy.covers = Some(Some(covers));
                    }
                });
            }
            1 => correct.from = Some(day(DAYS[usize::from(word.day) % DAYS.len()])),
            2 => {
                let begins = ["1985..1990", "1990-03-01", "2005-06-15"];
                correct.exists_from = begins[usize::from(word.day) % 3].parse().ok();
                correct.entry = None;
            }
            _ => correct.content = self.other_objects(subject, word),
        }
        self.tale.send("correct a policy", "handler", Command::Correct(correct));
    }

    fn retract(&mut self, word: &Deed) {
        let Some(subject) = self.policy(word) else { return };
        let entries = self.tale.entries_of(subject);
        let entry = match word.b % 6 {
            0 => None,
            1 => pick(&entries, usize::from(word.c)),
            _ => entries.last().copied(),
        };
        let retract = Retract { subject, etag: None, entry };
        self.tale.send("take a policy back", "handler", Command::Retract(retract));
    }

    /// A building that is no more, roughly since when.
    fn end(&mut self, word: &Deed) {
        let buildings = &self.tale.story.buildings;
        let Some(subject) = pick(buildings, usize::from(word.a)) else { return };
        let day =
            ["2010s", "2024", "1990s", "2019-11-30"][usize::from(word.b) % 4].parse().unwrap();
        let end = End { subject, etag: None, day, cause: EndCause::Demolished };
        self.tale.send("end", "handler", Command::End(end));
    }

    /// A claim on an item of a policy, approved at once, and often led on.
    fn claim(&mut self, word: &Deed) {
        let Some(policy) = self.policy(word) else { return };
        let now = policy_on(&self.tale.life(policy), Day::MAX);
        let items: Vec<&CoverItem> = now.covers().iter().collect();
        let Some(item) = pick(&items, usize::from(word.b)) else { return };
        let Some(clause) = clause_of(&now, &item.cover) else { return };
        let named = now.objects().iter().copied().find(|id| id.kind() == Kind::Building);
        let building = named.unwrap_or(self.tale.story.buildings[0]);
        let completed = building_says(&self.tale.life(building), Day::MAX, |it| it.completed);
        let completed = completed.unwrap_or(ImpreciseDay::UNKNOWN);
        let Some([_, from, until, _]) = bounds(item, Some(clause), completed) else { return };
        let today = day("2026-11-23");
        let (first, last) = (from.min(until), until.min(today));
        let lost_on = if word.c.is_multiple_of(2) { first.min(last) } else { last };
        if lost_on <= day("1970-01-01") || lost_on >= today {
            return;
        }
        let noticed = lost_on.later(u32::from(word.day) % 45).min(today);
        let event = format!("W{}", self.tale.claims.len());
        let content = fields(Kind::Claim, |fields| {
            if let Fields::Claim(claim) = fields {
                claim.event = Some(Some(event));
                claim.building = Some(building.try_into().ok());
                claim.policy = Some(PolicyId::try_from(policy).ok());
                claim.cover = Some(Some(item.cover.clone()));
                claim.part = Some(Some(clause.parts[0].to_owned()));
                claim.cause = Some(Some(clause.causes[0].to_owned()));
                claim.lost_on = Some(Some(lost_on));
                claim.claimant = Some(Some("owner-1".to_owned()));
            }
        });
        let register = Register {
            seed: self.tale.story.city.seed(),
            content,
            exists_from: ImpreciseDay::exactly(noticed),
            opens_partition: false,
            sentences: Vec::new(),
        };
        let nth = u16::try_from(self.tale.claims.len()).unwrap();
        if self.tale.send("register", "handler", Command::Register(register)) {
            // Registered, checked, surveyed, approved, and what follows.
            self.tale.advance(&Deed { what: 5, a: nth, b: 3 + word.b % 4, c: word.c, day: 0 });
        }
    }
}

/// Days on both sides of what is said, and of what is counted from a completion.
fn days() -> Vec<Day> {
    let mut days: Vec<Day> = DAYS.iter().map(|text| day(text)).collect();
    days.extend(days.clone().into_iter().flat_map(|day| [day.previous(), day.next()]));
    for completed in ["1986-01-01", "1990-03-01", "2000-01-01", "2000-01-31", "2024-02-29"] {
        for months in [24, 60, 120] {
            let last = months_after(day(completed), months);
            days.extend([last, last.next()]);
        }
    }
    days.push(day("2026-11-23"));
    days
}

/// What is asked by a few numbers.
fn asked(world: &World, choice: usize) -> (SubjectId, Damage) {
    let story = &world.tale.story;
    let all = [&story.buildings[..], &story.units].concat();
    let days = days();
    let (part, cause) = DAMAGES[choice / 7 % DAMAGES.len()];
    let lost_on = days[choice / 3 % days.len()];
    let noticed_on = lost_on.later([0, 0, 1, 29, 30, 31, 800][choice % 7]);
    let (part, cause) = (part.to_owned(), cause.to_owned());
    (all[choice / 11 % all.len()], Damage { part, cause, lost_on, noticed_on })
}

/// Asks as known with an entry, and looks whether all that is answered is so.
fn is_so(world: &World, oracle: &Oracle, choice: usize, known_at: KnownAt) {
    let registry = &world.tale.story.city.registry;
    let (damaged, damage) = asked(world, choice);
    let time = ReadTime { valid_at: None, known_at };
    let answer = registry.coverage(damaged, &damage, time);
    if !oracle.lives.contains_key(&damaged) {
        assert!(answer.is_err(), "{damaged} is not known at {known_at:?}");
        return;
    }
    let answer = answer.unwrap();
    let told: Vec<String> = answer.covers.iter().map(seen).collect();
    let expected = expected(oracle, damaged, &damage);
    let is_right = told.len() == expected.len()
        && told.iter().zip(&expected).all(|(told, (_, lines))| lines.contains(told));
    assert!(
        is_right,
        "{damaged}, {damage:?}, known {known_at:?}\n told {told:#?}\n but it is {expected:#?}"
    );
    let best = expected.first().map_or(2, |(rank, _)| *rank);
    assert_eq!(rank(answer.answer()), best);
    assert_eq!(answer.completed, near(oracle, damaged, damage.lost_on).1);
}

fn any_position_is_so(acts: &[Act], deeds: &[Deed], words: &[Deed], choice: usize) {
    let world = World::tell(acts, deeds, words);
    let story = &world.tale.story;
    let mut oracle = Oracle::default();
    for entry in oracle::entries(story.city.registry.store(), story.home()) {
        oracle.hear(&entry);
        if entry.seq < world.begins {
            continue;
        }
        for step in 0..3 {
            let choice = choice + usize::try_from(entry.seq).unwrap() * 101 + step * 37;
            is_so(&world, &oracle, choice, KnownAt::Seq(entry.seq));
        }
    }
    for step in 0..60 {
        is_so(&world, &oracle, choice + step * 53, KnownAt::Now);
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn the_covers_of_a_damage_are_those_of_every_policy_gone_through(
        acts in acts(35), deeds in deeds(12), words in deeds(45), choice in 0_usize..10_000
    ) {
        any_position_is_so(&acts, &deeds, &words, choice);
    }
}

/// What the worlds have to have in them, for the property to be worth something.
const WANTED: [&str; 22] = [
    "answer 0",
    "answer 1",
    "answer 2",
    "answers by what it came from",
    "another answer as known before",
    "used",
    "used up",
    "insure",
    "endorse",
    "stand",
    "correct a policy",
    "take a policy back",
    "NOT_INSURED",
    "OBJECT_GONE",
    "OBJECT_MAYBE_GONE",
    "POLICY_NOT_BOUND",
    "PART_NOT_COVERED",
    "CAUSE_NOT_COVERED",
    "BEFORE_COVER",
    "AFTER_COVER",
    "COVER_DAYS_UNKNOWN",
    "NOTICE_LATE",
];

/// What one world has of that.
fn had(world: &World, choice: usize) -> BTreeSet<String> {
    let mut found: BTreeSet<String> =
        world.tale.tally.keys().map(|name| (*name).to_owned()).collect();
    let story = &world.tale.story;
    let head = story.head();
    let oracle = Oracle::read(story.city.registry.store(), story.home(), head);
    let before = world.begins + (head - world.begins) / 2;
    let before = Oracle::read(story.city.registry.store(), story.home(), before);
    for step in 0..120 {
        let (damaged, damage) = asked(world, choice * 31 + step * 53);
        let now = expected(&oracle, damaged, &damage);
        if before.lives.contains_key(&damaged) {
            let then = expected(&before, damaged, &damage);
            if then.first().map(|(rank, _)| *rank) != now.first().map(|(rank, _)| *rank) {
                found.insert("another answer as known before".to_owned());
            }
        }
        for (rank, lines) in now {
            found.insert(format!("answer {rank}"));
            found.extend(lines[0].split('"').map(str::to_owned));
            let by = lines[0].contains(" true ") && rank == 0;
            found.extend(by.then(|| "answers by what it came from".to_owned()));
        }
    }
    for (id, life) in &oracle.lives {
        for item in policy_on(life, Day::MAX).covers() {
            let left = left(&oracle, *id, item);
            found.extend((left < item.sum_insured.count()).then(|| "used".to_owned()));
            found.extend((left < 100).then(|| "used up".to_owned()));
        }
    }
    found
}

/// The property is worth nothing when nothing answers, or always the same stands against it.
#[test]
fn worlds_have_covers_that_answer_and_all_that_can_stand_against_one() {
    use proptest::{
        strategy::ValueTree,
        test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut found: BTreeSet<String> = BTreeSet::new();
    for choice in 0..80 {
        let tree = (acts(35), deeds(12), deeds(45)).new_tree(&mut runner).unwrap();
        let (acts, deeds, words) = tree.current();
        found.extend(had(&World::tell(&acts, &deeds, &words), choice));
        if WANTED.iter().all(|wanted| found.contains(*wanted)) {
            return;
        }
    }
    let missing: Vec<&str> = WANTED.into_iter().filter(|wanted| !found.contains(*wanted)).collect();
    panic!("no world has {missing:?}");
}

/// Of several that a building came from, and that the policy names, the one that still answers is told.
#[test]
fn what_came_from_several_is_covered_as_long_as_one_of_them_is() {
    let story = Story::new();
    let city = &story.city;
    let completed = |text: &str| {
        let building = city.building(story.compounds[0], "1990", 1_000);
        let said = fields(Kind::Building, |fields| {
            if let Fields::Building(building) = fields {
                building.completed = Some(text.parse().ok());
            }
        });
        city.change(building, "1990-12-31", said).unwrap();
        building
    };
    // In both orders, since neither is nearer than the other.
    for (index, pair) in
        [["1990-06-30", "2010-06-30"], ["2010-06-30", "1990-06-30"]].iter().enumerate()
    {
        let whole = pair.map(completed);
        let policy = fields(Kind::Policy, |fields| {
            if let Fields::Policy(policy) = fields {
                policy.region = Some(city.district.try_into().ok());
                policy.number = Some(Some(format!("M-{index}")));
                policy.product = Some(Some("IDI".to_owned()));
                policy.clause = Some(Some("2019-example".to_owned()));
                let company = CompanyKey("EXAMPLE".to_owned());
                policy.insurers = Some(Some(vec![Insurer { company, share: Share::WHOLE }]));
                policy.objects = Some(Some(whole.to_vec()));
                let word = Deed { what: 0, a: 0, b: 1, c: 1, day: 0 };
                policy.covers = Some(Some(World::covers(&word, "IDI")));
                policy.standing = Some(Some(Standing::Bound));
            }
        });
        city.register(policy, "1991-01-01", false).unwrap();
        let merge = Merge {
            kind: Kind::Building,
            subjects: whole.to_vec(),
            day: day("2011-01-01"),
            into: MergeInto::New {
                seed: city.seed(),
                content: Box::new(Content::empty(Kind::Building)),
            },
        };
        let merged = city.run(city.home(), Command::Merge(merge)).unwrap().decided.subjects;
        let one = merged.into_iter().find(|id| !whole.contains(id)).unwrap();
        let damage = Damage {
            part: "WATERPROOFING".to_owned(),
            cause: "LATENT_DEFECT".to_owned(),
            lost_on: day("2015-06-30"),
            noticed_on: day("2015-06-30"),
        };
        let answer = |damage: &Damage| {
            let found = city.registry.coverage(one, damage, ReadTime::NOW).unwrap();
            let first = found.covers.first().map(|cover| (cover.item.cover.clone(), cover.object));
            (found.answer(), first.unwrap())
        };
        let younger = whole[1 - index];
        assert_eq!(answer(&damage), (Answer::Yes, ("WTR".to_owned(), Some(younger))));
        let later = Damage { lost_on: day("2015-07-01"), noticed_on: day("2015-07-01"), ..damage };
        assert_eq!(answer(&later).0, Answer::No);
    }
}
