//! Memberships: who has which role at which organisation, from when until when. They are ended, never removed.

use sqlx::FromRow;
use vonggac_access::{Day, Membership, PersonId};

use crate::organisation::{parsed, span};
use crate::{AccountId, Database, DatabaseError, Result};

/// Most memberships of one account, past ones too.
pub const MEMBERSHIPS_MAX: usize = 1_000;

/// Id of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MembershipId(pub i64);

#[derive(FromRow)]
struct Row {
    id: i64,
    account_id: i64,
    organisation: String,
    role: String,
    valid_from: String,
    valid_until: Option<String>,
}

impl Row {
    fn read(self) -> Result<(MembershipId, Membership)> {
        let membership = Membership {
            person: PersonId(self.account_id),
            organisation: parsed(&self.organisation)?,
            role: parsed(&self.role)?,
            span: span(Some(&self.valid_from), self.valid_until.as_deref())?,
        };
        Ok((MembershipId(self.id), membership))
    }
}

const OF_ACCOUNT: &str = "SELECT id, account_id, organisation, role, to_char(valid_from, 'YYYY-MM-DD') AS valid_from, \
     to_char(valid_until, 'YYYY-MM-DD') AS valid_until FROM membership WHERE account_id = $1 ORDER BY valid_from, id";

impl Database {
    /// Gives a role. Of two at once for one account, one waits, so that no two get in that exclude each other.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such account or organisation; [`DatabaseError::Invalid`] when it has no first day or no day
    /// at all; [`DatabaseError::Conflict`] when the person has the role there already on one of the days, or one that excludes it.
    pub async fn grant_membership(&self, new: &Membership) -> Result<MembershipId> {
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
        let mut transaction = self.pool.begin().await?;
        let account: Option<i64> = sqlx::query_scalar("SELECT id FROM account WHERE id = $1 FOR UPDATE")
            .bind(new.person.0)
            .fetch_optional(&mut *transaction)
            .await?;
        account.ok_or(DatabaseError::NotFound)?;
        let rows: Vec<Row> = sqlx::query_as(OF_ACCOUNT)
            .bind(new.person.0)
            .fetch_all(&mut *transaction)
            .await?;
        if rows.len() >= MEMBERSHIPS_MAX {
            return Err(DatabaseError::Conflict(
                "the account has had too many memberships",
            ));
        }
        for row in rows {
            check_beside(new, &row.read()?.1)?;
        }
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO membership (account_id, organisation, role, valid_from, valid_until) \
             SELECT $1, code, $3, $4::date, $5::date FROM organisation WHERE code = $2 RETURNING id",
        )
        .bind(new.person.0)
        .bind(new.organisation.as_str())
        .bind(new.role.name())
        .bind(from.to_string())
        .bind(new.span.until.map(|day| day.to_string()))
        .fetch_optional(&mut *transaction)
        .await?;
        let id = id.ok_or(DatabaseError::NotFound)?;
        transaction.commit().await?;
        Ok(MembershipId(id))
    }

    /// Ends a membership: from `until` on it counts no more; with today's day it ends now. One that begins later is taken back.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none that still counts on that day.
    pub async fn end_membership(&self, id: MembershipId, until: Day) -> Result<()> {
        let ended = sqlx::query(
            "UPDATE membership SET valid_until = greatest(valid_from, $2::date) \
             WHERE id = $1 AND (valid_until IS NULL OR valid_until > greatest(valid_from, $2::date))",
        )
        .bind(id.0)
        .bind(until.to_string())
        .execute(&self.pool)
        .await?;
        if ended.rows_affected() == 0 {
            return Err(DatabaseError::NotFound);
        }
        Ok(())
    }

    /// All memberships of an account, past ones too, by their first day.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn memberships_of(&self, account: AccountId) -> Result<Vec<(MembershipId, Membership)>> {
        let rows: Vec<Row> = sqlx::query_as(OF_ACCOUNT)
            .bind(account.0)
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(Row::read).collect()
    }
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
    use crate::testing;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    async fn prepared() -> Option<(Database, PersonId)> {
        let database = testing::database().await?;
        let placed = file::read(VIETNAM).unwrap();
        database.import_organisations(placed).await.unwrap();
        let account = testing::account(&database, "lan", "moh").await;
        Some((database, PersonId(account.id.0)))
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
        let id = database.grant_membership(&one).await.unwrap();
        assert_eq!(
            database.memberships_of(AccountId(lan.0)).await.unwrap(),
            [(id, one.clone())]
        );
        database.end_membership(id, day("2026-06-01")).await.unwrap();
        let again = database.end_membership(id, day("2026-07-01")).await.unwrap_err();
        assert!(
            matches!(again, DatabaseError::NotFound),
            "an end is not put off: {again}"
        );
        let stored = database.memberships_of(AccountId(lan.0)).await.unwrap();
        assert_eq!(stored[0].1.span.until, Some(day("2026-06-01")));
        // After it, it may be given again, and one that has not begun can be taken back.
        let later = membership(lan, "ha-noi", Role::Analyst, "2026-06-01", None);
        let id = database.grant_membership(&later).await.unwrap();
        database.end_membership(id, day("2026-05-01")).await.unwrap();
        let tree = database.organisations().await.unwrap();
        let all: Vec<Membership> = database
            .memberships_of(AccountId(lan.0))
            .await
            .unwrap()
            .into_iter()
            .map(|(_, membership)| membership)
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
                    .grant_membership(&membership(lan, organisation, role, from, until))
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
        let check = async |membership: Membership| database.grant_membership(&membership).await.unwrap_err();
        let nowhere = membership(lan, "nowhere", Role::Analyst, "2026-01-01", None);
        assert!(matches!(check(nowhere).await, DatabaseError::NotFound));
        let nobody = membership(PersonId(i64::MAX), "vn", Role::Analyst, "2026-01-01", None);
        assert!(matches!(check(nobody).await, DatabaseError::NotFound));
        let never = membership(lan, "vn", Role::Analyst, "2026-01-01", Some("2026-01-01"));
        assert!(matches!(check(never).await, DatabaseError::Invalid { .. }));
    }
}
