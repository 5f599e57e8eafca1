//! Who may be given alerts: people who may work on them.

use std::collections::BTreeSet;

use sqlx::{FromRow, Postgres, QueryBuilder};
use vonggac_access::action::{self, Action as _};
use vonggac_access::exercise::Exercise;
use vonggac_access::{
    Day, Grants, OrganisationId, PersonId, Relation, ResourceKind, Role, Tlp, Tree, Verb, policy, thing,
};
use vonggac_event::Scope;

use crate::alert::Person;
use crate::{AccountId, Database, DatabaseError, Result, clean, like_literal, scope_of};

/// Most people in a list.
pub const PEOPLE_MAX: i64 = 50;

/// The words of the roles with which one works on alerts in real work.
fn working_roles() -> Vec<&'static str> {
    roles_that_work(ResourceKind::Alert, Relation::Own)
}

/// The same of those with which one who takes part in an exercise works in it.
fn playing_roles() -> Vec<&'static str> {
    roles_that_work(ResourceKind::Exercise, Relation::Shared(Tlp::Amber))
}

fn roles_that_work(kind: ResourceKind, relation: Relation) -> Vec<&'static str> {
    let rule = policy::rule(kind, action::Work::VERB);
    let works = |role: &Role| rule.is_some_and(|rule| rule.cell(*role).allows(relation));
    Role::ALL.into_iter().filter(works).map(Role::name).collect()
}

/// The organisations at which a role reaches something of `scope` on `day`: its own, and all above.
fn holders(tree: &Tree, scope: &Scope, day: Day) -> BTreeSet<String> {
    let known = scope
        .codes()
        .filter_map(|code| code.parse::<OrganisationId>().ok());
    let current = known.filter_map(|code| tree.current_of(&code, day).cloned());
    let with_ancestors = current.flat_map(|code| {
        let above: Vec<OrganisationId> = tree.ancestors_at(&code, day).into_iter().cloned().collect();
        above.into_iter().chain([code])
    });
    with_ancestors.map(|code| code.as_str().to_owned()).collect()
}

/// The organisations that take part in an exercise, as they are on `day`.
fn players(tree: &Tree, exercise: &Exercise, day: Day) -> BTreeSet<String> {
    let shares = exercise.shares.iter().filter(|share| share.holds(day));
    let current = shares.filter_map(|share| tree.current_of(&share.with, day));
    current.map(|code| code.as_str().to_owned()).collect()
}

#[derive(FromRow)]
struct RawPerson {
    id: i64,
    display_name: String,
}

impl From<RawPerson> for Person {
    fn from(raw: RawPerson) -> Self {
        Self {
            id: AccountId(raw.id),
            display_name: raw.display_name,
        }
    }
}

/// Somebody who is to have alerts.
pub(crate) struct Receiver {
    pub(crate) person: Person,
    /// Whose alerts he may work on.
    pub(crate) works_on: Scope,
}

impl Database {
    /// Those who may work on something of the scope, by name, at most [`PEOPLE_MAX`]; `text` is part of their name.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn people(&self, scope: &Scope, text: &str, now_us: i64) -> Result<Vec<Person>> {
        let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
        let tree = self.organisations().await?;
        let exercise = self.exercise_on(scope.stage()).await?;
        // A role at what was merged counts at its successor.
        let (holders, roles) = match &exercise {
            None => (holders(&tree, scope, day), working_roles()),
            Some(exercise) => (players(&tree, exercise, day), playing_roles()),
        };
        let is_one = |code: &&OrganisationId| {
            tree.current_of(code, day)
                .is_some_and(|current| holders.contains(current.as_str()))
        };
        let codes = tree.iter().map(|organisation| &organisation.id).filter(is_one);
        let codes: Vec<&str> = codes.map(OrganisationId::as_str).collect();
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT p.id, p.display_name FROM account p WHERE p.disabled_us IS NULL AND NOT p.is_service AND EXISTS (SELECT FROM membership m WHERE m.account_id = p.id \
             AND NOT m.waits AND m.organisation = ANY(",
        );
        query
            .push_bind(codes)
            .push(") AND m.role = ANY(")
            .push_bind(roles)
            .push(") AND m.valid_from <= ")
            .push_bind(day.to_string())
            .push("::date AND (m.valid_until IS NULL OR m.valid_until > ")
            .push_bind(day.to_string())
            .push("::date))");
        if !text.trim().is_empty() {
            query
                .push(" AND (p.display_name || ' ' || p.user_name) ILIKE ")
                .push_bind(format!("%{}%", like_literal(&clean(text.trim()))));
        }
        query
            .push(" ORDER BY lower(p.display_name), p.id LIMIT ")
            .push_bind(PEOPLE_MAX);
        let mut look = self.look(scope).await?;
        let raw: Vec<RawPerson> = query.build_query_as().fetch_all(&mut *look).await?;
        Ok(raw.into_iter().map(Person::from).collect())
    }

    /// Somebody who is to have alerts of `scope`.
    ///
    /// # Errors
    /// [`DatabaseError::Invalid`] for who may work on none of them.
    pub(crate) async fn receiver(&self, account: AccountId, scope: &Scope, now_us: i64) -> Result<Receiver> {
        let nobody = DatabaseError::Invalid {
            field: "assignee",
            problem: "is nobody who may work on the alerts",
        };
        let mut look = self.look(scope).await?;
        let raw: Option<RawPerson> = sqlx::query_as(
            "SELECT id, display_name FROM account WHERE id = $1 AND disabled_us IS NULL AND NOT is_service",
        )
        .bind(account.0)
        .fetch_optional(&mut *look)
        .await?;
        drop(look);
        let Some(raw) = raw else { return Err(nobody) };
        let works_on = self.works_on(account, scope, now_us).await?;
        if !works_on.codes().any(|code| scope.covers(code)) {
            return Err(nobody);
        }
        Ok(Receiver {
            person: raw.into(),
            works_on,
        })
    }

    async fn works_on(&self, account: AccountId, scope: &Scope, now_us: i64) -> Result<Scope> {
        let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
        let rights = self.rights_of(account, day).await?;
        let tree = self.organisations().await?;
        let grants = Grants::of(&tree, &rights.memberships, PersonId(account.0), day);
        Ok(match self.exercise_on(scope.stage()).await? {
            None => scope_of(&grants.reach::<thing::Alert, action::Work>()),
            Some(exercise) if grants.may_in(&exercise, Verb::Work) => scope.clone(),
            Some(_) => Scope::default().on(scope.stage()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn those_who_work_on_something_of_the_scope_are_found_and_nobody_else() {
        let Some(database) = testing::database().await else {
            return;
        };
        for (name, tenant) in [("lan", "moh"), ("minh", "mot"), ("an", "*")] {
            testing::account(&database, name, tenant).await;
        }
        let check = async |scope: &Scope, text: &str, expect: &[&str]| {
            let found = database.people(scope, text, testing::NOW_US).await.unwrap();
            let names: Vec<_> = found.iter().map(|one| one.display_name.as_str()).collect();
            assert_eq!(names, expect, "{scope:?} {text}");
        };
        let hoa = testing::account(&database, "hoa", "moh").await;
        let moh = testing::scope_of(&hoa);
        check(&moh, "", &["an", "hoa", "lan"]).await;
        check(&moh, "LA", &["lan"]).await;
        check(&moh, "minh", &[]).await;
        check(&moh, "%", &[]).await;
        check(&testing::everyone(), "", &["an", "hoa", "lan", "minh"]).await;
    }
}
