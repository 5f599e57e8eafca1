//! Kafka on one node: its settings, its storage, its user, its process.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rand::RngExt as _;
use vonggac_link::Flag;

use crate::up::Options;
use crate::up::part::{Command, Part};
use crate::up::secret::{Secret, write_private};

/// Logs warnings and errors with their time; Kafka without a configuration says almost nothing.
const LOGGING: &str = "\
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %p %c{1}: %m%n
";

/// The user that roles and the broker itself sign in as.
const USER: &str = "vonggac";
/// How long Kafka's own tool may take to add the user.
const ADMIT_LIMIT: Duration = Duration::from_secs(60);

/// Up to so many, Kafka does without Java's second compiler.
const FEW_PROCESSORS: usize = 2;

/// The node of this machine. Whoever connects to it signs in.
///
/// The user's SCRAM credentials are in the node's metadata, put there when its storage is formatted. Storage that an earlier build
/// formatted has none, and storage whose password file is gone has others: then the node starts once with the password in its
/// settings as well (mechanism PLAIN), and [`Node::admit`] adds the credentials.
pub(crate) struct Node {
    data: PathBuf,
    directory: PathBuf,
    libraries: PathBuf,
    port: u16,
    secret: Secret,
    /// Whether the credentials are in the metadata.
    is_known: bool,
}

impl Node {
    /// Prepares the node's directory and its storage.
    pub(crate) fn prepare(options: &Options, data: &Path, servers: &Path) -> anyhow::Result<Self> {
        let libraries = servers.join("kafka/libs");
        ensure!(
            libraries.is_dir(),
            "{}: Kafka's jars are not there; run `make servers`",
            libraries.display()
        );
        let directory = data.join("kafka");
        fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        let mut node = Self {
            data: data.to_owned(),
            directory,
            libraries,
            port: options.kafka_port,
            secret: Secret::open(data, "kafka")?,
            is_known: false,
        };
        fs::write(node.logging(), LOGGING)?;
        let is_formatted = node.directory.join("log/meta.properties").exists();
        node.is_known = !is_formatted || (node.marker().exists() && !node.secret.is_new);
        let properties = server_properties(options, &node.directory, &node.secret.text, node.is_known);
        write_private(&node.properties(), properties.as_bytes())?;
        if !is_formatted {
            node.format()?;
            fs::write(node.marker(), "")?;
        } else if !node.is_known {
            let _ = fs::remove_file(node.marker());
        }
        Ok(node)
    }

    /// How to run it.
    pub(crate) fn part(&self) -> Part {
        let command = Command::new("java")
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"])
            .args(compiler_option())
            .arg(format!("-Dlog4j2.configurationFile={}", self.logging().display()))
            .arg("-cp")
            .arg(self.libraries.join("*"))
            .arg("kafka.Kafka")
            .arg(self.properties());
        Part::new("kafka", command, &self.data)
            .tcp(self.port)
            .grace(Duration::from_secs(20))
    }

    /// How clients reach it.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        vec![
            ("kafka", Some(self.address())),
            ("kafka-user", Some(USER.to_owned())),
            (
                "kafka-password-file",
                Some(self.secret.file.to_string_lossy().into_owned()),
            ),
        ]
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Adds the user's credentials to a running node that does not know them.
    pub(crate) async fn admit(&self) -> anyhow::Result<()> {
        if self.is_known {
            return Ok(());
        }
        let client = self.directory.join("admit.properties");
        let credentials = self.directory.join("credentials.properties");
        write_private(
            &client,
            format!(
                "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config={}\n",
                plain_login(&self.secret.text)
            )
            .as_bytes(),
        )?;
        let text = format!("SCRAM-SHA-512=password={}\n", self.secret.text);
        write_private(&credentials, text.as_bytes())?;
        let outcome = self.run_config_command(&client, &credentials).await;
        fs::remove_file(&client)?;
        fs::remove_file(&credentials)?;
        outcome?;
        fs::write(self.marker(), "")?;
        Ok(())
    }

    async fn run_config_command(&self, client: &Path, credentials: &Path) -> anyhow::Result<()> {
        let mut command = tokio::process::Command::new("java");
        command
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-cp"])
            .arg(self.libraries.join("*"))
            .args(["kafka.admin.ConfigCommand", "--bootstrap-server", &self.address()])
            .arg("--command-config")
            .arg(client)
            .args(["--alter", "--entity-type", "users", "--entity-name", USER])
            .arg("--add-config-file")
            .arg(credentials)
            .kill_on_drop(true);
        let output = tokio::time::timeout(ADMIT_LIMIT, command.output())
            .await
            .context("Kafka's user could not be added in time")??;
        ensure!(
            output.status.success(),
            "Kafka's user could not be added: {}{}",
            String::from_utf8_lossy(&output.stdout).trim(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(())
    }

    fn properties(&self) -> PathBuf {
        self.directory.join("server.properties")
    }

    fn logging(&self) -> PathBuf {
        self.directory.join("log4j2.properties")
    }

    /// Says that the credentials are in the metadata.
    fn marker(&self) -> PathBuf {
        self.directory.join("user-is-known")
    }

    /// A node's storage is formatted once, with the cluster's id and the user's credentials.
    fn format(&self) -> anyhow::Result<()> {
        // The tool reads its arguments from a file, where other users do not see the password.
        let arguments = self.directory.join("format.arguments");
        let text = format!(
            "format\n--standalone\n--ignore-formatted\n-t\n{}\n-c\n{}\n--add-scram\nSCRAM-SHA-512=[name={USER},password={}]\n",
            cluster_id(),
            self.properties().display(),
            self.secret.text
        );
        write_private(&arguments, text.as_bytes())?;
        let output = std::process::Command::new("java")
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-cp"])
            .arg(self.libraries.join("*"))
            .arg("kafka.tools.StorageTool")
            .arg(format!("@{}", arguments.display()))
            .current_dir(&self.directory)
            .output();
        fs::remove_file(&arguments)?;
        let output =
            output.context("java cannot be started; install Java 17 (Debian: openjdk-17-jre-headless)")?;
        ensure!(
            output.status.success(),
            "Kafka's storage could not be formatted: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(())
    }
}

/// On few processors Java's second compiler takes, for the first minutes, more of them than Kafka itself, from whoever waits for an alert.
fn compiler_option() -> Option<&'static str> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors <= FEW_PROCESSORS).then_some("-XX:TieredStopAtLevel=1")
}

/// 16 random bytes in URL-safe base64 without padding, as Kafka wants it.
fn cluster_id() -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut random = rand::rng();
    // The first digit is never '-', which would read as an option; the last carries only two bits.
    let first = char::from(DIGITS[random.random_range(0..62)]);
    let middle = (0..20)
        .map(|_| char::from(DIGITS[random.random_range(0..64)]))
        .collect::<String>();
    let last = char::from(DIGITS[random.random_range(0..4) * 16]);
    format!("{first}{middle}{last}")
}

/// Settings of PLAIN for a listener: what it signs in with itself, and whom it lets in.
fn plain_login(password: &str) -> String {
    format!(
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"{USER}\" password=\"{password}\" \
         user_{USER}=\"{password}\";"
    )
}

fn server_properties(options: &Options, directory: &Path, password: &str, is_known: bool) -> String {
    let (port, controller) = (options.kafka_port, options.kafka_controller_port);
    let plain = plain_login(password);
    // A broker and its controller cannot use SCRAM between them: its credentials are in what the controller keeps.
    let (own, all) = if is_known {
        ("SCRAM-SHA-512", "SCRAM-SHA-512")
    } else {
        ("PLAIN", "SCRAM-SHA-512,PLAIN")
    };
    let log = directory.join("log");
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n\
         listeners=LOCAL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=LOCAL://127.0.0.1:{port}\n\
         inter.broker.listener.name=LOCAL\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=LOCAL:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT\n\
         sasl.mechanism.inter.broker.protocol={own}\n\
         sasl.mechanism.controller.protocol=PLAIN\n\
         listener.name.local.sasl.enabled.mechanisms={all}\n\
         listener.name.local.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
         username=\"{USER}\" password=\"{password}\";\n\
         listener.name.local.plain.sasl.jaas.config={plain}\n\
         listener.name.controller.sasl.enabled.mechanisms=PLAIN\n\
         listener.name.controller.plain.sasl.jaas.config={plain}\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         offsets.topic.num.partitions=4\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.num.partitions=4\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.num.partitions=4\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         broker.session.timeout.ms=2000\n\
         broker.heartbeat.interval.ms=500\n\
         log.flush.interval.messages=10000\n\
         log.flush.interval.ms=1000\n\
         log.retention.hours=168\n\
         log.segment.bytes=268435456\n",
        log.display()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Up {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn whoever_connects_signs_in() {
        let options = Up::try_parse_from(["up"]).unwrap().options;
        for (is_known, own) in [(true, "SCRAM-SHA-512"), (false, "PLAIN")] {
            let text = server_properties(&options, Path::new("/data/kafka"), "geheim", is_known);
            let value = |key: &str| {
                text.lines()
                    .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                    .unwrap_or_default()
                    .to_owned()
            };
            let protocols = value("listener.security.protocol.map");
            assert!(
                protocols.split(',').all(|pair| pair.ends_with(":SASL_PLAINTEXT")),
                "{protocols}"
            );
            for listener in value("listeners").split(',') {
                assert!(listener.contains("://127.0.0.1:"), "{listener}");
            }
            assert_eq!(value("sasl.mechanism.inter.broker.protocol"), own);
        }
    }

    #[test]
    fn a_cluster_id_is_22_digits_that_do_not_read_as_an_option() {
        for _ in 0..200 {
            let id = cluster_id();
            assert_eq!(id.len(), 22);
            assert!(!id.starts_with('-'), "{id}");
        }
    }
}
