//! Which matches a Sigma rule's hit becomes.

use std::sync::atomic::{AtomicU64, Ordering};

use vonggac_event::limits::cut;
use vonggac_event::proto::Field;
use vonggac_event::{Column, Event, Match, RuleCard, RuleKind, Value};
use vonggac_sigma::{CorrelationKind, RuleIndex, RuleSet};

use crate::FIELD_BYTES_MAX;
use crate::direct::{host_group, match_of};

/// The ways of every Sigma rule's hits, made from a rule set.
#[derive(Debug)]
pub struct Plan {
    /// By [`RuleIndex`].
    rules: Vec<RulePlan>,
    // All lanes of a role share one plan.
    without_group: AtomicU64,
    without_value: AtomicU64,
}

/// Hits that fed a correlation nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanCounters {
    /// Their event has no value in a field that the correlation groups by.
    pub without_group: u64,
    /// Their event has no value in a field that the correlation counts.
    pub without_value: u64,
}

impl PlanCounters {
    /// The counters by name, for metrics. Each only grows.
    pub fn list(&self) -> [(&'static str, u64); 2] {
        [
            ("correlate_hits_without_group_total", self.without_group),
            ("correlate_hits_without_value_total", self.without_value),
        ]
    }
}

#[derive(Debug)]
struct RulePlan {
    card: RuleCard,
    /// Whether a hit is an alert of its own.
    is_direct: bool,
    feeds: Vec<FeedPlan>,
}

#[derive(Debug)]
struct FeedPlan {
    target: String,
    group: Vec<(String, &'static Column)>,
    values: Vec<(String, &'static Column)>,
}

impl Plan {
    /// The plan of these rules. A rule that feeds correlations alerts by itself only if one of them says `generate`.
    pub fn new(rules: &RuleSet) -> Self {
        let mut plans: Vec<RulePlan> = rules
            .rules()
            .map(|(_, rule)| RulePlan {
                card: rule.card(RuleKind::Sigma),
                is_direct: true,
                feeds: Vec::new(),
            })
            .collect();
        let mut generated = vec![false; plans.len()];
        for correlation in rules.correlations() {
            for feed in &correlation.feeds {
                let index = feed.rule.0 as usize;
                let (Some(plan), Some(generated)) = (plans.get_mut(index), generated.get_mut(index)) else {
                    continue;
                };
                *generated |= correlation.generate;
                plan.is_direct = *generated;
                let named = |names: &[String], columns: &[&'static Column]| {
                    names.iter().cloned().zip(columns.iter().copied()).collect()
                };
                let counts_values = !matches!(
                    correlation.kind,
                    CorrelationKind::EventCount
                        | CorrelationKind::Temporal
                        | CorrelationKind::TemporalOrdered
                );
                plan.feeds.push(FeedPlan {
                    target: correlation.rule.id.clone(),
                    group: named(&correlation.group_by, &feed.group),
                    values: if counts_values {
                        named(&correlation.fields, &feed.values)
                    } else {
                        Vec::new()
                    },
                });
            }
        }
        Self {
            rules: plans,
            without_group: AtomicU64::new(0),
            without_value: AtomicU64::new(0),
        }
    }

    /// What fed nothing so far.
    pub fn counters(&self) -> PlanCounters {
        PlanCounters {
            without_group: self.without_group.load(Ordering::Relaxed),
            without_value: self.without_value.load(Ordering::Relaxed),
        }
    }

    /// Appends the matches of `event`, which the rules at `hits` matched. A correlation gets none from an event without a field that
    /// it groups by or counts: events that lack a field have not that in common.
    pub fn route(&self, event: &Event, hits: &[RuleIndex], out: &mut Vec<Match>) {
        for hit in hits {
            let Some(plan) = self.rules.get(hit.0 as usize) else {
                continue;
            };
            if plan.is_direct {
                out.push(match_of(
                    event,
                    &plan.card.id,
                    host_group(event),
                    plan.card.clone(),
                ));
            }
            for feed in &plan.feeds {
                let Some(group) = read_all(event, &feed.group) else {
                    self.without_group.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                let Some(values) = read_all(event, &feed.values) else {
                    self.without_value.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                let card = RuleCard {
                    // The alert shows the correlation's text and descriptions, not this one's.
                    text: String::new(),
                    description: String::new(),
                    description_vi: String::new(),
                    ..plan.card.clone()
                };
                out.push(Match {
                    values,
                    ..match_of(event, &feed.target, group, card)
                });
            }
        }
    }
}

fn read_all(event: &Event, columns: &[(String, &'static Column)]) -> Option<Vec<Field>> {
    columns
        .iter()
        .map(|(name, column)| {
            Some(Field {
                name: name.clone(),
                value: text_of(event, column)?,
            })
        })
        .collect()
}

fn text_of(event: &Event, column: &Column) -> Option<String> {
    let value = match (column.read)(event) {
        Value::Address(address) => Value::Address(address.to_canonical()),
        other => other,
    };
    value
        .to_text()
        .map(|text| cut(text.into_owned(), FIELD_BYTES_MAX))
}
