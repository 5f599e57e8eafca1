//! People's accounts as those see them who look after them: a list in pages, and one with its roles. Services have their own ([`crate::service`]).
//!
//! Every function takes the organisations whose accounts or memberships may be seen; what lies outside is not found.

use sqlx::{FromRow, Postgres, QueryBuilder};
use vonggac_access::{Day, Role};
use vonggac_event::Scope;

use crate::account::RawAccount;
use crate::name_cursor::{ByName, NameCursor, Rows};
use crate::throttle::{ACCOUNT_ATTEMPTS_MAX, WINDOW_US};
use crate::{Account, AccountId, Database, DatabaseError, Result, like_literal, welcome};

/// Most accounts on a page.
pub const PAGE_ACCOUNTS_MAX: u32 = 200;

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its owner has not chosen a password yet.
    Invited,
    /// Its owner can sign in.
    Active,
    /// So many attempts failed that strangers' browsers are refused for a while.
    Locked,
    /// Nobody can sign in to it.
    Disabled,
}

impl State {
    /// `invited`, `active`, `locked` or `disabled`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "invited" => Some(Self::Invited),
            "active" => Some(Self::Active),
            "locked" => Some(Self::Locked),
            "disabled" => Some(Self::Disabled),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Disabled => "disabled",
        }
    }
}

/// Which accounts; what is empty or `None` restricts nothing.
#[derive(Debug, Clone, Default)]
pub struct RosterFilter {
    /// Part of the user name or of the name others see; case does not matter.
    pub text: String,
    /// Those that belong to one of these.
    pub organisations: Option<Scope>,
    /// Those that have the role today, at an organisation of the scope.
    pub role: Option<Role>,
    /// Those that stand so.
    pub state: Option<State>,
    /// Those with a second factor, or without.
    pub has_factor: Option<bool>,
}

/// An account in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterEntry {
    /// The account.
    pub account: Account,
    /// How it stands.
    pub state: State,
    /// When it was made.
    pub created_us: i64,
    /// When its owner last signed in.
    pub last_sign_in_us: Option<i64>,
    /// Since when it is disabled.
    pub disabled_us: Option<i64>,
    /// Whether it has a second factor.
    pub has_factor: bool,
    /// From when on its link does not work; `None`: there is none that does.
    pub link_expires_us: Option<i64>,
    /// Whether that link waits for a second person.
    pub link_waits: bool,
    /// Who made it; `None`: nobody did, or the server's owner.
    pub link_made_by: Option<AccountId>,
    /// The roles that it has today, at organisations of the scope.
    pub roles: Vec<Role>,
}

/// A page of the list.
#[derive(Debug, Clone)]
pub struct RosterPage {
    /// By name.
    pub entries: Vec<RosterEntry>,
    /// The next page; `None` at the end.
    pub next: Option<RosterCursor>,
    /// All that match.
    pub total: i64,
}

/// How many accounts of the scope stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub struct RosterCounts {
    /// In [`State::Invited`].
    pub invited: i64,
    /// In [`State::Active`].
    pub active: i64,
    /// In [`State::Locked`].
    pub locked: i64,
    /// In [`State::Disabled`].
    pub disabled: i64,
}

/// After which account the next page begins.
pub type RosterCursor = NameCursor<i64>;

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    account: RawAccount,
    state: String,
    created_us: i64,
    last_sign_in_us: Option<i64>,
    disabled_us: Option<i64>,
    has_factor: bool,
    link_made_us: Option<i64>,
    link_waits: bool,
    link_made_by: Option<i64>,
    roles: Vec<String>,
    sorts_as: String,
}

impl Row {
    fn read(self) -> Result<RosterEntry> {
        Ok(RosterEntry {
            account: self.account.read()?,
            state: State::from_name(&self.state).ok_or(DatabaseError::NotFound)?,
            created_us: self.created_us,
            last_sign_in_us: self.last_sign_in_us,
            disabled_us: self.disabled_us,
            has_factor: self.has_factor,
            link_waits: self.link_waits,
            link_made_by: self.link_made_by.map(AccountId),
            link_expires_us: self
                .link_made_us
                .map(|made_us| made_us.saturating_add(welcome::LINK_US)),
            roles: Role::ALL
                .into_iter()
                .filter(|role| self.roles.iter().any(|name| name == role.name()))
                .collect(),
        })
    }
}

/// Whose things may be seen.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// Accounts of these organisations.
    pub accounts: &'a Scope,
    /// Memberships at these.
    pub memberships: &'a Scope,
}

/// `account a` of the scope, with `state`, `has_factor` and `roles`, as `x`.
fn push_accounts(query: &mut QueryBuilder<Postgres>, sight: Sight<'_>, now_us: i64) -> Result<()> {
    let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?.to_string();
    query
        .push(
            "(SELECT a.*, lower(a.display_name) AS sorts_as, w.made_us AS link_made_us, \
             coalesce(w.takes_two AND w.code_hash IS NULL, false) AS link_waits, w.made_by AS link_made_by, CASE WHEN a.disabled_us IS NOT NULL THEN 'disabled' \
             WHEN a.password_hash IS NULL AND NOT EXISTS (SELECT FROM openid_link l WHERE l.account_id = a.id) THEN 'invited' WHEN EXISTS (SELECT FROM attempt t \
             WHERE t.key = 'account ' || a.user_key AND t.attempts > ",
        )
        .push_bind(ACCOUNT_ATTEMPTS_MAX)
        .push(" AND t.window_us > ")
        .push_bind(now_us.saturating_sub(WINDOW_US))
        .push(
            ") THEN 'locked' ELSE 'active' END AS state, \
             EXISTS (SELECT FROM totp t WHERE t.account_id = a.id AND t.confirmed_us IS NOT NULL) \
             OR EXISTS (SELECT FROM passkey p WHERE p.account_id = a.id) AS has_factor, \
             ARRAY(SELECT DISTINCT m.role FROM membership m WHERE m.account_id = a.id AND NOT m.waits \
             AND m.organisation = ANY(",
        )
        .push_bind(sight.memberships.to_codes())
        .push(") AND m.valid_from <= ")
        .push_bind(day.clone())
        .push("::date AND (m.valid_until IS NULL OR m.valid_until > ")
        .push_bind(day)
        .push("::date)) AS roles FROM account a LEFT JOIN welcome w ON w.account_id = a.id AND w.made_us > ")
        .push_bind(now_us.saturating_sub(welcome::LINK_US))
        .push(" WHERE NOT a.is_service AND a.organisation = ANY(")
        .push_bind(sight.accounts.to_codes())
        .push(")) AS x");
    Ok(())
}

fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &RosterFilter) {
    query.push(" WHERE true");
    let text = filter.text.trim();
    if !text.is_empty() {
        query
            .push(" AND (x.display_name || ' ' || x.user_name) ILIKE ")
            .push_bind(format!("%{}%", like_literal(text)));
    }
    if let Some(organisations) = &filter.organisations {
        query
            .push(" AND x.organisation = ANY(")
            .push_bind(organisations.to_codes())
            .push(")");
    }
    if let Some(role) = filter.role {
        query.push(" AND ").push_bind(role.name()).push(" = ANY(x.roles)");
    }
    if let Some(state) = filter.state {
        query.push(" AND x.state = ").push_bind(state.name());
    }
    if let Some(has_factor) = filter.has_factor {
        query.push(" AND x.has_factor = ").push_bind(has_factor);
    }
}

const COLUMNS: &str = "x.id, x.user_name, x.display_name, x.organisation, x.language, x.state, x.created_us, \
    x.last_sign_in_us, x.disabled_us, x.has_factor, x.link_made_us, x.link_waits, x.link_made_by, \
    x.roles, x.sorts_as";

impl Database {
    /// Accounts by name, in pages; the first counts all, the cursor carries that number on.
    ///
    /// # Errors
    /// When PostgreSQL fails, or it takes too long.
    pub async fn roster(
        &self,
        sight: Sight<'_>,
        filter: &RosterFilter,
        after: Option<RosterCursor>,
        limit: u32,
        now_us: i64,
    ) -> Result<RosterPage> {
        let order = ByName {
            name: "x.sorts_as",
            id: "x.id",
            rows_max: limit.clamp(1, PAGE_ACCOUNTS_MAX),
        };
        let about = |what: &str| {
            let mut query = QueryBuilder::new("SELECT ");
            query.push(what).push(" FROM ");
            push_accounts(&mut query, sight, now_us)?;
            push_filter(&mut query, filter);
            Ok(query)
        };
        let (counting, listing) = (|| about("count(*)"), about(COLUMNS)?);
        let mut look = self.look(sight.accounts).await?;
        let page: Rows<Row> = order
            .page(&mut look, after, std::convert::identity, counting, listing)
            .await?;
        Ok(RosterPage {
            next: page.next(|row| Ok((row.account.id().0, row.sorts_as.clone())))?,
            total: page.total,
            entries: page.rows.into_iter().map(Row::read).collect::<Result<_>>()?,
        })
    }

    /// How many accounts stand how.
    ///
    /// # Errors
    /// When PostgreSQL fails, or it takes too long.
    pub async fn roster_counts(&self, sight: Sight<'_>, now_us: i64) -> Result<RosterCounts> {
        let mut query = QueryBuilder::new(
            "SELECT count(*) FILTER (WHERE x.state = 'invited') AS invited, \
             count(*) FILTER (WHERE x.state = 'active') AS active, \
             count(*) FILTER (WHERE x.state = 'locked') AS locked, \
             count(*) FILTER (WHERE x.state = 'disabled') AS disabled FROM ",
        );
        push_accounts(&mut query, sight, now_us)?;
        let mut look = self.look(sight.accounts).await?;
        query
            .build_query_as()
            .fetch_one(&mut *look)
            .await
            .map_err(DatabaseError::of_list)
    }

    /// One account.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is none that may be seen.
    pub async fn roster_entry(&self, sight: Sight<'_>, id: AccountId, now_us: i64) -> Result<RosterEntry> {
        let mut query = QueryBuilder::new("SELECT ");
        query.push(COLUMNS).push(" FROM ");
        push_accounts(&mut query, sight, now_us)?;
        query.push(" WHERE x.id = ").push_bind(id.0);
        let mut look = self.look(sight.accounts).await?;
        let row: Option<Row> = query.build_query_as().fetch_optional(&mut *look).await?;
        row.ok_or(DatabaseError::NotFound)?.read()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::audit::Asker;
    use crate::testing::{self, NOW_US, PASSWORD, from};
    use crate::{Language, NewPerson};

    async fn names(database: &Database, scope: &Scope, filter: &RosterFilter) -> Vec<String> {
        let sight = Sight {
            accounts: scope,
            memberships: scope,
        };
        let page = database.roster(sight, filter, None, 50, NOW_US).await.unwrap();
        assert_eq!(page.total as usize, page.entries.len());
        let user_name = |entry: RosterEntry| entry.account.user_name;
        page.entries.into_iter().map(user_name).collect()
    }

    #[tokio::test]
    async fn accounts_are_found_by_what_they_are_and_only_within_the_scope() {
        let Some(database) = testing::database().await else {
            return;
        };
        let boss = testing::account(&database, "boss", "*").await;
        testing::account(&database, "lan", "moh").await;
        let minh = testing::member(&database, "minh", "moh-it", &[Role::Viewer]).await;
        testing::account(&database, "hoa", "mot").await;
        let by = Asker::from(&boss);
        let an = NewPerson {
            user_name: "an".into(),
            display_name: "Trần An".into(),
            language: Language::Vietnamese,
        };
        database
            .invite(&by, &an, &"moh".parse().unwrap(), &[], NOW_US)
            .await
            .unwrap();
        database.disable_account(&by, minh.id, NOW_US).await.unwrap();
        for network in 0..=20 {
            for _ in 0..5 {
                let origin = from(&format!("198.51.{network}.1"));
                let tried = database.sign_in("lan", "wrong".into(), &origin, NOW_US);
                let _ = tried.await.unwrap_err();
            }
        }
        let moh = Scope::of(["moh", "moh-it"]);
        let everything = RosterFilter::default;
        let of_text = |text: &str| RosterFilter {
            text: text.into(),
            ..everything()
        };
        let of_state = |state| RosterFilter {
            state: Some(state),
            ..everything()
        };
        let check = async |filter: RosterFilter, expect: &[&str]| {
            assert_eq!(names(&database, &moh, &filter).await, expect, "{filter:?}");
        };
        check(everything(), &["lan", "minh", "an"]).await;
        check(of_text("TRẦN"), &["an"]).await;
        check(of_text("%"), &[]).await;
        check(of_text("hoa"), &[]).await;
        check(of_state(State::Invited), &["an"]).await;
        check(of_state(State::Disabled), &["minh"]).await;
        check(of_state(State::Locked), &["lan"]).await;
        check(of_state(State::Active), &[]).await;
        let role = |role| RosterFilter {
            role: Some(role),
            ..everything()
        };
        check(role(Role::Analyst), &["lan"]).await;
        check(role(Role::ShiftLead), &[]).await;
        let organisations = Some(Scope::of(["moh-it", "mot"]));
        let of_unit = RosterFilter {
            organisations,
            ..everything()
        };
        check(of_unit, &["minh"]).await;
        let sight = Sight {
            accounts: &moh,
            memberships: &moh,
        };
        let counts = database.roster_counts(sight, NOW_US).await.unwrap();
        let expect = RosterCounts {
            invited: 1,
            active: 0,
            locked: 1,
            disabled: 1,
        };
        assert_eq!(counts, expect);
        let foreign = database.roster_entry(sight, boss.id, NOW_US).await;
        assert!(matches!(foreign, Err(DatabaseError::NotFound)), "{foreign:?}");
        let origin = from("::1");
        let signed_in = database.sign_in("hoa", PASSWORD.into(), &origin, NOW_US).await;
        let hoa = signed_in.unwrap();
        database.open_session_of(&hoa, &origin, NOW_US + 7).await.unwrap();
        let mot = Scope::of(["mot"]);
        let nothing = Scope::default();
        let sight = Sight {
            accounts: &mot,
            memberships: &nothing,
        };
        let entry = database
            .roster_entry(sight, hoa.account.id, NOW_US)
            .await
            .unwrap();
        assert_eq!((entry.last_sign_in_us, entry.roles), (Some(NOW_US + 7), vec![]));
    }

    #[tokio::test]
    async fn pages_follow_each_other_and_have_everybody_once() {
        let Some(database) = testing::database().await else {
            return;
        };
        for name in ["d", "b", "a", "c", "e"] {
            testing::account(&database, name, "moh").await;
        }
        let moh = Scope::of(["moh"]);
        let sight = Sight {
            accounts: &moh,
            memberships: &moh,
        };
        let filter = RosterFilter::default();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = database.roster(sight, &filter, cursor, 2, NOW_US).await.unwrap();
            assert_eq!(page.total, 5);
            seen.extend(page.entries.into_iter().map(|entry| entry.account.user_name));
            let Some(next) = page.next else { break };
            cursor = Some(next.to_string().parse().unwrap());
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
        for text in ["", "1", "x.1", "1.", "1.2.3"] {
            assert!(text.parse::<RosterCursor>().is_err(), "{text}");
        }
    }
}
