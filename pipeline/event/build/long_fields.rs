//! `impl LongFields` for `Event` and every message in it.

use std::fmt::Write as _;

use protox::prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::Fault;
use crate::options::Options;

pub(crate) fn generate(envelope: &MessageDescriptor, options: &Options) -> Result<String, Fault> {
    let mut wanted = vec![envelope.clone()];
    let mut out = String::new();
    let mut done = 0;
    while let Some(message) = wanted.get(done).cloned() {
        done += 1;
        writeln!(out, "impl crate::cut::LongFields for {} {{", message.name())?;
        writeln!(
            out,
            "fn long_fields(&mut self, visit: &mut dyn FnMut(crate::cut::Long<'_>)) {{"
        )?;
        // A message may have none.
        writeln!(out, "let _ = &visit;")?;
        for field in message.fields().filter(|field| !options.is_fixed(field)) {
            visit(&field, &mut out)?;
            if let Kind::Message(inner) = field.kind()
                && !wanted.contains(&inner)
            {
                wanted.push(inner);
            }
        }
        writeln!(out, "}}\n}}")?;
    }
    Ok(out)
}

fn visit(field: &FieldDescriptor, out: &mut String) -> std::fmt::Result {
    let name = field.name();
    if field.is_list() {
        writeln!(out, "visit(crate::cut::Long::List(&mut self.{name}));")?;
    }
    let (long, inner) = match field.kind() {
        Kind::String => ("Text", None),
        Kind::Bytes => ("Bytes", None),
        Kind::Message(inner) => ("", Some(inner)),
        _ => return Ok(()),
    };
    let within = "crate::cut::LongFields::long_fields(item, visit);";
    match (inner, field.is_list(), field.containing_oneof()) {
        (Some(_), true, _) => writeln!(out, "for item in &mut self.{name} {{ {within} }}"),
        (Some(inner), false, Some(_)) => writeln!(
            out,
            "if let Some(event::Body::{}(item)) = &mut self.body {{ {within} }}",
            inner.name()
        ),
        (Some(_), false, None) => writeln!(out, "if let Some(item) = &mut self.{name} {{ {within} }}"),
        (None, true, _) => writeln!(
            out,
            "for item in &mut self.{name} {{ visit(crate::cut::Long::{long}(item)); }}"
        ),
        (None, false, _) => writeln!(out, "visit(crate::cut::Long::{long}(&mut self.{name}));"),
    }
}
