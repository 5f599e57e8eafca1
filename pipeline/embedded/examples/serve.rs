//! Serves an embedded ClickHouse until the standard input ends: `serve --data DIR [--listen ADDRESS] …`.
//!
//! Prints the address it listens on as its only line. The integration tests run it, and kill it.

use std::io::Write;

use clap::Parser;
use vonggac_embedded::{Options, Server};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let server = Server::start(Cli::parse().options).await?;
    writeln!(std::io::stdout(), "{}", server.local_addr()?)?;
    let shutdown = async {
        let ended =
            tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        drop(ended.await);
    };
    server.serve(shutdown).await?;
    // The thread that waits for the standard input must not hold up the end.
    std::process::exit(0)
}
