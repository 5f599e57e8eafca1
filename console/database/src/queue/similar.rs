//! What became of alerts like those on a page: of the same rule, about the same entity. One query for the page.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::{FromRow, Postgres, QueryBuilder};
use vonggac_event::{AlertId, Scope};

use super::push_scope;
use crate::alert::AlertRow;
use crate::{Database, DatabaseError, Result, Verdict};

/// Most alerts looked at for each rule and entity: the latest.
pub const SIMILAR_ALERTS_MAX: i64 = 500;

/// Alerts like one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Similar {
    /// How many others there are.
    pub alerts: i64,
    /// Whether there are more than were looked at.
    pub is_more: bool,
    /// What those closed turned out to be.
    pub verdicts: BTreeMap<&'static str, i64>,
}

#[derive(FromRow)]
struct Row {
    rule_id: String,
    entity: String,
    verdict: Option<String>,
    alerts: i64,
}

/// Whom an alert is about: who began, or else who was met.
pub(super) fn entity(row: &AlertRow) -> Option<&str> {
    row.src.as_deref().or(row.dst.as_deref())
}

impl Database {
    /// For each row the others like it, in the scope; rows about nobody have none.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn similar_alerts(
        &self,
        scope: &Scope,
        rows: &[AlertRow],
    ) -> Result<HashMap<AlertId, Similar>> {
        let pairs: BTreeSet<(&str, &str)> = rows
            .iter()
            .filter_map(|row| Some((row.rule_id.as_str(), entity(row)?)))
            .collect();
        if pairs.is_empty() {
            return Ok(HashMap::new());
        }
        let (rules, entities): (Vec<String>, Vec<String>) = pairs
            .iter()
            .map(|(rule, entity)| ((*rule).to_owned(), (*entity).to_owned()))
            .unzip();
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT p.rule_id, p.entity, s.verdict, count(*) AS alerts FROM unnest(",
        );
        query
            .push_bind(rules)
            .push("::text[], ")
            .push_bind(entities)
            .push(
                "::text[]) AS p(rule_id, entity) CROSS JOIN LATERAL (SELECT a.verdict FROM alert a \
                 WHERE a.rule_id = p.rule_id AND a.entity = p.entity",
            );
        push_scope(&mut query, scope);
        query
            .push(" ORDER BY a.last_us DESC LIMIT ")
            .push_bind(SIMILAR_ALERTS_MAX)
            .push(") AS s GROUP BY p.rule_id, p.entity, s.verdict");
        let mut look = self.look(scope).await?;
        let found: Vec<Row> = query
            .build_query_as()
            .fetch_all(&mut *look)
            .await
            .map_err(DatabaseError::of_list)?;

        let mut of_pair: HashMap<(String, String), Similar> = HashMap::new();
        for row in found {
            let similar = of_pair.entry((row.rule_id, row.entity)).or_default();
            similar.alerts += row.alerts;
            if let Some(verdict) = row.verdict.as_deref().and_then(Verdict::from_name) {
                *similar.verdicts.entry(verdict.name()).or_default() += row.alerts;
            }
        }
        let of_row = |row: &AlertRow| {
            let pair = (row.rule_id.clone(), entity(row)?.to_owned());
            Some((row.id, of_pair.get(&pair)?.without(row)))
        };
        Ok(rows.iter().filter_map(of_row).collect())
    }
}

impl Similar {
    /// The others than `row`.
    fn without(&self, row: &AlertRow) -> Self {
        let is_more = self.alerts >= SIMILAR_ALERTS_MAX;
        let mut others = Self {
            alerts: self.alerts.saturating_sub(1),
            is_more,
            verdicts: self.verdicts.clone(),
        };
        if let Some(own) = row
            .verdict
            .and_then(|verdict| others.verdicts.get_mut(verdict.name()))
        {
            *own = own.saturating_sub(1);
        }
        others.verdicts.retain(|_, alerts| *alerts > 0);
        others
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::queue::Filter;
    use crate::testing::{self, NOW_US, alert};
    use crate::work::Action;

    #[tokio::test]
    async fn each_row_knows_the_others_like_it_and_what_they_were() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let alerts: Vec<_> = (1..=6)
            .map(|number| {
                let mut alert = alert(number, if number == 6 { "mot" } else { "moh" }, 1);
                match number {
                    // About nobody, and about who was met.
                    1 => (alert.src, alert.dst) = (Vec::new(), Vec::new()),
                    2 => alert.src = Vec::new(),
                    _ => alert.src = vec![10, 0, 0, 1],
                }
                alert
            })
            .collect();
        database.take_alerts(&alerts).await.unwrap();
        let scope = testing::scope_of(&lan);
        for (number, verdict) in [(3, Verdict::FalsePositive), (4, Verdict::TruePositive)] {
            let close = Action::Close {
                verdict,
                reason: None,
                note: None,
            };
            database
                .act(&scope, &lan, AlertId(number), &close, NOW_US)
                .await
                .unwrap();
        }
        let page = database
            .list_alerts(&scope, &Filter::default(), Default::default(), None, 9)
            .await
            .unwrap();
        let similar = database.similar_alerts(&scope, &page.rows).await.unwrap();
        let check = |number: u128, alerts: i64, verdicts: &[(&'static str, i64)]| {
            let expect = Similar {
                alerts,
                is_more: false,
                verdicts: verdicts.iter().copied().collect(),
            };
            assert_eq!(similar.get(&AlertId(number)), Some(&expect), "{number}");
        };
        assert_eq!(similar.get(&AlertId(1)), None);
        check(2, 0, &[]);
        check(3, 2, &[("true_positive", 1)]);
        check(5, 2, &[("false_positive", 1), ("true_positive", 1)]);
    }
}
