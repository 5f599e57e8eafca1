//! Compiles the Protobuf schema with a compiler written in Rust, so that no `protoc` is needed, and lists the fields of an event that may
//! be long.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// Fields of fixed length: ids and addresses.
const FIXED: [&str; 3] = ["event_id", "src", "dst"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(["vonggac/v1/event.proto"], ["proto"])?;
    let long_fields = long_fields(&descriptors)?;
    prost_build::Config::new().compile_fds(descriptors)?;
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("long_fields.rs"), long_fields)?;
    Ok(())
}

/// `impl LongFields` for `Event` and every message in it.
fn long_fields(descriptors: &FileDescriptorSet) -> Result<String, Box<dyn std::error::Error>> {
    let messages: Vec<&DescriptorProto> = descriptors
        .file
        .iter()
        .filter(|file| file.package() == "vonggac.v1")
        .flat_map(|file| &file.message_type)
        .collect();
    let mut wanted = vec!["Event".to_owned()];
    let mut out = String::new();
    let mut done = 0;
    while let Some(name) = wanted.get(done).cloned() {
        done += 1;
        let message = messages
            .iter()
            .find(|message| message.name() == name)
            .ok_or_else(|| format!("no message {name}"))?;
        writeln!(out, "impl crate::cut::LongFields for {name} {{")?;
        writeln!(
            out,
            "fn long_fields(&mut self, visit: &mut dyn FnMut(crate::cut::Long<'_>)) {{"
        )?;
        // A message may have none.
        writeln!(out, "let _ = &visit;")?;
        for field in &message.field {
            visit(field, &mut out, &mut wanted)?;
        }
        writeln!(out, "}}\n}}")?;
    }
    Ok(out)
}

fn visit(
    field: &FieldDescriptorProto,
    out: &mut String,
    wanted: &mut Vec<String>,
) -> Result<(), std::fmt::Error> {
    let name = field.name();
    let is_list = field.label() == Label::Repeated;
    let long = match field.r#type() {
        Type::String => "Text",
        Type::Bytes if FIXED.contains(&name) => return Ok(()),
        Type::Bytes => "Bytes",
        Type::Message => "Message",
        _ if is_list => "",
        _ => return Ok(()),
    };
    if is_list {
        writeln!(out, "visit(crate::cut::Long::List(&mut self.{name}));")?;
    }
    let inner = field
        .type_name()
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_owned();
    let is_message = long == "Message";
    if is_message && !wanted.contains(&inner) {
        wanted.push(inner.clone());
    }
    match (is_message, is_list) {
        _ if long.is_empty() => Ok(()),
        (true, true) => writeln!(
            out,
            "for item in &mut self.{name} {{ crate::cut::LongFields::long_fields(item, visit); }}"
        ),
        (true, false) if field.oneof_index.is_some() => writeln!(
            out,
            "if let Some(event::Body::{inner}(item)) = &mut self.body {{ crate::cut::LongFields::long_fields(item, visit); }}"
        ),
        (true, false) => writeln!(
            out,
            "if let Some(item) = &mut self.{name} {{ crate::cut::LongFields::long_fields(item, visit); }}"
        ),
        (false, true) => writeln!(
            out,
            "for item in &mut self.{name} {{ visit(crate::cut::Long::{long}(item)); }}"
        ),
        (false, false) => writeln!(out, "visit(crate::cut::Long::{long}(&mut self.{name}));"),
    }
}
