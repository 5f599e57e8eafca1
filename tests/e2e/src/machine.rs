//! What the machine has: the binary, the servers, free ports.

use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};

/// Ports that no outgoing connection is given by Linux's defaults, so that one found free stays free.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// The debug binary, beside the test's own.
///
/// # Errors
/// When it has not been built.
pub fn binary() -> anyhow::Result<PathBuf> {
    let own = env::current_exe()?;
    let found = own
        .ancestors()
        .skip(1)
        .map(|directory| directory.join("vonggac"))
        .find(|path| path.is_file());
    found.context("target/debug/vonggac is not there: cargo build --workspace makes it")
}

/// The servers' files: as told by `VONGGAC_SERVERS`, else beside the build.
fn servers(binary: &Path) -> anyhow::Result<PathBuf> {
    let beside = binary
        .parent()
        .and_then(Path::parent)
        .map(|target| target.join("servers"));
    let directory = env::var_os("VONGGAC_SERVERS")
        .map(PathBuf::from)
        .or(beside)
        .context("no target directory")?;
    let there =
        directory.join("kafka/libs").is_dir() && directory.join("clickhouse/node_modules/@chdb").is_dir();
    ensure!(
        there,
        "{} holds no servers: make servers fetches them",
        directory.display()
    );
    Ok(directory)
}

/// Binary and servers; `None` when something is missing and that may be, which is printed.
///
/// # Errors
/// When something is missing and must not be.
pub fn requirements() -> anyhow::Result<Option<(PathBuf, PathBuf)>> {
    let found = binary().and_then(|binary| servers(&binary).map(|servers| (binary, servers)));
    let required = env::var_os("VONGGAC_TEST_SERVERS").is_some_and(|value| value == "required")
        || env::var_os("CI").is_some_and(|value| value == "true");
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if required => Err(error),
        Err(error) => {
            println!("skipped: {error:#}");
            Ok(None)
        }
    }
}

/// Ports of the loopback interface that nobody listens on, all different.
///
/// # Errors
/// When there are none.
pub fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let span = u64::from(PORTS.end - PORTS.start);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
    let mut state = clock ^ u64::from(std::process::id()).rotate_left(32);
    // Held until all are found, so that none is found twice.
    let mut held = Vec::with_capacity(N);
    for _ in 0..10_000 {
        if held.len() == N {
            break;
        }
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let port = PORTS.start + ((state >> 33) % span) as u16;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push(listener);
        }
    }
    let mut ports = [0; N];
    if held.len() < N {
        bail!("only {} of {N} ports are free", held.len());
    }
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
