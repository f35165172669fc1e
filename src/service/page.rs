//! Pages on the wire: sizes and tokens.
//!
//! A token is bound to the question that it came with: with another question it is refused, instead
//! of going on in the middle of something else.

use prost::Message;

use crate::{
    kernel::{
        hash::Hash,
        limit,
        page::{Page, PageRequest},
        violation::Violations,
    },
    proto::v1,
    service::{Way, common},
};

/// Bytes of a token that bind it to its question.
const BINDING_BYTES: usize = 8;
/// Characters of a token.
const TOKEN_CHARS_MAX: usize = 4_096;

/// The question that pages answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question([u8; BINDING_BYTES]);

impl Question {
    /// What is asked: the call, the message without its page and context, and the times of the read.
    pub(crate) fn new<M: Message>(way: &Way, asked: &M, context: Option<&v1::ReadContext>) -> Self {
        let time = context.and_then(|context| context.read_time.clone()).unwrap_or_default();
        Self::of(way.caller.rpc, &asked.encode_to_vec(), &time.encode_to_vec())
    }

    fn of(rpc: &str, asked: &[u8], time: &[u8]) -> Self {
        let length = u64::try_from(asked.len()).unwrap_or(u64::MAX).to_be_bytes();
        let Hash(hash) = Hash::of(&[b"page", rpc.as_bytes(), &[0], &length, asked, time]);
        let mut binding = [0; BINDING_BYTES];
        for (to, from) in binding.iter_mut().zip(hash) {
            *to = from;
        }
        Self(binding)
    }

    /// Reads a page's size and token.
    pub(crate) fn page(
        self,
        violations: &mut Violations,
        page_size: i32,
        page_token: &str,
    ) -> PageRequest {
        let rows = match u32::try_from(page_size) {
            Ok(0) => limit::PAGE_ROWS_DEFAULT,
            Ok(rows) => rows.min(limit::PAGE_ROWS_MAX),
            Err(_) => {
                violations.add("page_size", "OUT_OF_RANGE", "a page size is not negative");
                limit::PAGE_ROWS_DEFAULT
            }
        };
        let after = if page_token.is_empty() {
            Vec::new()
        } else {
            violations.take("page_token", self.read(page_token)).unwrap_or_default()
        };
        PageRequest { rows: usize::try_from(rows).unwrap_or(usize::MAX), after }
    }

    fn read(self, token: &str) -> Result<Vec<u8>, (&'static str, String)> {
        let malformed = || ("MALFORMED", "a page token is handed back as it was given".to_owned());
        let bytes = from_hex(token).ok_or_else(malformed)?;
        let (binding, after) = bytes.split_at_checked(BINDING_BYTES).ok_or_else(malformed)?;
        if binding != self.0 {
            let message = "this page token belongs to another question; ask for the first page";
            return Err(("PAGE_TOKEN_FOREIGN", message.to_owned()));
        }
        if after.is_empty() { Err(malformed()) } else { Ok(after.to_vec()) }
    }

    /// The token of the next page; empty on the last.
    pub(crate) fn token<T>(self, page: &Page<T>) -> String {
        page.next
            .as_ref()
            .map_or_else(String::new, |next| common::hex(&[&self.0, next.as_slice()].concat()))
    }
}

/// Whether a read names a day or a moment, so that it is not one of now.
pub(crate) fn is_of_another_time(context: Option<&v1::ReadContext>) -> bool {
    let time = context.and_then(|context| context.read_time.as_ref());
    time.is_some_and(|time| *time != v1::ReadTime::default())
}

/// Checks the order asked for: lists are in the order of ids.
pub(crate) fn check_order(
    violations: &mut Violations,
    order_by: &str,
    context: Option<&v1::ReadContext>,
) {
    if order_by.is_empty() || order_by == "id" {
        return;
    }
    if is_of_another_time(context) {
        violations.add("order_by", "ORDER_ONLY_NOW", "a past list is served in the order of ids");
    } else {
        violations.add("order_by", "ORDER_UNKNOWN", "lists are served in the order of ids");
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || digits.len() > TOKEN_CHARS_MAX {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trips(asked: &[u8], next: Vec<u8>) {
        let question = Question::of("rpc", asked, b"");
        let page = Page::<()> { rows: vec![], next: Some(next.clone()) };
        let token = question.token(&page);
        let mut violations = Violations::default();
        assert_eq!(question.page(&mut violations, 7, &token), PageRequest { rows: 7, after: next });
        assert!(violations.is_empty());
        for other in [
            Question::of("rpd", asked, b""),
            Question::of("rpc", &[asked, b"x"].concat(), b""),
            Question::of("rpc", asked, b"x"),
        ] {
            let mut violations = Violations::default();
            other.page(&mut violations, 7, &token);
            let reasons: Vec<_> = violations.list().iter().map(|one| one.reason).collect();
            assert_eq!(reasons, ["PAGE_TOKEN_FOREIGN"]);
        }
    }

    proptest! {
        #[test]
        fn a_token_is_read_with_its_question_and_no_other(
            asked in proptest::collection::vec(any::<u8>(), 0..20),
            next in proptest::collection::vec(any::<u8>(), 1..60),
        ) {
            round_trips(&asked, next);
        }

        #[test]
        fn no_text_is_a_token_by_chance(text: String) {
            let mut violations = Violations::default();
            let page = Question::of("rpc", b"", b"").page(&mut violations, 0, &text);
            prop_assert_eq!(page.after.len(), 0);
            prop_assert_eq!(violations.is_empty(), text.is_empty());
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let question = Question::of("rpc", b"", b"");
        let rows = [0, 1, 1_000, 5_000, -1].map(|size| {
            let mut violations = Violations::default();
            (question.page(&mut violations, size, "").rows, violations.list().len())
        });
        assert_eq!(rows, [(50, 0), (1, 0), (1_000, 0), (1_000, 0), (50, 1)]);
    }
}
