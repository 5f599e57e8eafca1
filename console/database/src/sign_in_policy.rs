//! Which roles count only where a passkey was seen. Whoever has one today and signed in otherwise may nothing until he has registered a
//! passkey or used one: the console makes his rights without any ([`Rights::needs_passkey`]). And after how many minutes at the latest a
//! session locks by itself ([`crate::session::lock`]).

use sqlx::FromRow;
use vonggac_access::{Day, Role};

use crate::audit::{self, Deed};
use crate::factor::Owner;
use crate::membership::Rights;
use crate::organisation::parsed;
use crate::session::lock::check_minutes;
use crate::{Database, DatabaseError, Result};

/// How a role stands to passkeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAndPasskeys {
    /// The role.
    pub role: Role,
    /// Whether it counts only where a passkey was seen.
    pub needs_passkey: bool,
    /// How many people have it today.
    pub people: i64,
    /// How many of them have no passkey.
    pub without_passkey: i64,
}

#[derive(FromRow)]
struct Count {
    role: String,
    people: i64,
    without_passkey: i64,
}

impl Rights {
    /// Whether one of the roles counts only where a passkey was seen.
    pub fn needs_passkey(&self) -> bool {
        let mut roles = self.memberships.iter().map(|one| one.role);
        roles.any(|role| self.passkey_roles.contains(&role))
    }
}

/// The roles of these words; one that this build does not know has nobody.
pub(crate) fn read(words: &[String]) -> Vec<Role> {
    words.iter().filter_map(|word| parsed(word).ok()).collect()
}

impl Database {
    /// Each role, in the order of the table: whether it needs a passkey, and how many people that concerns today.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn passkey_roles(&self, now_us: i64) -> Result<Vec<RoleAndPasskeys>> {
        let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
        let words: Vec<String> = sqlx::query_scalar("SELECT passkey_roles FROM sign_in_policy")
            .fetch_one(&self.pool)
            .await?;
        let chosen = read(&words);
        let counts: Vec<Count> = sqlx::query_as(
            "SELECT m.role, count(DISTINCT a.id) AS people, count(DISTINCT a.id) FILTER \
             (WHERE NOT EXISTS (SELECT FROM passkey p WHERE p.account_id = a.id)) AS without_passkey \
             FROM membership m JOIN account a ON a.id = m.account_id WHERE NOT a.is_service AND a.disabled_us IS NULL AND NOT m.waits \
             AND m.valid_from <= $1::date AND (m.valid_until IS NULL OR m.valid_until > $1::date) GROUP BY m.role",
        )
        .bind(day.to_string())
        .fetch_all(&self.pool)
        .await?;
        let of = |role: Role| {
            let count = counts.iter().find(|count| count.role == role.name());
            RoleAndPasskeys {
                role,
                needs_passkey: chosen.contains(&role),
                people: count.map_or(0, |count| count.people),
                without_passkey: count.map_or(0, |count| count.without_passkey),
            }
        };
        Ok(Role::ALL.into_iter().map(of).collect())
    }

    /// After how many minutes at the latest a session locks by itself; `None`: each may choose.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn lock_minutes_max(&self) -> Result<Option<i32>> {
        Ok(sqlx::query_scalar("SELECT lock_minutes_max FROM sign_in_policy")
            .fetch_one(&self.pool)
            .await?)
    }

    /// Says which roles count only where a passkey was seen, and after how many minutes at the latest a session locks by itself; from now on,
    /// in every session.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] for who has not shown a passkey himself and asks one of others: it may be that nobody can here.
    /// [`DatabaseError::Invalid`] for a number of minutes that cannot be chosen.
    pub async fn set_sign_in_policy(
        &self,
        owner: &Owner<'_>,
        roles: &[Role],
        lock_minutes_max: Option<i32>,
        now_us: i64,
    ) -> Result<()> {
        if let Some(minutes) = lock_minutes_max {
            check_minutes("lock_minutes_max", minutes)?;
        }
        if !roles.is_empty() && !owner.assured.by_passkey {
            return Err(DatabaseError::Conflict(
                "sign in with a passkey first: who asks others for one shows that it works here",
            ));
        }
        let words: Vec<&str> = Role::ALL
            .into_iter()
            .filter(|role| roles.contains(role))
            .map(Role::name)
            .collect();
        let mut transaction = self.pool.begin().await?;
        let before: Option<i32> =
            sqlx::query_scalar("SELECT lock_minutes_max FROM sign_in_policy FOR UPDATE")
                .fetch_one(&mut *transaction)
                .await?;
        sqlx::query("UPDATE sign_in_policy SET passkey_roles = $1, lock_minutes_max = $2")
            .bind(&words)
            .bind(lock_minutes_max)
            .execute(&mut *transaction)
            .await?;
        let mut deeds = Vec::new();
        if before != lock_minutes_max {
            let minutes = lock_minutes_max.map_or_else(|| "none".to_owned(), |minutes| minutes.to_string());
            deeds.push(Deed::done("setting.change", "setting", "session-lock").with("minutes_max", minutes));
        }
        deeds.push(Deed::done("setting.change", "setting", "passkey-roles").with("roles", words.join(" ")));
        audit::append(&mut transaction, &owner.by(), deeds, now_us).await?;
        Ok(transaction.commit().await?)
    }
}
