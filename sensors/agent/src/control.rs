//! The control socket: what an operator, or the tools that operators have, ask of a sensor at work.
//!
//! ```text
//! client:  {"version": "0.2"}             server:  {"return": "OK"}
//! client:  {"command": "reload-rules"}    server:  {"message": {…}, "return": "OK"}
//! ```
//! Objects of JSON as in Suricata's unix socket, so that `suricatasc -c reload-rules SOCKET` works, too; of its releases some end all lines but that with
//! the version. The socket is its owner's alone.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net as blocking;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::metrics::Metrics;
use crate::reload::{Request, Rules};

/// Most connections at once; further ones wait.
const CONNECTIONS_MAX: usize = 8;
/// Longest request of a client, in bytes.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// A client that says nothing for so long is hung up on.
const IDLE_MAX: Duration = Duration::from_secs(300);
/// Pause after a connection could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What can be asked.
const COMMANDS: [&str; 7] = [
    "command-list",
    "dump-counters",
    "reload-rules",
    "ruleset-reload-rules",
    "ruleset-stats",
    "uptime",
    "version",
];

/// The socket, taken away when dropped.
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
    desk: Arc<Desk>,
}

/// What answers are made of.
pub(crate) struct Desk {
    pub(crate) reloads: mpsc::Sender<Request>,
    pub(crate) rules: Rules,
    pub(crate) metrics: Metrics,
    pub(crate) started: Instant,
}

impl Drop for Control {
    fn drop(&mut self) {
        // Somebody may have taken it away.
        let _ = fs::remove_file(&self.path);
    }
}

impl Control {
    /// Opens the socket. One that a sensor before left behind is replaced.
    ///
    /// # Errors
    /// When something else is at the path, another sensor answers there, or the system refuses.
    pub(crate) fn open(path: &Path, desk: Desk) -> anyhow::Result<Self> {
        let place = || format!("--control {}", path.display());
        if fs::symlink_metadata(path).is_ok() {
            match blocking::UnixStream::connect(path) {
                Ok(_) => bail!("{}: another sensor answers there", place()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && is_socket(path) => {}
                Err(_) => bail!("{}: there is something that is no socket left behind", place()),
            }
        }
        // It appears under its name only once it is the owner's alone.
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(format!(".{}", std::process::id()));
        let fresh = PathBuf::from(fresh);
        let _ = fs::remove_file(&fresh);
        let listener = UnixListener::bind(&fresh).with_context(place)?;
        let shown = fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))
            .and_then(|()| fs::rename(&fresh, path));
        if shown.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        shown.with_context(place)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            desk: Arc::new(desk),
        })
    }

    /// Serves until dropped.
    pub(crate) async fn serve(self) -> std::convert::Infallible {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut clients = JoinSet::new();
        loop {
            // It is never closed.
            let place = room.clone().acquire_owned().await;
            match self.listener.accept().await {
                Ok((client, _)) => {
                    let desk = self.desk.clone();
                    clients.spawn(async move {
                        let _place = place;
                        if let Err(error) = desk.talk(client).await {
                            tracing::debug!(%error, "a client of the control socket");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket takes no connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while clients.try_join_next().is_some() {}
        }
    }
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

/// An answer as it is sent.
fn written(outcome: Result<Value, String>) -> String {
    let answer = match outcome {
        Ok(Value::Null) => json!({"return": "OK"}),
        Ok(message) => json!({"return": "OK", "message": message}),
        Err(why) => json!({"return": "NOK", "message": why}),
    };
    format!("{answer}\n")
}

/// Takes the first object out of what a client said, or a line that is none; `None` if more has to come.
fn next_request(held: &mut Vec<u8>) -> Option<Result<Map<String, Value>, String>> {
    let blank = held.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    held.drain(..blank);
    let mut objects = serde_json::Deserializer::from_slice(held).into_iter();
    let (asked, end) = match objects.next()? {
        Ok(asked) => (Ok(asked), objects.byte_offset()),
        Err(error) => {
            let line = held.iter().position(|byte| *byte == b'\n');
            if error.is_eof() && line.is_none() {
                return None;
            }
            let end = line.map_or(held.len(), |newline| newline + 1);
            (Err(format!("that is no JSON object: {error}")), end)
        }
    };
    held.drain(..end);
    Some(asked)
}

impl Desk {
    async fn talk(&self, client: UnixStream) -> io::Result<()> {
        let (mut from, mut to) = client.into_split();
        let mut held = Vec::new();
        loop {
            let Ok(read) = timeout(IDLE_MAX, from.read_buf(&mut held)).await else {
                return Ok(());
            };
            if read? == 0 {
                return Ok(());
            }
            while let Some(asked) = next_request(&mut held) {
                let outcome = match asked {
                    Ok(asked) => self.answer(&asked).await,
                    Err(why) => Err(why),
                };
                to.write_all(written(outcome).as_bytes()).await?;
            }
            if held.len() >= REQUEST_BYTES_MAX {
                let too_long = format!("a request is longer than {REQUEST_BYTES_MAX} bytes");
                to.write_all(written(Err(too_long)).as_bytes()).await?;
                return Ok(());
            }
        }
    }

    async fn answer(&self, asked: &Map<String, Value>) -> Result<Value, String> {
        if asked.contains_key("version") {
            return Ok(Value::Null);
        }
        match asked.get("command").and_then(Value::as_str) {
            Some("command-list") => Ok(json!({"count": COMMANDS.len(), "commands": COMMANDS})),
            Some("version") => Ok(json!(concat!("vonggac ", env!("CARGO_PKG_VERSION")))),
            Some("uptime") => Ok(json!(self.started.elapsed().as_secs())),
            Some("dump-counters") => Ok(json!(self.metrics.registry().totals())),
            Some("ruleset-stats") => Ok(json!({"rules_loaded": self.rules.signatures.get().len()})),
            Some("reload-rules" | "ruleset-reload-rules") => self.reload().await,
            Some(other) => Err(format!(
                "unknown command {other:?}; there are {}",
                COMMANDS.join(", ")
            )),
            None => Err("a request wants \"command\"".to_owned()),
        }
    }

    async fn reload(&self) -> Result<Value, String> {
        let ended = || "the sensor ends".to_owned();
        let (request, answer) = oneshot::channel();
        self.reloads.send(request).await.map_err(|_| ended())?;
        let reloaded = answer.await.map_err(|_| ended())??;
        Ok(json!({
            "signatures": reloaded.signatures,
            "yara": reloaded.yara,
            "rejected": reloaded.rejected,
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_with_and_without_ends_of_lines() {
        let mut held = Vec::new();
        let mut say = |text: &str| {
            held.extend_from_slice(text.as_bytes());
            let mut said = Vec::new();
            while let Some(asked) = next_request(&mut held) {
                said.push(match asked {
                    Ok(asked) if asked.contains_key("version") => "version",
                    Ok(_) => "command",
                    Err(_) => "fault",
                });
            }
            said
        };
        assert_eq!(say("{\"version\": \"0.2\"}"), ["version"]);
        assert!(say("{\"comm").is_empty());
        assert_eq!(say("and\": \"uptime\"}\n"), ["command"]);
        assert_eq!(
            say("{\"version\":1}{\"command\":\"uptime\"}\n"),
            ["version", "command"]
        );
        assert_eq!(say("what?\n{\"command\":1}\n"), ["fault", "command"]);
        assert_eq!(say("{\"command\": \n{\"command\":1}\n"), ["fault", "command"]);
        assert_eq!(say("[1]\n"), ["fault"]);
        assert!(held.iter().all(u8::is_ascii_whitespace));
    }
}
