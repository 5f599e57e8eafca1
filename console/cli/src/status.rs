//! What `vonggac up` writes down about its parts, for `vonggac doctor` and for the next start.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// State of all parts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Status {
    /// Process of `vonggac up`.
    pub(crate) supervisor: Option<Process>,
    /// Address of the console.
    pub(crate) console: String,
    /// By name.
    pub(crate) parts: BTreeMap<String, PartStatus>,
}

/// State of one part.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct PartStatus {
    pub(crate) state: PartState,
    pub(crate) process: Option<Process>,
    pub(crate) address: String,
    pub(crate) restarts: u64,
    pub(crate) detail: String,
    pub(crate) log: PathBuf,
    /// Address of its page of metrics; empty when it has none.
    #[serde(default)]
    pub(crate) metrics: String,
}

/// Where a part is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartState {
    #[default]
    Starting,
    Up,
    /// Ended unasked; comes again after a pause.
    Waiting,
    /// Did its work to the end.
    Done,
    Stopped,
    /// Runs elsewhere, not under this supervisor.
    External,
}

/// A process that can be told from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// Clock ticks since the machine started, from `/proc/PID/stat`.
    pub(crate) started: u64,
}

impl Process {
    /// The process of that number as it is now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything; fields are counted after it. Field 3 is the state, 22 the start.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace();
        if fields.next()? == "Z" {
            return None;
        }
        let started = fields.nth(18)?.parse().ok()?;
        Some(Self { pid, started })
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal; says whether there was a process to take it.
    pub(crate) fn signal(self, signal: rustix::process::Signal) -> bool {
        self.is_alive()
            && rustix::process::Pid::from_raw(self.pid)
                .is_some_and(|pid| rustix::process::kill_process(pid, signal).is_ok())
    }
}

impl Status {
    fn path(data: &Path) -> PathBuf {
        data.join("status.json")
    }

    /// The last state written, or none when nothing ever ran here.
    pub(crate) fn load(data: &Path) -> anyhow::Result<Option<Self>> {
        let path = Self::path(data);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .with_context(|| path.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    /// Writes the state, whole or not at all.
    pub(crate) fn save(&self, data: &Path) -> anyhow::Result<()> {
        let path = Self::path(data);
        let fresh = path.with_extension("new");
        fs::write(&fresh, serde_json::to_vec_pretty(self)?).with_context(|| fresh.display().to_string())?;
        fs::rename(&fresh, &path).with_context(|| path.display().to_string())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_a_later_one_of_its_number_is_not_it() {
        let own = Process::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.is_alive());
        assert!(
            !Process {
                started: own.started + 1,
                ..own
            }
            .is_alive()
        );
    }
}
