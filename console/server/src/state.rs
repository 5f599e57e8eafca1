//! What the handlers share.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, Weak};

use tokio::sync::watch;
use vonggac_database::{Database, Vault};
use vonggac_enrolment::MasterKey;
use vonggac_metrics::Registry;
use vonggac_notify::Notifier;
use vonggac_store::Store;
use vonggac_store::health::Instance;
use vonggac_store::search::EventStore;

use crate::authority::Organisations;
use crate::deliveries::Outbox;
use crate::exports::Exports;
use crate::health::Watch;
use crate::listener::Counters;
use crate::live::Live;
use crate::network::Network;
use crate::openid::Providers;
use crate::options::Options;
use crate::places::Places;
use crate::register::Register;
use crate::seal::Seal;
use crate::streams::Streams;
use crate::{meter, setup, time};

/// What a console is made from.
pub(crate) struct Parts {
    pub(crate) database: Database,
    pub(crate) store: Store,
    pub(crate) setup: setup::Gate,
    pub(crate) seal: Option<Seal>,
    pub(crate) vault: Option<Vault>,
    pub(crate) sensor_key: Option<MasterKey>,
    pub(crate) notifier: Notifier,
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
    streams: Streams,
    events: EventStore,
    exports: Exports,
    door: Arc<Counters>,
    places: Places,
    proxied_places: Places,
    proxies: Vec<Network>,
    intake: Intake,
    register: Register,
    outbox: Outbox,
    providers: Providers,
    metrics: Registry,
    watch: Watch,
    organisations: Organisations,
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
    /// Revisions of alerts taken over since the start.
    pub(crate) taken: AtomicU64,
    /// Messages put aside in `dead-letter` since the start.
    pub(crate) put_aside: AtomicU64,
    /// How often it has begun anew because Kafka's side failed for good.
    pub(crate) restarts: AtomicU64,
    trouble: std::sync::Mutex<String>,
}

impl Intake {
    /// Says that alerts cannot be taken over, and why.
    pub(crate) fn fails(&self, now_us: i64, why: &dyn std::fmt::Display) {
        let since_us = &self.failing_since_us;
        // It has failed since it first did.
        let _ = since_us.compare_exchange(0, now_us, Ordering::Relaxed, Ordering::Relaxed);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = why.to_string();
    }

    /// Says that alerts were taken over.
    pub(crate) fn works(&self, now_us: i64) {
        self.failing_since_us.store(0, Ordering::Relaxed);
        self.last_us.store(now_us, Ordering::Relaxed);
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Why alerts cannot be taken over; empty when they can.
    pub(crate) fn trouble(&self) -> String {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Console {
    pub(crate) fn new(parts: Parts) -> Self {
        Self::with_clock(parts, Box::new(time::now_us))
    }

    pub(crate) fn with_clock(parts: Parts, clock: Box<dyn Fn() -> i64 + Send + Sync>) -> Self {
        let options = &parts.options;
        let events = EventStore::new(&parts.store, options.search_limits(), options.search_shares());
        let metrics = Registry::default();
        let proxies = options.proxies();
        let places = Places::new(options.connections_per_network_max);
        let proxied_places = Places::new(options.connections_per_network_max);
        let name = options.instance.clone();
        let own = Instance::new("console", name, env!("CARGO_PKG_VERSION"));
        let console = Self(Arc::new(Inner {
            parts,
            clock,
            live: Live::new(),
            organisations: Organisations::default(),
            streams: Streams::default(),
            events,
            exports: Exports::default(),
            door: Arc::default(),
            places,
            proxied_places,
            proxies,
            intake: Intake::default(),
            register: Register::default(),
            outbox: Outbox::new(&metrics),
            providers: Providers::default(),
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

    /// What signs the audit log, where there is a key.
    pub(crate) fn seal(&self) -> Option<&Seal> {
        self.0.parts.seal.as_ref()
    }

    /// The console's own secret, where there is a key.
    pub(crate) fn vault(&self) -> Option<&Vault> {
        self.0.parts.vault.as_ref()
    }

    /// What sensors' keys are derived from, where there is one.
    pub(crate) fn sensor_key(&self) -> Option<&MasterKey> {
        self.0.parts.sensor_key.as_ref()
    }

    /// Networks whose word on whom they speak for counts.
    pub(crate) fn proxies(&self) -> &[Network] {
        &self.0.proxies
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.parts.options
    }

    /// The organisations, as last seen.
    pub(crate) fn organisations(&self) -> &Organisations {
        &self.0.organisations
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    pub(crate) fn streams(&self) -> &Streams {
        &self.0.streams
    }

    /// Searches over stored events.
    pub(crate) fn events(&self) -> &EventStore {
        &self.0.events
    }

    /// The way to the jobs that write files.
    pub(crate) fn exports(&self) -> &Exports {
        &self.0.exports
    }

    /// What is counted at the door.
    pub(crate) fn door(&self) -> Arc<Counters> {
        Arc::clone(&self.0.door)
    }

    /// Places for the connections of each network.
    pub(crate) fn places(&self) -> &Places {
        &self.0.places
    }

    /// Places for the requests of each network that trusted proxies bring.
    pub(crate) fn proxied_places(&self) -> &Places {
        &self.0.proxied_places
    }

    pub(crate) fn intake(&self) -> &Intake {
        &self.0.intake
    }

    /// The way to the task that tells pipelines of sensors.
    pub(crate) fn register(&self) -> &Register {
        &self.0.register
    }

    /// What delivers e-mail and webhooks, and asks providers.
    pub(crate) fn notifier(&self) -> &Notifier {
        &self.0.parts.notifier
    }

    /// How the ways out are.
    pub(crate) fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }

    /// What is known of providers of OpenID Connect.
    pub(crate) fn providers(&self) -> &Providers {
        &self.0.providers
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
