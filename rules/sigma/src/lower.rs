//! From an item as written to tests on a field: modifiers applied, in the order they stand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::detection::{Comparison, Item, Literal, Modifier};
use crate::network::Network;
use crate::pattern::{DASHES, Part, Pattern, parts, push_literal};
use crate::time::TimePart;
use crate::yaml::Plain;
use crate::{Fault, REGEX_BYTES_MAX};

/// An item's tests: every value is a row of alternatives, values are joined by AND when `all`, else by OR.
#[derive(Debug)]
pub(crate) struct Lowered {
    pub(crate) values: Vec<Vec<Test>>,
    pub(crate) all: bool,
    pub(crate) negated: bool,
}

/// One test on one field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Test {
    Null,
    Exists(bool),
    Bool(bool),
    /// A number, and how it is written.
    Number(Number, String),
    Pattern(Pattern),
    Regex(RegexSource),
    Network(Network),
    Compare(Option<TimePart>, Comparison, Number),
    /// A part of a date equals a number.
    TimeIs(TimePart, Number),
    FieldRef(FieldRef),
    /// Cannot be compiled: `%name%` has no value here.
    Placeholder(String),
}

/// Another field of the same event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FieldRef {
    pub(crate) field: String,
    pub(crate) relation: Relation,
    pub(crate) cased: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Relation {
    Equal,
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RegexSource {
    pub(crate) source: String,
    pub(crate) insensitive: bool,
    pub(crate) multi_line: bool,
    pub(crate) dot_all: bool,
}

impl RegexSource {
    pub(crate) fn compile(&self) -> Result<regex::Regex, regex::Error> {
        regex::RegexBuilder::new(&self.source)
            .case_insensitive(self.insensitive)
            .multi_line(self.multi_line)
            .dot_matches_new_line(self.dot_all)
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(REGEX_BYTES_MAX)
            .build()
    }
}

/// A number of a rule; hashable, since a float is kept as its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Number {
    Integer(i128),
    Float(u64),
}

impl Number {
    /// How `other` stands to this number.
    pub(crate) fn compare(self, other: i128) -> std::cmp::Ordering {
        match self {
            Self::Integer(number) => other.cmp(&number),
            Self::Float(bits) => (other as f64).total_cmp(&f64::from_bits(bits)),
        }
    }

    fn parse(literal: &Literal) -> Option<Self> {
        match literal.scalar.value {
            Plain::Integer(number) => Some(Self::Integer(number)),
            Plain::Float(number) => Some(Self::Float(number.to_bits())),
            Plain::Text => {
                let text = literal.scalar.text.trim();
                let integer = text.parse::<i128>().ok().map(Self::Integer);
                integer.or_else(|| {
                    let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
                    Some(Self::Float(number.to_bits()))
                })
            }
            _ => None,
        }
    }
}

/// A value on its way through the modifiers.
enum Working {
    Raw,
    /// Alternatives.
    Text(Vec<Vec<Part>>),
    Regex(RegexSource),
    Network(Network),
    Field(Relation),
    Number(Option<TimePart>, Option<Comparison>),
    Exists,
}

/// Applies an item's modifiers to its values.
pub(crate) fn lower(item: &Item) -> Result<Lowered, Fault> {
    let has = |modifier| item.modifiers.contains(&modifier);
    let values = item
        .values
        .iter()
        .map(|literal| lower_value(item, literal))
        .collect::<Result<_, _>>()?;
    Ok(Lowered {
        values,
        all: has(Modifier::All),
        negated: has(Modifier::Neq),
    })
}

fn lower_value(item: &Item, literal: &Literal) -> Result<Vec<Test>, Fault> {
    let has = |modifier| item.modifiers.contains(&modifier);
    let expands = has(Modifier::Expand);
    let mut working = Working::Raw;
    for modifier in &item.modifiers {
        working = apply(working, *modifier, literal, expands)?;
    }
    if item.field.is_empty() {
        working = keyword(working, literal, expands)?;
    }
    let cased = has(Modifier::Cased);
    Ok(match working {
        Working::Raw => vec![raw(literal, cased)],
        Working::Text(alternatives) => alternatives
            .iter()
            .map(|parts| text_test(parts, cased))
            .collect(),
        Working::Regex(source) => {
            source.compile().map_err(|error| {
                Fault::new(literal.place, format!("regular expression: {}", one_line(&error.to_string())))
            })?;
            vec![Test::Regex(source)]
        }
        Working::Network(network) => vec![Test::Network(network)],
        Working::Field(relation) => vec![Test::FieldRef(FieldRef {
            field: literal.scalar.text.clone(),
            relation,
            cased,
        })],
        Working::Exists => match literal.scalar.value {
            Plain::Bool(yes) => vec![Test::Exists(yes)],
            _ => return Err(Fault::new(literal.place, "exists wants true or false")),
        },
        Working::Number(part, comparison) => {
            let number = Number::parse(literal)
                .ok_or_else(|| Fault::new(literal.place, format!("{} is not a number", literal.scalar.text)))?;
            match (part, comparison) {
                (part, Some(comparison)) => vec![Test::Compare(part, comparison, number)],
                (Some(part), None) => vec![Test::TimeIs(part, number)],
                (None, None) => vec![raw(literal, cased)],
            }
        }
    })
}

fn one_line(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn raw(literal: &Literal, cased: bool) -> Test {
    let text = &literal.scalar.text;
    match literal.scalar.value {
        Plain::Null => Test::Null,
        Plain::Bool(yes) => Test::Bool(yes),
        Plain::Integer(number) => Test::Number(Number::Integer(number), text.clone()),
        Plain::Float(number) => Test::Number(Number::Float(number.to_bits()), text.clone()),
        Plain::Text => text_test(&parts(text), cased),
    }
}

fn text_test(parts: &[Part], cased: bool) -> Test {
    let placeholder = parts.iter().find_map(|part| match part {
        Part::Placeholder(name) => Some(name.clone()),
        _ => None,
    });
    match placeholder {
        Some(name) => Test::Placeholder(name),
        None => Test::Pattern(Pattern::new(parts, cased)),
    }
}

/// A keyword may stand anywhere in a field.
fn keyword(working: Working, literal: &Literal, expands: bool) -> Result<Working, Fault> {
    match working {
        Working::Raw => apply(working, Modifier::Contains, literal, expands),
        Working::Text(alternatives) => {
            let closed = |parts: &Vec<Part>| parts.first() != Some(&Part::Many) && parts.last() != Some(&Part::Many);
            Ok(Working::Text(if alternatives.iter().all(closed) {
                alternatives.into_iter().map(|parts| open(parts, true, true)).collect()
            } else {
                alternatives
            }))
        }
        Working::Regex(_) => Ok(working),
        _ => Err(Fault::new(literal.place, "this modifier wants a field")),
    }
}

fn apply(working: Working, modifier: Modifier, literal: &Literal, expands: bool) -> Result<Working, Fault> {
    let fault = |message: &str| Err(Fault::new(literal.place, message));
    match modifier {
        Modifier::All | Modifier::Neq | Modifier::Cased => Ok(working),
        Modifier::Expand => Ok(Working::Text(texts(working, literal, expands)?)),
        Modifier::Re => match working {
            Working::Raw if !literal.is_null() => Ok(Working::Regex(RegexSource {
                source: literal.scalar.text.clone(),
                insensitive: false,
                multi_line: false,
                dot_all: false,
            })),
            _ => fault("re cannot follow another modifier of the value, nor take null"),
        },
        Modifier::ReInsensitive | Modifier::ReMultiLine | Modifier::ReDotAll => match working {
            Working::Regex(mut source) => {
                source.insensitive |= modifier == Modifier::ReInsensitive;
                source.multi_line |= modifier == Modifier::ReMultiLine;
                source.dot_all |= modifier == Modifier::ReDotAll;
                Ok(Working::Regex(source))
            }
            _ => fault("i, m and s follow re"),
        },
        Modifier::Cidr => match (working, Network::parse(&literal.scalar.text)) {
            (Working::Raw, Some(network)) => Ok(Working::Network(network)),
            (Working::Raw, None) => fault("not a network in CIDR notation"),
            _ => fault("cidr cannot follow another modifier of the value"),
        },
        Modifier::FieldRef => match working {
            Working::Raw if literal.scalar.value == Plain::Text => Ok(Working::Field(Relation::Equal)),
            _ => fault("fieldref wants a field's name and follows no other modifier of the value"),
        },
        Modifier::Exists => match working {
            Working::Raw => Ok(Working::Exists),
            _ => fault("exists goes with no other modifier of the value"),
        },
        Modifier::Compare(comparison) => match working {
            Working::Raw => Ok(Working::Number(None, Some(comparison))),
            Working::Number(part, None) => Ok(Working::Number(part, Some(comparison))),
            _ => fault("a comparison follows no other modifier but one of time"),
        },
        Modifier::Time(part) => match working {
            Working::Raw => Ok(Working::Number(Some(part), None)),
            Working::Number(None, comparison) => Ok(Working::Number(Some(part), comparison)),
            _ => fault("a time modifier follows no other modifier but a comparison"),
        },
        Modifier::StartsWith | Modifier::EndsWith | Modifier::Contains => shape(working, modifier, literal, expands),
        Modifier::Windash => {
            let alternatives = texts(working, literal, expands)?;
            Ok(Working::Text(alternatives.into_iter().map(dashes).collect()))
        }
        Modifier::Utf16Le | Modifier::Utf16Be | Modifier::Utf16 | Modifier::Base64 | Modifier::Base64Offset => {
            let alternatives = texts(working, literal, expands)?;
            encode(alternatives, modifier, literal)
        }
    }
}

fn shape(working: Working, modifier: Modifier, literal: &Literal, expands: bool) -> Result<Working, Fault> {
    if let Working::Field(_) = working {
        return Ok(Working::Field(match modifier {
            Modifier::StartsWith => Relation::StartsWith,
            Modifier::EndsWith => Relation::EndsWith,
            _ => Relation::Contains,
        }));
    }
    let start = modifier != Modifier::StartsWith;
    let end = modifier != Modifier::EndsWith;
    let alternatives = texts(working, literal, expands)?;
    Ok(Working::Text(
        alternatives
            .into_iter()
            .map(|parts| open(parts, start, end))
            .collect(),
    ))
}

fn open(mut parts: Vec<Part>, start: bool, end: bool) -> Vec<Part> {
    if start && parts.first() != Some(&Part::Many) {
        parts.insert(0, Part::Many);
    }
    if end && parts.last() != Some(&Part::Many) {
        parts.push(Part::Many);
    }
    parts
}

/// The value as text, for a modifier that works on text.
fn texts(working: Working, literal: &Literal, expands: bool) -> Result<Vec<Vec<Part>>, Fault> {
    match working {
        Working::Text(alternatives) => Ok(alternatives),
        Working::Raw if literal.is_null() => Err(Fault::new(literal.place, "null takes no text modifier")),
        Working::Raw if expands => Ok(vec![placeholders(&literal.scalar.text)]),
        Working::Raw => Ok(vec![parts(&literal.scalar.text)]),
        _ => Err(Fault::new(literal.place, "a text modifier cannot follow one that is not of text")),
    }
}

/// Reads a text with `%name%` placeholders; `\%` is a percent sign.
fn placeholders(text: &str) -> Vec<Part> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let tail = rest.get(character.len_utf8()..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix("\\%") {
            plain.push('%');
            rest = after;
            continue;
        }
        let name = tail.split_once('%').filter(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
        });
        match name {
            Some((name, after)) if character == '%' => {
                out.extend(parts(&std::mem::take(&mut plain)));
                out.push(Part::Placeholder(name.to_owned()));
                rest = after;
            }
            _ => {
                plain.push(character);
                rest = tail;
            }
        }
    }
    out.extend(parts(&plain));
    out
}

/// Puts any-dash parts where a word starts with a dash.
fn dashes(parts: Vec<Part>) -> Vec<Part> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut out = Vec::new();
    for part in parts {
        let text = match &part {
            Part::Literal(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        };
        let Some(text) = text else {
            out.push(part);
            continue;
        };
        let mut plain = String::new();
        let mut before = None;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let starts_word = characters.peek().copied().is_some_and(is_word) && !before.is_some_and(is_word);
            if DASHES.contains(&character) && starts_word {
                push_literal(&mut out, &mut plain);
                out.push(Part::Dash);
            } else {
                plain.push(character);
            }
            before = Some(character);
        }
        push_literal(&mut out, &mut plain);
    }
    out
}

fn encode(alternatives: Vec<Vec<Part>>, modifier: Modifier, literal: &Literal) -> Result<Working, Fault> {
    let mut out = Vec::new();
    for parts in alternatives {
        if matches!(modifier, Modifier::Utf16Le | Modifier::Utf16Be | Modifier::Utf16) {
            out.push(utf16(parts, modifier));
            continue;
        }
        let mut bytes = Vec::new();
        for part in parts {
            match part {
                Part::Literal(more) => bytes.extend(more),
                Part::Placeholder(name) => return Ok(Working::Text(vec![vec![Part::Placeholder(name)]])),
                _ => return Err(Fault::new(literal.place, "Base64 of a wildcard or a windash has no meaning")),
            }
        }
        if modifier == Modifier::Base64 {
            out.push(vec![Part::Literal(STANDARD.encode(&bytes).into_bytes())]);
        } else {
            out.extend(offsets(&bytes).map(|text| vec![Part::Literal(text)]));
        }
    }
    Ok(Working::Text(out))
}

/// The characters that do not depend on what surrounds `bytes`, at each of the three places in a group of three.
fn offsets(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    [0_usize, 1, 2].into_iter().filter_map(move |offset| {
        let mut padded = vec![b' '; offset];
        padded.extend_from_slice(bytes);
        let encoded = STANDARD.encode(&padded).into_bytes();
        let start = [0, 2, 3].get(offset).copied()?;
        let cut = [0, 3, 2].get(padded.len() % 3).copied()?;
        let middle = encoded.get(start..encoded.len().checked_sub(cut)?)?;
        (!middle.is_empty()).then(|| middle.to_vec())
    })
}

fn utf16(parts: Vec<Part>, modifier: Modifier) -> Vec<Part> {
    let mut is_first = true;
    parts
        .into_iter()
        .map(|part| {
            let Part::Literal(bytes) = part else {
                return part;
            };
            let mut out = Vec::new();
            if modifier == Modifier::Utf16 && is_first {
                out.extend([0xff, 0xfe]);
            }
            is_first = false;
            for unit in String::from_utf8_lossy(&bytes).encode_utf16() {
                out.extend(if modifier == Modifier::Utf16Be {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                });
            }
            Part::Literal(out)
        })
        .collect()
}

