//! Compiles the Protobuf schema with a compiler written in Rust, so that no `protoc` is needed, and makes of its options the table of
//! classes and columns, and the list of the fields of an event that may be long.

#[path = "build/classes.rs"]
mod classes;
#[path = "build/columns.rs"]
mod columns;
#[path = "build/long_fields.rs"]
mod long_fields;
#[path = "build/options.rs"]
mod options;

use std::path::Path;
use std::{env, fs};

/// Why the schema cannot be used.
type Fault = Box<dyn std::error::Error>;

/// The message that has one of each class's messages.
const ENVELOPE: &str = "vonggac.v1.Event";

/// Messages within messages that stand behind a pointer.
const BOXED: [&str; 2] = ["Signature.flow", "File.http"];

fn main() -> Result<(), Fault> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=build");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.open_file("vonggac/v1/event.proto")?;
    let pool = compiler.descriptor_pool();
    let envelope = pool
        .get_message_by_name(ENVELOPE)
        .ok_or("no message vonggac.v1.Event")?;
    let options = options::Options::of(&pool)?;
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    fs::write(
        out.join("long_fields.rs"),
        long_fields::generate(&envelope, &options)?,
    )?;
    fs::write(out.join("classes.rs"), classes::generate(&envelope, &options)?)?;
    let mut config = prost_build::Config::new();
    // What alerts and files carry of other classes is large and often absent.
    for field in BOXED {
        config.boxed(format!(".vonggac.v1.{field}"));
    }
    config.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
