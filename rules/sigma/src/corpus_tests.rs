//! The public rule corpus: every live rule parses, and compiles or does not apply. Skipped where the corpus is absent.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vonggac_event::proto::{Dns, Event, Http, event::Body};

use crate::document::Content;
use crate::{RuleError, RuleSet, Scratch, parse, reference};

fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("VONGGAC_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    let found = root.join("sigma");
    if found.is_dir() {
        return Some(found);
    }
    println!("skipped: no corpus at {}", found.display());
    None
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            out.push(path);
        }
    }
}

fn live_files(root: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let is_live = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("rules"));
        if is_live {
            files(&path, &mut out);
        }
    }
    out.sort();
    out
}

fn show(title: &str, errors: &[RuleError]) {
    println!("{title}: {}", errors.len());
    for error in errors {
        println!("  {error}");
    }
}

#[test]
fn every_live_rule_parses_and_compiles_or_does_not_apply() {
    let Some(root) = corpus() else { return };
    let files = live_files(&root);
    let (mut documents, mut parse_errors) = (Vec::new(), Vec::new());
    for file in &files {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        let (more, errors) = parse(&name, &std::fs::read_to_string(file).unwrap());
        documents.extend(more);
        parse_errors.extend(errors);
    }
    let parsed = documents.len();
    let (set, compile_errors) = RuleSet::compile(documents);
    let mut by_class: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, _) in set.rules() {
        *by_class.entry(set.class(index).unwrap().name()).or_default() += 1;
    }
    println!(
        "{} files, {parsed} rules parsed, {} compiled {by_class:?}, {} not applicable",
        files.len(),
        set.rules().count(),
        set.not_applicable().len()
    );
    show("parse errors", &parse_errors);
    show("compile errors", &compile_errors);
    assert_eq!(parse_errors, []);
    assert!(files.len() >= 3700 && parsed >= files.len());
    assert!(
        compile_errors
            .iter()
            .all(|error| error.message.contains("has no field")),
        "only fields that the sensor does not see may be missing"
    );
    assert!(compile_errors.len() <= 12);
    assert!(set.rules().count() >= 150);
}

#[test]
fn every_shipped_rule_compiles_and_applies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../content/sigma");
    let mut paths = Vec::new();
    files(&root, &mut paths);
    let (mut documents, mut errors) = (Vec::new(), Vec::new());
    for path in &paths {
        let (more, found) = parse(
            &path.display().to_string(),
            &std::fs::read_to_string(path).unwrap(),
        );
        documents.extend(more);
        errors.extend(found);
    }
    let count = documents.len();
    let (set, found) = RuleSet::compile(documents);
    errors.extend(found);
    assert_eq!(errors, []);
    assert_eq!(set.rules().count() + set.correlations().len(), count);
    assert!(!set.correlations().is_empty());
}

#[test]
fn sigma_1_aggregations_are_refused_with_a_reason() {
    let Some(root) = corpus() else { return };
    let folder = root.join("unsupported");
    if !folder.is_dir() {
        return;
    }
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let mut refused = 0;
    for path in &paths {
        let (_, errors) = parse("u.yml", &std::fs::read_to_string(path).unwrap());
        refused += usize::from(errors.iter().any(|error| error.message.contains("Sigma 1")));
    }
    println!(
        "{refused} of {} unsupported files use Sigma 1 aggregation",
        paths.len()
    );
    assert!(refused >= 50);
}

/// Events made from the rules' own values, so that much matches.
fn events(values: &[String]) -> Vec<Event> {
    let pick = |index: usize| values.get(index % values.len()).cloned().unwrap_or_default();
    (0..120)
        .map(|index| {
            let body = if index % 4 == 0 {
                Body::Dns(Dns {
                    query: pick(index * 7),
                    qtype_name: if index % 3 == 0 { "TXT" } else { "A" }.to_owned(),
                    answers: vec![pick(index * 11), pick(index * 13)],
                    ..Dns::default()
                })
            } else {
                Body::Http(Http {
                    method: if index % 2 == 0 { "POST" } else { "GET" }.to_owned(),
                    uri: format!(
                        "/{}{}?{}{}",
                        pick(index * 3),
                        pick(index * 5),
                        pick(index * 7),
                        pick(index * 17)
                    ),
                    host: pick(index * 19),
                    user_agent: pick(index * 23),
                    referrer: pick(index * 29),
                    status_code: if index % 3 == 0 { 200 } else { 404 },
                    ..Http::default()
                })
            };
            Event {
                event_id: vec![1; 16],
                src: vec![10, 0, 0, 1],
                dst: vec![192, 0, 2, 1],
                body: Some(body),
                ..Event::default()
            }
        })
        .collect()
}

fn literals(search: &crate::detection::Search, out: &mut Vec<String>) {
    use crate::detection::Search;
    match search {
        Search::All(sides) | Search::Any(sides) => sides.iter().for_each(|side| literals(side, out)),
        Search::Item(item) => out.extend(
            item.values
                .iter()
                .map(|literal| literal.scalar.text.replace(['*', '\\'], "")),
        ),
    }
}

#[test]
fn the_matcher_agrees_with_the_reference_on_the_corpus() {
    let Some(root) = corpus() else { return };
    let mut documents = Vec::new();
    for file in live_files(&root.join("rules").join("..")) {
        let name = file.display().to_string();
        if name.contains("/web/") || name.contains("/network/") || name.contains("emerging") {
            documents.extend(parse(&name, &std::fs::read_to_string(&file).unwrap()).0);
        }
    }
    let (set, _) = RuleSet::compile(documents.clone());
    let mut values = Vec::new();
    let mut rules = Vec::new();
    for document in documents {
        if let Content::Rule(rule) = document.0
            && set.rules().any(|(_, other)| other.id == rule.rule.id)
        {
            rule.searches
                .iter()
                .for_each(|(_, search)| literals(search, &mut values));
            rules.push(rule);
        }
    }
    let (mut scratch, mut out, mut hits) = (Scratch::default(), Vec::new(), 0);
    for event in events(&values) {
        out.clear();
        set.matches(&event, &mut scratch, &mut out);
        let found: Vec<&str> = out.iter().map(|index| set.rule(*index).id.as_str()).collect();
        let expect: Vec<&str> = rules
            .iter()
            .filter(|rule| reference::matches(rule, &event))
            .map(|rule| rule.rule.id.as_str())
            .collect();
        hits += found.len();
        assert_eq!(found, expect, "{event:?}");
    }
    println!("{} rules, {hits} matches agreed", rules.len());
    assert!(hits > 20);
}
