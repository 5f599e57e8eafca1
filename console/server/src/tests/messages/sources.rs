//! The sentences that sources have in strings: what may reach a reader.
//!
//! A string counts that begins as a message does and has a space. Comments, attributes (but `#[error]`), what is logged, and the tests at the end
//! of a file do not; nor does what is plainly a query or a header.

use std::fs;
use std::path::{Path, PathBuf};

/// A sentence, and the file that says it.
#[derive(Debug)]
pub(super) struct Sentence {
    /// Path from the repository's root.
    pub(super) file: String,
    pub(super) text: String,
}

/// A source without its tests.
pub(super) struct Source {
    pub(super) file: String,
    pub(super) code: String,
}

/// The repository's root.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The sources of a folder of the repository, tests left out, or one source.
pub(super) fn of(folder: &str) -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    files.sort();
    let read = |path: PathBuf| Source {
        file: path.strip_prefix(root()).unwrap().display().to_string(),
        code: without_tests(&fs::read_to_string(&path).unwrap()).to_owned(),
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    if folder.is_file() {
        files.push(folder.to_owned());
        return;
    }
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_test = name == "tests" || name.starts_with("testing") || name == "tests.rs";
        if is_test || name.ends_with("_tests.rs") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}

/// The text before a module of tests that stands in it.
fn without_tests(text: &str) -> &str {
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find("#[cfg(test)]")) {
        let at = from + found;
        let rest = &text[at..];
        let head = rest.split_inclusive(['{', ';']).next().unwrap_or_default();
        if head.contains("mod ") && head.ends_with('{') {
            return &text[..at];
        }
        from = at + 1;
    }
    text
}

/// The sentences of a source.
pub(super) fn sentences(source: &Source) -> Vec<Sentence> {
    let mut strings = Vec::new();
    Reader::new(&source.code).read(&mut strings);
    let sentence = |text: String| Sentence {
        file: source.file.clone(),
        text,
    };
    let all = strings.into_iter().filter(|text| is_sentence(text));
    all.map(sentence).collect()
}

fn is_sentence(text: &str) -> bool {
    const OF_MACHINES: [&str; 19] = [
        // Queries.
        " = ", "!=", "->", " < ", " >= ", "<>", "ILIKE", "SELECT", "IS NULL", "(x", "nullif(", "(ts)", "UTC",
        "has({", // Headers.
        "'self'", "=(", "charset=", "name=", "max-age=",
    ];
    let begins = text.starts_with(|first: char| first.is_ascii_lowercase() || "{`*".contains(first));
    (begins || text.starts_with("TLS "))
        && text.contains(' ')
        && !OF_MACHINES.iter().any(|mark| text.contains(mark))
}

/// Goes through Rust as far as it must to tell strings from the rest.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(rest: &'a str) -> Self {
        Self { rest }
    }

    fn read(mut self, strings: &mut Vec<String>) {
        while let Some(first) = self.rest.chars().next() {
            if self.rest.starts_with("//") {
                self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.is_left_out() {
                self.balanced(&mut Vec::new());
            } else if self.rest.starts_with("r#\"") || self.rest.starts_with("r\"") {
                self.raw(strings);
            } else if first == '"' {
                self.string(strings);
            } else if first == '\'' {
                self.quote();
            } else {
                self.skip(first.len_utf8());
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// Whether an attribute or something that is logged begins here.
    fn is_left_out(&self) -> bool {
        let is_attribute = self.rest.starts_with("#[") || self.rest.starts_with("#![");
        is_attribute && !self.rest.starts_with("#[error(")
            || self.rest.starts_with("tracing::") && {
                let call = self.rest.find(['(', ';', ',']).unwrap_or(0);
                self.rest[..call].ends_with('!')
            }
    }

    /// Goes behind the bracket that closes the next one.
    fn balanced(&mut self, strings: &mut Vec<String>) {
        let mut depth = 0;
        while let Some(first) = self.rest.chars().next() {
            match first {
                '"' => {
                    self.string(strings);
                    continue;
                }
                '\'' => {
                    self.quote();
                    continue;
                }
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            self.skip(first.len_utf8());
            if depth == 0 && ")]}".contains(first) {
                return;
            }
        }
    }

    fn raw(&mut self, strings: &mut Vec<String>) {
        let hashes = self.rest[1..].bytes().take_while(|byte| *byte == b'#').count();
        self.skip(2 + hashes);
        let end = format!("\"{}", "#".repeat(hashes));
        let at = self.rest.find(&end).unwrap_or(self.rest.len());
        strings.push(self.rest[..at].to_owned());
        self.skip((at + end.len()).min(self.rest.len()));
    }

    fn string(&mut self, strings: &mut Vec<String>) {
        self.skip(1);
        let mut text = String::new();
        while let Some(first) = self.rest.chars().next() {
            self.skip(first.len_utf8());
            match first {
                '"' => break,
                '\\' => self.escape(&mut text),
                other => text.push(other),
            }
        }
        strings.push(text);
    }

    fn escape(&mut self, text: &mut String) {
        let Some(what) = self.rest.chars().next() else {
            return;
        };
        self.skip(what.len_utf8());
        if what == '\n' {
            self.rest = self.rest.trim_start();
        } else {
            text.push(what);
        }
    }

    /// A character, or the name of a lifetime.
    fn quote(&mut self) {
        let mut after = self.rest.chars().skip(1);
        let bytes = match (after.next(), after.next()) {
            (Some('\\'), Some(what)) => {
                let from = 2 + what.len_utf8();
                from + self.rest[from..].find('\'').unwrap_or(0) + 1
            }
            (Some(one), Some('\'')) => 2 + one.len_utf8(),
            _ => 1,
        };
        self.skip(bytes);
    }
}

#[test]
fn strings_are_told_from_the_rest() {
    let code = r##"
        //! "no comment of ours"
        #[error("this one counts, {0}")]
        #[serde(rename = "this one does not")]
        fn a<'a>(text: &'a str) -> char { tracing::warn!(%error, "not {text} (logged)"); '"' }
        const B: &str = "a line \
                         that goes on, \"quoted\"";
        const C: &str = "name"; const D: &str = "Of something else"; const E: &str = "a.b = $1";
        #[cfg(test)]
        mod tests { const F: &str = "nor that of a test"; }
    "##;
    let source = Source {
        file: "x.rs".to_owned(),
        code: without_tests(code).to_owned(),
    };
    let texts: Vec<String> = sentences(&source).into_iter().map(|one| one.text).collect();
    assert_eq!(texts, ["this one counts, {0}", "a line that goes on, \"quoted\""]);
}
