//! Days of the calendar, as laws and appointments count them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};

/// A day in Vietnam (UTC+7 all year), written as in `2025-07-01`; from year 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// The day of a year, month and day of the month; `None` when the calendar has none such.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        let date = Date::new(year, month, day).ok()?;
        (date.year() > 0).then_some(Self(date))
    }

    /// The day in Vietnam at `us`, microseconds since 1970 in UTC; `None` outside the years 1 to 9999.
    pub fn of_us(us: i64) -> Option<Self> {
        let at = Timestamp::from_microsecond(us).ok()?;
        let date = Offset::constant(7).to_datetime(at).date();
        (date.year() > 0).then_some(Self(date))
    }

    /// The day before; `None` before the first.
    pub fn before(self) -> Option<Self> {
        let date = self.0.checked_sub(1.day()).ok()?;
        (date.year() > 0).then_some(Self(date))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:04}-{:02}-{:02}",
            self.0.year(),
            self.0.month(),
            self.0.day()
        )
    }
}

/// What is not written as a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a day as in 2025-07-01")]
pub struct NotADay;

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        let mut parts = text.splitn(3, '-');
        let mut number = |digits: usize| {
            let part = parts.next()?;
            let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse::<i16>().ok()).flatten()
        };
        let (year, month, day) = (number(4), number(2), number(2));
        let of = |part: Option<i16>| part.and_then(|part| i8::try_from(part).ok()).ok_or(NotADay);
        Self::new(year.ok_or(NotADay)?, of(month)?, of(day)?).ok_or(NotADay)
    }
}

/// From a day on, and until another on which it is over; `None` is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Span {
    /// First day; `None`: since before any day that counts.
    pub from: Option<Day>,
    /// First day after the last; `None`: no end is known.
    pub until: Option<Day>,
}

impl Span {
    /// Whether `day` is within.
    pub fn holds(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }

    /// Whether there is no day within.
    pub fn is_empty(&self) -> bool {
        matches!((self.from, self.until), (Some(from), Some(until)) if until <= from)
    }

    /// Whether no day from `day` on is within: it has ended, or never was.
    pub fn is_over(&self, day: Day) -> bool {
        self.is_empty() || self.until.is_some_and(|until| until <= day)
    }

    /// Whether some day is within both.
    pub fn meets(&self, other: &Self) -> bool {
        let starts_before_end = |one: &Self, two: &Self| match (one.from, two.until) {
            (Some(from), Some(until)) => from < until,
            _ => true,
        };
        starts_before_end(self, other) && starts_before_end(other, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_they_are_written() {
        for good in ["2025-07-01", "0001-01-01", "9999-12-31", "2024-02-29"] {
            assert_eq!(good.parse::<Day>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "2025-7-01",
            "2025-02-29",
            "2025-13-01",
            "0000-01-01",
            "2025-07-01 ",
            "+025-07-01",
            "2025-07-1x",
            "2025-07",
            "25-07-01",
            "2025-07-01-01",
        ] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_day_changes_at_midnight_in_vietnam() {
        let midnight_us = 1_751_302_800_000_000; // 2025-06-30T17:00:00Z
        assert_eq!(Day::of_us(midnight_us).unwrap().to_string(), "2025-07-01");
        assert_eq!(Day::of_us(midnight_us - 1).unwrap().to_string(), "2025-06-30");
        assert_eq!(Day::of_us(i64::MAX), None);
        assert_eq!(Day::of_us(i64::MIN), None);
    }

    #[test]
    fn a_span_ends_before_its_until() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let span = Span {
            from: Some(day("2025-03-01")),
            until: Some(day("2025-07-01")),
        };
        assert!(span.holds(day("2025-03-01")) && span.holds(day("2025-06-30")));
        assert!(!span.holds(day("2025-02-28")) && !span.holds(day("2025-07-01")));
        let next = Span {
            from: span.until,
            until: None,
        };
        assert!(!span.meets(&next) && span.meets(&span) && span.meets(&Span::default()));
        assert_eq!(day("2025-07-01").before(), Some(day("2025-06-30")));
    }
}
