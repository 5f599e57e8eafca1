//! Alerts from the bus.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use vonggac_database::queue::{Filter, Sort};
use vonggac_database::testing::alert;
use vonggac_event::Scope;
use vonggac_event::wire;

use super::Harness;
use crate::intake::{AlertSource, Delivered, run};
use crate::live::Happening;

/// A partition that has some messages and then waits, and remembers what was committed.
struct Partition {
    messages: VecDeque<Delivered>,
    commits: Arc<Mutex<Vec<i64>>>,
}

impl AlertSource for Partition {
    async fn next(&mut self) -> anyhow::Result<Delivered> {
        match self.messages.pop_front() {
            Some(message) => Ok(message),
            None => std::future::pending().await,
        }
    }

    fn commit(&mut self, partition: i32, next_offset: i64) {
        assert_eq!(partition, 3);
        self.commits.lock().unwrap().push(next_offset);
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
        .map(|(payload, offset)| Delivered {
            partition: 3,
            offset,
            payload,
        })
        .collect();
    let commits = Arc::new(Mutex::new(Vec::new()));
    let source = Partition {
        messages,
        commits: Arc::clone(&commits),
    };
    let mut happenings = harness.console.live().listen();
    let task = tokio::spawn(run(harness.console.clone(), source));

    // Where the batch was cut between two revisions, both are told.
    let mut told = Vec::new();
    while told.last() != Some(&(2, 2)) {
        let Happening::Told(row) = happenings.recv().await.unwrap() else {
            panic!("nobody worked")
        };
        told.push((row.id.0, row.count));
    }
    told.retain(|one| *one != (1, 1));
    assert_eq!(told, [(1, 50), (2, 2)]);
    let page = harness
        .database
        .list_alerts(&Scope::National, &Filter::default(), Sort::default(), None, 9)
        .await;
    let counts: Vec<i64> = page.unwrap().rows.iter().map(|row| row.count).collect();
    assert_eq!(counts, [2, 50]);

    harness.stop.send(true).unwrap();
    task.await.unwrap();
    // The batch may have been cut anywhere, and the end may have come before the last commit.
    let commits = commits.lock().unwrap().clone();
    assert!(
        commits.is_sorted() && commits.iter().all(|next| (41..=46).contains(next)),
        "{commits:?}"
    );
}

#[tokio::test]
async fn nothing_is_committed_while_the_case_store_is_away() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    harness.database.close().await;
    let message = Delivered {
        partition: 3,
        offset: 7,
        payload: wire::to_bytes(&alert(1, "moh", 1)),
    };
    let commits = Arc::new(Mutex::new(Vec::new()));
    let source = Partition {
        messages: VecDeque::from([message]),
        commits: Arc::clone(&commits),
    };
    let task = tokio::spawn(run(harness.console.clone(), source));
    let failing = || {
        harness
            .console
            .intake()
            .failing_since_us
            .load(std::sync::atomic::Ordering::Relaxed)
    };
    while failing() == 0 {
        tokio::task::yield_now().await;
    }
    harness.stop.send(true).unwrap();
    task.await.unwrap();
    assert_eq!(*commits.lock().unwrap(), Vec::<i64>::new());
}
