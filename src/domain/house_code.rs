//! Two national codes that come in from elsewhere: the house code and the real-estate unit code.
//!
//! They are outside numbers of ours, never ids: a code that looks wrong is kept as it was given,
//! and what is odd about it is a [`Warning`]. Nothing here refuses.
//!
//! **House code** (JGJ/T 246-2012), 23 characters: 9 for the region down to the street, 4 for the
//! year of completion, 4 for the building, 5 for the unit (`00000` is the building), 1 check
//! character. The region is the one of its year: a code is not issued anew when regions change.
//! What is unknown of year and unit is `*`.
//!
//! **Real-estate unit code** (GB/T 37346-2019), 28 characters: 6 digits for the county, 3 for the
//! cadastral area, 3 for the sub-area, 2 letters for the kind of parcel (ownership, then use), 5
//! digits for the parcel, 1 letter for the kind of fixture, 8 digits for the fixture.
//!
//! # What could not be verified
//!
//! - The weights and the remainder of the house code's check are from a preview of the standard.
//! - Its table from remainder to check character could not be obtained. It is data, see
//!   [`CheckTable`]; there is none by default, and without one the check character is not compared.
//!   One sample (remainder 7, check character 3) fits neither GB 11643 nor ISO 7064 MOD 11,10.
//! - That `*` stands only in the year and the unit is concluded from the text, not read in it.
//! - Some cities add two characters for a *logical building*. Such a code gets a length warning.
//! - The letters of the parcel's and the fixture's kinds are from secondary sources.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    domain::reference_file::{self, Edition, Section, Table},
    kernel::violation::Violations,
};

/// Characters of a house code without its check character.
pub const HOUSE_BODY_CHARS: usize = 22;
/// Characters of a house code.
pub const HOUSE_CODE_CHARS: usize = HOUSE_BODY_CHARS + 1;
/// The largest remainder of a house code's check.
const REMAINDER_MAX: u8 = 10;
/// Characters of a real-estate unit code.
pub const REAL_ESTATE_CODE_CHARS: usize = 28;

/// What is odd about a code. Places count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// Another number of characters than the standard has.
    Length {
        /// Characters found.
        found: usize,
        /// Characters of the standard.
        expected: usize,
    },
    /// A character that the standard does not have in this place. The first one only.
    Character {
        /// The place, from 1.
        place: usize,
    },
    /// The check character is not the one that the table gives.
    CheckDigit {
        /// The last character of the code.
        found: char,
        /// The character that the table gives.
        expected: char,
    },
}

impl Warning {
    /// The stable reason.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Length { .. } => "LENGTH",
            Self::Character { .. } => "CHARACTER",
            Self::CheckDigit { .. } => "CHECK_DIGIT",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found, expected } => {
                write!(f, "the code has {found} characters instead of {expected}")
            }
            Self::Character { place } => {
                write!(f, "character {place} of the code is none that may stand there")
            }
            Self::CheckDigit { found, expected } => {
                write!(f, "the check character is {found}, but the table gives {expected}")
            }
        }
    }
}

/// The check character for each remainder 0 to 10: reference data that an operator loads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckTable {
    /// Which edition, and when it holds.
    pub edition: Edition,
    /// By remainder.
    characters: Vec<char>,
}

impl CheckTable {
    /// Reads a table, which has one row for each remainder:
    /// `[[digit]] remainder = 0, check = "…"`. A check character is a digit, a capital letter
    /// or `*`.
    pub fn read(text: &str) -> Result<Self, Violations> {
        reference_file::read(text, Table::HouseCodeCheck, |edition, file, violations| {
            let mut rows = BTreeMap::new();
            for mut row in file.sections("digit", violations) {
                let remainder = row.number("remainder", (0, u32::from(REMAINDER_MAX)), violations);
                let check = read_check(&mut row, violations);
                let path = row.path_of("remainder");
                row.finish(violations);
                let Some(remainder) = remainder else { continue };
                if rows.insert(remainder, check).is_some() {
                    let message = format!("the remainder {remainder} has a row already");
                    violations.add(path, "REPEATED", message);
                }
            }
            for remainder in 0..=u32::from(REMAINDER_MAX) {
                if !rows.contains_key(&remainder) {
                    let message = format!("no row is for the remainder {remainder}");
                    violations.add("digit", "REQUIRED", message);
                }
            }
            Some(Self { edition, characters: rows.into_values().flatten().collect() })
        })
    }

    fn character(&self, remainder: u8) -> Option<char> {
        self.characters.get(usize::from(remainder)).copied()
    }
}

fn read_check(row: &mut Section<'_>, violations: &mut Violations) -> Option<char> {
    let text = row.code("check", violations)?;
    let mut characters = text.chars();
    let character = characters.next().filter(|&first| is_check_character(first));
    let read = character
        .filter(|_| characters.next().is_none())
        .ok_or_else(|| ("MALFORMED", format!("{text:?} is not one digit, capital letter or *")));
    violations.take(&row.path_of("check"), read)
}

/// The remainder of a house code's check: Σ aᵢ · (2^(i+1) mod 11) mod 11 over the first 22
/// characters from the left, where `*` counts 10. `None` when they are not 22 digits or `*`.
pub fn remainder(code: &str) -> Option<u8> {
    let mut weight = 1;
    let mut sum = 0_u32;
    let mut count = 0;
    for character in code.chars().take(HOUSE_BODY_CHARS) {
        let value = if character == '*' { 10 } else { character.to_digit(10)? };
        weight = weight * 2 % 11;
        sum += value * weight;
        count += 1;
    }
    if count == HOUSE_BODY_CHARS { u8::try_from(sum % 11).ok() } else { None }
}

/// Looks a house code over. The check character is compared only when a table is given.
pub fn check(code: &str, table: Option<&CheckTable>) -> Vec<Warning> {
    let mut warnings = shape_warnings(code, HOUSE_CODE_CHARS, |place, character| match place {
        0..9 | 13..17 => character.is_ascii_digit(),
        9..13 | 17..22 => character.is_ascii_digit() || character == '*',
        _ => is_check_character(character),
    });
    if warnings.is_empty()
        && let Some(expected) = table.zip(remainder(code)).and_then(|(t, rest)| t.character(rest))
        && let Some(found) = code.chars().last().filter(|&found| found != expected)
    {
        warnings.push(Warning::CheckDigit { found, expected });
    }
    warnings
}

/// Looks a real-estate unit code over. It has no check character.
pub fn check_real_estate(code: &str) -> Vec<Warning> {
    shape_warnings(code, REAL_ESTATE_CODE_CHARS, |place, character| match place {
        // Ownership: of the state, collective, or not settled.
        12 => "GJZ".contains(character),
        // Use: the land's, and H and G for sea areas and islands.
        13 => "ABSXCDEFWYHG".contains(character),
        // Fixture: building, forest, other, none.
        19 => "FLQW".contains(character),
        _ => character.is_ascii_digit(),
    })
}

fn is_check_character(character: char) -> bool {
    character.is_ascii_digit() || character.is_ascii_uppercase() || character == '*'
}

/// Warns of the length, or else of the first character that may not be where it is.
fn shape_warnings(
    code: &str,
    expected: usize,
    may_stand: impl Fn(usize, char) -> bool,
) -> Vec<Warning> {
    let found = code.chars().count();
    let mut warnings = Vec::new();
    if found != expected {
        warnings.push(Warning::Length { found, expected });
    }
    let odd = code.chars().take(expected).enumerate().find(|&(at, it)| !may_stand(at, it));
    warnings.extend(odd.map(|(at, _)| Warning::Character { place: at + 1 }));
    warnings
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::reference_file::told;

    /// Not the official table, which is unknown: it only agrees with the one sample.
    const TABLE: &str = "A0124573896";

    /// The file of a table that has these check characters in the order of the remainders.
    fn file(characters: &str) -> String {
        let head = r#"
            table = "house_code_check"
            name = "made-up"
            edition = "1"
            standing = "example"
            from = 2013-01-01
            source = "made up: the official table is not known"
        "#;
        let rows = characters.chars().enumerate().map(|(remainder, check)| {
            format!("[[digit]]\nremainder = {remainder}\ncheck = \"{check}\"\n")
        });
        format!("{head}\n{}", rows.collect::<String>())
    }

    fn lines(codes: &[&str], look: impl Fn(&str) -> Vec<Warning>, expected: &Expect) {
        let lines = codes.iter().map(|code| {
            let warnings = look(code).into_iter();
            let warnings = warnings.map(|it| format!("  {}: {it}\n", it.reason()));
            format!("{code}\n{}", warnings.collect::<String>())
        });
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn the_sample_of_the_standard_leaves_the_remainder_7() {
        assert_eq!(remainder("1101010102020010900000"), Some(7));
        assert_eq!(remainder("11010101020200109000003"), Some(7));
        assert_eq!(remainder("110101010202001090000"), None);
        assert_eq!(remainder("11010101020200109a0000"), None);
    }

    #[test]
    fn a_house_code_is_only_warned_about() {
        let table = CheckTable::read(&file(TABLE)).unwrap();
        let codes = [
            "11010101020200109000003",
            "11010101020200109000004",
            "110101010****0109*****3",
            "1101010102020010900000",
            "1101010102020010900000301",
            "1101*101020200109000003",
            "１1010101020200109000003",
            "11010101020200109000x",
            "",
        ];
        lines(
            &codes,
            |code| check(code, Some(&table)),
            &expect![[r"
                11010101020200109000003
                11010101020200109000004
                  CHECK_DIGIT: the check character is 4, but the table gives 3
                110101010****0109*****3
                  CHECK_DIGIT: the check character is 3, but the table gives 6
                1101010102020010900000
                  LENGTH: the code has 22 characters instead of 23
                1101010102020010900000301
                  LENGTH: the code has 25 characters instead of 23
                1101*101020200109000003
                  CHARACTER: character 5 of the code is none that may stand there
                １1010101020200109000003
                  CHARACTER: character 1 of the code is none that may stand there
                11010101020200109000x
                  LENGTH: the code has 21 characters instead of 23
                  CHARACTER: character 21 of the code is none that may stand there

                  LENGTH: the code has 0 characters instead of 23
            "]],
        );
        assert_eq!(check("11010101020200109000004", None), []);
    }

    #[test]
    fn a_real_estate_unit_code_is_only_warned_about() {
        let codes = [
            "110101001001GB00001F00010001",
            "110101001001GB00001W00000000",
            "110101001001JX00001Q00000000",
            "110101001001QB00001F00010001",
            "110101001001GZ00001F00010001",
            "110101001001GB00001B00010001",
            "110101001001gb00001F00010001",
            "110101001001GB00001F000100011",
            "110101001001GB00001F0001",
        ];
        lines(
            &codes,
            check_real_estate,
            &expect![[r"
            110101001001GB00001F00010001
            110101001001GB00001W00000000
            110101001001JX00001Q00000000
            110101001001QB00001F00010001
              CHARACTER: character 13 of the code is none that may stand there
            110101001001GZ00001F00010001
              CHARACTER: character 14 of the code is none that may stand there
            110101001001GB00001B00010001
              CHARACTER: character 20 of the code is none that may stand there
            110101001001gb00001F00010001
              CHARACTER: character 13 of the code is none that may stand there
            110101001001GB00001F000100011
              LENGTH: the code has 29 characters instead of 28
            110101001001GB00001F0001
              LENGTH: the code has 24 characters instead of 28
        "]],
        );
    }

    #[test]
    fn a_table_is_read_from_rows_in_any_order() {
        let table = CheckTable::read(&file(TABLE)).unwrap();
        let mut rows: Vec<String> =
            file(TABLE).split("[[digit]]").map(|row| format!("[[digit]]{row}")).collect();
        let head = rows.remove(0).replace("[[digit]]", "");
        rows.reverse();
        assert_eq!(CheckTable::read(&[head, rows.concat()].concat()).unwrap(), table);
        let checks: String = (0..=REMAINDER_MAX).filter_map(|it| table.character(it)).collect();
        assert_eq!(checks, TABLE);
        assert_eq!(table.edition.standing, reference_file::Standing::Example);
    }

    #[test]
    fn all_that_is_wrong_with_a_table_is_told_at_once() {
        let odd = r#"
            [[digit]]
            remainder = 3
            check = "0"
            [[digit]]
            remainder = 11
            check = "10"
            [[digit]]
            check = ""
            digit = 3
        "#;
        expect![[r#"
            digit[7].check: MALFORMED ("x" is not one digit, capital letter or *)
            digit[9].remainder: REPEATED (the remainder 3 has a row already)
            digit[10].remainder: OUT_OF_RANGE (11 is not within 0 and 10)
            digit[10].check: MALFORMED ("10" is not one digit, capital letter or *)
            digit[11].remainder: REQUIRED (this is missing)
            digit[11].check: EMPTY (the text has no characters)
            digit[11].digit: UNKNOWN_PATH (there is no such field here)
            digit: REQUIRED (no row is for the remainder 9)
            digit: REQUIRED (no row is for the remainder 10)
        "#]]
        .assert_eq(&told(CheckTable::read(&format!("{}{odd}", file("A012457x9")))));
        let other = file(TABLE).replace("house_code_check", "grades");
        expect![[r"
            table: OTHER_TABLE (this is a file of the table grades; one of house_code_check is asked for)
        "]]
        .assert_eq(&told(CheckTable::read(&other)));
    }

    proptest! {
        #[test]
        fn one_wrong_digit_changes_the_remainder(
            code in "[0-9]{22}",
            (place, other) in (0..22_usize, 0..10_u8),
        ) {
            check_one_digit(&code, place, other);
        }

        #[test]
        fn no_text_makes_a_check_panic(code in any::<String>()) {
            let table = CheckTable::read(&file(TABLE)).unwrap();
            let warned = !check(&code, Some(&table)).is_empty();
            prop_assert!(warned || code.len() == HOUSE_CODE_CHARS);
            prop_assert!(!check_real_estate(&code).is_empty() || code.len() == REAL_ESTATE_CODE_CHARS);
        }
    }

    /// Weights are not 0 modulo the prime 11, and digits differ by less than 11.
    fn check_one_digit(code: &str, place: usize, other: u8) {
        let mut bytes = code.to_owned().into_bytes();
        let is_same = bytes[place] == b'0' + other;
        bytes[place] = b'0' + other;
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(remainder(code) == remainder(&changed), is_same);
    }
}
