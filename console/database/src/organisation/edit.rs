//! Changes of single organisations, as people ask for them: entered, changed, ended, merged.
//!
//! Days that are over stay as they were: nothing ends before today, and what has ended is not begun again. An organisation gets no other parent and no other code; it
//! ends, and goes on as another. What is there afterwards fits together as after an import ([`Tree::build`]).
//!
//! Nobody gets more by it than he has: neither who asks, by any role of his own, nor, without a second person, who has a role that takes two and goes on
//! elsewhere ([`cover`]).

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use vonggac_access::tree::Placed;
use vonggac_access::{Day, Organisation, OrganisationId, OrganisationKind, Role, Tree, cover, policy};

use super::{Imported, all, lock, put};
use crate::audit::Asker;
use crate::{Database, DatabaseError, Result, membership};

const CHANGED: &str = "the organisations have been changed since";
const TAKEN: &str = "the code is taken";
const OVER: &str = "the organisation has ended";
const GOES_ON: &str = "it is to go on as another already; take that back first";
const NO_END: &str = "no end of it is planned";
const BEGUN: &str = "the organisation has begun";
const OWN: &str = "a role of one's own would reach further; somebody else must do it";
const TAKES_TWO: &str = "roles that take two people would reach further: end them by that day, and give them anew at the successor";

/// What a change rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basis {
    /// The organisations' version that was seen ([`Database::organisations_version`]).
    pub version: i64,
    /// Which new codes may be taken.
    pub claim: Claim,
}

/// Which new codes may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Also one of which alerts are kept that belonged to nobody until now.
    Any,
    /// Only one of which there are none.
    Unused,
}

/// A change.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Enters one.
    Add(Organisation),
    /// Says something else of one.
    Change(OrganisationId, Change),
    /// From that day on it is no more.
    End(OrganisationId, Day),
    /// Takes a planned end back.
    KeepOn(OrganisationId),
    /// Some end, and go on as another.
    Succeed(Succession),
}

/// What is to be said of an organisation; `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// What sort it is.
    pub kind: Option<OrganisationKind>,
    /// Name in Vietnamese.
    pub name_vi: Option<String>,
    /// Name in English.
    pub name_en: Option<String>,
    /// The law or decision.
    pub citation: Option<String>,
    /// First day, of one that has not begun.
    pub from: Option<Day>,
}

/// A merger, a new name, or another place in the tree.
#[derive(Debug, Clone)]
pub struct Succession {
    /// Those that end.
    pub ended: BTreeSet<OrganisationId>,
    /// First day on which they are no more.
    pub until: Day,
    /// What goes on with their work.
    pub successor: Successor,
}

/// What goes on with the work of others.
#[derive(Debug, Clone)]
pub enum Successor {
    /// A new one, from that day on.
    New(Organisation),
    /// One that there is.
    Existing(OrganisationId),
}

type All = BTreeMap<OrganisationId, Organisation>;

/// What an edit touches.
struct Touched {
    /// Those that it writes.
    named: BTreeSet<OrganisationId>,
    /// From when on something is another.
    day: Day,
    /// One that there was not.
    fresh: Option<OrganisationId>,
    /// Those whose roles go on elsewhere.
    succeeded: BTreeSet<OrganisationId>,
}

impl Touched {
    fn of(id: &OrganisationId, day: Day) -> Self {
        Self {
            named: BTreeSet::from([id.clone()]),
            day,
            fresh: None,
            succeeded: BTreeSet::new(),
        }
    }
}

fn invalid(field: &'static str, problem: &'static str) -> DatabaseError {
    DatabaseError::Invalid { field, problem }
}

fn known<'a>(all: &'a mut All, id: &OrganisationId) -> Result<&'a mut Organisation> {
    all.get_mut(id).ok_or(DatabaseError::NotFound)
}

/// That it has a successor already.
fn goes_on(all: &All, id: &OrganisationId) -> bool {
    all.values().any(|one| one.predecessors.contains(id))
}

fn add(all: &mut All, new: &Organisation, today: Day) -> Result<Touched> {
    if all.contains_key(&new.id) {
        return Err(DatabaseError::Conflict(TAKEN));
    }
    if new.span.until.is_some_and(|until| until <= today) {
        return Err(invalid("until", "is over already"));
    }
    all.insert(new.id.clone(), new.clone());
    let day = new.span.from.map_or(today, |from| from.max(today));
    Ok(Touched {
        fresh: Some(new.id.clone()),
        ..Touched::of(&new.id, day)
    })
}

fn change(all: &mut All, id: &OrganisationId, change: &Change, today: Day) -> Result<Touched> {
    let organisation = known(all, id)?;
    let mut day = today;
    if let Some(from) = change.from {
        let Some(planned) = organisation.span.from.filter(|from| *from > today) else {
            return Err(DatabaseError::Conflict(BEGUN));
        };
        if from < today {
            return Err(invalid("from", "is over already"));
        }
        day = from.min(planned);
        organisation.span.from = Some(from);
    }
    let texts = [
        (&mut organisation.name_vi, &change.name_vi),
        (&mut organisation.name_en, &change.name_en),
        (&mut organisation.citation, &change.citation),
    ];
    for (text, wanted) in texts {
        if let Some(wanted) = wanted {
            text.clone_from(wanted);
        }
    }
    organisation.kind = change.kind.unwrap_or(organisation.kind);
    Ok(Touched::of(id, day))
}

fn end(all: &mut All, id: &OrganisationId, until: Day, today: Day) -> Result<Touched> {
    if goes_on(all, id) {
        return Err(DatabaseError::Conflict(GOES_ON));
    }
    let organisation = known(all, id)?;
    if organisation.span.is_over(today) {
        return Err(DatabaseError::Conflict(OVER));
    }
    if until < today {
        return Err(invalid("until", "is over already"));
    }
    // What a planned end did before then is undone as well.
    let day = organisation
        .span
        .until
        .map_or(until, |planned| planned.min(until));
    organisation.span.until = Some(until);
    Ok(Touched::of(id, day))
}

fn keep_on(all: &mut All, id: &OrganisationId, today: Day) -> Result<Touched> {
    let organisation = known(all, id)?;
    let Some(planned) = organisation.span.until else {
        return Err(DatabaseError::Conflict(NO_END));
    };
    if planned <= today {
        return Err(DatabaseError::Conflict(OVER));
    }
    organisation.span.until = None;
    let mut touched = Touched::of(id, planned);
    for successor in all.values_mut().filter(|one| one.predecessors.contains(id)) {
        successor.predecessors.retain(|one| one != id);
        touched.named.insert(successor.id.clone());
    }
    Ok(touched)
}

fn succeed(all: &mut All, succession: &Succession, today: Day) -> Result<Touched> {
    let until = succession.until;
    let mut day = until;
    for id in &succession.ended {
        day = day.min(end(all, id, until, today)?.day);
    }
    let mut fresh = None;
    let successor = match &succession.successor {
        Successor::New(new) => {
            let mut new = new.clone();
            new.span.from = Some(until);
            add(all, &new, today)?;
            fresh = Some(new.id.clone());
            new.id
        }
        Successor::Existing(id) if succession.ended.contains(id) => {
            return Err(invalid("into", "is one of those that end"));
        }
        Successor::Existing(id) => id.clone(),
    };
    let organisation = known(all, &successor)?;
    organisation.predecessors.extend(succession.ended.iter().cloned());
    organisation.predecessors.sort();
    let mut named = succession.ended.clone();
    named.insert(successor);
    Ok(Touched {
        named,
        day,
        fresh,
        succeeded: succession.ended.clone(),
    })
}

impl Edit {
    fn apply(&self, all: &mut All, today: Day) -> Result<Touched> {
        match self {
            Self::Add(new) => add(all, new, today),
            Self::Change(id, wanted) => change(all, id, wanted, today),
            Self::End(id, until) => end(all, id, *until, today),
            Self::KeepOn(id) => keep_on(all, id, today),
            Self::Succeed(succession) => succeed(all, succession, today),
        }
    }
}

fn tree_of(all: &All) -> Result<Tree> {
    Ok(Tree::build(all.values().cloned().map(Placed::from).collect())?)
}

impl Database {
    /// Does one edit, and writes it down. Of two at once one waits, and finds another version.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when the organisations are of another version, the code is taken, the organisation is not in the state for it, or somebody
    /// would get more rights than the rules of this module let; [`DatabaseError::Invalid`] for a day that is over;
    /// [`DatabaseError::Organisation`] when what would be there does not fit together; [`DatabaseError::NotFound`] for an unknown code.
    pub async fn edit_organisations(
        &self,
        by: &Asker<'_>,
        basis: Basis,
        edit: &Edit,
        now_us: i64,
    ) -> Result<Imported> {
        let today = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
        let mut transaction = self.pool.begin().await?;
        lock(&mut transaction).await?;
        if version(&mut transaction).await? != basis.version {
            return Err(DatabaseError::Conflict(CHANGED));
        }
        let before = all(&mut transaction).await?;
        let mut wanted = before.clone();
        let touched = edit.apply(&mut wanted, today)?;
        if basis.claim == Claim::Unused {
            keep_unclaimed(&mut transaction, touched.fresh.as_ref()).await?;
        }
        let (old, new) = (tree_of(&before)?, tree_of(&wanted)?);
        keep_own_rights(&mut transaction, by, (&old, &new), touched.day, now_us).await?;
        keep_four_eyes(&mut transaction, &old, &new, &touched).await?;
        let done = put(&mut transaction, by, &before, &new, &touched.named, now_us).await?;
        transaction.commit().await?;
        Ok(done)
    }
}

async fn version(connection: &mut PgConnection) -> Result<i64> {
    let version = sqlx::query_scalar("SELECT version FROM organisation_version");
    Ok(version.fetch_one(connection).await?)
}

/// Sees that no alerts are kept of a new code: whoever enters it would be shown them.
async fn keep_unclaimed(connection: &mut PgConnection, fresh: Option<&OrganisationId>) -> Result<()> {
    let Some(code) = fresh else {
        return Ok(());
    };
    let is_claimed: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM alert WHERE tenant = $1)")
        .bind(code.as_str())
        .fetch_one(connection)
        .await?;
    if is_claimed {
        return Err(DatabaseError::Conflict(TAKEN));
    }
    Ok(())
}

/// Sees that no role of who asks reaches further than it did.
async fn keep_own_rights(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    (old, new): (&Tree, &Tree),
    day: Day,
    now_us: i64,
) -> Result<()> {
    let Some(account) = by.account() else {
        return Ok(());
    };
    let kept = membership::to_come(connection, account.id, now_us).await?;
    let own = kept.iter().map(|kept| &kept.membership);
    let mut own = own.filter(|own| !own.span.is_over(day));
    if own.any(|own| cover::widens(old, new, own.role, &own.organisation, day)) {
        return Err(DatabaseError::Conflict(OWN));
    }
    Ok(())
}

/// Sees that no role which takes two people, and goes on elsewhere, reaches further there than it did.
async fn keep_four_eyes(
    connection: &mut PgConnection,
    old: &Tree,
    new: &Tree,
    touched: &Touched,
) -> Result<()> {
    let eve = touched.day.before().unwrap_or(touched.day);
    let of_ended = |id: &&OrganisationId| {
        let current = old.current_of(id, eve);
        touched.succeeded.contains(*id) || current.is_some_and(|current| touched.succeeded.contains(current))
    };
    let two: Vec<Role> = Role::ALL
        .into_iter()
        .filter(|role| policy::needs_second_person(*role))
        .collect();
    let widened = old.iter().map(|one| &one.id).filter(of_ended).filter(|id| {
        let mut roles = two.iter();
        roles.any(|role| cover::widens(old, new, *role, id, touched.day))
    });
    let widened: Vec<&str> = widened.map(OrganisationId::as_str).collect();
    if widened.is_empty() {
        return Ok(());
    }
    // Whoever gives such a role at the same time waits for this.
    sqlx::query("LOCK TABLE membership IN SHARE MODE")
        .execute(&mut *connection)
        .await?;
    let is_held: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM membership WHERE organisation = ANY($1) AND role = ANY($2) \
         AND (valid_until IS NULL OR valid_until > greatest(valid_from, $3::date)))",
    )
    .bind(widened)
    .bind(two.iter().map(|role| role.name()).collect::<Vec<_>>())
    .bind(touched.day.to_string())
    .fetch_one(connection)
    .await?;
    if is_held {
        return Err(DatabaseError::Conflict(TAKES_TWO));
    }
    Ok(())
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
