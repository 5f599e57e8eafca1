//! Times on the wire: RFC 3339, UTC; inside, microseconds since 1970.

use jiff::Timestamp;

/// RFC 3339 of microseconds; a time outside the calendar becomes its nearest end.
pub(crate) fn to_text(us: i64) -> String {
    let end = if us < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(us).unwrap_or(end).to_string()
}

/// Microseconds of RFC 3339.
pub(crate) fn from_text(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

/// Now.
pub(crate) fn now_us() -> i64 {
    Timestamp::now().as_microsecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_and_come_back() {
        for us in [0, 1, -1, 1_767_225_600_000_000] {
            assert_eq!(from_text(&to_text(us)), Some(us));
        }
        assert_eq!(to_text(1_767_225_600_000_000), "2026-01-01T00:00:00Z");
        assert!(to_text(i64::MAX).starts_with("9999-"));
        assert_eq!(
            from_text("2026-01-01T07:00:00+07:00"),
            Some(1_767_225_600_000_000)
        );
        assert_eq!(from_text("yesterday"), None);
    }
}
