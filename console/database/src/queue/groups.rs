//! The queue in groups, and the tags that alerts have.

use sqlx::{FromRow, Postgres, QueryBuilder};
use vonggac_event::{Scope, Severity};

use super::{Filter, push_conditions, push_scope};
use crate::{Database, DatabaseError, Result};

/// Most groups in a list.
pub const GROUPS_MAX: usize = 200;
/// Most tags in a list.
pub const TAGS_LISTED_MAX: i64 = 200;
/// How many of the latest alerts with tags are looked through.
const TAGGED_ALERTS_MAX: i64 = 10_000;

/// What alerts of a group share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The rule.
    Rule,
    /// The side that opened the flow.
    Source,
    /// The other side.
    Destination,
    /// The ATT&CK technique; sub-techniques are with theirs, and an alert may be in several groups.
    Technique,
}

impl GroupBy {
    /// `rule`, `src`, `dst`, `technique`: as the filter that shows one group is called.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "rule" => Some(Self::Rule),
            "src" => Some(Self::Source),
            "dst" => Some(Self::Destination),
            "technique" => Some(Self::Technique),
            _ => None,
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Rule => "a.rule_id",
            Self::Source => "a.src",
            Self::Destination => "a.dst",
            Self::Technique => "t.id",
        }
    }
}

/// Alerts that share something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they share.
    pub key: String,
    /// Title of the rule, where they have one rule.
    pub title: Option<String>,
    /// That title in Vietnamese, where the rule says it.
    pub title_vi: Option<String>,
    /// How many.
    pub alerts: i64,
    /// Of them, those that nobody works on.
    pub open: i64,
    /// How many rules they are of.
    pub rules: i64,
    /// The most urgent.
    pub severity: Severity,
    /// Time of the last event.
    pub last_us: i64,
}

#[derive(FromRow)]
struct RawGroup {
    key: String,
    title: String,
    title_vi: Option<String>,
    alerts: i64,
    open: i64,
    rules: i64,
    severity: i16,
    last_us: i64,
}

impl From<RawGroup> for Group {
    fn from(raw: RawGroup) -> Self {
        Self {
            key: raw.key,
            title: (raw.rules == 1).then_some(raw.title),
            title_vi: raw.title_vi.filter(|_| raw.rules == 1),
            alerts: raw.alerts,
            open: raw.open,
            rules: raw.rules,
            severity: Severity::try_from(i32::from(raw.severity)).unwrap_or_default(),
            last_us: raw.last_us,
        }
    }
}

/// A tag, and how many of the latest alerts have it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TagCount {
    /// The tag.
    pub tag: String,
    /// How many.
    pub alerts: i64,
}

impl Database {
    /// The alerts in groups, the largest first, and whether there are more than [`GROUPS_MAX`].
    ///
    /// # Errors
    /// When PostgreSQL fails, or it takes too long.
    pub async fn group_alerts(
        &self,
        scope: &Scope,
        filter: &Filter,
        by: GroupBy,
    ) -> Result<(Vec<Group>, bool)> {
        let key = by.key();
        let mut query = QueryBuilder::<Postgres>::new(format!(
            "SELECT {key} AS key, max(a.rule_title) AS title, max(a.rule_title_vi) AS title_vi, count(*) AS alerts, \
             count(*) FILTER (WHERE a.status = 'open') AS open, count(DISTINCT a.rule_id) AS rules, \
             max(a.severity) AS severity, max(a.last_us) AS last_us FROM alert a"
        ));
        if by == GroupBy::Technique {
            query.push(
                " CROSS JOIN LATERAL (SELECT DISTINCT upper(split_part(u.id, '.', 1)) FROM unnest(a.techniques) AS u(id)) AS t(id)",
            );
        }
        push_conditions(&mut query, scope, filter);
        query.push(format_args!(
            " AND {key} IS NOT NULL GROUP BY {key} ORDER BY count(*) DESC, {key} LIMIT {}",
            GROUPS_MAX + 1
        ));
        let mut look = self.look(scope).await?;
        let raw: Vec<RawGroup> = query
            .build_query_as()
            .fetch_all(&mut *look)
            .await
            .map_err(DatabaseError::of_list)?;
        let is_more = raw.len() > GROUPS_MAX;
        let groups = raw.into_iter().take(GROUPS_MAX).map(Group::from).collect();
        Ok((groups, is_more))
    }

    /// The tags of the latest alerts that have some, the most frequent first.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn alert_tags(&self, scope: &Scope) -> Result<Vec<TagCount>> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT t.tag, count(*) AS alerts FROM (SELECT a.tags FROM alert a WHERE a.tags <> '{}'",
        );
        push_scope(&mut query, scope);
        query.push(format_args!(
            " ORDER BY a.last_us DESC LIMIT {TAGGED_ALERTS_MAX}) AS x CROSS JOIN LATERAL unnest(x.tags) AS t(tag) \
             GROUP BY t.tag ORDER BY count(*) DESC, t.tag LIMIT {TAGS_LISTED_MAX}"
        ));
        let mut look = self.look(scope).await?;
        query
            .build_query_as()
            .fetch_all(&mut *look)
            .await
            .map_err(DatabaseError::of_list)
    }

    /// When the next of the alerts that are set aside comes back by time.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn next_waking(&self, scope: &Scope, now_us: i64) -> Result<Option<i64>> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT a.snoozed_until_us FROM alert a WHERE a.snoozed_until_us > ",
        );
        query.push_bind(now_us);
        push_scope(&mut query, scope);
        query.push(" ORDER BY a.snoozed_until_us LIMIT 1");
        let mut look = self.look(scope).await?;
        query
            .build_query_scalar()
            .fetch_optional(&mut *look)
            .await
            .map_err(DatabaseError::of_list)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_US, alert};
    use crate::work::{Action, Selection};

    #[tokio::test]
    async fn a_group_has_as_many_alerts_as_its_filter_shows() {
        let Some(database) = testing::database().await else {
            return;
        };
        let mut alerts: Vec<_> = (1..=6).map(|number| alert(number, "moh", 1)).collect();
        for alert in alerts.iter_mut().skip(3) {
            let rule = alert.rule.as_mut().unwrap();
            (rule.id, rule.title) = ("scan".into(), "Scan".into());
            rule.techniques = vec!["T1046".into(), "t1110.003".into(), "T1110".into()];
            alert.src = vec![10, 0, 0, 1];
        }
        database.take_alerts(&alerts).await.unwrap();
        database.take_alerts(&[alert(7, "mot", 1)]).await.unwrap();
        let scope = Scope::of(["moh"]);
        for (by, expect) in [
            ("rule", vec![("guessing", 3, 1), ("scan", 3, 1)]),
            (
                "src",
                vec![("10.0.0.1", 4, 2), ("10.0.0.2", 1, 1), ("10.0.0.3", 1, 1)],
            ),
            ("dst", vec![("192.0.2.1", 6, 2)]),
            ("technique", vec![("T1110", 6, 2), ("T1046", 3, 1)]),
        ] {
            let (groups, is_more) = database
                .group_alerts(&scope, &Filter::default(), GroupBy::from_name(by).unwrap())
                .await
                .unwrap();
            let told: Vec<_> = groups
                .iter()
                .map(|group| (group.key.as_str(), group.alerts, group.rules))
                .collect();
            assert_eq!((told, is_more), (expect, false), "{by}");
            for group in groups {
                let key = Some(group.key);
                let mut filter = Filter::default();
                match by {
                    "rule" => filter.rule = key,
                    "src" => filter.src = key,
                    "dst" => filter.dst = key,
                    _ => filter.technique = key,
                }
                let page = database
                    .list_alerts(&scope, &filter, Default::default(), None, 9)
                    .await;
                assert_eq!(page.unwrap().total.count, group.alerts, "{filter:?}");
            }
        }
    }

    #[tokio::test]
    async fn tags_of_ones_own_alerts_are_known_and_so_is_who_comes_back_next() {
        let Some(database) = testing::database().await else {
            return;
        };
        let national = testing::account(&database, "an", "*").await;
        database
            .take_alerts(&[alert(1, "moh", 1), alert(2, "mot", 1), alert(3, "moh", 1)])
            .await
            .unwrap();
        let all = Selection::Matching(Box::default());
        let mark = |tag: &str| Action::Tag {
            add: vec![tag.to_owned()],
            remove: Vec::new(),
        };
        let act = async |selection: &Selection, action: &Action| {
            database
                .act_on_many(&testing::everyone(), &national, selection, action, NOW_US)
                .await
                .unwrap()
        };
        act(&all, &mark("vpn")).await;
        let mot = Selection::Ids(vec![vonggac_event::AlertId(2)]);
        act(&mot, &mark("secret")).await;
        let aside = Action::Snooze {
            until: crate::Snooze::Until { us: NOW_US + 5 },
            note: None,
        };
        act(&mot, &aside).await;
        let scope = Scope::of(["moh"]);
        let tags = database.alert_tags(&scope).await.unwrap();
        let vpn = TagCount {
            tag: "vpn".into(),
            alerts: 2,
        };
        assert_eq!(tags, [vpn]);
        assert_eq!(database.next_waking(&scope, NOW_US).await.unwrap(), None);
        let next = database.next_waking(&testing::everyone(), NOW_US).await.unwrap();
        assert_eq!(next, Some(NOW_US + 5));
        assert_eq!(
            database
                .next_waking(&testing::everyone(), NOW_US + 5)
                .await
                .unwrap(),
            None
        );
    }
}
