//! Services: accounts of programs. A service has roles as a person's account has, but none that decides ([`vonggac_access::may_serve`]),
//! and nothing to sign in with: programs ask for it with its tokens ([`crate::api_token`]). PostgreSQL refuses it a password, a session
//! and a second factor. Once ended it stays so: its name and what it did are kept.

use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_access::{Day, Membership, OrganisationId, Role};
use vonggac_event::Scope;

use crate::account::RawAccount;
use crate::audit::{self, Asker, Deed};
use crate::name_cursor::{ByName, NameCursor, Rows};
use crate::welcome::Opening;
use crate::{Account, AccountId, Database, DatabaseError, NewPerson, Result, api_token, like_literal};

/// Most services on a page.
pub const PAGE_SERVICES_MAX: u32 = 200;

/// A service in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Its account.
    pub account: Account,
    /// When it was opened.
    pub created_us: i64,
    /// When it was ended.
    pub ended_us: Option<i64>,
    /// The roles that it has today, at organisations of the scope.
    pub roles: Vec<Role>,
    /// How many of its tokens work.
    pub tokens: i64,
    /// When the first of them expires.
    pub expires_us: Option<i64>,
    /// When one of its tokens was last used, to a minute.
    pub last_used_us: Option<i64>,
}

/// Which services; what is empty or `None` restricts nothing.
#[derive(Debug, Clone, Default)]
pub struct ServiceFilter {
    /// Part of either name; case does not matter.
    pub text: String,
    /// Those that belong to one of these.
    pub organisations: Option<Scope>,
    /// Whether those that have ended are there, too.
    pub with_ended: bool,
}

/// Whose things may be seen.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// Services of these organisations.
    pub services: &'a Scope,
    /// Memberships at these.
    pub memberships: &'a Scope,
}

/// After which service the next page begins.
pub type ServiceCursor = NameCursor<i64>;

/// A page of the list.
#[derive(Debug, Clone)]
pub struct ServicePage {
    /// By name.
    pub entries: Vec<ServiceEntry>,
    /// The next page; `None` at the end.
    pub next: Option<ServiceCursor>,
    /// All that match.
    pub total: i64,
}

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    account: RawAccount,
    created_us: i64,
    disabled_us: Option<i64>,
    roles: Vec<String>,
    tokens: i64,
    expires_us: Option<i64>,
    last_used_us: Option<i64>,
    sorts_as: String,
}

impl Row {
    fn read(self) -> Result<ServiceEntry> {
        let has = |role: &Role| self.roles.iter().any(|name| name == role.name());
        Ok(ServiceEntry {
            account: self.account.read()?,
            created_us: self.created_us,
            ended_us: self.disabled_us,
            roles: Role::ALL.into_iter().filter(has).collect(),
            tokens: self.tokens,
            expires_us: self.expires_us,
            last_used_us: self.last_used_us,
        })
    }
}

/// The columns of a [`Row`].
fn select(sight: Sight<'_>, now_us: i64) -> Result<QueryBuilder<Postgres>> {
    let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?.to_string();
    let mut query = QueryBuilder::new(
        "SELECT a.id, a.user_name, a.display_name, a.organisation, a.language, a.created_us, a.disabled_us, \
         lower(a.display_name) AS sorts_as, k.tokens, k.expires_us, k.last_used_us, \
         ARRAY(SELECT DISTINCT m.role FROM membership m WHERE m.account_id = a.id AND NOT m.waits AND m.organisation = ANY(",
    );
    query
        .push_bind(sight.memberships.to_codes())
        .push(") AND m.valid_from <= ")
        .push_bind(day.clone())
        .push("::date AND (m.valid_until IS NULL OR m.valid_until > ")
        .push_bind(day)
        .push("::date)) AS roles FROM account a CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE t.revoked_us IS NULL AND t.expires_us > ")
        .push_bind(now_us)
        .push(") AS tokens, min(t.expires_us) FILTER (WHERE t.revoked_us IS NULL AND t.expires_us > ")
        .push_bind(now_us)
        .push(") AS expires_us, max(t.last_used_us) AS last_used_us FROM api_token t WHERE t.account_id = a.id) k");
    Ok(query)
}

fn push_where(query: &mut QueryBuilder<Postgres>, sight: Sight<'_>, filter: &ServiceFilter) {
    query
        .push(" WHERE a.is_service AND a.organisation = ANY(")
        .push_bind(sight.services.to_codes())
        .push(")");
    if !filter.with_ended {
        query.push(" AND a.disabled_us IS NULL");
    }
    let text = filter.text.trim();
    if !text.is_empty() {
        query
            .push(" AND (a.display_name || ' ' || a.user_name) ILIKE ")
            .push_bind(format!("%{}%", like_literal(text)));
    }
    if let Some(organisations) = &filter.organisations {
        query
            .push(" AND a.organisation = ANY(")
            .push_bind(organisations.to_codes())
            .push(")");
    }
}

impl Database {
    /// Services by name, in pages; the first counts all, the cursor carries that number on.
    ///
    /// # Errors
    /// When PostgreSQL fails, or it takes too long.
    pub async fn services(
        &self,
        sight: Sight<'_>,
        filter: &ServiceFilter,
        after: Option<ServiceCursor>,
        limit: u32,
        now_us: i64,
    ) -> Result<ServicePage> {
        let order = ByName {
            name: "lower(a.display_name)",
            id: "a.id",
            rows_max: limit.clamp(1, PAGE_SERVICES_MAX),
        };
        let counting = || {
            let mut query = QueryBuilder::new("SELECT count(*) FROM account a");
            push_where(&mut query, sight, filter);
            Ok(query)
        };
        let mut listing = select(sight, now_us)?;
        push_where(&mut listing, sight, filter);
        let mut look = self.look(sight.services).await?;
        let page: Rows<Row> = order
            .page(&mut look, after, std::convert::identity, counting, listing)
            .await?;
        Ok(ServicePage {
            next: page.next(|row| Ok((row.account.id().0, row.sorts_as.clone())))?,
            total: page.total,
            entries: page.rows.into_iter().map(Row::read).collect::<Result<_>>()?,
        })
    }

    /// One service, also one that has ended.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none that may be seen.
    pub async fn service(&self, sight: Sight<'_>, id: AccountId, now_us: i64) -> Result<ServiceEntry> {
        let mut query = select(sight, now_us)?;
        let filter = ServiceFilter {
            with_ended: true,
            ..ServiceFilter::default()
        };
        push_where(&mut query, sight, &filter);
        query.push(" AND a.id = ").push_bind(id.0);
        let mut look = self.look(sight.services).await?;
        let row: Option<Row> = query.build_query_as().fetch_optional(&mut *look).await?;
        row.ok_or(DatabaseError::NotFound)?.read()
    }

    /// Opens a service and gives it roles; all of it, or nothing. The people in `memberships` are not looked at: they are the new one's.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when the name is taken or roles exclude each other; [`DatabaseError::Invalid`] for what does not do, as a
    /// role that decides; [`DatabaseError::NotFound`] when there is no such organisation.
    pub async fn open_service(
        &self,
        by: &Asker<'_>,
        service: &NewPerson,
        organisation: &OrganisationId,
        memberships: &[Membership],
        now_us: i64,
    ) -> Result<Account> {
        let opening = Opening {
            person: service,
            organisation,
            memberships,
            is_service: true,
        };
        opening.check()?;
        let mut transaction = self.pool.begin().await?;
        let (account, deeds) = opening.write(&mut transaction, by, now_us).await?;
        audit::append(&mut transaction, by, deeds, now_us).await?;
        transaction.commit().await?;
        Ok(account)
    }

    /// Ends a service for good: its tokens work no more.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when it has ended already, or there is no such service.
    pub async fn end_service(&self, by: &Asker<'_>, id: AccountId, now_us: i64) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        end(&mut transaction, id, now_us).await?;
        let revoked = api_token::revoke_all(&mut transaction, by, id, now_us).await?;
        let deed = Deed::done("service.end", "account", id.0).with("tokens_revoked", revoked);
        audit::append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }

    /// The account of a person or a service of the scope.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none.
    pub async fn account_within(&self, scope: &Scope, id: AccountId) -> Result<Account> {
        let mut look = self.look(scope).await?;
        let row: Option<RawAccount> = sqlx::query_as(
            "SELECT id, user_name, display_name, organisation, language FROM account WHERE id = $1 AND organisation = ANY($2)",
        )
        .bind(id.0)
        .bind(scope.to_codes())
        .fetch_optional(&mut *look)
        .await?;
        row.ok_or(DatabaseError::NotFound)?.read()
    }
}

async fn end(connection: &mut PgConnection, id: AccountId, now_us: i64) -> Result<()> {
    let done = sqlx::query(
        "UPDATE account SET disabled_us = $2 WHERE id = $1 AND is_service AND disabled_us IS NULL",
    )
    .bind(id.0)
    .bind(now_us)
    .execute(connection)
    .await?;
    if done.rows_affected() == 0 {
        return Err(DatabaseError::Conflict("the service has ended already"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
