//! What statements that carry no data do: which turn they need, and what they may do where only reading is allowed.

use crate::token::{Token, Tokens, quoted};

/// What a statement that is neither a `SELECT` nor an `INSERT` with data does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Tells something: `SHOW`, `DESCRIBE`, `EXISTS`, `EXPLAIN`, `CHECK`.
    Reads,
    /// `SET`: changes the settings of its session.
    Sets,
    /// `USE`: chooses the database of its session.
    Uses,
    /// Makes or drops a temporary table of its session.
    Temporary,
    /// `KILL QUERY` or `KILL MUTATION`.
    Kills,
    /// May change what others see.
    Writes,
}

/// What a statement does, by its first two words.
pub(crate) fn deed(tokens: &Tokens<'_>, first: Token) -> Deed {
    let second = {
        let mut rest = tokens.clone();
        rest.next();
        rest.next()
    };
    let second_is = |word: &str| second.is_some_and(|second| tokens.is(second, word));
    let begins = |words: &[&str]| words.iter().any(|word| tokens.is(first, word));
    match () {
        () if begins(&[
            "SELECT", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "CHECK", "FROM",
        ]) =>
        {
            Deed::Reads
        }
        () if begins(&["SET"]) => Deed::Sets,
        () if begins(&["USE"]) => Deed::Uses,
        () if begins(&["CREATE", "DROP"]) && second_is("TEMPORARY") => Deed::Temporary,
        () if begins(&["KILL"]) => Deed::Kills,
        () => Deed::Writes,
    }
}

/// Writes a `KILL QUERY` so that the engine, which gives its queries ids of its own, finds those meant: by the
/// marks they bear. `SYNC` would wait for an entry that the engine keeps until the connection's next statement.
pub(crate) fn kill_by_mark(text: &[u8], running: &[(String, String)]) -> Vec<u8> {
    let (marks, ids): (Vec<String>, Vec<String>) = running
        .iter()
        .map(|(mark, id)| (quoted(mark, '\''), quoted(id, '\'')))
        .unzip();
    let ids = format!(
        "transform(Settings['log_comment'], [{}], [{}], query_id)",
        marks.join(", "),
        ids.join(", ")
    );
    let mut rewritten = Vec::with_capacity(text.len());
    let mut copied = 0_usize;
    let mut tokens = Tokens::new(text);
    while let Some(here) = tokens.next() {
        let instead = match () {
            () if tokens.is(here, "query_id") => ids.as_str(),
            () if tokens.is(here, "SYNC") => "ASYNC",
            () => continue,
        };
        rewritten.extend_from_slice(text.get(copied..here.start).unwrap_or_default());
        rewritten.extend_from_slice(instead.as_bytes());
        copied = here.end;
    }
    rewritten.extend_from_slice(text.get(copied..).unwrap_or_default());
    rewritten
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn kills_find_statements_by_their_marks() {
        let running = [
            ("m1".to_owned(), "it's".to_owned()),
            ("m2".to_owned(), "b".to_owned()),
        ];
        let text = kill_by_mark(
            b"KILL QUERY WHERE query_id = 'query_id' SYNC FORMAT JSON",
            &running,
        );
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "KILL QUERY WHERE transform(Settings['log_comment'], ['m1', 'm2'], ['it\\'s', 'b'], query_id) = 'query_id' \
             ASYNC FORMAT JSON"
        );
    }
}
