//! Memberships: who has which role at which organisation, from when until when. They are ended, never removed.
//!
//! Some roles count only once a second person has agreed ([`policy::needs_second_person`]); until then the membership *waits*. What the
//! console gives by itself, at set-up or because the server's owner says so, waits for nobody.

use sqlx::{FromRow, PgConnection};
use vonggac_access::{Day, Membership, PersonId, policy};

use crate::audit::{self, Asker, Deed};
use crate::organisation::{parsed, span};
use crate::{AccountId, Database, DatabaseError, Result};

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
            waits: self.waits,
        })
    }
}

/// The columns of a [`Row`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, account_id, organisation, role, to_char(valid_from, 'YYYY-MM-DD') AS valid_from, \
             to_char(valid_until, 'YYYY-MM-DD') AS valid_until, granted_by, waits FROM membership WHERE ",
            $rest
        )
    };
}

const OF_ACCOUNT: &str = select!("account_id = $1 ORDER BY valid_from, id");
const BY_ID: &str = select!("id = $1 FOR UPDATE");

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
    /// [`DatabaseError::NotFound`] when there is none that waits; [`DatabaseError::Conflict`] for whoever gave it or it is of.
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
        let person = by.account().map(|account| account.id);
        let is_another = person.is_some()
            && person != kept.granted_by
            && person != Some(AccountId(kept.membership.person.0));
        if !is_another {
            return Err(DatabaseError::Conflict(
                "this takes another person than who gave the role and who gets it",
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
    /// [`DatabaseError::NotFound`] when there is none that still counts on that day.
    pub async fn end_membership(
        &self,
        by: &Asker<'_>,
        id: MembershipId,
        until: Day,
        now_us: i64,
    ) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
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
        let deed = told("membership.end", id, &row.read()?.membership);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// What the rights of an account come from on `day`.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn rights_of(&self, account: AccountId, day: Day) -> Result<Rights> {
        let organisations = sqlx::query_scalar("SELECT version FROM organisation_version");
        let organisations = organisations.fetch_one(&self.pool).await?;
        let kept = self.memberships_of(account).await?;
        let counts = |kept: &Kept| !kept.waits && kept.membership.holds(day);
        Ok(Rights {
            organisations,
            memberships: kept
                .into_iter()
                .filter(counts)
                .map(|kept| kept.membership)
                .collect(),
        })
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

/// Writes a membership, and what is to be said of it in the log.
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
    let account: Option<i64> = sqlx::query_scalar("SELECT id FROM account WHERE id = $1 FOR UPDATE")
        .bind(new.person.0)
        .fetch_optional(&mut *connection)
        .await?;
    account.ok_or(DatabaseError::NotFound)?;
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
    let granted_by = by.account().map(|account| account.id.0);
    let waits = granted_by.is_some() && policy::needs_second_person(new.role);
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
        database.import_organisations(placed).await.unwrap();
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
