//! What is insured on which days, by which products and in which parts; and what policies come to.
//!
//! A building is insured by the policies that name it, the compound that it is in, the building that
//! it is a part of, or one that it came from: by the last as long as no endorsement says otherwise,
//! since what was merged or split stands on. A unit is insured by what its building is insured by,
//! and by itself. Whatever names them, and however many do, each counts once.
//!
//! Days that follow from an imprecise completion count twice, as those of a life do: as certain where
//! the cover holds whatever the completion was, and as possible where it may. Where the clause is in
//! no list of products, its covers' own days count, and no part of a building does.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        checkup::{Span, joined},
        content::{Content, Fields},
        coverage::{Against, days_of, outside, state},
        policy::{CoverItem, PolicyContent, Standing},
        product::{Days, Product, Term},
        tables::Tables,
        timeline::{Segment, Timeline},
        totals::{Amounts, Cell, Landings, Measure, spread},
    },
    kernel::{
        fen::Fen,
        id::{BuildingId, CompoundId, SubjectId},
        time::{Day, ImpreciseDay},
    },
};

/// The product of a policy that does not say it.
pub(crate) const NO_PRODUCT: &str = "unknown";

/// Something by which a building or unit is insured when a policy names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// What would have to be named.
    pub object: SubjectId,
    /// On which days it stands for the building or unit.
    pub span: Span,
    /// The completion from which covers count then.
    pub completed: ImpreciseDay,
}

/// A cover of something, for as long as it holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// The product's code.
    pub product: String,
    /// The parts of a building for which it answers.
    pub parts: BTreeSet<String>,
    /// The days on which it may hold.
    pub possible: Span,
    /// The days on which it certainly does.
    pub certain: Option<Span>,
}

/// Something that counts on a span of days.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// What is counted.
    pub measure: Measure,
    /// What it is broken down by.
    pub term: String,
    /// On which days.
    pub span: Span,
    /// What is certain.
    pub certain: i64,
    /// What is only possible beside it.
    pub possible_only: i64,
}

/// A building by which an object is insured, on which days, and when it was completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// What the policy names.
    pub object: SubjectId,
    /// On which days the building stands for it.
    pub span: Span,
    /// When that was completed.
    pub completed: ImpreciseDay,
}

/// What of a building's content its insurance follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The compound that it is in.
    pub compound: Option<CompoundId>,
    /// The building that it is a part of.
    pub physical: Option<BuildingId>,
}

/// What of a building's content its insurance follows from.
pub fn placed(content: &Content) -> Placed {
    match &content.fields {
        Fields::Building(building) => {
            Placed { compound: building.compound.flatten(), physical: building.physical.flatten() }
        }
        _ => Placed { compound: None, physical: None },
    }
}

/// The building that a unit's content says it is in.
pub fn in_building(content: &Content) -> Option<BuildingId> {
    match &content.fields {
        Fields::Unit(unit) => unit.building.flatten(),
        _ => None,
    }
}

/// When what has this life was completed, by all that is known of it on any day: a completion is of
/// no day from which it holds.
pub fn completed(life: &Timeline) -> ImpreciseDay {
    match life.content_at(Day::MAX).map(|content| content.fields) {
        Some(Fields::Building(building)) => {
            building.completed.flatten().unwrap_or(ImpreciseDay::UNKNOWN)
        }
        _ => ImpreciseDay::UNKNOWN,
    }
}

/// The links of a building by what it is and where it lies: itself, its compounds, and the buildings
/// that it was a part of. Those by what it came from come beside them.
pub fn links(building: BuildingId, life: &Timeline) -> Vec<Link> {
    let completed = completed(life);
    let mut links = vec![Link { object: building.into(), span: Span::ALWAYS, completed }];
    for (from, until, Placed { compound, physical }) in life.spans(placed) {
        let objects = compound.map(SubjectId::from).into_iter();
        for object in objects.chain(physical.map(SubjectId::from)) {
            links.push(Link { object, span: Span { from, until }, completed });
        }
    }
    links
}

/// The objects that a policy names, on any day.
pub fn objects(life: &Timeline) -> BTreeSet<SubjectId> {
    let contents = life.contents();
    contents
        .filter_map(|(_, content)| policy_of(content).map(PolicyContent::objects))
        .flatten()
        .copied()
        .collect()
}

/// Whether any of its covers, on any day, counts its days from the completion of what is insured.
pub fn counts_from_completion(life: &Timeline, tables: &Tables) -> bool {
    life.segments().iter().any(|segment| {
        policy_of(&segment.content).is_some_and(|policy| {
            let product = product_of(policy, tables);
            policy.covers().iter().any(|item| is_counted(item, product))
        })
    })
}

/// Whether a policy is, on any day, one by a clause.
pub fn is_by_clause(life: &Timeline, of: &dyn Fn(&str, &str) -> bool) -> bool {
    life.segments().iter().any(|segment| {
        let clause = policy_of(&segment.content).and_then(PolicyContent::clause);
        clause.is_some_and(|(code, clause)| of(code, clause))
    })
}

fn policy_of(content: &Content) -> Option<&PolicyContent> {
    match &content.fields {
        Fields::Policy(policy) => Some(policy),
        _ => None,
    }
}

fn product_of<'t>(policy: &PolicyContent, tables: &'t Tables) -> Option<&'t Product> {
    let (code, clause) = policy.clause()?;
    tables.product(code, clause).map(|(_, product)| product)
}

fn product_word(policy: &PolicyContent) -> &str {
    policy.product.as_ref().and_then(Option::as_deref).unwrap_or(NO_PRODUCT)
}

/// The products that a policy is said to be of, over time.
pub fn products(life: &Timeline) -> Vec<(Span, String)> {
    let product =
        |content: &Content| policy_of(content).map_or(NO_PRODUCT, product_word).to_owned();
    let spans = life.spans(product).into_iter();
    spans.map(|(from, until, product)| (Span { from, until }, product)).collect()
}

/// Whether an item's days are counted from a completion.
fn is_counted(item: &CoverItem, product: Option<&Product>) -> bool {
    let cover = product.and_then(|product| product.covers.get(&item.cover));
    item.from.is_none()
        && cover.is_some_and(|cover| matches!(cover.term, Term::FromCompletion { .. }))
}

/// The covers of what has these links, by the policies that may name them.
pub fn stretches<'p>(
    links: &[Link],
    policies: impl IntoIterator<Item = &'p Timeline>,
    tables: &Tables,
) -> Vec<Stretch> {
    let mut found = Vec::new();
    for life in policies {
        let (Some(possible), Some(certain)) = (life.possible_span(), life.certain_span()) else {
            continue;
        };
        let Some(possible) = Span::between(possible.0, possible.1) else { continue };
        let certain = Span::between(certain.0, certain.1);
        for segment in life.segments() {
            let Some(policy) = policy_of(&segment.content) else { continue };
            if policy.stands() != Standing::Bound {
                continue;
            }
            let held = Span { from: segment.from, until: segment.until };
            for link in links.iter().filter(|link| policy.objects().contains(&link.object)) {
                let Some(span) = held.within(link.span) else { continue };
                let certain = certain.and_then(|certain| span.within(certain));
                let Some(span) = span.within(possible) else { continue };
                let named = Named { policy, span, certain, completed: link.completed };
                found.extend(named.covers(tables));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// A policy that names something on a span of days.
struct Named<'p> {
    policy: &'p PolicyContent,
    span: Span,
    certain: Option<Span>,
    completed: ImpreciseDay,
}

impl Named<'_> {
    fn covers(&self, tables: &Tables) -> Vec<Stretch> {
        let product = product_of(self.policy, tables);
        let covers = self.policy.covers().iter().filter_map(|item| {
            let cover = product.and_then(|product| product.covers.get(&item.cover));
            let (may, does) = spans_of(days_of(item, cover, self.completed));
            Some(Stretch {
                product: product_word(self.policy).to_owned(),
                parts: cover.map(|cover| cover.parts.clone()).unwrap_or_default(),
                possible: may?.within(self.span)?,
                certain: does.zip(self.certain).and_then(|(does, named)| does.within(named)),
            })
        });
        covers.collect()
    }
}

/// The days on which days may hold, and those on which they certainly do.
fn spans_of(days: Option<Days>) -> (Option<Span>, Option<Span>) {
    let Some(Days { first, last }) = days else { return (Some(Span::ALWAYS), None) };
    let to = |last: Day| if last == Day::MAX { last } else { last.next() };
    let possible = Span::between(first.earliest(), to(last.latest()));
    // A last day that is not known at all ends nothing and is certain of nothing.
    let certain = (first.latest() <= last.earliest())
        .then(|| Span::between(first.latest(), to(last.earliest())))
        .flatten();
    (possible, certain)
}

/// What counts of a building: whether it is insured. What is a part of another is no building of its
/// own and counts by its units alone.
pub fn of_building(life: &Timeline, stretches: &[Stretch]) -> Vec<Count> {
    let spans = life.spans(|content| placed(content).physical.is_none());
    let own = spans.into_iter().filter(|(.., is_own)| *is_own);
    let own: Vec<Span> = own.map(|(from, until, _)| Span { from, until }).collect();
    let measures = (Measure::InsuredBuildings, Measure::InsuredBuildingsByPart);
    tally(stretches, &own, measures)
}

/// What counts of a unit as long as it is in a building: whether that is insured, or itself.
pub fn of_unit(
    life: &Timeline,
    building: BuildingId,
    of_building: &[Stretch],
    own: &[Stretch],
) -> Vec<Count> {
    let spans = life.spans(|content| in_building(content) == Some(building));
    let there = spans.into_iter().filter(|(.., is_there)| *is_there);
    let there: Vec<Span> = there.map(|(from, until, _)| Span { from, until }).collect();
    let measures = (Measure::InsuredUnits, Measure::InsuredUnitsByPart);
    tally(of_building.iter().chain(own), &there, measures)
}

/// Certain and possible days by what is counted.
type Tally = BTreeMap<(Measure, String), (Vec<Span>, Vec<Span>)>;

fn tally<'s>(
    stretches: impl IntoIterator<Item = &'s Stretch>,
    within: &[Span],
    (by_product, by_part): (Measure, Measure),
) -> Vec<Count> {
    let mut tally = Tally::new();
    for stretch in stretches {
        let parts = stretch.parts.iter().map(|part| format!("{} {part}", stretch.product));
        let by_product = ["any", &stretch.product].map(|term| (by_product, term.to_owned()));
        for what in by_product.into_iter().chain(parts.map(|term| (by_part, term))) {
            let (certain, possible) = tally.entry(what).or_default();
            possible.extend(within.iter().filter_map(|span| stretch.possible.within(*span)));
            let sure = stretch.certain.into_iter();
            certain.extend(
                sure.flat_map(|sure| within.iter().filter_map(move |span| sure.within(*span))),
            );
        }
    }
    let mut counts = Vec::new();
    for ((measure, term), (certain, possible)) in tally {
        // What is certain is possible, too, and is no difference from it.
        let certain = joined(certain).into_iter().map(|span| (span, 1, -1));
        for (span, certain, possible_only) in
            certain.chain(joined(possible).into_iter().map(|span| (span, 0, 1)))
        {
            counts.push(Count { measure, term: term.clone(), span, certain, possible_only });
        }
    }
    counts
}

/// What counts of a policy: where it stands, what it answers for, what was paid for it. `held` are the
/// buildings by which its objects are insured, as far as its covers count from their completion.
pub fn of_policy(life: &Timeline, held: &[Held], tables: &Tables) -> Vec<Count> {
    let mut counts = Vec::new();
    let mut was_bound = false;
    for segment in life.segments() {
        let Some(policy) = policy_of(&segment.content) else { continue };
        let stands = policy.stands();
        was_bound |= stands == Standing::Bound;
        let whole = Span { from: segment.from, until: segment.until };
        for premium in policy.premiums().iter().filter(|_| was_bound) {
            let (measure, term) = (Measure::Premium, premium.payer.word().to_owned());
            let certain = as_amount(premium.amount);
            counts.push(Count { measure, term, span: whole, certain, possible_only: 0 });
            let (measure, term) = (Measure::PremiumByProduct, product_word(policy).to_owned());
            counts.push(Count { measure, term, span: whole, certain, possible_only: 0 });
        }
        let bound = Bound { policy, product: product_of(policy, tables), held };
        let turns = match stands {
            Standing::Bound => bound.turns(&segment),
            _ => BTreeSet::from([segment.from]),
        };
        let turns: Vec<Day> = turns.into_iter().collect();
        for (index, from) in turns.iter().enumerate() {
            let until = turns.get(index + 1).copied().or(segment.until);
            counts.extend(bound.counts(stands, Span { from: *from, until }));
        }
    }
    counts
}

pub(crate) fn as_amount(fen: Fen) -> i64 {
    i64::try_from(fen.count()).unwrap_or(i64::MAX)
}

/// A policy as it is said to be on a span of days.
struct Bound<'p> {
    policy: &'p PolicyContent,
    product: Option<&'p Product>,
    held: &'p [Held],
}

impl Bound<'_> {
    fn is_held(&self, held: &Held) -> bool {
        self.policy.objects().contains(&held.object)
    }

    /// The days of an item: of one that counts from completion, for every building held on a day.
    fn days(&self, item: &CoverItem, completions: &BTreeSet<ImpreciseDay>) -> Vec<Option<Days>> {
        let cover = self.product.and_then(|product| product.covers.get(&item.cover));
        if is_counted(item, self.product) {
            completions.iter().map(|completed| days_of(item, cover, *completed)).collect()
        } else {
            vec![days_of(item, cover, ImpreciseDay::UNKNOWN)]
        }
    }

    /// The days of a segment from which something is another.
    fn turns(&self, segment: &Segment) -> BTreeSet<Day> {
        let mut turns = BTreeSet::new();
        let held = || self.held.iter().filter(|held| self.is_held(held));
        turns.extend(held().flat_map(|held| [Some(held.span.from), held.span.until]).flatten());
        let completions = held().map(|held| held.completed).collect();
        for item in self.policy.covers() {
            for Days { first, last } in self.days(item, &completions).into_iter().flatten() {
                turns.extend([first.earliest(), first.latest()]);
                turns.extend([last.earliest().next(), last.latest().next()]);
            }
        }
        turns.retain(|day| Span { from: segment.from, until: segment.until }.contains(*day));
        turns.insert(segment.from);
        turns
    }

    /// What counts on a span of days on which nothing changes.
    fn counts(&self, stands: Standing, span: Span) -> Vec<Count> {
        let on = span.from;
        let held = self.held.iter().filter(|held| self.is_held(held) && held.span.contains(on));
        let completions = held.map(|held| held.completed).collect();
        let days: Vec<(&CoverItem, Vec<Option<Days>>)> =
            self.policy.covers().iter().map(|item| (item, self.days(item, &completions))).collect();
        let all: Vec<Option<Days>> = days.iter().flat_map(|(_, days)| days).copied().collect();
        let product = product_word(self.policy);
        let term = format!("{product} {}", state(stands, &all, on).word());
        let one = Count { measure: Measure::Policies, term, span, certain: 1, possible_only: 0 };
        let mut counts = vec![one];
        let (mut certain, mut possible_only) = (0_i64, 0_i64);
        for (item, days) in days.iter().filter(|_| stands == Standing::Bound) {
            let against = |days: &Option<Days>| days.map(|days| outside(days, on));
            let sum = as_amount(item.sum_insured);
            if days.iter().any(|days| against(days) == Some(None)) {
                certain = certain.saturating_add(sum);
            } else if days
                .iter()
                .any(|days| matches!(against(days), None | Some(Some(Against::DaysUnknown(_)))))
            {
                possible_only = possible_only.saturating_add(sum);
            }
        }
        let (measure, term) = (Measure::SumInsured, product.to_owned());
        counts.push(Count { measure, term, span, certain, possible_only });
        counts
    }
}

/// Where counts of a subject land as long as it is there, with the numbers that stand for their terms.
pub fn landings(life: &Timeline, counts: &[Count], number: impl FnMut(&str) -> u16) -> Landings {
    spread(life, &amounts(counts, number))
}

/// Counts that land in one node, whether that is there or not.
pub fn landings_in(node: SubjectId, counts: &[Count], number: impl FnMut(&str) -> u16) -> Landings {
    let mut landings = Landings::default();
    for ((from, beyond), amounts) in amounts(counts, number) {
        landings.add(node, from, &amounts, 1);
        if beyond < Day::MAX {
            landings.add(node, beyond, &amounts, -1);
        }
    }
    landings
}

/// The amounts of each span of days.
fn amounts(counts: &[Count], mut number: impl FnMut(&str) -> u16) -> BTreeMap<(Day, Day), Amounts> {
    let mut parts: BTreeMap<(Day, Day), Amounts> = BTreeMap::new();
    for count in counts {
        let cell = Cell::termed(count.measure, number(&count.term));
        let amounts =
            parts.entry((count.span.from, count.span.until.unwrap_or(Day::MAX))).or_default();
        amounts.add(cell, count.certain);
        amounts.add(cell.possible_only(), count.possible_only);
    }
    parts
}
