//! Settings of `vonggac up`.

use std::path::PathBuf;

use crate::up::part::Command;

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
    /// Uses this ClickHouse instead of starting one.
    #[arg(long, env = "VONGGAC_CLICKHOUSE", value_name = "URL")]
    pub(crate) clickhouse: Option<String>,
    /// User of that ClickHouse.
    #[arg(
        long,
        env = "VONGGAC_CLICKHOUSE_USER",
        value_name = "NAME",
        requires = "clickhouse"
    )]
    pub(crate) clickhouse_user: Option<String>,
    /// Password of that user.
    #[arg(
        long,
        env = "VONGGAC_CLICKHOUSE_PASSWORD",
        hide_env_values = true,
        value_name = "TEXT",
        requires = "clickhouse"
    )]
    pub(crate) clickhouse_password: Option<String>,
    /// Uses this PostgreSQL database instead of starting one.
    #[arg(long, env = "VONGGAC_POSTGRES", hide_env_values = true, value_name = "URL")]
    pub(crate) postgres: Option<String>,

    /// Port of the console, on loopback.
    #[arg(
        long,
        env = "VONGGAC_CONSOLE_PORT",
        default_value_t = 8080,
        value_name = "PORT"
    )]
    pub(crate) console_port: u16,
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

    pub(crate) fn console_address(&self) -> String {
        format!("http://{}", self.console_listen())
    }

    /// Hands the credentials of a ClickHouse that runs elsewhere on, not by the command line, where others see it.
    pub(crate) fn clickhouse_credentials(&self, command: Command) -> Command {
        let pairs = [
            ("VONGGAC_CLICKHOUSE_USER", &self.clickhouse_user),
            ("VONGGAC_CLICKHOUSE_PASSWORD", &self.clickhouse_password),
        ];
        pairs
            .into_iter()
            .fold(command, |command, (name, value)| match value {
                Some(value) => command.env(name, value),
                None => command,
            })
    }
}
