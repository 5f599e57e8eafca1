//! Reading the audit log: pages of it, ranges for an export, checkpoints, and the hashes that proofs are made of.

use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_audit::proof::{self, Head};
use vonggac_audit::tree::{Frontier, Hash, Node};
use vonggac_event::Scope;

use super::{KEPT_LEVELS, broken, object_key, read_frontier};
use crate::{Database, DatabaseError, Result, clean, like_literal};

/// Most entries on a page, and in a range.
pub const PAGE_ENTRIES_MAX: u32 = 1_000;

/// Which entries; what is `None` restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of whom: a user name; case does not matter.
    pub actor: Option<String>,
    /// An action, or its beginning up to the dot, as in `alert.close` and `alert`.
    pub action: Option<String>,
    /// Kind and id of what it was done to.
    pub object: Option<(String, String)>,
    /// Of whose people: an organisation's code.
    pub organisation: Option<String>,
    /// How it went.
    pub outcome: Option<super::Outcome>,
    /// Id of the request.
    pub request: Option<String>,
    /// What stands anywhere in it; case does not matter.
    pub text: Option<String>,
    /// Then or later.
    pub from_us: Option<i64>,
    /// Before.
    pub to_us: Option<i64>,
}

/// A stored entry: its bytes and what the tree says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The entry's bytes.
    pub content: Vec<u8>,
    /// Their leaf hash.
    pub leaf: Hash,
    /// The root of the tree up to it.
    pub root: Hash,
}

#[derive(FromRow)]
struct RawStored {
    content: Vec<u8>,
    leaf: Vec<u8>,
    root: Vec<u8>,
}

fn hash(bytes: &[u8]) -> Result<Hash> {
    Hash::from_bytes(bytes).ok_or_else(|| broken("a hash is not 32 bytes long"))
}

impl TryFrom<RawStored> for Stored {
    type Error = DatabaseError;

    fn try_from(raw: RawStored) -> Result<Self> {
        Ok(Self {
            leaf: hash(&raw.leaf)?,
            root: hash(&raw.root)?,
            content: raw.content,
        })
    }
}

/// A checkpoint that was signed.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Signed {
    /// Entries under it.
    pub size: i64,
    /// The signed note.
    pub note: String,
}

/// The checkpoints that there were at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Kept {
    /// How many.
    pub count: i64,
    last_id: i64,
}

impl Database {
    /// The bytes of the entries of `scope`, the newest first: those before number `before`, at most `limit`. What nobody with an account did
    /// is the nation's.
    ///
    /// # Errors
    /// When PostgreSQL fails, or the search takes too long.
    pub async fn audit_page(
        &self,
        scope: &Scope,
        filter: &Filter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Vec<u8>>> {
        let scope = self.audit_scope(scope).await?;
        let mut query =
            QueryBuilder::<Postgres>::new("SELECT content FROM audit_entry WHERE organisation = ANY(");
        query.push_bind(scope.to_codes()).push(")");
        if let Some(before) = before {
            query.push(" AND seq < ").push_bind(before);
        }
        if let Some(actor) = &filter.actor {
            query
                .push(" AND actor = ")
                .push_bind(clean(&actor.to_lowercase()));
        }
        if let Some(action) = &filter.action {
            let action = clean(action);
            query.push(" AND (action = ").push_bind(action.clone());
            query
                .push(" OR split_part(action, '.', 1) = ")
                .push_bind(action)
                .push(")");
        }
        if let Some((kind, id)) = &filter.object {
            query
                .push(" AND object = ")
                .push_bind(clean(&object_key(kind, id)));
        }
        if let Some(outcome) = filter.outcome {
            query.push(" AND result = ").push_bind(outcome.name());
        }
        if let Some(organisation) = &filter.organisation {
            query.push(" AND organisation = ").push_bind(clean(organisation));
        }
        if let Some(request) = &filter.request {
            query
                .push(" AND request = ")
                .push_bind(request.as_bytes().to_vec());
        }
        if let Some(text) = &filter.text {
            query
                .push(" AND convert_from(content, 'UTF8') ILIKE ")
                .push_bind(format!("%{}%", like_literal(&escaped(text))));
        }
        if let Some(from_us) = filter.from_us {
            query.push(" AND at_us >= ").push_bind(from_us);
        }
        if let Some(to_us) = filter.to_us {
            query.push(" AND at_us < ").push_bind(to_us);
        }
        let limit = i64::from(limit.clamp(1, PAGE_ENTRIES_MAX));
        query.push(" ORDER BY seq DESC LIMIT ").push_bind(limit);
        let mut look = self.look(&scope).await?;
        let rows = query.build_query_scalar().fetch_all(&mut *look).await;
        rows.map_err(DatabaseError::of_list)
    }

    /// The bytes of entry number `index`. What is not of `scope` takes as long as what does not exist.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when `scope` has none of that number.
    pub async fn audit_entry(&self, scope: &Scope, index: u64) -> Result<Vec<u8>> {
        let scope = self.audit_scope(scope).await?;
        let mut look = self.look(&scope).await?;
        sqlx::query_scalar("SELECT content FROM audit_entry WHERE seq = $1 AND organisation = ANY($2)")
            .bind(index.cast_signed())
            .bind(scope.to_codes())
            .fetch_optional(&mut *look)
            .await?
            .ok_or(DatabaseError::NotFound)
    }

    /// Whose entries belong to `scope`: what nobody with an account did is the nation's.
    async fn audit_scope(&self, scope: &Scope) -> Result<Scope> {
        let nobodys = self.is_national(scope).await?.then_some("");
        Ok(Scope::of(scope.codes().chain(nobodys)))
    }

    /// The log as it stands: how many entries, and their root.
    ///
    /// # Errors
    /// When PostgreSQL fails, or its head cannot be read.
    pub async fn audit_head(&self) -> Result<Head> {
        let (size, bytes): (i64, Vec<u8>) = sqlx::query_as("SELECT size, frontier FROM audit_head")
            .fetch_one(&self.pool)
            .await?;
        let frontier = read_frontier(size, &bytes)?;
        Ok(Head {
            size: frontier.size(),
            root: frontier.root(),
        })
    }

    /// Entries from number `from` to before `to`, in order, at most [`PAGE_ENTRIES_MAX`].
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn audit_range(&self, from: u64, to: u64) -> Result<Vec<Stored>> {
        let raw: Vec<RawStored> = sqlx::query_as(
            "SELECT content, leaf, root FROM audit_entry WHERE seq >= $1 AND seq < $2 ORDER BY seq LIMIT $3",
        )
        .bind(from.cast_signed())
        .bind(to.cast_signed())
        .bind(i64::from(PAGE_ENTRIES_MAX))
        .fetch_all(&self.pool)
        .await?;
        raw.into_iter().map(Stored::try_from).collect()
    }

    /// Keeps a signed checkpoint; one of the same size and origin is kept already when this does nothing.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn keep_checkpoint(&self, size: u64, origin: &str, note: &str, now_us: i64) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        // No lock of the table itself, which takes a right to change it, and that nobody has.
        sqlx::query("SELECT pg_advisory_xact_lock('audit_checkpoint'::regclass::bigint)")
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO audit_checkpoint (size, origin, at_us, note) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(size.cast_signed())
        .bind(origin)
        .bind(now_us)
        .bind(note)
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// The checkpoints over more than `from` and at most `to` entries, in order; those that `kept` counts.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn checkpoints(&self, from: u64, to: u64, kept: Kept) -> Result<Vec<Signed>> {
        Ok(sqlx::query_as(
            "SELECT size, note FROM audit_checkpoint WHERE size > $1 AND size <= $2 AND id <= $3 ORDER BY size, origin",
        )
        .bind(from.cast_signed())
        .bind(to.cast_signed())
        .bind(kept.last_id)
        .fetch_all(&self.pool)
        .await?)
    }

    /// How many checkpoints there are, now, over at most `size` entries.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn count_checkpoints(&self, size: u64) -> Result<Kept> {
        Ok(sqlx::query_as(
            "SELECT count(*) AS count, coalesce(max(id), 0) AS last_id FROM audit_checkpoint WHERE size > 0 AND size <= $1",
        )
        .bind(size.cast_signed())
        .fetch_one(&self.pool)
        .await?)
    }

    /// The newest checkpoint, of `origin` when it is given.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn newest_checkpoint(&self, origin: Option<&str>) -> Result<Option<Signed>> {
        Ok(sqlx::query_as(
            "SELECT size, note FROM audit_checkpoint WHERE $1::text IS NULL OR origin = $1 \
             ORDER BY size DESC, origin LIMIT 1",
        )
        .bind(origin)
        .fetch_optional(&self.pool)
        .await?)
    }

    /// The frontier of the first `size` entries, from what is stored.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there are not as many.
    pub async fn audit_frontier(&self, size: u64) -> Result<Frontier> {
        let mut connection = self.pool.acquire().await?;
        let mut hashes = Vec::new();
        for node in Node::of_size(size) {
            hashes.push(read_node(&mut connection, node).await?);
        }
        Frontier::from_parts(size, hashes).ok_or(DatabaseError::NotFound)
    }

    /// The proof that entry `index` stands in the tree of the first `size`: hashes from the leaf's side.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when there is no such entry.
    pub async fn prove_inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>> {
        let path = proof::inclusion_nodes(index, size).ok_or(DatabaseError::NotFound)?;
        let mut connection = self.pool.acquire().await?;
        let mut hashes = Vec::new();
        for node in path.iter().flatten() {
            hashes.push(read_node(&mut connection, *node).await?);
        }
        let mut read = hashes.into_iter();
        proof::hashes(&path, |_| read.next().ok_or(DatabaseError::NotFound))
    }
}

/// `text` as it stands between the quotation marks of an entry's texts.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

/// The hash of a full subtree, from the stored ones below it: at most 128 of them.
async fn read_node(connection: &mut PgConnection, node: Node) -> Result<Hash> {
    let kept = node.level / KEPT_LEVELS * KEPT_LEVELS;
    let shift = node.level - kept;
    let from = node.index << shift;
    let to = from + (1 << shift);
    let statement = if kept == 0 {
        "SELECT leaf FROM audit_entry WHERE $1 = 0 AND seq >= $2 AND seq < $3 ORDER BY seq"
    } else {
        "SELECT hash FROM audit_subtree WHERE level = $1 AND place >= $2 AND place < $3 ORDER BY place"
    };
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(statement)
        .bind(kept.cast_signed())
        .bind(from.cast_signed())
        .bind(to.cast_signed())
        .fetch_all(connection)
        .await?;
    if rows.len() != 1 << shift {
        return Err(DatabaseError::NotFound);
    }
    // A full subtree over these as leaves is the root of a tree of them.
    let mut tree = Frontier::default();
    for row in rows {
        tree.push(hash(&row)?, |_, _| ());
    }
    Ok(tree.root())
}
