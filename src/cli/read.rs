//! The two times of a read as flags: `--valid-at` and `--known-at`.
//!
//! A day given for knowledge means its end in China: "as known on 1 July" includes what was entered
//! that afternoon.

use std::str::FromStr;

use clap::Args;
use prost_types::Timestamp;

use crate::{
    kernel::{
        position::{Position, Seq},
        time::{Day, Stamp},
    },
    proto::v1,
};

const DAY_US: i64 = 86_400_000_000;
const HOUR_US: i64 = 3_600_000_000;
/// The offset of China's clocks.
const CHINA_OFFSET_US: i64 = 8 * HOUR_US;

/// Which day and which knowledge to read.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Reading the past")]
pub struct ReadArgs {
    /// As it was in the world on this day, for example 2024-07-01. Default: today in China.
    #[arg(long, value_name = "DAY")]
    pub valid_at: Option<Day>,
    /// As the registry knew it: an entry's number, a moment (2024-07-01T12:00:00Z), or a day
    /// (its end in China). Default: all that is known now.
    #[arg(long, value_name = "STAMP|SEQ")]
    pub known_at: Option<Knowledge>,
    /// With at least this write: the commit token that it answered.
    #[arg(long, value_name = "PARTITION:SEQ")]
    pub min_commit: Option<Position>,
}

/// Up to when the registry's knowledge counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// An entry of the subject's partition.
    Seq(Seq),
    /// A moment.
    Stamp(Stamp),
}

impl FromStr for Knowledge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            let seq = text.parse().map_err(|_| format!("{text} is too large for an entry"))?;
            return Ok(Self::Seq(seq));
        }
        moment(text)
            .map(Self::Stamp)
            .map_err(|sentence| format!("an entry's number (42), {sentence}"))
    }
}

/// Reads a moment; a day means its end in China.
pub fn moment(text: &str) -> Result<Stamp, &'static str> {
    if let Ok(day) = text.parse::<Day>() {
        return Ok(end_of(day));
    }
    text.parse().map_err(|_| "a moment (2024-07-01T12:00:00+08:00) or a day (2024-07-01)")
}

impl ReadArgs {
    /// The part of a request that says what to read.
    pub fn context(&self) -> v1::ReadContext {
        let (known_at, known_at_seq) = match self.known_at {
            None => (None, None),
            Some(Knowledge::Stamp(stamp)) => (Some(timestamp(stamp)), None),
            Some(Knowledge::Seq(seq)) => (None, Some(seq)),
        };
        let valid_at = self.valid_at.map(|day| day.to_string()).unwrap_or_default();
        let says_when = known_at.is_some() || known_at_seq.is_some() || !valid_at.is_empty();
        v1::ReadContext {
            read_time: says_when.then_some(v1::ReadTime { valid_at, known_at, known_at_seq }),
            min_commit: token_text(self.min_commit),
        }
    }

    /// Whether nothing but now is asked for.
    pub fn is_now(&self) -> bool {
        self.valid_at.is_none() && self.known_at.is_none()
    }

    /// The same for a partition that is not known yet: by all that is known now, when knowledge is
    /// given as an entry's number.
    pub fn without_number(&self) -> Self {
        let known_at = self.known_at.filter(|known| matches!(known, Knowledge::Stamp(_)));
        Self { known_at, ..self.clone() }
    }
}

/// A commit token as the API has it; empty when none is given.
pub fn token_text(token: Option<Position>) -> String {
    token.map(|position| position.to_string()).unwrap_or_default()
}

/// The last microsecond of a day in China.
fn end_of(day: Day) -> Stamp {
    let midnight_us = (i64::from(day.number()) + 1) * DAY_US - CHINA_OFFSET_US;
    let end = Stamp::from_micros(midnight_us - 1);
    // In the summers of 1986 to 1991 clocks were an hour ahead.
    if end.day() == day { end } else { Stamp::from_micros(midnight_us - HOUR_US - 1) }
}

/// A stamp as the API has it.
pub fn timestamp(stamp: Stamp) -> Timestamp {
    let micros = stamp.micros();
    let nanos = micros.rem_euclid(1_000_000) * 1_000;
    Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

/// The inverse of [`timestamp`].
pub fn stamp(timestamp: &Timestamp) -> Stamp {
    let micros = timestamp.seconds.saturating_mul(1_000_000);
    Stamp::from_micros(micros.saturating_add(i64::from(timestamp.nanos / 1_000)))
}

/// A moment for people, by China's clocks to the second: `2024-07-01 20:00:00`.
pub fn clock_text(timestamp: Option<&Timestamp>) -> String {
    let Some(timestamp) = timestamp else { return String::new() };
    let seconds = timestamp.seconds.saturating_mul(1_000_000);
    let local = Stamp::from_micros(seconds.saturating_add(CHINA_OFFSET_US));
    local.to_string().trim_end_matches('Z').replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Knowledge {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_of_knowledge_ends_at_midnight_in_china() {
        let stamp = |text: &str| Knowledge::Stamp(text.parse().unwrap());
        assert_eq!(known("2024-07-01"), stamp("2024-07-01T15:59:59.999999Z"));
        assert_eq!(known("1988-07-01"), stamp("1988-07-01T14:59:59.999999Z"));
        assert_eq!(known("2024-07-01T12:00:00+08:00"), stamp("2024-07-01T04:00:00Z"));
        assert_eq!(known("42"), Knowledge::Seq(42));
        for text in ["", "yesterday", "2024-07", "99999999999999999999", "-1"] {
            assert!(text.parse::<Knowledge>().is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_given_reads_now() {
        assert_eq!(ReadArgs::default().context(), v1::ReadContext::default());
    }

    #[test]
    fn moments_are_shown_by_the_clocks_of_china() {
        let moment = "2024-06-30T16:00:05.123456Z".parse().unwrap();
        assert_eq!(stamp(&timestamp(moment)), moment);
        assert_eq!(clock_text(Some(&timestamp(moment))), "2024-07-01 00:00:05");
        let before_1970 = Stamp::from_micros(-1);
        assert_eq!(stamp(&timestamp(before_1970)), before_1970);
    }
}
