//! Searches that people keep under a name, for themselves or for an organisation.
//!
//! What a search is stands in the parameters of the search page's address. Only its owner changes or removes it; whoever sees the
//! organisation that it is shared with sees it too.

use std::collections::BTreeMap;

use sqlx::FromRow;
use vonggac_event::Scope;

use crate::audit::{Asker, Deed, append};
use crate::{AccountId, Database, DatabaseError, Person, Result, clean};

/// Most searches that one account keeps.
pub const SEARCHES_MAX: i64 = 200;
/// Most searches in a list.
const LIST_MAX: i64 = 1_000;
/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest parameter, in bytes.
pub const PARAMETER_BYTES_MAX: usize = 4_096;
/// The parameters that the search page's address has.
pub const PARAMETERS: [&str; 6] = ["q", "class", "range", "from", "to", "columns"];

/// Id of a saved search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SavedSearchId(pub i64);

/// What somebody wants kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSearch {
    /// Name; one account has each once.
    pub name: String,
    /// Who else sees it; `None` for nobody.
    pub organisation: Option<String>,
    /// Of [`PARAMETERS`], those that are set.
    pub parameters: BTreeMap<String, String>,
}

/// A search that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSearch {
    /// Id.
    pub id: SavedSearchId,
    /// Whose it is.
    pub owner: Person,
    /// Name, who else sees it, and what it is.
    pub search: NewSearch,
    /// When it was last changed.
    pub changed_us: i64,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    owner_id: i64,
    owner_name: String,
    organisation: Option<String>,
    name: String,
    parameters: String,
    changed_us: i64,
}

impl From<Row> for SavedSearch {
    fn from(row: Row) -> Self {
        Self {
            id: SavedSearchId(row.id),
            owner: Person {
                id: AccountId(row.owner_id),
                display_name: row.owner_name,
            },
            search: NewSearch {
                name: row.name,
                organisation: row.organisation,
                // The table's type holds the shape.
                parameters: serde_json::from_str(&row.parameters).unwrap_or_default(),
            },
            changed_us: row.changed_us,
        }
    }
}

const SELECT: &str = "SELECT s.id, s.owner_id, p.display_name AS owner_name, s.organisation, s.name, s.parameters::text AS parameters, s.changed_us \
     FROM saved_search s JOIN account p ON p.id = s.owner_id";

impl Database {
    /// The searches that an account keeps or sees, by name.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn saved_searches(&self, scope: &Scope, account: AccountId) -> Result<Vec<SavedSearch>> {
        let mut query = sqlx::QueryBuilder::new(SELECT);
        query.push(" WHERE s.owner_id = ").push_bind(account.0);
        query.push(" OR (s.organisation IS NOT NULL");
        query
            .push(" AND s.organisation = ANY(")
            .push_bind(scope.to_codes())
            .push(")) ORDER BY lower(s.name), s.id LIMIT ")
            .push_bind(LIST_MAX);
        let mut look = self.look(scope).await?;
        let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *look).await?;
        Ok(rows.into_iter().map(SavedSearch::from).collect())
    }

    /// Keeps a search.
    ///
    /// # Errors
    /// [`DatabaseError::Invalid`] when it does not do; [`DatabaseError::Conflict`] when the account has one of that name or too many.
    pub async fn save_search(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        account: AccountId,
        new: &NewSearch,
        now_us: i64,
    ) -> Result<SavedSearch> {
        let new = checked(scope, new)?;
        let mut transaction = self.change(scope).await?;
        // Whoever saves twice at once is counted once after the other.
        sqlx::query("SELECT FROM account WHERE id = $1 FOR UPDATE")
            .bind(account.0)
            .execute(&mut *transaction)
            .await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM saved_search WHERE owner_id = $1")
            .bind(account.0)
            .fetch_one(&mut *transaction)
            .await?;
        if count >= SEARCHES_MAX {
            return Err(DatabaseError::Conflict("you keep as many searches as one may"));
        }
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO saved_search (owner_id, organisation, name, parameters, changed_us) VALUES ($1, $2, $3, $4::text::jsonb, $5) \
             ON CONFLICT (owner_id, name) DO NOTHING RETURNING id",
        )
        .bind(account.0)
        .bind(&new.organisation)
        .bind(&new.name)
        .bind(json(&new.parameters))
        .bind(now_us)
        .fetch_optional(&mut *transaction)
        .await?;
        let id = id.ok_or(DatabaseError::Conflict("you keep a search of that name already"))?;
        let saved = one(&mut transaction, account, SavedSearchId(id)).await?;
        append(&mut transaction, &by, vec![deed("search.save", id, &new)], now_us).await?;
        transaction.commit().await?;
        Ok(saved)
    }

    /// Changes a search that the account keeps.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when it keeps none of that id; otherwise as [`Self::save_search`].
    pub async fn change_search(
        &self,
        scope: &Scope,
        by: Asker<'_>,
        account: AccountId,
        id: SavedSearchId,
        new: &NewSearch,
        now_us: i64,
    ) -> Result<SavedSearch> {
        let new = checked(scope, new)?;
        let mut transaction = self.change(scope).await?;
        let changed = sqlx::query(
            "UPDATE saved_search SET organisation = $3, name = $4, parameters = $5::text::jsonb, changed_us = $6 WHERE id = $1 AND owner_id = $2",
        )
        .bind(id.0)
        .bind(account.0)
        .bind(&new.organisation)
        .bind(&new.name)
        .bind(json(&new.parameters))
        .bind(now_us)
        .execute(&mut *transaction)
        .await;
        let changed = match changed {
            Err(error) if crate::sqlstate(&error).as_deref() == Some("23505") => {
                return Err(DatabaseError::Conflict("you keep a search of that name already"));
            }
            other => other?,
        };
        if changed.rows_affected() == 0 {
            return Err(DatabaseError::NotFound);
        }
        let saved = one(&mut transaction, account, id).await?;
        append(
            &mut transaction,
            &by,
            vec![deed("search.change", id.0, &new)],
            now_us,
        )
        .await?;
        transaction.commit().await?;
        Ok(saved)
    }

    /// Removes a search that the account keeps.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when it keeps none of that id.
    pub async fn remove_search(
        &self,
        by: Asker<'_>,
        account: AccountId,
        id: SavedSearchId,
        now_us: i64,
    ) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let removed = one(&mut transaction, account, id).await?;
        sqlx::query("DELETE FROM saved_search WHERE id = $1")
            .bind(id.0)
            .execute(&mut *transaction)
            .await?;
        let deed = deed("search.remove", id.0, &removed.search);
        append(&mut transaction, &by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }
}

async fn one(
    connection: &mut sqlx::PgConnection,
    account: AccountId,
    id: SavedSearchId,
) -> Result<SavedSearch> {
    let mut query = sqlx::QueryBuilder::new(SELECT);
    query.push(" WHERE s.id = ").push_bind(id.0);
    query.push(" AND s.owner_id = ").push_bind(account.0);
    let row: Option<Row> = query.build_query_as().fetch_optional(connection).await?;
    row.map(SavedSearch::from).ok_or(DatabaseError::NotFound)
}

fn json(parameters: &BTreeMap<String, String>) -> String {
    let of = |(name, value): (&String, &String)| (name.clone(), serde_json::Value::from(value.as_str()));
    serde_json::Value::Object(parameters.iter().map(of).collect()).to_string()
}

fn deed(action: &'static str, id: i64, search: &NewSearch) -> Deed {
    let deed = Deed::done(action, "search", id).with("name", &search.name);
    let deed = match &search.organisation {
        Some(organisation) => deed.with("organisation", organisation),
        None => deed,
    };
    search
        .parameters
        .iter()
        .fold(deed, |deed, (name, value)| deed.with(name, value))
}

/// What somebody wants kept, as it is kept.
fn checked(scope: &Scope, new: &NewSearch) -> Result<NewSearch> {
    let invalid = |field, problem| Err(DatabaseError::Invalid { field, problem });
    let name = clean(new.name.trim());
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return invalid("name", "has 1 to 100 characters");
    }
    if let Some(organisation) = &new.organisation {
        let is_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_good = (1..=48).contains(&organisation.len()) && organisation.chars().all(is_code);
        if !is_good || !scope.covers(organisation) {
            return invalid("organisation", "is none that you see");
        }
    }
    let mut parameters = BTreeMap::new();
    for (key, value) in &new.parameters {
        if !PARAMETERS.contains(&key.as_str()) {
            return invalid("parameters", "are q, class, range, from, to and columns");
        }
        if value.len() > PARAMETER_BYTES_MAX {
            return invalid("parameters", "are too long");
        }
        if !value.is_empty() {
            parameters.insert(key.clone(), clean(value));
        }
    }
    Ok(NewSearch {
        name,
        organisation: new.organisation.clone(),
        parameters,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_US};

    fn search(name: &str, organisation: Option<&str>) -> NewSearch {
        NewSearch {
            name: name.into(),
            organisation: organisation.map(str::to_owned),
            parameters: [("q".to_owned(), "dport:22".to_owned())].into(),
        }
    }

    #[tokio::test]
    async fn a_search_is_seen_by_its_owner_and_by_whom_it_is_shared_with() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let hoa = testing::account(&database, "hoa", "moh").await;
        let mai = testing::account(&database, "mai", "mot").await;
        let save = async |new: NewSearch| {
            database
                .save_search(&testing::scope_of(&lan), (&lan).into(), lan.id, &new, NOW_US)
                .await
        };
        let own = save(search(" Own ", None)).await.unwrap();
        let shared = save(search("Shared", Some("moh"))).await.unwrap();
        assert_eq!(own.search.name, "Own");
        let names = async |account: &crate::Account| -> Vec<String> {
            let all = database
                .saved_searches(&testing::scope_of(account), account.id)
                .await
                .unwrap();
            all.into_iter().map(|saved| saved.search.name).collect()
        };
        assert_eq!(names(&lan).await, ["Own", "Shared"]);
        assert_eq!(names(&hoa).await, ["Shared"]);
        assert!(names(&mai).await.is_empty());

        // Sharing does not lend it.
        for other in [&hoa, &mai] {
            let changed = database
                .change_search(
                    &testing::scope_of(other),
                    other.into(),
                    other.id,
                    shared.id,
                    &search("X", None),
                    NOW_US,
                )
                .await;
            assert!(matches!(changed, Err(DatabaseError::NotFound)), "{changed:?}");
            let removed = database
                .remove_search(other.into(), other.id, shared.id, NOW_US)
                .await;
            assert!(matches!(removed, Err(DatabaseError::NotFound)));
        }
        let changed = database
            .change_search(
                &testing::scope_of(&lan),
                (&lan).into(),
                lan.id,
                shared.id,
                &search("Mine", None),
                NOW_US + 1,
            )
            .await
            .unwrap();
        assert_eq!(
            (changed.search.organisation, changed.changed_us),
            (None, NOW_US + 1)
        );
        assert!(names(&hoa).await.is_empty());
        database
            .remove_search((&lan).into(), lan.id, own.id, NOW_US)
            .await
            .unwrap();
        assert_eq!(names(&lan).await, ["Mine"]);

        let log = database
            .audit_page(
                &testing::everyone(),
                &crate::audit::log::Filter::default(),
                None,
                10,
            )
            .await
            .unwrap();
        let told: Vec<String> = log
            .iter()
            .rev()
            .map(|content| vonggac_audit::entry::Entry::decode(content).unwrap().action)
            .filter(|action| action.starts_with("search."))
            .collect();
        assert_eq!(
            told,
            ["search.save", "search.save", "search.change", "search.remove"]
        );
    }

    #[tokio::test]
    async fn what_does_not_do_is_refused() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let save = async |new: NewSearch| {
            database
                .save_search(&testing::scope_of(&lan), (&lan).into(), lan.id, &new, NOW_US)
                .await
        };
        save(search("One", None)).await.unwrap();
        assert!(matches!(
            save(search("One", None)).await,
            Err(DatabaseError::Conflict(_))
        ));
        let two = save(search("Two", None)).await.unwrap();
        let renamed = database
            .change_search(
                &testing::scope_of(&lan),
                (&lan).into(),
                lan.id,
                two.id,
                &search("One", None),
                NOW_US,
            )
            .await;
        assert!(matches!(renamed, Err(DatabaseError::Conflict(_))), "{renamed:?}");
        let mut strange = search("Three", None);
        strange.parameters.insert("cookie".into(), "x".into());
        let mut long = search("Four", None);
        long.parameters
            .insert("q".into(), "x".repeat(PARAMETER_BYTES_MAX + 1));
        for new in [
            search("", None),
            search(&"ă".repeat(NAME_CHARS_MAX + 1), None),
            search("Five", Some("mot")),
            search("Six", Some("")),
            strange,
            long,
        ] {
            let refused = save(new.clone()).await;
            assert!(matches!(refused, Err(DatabaseError::Invalid { .. })), "{new:?}");
        }
    }
}
