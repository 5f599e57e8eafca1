//! The engine of this process: one library, one data directory, one anchor connection that keeps it running,
//! and a connection of its own for each session and for each statement outside of sessions.
//!
//! Connections are not pooled: opening one takes half a millisecond, costs no memory that stays, and a fresh
//! one carries nobody else's settings, current database, temporary tables or leftovers of a failed stream.
//!
//! Invariant: a data directory has one process: it holds a lock on `vonggac.lock` in it (and the engine one on
//! `status`). Invariant: at most `Options::reads` reading and `Options::writes` writing statements run at once, each
//! in a turn (`turns`); those that stop others need none.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::{debug, info, warn};

use crate::counters::{Counters, Sample};
use crate::error::EmbeddedError;
use crate::exception::{Exception, code};
use crate::ffi::{Connection, Library};
use crate::options::{Options, find_library};
use crate::sessions::Sessions;
use crate::turns::Turns;
use crate::writes;

/// Stack of the threads that statements run on: ClickHouse's own size.
const STACK_BYTES: usize = 8 << 20;
/// How often, and how far apart, a statement nobody waits for is told to stop, until it has stopped.
const KILLS_MAX: u32 = 20;
const KILL_PAUSE: Duration = Duration::from_millis(250);
/// Name of the lock in the data directory.
const LOCK_NAME: &str = "vonggac.lock";
/// Mode of the data directory: nobody else on the machine reads what is in it.
const DIRECTORY_MODE: u32 = 0o700;
/// What the caches of a server would take by default is far too much for a part of a single machine.
const MARK_CACHE_BYTES: u64 = 256 << 20;
/// Nice value of the threads that merge: somebody waits for a search or an insert, and for a merge nobody. It leaves them a third of the weight
/// of the others' threads, so that merges go on while all turns of searches are taken.
const MERGE_NICENESS: u32 = 5;

/// The running engine.
pub(crate) struct Engine {
    library: Arc<Library>,
    arguments: Vec<CString>,
    anchor: Mutex<Option<Connection>>,
    pub(crate) reads: Arc<Turns>,
    pub(crate) writes: Arc<Turns>,
    /// How long a `SELECT` may run; `None` means as long as it likes.
    pub(crate) seconds_max: Option<Duration>,
    pub(crate) sessions: Arc<Sessions>,
    /// Marks of the statements under way, with the ids that their clients know.
    running: Mutex<HashMap<String, String>>,
    pub(crate) counters: Counters,
    /// Where the library is.
    pub(crate) path: PathBuf,
    /// Where the data is.
    pub(crate) data: PathBuf,
    /// The engine's version, as `version()` gives it.
    pub(crate) version: String,
    /// The engine's time zone.
    pub(crate) timezone: String,
    _lock: File,
}

impl Engine {
    /// Loads the library and opens the data directory. Blocks for about half a second.
    pub(crate) fn open(options: &Options) -> Result<Arc<Self>, EmbeddedError> {
        let path = find_library(options.library.clone())?;
        let lock = lock(&options.data)?;
        let library = Library::load(&path)?;
        let arguments = arguments(options)?;
        let refused = || EmbeddedError::EngineRefused {
            path: options.data.clone(),
        };
        let mut anchor = library.connect(&arguments).ok_or_else(refused)?;
        let answer = anchor
            .query(b"SELECT version(), timezone()", "TabSeparated", &[])
            .map_err(|exception| EmbeddedError::EngineSilent {
                reason: exception.to_string(),
            })?;
        let line = String::from_utf8_lossy(answer.bytes()).into_owned();
        drop(answer);
        let (version, timezone) = line
            .trim_end()
            .split_once('\t')
            .unwrap_or((line.trim_end(), "UTC"));
        info!(library = %path.display(), data = %options.data.display(), version, "the engine is open");
        Ok(Arc::new(Self {
            library,
            arguments,
            anchor: Mutex::new(Some(anchor)),
            reads: Turns::new("read", options.read_limits()),
            writes: Turns::new("write", options.write_limits()),
            seconds_max: options.time_limit(),
            sessions: Arc::default(),
            running: Mutex::default(),
            counters: Counters::default(),
            path,
            data: options.data.clone(),
            version: version.to_owned(),
            timezone: timezone.to_owned(),
            _lock: lock,
        }))
    }

    /// Opens a connection for one statement, which bears a mark (in its `log_comment`) to be found by.
    pub(crate) fn connect(&self, mark: &str) -> Result<Connection, Exception> {
        let mut arguments = self.arguments.clone();
        // The marks are ours, digits and dashes; without its NUL a text is always good.
        arguments.extend(CString::new(format!("--log_comment={mark}")));
        self.library.connect(&arguments).ok_or_else(|| {
            Exception::new(
                code::ABORTED,
                "ABORTED",
                "The engine does not open another connection.",
            )
        })
    }

    /// Puts a statement on the list of those under way, until what this gives is dropped.
    ///
    /// # Errors
    /// ClickHouse's 216 if the client chose an id that one under way has.
    pub(crate) fn enlist(self: &Arc<Self>, mark: &str, chosen: Option<&str>) -> Result<Running, Exception> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = chosen.filter(|chosen| running.values().any(|id| id == chosen)) {
            let shown: String = id.chars().filter(|letter| !letter.is_control()).collect();
            return Err(Exception::new(
                code::QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
                "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
                format_args!("Query with id = {shown} is already running."),
            ));
        }
        running.insert(mark.to_owned(), chosen.unwrap_or(mark).to_owned());
        Ok(Running {
            engine: Arc::clone(self),
            mark: mark.to_owned(),
        })
    }

    /// Marks and ids of the statements under way.
    pub(crate) fn running(&self) -> Vec<(String, String)> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running
            .iter()
            .map(|(mark, id)| (mark.clone(), id.clone()))
            .collect()
    }

    /// Every number this server tells.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let mut samples = self.counters.samples();
        let turns = self.reads.samples().into_iter().zip(self.writes.samples());
        // One name's numbers stand together.
        samples.extend(turns.flat_map(|(read, write)| [read, write]));
        samples.extend(self.sessions.samples());
        samples.extend(writes::samples());
        samples
    }

    /// Tells the statement that bears a mark to stop, until `done`.
    pub(crate) fn kill(self: &Arc<Self>, mark: String, done: Arc<AtomicBool>) {
        let engine = Arc::clone(self);
        let kill = move || {
            let parameters = [("mark".to_owned(), mark)];
            for _ in 0..KILLS_MAX {
                if done.load(Ordering::Acquire) {
                    return;
                }
                let statement = b"KILL QUERY WHERE Settings['log_comment'] = {mark:String} ASYNC";
                let killed = engine
                    .connect("kill")
                    .and_then(|mut connection| connection.query(statement, "Null", &parameters).map(|_| ()));
                if let Err(error) = killed {
                    debug!(%error, "a statement could not be told to stop");
                }
                std::thread::sleep(KILL_PAUSE);
            }
        };
        if let Err(error) = spawn("kill", kill) {
            warn!(%error, "no thread to stop an abandoned statement");
        }
    }

    /// Tells everything that runs to stop.
    pub(crate) fn kill_all(self: &Arc<Self>) {
        let engine = Arc::clone(self);
        let kill = move || {
            let statement = b"KILL QUERY WHERE Settings['log_comment'] != 'kill' ASYNC";
            let killed = engine
                .connect("kill")
                .and_then(|mut connection| connection.query(statement, "Null", &[]).map(|_| ()));
            if let Err(error) = killed {
                warn!(%error, "the statements could not be told to stop");
            }
        };
        if let Err(error) = spawn("kill", kill) {
            warn!(%error, "no thread to stop what runs");
        }
    }

    /// Waits until no statement runs; no other gets a turn. Says whether that came to be in time.
    pub(crate) async fn quiesce(&self, limit: Duration) -> bool {
        let quiet = async {
            self.reads.quiesce().await;
            self.writes.quiesce().await;
        };
        tokio::time::timeout(limit, quiet).await.is_ok()
    }

    /// Closes sessions and anchor and stops the engine's threads. Everything else must have ended.
    pub(crate) fn close(&self) {
        self.sessions.clear();
        let anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(anchor);
        match self.library.shutdown() {
            true => info!("the engine is closed"),
            // 26.7.3 says so after any statement at all; nothing is lost by it, the data is on disk.
            false => info!("the engine is closed; its idle threads end with the process"),
        }
    }
}

/// A statement under way.
pub(crate) struct Running {
    engine: Arc<Engine>,
    mark: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.engine.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.mark);
    }
}

/// Starts a thread that the engine's parser finds deep enough.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map(|_| ())
}

/// Makes the data directory and takes its lock.
fn lock(data: &Path) -> Result<File, EmbeddedError> {
    let unusable = |source| EmbeddedError::DataDirectory {
        path: data.to_owned(),
        source,
    };
    std::fs::create_dir_all(data).map_err(unusable)?;
    std::fs::set_permissions(data, Permissions::from_mode(DIRECTORY_MODE)).map_err(unusable)?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(data.join(LOCK_NAME))
        .map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).and_then(|()| file.rewind()).map_err(unusable)?;
            writeln!(file, "{}", std::process::id()).map_err(unusable)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let said = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            Err(EmbeddedError::DataTaken {
                path: data.to_owned(),
                holder: if said {
                    format!("process {}", holder.trim())
                } else {
                    "another process".to_owned()
                },
            })
        }
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// The engine's command line. Names of settings count for every connection, the rest for the first.
fn arguments(options: &Options) -> Result<Vec<CString>, EmbeddedError> {
    let unusable = |source| EmbeddedError::DataDirectory {
        path: options.data.clone(),
        source,
    };
    let data = options.data.canonicalize().map_err(unusable)?;
    let mut path = b"--path=".to_vec();
    path.extend_from_slice(data.as_os_str().as_bytes());
    let mut texts = vec![
        b"clickhouse".to_vec(),
        path,
        format!("--mark_cache_size={MARK_CACHE_BYTES}").into_bytes(),
        // An acknowledged row is in a part on disk, and deduplication tokens count.
        b"--async_insert=0".to_vec(),
        format!("--os_threads_nice_value_merge_mutate={MERGE_NICENESS}").into_bytes(),
    ];
    if options.memory_bytes_max > 0 {
        texts.push(format!("--max_server_memory_usage={}", options.memory_bytes_max).into_bytes());
    }
    texts
        .into_iter()
        .map(|text| CString::new(text).map_err(|error| unusable(std::io::Error::other(error))))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_data_directory_has_one_process() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let held = lock(directory.path()).unwrap();
        let mode = std::fs::metadata(directory.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let error = lock(directory.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        drop(held);
        lock(directory.path()).unwrap();
    }

    #[test]
    fn the_data_directory_reaches_the_engine_as_an_absolute_path() {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            memory_bytes_max: 5,
            ..Options::new(directory.path())
        };
        let arguments: Vec<String> = arguments(&options)
            .unwrap()
            .iter()
            .map(|text| text.to_string_lossy().into_owned())
            .collect();
        assert!(
            arguments.iter().any(|text| text.starts_with("--path=/")),
            "{arguments:?}"
        );
        assert!(arguments.contains(&"--max_server_memory_usage=5".to_owned()));
        assert!(arguments.contains(&"--async_insert=0".to_owned()));
    }
}
