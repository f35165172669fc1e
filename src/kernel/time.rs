//! Days and stamps: what was true when, and what was known when.
//!
//! A *day* is a civil day in China and says when something holds in the world. A *stamp* is a
//! moment of the registry's own clock, in microseconds, and says when the registry learned of it.
//! The two never mix. A day may be imprecise ("the 1980s", "before 1986", unknown) and is kept as
//! it was said: it is never turned into the first of January.

use std::{fmt, str::FromStr, sync::Mutex};

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::kernel::position::Seq;

/// Days from 0000-03-01 to 1970-01-01.
const FROM_MARCH_OF_YEAR_0: i32 = 719_468;
const DAYS_OF_100_YEARS: i32 = 36_524;
const DAYS_OF_400_YEARS: i32 = 146_097;

/// A civil day, as the number of days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Day(i32);

impl Day {
    /// 0001-01-01, the first day that can be written. Stands for "as far back as can be".
    pub const MIN: Self = Self(-719_162);
    /// 9999-12-30, the last day that can be written.
    pub const MAX: Self = Self(2_932_895);

    /// `None` for a day that no calendar of ours has.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        civil::Date::new(year, month, day).ok().and_then(Self::from_date)
    }

    /// `None` outside [`Day::MIN`] … [`Day::MAX`].
    pub fn from_number(number: i32) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&number).then_some(Self(number))
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The day after, or the last day.
    pub fn next(self) -> Self {
        Self((self.0 + 1).min(Self::MAX.0))
    }

    /// So many days later, or the last day.
    pub fn later(self, days: u32) -> Self {
        let number = i32::try_from(days).ok().and_then(|days| self.0.checked_add(days));
        number.and_then(Self::from_number).unwrap_or(Self::MAX)
    }

    /// The day before, or the first day.
    pub fn previous(self) -> Self {
        Self((self.0 - 1).max(Self::MIN.0))
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.month().year
    }

    /// The month it lies in.
    ///
    /// By arithmetic, since due days are found by many of these: a year that begins in March has
    /// its leap day at its end, and 400 years are always of one length.
    pub fn month(self) -> Month {
        let day = self.0 + FROM_MARCH_OF_YEAR_0;
        let (era, day) = (day.div_euclid(DAYS_OF_400_YEARS), day.rem_euclid(DAYS_OF_400_YEARS));
        let leaps = day / (4 * 365) - day / DAYS_OF_100_YEARS + day / (DAYS_OF_400_YEARS - 1);
        let year = (day - leaps) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        // March to July and August to December have 153 days each.
        let month = (5 * day + 2) / 153;
        let number = 12 * (400 * era + year) + month + 2;
        u32::try_from(number).ok().and_then(Month::from_number).unwrap_or(Month::FIRST)
    }

    /// Four bytes whose order is the order of days.
    pub const fn to_bytes(self) -> [u8; 4] {
        (self.0.cast_unsigned() ^ 0x8000_0000).to_be_bytes()
    }

    /// The inverse of [`Day::to_bytes`].
    pub fn from_bytes(bytes: [u8; 4]) -> Option<Self> {
        Self::from_number((u32::from_be_bytes(bytes) ^ 0x8000_0000).cast_signed())
    }

    fn date(self) -> civil::Date {
        civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(i64::from(self.0)))
    }

    fn from_date(date: civil::Date) -> Option<Self> {
        let span = date.since(civil::date(1970, 1, 1)).ok()?;
        Self::from_number(span.get_days())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text that is not a day, with what one looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDay {
    /// Not a day at all.
    #[error("a day is written as 2024-07-01")]
    Day,
    /// Not an imprecise day either.
    #[error(
        "a day that may be imprecise is written as 2024-07-01, 2024-07, 2024, 1980s, <1986, \
         1983..1985, or unknown"
    )]
    Imprecise,
}

impl FromStr for Day {
    type Err = BadDay;

    fn from_str(text: &str) -> Result<Self, BadDay> {
        let (year, rest) = text.split_once('-').ok_or(BadDay::Day)?;
        let (month, day) = rest.split_once('-').ok_or(BadDay::Day)?;
        if (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return Err(BadDay::Day);
        }
        let number = |digits: &str| {
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i16>().ok())
        };
        match (number(year).flatten(), number(month).flatten(), number(day).flatten()) {
            (Some(year), Some(month), Some(day)) => {
                let (month, day) = (month.try_into(), day.try_into());
                match (month, day) {
                    (Ok(month), Ok(day)) => Self::from_ymd(year, month, day).ok_or(BadDay::Day),
                    _ => Err(BadDay::Day),
                }
            }
            _ => Err(BadDay::Day),
        }
    }
}

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Month {
    /// The year, 1 to 9999.
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
}

impl Month {
    /// The first that can be written.
    const FIRST: Self = Self { year: 1, month: 1 };

    /// The first day.
    pub fn first(self) -> Day {
        let (year, month) = (i32::from(self.year), i32::from(self.month));
        let is_before_march = month < 3;
        let (year, month) = if is_before_march { (year - 1, month + 9) } else { (year, month - 3) };
        let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5;
        Day::from_number(days - FROM_MARCH_OF_YEAR_0).unwrap_or(Day::MIN)
    }

    /// The last day.
    pub fn last(self) -> Day {
        if self == (Self { year: 9999, month: 12 }) {
            Day::MAX
        } else {
            self.next().first().previous()
        }
    }

    /// The month after.
    pub fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year.saturating_add(1), month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }

    /// Months since year 0: their order is the order of months.
    pub fn number(self) -> u32 {
        u32::from(self.year.unsigned_abs()) * 12 + u32::from(self.month.unsigned_abs()) - 1
    }

    /// The inverse of [`Month::number`].
    pub fn from_number(number: u32) -> Option<Self> {
        let year = i16::try_from(number / 12).ok().filter(|year| (1..=9999).contains(year))?;
        Some(Self { year, month: i8::try_from(number % 12).ok()? + 1 })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// A day that may be known only roughly: any day of a span, ends included.
///
/// It is written as it was said: `2024-07-01`, `2024-07`, `2024`, `1980s`, `<1986`,
/// `1983..1985`, `unknown`. Equality is that of the span.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ImpreciseDay {
    earliest: Day,
    latest: Day,
}

impl ImpreciseDay {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { earliest: Day::MIN, latest: Day::MAX };

    /// `None` when the span ends before it begins.
    pub fn new(earliest: Day, latest: Day) -> Option<Self> {
        (earliest <= latest).then_some(Self { earliest, latest })
    }

    /// A day that is known.
    pub const fn exactly(day: Day) -> Self {
        Self { earliest: day, latest: day }
    }

    /// Some day up to and including `day`.
    pub const fn up_to(day: Day) -> Self {
        Self { earliest: Day::MIN, latest: day }
    }

    /// The first day it can mean.
    pub const fn earliest(self) -> Day {
        self.earliest
    }

    /// The last day it can mean.
    pub const fn latest(self) -> Day {
        self.latest
    }

    /// The day, when it is known.
    pub fn exact(self) -> Option<Day> {
        (self.earliest == self.latest).then_some(self.earliest)
    }

    /// Whether it lies on or before `day`.
    pub fn on_or_before(self, day: Day) -> Answer {
        if self.latest <= day {
            Answer::Yes
        } else if self.earliest > day {
            Answer::No
        } else {
            Answer::Unknown
        }
    }

    /// The decade, as its first year, when the whole span lies in one.
    pub fn decade(self) -> Option<i16> {
        let [first, last] = [self.earliest, self.latest].map(|day| day.year() / 10 * 10);
        (first == last).then_some(first)
    }

    fn year_of(text: &str) -> Option<i16> {
        (text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse().ok())
            .flatten()
            .filter(|year| *year >= 1)
    }

    fn of_years(first: i16, last: i16) -> Option<Self> {
        Self::new(Day::from_ymd(first, 1, 1)?, Month { year: last, month: 12 }.last())
    }

    fn read(text: &str) -> Option<Self> {
        if text == "unknown" {
            return Some(Self::UNKNOWN);
        }
        if let Some((first, last)) = text.split_once("..") {
            return Self::new(Self::read(first)?.earliest, Self::read(last)?.latest);
        }
        if let Some(bound) = text.strip_prefix('<') {
            let bound = Self::read(bound).filter(|bound| bound.earliest > Day::MIN)?;
            return Some(Self::up_to(bound.earliest.previous()));
        }
        if let Some(decade) = text.strip_suffix('s').and_then(Self::year_of) {
            return (decade % 10 == 0).then(|| Self::of_years(decade, decade + 9)).flatten();
        }
        if let Some(year) = Self::year_of(text) {
            return Self::of_years(year, year);
        }
        if let Some((year, month)) = text.split_once('-')
            && !month.contains('-')
        {
            let month = (month.len() == 2).then(|| month.parse::<i8>().ok()).flatten()?;
            let month = Month { year: Self::year_of(year)?, month };
            return (1..=12)
                .contains(&month.month)
                .then(|| Self::new(month.first(), month.last()))
                .flatten();
        }
        text.parse().ok().map(Self::exactly)
    }
}

impl FromStr for ImpreciseDay {
    type Err = BadDay;

    fn from_str(text: &str) -> Result<Self, BadDay> {
        Self::read(text).ok_or(BadDay::Imprecise)
    }
}

impl fmt::Display for ImpreciseDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (earliest, latest) = (self.earliest, self.latest);
        let (first, last) = (earliest.year(), latest.year());
        if earliest == latest {
            write!(f, "{earliest}")
        } else if *self == Self::UNKNOWN {
            f.write_str("unknown")
        } else if earliest == Day::MIN {
            let bound = latest.next();
            if Self::of_years(bound.year(), bound.year()).is_some_and(|y| y.earliest == bound) {
                write!(f, "<{:04}", bound.year())
            } else {
                write!(f, "<{bound}")
            }
        } else if Self::of_years(first, last) == Some(*self) {
            if first == last {
                write!(f, "{first:04}")
            } else if first % 10 == 0 && last == first + 9 {
                write!(f, "{first:04}s")
            } else {
                write!(f, "{first:04}..{last:04}")
            }
        } else if earliest.month().first() == earliest && earliest.month().last() == latest {
            write!(f, "{}", earliest.month())
        } else {
            write!(f, "{earliest}..{latest}")
        }
    }
}

impl fmt::Debug for ImpreciseDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// An answer that may be unknown, and then stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Certainly.
    Yes,
    /// Certainly not.
    No,
    /// It cannot be said from what is known.
    Unknown,
}

/// A moment of the registry's clock: microseconds since 1970. Strictly increasing in a partition.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
pub struct Stamp(i64);

impl Stamp {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The civil day in China (Asia/Shanghai, with its summer times of 1986 to 1991).
    pub fn day(self) -> Day {
        // Since 1991 the offset is +08:00; the zone's rules are asked only for what is older.
        const SHANGHAI_FIXED_SINCE: i64 = 694_224_000_000_000; // 1992-01-01T00:00:00Z
        const OFFSET: i64 = 8 * 3_600_000_000;
        const DAY: i64 = 86_400_000_000;
        if self.0 >= SHANGHAI_FIXED_SINCE {
            let number = (self.0 + OFFSET).div_euclid(DAY);
            return i32::try_from(number).ok().and_then(Day::from_number).unwrap_or(Day::MAX);
        }
        let zone = TimeZone::get("Asia/Shanghai").unwrap_or(TimeZone::UTC);
        Timestamp::from_microsecond(self.0)
            .ok()
            .and_then(|moment| Day::from_date(moment.to_zoned(zone).date()))
            .unwrap_or(Day::MIN)
    }

    /// Eight bytes whose order is the order of stamps after 1970.
    pub const fn to_bytes(self) -> [u8; 8] {
        (self.0.cast_unsigned() ^ (1 << 63)).to_be_bytes()
    }

    /// The inverse of [`Stamp::to_bytes`].
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self((u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed())
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(f, "{moment}"),
            Err(_) => write!(f, "{}µs", self.0),
        }
    }
}

impl FromStr for Stamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<Timestamp>().map(|moment| Self(moment.as_microsecond()))
    }
}

/// Up to when the registry's knowledge counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownAt {
    /// All that is known now.
    Now,
    /// All that was stamped at or before this moment.
    Stamp(Stamp),
    /// All entries of the partition up to and including this number.
    Seq(Seq),
}

/// The two times of a read. Both default to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadTime {
    /// The day in the world; `None` for today.
    pub valid_at: Option<Day>,
    /// The registry's knowledge.
    pub known_at: KnownAt,
}

impl ReadTime {
    /// Today, with all that is known.
    pub const NOW: Self = Self { valid_at: None, known_at: KnownAt::Now };
}

/// What the writers ask for the time.
pub trait Clock: Send + Sync {
    /// The moment now.
    fn now(&self) -> Stamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that may ask")]
    fn now(&self) -> Stamp {
        Stamp(Timestamp::now().as_microsecond())
    }
}

/// A clock that stands still until it is set: for tests, replays and made-up data.
#[derive(Debug)]
pub struct ManualClock(Mutex<Stamp>);

impl ManualClock {
    /// A clock that shows `stamp`.
    pub const fn new(stamp: Stamp) -> Self {
        Self(Mutex::new(stamp))
    }

    /// Shows `stamp` from now on.
    pub fn set(&self, stamp: Stamp) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = stamp;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Stamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_and_last_day_are_what_they_say() {
        assert_eq!(Day::from_ymd(1, 1, 1), Some(Day::MIN));
        assert_eq!(Day::from_ymd(9999, 12, 30), Some(Day::MAX));
        assert_eq!(Day::MIN.to_string(), "0001-01-01");
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let all = (Month::FIRST.number()..).map_while(Month::from_number);
        for month in all.skip(1).take(9_998 * 12) {
            let first = civil::date(month.year, month.month, 1);
            assert_eq!(Some(month.first()), Day::from_date(first), "{month}");
            assert_eq!(Some(month.last()), Day::from_date(first.last_of_month()), "{month}");
            for day in [month.first(), month.last()] {
                assert_eq!(day.month(), month, "{day}");
            }
        }
        // Every day of the 400 years after which all repeats itself.
        for number in 0..DAYS_OF_400_YEARS {
            let day = Day(number);
            let date = day.date();
            assert_eq!(day.month(), Month { year: date.year(), month: date.month() }, "{day}");
        }
    }

    #[test]
    fn an_imprecise_day_is_written_as_it_was_said() {
        let said = [
            "2024-07-01",
            "2024-07",
            "2024",
            "1980s",
            "<1986",
            "<1986-03-02",
            "1983..1985",
            "1983-05-02..1985-01-01",
            "unknown",
        ];
        for text in said {
            assert_eq!(text.parse::<ImpreciseDay>().unwrap().to_string(), text);
        }
        for text in ["", "0000", "1985s", "2024-13", "2024-02-30", "<", "..", "85", "1990..1980"] {
            assert_eq!(text.parse::<ImpreciseDay>(), Err(BadDay::Imprecise), "{text}");
        }
    }

    #[test]
    fn built_by_the_end_of_2000_is_answered_yes_no_or_unknown() {
        let end_of_2000 = Day::from_ymd(2000, 12, 31).unwrap();
        let by = |text: &str| text.parse::<ImpreciseDay>().unwrap().on_or_before(end_of_2000);
        assert_eq!(by("1980s"), Answer::Yes);
        assert_eq!(by("<1985"), Answer::Yes);
        assert_eq!(by("2001"), Answer::No);
        assert_eq!(by("1998..2003"), Answer::Unknown);
        assert_eq!(by("unknown"), Answer::Unknown);
    }

    #[test]
    fn a_stamp_lies_on_the_day_of_shanghai() {
        let day = |text: &str| text.parse::<Stamp>().unwrap().day().to_string();
        assert_eq!(day("2026-11-23T15:59:59.999999Z"), "2026-11-23");
        assert_eq!(day("2026-11-23T16:00:00Z"), "2026-11-24");
        // Summer time of 1988: +09:00.
        assert_eq!(day("1988-07-01T15:00:00Z"), "1988-07-02");
    }

    proptest! {
        #[test]
        fn days_keep_their_order_in_bytes_and_text(a in Day::MIN.0..=Day::MAX.0, b in Day::MIN.0..=Day::MAX.0) {
            let [a, b] = [Day(a), Day(b)];
            prop_assert_eq!(a.cmp(&b), a.to_bytes().cmp(&b.to_bytes()));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(Day::from_bytes(a.to_bytes()), Some(a));
            prop_assert_eq!(a.to_string().parse::<Day>(), Ok(a));
            prop_assert!(a.month().first() <= a && a <= a.month().last());
            prop_assert_eq!(Month::from_number(a.month().number()), Some(a.month()));
        }

        #[test]
        fn every_span_reads_back(a in Day::MIN.0..=Day::MAX.0, length in 0..100_000_i32) {
            let span = ImpreciseDay { earliest: Day(a), latest: Day((a + length).min(Day::MAX.0)) };
            prop_assert_eq!(span.to_string().parse::<ImpreciseDay>(), Ok(span));
        }
    }
}
