//! The alert queue.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vonggac_access::{action, thing};
use vonggac_database::audit::Deed;
use vonggac_database::exception::offered;
use vonggac_database::queue::Sort;
use vonggac_database::queue::groups::GroupBy;
use vonggac_database::{AlertRow, DatabaseError};
use vonggac_event::{AlertId, EventId, Scope};

use super::exceptions::{self, Condition};
use super::filter::{AlertFilter, time_us};
use super::shapes::{
    Activity, Alert, AlertCounts, AlertDetail, AlertGroup, AlertGroups, AlertPage, TagCount, TagList,
    some_text,
};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{AlertPath, InSession, Parameters, Signed, Staged};
use crate::state::Console;
use crate::time;

/// Alerts on a page when the request does not say.
const PAGE_ROWS: u32 = 100;

/// Which page of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// `last_seen`, `first_seen`, `detected_at`, `severity` or `count`; with `-` in front, the largest first; `-last_seen` when left out
    sort: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
    /// Most alerts, up to 500
    limit: Option<u32>,
}

/// In which groups.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct GroupQuery {
    /// `rule`, `src`, `dst` or `technique`: the filter by which one group is shown
    by: String,
}

/// When.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SpanQuery {
    /// Then or later
    #[param(format = DateTime)]
    from: Option<String>,
    /// Before
    #[param(format = DateTime)]
    to: Option<String>,
}

/// The queue
#[utoipa::path(get, path = "/api/v1/alerts", operation_id = "listAlerts", tag = "alerts", params(AlertFilter, PageQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "A page of alerts", body = AlertPage),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 422, description = "The search would cost too much", body = ApiError)))]
pub(super) async fn list_alerts(
    State(console): State<Console>,
    Staged(signed): Staged,
    Parameters(filter): Parameters<AlertFilter>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<AlertPage>> {
    let filter = filter.read(&signed, &console)?;
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let sort = given(&query.sort).map_or(Ok(Sort::default()), |text| text.parse())?;
    let cursor = given(&query.cursor).map(|text| text.parse()).transpose()?;
    let rows_max = query.limit.unwrap_or(PAGE_ROWS);
    let scope = signed.reach::<thing::Alert, action::Read>(&console).await?;
    let database = console.database();
    let page = database
        .list_alerts(&scope, &filter, sort, cursor, rows_max)
        .await?;
    let mut similar = database.similar_alerts(&scope, &page.rows).await?;
    let items = page.rows.into_iter().map(|row| {
        let similar = similar.remove(&row.id);
        Alert {
            similar: similar.map(Into::into),
            ..Alert::from(row)
        }
    });
    Ok(Json(AlertPage {
        items: items.collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        total: page.total.count,
        total_has_more: page.total.has_more,
        seen_at: time::to_text(page.seen_us),
    }))
}

/// How many alerts there are
#[utoipa::path(get, path = "/api/v1/alerts/counts", operation_id = "alertCounts", tag = "alerts", params(SpanQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "By severity (without the closed ones) and by status", body = AlertCounts),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn alert_counts(
    State(console): State<Console>,
    Staged(signed): Staged,
    Parameters(span): Parameters<SpanQuery>,
) -> Result<Json<AlertCounts>> {
    let (from_us, to_us) = (
        time_us("from", span.from.as_deref())?,
        time_us("to", span.to.as_deref())?,
    );
    let scope = signed.reach::<thing::Alert, action::Read>(&console).await?;
    let counts = console.database().count_alerts(&scope, from_us, to_us).await?;
    let wakes_us = console.database().next_waking(&scope, console.now_us()).await?;
    Ok(Json(AlertCounts {
        by_severity: counts
            .by_severity
            .iter()
            .map(|(key, count)| (key.name().to_owned(), *count))
            .collect(),
        by_status: counts
            .by_status
            .iter()
            .map(|(key, count)| (key.name().to_owned(), *count))
            .collect(),
        wakes_at: wakes_us.map(time::to_text),
    }))
}

/// The queue in groups
#[utoipa::path(get, path = "/api/v1/alerts/groups", operation_id = "alertGroups", tag = "alerts", params(AlertFilter, GroupQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The largest groups first, at most 200", body = AlertGroups),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 422, description = "The search would cost too much", body = ApiError)))]
pub(super) async fn alert_groups(
    State(console): State<Console>,
    Staged(signed): Staged,
    Parameters(filter): Parameters<AlertFilter>,
    Parameters(query): Parameters<GroupQuery>,
) -> Result<Json<AlertGroups>> {
    let filter = filter.read(&signed, &console)?;
    let by = GroupBy::from_name(&query.by)
        .ok_or_else(|| Failure::invalid("by", "by is one of rule, src, dst, technique"))?;
    let scope = signed.reach::<thing::Alert, action::Read>(&console).await?;
    let database = console.database();
    let seen_us = database.latest_arrival(&scope).await?;
    let (groups, is_more) = database.group_alerts(&scope, &filter, by).await?;
    Ok(Json(AlertGroups {
        items: groups.into_iter().map(AlertGroup::from).collect(),
        is_more,
        seen_at: time::to_text(seen_us),
    }))
}

/// What has changed since somebody was last here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SinceLastHere {
    /// The last use of the session before this one; none before the first.
    #[schema(required, format = DateTime)]
    since: Option<String>,
    /// Alerts that came since.
    #[schema(minimum = 0)]
    new: i64,
    /// Others that were seen again or worked on.
    #[schema(minimum = 0)]
    changed: i64,
}

/// What has changed since one was last here
#[utoipa::path(get, path = "/api/v1/alerts/since", operation_id = "sinceLastHere", tag = "alerts",
    responses(
        (status = 200, description = "Since when, and how many alerts: closed or not, set aside or not", body = SinceLastHere),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 422, description = "It would cost too much", body = ApiError)))]
pub(super) async fn since_last_here(
    State(console): State<Console>,
    signed: InSession,
) -> Result<Json<SinceLastHere>> {
    let scope = signed.reach::<thing::Alert, action::Read>(&console).await?;
    let Some(since_us) = console.database().last_here(signed.session).await? else {
        return Ok(Json(SinceLastHere {
            since: None,
            new: 0,
            changed: 0,
        }));
    };
    let changed = console.database().changed_since(&scope, since_us).await?;
    Ok(Json(SinceLastHere {
        since: Some(time::to_text(since_us)),
        new: changed.new,
        changed: changed.others,
    }))
}

/// Tags of alerts
#[utoipa::path(get, path = "/api/v1/alerts/tags", operation_id = "alertTags", tag = "alerts",
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "Those of the latest alerts that have some, the most frequent first", body = TagList),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn alert_tags(
    State(console): State<Console>,
    Staged(signed): Staged,
) -> Result<Json<TagList>> {
    let scope = signed.reach::<thing::Alert, action::Read>(&console).await?;
    let tags = console.database().alert_tags(&scope).await?;
    let items = tags.into_iter().map(|tag| TagCount {
        tag: tag.tag,
        alerts: tag.alerts,
    });
    Ok(Json(TagList {
        items: items.collect(),
    }))
}

/// An alert of the scope; that there is none is written down.
pub(super) async fn found(
    console: &Console,
    signed: &Signed,
    scope: &Scope,
    id: AlertId,
) -> Result<AlertRow> {
    let row = console.database().alert(scope, id).await;
    if let Err(why @ DatabaseError::NotFound) = &row {
        let deed = Deed::done("alert.read", "alert", id).refused(why);
        signed.note(console, deed).await?;
    }
    Ok(row?)
}

/// An alert
#[utoipa::path(get, path = "/api/v1/alerts/{id}", operation_id = "getAlert", tag = "alerts",
    params(("id" = String, Path, description = "Id of the alert")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The alert", body = AlertDetail),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError)))]
pub(super) async fn get_alert(
    State(console): State<Console>,
    Staged(signed): Staged,
    AlertPath(id): AlertPath,
) -> Result<Json<AlertDetail>> {
    let scope = signed.reach::<thing::Alert, action::Read>(&console).await?;
    let row = found(&console, &signed, &scope, id).await?;
    let message = console.database().alert_message(&scope, id).await?;
    let links = console.database().alert_links(&scope, id).await?;
    let activity = console.database().activity(&scope, id).await?;
    let exceptions = exceptions::of_alert(&console, &signed, &scope, id).await?;
    let offered = offered(&message).iter().map(Condition::from).collect();
    let rule = message.rule.unwrap_or_default();
    let ids = message.event_ids.iter().filter_map(|id| EventId::from_bytes(id));
    Ok(Json(AlertDetail {
        alert: row.into(),
        rule_text: rule.text,
        rule_description: some_text(rule.description),
        rule_description_vi: some_text(rule.description_vi),
        group: message
            .group
            .into_iter()
            .map(|field| (field.name, field.value))
            .collect(),
        event_ids: ids.map(|id| id.to_string()).collect(),
        flow_ids: message.flow_ids.iter().map(u64::to_string).collect(),
        continues: links.continues.map(|id| id.to_string()),
        continued_by: links.continued_by.map(|id| id.to_string()),
        activity: activity.into_iter().map(Activity::from).collect(),
        exceptions,
        offered,
    }))
}
