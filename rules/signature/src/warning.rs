//! What is odd about a rule that was loaded all the same.

/// What kind of oddity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarningKind {
    /// A threshold names a rule that is not there.
    UnknownRule,
    /// Sizes contradict each other, or a pattern does not fit in.
    ImpossibleSize,
    /// Buffers of one direction in a rule for the other.
    ConflictingDirection,
    /// Capital letters sought where there are none.
    Capitals,
    /// A flow bit, host bit or counter that no rule sets.
    NeverSet,
    /// A protocol that this sensor does not read.
    UnreadProtocol,
    /// A buffer that this sensor does not fill.
    UnreadBuffer,
}

/// Something about a loaded rule, or about a line that speaks of rules, that its author surely did not mean.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: sid {sid}: {message}")]
pub struct RuleWarning {
    /// The file it is about.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// The rule's `sid`.
    pub sid: u32,
    /// The kind of oddity.
    pub kind: WarningKind,
    /// What is odd, in words.
    pub message: String,
}
