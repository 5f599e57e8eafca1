//! The console's list of classes and fields, made from the schema.
//!
//! The front end is built without Rust, so the list is checked in; here it is found stale, and made anew with `VONGGAC_WRITE=1`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use vonggac_event::schema::COMMON;
use vonggac_event::{Class, Column, Entity};

const LIST: &str = "../../console/web/src/lib/classes.generated.ts";

const HEAD: &str = "\
// Made from pipeline/event/proto/vonggac/v1/event.proto by pipeline/event/tests/console.rs. Change it there.

export interface Described {
  readonly vi: string;
  readonly en: string;
}

export type EntityKind = ENTITIES;

export interface FieldInfo extends Described {
  /** Its values are long. */
  readonly wide?: true;
  /** What its values name: a kind of entity page. */
  readonly entity?: EntityKind;
  /** What rules in other languages call it. */
  readonly aliases?: readonly string[];
}

export interface ClassInfo extends Described {
  readonly name: string;
  /** Number of its colour in the palette (`tokens.css`). */
  readonly colour: number;
  /** The fields that say most about an event, in the order they are shown. */
  readonly key: readonly string[];
  readonly fields: Readonly<Record<string, FieldInfo>>;
}
";

fn list() -> String {
    let kinds: Vec<String> = Entity::ALL
        .iter()
        .map(|entity| format!("{:?}", entity.name()))
        .collect();
    let mut out = HEAD.replace("ENTITIES", &kinds.join(" | "));
    out.push_str("\nexport const COMMON_FIELDS: Readonly<Record<string, FieldInfo>> = {\n");
    fields(COMMON, "  ", &mut out);
    out.push_str("};\n\nexport const EVENT_CLASSES: readonly ClassInfo[] = [\n");
    for class in Class::ALL {
        let info = class.info();
        writeln!(
            out,
            "  {{\n    name: {:?},\n    vi: {:?},\n    en: {:?},\n    colour: {},\n    key: {:?},\n    fields: {{",
            info.name, info.vi, info.en, info.colour, info.key
        )
        .unwrap();
        fields(class.own_columns(), "      ", &mut out);
        out.push_str("    },\n  },\n");
    }
    out.push_str("];\n");
    out
}

fn fields(columns: &[Column], indent: &str, out: &mut String) {
    for column in columns {
        let wide = if column.wide { ", wide: true" } else { "" };
        let entity = column
            .entity
            .map_or_else(String::new, |entity| format!(", entity: {:?}", entity.name()));
        let aliases = match column.aliases {
            [] => String::new(),
            aliases => format!(", aliases: {aliases:?}"),
        };
        writeln!(
            out,
            "{indent}{}: {{ vi: {:?}, en: {:?}{wide}{entity}{aliases} }},",
            column.name, column.vi, column.en
        )
        .unwrap();
    }
}

#[test]
fn the_consoles_list_is_fresh() {
    let (path, list) = (Path::new(env!("CARGO_MANIFEST_DIR")).join(LIST), list());
    if env::var_os("VONGGAC_WRITE").is_some() {
        fs::write(&path, &list).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == list,
        "{LIST} is stale; VONGGAC_WRITE=1 cargo test -p vonggac-event writes it"
    );
}

#[test]
fn key_fields_are_columns() {
    for class in Class::ALL {
        for key in class.info().key {
            let named = class.columns().any(|column| column.name == *key);
            assert!(named, "{}: no column {key}", class.name());
        }
    }
}
