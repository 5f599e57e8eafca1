//! `vonggac up` in a temporary directory.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use tempfile::TempDir;

use crate::process::{is_alive, signal, wait};
use crate::{Console, Rows, Sample, free_ports, repository, requirements, wait_for};

/// How long a start may take. On a busy machine Java alone needs half a minute.
const START_LIMIT: Duration = Duration::from_secs(180);
/// How long an orderly stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(90);
/// How long a part that was ended may take until it runs again: the supervisor's pauses grow.
const RUN_LIMIT: Duration = Duration::from_secs(90);
/// User of the event store that `vonggac up` starts.
pub const CLICKHOUSE_USER: &str = "vonggac";
/// Lines of each log that are shown when something fails.
const LOG_LINES: usize = 25;

/// How to start a platform.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// More arguments of `vonggac up`.
    pub arguments: Vec<String>,
}

/// The state that `vonggac up` writes down, as far as the tests look at it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Parts {
    supervisor: Option<Process>,
    parts: BTreeMap<String, Part>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Part {
    state: String,
    process: Option<Process>,
    restarts: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Process {
    pid: i32,
}

impl Parts {
    /// Process number of a part that runs.
    pub fn pid(&self, part: &str) -> Option<i32> {
        self.parts
            .get(part)?
            .process
            .map(|process| process.pid)
            .filter(|&pid| is_alive(pid))
    }

    /// Process number of the supervisor.
    pub fn supervisor(&self) -> Option<i32> {
        self.supervisor.map(|process| process.pid)
    }

    /// `up`, `starting`, `done` and so on; empty when there is no such part.
    pub fn state(&self, part: &str) -> &str {
        self.parts.get(part).map_or("", |part| part.state.as_str())
    }

    /// How often a part was started again.
    pub fn restarts(&self, part: &str) -> u64 {
        self.parts.get(part).map_or(0, |part| part.restarts)
    }
}

/// Ports of one platform.
#[derive(Debug, Clone, Copy)]
struct Ports {
    console: u16,
    kafka: u16,
    controller: u16,
    clickhouse: u16,
    postgres: u16,
}

/// A platform with its data; ended and removed when dropped.
#[derive(Debug)]
pub struct Platform {
    child: Option<Child>,
    ports: Ports,
    binary: PathBuf,
    servers: PathBuf,
    directory: Option<TempDir>,
    data: PathBuf,
}

impl Platform {
    /// Starts one on fresh data and waits until its console answers; `None` when the machine lacks something, which is printed.
    ///
    /// # Errors
    /// When it does not come up, with the ends of its logs.
    pub fn start(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(mut platform) = Self::prepare()? else {
            return Ok(None);
        };
        platform.start_again(settings)?;
        Ok(Some(platform))
    }

    /// A platform that does not run yet.
    ///
    /// # Errors
    /// When the machine lacks something that it must have.
    pub fn prepare() -> anyhow::Result<Option<Self>> {
        let Some((binary, servers)) = requirements()? else {
            return Ok(None);
        };
        let directory = tempfile::Builder::new()
            .prefix("vonggac-e2e-")
            .tempdir_in("/tmp")?;
        // PostgreSQL runs as another user when this one is root.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755))?;
        let [console, kafka, controller, clickhouse, postgres] = free_ports()?;
        let ports = Ports {
            console,
            kafka,
            controller,
            clickhouse,
            postgres,
        };
        let data = directory.path().join("data");
        Ok(Some(Self {
            child: None,
            ports,
            binary,
            servers,
            directory: Some(directory),
            data,
        }))
    }

    /// Starts it on the data it has and waits until its console answers.
    ///
    /// # Errors
    /// As [`Platform::start`].
    pub fn start_again(&mut self, settings: &Settings) -> anyhow::Result<()> {
        self.launch(settings)?;
        self.wait_until_up().with_context(|| self.logs())
    }

    /// Starts it without waiting for anything.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn launch(&mut self, settings: &Settings) -> anyhow::Result<()> {
        ensure!(self.child.is_none(), "it runs already");
        let log = File::options().create(true).append(true).open(self.up_log())?;
        let mut command = self.up_command();
        command.args(&settings.arguments);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().context("setpriv")?);
        Ok(())
    }

    /// `vonggac up` on this platform's data and ports. The kernel ends it with the test.
    pub fn up_command(&self) -> Command {
        let mut command = clean("setpriv");
        command
            .args(["--pdeathsig", "TERM", "--"])
            .arg(&self.binary)
            .arg("up");
        command
            .arg("--data")
            .arg(&self.data)
            .arg("--servers")
            .arg(&self.servers);
        command.arg("--rules").arg(repository().join("rules/content"));
        let ports = &self.ports;
        for (flag, port) in [
            ("--console-port", ports.console),
            ("--kafka-port", ports.kafka),
            ("--kafka-controller-port", ports.controller),
            ("--clickhouse-port", ports.clickhouse),
            ("--postgres-port", ports.postgres),
        ] {
            command.arg(flag).arg(port.to_string());
        }
        command
    }

    fn wait_until_up(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let console = Console::new(self.console_url())?;
        while console.get("/api/v1/setup", &[]).is_err() {
            let child = self.child.as_mut().context("not started")?;
            if let Some(status) = child.try_wait()? {
                self.child = None;
                bail!("`vonggac up` ended with {status} before its console answered");
            }
            ensure!(
                begun.elapsed() < START_LIMIT,
                "the console does not answer after {} s",
                START_LIMIT.as_secs()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Stops it as Ctrl-C does and waits until it has ended.
    ///
    /// # Errors
    /// When it does not end in time, or leaves a part running.
    pub fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        let mut child = self.child.take().context("not started")?;
        let parts = self.parts().unwrap_or_default();
        signal(i32::try_from(child.id())?, libc::SIGINT);
        let status = wait(&mut child, STOP_LIMIT)?.context("`vonggac up` did not stop in time")?;
        for (name, part) in &parts.parts {
            if let Some(process) = part.process.filter(|process| is_alive(process.pid)) {
                bail!("{name} (process {}) outlived `vonggac up`", process.pid);
            }
        }
        Ok(status)
    }

    /// State of its parts.
    ///
    /// # Errors
    /// When there is none yet.
    pub fn parts(&self) -> anyhow::Result<Parts> {
        Ok(serde_json::from_slice(&fs::read(self.data.join("status.json"))?)?)
    }

    /// Kills a part with SIGKILL; says which process it was.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&self, part: &str) -> anyhow::Result<i32> {
        self.signal(part, libc::SIGKILL)
    }

    /// Sends a part a signal as soon as it runs; says which process it was.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, part: &str, number: i32) -> anyhow::Result<i32> {
        wait_for(part, RUN_LIMIT, || {
            let pid = self
                .parts()?
                .pid(part)
                .with_context(|| format!("{part} does not run"))?;
            // It may end between the look and the signal.
            ensure!(
                signal(pid, number),
                "{part} (process {pid}) took no signal {number}"
            );
            Ok(pid)
        })
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A directory for a test's own files.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn scratch(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.data.with_file_name(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Address of the console.
    pub fn console_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.console)
    }

    /// Port of the console.
    pub fn console_port(&self) -> u16 {
        self.ports.console
    }

    /// Address of Kafka.
    pub fn kafka(&self) -> String {
        format!("127.0.0.1:{}", self.ports.kafka)
    }

    /// Address of the event store.
    pub fn clickhouse_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.clickhouse)
    }

    /// Address of PostgreSQL, with its user and database.
    pub fn postgres_url(&self) -> String {
        format!("postgres://vonggac@127.0.0.1:{}/vonggac", self.ports.postgres)
    }

    /// A client of the console.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn console(&self) -> anyhow::Result<Console> {
        Console::new(self.console_url())
    }

    /// A client of the event store.
    ///
    /// # Errors
    /// When it cannot be made, or the store has no password yet.
    pub fn rows(&self) -> anyhow::Result<Rows> {
        Rows::new(
            self.clickhouse_url(),
            CLICKHOUSE_USER,
            &self.password("clickhouse")?,
        )
    }

    /// The file that tells a role started by hand how to reach the servers.
    pub fn client_settings(&self) -> PathBuf {
        self.data.join("client.toml")
    }

    /// The file with the password of `kafka`, `clickhouse` or `postgres`.
    pub fn password_file(&self, server: &str) -> PathBuf {
        self.data.join(format!("secrets/{server}.password"))
    }

    fn password(&self, server: &str) -> anyhow::Result<String> {
        let file = self.password_file(server);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        Ok(text.trim().to_owned())
    }

    /// The first administrator's one-time code; `None` once it was used.
    pub fn setup_code(&self) -> Option<String> {
        fs::read_to_string(self.data.join("setup-code"))
            .ok()
            .map(|code| code.trim().to_owned())
    }

    /// A command of the binary.
    pub fn command(&self, role: &str) -> Command {
        let mut command = clean(&self.binary);
        command.arg(role);
        command
    }

    /// A sensor that reads a capture with the shipped rules and delivers to this platform.
    pub fn sensor(&self, name: &str, capture: &Path) -> Command {
        let rules = repository().join("rules/content");
        let mut command = self.plain_sensor(name, capture);
        command
            .arg("--rules")
            .arg(rules.join("signatures"))
            .arg("--yara")
            .arg(rules.join("yara"));
        command
    }

    /// A sensor that reads a capture without rules and delivers to this platform.
    pub fn plain_sensor(&self, name: &str, capture: &Path) -> Command {
        let mut command = self.command("sensor");
        command.arg("--config").arg(self.client_settings());
        command.args(["--name", name]).arg("--read").arg(capture);
        command
            .arg("--spool")
            .arg(self.data.with_file_name(format!("spool-{name}")));
        command
    }

    /// A sample beside the data.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sample(&self, seed: u64, start_us: i64) -> anyhow::Result<Sample> {
        Sample::generate(&self.scratch("capture")?, seed, start_us)
    }

    /// The ends of all logs.
    pub fn logs(&self) -> String {
        let mut paths = vec![self.up_log()];
        if let Ok(entries) = fs::read_dir(self.data.join("log")) {
            paths.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
        }
        paths.sort();
        let mut shown = String::from("the ends of the logs:\n");
        for path in paths {
            let text = fs::read(&path)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines
                .get(lines.len().saturating_sub(LOG_LINES)..)
                .unwrap_or_default();
            shown += &format!("--- {}\n{}\n", path.display(), last.join("\n"));
        }
        shown
    }

    /// What `vonggac up` itself said.
    pub fn up_log(&self) -> PathBuf {
        self.data.with_file_name("up.log")
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let parts = self.parts().unwrap_or_default();
        if std::thread::panicking() {
            println!("{}", self.logs());
        }
        if self.child.is_some() {
            if let Err(error) = self.stop() {
                println!("stopping: {error:#}");
            }
            for process in parts.parts.values().filter_map(|part| part.process) {
                if is_alive(process.pid) {
                    signal(process.pid, libc::SIGKILL);
                }
            }
        }
        if std::env::var_os("VONGGAC_KEEP").is_some()
            && let Some(directory) = self.directory.take()
        {
            println!("kept: {}", directory.keep().display());
        }
    }
}

/// A command that does not see the settings of whoever runs the tests.
pub(crate) fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VONGGAC_") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG");
    command
}
