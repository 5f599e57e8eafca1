//! Where a page of a list by name ends, and how many there are in all.
//!
//! A cursor carries what the next page needs, so that nobody learns by one that he makes up where something sorts that he does not see.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;

use crate::{DatabaseError, clean};

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

    fn from_str(text: &str) -> Result<Self, DatabaseError> {
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
