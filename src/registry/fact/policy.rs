//! The stored form of what is said of insurance policies.

use crate::{
    domain::{
        policy::{Beneficiary, CoverItem, Insurer, PolicyContent, Premium, PremiumPayer, Standing},
        qualification::CompanyKey,
    },
    kernel::{fen::Fen, id::SubjectId, share::Share, time::Day},
    proto::fact as stored,
    registry::fact::{Known, Unknown, bytes},
};

/// Writes the fields of a policy.
pub(super) fn put(policy: PolicyContent, unknown: &mut Unknown) -> stored::PolicyContent {
    stored::PolicyContent {
        region: unknown.put(1, policy.region, |id| bytes(id.into())),
        number: unknown.put(2, policy.number, |text| text),
        product: unknown.put(3, policy.product, |text| text),
        clause: unknown.put(4, policy.clause, |text| text),
        insurers: unknown.put(5, policy.insurers, |list| stored::Insurers {
            values: list.into_iter().map(put_insurer).collect(),
        }),
        policyholder: unknown.put(6, policy.policyholder, |text| text),
        insured: unknown.put(7, policy.insured, |text| text),
        beneficiary: unknown.put(8, policy.beneficiary, |value| value as u32),
        objects: unknown.put(9, policy.objects, |list| stored::Subjects {
            values: list.into_iter().map(bytes).collect(),
        }),
        covers: unknown.put(10, policy.covers, |list| stored::CoverItems {
            values: list.into_iter().map(put_cover).collect(),
        }),
        premiums: unknown.put(11, policy.premiums, |list| stored::Premiums {
            values: list.into_iter().map(put_premium).collect(),
        }),
        visits_per_year: unknown.put(12, policy.visits_per_year, u32::from),
        standing: unknown.put(13, policy.standing, |value| value as u32),
    }
}

/// Reads the fields of a policy.
pub(super) fn read(policy: stored::PolicyContent, known: &Known) -> Option<PolicyContent> {
    Some(PolicyContent {
        region: known.id(1, policy.region)?,
        number: known.get(2, policy.number, Some)?,
        product: known.get(3, policy.product, Some)?,
        clause: known.get(4, policy.clause, Some)?,
        insurers: known
            .get(5, policy.insurers, |list| list.values.into_iter().map(read_insurer).collect())?,
        policyholder: known.get(6, policy.policyholder, Some)?,
        insured: known.get(7, policy.insured, Some)?,
        beneficiary: known.get(8, policy.beneficiary, Beneficiary::from_number)?,
        objects: known.get(9, policy.objects, |list| {
            list.values.iter().map(|id| SubjectId::from_slice(id)).collect()
        })?,
        covers: known
            .get(10, policy.covers, |list| list.values.into_iter().map(read_cover).collect())?,
        premiums: known
            .get(11, policy.premiums, |list| list.values.into_iter().map(read_premium).collect())?,
        visits_per_year: known.get(12, policy.visits_per_year, |count| count.try_into().ok())?,
        standing: known.get(13, policy.standing, Standing::from_number)?,
    })
}

fn put_insurer(insurer: Insurer) -> stored::Insurer {
    stored::Insurer {
        company: insurer.company.0,
        share_numerator: insurer.share.numerator(),
        share_denominator: insurer.share.denominator(),
    }
}

fn read_insurer(insurer: stored::Insurer) -> Option<Insurer> {
    let share = Share::new(insurer.share_numerator, insurer.share_denominator)?;
    Some(Insurer { company: CompanyKey(insurer.company), share })
}

fn put_cover(item: CoverItem) -> stored::CoverItem {
    stored::CoverItem {
        cover: item.cover,
        from: item.from.map(Day::number),
        until: item.until.map(Day::number),
        sum_insured: item.sum_insured.count(),
        per_event: item.per_event.map(Fen::count),
        per_household: item.per_household.map(Fen::count),
        per_person: item.per_person.map(Fen::count),
        deductible: item.deductible.count(),
    }
}

/// What was read of a value that may be left out; `Err` of one that is there and cannot be read.
fn may_be<T, U>(value: Option<T>, read: impl FnOnce(T) -> Option<U>) -> Result<Option<U>, ()> {
    value.map(|value| read(value).ok_or(())).transpose()
}

fn read_cover(item: stored::CoverItem) -> Option<CoverItem> {
    Some(CoverItem {
        cover: item.cover,
        from: may_be(item.from, Day::from_number).ok()?,
        until: may_be(item.until, Day::from_number).ok()?,
        sum_insured: Fen::new(item.sum_insured)?,
        per_event: may_be(item.per_event, Fen::new).ok()?,
        per_household: may_be(item.per_household, Fen::new).ok()?,
        per_person: may_be(item.per_person, Fen::new).ok()?,
        deductible: Fen::new(item.deductible)?,
    })
}

fn put_premium(premium: Premium) -> stored::Premium {
    stored::Premium {
        amount: premium.amount.count(),
        payer: premium.payer as u32,
        reference: premium.reference,
    }
}

fn read_premium(premium: stored::Premium) -> Option<Premium> {
    Some(Premium {
        amount: Fen::new(premium.amount)?,
        payer: PremiumPayer::from_number(premium.payer)?,
        reference: premium.reference,
    })
}
