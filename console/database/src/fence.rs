//! The second fence: within a scope, PostgreSQL itself shows and takes nothing of anybody else's.
//!
//! ```text
//!  a scope ─▶ BEGIN; SET LOCAL vonggac.reach = 'moh,moh-it' ─▶ statements ─▶ the transaction ends, and the reach with it
//! ```
//! A scope within an exercise says `vonggac.stage = '7'` too: of `alert` it then shows that exercise alone, and of the other tables nothing;
//! without it, no alert of any exercise.
//!
//! The first fence are the statements, which each name the codes they are about. Should one forget to, the policies of migration 0098 hold:
//! of `alert`, `sensor`, `handover`, `watch_item` and `audit_entry`, rows of codes that are not in `vonggac.reach` are not there. The
//! console's own duties, such as taking alerts in, reach everything by the word `*`, which every connection starts with; so whatever has a
//! [`Scope`] asks by [`Database::look`] or [`Database::change`], and a tidy test refuses a function that has one and takes the pool.
//!
//! Superusers pass by every policy: [`Database::has_fence`] says so.

use sqlx::{AssertSqlSafe, Postgres, Transaction};
use vonggac_access::OrganisationId;
use vonggac_event::{Scope, Stage};

use crate::{Database, Result};

/// What connections start with: the reach of the console's own duties.
pub(crate) const OWN_DUTIES: (&str, &str) = ("vonggac.reach", "*");

/// A transaction that ends at the edge of a scope.
pub(crate) type Within = Transaction<'static, Postgres>;

/// The scope as the policies read it. What is no code reaches nothing; the empty one stands for what nobody with an account did.
fn reach(scope: &Scope) -> String {
    let is_code = |code: &&str| code.is_empty() || code.parse::<OrganisationId>().is_ok();
    let codes: Vec<&str> = scope.codes().filter(is_code).collect();
    codes.join(",")
}

impl Database {
    /// Begins to read within a scope.
    pub(crate) async fn look(&self, scope: &Scope) -> Result<Within> {
        self.within(scope, "BEGIN READ ONLY").await
    }

    /// Begins to read within a scope, everything as of one moment.
    pub(crate) async fn look_once(&self, scope: &Scope) -> Result<Within> {
        self.within(scope, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .await
    }

    /// Begins to change within a scope.
    pub(crate) async fn change(&self, scope: &Scope) -> Result<Within> {
        self.within(scope, "BEGIN").await
    }

    // Both in one message, since each request pays for it. SET takes no parameters; codes have no quotes.
    async fn within(&self, scope: &Scope, begin: &str) -> Result<Within> {
        let mut statement = format!("{begin}; SET LOCAL vonggac.reach = '{}'", reach(scope));
        if let Stage::Exercise(number) = scope.stage() {
            statement.push_str(&format!("; SET LOCAL vonggac.stage = '{number}'"));
        }
        Ok(self.pool.begin_with(AssertSqlSafe(statement)).await?)
    }

    /// Whether the second fence stands: not for a superuser, nor for who may pass by row-level security.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn has_fence(&self) -> Result<bool> {
        let passes = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
        let passes: bool = sqlx::query_scalar(passes).fetch_one(&self.pool).await?;
        Ok(!passes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn what_is_no_code_reaches_nothing() {
        let odd = Scope::of(["moh", "*", "mo,t", "x'; DROP TABLE alert; --", "moh-it", "Mot"]);
        assert_eq!(reach(&odd), "moh,moh-it");
        assert_eq!(reach(&Scope::default()), "");
        assert_eq!(reach(&Scope::of(["", "vn"])), ",vn");
    }

    /// Statements that name no codes, as one that forgot to would be.
    const FORGETFUL: [&str; 5] = [
        "SELECT tenant FROM alert ORDER BY 1",
        "SELECT organisation FROM sensor ORDER BY 1",
        "SELECT organisation FROM handover ORDER BY 1",
        "SELECT organisation FROM watch_item ORDER BY 1",
        "SELECT DISTINCT organisation FROM audit_entry WHERE action = 'watch.add' ORDER BY 1",
    ];

    /// Something of `moh` and of `mot` in each table.
    async fn fill(database: &Database) {
        for (number, code) in [(1, "moh"), (2, "mot")] {
            let alert = testing::alert(number, code, 1);
            database.take_alerts(&[alert]).await.unwrap();
            let lead = testing::account(database, &format!("lead-{code}"), code).await;
            let scope = Scope::of([code]);
            let thing = crate::watch::NewWatched::Thing {
                organisation: code.into(),
                kind: "address".into(),
                value: "192.0.2.1".into(),
            };
            database
                .watch(&scope, (&lead).into(), &thing, "", testing::NOW_US)
                .await
                .unwrap();
            database
                .begin_handover((&lead).into(), &code.parse().unwrap(), testing::NOW_US)
                .await
                .unwrap();
            let sensor = crate::sensor::NewSensor {
                organisation: code.parse().unwrap(),
                name: "tap".into(),
                note: String::new(),
                stage: Stage::Live,
            };
            database
                .prepare_sensor(&(&lead).into(), &sensor, testing::NOW_US)
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn a_statement_that_forgets_whose_it_is_finds_only_its_scope() {
        let Some(database) = testing::database().await else {
            return;
        };
        assert!(database.has_fence().await.unwrap());
        fill(&database).await;
        for statement in FORGETFUL {
            for (scope, expect) in [
                (Scope::of(["moh"]), vec!["moh"]),
                (Scope::of(["mot", "moh-it"]), vec!["mot"]),
                (Scope::of(["moh", "mot"]), vec!["moh", "mot"]),
                (Scope::default(), vec![]),
                (Scope::of(["*"]), vec![]),
            ] {
                let mut look = database.look(&scope).await.unwrap();
                let seen: Vec<String> = sqlx::query_scalar(statement).fetch_all(&mut *look).await.unwrap();
                assert_eq!(seen, expect, "{statement} within {scope:?}");
            }
        }
    }

    #[tokio::test]
    async fn within_an_exercise_there_is_nothing_of_real_work() {
        let Some(database) = testing::database().await else {
            return;
        };
        fill(&database).await;
        let drilled = vonggac_event::Alert {
            exercise_id: 7,
            ..testing::alert(9, "moh", 1)
        };
        database.take_alerts(&[drilled]).await.unwrap();
        let moh = Scope::of(["moh"]);
        for statement in FORGETFUL {
            let seen = async |scope: &Scope| -> Vec<String> {
                let mut look = database.look(scope).await.unwrap();
                sqlx::query_scalar(statement).fetch_all(&mut *look).await.unwrap()
            };
            let expect = if statement.contains("FROM alert") {
                vec!["moh"]
            } else {
                vec![]
            };
            assert_eq!(seen(&moh.clone().on(Stage::of(7))).await, expect, "{statement}");
            assert_eq!(seen(&moh.clone().on(Stage::of(8))).await, [""; 0], "{statement}");
            assert_eq!(seen(&moh).await, ["moh"], "{statement}");
        }
        let mut change = database.change(&moh.on(Stage::of(7))).await.unwrap();
        let refused = sqlx::query("UPDATE alert SET exercise_id = 0")
            .execute(&mut *change)
            .await;
        assert!(refused.unwrap_err().to_string().contains("row-level security"));
    }

    #[tokio::test]
    async fn nothing_of_others_is_changed_removed_or_made_in_their_name() {
        let Some(database) = testing::database().await else {
            return;
        };
        fill(&database).await;
        let moh = Scope::of(["moh"]);
        for statement in [
            "UPDATE alert SET summary = 'x' WHERE tenant = 'mot'",
            "DELETE FROM watch_item WHERE organisation = 'mot'",
            "UPDATE handover SET note = 'x' WHERE organisation = 'mot'",
            "UPDATE sensor SET note = 'x' WHERE organisation = 'mot'",
        ] {
            let mut change = database.change(&moh).await.unwrap();
            let done = sqlx::query(statement).execute(&mut *change).await.unwrap();
            assert_eq!(done.rows_affected(), 0, "{statement}");
        }
        for statement in [
            "UPDATE alert SET tenant = 'mot'",
            "UPDATE watch_item SET organisation = 'mot'",
            "INSERT INTO watch_item (organisation, kind, value, note, added_by, added_us) SELECT 'mot', 'address', 'y', '', id, 0 FROM account LIMIT 1",
        ] {
            let mut change = database.change(&moh).await.unwrap();
            let refused = sqlx::query(statement).execute(&mut *change).await.unwrap_err();
            assert!(refused.to_string().contains("row-level security"), "{refused}");
        }
    }

    #[tokio::test]
    async fn the_reach_ends_with_its_transaction_and_a_connection_without_one_finds_nothing() {
        let Some(database) = testing::database().await else {
            return;
        };
        fill(&database).await;
        let count = "SELECT count(*) FROM alert";
        let mut connection = database.pool.acquire().await.unwrap();
        let all: i64 = sqlx::query_scalar(count)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        assert_eq!(all, 2);
        drop(connection);
        for _ in 0..20 {
            drop(database.look(&Scope::of(["moh"])).await.unwrap());
            let all: i64 = sqlx::query_scalar(count).fetch_one(&database.pool).await.unwrap();
            assert_eq!(all, 2);
        }
        let mut connection = database.pool.acquire().await.unwrap();
        sqlx::query("SET vonggac.reach = ''")
            .execute(&mut *connection)
            .await
            .unwrap();
        let none: i64 = sqlx::query_scalar(count)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        assert_eq!(none, 0);
        connection.close().await.unwrap();
    }
}
