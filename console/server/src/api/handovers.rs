//! Hand-overs: what one shift of an organisation leaves the next.
//!
//! Its numbers and alerts are shown as far as the asker's rights to alerts go, now; its words to all who may read it.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vonggac_access::account::Account;
use vonggac_access::handover::Handover as Held;
use vonggac_access::{Action, Day, OrganisationId, PersonId, Tree, action, thing};
use vonggac_database::handover::facts::{Facts, SENSORS_MAX, SensorTrouble};
use vonggac_database::handover::{Change, Handover, HandoverId, Shift, State as Standing};
use vonggac_event::Scope;

use super::filter::time_us;
use super::handover_facts::HandoverFacts;
use super::memberships::today;
use super::shapes::{OrganisationName, PartState, Person};
use crate::authority;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Anyone, Body, NumberPath, Parameters, Signed};
use crate::health;
use crate::state::Console;
use crate::time;

/// Hand-overs on a page when nothing is said.
const PAGE_ROWS: u32 = 30;

/// Which hand-overs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HandoverQuery {
    /// Code of the organisation
    organisation: Option<String>,
    /// At most so many
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// Where a hand-over stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum HandoverState {
    /// It is being written.
    Draft,
    /// It waits for the next lead.
    Handed,
    /// The next lead has taken over.
    Acknowledged,
}

/// What one may do with a hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum HandoverAction {
    Change,
    Hand,
    Discard,
    Acknowledge,
}

/// A hand-over, as the list shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HandoverEntry {
    id: String,
    organisation: OrganisationName,
    state: HandoverState,
    /// The shift that ends: from here …
    #[schema(format = DateTime)]
    from: String,
    /// … to here, where the next one begins.
    #[schema(format = DateTime)]
    to: String,
    /// Where the next one ends.
    #[schema(format = DateTime)]
    next_to: String,
    /// Who began it; once it is handed over, who did that.
    author: Person,
    #[schema(required, format = DateTime)]
    handed_at: Option<String>,
    #[schema(required)]
    acknowledged_by: Option<Person>,
    #[schema(required, format = DateTime)]
    acknowledged_at: Option<String>,
}

/// A page of hand-overs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HandoverPage {
    /// The latest first.
    items: Vec<HandoverEntry>,
    #[schema(required)]
    next_cursor: Option<String>,
    /// The organisations whose shift who asks may hand over.
    places: Vec<OrganisationName>,
}

/// A hand-over, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HandoverDetail {
    #[serde(flatten)]
    entry: HandoverEntry,
    /// What the lead writes.
    note: String,
    /// What the next lead says to it; empty until he has taken over.
    remarks: String,
    /// To be sent with a change.
    version: i64,
    facts: HandoverFacts,
    /// What who asks may do with it.
    actions: Vec<HandoverAction>,
}

/// Whose shift is to be handed over.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct HandoverRequest {
    /// Code of the organisation.
    organisation: String,
}

/// A draft as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct HandoverChangeRequest {
    /// Of the draft as it was read.
    version: i64,
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    #[schema(format = DateTime)]
    next_to: String,
    note: String,
}

/// Which draft is handed over.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct HandRequest {
    /// Of the draft as it was read.
    version: i64,
}

/// What the next lead says.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct AcknowledgementRequest {
    #[serde(default)]
    remarks: String,
}

/// The hand-over as rights see it.
fn held(handover: &Handover) -> Held {
    let handed = handover.state != Standing::Draft;
    Held {
        owner: handover.organisation.clone(),
        author: handed.then_some(PersonId(handover.author.id.0)),
    }
}

async fn find(console: &Console, signed: &Signed, id: i64) -> Result<Handover> {
    let scope = signed.reach::<Held, action::Read>(console).await?;
    Ok(console.database().handover(&scope, HandoverId(id)).await?)
}

/// The hand-over, when who asks may do `A` with it, and those of whom.
async fn permitted<A: Action>(console: &Console, signed: &Signed, id: i64) -> Result<(Handover, Scope)> {
    let handover = find(console, signed, id).await?;
    signed.permit::<_, A>(console, held(&handover), id).await?;
    Ok((handover, signed.part::<Held, A>()))
}

fn actions(signed: &Signed, handover: &Handover) -> Vec<HandoverAction> {
    let change = || signed.would::<_, action::Change>(held(handover));
    let (is_draft, is_handed) = (
        handover.state == Standing::Draft,
        handover.state == Standing::Handed,
    );
    [
        (HandoverAction::Change, is_draft && change()),
        (HandoverAction::Hand, is_draft && change()),
        (
            HandoverAction::Discard,
            is_draft && signed.would::<_, action::Remove>(held(handover)),
        ),
        (
            HandoverAction::Acknowledge,
            is_handed && signed.would::<_, action::Approve>(held(handover)),
        ),
    ]
    .into_iter()
    .filter_map(|(action, may)| may.then_some(action))
    .collect()
}

/// What belongs to an organisation on a day, as far as the asker's alerts go.
fn reach_of(tree: &Tree, organisation: &OrganisationId, day: Day, alerts: &Scope) -> Scope {
    let beneath = tree.subtree_at(organisation, day);
    let with_it: BTreeSet<&OrganisationId> = beneath.into_iter().chain([organisation]).collect();
    let kept = tree.kept_by(&with_it, day);
    alerts.narrowed(|code| kept.iter().any(|id| id.as_str() == code))
}

/// How things stand now, for a draft.
async fn facts_now(console: &Console, signed: &Signed, handover: &Handover) -> Result<Facts> {
    let tree = authority::organisations(console).await?;
    let alerts = signed.part::<thing::Alert, action::Read>();
    let scope = reach_of(&tree, &handover.organisation, today(console)?, &alerts);
    let seen = signed.part::<thing::Sensor, action::Read>();
    let shift = handover.shift;
    let (facts, troubled) = tokio::join!(
        console
            .database()
            .handover_facts(&scope, shift.from_us, shift.next_to_us, console.now_us()),
        health::troubled_sensors(console, &scope),
    );
    let troubled = troubled
        .into_iter()
        .filter(|(sensor, _)| seen.covers(&sensor.tenant));
    let trouble = troubled.map(|(sensor, state)| SensorTrouble {
        organisation: sensor.tenant,
        sensor: sensor.sensor,
        state: match state {
            PartState::Down => "down".to_owned(),
            PartState::Up | PartState::Degraded => "degraded".to_owned(),
        },
        heard_us: sensor.heard_us,
    });
    Ok(Facts {
        sensors: trouble.take(SENSORS_MAX).collect(),
        ..facts?
    })
}

/// What of the facts who asks may see.
fn seen(facts: Facts, signed: &Signed) -> Facts {
    let accounts = signed.part::<Account, action::Read>();
    let mut facts = facts.within(&signed.part::<thing::Alert, action::Read>());
    facts.deeds.retain(|one| accounts.covers(&one.organisation));
    facts
}

fn entry(tree: &Tree, handover: &Handover) -> HandoverEntry {
    let person = |person: &vonggac_database::Person| Person::from(person.clone());
    let acknowledged = handover.acknowledged.as_ref();
    HandoverEntry {
        id: handover.id.0.to_string(),
        organisation: authority::name_of(tree, &handover.organisation),
        state: match handover.state {
            Standing::Draft => HandoverState::Draft,
            Standing::Handed => HandoverState::Handed,
            Standing::Acknowledged => HandoverState::Acknowledged,
        },
        from: time::to_text(handover.shift.from_us),
        to: time::to_text(handover.shift.to_us),
        next_to: time::to_text(handover.shift.next_to_us),
        author: person(&handover.author),
        handed_at: handover.handed_us.map(time::to_text),
        acknowledged_by: acknowledged.map(|one| person(&one.by)),
        acknowledged_at: acknowledged.map(|one| time::to_text(one.at_us)),
    }
}

async fn shown(console: &Console, signed: &Signed, id: i64) -> Result<HandoverDetail> {
    let handover = find(console, signed, id).await?;
    let facts = match &handover.facts {
        Some(kept) => kept.clone(),
        None => facts_now(console, signed, &handover).await?,
    };
    let tree = authority::organisations(console).await?;
    Ok(HandoverDetail {
        entry: entry(&tree, &handover),
        actions: actions(signed, &handover),
        facts: seen(facts, signed).into(),
        remarks: handover.acknowledged.map(|one| one.remarks).unwrap_or_default(),
        note: handover.note,
        version: handover.version,
    })
}

/// The organisations whose shift who asks may hand over today.
fn places(signed: &Signed, tree: &Tree, day: Day) -> Vec<OrganisationName> {
    let mine = signed.part::<Held, action::Create>();
    let is_now = |id: &&OrganisationId| mine.covers(id.as_str()) && tree.current_of(id, day) == Some(*id);
    let all = tree.iter().map(|organisation| &organisation.id);
    all.filter(is_now)
        .map(|id| authority::name_of(tree, id))
        .collect()
}

/// Hand-overs
#[utoipa::path(get, path = "/api/v1/handovers", operation_id = "listHandovers", tag = "handover", params(HandoverQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The latest first", body = HandoverPage),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError)))]
pub(super) async fn list_handovers(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    Parameters(query): Parameters<HandoverQuery>,
) -> Result<Json<HandoverPage>> {
    let scope = signed.reach::<Held, action::Read>(&console).await?;
    let cursor = query.cursor.as_deref().filter(|text| !text.is_empty());
    let invalid = |_| Failure::invalid("cursor", "cursor is not one that this server gave");
    let before = cursor.map(|text| text.parse().map(HandoverId).map_err(invalid));
    let organisation = query.organisation.as_deref().filter(|code| !code.is_empty());
    let rows_max = query.limit.unwrap_or(PAGE_ROWS).clamp(1, 100);
    let rows = console
        .database()
        .handovers(&scope, organisation, before.transpose()?, rows_max)
        .await?;
    let tree = authority::organisations(&console).await?;
    let is_full = rows.len() >= rows_max as usize;
    Ok(Json(HandoverPage {
        next_cursor: rows.last().filter(|_| is_full).map(|last| last.id.0.to_string()),
        items: rows.iter().map(|row| entry(&tree, row)).collect(),
        places: places(&signed, &tree, today(&console)?),
    }))
}

/// Begin to hand a shift over
#[utoipa::path(post, path = "/api/v1/handovers", operation_id = "beginHandover", tag = "handover", request_body = HandoverRequest,
    responses(
        (status = 201, description = "The draft", body = HandoverDetail),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such organisation, or its shift is not one's to hand over", body = ApiError),
        (status = 409, description = "It has a draft already", body = ApiError)))]
pub(super) async fn begin_handover(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<HandoverRequest>,
) -> Result<(StatusCode, Json<HandoverDetail>)> {
    let organisation: OrganisationId = request.organisation.parse().map_err(|_| Failure::not_found())?;
    let wanted = Held {
        owner: organisation.clone(),
        author: None,
    };
    signed.permit::<_, action::Create>(&console, wanted, 0).await?;
    let tree = authority::organisations(&console).await?;
    if tree.current_of(&organisation, today(&console)?) != Some(&organisation) {
        return Err(Failure::not_found());
    }
    let id = console
        .database()
        .begin_handover(signed.by(), &organisation, console.now_us())
        .await?;
    let draft = shown(&console, &signed, id.0).await?;
    Ok((StatusCode::CREATED, Json(draft)))
}

/// A hand-over
#[utoipa::path(get, path = "/api/v1/handovers/{id}", operation_id = "getHandover", tag = "handover",
    params(("id" = String, Path, description = "Id of the hand-over")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "A draft with how things stand now; otherwise as it was handed over", body = HandoverDetail),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none", body = ApiError),
        (status = 422, description = "It would cost too much", body = ApiError)))]
pub(super) async fn get_handover(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    NumberPath(id): NumberPath,
) -> Result<Json<HandoverDetail>> {
    shown(&console, &signed, id).await.map(Json)
}

/// Change a draft
#[utoipa::path(put, path = "/api/v1/handovers/{id}", operation_id = "changeHandover", tag = "handover",
    params(("id" = String, Path, description = "Id of the hand-over")), request_body = HandoverChangeRequest,
    responses(
        (status = 200, description = "The draft", body = HandoverDetail),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none, or it is not one's to change", body = ApiError),
        (status = 409, description = "It is no draft any more, or somebody else has changed it", body = ApiError)))]
pub(super) async fn change_handover(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<HandoverChangeRequest>,
) -> Result<Json<HandoverDetail>> {
    let (_, scope) = permitted::<action::Change>(&console, &signed, id).await?;
    let at = |field, text: &str| {
        time_us(field, Some(text))?.ok_or_else(|| Failure::invalid(field, format!("{field} is missing")))
    };
    let change = Change {
        version: request.version,
        shift: Shift {
            from_us: at("from", &request.from)?,
            to_us: at("to", &request.to)?,
            next_to_us: at("next_to", &request.next_to)?,
        },
        note: &request.note,
    };
    console
        .database()
        .change_handover(&scope, signed.by(), HandoverId(id), change, console.now_us())
        .await?;
    shown(&console, &signed, id).await.map(Json)
}

/// Throw a draft away
#[utoipa::path(delete, path = "/api/v1/handovers/{id}", operation_id = "discardHandover", tag = "handover",
    params(("id" = String, Path, description = "Id of the hand-over")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none, or it is not one's to throw away", body = ApiError),
        (status = 409, description = "It is no draft any more", body = ApiError)))]
pub(super) async fn discard_handover(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<StatusCode> {
    let (_, scope) = permitted::<action::Remove>(&console, &signed, id).await?;
    console
        .database()
        .discard_handover(&scope, signed.by(), HandoverId(id), console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hand a shift over
#[utoipa::path(post, path = "/api/v1/handovers/{id}/hand", operation_id = "handOver", tag = "handover",
    params(("id" = String, Path, description = "Id of the hand-over")), request_body = HandRequest,
    responses(
        (status = 200, description = "The hand-over, as it stays", body = HandoverDetail),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none, or it is not one's to hand over", body = ApiError),
        (status = 409, description = "It is no draft any more, or somebody else has changed it", body = ApiError)))]
pub(super) async fn hand_over(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<HandRequest>,
) -> Result<Json<HandoverDetail>> {
    let (handover, scope) = permitted::<action::Change>(&console, &signed, id).await?;
    let facts = facts_now(&console, &signed, &handover).await?;
    console
        .database()
        .hand_over(
            &scope,
            signed.by(),
            HandoverId(id),
            request.version,
            &facts,
            console.now_us(),
        )
        .await?;
    shown(&console, &signed, id).await.map(Json)
}

/// Take a shift over
#[utoipa::path(post, path = "/api/v1/handovers/{id}/acknowledge", operation_id = "acknowledgeHandover", tag = "handover",
    params(("id" = String, Path, description = "Id of the hand-over")), request_body = AcknowledgementRequest,
    responses(
        (status = 200, description = "The hand-over", body = HandoverDetail),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is none that was handed over by another, or it is not one's to take over", body = ApiError),
        (status = 409, description = "Somebody has taken over", body = ApiError)))]
pub(super) async fn acknowledge_handover(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<AcknowledgementRequest>,
) -> Result<Json<HandoverDetail>> {
    let (_, scope) = permitted::<action::Approve>(&console, &signed, id).await?;
    console
        .database()
        .acknowledge_handover(
            &scope,
            signed.by(),
            HandoverId(id),
            &request.remarks,
            console.now_us(),
        )
        .await?;
    shown(&console, &signed, id).await.map(Json)
}
