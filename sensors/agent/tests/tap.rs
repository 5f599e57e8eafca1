//! A sensor whose interface goes away, on a veth pair. Without the right to make one, it says so and skips.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Parser as _;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use vonggac_agent::Options;

/// For anything that is waited for.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn ip(arguments: &[&str]) -> bool {
    let output = Command::new("ip").args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

/// A pair whose near end has an address; taken away when dropped.
struct Pair {
    near: String,
    far: String,
    /// Third number of its network's address: of its own, so that what is sent goes to this pair.
    network: u32,
}

impl Pair {
    /// Makes the pair of this number, 0 to 4, among those of this process.
    fn new(pair: u32) -> Option<Self> {
        let process = std::process::id();
        let pair = Self {
            near: format!("vgt{process}{pair}a"),
            far: format!("vgt{process}{pair}b"),
            network: (5 * process + pair) % 250,
        };
        if pair.make() {
            return Some(pair);
        }
        println!("skipped: making a veth pair needs root and `ip`");
        None
    }

    fn make(&self) -> bool {
        let address = format!("198.19.{}.1/24", self.network);
        ip(&[
            "link", "add", &self.near, "type", "veth", "peer", "name", &self.far,
        ]) && ip(&["addr", "add", &address, "dev", &self.near])
            && ip(&["link", "set", &self.far, "up"])
            && ip(&["link", "set", &self.near, "up"])
    }

    fn delete(&self) -> bool {
        ip(&["link", "del", &self.near])
    }

    fn send(&self, port: u16) {
        let socket = UdpSocket::bind((format!("198.19.{}.1", self.network).as_str(), 0)).unwrap();
        socket.set_broadcast(true).unwrap();
        socket
            .send_to(b"x", (format!("198.19.{}.255", self.network).as_str(), port))
            .unwrap();
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.delete();
    }
}

struct Sensor {
    task: JoinHandle<anyhow::Result<bool>>,
    stop: oneshot::Sender<()>,
}

fn start(pair: &Pair, place: &Path) -> Sensor {
    start_with(&[pair], place, &[])
}

fn start_with(pairs: &[&Pair], place: &Path, more: &[&str]) -> Sensor {
    let (eve, summary) = (place.join("eve.json"), place.join("summary.json"));
    let fixed = [
        "sensor",
        "--eve",
        eve.to_str().unwrap(),
        "--stats-seconds",
        "1",
        "--summary",
        summary.to_str().unwrap(),
    ];
    let interfaces = pairs.iter().flat_map(|pair| ["--interface", &pair.far]);
    let line = Line::try_parse_from(fixed.into_iter().chain(interfaces).chain(more.iter().copied()));
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(vonggac_agent::run(line.unwrap().options, async {
        let _ = stopped.await;
    }));
    Sensor { task, stop }
}

/// How many flows to `port` stand in EVE.
fn flows(place: &Path, port: u16) -> usize {
    let text = fs::read_to_string(place.join("eve.json")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["event_type"] == "flow" && event["dest_port"] == port)
        .count()
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < LIMIT, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The packets of the last report in EVE.
fn packets(place: &Path) -> u64 {
    let text = fs::read_to_string(place.join("eve.json")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|event| event["stats"]["capture"]["packets"].as_u64())
        .next_back()
        .unwrap_or(0)
}

/// Sends to `port` until the sensor has reported more packets than before.
async fn send_until_seen(pair: &Pair, port: u16, place: &Path) {
    let before = packets(place);
    until("the sensor captures", || {
        pair.send(port);
        packets(place) > before
    })
    .await;
}

fn summary(place: &Path) -> Value {
    serde_json::from_slice(&fs::read(place.join("summary.json")).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interface_that_goes_away_ends_its_flows_and_is_waited_for() {
    let Some(pair) = Pair::new(0) else { return };
    let place = tempfile::tempdir().unwrap();
    let sensor = start(&pair, place.path());
    send_until_seen(&pair, 4001, place.path()).await;
    assert!(pair.delete());
    until("the flows of before are ended", || flows(place.path(), 4001) > 0).await;
    assert!(!sensor.task.is_finished());

    assert!(pair.make());
    send_until_seen(&pair, 4002, place.path()).await;
    sensor.stop.send(()).unwrap();
    assert!(sensor.task.await.unwrap().unwrap());
    assert!(flows(place.path(), 4002) > 0);
    let summary = summary(place.path());
    assert_eq!(summary["counters"]["capture_interface_lost"], 1, "{summary}");
    assert_eq!(summary["sources"][0]["error"], Value::Null);
    let packets = &summary["packets"];
    assert!(packets["received"].as_u64().unwrap() > 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sensor_that_waits_for_its_interface_still_stops() {
    let Some(pair) = Pair::new(1) else { return };
    let place = tempfile::tempdir().unwrap();
    let sensor = start(&pair, place.path());
    send_until_seen(&pair, 4003, place.path()).await;
    assert!(pair.delete());
    until("the flows of before are ended", || flows(place.path(), 4003) > 0).await;
    sensor.stop.send(()).unwrap();
    let is_whole = tokio::time::timeout(LIMIT, sensor.task).await.unwrap();
    assert!(!is_whole.unwrap().unwrap());
    let summary = summary(place.path());
    let error = summary["sources"][0]["error"].as_str().unwrap();
    assert!(error.contains(&pair.far), "{error}");
}

#[tokio::test]
async fn an_interface_that_was_never_there_is_an_error_at_once() {
    let line = Line::try_parse_from(["sensor", "--interface", "vg-none", "--eve", "/dev/null"]).unwrap();
    let error = vonggac_agent::run(line.options, std::future::pending())
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("vg-none"), "{error}");
}

/// The kernel drops what the program does not want.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_leaves_out_what_it_does_not_want() {
    // `udp dst port 4006`, of IPv4 without options.
    const PORT_4006: &str = "6,40 0 0 12,21 0 3 2048,40 0 0 36,21 0 1 4006,6 0 0 262144,6 0 0 0";
    let Some(pair) = Pair::new(4) else { return };
    let place = tempfile::tempdir().unwrap();
    let sensor = start_with(&[&pair], place.path(), &["--bpf", PORT_4006]);
    pair.send(4005);
    send_until_seen(&pair, 4006, place.path()).await;
    for _ in 0..20 {
        pair.send(4005);
    }
    send_until_seen(&pair, 4006, place.path()).await;
    sensor.stop.send(()).unwrap();
    assert!(sensor.task.await.unwrap().unwrap());
    assert_eq!(flows(place.path(), 4005), 0);
    assert!(flows(place.path(), 4006) > 0);
}

/// The kernel gives each flow to one worker; all of them together see all packets, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_workers_share_two_interfaces() {
    let (Some(one), Some(other)) = (Pair::new(2), Pair::new(3)) else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let sensor = start_with(
        &[&one, &other],
        place.path(),
        &["--workers", "3", "--cores", "0,1"],
    );
    send_until_seen(&one, 4000, place.path()).await;
    let before = packets(place.path());
    for port in 5000..5040 {
        for _ in 0..3 {
            one.send(port);
            other.send(port);
        }
    }
    until("all datagrams are seen", || packets(place.path()) >= before + 240).await;
    sensor.stop.send(()).unwrap();
    assert!(sensor.task.await.unwrap().unwrap());
    // Each datagram has a port of its own at its sender, so that it is a flow.
    for port in 5000..5040 {
        assert_eq!(flows(place.path(), port), 6, "port {port}");
    }
    let summary = summary(place.path());
    let names = |place: usize| summary["sources"][place]["name"].as_str().unwrap().to_owned();
    assert_eq!([names(0), names(1)], [one.far.clone(), other.far.clone()]);
    assert_eq!(
        summary["packets"]["received"], summary["packets"]["processed"],
        "{summary}"
    );
}
