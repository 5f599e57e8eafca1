//! Putting the sensor's own thresholds on the rules.

use crate::engine::Engine;
use crate::rule::Rule;
use crate::warning::{RuleWarning, WarningKind};

use super::config::{Line, Says, ThresholdConfig};

impl Engine {
    /// Puts the sensor's own thresholds on the rules they name, and says which lines name none.
    ///
    /// A threshold for one rule takes the place of the rule's own; one for all rules (`sig_id 0`) goes to
    /// those that have none. Suppressions and rate filters add to what a rule has. A `detection_filter`
    /// stays.
    pub fn apply_thresholds(&mut self, file: &str, config: &ThresholdConfig) -> Vec<RuleWarning> {
        let mut warnings = Vec::new();
        for line in &config.lines {
            let mut found = false;
            for rule in self.rules.iter_mut().filter(|rule| line.names(rule)) {
                line.put_on(rule);
                found = true;
            }
            if !found {
                warnings.push(RuleWarning {
                    file: file.to_owned(),
                    line: line.number,
                    sid: line.sid,
                    kind: WarningKind::UnknownRule,
                    message: format!("no rule has gid {} and sid {}", line.gid, line.sid),
                });
            }
        }
        warnings
    }
}

impl Line {
    fn names(&self, rule: &Rule) -> bool {
        let of_group = self.gid == 0 || self.gid == rule.info.gid;
        of_group && (self.sid == 0 || self.sid == rule.info.sid)
    }

    fn put_on(&self, rule: &mut Rule) {
        match &self.says {
            Says::Threshold(threshold) => {
                let has_own = rule.threshold.is_some() || rule.detection_filter.is_some();
                if self.sid != 0 || !has_own {
                    rule.threshold = Some(*threshold);
                }
            }
            Says::Suppress(suppression) => rule.suppressions.push(suppression.clone()),
            Says::RateFilter(filter) => rule.rate_filters.push(*filter),
        }
    }
}
