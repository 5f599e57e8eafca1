//! The classes of events as Rust: `enum Class` and its table.

use std::fmt::Write as _;

use protox::prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::options::Options;
use crate::{Fault, columns};

/// Colours in the console's palette; a class that names none gets one by its field's number.
const COLOURS: u32 = 12;

/// Number of the first class's field in `Event`.
const FIRST_CLASS: u32 = 20;

pub(crate) fn generate(envelope: &MessageDescriptor, options: &Options) -> Result<String, Fault> {
    let body = envelope
        .oneofs()
        .find(|oneof| oneof.name() == "body")
        .ok_or("Event has no body")?;
    let mut classes = Vec::new();
    for field in in_file_order(body.fields()) {
        let Kind::Message(message) = field.kind() else {
            return Err(format!("{} is no message", field.full_name()).into());
        };
        classes.push((field, message));
    }
    let outside = |field: &FieldDescriptor| field.containing_oneof().as_ref() != Some(&body);
    let common = columns::stored(in_file_order(envelope.fields().filter(outside)), None, options)?;
    let mut out = enumeration(&classes, options)?;
    writeln!(
        out,
        "/// Columns of every class.\npub static COMMON: &[Column] = &[{}];",
        common.join(", ")
    )?;
    for (field, message) in &classes {
        out.push_str(&table(field, message, options)?);
    }
    Ok(out)
}

/// Fields come by number; what counts is where they stand.
fn in_file_order(fields: impl Iterator<Item = FieldDescriptor>) -> impl Iterator<Item = FieldDescriptor> {
    let mut fields: Vec<FieldDescriptor> = fields.collect();
    fields.sort_by_key(|field| field.path().last().copied());
    fields.into_iter()
}

fn enumeration(classes: &[(FieldDescriptor, MessageDescriptor)], options: &Options) -> Result<String, Fault> {
    let (mut variants, mut all, mut of, mut info) =
        (String::new(), String::new(), String::new(), String::new());
    for (_, message) in classes {
        let name = message.name();
        writeln!(variants, "/// {}.\n{name},", options.class(message)?.text("en"))?;
        write!(all, "Self::{name}, ")?;
        writeln!(of, "Body::{name}(_) => Self::{name},")?;
        writeln!(info, "Self::{name} => &{},", name.to_uppercase())?;
    }
    Ok(format!(
        "/// A class of event; each is a ClickHouse table.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]\n\
         pub enum Class {{ {variants} }}\n\
         impl Class {{\n\
         /// Every class.\npub const ALL: [Self; {}] = [{all}];\n\
         /// The class of an event; `None` when it has no body.\n\
         pub fn of(event: &Event) -> Option<Self> {{ Some(match event.body.as_ref()? {{ {of} }}) }}\n\
         /// What the schema says of it.\n\
         pub fn info(self) -> &'static ClassInfo {{ match self {{ {info} }} }}\n\
         }}\n",
        classes.len()
    ))
}

fn table(field: &FieldDescriptor, message: &MessageDescriptor, options: &Options) -> Result<String, Fault> {
    let (said, variant) = (options.class(message)?, message.name());
    let mut columns = columns::stored(in_file_order(message.fields()), Some(variant), options)?;
    columns.extend(columns::derived(&said, message.full_name(), variant)?);
    let name = match said.text("name") {
        name if name.is_empty() => variant.to_lowercase(),
        name => name,
    };
    let eve = match said.text("eve") {
        eve if eve.is_empty() => name.clone(),
        eve => eve,
    };
    let colour = match said.number("colour") {
        0 => 1 + field.number().saturating_sub(FIRST_CLASS) % COLOURS,
        colour => colour,
    };
    let mut lists = String::new();
    for list in [
        "categories",
        "categories_of_any_product",
        "services",
        "zeek_logs",
        "suricata_logs",
        "key",
    ] {
        write!(lists, "{list}: &{:?}, ", said.texts(list))?;
    }
    Ok(format!(
        "static {}: ClassInfo = ClassInfo {{ name: {name:?}, vi: {:?}, en: {:?}, ocsf_class_uid: {}, eve: {eve:?}, {lists}\
         colour: {colour}, columns: &[{}] }};\n",
        variant.to_uppercase(),
        said.text("vi"),
        said.text("en"),
        said.number("ocsf_class_uid"),
        columns.join(",\n"),
    ))
}
