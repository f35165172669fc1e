//! What claims come to in totals, and on which days.
//!
//! A claim counts where its building lies, or lay last: money that went out does not come back when
//! the building is gone. What was paid and came back counts once more where its policy is kept,
//! beside the premium that was written for it, so that a loss ratio can be told as the two numbers
//! that it is made of. It is never divided here: what it means over which days is for the actuary to say.
//!
//! The product is the policy's, as it is said to be on the day asked for.

use std::collections::BTreeSet;

use crate::{
    domain::{
        checkup::Span,
        claim::{Claim, of_timeline},
        insured::{Count, NO_PRODUCT, as_amount, products},
        timeline::Timeline,
        totals::Measure,
    },
    kernel::{
        fen::Fen,
        id::{BuildingId, PolicyId},
        time::Day,
    },
};

/// The first day of each span of ages, in days since the notice. They are fixed: the spans of the
/// catalogues of findings are those of findings.
pub const AGES: [u32; 5] = [0, 31, 91, 181, 366];

/// The cause of a claim that does not say it.
const NO_CAUSE: &str = "unknown";

/// What counts of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// What counts in the building.
    pub in_building: Vec<Count>,
    /// The building.
    pub building: Option<BuildingId>,
    /// What counts where the policy is kept.
    pub of_policy: Vec<Count>,
}

/// The policy that a claim is on, by what is said of it last.
pub fn policy_of(life: &Timeline) -> Option<PolicyId> {
    of_timeline(life, Day::MAX)?.content.policy.flatten()
}

/// All that counts of a claim; `None` when it was entered in error.
pub fn counts(life: &Timeline, policy: Option<&Timeline>) -> Option<Counted> {
    let whole = of_timeline(life, Day::MAX)?;
    let mut counted = Counted {
        in_building: Vec::new(),
        building: whole.content.building.flatten(),
        of_policy: Vec::new(),
    };
    let products = products_of(policy);
    let turns: Vec<Day> = turns(&whole, life).into_iter().collect();
    for (index, from) in turns.iter().enumerate() {
        let Some(claim) = of_timeline(life, *from) else { continue };
        let whole = Span { from: *from, until: turns.get(index + 1).copied() };
        for (span, product) in &products {
            let Some(span) = whole.within(*span) else { continue };
            let mut put = |measure, word: &str, certain: i64| {
                let term = format!("{product} {word}");
                let count = Count { measure, term, span, certain, possible_only: 0 };
                counted.in_building.push(count);
            };
            on_day(&claim, *from, &mut put);
            let losses = as_amount(claim.paid).saturating_sub(as_amount(claim.recovered));
            let (measure, term) = (Measure::Losses, product.clone());
            counted.of_policy.push(Count {
                measure,
                term,
                span,
                certain: losses,
                possible_only: 0,
            });
        }
    }
    Some(counted)
}

/// The products of a policy over all days.
fn products_of(policy: Option<&Timeline>) -> Vec<(Span, String)> {
    let said = policy.map(products).unwrap_or_default();
    let before = Span { from: Day::MIN, until: said.first().map(|(span, _)| span.from) };
    let is_gap = before.until.is_none_or(|until| before.from < until);
    let gap = is_gap.then(|| (before, NO_PRODUCT.to_owned()));
    gap.into_iter().chain(said).collect()
}

/// The days from which something of it counts otherwise.
fn turns(claim: &Claim, life: &Timeline) -> BTreeSet<Day> {
    let steps = claim.events.iter().map(|event| event.on);
    // What is claimed is of a day, too.
    let said = life.contents().map(|(statement, _)| statement.from);
    let mut turns: BTreeSet<Day> = steps.chain(said).filter(|on| *on > claim.noticed).collect();
    turns.extend(AGES.map(|days| claim.noticed.later(days)));
    turns
}

/// What counts of a claim on a day on which it stands like this.
fn on_day(claim: &Claim, day: Day, put: &mut impl FnMut(Measure, &str, i64)) {
    put(Measure::ClaimsByStage, claim.stage.word(), 1);
    if !claim.stage.is_over() {
        let cause = claim.content.cause.as_ref().and_then(Option::as_deref);
        put(Measure::ClaimsByCause, cause.unwrap_or(NO_CAUSE), 1);
        put(Measure::ClaimsByAge, &age_word(claim.noticed, day), 1);
    }
    let sums = [
        ("claimed", claim.content.claimed.flatten()),
        ("assessed", claim.assessed),
        ("appraised", claim.appraised),
        ("approved", claim.approved),
        ("reserved", claim.reserved),
        ("paid", Some(claim.paid)),
        ("recovered", Some(claim.recovered)),
    ];
    for (word, sum) in sums {
        put(Measure::ClaimAmounts, word, as_amount(sum.unwrap_or(Fen::ZERO)));
    }
}

/// The word of a span of ages, as those of findings: `31..90`, `366..`.
fn age_word(noticed: Day, day: Day) -> String {
    let begun = AGES.iter().rposition(|days| noticed.later(*days) <= day).unwrap_or(0);
    let from = AGES.get(begun).copied().unwrap_or(0);
    match AGES.get(begun + 1) {
        Some(next) => format!("{from}..{}", next - 1),
        None => format!("{from}.."),
    }
}
