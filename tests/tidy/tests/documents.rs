//! What documents say holds something: it is there.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use vonggac_tidy::{Source, sources};

/// The table of ASVS names the tests that hold its rows.
const TABLE: &str = "docs/asvs.md";

fn text_of<'a>(sources: &'a [Source], path: &str) -> &'a str {
    let found = sources.iter().find(|source| source.path == path);
    found.and_then(|source| source.text.as_deref()).unwrap()
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// `area: name_of_a_test` or the name alone; the name.
fn test_name(quoted: &str) -> Option<&str> {
    let name = quoted.rsplit(": ").next()?;
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    // Shorter ones are settings and fields.
    (name.matches('_').count() >= 3 && name.chars().all(is_name)).then_some(name)
}

#[test]
fn each_test_that_the_table_of_asvs_names_is_there() {
    let sources = sources().unwrap();
    let mut functions = BTreeSet::new();
    for source in sources.iter().filter(|source| source.path.ends_with(".rs")) {
        let text = source.text.as_deref().unwrap_or_default();
        let after_fn = text.split("fn ").skip(1);
        functions.extend(after_fn.filter_map(|rest| rest.split(['(', '<']).next()));
    }
    let table = text_of(&sources, TABLE);
    let named: Vec<&str> = quoted(table).filter_map(test_name).collect();
    assert!(named.len() > 50, "the table names {} tests", named.len());
    let missing: Vec<&&str> = named.iter().filter(|name| !functions.contains(**name)).collect();
    assert!(
        missing.is_empty(),
        "{TABLE} names tests that are not there: {missing:?}"
    );
}

#[test]
fn each_test_of_the_front_end_that_the_table_of_asvs_names_is_there() {
    let sources = sources().unwrap();
    let table = text_of(&sources, TABLE);
    let mut missing = Vec::new();
    for (rest, folder) in table
        .split("web: ")
        .skip(1)
        .map(|rest| (rest, "console/web/src/"))
        .chain(
            table
                .split("browser: ")
                .skip(1)
                .map(|rest| (rest, "tests/browser/")),
        )
    {
        // A file, where one is named, and a title in quotes.
        let Some((file, title)) = rest.split_once('"').filter(|(file, _)| file.len() < 60) else {
            continue;
        };
        let title = title.split('"').next().unwrap_or_default();
        let is_there = sources.iter().any(|source| {
            let is_file = source.path.starts_with(folder) && source.path.ends_with(file.trim());
            is_file && source.text.as_deref().is_some_and(|text| text.contains(title))
        });
        if !is_there {
            missing.push(format!("{} {title}", file.trim()));
        }
    }
    assert!(
        missing.is_empty(),
        "{TABLE} names tests that are not there: {missing:?}"
    );
}
