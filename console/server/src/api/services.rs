//! Services, for those who look after the tokens of the API: opening and ending them, looking at them.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vonggac_access::account::Account as Held;
use vonggac_access::{Membership as Given, OrganisationId, Role as AccessRole, action, may_serve, thing};
use vonggac_database::service::{self, PAGE_SERVICES_MAX, ServiceEntry, ServiceFilter};
use vonggac_database::{self as database, AccountId, Language, NewPerson};
use vonggac_event::Scope;

use super::accounts::{self, Gift, SOMEBODY_NEW, beneath, given, permit_gifts};
use super::memberships::{Membership, MembershipRequest, of_account, roles_to_come, today};
use super::shapes::{OrganisationName, Role};
use super::tokens::{self, Token};
use crate::authority;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Body, NumberPath, Parameters, Signed};
use crate::state::Console;
use crate::time;

/// Services on a page when nothing is said.
const PAGE_SERVICES: u32 = 100;

/// Which services.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ServiceQuery {
    /// Part of either name
    q: Option<String>,
    /// Those of this organisation and of what stands beneath it
    organisation: Option<String>,
    /// `yes`: also those that have ended
    ended: Option<String>,
    /// At most so many
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// What one may do with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ServiceAction {
    MakeToken,
    RevokeToken,
    End,
}

/// A service, as the list shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Service {
    id: String,
    user_name: String,
    display_name: String,
    organisation: OrganisationName,
    /// Its roles today, as far as they are seen.
    roles: Vec<Role>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// How many of its tokens work.
    #[schema(minimum = 0)]
    tokens_working: i64,
    /// When the first of them expires.
    #[schema(required, format = DateTime)]
    next_expires_at: Option<String>,
    /// When one of its tokens was last used, to a minute.
    #[schema(required, format = DateTime)]
    last_used_at: Option<String>,
}

/// A page of services.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServicePage {
    items: Vec<Service>,
    #[schema(required)]
    next_cursor: Option<String>,
    #[schema(minimum = 0)]
    total: i64,
}

/// A service, as its page shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServiceDetail {
    #[serde(flatten)]
    service: Service,
    /// Past ones too, the newest first.
    memberships: Vec<Membership>,
    /// The newest first.
    tokens: Vec<Token>,
    /// What its roles give today of what a token may be made for, as in `alert:read`.
    abilities: Vec<String>,
    /// Longest a token is good, in days.
    #[schema(minimum = 1)]
    token_days_max: u32,
    /// What who asks may do with it.
    actions: Vec<ServiceAction>,
}

/// A service that is to be.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ServiceRequest {
    /// Letters, digits and `. _ - @`; no account has it.
    user_name: String,
    display_name: String,
    /// Code of the organisation that it belongs to.
    organisation: String,
    /// At most 20; none that decides.
    #[serde(default)]
    memberships: Vec<MembershipRequest>,
}

/// An organisation whose services one sees.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServicePlace {
    organisation: OrganisationName,
    /// Whether one may open services of it.
    can_open: bool,
    /// Roles that one may give a service there.
    gifts: Vec<Gift>,
}

/// Organisations.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServicePlaceList {
    items: Vec<ServicePlace>,
}

/// Whose services and memberships are seen.
pub(super) struct Sight {
    services: Scope,
    memberships: Scope,
}

impl Sight {
    /// Of who asks; that it is nobody's is written down.
    pub(super) async fn of(console: &Console, signed: &Signed) -> Result<Self> {
        Ok(Self {
            services: signed.reach::<thing::ApiToken, action::Read>(console).await?,
            memberships: signed.part::<Given, action::Read>(),
        })
    }

    fn for_store(&self) -> service::Sight<'_> {
        service::Sight {
            services: &self.services,
            memberships: &self.memberships,
        }
    }

    /// A service whole, when it is seen.
    pub(super) async fn detail(&self, console: &Console, signed: &Signed, id: i64) -> Result<ServiceDetail> {
        let (store, id) = (console.database(), AccountId(id));
        let entry = store.service(self.for_store(), id, console.now_us()).await?;
        let tree = authority::organisations(console).await?;
        Ok(ServiceDetail {
            memberships: of_account(console, signed, &tree, &self.memberships, id).await?,
            tokens: tokens::shown(store.tokens_of(id).await?, console.now_us()),
            abilities: authority::abilities_of_service(console, &entry.account, &self.memberships).await?,
            token_days_max: console.options().api_token_days_max,
            actions: actions(signed, &entry),
            service: shown(&tree, entry),
        })
    }
}

/// The service, where it is known to who looks after accounts; whether it is his to change, is asked of the table after that.
pub(super) async fn find(console: &Console, signed: &Signed, id: i64) -> Result<database::Account> {
    let scope = signed.reach::<Held, action::Read>(console).await?;
    let nobodys = Scope::default();
    let sight = service::Sight {
        services: &scope,
        memberships: &nobodys,
    };
    let entry = console
        .database()
        .service(sight, AccountId(id), console.now_us())
        .await?;
    Ok(entry.account)
}

pub(super) fn owned(organisation: &OrganisationId) -> thing::ApiToken {
    thing::ApiToken {
        owner: organisation.clone(),
    }
}

fn actions(signed: &Signed, entry: &ServiceEntry) -> Vec<ServiceAction> {
    let goes_on = entry.ended_us.is_none();
    let token = || owned(&entry.account.organisation);
    let may_remove = signed.would::<_, action::Remove>(token());
    [
        (
            ServiceAction::MakeToken,
            signed.would::<_, action::Create>(token()),
        ),
        (ServiceAction::RevokeToken, may_remove),
        (ServiceAction::End, may_remove),
    ]
    .into_iter()
    .filter_map(|(action, may)| (may && goes_on).then_some(action))
    .collect()
}

fn shown(tree: &vonggac_access::Tree, entry: ServiceEntry) -> Service {
    Service {
        id: entry.account.id.0.to_string(),
        organisation: authority::name_of(tree, &entry.account.organisation),
        user_name: entry.account.user_name,
        display_name: entry.account.display_name,
        roles: entry.roles.into_iter().map(Role::from).collect(),
        created_at: time::to_text(entry.created_us),
        ended_at: entry.ended_us.map(time::to_text),
        tokens_working: entry.tokens,
        next_expires_at: entry.expires_us.map(time::to_text),
        last_used_at: entry.last_used_us.map(time::to_text),
    }
}

/// Services
#[utoipa::path(get, path = "/api/v1/services", operation_id = "listServices", tag = "services", params(ServiceQuery),
    responses(
        (status = 200, description = "A page, by name", body = ServicePage),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "This account sees no services", body = ApiError),
        (status = 422, description = "The list would cost too much", body = ApiError)))]
pub(super) async fn list_services(
    State(console): State<Console>,
    signed: Signed,
    Parameters(query): Parameters<ServiceQuery>,
) -> Result<Json<ServicePage>> {
    let sight = Sight::of(&console, &signed).await?;
    let organisations = match given(query.organisation.as_ref()) {
        Some(code) => Some(beneath(&console, code).await?),
        None => None,
    };
    let filter = ServiceFilter {
        text: query.q.unwrap_or_default(),
        organisations,
        with_ended: query.ended.as_deref() == Some("yes"),
    };
    let cursor = given(query.cursor.as_ref()).map(str::parse).transpose()?;
    let limit = query.limit.unwrap_or(PAGE_SERVICES).clamp(1, PAGE_SERVICES_MAX);
    let (store, now_us) = (console.database(), console.now_us());
    let page = store
        .services(sight.for_store(), &filter, cursor, limit, now_us)
        .await?;
    let tree = authority::organisations(&console).await?;
    Ok(Json(ServicePage {
        items: page
            .entries
            .into_iter()
            .map(|entry| shown(&tree, entry))
            .collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        total: page.total,
    }))
}

/// Where one sees services, and which roles one may give them there
#[utoipa::path(get, path = "/api/v1/services/places", operation_id = "servicePlaces", tag = "services",
    responses(
        (status = 200, description = "Organisations of today, by code", body = ServicePlaceList),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "This account sees no services", body = ApiError)))]
pub(super) async fn service_places(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Json<ServicePlaceList>> {
    let sight = Sight::of(&console, &signed).await?;
    let tree = authority::organisations(&console).await?;
    let current = authority::current(&tree, &sight.services, today(&console)?);
    let place = |id: OrganisationId| ServicePlace {
        organisation: authority::name_of(&tree, &id),
        can_open: signed.would::<_, action::Create>(owned(&id))
            && signed.would::<_, action::Create>(nobody_yet(&id, Vec::new())),
        gifts: accounts::gifts(&signed, &id, may_serve),
    };
    Ok(Json(ServicePlaceList {
        items: current.map(place).collect(),
    }))
}

fn nobody_yet(organisation: &OrganisationId, roles: Vec<AccessRole>) -> Held {
    Held {
        owner: organisation.clone(),
        person: None,
        roles,
    }
}

/// Open a service
#[utoipa::path(post, path = "/api/v1/services", operation_id = "openService", tag = "services", request_body = ServiceRequest,
    responses(
        (status = 201, description = "The service, without a token yet", body = ServiceDetail),
        (status = 400, description = "The request is not valid, or a role decides", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such organisation for this account, or a role is not one's to give", body = ApiError),
        (status = 409, description = "The name is taken, or roles exclude each other", body = ApiError)))]
pub(super) async fn open_service(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<ServiceRequest>,
) -> Result<(StatusCode, Json<ServiceDetail>)> {
    let today = today(&console)?;
    let read = |one: &MembershipRequest| one.read(SOMEBODY_NEW, today);
    let memberships = request.memberships.iter().map(read).collect::<Result<Vec<_>>>()?;
    let organisation: OrganisationId = request.organisation.parse().map_err(|_| Failure::not_found())?;
    let held = nobody_yet(&organisation, roles_to_come(memberships.iter(), today));
    let is_his = signed.would::<_, action::Create>(owned(&organisation))
        && signed.would::<_, action::Create>(held.clone());
    if is_his {
        permit_gifts(&console, &signed, memberships.iter(), 0).await?;
    }
    signed
        .permit::<_, action::Create>(&console, owned(&organisation), "")
        .await?;
    signed.permit::<_, action::Create>(&console, held, 0).await?;
    let service = NewPerson {
        user_name: request.user_name,
        display_name: request.display_name,
        language: Language::Vietnamese,
    };
    let (store, now_us) = (console.database(), console.now_us());
    let account = store
        .open_service(&signed.by(), &service, &organisation, &memberships, now_us)
        .await?;
    let sight = Sight::of(&console, &signed).await?;
    let detail = sight.detail(&console, &signed, account.id.0).await?;
    Ok((StatusCode::CREATED, Json(detail)))
}

/// A service
#[utoipa::path(get, path = "/api/v1/services/{id}", operation_id = "getService", tag = "services",
    params(("id" = String, Path, description = "Id of the service's account")),
    responses(
        (status = 200, description = "The service, its roles, its tokens, and what may be done with it", body = ServiceDetail),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "There is no such service for this account", body = ApiError)))]
pub(super) async fn get_service(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<Json<ServiceDetail>> {
    let sight = Sight::of(&console, &signed).await?;
    Ok(Json(sight.detail(&console, &signed, id).await?))
}

/// End a service for good
#[utoipa::path(post, path = "/api/v1/services/{id}/end", operation_id = "endService", tag = "services",
    params(("id" = String, Path, description = "Id of the service's account")),
    responses(
        (status = 204, description = "None of its tokens works any more; its name stays taken"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such service for this account, or it is not one's to end", body = ApiError),
        (status = 409, description = "It has ended already", body = ApiError)))]
pub(super) async fn end_service(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<StatusCode> {
    let account = find(&console, &signed, id).await?;
    signed
        .permit::<_, action::Remove>(&console, owned(&account.organisation), id)
        .await?;
    let held = accounts::Whole::of(&console, &account).await?;
    held.permit_remove(&console, &signed).await?;
    let (store, now_us) = (console.database(), console.now_us());
    store.end_service(&signed.by(), account.id, now_us).await?;
    Ok(StatusCode::NO_CONTENT)
}
