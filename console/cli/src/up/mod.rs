//! `vonggac up`: everything on this machine, supervised.
//!
//! Parts are started in the order in which they need each other and stopped in the reverse. Each runs as a process of its own with one
//! log file; one that ends unasked is started again after a growing pause. Servers that run elsewhere already are used instead
//! when their addresses are given.
//!
//! Invariants: one supervisor per data directory; no part outlives it (each is bound to it by the kernel, and what a killed
//! supervisor may have left is ended at the next start); nothing is written outside the data directory.

mod kafka;
mod options;
mod part;
mod ports;
mod postgres;
mod private;
mod sample;
mod secret;
mod servers;

use std::fs::{self, File, TryLockError};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::Signal;
use tokio::time::Instant;

use crate::layout;
use crate::status::{PartState, Process, Status};
use part::{Board, Command, Part, Running};
use secret::Secret;
use servers::{Link, Servers};

pub(crate) use options::Options;

/// How long a part may take until it answers for the first time.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// Least free space to start with, in bytes.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// Where everything is.
struct Place {
    data: PathBuf,
    servers: Option<PathBuf>,
    binary: PathBuf,
    rules: PathBuf,
    /// File whose tables of the roles hold for the parts too.
    config: Option<PathBuf>,
}

impl Place {
    /// A role of this binary.
    fn role(&self, name: &str) -> Command {
        let command = Command::new(&self.binary).arg(name);
        match &self.config {
            Some(config) => command.arg("--config").arg(config),
            None => command,
        }
    }
}

/// Runs until `shutdown` resolves, then stops all parts in order.
pub(crate) async fn run(
    options: Options,
    config: Option<PathBuf>,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    options.check_links()?;
    let data = prepare_data(&options)?;
    let _lock = lock(&data)?;
    end_leftovers(&data).await?;
    let needs_servers = options.kafka.is_none() || options.clickhouse.is_none();
    let place = Place {
        servers: needs_servers
            .then(|| layout::servers(options.servers.as_deref()))
            .transpose()?,
        binary: std::env::current_exe()?.canonicalize()?,
        rules: layout::rules(options.rules.as_deref())?,
        config,
        data,
    };
    ports::check(&options)?;
    let mut board = Board::new(&place.data, options.console_address())?;
    let mut running: Vec<Running> = Vec::new();
    tokio::pin!(shutdown);
    let outcome = tokio::select! {
        () = &mut shutdown => Ok(false),
        outcome = start(&options, &place, &mut board, &mut running) => outcome.map(|()| true),
    };
    if matches!(outcome, Ok(true)) {
        shutdown.await;
    }
    eprintln!("vonggac: stopping");
    while let Some(part) = running.pop() {
        part.stop().await;
    }
    if options.sample {
        sample::remove_wire(&options, &place).await;
    }
    board.finish()?;
    outcome.map(|_| ())
}

/// Starts everything, and the sample's play when asked. Returns when all is up.
async fn start(
    options: &Options,
    place: &Place,
    board: &mut Board,
    running: &mut Vec<Running>,
) -> anyhow::Result<()> {
    let data = &place.data;
    let kafka = match (&options.kafka, &place.servers) {
        (Some(given), _) => {
            external(board, "kafka", given);
            options.kafka_link(given)
        }
        (None, servers) => {
            let servers = servers.as_deref().context("no servers' files")?;
            let node = kafka::Node::prepare(options, data, servers)?;
            launch(node.part(), board, running).await?;
            node.admit().await?;
            Link::new(node.flags())
        }
    };
    let clickhouse = match (&options.clickhouse, &place.servers) {
        (Some(given), _) => {
            external(board, "clickhouse", given);
            options.clickhouse_link(given)
        }
        (None, servers) => {
            let servers = servers.as_deref().context("no servers' files")?;
            let secret = Secret::open(data, "clickhouse")?;
            launch(clickhouse_part(options, place, servers, &secret)?, board, running).await?;
            clickhouse_link(options, &secret)
        }
    };
    let postgres = match &options.postgres {
        Some(given) => {
            external(board, "postgres", given);
            options.postgres_link(given)
        }
        None => {
            let cluster = postgres::Cluster::prepare(options, data).await?;
            launch(cluster.part(), board, running).await?;
            cluster.create_database().await?;
            Link::new(cluster.flags())
        }
    };
    let servers = Servers {
        kafka,
        clickhouse,
        postgres,
        sensor_key: secret::sensor_key(data)?,
    };
    servers.write(data)?;
    for number in 1..=options.pipelines {
        let part = pipeline_part(options, place, &servers, number);
        launch(part, board, running).await?;
    }
    launch(console_part(options, place, &servers), board, running).await?;
    announce(options, place)?;
    sample::start(options, place, &servers, board, running).await
}

fn external(board: &mut Board, name: &str, address: &str) {
    board.set(name, |part| {
        part.state = PartState::External;
        // A URL may carry a password.
        part.address = address
            .rsplit_once('@')
            .map_or(address, |(_, host)| host)
            .to_owned();
    });
}

/// Starts a part and waits until it answers.
async fn launch(part: Part, board: &mut Board, running: &mut Vec<Running>) -> anyhow::Result<()> {
    let begun = Instant::now();
    let (name, probe, log) = (part.name.clone(), part.probe.clone(), part.log.clone());
    eprint!("vonggac: {name} ...");
    let mut started = part.start(board);
    while !probe.answers().await {
        if let Some(problem) = started.failed_for_good() {
            started.stop().await;
            eprintln!(" failed");
            bail!(
                "{name}: {problem}; its log is {}:\n{}",
                log.display(),
                part::tail(&log, 8)
            );
        }
        if begun.elapsed() > READY_LIMIT {
            started.stop().await;
            eprintln!(" failed");
            bail!(
                "{name} does not answer after {} s; its log is {}:\n{}",
                READY_LIMIT.as_secs(),
                log.display(),
                part::tail(&log, 8)
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    eprintln!(" up after {:.1} s", begun.elapsed().as_secs_f64());
    started.mark_up();
    running.push(started);
    Ok(())
}

/// User of the ClickHouse that is started here.
const CLICKHOUSE_USER: &str = "vonggac";

fn clickhouse_part(
    options: &Options,
    place: &Place,
    servers: &Path,
    secret: &Secret,
) -> anyhow::Result<Part> {
    let library = find_library(&servers.join("clickhouse"))?;
    let port = options.clickhouse_port;
    let directory = place.data.join("clickhouse");
    let command = place
        .role("clickhouse")
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .arg("--data")
        .arg(&directory)
        .arg("--library")
        .arg(library)
        .args(["--user", CLICKHOUSE_USER])
        .env("VONGGAC_CLICKHOUSE_PASSWORD", &secret.text);
    Ok(Part::new("clickhouse", command, &place.data)
        .metered()
        .tcp(port)
        .grace(Duration::from_secs(20)))
}

fn clickhouse_link(options: &Options, secret: &Secret) -> Link {
    let url = format!("http://127.0.0.1:{}", options.clickhouse_port);
    Link::new(vec![
        ("clickhouse", Some(url)),
        ("clickhouse-user", Some(CLICKHOUSE_USER.to_owned())),
        (
            "clickhouse-password-file",
            Some(secret.file.to_string_lossy().into_owned()),
        ),
    ])
}

fn find_library(directory: &Path) -> anyhow::Result<PathBuf> {
    let scope = directory.join("node_modules/@chdb");
    let entries = fs::read_dir(&scope).with_context(|| format!("{}: run `make servers`", scope.display()))?;
    entries
        .filter_map(Result::ok)
        .flat_map(|entry| {
            [
                entry.path().join("libchdb.so"),
                entry.path().join("lib/libchdb.so"),
            ]
        })
        .find(|path| path.is_file())
        .with_context(|| format!("{}: holds no libchdb.so; run `make servers`", scope.display()))
}

fn pipeline_part(options: &Options, place: &Place, servers: &Servers, number: u16) -> Part {
    let name = match number {
        1 => "pipeline".to_owned(),
        number => format!("pipeline-{number}"),
    };
    let command = servers
        .for_pipeline(place.role("pipeline"))
        .args(["--partitions", &options.partitions.to_string()])
        .args(["--instance", &name])
        .arg("--rules")
        .arg(place.rules.join("sigma"));
    Part::new(&name, command, &place.data)
        .metered()
        .lasting(Duration::from_secs(1))
        .grace(Duration::from_secs(20))
}

fn console_part(options: &Options, place: &Place, servers: &Servers) -> Part {
    let mut command = servers
        .for_console(place.role("console"))
        .args(["--listen", &options.console_listen()])
        .arg("--setup-code-file")
        .arg(setup_code_file(&place.data))
        .arg("--audit-key")
        .arg(place.data.join("secrets").join("audit.key"))
        .arg("--secrets-key")
        .arg(place.data.join("secrets").join("console.key"))
        .arg("--audit-witness-file")
        .arg(place.data.join("audit.checkpoints"));
    if options.console_tls {
        command = command.arg("--tls-own").arg(place.data.join("tls"));
    }
    Part::new("console", command, &place.data)
        .metered()
        .tcp(options.console_port)
        .grace(Duration::from_secs(10))
}

fn setup_code_file(data: &Path) -> PathBuf {
    data.join("setup-code")
}

/// Says where the console is, and the one-time code while it is needed.
fn announce(options: &Options, place: &Place) -> anyhow::Result<()> {
    println!();
    println!("  Console           {}", options.console_address());
    match fs::read_to_string(setup_code_file(&place.data)) {
        Ok(code) => println!(
            "  One-time code     {}   (for the first administrator)",
            code.trim()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).context("read the one-time code"),
    }
    println!("  Data              {}", place.data.display());
    println!(
        "  Feed a capture    {} sensor --config {} --read FILE",
        place.binary.display(),
        servers::settings_file(&place.data).display()
    );
    println!(
        "  What is running   {} doctor --data {}",
        place.binary.display(),
        place.data.display()
    );
    println!("  Stop              Ctrl-C");
    println!();
    Ok(())
}

fn prepare_data(options: &Options) -> anyhow::Result<PathBuf> {
    let data = options.data.clone().unwrap_or_else(layout::default_data);
    let advice = "give another with --data DIR";
    fs::create_dir_all(&data)
        .with_context(|| format!("data directory {}: cannot be made; {advice}", data.display()))?;
    private::from_now_on();
    let data = data.canonicalize().with_context(|| data.display().to_string())?;
    for part in ["log", "run"] {
        fs::create_dir_all(data.join(part)).with_context(|| format!("{}: {advice}", data.display()))?;
    }
    let guest = if options.postgres.is_none() {
        postgres::user()?
    } else {
        None
    };
    private::close(&data, guest.map(|user| user.gid))?;
    let space = rustix::fs::statvfs(&data).with_context(|| data.display().to_string())?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    if free < FREE_BYTES_MIN {
        bail!(
            "data directory {}: only {} MiB are free on its disk, at least {} MiB are needed; make room or {advice}",
            data.display(),
            free >> 20,
            FREE_BYTES_MIN >> 20
        );
    }
    Ok(data)
}

fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join("run/lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let process = Status::load(data)?.and_then(|status| status.supervisor);
            let process = process
                .map(|process| format!(" (process {})", process.pid))
                .unwrap_or_default();
            bail!(
                "`vonggac up`{process} is already running on {}; stop it first, or give another directory with --data",
                data.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error).context(path.display().to_string()),
    }
}

/// Ends what a supervisor that was killed left running.
async fn end_leftovers(data: &Path) -> anyhow::Result<()> {
    let Some(status) = Status::load(data)? else {
        return Ok(());
    };
    let left: Vec<(String, Process)> = status
        .parts
        .into_iter()
        .filter_map(|(name, part)| {
            part.process
                .filter(|process| process.is_alive())
                .map(|process| (name, process))
        })
        .collect();
    for (name, process) in &left {
        eprintln!(
            "vonggac: ending {name} (process {}), left by an earlier run",
            process.pid
        );
        process.signal(if name == "postgres" {
            Signal::INT
        } else {
            Signal::TERM
        });
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    for (_, process) in &left {
        while process.is_alive() {
            if Instant::now() > deadline {
                process.signal(Signal::KILL);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}
