//! What happened to alerts and to people's rights, on whichever console, told to this one's browsers; that of
//! sensors, to the task that tells the pipelines.
//!
//! PostgreSQL tells it. While it cannot be heard the browsers show what they have; once it can again, they load anew.

use std::sync::Arc;
use std::time::Duration;

use vonggac_database::DatabaseError;
use vonggac_database::news::{Heard, News};

use crate::live::Happening;
use crate::state::Console;

/// First and longest wait before listening again.
const RETRY_MIN: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// Listens until the console stops.
pub(crate) async fn run(console: Console) {
    let mut stopped = console.stopped();
    let listening = async {
        let mut wait = RETRY_MIN;
        let mut is_first = true;
        loop {
            match console.database().news().await {
                Ok(news) => {
                    if !is_first {
                        take(&console, Heard::Gap);
                    }
                    is_first = false;
                    wait = RETRY_MIN;
                    let error = hear(&console, news).await;
                    tracing::warn!(%error, "news of alerts is not heard any more; listening again");
                }
                Err(error) => tracing::warn!(%error, "news of alerts cannot be listened to; trying again"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    };
    tokio::select! {
        () = listening => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

/// Tells what is heard, until it cannot be heard any more.
pub(crate) async fn hear(console: &Console, mut news: News) -> DatabaseError {
    loop {
        match news.next().await {
            Ok(heard) => heard.into_iter().for_each(|one| take(console, one)),
            Err(error) => return error,
        }
    }
}

fn take(console: &Console, heard: Heard) {
    let happening = match heard {
        Heard::Told(row) => Happening::Told(Arc::new(*row)),
        Heard::Worked(row) => Happening::Worked(Arc::new(*row)),
        Heard::Rights(account) => Happening::Rights(account),
        Heard::Sensors => return console.register().changed(),
        Heard::Gap => {
            console.register().changed();
            Happening::Gap
        }
    };
    console.live().tell(happening);
}
