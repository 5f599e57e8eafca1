#![allow(clippy::unwrap_used)]

use super::*;

const EICAR_LIKE: &str = r#"import "hash"

// A comment with rule in it { and a brace.
private rule Helper { condition: filesize > 3 }

rule Marker : suspicious lab {
    meta:
        severity = "high"
        mitre_technique_id = "T1105"
        score = 80
        exact = true
    strings:
        $a = "VONGGAC-}-MARKER"
    condition:
        Helper and $a
}

rule Exact { condition: hash.sha256(0, filesize) == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" }
"#;

fn compile(text: &str) -> (Rules, Vec<RuleError>) {
    Rules::compile(&[("files/lab.yar".to_owned(), text.to_owned())])
}

#[test]
fn a_match_carries_what_the_alert_page_shows() {
    let (rules, errors) = compile(EICAR_LIKE);
    assert_eq!(errors, []);
    let mut scanner = Scanner::new(Arc::new(rules), Limits::default());
    let found = scanner.scan(b"xx VONGGAC-}-MARKER yy").unwrap();
    let [one] = found.as_slice() else {
        unreachable!("one rule matches, got {found:?}")
    };
    assert_eq!((one.rule.as_str(), one.namespace.as_str()), ("Marker", "lab"));
    assert_eq!(one.tags, ["suspicious", "lab"]);
    let metadata: Vec<_> = one
        .metadata
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        metadata,
        [
            ("severity", "high"),
            ("mitre_technique_id", "T1105"),
            ("score", "80"),
            ("exact", "true")
        ]
    );
    assert!(one.text.starts_with("rule Marker : suspicious lab {"));
    assert!(one.text.ends_with("Helper and $a\n}"), "{}", one.text);
    assert_eq!(scanner.scan(b"nothing to see").unwrap(), []);
    assert_eq!(scanner.scan(b"x").unwrap().len(), 1, "the hash of \"x\"");
}

#[test]
fn modifiers_belong_to_the_rule_text() {
    let found = source::rules(EICAR_LIKE);
    assert_eq!(
        found.first().copied(),
        Some(("Helper", "private rule Helper { condition: filesize > 3 }"))
    );
    assert_eq!(found.len(), 3);
}

#[test]
fn errors_say_where() {
    let check = |text: &str, line: u32, column: u32, part: &str| {
        let (_, errors) = compile(text);
        let first = errors.first().unwrap();
        assert_eq!(
            (first.file.as_str(), first.line, first.column),
            ("files/lab.yar", line, column),
            "{first}"
        );
        assert!(first.to_string().contains(part), "{first}");
    };
    check("rule a {\n  condition:\n    $x\n}", 3, 5, "unknown pattern");
    check("rule a {\n  strings:\n", 3, 1, "syntax error");
    check("rule á { condition: true }", 1, 6, "error");
    check("include \"other.yar\"\n", 1, 1, "include");
    check("import \"nomodule\"\n", 1, 1, "unknown module");
}

#[test]
fn what_it_says_in_vietnamese_is_a_text() {
    let rule = |meta: &str| format!("rule a {{\n  meta:\n    {meta}\n  condition: true\n}}");
    let told = |meta: &str| {
        let (rules, errors) = compile(&rule(meta));
        let mut scanner = Scanner::new(Arc::new(rules), Limits::default());
        let metadata = scanner.scan(b"").unwrap().remove(0).metadata;
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        (metadata, errors)
    };
    let (metadata, errors) = told("title_vi = \"Web shell: mã chạy lệnh của kẻ tấn công\"");
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(
        metadata.first().unwrap().1,
        "Web shell: mã chạy lệnh của kẻ tấn công"
    );
    let (metadata, errors) = told("title_vi = 5");
    assert_eq!(
        errors,
        ["files/lab.yar:3:16: title_vi is a text that says something"]
    );
    assert_eq!(metadata, []);
    let (_, errors) = told(&format!("description_vi = \"{}\"", "ă".repeat(600)));
    assert_eq!(
        errors,
        ["files/lab.yar:3:22: description_vi is longer than 1024 bytes"]
    );
}

#[test]
fn a_broken_rule_leaves_its_neighbours_alone() {
    let (rules, errors) = compile("rule bad { condition: $x }\nrule good { condition: true }");
    assert_eq!((rules.len(), errors.len()), (1, 1));
    let mut scanner = Scanner::new(Arc::new(rules), Limits::default());
    assert_eq!(scanner.scan(b"").unwrap().first().unwrap().rule, "good");
}

#[test]
fn a_large_file_is_refused() {
    let (rules, _) = compile("rule a { condition: true }");
    let limits = Limits {
        bytes_max: 3,
        ..Limits::default()
    };
    let mut scanner = Scanner::new(Arc::new(rules), limits);
    assert_eq!(
        scanner.scan(b"four"),
        Err(ScanError::TooLarge { bytes: 4, limit: 3 })
    );
    assert!(scanner.scan(b"has").is_ok());
}

#[test]
fn time_runs_out() {
    let endless = "rule slow { condition: for all i in (0..4000000000) : ( for all j in (0..4000000000) : (uint8(i & 0) + j >= 0) ) }";
    let (rules, errors) = compile(endless);
    assert_eq!(errors, []);
    let limits = Limits {
        timeout: Duration::from_secs(1),
        ..Limits::default()
    };
    let mut scanner = Scanner::new(Arc::new(rules), limits);
    assert_eq!(
        scanner.scan(b"a"),
        Err(ScanError::Timeout {
            limit: Duration::from_secs(1)
        })
    );
}

#[test]
fn namespaces_come_from_file_names() {
    for (file, expect) in [
        ("a/b/c.yar", "c"),
        ("c", "c"),
        (".yar", ".yar"),
        ("x.y.yar", "x.y"),
    ] {
        assert_eq!(source::namespace(file), expect);
    }
}

#[test]
fn every_shipped_rule_compiles() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../content/yara");
    let files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yar"))
        .map(|path| {
            (
                path.display().to_string(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    let (rules, errors) = Rules::compile(&files);
    assert_eq!(errors, []);
    assert!(!rules.is_empty());
}
