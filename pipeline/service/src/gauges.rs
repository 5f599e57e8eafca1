//! What the role counts, lane by lane.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vonggac_bus::TopicPartition;
use vonggac_correlate::Correlator;
use vonggac_event::Class;
use vonggac_metrics::{Counter, Gauge, Registry};

/// A lane's numbers; they are shown as long as it holds its partition.
pub(crate) struct LaneGauges {
    messages: Counter,
    batches: Counter,
    busy_seconds: Gauge,
    stages: [Counter; Stage::ALL.len()],
    lag_seconds: Gauge,
    lag_messages: Gauge,
    state_bytes: Gauge,
    /// Offsets that hold no message for a reader.
    pub(crate) gaps: Counter,
    /// Messages that Kafka deleted before they were read.
    pub(crate) lost: Counter,
    /// How often the log turned out to be another one.
    pub(crate) went_back: Counter,
    pub(crate) reopened: Counter,
    /// How often the state could not be saved.
    pub(crate) unsaved: Counter,
}

/// What a lane spends its time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Writing the cuts of a batch down.
    Plan,
    /// Decoding, rules, correlation.
    Prepare,
    /// Rows into ClickHouse.
    Store,
    /// What follows, and the place, into Kafka.
    Commit,
    /// The state into ClickHouse.
    Save,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Plan, Self::Prepare, Self::Store, Self::Commit, Self::Save];

    fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Prepare => "prepare",
            Self::Store => "store",
            Self::Commit => "commit",
            Self::Save => "save",
        }
    }
}

impl LaneGauges {
    pub(crate) fn new(metrics: &Registry, partition: &TopicPartition) -> Self {
        let number = partition.partition.to_string();
        let labels = [
            ("topic", partition.topic.as_str()),
            ("partition", number.as_str()),
        ];
        let counter = |name, help| metrics.counter(name, help, &labels);
        let gauge = |name, help| metrics.gauge(name, help, &labels);
        Self {
            messages: counter("pipeline_messages_total", "Messages that are done."),
            batches: counter("pipeline_batches_total", "Batches that are done."),
            busy_seconds: gauge(
                "pipeline_batch_seconds",
                "How long the last batch took to be stored, from its last cut to its place.",
            ),
            stages: Stage::ALL.map(|stage| {
                let labels = [labels[0], labels[1], ("stage", stage.name())];
                metrics.counter(
                    "pipeline_stage_microseconds_total",
                    "Time that the lane spent, by what it was doing.",
                    &labels,
                )
            }),
            lag_seconds: gauge(
                "pipeline_lag_seconds",
                "Age of the oldest message that is not done; 0 when all are.",
            ),
            lag_messages: gauge(
                "pipeline_lag_messages",
                "Offsets of the partition that are not done.",
            ),
            state_bytes: gauge("pipeline_state_bytes", "Size of the state as last saved."),
            gaps: counter(
                "pipeline_offset_gaps_total",
                "Offsets that held no message: ends of transactions, or what was compacted away.",
            ),
            lost: counter(
                "pipeline_messages_lost_total",
                "Messages that Kafka deleted before they were read.",
            ),
            went_back: counter(
                "pipeline_log_went_back_total",
                "Times that the partition's log was cut back or made anew.",
            ),
            reopened: counter(
                "pipeline_reopened_total",
                "Times that the partition was opened again.",
            ),
            unsaved: counter(
                "pipeline_state_unsaved_total",
                "Times that the state could not be saved; the place does not depend on it.",
            ),
        }
    }

    /// Takes note of a batch.
    pub(crate) fn done(&self, messages: usize, took: Duration) {
        self.messages.add(messages as u64);
        self.batches.add(1);
        self.busy_seconds.set(took.as_secs_f64());
    }

    /// Takes note of the time that a stage took.
    pub(crate) fn spent(&self, stage: Stage, took: Duration) {
        if let Some(counter) = self.stages.get(stage as usize) {
            counter.add(took.as_micros() as u64);
        }
    }

    /// Takes note of a saved state.
    pub(crate) fn saved(&self, bytes: usize) {
        self.state_bytes.set(bytes as f64);
    }

    /// Takes note of how many offsets are not done, and when the last message that is came into the log.
    pub(crate) fn behind(&self, offsets: i64, done_ms: i64) {
        self.lag_messages.set(offsets.max(0) as f64);
        let age_s = (now_ms() - done_ms).max(0) as f64 / 1000.0;
        self.lag_seconds
            .set(if offsets > 0 && done_ms > 0 { age_s } else { 0.0 });
    }
}

/// A correlator's counters and what it holds, of one partition.
pub(crate) struct CorrelatorGauges {
    /// With what each stood at when it was last looked at.
    counters: Vec<(Counter, u64)>,
    held: Vec<Gauge>,
}

impl CorrelatorGauges {
    pub(crate) fn new(metrics: &Registry, partition: &TopicPartition, correlator: &Correlator) -> Self {
        const HELP: &str =
            "Of a partition's correlator; each is described at vonggac_correlate's Counters and Held.";
        let number = partition.partition.to_string();
        let labels = [("partition", number.as_str())];
        Self {
            counters: correlator
                .counters()
                .list()
                .into_iter()
                .map(|(name, _)| (metrics.counter(name, HELP, &labels), 0))
                .collect(),
            held: correlator
                .held()
                .list()
                .into_iter()
                .map(|(name, _)| metrics.gauge(name, HELP, &labels))
                .collect(),
        }
    }

    /// A correlator begins, at nothing.
    pub(crate) fn begin(&mut self) {
        self.counters.iter_mut().for_each(|(_, last)| *last = 0);
    }

    pub(crate) fn update(&mut self, correlator: &Correlator) {
        for ((counter, last), (_, now)) in self.counters.iter_mut().zip(correlator.counters().list()) {
            counter.add(now.saturating_sub(*last));
            *last = now;
        }
        for (gauge, (_, now)) in self.held.iter().zip(correlator.held().list()) {
            gauge.set(now);
        }
    }
}

/// What all lanes share.
pub(crate) struct RoleGauges {
    pub(crate) partitions: Gauge,
    /// How often another pipeline turned out to hold a partition.
    pub(crate) fenced: Counter,
    pub(crate) repeats: Counter,
    pub(crate) dead: Counter,
    pub(crate) stored_before: Counter,
    pub(crate) insert_failures: Counter,
    rows: Vec<(Class, Counter)>,
    pub(crate) alerts: Counter,
    pub(crate) matches: Counter,
    pub(crate) runs_forgotten: Counter,
}

impl RoleGauges {
    pub(crate) fn new(metrics: &Registry) -> Self {
        let counter = |name, help| metrics.counter(name, help, &[]);
        Self {
            partitions: metrics.gauge("pipeline_partitions", "Partitions that this pipeline holds.", &[]),
            fenced: counter(
                "pipeline_fenced_total",
                "Times that another pipeline turned out to hold a partition of this one.",
            ),
            repeats: counter(
                "pipeline_events_repeated_total",
                "Events that a sensor sent again, left out.",
            ),
            dead: counter(
                "pipeline_dead_letters_total",
                "Messages put aside to dead-letter: unreadable, or refused by ClickHouse for what is in them.",
            ),
            stored_before: counter(
                "pipeline_events_stored_before_total",
                "Events of a batch done again that were stored the first time, left out.",
            ),
            insert_failures: counter(
                "pipeline_insert_failures_total",
                "Inserts that ClickHouse did not confirm; they are tried again.",
            ),
            rows: Class::ALL
                .into_iter()
                .map(|class| {
                    let labels = [("class", class.name())];
                    let help = "Rows that ClickHouse confirmed.";
                    (
                        class,
                        metrics.counter("pipeline_rows_stored_total", help, &labels),
                    )
                })
                .collect(),
            alerts: counter("pipeline_alerts_total", "Revisions of alerts that went out."),
            matches: counter("pipeline_matches_total", "Matches of rules that went out."),
            runs_forgotten: counter(
                "pipeline_sensor_runs_forgotten_total",
                "Runs of sensors whose highest sequence was given up for newer ones.",
            ),
        }
    }

    /// Takes note of rows that are stored.
    pub(crate) fn stored(&self, class: Class, rows: usize) {
        if let Some((_, counter)) = self.rows.iter().find(|(known, _)| *known == class) {
            counter.add(rows as u64);
        }
    }
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}
