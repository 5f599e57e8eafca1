//! An entry, and the bytes that stand for it.
//!
//! The bytes are one JSON object without white space, its members in this order, so that one entry has one encoding:
//! ```text
//! {"v":1,"seq":7,"at_us":1767225600000000,
//!  "actor":{"account":3,"name":"lan","kind":"person"},
//!  "organisation":"moh","address":"10.0.0.7","user_agent":"…","action":"alert.close",
//!  "object":{"kind":"alert","id":"00…01"},"result":"done",
//!  "detail":{"note":"…","resolution":"benign"},"request":"5f…"}
//! ```
//! Texts are UTF-8; of their characters `"`, `\` and those below U+0020 alone are escaped (`\b \t \n \f \r`, else `\u00` and two lower
//! case digits). `detail` holds texts, sorted by the bytes of their names. `account` is `null` for who has none. The leaf of the tree
//! is the hash of exactly these bytes; a change of this encoding gets another `v`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The version of the encoding that is written.
pub const VERSION: u8 = 1;

/// Longest encoding of an entry, in bytes; [`Entry::encode`] shortens nothing, whoever makes entries keeps below.
pub const ENTRY_BYTES_MAX: usize = 256 * 1024;

/// What somebody is to the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// Somebody with an account.
    Person,
    /// Somebody who is not signed in: the name is what they said.
    Nobody,
    /// The console itself.
    Console,
    /// A program that asked with a token of the API, for the service whose account it is; `detail` has the token's id.
    Service,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Id of the account, if there is one.
    pub account: Option<i64>,
    /// User name.
    pub name: String,
    /// What they are.
    pub kind: ActorKind,
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// `alert`, `account`, `session`, `events`, `audit`.
    pub kind: String,
    /// Its id; empty when there is none.
    pub id: String,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not allowed.
    Refused,
    /// It was allowed and did not work.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Done, Self::Refused, Self::Failed];

    /// `done`, `refused`, `failed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Version of the encoding: [`VERSION`].
    pub v: u8,
    /// Place in the log, from 0, without a hole.
    pub seq: u64,
    /// When, in microseconds since 1970, UTC.
    pub at_us: i64,
    /// Who.
    pub actor: Actor,
    /// For which organisation; `*` for all of them.
    pub organisation: String,
    /// From where: an IP address, or empty.
    pub address: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// What was done, as in `alert.close`.
    pub action: String,
    /// To what.
    pub object: Object,
    /// How it went.
    pub result: Outcome,
    /// What else there is to say.
    pub detail: BTreeMap<String, String>,
    /// Id of the request that asked for it; empty when none did.
    pub request: String,
}

/// Why bytes are no entry.
#[derive(Debug, Error)]
pub enum EntryError {
    /// They are not the JSON of an entry.
    #[error("it is not an entry: {0}")]
    Json(#[from] serde_json::Error),
    /// The version is not known here.
    #[error("it has version {0}, which this build does not know")]
    Version(u8),
    /// An entry is written in one way, and this is another.
    #[error("it is not written as entries are")]
    NotCanonical,
}

impl Entry {
    /// The bytes that stand for it.
    pub fn encode(&self) -> Vec<u8> {
        // Texts and numbers always can be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the bytes that stand for an entry, and nothing that is written in another way.
    ///
    /// # Errors
    /// [`EntryError`]
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let entry: Self = serde_json::from_slice(bytes)?;
        if entry.v != VERSION {
            return Err(EntryError::Version(entry.v));
        }
        if entry.encode() != bytes {
            return Err(EntryError::NotCanonical);
        }
        Ok(entry)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn entry(seq: u64) -> Entry {
        Entry {
            v: VERSION,
            seq,
            at_us: 1_767_225_600_000_000 + i64::try_from(seq).unwrap(),
            actor: Actor {
                account: Some(3),
                name: "lan".into(),
                kind: ActorKind::Person,
            },
            organisation: "moh".into(),
            address: "10.0.0.7".into(),
            user_agent: "Firefox".into(),
            action: "alert.close".into(),
            object: Object {
                kind: "alert".into(),
                id: format!("{seq:032x}"),
            },
            result: Outcome::Done,
            detail: [("note".to_owned(), "đã xem \"nó\"\n".to_owned())].into(),
            request: format!("{seq:016x}"),
        }
    }

    #[test]
    fn the_encoding_is_the_one_written_down() {
        let text = "{\"v\":1,\"seq\":7,\"at_us\":1767225600000007,\"actor\":{\"account\":3,\"name\":\"lan\",\"kind\":\"person\"},\
            \"organisation\":\"moh\",\"address\":\"10.0.0.7\",\"user_agent\":\"Firefox\",\"action\":\"alert.close\",\
            \"object\":{\"kind\":\"alert\",\"id\":\"00000000000000000000000000000007\"},\"result\":\"done\",\
            \"detail\":{\"note\":\"đã xem \\\"nó\\\"\\n\"},\"request\":\"0000000000000007\"}";
        assert_eq!(String::from_utf8(entry(7).encode()).unwrap(), text);
        assert_eq!(Entry::decode(text.as_bytes()).unwrap(), entry(7));
    }

    #[test]
    fn another_way_to_write_it_is_refused() {
        let text = String::from_utf8(entry(7).encode()).unwrap();
        for (from, to) in [
            ("{\"v\":1,", "{ \"v\":1,"),
            ("\"v\":1", "\"v\":2"),
            ("lan", "l\\u0061n"),
            ("\"account\":3,", ""),
            ("\"seq\":7", "\"seq\":7,\"seq\":7"),
            ("\"request\"", "\"more\":1,\"request\""),
            (
                "\"request\":\"0000000000000007\"",
                "\"request\":\"0000000000000007\" ",
            ),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text);
            assert!(Entry::decode(other.as_bytes()).is_err(), "{other}");
        }
        assert!(
            Entry::decode(
                text.replace(
                    "\"seq\":7,\"at_us\":1767225600000007",
                    "\"at_us\":1767225600000007,\"seq\":7"
                )
                .as_bytes()
            )
            .is_err()
        );
    }

    proptest! {
        #[test]
        fn an_entry_comes_back_from_its_bytes(name in ".*", note in any::<String>(), key in any::<String>(), at_us: i64, seq: u64) {
            let mut entry = entry(0);
            (entry.actor.name, entry.at_us, entry.seq) = (name, at_us, seq);
            entry.detail.insert(key, note);
            prop_assert_eq!(Entry::decode(&entry.encode()).unwrap(), entry);
        }

        #[test]
        fn no_bytes_are_too_much(bytes in any::<Vec<u8>>()) {
            let _ = Entry::decode(&bytes);
        }
    }
}
