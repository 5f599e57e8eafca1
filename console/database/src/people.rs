//! Who may be given alerts: those who see them.

use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_event::Scope;

use crate::alert::Person;
use crate::{AccountId, Database, DatabaseError, Result, clean, like_literal};

/// Most people in a list.
pub const PEOPLE_MAX: i64 = 50;

/// Whether the account `p` sees what belongs to the tenant that `$tenant`, an expression of SQL, gives.
pub(crate) fn push_sees(query: &mut QueryBuilder<Postgres>, tenant: &str) {
    query.push(format_args!("(p.tenant IN ('', '*') OR p.tenant = {tenant})"));
}

#[derive(FromRow)]
struct RawPerson {
    id: i64,
    display_name: String,
}

impl From<RawPerson> for Person {
    fn from(raw: RawPerson) -> Self {
        Self {
            id: AccountId(raw.id),
            display_name: raw.display_name,
        }
    }
}

fn select(scope: &Scope) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT p.id, p.display_name FROM account p WHERE true");
    if let Some(tenant) = scope.tenant() {
        query
            .push(" AND (p.tenant IN ('', '*') OR p.tenant = ")
            .push_bind(tenant.to_owned());
        query.push(")");
    }
    query
}

impl Database {
    /// Those who see something of the scope, by name, at most [`PEOPLE_MAX`]; `text` is part of their name.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn people(&self, scope: &Scope, text: &str) -> Result<Vec<Person>> {
        let mut query = select(scope);
        if !text.trim().is_empty() {
            query
                .push(" AND (p.display_name || ' ' || p.user_name) ILIKE ")
                .push_bind(format!("%{}%", like_literal(&clean(text.trim()))));
        }
        query
            .push(" ORDER BY lower(p.display_name), p.id LIMIT ")
            .push_bind(PEOPLE_MAX);
        let raw: Vec<RawPerson> = query.build_query_as().fetch_all(&self.pool).await?;
        Ok(raw.into_iter().map(Person::from).collect())
    }
}

/// One of them.
pub(crate) async fn person(connection: &mut PgConnection, scope: &Scope, id: AccountId) -> Result<Person> {
    let mut query = select(scope);
    query.push(" AND p.id = ").push_bind(id.0);
    let raw: Option<RawPerson> = query.build_query_as().fetch_optional(connection).await?;
    raw.map(Person::from).ok_or(DatabaseError::Invalid {
        field: "assignee",
        problem: "is nobody who may see the alerts",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn those_who_see_something_of_the_scope_are_found_and_nobody_else() {
        let Some(database) = testing::database().await else {
            return;
        };
        for (name, tenant) in [("lan", "moh"), ("minh", "mot"), ("an", "*")] {
            testing::account(&database, name, tenant).await;
        }
        let check = async |scope: &Scope, text: &str, expect: &[&str]| {
            let found = database.people(scope, text).await.unwrap();
            let names: Vec<_> = found.iter().map(|one| one.display_name.as_str()).collect();
            assert_eq!(names, expect, "{scope:?} {text}");
        };
        let moh = testing::account(&database, "hoa", "moh").await.scope();
        check(&moh, "", &["an", "hoa", "lan"]).await;
        check(&moh, "LA", &["lan"]).await;
        check(&moh, "minh", &[]).await;
        check(&moh, "%", &[]).await;
        check(&Scope::of_tenant("*"), "", &["an", "hoa", "lan", "minh"]).await;
    }
}
