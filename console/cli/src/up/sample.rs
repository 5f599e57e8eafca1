//! The sensor, and the sample traffic that is fed through it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::up::options::SampleWay;
use crate::up::part::{Board, Command, Part, Running};
use crate::up::{Options, Place, Servers, launch};

/// How much faster than it was made the sample is played on the wire.
const WIRE_SPEED: &str = "20";

/// Starts the sensor: on the tap that was given, or on the sample.
pub(crate) async fn start(
    options: &Options,
    place: &Place,
    servers: &Servers,
    board: &mut Board,
    running: &mut Vec<Running>,
) -> anyhow::Result<()> {
    if let Some(interface) = &options.interface {
        let command = sensor(place, servers).args(["--interface", interface]);
        return launch(
            Part::new("sensor", command, &place.data)
                .metered()
                .lasting(Duration::from_secs(1)),
            board,
            running,
        )
        .await;
    }
    if !options.sample {
        eprintln!("vonggac: no sensor: give --interface IF for a tap, or --sample for sample traffic");
        return Ok(());
    }
    let capture = generate(options, place).await?;
    match options.sample_way {
        SampleWay::File => from_file(place, servers, &capture, board, running).await,
        SampleWay::Wire => by_wire(options, place, servers, &capture, board, running).await,
        SampleWay::Auto if rustix::process::geteuid().is_root() => {
            match by_wire(options, place, servers, &capture, board, running).await {
                Ok(()) => Ok(()),
                Err(error) => {
                    eprintln!(
                        "vonggac: no virtual wire here ({error:#}); the sensor reads the sample as a file"
                    );
                    from_file(place, servers, &capture, board, running).await
                }
            }
        }
        SampleWay::Auto => from_file(place, servers, &capture, board, running).await,
    }
}

/// The sensor of the sample: named so that nobody takes its events for a tap's.
fn sample_sensor(place: &Place, servers: &Servers) -> Command {
    sensor(place, servers).args(["--name", "sample"])
}

fn sensor(place: &Place, servers: &Servers) -> Command {
    servers
        .for_sensor(place.role("sensor"))
        .arg("--spool")
        .arg(place.data.join("spool"))
        .arg("--rules")
        .arg(place.rules.join("signatures"))
        .arg("--yara")
        .arg(place.rules.join("yara"))
}

/// Makes the sample so that it ends now.
async fn generate(options: &Options, place: &Place) -> anyhow::Result<PathBuf> {
    let directory = place.data.join("sample");
    std::fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
    let capture = directory.join("sample.pcap");
    eprintln!("vonggac: making sample traffic (seed {})", options.sample_seed);
    run(Command::new(&place.binary)
        .args([
            "lab",
            "generate",
            "--ending-now",
            "--seed",
            &options.sample_seed.to_string(),
        ])
        .arg("--out")
        .arg(&capture)
        .arg("--truth")
        .arg(directory.join("truth.json")))
    .await?;
    Ok(capture)
}

async fn from_file(
    place: &Place,
    servers: &Servers,
    capture: &std::path::Path,
    board: &mut Board,
    running: &mut Vec<Running>,
) -> anyhow::Result<()> {
    let command = sample_sensor(place, servers).arg("--read").arg(capture);
    eprintln!("vonggac: the sensor reads the sample; alerts follow within seconds");
    launch(
        Part::new("sensor", command, &place.data).metered().that_ends(),
        board,
        running,
    )
    .await
}

/// A pair of virtual interfaces; the sensor on one end, the sample played in at the other.
async fn by_wire(
    options: &Options,
    place: &Place,
    servers: &Servers,
    capture: &std::path::Path,
    board: &mut Board,
    running: &mut Vec<Running>,
) -> anyhow::Result<()> {
    let (near, far) = wire_ends(options);
    run(Command::new(&place.binary).args(["lab", "wire", "add", &near, &far])).await?;
    let command = sample_sensor(place, servers).args(["--interface", &far]);
    launch(
        Part::new("sensor", command, &place.data)
            .metered()
            .lasting(Duration::from_secs(2)),
        board,
        running,
    )
    .await?;
    let command = Command::new(&place.binary)
        .args([
            "lab",
            "play",
            "--interface",
            &near,
            "--speed",
            WIRE_SPEED,
            "--read",
        ])
        .arg(capture);
    eprintln!("vonggac: the sample is played on {near}, tapped on {far}; alerts follow as it goes");
    launch(
        Part::new("play", command, &place.data).that_ends(),
        board,
        running,
    )
    .await
}

/// Names of the wire's ends: the traffic goes in at the first, the sensor taps the second. The console's port tells platforms apart.
fn wire_ends(options: &Options) -> (String, String) {
    (
        format!("vg{}a", options.console_port),
        format!("vg{}b", options.console_port),
    )
}

/// Takes the sample's wire away, if there is one.
pub(crate) async fn remove_wire(options: &Options, place: &Place) {
    let (near, _) = wire_ends(options);
    if let Err(error) = run(Command::new(&place.binary).args(["lab", "wire", "remove", &near])).await {
        tracing::warn!(%error, interface = near, "the sample's wire stays behind");
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    let output = command
        .to_process()
        .output()
        .await
        .context("setpriv (package util-linux) cannot be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", said.trim());
    Ok(())
}
