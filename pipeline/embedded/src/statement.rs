//! What a request's text is: an `INSERT` with data behind it, a `SELECT` that can be streamed, or neither.
//!
//! The engine's insert streams want the statement without its `FORMAT` clause and the data apart; an `INSERT`
//! handed over as one text damages binary rows and, without data, would read the standard input. So the cut is
//! made here, where ClickHouse's own parser makes it: after `VALUES`, or after `FORMAT name`, blanks and one
//! line end.

use crate::deed::{Deed, deed};
use crate::exception::{Exception, code};
use crate::token::{Kind, Token, Tokens};

/// What the text asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `INSERT … FORMAT name` or `INSERT … VALUES`, with data behind.
    Insert {
        /// Length of the part before `FORMAT` or `VALUES`.
        head_length: usize,
        /// Name of the data's format.
        format: String,
        /// Where the data begins.
        data_offset: usize,
    },
    /// A `SELECT`, with the format that it names itself, if any.
    Select {
        /// The format in the text.
        format: Option<String>,
    },
    /// Anything else: the engine runs it and holds its (small) result.
    Other {
        /// The format in the text.
        format: Option<String>,
        /// What it does.
        deed: Deed,
    },
}

/// Finds the shape of a text. `complete` says whether this is all of it; if not, `Ok(None)` asks for more.
///
/// # Errors
/// What ClickHouse's HTTP interface refuses: an empty query, several statements, `INTO OUTFILE`, `FROM INFILE`,
/// and an `INSERT` without data.
pub(crate) fn shape(text: &[u8], complete: bool) -> Result<Option<Shape>, Exception> {
    let mut tokens = Tokens::new(text);
    let Some(first) = tokens.next() else {
        return match complete {
            true => Err(syntax("Empty query.")),
            false => Ok(None),
        };
    };
    if tokens.is(first, "INSERT") {
        return insert(text, tokens, complete);
    }
    match complete {
        true => whole(text, first).map(Some),
        false => Ok(None),
    }
}

fn syntax(message: &str) -> Exception {
    Exception::new(code::SYNTAX_ERROR, "SYNTAX_ERROR", message)
}

/// Finds the data of an `INSERT`; `tokens` stands behind that word.
fn insert(text: &[u8], mut tokens: Tokens<'_>, complete: bool) -> Result<Option<Shape>, Exception> {
    let first = Tokens::new(text).next();
    let mut token = skip_target(&mut tokens);
    let mut depth = 0_usize;
    let mut selects = false;
    while let Some(here) = token {
        let word = |word: &str| tokens.is(here, word);
        match here.kind {
            // The text may go on in the middle of a word.
            Kind::Word if here.end == text.len() && !complete => return Ok(None),
            Kind::Word if word("SELECT") => selects = true,
            _ => {}
        }
        if depth == 0 && here.kind == Kind::Word {
            if word("SELECT") || word("WITH") || word("WATCH") {
                return match (complete, first) {
                    (true, Some(first)) => whole(text, first).map(Some),
                    _ => Ok(None),
                };
            }
            if word("FROM") {
                return Err(Exception::new(
                    code::UNKNOWN_TYPE_OF_QUERY,
                    "UNKNOWN_TYPE_OF_QUERY",
                    "FROM INFILE reads the client's files and cannot be sent to the server.",
                ));
            }
            if word("VALUES") {
                return Ok(Some(Shape::Insert {
                    head_length: here.start,
                    format: "Values".to_owned(),
                    data_offset: here.end,
                }));
            }
            if word("FORMAT") {
                return format_of_insert(text, here, &mut tokens, complete);
            }
        }
        depth = deeper(depth, here);
        token = tokens.next();
    }
    match (complete, selects) {
        (false, _) => Ok(None),
        (true, true) => Ok(Some(Shape::Other {
            format: None,
            deed: Deed::Writes,
        })),
        (true, false) => Err(syntax(
            "INSERT has neither VALUES nor FORMAT nor SELECT, so there is nothing to insert.",
        )),
    }
}

/// Passes `[INTO] [TABLE] [FUNCTION] [database.]name`, whatever words the name is made of, and gives the next
/// token.
fn skip_target(tokens: &mut Tokens<'_>) -> Option<Token> {
    let mut token = tokens.next();
    for word in ["INTO", "TABLE", "FUNCTION"] {
        if token.is_some_and(|here| tokens.is(here, word)) {
            token = tokens.next();
        }
    }
    loop {
        // The name, or a `{parameter:Identifier}` in its place.
        if token.is_some_and(|here| here.kind == Kind::Mark(b'{')) {
            token = tokens.by_ref().find(|here| here.kind == Kind::Mark(b'}'));
        }
        token?;
        token = tokens.next();
        match token {
            Some(dot) if dot.kind == Kind::Mark(b'.') => token = tokens.next(),
            other => return other,
        }
    }
}

fn format_of_insert(
    text: &[u8],
    keyword: Token,
    tokens: &mut Tokens<'_>,
    complete: bool,
) -> Result<Option<Shape>, Exception> {
    let Some(name) = tokens.next() else {
        return match complete {
            true => Err(syntax("FORMAT lacks the name of a format.")),
            false => Ok(None),
        };
    };
    let mut offset = name.end;
    let byte = |offset: usize| text.get(offset).copied();
    while matches!(byte(offset), Some(b' ' | b'\t' | 0x0c)) {
        offset = offset.saturating_add(1);
    }
    if byte(offset) == Some(b'\r') {
        offset = offset.saturating_add(1);
    }
    let ends_line = byte(offset) == Some(b'\n');
    offset = offset.saturating_add(usize::from(ends_line));
    // The name or the blanks may go on in what has not come yet.
    if offset == text.len() && !ends_line && !complete {
        return Ok(None);
    }
    let format = String::from_utf8_lossy(tokens.slice(name)).into_owned();
    Ok(Some(Shape::Insert {
        head_length: keyword.start,
        format,
        data_offset: offset,
    }))
}

fn deeper(depth: usize, token: Token) -> usize {
    match token.kind {
        Kind::Mark(b'(' | b'[' | b'{') => depth.saturating_add(1),
        Kind::Mark(b')' | b']' | b'}') => depth.saturating_sub(1),
        _ => depth,
    }
}

/// Looks through a complete statement that carries no data.
fn whole(text: &[u8], first: Token) -> Result<Shape, Exception> {
    let mut tokens = Tokens::new(text);
    let mut depth = 0_usize;
    let mut previous: Option<Token> = None;
    let mut format: Option<String> = None;
    let mut inserts = false;
    while let Some(here) = tokens.next() {
        if previous.is_some_and(|before| before.kind == Kind::Mark(b';')) && here.kind != Kind::Mark(b';') {
            return Err(syntax("Syntax error (Multi-statements are not allowed)."));
        }
        if depth == 0 && here.kind == Kind::Word {
            let after = |word: &str| previous.is_some_and(|before| tokens.is(before, word));
            if tokens.is(here, "OUTFILE") && after("INTO") {
                return Err(Exception::new(
                    code::INTO_OUTFILE_NOT_ALLOWED,
                    "INTO_OUTFILE_NOT_ALLOWED",
                    "INTO OUTFILE is not allowed",
                ));
            }
            if after("FORMAT") && ends_clause(&tokens) {
                format = Some(String::from_utf8_lossy(tokens.slice(here)).into_owned());
            }
            inserts |= tokens.is(here, "INSERT");
        }
        depth = deeper(depth, here);
        previous = Some(here);
    }
    if tokens.unterminated() {
        return Err(syntax("Syntax error: a quote or a comment is not closed."));
    }
    let begins = |word: &str| tokens.is(first, word);
    let selects = begins("SELECT") || begins("WITH") || first.kind == Kind::Mark(b'(');
    Ok(match selects && !inserts {
        true => Shape::Select { format },
        false => Shape::Other {
            format,
            deed: deed(&Tokens::new(text), first),
        },
    })
}

/// Whether the next token can follow a `FORMAT` clause.
fn ends_clause(tokens: &Tokens<'_>) -> bool {
    match tokens.clone().next() {
        None => true,
        Some(next) => next.kind == Kind::Mark(b';') || tokens.is(next, "SETTINGS"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Cuts an `INSERT` into head, format and data.
    #[track_caller]
    fn check_insert(text: &str, head: &str, format: &str, data: &str) {
        match shape(text.as_bytes(), true).unwrap().unwrap() {
            Shape::Insert {
                head_length,
                format: found,
                data_offset,
            } => {
                assert_eq!(
                    (&text[..head_length], found.as_str(), &text[data_offset..]),
                    (head, format, data)
                );
            }
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn inserts_are_cut_where_clickhouse_cuts_them() {
        check_insert(
            "INSERT INTO t FORMAT RowBinary\n\n\u{1}",
            "INSERT INTO t ",
            "RowBinary",
            "\n\u{1}",
        );
        check_insert(
            "insert into t (a, b) format JSONEachRow {\"a\":1}",
            "insert into t (a, b) ",
            "JSONEachRow",
            "{\"a\":1}",
        );
        check_insert("insert t values (1, ';')", "insert t ", "Values", " (1, ';')");
        check_insert(
            "/* insert */ -- x\nINSERT INTO d.`values` VALUES(1)",
            "/* insert */ -- x\nINSERT INTO d.`values` ",
            "Values",
            "(1)",
        );
        check_insert(
            "INSERT INTO format FORMAT CSV \r\n1",
            "INSERT INTO format ",
            "CSV",
            "1",
        );
        check_insert(
            "INSERT INTO t (a) SETTINGS insert_deduplication_token='FORMAT x', async_insert=0 FORMAT Native\n",
            "INSERT INTO t (a) SETTINGS insert_deduplication_token='FORMAT x', async_insert=0 ",
            "Native",
            "",
        );
        check_insert(
            "INSERT INTO {t:Identifier} FORMAT TSV\n1",
            "INSERT INTO {t:Identifier} ",
            "TSV",
            "1",
        );
        check_insert(
            "INSERT INTO TABLE FUNCTION remote('x', values) (* EXCEPT(b)) Values (1)",
            "INSERT INTO TABLE FUNCTION remote('x', values) (* EXCEPT(b)) ",
            "Values",
            " (1)",
        );
    }

    #[test]
    fn others_are_told_apart() {
        let select = |format: Option<&str>| Shape::Select {
            format: format.map(str::to_owned),
        };
        let other = |format: Option<&str>, deed: Deed| Shape::Other {
            format: format.map(str::to_owned),
            deed,
        };
        for (text, expected) in [
            ("SELECT 1", select(None)),
            ("select 1 format JSON", select(Some("JSON"))),
            (
                "SELECT 1 FORMAT Native SETTINGS max_threads = 1;",
                select(Some("Native")),
            ),
            ("SELECT format FROM t", select(None)),
            ("(SELECT 1) UNION ALL (SELECT 2 FORMAT x)", select(None)),
            ("WITH 1 AS x SELECT x;\n-- end", select(None)),
            ("SELECT ';', 'it''s', \"a\\\"b\", $x$ ; $x$", select(None)),
            (
                "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
                other(None, Deed::Writes),
            ),
            ("INSERT INTO t SELECT 1", other(None, Deed::Writes)),
            ("INSERT INTO t (SELECT 1)", other(None, Deed::Writes)),
            (
                "SHOW TABLES FORMAT JSONEachRow",
                other(Some("JSONEachRow"), Deed::Reads),
            ),
            (
                "CREATE TABLE t (a String) ENGINE = Memory",
                other(None, Deed::Writes),
            ),
            ("EXPLAIN SELECT 1", other(None, Deed::Reads)),
            ("SELECT insert('a', 1, 1, 'b')", other(None, Deed::Reads)),
            ("-- x\nset a = 1", other(None, Deed::Sets)),
            ("USE d", other(None, Deed::Uses)),
            ("CREATE TEMPORARY TABLE t (a Int8)", other(None, Deed::Temporary)),
            ("kill query where 1", other(None, Deed::Kills)),
            ("OPTIMIZE TABLE t", other(None, Deed::Writes)),
        ] {
            assert_eq!(shape(text.as_bytes(), true).unwrap(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_the_interface_refuses() {
        for (text, code) in [
            ("", 62),
            (" -- nothing", 62),
            ("SELECT 1; SELECT 2", 62),
            ("SELECT 'x", 62),
            ("SELECT 1 /* x", 62),
            ("INSERT INTO t", 62),
            ("INSERT INTO t FORMAT", 62),
            ("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 78),
            ("SELECT 1 INTO OUTFILE '/tmp/x'", 348),
        ] {
            assert_eq!(shape(text.as_bytes(), true).unwrap_err().code, code, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// What a beginning of a text is taken for, the whole text is taken for too.
        #[test]
        fn a_longer_text_changes_nothing(cut in 0_usize..60, data in "[ -~\\n]{0,30}") {
            let text = format!("INSERT INTO d.t (a, `b)`) /* FORMAT x */ FORMAT RowBinary \r\n{data}");
            let part = text.get(..cut.min(text.len())).unwrap();
            if let Some(early) = shape(part.as_bytes(), false).unwrap() {
                prop_assert_eq!(Some(early), shape(text.as_bytes(), true).unwrap());
            }
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..120), complete: bool) {
            let _ = shape(&bytes, complete);
        }
    }
}
