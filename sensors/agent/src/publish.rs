//! The publisher: from the spool to Kafka, in order, acknowledged on delivery.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::sync::oneshot;
use tokio::time::Instant;
use vonggac_bus::{BusError, Connection, Delivery, Producer};
use vonggac_event::topic;
use vonggac_spool::{Acknowledger, Position, Reader, Record};

/// How long a sensor that is told to stop waits for Kafka.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// Messages under way at once.
const UNDER_WAY_MAX: usize = 20_000;
/// Pause when the spool has nothing new.
const IDLE: Duration = Duration::from_millis(5);
/// How often the mark is written down; what was delivered after it is sent again after a kill, and left out by the pipeline.
const ACKNOWLEDGE_EVERY: Duration = Duration::from_millis(500);
/// Pause before a new producer when one has failed for good.
const RENEW_PAUSE: Duration = Duration::from_secs(1);

/// Sends what the spool holds.
pub(crate) struct Publisher {
    connection: Connection,
    producer: Producer,
    reader: Reader,
    acknowledger: Acknowledger,
    /// What was sent and is not yet delivered, oldest first.
    window: VecDeque<(Record, Position)>,
    /// Its deliveries, in the same order.
    deliveries: FuturesOrdered<Delivery>,
}

impl Publisher {
    pub(crate) fn new(
        connection: Connection,
        reader: Reader,
        acknowledger: Acknowledger,
    ) -> Result<Self, BusError> {
        let producer = Producer::new(&connection)?;
        let (window, deliveries) = (VecDeque::new(), FuturesOrdered::new());
        Ok(Self {
            connection,
            producer,
            reader,
            acknowledger,
            window,
            deliveries,
        })
    }

    /// Runs until the writer has ended and everything it accepted is delivered.
    pub(crate) async fn run(mut self, mut end_of_writing: oneshot::Receiver<()>) -> anyhow::Result<()> {
        let mut delivered: Option<Position> = None;
        let mut acknowledged_at = Instant::now();
        let mut ended = false;
        loop {
            let drained = self.fill().await?;
            tokio::select! {
                Some(outcome) = self.deliveries.next() => match outcome {
                    Ok(()) => delivered = self.window.pop_front().map(|(_, after)| after),
                    Err(error) => {
                        tracing::error!(%error, "producer failed; a new one sends again what is not delivered");
                        self.start_over().await?;
                    }
                },
                _ = &mut end_of_writing, if !ended => ended = true,
                () = tokio::time::sleep(IDLE) => {}
            }
            let done = ended && drained && self.window.is_empty();
            if done || acknowledged_at.elapsed() >= ACKNOWLEDGE_EVERY {
                acknowledged_at = Instant::now();
                if let Some(position) = delivered.take() {
                    self.acknowledger.acknowledge(position)?;
                }
            }
            // `drained` was found before `ended` was heard; another look makes sure.
            if done && self.fill().await? && self.window.is_empty() {
                return Ok(());
            }
        }
    }

    /// Sends until the window is full or the spool has nothing new; says whether it was the latter.
    async fn fill(&mut self) -> anyhow::Result<bool> {
        while self.window.len() < UNDER_WAY_MAX {
            let Some((record, after)) = self.reader.next_record()? else {
                return Ok(true);
            };
            let delivery = self
                .producer
                .send(topic::EVENTS, &record.key, &record.value)
                .await?;
            self.deliveries.push_back(delivery);
            self.window.push_back((record, after));
        }
        Ok(false)
    }

    /// Sends the whole window again with a fresh producer.
    async fn start_over(&mut self) -> anyhow::Result<()> {
        tokio::time::sleep(RENEW_PAUSE).await;
        self.deliveries = FuturesOrdered::new();
        self.producer = Producer::new(&self.connection)?;
        for (record, _) in &self.window {
            self.deliveries.push_back(
                self.producer
                    .send(topic::EVENTS, &record.key, &record.value)
                    .await?,
            );
        }
        Ok(())
    }
}
