//! `vonggac doctor`: what is running, on which port, and what is wrong.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use crate::layout;
use crate::status::{PartState, PartStatus, Status};

/// Settings of the doctor.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Directory of all data, as given to `vonggac up`.
    #[arg(long, env = "VONGGAC_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Directory of the servers' files.
    #[arg(long, env = "VONGGAC_SERVERS", value_name = "DIR")]
    servers: Option<PathBuf>,
}

/// Least free space before it is worth a word, in bytes.
const FREE_BYTES_LOW: u64 = 5 << 30;
/// How long a port may take to answer.
const PORT_LIMIT: Duration = Duration::from_secs(1);

/// Says how things are. The exit code is 0 when all parts are up and nothing is missing, 1 otherwise.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let data = options.data.clone().unwrap_or_else(layout::default_data);
    let mut problems = Vec::new();
    let mut out = std::io::stdout().lock();
    match Status::load(&data)? {
        None => problems.push(format!(
            "nothing has run on {} yet: `vonggac up` starts it",
            data.display()
        )),
        Some(status) => {
            let alive = status.supervisor.filter(|process| process.is_alive());
            match alive {
                Some(process) => writeln!(
                    out,
                    "vonggac up: process {}, console {}",
                    process.pid, status.console
                )?,
                None => problems.push("`vonggac up` is not running".to_owned()),
            }
            writeln!(
                out,
                "{:<12} {:<9} {:<22} {:>8} {:>9}  log",
                "part", "state", "address", "process", "restarts"
            )?;
            for (name, part) in &status.parts {
                show(&mut out, name, part, alive.is_some(), &mut problems)?;
            }
        }
    }
    machine(options, &data, &mut problems);
    if problems.is_empty() {
        writeln!(out, "all is well")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out)?;
    for problem in &problems {
        writeln!(out, "problem: {problem}")?;
    }
    Ok(ExitCode::FAILURE)
}

fn show(
    out: &mut impl Write,
    name: &str,
    part: &PartStatus,
    supervised: bool,
    problems: &mut Vec<String>,
) -> std::io::Result<()> {
    let process = part.process.filter(|process| process.is_alive());
    let answers = part
        .address
        .parse::<SocketAddr>()
        .ok()
        .map(|address| TcpStream::connect_timeout(&address, PORT_LIMIT).is_ok());
    let (word, is_problem) = match part.state {
        PartState::Done => ("done", false),
        PartState::External => ("elsewhere", false),
        _ if !supervised => ("stopped", false),
        PartState::Stopped => ("stopped", true),
        PartState::Waiting => ("waiting", true),
        PartState::Starting => ("starting", false),
        PartState::Up if process.is_none() => ("dead", true),
        PartState::Up if answers == Some(false) => ("mute", true),
        PartState::Up => ("up", false),
    };
    let pid = process.map_or_else(|| "-".to_owned(), |process| process.pid.to_string());
    let address = if part.address.is_empty() {
        "-"
    } else {
        &part.address
    };
    writeln!(
        out,
        "{name:<12} {word:<9} {address:<22} {pid:>8} {:>9}  {}",
        part.restarts,
        part.log.display()
    )?;
    if is_problem {
        problems.push(format!(
            "{name} is {word}: {}; see {}",
            part.detail,
            part.log.display()
        ));
    }
    Ok(())
}

/// What the machine lacks.
fn machine(options: &Options, data: &std::path::Path, problems: &mut Vec<String>) {
    let java = Command::new("java")
        .arg("-version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !java.is_ok_and(|status| status.success()) {
        problems.push("java is not there: Kafka needs Java 17 (Debian: openjdk-17-jre-headless)".to_owned());
    }
    if let Err(error) = layout::servers(options.servers.as_deref()) {
        problems.push(format!("{error:#}"));
    }
    if let Ok(space) = rustix::fs::statvfs(data) {
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        if free < FREE_BYTES_LOW {
            problems.push(format!(
                "only {} MiB are free on the disk of {}",
                free >> 20,
                data.display()
            ));
        }
    }
}
