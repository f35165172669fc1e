//! Cells of policies: insurers with their shares, covers and premiums.

use crate::{
    exchange::{
        cell::{self, Fault},
        policy_column::PAYERS,
        row::{bounded, share_of, word},
    },
    kernel::limit::IDENTIFIER_CHARS_MAX,
    proto::v1::{Insurer, PolicyCover, PolicyPremium},
};

/// Digits behind the point of a share in per cent.
const PERCENT_DECIMALS: usize = 4;

/// An amount in yuan, kept in fen.
fn fen(text: &str) -> Result<u64, Fault> {
    let fen = cell::scaled_with_unit(text.trim(), &[("元", 2)], 2)?;
    u64::try_from(fen).map_err(|_| ("OUT_OF_RANGE", format!("{text:?} is less than nothing")))
}

/// Insurers: `P-1 60%|P-2 40%`.
pub(super) fn insurers(text: &str) -> Result<Vec<Insurer>, Fault> {
    let parts = cell::split(text);
    let is_alone = parts.len() == 1;
    let one = |text: &String| {
        let text = text.trim();
        let parted = text.rsplit_once([' ', ';', '\u{3000}']);
        let parted = parted.and_then(|(company, part)| Some((company.trim(), share(part.trim())?)));
        let (company, share) = match parted {
            Some(parted) => parted,
            None if is_alone && !text.ends_with('%') && !text.contains(' ') => (text, (1, 1)),
            None => {
                let message = format!("{text:?} is no insurer with its share: P-1 60% or P-1 2/3");
                return Err(("NOT_A_SHARE", message));
            }
        };
        let company = bounded(company, IDENTIFIER_CHARS_MAX)?;
        Ok(Insurer { company, share_numerator: share.0, share_denominator: share.1 })
    };
    parts.iter().map(one).collect()
}

/// A share: `60%`, `33.33%` or `2/3`.
fn share(text: &str) -> Option<(u64, u64)> {
    let text = text.replace('％', "%");
    let Some(percent) = text.strip_suffix('%') else { return share_of(&text) };
    let scaled = cell::scaled_with_unit(percent, &[], PERCENT_DECIMALS).ok()?;
    let places = u32::try_from(PERCENT_DECIMALS).ok()?;
    Some((u64::try_from(scaled).ok()?, 100 * 10_u64.pow(places)))
}

/// Covers: `STR;sum=1000000;from=2024-01-01;until=2024-12-31`.
pub(super) fn covers(text: &str) -> Result<Vec<PolicyCover>, Fault> {
    cell::split(text).iter().map(|text| cover(text.trim())).collect()
}

fn cover(text: &str) -> Result<PolicyCover, Fault> {
    let bad = |message: String| ("NOT_A_COVER", message);
    let mut parts = text.split(';').map(str::trim);
    let code = parts.next().unwrap_or_default();
    let mut cover =
        PolicyCover { cover: bounded(code, IDENTIFIER_CHARS_MAX)?, ..PolicyCover::default() };
    let mut said = Vec::new();
    for part in parts {
        let (name, value) =
            part.split_once('=')
                .map(|(name, value)| (name.trim(), value.trim()))
                .ok_or_else(|| bad(format!("{part:?} is not name=value: sum=1000000")))?;
        let name = match name {
            "sum" | "保额" | "保险金额" => "sum",
            "from" | "起" => "from",
            "until" | "止" => "until",
            "per_event" | "每次" => "per_event",
            "per_household" | "每户" => "per_household",
            "per_person" | "每人" => "per_person",
            "deductible" | "免赔" => "deductible",
            _ => {
                let names = "sum, from, until, per_event, per_household, per_person, deductible";
                return Err(bad(format!("{name:?} is none of {names}")));
            }
        };
        if said.contains(&name) {
            return Err(bad(format!("{name} is said twice of {code}")));
        }
        said.push(name);
        match name {
            "sum" => cover.sum_insured_fen = fen(value)?,
            "from" => cover.from = cell::exact_day(value)?.to_string(),
            "until" => cover.until = cell::exact_day(value)?.to_string(),
            "per_event" => cover.per_event_fen = Some(fen(value)?),
            "per_household" => cover.per_household_fen = Some(fen(value)?),
            "per_person" => cover.per_person_fen = Some(fen(value)?),
            _ => cover.deductible_fen = fen(value)?,
        }
    }
    if code.is_empty() || !said.contains(&"sum") {
        return Err(bad("a cover is its code and the sum insured: STR;sum=1000000".to_owned()));
    }
    Ok(cover)
}

/// Parts of a premium: `15000;DEVELOPER`, and perhaps the account or contract.
pub(super) fn premiums(text: &str) -> Result<Vec<PolicyPremium>, Fault> {
    let one = |text: &String| {
        let mut parts = text.splitn(3, ';').map(str::trim);
        let (Some(amount), Some(payer)) = (parts.next(), parts.next()) else {
            let message = "a premium is its amount and who pays: 15000;DEVELOPER".to_owned();
            return Err(("NOT_A_PREMIUM", message));
        };
        let reference = parts.next().unwrap_or_default();
        let (amount_fen, payer) = (fen(amount)?, word(PAYERS, payer)?);
        let reference = bounded(reference, IDENTIFIER_CHARS_MAX)?;
        Ok(PolicyPremium { amount_fen, payer, reference })
    };
    cell::split(text).iter().map(one).collect()
}

/// An amount in fen as it is written: in yuan.
fn yuan(fen: u64) -> String {
    i64::try_from(fen).map_or_else(|_| fen.to_string(), |fen| cell::show_scaled(fen, 2))
}

/// The inverse of [`insurers`].
pub(super) fn show_insurer(insurer: &Insurer) -> String {
    let Insurer { company, share_numerator, share_denominator } = insurer;
    format!("{company} {share_numerator}/{share_denominator}")
}

/// The inverse of [`covers`].
pub(super) fn show_cover(cover: &PolicyCover) -> String {
    let mut parts = vec![cover.cover.clone(), format!("sum={}", yuan(cover.sum_insured_fen))];
    for (name, day) in [("from", &cover.from), ("until", &cover.until)] {
        if !day.is_empty() {
            parts.push(format!("{name}={day}"));
        }
    }
    let deductible = Some(cover.deductible_fen).filter(|fen| *fen > 0);
    for (name, amount) in [
        ("per_event", cover.per_event_fen),
        ("per_household", cover.per_household_fen),
        ("per_person", cover.per_person_fen),
        ("deductible", deductible),
    ] {
        parts.extend(amount.map(|fen| format!("{name}={}", yuan(fen))));
    }
    parts.join(";")
}

/// The inverse of [`premiums`].
pub(super) fn show_premium(premium: &PolicyPremium) -> String {
    let payer = PAYERS.iter().find(|word| word.number == premium.payer);
    let payer = payer.map_or("", |word| word.name);
    let mut text = format!("{};{payer}", yuan(premium.amount_fen));
    if !premium.reference.is_empty() {
        text = format!("{text};{}", premium.reference);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let read = insurers("P-1 60%|P-2 33.3333％|P-3 2/30").unwrap();
        let shown = read.iter().map(show_insurer).collect::<Vec<_>>();
        assert_eq!(shown, ["P-1 600000/1000000", "P-2 333333/1000000", "P-3 2/30"]);
        assert_eq!(insurers(&shown.join("|")).unwrap(), read);
        assert_eq!(insurers("P-1").unwrap().first().map(|one| one.share_denominator), Some(1));
        for wrong in ["P-1 60", "P-1|P-2 1/2", "P-1 x%", "P-1 0.00001%"] {
            assert_eq!(insurers(wrong).map_err(|fault| fault.0), Err("NOT_A_SHARE"), "{wrong}");
        }

        let text =
            "STR;sum=1000000.01;from=2024-01-01;until=2024-12-31;per_household=10;deductible=5";
        let read = covers(&format!("{text}|WTR;保额=２００元;起=2024年1月1日")).unwrap();
        let shown = read.iter().map(show_cover).collect::<Vec<_>>();
        assert_eq!(shown, [text, "WTR;sum=200;from=2024-01-01"]);
        assert_eq!(covers(&shown.join("|")).unwrap(), read);
        for (wrong, reason) in [
            ("STR", "NOT_A_COVER"),
            ("STR;sum=1;sum=2", "NOT_A_COVER"),
            ("STR;sum=1;colour=2", "NOT_A_COVER"),
            ("STR;sum=1.001", "TOO_PRECISE"),
            ("STR;sum=10万", "UNIT_NOT_TAKEN"),
            ("STR;sum=1;from=2024", "NOT_A_DAY"),
        ] {
            assert_eq!(covers(wrong).map_err(|fault| fault.0), Err(reason), "{wrong}");
        }

        let read = premiums("15000;建设单位|2000.5;GOVERNMENT;HT;7").unwrap();
        let shown = read.iter().map(show_premium).collect::<Vec<_>>();
        assert_eq!(shown, ["15000;DEVELOPER", "2000.5;GOVERNMENT;HT;7"]);
        assert_eq!(premiums(&shown.join("|")).unwrap(), read);
        assert_eq!(premiums("15000").map_err(|fault| fault.0), Err("NOT_A_PREMIUM"));
    }
}
