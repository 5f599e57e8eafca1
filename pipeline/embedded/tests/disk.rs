//! A disk that fills up: a small tmpfs in a mount namespace of the server's own, so root is needed.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::{Answer, Served, directory, program, serve_by};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const ROWS: u64 = 512;
/// Tables that are filled at once, and rows of an insert into one.
const TABLES: usize = 3;
const INSERT_ROWS: u64 = 400;
/// Writes that must have waited before the test is content, and how long it tries.
const WAITED: u64 = 3;
const TRIED: Duration = Duration::from_secs(90);
/// How long the disk is full, and then is not, each time.
const FULL: Duration = Duration::from_millis(400);
const FREE: Duration = Duration::from_millis(300);
/// For a write to notice that there is room.
const AWAKE: Duration = Duration::from_secs(5);
/// For a server to end whose writes wait.
const STOP: Duration = Duration::from_secs(30);

/// A server on a disk of 64 MiB in a mount namespace of its own, and the way to that disk; none without an engine or root.
fn small_disk() -> Option<(Served, PathBuf, TempDir)> {
    let data = directory()?;
    let own_mounts = Command::new("unshare")
        .args(["--mount", "true"])
        .stderr(Stdio::null())
        .status();
    if !own_mounts.is_ok_and(|status| status.success()) {
        println!("skipped: no mount namespace of one's own without root");
        return None;
    }
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "sh",
            "-c",
            "mount -t tmpfs -o size=64m tmpfs \"$1\" && exec \"$2\" --data \"$1/data\" --listen 127.0.0.1:0",
            "-",
        ])
        .arg(data.path())
        .arg(program())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let server = serve_by(command);
    let inside =
        PathBuf::from(format!("/proc/{}/root", server.id())).join(data.path().strip_prefix("/").unwrap());
    Some((server, inside, data))
}

/// Writes until there is no room for another byte.
fn fill(path: &Path) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    for bytes in [1 << 16, 1 << 9, 1] {
        let zeros = vec![0_u8; bytes];
        while file.write_all(&zeros).is_ok() {}
    }
}

/// Rows of 4 KiB that do not compress, as RowBinary.
fn rows(batch: u64) -> Vec<u8> {
    let mut state = batch.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut data = Vec::new();
    for row in 0..ROWS {
        data.extend_from_slice(&(batch * ROWS + row).to_le_bytes());
        data.extend_from_slice(&[0x80, 0x20]);
        for _ in 0..512 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            data.extend_from_slice(&state.to_le_bytes());
        }
    }
    data
}

/// Not enough space is told as 243 and by a 5xx, so that it is not taken for a fault of the data; what was refused is
/// not there, and comes in when there is room, once, without a restart.
#[tokio::test]
async fn a_full_disk_is_told_and_got_over() {
    let Some((server, inside, _data)) = small_disk() else {
        return;
    };
    let ballast = inside.join("ballast");
    std::fs::write(&ballast, vec![1_u8; 24 << 20]).unwrap();
    server
        .ask("CREATE TABLE t (id UInt64, s String CODEC(NONE)) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 1000")
        .await;
    let insert = |batch: u64| {
        let parameters = format!("query=INSERT+INTO+t+FORMAT+RowBinary&insert_deduplication_token={batch}");
        let server = &server;
        async move { server.post(&parameters, rows(batch)).await }
    };
    let mut taken = Vec::new();
    let mut refused = Vec::new();
    for batch in 0..30 {
        let answer = insert(batch).await;
        match answer.status {
            200 => taken.push(batch),
            status => {
                assert_eq!(
                    (status, answer.header("x-clickhouse-exception-code")),
                    (500, "243"),
                    "{}",
                    answer.text()
                );
                refused.push(batch);
            }
        }
    }
    assert!(!taken.is_empty() && refused.len() > 5, "{taken:?} {refused:?}");
    let there = "SELECT count(), uniqExact(id) FROM t";
    let expected = |batches: usize| format!("{0}\t{0}\n", batches as u64 * ROWS);
    assert_eq!(server.ask(there).await, expected(taken.len()));
    std::fs::remove_file(&ballast).unwrap();
    for batch in refused.iter().take(4) {
        let answer = insert(*batch).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(insert(refused[0]).await.status, 200, "again, by its token");
    assert_eq!(server.ask(there).await, expected(taken.len() + 4));
}

/// Inserts into a table until it is told to stop; gives the rows that were confirmed.
async fn pour(url: String, table: usize, stop: Arc<AtomicBool>) -> u64 {
    let values: Vec<String> = (0..12)
        .map(|column| format!("hex(sipHash64(number, {column}))"))
        .collect();
    let (client, values) = (reqwest::Client::new(), values.join(", "));
    let mut confirmed = 0;
    while !stop.load(Ordering::Relaxed) {
        let insert = format!(
            "INSERT INTO t{table} SELECT number, map('n', number), {values} FROM numbers({confirmed}, {INSERT_ROWS})"
        );
        let Ok(answer) = client.post(&url).body(insert).send().await else {
            // The server has stopped.
            break;
        };
        let answer = Answer::of(answer).await;
        match (answer.status, answer.header("x-clickhouse-exception-code")) {
            (200, _) => confirmed += INSERT_ROWS,
            (500, "243") => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => panic!("{}", answer.text()),
        }
    }
    confirmed
}

/// Makes the tables and inserts into all of them.
async fn pour_all(server: &Served, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<u64>> {
    let columns: Vec<String> = (0..12).map(|column| format!("s{column} String")).collect();
    let columns = columns.join(", ");
    let mut pouring = Vec::new();
    for table in 0..TABLES {
        server
            .ask(&format!(
                "CREATE TABLE t{table} (id UInt64, m Map(String, UInt64), {columns}) ENGINE = MergeTree ORDER BY id \
                 SETTINGS fsync_after_insert = 1, old_parts_lifetime = 1, non_replicated_deduplication_window = 1000"
            ))
            .await;
        pouring.push(tokio::spawn(pour(server.url.clone(), table, Arc::clone(stop))));
    }
    pouring
}

/// Fills the disk and frees it again, until a number is at least so much when it is full; leaves it full.
async fn fill_until(server: &Served, ballast: &Path, name: &str, least: u64) {
    let begun = Instant::now();
    loop {
        let until = Instant::now() + FULL;
        while Instant::now() < until {
            fill(ballast);
            tokio::time::sleep(FULL / 20).await;
        }
        if server.ask_metric(name).await >= least {
            return;
        }
        assert!(
            begun.elapsed() < TRIED,
            "the disk was never full at the wrong moment"
        );
        std::fs::remove_file(ballast).unwrap();
        tokio::time::sleep(FREE).await;
    }
}

/// Whatever the disk fills under, an insert or a merge, waits for room: what was confirmed is there, and no part of a table is broken. (libchdb
/// by itself goes on after a write that failed.)
#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_fills_under_waits_for_room() {
    let Some((server, inside, _data)) = small_disk() else {
        return;
    };
    let (ballast, stop) = (inside.join("ballast"), Arc::default());
    let pouring = pour_all(&server, &stop).await;
    fill_until(&server, &ballast, "embedded_writes_waited_total", WAITED).await;
    std::fs::remove_file(&ballast).unwrap();
    stop.store(true, Ordering::Relaxed);
    for (table, pouring) in pouring.into_iter().enumerate() {
        let confirmed = pouring.await.unwrap();
        let there = server
            .ask(&format!("SELECT count(), uniqExact(id) FROM t{table}"))
            .await;
        assert_eq!(there, format!("{confirmed}\t{confirmed}\n"));
        let check = format!("CHECK TABLE t{table} SETTINGS check_query_single_value_result = 0");
        let parts = server.ask(&check).await;
        assert!(
            parts.lines().all(|part| part.split('\t').nth(1) == Some("1")),
            "{parts}"
        );
    }
    // A merge that waits looks again now and then.
    let begun = Instant::now();
    while server.ask_metric("embedded_writes_waiting").await > 0 {
        assert!(begun.elapsed() < AWAKE, "a write waits though there is room");
        tokio::time::sleep(FULL / 20).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_writes_wait_can_be_stopped() {
    let Some((server, inside, _data)) = small_disk() else {
        return;
    };
    let pouring = pour_all(&server, &Arc::default()).await;
    fill_until(&server, &inside.join("ballast"), "embedded_writes_waiting", 1).await;
    let stopping = tokio::task::spawn_blocking(move || server.stop());
    let stopped = tokio::time::timeout(STOP, stopping)
        .await
        .expect("it does not end");
    assert!(stopped.unwrap().success());
    for pouring in pouring {
        pouring.await.unwrap();
    }
}
