//! What others do with an account: change it, disable it and let it in again, end its sessions.
//!
//! A disabled account keeps its roles and its work; nobody signs in to it, its sessions end, and neither a link to it nor one that its owner
//! made works any more, nor a token that its owner made for a sensor. Invariant: the
//! nation's organisation keeps somebody who runs it and can sign in.

use sqlx::PgConnection;
use vonggac_access::{Day, Membership, OrganisationId, PersonId, Role};

use crate::account::{self, check_display_name};
use crate::audit::{self, Asker, Deed};
use crate::{
    Account, AccountId, Database, DatabaseError, Language, Result, SessionId, organisation, sensor, session,
    welcome,
};

/// What is to be another; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// Name others see.
    pub display_name: Option<String>,
    /// Language of its console.
    pub language: Option<Language>,
    /// What it belongs to.
    pub organisation: Option<OrganisationId>,
}

impl Database {
    /// Changes an account of somebody else.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such account or organisation; [`DatabaseError::Invalid`] for a name that does not do.
    pub async fn change_account(
        &self,
        by: &Asker<'_>,
        id: AccountId,
        change: &AccountChange,
        now_us: i64,
    ) -> Result<Account> {
        if let Some(name) = &change.display_name {
            check_display_name(name)?;
        }
        let mut transaction = self.pool.begin().await?;
        if let Some(code) = &change.organisation
            && !organisation::exists(&mut transaction, code).await?
        {
            return Err(DatabaseError::NotFound);
        }
        let changed = account::update(&mut transaction, id, change).await?;
        let deed = Deed::done("account.change", "account", id.0)
            .with("language", changed.language.code())
            .with("display_name", &changed.display_name)
            .with("organisation", changed.organisation.as_str());
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(changed)
    }

    /// Shuts an account: its sessions end on every console at once.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] for one that is disabled already, for one's own, and for the last one that runs
    /// the nation's organisation.
    pub async fn disable_account(&self, by: &Asker<'_>, id: AccountId, now_us: i64) -> Result<()> {
        if by.account().is_some_and(|account| account.id == id) {
            return Err(DatabaseError::Conflict("nobody disables his own account"));
        }
        let mut transaction = self.pool.begin().await?;
        lock_nations_managers(&mut transaction).await?;
        let done = sqlx::query("UPDATE account SET disabled_us = $2 WHERE id = $1 AND disabled_us IS NULL")
            .bind(id.0)
            .bind(now_us)
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return Err(DatabaseError::Conflict("the account is disabled already"));
        }
        let was_needed = runs(&mut transaction, id, now_us).await?
            && !is_run(&mut transaction, PersonId(id.0), now_us).await?;
        if was_needed {
            return Err(DatabaseError::Conflict(LAST_MANAGER));
        }
        welcome::withdraw(&mut transaction, id).await?;
        welcome::withdraw_made_by(&mut transaction, id).await?;
        sensor::withdraw_made_by(&mut transaction, id).await?;
        let ended = session::end_others(&mut transaction, id, None).await?;
        let deed = Deed::done("account.disable", "account", id.0).with("sessions_ended", ended);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Lets the owner of a disabled account in again, with the password, factors and roles of before.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when it is not disabled.
    pub async fn enable_account(&self, by: &Asker<'_>, id: AccountId, now_us: i64) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let done =
            sqlx::query("UPDATE account SET disabled_us = NULL WHERE id = $1 AND disabled_us IS NOT NULL")
                .bind(id.0)
                .execute(&mut *transaction)
                .await?;
        if done.rows_affected() == 0 {
            return Err(DatabaseError::Conflict("the account is not disabled"));
        }
        let deed = Deed::done("account.enable", "account", id.0);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// Ends a session of an account, one's own or another's.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when the account has no such session.
    pub async fn end_session_of(
        &self,
        by: &Asker<'_>,
        account: AccountId,
        session: SessionId,
        now_us: i64,
    ) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query("DELETE FROM session WHERE id = $1 AND account_id = $2")
            .bind(session.0)
            .bind(account.0)
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return Err(DatabaseError::NotFound);
        }
        let deed = Deed::done("session.end", "session", session.0).with("account", account.0);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }
}

/// Of two who disable each other at once, one waits and then finds the other gone.
pub(crate) async fn lock_nations_managers(connection: &mut PgConnection) -> Result<()> {
    sqlx::query(
        "SELECT FROM membership m JOIN organisation o ON o.code = m.organisation \
         WHERE o.kind = 'nation' AND m.role = $1 ORDER BY m.id FOR UPDATE OF m",
    )
    .bind(Role::OrganisationManager.name())
    .execute(connection)
    .await?;
    Ok(())
}

/// Sees, where the role ends with which somebody runs the nation's organisation, that somebody else does who can sign in and whose role has no
/// end.
pub(crate) async fn keep_a_manager(
    connection: &mut PgConnection,
    ended: &Membership,
    now_us: i64,
) -> Result<()> {
    if organisation::nation(connection).await? != ended.organisation
        || is_run(connection, ended.person, now_us).await?
    {
        return Ok(());
    }
    Err(DatabaseError::Conflict(LAST_MANAGER))
}

const LAST_MANAGER: &str = "nobody else runs the nation's organisation";

/// Whether somebody but `person` runs the nation's organisation, can sign in, and has a role without an end.
async fn is_run(connection: &mut PgConnection, person: PersonId, now_us: i64) -> Result<bool> {
    let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
    let is_run = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM membership m JOIN organisation o ON o.code = m.organisation \
         JOIN account a ON a.id = m.account_id WHERE o.kind = 'nation' AND m.role = $2 AND m.account_id <> $1 \
         AND NOT m.waits AND m.valid_from <= $3::date AND m.valid_until IS NULL \
         AND a.disabled_us IS NULL AND a.password_hash IS NOT NULL)",
    )
    .bind(person.0)
    .bind(Role::OrganisationManager.name())
    .bind(day.to_string())
    .fetch_one(connection)
    .await?;
    Ok(is_run)
}

/// Whether an account has, today, the role with which one runs the nation's organisation.
async fn runs(connection: &mut PgConnection, account: AccountId, now_us: i64) -> Result<bool> {
    let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
    let runs = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM membership m JOIN organisation o ON o.code = m.organisation \
         WHERE o.kind = 'nation' AND m.role = $2 AND m.account_id = $1 AND NOT m.waits \
         AND m.valid_from <= $3::date AND (m.valid_until IS NULL OR m.valid_until > $3::date))",
    )
    .bind(account.0)
    .bind(Role::OrganisationManager.name())
    .bind(day.to_string())
    .fetch_one(connection)
    .await?;
    Ok(runs)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::session::{Strength, Use};
    use crate::testing::{self, NOW_US, PASSWORD, from};

    fn conflicts<T: std::fmt::Debug>(outcome: &Result<T>) -> bool {
        matches!(outcome, Err(DatabaseError::Conflict(_)))
    }

    #[tokio::test]
    async fn nobody_signs_in_to_a_disabled_account_and_its_owner_does_again_afterwards() {
        let Some(database) = testing::database().await else {
            return;
        };
        let boss = testing::account(&database, "boss", "*").await;
        let lan = testing::account(&database, "lan", "moh").await;
        let by = Asker::from(&boss);
        let origin = from("::1");
        let open = async || {
            database
                .open_session(&lan, &origin, Strength::Single, NOW_US)
                .await
        };
        let sign_in = async || database.sign_in("lan", PASSWORD.into(), &origin, NOW_US).await;
        let session = open().await.unwrap();
        database.disable_account(&by, lan.id, NOW_US).await.unwrap();
        let found = database.find_session(&session, Use::Passive, NOW_US).await;
        assert_eq!(found.unwrap(), None);
        let refused = sign_in().await;
        assert!(
            matches!(refused, Err(DatabaseError::WrongCredentials)),
            "{refused:?}"
        );
        let late = open().await;
        assert!(matches!(late, Err(DatabaseError::WrongCredentials)), "{late:?}");
        let people = database
            .people(&testing::everyone(), "lan", NOW_US)
            .await
            .unwrap();
        assert_eq!(people, [], "and is given no alerts");
        let again = database.disable_account(&by, lan.id, NOW_US).await;
        assert!(matches!(again, Err(DatabaseError::Conflict(_))), "{again:?}");

        database.enable_account(&by, lan.id, NOW_US).await.unwrap();
        assert_eq!(sign_in().await.unwrap().account.id, lan.id);
        let again = database.enable_account(&by, lan.id, NOW_US).await;
        assert!(matches!(again, Err(DatabaseError::Conflict(_))), "{again:?}");
    }

    #[tokio::test]
    async fn somebody_who_can_sign_in_runs_the_nation() {
        let Some(database) = testing::database().await else {
            return;
        };
        let one = testing::account(&database, "one", "*").await;
        let two = testing::account(&database, "two", "*").await;
        let admin = testing::member(&database, "admin", "vn", &[Role::SystemAdministrator]).await;
        let by_admin = Asker::from(&admin);
        let own = database.disable_account(&Asker::from(&one), one.id, NOW_US).await;
        assert!(conflicts(&own), "{own:?}");
        let (by_one, by_two) = (Asker::from(&one), Asker::from(&two));
        let (first, second) = tokio::join!(
            database.disable_account(&by_one, two.id, NOW_US),
            database.disable_account(&by_two, one.id, NOW_US),
        );
        assert!(first.is_ok() ^ second.is_ok(), "{first:?} {second:?}");
        let (left, gone) = if first.is_ok() { (&one, &two) } else { (&two, &one) };
        let last = database.disable_account(&by_admin, left.id, NOW_US).await;
        assert!(conflicts(&last), "{last:?}");
        let kept = database.memberships_of(left.id).await.unwrap();
        let role = kept
            .iter()
            .find(|kept| kept.membership.role == Role::OrganisationManager)
            .unwrap();
        let today = Day::of_us(NOW_US).unwrap();
        let ended = database.end_membership(&by_admin, role.id, today, NOW_US).await;
        assert!(conflicts(&ended), "{ended:?}");
        database.enable_account(&by_admin, gone.id, NOW_US).await.unwrap();
        database
            .end_membership(&by_admin, role.id, today, NOW_US)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_change_says_what_it_left() {
        let Some(database) = testing::database().await else {
            return;
        };
        let boss = testing::account(&database, "boss", "*").await;
        let lan = testing::account(&database, "lan", "moh").await;
        let by = Asker::from(&boss);
        let change = |display_name: Option<&str>, organisation: Option<&str>| AccountChange {
            display_name: display_name.map(str::to_owned),
            language: None,
            organisation: organisation.map(|code| code.parse().unwrap()),
        };
        let moved = database
            .change_account(&by, lan.id, &change(Some(" Nguyễn Lan "), Some("mot")), NOW_US)
            .await
            .unwrap();
        let expect = Account {
            display_name: "Nguyễn Lan".into(),
            organisation: "mot".parse().unwrap(),
            ..lan.clone()
        };
        assert_eq!(moved, expect);
        let nameless = database
            .change_account(&by, lan.id, &change(Some(" "), None), NOW_US)
            .await;
        assert!(
            matches!(nameless, Err(DatabaseError::Invalid { .. })),
            "{nameless:?}"
        );
        let nowhere = database
            .change_account(&by, lan.id, &change(None, Some("nowhere")), NOW_US)
            .await;
        assert!(matches!(nowhere, Err(DatabaseError::NotFound)), "{nowhere:?}");
    }

    #[tokio::test]
    async fn a_session_is_ended_of_its_own_account_alone() {
        let Some(database) = testing::database().await else {
            return;
        };
        let boss = testing::account(&database, "boss", "*").await;
        let lan = testing::account(&database, "lan", "moh").await;
        let origin = from("::1");
        let token = database
            .open_session(&lan, &origin, Strength::Single, NOW_US)
            .await
            .unwrap();
        let id = SessionId(database.list_sessions(lan.id, NOW_US).await.unwrap()[0].id);
        let by = Asker::from(&boss);
        let foreign = database.end_session_of(&by, boss.id, id, NOW_US).await;
        assert!(matches!(foreign, Err(DatabaseError::NotFound)), "{foreign:?}");
        database.end_session_of(&by, lan.id, id, NOW_US).await.unwrap();
        let found = database.find_session(&token, Use::Passive, NOW_US).await;
        assert_eq!(found.unwrap(), None);
    }
}
