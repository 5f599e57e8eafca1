//! From parsed rules to rules ready to be judged.

mod bit_keywords;
mod byte_keywords;
mod condition_keywords;
mod content_keywords;
mod draft;
mod finish;
mod header;
mod information;
mod list_keywords;
mod requires;
mod state_keywords;
pub(crate) mod threshold_keywords;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::error::{ErrorKind, Problem, RuleError};
use crate::flow_state::name_key;
use crate::parse::ParsedRule;
use crate::resources::Resources;
use crate::rule::{Effect, Rule, Source, StateTest};
use crate::variables::{Resolver, Variables};
use crate::vocabulary::Vocabulary;

use draft::Draft;

/// Levels of rules that wait for each other's bits; longer chains keep this many.
const BIT_LEVELS_MAX: u32 = 8;

/// What rules can name.
#[derive(Debug, Clone)]
pub(crate) struct Dictionary {
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) resources: Resources,
}

/// The buffers (with transforms) that rules look into, each once.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    numbers: BTreeMap<Source, u32>,
    pub(crate) list: Vec<Source>,
}

impl Sources {
    pub(crate) fn number(&mut self, source: Source) -> u32 {
        if let Some(number) = self.numbers.get(&source) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.numbers.insert(source.clone(), number);
        self.list.push(source);
        number
    }
}

/// Compiled rules in the order they must be judged, and the buffers they look into.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    pub(crate) rules: Vec<Rule>,
    pub(crate) sources: Vec<Source>,
}

/// Compiles all rules; each is either among the rules or has an error.
pub(crate) fn compile(
    parsed: Vec<ParsedRule>,
    variables: &Variables,
    dictionary: &Dictionary,
) -> (Compiled, Vec<RuleError>) {
    let mut errors: Vec<RuleError> = variables
        .faults()
        .into_iter()
        .map(|(name, fault)| RuleError {
            file: "variables".to_owned(),
            line: 1,
            column: 1,
            message: format!("${name}: {}", fault.message),
            sid: None,
            kind: ErrorKind::Variable,
        })
        .collect();
    let mut resolver = Resolver::new(variables);
    let mut sources = Sources::default();
    let mut rules: Vec<Rule> = Vec::with_capacity(parsed.len());
    let mut by_number: HashMap<(u32, u32), usize> = HashMap::new();
    for rule in parsed {
        let compiled = match Draft::compile(&rule, &mut resolver, dictionary, &mut sources) {
            Ok(compiled) => compiled,
            Err(problem) => {
                errors.push(rule.error(problem));
                continue;
            }
        };
        let number = (compiled.info.gid, compiled.info.sid);
        let Some(kept) = by_number.get(&number).and_then(|index| rules.get_mut(*index)) else {
            by_number.insert(number, rules.len());
            rules.push(compiled);
            continue;
        };
        if compiled.info.rev > kept.info.rev {
            let older = std::mem::replace(kept, compiled);
            errors.push(duplicate(&older, &kept.info));
        } else {
            errors.push(rule.error(Problem::new(
                0,
                ErrorKind::Duplicate,
                format!(
                    "duplicate of sid {} rev {} in {}:{}",
                    kept.info.sid, kept.info.rev, kept.info.file, kept.info.line
                ),
            )));
        }
    }
    sort_for_judging(&mut rules);
    (
        Compiled {
            rules,
            sources: sources.list,
        },
        errors,
    )
}

fn duplicate(older: &Rule, newer: &crate::rule::RuleInfo) -> RuleError {
    RuleError {
        file: older.info.file.clone(),
        line: older.info.line,
        column: 1,
        message: format!(
            "duplicate of sid {} rev {} in {}:{}",
            newer.sid, newer.rev, newer.file, newer.line
        ),
        sid: Some(older.info.sid),
        kind: ErrorKind::Duplicate,
    }
}

/// `pass` first; then rules that set bits before rules that read them; then by priority and number.
fn sort_for_judging(rules: &mut [Rule]) {
    let mut level_of_bit: HashMap<u64, u32> = HashMap::new();
    for _ in 0..BIT_LEVELS_MAX {
        let mut changed = false;
        for rule in rules.iter() {
            let level = level(rule, &level_of_bit);
            for bit in bits_set(rule) {
                let known = level_of_bit.entry(bit).or_default();
                changed |= level + 1 > *known;
                *known = (*known).max(level + 1).min(BIT_LEVELS_MAX);
            }
        }
        if !changed {
            break;
        }
    }
    rules.sort_by_cached_key(|rule| {
        (
            rule.info.action,
            level(rule, &level_of_bit),
            rule.info.priority,
            rule.info.gid,
            rule.info.sid,
        )
    });
}

/// One more than the highest rule whose bits this one reads; 0 if it reads none.
fn level(rule: &Rule, level_of_bit: &HashMap<u64, u32>) -> u32 {
    let level = |bit: &u64| level_of_bit.get(bit).copied().unwrap_or(0);
    let of_test = |test: &StateTest| match test {
        StateTest::AnyBit(bits) | StateTest::AnyBitUnset(bits) => bits.iter().map(level).max().unwrap_or(0),
        StateTest::Counter { name, .. } => level(name),
        StateTest::HostBit { bit, .. } => level(&bit.name),
    };
    rule.state_tests.iter().map(of_test).max().unwrap_or(0)
}

fn bits_set(rule: &Rule) -> impl Iterator<Item = u64> {
    rule.effects.iter().map(|effect| match effect {
        Effect::SetBit(bit) | Effect::UnsetBit(bit) | Effect::ToggleBit(bit) => *bit,
        Effect::SetCounter { name, .. }
        | Effect::AddCounter { name, .. }
        | Effect::SubtractCounter { name, .. } => *name,
        Effect::SetHostBit { bit, .. } | Effect::UnsetHostBit(bit) | Effect::ToggleHostBit { bit, .. } => {
            bit.name
        }
    })
}

/// The key of a name of one kind, so that a bit and a counter of one name stay apart.
pub(crate) fn key(kind: &str, name: &str) -> u64 {
    name_key(&format!("{kind}\0{name}"))
}
