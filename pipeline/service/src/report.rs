//! What this pipeline shows of itself: the page of its metrics, and the rows from which the console's health page is made.

use std::convert::Infallible;
use std::net::SocketAddr;

use tokio::task::JoinHandle;
use vonggac_metrics::{Registry, Serving};
use vonggac_store::Store;
use vonggac_store::health::{Condition, Instance, Reporter};

/// How this instance is told from others, and where it shows its metrics.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub struct ReportOptions {
    /// Serves counters for Prometheus on this address, as `GET /metrics`, and what is wrong as `GET /health`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Name of this pipeline on the health page; the machine's when left out. Each of several on one machine needs its own.
    #[arg(long, env = "VONGGAC_INSTANCE", value_name = "NAME")]
    pub instance: Option<String>,
}

/// The page and the reports, for as long as this lives.
pub(crate) struct Reports {
    _page: Serving,
    registry: Registry,
    store: Store,
    instance: Instance,
    task: JoinHandle<Infallible>,
}

impl Reports {
    /// Begins to show and to report.
    ///
    /// # Errors
    /// When the page's address cannot be listened on.
    pub(crate) async fn start(
        options: &ReportOptions,
        registry: &Registry,
        store: &Store,
    ) -> anyhow::Result<Self> {
        let page = registry.serve(options.metrics).await?;
        let instance = Instance::new("pipeline", options.instance.clone(), env!("CARGO_PKG_VERSION"));
        let reporter = reporter(store, &instance, registry);
        Ok(Self {
            _page: page,
            registry: registry.clone(),
            store: store.clone(),
            instance,
            task: tokio::spawn(async move { reporter.run().await }),
        })
    }

    /// Resolves when reports have ended, which they do not unless they crashed.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        match (&mut self.task).await {
            Ok(never) => match never {},
            Err(error) => anyhow::Error::new(error).context("the reports of this pipeline's health ended"),
        }
    }

    /// Says goodbye, so that nobody misses this instance.
    pub(crate) async fn stop(self) {
        self.task.abort();
        if let Err(error) = reporter(&self.store, &self.instance, &self.registry).stop().await {
            tracing::warn!(%error, "that this pipeline stops could not be told");
        }
    }
}

fn reporter(
    store: &Store,
    instance: &Instance,
    registry: &Registry,
) -> Reporter<impl Fn() -> Condition + use<>> {
    let registry = registry.clone();
    Reporter::new(store.clone(), instance.clone(), move || condition(&registry))
}

fn condition(registry: &Registry) -> Condition {
    let counters = registry.totals();
    let lag_s = counters
        .iter()
        .filter(|(name, _)| name.starts_with("pipeline_lag_seconds"))
        .map(|(_, seconds)| *seconds)
        .fold(0.0, f64::max);
    let problems = registry.problems().into_iter();
    Condition {
        lag_s,
        problems: problems
            .map(|trouble| (trouble.key, trouble.since_us, trouble.words))
            .collect(),
        counters,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_as_late_as_its_latest_lane() {
        let registry = Registry::default();
        let lags = ["0", "1", "2"].map(|partition| {
            registry.gauge(
                "pipeline_lag_seconds",
                "Behind.",
                &[("topic", "events"), ("partition", partition)],
            )
        });
        lags[1].set(40.0);
        lags[2].set(2.0);
        let problem = registry.problem("clickhouse");
        problem.set("disk full");
        let condition = condition(&registry);
        assert_eq!(condition.lag_s, 40.0);
        assert_eq!(condition.counters.len(), 4);
        let [(key, _, words)] = condition.problems.as_slice() else {
            unreachable!("{condition:?}")
        };
        assert_eq!((key.as_str(), words.as_str()), ("clickhouse", "disk full"));
    }
}
