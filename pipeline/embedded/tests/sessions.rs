//! HTTP sessions, as ClickHouse's documentation says them.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

use std::time::{Duration, Instant};

use support::{Answer, directory, serve};

fn code(answer: &Answer) -> &str {
    answer.header("x-clickhouse-exception-code")
}

#[tokio::test]
async fn what_is_set_in_a_session_stays_in_it() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &[]);
    let insession = |parameters: &str, statement: &str| {
        let (parameters, statement) = (format!("session_id=one&{parameters}"), statement.to_owned());
        let server = &server;
        async move {
            let answer = server.post(&parameters, statement.clone()).await;
            assert_eq!(answer.status, 200, "{parameters} {statement}: {}", answer.text());
            answer.text()
        }
    };
    server.ask("CREATE DATABASE d").await;
    insession("", "CREATE TEMPORARY TABLE t (a UInt8)").await;
    insession("", "INSERT INTO t VALUES (1)").await;
    insession("query=INSERT+INTO+t+FORMAT+TSV", "2\n3\n").await;
    insession("", "SET max_threads = 3").await;
    insession("", "USE d").await;
    let state = "SELECT getSetting('max_threads'), currentDatabase(), (SELECT sum(a) FROM t)";
    assert_eq!(insession("", state).await, "3\td\t6\n");
    // The URL's settings and database count for their request only.
    assert_eq!(
        insession("max_threads=7&database=default&max_result_rows=5", state).await,
        "7\tdefault\t6\n"
    );
    assert_eq!(insession("", state).await, "3\td\t6\n");
    assert_eq!(
        insession(
            "",
            "SELECT getSetting('max_result_rows'), getSetting('max_execution_time')"
        )
        .await,
        "0\t600\n"
    );
    assert_eq!(insession("max_threads=9", "SET max_threads = 4").await, "");
    assert_eq!(insession("", state).await, "4\td\t6\n");
    // Failures of all kinds leave it as it was, and nothing of them comes out later.
    for (parameters, statement, expected) in [
        ("", "SELECT * FROM nosuch", "60"),
        ("max_threads=7&nosuch=1", "SELECT 1", "115"),
        ("database=nosuch&max_threads=7", "SELECT 1", "81"),
        (
            "default_format=JSON",
            "SELECT throwIf(number = 500000) FROM numbers(1000000) SETTINGS max_block_size = 1000",
            "395",
        ),
        ("", "INSERT INTO t VALUES (4), ('x')", "6"),
        ("query=INSERT+INTO+t+FORMAT+TSV", "x\n", "27"),
    ] {
        let answer = server
            .post(&format!("session_id=one&{parameters}"), statement)
            .await;
        assert_eq!(code(&answer), expected, "{statement}: {}", answer.text());
        assert_eq!(insession("", state).await, "4\td\t6\n", "after {statement}");
    }
    // Another session, and no session, know nothing of it.
    assert_eq!(
        code(&server.post("session_id=two", "SELECT * FROM t").await),
        "60"
    );
    assert_eq!(code(&server.post("", "SELECT * FROM t").await), "60");
    // GET changes nothing but the session.
    for (query, expected) in [
        ("SELECT sum(a) FROM t", ""),
        ("SHOW TABLES", ""),
        ("SET max_threads = 5", ""),
        ("CREATE TABLE u (a Int8) ENGINE = Memory", "164"),
        ("INSERT INTO t VALUES (7)", "164"),
        ("DROP DATABASE d", "164"),
    ] {
        let url = format!("{}/?session_id=one&query={}", server.url, query.replace(' ', "+"));
        let answer = Answer::of(reqwest::get(url).await.unwrap()).await;
        assert_eq!(code(&answer), expected, "{query}: {}", answer.text());
    }
    assert_eq!(insession("close_session=1", state).await, "5\td\t6\n");
    assert_eq!(
        code(&server.post("session_id=one&session_check=1", "SELECT 1").await),
        "372"
    );
}

#[tokio::test]
async fn sessions_are_checked_locked_and_end_by_themselves() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &[]);
    let missing = server.post("session_id=s&session_check=1", "SELECT 1").await;
    assert_eq!(
        (missing.status, code(&missing)),
        (500, "372"),
        "{}",
        missing.text()
    );
    for timeout in ["3601", "x", "-1"] {
        let answer = server
            .post(&format!("session_id=s&session_timeout={timeout}"), "SELECT 1")
            .await;
        assert_eq!(code(&answer), "374", "{timeout}: {}", answer.text());
    }
    assert_eq!(
        server
            .post("session_id=s&session_timeout=1", "SELECT 1")
            .await
            .status,
        200
    );
    assert_eq!(
        server
            .post("session_id=s&session_timeout=1&session_check=1", "SELECT 1")
            .await
            .status,
        200
    );
    let long = reqwest::Client::new()
        .post(format!("{}/?session_id=s&session_timeout=1", server.url))
        .body("SELECT sleep(2) FORMAT Null");
    let long = tokio::spawn(async move { long.send().await.unwrap().status() });
    while server.ask("SELECT count() FROM system.processes").await != "2\n" {}
    let answer = server.post("session_id=s&session_timeout=1", "SELECT 1").await;
    assert_eq!((answer.status, code(&answer)), (500, "373"), "{}", answer.text());
    assert_eq!(long.await.unwrap(), 200);
    // Its time is counted from its last request, and is over soon.
    let begun = Instant::now();
    while server.ask_metric("embedded_sessions_open").await != 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the session stays");
    }
    assert_eq!(
        code(&server.post("session_id=s&session_check=1", "SELECT 1").await),
        "372"
    );
    assert_eq!(server.ask_metric("embedded_sessions_expired_total").await, 1);
}
