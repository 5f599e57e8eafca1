//! What can be wrong with a rule, and where.

/// Why a rule was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The text is not a rule.
    Syntax,
    /// Addresses, ports, protocol or direction cannot be understood.
    Header,
    /// A keyword that this engine does not have.
    UnsupportedKeyword,
    /// A keyword's value cannot be understood.
    Value,
    /// Keywords that cannot stand together.
    Combination,
    /// Something is larger than a named limit.
    OverLimit,
    /// Another rule has the same `gid` and `sid`.
    Duplicate,
    /// An address or port variable is wrong.
    Variable,
    /// The rule says that it needs what this engine does not have; its author does not count that as an error.
    Requirement,
}

/// A rule that was refused, with the place of the trouble.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct RuleError {
    /// File name as given to [`crate::parse()`].
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong, in words.
    pub message: String,
    /// The rule's `sid`, where it could be read.
    pub sid: Option<u32>,
    /// The kind of trouble, for counting.
    pub kind: ErrorKind,
}

/// Trouble at a byte offset of the rule's joined text; becomes a [`RuleError`] when the file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) offset: usize,
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(offset: usize, kind: ErrorKind, message: impl Into<String>) -> Problem {
        Problem {
            offset,
            kind,
            message: message.into(),
        }
    }
}

/// Trouble in a value, before its place is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

impl Complaint {
    pub(crate) fn at(self, offset: usize) -> Problem {
        Problem {
            offset,
            kind: self.kind,
            message: self.message,
        }
    }
}

/// A complaint about a value.
pub(crate) fn value(message: impl Into<String>) -> Complaint {
    Complaint {
        kind: ErrorKind::Value,
        message: message.into(),
    }
}

/// A complaint about keywords that cannot stand together.
pub(crate) fn combination(message: impl Into<String>) -> Complaint {
    Complaint {
        kind: ErrorKind::Combination,
        message: message.into(),
    }
}

/// A complaint about a limit.
pub(crate) fn over_limit(message: impl Into<String>) -> Complaint {
    Complaint {
        kind: ErrorKind::OverLimit,
        message: message.into(),
    }
}

/// A complaint about something this engine does not have.
pub(crate) fn unsupported(message: impl Into<String>) -> Complaint {
    Complaint {
        kind: ErrorKind::UnsupportedKeyword,
        message: message.into(),
    }
}
