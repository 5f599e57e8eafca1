//! What happens to alerts, to people's rights and to sensors, told by PostgreSQL to every console, whichever of them did it.
//!
//! Triggers notify in the transaction in which it happens, so that nothing is told that did not come to be. A notification names the
//! alert; the row is read afterwards, so of several changes at once the last is told. While the connection is lost nothing is heard:
//! [`News::next`] says [`Heard::Gap`] once it is back, and what happened in between must be asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgNotification};
use vonggac_event::AlertId;

use crate::alert::{self, AlertRow};
use crate::{AccountId, Database, Result};

/// Channel of the notifications, as the triggers have it.
const ALERTS: &str = "vonggac_alert";
const RIGHTS: &str = "vonggac_rights";
const SENSORS: &str = "vonggac_sensor";
const NOTICES: &str = "vonggac_notice";
/// Most notifications answered with one read.
const BATCH_MAX: usize = 200;
/// How long a batch waits for one more.
const GATHER: Duration = Duration::from_millis(5);

/// Something that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The pipeline told something new of an alert.
    Told(Box<AlertRow>),
    /// Somebody worked on an alert.
    Worked(Box<AlertRow>),
    /// Somebody's rights or sessions have changed; `None`: everybody's may have.
    Rights(Option<AccountId>),
    /// Pipelines are to be told something of sensors.
    Sensors,
    /// Somebody was told something, or has read it.
    Notice(AccountId),
    /// Something may have happened that was not heard.
    Gap,
}

/// What a notification says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Note {
    Alert(AlertId, Kind),
    /// 0 is everybody.
    Rights(i64),
    Sensors,
    Notice(i64),
}

/// The news.
pub struct News {
    database: Database,
    listener: PgListener,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Told,
    Worked,
}

impl Database {
    /// Listens from now on, over a connection of its own.
    ///
    /// # Errors
    /// When PostgreSQL does not answer.
    pub async fn news(&self) -> Result<News> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen_all([ALERTS, RIGHTS, SENSORS, NOTICES]).await?;
        Ok(News {
            database: self.clone(),
            listener,
        })
    }
}

impl News {
    /// What is heard next, at least one thing.
    ///
    /// # Errors
    /// When PostgreSQL is away. Listening again begins with a gap.
    pub async fn next(&mut self) -> Result<Vec<Heard>> {
        loop {
            // `None` stands for a connection that was lost; the listener makes another by itself.
            let Some(first) = self.listener.try_recv().await? else {
                return Ok(vec![Heard::Gap]);
            };
            let mut batch: BTreeSet<Note> = parsed(&first).into_iter().collect();
            let mut has_gap = false;
            for _ in 1..BATCH_MAX {
                match tokio::time::timeout(GATHER, self.listener.try_recv()).await {
                    Ok(Ok(Some(more))) => batch.extend(parsed(&more)),
                    Ok(Ok(None)) => has_gap = true,
                    // An error comes again.
                    Ok(Err(_)) | Err(_) => break,
                }
            }
            let mut heard = self.read(&batch).await?;
            if has_gap {
                heard.push(Heard::Gap);
            }
            if !heard.is_empty() {
                return Ok(heard);
            }
        }
    }

    async fn read(&self, batch: &BTreeSet<Note>) -> Result<Vec<Heard>> {
        let mut heard = Vec::with_capacity(batch.len());
        let mut ids: Vec<Vec<u8>> = Vec::new();
        for note in batch {
            match note {
                Note::Alert(id, _) => ids.push(id.to_bytes().to_vec()),
                Note::Sensors => heard.push(Heard::Sensors),
                Note::Notice(account) => heard.push(Heard::Notice(AccountId(*account))),
                Note::Rights(0) => heard.push(Heard::Rights(None)),
                Note::Rights(account) => heard.push(Heard::Rights(Some(AccountId(*account)))),
            }
        }
        if ids.is_empty() {
            return Ok(heard);
        }
        let mut connection = self.database.pool.acquire().await?;
        for row in alert::by_ids(&mut connection, ids).await?.into_values() {
            if batch.contains(&Note::Alert(row.id, Kind::Told)) {
                heard.push(Heard::Told(Box::new(row.clone())));
            }
            if batch.contains(&Note::Alert(row.id, Kind::Worked)) {
                heard.push(Heard::Worked(Box::new(row)));
            }
        }
        Ok(heard)
    }
}

fn parsed(notification: &PgNotification) -> Option<Note> {
    let payload = notification.payload();
    match notification.channel() {
        RIGHTS => return payload.parse().ok().map(Note::Rights),
        SENSORS => return Some(Note::Sensors),
        NOTICES => return payload.parse().ok().map(Note::Notice),
        _ => {}
    }
    read_payload(payload).map(|(id, kind)| Note::Alert(id, kind))
}

/// What is of another shape comes from somebody else, and says nothing.
fn read_payload(payload: &str) -> Option<(AlertId, Kind)> {
    let (kind, id) = match payload.split_at_checked(1)? {
        ("t", id) => (Kind::Told, id),
        ("w", id) => (Kind::Worked, id),
        _ => return None,
    };
    Some((id.parse().ok()?, kind))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_US, alert};
    use crate::work::Action;

    #[test]
    fn foreign_payloads_say_nothing() {
        for payload in ["", "t", "é", "x00000000000000000000000000000001", "t0", "tx"] {
            assert_eq!(read_payload(payload), None, "{payload}");
        }
        let id = AlertId(1);
        assert_eq!(read_payload(&format!("w{id}")), Some((id, Kind::Worked)));
    }

    #[tokio::test]
    async fn another_console_hears_what_happens_once_it_has_happened() {
        let Some(one) = testing::database().await else {
            return;
        };
        let url = testing::url_of(&one).unwrap();
        let other = Database::connect(
            &url,
            &vonggac_link::PostgresSecurity::default(),
            crate::STATEMENT_LIMIT,
        )
        .await
        .unwrap();
        let lan = testing::account(&one, "lan", "*").await;
        let mut news = other.news().await.unwrap();
        one.take_alerts(&[alert(1, "moh", 1), alert(1, "moh", 2)])
            .await
            .unwrap();
        // Known already: nothing happens, and nothing is told.
        one.take_alerts(&[alert(1, "moh", 2)]).await.unwrap();
        let heard = news.next().await.unwrap();
        let [Heard::Told(row)] = heard.as_slice() else {
            unreachable!("{heard:?}")
        };
        assert_eq!((row.id, row.revision), (AlertId(1), 2));

        let comment = Action::Comment { text: "hm".into() };
        one.act(&testing::everyone(), &lan, AlertId(1), &comment, NOW_US)
            .await
            .unwrap();
        let heard = news.next().await.unwrap();
        assert!(matches!(heard.as_slice(), [Heard::Worked(_)]), "{heard:?}");

        // The connection is cut, as by a restart of the server.
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'")
            .execute(&one.pool)
            .await
            .unwrap();
        assert_eq!(news.next().await.unwrap(), [Heard::Gap]);
        one.take_alerts(&[alert(2, "moh", 1)]).await.unwrap();
        let heard = news.next().await.unwrap();
        assert!(matches!(heard.as_slice(), [Heard::Told(_)]), "{heard:?}");
    }
}
