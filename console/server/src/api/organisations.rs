//! Organisations, for those who enter, change, end and merge them. One is seen where its things are; one that has not begun, where its parent's are.
// utoipa's macro writes paths out in full, under names of this file.
#![allow(unused_qualifications)]

mod shown;
mod wanted;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use vonggac_access::account::Account as Held;
use vonggac_access::folded::folded;
use vonggac_access::{
    Day, Membership as Given, Organisation, OrganisationId, OrganisationKind as Kind, Tree, action, thing,
};
use vonggac_database::DatabaseError;
use vonggac_database::organisation::edit::{Basis, Claim, Edit, Succession, Successor};
use vonggac_event::Scope;

use self::shown::{
    OrganisationAction, OrganisationDetail, OrganisationEntry, OrganisationList, OrganisationState,
    day_shown, step,
};
use self::wanted::{
    AddOrganisationRequest, ChangeOrganisationRequest, EndOrganisationRequest, NewOrganisation,
    OrganisationQuery, SucceedOrganisationRequest, VersionQuery, code,
};
use super::memberships::{day, today};
use crate::authority;
use crate::error::{ApiError, Failure, Result};
use crate::extract::{Anyone, Body, CodePath, Parameters, Signed};
use crate::health;
use crate::state::Console;

/// The organisations as they are asked about.
struct View {
    version: i64,
    tree: Arc<Tree>,
    today: Day,
}

impl View {
    async fn now(console: &Console) -> Result<Self> {
        let (version, tree) = authority::organisations_at(console).await?;
        Ok(Self {
            version,
            tree,
            today: today(console)?,
        })
    }

    /// The organisation `id` as rights see it: before it begins it is its parent's. An unknown one is nobody's.
    fn thing(&self, id: &OrganisationId) -> thing::Organisation {
        let owner = self.tree.answers_for(id, self.today).unwrap_or(id);
        thing::Organisation { owner: owner.clone() }
    }

    fn is_seen(&self, scope: &Scope, id: &OrganisationId) -> bool {
        scope.covers(self.thing(id).owner.as_str())
    }

    /// Whether who asks enters organisations of the nation's own.
    fn enters_national(&self, signed: &Signed) -> bool {
        let root = self.tree.root();
        root.is_some_and(|root| signed.would::<_, action::Create>(self.thing(&root.id)))
    }

    /// Which new codes who asks may take.
    fn claim(&self, signed: &Signed) -> Claim {
        match self.enters_national(signed) {
            true => Claim::Any,
            false => Claim::Unused,
        }
    }

    /// That the code is one that who asks may take: for the nation any, for others what begins with a code of theirs. Otherwise one could take a code
    /// that another's sensors send with already.
    fn permit_code(&self, signed: &Signed, new: &OrganisationId) -> Result<()> {
        let own = signed.part::<thing::Organisation, action::Create>();
        let begins = |code: &str| {
            let rest = new.as_str().strip_prefix(code);
            rest.is_some_and(|rest| rest.starts_with('-'))
        };
        if self.enters_national(signed) || own.codes().any(begins) {
            return Ok(());
        }
        let message = "code does not begin with the code of an organisation of yours and a hyphen";
        Err(Failure::invalid("code", message))
    }

    fn actions(&self, signed: &Signed, organisation: &Organisation) -> Vec<OrganisationAction> {
        let id = &organisation.id;
        let is_over = organisation.span.is_over(self.today);
        let may_create = signed.would::<_, action::Create>(self.thing(id));
        let may_change = signed.would::<_, action::Change>(self.thing(id));
        let may_end = !is_over && signed.would::<_, action::Remove>(self.thing(id));
        let successor = self.tree.successor_of(id);
        let may_take_back =
            successor.is_none_or(|other| signed.would::<_, action::Change>(self.thing(other)));
        [
            (OrganisationAction::AddBeneath, may_create && !is_over),
            (OrganisationAction::Change, may_change),
            (OrganisationAction::End, may_end && successor.is_none()),
            (
                OrganisationAction::KeepOn,
                may_end && organisation.span.until.is_some() && may_take_back,
            ),
            (OrganisationAction::Succeed, may_end && successor.is_none()),
        ]
        .into_iter()
        .filter_map(|(action, may)| may.then_some(action))
        .collect()
    }
}

/// The part of `of` that is within `scope`; none when nothing is.
fn within(scope: &Scope, of: &BTreeSet<OrganisationId>) -> Option<Scope> {
    let part = scope.narrowed(|code| of.iter().any(|id| id.as_str() == code));
    (part != Scope::default()).then_some(part)
}

async fn detail(console: &Console, signed: &Signed, id: &OrganisationId) -> Result<OrganisationDetail> {
    let view = View::now(console).await?;
    let scope = signed.part::<thing::Organisation, action::Read>();
    let found = view.tree.get(id).filter(|_| view.is_seen(&scope, id));
    let organisation = found.ok_or_else(Failure::not_found)?;
    let (tree, today) = (&*view.tree, view.today);
    let shown = |id: &OrganisationId| step(tree, id, view.is_seen(&scope, id));
    let successors = std::iter::successors(tree.successor_of(id), |next| tree.successor_of(next));
    // Of one that is not there, what it belonged or will belong to.
    let mut above = tree.ancestors_at(id, today);
    if let Some(parent) = organisation.parent.as_ref().filter(|_| above.is_empty()) {
        let parent = tree.answers_for(parent, today).unwrap_or(parent);
        above.push(parent);
        above.extend(tree.ancestors_at(parent, today));
    }
    let own = tree.kept_by(&BTreeSet::from([id]), today);
    let store = console.database();
    let accounts = within(&signed.part::<Held, action::Read>(), &own);
    let roles = within(&signed.part::<Given, action::Read>(), &own);
    let roles = match &roles {
        Some(scope) => Some(store.count_roles(scope, console.now_us()).await?),
        None => None,
    };
    let accounts = match &accounts {
        Some(scope) => Some(store.count_accounts(scope).await?),
        None => None,
    };
    let sensors = match within(&signed.part::<thing::Sensor, action::Read>(), &own) {
        Some(scope) => health::count_sensors(console, &scope).await,
        None => None,
    };
    Ok(OrganisationDetail {
        name: authority::name_of(tree, id),
        kind: organisation.kind.into(),
        state: OrganisationState::of(organisation, today),
        from: day_shown(organisation.span.from),
        until: day_shown(organisation.span.until),
        citation: organisation.citation.clone(),
        above: above.into_iter().rev().filter_map(shown).collect(),
        predecessors: organisation.predecessors.iter().filter_map(shown).collect(),
        successors: successors.filter_map(shown).collect(),
        beneath: tree.subtree_at(id, today).len().saturating_sub(1),
        accounts,
        roles: roles.map(|roles| roles.all),
        roles_of_two: roles.map(|roles| roles.takes_two),
        sensors,
        version: view.version,
        actions: view.actions(signed, organisation),
    })
}

/// What an edit's error means for who asked about `subject`; what is wrong with another organisation is laid at `field`.
fn refused(error: DatabaseError, subject: &OrganisationId, field: &'static str) -> Failure {
    match error {
        DatabaseError::Organisation(error) => {
            let message = error.to_string();
            let of_subject = error.code == subject.as_str();
            Failure::invalid(if of_subject { error.field } else { field }, message)
        }
        other => other.into(),
    }
}

/// An edit, and what it is laid to.
struct Wanted<'a> {
    basis: Basis,
    edit: Edit,
    /// Which organisation the fields of the request are of.
    subject: &'a OrganisationId,
    /// Where a fault of another organisation is laid.
    field: &'static str,
}

/// Does it, and shows the organisation `id` as it then is.
async fn edit(
    console: &Console,
    signed: Signed,
    wanted: Wanted<'_>,
    id: &OrganisationId,
) -> Result<Json<OrganisationDetail>> {
    let by = signed.by();
    console
        .database()
        .edit_organisations(&by, wanted.basis, &wanted.edit, console.now_us())
        .await
        .map_err(|error| refused(error, wanted.subject, wanted.field))?;
    let signed = signed.anew(console).await?;
    Ok(Json(detail(console, &signed, id).await?))
}

/// That it rests on the organisations as they were seen at `version`, and takes no new code.
fn seen_at(version: i64) -> Basis {
    Basis {
        version,
        claim: Claim::Unused,
    }
}

/// Which organisations are asked for.
struct Filter {
    text: String,
    kind: Option<Kind>,
    on: Day,
    others: bool,
}

impl Filter {
    fn read(query: &OrganisationQuery, today: Day) -> Result<Self> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let kind = given(&query.kind).map(|kind| kind.parse());
        let kind = kind.transpose();
        Ok(Self {
            text: folded(query.q.as_deref().unwrap_or_default().trim()),
            kind: kind.map_err(|_| Failure::invalid("kind", "kind is not known"))?,
            on: day("on", given(&query.on).as_deref())?.unwrap_or(today),
            others: query.others,
        })
    }

    fn holds(&self, organisation: &Organisation) -> bool {
        let has_text = |text: &str| folded(text).contains(&self.text);
        (self.others || organisation.span.holds(self.on))
            && self.kind.is_none_or(|kind| organisation.kind == kind)
            && (has_text(&organisation.name_vi)
                || has_text(&organisation.name_en)
                || has_text(organisation.id.as_str()))
    }
}

/// Where an organisation hangs in the tree of `on`, also one that is not there then.
fn parent_on<'t>(tree: &'t Tree, organisation: &'t Organisation, on: Day) -> Option<&'t OrganisationId> {
    if organisation.span.holds(on) {
        return tree.parent_at(&organisation.id, on);
    }
    let parent = organisation.parent.as_ref()?;
    Some(tree.answers_for(parent, on).unwrap_or(parent))
}

/// Organisations
#[utoipa::path(get, path = "/api/v1/organisations", operation_id = "listOrganisations", tag = "organisations", params(OrganisationQuery),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "Those asked for, and what stands above them", body = OrganisationList),
        (status = 400, description = "The request is not valid", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "This account sees none", body = ApiError)))]
pub(super) async fn list_organisations(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    Parameters(query): Parameters<OrganisationQuery>,
) -> Result<Json<OrganisationList>> {
    let scope = signed
        .reach::<thing::Organisation, action::Read>(&console)
        .await?;
    let view = View::now(&console).await?;
    let filter = Filter::read(&query, view.today)?;
    let tree = &*view.tree;
    let seen = |one: &&Organisation| view.is_seen(&scope, &one.id);
    let matches: BTreeSet<&OrganisationId> = tree
        .iter()
        .filter(seen)
        .filter(|one| filter.holds(one))
        .map(|one| &one.id)
        .collect();
    let above = |id: &OrganisationId| tree.get(id).and_then(|one| parent_on(tree, one, filter.on));
    let mut listed = BTreeSet::new();
    for id in &matches {
        let mut next = Some(*id);
        while let Some(id) = next.filter(|id| view.is_seen(&scope, id) && listed.insert(*id)) {
            next = above(id);
        }
    }
    let entry = |one: &Organisation| OrganisationEntry {
        name: authority::name_of(tree, &one.id),
        kind: one.kind.into(),
        state: OrganisationState::of(one, filter.on),
        parent: above(&one.id)
            .filter(|parent| listed.contains(parent))
            .map(OrganisationId::to_string),
        from: day_shown(one.span.from),
        until: day_shown(one.span.until),
        is_match: matches.contains(&one.id),
    };
    Ok(Json(OrganisationList {
        items: tree
            .iter()
            .filter(|one| listed.contains(&one.id))
            .map(entry)
            .collect(),
        total: matches.len(),
        on: filter.on.to_string(),
    }))
}

/// An organisation
#[utoipa::path(get, path = "/api/v1/organisations/{code}", operation_id = "getOrganisation", tag = "organisations",
    params(("code" = String, Path, description = "Code of the organisation")),
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, description = "The organisation as it is today, what it came from and goes on as, and what is at it", body = OrganisationDetail),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 404, description = "There is no such organisation for this account", body = ApiError)))]
pub(super) async fn get_organisation(
    State(console): State<Console>,
    Anyone(signed): Anyone,
    CodePath(id): CodePath,
) -> Result<Json<OrganisationDetail>> {
    let view = View::now(&console).await?;
    signed
        .permit::<_, action::Read>(&console, view.thing(&id), &id)
        .await?;
    Ok(Json(detail(&console, &signed, &id).await?))
}

/// Enter an organisation
#[utoipa::path(post, path = "/api/v1/organisations", operation_id = "addOrganisation", tag = "organisations", request_body = AddOrganisationRequest,
    responses(
        (status = 201, description = "The organisation", body = OrganisationDetail),
        (status = 400, description = "The request is not valid, or it does not fit with the others", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such parent for this account, or nothing is to be entered beneath it", body = ApiError),
        (status = 409, description = "The organisations have been changed since, or the code is taken", body = ApiError)))]
pub(super) async fn add_organisation(
    State(console): State<Console>,
    signed: Signed,
    Body(request): Body<AddOrganisationRequest>,
) -> Result<(StatusCode, Json<OrganisationDetail>)> {
    let view = View::now(&console).await?;
    let new = enterable(&console, &signed, &view, request.new).await?;
    let basis = Basis {
        version: request.version,
        claim: view.claim(&signed),
    };
    let id = new.id.clone();
    let wanted = Wanted {
        basis,
        edit: Edit::Add(new),
        subject: &id,
        field: "parent",
    };
    let shown = edit(&console, signed, wanted, &id).await?;
    Ok((StatusCode::CREATED, shown))
}

/// A new organisation that who asks may enter, beneath that parent and under that code.
async fn enterable(
    console: &Console,
    signed: &Signed,
    view: &View,
    new: NewOrganisation,
) -> Result<Organisation> {
    let parent = new.parent()?;
    signed
        .permit::<_, action::Create>(console, view.thing(&parent), &parent)
        .await?;
    let new = new.read()?;
    view.permit_code(signed, &new.id)?;
    Ok(new)
}

/// Change an organisation
#[utoipa::path(patch, path = "/api/v1/organisations/{code}", operation_id = "changeOrganisation", tag = "organisations",
    params(("code" = String, Path, description = "Code of the organisation")), request_body = ChangeOrganisationRequest,
    responses(
        (status = 200, description = "The organisation as it now is", body = OrganisationDetail),
        (status = 400, description = "The request is not valid, or it does not fit with the others", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such organisation for this account, or it is not one's to change", body = ApiError),
        (status = 409, description = "The organisations have been changed since, or it has begun", body = ApiError)))]
pub(super) async fn change_organisation(
    State(console): State<Console>,
    signed: Signed,
    CodePath(id): CodePath,
    Body(request): Body<ChangeOrganisationRequest>,
) -> Result<Json<OrganisationDetail>> {
    let view = View::now(&console).await?;
    signed
        .permit::<_, action::Change>(&console, view.thing(&id), &id)
        .await?;
    let wanted = Wanted {
        basis: seen_at(request.version),
        edit: Edit::Change(id.clone(), request.read()?),
        subject: &id,
        field: "from",
    };
    edit(&console, signed, wanted, &id).await
}

/// End an organisation
#[utoipa::path(post, path = "/api/v1/organisations/{code}/end", operation_id = "endOrganisation", tag = "organisations",
    params(("code" = String, Path, description = "Code of the organisation")), request_body = EndOrganisationRequest,
    responses(
        (status = 200, description = "From that day on it is no more; its roles are over, and its data is its parent's", body = OrganisationDetail),
        (status = 400, description = "The request is not valid, or something beneath it goes on", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such organisation for this account, or it is not one's to end", body = ApiError),
        (status = 409, description = "The organisations have been changed since, it has ended, or one's own role would reach further", body = ApiError)))]
pub(super) async fn end_organisation(
    State(console): State<Console>,
    signed: Signed,
    CodePath(id): CodePath,
    Body(request): Body<EndOrganisationRequest>,
) -> Result<Json<OrganisationDetail>> {
    let view = View::now(&console).await?;
    signed
        .permit::<_, action::Remove>(&console, view.thing(&id), &id)
        .await?;
    let wanted = Wanted {
        basis: seen_at(request.version),
        edit: Edit::End(id.clone(), request.until()?),
        subject: &id,
        field: "until",
    };
    edit(&console, signed, wanted, &id).await
}

/// Take a planned end of an organisation back
#[utoipa::path(delete, path = "/api/v1/organisations/{code}/end", operation_id = "keepOrganisation", tag = "organisations",
    params(("code" = String, Path, description = "Code of the organisation"), VersionQuery),
    responses(
        (status = 200, description = "No end of it is known, and nothing goes on with its work", body = OrganisationDetail),
        (status = 400, description = "The request is not valid, or it does not fit with the others", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such organisation for this account, or it is not one's to end", body = ApiError),
        (status = 409, description = "The organisations have been changed since, it has ended, or no end of it is planned", body = ApiError)))]
pub(super) async fn keep_organisation(
    State(console): State<Console>,
    signed: Signed,
    CodePath(id): CodePath,
    Parameters(query): Parameters<VersionQuery>,
) -> Result<Json<OrganisationDetail>> {
    let view = View::now(&console).await?;
    signed
        .permit::<_, action::Remove>(&console, view.thing(&id), &id)
        .await?;
    if let Some(successor) = view.tree.successor_of(&id) {
        signed
            .permit::<_, action::Change>(&console, view.thing(successor), successor)
            .await?;
    }
    let wanted = Wanted {
        basis: seen_at(query.version),
        edit: Edit::KeepOn(id.clone()),
        subject: &id,
        field: "until",
    };
    edit(&console, signed, wanted, &id).await
}

/// Let an organisation go on as another
#[utoipa::path(post, path = "/api/v1/organisations/{code}/succession", operation_id = "succeedOrganisation", tag = "organisations",
    params(("code" = String, Path, description = "Code of the organisation")), request_body = SucceedOrganisationRequest,
    responses(
        (status = 200, description = "From that day on its roles, its data and what is beneath it are the successor's", body = OrganisationDetail),
        (status = 400, description = "The request is not valid, or it does not fit with the others", body = ApiError),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 403, description = "Confirm first that it is you", body = ApiError),
        (status = 404, description = "There is no such organisation for this account, or one is not one's to end, enter or change", body = ApiError),
        (status = 409, description = "The organisations have been changed since, one has ended, the code is taken, or roles would reach further that must not", body = ApiError)))]
pub(super) async fn succeed_organisation(
    State(console): State<Console>,
    signed: Signed,
    CodePath(id): CodePath,
    Body(request): Body<SucceedOrganisationRequest>,
) -> Result<Json<OrganisationDetail>> {
    let view = View::now(&console).await?;
    let ended = request.ended(&id)?;
    for one in &ended {
        signed
            .permit::<_, action::Remove>(&console, view.thing(one), one)
            .await?;
    }
    let until = request.until()?;
    let successor = match (request.into, request.new) {
        (Some(into), None) => {
            let into = code(&into)?;
            signed
                .permit::<_, action::Change>(&console, view.thing(&into), &into)
                .await?;
            Successor::Existing(into)
        }
        (None, Some(new)) => Successor::New(enterable(&console, &signed, &view, new).await?),
        _ => return Err(Failure::invalid("into", "either into or new is wanted")),
    };
    let subject = match &successor {
        Successor::New(new) => new.id.clone(),
        Successor::Existing(into) => into.clone(),
    };
    let basis = Basis {
        version: request.version,
        claim: view.claim(&signed),
    };
    let succession = Succession {
        ended: ended.into_iter().collect(),
        until,
        successor,
    };
    let wanted = Wanted {
        basis,
        edit: Edit::Succeed(succession),
        subject: &subject,
        field: "until",
    };
    edit(&console, signed, wanted, &id).await
}
