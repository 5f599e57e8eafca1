//! The servers' processes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::certificate::Issued;
use super::{PASSWORD, USER};
use crate::platform::clean;
use crate::process::{run, signal, wait};

/// How long an orderly end may take.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// How long a preparing command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(120);

/// A process beside the test; ended when dropped.
#[derive(Debug)]
pub struct Server {
    /// Its name.
    pub name: String,
    child: Child,
    log: PathBuf,
}

impl Server {
    pub(super) fn run(name: &str, mut command: Command, directory: &Path) -> anyhow::Result<Self> {
        let log = directory.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| name.to_owned())?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not within `limit`; then it is killed.
    pub fn wait(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        wait(&mut self.child, limit)?.with_context(|| {
            format!(
                "{} goes on after {} s:\n{}",
                self.name,
                limit.as_secs(),
                self.said()
            )
        })
    }

    pub(super) fn signal(&self, number: i32) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            signal(pid, number);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // PostgreSQL takes this as the wish for a quick end, Java and the roles as one for an orderly end.
        self.signal(libc::SIGINT);
        let _ = wait(&mut self.child, STOP_LIMIT);
        if std::thread::panicking() {
            println!("--- {}\n{}", self.name, self.said());
        }
    }
}

/// Kafka's listeners: port and certificate.
pub(super) struct Listeners<'a> {
    pub(super) good: (u16, &'a Issued),
    pub(super) expired: (u16, &'a Issued),
    pub(super) other: (u16, &'a Issued),
    pub(super) mutual: (u16, &'a Issued),
    pub(super) controller: u16,
}

/// Where the servers' data and files are.
pub(super) struct Place<'a> {
    pub(super) directory: &'a Path,
    pub(super) servers: &'a Path,
    pub(super) binary: &'a Path,
}

impl Place<'_> {
    pub(super) fn kafka(&self, listeners: &Listeners<'_>) -> anyhow::Result<Server> {
        let properties = self.directory.join("kafka.properties");
        fs::write(&properties, self.kafka_properties(listeners))?;
        let mut format = self.java();
        format
            .args(["kafka.tools.StorageTool", "format", "--standalone"])
            .args(["-t", "AbcdefghijklmnopqrstuQ", "-c"])
            .arg(&properties)
            .arg("--add-scram")
            .arg(format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]"));
        expect_success(&mut format)?;
        let mut command = self.java();
        command.arg("kafka.Kafka").arg(&properties);
        Server::run("kafka", command, self.directory)
    }

    fn java(&self) -> Command {
        let mut command = clean("setpriv");
        command
            .args([
                "--pdeathsig",
                "TERM",
                "--",
                "java",
                "-Xmx384m",
                "-XX:+UseSerialGC",
            ])
            .arg("-cp")
            .arg(self.servers.join("kafka/libs/*"));
        command
    }

    fn kafka_properties(&self, listeners: &Listeners<'_>) -> String {
        let own = [
            ("good", listeners.good, "SASL_SSL"),
            ("expired", listeners.expired, "SASL_SSL"),
            ("other", listeners.other, "SASL_SSL"),
            ("mutual", listeners.mutual, "SSL"),
        ];
        let mut text = String::new();
        let mut addresses = Vec::new();
        let mut protocols = vec!["CONTROLLER:PLAINTEXT".to_owned()];
        for (name, (port, issued), protocol) in own {
            let upper = name.to_ascii_uppercase();
            addresses.push(format!("{upper}://127.0.0.1:{port}"));
            protocols.push(format!("{upper}:{protocol}"));
            text += &format!(
                "listener.name.{name}.ssl.keystore.type=PEM\n\
                 listener.name.{name}.ssl.keystore.location={}\n\
                 listener.name.{name}.ssl.truststore.type=PEM\n\
                 listener.name.{name}.ssl.truststore.location={}\n\
                 listener.name.{name}.scram-sha-512.sasl.jaas.config=\
                 org.apache.kafka.common.security.scram.ScramLoginModule required username=\"{USER}\" password=\"{PASSWORD}\";\n",
                issued.both.display(),
                self.directory.join("authority.pem").display(),
            );
        }
        let controller = listeners.controller;
        let advertised = addresses.join(",");
        text += &format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n\
             listeners={advertised},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners={advertised}\n\
             listener.security.protocol.map={}\n\
             controller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=GOOD\n\
             sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512\n\
             listener.name.mutual.ssl.client.auth=required\n\
             log.dirs={}\n\
             auto.create.topics.enable=false\n\
             offsets.topic.num.partitions=4\n\
             offsets.topic.replication.factor=1\n\
             transaction.state.log.num.partitions=4\n\
             transaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\n",
            protocols.join(","),
            self.directory.join("kafka").display(),
        );
        text
    }

    pub(super) fn clickhouse(&self, port: u16) -> anyhow::Result<Server> {
        let mut command = clean("setpriv");
        command
            .args(["--pdeathsig", "TERM", "--"])
            .arg(self.binary)
            .args(["clickhouse", "--listen", &format!("127.0.0.1:{port}")])
            .arg("--data")
            .arg(self.directory.join("clickhouse"))
            .arg("--library")
            .arg(self.library()?)
            .args(["--user", USER])
            .env("VONGGAC_CLICKHOUSE_PASSWORD", PASSWORD);
        Server::run("clickhouse", command, self.directory)
    }

    fn library(&self) -> anyhow::Result<PathBuf> {
        let scope = self.servers.join("clickhouse/node_modules/@chdb");
        fs::read_dir(&scope)?
            .filter_map(Result::ok)
            .flat_map(|entry| {
                [
                    entry.path().join("libchdb.so"),
                    entry.path().join("lib/libchdb.so"),
                ]
            })
            .find(|path| path.is_file())
            .with_context(|| format!("{}: no libchdb.so", scope.display()))
    }

    pub(super) fn postgres(&self, port: u16, issued: &Issued) -> anyhow::Result<Server> {
        let home = postgres_home(self.directory);
        fs::create_dir(&home)?;
        fs::write(home.join("password"), PASSWORD)?;
        give_to_postgres(self.directory, issued)?;
        own_by_postgres(&home)?;
        let data = home.join("data");
        let mut initialise = as_postgres("initdb")?;
        initialise
            .args([
                "-U",
                "postgres",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
            ])
            .arg(format!("--pwfile={}", home.join("password").display()))
            .arg("-D")
            .arg(&data)
            .current_dir("/");
        expect_success(&mut initialise)?;
        let mut command = as_postgres("postgres")?;
        command
            .arg("-D")
            .arg(&data)
            .args(["-c", &format!("port={port}"), "-c", "listen_addresses=127.0.0.1"])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", home.display()))
            .args(["-c", "fsync=off", "-c", "ssl=on", "-c"])
            .arg(format!("ssl_cert_file={}", home.join("server.pem").display()))
            .arg("-c")
            .arg(format!("ssl_key_file={}", home.join("server.key").display()))
            .current_dir("/");
        Server::run("postgres", command, self.directory)
    }

    pub(super) fn create_database(&self, port: u16) -> anyhow::Result<()> {
        let role = format!("CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'");
        let database = format!("CREATE DATABASE {USER} OWNER {USER}");
        for statement in [role, database] {
            let mut command = as_postgres("psql")?;
            command
                .arg("-h")
                .arg(postgres_home(self.directory))
                .args(["-p", &port.to_string(), "-U", "postgres", "-c", &statement])
                .current_dir("/");
            crate::wait_for("psql", COMMAND_LIMIT, || expect_success(&mut command))?;
        }
        Ok(())
    }
}

fn postgres_home(directory: &Path) -> PathBuf {
    directory.join("postgres")
}

/// Copies a certificate to where PostgreSQL reads it, with the owner that it demands.
pub(super) fn give_to_postgres(directory: &Path, issued: &Issued) -> anyhow::Result<()> {
    let home = postgres_home(directory);
    for (from, to) in [(&issued.certificate, "server.pem"), (&issued.key, "server.key")] {
        fs::copy(from, home.join(to))?;
        own_by_postgres(&home.join(to))?;
    }
    Ok(())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|facts| std::os::unix::fs::MetadataExt::uid(&facts) == 0)
}

fn own_by_postgres(path: &Path) -> anyhow::Result<()> {
    if is_root() {
        expect_success(Command::new("chown").args(["-R", "postgres:postgres"]).arg(path))?;
    }
    Ok(())
}

/// A program of PostgreSQL, as a user that it agrees to run as.
fn as_postgres(program: &str) -> anyhow::Result<Command> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin").join(program)))
        .filter(|path| path.is_file())
        .collect();
    versions.sort();
    let Some(program) = versions.pop() else {
        bail!("PostgreSQL has no {program} here");
    };
    let mut command = clean("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.args(["--pdeathsig", "INT", "--"]).arg(program);
    Ok(command)
}

fn expect_success(command: &mut Command) -> anyhow::Result<()> {
    let ended = run(command, COMMAND_LIMIT)?;
    ensure!(
        ended.status.success(),
        "{command:?}: {}{}",
        ended.out.trim(),
        ended.err.trim()
    );
    Ok(())
}
