//! Rules that change while a sensor reads: a capture in a pipe, of which the second half comes after the reload.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Parser as _;
use serde_json::Value;
use tokio::task::JoinHandle;
use vonggac_agent::Options;

/// For anything that is waited for.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// A sensor that reads what is written to a pipe.
struct Sensor {
    place: tempfile::TempDir,
    task: JoinHandle<anyhow::Result<bool>>,
    pipe: File,
    seconds: u32,
}

impl Sensor {
    async fn start(rules: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name).display().to_string();
        assert!(
            Command::new("mkfifo")
                .arg(path("pipe"))
                .status()
                .unwrap()
                .success()
        );
        fs::write(place.path().join("a.rules"), rules).unwrap();
        let line = Line::try_parse_from([
            "sensor",
            "--read",
            &path("pipe"),
            "--rules",
            &path("a.rules"),
            "--eve",
            &path("eve.json"),
            "--summary",
            &path("summary.json"),
            "--control",
            &path("control"),
        ]);
        let task = tokio::spawn(vonggac_agent::run(line.unwrap().options, std::future::pending()));
        let pipe = place.path().join("pipe");
        // Opening waits for the sensor to open its end.
        let opened = tokio::task::spawn_blocking(move || OpenOptions::new().write(true).open(pipe));
        let mut pipe = opened.await.unwrap().unwrap();
        let mut head = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
        head.extend([0; 8]);
        head.extend([0, 0, 1, 0, 1, 0, 0, 0]);
        pipe.write_all(&head).unwrap();
        Self {
            place,
            task,
            pipe,
            seconds: 0,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn rules(&self, rules: &str) {
        fs::write(self.path("a.rules"), rules).unwrap();
    }

    /// A datagram, a second after the one before.
    fn packet(&mut self, source_port: u16, payload: &[u8]) {
        let frame = datagram(source_port, payload);
        self.seconds += 1;
        let length = u32::try_from(frame.len()).unwrap();
        for number in [1_700_000_000 + self.seconds, 0, length, length] {
            self.pipe.write_all(&number.to_le_bytes()).unwrap();
        }
        self.pipe.write_all(&frame).unwrap();
    }

    fn ask(&self, command: &str) -> Value {
        let mut socket = UnixStream::connect(self.path("control")).unwrap();
        let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
        writeln!(socket, "{{\"version\": \"0.2\"}}").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "{\"return\":\"OK\"}");
        writeln!(socket, "{{\"command\": \"{command}\"}}").unwrap();
        serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap()
    }

    async fn end(self) -> (tempfile::TempDir, Value) {
        drop(self.pipe);
        assert!(self.task.await.unwrap().unwrap());
        let summary = fs::read(self.place.path().join("summary.json")).unwrap();
        (self.place, serde_json::from_slice(&summary).unwrap())
    }
}

fn datagram(source_port: u16, payload: &[u8]) -> Vec<u8> {
    let udp = u16::try_from(8 + payload.len()).unwrap();
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0]);
    frame.extend((20 + udp).to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    let sum = (0..10).map(|word| u32::from(u16::from_be_bytes([frame[14 + 2 * word], frame[15 + 2 * word]])));
    let sum: u32 = sum.sum();
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    for number in [source_port, 4444, udp, 0] {
        frame.extend(number.to_be_bytes());
    }
    frame.extend(payload);
    frame
}

fn events(place: &Path, kind: &str) -> Vec<Value> {
    let text = fs::read_to_string(place.join("eve.json")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["event_type"] == kind)
        .collect()
}

/// Signatures that alerted, with the flow's port.
fn alerts(place: &Path) -> Vec<(u64, u64)> {
    let alerts = events(place, "alert");
    let facts = |event: &Value| {
        (
            event["alert"]["signature_id"].as_u64().unwrap(),
            event["src_port"].as_u64().unwrap(),
        )
    };
    alerts.iter().map(facts).collect()
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < LIMIT, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

const ONE: &str = "alert udp any any -> any 4444 (msg:\"one\"; content:\"one\"; flowbits:set,seen; sid:1;)\n";
const TWO: &str =
    "alert udp any any -> any 4444 (msg:\"two\"; content:\"two\"; flowbits:isset,seen; sid:2;)\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sets_alert_and_no_packet_or_flow_is_lost() {
    let mut sensor = Sensor::start(ONE).await;
    sensor.packet(1001, b"one");
    sensor.packet(1002, b"two");
    until("the first set alerts", || !alerts(sensor.place.path()).is_empty()).await;

    sensor.rules(TWO);
    let answer = sensor.ask("reload-rules");
    assert_eq!(answer["return"], "OK", "{answer}");
    assert_eq!(answer["message"]["signatures"], 1);
    assert_eq!(sensor.ask("ruleset-stats")["message"]["rules_loaded"], 1);
    // What the first set noted of the flow is known to the second.
    sensor.packet(1001, b"two");
    sensor.packet(1002, b"two");
    sensor.packet(1003, b"one");
    until("the second set alerts", || alerts(sensor.place.path()).len() > 1).await;

    // A set that is not there, and one of which nothing loads, leave the one in force.
    fs::remove_file(sensor.path("a.rules")).unwrap();
    let answer = sensor.ask("reload-rules");
    assert_eq!(answer["return"], "NOK");
    assert!(
        answer["message"].as_str().unwrap().contains("a.rules"),
        "{answer}"
    );
    sensor.rules("alert udp any any -> any any (content; sid:3;)\n");
    let answer = sensor.ask("reload-rules");
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("no signature loads from"),
        "{answer}"
    );
    sensor.packet(1001, b"two");

    // The next set comes by signal.
    sensor.rules(&format!("{ONE}{TWO}"));
    let hangup = ["-HUP".to_owned(), std::process::id().to_string()];
    assert!(Command::new("kill").args(hangup).status().unwrap().success());
    let loaded = |sensor: &Sensor| sensor.ask("ruleset-stats")["message"]["rules_loaded"].clone();
    until("the signal is heard", || loaded(&sensor) == 2).await;
    sensor.packet(1003, b"one");
    let control = sensor.path("control");
    assert!(fs::metadata(&control).unwrap().file_type().is_socket());
    let (place, summary) = sensor.end().await;
    assert!(!control.exists());
    assert_eq!(alerts(place.path()), [(1, 1001), (2, 1001), (2, 1001), (1, 1003)]);
    assert_eq!(events(place.path(), "flow").len(), 3);
    assert_eq!(summary["packets"]["received"], 7);
    assert_eq!(summary["packets"]["processed"], 7);
    assert_eq!(summary["signatures_loaded"], 2);
    assert_eq!(summary["counters"]["rules_reloads"], 2, "{summary}");
    assert_eq!(summary["counters"]["rules_reloads_failed"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_answers_what_it_does_not_know() {
    let sensor = Sensor::start(ONE).await;
    let answer = sensor.ask("iface-list");
    assert_eq!(answer["return"], "NOK");
    assert!(
        answer["message"].as_str().unwrap().contains("reload-rules"),
        "{answer}"
    );
    assert!(sensor.ask("uptime")["message"].is_u64());
    // A second sensor does not take the socket away from the first.
    let control = sensor.path("control").display().to_string();
    let line = Line::try_parse_from([
        "sensor",
        "--read",
        "/dev/null",
        "--eve",
        "/dev/null",
        "--control",
        &control,
    ]);
    let second = vonggac_agent::run(line.unwrap().options, std::future::pending()).await;
    assert!(second.unwrap_err().to_string().contains("another sensor"));
    assert_eq!(sensor.ask("version")["return"], "OK");
    sensor.end().await;
}
