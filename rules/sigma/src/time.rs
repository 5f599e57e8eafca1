//! Parts of a date, in UTC.

/// A part of a point in time that Sigma's time modifiers name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TimePart {
    Minute,
    Hour,
    Day,
    /// Week of ISO 8601.
    Week,
    Month,
    Year,
}

const MICROSECONDS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;

impl TimePart {
    /// This part of a time given in microseconds since 1970.
    pub(crate) fn of(self, time_us: i64) -> i64 {
        let seconds = time_us.div_euclid(MICROSECONDS);
        let days = seconds.div_euclid(DAY_SECONDS);
        let second = seconds.rem_euclid(DAY_SECONDS);
        match self {
            Self::Minute => second / 60 % 60,
            Self::Hour => second / 3600,
            Self::Day => civil(days).2,
            Self::Month => civil(days).1,
            Self::Year => civil(days).0,
            Self::Week => week(days),
        }
    }
}

/// Year, month and day of a day counted from 1970-01-01 (proleptic Gregorian calendar; eras of 400 years from 1 March).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The week that holds the Thursday of this day's week, counted in the Thursday's year.
fn week(days: i64) -> i64 {
    let from_monday = (days + 3).rem_euclid(7);
    let thursday = days - from_monday + 3;
    let (year, _, _) = civil(thursday);
    let mut january_first = thursday;
    while civil(january_first - 1).0 == year {
        january_first -= 1;
    }
    (thursday - january_first) / 7 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_apart() {
        let check = |seconds: i64, expect: [i64; 6]| {
            let parts = [
                TimePart::Year,
                TimePart::Month,
                TimePart::Day,
                TimePart::Hour,
                TimePart::Minute,
                TimePart::Week,
            ];
            assert_eq!(
                parts.map(|part| part.of(seconds * MICROSECONDS)),
                expect,
                "{seconds}"
            );
        };
        check(0, [1970, 1, 1, 0, 0, 1]);
        check(1_709_210_096, [2024, 2, 29, 12, 34, 9]);
        check(1_609_459_199, [2020, 12, 31, 23, 59, 53]);
        check(1_609_459_200, [2021, 1, 1, 0, 0, 53]);
        check(-1, [1969, 12, 31, 23, 59, 1]);
    }
}
