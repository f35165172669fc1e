//! Cells: texts as people and spreadsheets write them, to values and back.
//!
//! Numbers are read digit by digit, never through floating point, so that 98.47 m² is exactly
//! 984 700 cm². What is written by [`guard`] is read back by [`unguard`] exactly, whatever it is.

use std::borrow::Cow;

use crate::kernel::time::{Day, ImpreciseDay};

/// A cell that says: there is none, or it is unknown. An empty cell says nothing.
pub const NONE: &str = "(none)";
const NONE_WORDS: [&str; 3] = [NONE, "(无)", "（无）"];
/// Words for a value that nobody knows.
const UNKNOWN_WORDS: [&str; 5] = ["unknown", "不详", "未知", "不明", "不清楚"];

/// Why a cell is not understood: a stable reason and one sentence.
pub type Fault = (&'static str, String);

fn fault<T>(reason: &'static str, message: impl Into<String>) -> Result<T, Fault> {
    Err((reason, message.into()))
}

/// Whether the cell says that there is none.
pub fn is_none(cell: &str) -> bool {
    NONE_WORDS.contains(&cell)
}

/// Whether the cell says that nobody knows.
pub fn is_unknown(cell: &str) -> bool {
    UNKNOWN_WORDS.contains(&cell)
}

/// Whether a spreadsheet would take the text for a formula, or a reader of ours for something else
/// than the text.
fn needs_guard(text: &str) -> bool {
    let risky = text.starts_with(['=', '+', '-', '@', '\'', '\t', '\r']);
    (risky && !is_plain_number(text)) || text.trim() != text || is_none(text)
}

fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, part].iter().all(|d| !d.is_empty() && d.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Puts an apostrophe before a text that a spreadsheet would run as a formula.
pub fn guard(text: &str) -> Cow<'_, str> {
    if needs_guard(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// A cell without what [`guard`] added and without blanks around it; and whether it was guarded,
/// so that it is a text and no mark.
pub fn unguard(cell: &str) -> (&str, bool) {
    match cell.strip_prefix('\'').filter(|rest| needs_guard(rest)) {
        Some(text) => (text, true),
        None => (cell.trim(), false),
    }
}

/// Full-width digits and signs as ASCII, without blanks.
fn narrow(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| match character {
            '０'..='９' | '．' | '－' | '＜' | '／' | '＋' => {
                char::from_u32(u32::from(character) - 0xFEE0).unwrap_or(character)
            }
            '—' | '–' | '~' | '～' => '-',
            other => other,
        })
        .collect()
}

/// A number in the smallest unit: `98.47` at four decimals is 984 700.
pub fn scaled(text: &str, decimals: usize) -> Result<i64, Fault> {
    let bad = || ("NOT_A_NUMBER", format!("{text:?} is not a decimal number like 98.47"));
    let narrowed = narrow(text);
    if narrowed.contains('万') || narrowed.contains('亿') {
        return fault("UNIT_NOT_TAKEN", "numbers in 万 or 亿 are not taken: write all digits");
    }
    let (negative, digits) = match narrowed.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, narrowed.as_str()),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) || digits.ends_with('.') {
        return Err(bad());
    }
    let (kept, dropped) = part.split_at_checked(decimals).unwrap_or((part, ""));
    if dropped.bytes().any(|byte| byte != b'0') {
        return fault(
            "TOO_PRECISE",
            format!("{text:?} has more than {decimals} decimals; nothing is rounded in silence"),
        );
    }
    let too_large = |_| ("OUT_OF_RANGE", format!("{text:?} is too large"));
    let number: i64 = format!("{whole}{kept:0<decimals$}").parse().map_err(too_large)?;
    Ok(if negative { -number } else { number })
}

/// The inverse of [`scaled`], without zeros at the end.
pub fn show_scaled(number: i64, decimals: usize) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = decimals + 1);
    let (whole, part) = digits.split_at_checked(digits.len() - decimals).unwrap_or((&digits, ""));
    let part = part.trim_end_matches('0');
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// A number, with or without one of its unit's words behind it: `98.47㎡` at four decimals.
pub fn scaled_with_unit(text: &str, units: &[(&str, usize)], plain: usize) -> Result<i64, Fault> {
    let narrowed = narrow(text);
    for (word, decimals) in units {
        if let Some(number) = narrowed.strip_suffix(word) {
            return scaled(number, *decimals);
        }
    }
    scaled(text, plain)
}

/// A whole number of a range, with or without one of its unit's words behind it: `6层`.
pub fn whole(text: &str, units: &[&str], least: i64, most: i64) -> Result<i64, Fault> {
    let narrowed = narrow(text);
    let number = units.iter().find_map(|unit| narrowed.strip_suffix(unit)).unwrap_or(&narrowed);
    let number = scaled(number, 0).map_err(|(reason, message)| match reason {
        "UNIT_NOT_TAKEN" => (reason, message),
        _ => ("NOT_A_NUMBER", format!("{text:?} is not a whole number")),
    })?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        fault("OUT_OF_RANGE", format!("{number} is not between {least} and {most}"))
    }
}

/// Degrees as decimal text, kept as it is when it is a number within ±`most` of at most 7 decimals.
pub fn degrees(text: &str, most: i64) -> Result<String, Fault> {
    let narrowed = narrow(text);
    let number = scaled(&narrowed, 7)
        .map_err(|(_, message)| ("NOT_A_COORDINATE", format!("{message} of degrees")))?;
    if number.abs() > most * 10_000_000 {
        return fault("NOT_A_COORDINATE", format!("{text:?} is beyond {most} degrees"));
    }
    Ok(narrowed)
}

/// A day that is exact.
pub fn exact_day(text: &str) -> Result<Day, Fault> {
    imprecise_day(text)?
        .exact()
        .ok_or_else(|| ("NOT_A_DAY", format!("{text:?} is not one day, as 2024-07-01 is")))
}

/// A day that may be imprecise, in our form or as Chinese files write it: `1985年3月`, `80年代`,
/// `1985年以前`, `1983-1985年`, `不详`.
pub fn imprecise_day(text: &str) -> Result<ImpreciseDay, Fault> {
    if is_unknown(text) {
        return Ok(ImpreciseDay::UNKNOWN);
    }
    let narrowed = narrow(text);
    narrowed.parse().ok().or_else(|| habitual_day(&narrowed)).ok_or_else(|| {
        (
            "NOT_A_DAY",
            format!(
                "{text:?} is not a day; write 2024-07-01, 2024-07, 2024, 1980s, <1986, 1983..1985 \
                 or unknown (or 1985年3月, 80年代, 1985年以前, 不详)"
            ),
        )
    })
}

fn habitual_day(text: &str) -> Option<ImpreciseDay> {
    for word in ["以前", "之前", "年前"] {
        if let Some(bound) = text.strip_suffix(word) {
            let bound = bound.strip_suffix('年').unwrap_or(bound);
            return format!("<{}", point(bound)?).parse().ok();
        }
    }
    if let Some(decade) = text.strip_suffix("年代") {
        return decade_of(decade);
    }
    if let Some((first, last)) = text.split_once('至').or_else(|| text.split_once('到')) {
        return format!("{}..{}", point(first)?, point(last)?).parse().ok();
    }
    // Two years with a stroke between them, which no day has: `1983-1985年`.
    if let Some((first, last)) = text.split_once('-')
        && last.trim_end_matches('年').len() == 4
    {
        return format!("{}..{}", point(first)?, point(last)?).parse().ok();
    }
    point(text)?.parse().ok()
}

fn decade_of(text: &str) -> Option<ImpreciseDay> {
    let century = [("上世纪", "19"), ("20世纪", "19"), ("21世纪", "20"), ("本世纪", "20")];
    for (word, century) in century {
        if let Some(decade) = text.strip_prefix(word) {
            return (decade.len() == 2).then(|| format!("{century}{decade}s").parse().ok())?;
        }
    }
    match text.len() {
        4 => format!("{text}s").parse().ok(),
        // Houses of the 1920s are rarer than those of 2020: two digits below 30 are this century's.
        2 if text >= "30" => format!("19{text}s").parse().ok(),
        2 => format!("20{text}s").parse().ok(),
        _ => None,
    }
}

/// A year, month or day in our form, from `1985年3月2日`, `1985/3/2`, `1985.3`, `19850302`.
fn point(text: &str) -> Option<String> {
    let text = text.trim_end_matches(['日', '号']);
    let text = text.strip_suffix('月').or_else(|| text.strip_suffix('年')).unwrap_or(text);
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits && text.len() == 8 {
        let (year, rest) = text.split_at_checked(4)?;
        let (month, day) = rest.split_at_checked(2)?;
        return Some(format!("{year}-{month}-{day}"));
    }
    let mut parts = text.split(['年', '月', '/', '.', '-']);
    let year = parts.next().filter(|year| year.len() == 4)?;
    let mut point = year.to_owned();
    for part in parts {
        let number: u8 = part.parse().ok().filter(|number| *number < 100)?;
        point.push('-');
        point.extend([number / 10, number % 10].map(|digit| char::from(b'0' + digit % 10)));
    }
    Some(point)
}

/// Joins texts with `|`; a `|` or `\` in a text gets a `\` before it.
pub fn join(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    join_by('|', texts)
}

/// The same with another separator.
pub fn join_by(separator: char, texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut joined = String::new();
    for (index, text) in texts.into_iter().enumerate() {
        if index > 0 {
            joined.push(separator);
        }
        for character in text.as_ref().chars() {
            if character == separator || character == '\\' {
                joined.push('\\');
            }
            joined.push(character);
        }
    }
    joined
}

/// The inverse of [`join`] for lists that are not empty.
pub fn split(text: &str) -> Vec<String> {
    split_by('|', text)
}

/// The inverse of [`join_by`].
pub fn split_by(separator: char, text: &str) -> Vec<String> {
    let mut texts = vec![];
    let mut current = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => current.push(characters.next().unwrap_or('\\')),
            other if other == separator => texts.push(std::mem::take(&mut current)),
            other => current.push(other),
        }
    }
    texts.push(current);
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn days_are_read_as_chinese_files_write_them() {
        let cases = [
            ("1985年", "1985"),
            ("1985年3月", "1985-03"),
            ("1985年3月2日", "1985-03-02"),
            ("1985/3/2", "1985-03-02"),
            ("1985.03", "1985-03"),
            ("1985-3-2", "1985-03-02"),
            ("19850302", "1985-03-02"),
            ("１９８５年", "1985"),
            ("80年代", "1980s"),
            ("1980年代", "1980s"),
            ("上世纪70年代", "1970s"),
            ("20世纪90年代", "1990s"),
            ("00年代", "2000s"),
            ("1985年以前", "<1985"),
            ("1985年之前", "<1985"),
            ("1985年3月以前", "<1985-03-01"),
            ("1985年前", "<1985"),
            ("1983-1985年", "1983..1985"),
            ("1983年至1985年", "1983..1985"),
            ("1983～1985", "1983..1985"),
            ("不详", "unknown"),
            ("未知", "unknown"),
            ("<1986", "<1986"),
            ("1983..1985", "1983..1985"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                imprecise_day(text).map(|day| day.to_string()),
                Ok(expected.into()),
                "{text}"
            );
        }
        let wrong = [
            "85年",
            "1985年13月",
            "31107",
            "2000年以后",
            "1985年101月",
            "1985年底",
            "无",
            "1985年2月30日",
        ];
        for text in wrong {
            assert_eq!(imprecise_day(text).map_err(|fault| fault.0), Err("NOT_A_DAY"), "{text}");
        }
        assert_eq!(exact_day("2024年7月1日").unwrap().to_string(), "2024-07-01");
        assert_eq!(exact_day("2024-07").unwrap_err().0, "NOT_A_DAY");
    }

    #[test]
    fn areas_are_exact_and_nothing_is_rounded() {
        let units: &[(&str, usize)] = &[("平方米", 4), ("㎡", 4), ("m²", 4)];
        let area = |text: &str| scaled_with_unit(text, units, 4).map_err(|fault| fault.0);
        assert_eq!(area("98.47"), Ok(984_700));
        assert_eq!(area("98.47㎡"), Ok(984_700));
        assert_eq!(area("９８．４７ 平方米"), Ok(984_700));
        assert_eq!(area("0.0001"), Ok(1));
        assert_eq!(area("98.470000000"), Ok(984_700));
        assert_eq!(area("98.47001"), Err("TOO_PRECISE"));
        assert_eq!(area("1.2万"), Err("UNIT_NOT_TAKEN"));
        assert_eq!(area("1.2万平方米"), Err("UNIT_NOT_TAKEN"));
        assert_eq!(area("999999999999999999"), Err("OUT_OF_RANGE"));
        for text in ["", "1,234.5", "1e3", "12.", ".5", "-", "约98", "NaN"] {
            assert_eq!(area(text), Err("NOT_A_NUMBER"), "{text}");
        }
    }

    #[test]
    fn whole_numbers_take_their_units_and_keep_their_range() {
        let storeys = |text: &str| whole(text, &["层"], 0, 200).map_err(|fault| fault.0);
        assert_eq!(storeys("6层"), Ok(6));
        assert_eq!(storeys("6.0"), Ok(6));
        assert_eq!(storeys("6.5"), Err("NOT_A_NUMBER"));
        assert_eq!(storeys("201"), Err("OUT_OF_RANGE"));
        assert_eq!(storeys("-1"), Err("OUT_OF_RANGE"));
        assert_eq!(whole("－２", &[], -9, 9), Ok(-2));
    }

    #[test]
    fn formulas_are_written_as_texts_and_numbers_stay_numbers() {
        assert_eq!(guard("=1+1"), "'=1+1");
        assert_eq!(guard("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(guard("-1"), "-1");
        assert_eq!(guard("-1+cmd"), "'-1+cmd");
        assert_eq!(guard("'quoted'"), "''quoted'");
        assert_eq!(guard(NONE), "'(none)");
        assert_eq!(unguard(" 春和苑 "), ("春和苑", false));
        assert_eq!(unguard("'春和苑"), ("'春和苑", false));
    }

    #[test]
    fn degrees_keep_their_digits() {
        assert_eq!(degrees("113.6253", 180), Ok("113.6253".to_owned()));
        assert_eq!(degrees("34.74660001", 90).unwrap_err().0, "NOT_A_COORDINATE");
        assert_eq!(degrees("91", 90).unwrap_err().0, "NOT_A_COORDINATE");
        assert_eq!(degrees("113°37′", 180).unwrap_err().0, "NOT_A_COORDINATE");
    }

    proptest! {
        #[test]
        fn what_is_guarded_is_read_back(text in "[-=+@' a1.郑\t\r(none)]{0,9}") {
            let guarded = guard(&text);
            prop_assert_eq!(unguard(&guarded).0, text.as_str());
        }

        #[test]
        fn what_is_joined_is_split(texts in proptest::collection::vec("[a|;\\\\:中]{0,4}", 1..5)) {
            prop_assert_eq!(split(&join(&texts)), texts.clone());
            // Lists in lists, as of what was otherwise on other days.
            let lists = [texts.clone(), texts];
            let joined = join(lists.iter().map(|texts| join_by(';', texts)));
            let parted = split(&joined).iter().map(|text| split_by(';', text)).collect::<Vec<_>>();
            prop_assert_eq!(parted, lists);
        }

        #[test]
        fn a_scaled_number_is_read_back(number: i64, decimals in 0_usize..8) {
            let number = number.max(-i64::MAX);
            prop_assert_eq!(scaled(&show_scaled(number, decimals), decimals), Ok(number));
        }
    }
}
