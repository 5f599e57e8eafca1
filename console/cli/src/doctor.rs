//! `vonggac doctor`: what is running, on which port, and what is wrong.
//!
//! What is wrong inside a role, the role says itself: its page `/health` is read, of every part of `vonggac up` and of whatever else
//! `--metrics` names.

use std::io::{Read as _, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::Context as _;

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
    /// Pages of metrics of roles that run elsewhere, as given to their --metrics: host:port or http://host:port.
    #[arg(long, value_name = "URL")]
    metrics: Vec<String>,
}

/// Least free space before it is worth a word, in bytes.
const FREE_BYTES_LOW: u64 = 5 << 30;
/// How long a port may take to answer.
const PORT_LIMIT: Duration = Duration::from_secs(1);
/// How long a page may take, from one piece to the next.
const PAGE_LIMIT: Duration = Duration::from_secs(5);
/// Largest page that is read, in bytes.
const PAGE_BYTES_MAX: u64 = 1 << 20;
/// How a line of `/health` begins that is worth a word and no problem.
const REMARK: &str = "remark ";
/// From here on being behind is worth a word, in seconds.
const BEHIND_S: f64 = 10.0;

/// What was found.
#[derive(Debug, Default)]
struct Findings {
    /// What is wrong.
    problems: Vec<String>,
    /// What is only worth a word.
    remarks: Vec<String>,
}

/// Says how things are. The exit code is 0 when all parts are up and nothing is missing, 1 otherwise.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let data = options.data.clone().unwrap_or_else(layout::default_data);
    let mut findings = Findings::default();
    let mut out = std::io::stdout().lock();
    match Status::load(&data)? {
        // Whoever looks at roles elsewhere need not run any here.
        None if !options.metrics.is_empty() => {}
        None => findings.problems.push(format!(
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
                None => findings.problems.push("`vonggac up` is not running".to_owned()),
            }
            writeln!(
                out,
                "{:<12} {:<9} {:<22} {:>8} {:>9}  log",
                "part", "state", "address", "process", "restarts"
            )?;
            for (name, part) in &status.parts {
                show(&mut out, name, part, alive.is_some(), &mut findings)?;
            }
        }
    }
    for page in &options.metrics {
        ask(page, page, &mut findings);
    }
    if data.exists() || options.metrics.is_empty() {
        machine(options, &data, &mut findings.problems);
    }
    for remark in &findings.remarks {
        writeln!(out, "remark: {remark}")?;
    }
    if findings.problems.is_empty() {
        writeln!(out, "all is well")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out)?;
    for problem in &findings.problems {
        writeln!(out, "problem: {problem}")?;
    }
    Ok(ExitCode::FAILURE)
}

fn show(
    out: &mut impl Write,
    name: &str,
    part: &PartStatus,
    supervised: bool,
    findings: &mut Findings,
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
        findings.problems.push(format!(
            "{name} is {word}: {}; see {}",
            part.detail,
            part.log.display()
        ));
    } else if word == "up" && !part.metrics.is_empty() {
        ask(name, &part.metrics, findings);
    }
    Ok(())
}

/// Asks a role how it is.
fn ask(name: &str, address: &str, findings: &mut Findings) {
    let found = fetch(address, "/health").and_then(|health| {
        let metrics = fetch(address, "/metrics")?;
        Ok((health, metrics))
    });
    let (health, metrics) = match found {
        Ok(found) => found,
        Err(error) => {
            let words = format!("{name} does not say how it is: {error:#} ({address})");
            findings.problems.push(words);
            return;
        }
    };
    for line in health.body.lines() {
        match line.strip_prefix(REMARK) {
            Some(remark) => findings.remarks.push(format!("{name}: {remark}")),
            None if health.status != 200 => findings.problems.push(format!("{name}: {line}")),
            None => {}
        }
    }
    if let Some(lag_s) = lag_s(&metrics.body).filter(|lag_s| *lag_s >= BEHIND_S) {
        findings.problems.push(format!("{name} is {lag_s:.0} s behind"));
    }
}

/// The largest of a page's lags, in seconds.
fn lag_s(page: &str) -> Option<f64> {
    let lags = page.lines().filter_map(|line| {
        let name = line.split(['{', ' ']).next()?;
        if !name.ends_with("_lag_seconds") {
            return None;
        }
        line.rsplit_once(' ')?.1.parse::<f64>().ok()
    });
    lags.reduce(f64::max)
}

/// A page that was fetched.
#[derive(Debug)]
struct Page {
    status: u16,
    body: String,
}

/// Fetches a page of metrics, which closes the connection at its end.
fn fetch(address: &str, path: &str) -> anyhow::Result<Page> {
    let host = address.strip_prefix("http://").unwrap_or(address);
    let host = host.split('/').next().unwrap_or_default();
    let socket = host
        .to_socket_addrs()
        .with_context(|| format!("{host} is no host:port"))?
        .next()
        .with_context(|| format!("{host} has no address"))?;
    let mut connection = TcpStream::connect_timeout(&socket, PORT_LIMIT)?;
    connection.set_read_timeout(Some(PAGE_LIMIT))?;
    connection.set_write_timeout(Some(PAGE_LIMIT))?;
    // In one piece: a server may answer, and close, as soon as it has seen the first line.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    connection.take(PAGE_BYTES_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let parsed = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
        let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let body = body.to_owned();
        Some(Page { status, body })
    });
    let page = parsed.context("what answers there is no page of metrics")?;
    anyhow::ensure!(
        matches!(page.status, 200 | 503),
        "what answers there is no page of metrics: it said {}",
        page.status
    );
    Ok(page)
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A server that gives each of these answers once.
    fn answering(answers: Vec<String>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for answer in answers {
                let (mut client, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let _ = client.read(&mut request);
                let _ = client.write_all(answer.as_bytes());
            }
        });
        address
    }

    fn answer(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n{body}")
    }

    fn check(answers: Vec<String>, expect: &[&str]) {
        let mut findings = Findings::default();
        ask("p", &answering(answers), &mut findings);
        let problems = findings.problems;
        let starts = problems
            .iter()
            .zip(expect)
            .all(|(problem, expect)| problem.starts_with(expect));
        assert!(
            starts && problems.len() == expect.len(),
            "{problems:?}, not {expect:?}"
        );
    }

    #[test]
    fn what_a_role_says_is_told() {
        let metrics = "# TYPE pipeline_lag_seconds gauge\npipeline_lag_seconds{partition=\"0\"} 1.5\n";
        let late = format!("{metrics}pipeline_lag_seconds{{partition=\"1\"}} 40\n");
        check(vec![answer("200 OK", "well\n"), answer("200 OK", metrics)], &[]);
        check(
            vec![
                answer(
                    "503 Service Unavailable",
                    "2026 clickhouse: disk full\n2026 kafka: away\n",
                ),
                answer("200 OK", &late),
            ],
            &[
                "p: 2026 clickhouse: disk full",
                "p: 2026 kafka: away",
                "p is 40 s behind",
            ],
        );
    }

    #[test]
    fn what_is_no_page_of_metrics_is_told() {
        check(
            vec!["x".repeat(100)],
            &["p does not say how it is: what answers there is no"],
        );
        check(vec![answer("404 Not Found", "")], &["p does not say how it is"]);
        check(Vec::new(), &["p does not say how it is"]);
        let mut findings = Findings::default();
        ask("p", "nonsense", &mut findings);
        let problems = findings.problems;
        assert!(problems[0].contains("nonsense is no host:port"), "{problems:?}");
    }

    #[test]
    fn a_remark_is_told_and_is_no_problem() {
        for (status, problems) in [("200 OK", 0), ("503 Service Unavailable", 1)] {
            let first = if problems == 0 { "well" } else { "2026 kafka: away" };
            let body = format!("{first}\nremark open_door: anybody may come in\n");
            let answers = vec![answer(status, &body), answer("200 OK", "")];
            let mut findings = Findings::default();
            ask("p", &answering(answers), &mut findings);
            assert_eq!(findings.problems.len(), problems, "{findings:?}");
            assert_eq!(findings.remarks, ["p: open_door: anybody may come in"]);
        }
    }
}
