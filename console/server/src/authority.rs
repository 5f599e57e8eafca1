//! What somebody may, made anew for each request from what the case store says then.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use vonggac_access::exercise::Exercise;
use vonggac_access::{
    Action, Actor, Assurance, Context, Day, Grants, Grasp, Membership, Organisation, OrganisationId,
    PersonId, RequestId, Resource, ResourceKind, Role, Tree, Verb,
};
use vonggac_database::api_token::Bearer;
use vonggac_database::membership::Rights;
use vonggac_database::session::Assured;
use vonggac_database::{Account, Database, DatabaseError};
use vonggac_event::Scope;

use crate::api::shapes;
use crate::state::Console;

/// The organisations, kept until the case store counts a change of them.
#[derive(Default)]
pub(crate) struct Organisations {
    known: Mutex<Option<(i64, Arc<Tree>)>>,
}

impl Organisations {
    /// As they are at change `version`, or later.
    pub(crate) async fn at(&self, database: &Database, version: i64) -> Result<Arc<Tree>, DatabaseError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((of, tree)) = known
            && of == version
        {
            return Ok(tree);
        }
        let tree = Arc::new(database.organisations().await?);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, Arc::clone(&tree)));
        Ok(tree)
    }
}

/// The organisations as they are now.
pub(crate) async fn organisations(console: &Console) -> Result<Arc<Tree>, DatabaseError> {
    Ok(organisations_at(console).await?.1)
}

/// The organisations as they are now, and the version of which they are, or of a later one.
pub(crate) async fn organisations_at(console: &Console) -> Result<(i64, Arc<Tree>), DatabaseError> {
    let version = console.database().organisations_version().await?;
    let tree = console.organisations().at(console.database(), version).await?;
    Ok((version, tree))
}

/// The organisations of a scope that are there on a day, by code.
pub(crate) fn current<'a>(
    tree: &'a Tree,
    scope: &'a Scope,
    day: Day,
) -> impl Iterator<Item = OrganisationId> + use<'a> {
    let known = scope.codes().filter_map(|code| code.parse().ok());
    known.filter(move |id| tree.current_of(id, day) == Some(id))
}

/// What an organisation is called; its code where nobody has entered it.
pub(crate) fn name_of(tree: &Tree, id: &OrganisationId) -> shapes::OrganisationName {
    let organisation = tree.get(id);
    let name = |of: fn(&Organisation) -> &String| {
        organisation.map_or_else(|| id.as_str().to_owned(), |one| of(one).clone())
    };
    shapes::OrganisationName {
        code: id.as_str().to_owned(),
        vi: name(|one| &one.name_vi),
        en: name(|one| &one.name_en),
    }
}

/// What somebody is on a day.
struct Standing {
    tree: Arc<Tree>,
    memberships: Vec<Membership>,
    grants: Grants,
    /// Whether that counts only where a passkey was seen.
    needs_passkey: bool,
}

impl Standing {
    async fn of(console: &Console, account: &Account) -> Result<Self, DatabaseError> {
        let day = today(console)?;
        let rights = console.database().rights_of(account.id, day).await?;
        Self::by(console, account, rights, day).await
    }

    /// What a service is by one of its tokens.
    async fn of_token(console: &Console, bearer: &Bearer) -> Result<Self, DatabaseError> {
        let day = today(console)?;
        let rights = console.database().rights_of_token(bearer, day).await?;
        Self::by(console, &bearer.account, rights, day).await
    }

    async fn by(
        console: &Console,
        account: &Account,
        rights: Rights,
        day: Day,
    ) -> Result<Self, DatabaseError> {
        let tree = console
            .organisations()
            .at(console.database(), rights.organisations)
            .await?;
        let grants = Grants::of(&tree, &rights.memberships, PersonId(account.id.0), day);
        Ok(Self {
            tree,
            needs_passkey: rights.needs_passkey(),
            memberships: rights.memberships,
            grants,
        })
    }

    /// What is left of it in a session: nothing where a passkey is needed and was not seen.
    fn in_session(mut self, assured: Assured) -> Self {
        self.needs_passkey &= !assured.by_passkey;
        if self.needs_passkey {
            self.grants = Grants::default();
        }
        self
    }
}

/// What somebody may in a session.
pub(crate) struct Permission {
    pub(crate) context: Context,
    /// Whether that is nothing, because a passkey is to be seen first.
    pub(crate) needs_passkey: bool,
}

/// What `account` may now; authentication has just seen that it asks.
pub(crate) async fn permission(
    console: &Console,
    account: &Account,
    assured: Assured,
    request: &str,
) -> Result<Permission, DatabaseError> {
    let standing = Standing::of(console, account).await?.in_session(assured);
    let context = Context::from_authentication(
        Actor::Person(PersonId(account.id.0)),
        assured.level(console.now_us()),
        standing.grants,
        RequestId(u128::from_str_radix(request, 16).unwrap_or_default()),
    );
    Ok(Permission {
        context,
        needs_passkey: standing.needs_passkey,
    })
}

/// What a service may now by its token: one factor, and what of its roles is in the token's scope.
pub(crate) async fn context_of_service(
    console: &Console,
    bearer: &Bearer,
    request: &str,
) -> Result<Context, DatabaseError> {
    let standing = Standing::of_token(console, bearer).await?;
    Ok(Context::from_authentication(
        Actor::Service(bearer.account.id.0),
        Assurance::Single,
        standing.grants.within(bearer.scope.clone()),
        RequestId(u128::from_str_radix(request, 16).unwrap_or_default()),
    ))
}

/// What the roles of a service at organisations of `seen` give today of what a token may be made for.
pub(crate) async fn abilities_of_service(
    console: &Console,
    account: &Account,
    seen: &Scope,
) -> Result<Vec<String>, DatabaseError> {
    let day = today(console)?;
    let mut rights = console.database().rights_of(account.id, day).await?;
    rights
        .memberships
        .retain(|membership| seen.covers(membership.organisation.as_str()));
    let standing = Standing::by(console, account, rights, day).await?;
    Ok(words(standing.grants.within(Grasp::all().collect()).abilities()))
}

/// The day that it is.
pub(crate) fn today(console: &Console) -> Result<Day, DatabaseError> {
    Day::of_us(console.now_us()).ok_or(DatabaseError::NotFound)
}

/// Whether an account may do `A` with a thing today, within an exercise or outside of all, once it is sure that it asks.
pub(crate) async fn may<R: Resource, A: Action>(
    console: &Console,
    account: &Account,
    exercise: Option<Exercise>,
    thing: R,
) -> Result<bool, DatabaseError> {
    let standing = Standing::of(console, account).await?;
    let person = Actor::Person(PersonId(account.id.0));
    let context = Context::from_authentication(person, Assurance::Fresh, standing.grants, RequestId(0));
    let context = match exercise {
        None => Ok(context),
        Some(exercise) => context.within(exercise),
    };
    Ok(context.is_ok_and(|context| context.permit::<R, A>(thing).is_ok()))
}

/// An account, what it is and what it may, as its owner is shown it in a session that has seen a passkey or has not.
pub(crate) async fn shown(
    console: &Console,
    account: Account,
    by_passkey: bool,
) -> Result<shapes::Account, DatabaseError> {
    let assured = Assured {
        is_strong: by_passkey,
        confirmed_us: console.now_us(),
        by_passkey,
    };
    let standing = Standing::of(console, &account).await?.in_session(assured);
    let roles: BTreeSet<Role> = standing.memberships.iter().map(|one| one.role).collect();
    Ok(shapes::Account {
        id: account.id.0.to_string(),
        organisation: name_of(&standing.tree, &account.organisation),
        roles: roles.into_iter().map(shapes::Role::from).collect(),
        abilities: words(standing.grants.abilities()),
        passkey_needed: standing.needs_passkey,
        language: account.language.code().to_owned(),
        user_name: account.user_name,
        display_name: account.display_name,
    })
}

/// What may be done with something, as in `alert:read`.
pub(crate) fn words(abilities: Vec<(ResourceKind, Verb)>) -> Vec<String> {
    let word = |(kind, verb): (ResourceKind, Verb)| format!("{}:{}", kind.name(), verb.name());
    abilities.into_iter().map(word).collect()
}
