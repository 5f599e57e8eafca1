//! A column as Rust: an expression of `schema::Column`.

use protox::prost_reflect::{FieldDescriptor, Kind};

use crate::Fault;
use crate::options::{Options, Said};

/// The columns that a class's messages' fields are, in the order in which the fields stand in the file; `body` is the class's variant of
/// `Body`, or nothing for the columns of every class.
pub(crate) fn stored(
    fields: impl Iterator<Item = FieldDescriptor>,
    body: Option<&str>,
    options: &Options,
) -> Result<Vec<String>, Fault> {
    let mut columns = Vec::new();
    for field in fields {
        let said = options.column(&field)?;
        if said.is("skip") {
            continue;
        }
        let kind = kind(&field, &said)?;
        let name = match said.text("name") {
            name if !name.is_empty() => name,
            _ if kind == "Time" => field.name().trim_end_matches("_us").to_owned(),
            _ => field.name().to_owned(),
        };
        let value = match said.text("read") {
            read if read.is_empty() => read_field(&field, &kind, said.is("zero_is_none"))?,
            read => format!("derived::{read}(message)"),
        };
        let place = field.full_name();
        columns.push(column(
            &Parts {
                place,
                name: &name,
                kind: &kind,
                sql: None,
                read: &value,
                body,
            },
            &said,
        )?);
    }
    Ok(columns)
}

/// The columns of a class that are worked out from others.
pub(crate) fn derived(class: &Said, message: &str, body: &str) -> Result<Vec<String>, Fault> {
    let mut columns = Vec::new();
    for part in class.parts("derived") {
        let name = part.text("name");
        let said = part
            .part("column")
            .ok_or_else(|| format!("{message}: {name} has no column"))?;
        let (kind, read) = (camel(&said.word("kind")), said.text("read"));
        if kind.is_empty() || read.is_empty() {
            return Err(format!("{message}: {name} needs a kind, and a function to read it").into());
        }
        let (sql, read) = (part.text("sql"), format!("derived::{read}(message)"));
        let place = message;
        let parts = Parts {
            place,
            name: &name,
            kind: &kind,
            sql: Some(&sql),
            read: &read,
            body: Some(body),
        };
        columns.push(column(&parts, &said)?);
    }
    Ok(columns)
}

struct Parts<'a> {
    place: &'a str,
    name: &'a str,
    kind: &'a str,
    /// Of a derived column.
    sql: Option<&'a str>,
    /// Its value, given the `message` it is of.
    read: &'a str,
    body: Option<&'a str>,
}

fn column(parts: &Parts<'_>, said: &Said) -> Result<String, Fault> {
    let (vi, en, eve) = (said.text("vi"), said.text("en"), said.texts("eve"));
    if vi.is_empty() || en.is_empty() {
        return Err(format!("{}: column {} has no description", parts.place, parts.name).into());
    }
    let mut aliases: Vec<String> = Vec::new();
    for language in ["zeek", "eve", "sigma", "ocsf"] {
        for name in said.texts(language) {
            // Languages may share a name, also with the column.
            if name != parts.name && !aliases.contains(&name) {
                aliases.push(name);
            }
        }
    }
    let read = match parts.body {
        None => format!("|message: &Event| {}", parts.read),
        Some(body) => format!(
            "|event: &Event| match &event.body {{ Some(Body::{body}(message)) => {}, _ => Value::Null }}",
            parts.read
        ),
    };
    Ok(format!(
        "Column {{ name: {:?}, kind: Kind::{}, stored: {}, aliases: &{aliases:?}, eve: {:?}, vi: {vi:?}, en: {en:?}, wide: {}, entity: {}, zero_is_none: {}, \
         sql: {:?}, read: {read} }}",
        parts.name,
        parts.kind,
        parts.sql.is_none(),
        eve.first().map_or("", String::as_str),
        said.is("wide"),
        entity(said),
        said.is("zero_is_none"),
        parts.sql.unwrap_or_default(),
    ))
}

/// The variant of `schema::Entity`, if its values name one.
fn entity(said: &Said) -> String {
    match said.word("entity").as_str() {
        "" => "None".to_owned(),
        "ADDRESS_OF_HOST" => "Some(Entity::Address)".to_owned(),
        word => format!("Some(Entity::{})", camel(word)),
    }
}

/// The variant of `schema::Kind`.
fn kind(field: &FieldDescriptor, said: &Said) -> Result<String, Fault> {
    let word = camel(&said.word("kind"));
    if !word.is_empty() {
        return Ok(word);
    }
    let kind = match (field.kind(), field.is_list()) {
        (Kind::String, false) => "Text",
        (Kind::String, true) => "TextList",
        (Kind::Uint32, false) => "U32",
        (Kind::Uint32, true) => "U32List",
        (Kind::Uint64 | Kind::Fixed64, false) => "U64",
        (Kind::Bool, false) => "Bool",
        (Kind::Sfixed64, false) => "Time",
        (Kind::Message(inner), true) if inner.name() == "Counter" => "Counters",
        _ => return Err(format!("{}: say its kind, or skip", field.full_name()).into()),
    };
    Ok(kind.to_owned())
}

fn read_field(field: &FieldDescriptor, kind: &str, zero_is_none: bool) -> Result<String, Fault> {
    let it = format!("message.{}", field.name());
    let number = match field.kind() {
        Kind::Uint32 => format!("u64::from({it})"),
        _ => it.clone(),
    };
    Ok(match (kind, field.kind(), zero_is_none) {
        ("Text" | "LowText", Kind::String, _) => format!("Value::text(&{it})"),
        ("Text", Kind::Bytes, _) => format!("Value::lossy(&{it})"),
        ("Id", Kind::Bytes, _) => format!("Value::id(&{it})"),
        ("Address", Kind::Bytes, _) => format!("Value::address(&{it})"),
        ("U8" | "U16" | "U32", Kind::Uint32, true) | ("U64", Kind::Uint64 | Kind::Fixed64, true) => {
            format!("Value::nonzero({number})")
        }
        ("U8" | "U16" | "U32", Kind::Uint32, false) | ("U64", Kind::Uint64 | Kind::Fixed64, false) => {
            format!("Value::Number({number})")
        }
        ("Bool", Kind::Bool, _) => format!("Value::Bool({it})"),
        ("Time", Kind::Sfixed64, true) => format!("Value::nonzero_time({it})"),
        ("Time", Kind::Sfixed64, false) => format!("Value::Time({it})"),
        ("TextList", Kind::String, _) => format!("Value::list(&{it})"),
        ("U32List", Kind::Uint32, _) => format!("Value::U32List(&{it})"),
        ("Counters", Kind::Message(_), _) => format!("Value::Counters(&{it})"),
        _ => return Err(format!("{}: a field of this type is no {kind}", field.full_name()).into()),
    })
}

/// `LOW_TEXT` as `LowText`; the words of enums are ASCII.
fn camel(word: &str) -> String {
    word.split('_')
        .filter_map(|part| part.split_at_checked(1))
        .map(|(first, rest)| first.to_owned() + &rest.to_lowercase())
        .collect()
}
