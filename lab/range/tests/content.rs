//! The shipped rules load without an error, and `coverage.json` names rules that exist and say the right technique.
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

/// Rule ids and the techniques each names.
fn shipped() -> BTreeMap<String, BTreeSet<String>> {
    let mut rules = BTreeMap::new();

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
    for rule in engine.rules() {
        let techniques = rule
            .metadata
            .iter()
            .filter(|(key, _)| key == "mitre_technique_id");
        rules.insert(
            rule.sid.to_string(),
            techniques.map(|(_, value)| value.clone()).collect(),
        );
    }

    let mut documents = Vec::new();
    for (file, text) in [files("sigma", "yml"), files("sigma/correlations", "yml")].concat() {
        let (good, errors) = vonggac_sigma::parse(&file, &text);
        assert!(errors.is_empty(), "{errors:?}");
        for document in good {
            let rule = document.rule();
            rules.insert(rule.id.clone(), rule.techniques.iter().cloned().collect());
            documents.push(document);
        }
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
