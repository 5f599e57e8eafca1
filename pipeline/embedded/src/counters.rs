//! What the server counts, and how it is told: `/metrics`, in Prometheus' text form.
//!
//! Every count that says that a bound was hit names the bound; [`Counters::samples`] is the list of all of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Different error codes that are counted apart; the rest is counted as code 0.
const CODES_MAX: usize = 256;

/// Counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Requests that were let in, by what they turned out to be.
    pub(crate) selects: AtomicU64,
    pub(crate) inserts: AtomicU64,
    pub(crate) others: AtomicU64,
    /// Those that ended in an exception, refused ones among them.
    pub(crate) failed: AtomicU64,
    /// Wrong passwords and unknown names.
    pub(crate) refused_login: AtomicU64,
    /// Refused with 202 because a bound was hit.
    pub(crate) refused_admission: AtomicU64,
    /// Clients that went away before their answer's end.
    pub(crate) abandoned: AtomicU64,
    /// Statements stopped because `--query-seconds-max` was over.
    pub(crate) overtime: AtomicU64,
    pub(crate) read_rows: AtomicU64,
    pub(crate) read_bytes: AtomicU64,
    pub(crate) written_rows: AtomicU64,
    pub(crate) written_bytes: AtomicU64,
    /// Exceptions by ClickHouse's code.
    codes: Mutex<BTreeMap<u32, u64>>,
}

/// One number, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// `embedded_<noun>_<unit>[_total]`.
    pub name: &'static str,
    /// A label and its value, if the number is one of several of its name.
    pub label: Option<(&'static str, String)>,
    /// The number now.
    pub value: u64,
    /// Whether it only grows.
    pub grows: bool,
}

impl Sample {
    /// A count since the start.
    pub(crate) fn counter(name: &'static str, value: u64) -> Self {
        Self {
            name,
            label: None,
            value,
            grows: true,
        }
    }

    /// A number of now.
    pub(crate) fn gauge(name: &'static str, value: u64) -> Self {
        Self {
            grows: false,
            ..Self::counter(name, value)
        }
    }

    /// The same, told apart from others of its name.
    pub(crate) fn of(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.label = Some((label, value.into()));
        self
    }
}

/// Adds to a count.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Counters {
    /// Counts an exception.
    pub(crate) fn fail(&self, code: u32) {
        add(&self.failed, 1);
        let mut codes = self
            .codes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = codes.len() < CODES_MAX || codes.contains_key(&code);
        let count = codes.entry(if known { code } else { 0 }).or_default();
        *count = count.saturating_add(1);
    }

    /// All counts, those of one name together.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let kind = |kind: &str, counter| {
            Sample::counter("embedded_statements_total", read(counter)).of("kind", kind)
        };
        let mut samples = vec![
            kind("select", &self.selects),
            kind("insert", &self.inserts),
            kind("other", &self.others),
            Sample::counter("embedded_statements_failed_total", read(&self.failed)),
            Sample::counter("embedded_statements_abandoned_total", read(&self.abandoned)),
            Sample::counter("embedded_statements_overtime_total", read(&self.overtime)),
            Sample::counter("embedded_logins_refused_total", read(&self.refused_login)),
            Sample::counter("embedded_admissions_refused_total", read(&self.refused_admission)),
            Sample::counter("embedded_read_rows_total", read(&self.read_rows)),
            Sample::counter("embedded_read_bytes_total", read(&self.read_bytes)),
            Sample::counter("embedded_written_rows_total", read(&self.written_rows)),
            Sample::counter("embedded_written_bytes_total", read(&self.written_bytes)),
        ];
        let codes = self
            .codes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        samples.extend(codes.iter().map(|(code, count)| {
            Sample::counter("embedded_exceptions_total", *count).of("code", code.to_string())
        }));
        samples
    }
}

/// Prometheus' text form of a list of numbers.
pub(crate) fn render(samples: &[Sample]) -> String {
    let mut text = String::new();
    let mut previous = "";
    for sample in samples {
        if sample.name != previous {
            let kind = if sample.grows { "counter" } else { "gauge" };
            let _ = writeln!(text, "# TYPE {} {kind}", sample.name);
            previous = sample.name;
        }
        let _ = match &sample.label {
            // Labels are ours: words and numbers, nothing to escape.
            Some((label, value)) => writeln!(text, "{}{{{label}=\"{value}\"}} {}", sample.name, sample.value),
            None => writeln!(text, "{} {}", sample.name, sample.value),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_in_prometheus_form() {
        let counters = Counters::default();
        add(&counters.selects, 2);
        counters.fail(60);
        counters.fail(60);
        let text = render(&counters.samples());
        for line in [
            "# TYPE embedded_statements_total counter\n",
            "embedded_statements_total{kind=\"select\"} 2\n",
            "embedded_statements_failed_total 2\n",
            "embedded_exceptions_total{code=\"60\"} 2\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert_eq!(text.matches("# TYPE embedded_statements_total ").count(), 1);
    }

    #[test]
    fn codes_are_bounded() {
        let counters = Counters::default();
        (1..10_000).for_each(|code| counters.fail(code));
        let told = counters.samples();
        let codes = told
            .iter()
            .filter(|sample| sample.name == "embedded_exceptions_total");
        assert!(codes.count() <= CODES_MAX + 1);
    }
}
