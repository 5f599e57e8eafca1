//! From an item as written to tests on a field: modifiers applied, in the order they stand.

use crate::detection::{Comparison, Item, Literal, Modifier};
use crate::encode::{dashes, encode, placeholders};
use crate::network::Network;
use crate::pattern::{Part, Pattern, parts};
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
        Working::Text(alternatives) => alternatives.iter().map(|parts| text_test(parts, cased)).collect(),
        Working::Regex(source) => {
            source.compile().map_err(|error| {
                Fault::new(
                    literal.place,
                    format!("regular expression: {}", one_line(&error.to_string())),
                )
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
            let number = Number::parse(literal).ok_or_else(|| {
                Fault::new(literal.place, format!("{} is not a number", literal.scalar.text))
            })?;
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
            let closed =
                |parts: &Vec<Part>| parts.first() != Some(&Part::Many) && parts.last() != Some(&Part::Many);
            Ok(Working::Text(if alternatives.iter().all(closed) {
                alternatives
                    .into_iter()
                    .map(|parts| open(parts, true, true))
                    .collect()
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
        Modifier::StartsWith | Modifier::EndsWith | Modifier::Contains => {
            shape(working, modifier, literal, expands)
        }
        Modifier::Windash => {
            let alternatives = texts(working, literal, expands)?;
            Ok(Working::Text(alternatives.into_iter().map(dashes).collect()))
        }
        Modifier::Utf16Le
        | Modifier::Utf16Be
        | Modifier::Utf16
        | Modifier::Base64
        | Modifier::Base64Offset => {
            let alternatives = texts(working, literal, expands)?;
            Ok(Working::Text(encode(alternatives, modifier, literal)?))
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
        _ => Err(Fault::new(
            literal.place,
            "a text modifier cannot follow one that is not of text",
        )),
    }
}
