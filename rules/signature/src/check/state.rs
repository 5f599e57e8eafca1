//! Bits and counters that rules test and no rule of the set sets.

use std::collections::HashSet;

use crate::compile::key;
use crate::rule::{CounterTest, Effect, Rule, StateTest};
use crate::warning::WarningKind;

use super::Finding;

/// Rounds in which rules may turn out dead because those that set their bits are.
const ROUNDS_MAX: usize = 16;

/// For each rule what says that it waits for something that never comes. `dead`: the rules that can never
/// report for other reasons; what they would set is not set either.
pub(super) fn check(rules: &[Rule], mut dead: Vec<bool>) -> Vec<Option<Finding>> {
    let mut findings: Vec<Option<Finding>> = rules.iter().map(|_| None).collect();
    for _ in 0..ROUNDS_MAX {
        let set: HashSet<u64> = rules
            .iter()
            .zip(&dead)
            .filter(|(_, dead)| !**dead)
            .flat_map(|(rule, _)| rule.effects.iter().filter_map(sets))
            .collect();
        let mut changed = false;
        for ((rule, finding), dead) in rules.iter().zip(&mut findings).zip(&mut dead) {
            if finding.is_some() {
                continue;
            }
            *finding = rule.state_tests.iter().find_map(|test| unmet(test, rule, &set));
            if finding.is_some() && !*dead {
                *dead = true;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    findings
}

/// The name that the effect sets.
fn sets(effect: &Effect) -> Option<u64> {
    match effect {
        Effect::SetBit(name) | Effect::ToggleBit(name) => Some(*name),
        Effect::SetCounter { name, .. } | Effect::AddCounter { name, .. } => Some(*name),
        Effect::SetHostBit { bit, .. } | Effect::ToggleHostBit { bit, .. } => Some(bit.name),
        Effect::UnsetBit(_) | Effect::SubtractCounter { .. } | Effect::UnsetHostBit(_) => None,
    }
}

fn unmet(test: &StateTest, rule: &Rule, set: &HashSet<u64>) -> Option<Finding> {
    let (what, kind, names): (&str, &str, &[u64]) = match test {
        StateTest::AnyBit(bits) => ("flow bit", "bit", bits),
        StateTest::HostBit { bit, set: true } => ("host bit", "host bit", std::slice::from_ref(&bit.name)),
        StateTest::Counter {
            name,
            test: CounterTest::IsSet | CounterTest::Compare(_) | CounterTest::CompareWith(..),
        } => ("counter", "counter", std::slice::from_ref(name)),
        _ => return None,
    };
    if names.iter().any(|name| set.contains(name)) {
        return None;
    }
    let written = written_names(&rule.info.text, kind, names).join("|");
    let message = format!("the {what} {written:?} is set by no rule that can match");
    Some(Finding::new(WarningKind::NeverSet, message))
}

/// Names are kept as hashes: finds how the rule's text spells them.
fn written_names<'t>(text: &'t str, kind: &str, names: &[u64]) -> Vec<&'t str> {
    let words = text.split([',', ';', ':', '|']).map(str::trim);
    let mut found: Vec<&str> = words.filter(|word| names.contains(&key(kind, word))).collect();
    found.dedup();
    found
}
