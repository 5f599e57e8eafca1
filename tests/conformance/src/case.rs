//! A case of Suricata's suite: its `test.yaml`, rules and capture.
//!
//! What is required of Suricata is held against the version whose suite it is. Of a case's settings those are taken that
//! [`crate::settings`] knows; all others are left aside, so that a case that turns on them fails here.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use vonggac_signature::RuleError;

use crate::settings::Settings;
use crate::yaml::Yaml;
use crate::{check, replay, why};

/// The version of Suricata that the suite is asked as.
const VERSION: [u32; 3] = [8, 0, 6];
/// What Suricata may be built with that a case may ask for.
const FEATURES: [&str; 5] = ["HAVE_JA3", "HAVE_JA4", "MAGIC", "HAVE_LUA", "UNIX_SOCKET"];

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// At least one check holds, and none does not.
    Pass,
    /// These do not, by their number and what was expected of them.
    Fail(Vec<String>),
    /// Nothing in it can be asked.
    Skip,
}

/// Runs the case in a folder.
///
/// # Errors
/// When it cannot be read.
pub fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let text = fs::read_to_string(folder.join("test.yaml")).context("test.yaml")?;
    let config = Yaml::parse(&text).context("test.yaml")?;
    let capture = capture(folder, &config).filter(|path| path.exists());
    let Some(capture) = capture.filter(|_| is_met(config.get("requires"))) else {
        return Ok(Outcome::Skip);
    };
    let settings = Settings::read(folder, &config);
    let (engine, errors) = match rule_file(folder, &config) {
        Some(path) => {
            let rules = fs::read(&path).with_context(|| path.display().to_string())?;
            settings.engine(&path.display().to_string(), &String::from_utf8_lossy(&rules))
        }
        None => settings.engine("none.rules", ""),
    };
    let events = replay::file(settings.inspect.clone(), engine, &capture)?;
    let lines = replay::eve_lines(&events, &settings.eve)?;
    let events: Vec<Value> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    Ok(judge(config.get("checks").items(), &events, &errors))
}

fn judge(checks: &[Yaml], events: &[Value], errors: &[RuleError]) -> Outcome {
    let (mut passed, mut failed) = (0, Vec::new());
    for (check, number) in checks.iter().zip(1..) {
        let filter = check.get("filter");
        if *filter == Yaml::Null || !is_met(filter.get("requires")) {
            continue;
        }
        // Other files than the one that is written have nothing in them.
        let is_elsewhere = filter
            .get("filename")
            .text()
            .is_some_and(|name| name != "eve.json");
        let lines = filter.get("match").pairs();
        let got = check::count(lines, events);
        let wanted = filter.get("count");
        let is_right =
            matches!((got, wanted), (Ok(got), Yaml::Integer(wanted)) if i64::try_from(got) == Ok(*wanted));
        if is_right && !is_elsewhere {
            passed += 1;
        } else {
            let is_too_many = matches!((got, wanted), (Ok(got), Yaml::Integer(wanted)) if i64::try_from(got).is_ok_and(|got| got > *wanted));
            let why = match is_elsewhere {
                true => "in another file".to_owned(),
                false => why::explain(lines, is_too_many, events, errors),
            };
            failed.push(format!("{number}: {got:?} of {}: {why}", wanted.written()));
        }
    }
    match (passed, failed.is_empty()) {
        (_, false) => Outcome::Fail(failed),
        (0, true) => Outcome::Skip,
        _ => Outcome::Pass,
    }
}

/// The numbers that a version begins with.
fn version(text: &str) -> [Option<u32>; 3] {
    let mut parts = text.trim().split('.').map(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    std::array::from_fn(|_| parts.next().flatten())
}

/// Whether Suricata would run a case or a check. What scripts ask of its sources is taken for met.
fn is_met(requires: &Yaml) -> bool {
    requires.pairs().iter().all(|(key, value)| {
        let asked = version(&value.written());
        let whole = asked.map(|part| part.unwrap_or(0));
        match key.as_str() {
            "min-version" => VERSION >= whole,
            "lt-version" => VERSION < whole,
            "gt-version" => VERSION > whole,
            "version" => asked
                .iter()
                .zip(VERSION)
                .all(|(asked, own)| asked.is_none_or(|asked| asked == own)),
            "features" => value
                .items()
                .iter()
                .all(|name| FEATURES.contains(&name.written().as_str())),
            "env" => value.items().is_empty(),
            "os" => value.written().eq_ignore_ascii_case("linux"),
            "arch" => std::env::consts::ARCH.starts_with(&value.written().to_lowercase()),
            _ => true,
        }
    })
}

/// Files of a folder whose names end so, in order.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let is_one = |path: &PathBuf| {
        endings
            .iter()
            .any(|ending| path.to_string_lossy().ends_with(ending))
    };
    let mut found: Vec<PathBuf> = entries.filter(is_one).collect();
    found.sort();
    found
}

fn capture(folder: &Path, config: &Yaml) -> Option<PathBuf> {
    let named = config.get("pcap").text().filter(|name| !name.is_empty());
    match named {
        Some(name) => Some(folder.join(name)),
        None => files(folder, &[".pcap", ".pcapng"]).into_iter().next(),
    }
}

fn rule_file(folder: &Path, config: &Yaml) -> Option<PathBuf> {
    if config.pairs().iter().any(|(name, _)| name == "rules") {
        let name = config.get("rules").text().filter(|name| !name.is_empty())?;
        return Some(folder.join(name));
    }
    let first = files(folder, &[".rules"]).into_iter().next()?;
    let name = first.file_name()?.to_string_lossy().into_owned();
    let needs = name
        .strip_prefix("min")
        .and_then(|rest| rest.strip_suffix(".rules"));
    let is_newer = needs.is_some_and(|needs| VERSION < version(needs).map(|part| part.unwrap_or(0)));
    (!is_newer).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_those_of_the_version() {
        let check =
            |text: &str, expect: bool| assert_eq!(is_met(&Yaml::parse(text).unwrap()), expect, "{text}");
        check("min-version: 8", true);
        check("min-version: 8.0.7", false);
        check("lt-version: 9.0.0", true);
        check("lt-version: 8.0", false);
        check("gt-version: 7", true);
        check("version: 8", true);
        check("version: 7.0", false);
        check("features: [HAVE_JA3, HAVE_NDPI]", false);
        check("{os: Linux, script: [x]}", true);
        check("env: [SOME_PATH]", false);
        check("~", true);
    }

    #[test]
    fn a_case_passes_by_its_checks() {
        let events = [serde_json::json!({"event_type": "dns"})];
        let check = |text: &str, expect: Outcome| {
            assert_eq!(
                judge(Yaml::parse(text).unwrap().items(), &events, &[]),
                expect,
                "{text}"
            );
        };
        let dns = "filter: {count: 1, match: {event_type: dns}}";
        check(&format!("[{{{dns}}}]"), Outcome::Pass);
        check("[shell: {args: x}]", Outcome::Skip);
        check(
            &format!("[{{{dns}}}, {{filter: {{count: 2, match: {{}}}}}}]"),
            Outcome::Fail(vec!["2: Ok(1) of 2: too few".to_owned()]),
        );
        let elsewhere = "[filter: {filename: other.json, count: 0, match: {event_type: x}}]";
        check(
            elsewhere,
            Outcome::Fail(vec!["1: Ok(0) of 0: in another file".to_owned()]),
        );
    }
}
