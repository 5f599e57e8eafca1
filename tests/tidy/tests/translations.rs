//! Vietnamese and English say the same things.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use vonggac_tidy::root;

/// Endings by which i18next tells plural forms apart; Vietnamese has one form, English two.
const PLURALS: [&str; 6] = ["_zero", "_one", "_two", "_few", "_many", "_other"];

fn translations(language: &str) -> Value {
    let path = root().join(format!("console/web/src/i18n/{language}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Every key with the names that its text fills in.
fn keys(value: &Value, prefix: &str, found: &mut BTreeSet<(String, BTreeSet<String>)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = PLURALS
                    .iter()
                    .find_map(|plural| key.strip_suffix(plural))
                    .unwrap_or(key);
                keys(value, &format!("{prefix}.{key}"), found);
            }
        }
        Value::String(text) => {
            assert!(!text.trim().is_empty(), "{prefix} is empty");
            found.insert((prefix.trim_start_matches('.').to_owned(), placeholders(text)));
        }
        other => panic!("{prefix} is {other}, not text"),
    }
}

/// Names in `{{name}}`; the number of things is left out, which "one event" need not show.
fn placeholders(text: &str) -> BTreeSet<String> {
    let parts = text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}"));
    let name = |inside: &str| inside.split(',').next().unwrap_or_default().trim().to_owned();
    parts
        .map(|(inside, _)| name(inside))
        .filter(|name| name != "count")
        .collect()
}

#[test]
fn both_languages_have_the_same_texts() {
    let [vietnamese, english] = ["vi", "en"].map(|language| {
        let mut found = BTreeSet::new();
        keys(&translations(language), "", &mut found);
        found
    });
    let only = |one: &BTreeSet<_>, other: &BTreeSet<_>| {
        one.difference(other)
            .map(|(key, names)| format!("{key} {names:?}"))
            .collect::<Vec<String>>()
    };
    assert!(vietnamese.len() > 50, "only {} texts", vietnamese.len());
    assert_eq!(
        only(&vietnamese, &english),
        Vec::<String>::new(),
        "in Vietnamese only"
    );
    assert_eq!(
        only(&english, &vietnamese),
        Vec::<String>::new(),
        "in English only"
    );
}
