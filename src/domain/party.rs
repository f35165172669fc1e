//! When two keys name the same party.
//!
//! Parties and companies are named by opaque keys of the systems that have them, and kept as they were
//! said. Wherever a rule asks whether two keys name one party (who repaired and who verifies, whose
//! company a body is), it asks [`are_same`], on this one normal form, and nowhere compares them letter
//! by letter: full-width letters are half-width ones, upper and lower case are one, and blanks and what
//! is not seen do not count. Facts of any age are read so; nothing that is kept changes.

use crate::domain::text::{is_unseen, to_ascii};

/// The one form of all spellings of a key.
pub fn normal(key: &str) -> String {
    let seen = key.chars().filter(|character| !is_unseen(*character)).map(to_ascii);
    let seen = seen.filter(|character| !character.is_whitespace());
    seen.flat_map(char::to_lowercase).collect()
}

/// Whether two keys name one party. A key of nothing names nobody.
pub fn are_same(one: &str, other: &str) -> bool {
    let one = normal(one);
    !one.is_empty() && one == normal(other)
}

#[cfg(test)]
mod tests {
    use super::{are_same, normal};

    #[test]
    fn a_party_is_the_same_in_every_spelling_of_its_key() {
        for spelled in [
            "firm-3",
            "FIRM-3",
            " firm-3 ",
            "ｆｉｒｍ－３",
            "Firm - 3",
            "fi\u{200B}rm-3",
            "firm\u{3000}-3",
        ] {
            assert!(are_same("firm-3", spelled), "{spelled}");
            assert_eq!(normal(spelled), "firm-3");
        }
        for other in ["firm-33", "firm3", "firm_3", ""] {
            assert!(!are_same("firm-3", other), "{other}");
        }
        assert!(!are_same("", " "));
    }
}
