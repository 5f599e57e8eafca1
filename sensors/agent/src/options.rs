//! Settings of the role.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::bail;
use vonggac_bus::{Connection, Security};
use vonggac_capture::{CORES_MAX, Filter};
use vonggac_event::limits::NAME_BYTES_MAX;

use crate::badge::Badge;
use crate::limits::LimitSettings;
use crate::outputs;
use crate::tcp_settings::TcpSettings;

/// Settings of the sensor.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Interface to capture on; may stand several times.
    #[arg(
        long,
        value_name = "IF",
        conflicts_with = "read",
        required_unless_present = "read"
    )]
    pub interface: Vec<String>,
    /// Capture files to read, in this order: pcap or pcapng, also gzip-compressed; - is standard input.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub read: Vec<PathBuf>,
    /// Plays files as fast as they were captured times this; 0 reads as fast as possible.
    #[arg(long, value_name = "FACTOR", default_value_t = 0.0, requires = "read")]
    pub speed: f64,
    /// Only the frames that this program of the classic Berkeley Packet Filter wants, as `tcpdump -ddd -y EN10MB 'not port 22' | tr '\n' ','`
    /// prints it. An interface's kernel runs it, without VLAN tags; others are not counted.
    #[arg(long, value_name = "PROGRAM")]
    pub bpf: Option<Filter>,
    /// Threads that inspect, of each interface or of all captures. Several share what rules remember across flows, and the limits on memory;
    /// of captures they make their events in no fixed order, and one that is killed begins anew.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = workers)]
    pub workers: usize,
    /// Cores that the workers stay on, in this order and round again, counted from 0; the system chooses when left out.
    #[arg(long, value_name = "CORE", value_delimiter = ',', value_parser = core)]
    pub cores: Vec<usize>,
    /// Signature files in Suricata's language, or directories searched for *.rules.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub rules: Vec<PathBuf>,
    /// Directories where rules may save datasets, too, when they name them by their whole path; else they save them beside their own files.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub datasets_dir: Vec<PathBuf>,
    /// Suricata's `threshold.config`: event filters, suppressions and rate filters of the signatures.
    #[arg(long, value_name = "FILE")]
    pub thresholds: Option<PathBuf>,
    /// Suricata's categories of reputation, `number,name,description` a line: `iprep` names them.
    #[arg(long, value_name = "FILE", requires = "reputation")]
    pub reputation_categories: Option<PathBuf>,
    /// Reputation of addresses, `address[/length],category number,score` a line; may stand several times.
    #[arg(long, value_name = "FILE", requires = "reputation_categories")]
    pub reputation: Vec<PathBuf>,
    /// YARA files, or directories searched for *.yar and *.yara.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub yara: Vec<PathBuf>,
    /// A variable of the signatures, as in `HOME_NET=[10.0.0.0/8]` or `HTTP_PORTS=[80,8080]`; may stand several times.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    pub variables: Vec<String>,
    /// How the hosts take TCP.
    #[command(flatten)]
    pub tcp: TcpSettings,
    /// How much memory and time they may take.
    #[command(flatten)]
    pub limits: LimitSettings,
    /// Which VLAN tags tell flows with the same addresses and ports apart: none, the innermost one, or all, where customers of a provider may
    /// have the same addresses and inner tags.
    #[arg(long, value_name = "TAGS", default_value = "innermost", value_parser = ["none", "innermost", "all"])]
    pub vlan_tracking: String,
    /// Whether the tunnels that packets come through tell flows with the same addresses and ports apart.
    #[arg(long, value_name = "BOOL", default_value_t = false, action = clap::ArgAction::Set)]
    pub tunnel_tracking: bool,
    /// Seed of the Community IDs, the same as other tools' on the site.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub community_id_seed: u16,
    /// Kafka brokers; without them nothing is published and --eve is needed.
    #[arg(long, env = "VONGGAC_KAFKA", value_name = "HOST:PORT")]
    pub kafka: Option<String>,
    /// TLS and the user for them.
    #[command(flatten)]
    pub kafka_security: Security,
    /// Directory of the spool, one for each sensor on a host.
    #[arg(long, env = "VONGGAC_SPOOL", value_name = "DIR")]
    pub spool: Option<PathBuf>,
    /// Most bytes the spool may hold; beyond it new events are dropped and counted.
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 30)]
    pub spool_bytes_max: u64,
    /// Writes EVE JSON, one object a line; - is standard output.
    #[arg(long, value_name = "FILE")]
    pub eve: Option<PathBuf>,
    /// Writes the counters as JSON when the sensor ends.
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Serves the counters for Prometheus on this address, as `GET /metrics`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Socket on which the sensor is controlled, as with `vonggac rules reload` or Suricata's `suricatasc`. SIGHUP loads the rules anew, too.
    #[arg(long, value_name = "SOCKET")]
    pub control: Option<PathBuf>,
    /// The sensor's credential, as `vonggac sensor enrol` writes it: what is sent to Kafka is sealed with it, and name and organisation are
    /// its own. Read again when it has changed.
    #[arg(
        long,
        env = "VONGGAC_CREDENTIAL",
        value_name = "FILE",
        conflicts_with = "sensor_key"
    )]
    pub credential: Option<PathBuf>,
    /// The deployment's key, by which its owner's sensors enrol themselves under their --name and --tenant; `vonggac up` uses it.
    #[arg(
        long,
        env = "VONGGAC_SENSOR_KEY",
        value_name = "FILE",
        conflicts_with = "credential"
    )]
    pub sensor_key: Option<PathBuf>,
    /// Name of the sensor, in every event; the credential's, or the host's name, when left out.
    #[arg(long, env = "VONGGAC_SENSOR", default_value = "", value_name = "NAME")]
    pub name: String,
    /// Code of the organisation whose network is tapped, in every event; the credential's, or `vn`, when left out. `vonggac organisation list`
    /// has them.
    #[arg(long, env = "VONGGAC_TENANT", default_value = "", value_name = "CODE")]
    pub tenant: String,
    /// Exercise that the traffic belongs to; the credential's, or 0, which is real traffic, when left out.
    #[arg(long, default_value_t = 0, value_name = "ID")]
    pub exercise_id: u32,
    /// Seconds between two reports of the counters.
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub stats_seconds: u32,
}

/// Organisation of a sensor that nothing is said of: the nation's.
const TENANT: &str = "vn";

/// Most workers.
const WORKERS_MAX: usize = 256;

fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(workers @ 1..=WORKERS_MAX) => Ok(workers),
        _ => Err(format!("is not 1 to {WORKERS_MAX}")),
    }
}

/// Looks whether one variable can be read; what it refers to is looked at with all of them.
fn variable(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("is not NAME=VALUE".to_owned()),
    }
}

fn core(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|core| *core < CORES_MAX)
        .ok_or_else(|| format!("is not 0 to {}", CORES_MAX - 1))
}

/// Takes over what the credential says; a setting that says otherwise is a mistake.
fn take(flag: &str, own: &str, setting: &mut String, path: &Path) -> anyhow::Result<()> {
    if !setting.is_empty() && setting != own {
        bail!(
            "{flag} {setting}: the credential {} is of {own}; leave {flag} out, or enrol a sensor of that name and organisation",
            path.display()
        );
    }
    own.clone_into(setting);
    Ok(())
}

impl Options {
    /// Fills in what depends on the machine and on the other settings.
    pub(crate) fn resolve(mut self) -> anyhow::Result<(Self, Option<Badge>)> {
        let mut badge = None;
        if let Some(path) = &self.credential {
            let own = Badge::from_file(path)?;
            take("--name", own.name(), &mut self.name, path)?;
            take("--tenant", own.organisation(), &mut self.tenant, path)?;
            if ![0, own.exercise_id()].contains(&self.exercise_id) {
                bail!(
                    "--exercise-id {}: the credential {} is for {}; leave it out, or enrol a sensor in that exercise",
                    self.exercise_id,
                    path.display(),
                    own.exercise_id()
                );
            }
            self.exercise_id = own.exercise_id();
            badge = Some(own);
        }
        if self.tenant.is_empty() {
            TENANT.clone_into(&mut self.tenant);
        }
        if self.name.is_empty() {
            let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            self.name = match host.trim() {
                "" => "sensor".to_owned(),
                name => name.to_owned(),
            };
        }
        for (flag, name) in [("--name", &self.name), ("--tenant", &self.tenant)] {
            if name.len() > NAME_BYTES_MAX {
                bail!("{flag}: is longer than {NAME_BYTES_MAX} bytes");
            }
        }
        if self.kafka.is_none() && self.eve.is_none() {
            bail!(
                "nowhere to write: give --kafka HOST:PORT, or --eve FILE (or - for standard output), or both"
            );
        }
        if self.kafka.is_some() && self.spool.is_none() {
            self.spool = Some(std::env::temp_dir().join(format!("vonggac-spool-{}", self.name)));
        }
        outputs::check(&self)?;
        if !self.speed.is_finite() || self.speed < 0.0 {
            bail!("--speed {}: must be 0 or more", self.speed);
        }
        if let Some(path) = &self.sensor_key {
            if self.exercise_id != 0 {
                bail!(
                    "--exercise-id: a sensor of an exercise is enrolled in it; --sensor-key is for real work"
                );
            }
            badge = Some(Badge::from_key(path, &self.name, &self.tenant)?);
        }
        Ok((self, badge))
    }

    /// The brokers and how they are reached; `None` when nothing is published.
    pub(crate) fn connection(&self) -> Option<Connection> {
        let brokers = self.kafka.as_deref()?;
        Some(Connection::new(brokers, self.kafka_security.clone()))
    }
}
