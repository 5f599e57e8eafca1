//! The story that an alert stands in: what was raised about the same machines around it, and by its rule about the same entity.

use sqlx::{Postgres, QueryBuilder};
use vonggac_event::Scope;

use super::push_scope;
use super::similar::entity;
use crate::alert::{self, AlertRow};
use crate::{Database, DatabaseError, Result};

/// Most alerts that are told: the nearest in time.
pub const RELATED_ALERTS_MAX: usize = 20;
/// How long before and after an alert others are looked for, in microseconds: a day.
pub const AROUND_US: i64 = 24 * 3_600 * 1_000_000;

/// An alert of another's story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The alert.
    pub row: AlertRow,
    /// Whether one of its machines is one of the other's.
    pub is_of_machine: bool,
    /// Whether it is of the same rule, about the same entity.
    pub is_of_rule: bool,
}

/// The story of an alert, the earliest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Story {
    /// Others than the alert itself.
    pub alerts: Vec<Related>,
    /// Whether there are more, further away in time.
    pub is_more: bool,
}

impl Related {
    fn of(row: AlertRow, to: &AlertRow) -> Self {
        let is_of_machine = machines(&row).any(|one| machines(to).any(|other| one == other));
        Self {
            is_of_rule: row.rule_id == to.rule_id && entity(&row) == entity(to),
            is_of_machine,
            row,
        }
    }
}

/// The machines that an alert is about.
fn machines(row: &AlertRow) -> impl Iterator<Item = &str> {
    [&row.src, &row.dst].into_iter().filter_map(|one| one.as_deref())
}

impl Database {
    /// What was raised about the machines of `row` within [`AROUND_US`] of it, in the scope; what exceptions hide is not in it.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn story_of(&self, scope: &Scope, row: &AlertRow) -> Result<Story> {
        if machines(row).next().is_none() {
            return Ok(Story::default());
        }
        let wanted = i64::try_from(RELATED_ALERTS_MAX)
            .unwrap_or(i64::MAX)
            .saturating_add(1);
        // Each part reads an index from the alert's time on, one way or the other, and no further than it must.
        let mut query =
            QueryBuilder::<Postgres>::new("SELECT n.id FROM (SELECT NULL::bytea, 0::bigint WHERE false");
        let sides = [
            (row.detected_us.saturating_sub(AROUND_US), row.detected_us, "DESC"),
            (row.detected_us, row.detected_us.saturating_add(AROUND_US), "ASC"),
        ];
        let places = ["src", "dst"].into_iter();
        for (column, machine) in places.flat_map(|column| machines(row).map(move |one| (column, one))) {
            for (from_us, to_us, order) in sides {
                query
                    .push(" UNION (SELECT a.id, a.detected_us FROM alert a WHERE a.")
                    .push(column)
                    .push(" = ")
                    .push_bind(machine.to_owned())
                    .push(" AND a.detected_us BETWEEN ")
                    .push_bind(from_us)
                    .push(" AND ")
                    .push_bind(to_us)
                    .push(" AND NOT a.is_suppressed AND a.id <> ")
                    .push_bind(row.id.to_bytes().to_vec());
                push_scope(&mut query, scope);
                query
                    .push(" ORDER BY a.detected_us ")
                    .push(order)
                    .push(", a.id ")
                    .push(order)
                    .push(" LIMIT ")
                    .push_bind(wanted)
                    .push(")");
            }
        }
        query
            .push(") AS n(id, detected_us) ORDER BY abs(n.detected_us - ")
            .push_bind(row.detected_us)
            .push("), n.id LIMIT ")
            .push_bind(wanted);
        let mut look = self.look(scope).await?;
        let mut ids: Vec<Vec<u8>> = query
            .build_query_scalar()
            .fetch_all(&mut *look)
            .await
            .map_err(DatabaseError::of_list)?;
        let is_more = ids.len() > RELATED_ALERTS_MAX;
        ids.truncate(RELATED_ALERTS_MAX);
        let rows = alert::by_ids(&mut look, ids).await?;
        let mut alerts: Vec<Related> = rows.into_values().map(|other| Related::of(other, row)).collect();
        alerts.sort_by_key(|related| (related.row.detected_us, related.row.id));
        Ok(Story { alerts, is_more })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vonggac_event::AlertId;

    use super::*;
    use crate::testing::{self, NOW_US, alert};

    const HOUR_US: i64 = 3_600 * 1_000_000;

    fn raised(number: u32, tenant: &str, src: [u8; 4], dst: [u8; 4], hours: i64) -> vonggac_event::Alert {
        let mut alert = alert(number, tenant, 1);
        (alert.src, alert.dst) = (src.to_vec(), dst.to_vec());
        alert.detected_us = NOW_US + hours * HOUR_US;
        alert
    }

    #[tokio::test]
    async fn the_story_of_an_alert_is_what_its_machines_raised_within_a_day() {
        let Some(database) = testing::database().await else {
            return;
        };
        let (victim, server, other) = ([10, 0, 0, 7], [192, 0, 2, 1], [10, 0, 0, 9]);
        let mut another_rule = raised(4, "moh", server, other, -3);
        if let Some(rule) = &mut another_rule.rule {
            rule.id = "another".into();
        }
        let alerts = [
            raised(1, "moh", victim, server, 0),
            // By the same rule about the same entity.
            raised(2, "moh", victim, other, -2),
            // The machine that was met is who begins.
            another_rule,
            raised(5, "moh", other, victim, 23),
            // Too long before, of nobody of them, and another organisation's.
            raised(6, "moh", victim, server, -25),
            raised(7, "moh", other, other, 1),
            raised(8, "mot", victim, server, 1),
        ];
        database.take_alerts(&alerts).await.unwrap();
        let scope = Scope::of(["moh"]);
        let of = database.alert(&scope, AlertId(1)).await.unwrap();
        let story = database.story_of(&scope, &of).await.unwrap();
        let told: Vec<(u128, bool, bool)> = story
            .alerts
            .iter()
            .map(|one| (one.row.id.0, one.is_of_machine, one.is_of_rule))
            .collect();
        assert_eq!(told, [(4, true, false), (2, true, true), (5, true, false)]);
        assert!(!story.is_more);
    }

    #[tokio::test]
    async fn of_many_the_nearest_are_told() {
        let Some(database) = testing::database().await else {
            return;
        };
        let alerts: Vec<_> = (0..30)
            .map(|number| {
                raised(
                    number + 1,
                    "moh",
                    [10, 0, 0, 7],
                    [192, 0, 2, 1],
                    i64::from(number) - 15,
                )
            })
            .collect();
        database.take_alerts(&alerts).await.unwrap();
        let scope = Scope::of(["moh"]);
        let of = database.alert(&scope, AlertId(16)).await.unwrap();
        let story = database.story_of(&scope, &of).await.unwrap();
        let told: Vec<u128> = story.alerts.iter().map(|one| one.row.id.0).collect();
        let nearest: Vec<u128> = (6..=26).filter(|number| *number != 16).collect();
        assert_eq!((told, story.is_more), (nearest, true));
    }
}
