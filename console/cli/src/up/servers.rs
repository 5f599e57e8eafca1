//! How the parts, and whoever starts a role by hand, reach the three servers.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use vonggac_link::Flag;

use crate::up::part::Command;
use crate::up::secret::write_private;

/// The settings of roles that are started by hand: `vonggac sensor --config FILE`.
pub(crate) fn settings_file(data: &Path) -> PathBuf {
    data.join("client.toml")
}

/// Settings of the link to one server.
#[derive(Default)]
pub(crate) struct Link {
    pub(crate) flags: Vec<Flag>,
    /// A variable and its value, for what may hold a secret: others see the flags of a process, but not its environment.
    pub(crate) secret: Option<(&'static str, String)>,
}

impl Link {
    pub(crate) fn new(flags: Vec<Flag>) -> Self {
        Self { flags, secret: None }
    }

    fn add_to(&self, command: Command) -> Command {
        let command = self
            .flags
            .iter()
            .fold(command, |command, (flag, value)| match value {
                Some(value) => command.arg(format!("--{flag}={value}")),
                None => command.arg(format!("--{flag}")),
            });
        match &self.secret {
            Some((name, value)) => command.env(name, value),
            None => command,
        }
    }
}

/// The links to the three servers.
pub(crate) struct Servers {
    pub(crate) kafka: Link,
    pub(crate) clickhouse: Link,
    pub(crate) postgres: Link,
    /// File of the deployment's key for sensors.
    pub(crate) sensor_key: PathBuf,
}

impl Servers {
    /// A sensor with what it needs to reach them.
    pub(crate) fn for_sensor(&self, command: Command) -> Command {
        self.with_key(self.kafka.add_to(command))
    }

    /// A pipeline, likewise.
    pub(crate) fn for_pipeline(&self, command: Command) -> Command {
        self.with_key(self.clickhouse.add_to(self.kafka.add_to(command)))
    }

    /// A console, likewise.
    pub(crate) fn for_console(&self, command: Command) -> Command {
        self.postgres.add_to(self.for_pipeline(command))
    }

    fn with_key(&self, command: Command) -> Command {
        command.arg("--sensor-key").arg(&self.sensor_key)
    }

    /// Writes the settings down for roles that are started by hand.
    pub(crate) fn write(&self, data: &Path) -> anyhow::Result<()> {
        write_private(&settings_file(data), self.to_toml().as_bytes())
    }

    fn to_toml(&self) -> String {
        let mut text = String::from(
            "# How roles and commands that are started by hand reach the servers of this `vonggac up`: vonggac sensor --config FILE,\n\
             # vonggac membership list USER --config FILE.\n\
             # Written anew at each start. A secret that `vonggac up` was given itself, not by file, is not in it.\n",
        );
        for (role, links) in [
            ("sensor", &[&self.kafka][..]),
            ("pipeline", &[&self.kafka, &self.clickhouse]),
            ("console", &[&self.kafka, &self.clickhouse, &self.postgres]),
        ] {
            // Writing to a String does not fail.
            let _ = writeln!(text, "\n[{role}]");
            for (flag, value) in links.iter().flat_map(|link| &link.flags) {
                let key = flag.replace('-', "_");
                let value = match value {
                    Some(value) => toml::Value::from(value.as_str()).to_string(),
                    None => "true".to_owned(),
                };
                let _ = writeln!(text, "{key} = {value}");
            }
            let file = toml::Value::from(self.sensor_key.to_string_lossy().as_ref());
            let _ = writeln!(text, "sensor_key = {file}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_file_says_what_the_flags_say_and_no_secret() {
        let servers = Servers {
            kafka: Link::new(vec![
                ("kafka", Some("127.0.0.1:9092".to_owned())),
                ("kafka-tls", None),
                ("kafka-password-file", Some("/data/a \"b\"".to_owned())),
            ]),
            clickhouse: Link::new(vec![("clickhouse", Some("http://127.0.0.1:8123".to_owned()))]),
            postgres: Link {
                flags: Vec::new(),
                secret: Some(("VONGGAC_POSTGRES", "postgres://u:geheim@h/d".to_owned())),
            },
            sensor_key: PathBuf::from("/data/secrets/sensor.key"),
        };
        let text = servers.to_toml();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["sensor"]["kafka_tls"].as_bool(), Some(true));
        assert_eq!(
            table["pipeline"]["kafka_password_file"].as_str(),
            Some("/data/a \"b\"")
        );
        assert!(table["sensor"].get("clickhouse").is_none());
        for role in ["sensor", "pipeline", "console"] {
            let file = table[role]["sensor_key"].as_str();
            assert_eq!(file, Some("/data/secrets/sensor.key"), "{role}");
        }
        assert!(!text.contains("geheim"), "{text}");
    }
}
