//! Accounts, for those who look after people. An account is seen where its organisation is; the roles it has elsewhere are not.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vonggac_access::account::Account as Held;
use vonggac_access::{
    Membership as Given, OrganisationId, PersonId, Role as AccessRole, action, policy, thing,
};
use vonggac_database::administration::AccountChange;
use vonggac_database::audit::Deed;
use vonggac_database::membership::Kept;
use vonggac_database::roster::{self, PAGE_ACCOUNTS_MAX, RosterEntry, RosterFilter, State as Standing};
use vonggac_database::{self as database, AccountId, MembershipId, NewPerson, SessionId};
use vonggac_event::Scope;

use super::links::{self, WelcomeLink};
use super::memberships::{Membership, MembershipRequest, of_account, roles_to_come, today};
use super::session::{self, language};
use super::shapes::{OrganisationName, Role, SessionView};
use crate::authority;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Anyone, Body, InSession, NumberPath, PairPath, Parameters, Signed};
use crate::state::Console;
use crate::time;

/// Accounts on a page when nothing is said.
const PAGE_ACCOUNTS: u32 = 50;

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountQuery {
    /// Part of the user name or the name others see
    q: Option<String>,
    /// Those of this organisation and of what stands beneath it
    organisation: Option<String>,
    /// Those that have this role today
    role: Option<String>,
    /// `invited`, `active`, `locked` or `disabled`
    state: Option<String>,
    /// Those with a second factor (`yes`), or without (`no`)
    factor: Option<String>,
    /// At most so many
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AccountState {
    /// Its owner has not chosen a password yet.
    Invited,
    /// Its owner can sign in.
    Active,
    /// Too many attempts failed; only browsers that know it may try.
    Locked,
    /// Nobody can sign in to it.
    Disabled,
}

/// What one may do with an account of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AccountAction {
    Change,
    Reset,
    /// To be the second person of its link.
    SecondLink,
    Disable,
    Enable,
    ReadSessions,
    EndSessions,
}

/// An account, as the list shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountEntry {
    id: String,
    user_name: String,
    display_name: String,
    organisation: OrganisationName,
    /// `vi` or `en`.
    language: String,
    state: AccountState,
    /// Its roles today, as far as they are seen.
    roles: Vec<Role>,
    has_factor: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    last_sign_in_at: Option<String>,
    #[schema(required, format = DateTime)]
    disabled_at: Option<String>,
    /// Until when its link works; none: there is none that does.
    #[schema(required, format = DateTime)]
    link_expires_at: Option<String>,
    /// Whether that link waits for a second person.
    link_waits: bool,
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountPage {
    items: Vec<AccountEntry>,
    #[schema(required)]
    next_cursor: Option<String>,
    #[schema(minimum = 0)]
    total: i64,
    counts: AccountCounts,
}

/// How many accounts stand how, whatever the filter.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountCounts {
    #[schema(minimum = 0)]
    invited: i64,
    #[schema(minimum = 0)]
    active: i64,
    #[schema(minimum = 0)]
    locked: i64,
    #[schema(minimum = 0)]
    disabled: i64,
}

/// An account, as its page shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountDetail {
    #[serde(flatten)]
    account: AccountEntry,
    /// Since when it has an app for one-time codes.
    #[schema(required, format = DateTime)]
    totp_since: Option<String>,
    #[schema(minimum = 0)]
    passkeys: i64,
    /// Past ones too, the newest first.
    memberships: Vec<Membership>,
    /// What who asks may do with it.
    actions: Vec<AccountAction>,
}

/// Who is invited.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct InvitationRequest {
    user_name: String,
    display_name: String,
    /// `vi` or `en`.
    language: String,
    /// Code of the organisation that the account belongs to.
    organisation: String,
    /// At most 20.
    #[serde(default)]
    memberships: Vec<MembershipRequest>,
}

/// Somebody who was invited.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Invitation {
    account: AccountDetail,
    link: WelcomeLink,
}

/// What is to be another; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct AccountChangeRequest {
    display_name: Option<String>,
    language: Option<String>,
    /// Code of the organisation.
    organisation: Option<String>,
}

/// A role that one may give.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Gift {
    role: Role,
    /// Whether it counts only once a second person has agreed.
    waits: bool,
}

/// An organisation whose accounts one sees, and what one may give there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountPlace {
    organisation: OrganisationName,
    /// Whether one may make accounts of it.
    can_invite: bool,
    gifts: Vec<Gift>,
}

/// Organisations.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountPlaceList {
    items: Vec<AccountPlace>,
}

/// Whose accounts and memberships are seen.
pub(super) struct Sight {
    accounts: Scope,
    pub(super) memberships: Scope,
}

impl Sight {
    /// Of who asks; that it is nobody's is written down.
    pub(super) async fn of(console: &Console, signed: &Signed) -> Result<Self> {
        Ok(Self {
            accounts: signed.reach::<Held, action::Read>(console).await?,
            memberships: signed.part::<Given, action::Read>(),
        })
    }

    /// The account of a person or a service, when it is seen.
    pub(super) async fn account(&self, console: &Console, id: i64) -> Result<database::Account> {
        let found = console.database().account_within(&self.accounts, AccountId(id));
        Ok(found.await?)
    }

    fn for_store(&self) -> roster::Sight<'_> {
        roster::Sight {
            accounts: &self.accounts,
            memberships: &self.memberships,
        }
    }

    /// The account, when it is seen.
    pub(super) async fn entry(&self, console: &Console, id: i64) -> Result<RosterEntry> {
        let found = console
            .database()
            .roster_entry(self.for_store(), AccountId(id), console.now_us());
        Ok(found.await?)
    }
}

/// An account as rights see it, with all that its owner has or will have, seen or not.
pub(super) struct Whole {
    held: Held,
    to_come: Vec<Kept>,
}

impl Whole {
    pub(super) async fn of(console: &Console, account: &database::Account) -> Result<Self> {
        let today = today(console)?;
        let mut to_come = console.database().memberships_of(account.id).await?;
        to_come.retain(|kept| !kept.membership.span.is_over(today));
        Ok(Self {
            held: Held {
                owner: account.organisation.clone(),
                person: Some(PersonId(account.id.0)),
                roles: roles_to_come(to_come.iter().map(|kept| &kept.membership), today),
            },
            to_come,
        })
    }

    /// That the account may be changed. Who changes it could sign in with it, so he must be one who may give each role where it is.
    pub(super) async fn permit_change(&self, console: &Console, signed: &Signed) -> Result<()> {
        let id = self.held.person.map_or(0, |person| person.0);
        // What is not his to change is not there, also where he is not sure enough for the rest.
        if !signed.would::<_, action::Change>(self.held.clone()) {
            return signed
                .permit::<_, action::Change>(console, self.held.clone(), id)
                .await;
        }
        permit_gifts(
            console,
            signed,
            self.to_come.iter().map(|kept| &kept.membership),
            id,
        )
        .await?;
        signed
            .permit::<_, action::Change>(console, self.held.clone(), id)
            .await
    }

    /// That the account may be shut.
    pub(super) async fn permit_remove(&self, console: &Console, signed: &Signed) -> Result<()> {
        let id = self.held.person.map_or(0, |person| person.0);
        signed
            .permit::<_, action::Remove>(console, self.held.clone(), id)
            .await
    }

    /// The memberships that rights were asked about.
    pub(super) fn looked_at(&self) -> Vec<MembershipId> {
        self.to_come.iter().map(|kept| kept.id).collect()
    }

    fn may_change(&self, signed: &Signed) -> bool {
        let gives = |kept: &Kept| signed.would::<_, action::Create>(kept.membership.clone());
        self.to_come.iter().all(gives) && signed.would::<_, action::Change>(self.held.clone())
    }

    fn actions(&self, signed: &Signed, entry: &RosterEntry) -> Vec<AccountAction> {
        let is_disabled = entry.state == Standing::Disabled;
        let is_another = entry.link_made_by != Some(signed.account.id);
        let may_change = self.may_change(signed);
        let may_remove = signed.would::<_, action::Remove>(self.held.clone());
        let session = || thing::Session {
            owner: self.held.owner.clone(),
        };
        [
            (AccountAction::Change, may_change),
            (AccountAction::Reset, may_change && !is_disabled),
            (
                AccountAction::SecondLink,
                may_change && entry.link_waits && is_another,
            ),
            (AccountAction::Disable, may_remove && !is_disabled),
            (AccountAction::Enable, may_change && is_disabled),
            (
                AccountAction::ReadSessions,
                signed.would::<_, action::Read>(session()),
            ),
            (
                AccountAction::EndSessions,
                signed.would::<_, action::Remove>(session()),
            ),
        ]
        .into_iter()
        .filter_map(|(action, may)| may.then_some(action))
        .collect()
    }
}

/// That all these roles may be given. Where one is not his to give, that is the answer, also where he is not sure enough for another.
pub(super) async fn permit_gifts<'a>(
    console: &Console,
    signed: &Signed,
    gifts: impl Iterator<Item = &'a Given> + Clone,
    id: i64,
) -> Result<()> {
    let not_his = gifts
        .clone()
        .find(|given| !signed.would::<_, action::Create>((*given).clone()));
    for given in not_his.into_iter().chain(gifts) {
        signed
            .permit::<_, action::Create>(console, given.clone(), id)
            .await?;
    }
    Ok(())
}

impl From<Standing> for AccountState {
    fn from(state: Standing) -> Self {
        match state {
            Standing::Invited => Self::Invited,
            Standing::Active => Self::Active,
            Standing::Locked => Self::Locked,
            Standing::Disabled => Self::Disabled,
        }
    }
}

fn entry_shown(tree: &vonggac_access::Tree, entry: RosterEntry) -> AccountEntry {
    AccountEntry {
        id: entry.account.id.0.to_string(),
        organisation: authority::name_of(tree, &entry.account.organisation),
        language: entry.account.language.code().to_owned(),
        user_name: entry.account.user_name,
        display_name: entry.account.display_name,
        state: entry.state.into(),
        roles: entry.roles.into_iter().map(Role::from).collect(),
        has_factor: entry.has_factor,
        created_at: time::to_text(entry.created_us),
        last_sign_in_at: entry.last_sign_in_us.map(time::to_text),
        disabled_at: entry.disabled_us.map(time::to_text),
        link_expires_at: entry.link_expires_us.map(time::to_text),
        link_waits: entry.link_waits,
    }
}

async fn detail(console: &Console, signed: &Signed, sight: &Sight, id: i64) -> Result<AccountDetail> {
    let entry = sight.entry(console, id).await?;
    let whole = Whole::of(console, &entry.account).await?;
    let factors = console.database().factors(entry.account.id).await?;
    let tree = authority::organisations(console).await?;
    Ok(AccountDetail {
        totp_since: factors.totp_since_us.map(time::to_text),
        passkeys: factors.passkeys,
        memberships: of_account(console, signed, &tree, &sight.memberships, entry.account.id).await?,
        actions: whole.actions(signed, &entry),
        account: entry_shown(&tree, entry),
    })
}

/// A parameter that says something.
pub(super) fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

impl AccountQuery {
    async fn filter(&self, console: &Console) -> Result<RosterFilter> {
        let state = |name: &str| {
            Standing::from_name(name).ok_or_else(|| Failure::invalid("state", "state is not known"))
        };
        let role = |name: &str| {
            name.parse::<AccessRole>()
                .map_err(|_| Failure::invalid("role", "role is not known"))
        };
        let factor = |name: &str| match name {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(Failure::invalid("factor", "factor is yes or no")),
        };
        let organisations = match given(self.organisation.as_ref()) {
            Some(code) => Some(beneath(console, code).await?),
            None => None,
        };
        Ok(RosterFilter {
            text: self.q.clone().unwrap_or_default(),
            organisations,
            role: given(self.role.as_ref()).map(role).transpose()?,
            state: given(self.state.as_ref()).map(state).transpose()?,
            has_factor: given(self.factor.as_ref()).map(factor).transpose()?,
        })
    }
}

/// An organisation with all beneath it; of an unknown one nobody has accounts.
pub(super) async fn beneath(console: &Console, code: &str) -> Result<Scope> {
    let Ok(id) = code.parse::<OrganisationId>() else {
        return Ok(Scope::default());
    };
    let tree = authority::organisations(console).await?;
    let mut all = tree.subtree_at(&id, today(console)?);
    all.insert(&id);
    Ok(Scope::of(all.into_iter().map(OrganisationId::as_str)))
}

/// Accounts
#[utoipa::path(get, path = "/api/v1/accounts", operation_id = "listAccounts", tag = "people", params(AccountQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "A page, by name", body = AccountPage),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "This account sees no others", body = ApiError),
        (status = 422, description = "The list would cost too much", body = ApiError)))]
pub(super) async fn list_accounts(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    Parameters(query): Parameters<AccountQuery>,
) -> Result<Json<AccountPage>> {
    let sight = Sight::of(&console, &signed).await?;
    let filter = query.filter(&console).await?;
    let cursor = given(query.cursor.as_ref()).map(str::parse).transpose()?;
    let limit = query.limit.unwrap_or(PAGE_ACCOUNTS).clamp(1, PAGE_ACCOUNTS_MAX);
    let now_us = console.now_us();
    let store = console.database();
    let page = store
        .roster(sight.for_store(), &filter, cursor, limit, now_us)
        .await?;
    let counts = store.roster_counts(sight.for_store(), now_us).await?;
    let tree = authority::organisations(&console).await?;
    let show = |entry| entry_shown(&tree, entry);
    Ok(Json(AccountPage {
        items: page.entries.into_iter().map(show).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        total: page.total,
        counts: AccountCounts {
            invited: counts.invited,
            active: counts.active,
            locked: counts.locked,
            disabled: counts.disabled,
        },
    }))
}

/// Where one sees accounts, and which roles one may give there
#[utoipa::path(get, path = "/api/v1/accounts/places", operation_id = "accountPlaces", tag = "people",
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "Organisations of today, by code", body = AccountPlaceList),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "This account sees no others", body = ApiError)))]
pub(super) async fn account_places(
    State(console): State<Console>,
    Anyone(signed): Anyone,
) -> Result<Json<AccountPlaceList>> {
    let sight = Sight::of(&console, &signed).await?;
    let tree = authority::organisations(&console).await?;
    let current = authority::current(&tree, &sight.accounts, today(&console)?);
    let place = |id: OrganisationId| AccountPlace {
        organisation: authority::name_of(&tree, &id),
        can_invite: signed.would::<_, action::Create>(Held {
            owner: id.clone(),
            person: None,
            roles: Vec::new(),
        }),
        gifts: gifts(&signed, &id, |_| true),
    };
    Ok(Json(AccountPlaceList {
        items: current.map(place).collect(),
    }))
}

/// Somebody who is yet to be made: ids begin at 1.
pub(super) const SOMEBODY_NEW: PersonId = PersonId(0);

/// The roles of those that one may give at an organisation.
pub(super) fn gifts(signed: &Signed, at: &OrganisationId, of: fn(AccessRole) -> bool) -> Vec<Gift> {
    let may_give = |role: &AccessRole| {
        signed.would::<_, action::Create>(Given {
            person: SOMEBODY_NEW,
            organisation: at.clone(),
            role: *role,
            span: Default::default(),
        })
    };
    let gift = |role| Gift {
        role: Role::from(role),
        waits: policy::needs_second_person(role),
    };
    AccessRole::ALL
        .into_iter()
        .filter(|&role| of(role))
        .filter(may_give)
        .map(gift)
        .collect()
}

/// Invite somebody
#[utoipa::path(post, path = "/api/v1/accounts", operation_id = "inviteAccount", tag = "people", request_body = InvitationRequest,
    responses(
        (status = 201, description = "The account, and the link for its owner, told this once", body = Invitation),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such organisation for this account, or a role is not one's to give", body = ApiError),
        (status = 409, description = "The user name is taken, or roles exclude each other", body = ApiError)))]
pub(super) async fn invite_account(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<InvitationRequest>,
) -> Result<(StatusCode, Json<Invitation>)> {
    let sight = Sight::of(&console, &signed).await?;
    let today = today(&console)?;
    let read = |one: &MembershipRequest| one.read(SOMEBODY_NEW, today);
    let memberships = request.memberships.iter().map(read).collect::<Result<Vec<_>>>()?;
    let organisation: OrganisationId = request.organisation.parse().map_err(|_| Failure::not_found())?;
    let held = Held {
        owner: organisation.clone(),
        person: None,
        roles: roles_to_come(memberships.iter(), today),
    };
    if signed.would::<_, action::Create>(held.clone()) {
        permit_gifts(&console, &signed, memberships.iter(), 0).await?;
    }
    signed.permit::<_, action::Create>(&console, held, 0).await?;
    let person = NewPerson {
        user_name: request.user_name,
        display_name: request.display_name,
        language: language(&request.language)?,
    };
    let (account, link) = console
        .database()
        .invite(
            &signed.by(),
            &person,
            &organisation,
            &memberships,
            console.now_us(),
        )
        .await?;
    let invitation = Invitation {
        account: detail(&console, &signed, &sight, account.id.0).await?,
        link: links::shown(&link),
    };
    Ok((StatusCode::CREATED, Json(invitation)))
}

/// An account
#[utoipa::path(get, path = "/api/v1/accounts/{id}", operation_id = "getAccount", tag = "people",
    params(("id" = String, Path, description = "Id of the account")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The account, its roles, and what may be done with it", body = AccountDetail),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such account for this one", body = ApiError)))]
pub(super) async fn get_account(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    NumberPath(id): NumberPath,
) -> Result<Json<AccountDetail>> {
    let sight = Sight::of(&console, &signed).await?;
    Ok(Json(detail(&console, &signed, &sight, id).await?))
}

/// Change an account
#[utoipa::path(patch, path = "/api/v1/accounts/{id}", operation_id = "changeAccount", tag = "people",
    params(("id" = String, Path, description = "Id of the account")), request_body = AccountChangeRequest,
    responses(
        (status = 200, description = "The account as it now is", body = AccountDetail),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such account or organisation for this one, or it is not one's to change", body = ApiError)))]
pub(super) async fn change_account(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
    Body(request): Body<AccountChangeRequest>,
) -> Result<Json<AccountDetail>> {
    let sight = Sight::of(&console, &signed).await?;
    let entry = sight.entry(&console, id).await?;
    let whole = Whole::of(&console, &entry.account).await?;
    let organisation = match &request.organisation {
        Some(code) => {
            let code: OrganisationId = code.parse().map_err(|_| Failure::not_found())?;
            let moved = Held {
                owner: code.clone(),
                ..whole.held.clone()
            };
            if whole.may_change(&signed) {
                signed.permit::<_, action::Create>(&console, moved, id).await?;
            }
            Some(code)
        }
        None => None,
    };
    whole.permit_change(&console, &signed).await?;
    let change = AccountChange {
        display_name: request.display_name,
        language: request.language.as_deref().map(language).transpose()?,
        organisation,
    };
    console
        .database()
        .change_account(&signed.by(), AccountId(id), &change, console.now_us())
        .await?;
    Ok(Json(detail(&console, &signed, &sight, id).await?))
}

/// Disable an account
#[utoipa::path(post, path = "/api/v1/accounts/{id}/disable", operation_id = "disableAccount", tag = "people",
    params(("id" = String, Path, description = "Id of the account")),
    responses(
        (status = 204, description = "Nobody can sign in to it; its sessions have ended"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such account for this one, or it is not one's to disable", body = ApiError),
        (status = 409, description = "It is disabled already, or nobody else runs the nation's organisation", body = ApiError)))]
pub(super) async fn disable_account(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<StatusCode> {
    let sight = Sight::of(&console, &signed).await?;
    let entry = sight.entry(&console, id).await?;
    let whole = Whole::of(&console, &entry.account).await?;
    whole.permit_remove(&console, &signed).await?;
    console
        .database()
        .disable_account(&signed.by(), AccountId(id), console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Enable an account again
#[utoipa::path(post, path = "/api/v1/accounts/{id}/enable", operation_id = "enableAccount", tag = "people",
    params(("id" = String, Path, description = "Id of the account")),
    responses(
        (status = 204, description = "Its owner can sign in as before"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such account for this one, or it is not one's to enable", body = ApiError),
        (status = 409, description = "It is not disabled", body = ApiError)))]
pub(super) async fn enable_account(
    State(console): State<Console>,
    signed: Signed,
    NumberPath(id): NumberPath,
) -> Result<StatusCode> {
    let sight = Sight::of(&console, &signed).await?;
    let entry = sight.entry(&console, id).await?;
    Whole::of(&console, &entry.account)
        .await?
        .permit_change(&console, &signed)
        .await?;
    console
        .database()
        .enable_account(&signed.by(), AccountId(id), console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The sessions of an account
#[utoipa::path(get, path = "/api/v1/accounts/{id}/sessions", operation_id = "accountSessions", tag = "people",
    params(("id" = String, Path, description = "Id of the account")),
    responses(
        (status = 200, description = "The living ones, the newest first", body = Vec<SessionView>),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such account for this one, or its sessions are not seen", body = ApiError)))]
pub(super) async fn account_sessions(
    State(console): State<Console>,
    signed: InSession,
    NumberPath(id): NumberPath,
) -> Result<Json<Vec<SessionView>>> {
    let sight = Sight::of(&console, &signed).await?;
    let entry = sight.entry(&console, id).await?;
    let session = thing::Session {
        owner: entry.account.organisation,
    };
    signed.permit::<_, action::Read>(&console, session, id).await?;
    let deed = Deed::done("session.read", "account", id);
    signed.note(&console, deed).await?;
    let sessions = console
        .database()
        .list_sessions(AccountId(id), console.now_us())
        .await?;
    Ok(Json(session::shown(signed.session, sessions)))
}

/// End a session of an account
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/sessions/{session}", operation_id = "endAccountSession", tag = "people",
    params(("id" = String, Path, description = "Id of the account"), ("session" = String, Path, description = "Id of the session")),
    responses(
        (status = 204, description = "Ended"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such session of such an account for this one", body = ApiError)))]
pub(super) async fn end_account_session(
    State(console): State<Console>,
    signed: Signed,
    PairPath(id, session): PairPath,
) -> Result<StatusCode> {
    let sight = Sight::of(&console, &signed).await?;
    let entry = sight.entry(&console, id).await?;
    let owned = thing::Session {
        owner: entry.account.organisation,
    };
    signed.permit::<_, action::Remove>(&console, owned, id).await?;
    console
        .database()
        .end_session_of(&signed.by(), AccountId(id), SessionId(session), console.now_us())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
