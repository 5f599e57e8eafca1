//! Organisations: taken in from a file, and all of them as a tree. [`edit`] changes single ones; [`tally`] counts what is at them.
//!
//! An import adds and changes, and removes nothing: what a file does not name stays as it is, so that a ministry's units can be a file of
//! their own. What is there afterwards fits together as a whole, or nothing is changed.

pub mod edit;
pub mod tally;

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{FromRow, PgConnection};
use vonggac_access::tree::Placed;
use vonggac_access::{Day, Organisation, OrganisationId, Reach, Span, Tree, VIETNAM, file};
use vonggac_event::Scope;

use crate::audit::{self, Asker, Deed};
use crate::{Database, DatabaseError, Result};

/// What an import did, by code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// New ones.
    pub added: Vec<OrganisationId>,
    /// Those with other values than before, and the file's names of the fields.
    pub changed: Vec<(OrganisationId, Vec<&'static str>)>,
    /// Those that were given an end, and the first day on which they are no more; not among the changed for that alone.
    pub ended: Vec<(OrganisationId, Day)>,
    /// How many are in the file as they were.
    pub unchanged: usize,
}

impl Imported {
    /// Whether everything was so already.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.ended.is_empty()
    }
}

#[derive(FromRow)]
struct Row {
    code: String,
    kind: String,
    name_vi: String,
    name_en: String,
    parent: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    citation: String,
    predecessors: Vec<String>,
}

impl Row {
    fn read(self) -> Result<Organisation> {
        Ok(Organisation {
            id: parsed(&self.code)?,
            kind: parsed(&self.kind)?,
            name_vi: self.name_vi,
            name_en: self.name_en,
            parent: self.parent.as_deref().map(parsed).transpose()?,
            span: span(self.valid_from.as_deref(), self.valid_until.as_deref())?,
            predecessors: self
                .predecessors
                .iter()
                .map(|code| parsed(code))
                .collect::<Result<_>>()?,
            citation: self.citation,
        })
    }
}

/// A value of a column that has a check; one that fails was not written by this program.
pub(crate) fn parsed<T>(text: &str) -> Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let parsed = text.parse();
    parsed.map_err(|error: T::Err| DatabaseError::Server(sqlx::Error::Decode(Box::new(error))))
}

pub(crate) fn span(from: Option<&str>, until: Option<&str>) -> Result<Span> {
    Ok(Span {
        from: from.map(parsed).transpose()?,
        until: until.map(parsed).transpose()?,
    })
}

/// The organisations that ship with the platform. Their file is part of the program, and a test reads it.
fn shipped() -> Result<Vec<Placed>> {
    file::read(VIETNAM).map_err(|error| DatabaseError::Server(sqlx::Error::Decode(Box::new(error))))
}

/// The scope that a reach comes to, sharing aside.
pub fn scope_of(reach: &Reach) -> Scope {
    Scope::of(reach.codes().map(OrganisationId::as_str))
}

/// The root of the tree.
pub(crate) async fn nation(connection: &mut PgConnection) -> Result<OrganisationId> {
    let code: Option<String> = sqlx::query_scalar("SELECT code FROM organisation WHERE kind = 'nation'")
        .fetch_optional(connection)
        .await?;
    parsed(&code.ok_or(DatabaseError::NotFound)?)
}

pub(crate) async fn exists(connection: &mut PgConnection, id: &OrganisationId) -> Result<bool> {
    let found = sqlx::query_scalar("SELECT EXISTS (SELECT FROM organisation WHERE code = $1)")
        .bind(id.as_str())
        .fetch_one(connection)
        .await?;
    Ok(found)
}

impl Database {
    /// Takes in the organisations that ship with the platform, when nobody has taken in any.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn ensure_organisations(&self, now_us: i64) -> Result<()> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM organisation")
            .fetch_one(&self.pool)
            .await?;
        // One alone is the root that a migration had to put there.
        if count <= 1 {
            self.import_organisations(&Asker::console(), shipped()?, now_us)
                .await?;
        }
        Ok(())
    }

    /// Whether the scope has what is the nation's own.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn is_national(&self, scope: &Scope) -> Result<bool> {
        let mut look = self.look(scope).await?;
        match nation(&mut look).await {
            Ok(nation) => Ok(scope.covers(nation.as_str())),
            Err(DatabaseError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// All organisations, those that ended too.
    ///
    /// # Errors
    /// [`DatabaseError::Organisation`] before the first import; when PostgreSQL fails.
    pub async fn organisations(&self) -> Result<Tree> {
        let mut connection = self.pool.acquire().await?;
        tree(&mut connection).await
    }

    /// Takes in the organisations of a file, in one transaction; the same again changes nothing. Of two at once, one waits. The log has an entry for each that
    /// is added, changed or ended.
    ///
    /// # Errors
    /// [`DatabaseError::Organisation`], with line and field, when those of the file and those that are there already do not fit together; then
    /// nothing is changed.
    pub async fn import_organisations(
        &self,
        by: &Asker<'_>,
        file: Vec<Placed>,
        now_us: i64,
    ) -> Result<Imported> {
        let mut transaction = self.pool.begin().await?;
        lock(&mut transaction).await?;
        let before = all(&mut transaction).await?;
        let in_file: BTreeSet<OrganisationId> =
            file.iter().map(|placed| placed.organisation.id.clone()).collect();
        let kept = before
            .values()
            .filter(|organisation| !in_file.contains(&organisation.id));
        let kept = kept.cloned().map(Placed::from);
        let after = Tree::build(file.into_iter().chain(kept).collect())?;
        let done = put(&mut transaction, by, &before, &after, &in_file, now_us).await?;
        transaction.commit().await?;
        Ok(done)
    }
}

/// All organisations, as the transaction sees them.
pub(crate) async fn tree(connection: &mut PgConnection) -> Result<Tree> {
    let all = all(connection).await?;
    Ok(Tree::build(all.into_values().map(Placed::from).collect())?)
}

/// Keeps others from changing organisations until the transaction ends.
async fn lock(connection: &mut PgConnection) -> Result<()> {
    sqlx::query("LOCK TABLE organisation IN SHARE ROW EXCLUSIVE MODE")
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes what is another in `after` than in `before`, of the `named`, and what the log says of it.
async fn put(
    connection: &mut PgConnection,
    by: &Asker<'_>,
    before: &BTreeMap<OrganisationId, Organisation>,
    after: &Tree,
    named: &BTreeSet<OrganisationId>,
    now_us: i64,
) -> Result<Imported> {
    let mut done = Imported::default();
    let mut written: Vec<&Organisation> = Vec::new();
    for organisation in after.iter().filter(|one| named.contains(&one.id)) {
        if done.take(before.get(&organisation.id), organisation) {
            write(&mut *connection, organisation).await?;
            written.push(organisation);
        }
    }
    write_predecessors(&mut *connection, &written).await?;
    audit::append(connection, by, done.deeds(after), now_us).await?;
    Ok(done)
}

impl Imported {
    /// What the log says of it.
    fn deeds(&self, after: &Tree) -> Vec<Deed> {
        let of = |action, id: &OrganisationId| Deed::done(action, "organisation", id);
        let added = self.added.iter().map(|id| {
            let parent = after.get(id).and_then(|one| one.parent.as_ref());
            let deed = of("organisation.add", id);
            match parent {
                Some(parent) => deed.with("parent", parent),
                None => deed,
            }
        });
        let changed = self
            .changed
            .iter()
            .map(|(id, fields)| of("organisation.change", id).with("fields", fields.join(",")));
        let ended = self.ended.iter().map(|(id, day)| {
            let deed = of("organisation.end", id).with("until", day);
            match after.successor_of(id) {
                Some(successor) => deed.with("successor", successor),
                None => deed,
            }
        });
        added.chain(changed).chain(ended).collect()
    }

    /// Notes what becomes of one; whether it is to be written.
    fn take(&mut self, before: Option<&Organisation>, after: &Organisation) -> bool {
        let Some(before) = before else {
            self.added.push(after.id.clone());
            return true;
        };
        let fields = differences(before, after);
        if fields.is_empty() {
            self.unchanged += 1;
            return false;
        }
        let end = after.span.until.filter(|_| before.span.until.is_none());
        let others: Vec<_> = fields
            .into_iter()
            .filter(|field| end.is_none() || *field != "until")
            .collect();
        if let Some(end) = end {
            self.ended.push((after.id.clone(), end));
        }
        if !others.is_empty() {
            self.changed.push((after.id.clone(), others));
        }
        true
    }
}

/// The file's names of the fields that are not the same.
fn differences(before: &Organisation, after: &Organisation) -> Vec<&'static str> {
    let fields = [
        ("kind", before.kind != after.kind),
        ("vi", before.name_vi != after.name_vi),
        ("en", before.name_en != after.name_en),
        ("parent", before.parent != after.parent),
        ("from", before.span.from != after.span.from),
        ("until", before.span.until != after.span.until),
        ("predecessors", before.predecessors != after.predecessors),
        ("citation", before.citation != after.citation),
    ];
    let differing = fields.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(field, _)| field).collect()
}

async fn all(connection: &mut PgConnection) -> Result<BTreeMap<OrganisationId, Organisation>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT code, kind, name_vi, name_en, parent, to_char(valid_from, 'YYYY-MM-DD') AS valid_from, \
         to_char(valid_until, 'YYYY-MM-DD') AS valid_until, citation, \
         array(SELECT p.code FROM predecessor p WHERE p.successor = o.code ORDER BY p.code) AS predecessors \
         FROM organisation o",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            row.read()
                .map(|organisation| (organisation.id.clone(), organisation))
        })
        .collect()
}

async fn write(connection: &mut PgConnection, organisation: &Organisation) -> Result<()> {
    sqlx::query(
        "INSERT INTO organisation (code, kind, name_vi, name_en, parent, valid_from, valid_until, citation) \
         VALUES ($1, $2, $3, $4, $5, $6::date, $7::date, $8) \
         ON CONFLICT (code) DO UPDATE SET kind = EXCLUDED.kind, name_vi = EXCLUDED.name_vi, name_en = EXCLUDED.name_en, \
         parent = EXCLUDED.parent, valid_from = EXCLUDED.valid_from, valid_until = EXCLUDED.valid_until, \
         citation = EXCLUDED.citation",
    )
    .bind(organisation.id.as_str())
    .bind(organisation.kind.name())
    .bind(&organisation.name_vi)
    .bind(&organisation.name_en)
    .bind(organisation.parent.as_ref().map(OrganisationId::as_str))
    .bind(organisation.span.from.map(|day| day.to_string()))
    .bind(organisation.span.until.map(|day| day.to_string()))
    .bind(&organisation.citation)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the predecessors of these anew: those of all go before any comes, since one may go from one successor to another.
async fn write_predecessors(connection: &mut PgConnection, of: &[&Organisation]) -> Result<()> {
    let written: Vec<&str> = of.iter().map(|organisation| organisation.id.as_str()).collect();
    sqlx::query("DELETE FROM predecessor WHERE successor = ANY($1)")
        .bind(written)
        .execute(&mut *connection)
        .await?;
    let pairs = of.iter().flat_map(|organisation| {
        let predecessors = organisation.predecessors.iter();
        predecessors.map(|code| (code.as_str(), organisation.id.as_str()))
    });
    let (codes, successors): (Vec<&str>, Vec<&str>) = pairs.unzip();
    sqlx::query("INSERT INTO predecessor (code, successor) SELECT * FROM unnest($1::text[], $2::text[])")
        .bind(codes)
        .bind(successors)
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const SMALL: &str = r#"
        [[organisation]]
        code = "vn"
        kind = "nation"
        vi = "Việt Nam"
        en = "Viet Nam"
        citation = "c"

        [[organisation]]
        code = "north"
        kind = "province"
        vi = "Bắc"
        en = "North"
        parent = "vn"
        citation = "c"
    "#;

    const MERGER: &str = r#"
        [[organisation]]
        code = "both"
        kind = "province"
        vi = "Cả hai"
        en = "Both"
        parent = "vn"
        from = 2031-01-01
        predecessors = ["north"]
        citation = "c"

        [[organisation]]
        code = "north"
        kind = "province"
        vi = "Bắc"
        en = "North"
        parent = "vn"
        until = 2031-01-01
        citation = "d"
    "#;

    fn id(code: &str) -> OrganisationId {
        code.parse().unwrap()
    }

    async fn import(database: &Database, text: &str) -> Result<Imported> {
        database
            .import_organisations(&Asker::console(), file::read(text).unwrap(), testing::NOW_US)
            .await
    }

    #[tokio::test]
    async fn what_ships_goes_in_once_and_comes_out_the_same() {
        let Some(database) = testing::bare_database().await else {
            return;
        };
        let first = import(&database, VIETNAM).await.unwrap();
        assert_eq!(
            (first.added.len(), first.changed.len(), first.unchanged),
            (113, 0, 0)
        );
        let again = import(&database, VIETNAM).await.unwrap();
        assert!(again.is_empty() && again.unchanged == 113, "{again:?}");
        let logged = database.audit_head().await.unwrap().size;
        assert_eq!(logged, 113, "an entry for each, none for what stays");
        let out = file::write(&database.organisations().await.unwrap());
        assert_eq!(out, VIETNAM);
    }

    #[tokio::test]
    async fn a_merger_is_told_and_what_is_not_named_stays() {
        let Some(database) = testing::bare_database().await else {
            return;
        };
        import(&database, SMALL).await.unwrap();
        let merger = import(&database, MERGER).await.unwrap();
        let end: Day = "2031-01-01".parse().unwrap();
        let expect = Imported {
            added: vec![id("both")],
            changed: vec![(id("north"), vec!["citation"])],
            ended: vec![(id("north"), end)],
            unchanged: 0,
        };
        assert_eq!(merger, expect);
        let tree = database.organisations().await.unwrap();
        assert_eq!(tree.current_of(&id("north"), end), Some(&id("both")));
        assert_eq!(tree.iter().count(), 3);
        // Another takes it over: the old successor lets go first.
        let other = MERGER.replace("\"both\"", "\"other\"");
        let without = MERGER.replace("predecessors = [\"north\"]", "");
        let both = format!(
            "{}{}",
            without,
            other
                .split("[[organisation]]")
                .nth(1)
                .map_or(String::new(), |one| { format!("[[organisation]]{one}") })
        );
        let moved = import(&database, &both).await.unwrap();
        assert_eq!(moved.added, [id("other")]);
        assert_eq!(moved.changed, [(id("both"), vec!["predecessors"])]);
    }

    #[tokio::test]
    async fn what_does_not_fit_changes_nothing() {
        let Some(database) = testing::bare_database().await else {
            return;
        };
        assert!(matches!(
            database.organisations().await,
            Err(DatabaseError::Organisation(_))
        ));
        import(&database, SMALL).await.unwrap();
        let before = file::write(&database.organisations().await.unwrap());
        let wrong = MERGER.replace("until = 2031-01-01", "");
        let error = import(&database, &wrong).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: both: `predecessors` names `north`, which has not ended"
        );
        // What is there already counts: a second nation is one too many, and no line of the file is to blame for the first.
        let second = SMALL.replace("\"vn\"", "\"xn\"");
        let error = import(&database, &second).await.unwrap_err();
        assert!(
            error.to_string().contains("is nation, which `vn` is already"),
            "{error}"
        );
        assert_eq!(file::write(&database.organisations().await.unwrap()), before);
    }

    #[tokio::test]
    async fn nothing_is_removed() {
        let Some(database) = testing::bare_database().await else {
            return;
        };
        import(&database, SMALL).await.unwrap();
        for statement in [
            "DELETE FROM organisation WHERE code = 'north'",
            "TRUNCATE organisation CASCADE",
            "DELETE FROM membership",
        ] {
            let error = sqlx::query(statement).execute(&database.pool).await.unwrap_err();
            assert!(
                error.to_string().contains("never removed"),
                "{statement}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn two_imports_at_once_come_to_the_same_as_one() {
        let Some(database) = testing::bare_database().await else {
            return;
        };
        let (one, two) = tokio::join!(import(&database, VIETNAM), import(&database, VIETNAM));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.added.len() + two.added.len(), 113);
        assert!(one.is_empty() ^ two.is_empty());
    }
}
