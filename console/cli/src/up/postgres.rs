//! PostgreSQL: a private cluster in the data directory.
//!
//! It refuses to run as root; then it runs as another user, who owns nothing but the cluster.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::process::Signal;
use tokio::io::AsyncWriteExt as _;
use vonggac_link::Flag;

use crate::up::Options;
use crate::up::part::{Command, Part};
use crate::up::secret::Secret;

/// Users that PostgreSQL may run as when this one is root, best first.
const USERS: [&str; 3] = ["vonggac", "postgres", "nobody"];
/// Name of the database and of its owner, who is no superuser: those pass by row-level security.
const NAME: &str = "vonggac";
/// Who comes in, and from where.
const HOST_BASED_ACCESS: &str =
    "host all vonggac 127.0.0.1/32 scram-sha-256\nlocal all vonggac scram-sha-256\n";

/// A cluster that can be run.
pub(crate) struct Cluster {
    data: PathBuf,
    directory: PathBuf,
    programs: PathBuf,
    port: u16,
    password: Secret,
    user: Option<User>,
}

/// A user of the machine.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Cluster {
    /// Makes the cluster when there is none yet.
    pub(crate) async fn prepare(options: &Options, data: &Path) -> anyhow::Result<Self> {
        let user = user()?;
        let cluster = Self {
            data: data.to_owned(),
            directory: data.join("postgres"),
            programs: find_programs()?,
            port: options.postgres_port,
            password: Secret::adopt(data, "postgres", &data.join("postgres.password"))?,
            user,
        };
        if !cluster.directory.join("PG_VERSION").exists() {
            cluster.initialise().await?;
        }
        Ok(cluster)
    }

    /// How to run it.
    pub(crate) fn part(&self) -> Part {
        let command = self
            .as_user(Command::new(self.programs.join("postgres")))
            .arg("-D")
            .arg(&self.directory)
            .args(["-c", &format!("port={}", self.port)])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", self.directory.display()));
        Part::new("postgres", command, &self.data)
            .tcp(self.port)
            .stop_by(Signal::INT)
            .grace(Duration::from_secs(20))
    }

    /// How clients reach it.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        let url = format!("postgres://{NAME}@127.0.0.1:{}/{NAME}", self.port);
        let file = self.password.file.to_string_lossy().into_owned();
        vec![("postgres", Some(url)), ("postgres-password-file", Some(file))]
    }

    /// Waits until the server has started, and makes the database where an earlier build's cluster has none yet: there the console's user
    /// is the superuser.
    pub(crate) async fn create_database(&self) -> anyhow::Result<()> {
        for _ in 0..100 {
            let output = tokio::process::Command::new(self.programs.join("createdb"))
                .args([
                    "-h",
                    "127.0.0.1",
                    "-p",
                    &self.port.to_string(),
                    "-U",
                    NAME,
                    "--no-password",
                    NAME,
                ])
                .env("PGPASSWORD", &self.password.text)
                .output()
                .await
                .context("createdb")?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let is_there = said.contains("already exists") || said.contains("permission denied");
            if output.status.success() || is_there {
                return Ok(());
            }
            ensure!(
                said.contains("starting up") || said.contains("refused"),
                "createdb: {}",
                said.trim()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!(
            "PostgreSQL does not finish starting; its log is {}",
            self.data.join("log/postgres.log").display()
        )
    }

    /// Makes the cluster beside its place and then moves it there, so that what an interrupted first start leaves is never taken for one.
    async fn initialise(&self) -> anyhow::Result<()> {
        let making = self.data.join("postgres.making");
        for left in [&making, &self.directory] {
            if left.exists() {
                fs::remove_dir_all(left).with_context(|| left.display().to_string())?;
            }
        }
        fs::create_dir(&making).with_context(|| making.display().to_string())?;
        fs::set_permissions(&making, fs::Permissions::from_mode(0o700))?;
        if let Some(user) = self.user {
            chown(&making, Some(user.uid), Some(user.gid))?;
        }
        self.run_initdb(&making).await?;
        self.make_owner(&making).await?;
        // Over what initdb wrote, whose owner it keeps.
        let door = making.join("pg_hba.conf");
        fs::write(&door, HOST_BASED_ACCESS).with_context(|| door.display().to_string())?;
        fs::rename(&making, &self.directory).with_context(|| self.directory.display().to_string())
    }

    async fn run_initdb(&self, making: &Path) -> anyhow::Result<()> {
        // Nobody comes in but by what is written into it afterwards, the superuser least of all.
        let output = self
            .as_user(Command::new(self.programs.join("initdb")))
            .args([
                "-U",
                "postgres",
                "--auth=reject",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-instructions",
            ])
            .arg("-D")
            .arg(making)
            .to_process()
            .current_dir("/")
            .output()
            .await
            .context("initdb")?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let user = self
            .user
            .map(|user| format!(" as user {}", user.uid))
            .unwrap_or_default();
        bail!(
            "PostgreSQL's cluster could not be made in {}{user}: {said}\n\
             (that user must be able to reach the directory: each directory above it needs the x permission)",
            making.display()
        )
    }

    /// Makes the console's own user and its database, in PostgreSQL's single-user mode: nobody else can reach the cluster meanwhile.
    async fn make_owner(&self, making: &Path) -> anyhow::Result<()> {
        let mut child = self
            .as_user(Command::new(self.programs.join("postgres")))
            .args(["--single", "-D"])
            .arg(making)
            .arg("postgres")
            .to_process()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("postgres --single")?;
        // A line each. The password is hexadecimal.
        let statements = format!(
            "CREATE ROLE {NAME} LOGIN PASSWORD '{}'\nCREATE DATABASE {NAME} OWNER {NAME}\n",
            self.password.text
        );
        let mut stdin = child.stdin.take().context("postgres --single has no input")?;
        stdin.write_all(statements.as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await.context("postgres --single")?;
        let said = String::from_utf8_lossy(&output.stderr);
        // It goes on after an error, and ends well.
        ensure!(
            output.status.success() && !said.contains("ERROR:"),
            "PostgreSQL's database could not be made: {}",
            said.trim()
        );
        Ok(())
    }

    fn as_user(&self, command: Command) -> Command {
        match self.user {
            Some(user) => command.user(user.uid, user.gid),
            None => command,
        }
    }
}

/// The user that the cluster runs as, when it is not this one.
pub(crate) fn user() -> anyhow::Result<Option<User>> {
    rustix::process::geteuid().is_root().then(find_user).transpose()
}

fn find_user() -> anyhow::Result<User> {
    let accounts = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
    let find = |name: &str| {
        let line = accounts
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(User {
            uid: fields.next()?.parse().ok()?,
            gid: fields.next()?.parse().ok()?,
        })
    };
    USERS.iter().find_map(|name| find(name)).with_context(|| {
        format!(
            "PostgreSQL does not run as root, and none of the users {} exists",
            USERS.join(", ")
        )
    })
}

/// The newest PostgreSQL of Debian's packages, 15 or later.
fn find_programs() -> anyhow::Result<PathBuf> {
    let base = Path::new("/usr/lib/postgresql");
    let mut versions: Vec<u32> = fs::read_dir(base)
        .map(|entries| {
            entries
                .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
                .collect()
        })
        .unwrap_or_default();
    versions.sort_unstable();
    let found = versions
        .into_iter()
        .rev()
        .filter(|&version| version >= 15)
        .find_map(|version| {
            let programs = base.join(version.to_string()).join("bin");
            programs.join("postgres").is_file().then_some(programs)
        });
    found.context("PostgreSQL 15 or later is not installed (Debian: apt-get install postgresql-15)")
}
