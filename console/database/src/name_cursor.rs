//! Lists by name, in pages: where a page ends, and how many there are in all. The first page counts, the cursor carries that number on.
//!
//! A cursor carries what the next page needs, so that nobody learns by one that he makes up where something sorts that he does not see.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use sqlx::{Encode, FromRow, PgConnection, Postgres, QueryBuilder, Type};

use crate::{DatabaseError, Result, clean};

/// After which thing the next page begins, by name and, of those that have one name, by id; and how many there are on all pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCursor<Id> {
    pub(crate) id: Id,
    pub(crate) total: i64,
    /// The name, as things are sorted by it.
    pub(crate) sorts_as: String,
}

impl<Id: fmt::Display> fmt::Display for NameCursor<Id> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = BASE64URL_NOPAD.encode(self.sorts_as.as_bytes());
        write!(out, "{}.{}.{name}", self.id, self.total)
    }
}

impl<Id: FromStr> FromStr for NameCursor<Id> {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let (id, rest) = text.split_once('.')?;
            let (total, name) = rest.split_once('.')?;
            let name = String::from_utf8(BASE64URL_NOPAD.decode(name.as_bytes()).ok()?).ok()?;
            Some(Self {
                id: id.parse().ok()?,
                total: total.parse().ok()?,
                sorts_as: clean(&name),
            })
        };
        read().ok_or(DatabaseError::Invalid {
            field: "cursor",
            problem: "is not one of ours",
        })
    }
}

/// The order of a list by name, in SQL, and how long a page of it is.
pub(crate) struct ByName {
    /// What things are sorted by.
    pub(crate) name: &'static str,
    /// And then.
    pub(crate) id: &'static str,
    pub(crate) rows_max: u32,
}

/// A page of rows.
pub(crate) struct Rows<Row> {
    pub(crate) rows: Vec<Row>,
    /// On all pages.
    pub(crate) total: i64,
    is_more: bool,
}

impl ByName {
    /// The page after `after`, whose id is bound as `key` makes it: `counting` counts all things, `listing` is about them up to the order.
    pub(crate) async fn page<Row, Id, Key>(
        &self,
        look: &mut PgConnection,
        after: Option<NameCursor<Id>>,
        key: fn(Id) -> Key,
        counting: impl FnOnce() -> Result<QueryBuilder<Postgres>>,
        mut listing: QueryBuilder<Postgres>,
    ) -> Result<Rows<Row>>
    where
        Row: for<'row> FromRow<'row, sqlx::postgres::PgRow> + Send + Unpin,
        Key: for<'key> Encode<'key, Postgres> + Type<Postgres>,
    {
        let total = match &after {
            Some(cursor) => cursor.total,
            None => {
                let mut query = counting()?;
                let counted = query.build_query_scalar().fetch_one(&mut *look);
                counted.await.map_err(DatabaseError::of_list)?
            }
        };
        let (name, id) = (self.name, self.id);
        if let Some(cursor) = after {
            listing
                .push(format_args!(" AND ({name}, {id}) > ("))
                .push_bind(cursor.sorts_as)
                .push(", ")
                .push_bind(key(cursor.id))
                .push(")");
        }
        listing
            .push(format_args!(" ORDER BY {name}, {id} LIMIT "))
            .push_bind(i64::from(self.rows_max) + 1);
        let listed = listing.build_query_as().fetch_all(look);
        let mut rows: Vec<Row> = listed.await.map_err(DatabaseError::of_list)?;
        let is_more = rows.len() > self.rows_max as usize;
        rows.truncate(self.rows_max as usize);
        Ok(Rows { rows, total, is_more })
    }
}

impl<Row> Rows<Row> {
    /// Where the next page begins, `place` telling a row's id and what it is sorted by; `None` on the last.
    pub(crate) fn next<Id>(
        &self,
        place: impl FnOnce(&Row) -> Result<(Id, String)>,
    ) -> Result<Option<NameCursor<Id>>> {
        let Some(last) = self.rows.last().filter(|_| self.is_more) else {
            return Ok(None);
        };
        let (id, sorts_as) = place(last)?;
        Ok(Some(NameCursor {
            id,
            total: self.total,
            sorts_as,
        }))
    }
}
