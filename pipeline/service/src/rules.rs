//! The rules of the role: loaded once, shared by all lanes.

use std::path::PathBuf;

use vonggac_correlate::{Correlator, Limits, Plan, direct_match};
use vonggac_event::{Event, Match};
use vonggac_sigma::RuleSet;

/// Errors that are logged one by one; `vonggac rules check` shows all.
const ERRORS_LOGGED: usize = 20;

/// Sigma rules, and the way their matches take.
pub(crate) struct Rules {
    set: RuleSet,
    plan: Plan,
}

/// Space for one event's matching, kept between events.
#[derive(Default)]
pub(crate) struct Scratch {
    matching: vonggac_sigma::Scratch,
    hits: Vec<vonggac_sigma::RuleIndex>,
}

impl Rules {
    /// Loads the rules in `paths`; those that do not load are logged and left out.
    pub(crate) fn load(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut documents = Vec::new();
        let mut errors = Vec::new();
        for file in vonggac_files::read(paths, vonggac_files::SIGMA)? {
            let (parsed, broken) = vonggac_sigma::parse(&file.name, &file.text);
            documents.extend(parsed);
            errors.extend(broken);
        }
        let (set, broken) = RuleSet::compile(documents);
        errors.extend(broken);
        for error in errors.iter().take(ERRORS_LOGGED) {
            tracing::warn!("Sigma rule left out: {error}");
        }
        if errors.len() > ERRORS_LOGGED {
            tracing::warn!(
                "{} more left out; `vonggac rules check` shows all",
                errors.len() - ERRORS_LOGGED
            );
        }
        tracing::info!(
            rules = set.rules().count(),
            correlations = set.correlations().len(),
            rejected = errors.len(),
            "Sigma rules"
        );
        let plan = Plan::new(&set);
        Ok(Self { set, plan })
    }

    /// What rules want of an event: its own finding, if it is one, and what Sigma rules say of it.
    pub(crate) fn matches(&self, event: &Event, scratch: &mut Scratch, out: &mut Vec<Match>) {
        out.extend(direct_match(event));
        scratch.hits.clear();
        self.set.matches(event, &mut scratch.matching, &mut scratch.hits);
        self.plan.route(event, &scratch.hits, out);
    }

    /// What happened to hits on their way to matches, by the names of metrics.
    pub(crate) fn counters(&self) -> [(&'static str, u64); 2] {
        self.plan.counters().list()
    }

    /// A correlator for one partition, in the state before the first match.
    pub(crate) fn correlator(&self) -> Correlator {
        Correlator::new(self.set.correlations(), Limits::default())
    }
}
