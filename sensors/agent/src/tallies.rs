//! What threads and tasks other than the packets' count, for its reports.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use vonggac_spool::Status;

macro_rules! tallies {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counted from several threads.
        #[derive(Default)]
        pub(crate) struct Tallies {
            $($(#[$doc])* pub(crate) $name: AtomicU64,)*
            spool: OnceLock<Status>,
        }

        impl Tallies {
            fn own(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed))),*]
            }
        }
    };
}

tallies! {
    /// Events of which texts or lists were cut because they were over the limit of a message.
    events_cut,
    /// EVE lines that could not be written.
    eve_lines_lost,
    /// Files whose scan crashed.
    files_scan_crashed,
    /// Times that rules were loaded anew.
    rules_reloads,
    /// Times that new rules did not load, and those of before stayed in force.
    rules_reloads_failed,
    /// Files of datasets that were written.
    datasets_saved,
    /// Times that one could not be written; it is tried again.
    datasets_save_failed,
    /// Messages Kafka has confirmed.
    kafka_delivered,
    /// Messages sent and not yet confirmed, now.
    kafka_under_way,
    /// Their bytes.
    kafka_under_way_bytes,
    /// Messages sent again with a fresh producer; the pipeline leaves out those that had arrived.
    kafka_sent_again,
    /// Times that a fresh producer was made because one failed.
    kafka_producers_renewed,
    /// Messages that Kafka refused for themselves, put in `dead-letter`.
    kafka_refused,
    /// Messages that `dead-letter` refused too, kept in a file beside the spool.
    kafka_refused_kept,
    /// Messages that were refused when that file was full: they are lost.
    kafka_refused_lost,
    /// Times that the spool could not be read.
    spool_read_failures,
}

/// Adds to a tally; says what it came to.
pub(crate) fn add(tally: &AtomicU64, count: u64) -> u64 {
    tally.fetch_add(count, Ordering::Relaxed) + count
}

impl Tallies {
    /// Reports on this spool too.
    pub(crate) fn watch(&self, spool: Status) {
        // There is one spool, set once.
        let _ = self.spool.set(spool);
    }

    /// Each tally and counter of the spool with its name.
    pub(crate) fn list(&self) -> Vec<(String, u64)> {
        let mut list: Vec<(String, u64)> = self
            .own()
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count))
            .collect();
        if let Some(spool) = self.spool.get() {
            let counters = spool.counters().list();
            list.extend(
                counters
                    .into_iter()
                    .map(|(name, count)| (format!("spool_{name}"), count)),
            );
            let age = spool.oldest_age().unwrap_or_default();
            list.push(("spool_lag_seconds".to_owned(), age.as_secs()));
        }
        list
    }
}
