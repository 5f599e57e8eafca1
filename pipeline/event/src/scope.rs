//! Whose data may be seen.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Whose events and alerts may be seen: the codes of organisations, spelled out. An empty one is nobody's, and there is none that means
/// everybody's. Clones are cheap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    codes: Arc<BTreeSet<String>>,
}

impl Scope {
    /// That of the organisations with these codes.
    pub fn of<C: Into<String>>(codes: impl IntoIterator<Item = C>) -> Self {
        Self {
            codes: Arc::new(codes.into_iter().map(Into::into).collect()),
        }
    }

    /// Whether something of the organisation `code` may be seen.
    pub fn covers(&self, code: &str) -> bool {
        self.codes.contains(code)
    }

    /// The codes, in their order.
    pub fn codes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.codes.iter().map(String::as_str)
    }

    /// The codes, as the stores bind them in a statement.
    pub fn to_codes(&self) -> Vec<String> {
        self.codes.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_what_it_names_alone() {
        let both = Scope::of(["moh", "mot"]);
        assert!(both.covers("moh") && both.covers("mot"));
        for code in ["moha", "mo", "", "*"] {
            assert!(!both.covers(code), "{code}");
        }
        let nobody = Scope::default();
        assert!(!nobody.covers("") && !nobody.covers("moh"));
    }
}
