//! The pipeline role: events in; tables, matches and alerts out.
//!
//! ```text
//! events/p  ──▶ lane (one per partition): decode, drop repeats, Sigma ──▶ ClickHouse tables
//!                                                                  └──▶ matches, keyed by group
//! matches/p ──▶ lane (one per partition): correlate ──▶ ClickHouse `alerts` ──▶ alerts
//! ```
//!
//! A `lane` owns a partition: its place, its state, its retries. Nothing is shared between lanes but the connections. What a lane
//! does with a batch is its `Work`: `ingest` for events, `alerting` for matches.
//!
//! Invariants:
//! - An event is in its table exactly once, whatever is killed: batches of one cut carry one token, and repeats from a sensor are
//!   left out by the highest sequence seen per sensor and boot, which is saved with the place.
//! - An alert's row may be written again, with the same id and content.
//! - A message that cannot be read goes to `dead-letter` with the reason; it never stops a lane.

mod alerting;
mod dead;
mod ingest;
mod lane;
mod report;
mod retry;
mod rules;

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use vonggac_bus::{Consumer, Message, Partitions, Producer};
use vonggac_event::topic;
use vonggac_metrics::Registry;
use vonggac_store::Store;

use lane::Lane;
use report::Reports;
use rules::Rules;

pub use report::ReportOptions;

/// Messages that wait for a lane before the reader waits.
const LANE_MESSAGES: usize = 4096;
/// Consumer group of all pipelines of one platform.
const GROUP: &str = "vonggac-pipeline";

/// Settings of the role.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Kafka brokers, comma separated.
    #[arg(
        long,
        env = "VONGGAC_KAFKA",
        default_value = "127.0.0.1:9092",
        value_name = "HOST:PORT"
    )]
    pub kafka: String,
    /// Where events and alerts go.
    #[command(flatten)]
    pub store: vonggac_store::Options,
    /// Sigma rules and correlations: files, or directories searched for *.yml and *.yaml.
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// Partitions of `events` and `matches`, when this start creates them.
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub partitions: i32,
    /// Copies of each topic, when this start creates them.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub replicas: i32,
    /// What it shows of itself.
    #[command(flatten)]
    pub report: ReportOptions,
}

/// What lanes share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) producer: Producer,
    pub(crate) consumer: Consumer,
    pub(crate) rules: Rules,
}

/// Runs until `shutdown` resolves; then every lane ends the batch it is at.
///
/// # Errors
/// When the rules' paths cannot be read, or a part refuses for good. A part that is merely away is waited for.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    tokio::pin!(shutdown);
    let rules = Rules::load(&options.rules).context("rules")?;
    let store = Store::new(&options.store)?;
    let metrics = Registry::default();
    let mut reports = Reports::start(&options.report, &metrics, &store).await?;
    tokio::select! {
        () = &mut shutdown => return Ok(()),
        ready = prepare(&store, &options) => ready?,
    }
    let shared = Arc::new(Shared {
        store,
        producer: Producer::new(&options.kafka)?,
        consumer: Consumer::new(&options.kafka, GROUP, &[topic::EVENTS, topic::MATCHES])?,
        rules,
    });
    tracing::info!(
        kafka = options.kafka,
        clickhouse = options.store.clickhouse,
        "pipeline is ready"
    );
    let mut lanes = Lanes {
        shared: shared.clone(),
        senders: HashMap::new(),
        tasks: JoinSet::new(),
    };
    let outcome = loop {
        tokio::select! {
            () = &mut shutdown => break Ok(()),
            message = shared.consumer.next() => match message {
                Ok(message) => lanes.dispatch(message).await,
                Err(error) => break Err(error.into()),
            },
            Some(ended) = lanes.tasks.join_next() => break Err(ended_early(ended)),
            error = reports.ended() => break Err(error),
        }
    };
    lanes.finish().await;
    reports.stop().await;
    outcome
}

async fn prepare(store: &Store, options: &Options) -> anyhow::Result<()> {
    retry::until_ok("ClickHouse", || store.ping()).await;
    store
        .migrate()
        .await
        .context("bring ClickHouse's tables up to date")?;
    let partitions = Partitions {
        data: options.partitions,
        replicas: options.replicas,
    };
    retry::until_ok("Kafka", || vonggac_bus::create_topics(&options.kafka, partitions)).await;
    Ok(())
}

fn ended_early(ended: Result<anyhow::Result<()>, tokio::task::JoinError>) -> anyhow::Error {
    match ended {
        Ok(Ok(())) => anyhow::anyhow!("a lane ended while messages were still coming"),
        Ok(Err(error)) => error.context("a lane failed"),
        Err(error) => anyhow::Error::new(error).context("a lane crashed"),
    }
}

/// The lanes there are, by topic and partition.
struct Lanes {
    shared: Arc<Shared>,
    senders: HashMap<(String, i32), mpsc::Sender<Message>>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Lanes {
    async fn dispatch(&mut self, message: Message) {
        let place = (message.topic.clone(), message.partition);
        if !self.senders.contains_key(&place) {
            let sender = self.open(&place.0, place.1);
            self.senders.insert(place.clone(), sender);
        }
        if let Some(sender) = self.senders.get(&place) {
            // A lane only closes its end when it failed, which the main loop hears of.
            let _ = sender.send(message).await;
        }
    }

    fn open(&mut self, topic: &str, partition: i32) -> mpsc::Sender<Message> {
        let (sender, receiver) = mpsc::channel(LANE_MESSAGES);
        let shared = self.shared.clone();
        let lane = Lane::new(shared.clone(), topic, partition, receiver);
        if topic == topic::EVENTS {
            self.tasks.spawn(lane.run(ingest::Ingest::new(shared)));
        } else {
            self.tasks.spawn(lane.run(alerting::Alerting::new(shared)));
        }
        sender
    }

    /// Closes the lanes and waits for the batches they are at.
    async fn finish(mut self) {
        self.senders.clear();
        while let Some(ended) = self.tasks.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::error!(error = format!("{error:#}"), "lane failed while stopping");
            }
        }
    }
}
