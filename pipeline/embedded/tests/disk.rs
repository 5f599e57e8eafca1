//! A disk that fills up: a small tmpfs in a mount namespace of the server's own, so root is needed.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use support::{directory, program, serve_by};

const ROWS: u64 = 512;

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
    let Some(data) = directory() else { return };
    let own_mounts = Command::new("unshare")
        .args(["--mount", "true"])
        .stderr(Stdio::null())
        .status();
    if !own_mounts.is_ok_and(|status| status.success()) {
        println!("skipped: no mount namespace of one's own without root");
        return;
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
    // The way into the server's namespace.
    let inside =
        PathBuf::from(format!("/proc/{}/root", server.id())).join(data.path().strip_prefix("/").unwrap());
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
