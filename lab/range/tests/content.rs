//! The shipped rules load without an error and say what they find in English and in Vietnamese, and `coverage.json` names rules that exist and say the right technique.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use vonggac_range::generate::{Arguments, write};

type Files = Vec<(String, String)>;

fn content() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/content")
}

fn files(directory: &str, extension: &str) -> Files {
    let mut found: Files = fs::read_dir(content().join(directory))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap()))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{directory}");
    found
}

fn signatures() -> vonggac_signature::Engine {
    let mut parsed = Vec::new();
    for (file, text) in files("signatures", "rules") {
        let (good, errors) = vonggac_signature::parse(&file, &text);
        assert!(errors.is_empty(), "{errors:?}");
        parsed.extend(good);
    }
    let (engine, errors) = vonggac_signature::Engine::compile(
        parsed,
        &vonggac_signature::Variables::default(),
        vonggac_protocols::REGISTRY,
    );
    assert!(errors.is_empty(), "{errors:?}");
    engine
}

fn sigma() -> Vec<vonggac_sigma::Document> {
    let mut documents = Vec::new();
    for (file, text) in [files("sigma", "yml"), files("sigma/correlations", "yml")].concat() {
        let (good, errors) = vonggac_sigma::parse(&file, &text);
        assert!(errors.is_empty(), "{errors:?}");
        documents.extend(good);
    }
    documents
}

/// Rule ids and the techniques each names.
fn shipped() -> BTreeMap<String, BTreeSet<String>> {
    let mut rules = BTreeMap::new();
    for rule in signatures().rules() {
        let techniques = rule
            .metadata
            .iter()
            .filter(|(key, _)| key == "mitre_technique_id");
        rules.insert(
            rule.sid.to_string(),
            techniques.map(|(_, value)| value.clone()).collect(),
        );
    }

    let documents = sigma();
    for document in &documents {
        let rule = document.rule();
        rules.insert(rule.id.clone(), rule.techniques.iter().cloned().collect());
    }
    let (set, errors) = vonggac_sigma::RuleSet::compile(documents);
    assert!(errors.is_empty(), "{errors:?}");
    assert!(set.not_applicable().is_empty(), "{:?}", set.not_applicable());

    let sources = files("yara", "yar");
    let (compiled, errors) = vonggac_yara::Rules::compile(&sources);
    assert!(errors.is_empty(), "{errors:?}");
    for name in compiled.names() {
        let identifier = name.rsplit(':').next().unwrap().to_owned();
        let text = sources
            .iter()
            .find_map(|(_, text)| text.split(&format!("rule {identifier}\n")).nth(1))
            .unwrap();
        let technique = text
            .split("mitre_technique_id = \"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap();
        rules.insert(identifier, BTreeSet::from([technique.to_owned()]));
    }
    rules
}

/// A shipped rule's title, description, and both in Vietnamese.
type Said = [String; 4];

/// What each rule says of itself, by id.
fn said() -> BTreeMap<String, Said> {
    let mut said = BTreeMap::new();
    for rule in signatures().rules() {
        let of = |key: &str| {
            let found = rule.metadata.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let words = [
            rule.message.clone(),
            of("description"),
            of("title_vi"),
            of("description_vi"),
        ];
        said.insert(rule.sid.to_string(), words);
    }
    for document in sigma() {
        let rule = document.rule().clone();
        let words = [rule.title, rule.description, rule.title_vi, rule.description_vi];
        said.insert(rule.id, words);
    }
    for (file, text) in files("yara", "yar") {
        for rule in text.split("\nrule ").skip(1) {
            let of = |key: &str| {
                let (_, rest) = rule.split_once(&format!(" {key} = \"")).unwrap_or_default();
                rest.split('"').next().unwrap_or_default().to_owned()
            };
            let words = ["title", "description", "title_vi", "description_vi"].map(of);
            let name = rule.split_whitespace().next().unwrap();
            assert!(said.insert(name.to_owned(), words).is_none(), "{file}: {name}");
        }
    }
    said
}

#[test]
fn every_rule_says_what_it_finds_in_english_and_in_vietnamese() {
    let is_vietnamese = |text: &str| {
        text.chars()
            .any(|letter| "ạảãăắằặẳâấầậẩđêếềệểễôốồộổơớờợởưứừựửữịủụọòóíìýỳ".contains(letter))
    };
    let said = said();
    let rules = shipped();
    assert_eq!(
        said.keys().collect::<Vec<_>>(),
        rules.keys().collect::<Vec<_>>(),
        "each is looked at"
    );
    for (id, words) in &said {
        assert!(
            words.iter().all(|text| !text.trim().is_empty()),
            "{id}: {words:?}"
        );
        let [title, description, title_vi, description_vi] = words;
        assert!(
            !is_vietnamese(title) && !is_vietnamese(description),
            "{id}: {words:?}"
        );
        assert!(
            is_vietnamese(title_vi) && is_vietnamese(description_vi),
            "{id}: {words:?}"
        );
    }
    let titles: BTreeSet<&String> = said.values().map(|words| &words[2]).collect();
    assert_eq!(titles.len(), said.len(), "no two are called the same");
}

/// A comma within a text would end it: what follows would stand as an entry of its own.
#[test]
fn metadata_has_no_torn_texts() {
    const KEYS: [&str; 7] = [
        "mitre_tactic_id",
        "mitre_technique_id",
        "signature_severity",
        "cve",
        "title_vi",
        "description",
        "description_vi",
    ];
    for rule in signatures().rules() {
        for (key, value) in &rule.metadata {
            assert!(
                KEYS.contains(&key.as_str()) && !value.is_empty(),
                "{}: {key} {value}",
                rule.sid
            );
        }
    }
}

#[test]
fn coverage_names_rules_that_exist() {
    let rules = shipped();
    assert!(
        rules.iter().all(|(_, techniques)| !techniques.is_empty()),
        "{rules:?}"
    );
    let text = fs::read_to_string(content().join("coverage.json")).unwrap();
    let coverage: serde_json::Value = serde_json::from_str(&text).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let sample = Arguments {
        duration: 60,
        users: 1,
        without_benign: true,
        ..Arguments::sample(directory.path().join("a.pcap"), None)
    };
    let truth = write(&sample).unwrap();
    let covered: BTreeMap<&str, &serde_json::Value> = coverage["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["step"].as_str().unwrap(), step))
        .collect();
    assert_eq!(covered.len(), truth.steps.len());
    for step in &truth.steps {
        let entry = covered.get(step.id.as_str()).unwrap();
        assert_eq!(entry["technique"], step.technique.as_str());
        let ids = entry["rules"].as_array().unwrap();
        assert!(!ids.is_empty());
        for id in ids {
            let techniques = rules.get(id.as_str().unwrap());
            assert!(
                techniques.is_some_and(|found| found.contains(&step.technique)),
                "{id}: {techniques:?}"
            );
        }
    }
}

#[test]
fn the_web_shell_is_found_and_the_lesson_is_not() {
    let (rules, _) = vonggac_yara::Rules::compile(&files("yara", "yar"));
    let mut scanner = vonggac_yara::Scanner::new(rules.into(), vonggac_yara::Limits::default());
    let mut names = |data: &[u8]| {
        let mut names: Vec<String> = scanner
            .scan(data)
            .unwrap()
            .into_iter()
            .map(|found| found.rule)
            .collect();
        names.sort();
        names
    };
    let shell = b"<?php\n/* vonggac-range-webshell\n$l = $_REQUEST['cmd']; system($l); */\n";
    assert_eq!(names(shell), ["vonggac_php_webshell", "vonggac_range_webshell"]);
    assert!(names(b"<?php\necho htmlspecialchars($_GET['ten'] ?? 'ai');\n").is_empty());
    assert!(names("<p>Hướng dẫn dùng system() và $_GET['cmd'] trong PHP</p>".as_bytes()).is_empty());
}
