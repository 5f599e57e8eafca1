//! Alerts from the bus.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vonggac_database::queue::{Filter, Sort};
use vonggac_database::testing::alert;
use vonggac_event::wire;

use super::Harness;
use crate::intake::{AlertSource, Delivered, run, run_patiently};
use crate::live::Happening;

/// What was done with a partition's messages.
#[derive(Debug, Clone, Default)]
struct Seen {
    commits: Arc<Mutex<Vec<i64>>>,
    aside: Arc<Mutex<Vec<(i64, String)>>>,
}

/// A partition that has some messages and then waits, or fails for good.
struct Partition {
    messages: VecDeque<Delivered>,
    fails: bool,
    seen: Seen,
}

impl AlertSource for Partition {
    async fn next(&mut self) -> anyhow::Result<Delivered> {
        match self.messages.pop_front() {
            Some(message) => Ok(message),
            None if self.fails => anyhow::bail!("the group is beyond repair"),
            None => std::future::pending().await,
        }
    }

    fn commit(&mut self, partition: i32, next_offset: i64) {
        assert_eq!(partition, 3);
        self.seen.commits.lock().unwrap().push(next_offset);
    }

    async fn put_aside(&mut self, message: &Delivered, reason: &str) -> anyhow::Result<()> {
        // Before its offset is committed.
        let commits = self.seen.commits.lock().unwrap().clone();
        assert!(commits.iter().all(|next| *next <= message.offset), "{commits:?}");
        let aside = (message.offset, reason.to_owned());
        self.seen.aside.lock().unwrap().push(aside);
        Ok(())
    }
}

fn delivered(offset: i64, payload: Vec<u8>) -> Delivered {
    Delivered {
        partition: 3,
        offset,
        key: Vec::new(),
        payload,
    }
}

/// The partition, and those that follow once it has failed.
fn in_order(partitions: Vec<Partition>) -> impl FnMut() -> anyhow::Result<Partition> {
    let mut partitions = VecDeque::from(partitions);
    move || {
        partitions
            .pop_front()
            .ok_or_else(|| anyhow::anyhow!("no broker answers"))
    }
}

#[tokio::test]
async fn alerts_are_taken_over_told_and_then_committed() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let mut grown = alert(1, "moh", 2);
    grown.count = 50;
    let payloads = [
        wire::to_bytes(&alert(1, "moh", 1)),
        b"\x01 this is no alert".to_vec(),
        Vec::new(),
        wire::to_bytes(&grown),
        wire::to_bytes(&alert(2, "moh", 1)),
        wire::to_bytes(&alert(1, "moh", 1)),
    ];
    let messages = payloads.into_iter().zip(40..);
    let messages = messages
        .map(|(payload, offset)| delivered(offset, payload))
        .collect();
    let seen = Seen::default();
    let source = Partition {
        messages,
        fails: false,
        seen: seen.clone(),
    };
    let mut happenings = harness.console.live().listen();
    let task = tokio::spawn(run(harness.console.clone(), in_order(vec![source])));

    // Where the batch was cut between two revisions, both are told.
    let mut told = Vec::new();
    while !told.contains(&(1, 50)) || !told.contains(&(2, 2)) {
        let Happening::Told(row) = happenings.recv().await.unwrap() else {
            panic!("nobody worked")
        };
        told.push((row.id.0, row.count));
    }
    let page = harness
        .database
        .list_alerts(
            &vonggac_database::testing::everyone(),
            &Filter::default(),
            Sort::default(),
            None,
            9,
        )
        .await;
    let counts: Vec<i64> = page.unwrap().rows.iter().map(|row| row.count).collect();
    assert_eq!(counts, [2, 50]);

    harness.stop.send(true).unwrap();
    task.await.unwrap();
    // The batch may have been cut anywhere, and the end may have come before the last commit.
    let commits = seen.commits.lock().unwrap().clone();
    assert!(
        commits.is_sorted() && commits.iter().all(|next| (41..=46).contains(next)),
        "{commits:?}"
    );
}

#[tokio::test]
async fn an_intake_that_cannot_read_says_so_and_ends() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let sources = (0..)
        .map(|_| Partition {
            messages: VecDeque::new(),
            fails: true,
            seen: Seen::default(),
        })
        .take(100);
    let task = run_patiently(
        harness.console.clone(),
        in_order(sources.collect()),
        Duration::from_millis(500),
    );
    tokio::time::timeout(Duration::from_secs(20), task)
        .await
        .expect("it ends by itself");
    let intake = harness.console.intake();
    assert!(intake.restarts.load(Ordering::Relaxed) >= 2, "it has tried again");
    assert_ne!(intake.failing_since_us.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn nothing_is_committed_while_the_case_store_is_away() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    harness.database.close().await;
    let seen = Seen::default();
    let source = Partition {
        messages: VecDeque::from([delivered(7, wire::to_bytes(&alert(1, "moh", 1)))]),
        fails: false,
        seen: seen.clone(),
    };
    let task = tokio::spawn(run(harness.console.clone(), in_order(vec![source])));
    let intake = harness.console.intake();
    while intake.failing_since_us.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!intake.trouble().is_empty());
    harness.stop.send(true).unwrap();
    task.await.unwrap();
    assert_eq!(*seen.commits.lock().unwrap(), Vec::<i64>::new());
}

#[tokio::test]
async fn what_is_no_alert_is_put_aside_with_its_reason() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let mut nameless = alert(1, "moh", 1);
    nameless.alert_id = vec![1];
    let seen = Seen::default();
    let source = Partition {
        messages: VecDeque::from([
            delivered(7, b"\x01 this is no alert".to_vec()),
            delivered(8, wire::to_bytes(&nameless)),
            delivered(9, wire::to_bytes(&alert(2, "moh", 1))),
        ]),
        fails: false,
        seen: seen.clone(),
    };
    let task = tokio::spawn(run(harness.console.clone(), in_order(vec![source])));
    while !seen.commits.lock().unwrap().contains(&10) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let aside = seen.aside.lock().unwrap().clone();
    let offsets: Vec<i64> = aside.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, [7, 8], "{aside:?}");
    assert!(aside.iter().all(|(_, reason)| !reason.is_empty()), "{aside:?}");
    let intake = harness.console.intake();
    assert_eq!(
        (
            intake.taken.load(Ordering::Relaxed),
            intake.put_aside.load(Ordering::Relaxed)
        ),
        (1, 2)
    );
    harness.stop.send(true).unwrap();
    task.await.unwrap();
}

#[tokio::test]
async fn a_source_that_fails_for_good_is_replaced() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let seen = Seen::default();
    let partition = |messages: Vec<Delivered>, fails| Partition {
        messages: messages.into(),
        fails,
        seen: seen.clone(),
    };
    let of = |offset, number| delivered(offset, wire::to_bytes(&alert(number, "moh", 1)));
    let sources = vec![partition(vec![of(7, 1)], true), partition(vec![of(8, 2)], false)];
    let task = tokio::spawn(run(harness.console.clone(), in_order(sources)));
    while !seen.commits.lock().unwrap().contains(&9) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let intake = harness.console.intake();
    assert_eq!(intake.restarts.load(Ordering::Relaxed), 1);
    assert_eq!(
        (intake.failing_since_us.load(Ordering::Relaxed), intake.trouble()),
        (0, String::new())
    );
    harness.stop.send(true).unwrap();
    task.await.unwrap();
}
