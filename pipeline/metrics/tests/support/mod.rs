//! A strict reader of the Prometheus text format, version 0.0.4: what it takes, every scraper takes.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use std::collections::{BTreeMap, BTreeSet};

/// A page, read.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Kind of each family.
    pub(crate) kinds: BTreeMap<String, String>,
    /// Help of each family, unescaped.
    pub(crate) helps: BTreeMap<String, String>,
    /// Value of each series: name, then labels with unescaped values.
    pub(crate) series: BTreeMap<(String, Labels), f64>,
}

/// Labels of a series.
pub(crate) type Labels = BTreeMap<String, String>;

impl Page {
    /// The value of a series, if it is there.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.series.get(&(name.to_owned(), labels)).copied()
    }
}

/// Reads a page, or says which line is wrong.
pub(crate) fn read(text: &str) -> Result<Page, String> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    let mut page = Page::default();
    let mut family = String::new();
    let mut closed: BTreeSet<String> = BTreeSet::new();
    for line in text.lines() {
        let wrong = |what: &str| format!("{what}: {line:?}");
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').ok_or_else(|| wrong("comment"))?;
            let (name, rest) = rest.split_once(' ').ok_or_else(|| wrong("no name"))?;
            check_name(name).map_err(|what| wrong(&what))?;
            if name != family {
                closed.insert(std::mem::replace(&mut family, name.to_owned()));
                if closed.contains(name) {
                    return Err(wrong("its family was ended before"));
                }
            }
            match word {
                "HELP" => {
                    let help = unescape(rest, false).map_err(|what| wrong(&what))?;
                    if page.helps.insert(name.to_owned(), help).is_some() || page.kinds.contains_key(name) {
                        return Err(wrong("HELP twice or after TYPE"));
                    }
                }
                "TYPE" => {
                    if !["counter", "gauge", "histogram", "summary", "untyped"].contains(&rest) {
                        return Err(wrong("no such type"));
                    }
                    if page.kinds.insert(name.to_owned(), rest.to_owned()).is_some() {
                        return Err(wrong("TYPE twice"));
                    }
                }
                _ => return Err(wrong("comment")),
            }
        } else {
            let (name, labels, value) = read_sample(line).map_err(|what| wrong(&what))?;
            check_place(&page, &family, &name).map_err(|what| wrong(&what))?;
            if page.series.insert((name, labels), value).is_some() {
                return Err(wrong("series twice"));
            }
        }
    }
    Ok(page)
}

/// A sample stands below the TYPE of its family.
fn check_place(page: &Page, family: &str, name: &str) -> Result<(), String> {
    let kind = page.kinds.get(family).ok_or("sample without TYPE")?;
    let suffixes: &[&str] = match kind.as_str() {
        "histogram" => &["_bucket", "_sum", "_count"],
        "summary" => &["", "_sum", "_count"],
        _ => &[""],
    };
    let is_of_family = suffixes
        .iter()
        .any(|suffix| name.strip_suffix(suffix) == Some(family));
    if is_of_family {
        return Ok(());
    }
    Err(format!("sample of another family than {family}"))
}

fn read_sample(line: &str) -> Result<(String, Labels, f64), String> {
    let name_end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(name_end);
    check_name(name)?;
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or("label without value")?;
            check_name(label)?;
            let end = closing_quote(after).ok_or("label value does not end")?;
            let value = unescape(&after[..end], true)?;
            if labels.insert(label.to_owned(), value).is_some() {
                return Err("label twice".to_owned());
            }
            rest = &after[end + 1..];
            if let Some(next) = rest.strip_prefix(',') {
                rest = next;
            } else {
                rest = rest.strip_prefix('}').ok_or("labels do not end")?;
                break;
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    if !value
        .chars()
        .all(|letter| letter.is_ascii_digit() || "+-.eE".contains(letter))
    {
        return Err("value".to_owned());
    }
    let value = value.parse().map_err(|_| "value")?;
    Ok((name.to_owned(), labels, value))
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at),
            _ => {}
        }
    }
    None
}

fn unescape(text: &str, quotes: bool) -> Result<String, String> {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, quotes) {
            ('\\', _) => match letters.next() {
                Some('\\') => out.push('\\'),
                Some('n') => out.push('\n'),
                Some('"') if quotes => out.push('"'),
                other => return Err(format!("escape {other:?}")),
            },
            ('"', true) => return Err("bare quote".to_owned()),
            _ => out.push(letter),
        }
    }
    Ok(out)
}

fn check_name(name: &str) -> Result<(), String> {
    let is_good = name.chars().enumerate().all(|(at, letter)| {
        letter.is_ascii_alphabetic() || letter == '_' || (at > 0 && letter.is_ascii_digit())
    });
    if is_good && !name.is_empty() {
        return Ok(());
    }
    Err(format!("name {name:?}"))
}
