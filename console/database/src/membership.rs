//! Memberships: who has which role at which organisation, from when until when. They are ended, never removed.
//!
//! Some roles count only once a second person has agreed ([`policy::needs_second_person`]); until then the membership *waits*. What the
//! console gives by itself, at set-up or because the server's owner says so, waits for nobody.

use sqlx::{FromRow, PgConnection};
use vonggac_access::{Day, Membership, PersonId, Role, may_serve, policy};
use vonggac_event::Scope;

use crate::audit::{self, Asker, Deed};
use crate::organisation::{parsed, span};
use crate::{
    AccountId, Database, DatabaseError, Person, Result, administration, sensor, sign_in_policy, welcome,
};

/// Most memberships in the list of those that wait.
pub const WAITING_MAX: i64 = 200;

/// Most memberships of one account, past ones too.
pub const MEMBERSHIPS_MAX: usize = 1_000;

/// Id of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MembershipId(pub i64);

/// A membership as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Id.
    pub id: MembershipId,
    /// What it is.
    pub membership: Membership,
    /// Who gave it; `None`: the console.
    pub granted_by: Option<AccountId>,
    /// Who agreed to it as the second person.
    pub approved_by: Option<AccountId>,
    /// Whether it waits for a second person, and so does not count yet.
    pub waits: bool,
}

/// What the rights of an account are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Number of the organisations as they stand: another than before means that they have changed.
    pub organisations: i64,
    /// The memberships that count on the day.
    pub memberships: Vec<Membership>,
    /// Roles that count only where a passkey was seen.
    pub passkey_roles: Vec<Role>,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    account_id: i64,
    organisation: String,
    role: String,
    valid_from: String,
    valid_until: Option<String>,
    granted_by: Option<i64>,
    approved_by: Option<i64>,
    waits: bool,
}

impl Row {
    fn read(self) -> Result<Kept> {
        let membership = Membership {
            person: PersonId(self.account_id),
            organisation: parsed(&self.organisation)?,
            role: parsed(&self.role)?,
            span: span(Some(&self.valid_from), self.valid_until.as_deref())?,
        };
        Ok(Kept {
            id: MembershipId(self.id),
            membership,
            granted_by: self.granted_by.map(AccountId),
            approved_by: self.approved_by.map(AccountId),
            waits: self.waits,
        })
    }
}

/// A membership with the names of those that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The membership.
    pub kept: Kept,
    /// Whose it is.
    pub person: Person,
    /// The name that person signs in with.
    pub user_name: String,
    /// Who gave it; `None`: the console.
    pub granted_by: Option<Person>,
    /// Who agreed to it as the second person.
    pub approved_by: Option<Person>,
}

#[derive(FromRow)]
struct NamedRow {
    #[sqlx(flatten)]
    row: Row,
    display_name: String,
    user_name: String,
    granted_name: Option<String>,
    approved_name: Option<String>,
}

impl NamedRow {
    fn read(self) -> Result<Named> {
        let kept = self.row.read()?;
        let named = |id: Option<AccountId>, name: Option<String>| {
            let (id, display_name) = id.zip(name)?;
            Some(Person { id, display_name })
        };
        Ok(Named {
            person: Person {
                id: AccountId(kept.membership.person.0),
                display_name: self.display_name,
            },
            user_name: self.user_name,
            granted_by: named(kept.granted_by, self.granted_name),
            approved_by: named(kept.approved_by, self.approved_name),
            kept,
        })
    }
}

/// The columns of a [`NamedRow`].
macro_rules! select_named {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.account_id, m.organisation, m.role, to_char(m.valid_from, 'YYYY-MM-DD') AS valid_from, \
             to_char(m.valid_until, 'YYYY-MM-DD') AS valid_until, m.granted_by, m.approved_by, m.waits, \
             a.display_name, a.user_name, g.display_name AS granted_name, p.display_name AS approved_name \
             FROM membership m JOIN account a ON a.id = m.account_id LEFT JOIN account g ON g.id = m.granted_by \
             LEFT JOIN account p ON p.id = m.approved_by WHERE m.organisation = ANY($1) AND ",
            $rest
        )
    };
}

const SEEN_OF_ACCOUNT: &str = select_named!("m.account_id = $2 ORDER BY m.valid_from DESC, m.id DESC");
const SEEN_BY_ID: &str = select_named!("m.account_id = $2 AND m.id = $3");
const SEEN_WAITING: &str = select_named!(
    "m.waits AND (m.valid_until IS NULL OR m.valid_until > greatest(m.valid_from, $2::date)) ORDER BY m.id LIMIT $3"
);

/// The columns of a [`Row`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, account_id, organisation, role, to_char(valid_from, 'YYYY-MM-DD') AS valid_from, \
             to_char(valid_until, 'YYYY-MM-DD') AS valid_until, granted_by, approved_by, waits FROM membership WHERE ",
            $rest
        )
    };
}

const TO_COME: &str = select!(
    "account_id = $1 AND (valid_until IS NULL OR valid_until > greatest(valid_from, $2::date)) ORDER BY id"
);
const OF_ACCOUNT: &str = select!("account_id = $1 ORDER BY valid_from, id");
const OF_ACCOUNTS: &str = select!("account_id = ANY($1) ORDER BY account_id, id");
const BY_ID: &str = select!("id = $1 FOR UPDATE");

/// The memberships of these accounts that count on `day`.
pub(crate) async fn memberships_on(
    connection: &mut PgConnection,
    accounts: &[i64],
    day: Day,
) -> Result<Vec<Membership>> {
    let rows: Vec<Row> = sqlx::query_as(OF_ACCOUNTS)
        .bind(accounts)
        .fetch_all(connection)
        .await?;
    let kept = rows.into_iter().map(Row::read).collect::<Result<Vec<Kept>>>()?;
    let counts = |kept: &Kept| !kept.waits && kept.membership.holds(day);
    Ok(kept
        .into_iter()
        .filter(counts)
        .map(|kept| kept.membership)
        .collect())
}

impl Database {
    /// Gives a role. Of two at once for one account, one waits, so that no two get in that exclude each other.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such account or organisation; [`DatabaseError::Invalid`] when it has no first day or no day
    /// at all; [`DatabaseError::Conflict`] when the person has the role there already on one of the days, or one that excludes it.
    pub async fn grant_membership(
        &self,
        by: &Asker<'_>,
        new: &Membership,
        now_us: i64,
    ) -> Result<MembershipId> {
        let mut transaction = self.pool.begin().await?;
        let (id, deed) = insert(&mut transaction, by, new).await?;
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Agrees, as the second person, that a membership that waits counts.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none that waits; [`DatabaseError::Conflict`] for whoever gave it or it is of, and where one of
    /// the two let the account in alone.
    pub async fn approve_membership(&self, by: &Asker<'_>, id: MembershipId, now_us: i64) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let row: Option<Row> = sqlx::query_as(BY_ID)
            .bind(id.0)
            .fetch_optional(&mut *transaction)
            .await?;
        let kept = row
            .filter(|row| row.waits)
            .ok_or(DatabaseError::NotFound)?
            .read()?;
        let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
        if kept.membership.span.is_over(day) {
            return Err(DatabaseError::NotFound);
        }
        let person = by.account().map(|account| account.id);
        let is_another = person.is_some()
            && person != kept.granted_by
            && person != Some(AccountId(kept.membership.person.0));
        if !is_another {
            return Err(DatabaseError::Conflict(
                "this takes another person than who gave the role and who gets it",
            ));
        }
        let let_in_by: Option<i64> =
            sqlx::query_scalar("SELECT let_in_by FROM account WHERE id = $1 FOR NO KEY UPDATE")
                .bind(kept.membership.person.0)
                .fetch_one(&mut *transaction)
                .await?;
        let let_in_by = let_in_by.map(AccountId);
        if let_in_by.is_some() && (let_in_by == kept.granted_by || let_in_by == person) {
            return Err(DatabaseError::Conflict(
                "one of the two let this account in alone, and may be whoever uses it; let it in anew by a link that takes two",
            ));
        }
        sqlx::query("UPDATE membership SET waits = false, approved_by = $2 WHERE id = $1")
            .bind(id.0)
            .bind(person.map(|person| person.0))
            .execute(&mut *transaction)
            .await?;
        let deed = told("membership.approve", id, &kept.membership);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Ends a membership: from `until` on it counts no more; with today's day it ends now. One that begins later is taken back.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none that still counts on that day; [`DatabaseError::Conflict`] when a person, not the
    /// console, ends the role of the last one that runs the nation's organisation.
    pub async fn end_membership(
        &self,
        by: &Asker<'_>,
        id: MembershipId,
        until: Day,
        now_us: i64,
    ) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        administration::lock_nations_managers(&mut transaction).await?;
        lock_owner(&mut transaction, id).await?;
        let ended = sqlx::query(
            "UPDATE membership SET valid_until = greatest(valid_from, $2::date) \
             WHERE id = $1 AND (valid_until IS NULL OR valid_until > greatest(valid_from, $2::date))",
        )
        .bind(id.0)
        .bind(until.to_string())
        .execute(&mut *transaction)
        .await?;
        if ended.rows_affected() == 0 {
            return Err(DatabaseError::NotFound);
        }
        let row: Row = sqlx::query_as(BY_ID)
            .bind(id.0)
            .fetch_one(&mut *transaction)
            .await?;
        let kept = row.read()?;
        let counted = !kept.waits && kept.membership.role == Role::OrganisationManager;
        if counted && by.account().is_some() {
            administration::keep_a_manager(&mut transaction, &kept.membership, now_us).await?;
        }
        let Membership {
            person, role, span, ..
        } = kept.membership;
        if Day::of_us(now_us).is_some_and(|today| span.is_over(today)) {
            welcome::withdraw_made_by(&mut transaction, AccountId(person.0)).await?;
            sensor::withdraw_made_with(&mut transaction, AccountId(person.0), role).await?;
        }
        let deed = told("membership.end", id, &kept.membership);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// What the rights of an account come from on `day`.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn rights_of(&self, account: AccountId, day: Day) -> Result<Rights> {
        self.rights(account, day, |_| true).await
    }

    /// The same with the memberships alone that are wanted.
    pub(crate) async fn rights(
        &self,
        account: AccountId,
        day: Day,
        is_wanted: impl Fn(&Kept) -> bool,
    ) -> Result<Rights> {
        let (organisations, passkey_roles): (i64, Vec<String>) =
            sqlx::query_as("SELECT v.version, p.passkey_roles FROM organisation_version v, sign_in_policy p")
                .fetch_one(&self.pool)
                .await?;
        let kept = self.memberships_of(account).await?;
        let counts = |kept: &Kept| !kept.waits && kept.membership.holds(day) && is_wanted(kept);
        Ok(Rights {
            organisations,
            passkey_roles: sign_in_policy::read(&passkey_roles),
            memberships: kept
                .into_iter()
                .filter(counts)
                .map(|kept| kept.membership)
                .collect(),
        })
    }

    /// The memberships of an account at organisations of the scope, past ones too, the newest first.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn seen_memberships(&self, scope: &Scope, account: AccountId) -> Result<Vec<Named>> {
        let mut look = self.look(scope).await?;
        let rows: Vec<NamedRow> = sqlx::query_as(SEEN_OF_ACCOUNT)
            .bind(scope.to_codes())
            .bind(account.0)
            .fetch_all(&mut *look)
            .await?;
        rows.into_iter().map(NamedRow::read).collect()
    }

    /// One membership of an account at an organisation of the scope.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none.
    pub async fn seen_membership(
        &self,
        scope: &Scope,
        account: AccountId,
        id: MembershipId,
    ) -> Result<Named> {
        let mut look = self.look(scope).await?;
        let row: Option<NamedRow> = sqlx::query_as(SEEN_BY_ID)
            .bind(scope.to_codes())
            .bind(account.0)
            .bind(id.0)
            .fetch_optional(&mut *look)
            .await?;
        row.ok_or(DatabaseError::NotFound)?.read()
    }

    /// What waits for a second person at organisations of the scope, the oldest first, at most [`WAITING_MAX`].
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn waiting_memberships(&self, scope: &Scope, now_us: i64) -> Result<Vec<Named>> {
        let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
        let mut look = self.look(scope).await?;
        let rows: Vec<NamedRow> = sqlx::query_as(SEEN_WAITING)
            .bind(scope.to_codes())
            .bind(day.to_string())
            .bind(WAITING_MAX)
            .fetch_all(&mut *look)
            .await?;
        rows.into_iter().map(NamedRow::read).collect()
    }

    /// All memberships of an account, past ones too, by their first day.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn memberships_of(&self, account: AccountId) -> Result<Vec<Kept>> {
        let rows: Vec<Row> = sqlx::query_as(OF_ACCOUNT)
            .bind(account.0)
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(Row::read).collect()
    }
}

/// The memberships of an account that are not over, also those that wait or have not begun.
pub(crate) async fn to_come(
    connection: &mut PgConnection,
    account: AccountId,
    now_us: i64,
) -> Result<Vec<Kept>> {
    let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
    let rows: Vec<Row> = sqlx::query_as(TO_COME)
        .bind(account.0)
        .bind(day.to_string())
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(Row::read).collect()
}

/// Locks the account of a membership: who makes a link with the right that it gives is done before, or finds it gone.
async fn lock_owner(connection: &mut PgConnection, id: MembershipId) -> Result<()> {
    sqlx::query(
        "SELECT FROM account WHERE id = (SELECT account_id FROM membership WHERE id = $1) FOR NO KEY UPDATE",
    )
    .bind(id.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a membership, and what is to be said of it in the log. A link to the account that does not fit beside the role is withdrawn
/// ([`welcome::withdraw_before_role`]).
pub(crate) async fn insert(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    new: &Membership,
) -> Result<(MembershipId, Deed)> {
    let from = new.span.from.ok_or(DatabaseError::Invalid {
        field: "from",
        problem: "is missing",
    })?;
    if new.span.is_empty() {
        return Err(DatabaseError::Invalid {
            field: "until",
            problem: "is not after from",
        });
    }
    let is_service: Option<bool> =
        sqlx::query_scalar("SELECT is_service FROM account WHERE id = $1 FOR NO KEY UPDATE")
            .bind(new.person.0)
            .fetch_optional(&mut *connection)
            .await?;
    if is_service.ok_or(DatabaseError::NotFound)? && !may_serve(new.role) {
        return Err(DatabaseError::Invalid {
            field: "role",
            problem: "decides, and is for people alone",
        });
    }
    let rows: Vec<Row> = sqlx::query_as(OF_ACCOUNT)
        .bind(new.person.0)
        .fetch_all(&mut *connection)
        .await?;
    if rows.len() >= MEMBERSHIPS_MAX {
        return Err(DatabaseError::Conflict(
            "the account has had too many memberships",
        ));
    }
    for row in rows {
        check_beside(new, &row.read()?.membership)?;
    }
    let giver = by.account().map(|account| account.id);
    let needs_two = policy::needs_second_person(new.role);
    welcome::withdraw_before_role(connection, AccountId(new.person.0), giver, needs_two).await?;
    let granted_by = giver.map(|id| id.0);
    let waits = granted_by.is_some() && needs_two;
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO membership (account_id, organisation, role, valid_from, valid_until, granted_by, waits) \
         SELECT $1, code, $3, $4::date, $5::date, $6, $7 FROM organisation WHERE code = $2 RETURNING id",
    )
    .bind(new.person.0)
    .bind(new.organisation.as_str())
    .bind(new.role.name())
    .bind(from.to_string())
    .bind(new.span.until.map(|day| day.to_string()))
    .bind(granted_by)
    .bind(waits)
    .fetch_optional(connection)
    .await?;
    let id = MembershipId(id.ok_or(DatabaseError::NotFound)?);
    let deed = told("membership.create", id, new);
    Ok((
        id,
        if waits {
            deed.with("waits", "for a second person")
        } else {
            deed
        },
    ))
}

fn told(action: &'static str, id: MembershipId, membership: &Membership) -> Deed {
    let deed = Deed::done(action, "membership", id.0)
        .with("account", membership.person.0)
        .with("organisation", membership.organisation.as_str())
        .with("role", membership.role.name());
    let days = [("from", membership.span.from), ("until", membership.span.until)];
    let said = days.into_iter().filter_map(|(name, day)| Some((name, day?)));
    said.fold(deed, |deed, (name, day)| deed.with(name, day))
}

fn check_beside(new: &Membership, old: &Membership) -> Result<()> {
    if new.conflicts_with(old) {
        return Err(DatabaseError::Conflict(
            "the person has a role that excludes this one",
        ));
    }
    let is_same = new.organisation == old.organisation && new.role == old.role;
    if is_same && !old.span.is_empty() && new.span.meets(&old.span) {
        return Err(DatabaseError::Conflict("the person has this role there already"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use vonggac_access::{Grants, Role, Span, VIETNAM, file};

    use super::*;
    use crate::testing::{self, NOW_US};

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    async fn prepared() -> Option<(Database, PersonId)> {
        let database = testing::database().await?;
        let placed = file::read(VIETNAM).unwrap();
        database
            .import_organisations(&Asker::console(), placed, NOW_US)
            .await
            .unwrap();
        let new = testing::new_account("lan");
        let account = database
            .create_account(new, &"moh".parse().unwrap(), NOW_US)
            .await;
        Some((database, PersonId(account.unwrap().id.0)))
    }

    fn membership(
        person: PersonId,
        organisation: &str,
        role: Role,
        from: &str,
        until: Option<&str>,
    ) -> Membership {
        Membership {
            person,
            organisation: organisation.parse().unwrap(),
            role,
            span: Span {
                from: Some(day(from)),
                until: until.map(day),
            },
        }
    }

    #[tokio::test]
    async fn a_role_is_given_for_days_and_ended() {
        let Some((database, lan)) = prepared().await else {
            return;
        };
        let one = membership(lan, "ha-noi", Role::Analyst, "2026-01-01", None);
        let console = Asker::console();
        let grant = async |one: &Membership| database.grant_membership(&console, one, NOW_US).await;
        let end = async |id, on: &str| database.end_membership(&console, id, day(on), NOW_US).await;
        let id = grant(&one).await.unwrap();
        let kept = database.memberships_of(AccountId(lan.0)).await.unwrap();
        assert_eq!(
            (kept[0].id, &kept[0].membership, kept[0].waits),
            (id, &one, false)
        );
        end(id, "2026-06-01").await.unwrap();
        let again = end(id, "2026-07-01").await.unwrap_err();
        assert!(
            matches!(again, DatabaseError::NotFound),
            "an end is not put off: {again}"
        );
        let stored = database.memberships_of(AccountId(lan.0)).await.unwrap();
        assert_eq!(stored[0].membership.span.until, Some(day("2026-06-01")));
        // After it, it may be given again, and one that has not begun can be taken back.
        let later = membership(lan, "ha-noi", Role::Analyst, "2026-06-01", None);
        let id = grant(&later).await.unwrap();
        end(id, "2026-05-01").await.unwrap();
        let tree = database.organisations().await.unwrap();
        let all: Vec<Membership> = database
            .memberships_of(AccountId(lan.0))
            .await
            .unwrap()
            .into_iter()
            .map(|kept| kept.membership)
            .collect();
        let counts = |on: &str| all.iter().filter(|one| one.holds(day(on))).count();
        assert_eq!(
            (counts("2025-12-31"), counts("2026-05-31"), counts("2026-06-01")),
            (0, 1, 0)
        );
        let _ = Grants::of(&tree, &all, lan, day("2026-05-31"));
    }

    #[tokio::test]
    async fn roles_that_exclude_each_other_do_not_meet() {
        let Some((database, lan)) = prepared().await else {
            return;
        };
        let grant = |organisation: &'static str, role, from: &'static str, until| {
            let database = database.clone();
            async move {
                database
                    .grant_membership(
                        &Asker::console(),
                        &membership(lan, organisation, role, from, until),
                        NOW_US,
                    )
                    .await
            }
        };
        grant("ha-noi", Role::Analyst, "2026-01-01", Some("2026-06-01"))
            .await
            .unwrap();
        let conflict = |outcome: Result<MembershipId>| matches!(outcome, Err(DatabaseError::Conflict(_)));
        assert!(conflict(grant("ha-noi", Role::Analyst, "2026-05-31", None).await));
        assert!(conflict(grant("hue", Role::Auditor, "2026-05-31", None).await));
        grant("hue", Role::Auditor, "2026-06-01", None).await.unwrap();
        let (one, two) = tokio::join!(
            grant("vn", Role::ShiftLead, "2025-01-01", Some("2025-02-01")),
            grant("vn", Role::SystemAdministrator, "2025-01-01", Some("2025-02-01")),
        );
        assert!(one.is_ok() ^ two.is_ok(), "{one:?} {two:?}");
    }

    #[tokio::test]
    async fn what_is_not_there_gets_no_role() {
        let Some((database, lan)) = prepared().await else {
            return;
        };
        let check = async |membership: Membership| {
            database
                .grant_membership(&Asker::console(), &membership, NOW_US)
                .await
                .unwrap_err()
        };
        let nowhere = membership(lan, "nowhere", Role::Analyst, "2026-01-01", None);
        assert!(matches!(check(nowhere).await, DatabaseError::NotFound));
        let nobody = membership(PersonId(i64::MAX), "vn", Role::Analyst, "2026-01-01", None);
        assert!(matches!(check(nobody).await, DatabaseError::NotFound));
        let never = membership(lan, "vn", Role::Analyst, "2026-01-01", Some("2026-01-01"));
        assert!(matches!(check(never).await, DatabaseError::Invalid { .. }));
    }

    #[tokio::test]
    async fn what_takes_two_people_waits_for_the_second() {
        let Some((database, lan)) = prepared().await else {
            return;
        };
        let (one, two) = (
            testing::account(&database, "minh", "*").await,
            testing::account(&database, "hoa", "*").await,
        );
        let wanted = membership(lan, "ha-noi", Role::ResponseCoordinator, "2026-01-01", None);
        let id = database
            .grant_membership(&Asker::from(&one), &wanted, NOW_US)
            .await
            .unwrap();
        let counting = async || {
            let rights = database.rights_of(AccountId(lan.0), day("2026-02-01")).await;
            rights.unwrap().memberships.len()
        };
        assert_eq!(counting().await, 0);
        for not_another in [&Asker::from(&one), &Asker::console()] {
            let refused = database.approve_membership(not_another, id, NOW_US).await;
            assert!(matches!(refused, Err(DatabaseError::Conflict(_))), "{refused:?}");
        }
        database
            .approve_membership(&Asker::from(&two), id, NOW_US)
            .await
            .unwrap();
        assert_eq!(counting().await, 1);
        let again = database.approve_membership(&Asker::from(&two), id, NOW_US).await;
        assert!(matches!(again, Err(DatabaseError::NotFound)), "{again:?}");
    }
}
