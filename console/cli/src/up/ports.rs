//! Whether the ports are free, before anything is started.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::bail;

use crate::up::Options;

/// Looks at every port that a part of ours will listen on; says all that are wrong, with the setting that changes each.
pub(crate) fn check(options: &Options) -> anyhow::Result<()> {
    let mut wanted = vec![("console", options.console_port, "--console-port")];
    if options.kafka.is_none() {
        wanted.push(("Kafka", options.kafka_port, "--kafka-port"));
        wanted.push((
            "Kafka's controller",
            options.kafka_controller_port,
            "--kafka-controller-port",
        ));
    }
    if options.clickhouse.is_none() {
        wanted.push(("ClickHouse", options.clickhouse_port, "--clickhouse-port"));
    }
    if options.postgres.is_none() {
        wanted.push(("PostgreSQL", options.postgres_port, "--postgres-port"));
    }
    let mut seen: HashMap<u16, &str> = HashMap::new();
    let mut problems = Vec::new();
    for (part, port, flag) in wanted {
        if let Some(other) = seen.insert(port, part) {
            problems.push(format!(
                "port {port} is set for {other} and for {part}: change one with {flag} PORT"
            ));
        } else if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            problems.push(match error.kind() {
                ErrorKind::AddrInUse => {
                    format!("port {port} (for {part}) is taken by another program: free it or give another with {flag} PORT")
                }
                ErrorKind::PermissionDenied => {
                    format!("port {port} (for {part}) needs root: give one over 1023 with {flag} PORT")
                }
                _ => format!("port {port} (for {part}): {error}"),
            });
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{}", problems.join("\nvonggac: "))
}
