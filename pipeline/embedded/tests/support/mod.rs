//! Runs `examples/serve` as a process of its own, as `vonggac clickhouse` would be.

// Each test program uses its part.
#![allow(dead_code)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

/// A server in a process of its own; killed when dropped.
pub struct Served {
    child: Child,
    /// `http://127.0.0.1:port`.
    pub url: String,
}

/// A data directory, unless there is no engine to test with.
pub fn directory() -> Option<TempDir> {
    match vonggac_embedded::find_library(None) {
        Ok(_) => Some(tempfile::tempdir().unwrap()),
        Err(error) if std::env::var("VONGGAC_TEST_SERVERS").is_ok_and(|value| value == "required") => {
            panic!("{error}")
        }
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

pub fn program() -> PathBuf {
    // Tests lie in target/debug/deps, examples in target/debug/examples.
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples/serve")
}

/// The server's command line on a free port.
pub fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = command_at(data, "127.0.0.1:0");
    command.args(arguments);
    command
}

/// The server's command line.
pub fn command_at(data: &Path, listen: &str) -> Command {
    let mut command = Command::new(program());
    command.arg("--data").arg(data).args(["--listen", listen]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts a server and waits until it listens.
pub fn serve(data: &Path, arguments: &[&str]) -> Served {
    serve_by(command(data, arguments))
}

/// Starts a server by a command and waits until it listens.
pub fn serve_by(mut command: Command) -> Served {
    let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(!line.is_empty(), "the server did not start");
    Served {
        child,
        url: format!("http://{}", line.trim()),
    }
}

impl Served {
    /// The server's process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the server to end; gives the status when it has.
    pub fn stop(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }

    /// Asks the server to end, without waiting.
    pub fn ask_to_stop(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Most memory it had resident, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Runs a statement by `POST`; gives status, headers and body.
    pub async fn post(&self, parameters: &str, body: impl Into<reqwest::Body>) -> Answer {
        let url = format!("{}/?{parameters}", self.url);
        Answer::of(reqwest::Client::new().post(url).body(body).send().await.unwrap()).await
    }

    /// A number of `/metrics` that has no label.
    pub async fn ask_metric(&self, name: &str) -> u64 {
        let text = reqwest::get(format!("{}/metrics", self.url))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not told: {text}"))
            .parse()
            .unwrap()
    }

    /// Runs a statement by `POST` that must succeed; gives its result as text.
    pub async fn ask(&self, statement: &str) -> String {
        let answer = self.post("", statement.to_owned()).await;
        assert_eq!(answer.status, 200, "{statement}: {}", answer.text());
        answer.text()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
    /// Whether the body came to its proper end.
    pub complete: bool,
}

impl Answer {
    pub async fn of(mut response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        let complete = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        Self {
            status,
            headers,
            body,
            complete,
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
