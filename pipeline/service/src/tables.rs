//! Inserting rows: what the server is at fault for is waited for, what the rows are at fault for is found row by row.

use vonggac_event::Class;
use vonggac_store::{Reason, Rows, StoreError};

use crate::Shared;
use crate::halt::{Halt, Server, Stop, Waiting};

/// Where rows go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Table {
    Events(Class),
    Alerts,
}

/// Inserts the rows of these numbers. Gives the numbers of those that ClickHouse refuses for what is in them, with its reason.
///
/// Each piece that is confirmed is not sent again. A repeat of the whole halves refused rows in the same way, so its pieces carry the
/// same tokens.
pub(crate) async fn insert(
    shared: &Shared,
    table: Table,
    rows: &Rows,
    numbers: Vec<usize>,
    token: &str,
    stop: &Stop,
) -> Result<Vec<(usize, String)>, Halt> {
    let mut refused = Vec::new();
    let mut pieces = vec![(numbers, token.to_owned())];
    let mut waiting = Waiting::new(&shared.metrics, Server::ClickHouse, "inserts into ClickHouse");
    while let Some((piece, token)) = pieces.pop() {
        if piece.is_empty() {
            continue;
        }
        let is_all = piece.len() == rows.count;
        let chosen = if is_all {
            None
        } else {
            Some(rows.only(piece.iter().copied()))
        };
        let sent = attempt(
            shared,
            table,
            chosen.as_ref().unwrap_or(rows),
            &token,
            stop,
            waiting.failures,
        )
        .await?;
        let Err(error) = sent else {
            waiting.works();
            continue;
        };
        shared.gauges.insert_failures.add(1);
        match error.reason() {
            Reason::Data => match piece.as_slice() {
                [row] => refused.push((*row, error.to_string())),
                _ => {
                    let (left, right) = piece.split_at(piece.len() / 2);
                    pieces.push((right.to_vec(), format!("{token}-r")));
                    pieces.push((left.to_vec(), format!("{token}-l")));
                }
            },
            Reason::Schema => {
                stop.pause(waiting.failed(&error)).await?;
                if let Err(error) = shared.store.migrate(&shared.tables).await {
                    tracing::debug!(%error, "the schema cannot be brought up to date yet");
                }
                pieces.push((piece, token));
            }
            Reason::Server => {
                stop.pause(waiting.failed(&error)).await?;
                pieces.push((piece, token));
            }
        }
    }
    Ok(refused)
}

/// One try. The outer error is a lane that is told to stop while the server hangs.
async fn attempt(
    shared: &Shared,
    table: Table,
    rows: &Rows,
    token: &str,
    stop: &Stop,
    failures: u64,
) -> Result<Result<(), StoreError>, Halt> {
    let insert = async {
        match table {
            Table::Events(class) => shared.store.insert_events(class, token, rows).await,
            Table::Alerts => shared.store.insert_alert_rows(rows).await,
        }
    };
    tokio::select! {
        outcome = insert => Ok(outcome),
        () = stop.wait_for_the_last(failures) => Err(Halt::Stopped),
    }
}
