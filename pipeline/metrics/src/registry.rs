//! The registry and the handles it gives out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{HistogramOpts, IntCounter, Opts, TextEncoder};

use crate::page::{Error, Serving};
use crate::problem::{Problem, Problems, Trouble};
use crate::samples::Samples;

/// Most series of one registry. What is asked for beyond it still counts for its holder, but is not shown.
pub const SERIES_MAX: usize = 4096;
/// Longest value of a label, in characters; the rest is cut off.
pub const LABEL_CHARS_MAX: usize = 200;

/// All metrics and problems of a role; clones are one.
#[derive(Clone, Default)]
pub struct Registry(Arc<Inner>);

#[derive(Default)]
struct Inner {
    series: Mutex<BTreeMap<Identity, Series>>,
    callbacks: Mutex<Vec<Callback>>,
    problems: Problems,
    /// Counts series that were over [`SERIES_MAX`].
    refused: Mutex<u64>,
}

type Callback = Arc<dyn Fn(&mut Samples) + Send + Sync>;

/// Which series: its name and its labels, sorted by name.
type Identity = (&'static str, Vec<(&'static str, String)>);

#[derive(Clone)]
enum Series {
    Counter(IntCounter),
    /// Ends with its last holder.
    Gauge(Weak<prometheus::Gauge>),
    Histogram(prometheus::Histogram),
}

/// Counts up from 0 as long as its role runs; clones are one.
#[derive(Clone)]
// None only for a name that Prometheus does not allow, which a debug build refuses.
pub struct Counter(Option<IntCounter>);

impl Counter {
    /// Counts `count` more.
    pub fn add(&self, count: u64) {
        if let Some(counter) = &self.0 {
            counter.inc_by(count);
        }
    }

    /// Counts one more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.as_ref().map_or(0, IntCounter::get)
    }
}

/// A number that goes up and down; clones are one, and the series ends with the last.
#[derive(Clone)]
pub struct Gauge(Option<Arc<prometheus::Gauge>>);

impl Gauge {
    /// Shows `value` from now on.
    pub fn set(&self, value: f64) {
        if let Some(gauge) = &self.0 {
            gauge.set(value);
        }
    }

    /// Adds `difference`, which may be negative.
    pub fn add(&self, difference: f64) {
        if let Some(gauge) = &self.0 {
            gauge.add(difference);
        }
    }

    /// The value now.
    pub fn get(&self) -> f64 {
        self.0.as_ref().map_or(0.0, |gauge| gauge.get())
    }
}

/// How values are spread over fixed bounds; clones are one.
#[derive(Clone)]
pub struct Histogram(Option<prometheus::Histogram>);

impl Histogram {
    /// Takes one value into account.
    pub fn observe(&self, value: f64) {
        if let Some(histogram) = &self.0 {
            histogram.observe(value);
        }
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, prometheus::Histogram::get_sample_count)
    }
}

impl Registry {
    /// The counter of this name and these labels, made at the first call.
    pub fn counter(&self, name: &'static str, help: &str, labels: &[(&'static str, &str)]) -> Counter {
        let identity = identity(name, labels);
        let mut series = lock(&self.0.series);
        if let Some(Series::Counter(known)) = series.get(&identity) {
            return Counter(Some(known.clone()));
        }
        let made = IntCounter::with_opts(options(&identity, help)).ok();
        debug_assert!(made.is_some(), "{name}: not a name for Prometheus");
        if let Some(made) = &made {
            self.keep(&mut series, identity, Series::Counter(made.clone()));
        }
        Counter(made)
    }

    /// The gauge of this name and these labels, which is shown as long as somebody holds it.
    pub fn gauge(&self, name: &'static str, help: &str, labels: &[(&'static str, &str)]) -> Gauge {
        let identity = identity(name, labels);
        let mut series = lock(&self.0.series);
        if let Some(Series::Gauge(known)) = series.get(&identity)
            && let Some(known) = known.upgrade()
        {
            return Gauge(Some(known));
        }
        let made = prometheus::Gauge::with_opts(options(&identity, help))
            .ok()
            .map(Arc::new);
        debug_assert!(made.is_some(), "{name}: not a name for Prometheus");
        if let Some(made) = &made {
            self.keep(&mut series, identity, Series::Gauge(Arc::downgrade(made)));
        }
        Gauge(made)
    }

    /// The histogram of this name and these labels. `bounds` are the upper ends of its buckets, rising, in the name's unit.
    pub fn histogram(
        &self,
        name: &'static str,
        help: &str,
        bounds: &[f64],
        labels: &[(&'static str, &str)],
    ) -> Histogram {
        let identity = identity(name, labels);
        let mut series = lock(&self.0.series);
        if let Some(Series::Histogram(known)) = series.get(&identity) {
            return Histogram(Some(known.clone()));
        }
        let options = HistogramOpts::from(options(&identity, help)).buckets(bounds.to_vec());
        let made = prometheus::Histogram::with_opts(options).ok();
        debug_assert!(made.is_some(), "{name}: not a name or bounds for Prometheus");
        if let Some(made) = &made {
            self.keep(&mut series, identity, Series::Histogram(made.clone()));
        }
        Histogram(made)
    }

    /// Asks `callback` for samples that are counted elsewhere, each time the page is made. It is called on the page's task, so it
    /// must not wait.
    pub fn collect(&self, callback: impl Fn(&mut Samples) + Send + Sync + 'static) {
        lock(&self.0.callbacks).push(Arc::new(callback));
    }

    /// A place for one thing that can go wrong, under the key that the health page knows it by: a code in snake case, and, when
    /// there are several of a kind, what it is about after a colon: `clickhouse`, `interface:eth0`.
    pub fn problem(&self, key: impl Into<String>) -> Problem {
        self.0.problems.add(key.into(), false)
    }

    /// A place for something that lasts and is worth a word, though the role does as it was told: a protection that is off. The page says
    /// it; the role is well all the same.
    pub fn remark(&self, key: impl Into<String>) -> Problem {
        self.0.problems.add(key.into(), true)
    }

    /// What is wrong now, one entry for each key, the oldest first.
    pub fn problems(&self) -> Vec<Trouble> {
        self.0.problems.list(false)
    }

    /// What is worth a word now, likewise.
    pub fn remarks(&self) -> Vec<Trouble> {
        self.0.problems.list(true)
    }

    /// The values of all counters and gauges, by name and labels: what a role reports of itself besides the page.
    pub fn totals(&self) -> BTreeMap<String, f64> {
        self.samples().totals()
    }

    /// The page: Prometheus text, version 0.0.4.
    pub fn render(&self) -> String {
        let mut samples = self.samples();
        for trouble in self.problems() {
            samples.gauge(
                "vonggac_problem_info",
                "Something is wrong, in words, as long as it lasts.",
                &[("key", &trouble.key), ("problem", &trouble.words)],
                1.0,
            );
        }
        for remark in self.remarks() {
            samples.gauge(
                "vonggac_remark_info",
                "Something is worth a word, in words, as long as it lasts.",
                &[("key", &remark.key), ("remark", &remark.words)],
                1.0,
            );
        }
        let families: Vec<MetricFamily> = samples.into_families();
        let mut page = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut page) {
            // Families are never empty and have names, so that only a fault in here comes to this.
            tracing::error!(%error, "a metric could not be written");
        }
        page
    }

    /// Serves `GET /metrics` and `GET /health` on an address, if there is one, until what it returns is dropped.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve(&self, address: impl Into<Option<SocketAddr>>) -> Result<Serving, Error> {
        Serving::start(self.clone(), address.into()).await
    }

    fn samples(&self) -> Samples {
        // Copied first: a callback may ask this registry for something.
        let series: Vec<Series> = lock(&self.0.series).values().cloned().collect();
        let callbacks: Vec<Callback> = lock(&self.0.callbacks).clone();
        let mut samples = Samples::new(SERIES_MAX);
        for series in series {
            match series {
                Series::Counter(counter) => samples.take(counter.collect()),
                Series::Gauge(gauge) => {
                    if let Some(gauge) = gauge.upgrade() {
                        samples.take(gauge.collect());
                    }
                }
                Series::Histogram(histogram) => samples.take(histogram.collect()),
            }
        }
        for callback in callbacks {
            callback(&mut samples);
        }
        let refused = *lock(&self.0.refused) + samples.refused() + self.0.problems.refused();
        samples.own("metrics_series_refused_total", refused);
        samples
    }

    /// Keeps a new series, unless there are too many already or its name means something else.
    fn keep(&self, all: &mut BTreeMap<Identity, Series>, identity: Identity, series: Series) {
        if all.len() >= SERIES_MAX {
            all.retain(|_, series| !matches!(series, Series::Gauge(gauge) if gauge.strong_count() == 0));
        }
        if all.len() >= SERIES_MAX || all.get(&identity).is_some_and(|known| !is_alike(known, &series)) {
            *lock(&self.0.refused) += 1;
            return;
        }
        all.insert(identity, series);
    }
}

fn is_alike(one: &Series, other: &Series) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

fn identity(name: &'static str, labels: &[(&'static str, &str)]) -> Identity {
    let mut labels: Vec<(&'static str, String)> = labels
        .iter()
        .map(|(name, value)| (*name, cut(value, LABEL_CHARS_MAX)))
        .collect();
    labels.sort();
    (name, labels)
}

fn options((name, labels): &Identity, help: &str) -> Opts {
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    Opts::new(*name, help).const_labels(labels.collect())
}

/// The text's first characters.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

/// A lock whose holder panicked holds nothing half done here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
