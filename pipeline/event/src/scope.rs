//! Whose data may be seen, and of which stage: real work or one exercise.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Real work, or one exercise. Nothing of one is seen together with anything of another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Real work.
    #[default]
    Live,
    /// The exercise of this number.
    Exercise(NonZeroU32),
}

impl Stage {
    /// That of what has this `exercise_id`; 0 is real.
    pub fn of(exercise_id: u32) -> Self {
        NonZeroU32::new(exercise_id).map_or(Self::Live, Self::Exercise)
    }

    /// What events and alerts of it have as `exercise_id`.
    pub fn exercise_id(self) -> u32 {
        match self {
            Self::Live => 0,
            Self::Exercise(number) => number.get(),
        }
    }
}

/// Whose events and alerts may be seen: the codes of organisations, spelled out, and of real work unless it says which exercise. An empty
/// one is nobody's, and there is none that means everybody's. Clones are cheap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    codes: Arc<BTreeSet<String>>,
    stage: Stage,
}

impl Scope {
    /// That of the real work of the organisations with these codes.
    pub fn of<C: Into<String>>(codes: impl IntoIterator<Item = C>) -> Self {
        Self {
            codes: Arc::new(codes.into_iter().map(Into::into).collect()),
            stage: Stage::Live,
        }
    }

    /// The same organisations on another stage.
    #[must_use]
    pub fn on(self, stage: Stage) -> Self {
        Self { stage, ..self }
    }

    /// What of it `keeps` wants, on the same stage.
    #[must_use]
    pub fn narrowed(&self, keeps: impl Fn(&str) -> bool) -> Self {
        Self::of(self.codes().filter(|code| keeps(code))).on(self.stage)
    }

    /// Which stage is seen.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether something of the organisation `code` may be seen.
    pub fn covers(&self, code: &str) -> bool {
        self.codes.contains(code)
    }

    /// Whether something of the organisation `code` on `stage` may be seen.
    pub fn shows(&self, code: &str, stage: Stage) -> bool {
        self.stage == stage && self.covers(code)
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

    #[test]
    fn a_scope_is_of_real_work_until_it_says_which_exercise() {
        let real = Scope::of(["moh"]);
        assert_eq!((real.stage(), real.stage().exercise_id()), (Stage::Live, 0));
        let drill = real.clone().on(Stage::of(7));
        assert_eq!((drill.stage().exercise_id(), drill.covers("moh")), (7, true));
        assert_ne!(drill, real);
        assert_eq!(drill.narrowed(|code| code == "moh"), drill);
        assert_eq!(drill.narrowed(|_| false), Scope::default().on(Stage::of(7)));
        assert!(drill.shows("moh", Stage::of(7)) && real.shows("moh", Stage::Live));
        for (scope, code, stage) in [
            (&drill, "moh", Stage::Live),
            (&drill, "moh", Stage::of(8)),
            (&drill, "mot", Stage::of(7)),
            (&real, "moh", Stage::of(7)),
        ] {
            assert!(!scope.shows(code, stage), "{code} {stage:?}");
        }
        assert_eq!(drill.on(Stage::of(0)), real);
    }
}
