//! What of a case's settings the sensor has: groups of addresses and ports, thresholds, lists beside the rules, and what of an alert EVE says.
//!
//! They stand in the case's `suricata.yaml` and in the arguments of its `test.yaml`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vonggac_event::eve;
use vonggac_files::BesideRules;
use vonggac_inspect::{Checksums, Config};
use vonggac_signature::{Engine, Resources, RuleError, ThresholdConfig, Variables};

use crate::replay;
use crate::yaml::Yaml;

/// How the cases name their own folder.
const FOLDER: &str = "${TEST_DIR}";

/// The settings of a case.
#[derive(Debug)]
pub struct Settings {
    variables: Variables,
    thresholds: Option<PathBuf>,
    /// What is written of events.
    pub eve: eve::Options,
    /// How flows and streams are followed.
    pub inspect: Config,
}

impl Settings {
    /// The settings of the case in a folder, of which this is the `test.yaml`.
    pub fn read(folder: &Path, config: &Yaml) -> Self {
        let bytes = fs::read(folder.join("suricata.yaml")).unwrap_or_default();
        let settings = Yaml::parse(&String::from_utf8_lossy(&bytes)).unwrap_or(Yaml::Null);
        let arguments: Vec<String> = config.get("args").items().iter().map(Yaml::written).collect();
        let threshold_file = arguments
            .iter()
            .find_map(|argument| set(argument, "threshold-file"));
        Self {
            variables: variables(&settings, &arguments),
            thresholds: threshold_file
                .map(|name| PathBuf::from(name.replace(FOLDER, &folder.display().to_string()))),
            eve: eve_options(&settings),
            inspect: inspect_config(&arguments),
        }
    }

    /// Rules of a file, compiled; those that do not load are left out, and said why.
    pub fn engine(&self, name: &str, rules: &str) -> (Arc<Engine>, Vec<RuleError>) {
        let (rules, mut errors) = vonggac_signature::parse(name, rules);
        let resources = Resources::new(Arc::new(BesideRules::default()));
        let (mut engine, broken) =
            Engine::load(rules, &self.variables, vonggac_protocols::REGISTRY, resources);
        errors.extend(broken);
        if let Some(path) = &self.thresholds {
            let (name, text) = (
                path.display().to_string(),
                fs::read_to_string(path).unwrap_or_default(),
            );
            let (config, broken) = ThresholdConfig::parse(&name, &text, &self.variables);
            engine.apply_thresholds(&name, &config);
            errors.extend(broken);
        }
        (Arc::new(engine), errors)
    }
}

/// What `--set NAME=VALUE` says.
fn set<'a>(argument: &'a str, name: &str) -> Option<&'a str> {
    let behind = argument.split_once("--set")?.1.trim_start();
    let value = behind.strip_prefix(name)?.strip_prefix('=')?;
    value.split_whitespace().next()
}

/// Groups of the `suricata.yaml`, then those that arguments set.
fn variables(settings: &Yaml, arguments: &[String]) -> Variables {
    let mut variables = Variables::default();
    let mut set = |name: &str, value: &str| match name.ends_with("PORT") || name.ends_with("PORTS") {
        true => variables.set_port(name, value),
        false => variables.set_address(name, value),
    };
    for group in ["address-groups", "port-groups"] {
        for (name, value) in settings.get("vars").get(group).pairs() {
            set(name, &value.written());
        }
    }
    for argument in arguments {
        let behind = argument.split_once("vars.").map_or("", |(_, behind)| behind);
        let group = behind
            .strip_prefix("address-groups.")
            .or_else(|| behind.strip_prefix("port-groups."));
        if let Some((name, value)) = group.and_then(|group| group.split_once('=')) {
            set(name, value.split_whitespace().next().unwrap_or_default());
        }
    }
    variables
}

/// How streams are followed: `-k none` has Suricata look at no checksum. That it follows no connection amid its way unless it is told to is
/// left aside: it looks into the packets of such a one all the same.
fn inspect_config(arguments: &[String]) -> Config {
    let mut config = replay::settings();
    if arguments.iter().any(|argument| argument.starts_with("-k none")) {
        config.stream.checksums = Checksums::Ignore;
    }
    config
}

/// What `outputs: - eve-log: types: - alert:` asks for.
fn eve_options(settings: &Yaml) -> eve::Options {
    let outputs = settings.get("outputs").items().iter();
    let types = outputs.flat_map(|output| output.get("eve-log").get("types").items());
    let Some(alert) = types
        .map(|kind| kind.get("alert"))
        .find(|alert| **alert != Yaml::Null)
    else {
        return eve::Options::default();
    };
    let is_on = |value: &Yaml| *value == Yaml::Bool(true);
    let metadata = alert.get("metadata");
    let rule = metadata.get("rule");
    eve::Options {
        payload: is_on(alert.get("payload")),
        payload_printable: is_on(alert.get("payload-printable")),
        packet: is_on(alert.get("packet")),
        verdict: is_on(alert.get("verdict")),
        rule: is_on(rule.get("raw")),
        references: is_on(rule.get("reference")),
        metadata: *metadata != Yaml::Bool(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_alert_says_is_a_setting() {
        let settings = "outputs: [fast: {}, eve-log: {types: [http, alert: {payload: yes, metadata: {rule: {raw: true}}}]}]";
        let options = eve_options(&Yaml::parse(settings).unwrap());
        assert!(options.payload && options.rule && options.metadata && !options.packet);
        let options =
            eve_options(&Yaml::parse("outputs: [eve-log: {types: [alert: {metadata: no}]}]").unwrap());
        assert!(!options.metadata);
        assert_eq!(eve_options(&Yaml::Null), eve::Options::default());
    }

    #[test]
    fn arguments_set_values() {
        assert_eq!(
            set(
                "-k none --set threshold-file=${TEST_DIR}/t.config",
                "threshold-file"
            ),
            Some("${TEST_DIR}/t.config")
        );
        assert_eq!(set("--set stream.midstream=true", "threshold-file"), None);
    }
}
