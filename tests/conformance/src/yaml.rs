//! YAML as Suricata's suite writes it: a tree of plain values, mappings in their order.
//!
//! Plain scalars mean what they mean to PyYAML (YAML 1.1), which the suite is read with: `yes` is true. Of the rest of YAML 1.1 (times,
//! numbers to base 60, merged mappings) the suite has nothing.

use anyhow::{Context as _, bail};
use saphyr_parser::{Event, Parser, ScalarStyle};

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 64;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Yaml>),
    /// A mapping, in the order of the file; of keys that stand twice the last counts.
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    /// The first document of a file; nothing when there is none.
    ///
    /// # Errors
    /// When it is no YAML.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut builder = Builder::default();
        for event in Parser::new_from_str(text) {
            let (event, _) = event.map_err(|error| anyhow::anyhow!("{error}"))?;
            builder.take(event)?;
        }
        Ok(builder.root.unwrap_or(Self::Null))
    }

    /// What stands under a key, `Null` for nothing.
    pub fn get(&self, key: &str) -> &Self {
        let found = self.pairs().iter().rev().find(|(name, _)| name == key);
        found.map_or(&Self::Null, |(_, value)| value)
    }

    /// The pairs of a mapping; none of anything else.
    pub fn pairs(&self) -> &[(String, Self)] {
        match self {
            Self::Map(pairs) => pairs,
            _ => &[],
        }
    }

    /// The items of a list; anything else is its own only one.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            Self::Null => &[],
            one => std::slice::from_ref(one),
        }
    }

    /// Text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// How it is written, as Python's `str` gives it; lists as rules have them.
    pub fn written(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => format!("{number:?}"),
            Self::Text(text) => text.clone(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::written).collect();
                format!("[{}]", items.join(","))
            }
            Self::Map(_) => String::new(),
        }
    }
}

/// A sequence or mapping that has not ended.
struct Open {
    anchor: usize,
    is_map: bool,
    items: Vec<Yaml>,
}

#[derive(Default)]
struct Builder {
    root: Option<Yaml>,
    open: Vec<Open>,
    anchors: Vec<(usize, Yaml)>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> anyhow::Result<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let value = if is_plain {
                    plain(&text)
                } else {
                    Yaml::Text(text.into_owned())
                };
                self.add(value, anchor);
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, false)?,
            Event::MappingStart(anchor, _) => self.begin(anchor, true)?,
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop().context("an end without a beginning")?;
                let value = if open.is_map {
                    map(open.items)
                } else {
                    Yaml::List(open.items)
                };
                self.add(value, open.anchor);
            }
            Event::Alias(anchor) => {
                let known = self.anchors.iter().find(|(id, _)| *id == anchor);
                let value = known.map(|(_, value)| value.clone());
                self.add(value.context("an alias of nothing")?, 0);
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, is_map: bool) -> anyhow::Result<()> {
        if self.open.len() >= DEPTH_MAX {
            bail!("nested over {DEPTH_MAX} deep");
        }
        let items = Vec::new();
        self.open.push(Open {
            anchor,
            is_map,
            items,
        });
        Ok(())
    }

    fn add(&mut self, value: Yaml, anchor: usize) {
        if anchor > 0 {
            self.anchors.push((anchor, value.clone()));
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(value),
            // Of several documents the first.
            None => drop(self.root.get_or_insert(value)),
        }
    }
}

fn map(items: Vec<Yaml>) -> Yaml {
    let mut items = items.into_iter();
    let mut pairs = Vec::new();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key.written(), value));
    }
    Yaml::Map(pairs)
}

fn plain(text: &str) -> Yaml {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Yaml::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Yaml::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Yaml::Bool(false),
        _ => {}
    }
    let hexadecimal = text
        .strip_prefix("0x")
        .and_then(|digits| i64::from_str_radix(digits, 16).ok());
    // A zero before it makes a number one to base 8, or no number.
    let octal = text.strip_prefix('0').filter(|digits| !digits.is_empty());
    let octal = octal.map(|digits| i64::from_str_radix(digits, 8).ok());
    let integer = octal.unwrap_or_else(|| text.parse().ok()).or(hexadecimal);
    if let Some(number) = integer {
        return Yaml::Integer(number);
    }
    let is_digits = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+'));
    match text.parse::<f64>() {
        Ok(number) if is_digits && text.contains('.') => Yaml::Float(number),
        _ => Yaml::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_yaml_11() {
        let check = |text: &str, expect: Yaml| assert_eq!(Yaml::parse(text).unwrap(), expect, "{text}");
        let text = |text: &str| Yaml::Text(text.to_owned());
        check("yes", Yaml::Bool(true));
        check("'yes'", text("yes"));
        check("17", Yaml::Integer(17));
        check("017", Yaml::Integer(15));
        check("0x11", Yaml::Integer(17));
        check("0", Yaml::Integer(0));
        check("7.0", Yaml::Float(7.0));
        check("7.0.3", text("7.0.3"));
        check("1e3", text("1e3"));
        check("~", Yaml::Null);
        check("", Yaml::Null);
        check("[1, a]", Yaml::List(vec![Yaml::Integer(1), text("a")]));
    }

    #[test]
    fn mappings_keep_their_order_and_aliases_their_values() {
        let yaml = Yaml::parse("%YAML 1.1\n---\nb: &x {c: 1}\na: *x\nb: 2\n").unwrap();
        let names: Vec<&str> = yaml.pairs().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "a", "b"]);
        assert_eq!(
            (yaml.get("a").get("c"), yaml.get("b")),
            (&Yaml::Integer(1), &Yaml::Integer(2))
        );
        assert_eq!(yaml.get("none"), &Yaml::Null);
        assert!(Yaml::parse("a: [").is_err());
        assert!(Yaml::parse(&"[".repeat(100)).is_err());
    }
}
