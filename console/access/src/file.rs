//! Organisations as an administrator writes them: TOML, a table for each.
//!
//! ```toml
//! [[organisation]]
//! code = "tuyen-quang"
//! kind = "province"
//! vi = "Tỉnh Tuyên Quang"
//! en = "Tuyen Quang Province"
//! parent = "vn"
//! from = 2025-07-01
//! predecessors = ["ha-giang", "tuyen-quang-den-2025"]
//! citation = "Resolution 202/2025/QH15, Article 1"
//! ```
//!
//! `parent`, `from`, `until` (the first day on which it is no more) and `predecessors` may be missing. [`write`](fn@write) and [`read`] are each other's
//! inverse: what was written is read as it was and written again the same to the byte, so that two exports can be compared line by line.

use std::fmt::Write as _;

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use crate::day::{Day, Span};
use crate::organisation::{Organisation, OrganisationId};
use crate::tree::{ORGANISATIONS_MAX, Placed, Tree};

/// Longest file, in bytes.
pub const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;

const HEADER: &str = "\
# Organisations for `vonggac organisation import`; docs/organisations.md has the format.
# `until` is the first day on which an organisation is no more; without `from` it was there before any day that counts.
";

/// What cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is larger than [`FILE_BYTES_MAX`].
    #[error("the file has more than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// It is no TOML, or has what does not belong there.
    #[error("line {line}: {problem}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A field's value does not do.
    #[error("line {line}: `{field}` {problem}")]
    Field {
        /// Line, from 1.
        line: usize,
        /// The field.
        field: &'static str,
        /// What is wrong, in words that follow the field's name.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    organisation: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    code: Spanned<String>,
    kind: Spanned<String>,
    vi: String,
    en: String,
    parent: Option<Spanned<String>>,
    from: Option<Spanned<Datetime>>,
    until: Option<Spanned<Datetime>>,
    #[serde(default)]
    predecessors: Vec<Spanned<String>>,
    citation: String,
}

/// Reads a file; that the organisations fit together is for [`Tree::build`] to say.
///
/// # Errors
/// The first thing that cannot be read, with its line.
pub fn read(text: &str) -> Result<Vec<Placed>, FileError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    let lines = Lines::of(text);
    let file: File = toml::from_str(text).map_err(|error| FileError::Syntax {
        line: lines.at(error.span().map_or(0, |span| span.start)),
        problem: error.message().trim().replace('\n', ", "),
    })?;
    if let Some(beyond) = file.organisation.get(ORGANISATIONS_MAX) {
        return Err(FileError::Syntax {
            line: lines.at(beyond.span().start),
            problem: format!("more than {ORGANISATIONS_MAX} organisations"),
        });
    }
    file.organisation
        .into_iter()
        .map(|entry| {
            let line = lines.at(entry.span().start);
            let organisation = organisation(entry.into_inner(), &lines)?;
            Ok(Placed {
                organisation,
                line: Some(line),
            })
        })
        .collect()
}

fn organisation(entry: Entry, lines: &Lines) -> Result<Organisation, FileError> {
    let mut predecessors = entry
        .predecessors
        .iter()
        .map(|code| lines.parse("predecessors", code))
        .collect::<Result<Vec<OrganisationId>, _>>()?;
    // In which order a person lists them means nothing.
    predecessors.sort();
    Ok(Organisation {
        id: lines.parse("code", &entry.code)?,
        kind: lines.parse("kind", &entry.kind)?,
        name_vi: entry.vi,
        name_en: entry.en,
        parent: entry
            .parent
            .as_ref()
            .map(|code| lines.parse("parent", code))
            .transpose()?,
        span: Span {
            from: lines.day("from", entry.from.as_ref())?,
            until: lines.day("until", entry.until.as_ref())?,
        },
        predecessors,
        citation: entry.citation,
    })
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let begins = text.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(begins).collect())
    }

    /// The line, from 1, of the byte at `offset`.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|&begin| begin <= offset)
    }

    fn error(&self, field: &'static str, offset: usize, problem: impl ToString) -> FileError {
        FileError::Field {
            line: self.at(offset),
            field,
            problem: problem.to_string(),
        }
    }

    fn parse<T: std::str::FromStr<Err: ToString>>(
        &self,
        field: &'static str,
        text: &Spanned<String>,
    ) -> Result<T, FileError> {
        let parsed = text.as_ref().parse();
        parsed.map_err(|error: T::Err| self.error(field, text.span().start, error))
    }

    fn day(&self, field: &'static str, value: Option<&Spanned<Datetime>>) -> Result<Option<Day>, FileError> {
        let Some(value) = value else {
            return Ok(None);
        };
        let parsed = value.as_ref().to_string().parse();
        parsed
            .map(Some)
            .map_err(|error: crate::day::NotADay| self.error(field, value.span().start, error))
    }
}

/// Writes all organisations of a tree, by kind, then by code.
pub fn write(tree: &Tree) -> String {
    let mut text = HEADER.to_owned();
    for organisation in tree.iter() {
        write_one(&mut text, organisation);
    }
    text
}

fn write_one(text: &mut String, organisation: &Organisation) {
    let mut line = |key: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key} = {value}");
    };
    let entry = [
        ("\n[[organisation]]\ncode", organisation.id.as_str()),
        ("kind", organisation.kind.name()),
        ("vi", &organisation.name_vi),
        ("en", &organisation.name_en),
    ];
    for (key, value) in entry {
        line(key, &quoted(value));
    }
    if let Some(parent) = &organisation.parent {
        line("parent", &quoted(parent.as_str()));
    }
    if let Some(from) = organisation.span.from {
        line("from", &from.to_string());
    }
    if let Some(until) = organisation.span.until {
        line("until", &until.to_string());
    }
    if !organisation.predecessors.is_empty() {
        let codes = organisation.predecessors.iter().map(|code| quoted(code.as_str()));
        line(
            "predecessors",
            &format!("[{}]", codes.collect::<Vec<_>>().join(", ")),
        );
    }
    line("citation", &quoted(&organisation.citation));
}

/// A basic string of TOML. Control characters are in no organisation of a tree.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str =
        "[[organisation]]\ncode = \"vn\"\nkind = \"nation\"\nvi = \"Việt Nam\"\nen = \"Viet Nam\"\n";

    #[test]
    fn what_is_written_is_read_and_written_the_same() {
        let text = format!(
            "{ROOT}citation = 'says \"so\" \\ here'\nfrom = 1945-09-02\n\
             [[organisation]]\ncode = \"aa\"\nkind = \"unit\"\nvi = \"A\"\nen = \"A\"\nparent = \"vn\"\n\
             from = 1950-01-01\nuntil = 2000-01-01\ncitation = \"c\"\n\
             [[organisation]]\ncode = \"bb\"\nkind = \"unit\"\nvi = \"A\"\nen = \"A\"\nparent = \"vn\"\n\
             from = 2000-01-01\ncitation = \"c\"\npredecessors = ['aa']\n"
        );
        let tree = Tree::build(read(&text).unwrap()).unwrap();
        let written = write(&tree);
        let again = Tree::build(read(&written).unwrap()).unwrap();
        assert!(tree.iter().eq(again.iter()));
        assert_eq!(write(&again), written);
        assert!(
            written.contains("citation = \"says \\\"so\\\" \\\\ here\"\n"),
            "{written}"
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let check = |rest: &str, expect: &str| {
            let error = read(&format!("{ROOT}{rest}")).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{rest:?}: {error}");
        };
        check("citation = \"c\"\nfrom = 2025-02-30\n", "line 7: ");
        check(
            "citation = \"c\"\nfrom = 10:00:00\n",
            "line 7: `from` is not a day",
        );
        check(
            "citation = \"c\"\nuntil = 2025-01-01T00:00:00Z\n",
            "line 7: `until` is not a day",
        );
        check(
            "citation = \"c\"\nparent = \"*\"\n",
            "line 7: `parent` is not a code",
        );
        check(
            "citation = \"c\"\npredecessors = [\n  \"aa\",\n  \"Bb\",\n]\n",
            "line 9: `predecessors` is not a code",
        );
        check(
            "citation = \"c\"\nsince = 2025-01-01\n",
            "line 7: unknown field `since`",
        );
        check("", "line 1: missing field `citation`");
        check("citation = \"c\n", "line 6: ");
        assert_eq!(read(&" ".repeat(FILE_BYTES_MAX + 1)), Err(FileError::TooLarge));
        assert_eq!(read(""), Ok(vec![]));
    }
}
