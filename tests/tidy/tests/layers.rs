//! Dependencies run only downwards, and sensors and console never meet.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Package};
use vonggac_tidy::workspace;

/// Engines: pure, synchronous, no clock, no I/O.
const ENGINE: u8 = 1;
/// Roles: wiring only.
const ROLE: u8 = 3;
/// Tests.
const TEST: u8 = 4;

/// Package, directory and layer: the table of `ARCHITECTURE.md`. A crate uses only layers below its own; engines also use engines.
const CRATES: &[(&str, &str, u8)] = &[
    ("vonggac-event", "pipeline/event", 0),
    ("vonggac-link", "pipeline/link", 0),
    ("vonggac-decode", "sensors/decode", ENGINE),
    ("vonggac-stream", "sensors/stream", ENGINE),
    ("vonggac-protocol", "sensors/protocol", ENGINE),
    ("vonggac-protocols", "sensors/protocols", ENGINE),
    ("vonggac-inspect", "sensors/inspect", ENGINE),
    ("vonggac-signature", "rules/signature", ENGINE),
    ("vonggac-sigma", "rules/sigma", ENGINE),
    ("vonggac-yara", "rules/yara", ENGINE),
    ("vonggac-enrolment", "pipeline/enrolment", ENGINE),
    ("vonggac-correlate", "pipeline/correlate", ENGINE),
    ("vonggac-traffic", "lab/traffic", ENGINE),
    ("vonggac-access", "console/access", ENGINE),
    ("vonggac-audit", "console/audit", ENGINE),
    ("vonggac-openid", "console/openid", ENGINE),
    ("vonggac-passkey", "console/passkey", ENGINE),
    ("vonggac-capture", "sensors/capture", 2),
    ("vonggac-bus", "pipeline/bus", 2),
    ("vonggac-spool", "pipeline/spool", 2),
    ("vonggac-store", "pipeline/store", 2),
    ("vonggac-embedded", "pipeline/embedded", 2),
    ("vonggac-metrics", "pipeline/metrics", 2),
    ("vonggac-database", "console/database", 2),
    ("vonggac-notify", "console/notify", 2),
    ("vonggac-files", "rules/files", 2),
    ("vonggac-agent", "sensors/agent", ROLE),
    ("vonggac-service", "pipeline/service", ROLE),
    ("vonggac-server", "console/server", ROLE),
    ("vonggac-range", "lab/range", ROLE),
    ("vonggac", "console/cli", ROLE),
    ("vonggac-e2e", "tests/e2e", TEST),
    ("vonggac-faults", "tests/faults", TEST),
    ("vonggac-bench", "tests/bench", TEST),
    ("vonggac-conformance", "tests/conformance", TEST),
    ("vonggac-evasion", "tests/evasion", TEST),
    ("vonggac-hostile", "tests/hostile", TEST),
    ("vonggac-tidy", "tests/tidy", TEST),
];

/// The binary, which wires the roles together.
const BINARY: &str = "vonggac";

fn card(name: &str) -> Option<&'static (&'static str, &'static str, u8)> {
    CRATES.iter().find(|(known, _, _)| *known == name)
}

fn packages() -> Vec<Package> {
    workspace().unwrap().packages
}

/// Our own crates that a package uses, by the kind of use.
fn uses(package: &Package) -> impl Iterator<Item = (&str, DependencyKind)> {
    package
        .dependencies
        .iter()
        .filter(|used| used.path.is_some())
        .map(|used| (used.name.as_str(), used.kind))
}

#[test]
fn every_crate_has_its_place_in_the_table() {
    let packages = packages();
    for package in &packages {
        let (_, directory, _) =
            card(&package.name).unwrap_or_else(|| panic!("{}: give it a layer in this table", package.name));
        let manifest = package.manifest_path.as_str();
        assert!(
            manifest.ends_with(&format!("/{directory}/Cargo.toml")),
            "{} lies at {manifest}",
            package.name
        );
    }
    for (name, _, _) in CRATES {
        assert!(
            packages.iter().any(|package| package.name.as_str() == *name),
            "{name} is gone: take it out of this table"
        );
    }
}

#[test]
fn dependencies_run_only_downwards() {
    for package in packages() {
        let Some((name, _, layer)) = card(&package.name) else {
            continue;
        };
        for (used, kind) in uses(&package) {
            let Some((_, _, below)) = card(used) else { continue };
            let is_down = below < layer;
            let is_among_engines = *layer == ENGINE && *below == ENGINE;
            let is_wiring = *name == BINARY && *below == ROLE;
            let is_among_tests = *layer == TEST && *below == TEST;
            // A crate's tests may name itself with a feature for testing.
            let is_self = used == *name && kind == DependencyKind::Development;
            assert!(
                is_down || is_among_engines || is_wiring || is_among_tests || is_self,
                "{name} (layer {layer}) uses {used} (layer {below})"
            );
        }
    }
}

#[test]
fn sensors_and_console_never_meet() {
    let packages = packages();
    let edges: BTreeMap<&str, Vec<&str>> = packages
        .iter()
        .map(|package| {
            (
                package.name.as_str(),
                uses(package).map(|(used, _)| used).collect(),
            )
        })
        .collect();
    let area = |name: &str| {
        card(name)
            .and_then(|(_, directory, _)| directory.split('/').next())
            .unwrap_or_default()
    };
    for package in &packages {
        let name = package.name.as_str();
        let forbidden = match area(name) {
            "sensors" => "console",
            "console" if name != BINARY => "sensors",
            _ => continue,
        };
        for reached in reach(name, &edges) {
            assert!(area(reached) != forbidden, "{name} reaches {reached}");
        }
    }
}

/// Everything that a crate uses, directly or through others.
fn reach<'a>(name: &'a str, edges: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![name];
    while let Some(next) = waiting.pop() {
        for used in edges.get(next).into_iter().flatten() {
            if reached.insert(*used) {
                waiting.push(used);
            }
        }
    }
    reached
}

#[test]
fn nothing_depends_on_tests() {
    for package in packages() {
        let is_test = card(&package.name).is_some_and(|(_, _, layer)| *layer == TEST);
        for (used, _) in uses(&package) {
            let uses_test = card(used).is_some_and(|(_, _, layer)| *layer == TEST);
            assert!(is_test || !uses_test, "{} uses {used}", package.name);
        }
    }
}

/// Names that only one crate may use, and tests, which look at its work from outside.
#[test]
fn what_is_kept_in_one_place_stays_there() {
    for (dependency, owner) in [
        ("yara-x", "vonggac-yara"),
        ("libloading", "vonggac-embedded"),
        ("rdkafka", "vonggac-bus"),
    ] {
        for package in packages() {
            let uses = package
                .dependencies
                .iter()
                .any(|used| used.name == dependency && used.kind == DependencyKind::Normal);
            let is_test = card(&package.name).is_some_and(|(_, _, layer)| *layer == TEST);
            assert!(
                !uses || is_test || package.name.as_str() == owner,
                "{} uses {dependency}, which is {owner}'s",
                package.name
            );
        }
    }
}

#[test]
fn every_crate_says_what_it_is_and_takes_the_workspaces_lints() {
    for package in packages() {
        assert!(
            package.description.as_ref().is_some_and(|text| text.len() > 10),
            "{}: no description",
            package.name
        );
        assert_eq!(package.license.as_deref(), Some("Apache-2.0"), "{}", package.name);
        assert_eq!(
            package.publish.as_deref(),
            Some([].as_slice()),
            "{}: publish",
            package.name
        );
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{}: no [lints] workspace = true",
            package.name
        );
    }
}
