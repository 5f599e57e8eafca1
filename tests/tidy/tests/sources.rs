//! What may and must stand in the files of the repository.
#![allow(clippy::unwrap_used)]

use vonggac_tidy::{Source, sources};

/// Longest file of Rust, in lines.
const LINES_MAX: usize = 800;
/// Directories of the engines.
const ENGINES: [&str; 13] = [
    "sensors/decode/",
    "sensors/stream/",
    "sensors/protocols/",
    "sensors/inspect/",
    "rules/signature/",
    "rules/sigma/",
    "rules/yara/",
    "pipeline/correlate/",
    "lab/traffic/",
    "console/access/",
    "console/audit/",
    "console/openid/",
    "console/passkey/",
];
/// Directories whose crates may be unsafe: the ring of captured packets and the library of ClickHouse.
const UNSAFE: [&str; 2] = ["sensors/capture/", "pipeline/embedded/"];

/// Files of the root.
const ROOT: [&str; 11] = [
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "rustfmt.toml",
];

/// Fails with everything that was found.
fn assert_none(found: &[String], what: &str) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

fn rust() -> Vec<Source> {
    sources()
        .unwrap()
        .into_iter()
        .filter(|source| source.path.ends_with(".rs"))
        .collect()
}

#[test]
fn nothing_is_left_in_the_root() {
    let sources = sources().unwrap();
    let paths = sources.iter().map(|source| &source.path);
    let strays = paths.filter(|path| !path.contains('/') && !ROOT.contains(&path.as_str()));
    let strays: Vec<String> = strays.cloned().collect();
    assert_none(&strays, "files that belong elsewhere, or nowhere");
}

#[test]
fn files_of_rust_stay_readable() {
    let lines = |source: &Source| source.text.as_deref().unwrap_or_default().lines().count();
    let long: Vec<String> = rust()
        .iter()
        .filter(|source| lines(source) > LINES_MAX)
        .map(|source| format!("{}: {} lines", source.path, lines(source)))
        .collect();
    assert_none(&long, "too long; look for the two things in it");
}

#[test]
fn every_crate_begins_by_saying_what_it_is() {
    let silent: Vec<String> = rust()
        .iter()
        .filter(|source| source.path.ends_with("/src/lib.rs") || source.path.ends_with("/src/main.rs"))
        .filter(|source| !source.text.as_deref().unwrap_or_default().starts_with("//!"))
        .map(|source| source.path.clone())
        .collect();
    assert_none(&silent, "no //! on the first line");
}

#[test]
fn only_the_ring_and_the_library_are_unsafe() {
    let needles = [
        "unsafe {",
        "unsafe fn",
        "unsafe impl",
        "unsafe extern",
        "allow(unsafe_code)",
        "unsafe(",
    ];
    let found = lines_with(&rust(), &needles, |source| {
        !UNSAFE.iter().any(|home| source.path.starts_with(home))
    });
    // This file names what it looks for.
    let found: Vec<String> = found
        .into_iter()
        .filter(|place| !place.starts_with("tests/tidy/"))
        .collect();
    assert_none(&found, "unsafe");
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let mut silent = Vec::new();
    for source in rust()
        .iter()
        .filter(|source| UNSAFE.iter().any(|home| source.path.starts_with(home)))
    {
        let lines: Vec<&str> = source.text.as_deref().unwrap_or_default().lines().collect();
        for (index, line) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.contains("unsafe {") || line.contains("unsafe impl"))
        {
            let before = lines.get(index.saturating_sub(8)..index).unwrap_or_default();
            if !before.iter().any(|line| line.contains("SAFETY:")) && !line.trim_start().starts_with("//") {
                silent.push(format!("{}:{}", source.path, index + 1));
            }
        }
    }
    assert_none(&silent, "no SAFETY: above it");
}

#[test]
fn engines_read_no_clock_and_do_no_input_or_output() {
    let needles = [
        "std::fs",
        "fs::File",
        "File::open",
        "std::net::TcpStream",
        "std::net::TcpListener",
        "std::net::UdpSocket",
        "SystemTime::now",
        "Instant::now",
        "std::process::Command",
        "std::env::",
        "rand::rng()",
        "thread::sleep",
        "tokio::",
    ];
    let found = lines_with(&rust(), &needles, |source| {
        ENGINES.iter().any(|engine| source.path.starts_with(engine))
            && source.is_crate_source()
            && !source.is_test_module()
    });
    assert_none(&found, "an engine does I/O or reads a clock");
}

/// Where code lines hold one of the needles.
fn lines_with(sources: &[Source], needles: &[&str], wanted: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| wanted(source)) {
        for (number, line) in source.code_lines() {
            if needles.iter().any(|needle| line.contains(needle)) {
                found.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    found
}

/// Where something is fetched from is the business of whoever builds; mirrors differ.
#[test]
fn no_registry_and_no_machine_is_named() {
    // In two halves, so that this file is not found.
    let hosts: Vec<String> = [
        ("registry.npm", "js.org"),
        ("registry.yarn", "pkg.com"),
        ("index.crates", ".io"),
        ("static.crates", ".io"),
        ("repo.maven.apa", "che.org"),
        ("repo1.ma", "ven.org"),
        ("deb.deb", "ian.org"),
        ("files.python", "hosted.org"),
        ("py", "pi.org"),
    ]
    .iter()
    .map(|(front, back)| format!("{front}{back}"))
    .collect();
    let places = ["work", "root", "Users"].map(|place| format!("/{place}/"));
    let mut found = Vec::new();
    for source in sources().unwrap() {
        for (index, line) in source.text.as_deref().unwrap_or_default().lines().enumerate() {
            let is_named = hosts.iter().any(|host| line.contains(host.as_str()));
            let is_placed = places.iter().any(|place| {
                line.match_indices(place.as_str())
                    .any(|(at, _)| is_absolute(line, at))
            });
            if is_named || is_placed {
                found.push(format!(
                    "{}:{}: {}",
                    source.path,
                    index + 1,
                    line.trim().chars().take(120).collect::<String>()
                ));
            }
        }
    }
    assert_none(&found, "names a registry's host, or a path of one machine");
}

/// Whether the path that begins at `at` is absolute: nothing of a longer path or address stands before it.
fn is_absolute(line: &str, at: usize) -> bool {
    let before = line.get(..at).and_then(|text| text.chars().next_back());
    before.is_none_or(|letter| !(letter.is_alphanumeric() || ".-_}~*)%".contains(letter)))
}

#[test]
fn a_path_in_a_longer_one_is_not_absolute() {
    for (line, expect) in [
        ("/x/", true),
        ("cd /x/a", true),
        ("a/x/b", false),
        ("./x/b", false),
        ("\"/x/", true),
        ("${a}/x/", false),
    ] {
        assert_eq!(is_absolute(line, line.find("/x/").unwrap()), expect, "{line}");
    }
}

#[test]
fn nothing_is_left_open() {
    // In two halves, so that this file is not found.
    let needles = [
        ("todo", "!("),
        ("unimplemented", "!("),
        ("#[ig", "nore"),
        ("dbg", "!("),
    ]
    .map(|(front, back)| format!("{front}{back}"));
    let needles: Vec<&str> = needles.iter().map(String::as_str).collect();
    assert_none(&lines_with(&rust(), &needles, |_| true), "left open");
}
