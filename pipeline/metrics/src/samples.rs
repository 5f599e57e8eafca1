//! The samples of one page, gathered by name.

use std::collections::{BTreeMap, BTreeSet};

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use crate::registry::{LABEL_CHARS_MAX, cut};

/// What a callback of [`Registry::collect`](crate::Registry::collect) fills in.
pub struct Samples {
    families: BTreeMap<String, Family>,
    left: usize,
    refused: u64,
}

struct Family {
    help: String,
    kind: MetricType,
    metrics: Vec<Metric>,
    /// Labels that were there: a page with a series twice is refused as a whole.
    seen: BTreeSet<Vec<(String, String)>>,
}

impl Samples {
    pub(crate) fn new(series_max: usize) -> Self {
        Self {
            families: BTreeMap::new(),
            left: series_max,
            refused: 0,
        }
    }

    /// Adds a count.
    pub fn counter(&mut self, name: &'static str, help: &str, labels: &[(&'static str, &str)], value: u64) {
        let mut metric = labelled(labels);
        let mut counter = Counter::default();
        // Exact up to 2^53, which no counter here reaches.
        counter.set_value(value as f64);
        metric.set_counter(counter);
        self.add(name, help, MetricType::COUNTER, metric);
    }

    /// Adds a value. One that is no finite number is left out.
    pub fn gauge(&mut self, name: &'static str, help: &str, labels: &[(&'static str, &str)], value: f64) {
        let mut metric = labelled(labels);
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
        self.add(name, help, MetricType::GAUGE, metric);
    }

    /// Takes what a collector has.
    pub(crate) fn take(&mut self, families: Vec<MetricFamily>) {
        for mut family in families {
            let (name, help, kind) = (
                family.name().to_owned(),
                family.help().to_owned(),
                family.get_field_type(),
            );
            for metric in family.take_metric() {
                self.add(&name, &help, kind, metric);
            }
        }
    }

    /// A counter about the page itself, which is there however full it is.
    pub(crate) fn own(&mut self, name: &'static str, value: u64) {
        self.left = self.left.max(1);
        self.counter(
            name,
            "Series and problems that were one too many, or of a name that means something else.",
            &[],
            value,
        );
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// Counters and gauges, written as the page writes them before their values.
    pub(crate) fn totals(self) -> BTreeMap<String, f64> {
        let mut totals = BTreeMap::new();
        for (name, family) in self.families {
            for metric in &family.metrics {
                let value = match family.kind {
                    MetricType::COUNTER => metric.get_counter().get_value(),
                    MetricType::GAUGE => metric.get_gauge().get_value(),
                    _ => continue,
                };
                let labels: Vec<String> = metric
                    .get_label()
                    .iter()
                    .map(|label| format!("{}={:?}", label.name(), label.value()))
                    .collect();
                let key = if labels.is_empty() {
                    name.clone()
                } else {
                    format!("{name}{{{}}}", labels.join(","))
                };
                totals.insert(key, value);
            }
        }
        totals
    }

    pub(crate) fn into_families(self) -> Vec<MetricFamily> {
        self.families
            .into_iter()
            .map(|(name, gathered)| {
                let mut family = MetricFamily::default();
                family.set_name(name);
                family.set_help(gathered.help);
                family.set_field_type(gathered.kind);
                family.set_metric(gathered.metrics);
                family
            })
            .collect()
    }

    fn add(&mut self, name: &str, help: &str, kind: MetricType, metric: Metric) {
        if kind == MetricType::GAUGE && !metric.get_gauge().get_value().is_finite() {
            return;
        }
        let is_named = is_name(name) && metric.get_label().iter().all(|label| is_name(label.name()));
        debug_assert!(is_named, "{name}: not a name for Prometheus");
        let known = self.families.get(name);
        if self.left == 0 || !is_named || known.is_some_and(|known| known.kind != kind) {
            self.refused += 1;
            return;
        }
        let family = self.families.entry(name.to_owned()).or_insert_with(|| Family {
            help: help.to_owned(),
            kind,
            metrics: Vec::new(),
            seen: BTreeSet::new(),
        });
        let labels = metric
            .get_label()
            .iter()
            .map(|label| (label.name().to_owned(), label.value().to_owned()));
        if !family.seen.insert(labels.collect()) {
            self.refused += 1;
            return;
        }
        family.metrics.push(metric);
        self.left -= 1;
    }
}

/// Whether Prometheus takes it as the name of a label; those of metrics may have colons too, which rules only are to use.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn labelled(labels: &[(&'static str, &str)]) -> Metric {
    let sorted: BTreeMap<&str, &str> = labels.iter().copied().collect();
    let pairs = sorted.into_iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(cut(value, LABEL_CHARS_MAX));
        pair
    });
    Metric::from_label(pairs.collect())
}
