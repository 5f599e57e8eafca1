//! The queue in groups, and tags, as they go over the wire.

use serde::Serialize;
use utoipa::ToSchema;
use vonggac_database as database;

use super::Severity;
use crate::time;

/// The queue in groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertGroups {
    pub(crate) items: Vec<AlertGroup>,
    /// Whether there are more.
    pub(crate) is_more: bool,
    /// What came later was not looked at.
    #[schema(format = DateTime)]
    pub(crate) seen_at: String,
}

/// Alerts that share something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertGroup {
    /// What they share: the value of the filter that shows them.
    pub(crate) key: String,
    /// Title of the rule, where they have one rule.
    #[schema(required)]
    pub(crate) title: Option<String>,
    /// That title in Vietnamese, where the rule says it.
    #[schema(required)]
    pub(crate) title_vi: Option<String>,
    #[schema(minimum = 0)]
    pub(crate) alerts: i64,
    /// Of them, those that nobody works on.
    #[schema(minimum = 0)]
    pub(crate) open: i64,
    /// How many rules they are of.
    #[schema(minimum = 0)]
    pub(crate) rules: i64,
    /// The most urgent.
    pub(crate) severity: Severity,
    #[schema(format = DateTime)]
    pub(crate) last_seen: String,
}

/// Tags.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagList {
    pub(crate) items: Vec<TagCount>,
}

/// A tag, and how many of the latest alerts have it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TagCount {
    pub(crate) tag: String,
    #[schema(minimum = 0)]
    pub(crate) alerts: i64,
}

impl From<database::queue::groups::Group> for AlertGroup {
    fn from(group: database::queue::groups::Group) -> Self {
        Self {
            key: group.key,
            title: group.title,
            title_vi: group.title_vi,
            alerts: group.alerts,
            open: group.open,
            rules: group.rules,
            severity: group.severity.into(),
            last_seen: time::to_text(group.last_us),
        }
    }
}
