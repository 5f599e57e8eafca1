//! The HTTP interface, spoken to as `curl` would.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

use std::io::{Read, Write};

use support::{Answer, command, command_at, directory, serve};

#[tokio::test]
async fn statuses_codes_and_headers() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &[]);
    assert_eq!(
        reqwest::get(format!("{}/ping", server.url))
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "Ok.\n"
    );
    assert_eq!(
        reqwest::get(&server.url).await.unwrap().text().await.unwrap(),
        "Ok.\n"
    );
    server
        .ask("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
        .await;
    for (parameters, body, status, code, text) in [
        ("", "SELECT 1", 200, "", "1\n"),
        ("query=SELECT%202", "", 200, "", "2\n"),
        ("query=SELECT", " 3", 200, "", "3\n"),
        (
            "default_format=JSONEachRow",
            "SELECT 1 AS x",
            200,
            "",
            "{\"x\":1}\n",
        ),
        (
            "param_s=a%5Ctb&param_n=7",
            "SELECT {s:String}, {n:UInt8} + 1",
            200,
            "",
            "a\\tb\t8\n",
        ),
        (
            "max_threads=3&database=system",
            "SELECT getSetting('max_threads'), currentDatabase()",
            200,
            "",
            "3\tsystem\n",
        ),
        (
            "log_comment=it%27s%5C",
            "SELECT getSetting('log_comment')",
            200,
            "",
            "it\\'s\\\\\n",
        ),
        ("", "SHOW TABLES", 200, "", "t\n"),
        (
            "",
            "WITH x AS (SELECT 5 AS a) INSERT INTO t SELECT a, 'w' FROM x",
            200,
            "",
            "",
        ),
        (
            "query=INSERT%20INTO%20t%20FORMAT%20TSV",
            "1\ta;b\n2\tc\n",
            200,
            "",
            "",
        ),
        (
            "param_v=x",
            "INSERT INTO t VALUES (1 + 2, {v:String});",
            200,
            "",
            "",
        ),
        (
            "",
            "SELECT * FROM t ORDER BY a",
            200,
            "",
            "1\ta;b\n2\tc\n3\tx\n5\tw\n",
        ),
        ("", "SELECT * FROM nosuch", 404, "60", "Code: 60. DB::Exception: "),
        ("", "SELEC 1", 400, "62", "Code: 62. DB::Exception: "),
        ("", "", 400, "62", "Code: 62. DB::Exception: Empty query"),
        ("", "SELECT 1; SELECT 2", 400, "62", "Code: 62. "),
        (
            "nosuch=1",
            "SELECT 1",
            404,
            "115",
            "Code: 115. DB::Exception: Unknown setting 'nosuch'",
        ),
        ("database=nosuch", "SELECT 1", 404, "81", "Code: 81. "),
        (
            "query=INSERT%20INTO%20t%20FORMAT%20JSONEachRow",
            "{\"a\":\"x\"}",
            400,
            "27",
            "Code: 27. ",
        ),
        (
            "query=INSERT%20INTO%20nosuch%20FORMAT%20TSV",
            "1\n",
            404,
            "60",
            "Code: 60. ",
        ),
        (
            "query=INSERT%20INTO%20t%20FORMAT%20Nosuch",
            "1\n",
            404,
            "73",
            "Code: 73. ",
        ),
        ("readonly=1", "DROP TABLE t", 500, "164", "Code: 164. "),
    ] {
        let answer = server.post(parameters, body).await;
        assert_eq!(answer.status, status, "{parameters} {body}: {}", answer.text());
        assert_eq!(
            answer.header("x-clickhouse-exception-code"),
            code,
            "{parameters} {body}"
        );
        match status {
            200 => assert_eq!(answer.text(), text, "{parameters} {body}"),
            _ => assert!(
                answer.text().starts_with(text),
                "{parameters} {body}: {}",
                answer.text()
            ),
        }
        assert!(!answer.header("x-clickhouse-query-id").is_empty());
    }
    let written = server
        .post("query_id=mine&query=INSERT%20INTO%20t%20FORMAT%20TSV", "9\tz\n")
        .await;
    assert_eq!(written.header("x-clickhouse-query-id"), "mine");
    assert!(
        written
            .header("x-clickhouse-summary")
            .contains("\"written_rows\":\"1\"")
    );
    for query in [
        "INSERT INTO t VALUES (7,'get')",
        "CREATE TABLE u (a Int8) ENGINE = Memory",
        "SELECT 1 SETTINGS readonly = 0",
    ] {
        let request =
            reqwest::Client::new().get(format!("{}/?query={}", server.url, query.replace(' ', "+")));
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(
            answer.header("x-clickhouse-exception-code"),
            "164",
            "{query}: {}",
            answer.text()
        );
    }
    // Nothing of one request stays for another.
    assert_eq!(
        server
            .ask("SELECT getSetting('readonly'), currentDatabase()")
            .await,
        "0\tdefault\n"
    );
    assert_eq!(server.ask("SELECT count() FROM system.processes").await, "1\n");
}

#[tokio::test]
async fn a_password_is_asked_for() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &["--password", "s3cret"]);
    let refused = server.post("", "SELECT 1").await;
    assert_eq!(
        (refused.status, refused.header("x-clickhouse-exception-code")),
        (403, "516"),
        "{}",
        refused.text()
    );
    assert!(
        refused
            .text()
            .starts_with("Code: 516. DB::Exception: default: Authentication failed")
    );
    assert_eq!(
        server
            .post("user=default&password=s3cret", "SELECT 1")
            .await
            .status,
        200
    );
    let basic = reqwest::Client::new()
        .post(&server.url)
        .basic_auth("default", Some("s3cret"))
        .body("SELECT 1");
    assert_eq!(basic.send().await.unwrap().status(), 200);
    let own = reqwest::Client::new()
        .post(&server.url)
        .header("X-ClickHouse-User", "default");
    assert_eq!(
        own.header("X-ClickHouse-Key", "s3cret")
            .body("SELECT 1")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

/// The checks that need one engine only, to spare the starts.
#[tokio::test]
async fn results_stream_and_encode() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &[]);
    // Blocks joined are what the engine makes in one piece.
    let select =
        "SELECT number AS n, toString(number) AS `a\"b` FROM numbers(150000) WHERE number % 70000 < 3";
    for format in [
        "RowBinaryWithNamesAndTypes",
        "RowBinaryWithNames",
        "RowBinary",
        "Native",
        "CSVWithNames",
        "CSVWithNamesAndTypes",
        "TSVWithNamesAndTypes",
        "JSONEachRow",
        "JSONCompactEachRowWithNames",
        "TSV",
        "CSV",
        "JSON",
        "Parquet",
        "Null",
    ] {
        let settings = format!(
            "default_format={format}&max_threads=1&max_block_size=30000&output_format_parallel_formatting=0"
        );
        let joined = server.post(&settings, select).await;
        let whole = server
            .post(&format!("{settings}&wait_end_of_query=1"), select)
            .await;
        assert_eq!(
            (joined.status, whole.status),
            (200, 200),
            "{format}: {}",
            joined.text()
        );
        match format {
            // Native's blocks are cut as they come; JSON tells the time.
            "Native" | "JSON" => assert!(!joined.body.is_empty()),
            _ => assert!(
                joined.body == whole.body,
                "{format}: {} and {} bytes",
                joined.body.len(),
                whole.body.len()
            ),
        }
    }
    let before = server.peak_bytes();
    let large = server
        .post(
            "",
            "SELECT number, repeat('x', 100) FROM numbers(5000000) FORMAT RowBinary",
        )
        .await;
    assert!(
        large.complete && large.body.len() == 5_000_000 * 109,
        "{}",
        large.body.len()
    );
    let grown = server.peak_bytes().saturating_sub(before);
    assert!(grown < 150 << 20, "a result of 545 MB took {grown} bytes");
    // Too much for a format that is not streamed, which is no limit for what is not a result.
    let limited = server
        .post("", "SELECT number FROM numbers(1500000) FORMAT JSON")
        .await;
    assert_eq!(
        (limited.status, limited.header("x-clickhouse-exception-code")),
        (500, "396")
    );
    server
        .ask("CREATE TABLE n (n UInt64) ENGINE = MergeTree ORDER BY n")
        .await;
    server
        .ask("INSERT INTO n SELECT number FROM numbers(1500000)")
        .await;
    assert_eq!(server.ask("SELECT count() FROM n").await, "1500000\n");

    // HTTP's encodings, both ways.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"SELECT number FROM numbers(100000)").unwrap();
    let request = reqwest::Client::new()
        .post(&server.url)
        .header("Content-Encoding", "gzip");
    let request = request
        .header("Accept-Encoding", "gzip")
        .body(packed.finish().unwrap());
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(answer.header("content-encoding"), "gzip", "{}", answer.text());
    let mut text = String::new();
    flate2::read::GzDecoder::new(answer.body.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.starts_with("0\n1\n") && text.ends_with("99999\n"));
    let broken = server
        .post("decompress=1", "this is not a frame, however long it may be")
        .await;
    assert_eq!(
        broken.header("x-clickhouse-exception-code"),
        "39",
        "{}",
        broken.text()
    );

    // A failure after the answer began.
    let failed = server
        .post("", "SELECT throwIf(number = 3000000) FROM numbers(5000000)")
        .await;
    let tag = failed.header("x-clickhouse-exception-tag").to_owned();
    assert!(failed.status == 200 && !failed.complete && tag.len() == 16);
    let end = failed.text();
    let (_, told) = end
        .split_once(&format!("__exception__\r\n{tag}\r\n"))
        .expect("the exception stands in the body");
    assert!(
        told.starts_with("Code: 395. DB::Exception: ")
            && told.ends_with(" {tag}\r\n__exception__\r\n".replace("{tag}", &tag).as_str()),
        "{told}"
    );
    assert_eq!(server.ask("SELECT 1").await, "1\n");

    // A client that goes away stops its query.
    let endless = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) % 3 = 1";
    let client = reqwest::Client::builder()
        .timeout(std::time::Duration::from_millis(500))
        .build()
        .unwrap();
    assert!(client.post(&server.url).body(endless).send().await.is_err());
    let started = std::time::Instant::now();
    while server.ask("SELECT count() FROM system.processes").await != "1\n" {
        assert!(started.elapsed().as_secs() < 20, "the query goes on");
    }
}

#[tokio::test]
async fn stops_cleanly_and_keeps_its_data() {
    let Some(data) = directory() else { return };
    let mut server = serve(data.path(), &[]);
    server
        .ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
        .await;
    server.ask("INSERT INTO t VALUES (1), (2)").await;
    // What runs may end, though the server was told to stop in the middle of it.
    let slow = reqwest::Client::new()
        .post(&server.url)
        .body("SELECT sleep(1.5) FORMAT TSV")
        .send();
    let slow = tokio::spawn(async move { Answer::of(slow.await.unwrap()).await });
    while server.ask("SELECT count() FROM system.processes").await != "2\n" {}
    server.ask_to_stop();
    let answer = slow.await.unwrap();
    assert!(answer.complete && answer.text() == "0\n", "{}", answer.text());
    assert!(server.stop().success());
    let server = serve(data.path(), &[]);
    assert_eq!(server.ask("SELECT sum(a) FROM t").await, "3\n");
}

#[tokio::test]
async fn what_is_taken_is_named() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &[]);
    let second = command(data.path(), &[]).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        !second.status.success() && said.contains("is in use by process"),
        "{said}"
    );
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let other = tempfile::tempdir().unwrap();
    let said = command_at(other.path(), &format!("127.0.0.1:{port}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(
        said.contains(&format!("port {port} on 127.0.0.1 is already taken")),
        "{said}"
    );
    let said = command_at(other.path(), "0.0.0.0:0").output().unwrap();
    assert!(String::from_utf8_lossy(&said.stderr).contains("set a password first"));
}

/// A body of a form with one file, as ClickHouse's external tables come.
#[tokio::test]
async fn tables_may_come_with_a_request() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &[]);
    let form = "--b\r\nContent-Disposition: form-data; name=\"t\"; filename=\"t.tsv\"\r\n\r\n1\tx\n2\ty\n\r\n--b--\r\n";
    for parameters in [
        "query=SELECT+sum(_1),max(_2)+FROM+t&t_types=UInt8,String",
        "query=SELECT+sum(a),max(b)+FROM+t&t_structure=a+UInt8,b+String&session_id=s",
        "query=SELECT+sum(a),max(b)+FROM+t&t_structure=a+UInt8,b+String&session_id=s&readonly=2",
    ] {
        let request = reqwest::Client::new()
            .post(format!("{}/?{parameters}", server.url))
            .header("Content-Type", "multipart/form-data; boundary=b")
            .body(form);
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.text(), "3\ty\n", "{parameters}");
    }
    assert_eq!(server.post("session_id=s", "SELECT * FROM t").await.status, 404);
}

#[tokio::test]
async fn the_play_page_is_the_engines() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &[]);
    let page = Answer::of(reqwest::get(format!("{}/play", server.url)).await.unwrap()).await;
    assert_eq!(page.status, 200);
    assert!(page.text().starts_with("<!DOCTYPE html>") && page.text().ends_with("</html>"));
    assert!(page.text().contains("<title>ClickHouse Query</title>"));
    // Which looks whether the server is there.
    let there = reqwest::Client::new().request(reqwest::Method::OPTIONS, format!("{}/?query", server.url));
    assert_eq!(there.send().await.unwrap().status(), 204);
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("connect-src 'self'"),
        "{policy}"
    );
}

#[tokio::test]
async fn statements_are_stopped_by_their_ids_and_their_time() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &["--query-seconds-max", "2"]);
    let endless = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) % 3 = 1";
    let running = {
        let request = reqwest::Client::new()
            .post(format!("{}/?query_id=it%27s", server.url))
            .body(endless);
        tokio::spawn(async move { Answer::of(request.send().await.unwrap()).await })
    };
    while server.ask("SELECT count() FROM system.processes").await != "2\n" {}
    let twice = server.post("query_id=it%27s", "SELECT 1").await;
    assert_eq!(twice.header("x-clickhouse-exception-code"), "216");
    let killed = server.post("", "KILL QUERY WHERE query_id = 'it\\'s' SYNC").await;
    assert_eq!(killed.status, 200, "{}", killed.text());
    let stopped = running.await.unwrap();
    assert_eq!(
        stopped.header("x-clickhouse-exception-code"),
        "394",
        "{}",
        stopped.text()
    );
    // The limit holds for those who set none, more, and for those who forbid it in the statement.
    for (parameters, statement, codes) in [
        ("", endless.to_owned(), ["159"].as_slice()),
        ("max_execution_time=1000", endless.to_owned(), &["159"]),
        ("session_id=s", endless.to_owned(), &["159"]),
        ("", format!("{endless} SETTINGS max_execution_time = 0"), &["394"]),
    ] {
        let begun = std::time::Instant::now();
        let answer = server.post(parameters, statement).await;
        let code = answer.header("x-clickhouse-exception-code").to_owned();
        assert!(
            codes.contains(&code.as_str()),
            "{parameters}: {code} {}",
            answer.text()
        );
        assert!(
            begun.elapsed().as_secs() < 8,
            "{parameters}: {:?}",
            begun.elapsed()
        );
    }
    let metrics = reqwest::get(format!("{}/metrics", server.url))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "embedded_statements_overtime_total 1\n",
        "embedded_exceptions_total{code=\"159\"} 3\n",
        "embedded_turns_taken{pool=\"read\"} 0\n",
        "embedded_sessions_open 1\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
}

/// The turns of those who read are no matter for those who write, nor for another account.
#[tokio::test(flavor = "multi_thread")]
async fn readers_hold_nobody_up() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &["--reads", "2", "--query-seconds-max", "20"]);
    server
        .ask("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
        .await;
    let endless =
        "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) % 3 = 1 SETTINGS max_threads = 1";
    let many: Vec<_> = (0..16)
        .map(|_| {
            let request = reqwest::Client::new()
                .post(format!("{}/?quota_key=hog", server.url))
                .body(endless);
            tokio::spawn(request.send())
        })
        .collect();
    let metric = |wanted: &'static str| {
        let url = format!("{}/metrics", server.url);
        async move {
            reqwest::get(url)
                .await
                .unwrap()
                .text()
                .await
                .unwrap()
                .contains(wanted)
        }
    };
    while !metric("embedded_turns_waiting{pool=\"read\"} 15\n").await {
        tokio::task::yield_now().await;
    }
    let begun = std::time::Instant::now();
    server.ask("INSERT INTO t VALUES (1), (2)").await;
    assert_eq!(
        server
            .post("quota_key=other", "SELECT sum(a) FROM t")
            .await
            .text(),
        "3\n"
    );
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    // Those who go away leave the queue, and those who run stop.
    many.iter().for_each(tokio::task::JoinHandle::abort);
    while !metric("embedded_turns_taken{pool=\"read\"} 0\n").await
        || !metric("embedded_turns_waiting{pool=\"read\"} 0\n").await
    {
        assert!(begun.elapsed().as_secs() < 15, "turns stay taken");
        tokio::task::yield_now().await;
    }
}
