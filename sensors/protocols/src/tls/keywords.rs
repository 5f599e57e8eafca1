//! Keywords of rules that only TLS has.

use super::card::HELLO;
use super::flow::Handshake;
use std::fmt::Debug;
use vonggac_protocol::{Condition, KeywordCard, Side, Sides, Source};

/// The keywords.
pub(super) const KEYWORDS: &[KeywordCard] = &[
    KeywordCard {
        keyword: "tls.version",
        sides: Sides::Both,
        stage: HELLO,
        compile: |text| versions(text, version),
    },
    KeywordCard {
        keyword: "ssl_version",
        sides: Sides::Both,
        stage: HELLO,
        compile: |text| versions(text, named_version),
    },
];

/// The hello is of one of these versions, or of none of them.
#[derive(Debug, PartialEq, Eq)]
struct Versions {
    versions: Vec<u16>,
    is_negated: bool,
}

impl Condition for Versions {
    fn holds(&self, side: Side, source: &dyn Source) -> bool {
        let handshake = source.as_any().and_then(|any| any.downcast_ref::<Handshake>());
        let version = handshake.and_then(|handshake| handshake.version(side));
        version.is_some_and(|version| self.versions.contains(&version) != self.is_negated)
    }
}

/// A list of versions, any of which will do; `!` before the first turns the list round.
fn versions(text: &str, version: fn(&str) -> Option<u16>) -> Result<Box<dyn Condition>, String> {
    let text = text.trim_matches('"');
    let named = text.split(',').map(|word| {
        let word = word.trim().trim_start_matches('!');
        version(word).ok_or_else(|| format!("unknown version {word:?}"))
    });
    Ok(Box::new(Versions {
        versions: named.collect::<Result<_, _>>()?,
        is_negated: text.starts_with('!'),
    }))
}

/// A version by its number, `1.2`, or as it stands on the wire, `0x0303`.
fn version(word: &str) -> Option<u16> {
    numbered(word).or_else(|| u16::from_str_radix(word.strip_prefix("0x")?, 16).ok())
}

/// A version by its name, `tls1.2`.
fn named_version(word: &str) -> Option<u16> {
    let word = word.to_ascii_lowercase();
    match word.as_str() {
        "sslv2" => Some(0x0002),
        "sslv3" => Some(0x0300),
        _ => numbered(word.strip_prefix("tls")?),
    }
}

fn numbered(word: &str) -> Option<u16> {
    match word {
        "1.0" => Some(0x0301),
        "1.1" => Some(0x0302),
        "1.2" => Some(0x0303),
        "1.3" => Some(0x0304),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_what_is_none_is_refused() {
        let check = |text: &str, version, expect: Option<&str>| {
            let made = versions(text, version).ok().map(|made| format!("{made:?}"));
            assert_eq!(made.as_deref(), expect, "{text}");
        };
        check(
            "1.2",
            version,
            Some("Versions { versions: [771], is_negated: false }"),
        );
        check(
            "!tls1.0,tls1.1",
            named_version,
            Some("Versions { versions: [769, 770], is_negated: true }"),
        );
        check(
            "0x7f1c",
            version,
            Some("Versions { versions: [32540], is_negated: false }"),
        );
        check(
            "sslv3",
            named_version,
            Some("Versions { versions: [768], is_negated: false }"),
        );
        check("1.4", version, None);
        check("tls0x0303", named_version, None);
        check("", version, None);
    }
}
