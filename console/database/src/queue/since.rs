//! What has changed in the queue since somebody was last here.

use sqlx::{Postgres, QueryBuilder};
use vonggac_event::Scope;

use super::{Filter, push_conditions};
use crate::{Database, DatabaseError, Result};

/// How many alerts have changed since a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Those that came since.
    pub new: i64,
    /// Those that were there, and were seen again or worked on.
    pub others: i64,
}

impl Database {
    /// How many alerts have changed since `from_us`, closed or not, set aside or not.
    ///
    /// # Errors
    /// [`DatabaseError::TooExpensive`] when it takes too long, and when PostgreSQL fails.
    pub async fn changed_since(&self, scope: &Scope, from_us: i64) -> Result<Changed> {
        let filter = Filter {
            changed_from_us: Some(from_us),
            ..Filter::default()
        };
        let mut query = QueryBuilder::<Postgres>::new("SELECT count(*) FILTER (WHERE a.arrived_us >= ");
        query.push_bind(from_us);
        query.push("), count(*) FILTER (WHERE a.arrived_us < ");
        query.push_bind(from_us).push(") FROM alert a");
        push_conditions(&mut query, scope, &filter);
        let mut look = self.look(scope).await?;
        let (new, others) = query
            .build_query_as()
            .fetch_one(&mut *look)
            .await
            .map_err(DatabaseError::of_list)?;
        Ok(Changed { new, others })
    }
}

/// That the alert `a` came, was seen again or was worked on then or later: each by an index of its own.
pub(super) fn push_changed(query: &mut QueryBuilder<Postgres>, from_us: i64) {
    query.push(" AND (a.arrived_us >= ").push_bind(from_us);
    query.push(" OR a.last_us >= ").push_bind(from_us);
    query.push(" OR a.id = ANY(ARRAY(SELECT DISTINCT y.alert_id FROM activity y WHERE y.at_us >= ");
    query.push_bind(from_us).push(")))");
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vonggac_event::AlertId;

    use super::*;
    use crate::queue::Sort;
    use crate::testing::{self, alert, everyone};
    use crate::work::Action;

    #[tokio::test]
    async fn what_came_was_seen_again_or_worked_on_has_changed() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "*").await;
        let old = [
            alert(1, "moh", 1),
            alert(2, "moh", 1),
            alert(3, "mot", 1),
            alert(4, "moh", 1),
        ];
        database.take_alerts(&old).await.unwrap();
        // PostgreSQL's clock says when rows come.
        let from_us = database.latest_arrival(&everyone()).await.unwrap() + 1;
        let check = async |scope: &Scope, new: i64, others: i64, ids: &[u128]| {
            let changed = database.changed_since(scope, from_us).await.unwrap();
            assert_eq!(changed, Changed { new, others });
            let filter = Filter {
                changed_from_us: Some(from_us),
                ..Filter::default()
            };
            let page = database
                .list_alerts(scope, &filter, Sort::default(), None, 100)
                .await
                .unwrap();
            let mut listed: Vec<u128> = page.rows.iter().map(|row| row.id.0).collect();
            listed.sort_unstable();
            assert_eq!(listed, ids);
        };
        check(&everyone(), 0, 0, &[]).await;
        database.take_alerts(&[alert(5, "moh", 1)]).await.unwrap();
        let mut again = alert(2, "moh", 2);
        again.last_us = from_us + 1;
        database.take_alerts(&[again]).await.unwrap();
        let comment = Action::Comment { text: "hm".into() };
        database
            .act(&everyone(), &lan, AlertId(3), &comment, from_us)
            .await
            .unwrap();
        check(&everyone(), 1, 2, &[2, 3, 5]).await;
        check(&Scope::of(["moh"]), 1, 1, &[2, 5]).await;
        check(&Scope::of(["moh-it"]), 0, 0, &[]).await;
    }
}
