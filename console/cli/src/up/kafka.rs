//! Kafka on one node: its settings, its storage, its process.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rand::RngExt as _;

use crate::up::Options;
use crate::up::part::{Command, Part};

/// Logs warnings and errors with their time; Kafka without a configuration says almost nothing.
const LOGGING: &str = "\
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %p %c{1}: %m%n
";

/// Prepares the node's directory and says how to run it.
pub(crate) fn part(options: &Options, data: &Path, servers: &Path) -> anyhow::Result<Part> {
    let directory = data.join("kafka");
    let properties = directory.join("server.properties");
    fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
    fs::write(&properties, server_properties(options, &directory))
        .with_context(|| properties.display().to_string())?;
    fs::write(directory.join("log4j2.properties"), LOGGING)?;
    let libraries = servers.join("kafka/libs");
    ensure!(
        libraries.is_dir(),
        "{}: Kafka's jars are not there; run `make servers`",
        libraries.display()
    );
    if !directory.join("log/meta.properties").exists() {
        format_storage(&directory, &properties, &libraries)?;
    }
    let command = java(&directory, &libraries).arg("kafka.Kafka").arg(&properties);
    Ok(Part::new("kafka", command, data)
        .tcp(options.kafka_port)
        .grace(Duration::from_secs(20)))
}

fn java(directory: &Path, libraries: &Path) -> Command {
    Command::new("java")
        .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"])
        .arg(format!(
            "-Dlog4j2.configurationFile={}",
            directory.join("log4j2.properties").display()
        ))
        .arg("-cp")
        .arg(libraries.join("*"))
}

/// A node's storage is formatted once with the cluster's id.
fn format_storage(directory: &Path, properties: &Path, libraries: &Path) -> anyhow::Result<()> {
    let output = std::process::Command::new("java")
        .args(["-Xmx256m", "-XX:+UseSerialGC", "-cp"])
        .arg(libraries.join("*"))
        .args([
            "kafka.tools.StorageTool",
            "format",
            "--standalone",
            "--ignore-formatted",
            "-t",
            &cluster_id(),
            "-c",
        ])
        .arg(properties)
        .current_dir(directory)
        .output()
        .context("java cannot be started; install Java 17 (Debian: openjdk-17-jre-headless)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "Kafka's storage could not be formatted: {}",
        said.trim()
    );
    Ok(())
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

fn server_properties(options: &Options, directory: &Path) -> String {
    let (port, controller) = (options.kafka_port, options.kafka_controller_port);
    let log = directory.join("log");
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
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
    use super::*;

    #[test]
    fn a_cluster_id_is_22_digits_that_do_not_read_as_an_option() {
        for _ in 0..200 {
            let id = cluster_id();
            assert_eq!(id.len(), 22);
            assert!(!id.starts_with('-'), "{id}");
        }
    }
}
