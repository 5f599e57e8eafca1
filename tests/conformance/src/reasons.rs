//! Why cases do not pass: one line each, `case: kind: words`.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, ensure};

/// What kind of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing in it can be asked: it is for another version, or looks at what Suricata prints.
    Unasked,
    /// It is about a protocol that is not read yet.
    Protocol,
    /// A rule has a keyword that is not there yet.
    Keyword,
    /// It turns on a setting that this sensor does not have, or that the suite here does not pass on.
    Setting,
    /// It looks at what only Suricata writes.
    Output,
    /// It differs by intention; `docs/` says why.
    Difference,
    /// It is to be mended.
    Open,
    /// Nobody has looked.
    Unexplained,
}

impl Kind {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Unasked, "unasked"),
        (Self::Protocol, "protocol"),
        (Self::Keyword, "keyword"),
        (Self::Setting, "setting"),
        (Self::Output, "output"),
        (Self::Difference, "difference"),
        (Self::Open, "open"),
        (Self::Unexplained, "unexplained"),
    ];
}

/// Why a case does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Its kind.
    pub kind: Kind,
    /// The reason itself.
    pub words: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Kind::ALL.iter().find(|(kind, _)| *kind == self.kind);
        let name = name.map_or("", |(_, name)| name);
        write!(formatter, "{name}: {}", self.words)
    }
}

/// Reads reasons by case.
///
/// # Errors
/// When a line has not the three parts, its kind is not known, or its case stands there twice.
pub fn parse(text: &str) -> anyhow::Result<BTreeMap<String, Reason>> {
    let mut reasons = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (case, reason) = read(line).with_context(|| format!("line {number}: {line}"))?;
        let before = reasons.insert(case.to_owned(), reason);
        ensure!(before.is_none(), "line {number}: {case} stands there twice");
    }
    Ok(reasons)
}

fn read(line: &str) -> anyhow::Result<(&str, Reason)> {
    let (case, rest) = line.split_once(": ").context("no case")?;
    let (name, words) = rest.split_once(": ").context("no kind")?;
    let known = Kind::ALL.iter().find(|(_, known)| *known == name);
    let (kind, _) = known.with_context(|| format!("no kind is called {name}"))?;
    ensure!(!words.trim().is_empty(), "no words");
    let words = words.to_owned();
    Ok((case, Reason { kind: *kind, words }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_has_one_reason_of_a_known_kind() {
        let reasons = parse("# x\n\na/b: protocol: smb: later\n").unwrap();
        assert_eq!(reasons["a/b"].kind, Kind::Protocol);
        assert_eq!(reasons["a/b"].to_string(), "protocol: smb: later");
        for text in [
            "a",
            "a: protocol",
            "a: whim: x",
            "a: open: ",
            "a: open: x\na: open: y",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
