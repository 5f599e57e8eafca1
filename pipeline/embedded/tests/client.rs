//! The `clickhouse` crate against the embedded engine, unchanged; and what SIGKILL may not take.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

use std::sync::{Arc, Mutex};

use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};
use support::{directory, serve};

#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
struct Event {
    id: u64,
    name: String,
    values: Vec<f64>,
    note: Option<String>,
}

fn event(id: u64) -> Event {
    let note = id.is_multiple_of(3).then(|| format!("note; '{id}'\n\\"));
    Event {
        id,
        name: format!("tên\t{id}"),
        values: vec![id as f64 / 2.0; (id % 4) as usize],
        note,
    }
}

const TABLE: &str = "CREATE TABLE events (id UInt64, name String, values Array(Float64), note Nullable(String)) \
                     ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 1000";

async fn insert(client: &Client, ids: std::ops::Range<u64>) -> clickhouse::error::Result<()> {
    let mut insert = client.insert::<Event>("events").await?;
    for id in ids {
        insert.write(&event(id)).await?;
    }
    insert.end().await
}

async fn count(client: &Client) -> u64 {
    client
        .query("SELECT count() FROM events")
        .fetch_one()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crate_works_unchanged() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &[]);
    let client = Client::default().with_url(&server.url);
    client.query(TABLE).execute().await.unwrap();
    insert(&client, 0..20_000).await.unwrap();
    let rows: Vec<Event> = client
        .query("SELECT ?fields FROM events ORDER BY id")
        .fetch_all()
        .await
        .unwrap();
    assert!(rows == (0..20_000).map(event).collect::<Vec<_>>());

    let named = client
        .query("SELECT id FROM events WHERE name = {name:String} AND id < ?")
        .bind(9)
        .param("name", "tên\t7");
    assert_eq!(named.fetch_one::<u64>().await.unwrap(), 7);
    let threads = client.clone().with_setting("max_threads", "3");
    assert_eq!(
        threads
            .query("SELECT toUInt64(getSetting('max_threads'))")
            .fetch_one::<u64>()
            .await
            .unwrap(),
        3
    );

    // One token, one insert: as a setting of the URL, and in the statement.
    let before = count(&client).await;
    for token in ["a", "a", "b", "b"] {
        let client = client.clone().with_setting("insert_deduplication_token", token);
        insert(&client, 0..100).await.unwrap();
    }
    for _ in 0..3 {
        let body = "INSERT INTO events (id, name) SETTINGS insert_deduplication_token = 'c' VALUES (1, 'x')";
        assert_eq!(server.ask(body).await, "");
    }
    assert_eq!(count(&client).await, before + 201);

    let error = client
        .query("SELECT * FROM nosuch")
        .execute()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("Code: 60. DB::Exception:"), "{error}");
    let error = client
        .query("SELECT throwIf(number = 4000000) FROM numbers(5000000)")
        .fetch_all::<u8>()
        .await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("Code: 395. DB::Exception:"), "{error}");
    let summed: u64 = client
        .query("SELECT sum(number) FROM numbers(?)")
        .bind(10)
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(summed, 45);

    // A million rows, one after another.
    let mut cursor = client
        .query("SELECT number, toString(number) FROM numbers(1000000)")
        .fetch::<(u64, String)>()
        .unwrap();
    let mut next = 0;
    while let Some((number, text)) = cursor.next().await.unwrap() {
        assert!(number == next && text.len() < 8);
        next += 1;
    }
    assert_eq!(next, 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once() {
    let Some(data) = directory() else { return };
    let server = serve(data.path(), &["--reads", "4", "--writes", "4"]);
    let client = Client::default().with_url(&server.url);
    client.query(TABLE).execute().await.unwrap();
    let tasks: Vec<_> = (0..32_u64)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                insert(&client, task * 1000..(task + 1) * 1000).await.unwrap();
                let mine = client
                    .query("SELECT count(), sum(id) FROM events WHERE intDiv(id, 1000) = ?")
                    .bind(task);
                let (rows, sum) = mine.fetch_one::<(u64, u64)>().await.unwrap();
                assert_eq!((rows, sum), (1000, (task * 1000..(task + 1) * 1000).sum()));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(count(&client).await, 32_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigkill_takes_nothing_that_was_acknowledged() {
    let Some(data) = directory() else { return };
    const BATCH: u64 = 500;
    let mut server = serve(data.path(), &[]);
    Client::default()
        .with_url(&server.url)
        .query(TABLE)
        .execute()
        .await
        .unwrap();
    let mut done = 0_u64;
    for round in 0..3 {
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let writers: Vec<_> = (0..4_u64)
            .map(|writer| {
                let client = Client::default().with_url(&server.url);
                let acknowledged = Arc::clone(&acknowledged);
                tokio::spawn(async move {
                    for batch in (done + writer..).step_by(4) {
                        let client = client
                            .clone()
                            .with_setting("insert_deduplication_token", batch.to_string());
                        if insert(&client, batch * BATCH..(batch + 1) * BATCH).await.is_err() {
                            return;
                        }
                        acknowledged.lock().unwrap().push(batch);
                    }
                })
            })
            .collect();
        while acknowledged.lock().unwrap().len() < 15 + round * 7 {
            tokio::task::yield_now().await;
        }
        server.kill();
        for writer in writers {
            writer.await.unwrap();
        }
        server = serve(data.path(), &[]);
        let client = Client::default().with_url(&server.url);
        let known = acknowledged.lock().unwrap().clone();
        let whole =
            client.query("SELECT intDiv(id, 500) AS batch FROM events GROUP BY batch HAVING count() = 500");
        let there: Vec<u64> = whole.fetch_all().await.unwrap();
        assert!(
            known.iter().all(|batch| there.contains(batch)),
            "acknowledged {known:?}, found {there:?}"
        );
        // Told again with their tokens, those of unknown outcome are there once too.
        let end = known.iter().max().unwrap() + 8;
        for batch in done..end {
            let client = client
                .clone()
                .with_setting("insert_deduplication_token", batch.to_string());
            insert(&client, batch * BATCH..(batch + 1) * BATCH).await.unwrap();
        }
        done = end;
        let (rows, ids) = client
            .query("SELECT count(), uniqExact(id) FROM events")
            .fetch_one::<(u64, u64)>()
            .await
            .unwrap();
        assert_eq!((rows, ids), (end * BATCH, end * BATCH));
    }
}
