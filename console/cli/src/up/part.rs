//! A part: a process that is kept running.

use std::cell::{Cell, RefCell};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::status::{PartState, PartStatus, Process, Status};
use crate::up::ports;

/// First pause before a part is started again.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A part that ran this long begins with the first pause again.
const STEADY: Duration = Duration::from_secs(30);
/// Ends in a row before a part answered even once, after which it is given up.
const FAILURES_AT_START: u64 = 3;
/// Size at which a log is put aside at start, in bytes; one old log is kept.
const LOG_BYTES: u64 = 32 << 20;

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    /// Arguments of `setpriv` that make the process another user's.
    user: Vec<OsString>,
}

impl Command {
    pub(crate) fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            user: Vec::new(),
        }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments
            .extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs it as another user.
    pub(crate) fn user(mut self, uid: u32, gid: u32) -> Self {
        self.user = vec![
            format!("--reuid={uid}").into(),
            format!("--regid={gid}").into(),
            "--clear-groups".into(),
        ];
        self
    }

    /// The process, bound to this one: the kernel ends it when this one is gone.
    pub(crate) fn to_process(&self) -> tokio::process::Command {
        let mut process = tokio::process::Command::new("setpriv");
        process.args(&self.user).args(["--pdeathsig", "TERM", "--"]);
        process.arg(&self.program).args(&self.arguments);
        process.envs(self.environment.iter().map(|(name, value)| (name, value)));
        process.stdin(Stdio::null());
        process
    }
}

/// How a part shows that it is ready.
#[derive(Debug, Clone)]
pub(crate) enum Probe {
    /// It listens on a port of the loopback interface.
    Tcp(u16),
    /// It has run for a while.
    Lasting(Duration, Cell<Option<Instant>>),
}

impl Probe {
    pub(crate) async fn answers(&self) -> bool {
        match self {
            Self::Tcp(port) => {
                let connecting = TcpStream::connect((Ipv4Addr::LOCALHOST, *port));
                matches!(timeout(Duration::from_secs(1), connecting).await, Ok(Ok(_)))
            }
            Self::Lasting(time, begun) => {
                let begun = begun.get().unwrap_or_else(|| {
                    let now = Instant::now();
                    begun.set(Some(now));
                    now
                });
                begun.elapsed() >= *time
            }
        }
    }
}

/// A part, before it runs.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) name: String,
    command: Command,
    pub(crate) probe: Probe,
    pub(crate) log: PathBuf,
    stop: Signal,
    grace: Duration,
    /// Whether an end with code 0 is its work done, not a failure.
    ends: bool,
    /// Whether it is a role of ours, which shows metrics on a port that it is given.
    has_metrics: bool,
}

impl Part {
    pub(crate) fn new(name: &str, command: Command, data: &Path) -> Self {
        Self {
            name: name.to_owned(),
            command,
            probe: Probe::Lasting(Duration::from_millis(300), Cell::new(None)),
            log: data.join(format!("log/{name}.log")),
            stop: Signal::TERM,
            grace: Duration::from_secs(10),
            ends: false,
            has_metrics: false,
        }
    }

    /// Gives it a port to show its metrics on.
    pub(crate) fn metered(self) -> Self {
        Self {
            has_metrics: true,
            ..self
        }
    }

    pub(crate) fn tcp(self, port: u16) -> Self {
        Self {
            probe: Probe::Tcp(port),
            ..self
        }
    }

    pub(crate) fn lasting(self, time: Duration) -> Self {
        Self {
            probe: Probe::Lasting(time, Cell::new(None)),
            ..self
        }
    }

    pub(crate) fn stop_by(self, stop: Signal) -> Self {
        Self { stop, ..self }
    }

    pub(crate) fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    pub(crate) fn that_ends(self) -> Self {
        Self { ends: true, ..self }
    }

    /// Starts the part's keeper.
    pub(crate) fn start(self, board: &Board) -> Running {
        let (stop, stopped) = watch::channel(false);
        let facts = Rc::new(Facts::default());
        let keeper = Keeper {
            part: self,
            board: board.clone(),
            stopped,
            facts: facts.clone(),
            metrics_port: Cell::new(None),
        };
        let name = keeper.part.name.clone();
        let board = board.clone();
        // The runtime has one thread, so what is not `Send` may be shared.
        let task = tokio::task::spawn_local(keeper.run());
        Running {
            name,
            board,
            stop,
            facts,
            task,
        }
    }
}

/// What a keeper and the start have in common.
#[derive(Default)]
struct Facts {
    answered: Cell<bool>,
    failures: Cell<u64>,
    problem: RefCell<String>,
}

/// A part that is kept running.
pub(crate) struct Running {
    name: String,
    board: Board,
    stop: watch::Sender<bool>,
    facts: Rc<Facts>,
    task: JoinHandle<()>,
}

impl Running {
    /// Says that the part has answered.
    pub(crate) fn mark_up(&mut self) {
        self.facts.answered.set(true);
        self.board.set(&self.name, |part| {
            if part.state == PartState::Starting {
                part.state = PartState::Up;
            }
        });
    }

    /// Why there is no use in waiting for its first answer, if so.
    pub(crate) fn failed_for_good(&self) -> Option<String> {
        (self.facts.failures.get() >= FAILURES_AT_START).then(|| self.facts.problem.borrow().clone())
    }

    /// Stops it and waits until it has ended.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// Keeps a part running until told to stop.
struct Keeper {
    part: Part,
    board: Board,
    stopped: watch::Receiver<bool>,
    facts: Rc<Facts>,
    /// The port of its last start, which the next one takes again if it can.
    metrics_port: Cell<Option<u16>>,
}

impl Keeper {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        while !*self.stopped.borrow() {
            let begun = Instant::now();
            let problem = match self.spawn() {
                Ok(child) => match self.watch(child).await {
                    Some(status) if status.success() && self.part.ends => {
                        self.board
                            .set(&self.part.name, |part| part.state = PartState::Done);
                        return;
                    }
                    Some(status) => format!("ended with {status}"),
                    None => break,
                },
                Err(error) => format!("cannot be started: {error}"),
            };
            if begun.elapsed() > STEADY {
                pause = FIRST_PAUSE;
            }
            self.note_failure(problem, pause);
            tokio::select! {
                () = sleep(pause) => {}
                _ = self.stopped.changed() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.board.set(&self.part.name, |part| {
            part.state = PartState::Stopped;
            part.process = None;
        });
    }

    fn note_failure(&self, problem: String, pause: Duration) {
        if self.facts.answered.get() {
            tracing::warn!(
                part = self.part.name,
                problem,
                again_in_ms = pause.as_millis() as u64,
                "part will be started again"
            );
        } else {
            self.facts.failures.set(self.facts.failures.get() + 1);
        }
        self.board.set(&self.part.name, |part| {
            part.state = PartState::Waiting;
            part.process = None;
            part.restarts += 1;
            part.detail.clone_from(&problem);
        });
        self.facts.problem.replace(problem);
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let log = open_log(&self.part.log)?;
        let metrics = self.metrics_address();
        let command = match &metrics {
            Some(address) => self.part.command.clone().args(["--metrics", address]),
            None => self.part.command.clone(),
        };
        let child = command
            .to_process()
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let process = child.id().and_then(|pid| Process::of(i32::try_from(pid).ok()?));
        let answered = self.facts.answered.get();
        let address = match self.part.probe {
            Probe::Tcp(port) => format!("127.0.0.1:{port}"),
            Probe::Lasting(..) => String::new(),
        };
        self.board.set(&self.part.name, |part| {
            part.state = if answered {
                PartState::Up
            } else {
                PartState::Starting
            };
            part.process = process;
            part.address = address;
            part.log.clone_from(&self.part.log);
            part.metrics = metrics.unwrap_or_default();
        });
        Ok(child)
    }

    /// Where it is to show its metrics; without a free port it does without.
    fn metrics_address(&self) -> Option<String> {
        if !self.part.has_metrics {
            return None;
        }
        let port = ports::free(self.metrics_port.get());
        self.metrics_port.set(port);
        port.map(|port| format!("127.0.0.1:{port}"))
    }

    /// Waits for the process's end; `None` when it was told to.
    async fn watch(&mut self, mut child: Child) -> Option<ExitStatus> {
        tokio::select! {
            status = child.wait() => return status.ok().or_else(|| Some(ExitStatus::default())),
            _ = self.stopped.changed() => {}
        }
        let process = child.id().and_then(|pid| Process::of(i32::try_from(pid).ok()?));
        if let Some(process) = process {
            process.signal(self.part.stop);
        }
        if timeout(self.part.grace, child.wait()).await.is_err() {
            tracing::warn!(part = self.part.name, "did not stop in time and is killed");
            let _ = child.kill().await;
        }
        None
    }
}

fn open_log(path: &Path) -> std::io::Result<File> {
    if fs::metadata(path).is_ok_and(|facts| facts.len() > LOG_BYTES) {
        fs::rename(path, path.with_extension("log.old"))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// The last lines of a log.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(16 * 1024)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    let last = all.len().saturating_sub(lines);
    all.get(last..)
        .unwrap_or_default()
        .iter()
        .map(|line| format!("    {line}\n"))
        .collect()
}

/// The status file, kept up to date.
#[derive(Clone)]
pub(crate) struct Board {
    data: PathBuf,
    status: Rc<RefCell<Status>>,
}

impl Board {
    pub(crate) fn new(data: &Path, console: String) -> anyhow::Result<Self> {
        let supervisor = i32::try_from(std::process::id()).ok().and_then(Process::of);
        let status = Status {
            supervisor,
            console,
            ..Status::default()
        };
        status.save(data)?;
        Ok(Self {
            data: data.to_owned(),
            status: Rc::new(RefCell::new(status)),
        })
    }

    /// Changes a part's state and writes it down.
    pub(crate) fn set(&self, name: &str, change: impl FnOnce(&mut PartStatus)) {
        let mut status = self.status.borrow_mut();
        change(status.parts.entry(name.to_owned()).or_default());
        if let Err(error) = status.save(&self.data) {
            tracing::warn!(%error, "status not written");
        }
    }

    /// Says that nothing runs any more.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        let mut status = self.status.borrow_mut();
        status.supervisor = None;
        status.save(&self.data)
    }
}
