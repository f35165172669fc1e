//! Insurance policies (保险单) as they are said to be: who insures what for whom, cover by cover.
//!
//! quoted → bound → in force → expired | cancelled | lapsed. What is *said* is only that it was
//! bound, cancelled or lapsed, from a day on; in force and expired follow from the days of its
//! covers, and so from the day that is asked about. Each cover has its own days. An endorsement
//! (批改) is a change from its day on: objects that come and go, covers that are extended.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        content::{FieldText, Said, drop_unless, lay, push, push_list},
        qualification::CompanyKey,
    },
    kernel::{
        fen::Fen,
        id::{Kind, RegionId, SubjectId},
        share::{Share, are_whole},
        time::Day,
    },
};

/// Insurers of one policy.
pub const INSURERS_MAX: usize = 50;
/// Objects of one policy. A policy on more names compounds instead of their buildings.
pub const OBJECTS_MAX: usize = 2_000;
/// Covers of one policy.
pub const COVERS_MAX: usize = 50;
/// Parts of one premium.
pub const PREMIUMS_MAX: usize = 50;

/// What is said of where a policy stands. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Standing {
    /// 报价
    Quoted = 1,
    /// 承保
    Bound = 2,
    /// 退保
    Cancelled = 3,
    /// 失效: it was bound and is over for want of the premium.
    Lapsed = 4,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 4] = [Self::Quoted, Self::Bound, Self::Cancelled, Self::Lapsed];

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Quoted => "quoted",
            Self::Bound => "bound",
            Self::Cancelled => "cancelled",
            Self::Lapsed => "lapsed",
        }
    }

    /// The standing with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| *standing as u32 == number)
    }

    /// Whether a policy may come to stand so after this.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            // A premium that comes in after all puts a lapsed policy back (复效).
            Self::Quoted | Self::Lapsed => matches!(next, Self::Bound | Self::Cancelled),
            Self::Bound => matches!(next, Self::Cancelled | Self::Lapsed),
            Self::Cancelled => false,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Where a policy stands on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum PolicyState {
    /// 报价
    Quoted = 1,
    /// 承保, and no cover holds yet
    Bound = 2,
    /// 有效
    InForce = 3,
    /// 满期
    Expired = 4,
    /// 退保
    Cancelled = 5,
    /// 失效
    Lapsed = 6,
    /// It is bound, and of its covers it cannot be said whether they hold.
    Unknown = 7,
}

impl PolicyState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Quoted,
        Self::Bound,
        Self::InForce,
        Self::Expired,
        Self::Cancelled,
        Self::Lapsed,
        Self::Unknown,
    ];

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Quoted => "quoted",
            Self::Bound => "bound",
            Self::InForce => "in_force",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Lapsed => "lapsed",
            Self::Unknown => "unknown",
        }
    }
}

/// Who has the right to claim. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Beneficiary {
    /// 业主: whoever owns at the time of the loss.
    Owners = 1,
    /// 被保险人
    Insured = 2,
    /// 第三者: whoever is harmed.
    ThirdParties = 3,
}

impl Beneficiary {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Owners, Self::Insured, Self::ThirdParties];

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owners => "owners",
            Self::Insured => "insured",
            Self::ThirdParties => "third_parties",
        }
    }

    /// The value with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|value| *value as u32 == number)
    }
}

impl fmt::Display for Beneficiary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Who pays a premium. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum PremiumPayer {
    /// 政府: the city, district or street.
    Government = 1,
    /// 建设单位: the developer.
    Developer = 2,
    /// 业主: the owners.
    Owners = 3,
    /// 公共账户: the public account of the fund.
    PublicAccount = 4,
    /// 物业公司: the property company.
    PropertyCompany = 5,
}

impl PremiumPayer {
    /// Every value.
    pub const ALL: [Self; 5] = [
        Self::Government,
        Self::Developer,
        Self::Owners,
        Self::PublicAccount,
        Self::PropertyCompany,
    ];

    /// The word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Government => "government",
            Self::Developer => "developer",
            Self::Owners => "owners",
            Self::PublicAccount => "public_account",
            Self::PropertyCompany => "property_company",
        }
    }

    /// The value with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|value| *value as u32 == number)
    }
}

/// An insurer, and its share of what the policy answers for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Insurer {
    /// The company.
    pub company: CompanyKey,
    /// Its share.
    pub share: Share,
}

impl fmt::Display for Insurer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.company, self.share)
    }
}

/// A cover of a policy, with its own days and amounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverItem {
    /// The code of the clause's cover.
    pub cover: String,
    /// The first day, where the policy says it.
    pub from: Option<Day>,
    /// The last day, where the policy says it.
    pub until: Option<Day>,
    /// What it answers for at most in all.
    pub sum_insured: Fen,
    /// At most for one event.
    pub per_event: Option<Fen>,
    /// At most for one household.
    pub per_household: Option<Fen>,
    /// At most for one person.
    pub per_person: Option<Fen>,
    /// What is borne oneself of every loss.
    pub deductible: Fen,
}

impl fmt::Display for CoverItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cover)?;
        if let (Some(from), Some(until)) = (self.from, self.until) {
            write!(f, " {from} to {until}")?;
        }
        write!(f, " sum {}", self.sum_insured)?;
        let limits = [
            ("event", self.per_event),
            ("household", self.per_household),
            ("person", self.per_person),
        ];
        for (of, limit) in limits {
            if let Some(limit) = limit {
                write!(f, " per {of} {limit}")?;
            }
        }
        if self.deductible > Fen::ZERO {
            write!(f, " deductible {}", self.deductible)?;
        }
        Ok(())
    }
}

/// A part of the premium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Premium {
    /// How much.
    pub amount: Fen,
    /// Who pays.
    pub payer: PremiumPayer,
    /// The account or contract that pays, by its number elsewhere; may be empty.
    pub reference: String,
}

impl fmt::Display for Premium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.amount, self.payer.word())?;
        if self.reference.is_empty() { Ok(()) } else { write!(f, " ({})", self.reference) }
    }
}

/// What is said of a policy. Its number is among the identifiers, in the scheme of its insurer
/// ([`NUMBER_SCHEME`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyContent {
    /// The region that it is kept for.
    pub region: Said<RegionId>,
    /// Its number, unique for the first insurer.
    pub number: Said<String>,
    /// The product's code.
    pub product: Said<String>,
    /// The version of its clause.
    pub clause: Said<String>,
    /// The insurers; the first one leads.
    pub insurers: Said<Vec<Insurer>>,
    /// Who took it out: an opaque key.
    pub policyholder: Said<String>,
    /// Who is insured: an opaque key.
    pub insured: Said<String>,
    /// Who may claim.
    pub beneficiary: Said<Beneficiary>,
    /// What is insured: buildings, compounds, units, all of them.
    pub objects: Said<Vec<SubjectId>>,
    /// Its covers, all of them.
    pub covers: Said<Vec<CoverItem>>,
    /// The premium, part by part.
    pub premiums: Said<Vec<Premium>>,
    /// Visits a year of the insurer's risk service.
    pub visits_per_year: Said<u16>,
    /// Where it stands, from a day on.
    pub standing: Said<Standing>,
}

impl PolicyContent {
    /// Where it is said to stand; quoted where nothing was said.
    pub fn stands(&self) -> Standing {
        self.standing.flatten().unwrap_or(Standing::Quoted)
    }

    /// The product and the version of its clause, once both are said.
    pub fn clause(&self) -> Option<(&str, &str)> {
        Some((self.product.as_ref()?.as_deref()?, self.clause.as_ref()?.as_deref()?))
    }

    /// The insurers.
    pub fn insurers(&self) -> &[Insurer] {
        self.insurers.as_ref().and_then(Option::as_deref).unwrap_or_default()
    }

    /// The insurer that leads: the first one.
    pub fn leader(&self) -> Option<&Insurer> {
        self.insurers().first()
    }

    /// Whether one of some companies leads: who leads writes the policy, and insurers that follow read
    /// it.
    pub fn is_led_by(&self, companies: &BTreeSet<String>) -> bool {
        self.leader().is_some_and(|leader| companies.contains(&leader.company.0))
    }

    /// What is insured.
    pub fn objects(&self) -> &[SubjectId] {
        self.objects.as_ref().and_then(Option::as_deref).unwrap_or_default()
    }

    /// The covers.
    pub fn covers(&self) -> &[CoverItem] {
        self.covers.as_ref().and_then(Option::as_deref).unwrap_or_default()
    }

    /// The premium.
    pub fn premiums(&self) -> &[Premium] {
        self.premiums.as_ref().and_then(Option::as_deref).unwrap_or_default()
    }

    /// The outside number by which it is found: that of its first insurer.
    pub fn identifier(&self) -> Option<String> {
        let number = self.number.as_ref()?.as_deref()?;
        let insurer = self.leader()?;
        Some(format!("{}/{number}", insurer.company))
    }

    pub(crate) fn lay(&mut self, newer: &Self) {
        lay(&mut self.region, &newer.region);
        lay(&mut self.number, &newer.number);
        lay(&mut self.product, &newer.product);
        lay(&mut self.clause, &newer.clause);
        lay(&mut self.insurers, &newer.insurers);
        lay(&mut self.policyholder, &newer.policyholder);
        lay(&mut self.insured, &newer.insured);
        lay(&mut self.beneficiary, &newer.beneficiary);
        lay(&mut self.objects, &newer.objects);
        lay(&mut self.covers, &newer.covers);
        lay(&mut self.premiums, &newer.premiums);
        lay(&mut self.visits_per_year, &newer.visits_per_year);
        lay(&mut self.standing, &newer.standing);
    }

    pub(crate) fn texts(&self) -> Vec<FieldText> {
        let mut texts = Vec::new();
        push(&mut texts, "region_id", &self.region);
        push(&mut texts, "policy_number", &self.number);
        push(&mut texts, "product", &self.product);
        push(&mut texts, "clause", &self.clause);
        push_list(&mut texts, "insurers", &self.insurers);
        push(&mut texts, "policyholder", &self.policyholder);
        push(&mut texts, "insured", &self.insured);
        push(&mut texts, "beneficiary", &self.beneficiary);
        push_list(&mut texts, "object_ids", &self.objects);
        push_list(&mut texts, "covers", &self.covers);
        push_list(&mut texts, "premiums", &self.premiums);
        push(&mut texts, "visits_per_year", &self.visits_per_year);
        push(&mut texts, "policy_standing", &self.standing);
        texts
    }

    pub(crate) fn retain(&mut self, keep: &dyn Fn(&str) -> bool) {
        drop_unless(keep, "region_id", &mut self.region);
        drop_unless(keep, "policy_number", &mut self.number);
        drop_unless(keep, "product", &mut self.product);
        drop_unless(keep, "clause", &mut self.clause);
        drop_unless(keep, "insurers", &mut self.insurers);
        drop_unless(keep, "policyholder", &mut self.policyholder);
        drop_unless(keep, "insured", &mut self.insured);
        drop_unless(keep, "beneficiary", &mut self.beneficiary);
        drop_unless(keep, "object_ids", &mut self.objects);
        drop_unless(keep, "covers", &mut self.covers);
        drop_unless(keep, "premiums", &mut self.premiums);
        drop_unless(keep, "visits_per_year", &mut self.visits_per_year);
        drop_unless(keep, "policy_standing", &mut self.standing);
    }
}

/// The scheme of the outside numbers of policies: a number is one insurer's own.
pub const NUMBER_SCHEME: &str = "policy";

/// Something that stands against what is said of a policy, in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The stable reason.
    pub reason: &'static str,
    /// The path of the field, without `fields.`.
    pub field: String,
    /// For people.
    pub message: String,
}

fn objection(
    reason: &'static str,
    field: impl Into<String>,
    message: impl Into<String>,
) -> Objection {
    Objection { reason, field: field.into(), message: message.into() }
}

/// All that stands against what is said of a policy, in itself: shares, amounts, days, repetitions.
/// What it says of products is judged beside them (`coverage::against_clause`).
pub fn objections(said: &PolicyContent) -> Vec<Objection> {
    let mut found = Vec::new();
    insurers(said, &mut found);
    objects(said, &mut found);
    for (index, item) in said.covers().iter().enumerate() {
        cover(index, item, &mut found);
    }
    overlaps(said.covers(), &mut found);
    found
}

fn insurers(said: &PolicyContent, found: &mut Vec<Objection>) {
    if !matches!(said.insurers, Some(Some(_))) {
        return;
    }
    let mut known = BTreeSet::new();
    for (index, insurer) in said.insurers().iter().enumerate() {
        if !known.insert(&insurer.company) {
            let field = format!("insurers[{index}].company");
            let message = format!("{} is named twice", insurer.company);
            found.push(objection("REPEATED", field, message));
        }
    }
    let shares: Vec<Share> = said.insurers().iter().map(|insurer| insurer.share).collect();
    if !are_whole(&shares) {
        let told = shares.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ");
        let message = format!("{told} is not one exactly");
        found.push(objection("INSURER_SHARES", "insurers", message));
    }
}

fn objects(said: &PolicyContent, found: &mut Vec<Objection>) {
    let mut known = BTreeSet::new();
    for (index, object) in said.objects().iter().enumerate() {
        let field = format!("object_ids[{index}]");
        if !matches!(object.kind(), Kind::Building | Kind::Compound | Kind::Unit) {
            let kind = object.kind().word();
            let message = format!("a {kind} is not insured: name buildings, compounds or units");
            found.push(objection("OBJECT_KIND", field.clone(), message));
        }
        if !known.insert(object) {
            found.push(objection("REPEATED", field, format!("{object} is named twice")));
        }
    }
}

fn cover(index: usize, item: &CoverItem, found: &mut Vec<Objection>) {
    let path = |field: &str| format!("covers[{index}].{field}");
    match (item.from, item.until) {
        (Some(from), Some(until)) if until < from => {
            let message = format!("it would end on {until}, before it begins on {from}");
            found.push(objection("OUT_OF_RANGE", path("until"), message));
        }
        (Some(_), None) => {
            let message = "a policy that says the first day says the last";
            found.push(objection("REQUIRED", path("until"), message));
        }
        (None, Some(_)) => {
            let message = "a policy that says the last day says the first";
            found.push(objection("REQUIRED", path("from"), message));
        }
        _ => {}
    }
    if item.sum_insured == Fen::ZERO {
        let message = "a cover answers for more than nothing";
        found.push(objection("OUT_OF_RANGE", path("sum_insured_fen"), message));
    }
    let limits = [
        ("per_event_fen", item.per_event),
        ("per_household_fen", item.per_household),
        ("per_person_fen", item.per_person),
    ];
    for (field, limit) in limits {
        let Some(limit) = limit else { continue };
        if limit == Fen::ZERO || limit > item.sum_insured {
            let sum = item.sum_insured;
            let message = format!("a limit lies above nothing and within the sum insured, {sum}");
            found.push(objection("COVER_LIMIT", path(field), message));
        }
    }
    let least = limits.into_iter().filter_map(|(_, limit)| limit).min();
    let least = least.unwrap_or(item.sum_insured).min(item.sum_insured);
    if item.deductible > Fen::ZERO && item.deductible >= least {
        let message = format!("with {least} at most, nothing would ever be paid");
        found.push(objection("COVER_LIMIT", path("deductible_fen"), message));
    }
}

/// Items of one cover do not overlap: of a loss it would not be known which of them answers. Items
/// whose days follow from the completion of each building are there once.
fn overlaps(items: &[CoverItem], found: &mut Vec<Objection>) {
    for (index, item) in items.iter().enumerate() {
        let days =
            |item: &CoverItem| (item.from.unwrap_or(Day::MIN), item.until.unwrap_or(Day::MAX));
        let (from, until) = days(item);
        let other = items.iter().take(index).find(|other| {
            let (other_from, other_until) = days(other);
            other.cover == item.cover && from <= other_until && other_from <= until
        });
        if let Some(other) = other {
            let message = format!("cover {:?} is there already: {other}", item.cover);
            found.push(objection("COVER_OVERLAP", format!("covers[{index}]"), message));
        }
    }
}
