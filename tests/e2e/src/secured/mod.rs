//! Servers with TLS on, each with every fault a certificate can have.
//!
//! [`Secured::start`] makes an authority and runs Kafka, PostgreSQL and ClickHouse with certificates of it: Kafka with a listener for
//! each fault, ClickHouse behind proxies that speak TLS for it. They end when it is dropped.

mod certificate;
mod proxy;
mod server;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::platform::clean;
use crate::{Rows, free_ports, requirements, wait_for};
use certificate::{Authority, Issued, Validity};
use proxy::Proxy;
use server::Place;
pub use server::Server;

/// User of every server.
pub const USER: &str = "vonggac";
/// Its password.
pub const PASSWORD: &str = "0123456789abcdef";

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(120);

/// The servers.
#[derive(Debug)]
pub struct Secured {
    /// Ports by what is right or wrong with each.
    pub ports: Ports,
    binary: PathBuf,
    // Ended before the directory goes.
    _proxies: [Proxy; 2],
    _servers: [Server; 3],
    directory: TempDir,
}

/// Ports of loopback.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// Kafka: TLS and SCRAM, all as it should be.
    pub kafka: u16,
    /// Kafka with an expired certificate.
    pub kafka_expired: u16,
    /// Kafka with a certificate for another name.
    pub kafka_other: u16,
    /// Kafka that wants a certificate of the client, and no user.
    pub kafka_mutual: u16,
    /// ClickHouse, as it should be.
    pub clickhouse: u16,
    /// ClickHouse with an expired certificate.
    pub clickhouse_expired: u16,
    /// ClickHouse without TLS, for the tests' own questions.
    pub clickhouse_plain: u16,
    /// PostgreSQL, as it should be.
    pub postgres: u16,
}

impl Secured {
    /// Starts them; `None` when the machine lacks something, which is printed.
    ///
    /// # Errors
    /// When one does not come up.
    pub fn start() -> anyhow::Result<Option<Self>> {
        let Some((binary, servers)) = requirements()? else {
            return Ok(None);
        };
        let directory = tempfile::Builder::new()
            .prefix("vonggac-secured-")
            .tempdir_in("/tmp")?;
        // PostgreSQL runs as another user when this one is root.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        let [
            kafka,
            kafka_expired,
            kafka_other,
            kafka_mutual,
            controller,
            clickhouse,
            clickhouse_expired,
            clickhouse_plain,
            postgres,
        ] = free_ports()?;
        let ports = Ports {
            kafka,
            kafka_expired,
            kafka_other,
            kafka_mutual,
            clickhouse,
            clickhouse_expired,
            clickhouse_plain,
            postgres,
        };
        let path = directory.path();
        let here = &["127.0.0.1", "localhost"];
        let authority = Authority::new("Authority of the tests")?;
        let good = authority.issue(path, "good", here, Validity::Now)?;
        let expired = authority.issue(path, "expired", here, Validity::Over)?;
        let other = authority.issue(path, "other", &["elsewhere.test"], Validity::Now)?;
        authority.issue(path, "client", &["a client"], Validity::Now)?;
        fs::write(path.join("authority.pem"), authority.pem()?)?;
        let stranger = Authority::new("Another authority")?;
        fs::write(path.join("stranger.pem"), stranger.pem()?)?;
        fs::write(path.join("password"), format!("{PASSWORD}\n"))?;
        fs::write(path.join("wrong"), "wrong\n")?;

        let place = Place {
            directory: path,
            servers: &servers,
            binary: &binary,
        };
        let listeners = server::Listeners {
            good: (kafka, &good),
            expired: (kafka_expired, &expired),
            other: (kafka_other, &other),
            mutual: (kafka_mutual, &good),
            controller,
        };
        let running = [
            place.kafka(&listeners)?,
            place.clickhouse(clickhouse_plain)?,
            place.postgres(postgres, &good)?,
        ];
        for (server, port) in running.iter().zip([kafka_mutual, clickhouse_plain, postgres]) {
            wait_for(&server.name, START_LIMIT, || {
                std::net::TcpStream::connect(("127.0.0.1", port)).with_context(|| server.said())
            })?;
        }
        place.create_database(postgres)?;
        let proxies = [
            Proxy::start(clickhouse, &good, clickhouse_plain)?,
            Proxy::start(clickhouse_expired, &expired, clickhouse_plain)?,
        ];
        Ok(Some(Self {
            ports,
            binary,
            _proxies: proxies,
            _servers: running,
            directory,
        }))
    }

    /// A file beside the servers' data: `authority.pem`, `stranger.pem`, `client.pem`, `client.key`, `password`, `wrong`.
    pub fn file(&self, name: &str) -> String {
        self.path().join(name).to_string_lossy().into_owned()
    }

    /// The directory of everything.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Stands in for PostgreSQL's certificate from the next connection on: `good` or `expired`.
    ///
    /// # Errors
    /// When the files cannot be exchanged.
    pub fn show_to_postgres(&self, name: &str) -> anyhow::Result<()> {
        let issued = Issued::of(self.path(), name);
        server::give_to_postgres(self.path(), &issued)?;
        let [_, _, postgres] = &self._servers;
        postgres.signal(libc::SIGHUP);
        Ok(())
    }

    /// A role of the binary, without a setting.
    pub fn role(&self, name: &str) -> Command {
        let mut command = clean("setpriv");
        command
            .args(["--pdeathsig", "TERM", "--"])
            .arg(&self.binary)
            .arg(name);
        command
    }

    /// What stands in the event store.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn rows(&self) -> anyhow::Result<Rows> {
        let url = format!("http://127.0.0.1:{}", self.ports.clickhouse_plain);
        Rows::new(url, USER, PASSWORD)
    }

    /// Runs a command beside the test, with its log in a file of that name.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, name: &str, command: Command) -> anyhow::Result<Server> {
        Server::run(name, command, self.path())
    }
}
