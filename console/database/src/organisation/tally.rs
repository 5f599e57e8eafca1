//! What there is at organisations, and of which codes there is something although nobody has entered them.

use sqlx::FromRow;
use vonggac_access::{Day, Role, policy};
use vonggac_event::Scope;

use crate::{Database, DatabaseError, Result};

/// Most alerts that are counted of a code that nobody has entered.
pub const STRANGER_ALERTS_MAX: i64 = 1_000;

/// Roles that count or will, those that wait for a second person too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub struct Roles {
    /// All.
    pub all: i64,
    /// Those of them that take a second person.
    pub takes_two: i64,
}

/// A code that alerts carry and nobody has entered.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Stranger {
    /// The code, as the alerts have it; may be one that no organisation can have.
    pub code: String,
    /// How many alerts, up to [`STRANGER_ALERTS_MAX`].
    pub alerts: i64,
}

impl Database {
    /// How many accounts that are not disabled belong to organisations of the scope.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn count_accounts(&self, scope: &Scope) -> Result<i64> {
        let count = sqlx::query_scalar(
            "SELECT count(*) FROM account WHERE organisation = ANY($1) AND disabled_us IS NULL",
        );
        let mut look = self.look(scope).await?;
        Ok(count.bind(scope.to_codes()).fetch_one(&mut *look).await?)
    }

    /// How many roles there are at organisations of the scope that are not over.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn count_roles(&self, scope: &Scope, now_us: i64) -> Result<Roles> {
        let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
        let two = Role::ALL
            .into_iter()
            .filter(|role| policy::needs_second_person(*role));
        let roles = sqlx::query_as(
            "SELECT count(*) AS \"all\", count(*) FILTER (WHERE role = ANY($3)) AS takes_two FROM membership \
             WHERE organisation = ANY($1) AND (valid_until IS NULL OR valid_until > greatest(valid_from, $2::date))",
        )
        .bind(scope.to_codes())
        .bind(day.to_string())
        .bind(two.map(Role::name).collect::<Vec<_>>());
        let mut look = self.look(scope).await?;
        Ok(roles.fetch_one(&mut *look).await?)
    }

    /// The codes of which alerts are kept and which nobody has entered, in their order, `max` at most. It steps through the index from one code to the next.
    ///
    /// # Errors
    /// When PostgreSQL fails, or it takes too long.
    pub async fn strangers(&self, max: u32) -> Result<Vec<Stranger>> {
        let strangers = sqlx::query_as(
            "WITH RECURSIVE found (code) AS ( \
                 (SELECT tenant FROM alert ORDER BY tenant LIMIT 1) \
                 UNION ALL SELECT (SELECT tenant FROM alert WHERE tenant > found.code ORDER BY tenant LIMIT 1) \
                 FROM found WHERE found.code IS NOT NULL) \
             SELECT code, (SELECT count(*) FROM (SELECT FROM alert WHERE tenant = found.code LIMIT $2) counted) AS alerts \
             FROM found WHERE code IS NOT NULL AND NOT EXISTS (SELECT FROM organisation o WHERE o.code = found.code) LIMIT $1",
        )
        .bind(i64::from(max))
        .bind(STRANGER_ALERTS_MAX)
        .fetch_all(&self.pool);
        strangers.await.map_err(DatabaseError::of_list)
    }
}

#[cfg(test)]
mod tests {
    use vonggac_access::Role;

    use super::*;
    use crate::testing::{self, NOW_US, alert, member};

    #[tokio::test]
    async fn codes_that_nobody_has_entered_are_told_with_their_alerts() {
        let Some(database) = testing::database().await else {
            return;
        };
        assert_eq!(database.strangers(10).await.unwrap(), []);
        let alerts = [
            alert(1, "moh", 1),
            alert(2, "zz-new", 1),
            alert(3, "aa-new", 1),
            alert(4, "zz-new", 1),
            alert(5, "No Code", 1),
        ];
        database.take_alerts(&alerts).await.unwrap();
        let mut found = database.strangers(10).await.unwrap();
        found.sort_by(|a, b| a.code.cmp(&b.code));
        let found: Vec<(&str, i64)> = found.iter().map(|one| (one.code.as_str(), one.alerts)).collect();
        assert_eq!(found, [("No Code", 1), ("aa-new", 1), ("zz-new", 2)]);
        assert_eq!(database.strangers(1).await.unwrap().len(), 1, "bounded");
    }

    #[tokio::test]
    async fn what_is_at_an_organisation_is_counted_within_the_scope_alone() {
        let Some(database) = testing::database().await else {
            return;
        };
        member(
            &database,
            "lan",
            "moh",
            &[Role::Analyst, Role::OrganisationManager],
        )
        .await;
        let shut = member(&database, "shut", "moh", &[]).await;
        member(&database, "mai", "mot", &[Role::Analyst]).await;
        let by = member(&database, "boss", "vn", &[Role::OrganisationManager]).await;
        let asker = crate::audit::Asker::from(&by);
        database.disable_account(&asker, shut.id, NOW_US).await.unwrap();
        let scope = Scope::of(["moh", "moh-it"]);
        assert_eq!(database.count_accounts(&scope).await.unwrap(), 1);
        let roles = database.count_roles(&scope, NOW_US).await.unwrap();
        assert_eq!(roles, Roles { all: 2, takes_two: 1 });
        let nobody = Scope::default();
        assert_eq!(database.count_accounts(&nobody).await.unwrap(), 0);
        assert_eq!(
            database.count_roles(&nobody, NOW_US).await.unwrap(),
            Roles::default()
        );
    }
}
