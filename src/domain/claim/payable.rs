//! What a cover pays at most for a loss, exact to the fen.
//!
//! First the deductible is borne oneself, once for every claim. Of what is left the cover pays no more
//! than is left of its limits for the event, the household and the person, and no more than is left of
//! its sum insured: each less what is held ready for other claims, or was paid on them. Limits are not
//! shared between events, households and persons, and all of them lie within the sum insured. A claim
//! that names no event is of an event of its own. The limits per household and per person are of losses
//! that are a household's or a person's: claims of one unit are of one household, and a loss that is
//! nobody's by name, as that of the whole building, is within the other limits alone. So whoever approves
//! a loss on a cover with such a limit says first whose it is.

use std::fmt;

use crate::{
    domain::policy::CoverItem,
    kernel::{fen::Fen, id::UnitId},
};

/// By which limits a claim counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// The event.
    pub event: Option<String>,
    /// The household.
    pub household: Option<String>,
    /// The person.
    pub person: Option<String>,
    /// The unit, whose household it is.
    pub unit: Option<UnitId>,
}

impl Keys {
    fn is_event_of(&self, other: &Self) -> bool {
        self.event.is_some() && self.event == other.event
    }

    fn is_household_of(&self, other: &Self) -> bool {
        (self.household.is_some() && self.household == other.household)
            || (self.unit.is_some() && self.unit == other.unit)
    }

    fn is_person_of(&self, other: &Self) -> bool {
        self.person.is_some() && self.person == other.person
    }

    const fn is_of_household(&self) -> bool {
        self.household.is_some() || self.unit.is_some()
    }

    /// Whether a loss is said to be of a household or a person, where the item has a limit of these.
    pub fn tell_whose(&self, item: &CoverItem) -> bool {
        let is_limited = item.per_household.is_some() || item.per_person.is_some();
        !is_limited
            || (item.per_household.is_some() && self.is_of_household())
            || (item.per_person.is_some() && self.person.is_some())
    }
}

/// What is held ready for another claim on the same item, or was paid on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// By which limits it counts.
    pub keys: Keys,
    /// How much.
    pub amount: Fen,
}

/// What a cover pays at most, and what each rule leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payable {
    /// The loss less the deductible.
    pub after_deductible: Fen,
    /// What is left of the limit per event, where there is one.
    pub event: Option<Fen>,
    /// Per household, where the loss is a household's.
    pub household: Option<Fen>,
    /// Per person, where the loss is a person's.
    pub person: Option<Fen>,
    /// What is left of the sum insured.
    pub sum: Fen,
}

impl Payable {
    /// What is paid at most.
    pub fn amount(&self) -> Fen {
        let limits = [self.event, self.household, self.person];
        let least = limits.into_iter().flatten().min().unwrap_or(Fen::MAX);
        self.after_deductible.min(least).min(self.sum)
    }
}

impl fmt::Display for Payable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after the deductible", self.after_deductible)?;
        let limits =
            [("event", self.event), ("household", self.household), ("person", self.person)];
        for (of, left) in limits {
            if let Some(left) = left {
                write!(f, ", {left} left for the {of}")?;
            }
        }
        write!(f, ", {} left of the sum insured", self.sum)
    }
}

/// What is left of an amount after others; nothing when they are more.
fn less(amount: Fen, others: Fen) -> Fen {
    amount.minus(others).unwrap_or(Fen::ZERO)
}

/// What is left of the sum insured of an item.
pub fn left(item: &CoverItem, others: &[Held]) -> Fen {
    less(item.sum_insured, Fen::total(others.iter().map(|other| other.amount)))
}

/// What an item pays at most for a loss, beside what is held for `others`.
pub fn payable(loss: Fen, item: &CoverItem, own: &Keys, others: &[Held]) -> Payable {
    let limited = |limit: Option<Fen>, is_same: fn(&Keys, &Keys) -> bool| {
        let of_same = others.iter().filter(|other| is_same(own, &other.keys));
        let held = Fen::total(of_same.map(|other| other.amount));
        limit.map(|limit| less(limit, held))
    };
    Payable {
        after_deductible: less(loss, item.deductible),
        event: limited(item.per_event, Keys::is_event_of),
        household: limited(
            item.per_household.filter(|_| own.is_of_household()),
            Keys::is_household_of,
        ),
        person: limited(item.per_person.filter(|_| own.person.is_some()), Keys::is_person_of),
        sum: left(item, others),
    }
}
