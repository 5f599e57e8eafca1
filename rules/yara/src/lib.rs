//! YARA scanning of carved files, bounded in time and size.
//!
//! [`Rules::compile`] takes rule files as text and gives back what compiled together with what was wrong and where; a broken
//! rule does not take its neighbours with it. [`Scanner::scan`] matches one file's bytes against them. The modules `elf`,
//! `hash`, `math`, `pe` and `string` are there; `include` is not, since this crate reads no files.
//!
//! Invariants: no scan outlasts its timeout by more than a second (the engine counts in seconds); no file over
//! [`Limits::bytes_max`] is scanned; a match carries at most [`METADATA_MAX`] metadata entries of [`METADATA_BYTES_MAX`] bytes
//! and [`RULE_TEXT_BYTES_MAX`] bytes of rule text.

mod source;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use vonggac_event::limits::{RULE_TEXT_BYTES_MAX, cut};

/// Largest rule file, in bytes.
pub const SOURCE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most metadata entries a match carries.
pub const METADATA_MAX: usize = 32;
/// Longest metadata value a match carries, in bytes.
pub const METADATA_BYTES_MAX: usize = 1024;
/// Most matches kept of one pattern in one file; further ones cannot change whether a rule matches.
const PATTERN_MATCHES_MAX: usize = 10_000;

/// What is wrong with a rule, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct RuleError {
    /// The rule file.
    pub file: String,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// Column in characters, from 1; 0 when the whole file is meant.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

/// Compiled rules.
pub struct Rules {
    compiled: yara_x::Rules,
    /// Rule as written, by namespace and identifier.
    texts: HashMap<(String, String), String>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Rules({})", self.len())
    }
}

impl Rules {
    /// Compiles rule files, given as (name, text). A rule's namespace is its file's name without folders and extension. A rule whose
    /// `title_vi` or `description_vi` is none is told of, and matches without it.
    pub fn compile(files: &[(String, String)]) -> (Self, Vec<RuleError>) {
        let mut compiler = yara_x::Compiler::new();
        compiler.enable_includes(false);
        compiler.switch_all_warnings(false);
        let mut errors = Vec::new();
        let mut texts = HashMap::new();
        let mut sources = HashMap::new();
        for (file, text) in files {
            if text.len() > SOURCE_BYTES_MAX {
                errors.push(RuleError {
                    file: file.clone(),
                    line: 0,
                    column: 0,
                    message: format!(
                        "file of {} bytes is over the limit of {SOURCE_BYTES_MAX}",
                        text.len()
                    ),
                });
                continue;
            }
            let namespace = source::namespace(file);
            compiler.new_namespace(namespace);
            // The first error comes back and all of them stay in `errors()`, which is read below.
            let _ = compiler.add_source(yara_x::SourceCode::from(text.as_str()).with_origin(file.as_str()));
            for (identifier, rule) in source::rules(text) {
                let rule = cut(rule.to_owned(), RULE_TEXT_BYTES_MAX);
                texts.insert((namespace.to_owned(), identifier.to_owned()), rule);
            }
            for (offset, message) in source::unfit(text) {
                let (line, column) = source::line_and_column(text, offset);
                errors.push(RuleError {
                    file: file.clone(),
                    line,
                    column,
                    message,
                });
            }
            sources.insert(file.as_str(), text.as_str());
        }
        errors.extend(compiler.errors().iter().map(|error| place(error, &sources)));
        let compiled = compiler.build();
        (Self { compiled, texts }, errors)
    }

    /// How many rules compiled.
    pub fn len(&self) -> usize {
        self.compiled.iter().len()
    }

    /// Namespace and identifier of each.
    pub fn names(&self) -> Vec<String> {
        self.compiled
            .iter()
            .map(|rule| format!("{}:{}", rule.namespace(), rule.identifier()))
            .collect()
    }

    /// Whether none did.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn place(error: &yara_x::errors::CompileError, sources: &HashMap<&str, &str>) -> RuleError {
    let mut message = format!("{}: {}", error.code(), error.title());
    let mut place = (String::new(), 0, 0);
    if let Some(label) = error.labels().next() {
        if !label.text().is_empty() && label.text() != error.title() {
            message = format!("{message}: {}", label.text());
        }
        let file = label.origin().unwrap_or_default().to_owned();
        let text = sources.get(file.as_str()).copied().unwrap_or_default();
        let (line, column) = source::line_and_column(text, label.span().start());
        place = (file, line, column);
    }
    let (file, line, column) = place;
    RuleError {
        file,
        line,
        column,
        message,
    }
}

/// Bounds of one scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest time for one file, rounded up to whole seconds.
    pub timeout: Duration,
    /// Largest file, in bytes.
    pub bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            bytes_max: 64 * 1024 * 1024,
        }
    }
}

/// Why a file was not scanned to its end.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ScanError {
    /// The rules took too long on it.
    #[error("the scan took longer than {} s", .limit.as_secs())]
    Timeout {
        /// The limit in force.
        limit: Duration,
    },
    /// The file is over the limit.
    #[error("file of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// The file's size.
        bytes: usize,
        /// The limit in force.
        limit: usize,
    },
    /// The engine failed otherwise.
    #[error("scan failed: {0}")]
    Engine(String),
}

/// A rule that matched a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YaraMatch {
    /// The rule's identifier.
    pub rule: String,
    /// Its file's name without folders and extension.
    pub namespace: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its metadata, values as text.
    pub metadata: Vec<(String, String)>,
    /// The rule as written, cut to [`RULE_TEXT_BYTES_MAX`].
    pub text: String,
}

/// Matches files against rules.
#[derive(Debug)]
pub struct Scanner {
    rules: Arc<Rules>,
    limits: Limits,
}

impl Scanner {
    /// A scanner of `rules`.
    pub fn new(rules: Arc<Rules>, limits: Limits) -> Self {
        Self { rules, limits }
    }

    /// The public rules that match `data`.
    ///
    /// # Errors
    /// When `data` is over the size limit, when time is up, or when the engine fails; then nothing is known about `data`.
    pub fn scan(&mut self, data: &[u8]) -> Result<Vec<YaraMatch>, ScanError> {
        if data.len() > self.limits.bytes_max {
            return Err(ScanError::TooLarge {
                bytes: data.len(),
                limit: self.limits.bytes_max,
            });
        }
        // The engine's scanner borrows its rules, so one that lives beside them cannot outlive a call.
        let mut scanner = yara_x::Scanner::new(&self.rules.compiled);
        scanner.set_timeout(self.limits.timeout);
        scanner.max_matches_per_pattern(PATTERN_MATCHES_MAX);
        let results = scanner.scan(data).map_err(|error| match error {
            yara_x::errors::ScanError::Timeout => ScanError::Timeout {
                limit: self.limits.timeout,
            },
            other => ScanError::Engine(other.to_string()),
        })?;
        Ok(results
            .matching_rules()
            .map(|rule| self.describe(&rule))
            .collect())
    }

    fn describe(&self, rule: &yara_x::Rule<'_, '_>) -> YaraMatch {
        let key = (rule.namespace().to_owned(), rule.identifier().to_owned());
        YaraMatch {
            tags: rule.tags().map(|tag| tag.identifier().to_owned()).collect(),
            metadata: rule
                .metadata()
                .filter(|(name, value)| is_said(name, value))
                .take(METADATA_MAX)
                .map(|(name, value)| (name.to_owned(), metadata_text(&value)))
                .collect(),
            text: self.rules.texts.get(&key).cloned().unwrap_or_default(),
            namespace: key.0,
            rule: key.1,
        }
    }
}

/// Whether it may be told: of what is meant to be Vietnamese, texts alone.
fn is_said(name: &str, value: &yara_x::MetaValue<'_>) -> bool {
    let is_text = matches!(value, yara_x::MetaValue::String(_) | yara_x::MetaValue::Bytes(_));
    is_text || !source::VIETNAMESE.iter().any(|(text, _)| *text == name)
}

fn metadata_text(value: &yara_x::MetaValue<'_>) -> String {
    let text = match value {
        yara_x::MetaValue::Integer(number) => number.to_string(),
        yara_x::MetaValue::Float(number) => number.to_string(),
        yara_x::MetaValue::Bool(yes) => yes.to_string(),
        yara_x::MetaValue::String(text) => (*text).to_owned(),
        yara_x::MetaValue::Bytes(bytes) => bytes.to_string(),
    };
    cut(text, METADATA_BYTES_MAX)
}

#[cfg(test)]
mod tests;
