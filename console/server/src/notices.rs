//! Tells people of what happened, by their rules, as it happens.
//!
//! One console does it at a time; the others try again at their next turn. What cannot be told now is told once PostgreSQL is back.

use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use vonggac_database::DatabaseError;
use vonggac_database::notice::making::{BATCH_MAX, Told};

use crate::authority;
use crate::live::Happening;
use crate::state::Console;

/// How long is gathered after something happened, so that a storm is told in few goes.
const GATHER: Duration = Duration::from_millis(500);
/// How often is looked, whatever is heard.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Tells until the console stops.
pub(crate) async fn run(console: Console) {
    let mut stopped = console.stopped();
    // From before the first look, so that nothing falls between.
    let mut happenings = console.live().listen();
    let telling = async {
        loop {
            if let Err(error) = make(&console).await {
                tracing::warn!(%error, "people could not be told of what happened; trying again");
                tokio::time::sleep(LOOK_EVERY).await;
            }
            wait(&mut happenings).await;
        }
    };
    tokio::select! {
        () = telling => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

/// Until something has happened, or it is time to look anyhow.
async fn wait(happenings: &mut broadcast::Receiver<Happening>) {
    let heard = async {
        loop {
            match happenings.recv().await {
                Ok(Happening::Rights(_) | Happening::Notice(_)) => {}
                // What was missed may have been something.
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    if tokio::time::timeout(LOOK_EVERY, heard).await.is_ok() {
        tokio::time::sleep(GATHER).await;
    }
    // All of it is told in one go.
    while !matches!(
        happenings.try_recv(),
        Err(TryRecvError::Empty | TryRecvError::Closed)
    ) {}
}

/// Tells of all that has happened.
pub(crate) async fn make(console: &Console) -> Result<Told, DatabaseError> {
    let mut all = Told::default();
    loop {
        let tree = authority::organisations(console).await?;
        let told = console.database().make_notices(&tree, console.now_us()).await?;
        all.taken += told.taken;
        all.notices += told.notices;
        if i64::try_from(told.taken).unwrap_or(i64::MAX) < BATCH_MAX {
            return Ok(all);
        }
    }
}
