//! The pipeline role: events in; tables, matches and alerts out.
//!
//! ```text
//! events/p  ──▶ lane (one per partition): decode, drop repeats, Sigma ──▶ ClickHouse tables
//!                                                                  └──▶ matches, keyed by group
//! matches/p ──▶ lane (one per partition): correlate ──▶ ClickHouse `alerts` ──▶ alerts
//! ```
//! Several pipelines share the partitions; Kafka says whose each is (`lanes`). A `lane` owns one: its fence, its place, its state, its
//! retries; `opening` says how it takes its partition over. Nothing is shared between lanes but the connections. What a lane does with a
//! batch is its `Work`: `ingest` for events, `alerting` for matches.
//!
//! Invariants:
//! - An event is in its table exactly once, whatever is killed or paused: one writer per partition by Kafka's fence, batches of one cut
//!   with one token, repeats from a sensor left out by the highest sequence of its run (`runs`).
//! - What follows from a batch is written with the note that it was, or not at all; a retry sends nothing twice.
//! - What cannot be read, or written for a reason in the data, goes to `dead-letter` with the reason. What cannot be written for a reason in
//!   the server is waited for.
//! - With the deployment's key, only what an enrolled sensor has sealed counts, for its organisation and under its name (`guard`, `roll`);
//!   the rest goes to `dead-letter` and raises an alarm (`strangers`). What was refused of a batch stays refused when it is done again
//!   (`refusals`).

mod alerting;
mod dead;
mod gauges;
mod guard;
mod halt;
mod ingest;
mod lane;
mod lanes;
mod opening;
mod place;
mod refusals;
mod report;
mod roll;
mod rules;
mod runs;
mod strangers;
mod tables;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use vonggac_bus::{Connection, GroupPlaces, Membership, TopicOptions};
use vonggac_enrolment::MasterKey;
use vonggac_event::topic;
use vonggac_metrics::{Problem, Registry};
use vonggac_store::{Store, StoreError, TableOptions};

use gauges::RoleGauges;
use guard::Door;
use halt::{Halt, Server, Stop, Waiting};
use lanes::Lanes;
use report::Reports;
use roll::{Follower, Roll};
use rules::Rules;
use strangers::Strangers;

pub use report::ReportOptions;

/// Consumer group of all pipelines of one platform; their transactional ids begin with it.
const GROUP: &str = "vonggac-pipeline";
/// How often it is looked whether a topic was deleted. One that is missing twice is made again.
const TOPICS_EVERY: Duration = Duration::from_secs(15);

/// Settings of the role.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Where events come from and alerts go.
    #[command(flatten)]
    pub kafka: Connection,
    /// Where events and alerts are stored.
    #[command(flatten)]
    pub store: vonggac_store::Options,
    /// How the tables are kept.
    #[command(flatten)]
    pub tables: TableOptions,
    /// How the topics are kept.
    #[command(flatten)]
    pub topics: TopicOptions,
    /// Sigma rules and correlations: files, or directories searched for *.yml and *.yaml.
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// File with the deployment's key for sensors, 64 hexadecimal digits, the same as the console's. With it only enrolled sensors' events
    /// count; without it those of whoever can write to Kafka.
    #[arg(long, env = "VONGGAC_SENSOR_KEY", value_name = "FILE")]
    pub sensor_key: Option<PathBuf>,
    /// Code of the organisation whose alarms are those about senders that nobody knows: the nation's.
    #[arg(long, env = "VONGGAC_NATION", default_value = "vn", value_name = "CODE")]
    pub nation: String,
    /// What it shows of itself.
    #[command(flatten)]
    pub report: ReportOptions,
}

/// What lanes share.
pub(crate) struct Shared {
    pub(crate) kafka: Connection,
    pub(crate) store: Store,
    pub(crate) tables: TableOptions,
    pub(crate) places: GroupPlaces,
    pub(crate) rules: Arc<Rules>,
    pub(crate) metrics: Registry,
    pub(crate) gauges: RoleGauges,
    pub(crate) door: Door,
    pub(crate) strangers: Strangers,
    pub(crate) nation: String,
}

/// Runs until `shutdown` resolves; then every lane ends the batch it is at.
///
/// # Errors
/// When the rules' paths cannot be read, or a part refuses for good. A part that is merely away is waited for.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    tokio::pin!(shutdown);
    let metrics = Registry::default();
    let rules = Arc::new(Rules::load(&options.rules).context("rules")?);
    let counted = rules.clone();
    metrics.collect(move |samples| {
        for (name, value) in counted.counters() {
            samples.counter(name, "Hits of rules, on their way to matches.", &[], value);
        }
    });
    let store = Store::new(&options.store)?;
    let mut reports = Reports::start(&options.report, &metrics, &store).await?;
    let key = options.sensor_key.as_deref().map(read_key).transpose()?;
    let (switch, stop) = Stop::new();
    let (door, follower) = tokio::select! {
        () = &mut shutdown => return Ok(()),
        ready = async {
            prepare(&store, &options, &metrics, &stop).await?;
            Ok::<_, anyhow::Error>(open_door(key, &options.kafka, &metrics, &stop).await?)
        } => ready?,
    };
    // Lasts as long as this role runs.
    let _remark = matches!(door, Door::Open).then(|| say_that_the_door_is_open(&metrics));
    let shared = Arc::new(Shared {
        store,
        tables: options.tables.clone(),
        places: GroupPlaces::new(&options.kafka, GROUP)?,
        rules,
        gauges: RoleGauges::new(&metrics),
        strangers: Strangers::new(&metrics),
        nation: options.nation.clone(),
        door,
        metrics,
        kafka: options.kafka.clone(),
    });
    let mut membership = Membership::join(&options.kafka, GROUP, &[topic::EVENTS, topic::MATCHES])?;
    tracing::info!(
        kafka = %options.kafka,
        clickhouse = options.store.clickhouse,
        "pipeline is ready"
    );
    let following = follow(follower);
    let told = shared.clone();
    let tending = told.strangers.tend();
    tokio::pin!(following, tending);
    let mut lanes = Lanes::new(shared);
    let mut topics = Topics::new(&options);
    let outcome = loop {
        tokio::select! {
            () = &mut shutdown => break Ok(()),
            change = membership.change() => match change {
                Ok(change) => lanes.take(change),
                Err(error) => break Err(error.into()),
            },
            watched = lanes.watch() => match watched {
                Ok(()) => {}
                Err(error) => break Err(error),
            },
            () = topics.look() => {}
            error = reports.ended() => break Err(error),
            error = &mut following => break Err(error),
            never = &mut tending => match never {},
        }
    };
    drop(switch);
    lanes.finish().await;
    reports.stop().await;
    outcome
}

/// The deployment's key from its file.
fn read_key(path: &Path) -> anyhow::Result<MasterKey> {
    let named = || format!("--sensor-key {}", path.display());
    let text = std::fs::read_to_string(path).with_context(named)?;
    text.parse()
        .map_err(|problem| anyhow::anyhow!("{}: what stands in it {problem}", named()))
}

/// With the key, reads the register of sensors; what is to be followed of it, too.
async fn open_door(
    key: Option<MasterKey>,
    kafka: &Connection,
    metrics: &Registry,
    stop: &Stop,
) -> Result<(Door, Option<Follower>), Halt> {
    let Some(key) = key else {
        return Ok((Door::Open, None));
    };
    let (roll, follower) = Roll::read(kafka, metrics, stop).await?;
    Ok((Door::Guarded { key, roll }, Some(follower)))
}

fn say_that_the_door_is_open(metrics: &Registry) -> Problem {
    let remark = metrics.remark("sensors_not_authenticated");
    remark.set(
        "sensors are not asked who they are: whoever can write to Kafka's topic events is believed;          enrol the sensors and give --sensor-key",
    );
    tracing::warn!("without --sensor-key sensors are not asked who they are");
    remark
}

/// Follows the register on a task of its own; resolves when that has ended, which it does only when something is beyond repair.
async fn follow(follower: Option<Follower>) -> anyhow::Error {
    let Some(follower) = follower else {
        return std::future::pending().await;
    };
    // Ends with this future.
    let mut task = JoinSet::new();
    task.spawn(follower.follow());
    match task.join_next().await {
        Some(Ok(halt)) => anyhow::anyhow!("the register of sensors is followed no more: {halt}"),
        Some(Err(error)) => anyhow::Error::new(error).context("following the register of sensors crashed"),
        None => anyhow::anyhow!("nobody follows the register of sensors"),
    }
}

/// Makes what it works with: the tables and the topics.
async fn prepare(store: &Store, options: &Options, metrics: &Registry, stop: &Stop) -> anyhow::Result<()> {
    let tables = || async {
        match store.migrate(&options.tables).await {
            Err(away @ StoreError::ClickHouse { .. }) => Err(away),
            decided => Ok(decided),
        }
    };
    stop.until_ok(Waiting::new(metrics, Server::ClickHouse, "ClickHouse"), tables)
        .await?
        .context("bring ClickHouse's tables up to date")?;
    stop.until_ok(Waiting::new(metrics, Server::Kafka, "Kafka"), || {
        vonggac_bus::create_topics(&options.kafka, &options.topics)
    })
    .await?;
    Ok(())
}

/// Looks after the topics: one that somebody deleted is made again.
struct Topics<'a> {
    options: &'a Options,
    every: tokio::time::Interval,
    were_missing: bool,
}

impl<'a> Topics<'a> {
    fn new(options: &'a Options) -> Self {
        let mut every = tokio::time::interval(TOPICS_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Self {
            options,
            every,
            were_missing: false,
        }
    }

    /// Waits for its time and looks once.
    async fn look(&mut self) {
        self.every.tick().await;
        let kafka = self.options.kafka.clone();
        let missing = tokio::task::spawn_blocking(move || vonggac_bus::missing_topics(&kafka)).await;
        let missing = match missing {
            Ok(Ok(missing)) => missing,
            // A broker that is away says nothing about topics; whoever reads from it reports that.
            Ok(Err(_)) | Err(_) => return,
        };
        // One that was just deleted is about to be made again by whoever did it, most likely.
        if self.were_missing && !missing.is_empty() {
            tracing::error!(
                ?missing,
                "topics were deleted; they are made again, what they held is gone"
            );
            let options = self.options;
            if let Err(error) = vonggac_bus::create_topics(&options.kafka, &options.topics).await {
                tracing::warn!(%error, "topics could not be made; it will be tried again");
            }
        }
        self.were_missing = !missing.is_empty();
    }
}
