//! The detection section as written: search identifiers, items, modifiers and values, checked but not yet bound to a class.

use crate::time::TimePart;
use crate::yaml::{Data, Node, Plain, Scalar};
use crate::{Fault, Place};

/// What a search identifier asks.
#[derive(Debug, Clone)]
pub(crate) enum Search {
    All(Vec<Search>),
    Any(Vec<Search>),
    Item(Item),
}

/// A field with its modifiers and values; keywords have an empty field.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) field: String,
    pub(crate) modifiers: Vec<Modifier>,
    pub(crate) values: Vec<Literal>,
    pub(crate) place: Place,
}

/// A value as written.
#[derive(Debug, Clone)]
pub(crate) struct Literal {
    pub(crate) scalar: Scalar,
    pub(crate) place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Modifier {
    All,
    StartsWith,
    EndsWith,
    Contains,
    Exists,
    Cased,
    Neq,
    Windash,
    Re,
    ReInsensitive,
    ReMultiLine,
    ReDotAll,
    Base64,
    Base64Offset,
    Utf16Le,
    Utf16Be,
    Utf16,
    Compare(Comparison),
    Time(TimePart),
    Cidr,
    Expand,
    FieldRef,
}

impl Modifier {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "startswith" => Self::StartsWith,
            "endswith" => Self::EndsWith,
            "contains" => Self::Contains,
            "exists" => Self::Exists,
            "cased" => Self::Cased,
            "neq" => Self::Neq,
            "windash" => Self::Windash,
            "re" => Self::Re,
            "i" | "ignorecase" => Self::ReInsensitive,
            "m" | "multiline" => Self::ReMultiLine,
            "s" | "dotall" => Self::ReDotAll,
            "base64" => Self::Base64,
            "base64offset" => Self::Base64Offset,
            "wide" | "utf16le" => Self::Utf16Le,
            "utf16be" => Self::Utf16Be,
            "utf16" => Self::Utf16,
            "lt" => Self::Compare(Comparison::Less),
            "lte" => Self::Compare(Comparison::LessOrEqual),
            "gt" => Self::Compare(Comparison::Greater),
            "gte" => Self::Compare(Comparison::GreaterOrEqual),
            "minute" => Self::Time(TimePart::Minute),
            "hour" => Self::Time(TimePart::Hour),
            "day" => Self::Time(TimePart::Day),
            "week" => Self::Time(TimePart::Week),
            "month" => Self::Time(TimePart::Month),
            "year" => Self::Time(TimePart::Year),
            "cidr" => Self::Cidr,
            "expand" => Self::Expand,
            "fieldref" => Self::FieldRef,
            _ => return None,
        })
    }
}

/// Reads one search identifier's definition.
pub(crate) fn search(node: &Node) -> Result<Search, Fault> {
    match &node.data {
        Data::Mapping(pairs) if pairs.is_empty() => Err(Fault::new(node.place, "empty mapping")),
        Data::Mapping(pairs) => {
            let items = pairs.iter().map(|(key, value)| item(key, value));
            Ok(Search::All(items.collect::<Result<_, _>>()?))
        }
        Data::Sequence(nodes) => list(nodes, node.place),
        Data::Scalar(_) => keywords(vec![literal(node)?], node.place),
    }
}

/// A list of keywords, of maps, or of both; any of them suffices.
fn list(nodes: &[Node], place: Place) -> Result<Search, Fault> {
    let mut any = Vec::new();
    let mut words = Vec::new();
    for node in nodes {
        match &node.data {
            Data::Scalar(_) => words.push(literal(node)?),
            Data::Mapping(_) => any.push(search(node)?),
            Data::Sequence(_) => return Err(Fault::new(node.place, "a list in a list has no meaning")),
        }
    }
    if !words.is_empty() {
        any.push(keywords(words, place)?);
    }
    if any.is_empty() {
        return Err(Fault::new(place, "empty list"));
    }
    Ok(Search::Any(any))
}

fn keywords(values: Vec<Literal>, place: Place) -> Result<Search, Fault> {
    let item = Item {
        field: String::new(),
        modifiers: Vec::new(),
        values,
        place,
    };
    crate::lower::lower(&item)?;
    Ok(Search::Item(item))
}

fn item(key: &Node, value: &Node) -> Result<Search, Fault> {
    let Data::Scalar(name) = &key.data else {
        return Err(Fault::new(key.place, "a field's name is a text"));
    };
    let mut names = name.text.split('|');
    let field = names.next().unwrap_or_default().to_owned();
    let modifiers = names
        .map(|name| {
            Modifier::from_name(name).ok_or_else(|| Fault::new(key.place, format!("unknown modifier {name}")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let values = match &value.data {
        Data::Scalar(_) => vec![literal(value)?],
        Data::Sequence(nodes) if nodes.is_empty() => {
            return Err(Fault::new(value.place, "empty list of values"));
        }
        Data::Sequence(nodes) => nodes.iter().map(literal).collect::<Result<_, _>>()?,
        Data::Mapping(_) => {
            return Err(Fault::new(
                value.place,
                "a field's value is a scalar or a list of them",
            ));
        }
    };
    if modifiers.contains(&Modifier::All) && matches!(value.data, Data::Scalar(_)) {
        return Err(Fault::new(key.place, "all wants a list of values"));
    }
    let item = Item {
        field,
        modifiers,
        values,
        place: key.place,
    };
    crate::lower::lower(&item)?;
    Ok(Search::Item(item))
}

fn literal(node: &Node) -> Result<Literal, Fault> {
    match &node.data {
        Data::Scalar(scalar) => Ok(Literal {
            scalar: scalar.clone(),
            place: node.place,
        }),
        _ => Err(Fault::new(node.place, "a value is a scalar")),
    }
}

impl Literal {
    pub(crate) fn is_null(&self) -> bool {
        self.scalar.value == Plain::Null
    }
}
