//! Whether the parts that the console leans on are well.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use vonggac_store::search;

use crate::api::shapes::{PartHealth, PartState};
use crate::state::Console;

/// How long an answer is good for, so that many browsers asking ask the parts once.
const FRESH: Duration = Duration::from_secs(3);
/// How long a part may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// From here on an answer is slow.
const SLOW: Duration = Duration::from_millis(1000);

/// What the parts said, and when.
pub(crate) struct Checked {
    at: Instant,
    parts: Arc<Vec<PartHealth>>,
}

/// The parts' state, at most [`FRESH`] old.
pub(crate) async fn parts(console: &Console) -> Arc<Vec<PartHealth>> {
    let mut checked = console.checked().lock().await;
    if let Some(known) = checked.as_ref().filter(|known| known.at.elapsed() < FRESH) {
        return Arc::clone(&known.parts);
    }
    let (postgres, clickhouse, kafka) = tokio::join!(postgres(console), clickhouse(console), kafka(console));
    let parts = Arc::new(vec![own(console), postgres, clickhouse, kafka, intake(console)]);
    *checked = Some(Checked {
        at: Instant::now(),
        parts: Arc::clone(&parts),
    });
    parts
}

fn part(name: &str, state: PartState, detail: impl Into<String>, address: impl Into<String>) -> PartHealth {
    PartHealth {
        name: name.to_owned(),
        state,
        detail: detail.into(),
        address: address.into(),
    }
}

fn own(console: &Console) -> PartHealth {
    part(
        "console",
        PartState::Up,
        env!("CARGO_PKG_VERSION"),
        console.options().listen.to_string(),
    )
}

async fn asked<E: std::fmt::Display>(
    name: &str,
    address: String,
    question: impl Future<Output = Result<String, E>>,
) -> PartHealth {
    let start = Instant::now();
    match tokio::time::timeout(ANSWER_LIMIT, question).await {
        Err(_) => part(name, PartState::Down, "does not answer", address),
        Ok(Err(error)) => part(name, PartState::Down, first_line(&error.to_string()), address),
        Ok(Ok(detail)) if start.elapsed() > SLOW => {
            part(name, PartState::Degraded, format!("{detail}, slow"), address)
        }
        Ok(Ok(detail)) => part(name, PartState::Up, detail, address),
    }
}

fn first_line(text: &str) -> String {
    vonggac_event::limits::cut(text.lines().next().unwrap_or_default().to_owned(), 200)
}

async fn postgres(console: &Console) -> PartHealth {
    asked(
        "postgresql",
        public_address(&console.options().postgres),
        console.database().version(),
    )
    .await
}

async fn clickhouse(console: &Console) -> PartHealth {
    let address = public_address(&console.options().store.clickhouse);
    asked("clickhouse", address, search::ping(&console.store().client)).await
}

async fn kafka(console: &Console) -> PartHealth {
    let connection = console.options().kafka.clone();
    let address = connection.to_string();
    let probe = async {
        let count =
            tokio::task::spawn_blocking(move || vonggac_bus::probe(&connection, Duration::from_secs(2)));
        match count.await {
            Ok(Ok(count)) => Ok(format!("{count} broker(s)")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    };
    asked("kafka", address, probe).await
}

fn intake(console: &Console) -> PartHealth {
    let intake = console.intake();
    let since_us = intake.failing_since_us.load(Ordering::Relaxed);
    let last_us = intake.last_us.load(Ordering::Relaxed);
    let (state, detail) = if since_us != 0 {
        (
            PartState::Degraded,
            format!(
                "alerts cannot be taken over since {}",
                crate::time::to_text(since_us)
            ),
        )
    } else if last_us == 0 {
        (PartState::Up, "no alert since the start".to_owned())
    } else {
        (
            PartState::Up,
            format!("last alert taken over at {}", crate::time::to_text(last_us)),
        )
    };
    part("alert intake", state, detail, vonggac_event::topic::ALERTS)
}

/// Host and port of an address, without user and password.
fn public_address(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_their_secrets() {
        let check = |url: &str, expect: &str| assert_eq!(public_address(url), expect, "{url}");
        check("postgres://u:p%40@h:5432/d?password=x", "h:5432");
        check("postgres://u:p@@h/d", "h");
        check("http://127.0.0.1:8123", "127.0.0.1:8123");
        check("localhost?password=x", "localhost");
    }
}
