//! Who is calling: the credential's subject, the person vouched for, the role and the reach.
//!
//! Subjects, institutions and persons are opaque keys that end up in entries, which are kept for
//! ever: so they are short, plain ASCII, and never look like a phone or identity number. No key can
//! hold a Chinese name; that a key is not a name in Latin letters is left to whoever issues it.

use std::collections::BTreeSet;

use crate::auth::role::Role;
use crate::kernel::id::RegionId;

/// Bytes of an opaque key.
pub const KEY_BYTES_MAX: usize = 64;

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The credential's subject.
    pub subject: String,
    /// The person that the calling system vouches for. Four-eyes rules compare it.
    pub person: Option<String>,
    /// What the credential is for.
    pub role: Role,
    /// The institution that holds the credential.
    pub institution: Option<String>,
    /// How far the credential reaches.
    pub reach: Reach,
}

/// How far a credential reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Where in the tree.
    pub regions: Regions,
    /// On behalf of which institutions, beside the holder's own.
    pub institutions: BTreeSet<String>,
}

/// Where in the tree a credential reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Regions {
    /// Everywhere.
    All,
    /// These regions and all below them, by the tree of now. May be empty: nowhere.
    List(BTreeSet<RegionId>),
}

/// Why a text is not an opaque key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Empty, too long or with other characters.
    #[error(
        "a key is 1 to 64 of the characters a-z A-Z 0-9 . _ : -, and begins with a letter or digit"
    )]
    Form,
    /// It has the shape of a phone or identity number.
    #[error(
        "this looks like a phone or identity number; give the key that the system issued for the person"
    )]
    Personal,
}

/// Whether `text` can be an opaque key.
pub fn check_key(text: &str) -> Result<(), BadKey> {
    let begins_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if !begins_well || text.len() > KEY_BYTES_MAX || !text.bytes().all(plain) {
        return Err(BadKey::Form);
    }
    if looks_personal(text) { Err(BadKey::Personal) } else { Ok(()) }
}

/// A mobile number (11 digits that begin with 1) or an identity number (GB 11643: 17 digits and a
/// digit or X; formerly 15 digits), whatever marks stand between the digits.
fn looks_personal(text: &str) -> bool {
    let bare: Vec<u8> = text.bytes().filter(|byte| !b"._:-".contains(byte)).collect();
    let digit_count = bare.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match bare.get(digit_count..) {
        Some([]) => digit_count == 18 || digit_count == 15 || is_mobile(&bare),
        Some([b'X' | b'x']) => digit_count == 17,
        _ => false,
    }
}

fn is_mobile(digits: &[u8]) -> bool {
    matches!(digits, [b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_plain_and_short() {
        for good in ["a", "bureau-desk.3", "p:83f2_00", "2024-00017", &"x".repeat(64)] {
            assert_eq!(check_key(good), Ok(()), "{good}");
        }
        for bad in ["", "-a", "a b", "张三", "a/b", "a\"", "a\n", &"x".repeat(65)] {
            assert_eq!(check_key(bad), Err(BadKey::Form), "{bad:?}");
        }
    }

    #[test]
    fn a_key_is_no_phone_or_identity_number() {
        for bad in [
            "13800138000",
            "138-0013-8000",
            "11010519491231002X",
            "110105194912310021",
            "110105491231002",
        ] {
            assert_eq!(check_key(bad), Err(BadKey::Personal), "{bad}");
        }
        for good in ["12800138000", "23800138000", "1380013800", "110105194912310021a"] {
            assert_eq!(check_key(good), Ok(()), "{good}");
        }
    }
}
