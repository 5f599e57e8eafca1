//! The columns of every class, as tables of earlier builds have them.
//!
//! `columns.txt` lists them. A column that is stored may be added behind the others of its class and changes in no other way; with
//! `VONGGAC_WRITE=1` the list is written anew, but not over such a change.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use vonggac_event::schema::COMMON;
use vonggac_event::{Class, Column};

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/columns.txt")
}

fn list() -> String {
    let mut out = String::new();
    section("common", COMMON, &mut out);
    for class in Class::ALL {
        section(class.name(), class.own_columns(), &mut out);
    }
    out
}

fn section(name: &str, columns: &[Column], out: &mut String) {
    writeln!(out, "[{name}]").unwrap();
    for column in columns {
        let mut aliases = column.aliases.to_vec();
        aliases.sort_unstable();
        let stored = if column.stored { "stored" } else { "derived" };
        writeln!(
            out,
            "{} {:?} {stored} {}",
            column.name,
            column.kind,
            aliases.join(" ")
        )
        .unwrap();
    }
}

/// Name and kind of the stored columns, section by section.
fn stored(list: &str) -> Vec<(&str, Vec<(&str, &str)>)> {
    let mut sections: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
    for line in list.lines() {
        let mut words = line.split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some(name), None, None) => sections.push((name, Vec::new())),
            (Some(name), Some(kind), Some("stored")) => sections.last_mut().unwrap().1.push((name, kind)),
            _ => {}
        }
    }
    sections
}

#[test]
fn stored_columns_only_grow_at_the_end() {
    let (now, known) = (list(), fs::read_to_string(path()).unwrap_or_default());
    let now = stored(&now);
    for (section, columns) in stored(&known) {
        let (_, found) = now.iter().find(|(name, _)| *name == section).unwrap();
        assert!(
            found.starts_with(&columns),
            "{section}: tables have {columns:?}, this build {found:?}"
        );
    }
}

#[test]
fn the_list_of_columns_is_the_reviewed_one() {
    let list = list();
    if env::var_os("VONGGAC_WRITE").is_some() {
        stored_columns_only_grow_at_the_end();
        fs::write(path(), &list).unwrap();
    }
    let known = fs::read_to_string(path()).unwrap_or_default();
    for (number, (known, now)) in known.lines().zip(list.lines()).enumerate() {
        assert_eq!(
            known,
            now,
            "columns.txt, line {}; VONGGAC_WRITE=1 takes it",
            number + 1
        );
    }
    assert_eq!(known, list, "VONGGAC_WRITE=1 takes it");
}
