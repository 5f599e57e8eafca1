//! `vonggac clickhouse`: the embedded engine, and the page of its counters.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use vonggac_embedded::Server;
use vonggac_metrics::Registry;

/// Pause between two looks for what is wrong.
const LOOK: Duration = Duration::from_millis(500);

/// Settings of the role.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    engine: vonggac_embedded::Options,
    /// Serves counters for Prometheus on this address, as `GET /metrics`, and what is wrong as `GET /health`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
}

/// Serves the engine until `shutdown`.
///
/// # Errors
/// When the engine or one of its addresses cannot be used.
pub(crate) async fn run(
    options: Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let registry = Registry::default();
    let _page = registry.serve(options.metrics).await?;
    let server = Server::start(options.engine).await?;
    let numbers = server.numbers();
    registry.collect(move |out| {
        const HELP: &str = "Of the embedded ClickHouse; described in docs/clickhouse.md.";
        for sample in numbers() {
            let label = sample.label.as_ref().map(|(name, value)| (*name, value.as_str()));
            let labels = label.as_slice();
            if sample.grows {
                out.counter(sample.name, HELP, labels, sample.value);
            } else {
                out.gauge(sample.name, HELP, labels, sample.value as f64);
            }
        }
    });
    let (trouble, disk) = (server.trouble(), registry.problem("disk"));
    let looking = async move {
        loop {
            match trouble() {
                Some(words) => disk.set(words),
                None => disk.clear(),
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        served = server.serve(shutdown) => served?,
        () = looking => {}
    }
    Ok(())
}
