//! Loads whole public rule sets: how many rules are refused, and why.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use support::{Buffers, context, corpus, on_transaction, sids};
use vonggac_protocols::REGISTRY;
use vonggac_signature::{
    Engine, FlowState, Matcher, Resources, RuleError, RuleFiles, RuleWarning, Variables, parse,
};

fn rule_files(directory: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rule_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rules") {
            found.push(path);
        }
    }
}

/// Loads all files as one set; commented-out rules too if asked.
fn load(files: &[PathBuf], disabled_too: bool) -> Set {
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    for path in files {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        let text = if disabled_too { uncomment(&text) } else { text };
        let (parsed, wrong) = parse(&path.to_string_lossy(), &text);
        rules.extend(parsed);
        errors.extend(wrong);
    }
    let total = rules.len() + errors.len();
    let resources = Resources::new(Arc::new(BesideTheRules));
    let (engine, wrong) = Engine::load(rules, &Variables::default(), REGISTRY, resources);
    errors.extend(wrong);
    Set {
        warnings: engine.warnings(),
        engine,
        errors,
        total,
    }
}

/// What became of a set of rules.
struct Set {
    engine: Engine,
    errors: Vec<RuleError>,
    warnings: Vec<RuleWarning>,
    total: usize,
}

/// Lists lie beside the rules that name them.
#[derive(Debug)]
struct BesideTheRules;

impl RuleFiles for BesideTheRules {
    fn read(&self, rule_file: &str, name: &str) -> Result<String, String> {
        let path = Path::new(rule_file).with_file_name(name);
        std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))
    }
}

fn uncomment(text: &str) -> String {
    let is_rule = |line: &str| line.trim_start_matches('#').trim_start().starts_with("alert ");
    let lines = text.lines().map(|line| {
        if line.starts_with('#') && is_rule(line) {
            line.trim_start_matches('#').trim_start()
        } else {
            line
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn report(title: &str, loaded: usize, total: usize, errors: &[RuleError]) {
    println!("{title}: {loaded} of {total} rules loaded");
    let mut reasons: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for error in errors {
        let key = match error.message.starts_with("duplicate") {
            true => "duplicate",
            false => &error.message,
        };
        let reason = reasons
            .entry(key.to_owned())
            .or_insert_with(|| (0, error.to_string()));
        reason.0 += 1;
    }
    let mut reasons: Vec<_> = reasons.into_values().collect();
    reasons.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    for (count, example) in reasons.iter().take(25) {
        println!("{count:6}  {example}");
    }
}

fn report_warnings(warnings: &[RuleWarning]) {
    let mut kinds: BTreeMap<String, Vec<&RuleWarning>> = BTreeMap::new();
    for warning in warnings {
        kinds
            .entry(format!("{:?}", warning.kind))
            .or_default()
            .push(warning);
    }
    for (kind, warnings) in kinds {
        println!("{:6}  {kind}", warnings.len());
        for warning in warnings.iter().take(5) {
            println!("          {warning}");
        }
    }
}

#[test]
fn et_open_loads() {
    let Some(directory) = corpus("et-open") else {
        return;
    };
    let mut files = Vec::new();
    rule_files(&directory, &mut files);
    let started = Instant::now();
    let Set {
        engine,
        errors,
        warnings,
        total,
    } = load(&files, false);
    report("enabled", engine.len(), total, &errors);
    report_warnings(&warnings);
    println!(
        "{:?}, prefilters {} MiB",
        started.elapsed(),
        engine.prefilter_memory_bytes() >> 20
    );
    assert!(total > 10_000);
    assert!(engine.len() * 1000 >= total * 999, "{} of {total}", engine.len());

    let mut matcher = Matcher::new(Arc::new(engine));
    let request: &Buffers<'_> = &[
        ("http.method", b"GET"),
        ("http.uri", b"/index.html"),
        ("http.host", b"example.com"),
        (
            "http.user_agent",
            b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        ),
        ("http.header", b"Host: example.com\r\nAccept: */*\r\n"),
    ];
    for _ in 0..100 {
        let found = on_transaction(&mut matcher, "http", request);
        assert!(found.len() < 3, "{found:?}");
    }
    println!(
        "candidates for an everyday request: {}",
        matcher.counters().candidates / 100
    );

    let before = matcher.counters().candidates;
    let mut hits = Vec::new();
    let mut flow = FlowState::default();
    let body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><body>uid=0(root) gid=0(root) groups=0(root)</body></html>";
    let mut cx = context(Some(&mut flow), None);
    std::mem::swap(&mut cx.src, &mut cx.dst);
    std::mem::swap(&mut cx.sport, &mut cx.dport);
    cx.direction = vonggac_signature::Direction::ToClient;
    matcher.stream(&mut cx, body, &mut hits);
    println!(
        "candidates for a chunk: {}; found {:?}",
        matcher.counters().candidates - before,
        sids(&matcher, &hits)
    );
}

#[test]
fn et_open_with_disabled_rules_loads() {
    let Some(directory) = corpus("et-open") else {
        return;
    };
    let mut files = Vec::new();
    rule_files(&directory, &mut files);
    let Set {
        engine,
        errors,
        total,
        ..
    } = load(&files, true);
    report("with disabled", engine.len(), total, &errors);
    assert!(engine.len() * 1000 >= total * 999, "{} of {total}", engine.len());
}

#[test]
fn suricata_verify_never_panics() {
    let Some(directory) = corpus("suricata-verify") else {
        return;
    };
    let mut files = Vec::new();
    rule_files(&directory, &mut files);
    let (mut loaded, mut total, mut all_errors) = (0, 0, Vec::new());
    for file in &files {
        let set = load(std::slice::from_ref(file), false);
        loaded += set.engine.len();
        total += set.total;
        all_errors.extend(set.errors);
    }
    report("suricata-verify", loaded, total, &all_errors);
    assert!(loaded * 100 >= total * 65, "{loaded} of {total}");
}
