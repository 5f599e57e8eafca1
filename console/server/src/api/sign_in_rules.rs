//! Which roles take a passkey to sign in, and when sessions lock by themselves at the latest: settings of the console, so the nation's.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vonggac_access::{Role as AccessRole, action, thing};
use vonggac_database::sign_in_policy::RoleAndPasskeys;

use super::factors::no_vault;
use super::settings::permit_national;
use super::shapes::Role;
use crate::error::{ApiError, Result};
use crate::extract::{Body, InSession, Signed};
use crate::state::Console;

/// How a role stands to passkeys.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PasskeyRole {
    role: Role,
    /// Whether it counts only in a session that has seen a passkey.
    needs_passkey: bool,
    /// Whether it is proposed: who runs the console, and who leads across organisations.
    is_proposed: bool,
    /// How many people have it today.
    #[schema(minimum = 0)]
    people: i64,
    /// How many of them have no passkey, and would have to register one first.
    #[schema(minimum = 0)]
    without_passkey: i64,
}

/// Rules for signing in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignInRules {
    roles: Vec<PasskeyRole>,
    /// After how many minutes without a key or pointer everybody's session locks by itself at the latest; absent: each may choose.
    lock_minutes_max: Option<i32>,
    /// Whether who asks may change them.
    can_change: bool,
}

/// Rules for signing in, as they are to be.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SignInRulesRequest {
    /// All roles that count only in a session that has seen a passkey; none: no role does.
    passkey_roles: Vec<Role>,
    /// 5, 10, 15 or 30; absent: each may choose when sessions lock by themselves.
    #[serde(default)]
    lock_minutes_max: Option<i32>,
}

fn is_proposed(role: AccessRole) -> bool {
    matches!(
        role,
        AccessRole::SystemAdministrator | AccessRole::OrganisationManager | AccessRole::ResponseCoordinator
    )
}

async fn shown(console: &Console, signed: &Signed) -> Result<SignInRules> {
    let roles = console.database().passkey_roles(console.now_us()).await?;
    let show = |one: RoleAndPasskeys| PasskeyRole {
        role: one.role.into(),
        needs_passkey: one.needs_passkey,
        is_proposed: is_proposed(one.role),
        people: one.people,
        without_passkey: one.without_passkey,
    };
    let own = signed.part::<thing::SystemSetting, action::Read>();
    let mut codes = own.codes().filter_map(|code| code.parse().ok());
    let can_change = codes.any(|owner| signed.would::<_, action::Change>(thing::SystemSetting { owner }));
    Ok(SignInRules {
        lock_minutes_max: console.database().lock_minutes_max().await?,
        roles: roles.into_iter().map(show).collect(),
        can_change,
    })
}

/// Which roles take a passkey
#[utoipa::path(get, path = "/api/v1/settings/sign-in", operation_id = "signInRules", tag = "settings",
    responses(
        (status = 200, description = "Each role, and how many people that concerns", body = SignInRules),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "This takes a second factor", body = ApiError),
        (status = 404, description = "This account sees no settings", body = ApiError)))]
pub(super) async fn sign_in_rules(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Json<SignInRules>> {
    permit_national::<action::Read>(&console, &signed).await?;
    Ok(Json(shown(&console, &signed).await?))
}

/// Say which roles take a passkey
#[utoipa::path(put, path = "/api/v1/settings/sign-in", operation_id = "setSignInRules", tag = "settings",
    request_body = SignInRulesRequest,
    responses(
        (status = 200, description = "As they now are; sessions without a passkey lose what these roles give at once", body = SignInRules),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "This account changes no settings", body = ApiError),
        (status = 409, description = "Who asks has not shown a passkey himself, or the console keeps no secrets", body = ApiError)))]
pub(super) async fn set_sign_in_rules(
    State(console): State<Console>,
    signed: InSession,
    Body(request): Body<SignInRulesRequest>,
) -> Result<Json<SignInRules>> {
    permit_national::<action::Change>(&console, &signed).await?;
    let roles: Vec<AccessRole> = request.passkey_roles.into_iter().map(AccessRole::from).collect();
    if !roles.is_empty() && console.vault().is_none() {
        return Err(no_vault());
    }
    let (store, now_us) = (console.database(), console.now_us());
    store
        .set_sign_in_policy(&signed.owner(), &roles, request.lock_minutes_max, now_us)
        .await?;
    Ok(Json(shown(&console, &signed).await?))
}
