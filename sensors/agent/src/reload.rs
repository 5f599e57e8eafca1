//! Rules change while the sensor runs: on SIGHUP, and when it is asked to.
//!
//! ```text
//! SIGHUP, control socket ─▶ Reloader ─▶ Loader (a thread for blocking work) ─▶ InForce ─▶ packet threads, scanners
//! ```
//! One reload at a time. What does not load leaves everything as it is, and says why: in the log, in the metrics, to who asked.
//!
//! Invariant: two sets of rules are in memory only while one is loaded and until the last thread has taken it.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use vonggac_metrics::{Problem, Registry};
use vonggac_signature::{Engine, MemoryDatasets};

use crate::in_force::InForce;
use crate::load::{Loaded, Loader, Yara, yara_len};
use crate::tallies::{Tallies, add};

/// Reloads that wait for their turn.
const WAITING_MAX: usize = 4;
/// Longest time that the answer waits for all threads to have taken the new rules: one that waits for packets of a pipe takes them with the
/// next one.
const TAKEN_MAX: Duration = Duration::from_secs(1);
const TAKEN_STEP: Duration = Duration::from_millis(5);

/// The rules in force.
#[derive(Clone)]
pub(crate) struct Rules {
    pub(crate) signatures: InForce<Arc<Engine>>,
    pub(crate) yara: InForce<Yara>,
    /// The sets that the signatures share.
    pub(crate) datasets: InForce<Arc<MemoryDatasets>>,
}

impl Rules {
    pub(crate) fn new(loaded: &Loaded) -> Self {
        Self {
            signatures: InForce::new(loaded.signatures.clone()),
            yara: InForce::new(loaded.yara.clone()),
            datasets: InForce::new(loaded.datasets.clone()),
        }
    }
}

/// What a reload came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reloaded {
    pub(crate) signatures: usize,
    pub(crate) yara: usize,
    /// Rules that were left out.
    pub(crate) rejected: usize,
}

/// A wish for a reload; the answer's error says in words why everything is as it was.
pub(crate) type Request = oneshot::Sender<Result<Reloaded, String>>;

/// Loads rules anew when it is asked to.
pub(crate) struct Reloader {
    pub(crate) loader: Loader,
    pub(crate) rules: Rules,
    pub(crate) tallies: Arc<Tallies>,
    pub(crate) problem: Problem,
}

/// The way to ask for a reload, and where the wishes arrive.
pub(crate) fn requests() -> (mpsc::Sender<Request>, mpsc::Receiver<Request>) {
    mpsc::channel(WAITING_MAX)
}

impl Reloader {
    pub(crate) fn new(loader: Loader, rules: Rules, tallies: Arc<Tallies>, registry: &Registry) -> Self {
        Self {
            loader,
            rules,
            tallies,
            problem: registry.problem("rules"),
        }
    }

    /// Serves wishes and SIGHUP until dropped.
    ///
    /// # Errors
    /// When the signal cannot be caught, or a load crashed.
    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<Request>) -> anyhow::Result<()> {
        let mut hangup = signal(SignalKind::hangup()).context("SIGHUP cannot be caught")?;
        loop {
            let request = tokio::select! {
                _ = hangup.recv() => None,
                request = requests.recv() => match request {
                    Some(request) => Some(request),
                    // Without a control socket there are signals only.
                    None => {
                        hangup.recv().await;
                        None
                    }
                },
            };
            let (reloader, outcome) = spawn_blocking(move || {
                let outcome = self.reload();
                (self, outcome)
            })
            .await
            .context("a load of rules crashed")?;
            self = reloader;
            if let Some(request) = request {
                // Who asked may be gone.
                let _ = request.send(outcome);
            }
        }
    }

    fn reload(&mut self) -> Result<Reloaded, String> {
        let begun = Instant::now();
        match self.replace() {
            Ok((reloaded, before)) => {
                self.problem.clear();
                let ms = begun.elapsed().as_millis();
                let Reloaded {
                    signatures,
                    yara,
                    rejected,
                } = reloaded;
                tracing::info!(signatures, yara, rejected, ms, "rules loaded anew");
                wait_until_unused(&before);
                Ok(reloaded)
            }
            Err(why) => {
                let failures = add(&self.tallies.rules_reloads_failed, 1);
                let words = format!("new rules do not load, those of before are in force: {why}");
                tracing::error!(failures, "{words}");
                self.problem.set(words);
                Err(why)
            }
        }
    }

    /// Puts a new set in force; the signatures of before come back, which threads may still use.
    fn replace(&mut self) -> Result<(Reloaded, Weak<Engine>), String> {
        let before = self.rules.signatures.get().len();
        let yara_before = yara_len(&self.rules.yara.get());
        let loaded = self.loader.reload(before, yara_before);
        // Its words name the cause already.
        let loaded = loaded.map_err(|error| error.to_string())?;
        let reloaded = Reloaded {
            signatures: loaded.signatures.len(),
            yara: yara_len(&loaded.yara),
            rejected: loaded.rejected,
        };
        // Counted first: whoever sees the new rules sees the count.
        add(&self.tallies.rules_reloads, 1);
        let old = self.rules.signatures.replace(loaded.signatures);
        drop(self.rules.yara.replace(loaded.yara));
        drop(self.rules.datasets.replace(loaded.datasets));
        Ok((reloaded, Arc::downgrade(&old)))
    }
}

/// Waits for all threads to have taken the new rules, within reason.
fn wait_until_unused(before: &Weak<Engine>) {
    let until = Instant::now() + TAKEN_MAX;
    while before.strong_count() > 0 && Instant::now() < until {
        std::thread::sleep(TAKEN_STEP);
    }
}
