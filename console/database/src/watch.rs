//! What an organisation keeps an eye on: alerts, and things that events name. Whoever sees the organisation's alerts sees it.

use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_event::{AlertId, Scope};

use crate::alert::{self, AlertRow, Person};
use crate::audit::{self, Asker, Deed};
use crate::{AccountId, Database, DatabaseError, Result, clean};

/// Most things that one organisation keeps an eye on.
pub const ITEMS_MAX: i64 = 500;
/// Most of them in a list, the latest first.
pub const LIST_MAX: i64 = 500;
/// Longest note, in characters.
pub const NOTE_CHARACTERS_MAX: usize = 1_000;
/// Longest value of a thing, in bytes.
pub const VALUE_BYTES_MAX: usize = 1_024;
/// The kinds of things that can be watched, as the pages of things have them.
pub const KINDS: [&str; 8] = [
    "address",
    "host",
    "domain",
    "ja4",
    "certificate",
    "file",
    "user-agent",
    "sensor",
];

/// Id of an entry of the watch list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WatchId(pub i64);

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// An alert.
    Alert(AlertId),
    /// A thing that events name.
    Thing {
        /// One of [`KINDS`].
        kind: String,
        /// What identifies it.
        value: String,
    },
}

/// What is to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewWatched {
    /// An alert; its organisation keeps it.
    Alert(AlertId),
    /// A thing that events name.
    Thing {
        /// Who keeps it.
        organisation: String,
        /// One of [`KINDS`].
        kind: String,
        /// What identifies it.
        value: String,
    },
}

/// An entry of the watch list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchItem {
    /// Id.
    pub id: WatchId,
    /// Who keeps it.
    pub organisation: String,
    /// What.
    pub watched: Watched,
    /// The alert as it stands, when it is one.
    pub alert: Option<Box<AlertRow>>,
    /// Why.
    pub note: String,
    /// Who said so.
    pub added_by: Person,
    /// When.
    pub added_us: i64,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    organisation: String,
    alert_id: Option<Vec<u8>>,
    kind: Option<String>,
    value: Option<String>,
    note: String,
    added_by: i64,
    added_name: String,
    added_us: i64,
}

impl Row {
    fn watched(&self) -> Watched {
        match self.alert_id.as_deref().and_then(AlertId::from_bytes) {
            Some(id) => Watched::Alert(id),
            None => Watched::Thing {
                kind: self.kind.clone().unwrap_or_default(),
                value: self.value.clone().unwrap_or_default(),
            },
        }
    }
}

const ITEMS: &str = "SELECT w.id, w.organisation, w.alert_id, w.kind, w.value, w.note, w.added_by, \
    p.display_name AS added_name, w.added_us FROM watch_item w JOIN account p ON p.id = w.added_by WHERE w.organisation = ANY(";

/// The watch list of a scope, the latest first.
pub(crate) async fn list(connection: &mut PgConnection, scope: &Scope) -> Result<Vec<WatchItem>> {
    let mut query = QueryBuilder::<Postgres>::new(ITEMS);
    query.push_bind(scope.to_codes());
    query.push(") ORDER BY w.id DESC LIMIT ").push_bind(LIST_MAX);
    let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *connection).await?;
    let ids: Vec<Vec<u8>> = rows.iter().filter_map(|row| row.alert_id.clone()).collect();
    let mut alerts = alert::by_ids(connection, ids).await?;
    let item = |row: Row| {
        let watched = row.watched();
        let alert = match &watched {
            Watched::Alert(id) => alerts.remove(id).map(Box::new),
            Watched::Thing { .. } => None,
        };
        WatchItem {
            id: WatchId(row.id),
            organisation: row.organisation,
            watched,
            alert,
            note: row.note,
            added_by: Person {
                id: AccountId(row.added_by),
                display_name: row.added_name,
            },
            added_us: row.added_us,
        }
    };
    Ok(rows.into_iter().map(item).collect())
}

impl Database {
    /// The watch list of a scope, the latest first, at most [`LIST_MAX`].
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn watch_items(&self, scope: &Scope) -> Result<Vec<WatchItem>> {
        let mut connection = self.look(scope).await?;
        list(&mut connection, scope).await
    }

    /// Puts something on the watch list of an organisation of the scope.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] for what lies outside; [`DatabaseError::Invalid`] for what does not do; [`DatabaseError::Conflict`] when it
    /// is watched already, or the list is full.
    pub async fn watch(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        new: &NewWatched,
        note: &str,
        now_us: i64,
    ) -> Result<WatchId> {
        let account = by.somebody()?;
        let note = checked_note(note)?;
        let mut transaction = self.change(scope).await?;
        let (organisation, alert_id, thing) = match new {
            NewWatched::Alert(id) => {
                let row = alert::row(&mut transaction, scope, *id).await?;
                (row.tenant, Some(*id), None)
            }
            NewWatched::Thing {
                organisation,
                kind,
                value,
            } => {
                if !scope.covers(organisation) {
                    return Err(DatabaseError::NotFound);
                }
                (organisation.clone(), None, Some(checked_thing(kind, value)?))
            }
        };
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM watch_item WHERE organisation = $1")
            .bind(&organisation)
            .fetch_one(&mut *transaction)
            .await?;
        if count >= ITEMS_MAX {
            return Err(DatabaseError::Conflict(
                "the watch list is full; take something off it",
            ));
        }
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO watch_item (organisation, alert_id, kind, value, note, added_by, added_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(&organisation)
        .bind(alert_id.map(|id| id.to_bytes().to_vec()))
        .bind(thing.as_ref().map(|(kind, _)| *kind))
        .bind(thing.as_ref().map(|(_, value)| value.as_str()))
        .bind(&note)
        .bind(account.id.0)
        .bind(now_us)
        .fetch_optional(&mut *transaction)
        .await?;
        let id = id.ok_or(DatabaseError::Conflict("it is on the watch list already"))?;
        let mut deed = Deed::done("watch.add", "watch", id).with("organisation", &organisation);
        if let Some(alert) = alert_id {
            deed = deed.with("alert", alert);
        }
        if let Some((kind, value)) = &thing {
            deed = deed.with("kind", kind).with("value", value);
        }
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(WatchId(id))
    }

    /// Takes something off the watch list.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none in the scope.
    pub async fn unwatch(&self, scope: &Scope, by: Asker<'_>, id: WatchId, now_us: i64) -> Result<()> {
        let mut transaction = self.change(scope).await?;
        let removed: Option<String> = sqlx::query_scalar(
            "DELETE FROM watch_item WHERE id = $1 AND organisation = ANY($2) RETURNING organisation",
        )
        .bind(id.0)
        .bind(scope.to_codes())
        .fetch_optional(&mut *transaction)
        .await?;
        let organisation = removed.ok_or(DatabaseError::NotFound)?;
        let deed = Deed::done("watch.remove", "watch", id.0).with("organisation", organisation);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }
}

fn checked_note(note: &str) -> Result<String> {
    if note.chars().count() > NOTE_CHARACTERS_MAX {
        return Err(DatabaseError::Invalid {
            field: "note",
            problem: "must not be longer than 1,000 characters",
        });
    }
    Ok(clean(note.trim()))
}

fn checked_thing(kind: &str, value: &str) -> Result<(&'static str, String)> {
    let known = KINDS.into_iter().find(|known| *known == kind);
    let known = known.ok_or(DatabaseError::Invalid {
        field: "kind",
        problem: "is no kind of thing that has a page",
    })?;
    let value = clean(value.trim());
    if value.is_empty() || value.len() > VALUE_BYTES_MAX {
        return Err(DatabaseError::Invalid {
            field: "value",
            problem: "has 1 to 1,024 bytes",
        });
    }
    Ok((known, value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_US, alert, everyone};

    fn address(organisation: &str, value: &str) -> NewWatched {
        NewWatched::Thing {
            organisation: organisation.into(),
            kind: "address".into(),
            value: value.into(),
        }
    }

    #[tokio::test]
    async fn what_is_watched_is_seen_where_its_organisation_is() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let moh = testing::scope_of(&lan);
        database
            .take_alerts(&[alert(1, "moh", 1), alert(2, "mot", 1)])
            .await
            .unwrap();
        let watch = async |new: NewWatched| database.watch(&moh, (&lan).into(), &new, " why ", NOW_US).await;
        watch(NewWatched::Alert(AlertId(1))).await.unwrap();
        let id = watch(address("moh-it", "10.0.0.9")).await.unwrap();
        for foreign in [NewWatched::Alert(AlertId(2)), address("mot", "10.0.0.9")] {
            assert!(matches!(watch(foreign).await, Err(DatabaseError::NotFound)));
        }
        for again in [NewWatched::Alert(AlertId(1)), address("moh-it", " 10.0.0.9 ")] {
            assert!(matches!(watch(again).await, Err(DatabaseError::Conflict(_))));
        }
        let planet = NewWatched::Thing {
            organisation: "moh".into(),
            kind: "planet".into(),
            value: "mars".into(),
        };
        for wrong in [
            planet,
            address("moh", " "),
            address("moh", &"x".repeat(VALUE_BYTES_MAX + 1)),
        ] {
            assert!(matches!(watch(wrong).await, Err(DatabaseError::Invalid { .. })));
        }

        let items = database.watch_items(&moh).await.unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(
            (items[1].organisation.as_str(), items[1].note.as_str()),
            ("moh", "why")
        );
        assert_eq!(items[1].alert.as_ref().unwrap().rule_id, "guessing");
        let mot = Scope::of(["mot"]);
        assert_eq!(database.watch_items(&mot).await.unwrap(), []);
        assert!(matches!(
            database.unwatch(&mot, (&lan).into(), id, NOW_US).await,
            Err(DatabaseError::NotFound)
        ));
        database.unwatch(&moh, (&lan).into(), id, NOW_US).await.unwrap();
        assert_eq!(database.watch_items(&everyone()).await.unwrap().len(), 1);
    }
}
