//! Whether the ports are free, before anything is started; and ports that nobody chose.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::bail;

use crate::up::Options;

/// Lowest port that is given out.
const FREE_PORT_MIN: u16 = 20_000;
/// First port of outgoing connections where the kernel does not say.
const OUTGOING_PORT_MIN: u16 = 32_768;

/// A free port of the loopback interface, `wanted` if it is one. It lies below those that the kernel gives to outgoing connections, so
/// that none of them takes it while its part is away.
pub(crate) fn free(wanted: Option<u16>) -> Option<u16> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    if let Some(port) = wanted.filter(is_free) {
        return Some(port);
    }
    let end = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .filter(|first: &u16| *first > FREE_PORT_MIN)
        .unwrap_or(OUTGOING_PORT_MIN);
    // Begun anywhere, so that platforms which start side by side do not look at the same ports.
    let begin = rand::random_range(FREE_PORT_MIN..end);
    (begin..end).chain(FREE_PORT_MIN..begin).find(is_free)
}

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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_kept_as_long_as_it_is_free() {
        let port = free(None).unwrap();
        assert!(port >= FREE_PORT_MIN);
        assert_eq!(free(Some(port)), Some(port));
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_ne!(free(Some(port)), Some(port));
    }
}
