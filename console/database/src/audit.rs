//! The audit log: what people did, were refused, and looked at, written in the transaction it tells of.
//!
//! ```text
//!  a change ─▶ [ BEGIN … the change … audit_head FOR UPDATE ─▶ entries, leaves, roots ─▶ COMMIT ]
//! ```
//! Entries are numbered from 0 without a hole, so whoever writes some holds one row, from the last statements of the transaction to its
//! commit: writers take turns for that long, readers never. [`vonggac_audit`] says what an entry's bytes are and what they prove;
//! [`log`] reads them.

pub mod log;

use std::collections::BTreeMap;

use sqlx::PgConnection;
use vonggac_audit::entry::{Actor, ActorKind, Entry, Object, VERSION};
use vonggac_audit::tree::{Frontier, HASH_BYTES, Hash, leaf_hash};

pub use vonggac_audit::entry::Outcome;

use crate::api_token::TokenId;
use crate::session::USER_AGENT_BYTES_MAX;
use crate::{Account, Database, DatabaseError, Result, clean};

/// Subtrees of which height are kept, and of its multiples.
const KEPT_LEVELS: u32 = 8;
/// Most entries that one statement writes.
const STATEMENT_ENTRIES_MAX: usize = 256;

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// Address of whoever asks; empty when it is not known.
    pub address: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// Id of the request; empty when there is none.
    pub request: String,
    /// Id of the browser, where it signed in to the account in question before ([`crate::device`]); not written down.
    pub device: Option<String>,
}

static NOWHERE: Origin = Origin {
    address: String::new(),
    user_agent: String::new(),
    request: String::new(),
    device: None,
};

/// Who does something.
#[derive(Debug, Clone, Copy)]
pub enum Doer<'a> {
    /// Somebody with an account.
    Person(&'a Account),
    /// A service, by one of its tokens.
    Service(&'a Account, TokenId),
    /// Somebody who is not signed in, and the name they gave.
    Nobody(&'a str),
    /// The console itself.
    Console,
}

/// Who does something, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// Who.
    pub doer: Doer<'a>,
    /// From where.
    pub origin: &'a Origin,
}

impl<'a> Asker<'a> {
    /// Somebody with an account.
    pub fn person(account: &'a Account, origin: &'a Origin) -> Self {
        Self {
            doer: Doer::Person(account),
            origin,
        }
    }

    /// A service, by one of its tokens.
    pub fn service(account: &'a Account, token: TokenId, origin: &'a Origin) -> Self {
        Self {
            doer: Doer::Service(account, token),
            origin,
        }
    }

    /// Somebody who is not signed in, and the name they gave.
    pub fn nobody(name: &'a str, origin: &'a Origin) -> Self {
        Self {
            doer: Doer::Nobody(name),
            origin,
        }
    }

    /// The console itself.
    pub fn console() -> Self {
        Self {
            doer: Doer::Console,
            origin: &NOWHERE,
        }
    }

    /// The account of who does what takes one.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when it is nobody with one.
    pub(crate) fn somebody(&self) -> Result<&'a Account> {
        self.account().ok_or(DatabaseError::NotFound)
    }

    /// The account, when it is a person or a service with one.
    pub fn account(&self) -> Option<&'a Account> {
        match self.doer {
            Doer::Person(account) | Doer::Service(account, _) => Some(account),
            Doer::Nobody(_) | Doer::Console => None,
        }
    }

    /// What is to be said of a deed besides, because of who does it.
    fn said(&self, deed: Deed) -> Deed {
        match self.doer {
            Doer::Service(_, token) => deed.with("token", token.0),
            Doer::Person(_) | Doer::Nobody(_) | Doer::Console => deed,
        }
    }

    fn actor(&self) -> (Actor, String) {
        let of = |account, name: &str, kind| Actor {
            account,
            name: name.to_owned(),
            kind,
        };
        match self.doer {
            Doer::Person(account) => {
                let actor = of(Some(account.id.0), &account.user_name, ActorKind::Person);
                (actor, account.organisation.as_str().to_owned())
            }
            Doer::Service(account, _) => {
                let actor = of(Some(account.id.0), &account.user_name, ActorKind::Service);
                (actor, account.organisation.as_str().to_owned())
            }
            Doer::Nobody(name) => (of(None, name, ActorKind::Nobody), String::new()),
            Doer::Console => (of(None, "", ActorKind::Console), String::new()),
        }
    }
}

/// What was done, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// What, as in `alert.close`.
    pub action: &'static str,
    /// What kind of thing it was done to.
    pub kind: &'static str,
    /// Id of that thing; empty when it has none.
    pub id: String,
    /// How it went.
    pub outcome: Outcome,
    /// What else there is to say.
    pub detail: BTreeMap<String, String>,
}

impl Deed {
    /// Something that was done.
    pub fn done(action: &'static str, kind: &'static str, id: impl ToString) -> Self {
        Self {
            action,
            kind,
            id: id.to_string(),
            outcome: Outcome::Done,
            detail: BTreeMap::new(),
        }
    }

    /// The same, refused, and why.
    #[must_use]
    pub fn refused(mut self, why: impl ToString) -> Self {
        self.outcome = Outcome::Refused;
        self.with("reason", why)
    }

    /// With something else to say.
    #[must_use]
    pub fn with(mut self, name: &str, text: impl ToString) -> Self {
        self.detail.insert(name.to_owned(), text.to_string());
        self
    }
}

impl Database {
    /// Writes down what changed nothing here: a look, or a refusal.
    ///
    /// # Errors
    /// When PostgreSQL fails; then whoever looks should not see.
    pub async fn note(&self, by: &Asker<'_>, deed: Deed, now_us: i64) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        append(&mut transaction, by, vec![deed], now_us).await?;
        Ok(transaction.commit().await?)
    }
}

/// The columns of new entries, one array each.
#[derive(Default)]
struct Rows {
    seq: Vec<i64>,
    content: Vec<Vec<u8>>,
    leaf: Vec<Vec<u8>>,
    root: Vec<Vec<u8>>,
    action: Vec<&'static str>,
    object: Vec<String>,
    result: Vec<&'static str>,
}

/// Writes `deeds` down in the transaction of `connection`, which is to commit soon: other writers wait for it.
pub(crate) async fn append(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    deeds: Vec<Deed>,
    now_us: i64,
) -> Result<()> {
    if deeds.is_empty() {
        return Ok(());
    }
    let mut frontier = lock_head(connection).await?;
    let (actor, organisation) = by.actor();
    let user_agent = vonggac_event::limits::cut(by.origin.user_agent.clone(), USER_AGENT_BYTES_MAX);
    let actor_key = clean(&actor.name.to_lowercase());
    let mut deeds = deeds.into_iter().map(|deed| by.said(deed)).peekable();
    let mut subtrees: Vec<(i32, i64, Hash)> = Vec::new();
    while deeds.peek().is_some() {
        let mut rows = Rows::default();
        for deed in deeds.by_ref().take(STATEMENT_ENTRIES_MAX) {
            let entry = Entry {
                v: VERSION,
                seq: frontier.size(),
                at_us: now_us,
                actor: actor.clone(),
                organisation: organisation.clone(),
                address: by.origin.address.clone(),
                user_agent: user_agent.clone(),
                action: deed.action.to_owned(),
                object: Object {
                    kind: deed.kind.to_owned(),
                    id: deed.id,
                },
                result: deed.outcome,
                detail: deed.detail,
                request: by.origin.request.clone(),
            };
            let content = entry.encode();
            let leaf = leaf_hash(&content);
            frontier.push(leaf, |node, hash| {
                if node.level.is_multiple_of(KEPT_LEVELS) {
                    subtrees.push((node.level.cast_signed(), node.index.cast_signed(), hash));
                }
            });
            rows.seq.push(entry.seq.cast_signed());
            rows.content.push(content);
            rows.leaf.push(leaf.0.to_vec());
            rows.root.push(frontier.root().0.to_vec());
            rows.action.push(deed.action);
            rows.object
                .push(clean(&object_key(&entry.object.kind, &entry.object.id)));
            rows.result.push(deed.outcome.name());
        }
        insert(connection, rows, &actor_key, &clean(&organisation), now_us).await?;
    }
    insert_subtrees(connection, subtrees).await?;
    keep_head(connection, &frontier).await
}

/// How an object is searched for.
fn object_key(kind: &str, id: &str) -> String {
    format!("{kind} {id}")
}

fn broken(why: &'static str) -> DatabaseError {
    DatabaseError::Server(sqlx::Error::Protocol(format!("the audit log: {why}")))
}

fn read_frontier(size: i64, bytes: &[u8]) -> Result<Frontier> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    let hashes = hashes.iter().copied().map(Hash).collect();
    let frontier = u64::try_from(size)
        .ok()
        .and_then(|size| Frontier::from_parts(size, hashes));
    frontier
        .filter(|_| rest.is_empty())
        .ok_or_else(|| broken("its head cannot be read"))
}

async fn lock_head(connection: &mut PgConnection) -> Result<Frontier> {
    let (size, bytes): (i64, Vec<u8>) = sqlx::query_as("SELECT size, frontier FROM audit_head FOR UPDATE")
        .fetch_one(connection)
        .await?;
    read_frontier(size, &bytes)
}

async fn keep_head(connection: &mut PgConnection, frontier: &Frontier) -> Result<()> {
    let bytes: Vec<u8> = frontier.hashes().iter().flat_map(|hash| hash.0).collect();
    sqlx::query("UPDATE audit_head SET size = $1, frontier = $2")
        .bind(frontier.size().cast_signed())
        .bind(bytes)
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(
    connection: &mut PgConnection,
    rows: Rows,
    actor_key: &str,
    organisation: &str,
    now_us: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit_entry (seq, content, leaf, root, at_us, actor, organisation, action, object, result) \
         SELECT u.seq, u.content, u.leaf, u.root, $8, $9, $10, u.action, u.object, u.result \
         FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::text[], $7::text[]) \
         AS u (seq, content, leaf, root, action, object, result)",
    )
    .bind(rows.seq)
    .bind(rows.content)
    .bind(rows.leaf)
    .bind(rows.root)
    .bind(rows.action)
    .bind(rows.object)
    .bind(rows.result)
    .bind(now_us)
    .bind(actor_key)
    .bind(organisation)
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_subtrees(connection: &mut PgConnection, subtrees: Vec<(i32, i64, Hash)>) -> Result<()> {
    for (level, place, hash) in subtrees {
        sqlx::query("INSERT INTO audit_subtree (level, place, hash) VALUES ($1, $2, $3)")
            .bind(level)
            .bind(place)
            .bind(hash.0.to_vec())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vonggac_audit::checkpoint::Checkpoint;
    use vonggac_audit::export::{checkpoint_line, entry_line, header_line};
    use vonggac_audit::note::PrivateKey;
    use vonggac_audit::proof;
    use vonggac_audit::verify::{Verified, Verifier, verify};
    use vonggac_event::AlertId;

    use super::log::Filter;
    use super::*;
    use crate::Verdict;
    use crate::testing::{self, NOW_US, PASSWORD, alert, from};
    use crate::work::{Action, Selection};

    fn close() -> Action {
        Action::Close {
            verdict: Verdict::BenignTruePositive,
            reason: None,
            note: Some("seen\0".into()),
        }
    }

    async fn entries(database: &Database) -> Vec<Entry> {
        let page = database
            .audit_page(&testing::everyone(), &Filter::default(), None, 1_000)
            .await
            .unwrap();
        page.iter()
            .rev()
            .map(|content| Entry::decode(content).unwrap())
            .collect()
    }

    /// The whole log, exported and verified.
    async fn verified(database: &Database) -> Verified {
        let key = PrivateKey::new("log.example", [7; 32]).unwrap();
        let head = database.audit_head().await.unwrap();
        let mut export = header_line(head.size, 1).into_bytes();
        let mut next = 0;
        while next < head.size {
            let range = database.audit_range(next, head.size).await.unwrap();
            next += range.len() as u64;
            for entry in range {
                export.extend(entry_line(&entry.content, &entry.leaf, &entry.root));
            }
        }
        export.extend(checkpoint_line(&Checkpoint::sign(&head, &key)).into_bytes());
        verify(&export, Verifier::new(vec![key.public().clone()], &[]).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn what_people_do_is_written_down_and_verifies() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let origin = Origin {
            request: "r1".into(),
            ..from("10.0.0.7")
        };
        let wrong = database.sign_in("lan", "no".into(), &origin, NOW_US).await;
        assert!(wrong.is_err());
        let signed = database
            .sign_in("lan", PASSWORD.into(), &origin, NOW_US)
            .await
            .unwrap();
        database.open_session_of(&signed, &origin, NOW_US).await.unwrap();
        database
            .take_alerts(&[alert(1, "moh", 1), alert(2, "mot", 1)])
            .await
            .unwrap();
        let by = Asker::person(&lan, &origin);
        let scope = testing::scope_of(&lan);
        database
            .act(&scope, by, AlertId(1), &close(), NOW_US)
            .await
            .unwrap();
        assert!(
            database
                .act(&scope, by, AlertId(2), &close(), NOW_US)
                .await
                .is_err()
        );
        assert!(
            database
                .act(&scope, by, AlertId(1), &close(), NOW_US)
                .await
                .is_err()
        );

        let entries = entries(&database).await;
        let told: Vec<_> = entries
            .iter()
            .map(|entry| {
                (
                    entry.action.as_str(),
                    entry.result.name(),
                    entry.actor.name.as_str(),
                )
            })
            .collect();
        let expect = [
            ("account.create", "done", ""),
            ("membership.create", "done", ""),
            ("session.open", "refused", "lan"),
            ("session.open", "done", "lan"),
            ("alert.close", "done", "lan"),
            ("alert.close", "refused", "lan"),
            ("alert.close", "refused", "lan"),
        ];
        let (organisations, told) = told.split_at(testing::ENTRIES);
        assert!(
            organisations
                .iter()
                .all(|entry| *entry == ("organisation.add", "done", ""))
        );
        assert_eq!(told, expect);
        let closed = &entries[testing::ENTRIES + 4];
        assert_eq!(
            (
                closed.address.as_str(),
                closed.request.as_str(),
                closed.organisation.as_str()
            ),
            ("10.0.0.7", "r1", "moh")
        );
        assert_eq!(closed.detail.get("verdict").unwrap(), "benign_true_positive");
        assert_eq!(verified(&database).await.head.size, testing::ENTRIES as u64 + 7);

        let count = async |filter: Filter| {
            database
                .audit_page(&testing::everyone(), &filter, None, 10)
                .await
                .unwrap()
                .len()
        };
        assert_eq!(
            count(Filter {
                actor: Some("LAN".into()),
                ..Filter::default()
            })
            .await,
            5
        );
        assert_eq!(
            count(Filter {
                action: Some("alert".into()),
                ..Filter::default()
            })
            .await,
            3
        );
        assert_eq!(
            count(Filter {
                object: Some(("alert".into(), AlertId(1).to_string())),
                ..Filter::default()
            })
            .await,
            2
        );
        assert_eq!(
            count(Filter {
                outcome: Some(Outcome::Refused),
                ..Filter::default()
            })
            .await,
            3
        );
        assert_eq!(
            database
                .audit_page(&testing::everyone(), &Filter::default(), Some(2), 10)
                .await
                .unwrap()
                .len(),
            2
        );
    }

    #[tokio::test]
    async fn who_is_throttled_is_told_once() {
        let Some(database) = testing::database().await else {
            return;
        };
        for _ in 0..12 {
            let refused = database
                .sign_in("ghost", "no".into(), &from("10.0.0.1"), NOW_US)
                .await;
            assert!(refused.is_err());
        }
        // Five that were looked at, and the first that was not.
        assert_eq!(entries(&database).await.len(), testing::ENTRIES + 6);
    }

    #[tokio::test]
    async fn twelve_hundred_alerts_closed_at_once_are_twelve_hundred_entries() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let alerts: Vec<_> = (1..=1_200).map(|number| alert(number, "moh", 1)).collect();
        database.take_alerts(&alerts).await.unwrap();
        let ids: Vec<AlertId> = (1..=1_200).map(AlertId).collect();
        let start = std::time::Instant::now();
        let outcome = database
            .act_on_many(
                &testing::scope_of(&lan),
                &lan,
                &Selection::Ids(ids),
                &close(),
                NOW_US,
            )
            .await
            .unwrap();
        println!("1,200 alerts closed in {:?}", start.elapsed());
        assert_eq!(outcome.changed.len(), 1_200);
        assert_eq!(
            verified(&database).await.head.size,
            testing::ENTRIES as u64 + 1_202
        );

        let head = database.audit_head().await.unwrap();
        for index in [0, 255, 256, 700, 1_200] {
            let path = database.prove_inclusion(index, head.size).await.unwrap();
            let entry = database.audit_range(index, index + 1).await.unwrap().remove(0);
            assert!(
                proof::is_included(&entry.leaf, index, head.size, &path, &head.root),
                "{index}"
            );
        }
        for size in [1, 256, 1_000, head.size] {
            let root = database.audit_range(size - 1, size).await.unwrap().remove(0).root;
            assert_eq!(
                database.audit_frontier(size).await.unwrap().root(),
                root,
                "{size}"
            );
        }
        let missing = database.prove_inclusion(head.size, head.size).await;
        assert!(matches!(missing, Err(DatabaseError::NotFound)));
    }

    #[tokio::test]
    async fn many_writers_leave_no_hole() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..8 {
            let (database, lan) = (database.clone(), lan.clone());
            tasks.spawn(async move {
                for number in 0..20 {
                    let deed = Deed::done("events.search", "events", format!("{writer} {number}"));
                    database.note(&(&lan).into(), deed, NOW_US).await.unwrap();
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        assert_eq!(verified(&database).await.head.size, testing::ENTRIES as u64 + 162);
    }

    #[tokio::test]
    async fn what_is_not_committed_is_not_told() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let mut transaction = database.pool.begin().await.unwrap();
        let deed = Deed::done("alert.close", "alert", "1");
        append(&mut transaction, &(&lan).into(), vec![deed], NOW_US)
            .await
            .unwrap();
        drop(transaction);
        // The account and its role.
        assert_eq!(verified(&database).await.head.size, testing::ENTRIES as u64 + 2);
    }

    #[tokio::test]
    async fn the_log_cannot_be_changed_even_by_the_owner_of_the_database() {
        let Some(database) = testing::database().await else {
            return;
        };
        testing::account(&database, "lan", "*").await;
        for statement in [
            "UPDATE audit_entry SET at_us = 0",
            "DELETE FROM audit_entry",
            "TRUNCATE audit_entry",
            "UPDATE audit_head SET size = 0",
            "DELETE FROM audit_head",
            "DELETE FROM audit_subtree",
            "TRUNCATE audit_checkpoint",
        ] {
            let error = sqlx::query(statement).execute(&database.pool).await.unwrap_err();
            let said = error.to_string();
            let refused = said.contains("append-only") || said.contains("permission denied");
            assert!(refused, "{statement}: {error}");
        }
    }
}
