//! Which language a request wants to be answered in: `Accept-Language` (RFC 9110, section 12.5.4), of which Vietnamese and English are known.

use axum::http::{HeaderMap, header};
use vonggac_database::Language;

/// Most ranges of a header that are looked at.
const RANGES_MAX: usize = 32;

/// The one of our languages that is wanted most; English where none is, so that programs read what they always did.
pub(super) fn of(headers: &HeaderMap) -> Language {
    let mut best = (Language::English, 0);
    let values = headers.get_all(header::ACCEPT_LANGUAGE).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    for range in texts.flat_map(|text| text.split(',')).take(RANGES_MAX) {
        let Some((language, weight)) = read(range) else {
            continue;
        };
        // Of two that are wanted as much, the first.
        if weight > best.1 {
            best = (language, weight);
        }
    }
    best.0
}

/// A language that we have, and how much it is wanted, in thousandths.
fn read(range: &str) -> Option<(Language, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let tag = parts.next()?;
    let primary = tag.split('-').next()?;
    let language = if primary.eq_ignore_ascii_case("vi") {
        Language::Vietnamese
    } else if primary.eq_ignore_ascii_case("en") || primary == "*" {
        Language::English
    } else {
        return None;
    };
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    Some((language, weight.map_or(Some(1_000), thousandths)?))
}

/// `0.3` as 300; none for what is no weight.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction: u16 = is_digits.then(|| format!("{fraction:0<3}"))?.parse().ok()?;
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_is_wanted_most_is_spoken() {
        let check = |headers: &[&str], expect: &str| {
            let mut all = HeaderMap::new();
            for one in headers {
                all.append(header::ACCEPT_LANGUAGE, one.parse().unwrap());
            }
            assert_eq!(of(&all).code(), expect, "{headers:?}");
        };
        check(&[], "en");
        check(&["vi"], "vi");
        check(&["en"], "en");
        check(&["VI-vn"], "vi");
        check(&["en-GB,vi;q=0.3"], "en");
        check(&["en;q=0.2, vi; q=0.3"], "vi");
        check(&["vi-VN,vi;q=0.9,en;q=0.8"], "vi");
        // Vietnamese before what we have not.
        check(&["fr, vi;q=0.5"], "vi");
        check(&["fr"], "en");
        check(&["*"], "en");
        check(&["vi;q=0"], "en");
        check(&["vi;q=0, *"], "en");
        check(&["en;q=0.5, vi;q=0.5"], "en");
        check(&["vi;q=0.5, en;q=0.5"], "vi");
        check(&["en;q=0.5", "vi"], "vi");
        // Neither a weight nor a language.
        check(&["vi;q=2"], "en");
        check(&["vi;q=x"], "en");
        check(&["vie"], "en");
        check(&[";;,,=,"], "en");
    }
}
