//! Exercises: made and run by their directors, taken part in by those they are shared with.
//!
//! What is in one is asked about where it always is, with `exercise` in the address: see [`STAGED`].
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, Required, schema};
use utoipa::{IntoParams, ToSchema};
use vonggac_access::exercise::Exercise as Held;
use vonggac_access::{Action as Asked, OrganisationId, Tree, action, thing};
use vonggac_database::ExerciseId;
use vonggac_database::exercise::{About, Exercise as Kept, PAGE_EXERCISES_MAX, Progress};
use vonggac_event::Scope;

use super::memberships::today;
use super::shapes::{OrganisationName, Person};
use crate::authority;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Anyone, Body, ExercisePath, Parameters, Signed};
use crate::state::Console;
use crate::time;

/// Exercises on a page when the request does not say.
const PAGE_EXERCISES: u32 = 50;

/// The operations that are asked of an exercise as they are of real work. All others refuse `exercise`.
pub(super) const STAGED: [&str; 27] = [
    "acknowledgeAlert",
    "alertCounts",
    "alertEvents",
    "alertGroups",
    "alertStory",
    "alertStream",
    "alertTags",
    "bulkAlerts",
    "changeSensor",
    "closeAlert",
    "commentAlert",
    "eventHistogram",
    "eventValues",
    "getAlert",
    "getEntity",
    "getSensor",
    "listAlerts",
    "listEvents",
    "listPeople",
    "listSensors",
    "overview",
    "prepareSensor",
    "renewSensor",
    "reopenAlert",
    "revokeSensor",
    "sensorPlaces",
    "undoOperation",
];

/// Says of each operation of [`STAGED`] that it takes an exercise.
pub(super) fn stage(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            let is_staged = |name: &String| STAGED.contains(&name.as_str());
            if operation.operation_id.as_ref().is_some_and(is_staged) {
                operation
                    .parameters
                    .get_or_insert_default()
                    .push(parameter().into());
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut utoipa::openapi::path::Operation> {
    let all = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.patch,
        &mut item.delete,
    ];
    all.into_iter().filter_map(Option::as_mut)
}

fn parameter() -> Parameter {
    ParameterBuilder::new()
        .name("exercise")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(
            "Number of an exercise that one takes part in: all is of that exercise alone; of real work alone when left out",
        ))
        .schema(Some(schema::Object::with_type(schema::Type::String)))
        .build()
}

/// How far an exercise is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExerciseState {
    /// Its owner's alone yet.
    Preparing,
    /// Who takes part is in.
    Running,
    /// It is looked at, and worked on no more.
    Ended,
}

/// What one may do with an exercise.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExerciseAction {
    /// Work on its alerts.
    Work,
    /// Give it another name and note.
    Change,
    /// Say who takes part.
    Share,
    Start,
    End,
    /// See, add and revoke its sensors.
    Sensors,
}

/// An exercise.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Exercise {
    /// Its number, in its events and alerts too.
    id: String,
    name: String,
    note: String,
    organisation: OrganisationName,
    #[schema(format = DateTime)]
    made_at: String,
    made_by: Person,
    state: ExerciseState,
    #[schema(required, format = DateTime)]
    started_at: Option<String>,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// Who takes part; told to those whose exercise it is.
    #[schema(required)]
    participants: Option<Vec<OrganisationName>>,
    /// What who asks may do.
    actions: Vec<ExerciseAction>,
}

/// A page of exercises.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExercisePage {
    /// The newest first.
    items: Vec<Exercise>,
    #[schema(required)]
    next_cursor: Option<String>,
    /// Organisations of today of which one may make exercises.
    places: Vec<OrganisationName>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExerciseQuery {
    /// `next_cursor` of the page before
    cursor: Option<String>,
    /// Most exercises, up to 200
    limit: Option<u32>,
}

/// An exercise that is to be.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ExerciseRequest {
    /// Code of the organisation whose it is.
    organisation: String,
    /// At most 200 characters.
    name: String,
    /// At most 2,000 characters.
    #[serde(default)]
    note: String,
}

/// What is to be another.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ExerciseChangeRequest {
    /// At most 200 characters.
    name: String,
    /// At most 2,000 characters.
    #[serde(default)]
    note: String,
}

/// Who takes part, or does no more.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ExerciseShareRequest {
    /// Code of the organisation.
    organisation: String,
    takes_part: bool,
}

/// Shows exercises to who asks.
struct Showing<'a> {
    signed: &'a Signed,
    tree: &'a Tree,
    /// Whose exercises are one's own affair.
    own: Scope,
}

impl<'a> Showing<'a> {
    fn to(signed: &'a Signed, tree: &'a Tree) -> Self {
        let own = signed.part::<Held, action::Read>();
        Self { signed, tree, own }
    }

    fn exercise(&self, kept: Kept) -> Exercise {
        let actions = actions(self.signed, &kept);
        let (state, started_us, ended_us) = match kept.progress {
            Progress::Preparing => (ExerciseState::Preparing, None, None),
            Progress::Running { started_us } => (ExerciseState::Running, Some(started_us), None),
            Progress::Ended { started_us, ended_us } => {
                (ExerciseState::Ended, Some(started_us), Some(ended_us))
            }
        };
        let is_own = self.own.covers(kept.organisation.as_str());
        let named = |code: &OrganisationId| authority::name_of(self.tree, code);
        Exercise {
            id: kept.id.to_string(),
            organisation: named(&kept.organisation),
            participants: is_own.then(|| kept.participants.iter().map(named).collect()),
            name: kept.name,
            note: kept.note,
            made_at: time::to_text(kept.made_us),
            made_by: Person {
                id: kept.made_by.id.0.to_string(),
                display_name: kept.made_by.display_name,
            },
            state,
            started_at: started_us.map(time::to_text),
            ended_at: ended_us.map(time::to_text),
            actions,
        }
    }
}

fn actions(signed: &Signed, kept: &Kept) -> Vec<ExerciseAction> {
    let held = || kept.thing();
    let is_preparing = kept.progress == Progress::Preparing;
    let is_running = matches!(kept.progress, Progress::Running { .. });
    let directs = signed.would::<Held, action::Change>(held());
    [
        (
            ExerciseAction::Work,
            is_running && signed.would::<Held, action::Work>(held()),
        ),
        (ExerciseAction::Change, directs && (is_preparing || is_running)),
        (
            ExerciseAction::Share,
            (is_preparing || is_running) && signed.would::<Held, action::Share>(held()),
        ),
        (ExerciseAction::Start, directs && is_preparing),
        (ExerciseAction::End, directs && (is_preparing || is_running)),
        (ExerciseAction::Sensors, directs && (is_preparing || is_running)),
    ]
    .into_iter()
    .filter_map(|(action, may)| may.then_some(action))
    .collect()
}

/// That who asks may do `A` with an exercise; what he does not see is not there.
async fn permitted<A: Asked>(console: &Console, signed: &Signed, id: ExerciseId) -> Result<Kept> {
    let kept = signed.exercise(console, id).await?;
    signed.permit::<_, A>(console, kept.thing(), id).await?;
    Ok(kept)
}

async fn shown(console: &Console, signed: &Signed, kept: Kept) -> Result<Json<Exercise>> {
    let tree = authority::organisations(console).await?;
    Ok(Json(Showing::to(signed, &tree).exercise(kept)))
}

/// Exercises
#[utoipa::path(get, path = "/api/v1/exercises", operation_id = "listExercises", tag = "exercises", params(ExerciseQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "Those that one directs or looks after, and those that have started in which one takes part", body = ExercisePage),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "This account sees no exercises", body = ApiError)))]
pub(super) async fn list_exercises(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    Parameters(query): Parameters<ExerciseQuery>,
) -> Result<Json<ExercisePage>> {
    let reach = signed.reach_with_shares::<Held, action::Read>(&console).await?;
    let given = query.cursor.as_deref().filter(|text| !text.is_empty());
    let before: Option<ExerciseId> = given
        .map(str::parse)
        .transpose()
        .map_err(|_| Failure::invalid("cursor", "cursor is not one that this server gave"))?;
    let limit = query.limit.unwrap_or(PAGE_EXERCISES).clamp(1, PAGE_EXERCISES_MAX);
    let page = console.database().exercises(&reach, before, limit).await?;
    let tree = authority::organisations(&console).await?;
    let makes = signed.part::<Held, action::Create>();
    let places = authority::current(&tree, &makes, today(&console)?);
    let places = places.map(|id| authority::name_of(&tree, &id)).collect();
    let showing = Showing::to(&signed, &tree);
    Ok(Json(ExercisePage {
        next_cursor: page.next.map(|id| id.to_string()),
        items: page
            .items
            .into_iter()
            .map(|kept| showing.exercise(kept))
            .collect(),
        places,
    }))
}

/// Make an exercise
#[utoipa::path(post, path = "/api/v1/exercises", operation_id = "makeExercise", tag = "exercises", request_body = ExerciseRequest,
    responses(
        (status = 201, description = "The exercise, which is prepared now", body = Exercise),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "There is no such organisation for this account", body = ApiError)))]
pub(super) async fn make_exercise(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<ExerciseRequest>,
) -> Result<(StatusCode, Json<Exercise>)> {
    let organisation: OrganisationId = request.organisation.parse().map_err(|_| Failure::not_found())?;
    let held = Held {
        owner: organisation.clone(),
        shares: Vec::new(),
        is_over: false,
    };
    signed.permit::<_, action::Create>(&console, held, "").await?;
    let about = About {
        name: request.name,
        note: request.note,
    };
    let made = console
        .database()
        .make_exercise(&signed.by(), &organisation, &about, console.now_us())
        .await?;
    Ok((StatusCode::CREATED, shown(&console, &signed, made).await?))
}

/// An exercise
#[utoipa::path(get, path = "/api/v1/exercises/{id}", operation_id = "getExercise", tag = "exercises",
    params(("id" = String, Path, description = "Number of the exercise")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The exercise", body = Exercise),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such exercise for this account", body = ApiError)))]
pub(super) async fn get_exercise(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    ExercisePath(id): ExercisePath,
) -> Result<Json<Exercise>> {
    let kept = signed.exercise(&console, id).await?;
    shown(&console, &signed, kept).await
}

/// Change an exercise
#[utoipa::path(patch, path = "/api/v1/exercises/{id}", operation_id = "changeExercise", tag = "exercises",
    params(("id" = String, Path, description = "Number of the exercise")), request_body = ExerciseChangeRequest,
    responses(
        (status = 200, description = "The exercise as it now is", body = Exercise),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "There is no such exercise for this account", body = ApiError),
        (status = 409, description = "It has ended", body = ApiError)))]
pub(super) async fn change_exercise(
    State(console): State<Console>,
    signed: Signed,
    ExercisePath(id): ExercisePath,
    Body(request): Body<ExerciseChangeRequest>,
) -> Result<Json<Exercise>> {
    permitted::<action::Change>(&console, &signed, id).await?;
    let about = About {
        name: request.name,
        note: request.note,
    };
    let (store, now_us) = (console.database(), console.now_us());
    let changed = store.change_exercise(&signed.by(), id, &about, now_us).await?;
    shown(&console, &signed, changed).await
}

/// Say who takes part
#[utoipa::path(post, path = "/api/v1/exercises/{id}/participants", operation_id = "shareExercise", tag = "exercises",
    params(("id" = String, Path, description = "Number of the exercise")), request_body = ExerciseShareRequest,
    responses(
        (status = 200, description = "The exercise as it now is", body = Exercise),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "There is no such exercise or organisation for this account", body = ApiError),
        (status = 409, description = "It has ended, or the organisation is as wanted already", body = ApiError)))]
pub(super) async fn share_exercise(
    State(console): State<Console>,
    signed: Signed,
    ExercisePath(id): ExercisePath,
    Body(request): Body<ExerciseShareRequest>,
) -> Result<Json<Exercise>> {
    permitted::<action::Share>(&console, &signed, id).await?;
    let organisation: OrganisationId = request.organisation.parse().map_err(|_| Failure::not_found())?;
    let seen = thing::Organisation {
        owner: organisation.clone(),
    };
    signed
        .permit::<_, action::Read>(&console, seen, &organisation)
        .await?;
    let (store, now_us) = (console.database(), console.now_us());
    let changed = store
        .share_exercise(&signed.by(), id, &organisation, request.takes_part, now_us)
        .await?;
    shown(&console, &signed, changed).await
}

/// Start an exercise
#[utoipa::path(post, path = "/api/v1/exercises/{id}/start", operation_id = "startExercise", tag = "exercises",
    params(("id" = String, Path, description = "Number of the exercise")),
    responses(
        (status = 200, description = "The exercise; who takes part is in from now on", body = Exercise),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "There is no such exercise for this account", body = ApiError),
        (status = 409, description = "It was started already", body = ApiError)))]
pub(super) async fn start_exercise(
    State(console): State<Console>,
    signed: Signed,
    ExercisePath(id): ExercisePath,
) -> Result<Json<Exercise>> {
    permitted::<action::Change>(&console, &signed, id).await?;
    let (store, now_us) = (console.database(), console.now_us());
    let started = store.start_exercise(&signed.by(), id, now_us).await?;
    shown(&console, &signed, started).await
}

/// End an exercise
#[utoipa::path(post, path = "/api/v1/exercises/{id}/end", operation_id = "endExercise", tag = "exercises",
    params(("id" = String, Path, description = "Number of the exercise")),
    responses(
        (status = 200, description = "The exercise, which is looked at from now on and worked on no more; its sensors are revoked", body = Exercise),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "There is no such exercise for this account", body = ApiError),
        (status = 409, description = "It has ended already", body = ApiError)))]
pub(super) async fn end_exercise(
    State(console): State<Console>,
    signed: Signed,
    ExercisePath(id): ExercisePath,
) -> Result<Json<Exercise>> {
    permitted::<action::Change>(&console, &signed, id).await?;
    let (store, now_us) = (console.database(), console.now_us());
    let ended = store.end_exercise(&signed.by(), id, now_us).await?;
    shown(&console, &signed, ended).await
}
