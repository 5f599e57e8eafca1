//! Who has which role where: given, agreed to by a second person, ended.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vonggac_access::account::Waiting;
use vonggac_access::{Day, Membership as Given, OrganisationId, PersonId, Span, Tree, action};
use vonggac_database::membership::Named;
use vonggac_database::{AccountId, MembershipId};
use vonggac_event::Scope;

use super::accounts;
use super::shapes::{OrganisationName, Person, Role};
use crate::authority;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Anyone, Body, NumberPath, PairPath, Parameters, Signed};
use crate::state::Console;

/// A role to be given.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct MembershipRequest {
    role: Role,
    /// Code of the organisation.
    organisation: String,
    /// First day, as in `2026-01-31`; today without it. None before today: the past stays as it was.
    #[schema(format = Date)]
    from: Option<String>,
    /// First day on which it is over; without it, no end is known.
    #[schema(format = Date)]
    until: Option<String>,
}

/// When a membership ends.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EndQuery {
    /// First day on which it is over; today without it
    #[param(format = Date)]
    until: Option<String>,
}

/// What one may do with a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum MembershipAction {
    Approve,
    End,
}

/// A role of somebody.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Membership {
    id: String,
    person: Person,
    user_name: String,
    organisation: OrganisationName,
    role: Role,
    #[schema(format = Date)]
    from: Option<String>,
    /// First day on which it is over.
    #[schema(required, format = Date)]
    until: Option<String>,
    /// Whether it is over, or was taken back.
    is_over: bool,
    /// Whether it waits for a second person, and so does not count yet.
    waits: bool,
    /// Who gave it; none: the server's owner.
    #[schema(required)]
    granted_by: Option<Person>,
    /// Who agreed to it as the second person.
    #[schema(required)]
    approved_by: Option<Person>,
    /// What who asks may do with it.
    actions: Vec<MembershipAction>,
}

/// Roles of somebody, or of several.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MembershipList {
    items: Vec<Membership>,
}

pub(super) fn today(console: &Console) -> Result<Day> {
    Ok(authority::today(console)?)
}

/// A day as it stands in a request.
pub(super) fn day(field: &'static str, text: Option<&str>) -> Result<Option<Day>> {
    let read = |text: &str| {
        text.parse()
            .map_err(|_| Failure::invalid(field, format!("{field} is not a day such as 2026-01-31")))
    };
    text.map(read).transpose()
}

impl MembershipRequest {
    /// As it would be for `person`.
    pub(super) fn read(&self, person: PersonId, today: Day) -> Result<Given> {
        let organisation: OrganisationId = self.organisation.parse().map_err(|_| Failure::not_found())?;
        let from = day("from", self.from.as_deref())?.unwrap_or(today);
        if from < today {
            return Err(Failure::invalid("from", "from is over already"));
        }
        Ok(Given {
            person,
            organisation,
            role: self.role.into(),
            span: Span {
                from: Some(from),
                until: day("until", self.until.as_deref())?,
            },
        })
    }
}

fn waiting(named: &Named) -> Waiting {
    Waiting {
        membership: named.kept.membership.clone(),
        granted_by: named.kept.granted_by.map(|id| PersonId(id.0)),
    }
}

fn shown(signed: &Signed, tree: &Tree, today: Day, named: Named) -> Membership {
    let given = &named.kept.membership;
    let is_over = given.span.is_over(today);
    let mut actions = Vec::new();
    if !is_over && named.kept.waits && signed.would::<_, action::Approve>(waiting(&named)) {
        actions.push(MembershipAction::Approve);
    }
    if !is_over && signed.would::<_, action::Remove>(given.clone()) {
        actions.push(MembershipAction::End);
    }
    Membership {
        id: named.kept.id.0.to_string(),
        organisation: authority::name_of(tree, &given.organisation),
        role: given.role.into(),
        from: given.span.from.map(|day| day.to_string()),
        until: given.span.until.map(|day| day.to_string()),
        is_over,
        waits: named.kept.waits,
        person: named.person.into(),
        user_name: named.user_name,
        granted_by: named.granted_by.map(Person::from),
        approved_by: named.approved_by.map(Person::from),
        actions,
    }
}

/// The memberships of an account that may be seen.
pub(super) async fn of_account(
    console: &Console,
    signed: &Signed,
    tree: &Tree,
    scope: &Scope,
    id: AccountId,
) -> Result<Vec<Membership>> {
    let today = today(console)?;
    let found = console.database().seen_memberships(scope, id).await?;
    let show = |named| shown(signed, tree, today, named);
    Ok(found.into_iter().map(show).collect())
}

/// The roles of an account
#[utoipa::path(get, path = "/api/v1/accounts/{id}/memberships", operation_id = "accountMemberships", tag = "people",
    params(("id" = String, Path, description = "Id of the account")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "Past ones too, the newest first", body = MembershipList),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such account for this one", body = ApiError)))]
pub(super) async fn account_memberships(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    NumberPath(id): NumberPath,
) -> Result<Json<MembershipList>> {
    let sight = accounts::Sight::of(&console, &signed).await?;
    let account = sight.account(&console, id).await?;
    let tree = authority::organisations(&console).await?;
    let items = of_account(&console, &signed, &tree, &sight.memberships, account.id).await?;
    Ok(Json(MembershipList { items }))
}

/// Give a role
#[utoipa::path(post, path = "/api/v1/accounts/{id}/memberships", operation_id = "grantMembership", tag = "people",
    params(("id" = String, Path, description = "Id of the account")), request_body = MembershipRequest,
    responses(
        (status = 201, description = "Given; it may wait for a second person", body = MembershipList),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such account or organisation for this one, or it is not one's to give", body = ApiError),
        (status = 409, description = "The person has it, or a role that excludes it", body = ApiError)))]
pub(super) async fn grant_membership(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<MembershipRequest>,
) -> Result<(StatusCode, Json<MembershipList>)> {
    let sight = accounts::Sight::of(&console, &signed).await?;
    let account = sight.account(&console, id).await?;
    let given = request.read(PersonId(id), today(&console)?)?;
    signed
        .permit::<_, action::Create>(&console, given.clone(), id)
        .await?;
    console
        .database()
        .grant_membership(&signed.by(), &given, console.now_us())
        .await?;
    let tree = authority::organisations(&console).await?;
    let items = of_account(&console, &signed, &tree, &sight.memberships, account.id).await?;
    Ok((StatusCode::CREATED, Json(MembershipList { items })))
}

async fn find(console: &Console, signed: &Signed, account: i64, id: i64) -> Result<Named> {
    let scope = signed.reach::<Given, action::Read>(console).await?;
    let named = console
        .database()
        .seen_membership(&scope, AccountId(account), MembershipId(id))
        .await?;
    Ok(named)
}

/// End a role
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/memberships/{membership}", operation_id = "endMembership", tag = "people",
    params(("id" = String, Path, description = "Id of the account"),
        ("membership" = String, Path, description = "Id of the membership"), EndQuery),
    responses(
        (status = 204, description = "From that day on it counts no more"),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is none for this account that still counts, or it is not one's to end", body = ApiError),
        (status = 409, description = "Nobody else runs the nation's organisation", body = ApiError)))]
pub(super) async fn end_membership(
    State(console): State<Console>,
    signed: Signed,
    PairPath(account, id): PairPath,
    Parameters(query): Parameters<EndQuery>,
) -> Result<StatusCode> {
    let named = find(&console, &signed, account, id).await?;
    signed
        .permit::<_, action::Remove>(&console, named.kept.membership, id)
        .await?;
    let today = today(&console)?;
    let until = day("until", query.until.as_deref())?.unwrap_or(today);
    if until < today {
        return Err(Failure::invalid("until", "until is over already"));
    }
    console
        .database()
        .end_membership(&signed.by(), MembershipId(id), until, console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Agree to a role as the second person
#[utoipa::path(post, path = "/api/v1/accounts/{id}/memberships/{membership}/approve", operation_id = "approveMembership", tag = "people",
    params(("id" = String, Path, description = "Id of the account"),
        ("membership" = String, Path, description = "Id of the membership")),
    responses(
        (status = 204, description = "It counts"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is none for this account that waits, or it is not one's to approve", body = ApiError)))]
pub(super) async fn approve_membership(
    State(console): State<Console>,
    signed: Signed,
    PairPath(account, id): PairPath,
) -> Result<StatusCode> {
    let named = find(&console, &signed, account, id).await?;
    signed
        .permit::<_, action::Approve>(&console, waiting(&named), id)
        .await?;
    console
        .database()
        .approve_membership(&signed.by(), MembershipId(id), console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Roles that wait for a second person
#[utoipa::path(get, path = "/api/v1/memberships/waiting", operation_id = "waitingMemberships", tag = "people",
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The oldest first", body = MembershipList),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "This account sees no roles", body = ApiError)))]
pub(super) async fn waiting_memberships(
    State(console): State<Console>,
    Anyone(signed): Anyone,
) -> Result<Json<MembershipList>> {
    let scope = signed.reach::<Given, action::Read>(&console).await?;
    let found = console
        .database()
        .waiting_memberships(&scope, console.now_us())
        .await?;
    let tree = authority::organisations(&console).await?;
    let today = today(&console)?;
    let show = |named| shown(&signed, &tree, today, named);
    Ok(Json(MembershipList {
        items: found.into_iter().map(show).collect(),
    }))
}

/// The different roles that memberships which are not over give, also those that wait or have not begun.
pub(super) fn roles_to_come<'a>(
    all: impl Iterator<Item = &'a Given>,
    today: Day,
) -> Vec<vonggac_access::Role> {
    let to_come = all.filter(|given| !given.span.is_over(today));
    let roles: BTreeSet<_> = to_come.map(|given| given.role).collect();
    roles.into_iter().collect()
}
