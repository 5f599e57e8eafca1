//! Sensors: preparing, renewing, revoking, looking at them; and, by who is not signed in, using a token.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

mod shown;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use vonggac_access::{Action, OrganisationId, action, thing};
use vonggac_database::sensor::NewSensor;
use vonggac_database::sensor::list::{PAGE_SENSORS_MAX, SensorFilter, Standing};
use vonggac_enrolment::{Credential, MasterKey, SensorId};
use vonggac_event::Scope;

use self::shown::{
    EnrolmentToken, PreparedSensor, SensorCounts, SensorDetail, SensorPage, SensorPlace, SensorPlaceList,
};
use super::accounts::{beneath, given};
use super::memberships::today;
use crate::authority;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Body, Client, Parameters, SensorPath, Signed, Staged, StagedPerson};
use crate::state::Console;

/// Sensors on a page when nothing is said.
const PAGE_SENSORS: u32 = 100;

/// Which sensors.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SensorQuery {
    /// Part of the name or the note
    q: Option<String>,
    /// Those of this organisation and of what stands beneath it
    organisation: Option<String>,
    /// `waiting`, `active`, `silent` or `revoked`
    state: Option<String>,
    /// At most so many
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// A sensor that is to be.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SensorRequest {
    /// Letters without marks, digits, and `. - _` after the first; at most 64.
    name: String,
    /// Code of the organisation that its events are of.
    organisation: String,
    /// Where it stands, what it sees; at most 2,000 bytes.
    #[serde(default)]
    note: String,
}

/// What is to be another.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SensorChangeRequest {
    /// Where it stands, what it sees; at most 2,000 bytes.
    note: String,
}

/// A one-time token.
#[derive(Deserialize, ToSchema)]
pub(super) struct EnrolmentRequest {
    token: String,
}

/// Whose sensors are seen; that they are nobody's is written down.
async fn sight(console: &Console, signed: &Signed) -> Result<Scope> {
    signed.reach::<thing::Sensor, action::Read>(console).await
}

fn owned(organisation: &OrganisationId) -> thing::Sensor {
    thing::Sensor {
        owner: organisation.clone(),
    }
}

/// That who asks may do `A` with a sensor, which is of those of the scope.
async fn permitted<A: Action>(console: &Console, signed: &Signed, id: SensorId) -> Result<Scope> {
    let scope = sight(console, signed).await?;
    let organisation = shown::owner(console, &scope, id).await?;
    signed.permit::<_, A>(console, owned(&organisation), id).await?;
    Ok(scope)
}

fn key(console: &Console) -> Result<&MasterKey> {
    console.sensor_key().ok_or_else(Failure::no_sensor_key)
}

impl SensorQuery {
    async fn filter(&self, console: &Console) -> Result<SensorFilter> {
        let standing = |name: &str| {
            Standing::from_name(name).ok_or_else(|| Failure::invalid("state", "state is not known"))
        };
        let organisations = match given(self.organisation.as_ref()) {
            Some(code) => Some(beneath(console, code).await?),
            None => None,
        };
        Ok(SensorFilter {
            text: self.q.clone().unwrap_or_default(),
            organisations,
            standing: given(self.state.as_ref()).map(standing).transpose()?,
        })
    }
}

/// Sensors
#[utoipa::path(get, path = "/api/v1/sensors", operation_id = "listSensors", tag = "sensors", params(SensorQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "A page, by name", body = SensorPage),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "This account sees no sensors", body = ApiError),
        (status = 422, description = "The list would cost too much", body = ApiError)))]
pub(super) async fn list_sensors(
    State(console): State<Console>,
    Staged(signed): Staged,
    Parameters(query): Parameters<SensorQuery>,
) -> Result<Json<SensorPage>> {
    let scope = sight(&console, &signed).await?;
    let filter = query.filter(&console).await?;
    let cursor = given(query.cursor.as_ref()).map(str::parse).transpose()?;
    let limit = query.limit.unwrap_or(PAGE_SENSORS).clamp(1, PAGE_SENSORS_MAX);
    let heard = shown::Reports::of(&console, scope.stage()).await;
    let (now_us, store) = (console.now_us(), console.database());
    let page = store
        .sensors(&scope, &filter, heard.living(), cursor, limit, now_us)
        .await?;
    let counts = store.sensor_counts(&scope, heard.living(), now_us).await?;
    let tree = authority::organisations(&console).await?;
    Ok(Json(SensorPage {
        items: page
            .entries
            .into_iter()
            .map(|entry| heard.entry(&tree, entry))
            .collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        total: page.total,
        counts: SensorCounts::from(counts),
    }))
}

/// Where one sees sensors, and where one may add some
#[utoipa::path(get, path = "/api/v1/sensors/places", operation_id = "sensorPlaces", tag = "sensors",
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "Organisations of today, by code", body = SensorPlaceList),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "This account sees no sensors", body = ApiError)))]
pub(super) async fn sensor_places(
    State(console): State<Console>,
    Staged(signed): Staged,
) -> Result<Json<SensorPlaceList>> {
    let scope = sight(&console, &signed).await?;
    let tree = authority::organisations(&console).await?;
    let current = authority::current(&tree, &scope, today(&console)?);
    let place = |id: OrganisationId| SensorPlace {
        organisation: authority::name_of(&tree, &id),
        can_add: signed.would::<_, action::Create>(owned(&id)),
    };
    Ok(Json(SensorPlaceList {
        items: current.map(place).collect(),
        can_enrol: console.sensor_key().is_some(),
    }))
}

/// Prepare a sensor
#[utoipa::path(post, path = "/api/v1/sensors", operation_id = "prepareSensor", tag = "sensors", request_body = SensorRequest,
    responses(
        (status = 201, description = "The sensor, and its one-time token, told this once", body = PreparedSensor),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such organisation for this account", body = ApiError),
        (status = 409, description = "The organisation has a sensor of that name, or too many", body = ApiError),
        (status = 503, description = "The console has no key of sensors", body = ApiError)))]
pub(super) async fn prepare_sensor(
    State(console): State<Console>,
    StagedPerson(signed): StagedPerson,
    Body(request): Body<SensorRequest>,
) -> Result<(StatusCode, Json<PreparedSensor>)> {
    let scope = sight(&console, &signed).await?;
    let organisation: OrganisationId = request.organisation.parse().map_err(|_| Failure::not_found())?;
    signed
        .permit::<_, action::Create>(&console, owned(&organisation), "")
        .await?;
    key(&console)?;
    let new = NewSensor {
        name: request.name,
        organisation,
        note: request.note,
        stage: signed.stage,
    };
    let (id, token) = console
        .database()
        .prepare_sensor(&signed.by(), &new, console.now_us())
        .await?;
    let prepared = PreparedSensor {
        sensor: shown::detail(&console, &signed, &scope, id).await?,
        token: EnrolmentToken::from(&token),
    };
    Ok((StatusCode::CREATED, Json(prepared)))
}

/// A sensor
#[utoipa::path(get, path = "/api/v1/sensors/{id}", operation_id = "getSensor", tag = "sensors",
    params(("id" = String, Path, description = "Id of the sensor")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The sensor, its history, and what may be done with it", body = SensorDetail),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such sensor for this account", body = ApiError)))]
pub(super) async fn get_sensor(
    State(console): State<Console>,
    Staged(signed): Staged,
    SensorPath(id): SensorPath,
) -> Result<Json<SensorDetail>> {
    let scope = sight(&console, &signed).await?;
    Ok(Json(shown::detail(&console, &signed, &scope, id).await?))
}

/// Change a sensor's note
#[utoipa::path(patch, path = "/api/v1/sensors/{id}", operation_id = "changeSensor", tag = "sensors",
    params(("id" = String, Path, description = "Id of the sensor")), request_body = SensorChangeRequest,
    responses(
        (status = 200, description = "The sensor as it now is", body = SensorDetail),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "There is no such sensor for this account, or it is not one's to change", body = ApiError)))]
pub(super) async fn change_sensor(
    State(console): State<Console>,
    StagedPerson(signed): StagedPerson,
    SensorPath(id): SensorPath,
    Body(request): Body<SensorChangeRequest>,
) -> Result<Json<SensorDetail>> {
    let scope = permitted::<action::Change>(&console, &signed, id).await?;
    let (store, now_us) = (console.database(), console.now_us());
    store
        .change_sensor(&scope, &signed.by(), id, &request.note, now_us)
        .await?;
    Ok(Json(shown::detail(&console, &signed, &scope, id).await?))
}

/// Make another token for a sensor
#[utoipa::path(post, path = "/api/v1/sensors/{id}/renew", operation_id = "renewSensor", tag = "sensors",
    params(("id" = String, Path, description = "Id of the sensor")),
    responses(
        (status = 200, description = "The token, told this once; an earlier one works no more, the credential does until it is used", body = EnrolmentToken),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such sensor for this account, or it is not one's to renew", body = ApiError),
        (status = 409, description = "The sensor is revoked", body = ApiError),
        (status = 503, description = "The console has no key of sensors", body = ApiError)))]
pub(super) async fn renew_sensor(
    State(console): State<Console>,
    StagedPerson(signed): StagedPerson,
    SensorPath(id): SensorPath,
) -> Result<Json<EnrolmentToken>> {
    let scope = permitted::<action::Create>(&console, &signed, id).await?;
    key(&console)?;
    let (store, now_us) = (console.database(), console.now_us());
    let token = store.renew_sensor(&scope, &signed.by(), id, now_us).await?;
    Ok(Json(EnrolmentToken::from(&token)))
}

/// Revoke a sensor
#[utoipa::path(post, path = "/api/v1/sensors/{id}/revoke", operation_id = "revokeSensor", tag = "sensors",
    params(("id" = String, Path, description = "Id of the sensor")),
    responses(
        (status = 200, description = "The sensor as it now is; what it sends does not count any more", body = SensorDetail),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such sensor for this account, or it is not one's to revoke", body = ApiError),
        (status = 409, description = "The sensor is revoked already", body = ApiError)))]
pub(super) async fn revoke_sensor(
    State(console): State<Console>,
    StagedPerson(signed): StagedPerson,
    SensorPath(id): SensorPath,
) -> Result<Json<SensorDetail>> {
    let scope = permitted::<action::Remove>(&console, &signed, id).await?;
    let (store, now_us) = (console.database(), console.now_us());
    store.revoke_sensor(&scope, &signed.by(), id, now_us).await?;
    Ok(Json(shown::detail(&console, &signed, &scope, id).await?))
}

/// Enrol a sensor with a one-time token
#[utoipa::path(post, path = "/api/v1/sensors/enrol", operation_id = "enrolSensor", tag = "sensors", request_body = EnrolmentRequest,
    security(()),
    responses(
        (status = 201, description = "What stands in the sensor's credential file, told this once; one of before counts no more", body = String, content_type = "application/json"),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 404, description = "The token is wrong, used, too old or withdrawn", body = ApiError),
        (status = 429, description = "Too many attempts", body = ApiError),
        (status = 503, description = "The console has no key of sensors", body = ApiError)))]
pub(super) async fn enrol_sensor(
    State(console): State<Console>,
    client: Client,
    Body(request): Body<EnrolmentRequest>,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1], String)> {
    let master = key(&console)?;
    let (store, now_us) = (console.database(), console.now_us());
    let offer = store.sensor_offer(&request.token, &client.origin, now_us).await?;
    let sensor = owned(&offer.organisation);
    let exercise = store.exercise_on(offer.stage).await?;
    if !authority::may::<_, action::Create>(&console, &offer.maker, exercise, sensor).await? {
        return Err(store.refuse_token(&client.origin, now_us).await?.into());
    }
    let enrolled = store.enrol_sensor(&request.token, &client.origin, now_us).await?;
    tracing::info!(
        sensor = enrolled.name,
        organisation = enrolled.organisation,
        generation = enrolled.generation,
        "a sensor was enrolled"
    );
    let credential = Credential {
        key: master.sensor_key(enrolled.id, enrolled.generation),
        id: enrolled.id,
        generation: enrolled.generation,
        name: enrolled.name,
        organisation: enrolled.organisation,
        exercise_id: enrolled.exercise_id,
    };
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok((StatusCode::CREATED, kind, credential.to_text()))
}
