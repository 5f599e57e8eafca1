//! Saved views of the queue: an address of its page under a name, one's own or shared with all who see the alerts of one's organisation.

use std::collections::BTreeMap;

use sqlx::{FromRow, Postgres, QueryBuilder};

use crate::alert::Person;
use crate::audit::{self, Asker, Deed};
use crate::{Account, AccountId, Database, DatabaseError, Result, clean};

/// Most views of one account.
pub const VIEWS_MAX: i64 = 100;
/// Most shared views in a list.
const SHARED_MAX: i64 = 500;
/// Longest name, in characters.
pub const NAME_CHARACTERS_MAX: usize = 80;
/// Longest value of a view's address, in bytes.
const VALUE_BYTES_MAX: usize = 2_000;
/// Most values of it.
const VALUES_MAX: usize = 32;

/// Id of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ViewId(pub i64);

/// A saved view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Id.
    pub id: ViewId,
    /// Its name, one of its kind for its owner.
    pub name: String,
    /// Whose it is.
    pub owner: Person,
    /// Whether others see it.
    pub is_shared: bool,
    /// The address of the queue's page, by parameter.
    pub search: BTreeMap<String, String>,
}

/// A view to be saved; one of the same name of the same owner is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewView {
    /// Its name.
    pub name: String,
    /// Whether others may see it.
    pub is_shared: bool,
    /// The address of the queue's page, by parameter.
    pub search: BTreeMap<String, String>,
}

#[derive(FromRow)]
struct RawView {
    id: i64,
    name: String,
    owner_id: i64,
    owner_name: String,
    is_shared: bool,
    search: String,
}

impl From<RawView> for View {
    fn from(raw: RawView) -> Self {
        Self {
            id: ViewId(raw.id),
            name: raw.name,
            owner: Person {
                id: AccountId(raw.owner_id),
                display_name: raw.owner_name,
            },
            is_shared: raw.is_shared,
            search: serde_json::from_str(&raw.search).unwrap_or_default(),
        }
    }
}

impl NewView {
    fn check(&self) -> Result<()> {
        let invalid = |field, problem| Err(DatabaseError::Invalid { field, problem });
        if self.name.trim().is_empty() {
            return invalid("name", "must not be empty");
        }
        if self.name.chars().count() > NAME_CHARACTERS_MAX {
            return invalid("name", "must not be longer than 80 characters");
        }
        if self.search.len() > VALUES_MAX || self.search.values().any(|value| value.len() > VALUE_BYTES_MAX) {
            return invalid("search", "is too long");
        }
        Ok(())
    }
}

impl Database {
    /// One's own views and those shared in one's organisation, by name.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn views(&self, account: &Account) -> Result<Vec<View>> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT v.id, v.name, v.account_id AS owner_id, p.display_name AS owner_name, \
             v.organisation IS NOT NULL AS is_shared, v.search::text AS search \
             FROM queue_view v JOIN account p ON p.id = v.account_id WHERE v.account_id = ",
        );
        query
            .push_bind(account.id.0)
            .push(" OR v.organisation = ")
            .push_bind(account.organisation.as_str())
            .push(" ORDER BY (v.account_id = ")
            .push_bind(account.id.0)
            .push(") DESC, lower(v.name), v.id LIMIT ")
            .push_bind(VIEWS_MAX + SHARED_MAX);
        let raw: Vec<RawView> = query.build_query_as().fetch_all(&self.pool).await?;
        Ok(raw.into_iter().map(View::from).collect())
    }

    /// Saves a view; gives its id.
    ///
    /// # Errors
    /// [`DatabaseError::Invalid`] for a name or an address that does not do; [`DatabaseError::Conflict`] when there are too many.
    pub async fn save_view<'a>(
        &self,
        by: impl Into<Asker<'a>>,
        new: &NewView,
        now_us: i64,
    ) -> Result<ViewId> {
        let by = by.into();
        new.check()?;
        let account = by.somebody()?;
        let name = clean(new.name.trim());
        let search: BTreeMap<String, String> = new
            .search
            .iter()
            .map(|(key, value)| (clean(key), clean(value)))
            .collect();
        let search = serde_json::to_string(&search).unwrap_or_default();
        let mut transaction = self.pool.begin().await?;
        let others: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM queue_view WHERE account_id = $1 AND lower(name) <> lower($2)",
        )
        .bind(account.id.0)
        .bind(&name)
        .fetch_one(&mut *transaction)
        .await?;
        if others >= VIEWS_MAX {
            return Err(DatabaseError::Conflict("there are 100 views already; remove one"));
        }
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO queue_view (account_id, name, organisation, search, changed_us) \
             VALUES ($1, $2, $3, $4::text::jsonb, $5) \
             ON CONFLICT (account_id, lower(name)) DO UPDATE SET name = excluded.name, organisation = excluded.organisation, \
             search = excluded.search, changed_us = excluded.changed_us RETURNING id",
        )
        .bind(account.id.0)
        .bind(&name)
        .bind(new.is_shared.then(|| account.organisation.as_str()))
        .bind(&search)
        .bind(now_us)
        .fetch_one(&mut *transaction)
        .await?;
        let deed = Deed::done("view.save", "view", id)
            .with("name", &name)
            .with("search", &search)
            .with("shared", new.is_shared);
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(ViewId(id))
    }

    /// Removes a view of one's own.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when one has none of that id.
    pub async fn remove_view<'a>(&self, by: impl Into<Asker<'a>>, id: ViewId, now_us: i64) -> Result<()> {
        let by = by.into();
        let account = by.somebody()?;
        let mut transaction = self.pool.begin().await?;
        let name: Option<String> =
            sqlx::query_scalar("DELETE FROM queue_view WHERE id = $1 AND account_id = $2 RETURNING name")
                .bind(id.0)
                .bind(account.id.0)
                .fetch_optional(&mut *transaction)
                .await?;
        let deed = Deed::done("view.remove", "view", id.0);
        let deed = match &name {
            Some(name) => deed.with("name", name),
            None => deed.refused(DatabaseError::NotFound),
        };
        audit::append(&mut transaction, &by, vec![deed], now_us).await?;
        transaction.commit().await?;
        name.map(|_| ()).ok_or(DatabaseError::NotFound)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_US};

    fn view(name: &str, is_shared: bool, value: &str) -> NewView {
        NewView {
            name: name.into(),
            is_shared,
            search: [("tag".to_owned(), value.to_owned())].into(),
        }
    }

    #[tokio::test]
    async fn views_are_ones_own_or_shared_within_the_organisation() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let hoa = testing::account(&database, "hoa", "moh").await;
        let minh = testing::account(&database, "minh", "mot").await;
        let names = async |account: &Account| {
            let views = database.views(account).await.unwrap();
            views
                .iter()
                .map(|view| (view.name.clone(), view.owner.display_name.clone()))
                .collect::<Vec<_>>()
        };
        let told = |all: &[(&str, &str)]| {
            all.iter()
                .map(|(name, owner)| ((*name).to_owned(), (*owner).to_owned()))
                .collect::<Vec<_>>()
        };
        database
            .save_view(&lan, &view("Ca đêm", true, "a"), NOW_US)
            .await
            .unwrap();
        let own = database
            .save_view(&lan, &view("vpn", false, "a"), NOW_US)
            .await
            .unwrap();
        database
            .save_view(&hoa, &view("z", false, "a"), NOW_US)
            .await
            .unwrap();
        assert_eq!(names(&lan).await, told(&[("Ca đêm", "lan"), ("vpn", "lan")]));
        assert_eq!(names(&hoa).await, told(&[("z", "hoa"), ("Ca đêm", "lan")]));
        assert_eq!(names(&minh).await, told(&[]));

        let again = database
            .save_view(&lan, &view("VPN", true, "b\0"), NOW_US)
            .await
            .unwrap();
        assert_eq!(again, own);
        let seen = database.views(&hoa).await.unwrap();
        let vpn = seen.iter().find(|view| view.id == own).unwrap();
        assert_eq!(vpn.search.get("tag").map(String::as_str), Some("b\u{fffd}"));

        for foreign in [&hoa, &minh] {
            let refused = database.remove_view(foreign, own, NOW_US).await;
            assert!(matches!(refused, Err(DatabaseError::NotFound)), "{refused:?}");
        }
        database.remove_view(&lan, own, NOW_US).await.unwrap();
        assert_eq!(names(&lan).await, told(&[("Ca đêm", "lan")]));
        for (new, field) in [
            (view(" ", false, ""), "name"),
            (view(&"x".repeat(81), false, ""), "name"),
            (view("x", false, &"x".repeat(2_001)), "search"),
        ] {
            let refused = database.save_view(&lan, &new, NOW_US).await.unwrap_err();
            assert!(
                matches!(refused, DatabaseError::Invalid { field: named, .. } if named == field),
                "{refused}"
            );
        }
    }
}
