//! Settings of `vonggac up`.

use std::path::PathBuf;

use anyhow::ensure;
use vonggac_link::{ClickhouseSecurity, KafkaSecurity, PostgresSecurity};

use crate::up::servers::Link;

/// What to run where.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Directory of all data; /var/lib/vonggac for root, ~/.local/share/vonggac otherwise.
    #[arg(long, env = "VONGGAC_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Directory of the servers' files, as `make servers` fills it.
    #[arg(long, env = "VONGGAC_SERVERS", value_name = "DIR")]
    pub(crate) servers: Option<PathBuf>,
    /// Directory of rules, with `signatures`, `sigma` and `yara` in it; the shipped ones when left out.
    #[arg(long, env = "VONGGAC_RULES", value_name = "DIR")]
    pub(crate) rules: Option<PathBuf>,

    /// Uses this Kafka instead of starting one.
    #[arg(long, env = "VONGGAC_KAFKA", value_name = "HOST:PORT")]
    pub(crate) kafka: Option<String>,
    /// TLS and the user of that Kafka.
    #[command(flatten)]
    pub(crate) kafka_security: KafkaSecurity,
    /// Uses this ClickHouse instead of starting one.
    #[arg(long, env = "VONGGAC_CLICKHOUSE", value_name = "URL")]
    pub(crate) clickhouse: Option<String>,
    /// User and TLS of that ClickHouse.
    #[command(flatten)]
    pub(crate) clickhouse_security: ClickhouseSecurity,
    /// Uses this PostgreSQL database instead of starting one.
    #[arg(long, env = "VONGGAC_POSTGRES", hide_env_values = true, value_name = "URL")]
    pub(crate) postgres: Option<String>,
    /// Password and TLS of that PostgreSQL.
    #[command(flatten)]
    pub(crate) postgres_security: PostgresSecurity,

    /// Port of the console, on loopback.
    #[arg(
        long,
        env = "VONGGAC_CONSOLE_PORT",
        default_value_t = 8080,
        value_name = "PORT"
    )]
    pub(crate) console_port: u16,
    /// Serves the console by TLS, with a certificate of an authority of its own; browsers are to be given DATA/tls/ca.pem.
    #[arg(long, env = "VONGGAC_CONSOLE_TLS")]
    pub(crate) console_tls: bool,
    /// Port of Kafka, on loopback.
    #[arg(long, env = "VONGGAC_KAFKA_PORT", default_value_t = 9092, value_name = "PORT")]
    pub(crate) kafka_port: u16,
    /// Port of Kafka's controller, on loopback.
    #[arg(
        long,
        env = "VONGGAC_KAFKA_CONTROLLER_PORT",
        default_value_t = 9093,
        value_name = "PORT"
    )]
    pub(crate) kafka_controller_port: u16,
    /// Port of ClickHouse's HTTP interface, on loopback.
    #[arg(
        long,
        env = "VONGGAC_CLICKHOUSE_PORT",
        default_value_t = 8123,
        value_name = "PORT"
    )]
    pub(crate) clickhouse_port: u16,
    /// Port of PostgreSQL, on loopback.
    #[arg(
        long,
        env = "VONGGAC_POSTGRES_PORT",
        default_value_t = 5433,
        value_name = "PORT"
    )]
    pub(crate) postgres_port: u16,

    /// Pipelines that share the work.
    #[arg(long, env = "VONGGAC_PIPELINES", default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) pipelines: u16,
    /// Partitions of `events`, `matches` and `alerts` when they are made: how far the work can be shared. One keeps one order, so that separate
    /// runs over the same events raise alerts with the same ids.
    #[arg(long, env = "VONGGAC_PARTITIONS", default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) partitions: u16,

    /// Interface of a tap for the sensor.
    #[arg(long, env = "VONGGAC_INTERFACE", value_name = "IF", conflicts_with = "sample")]
    pub(crate) interface: Option<String>,
    /// Makes sample traffic with an intrusion in it and feeds it through the sensor.
    #[arg(long)]
    pub(crate) sample: bool,
    /// How the sample reaches the sensor.
    #[arg(long, value_enum, default_value_t = SampleWay::Auto, requires = "sample", value_name = "WAY")]
    pub(crate) sample_way: SampleWay,
    /// Seed of the sample: the same seed makes the same traffic.
    #[arg(long, default_value_t = 942, requires = "sample", value_name = "N")]
    pub(crate) sample_seed: u64,
}

/// How the sample reaches the sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SampleWay {
    /// By wire where this user may, else by file.
    Auto,
    /// Played on a pair of virtual interfaces that the sensor taps; needs root.
    Wire,
    /// Read by the sensor as a capture file.
    File,
}

impl Options {
    pub(crate) fn console_listen(&self) -> String {
        format!("127.0.0.1:{}", self.console_port)
    }

    /// As a browser is to be told it: passkeys belong to a name, and none to a bare address.
    pub(crate) fn console_address(&self) -> String {
        let scheme = if self.console_tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.console_port)
    }

    /// Refuses credentials and TLS for a server that is started here: it has its own.
    pub(crate) fn check_links(&self) -> anyhow::Result<()> {
        for (server, flag, value, is_needless) in [
            (
                "Kafka",
                "kafka",
                "HOST:PORT",
                self.kafka.is_none() && self.kafka_security != KafkaSecurity::default(),
            ),
            (
                "ClickHouse",
                "clickhouse",
                "URL",
                self.clickhouse.is_none() && self.clickhouse_security != ClickhouseSecurity::default(),
            ),
            (
                "PostgreSQL",
                "postgres",
                "URL",
                self.postgres.is_none() && self.postgres_security != PostgresSecurity::default(),
            ),
        ] {
            ensure!(
                !is_needless,
                "--{flag}-… (or its VONGGAC_… variable) says how to reach a {server} that runs elsewhere: give --{flag} {value} too, or leave it out"
            );
        }
        Ok(())
    }

    /// The link to a Kafka that runs elsewhere.
    pub(crate) fn kafka_link(&self, brokers: &str) -> Link {
        let mut flags = vec![("kafka", Some(brokers.to_owned()))];
        flags.extend(self.kafka_security.flags());
        Link::new(flags)
    }

    /// The link to a ClickHouse that runs elsewhere.
    pub(crate) fn clickhouse_link(&self, url: &str) -> Link {
        let mut flags = vec![("clickhouse", Some(url.to_owned()))];
        flags.extend(self.clickhouse_security.flags());
        let password = self.clickhouse_security.clickhouse_password.clone();
        Link {
            flags,
            secret: password.map(|password| ("VONGGAC_CLICKHOUSE_PASSWORD", password)),
        }
    }

    /// The link to a PostgreSQL that runs elsewhere. Its address may hold the password.
    pub(crate) fn postgres_link(&self, url: &str) -> Link {
        Link {
            flags: self.postgres_security.flags(),
            secret: Some(("VONGGAC_POSTGRES", url.to_owned())),
        }
    }
}
