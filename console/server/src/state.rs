//! What the handlers share.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Weak};

use tokio::sync::{Semaphore, watch};
use vonggac_database::Database;
use vonggac_metrics::Registry;
use vonggac_store::health::Instance;
use vonggac_store::{Store, search};

use crate::health::Watch;
use crate::live::Live;
use crate::options::Options;
use crate::{meter, setup, time};

/// Most live streams at once.
pub(crate) const STREAMS_MAX: usize = 256;

/// What a console is made from.
pub(crate) struct Parts {
    pub(crate) database: Database,
    pub(crate) store: Store,
    pub(crate) setup: setup::Gate,
    pub(crate) options: Options,
    pub(crate) stopped: watch::Receiver<bool>,
}

/// The shared state; clones are one.
#[derive(Clone)]
pub(crate) struct Console(Arc<Inner>);

struct Inner {
    parts: Parts,
    clock: Box<dyn Fn() -> i64 + Send + Sync>,
    live: Live,
    streams: Arc<Semaphore>,
    intake: Intake,
    metrics: Registry,
    watch: Watch,
}

/// A handle that does not keep the console.
pub(crate) struct WeakConsole(Weak<Inner>);

impl WeakConsole {
    /// The console, while it is there.
    pub(crate) fn upgrade(&self) -> Option<Console> {
        self.0.upgrade().map(Console)
    }
}

/// How the intake of alerts goes, for the health page.
#[derive(Default)]
pub(crate) struct Intake {
    /// When an alert was last taken over; 0 for never.
    pub(crate) last_us: AtomicI64,
    /// Since when the intake has failed; 0 for not.
    pub(crate) failing_since_us: AtomicI64,
}

impl Console {
    pub(crate) fn new(parts: Parts) -> Self {
        Self::with_clock(parts, Box::new(time::now_us))
    }

    pub(crate) fn with_clock(parts: Parts, clock: Box<dyn Fn() -> i64 + Send + Sync>) -> Self {
        let metrics = Registry::default();
        let name = parts.options.instance.clone();
        let own = Instance::new("console", name, env!("CARGO_PKG_VERSION"));
        let console = Self(Arc::new(Inner {
            parts,
            clock,
            live: Live::new(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            intake: Intake::default(),
            watch: Watch::new(&metrics, own),
            metrics,
        }));
        meter::show(&console);
        console
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.parts.database
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.parts.store
    }

    pub(crate) fn setup(&self) -> &setup::Gate {
        &self.0.parts.setup
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.parts.options
    }

    pub(crate) fn search_limits(&self) -> search::Limits {
        self.0.parts.options.search_limits()
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    pub(crate) fn streams(&self) -> &Arc<Semaphore> {
        &self.0.streams
    }

    pub(crate) fn intake(&self) -> &Intake {
        &self.0.intake
    }

    /// What it counts, and what is wrong with it.
    pub(crate) fn metrics(&self) -> &Registry {
        &self.0.metrics
    }

    /// What is known of health.
    pub(crate) fn watch(&self) -> &Watch {
        &self.0.watch
    }

    /// A handle that does not keep the console.
    pub(crate) fn downgrade(&self) -> WeakConsole {
        WeakConsole(Arc::downgrade(&self.0))
    }

    /// Turns true when the console stops.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.0.parts.stopped.clone()
    }

    pub(crate) fn now_us(&self) -> i64 {
        (self.0.clock)()
    }
}
