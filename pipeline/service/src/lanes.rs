//! The lanes of this pipeline: one for each partition that it holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use vonggac_bus::{Change, TopicPartition};
use vonggac_event::topic;

use crate::Shared;
use crate::alerting::Alerting;
use crate::halt::{Halt, Stop};
use crate::ingest::Ingest;
use crate::lane::Lane;

/// How long a lane that was fenced waits for Kafka to say whose its partition is. Longer than a session, so that what this pipeline heard
/// last cannot be out of date any more.
const FENCED_PAUSE: Duration = Duration::from_secs(12);
/// How long lanes may take to end their batches when the role ends.
const FINISH_LIMIT: Duration = Duration::from_secs(15);

/// The lanes there are.
pub(crate) struct Lanes {
    shared: Arc<Shared>,
    held: HashMap<TopicPartition, Held>,
    tasks: JoinSet<(TopicPartition, u64, Halt)>,
    started: u64,
}

/// A partition of ours.
struct Held {
    /// Which start of a lane; an earlier lane of the partition may still be ending.
    number: u64,
    /// Stops its lane; none while it waits to be opened again.
    switch: Option<watch::Sender<bool>>,
    open_again_at: Instant,
}

impl Lanes {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            held: HashMap::new(),
            tasks: JoinSet::new(),
            started: 0,
        }
    }

    /// Takes over what a rebalance changed.
    pub(crate) fn take(&mut self, change: Change) {
        match change {
            Change::Assigned(partitions) => {
                partitions.into_iter().for_each(|partition| self.start(partition))
            }
            Change::Revoked(partitions) => {
                for partition in partitions {
                    if self.held.remove(&partition).is_some() {
                        tracing::info!(%partition, "partition goes to another pipeline");
                    }
                }
            }
        }
        self.shared.gauges.partitions.set(self.held.len() as f64);
    }

    fn start(&mut self, partition: TopicPartition) {
        self.started += 1;
        let number = self.started;
        let (switch, stop) = Stop::new();
        let shared = self.shared.clone();
        let place = partition.clone();
        if partition.topic == topic::EVENTS {
            let lane = Lane::new(shared.clone(), place.clone(), stop, Ingest::new(shared, &place));
            self.tasks.spawn(async move { (place, number, lane.run().await) });
        } else {
            let lane = Lane::new(shared.clone(), place.clone(), stop, Alerting::new(shared, &place));
            self.tasks.spawn(async move { (place, number, lane.run().await) });
        }
        let held = Held {
            number,
            switch: Some(switch),
            open_again_at: Instant::now(),
        };
        // A lane that was there before stops with its switch.
        self.held.insert(partition, held);
    }

    /// Waits until a lane ends, or a partition that was fenced is to be opened again.
    ///
    /// # Errors
    /// When a lane ended for a reason that only a new start can mend.
    pub(crate) async fn watch(&mut self) -> anyhow::Result<()> {
        let waiting = self.held.values().filter(|held| held.switch.is_none());
        let wake = waiting.map(|held| held.open_again_at).min();
        tokio::select! {
            Some(ended) = self.tasks.join_next() => {
                let (partition, number, halt) =
                    ended.map_err(|error| anyhow::Error::new(error).context("a lane crashed"))?;
                self.ended(partition, number, halt)
            }
            () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                self.open_again();
                Ok(())
            }
            else => std::future::pending().await,
        }
    }

    fn ended(&mut self, partition: TopicPartition, number: u64, halt: Halt) -> anyhow::Result<()> {
        let held = self.held.get_mut(&partition).filter(|held| held.number == number);
        let Some(held) = held else {
            // It was told to stop, or fenced before it heard.
            tracing::debug!(%partition, reason = %halt, "lane has ended");
            return Ok(());
        };
        match halt {
            Halt::Failed(error) => Err(error.context(format!("the lane of {partition} failed"))),
            halt => {
                tracing::warn!(%partition, reason = %halt, "the lane has lost its partition; it waits for Kafka to say whose it is");
                self.shared.gauges.fenced.add(1);
                held.switch = None;
                held.open_again_at = Instant::now() + FENCED_PAUSE;
                Ok(())
            }
        }
    }

    fn open_again(&mut self) {
        let now = Instant::now();
        let due = |held: &Held| held.switch.is_none() && held.open_again_at <= now;
        let partitions: Vec<TopicPartition> = self
            .held
            .iter()
            .filter(|(_, held)| due(held))
            .map(|(partition, _)| partition.clone())
            .collect();
        for partition in partitions {
            tracing::info!(%partition, "still ours: the lane takes it back");
            self.start(partition);
        }
    }

    /// Stops the lanes and waits for the batches they are at. What takes longer is done again by whoever comes next.
    pub(crate) async fn finish(mut self) {
        self.held.clear();
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                if let Ok((partition, _, Halt::Failed(error))) = ended {
                    tracing::error!(%partition, error = format!("{error:#}"), "lane failed while stopping");
                }
            }
        };
        if tokio::time::timeout(FINISH_LIMIT, all).await.is_err() {
            tracing::warn!("lanes are still at a batch; it is done again at the next start");
        }
    }
}
