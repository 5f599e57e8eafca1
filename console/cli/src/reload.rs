//! `vonggac rules reload`: asks a sensor's control socket, in the words of Suricata's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

/// How long a sensor may take to load its rules.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs it. An error says why the sensor keeps its rules.
pub(crate) fn run(socket: &Path) -> anyhow::Result<ExitCode> {
    let place = || socket.display().to_string();
    let mut to = UnixStream::connect(socket).with_context(place)?;
    to.set_read_timeout(Some(PATIENCE)).with_context(place)?;
    let mut from = BufReader::new(to.try_clone().with_context(place)?);
    let mut ask = |line: Value| -> anyhow::Result<Value> {
        to.write_all(format!("{line}\n").as_bytes()).with_context(place)?;
        let mut answer = String::new();
        from.read_line(&mut answer).with_context(place)?;
        let answer: Value = serde_json::from_str(&answer)
            .with_context(|| format!("{} does not answer as a sensor does", place()))?;
        match answer.get("return").and_then(Value::as_str) {
            Some("OK") => Ok(answer.get("message").cloned().unwrap_or_default()),
            _ => bail!(
                "{}",
                answer.get("message").and_then(Value::as_str).unwrap_or("refused")
            ),
        }
    };
    ask(json!({"version": "0.2"}))?;
    let reloaded = ask(json!({"command": "reload-rules"}))?;
    let count = |name: &str| reloaded.get(name).and_then(Value::as_u64).unwrap_or(0);
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "in force: {} signatures and {} YARA rules; {} left out",
        count("signatures"),
        count("yara"),
        count("rejected")
    )?;
    Ok(ExitCode::SUCCESS)
}
