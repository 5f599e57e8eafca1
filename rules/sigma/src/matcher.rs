//! The matcher of one class of events.
//!
//! Predicates are shared by all rules of the class. *Eager* ones (text patterns that contain some literal, and equality with a
//! whole number) are decided for all rules at once, by one Aho-Corasick pass over each text column and one look-up for each
//! number. From each rule's expression a *witness* is taken: a set of eager predicates one of which holds whenever the rule
//! does. Rules whose witness is silent are not looked at; the other predicates are evaluated on demand, once per event.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use vonggac_event::{Class, Column, Event, Value};

use crate::bits::Bits;
use crate::expression::Expression;
use crate::fold::fold_into;
use crate::lower::{Number, Test};
use crate::pattern::{Pattern, Shape};
use crate::predicate::{Buffers, Check, bind, is_text};
use crate::ruleset::RuleIndex;

/// Most columns of one class that rules may use.
pub(crate) const SLOTS_MAX: usize = 64;
/// Literals up to this many bytes in all get the faster automaton.
const DFA_NEEDLE_BYTES_MAX: usize = 64 * 1024;

/// Collects the predicates and rules of a class.
pub(crate) struct Builder {
    pub(crate) class: Class,
    columns: Vec<&'static Column>,
    predicates: Vec<Predicate>,
    known: HashMap<(usize, Test), usize>,
    rules: Vec<(RuleIndex, Expression)>,
}

#[derive(Debug)]
struct Predicate {
    slot: usize,
    check: Check,
}

impl Builder {
    pub(crate) fn new(class: Class) -> Self {
        Self {
            class,
            columns: Vec::new(),
            predicates: Vec::new(),
            known: HashMap::new(),
            rules: Vec::new(),
        }
    }

    /// The expression that `test` holds on `column`.
    pub(crate) fn test(&mut self, column: &'static Column, test: &Test) -> Result<Expression, String> {
        let slot = self.slot(column)?;
        let key = (slot, test.clone());
        if let Some(index) = self.known.get(&key) {
            return Ok(Expression::Predicate(*index));
        }
        let check = match test {
            Test::FieldRef(reference) => {
                let other = self.class.column(&reference.field).ok_or_else(|| {
                    format!(
                        "fieldref: class {} has no field {}",
                        self.class.name(),
                        reference.field
                    )
                })?;
                Check::FieldRef(self.slot(other)?, reference.relation, reference.cased)
            }
            Test::Placeholder(name) => return Err(format!("expand: there is no value for %{name}%")),
            test => bind(test, column.kind)?,
        };
        if let Check::Constant(yes) = check {
            return Ok(Expression::Constant(yes));
        }
        self.predicates.push(Predicate { slot, check });
        self.known.insert(key, self.predicates.len() - 1);
        Ok(Expression::Predicate(self.predicates.len() - 1))
    }

    fn slot(&mut self, column: &'static Column) -> Result<usize, String> {
        if let Some(slot) = self.columns.iter().position(|known| known.name == column.name) {
            return Ok(slot);
        }
        if self.columns.len() >= SLOTS_MAX {
            return Err(format!("rules use over {SLOTS_MAX} columns of one class"));
        }
        self.columns.push(column);
        Ok(self.columns.len() - 1)
    }

    pub(crate) fn add(&mut self, rule: RuleIndex, expression: Expression) {
        self.rules.push((rule, expression));
    }

    pub(crate) fn build(self) -> Matcher {
        let mut eager = vec![false; self.predicates.len()];
        let slots: Vec<Slot> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| Slot::build(index, column, &self.predicates, &mut eager))
            .collect();
        let mut rules_of = vec![Vec::new(); self.predicates.len()];
        let mut always = Bits::new(self.rules.len());
        for (index, (_, expression)) in self.rules.iter().enumerate() {
            let frequency = |predicate| {
                let is_eager = eager.get(predicate) == Some(&true);
                let predicate: &Predicate = self.predicates.get(predicate).filter(|_| is_eager)?;
                Some(predicate.check.frequency())
            };
            match expression.witness(&frequency) {
                Some(witness) => {
                    for predicate in witness.predicates {
                        if let Some(rules) = rules_of.get_mut(predicate) {
                            rules.push(index);
                        }
                    }
                }
                None => always.set(index),
            }
        }
        let mut known = Bits::new(eager.len());
        for (index, _) in eager.iter().enumerate().filter(|(_, eager)| **eager) {
            known.set(index);
        }
        Matcher {
            slots,
            predicates: self.predicates,
            rules: self.rules,
            rules_of,
            always,
            known,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Matcher {
    slots: Vec<Slot>,
    predicates: Vec<Predicate>,
    rules: Vec<(RuleIndex, Expression)>,
    /// Rules that have the predicate in their witness.
    rules_of: Vec<Vec<usize>>,
    /// Rules that have no witness.
    always: Bits,
    /// Eager predicates.
    known: Bits,
}

/// A column that rules use.
#[derive(Debug)]
struct Slot {
    column: &'static Column,
    needles: Option<Needles>,
    numbers: HashMap<u64, Vec<usize>>,
}

#[derive(Debug)]
struct Needles {
    automaton: AhoCorasick,
    /// By needle: the predicates it tells of.
    predicates: Vec<Vec<(usize, Confirm)>>,
}

/// What has to be true of a needle's place for its predicate to hold.
#[derive(Debug, Clone, Copy)]
enum Confirm {
    Anywhere,
    AtStart,
    AtEnd,
    Whole,
    /// The pattern itself has to be asked.
    Pattern,
}

impl Slot {
    fn build(index: usize, column: &'static Column, predicates: &[Predicate], eager: &mut [bool]) -> Self {
        let mut numbers: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut needles: Vec<Vec<u8>> = Vec::new();
        let mut by_needle: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut tells: Vec<Vec<(usize, Confirm)>> = Vec::new();
        for (predicate, Predicate { check, .. }) in
            predicates.iter().enumerate().filter(|(_, p)| p.slot == index)
        {
            match check {
                Check::Number(Number::Integer(number)) if column.kind != vonggac_event::Kind::Time => {
                    // A number that does not fit equals none, which eager predicates that never fire are.
                    if let Ok(number) = u64::try_from(*number) {
                        numbers.entry(number).or_default().push(predicate);
                    }
                    if let Some(eager) = eager.get_mut(predicate) {
                        *eager = true;
                    }
                }
                Check::Pattern(pattern) if is_text(column.kind) => {
                    let Some((needle, confirm)) = needle_of(pattern) else {
                        continue;
                    };
                    let next = needles.len();
                    let slot = *by_needle.entry(needle.clone()).or_insert(next);
                    if slot == next {
                        needles.push(needle);
                        tells.push(Vec::new());
                    }
                    if let Some(tells) = tells.get_mut(slot) {
                        tells.push((predicate, confirm));
                    }
                }
                _ => {}
            }
        }
        let needles = Needles::build(&needles, tells);
        for (predicate, _) in needles
            .iter()
            .flat_map(|needles| needles.predicates.iter().flatten())
        {
            if let Some(eager) = eager.get_mut(*predicate) {
                *eager = true;
            }
        }
        Self {
            column,
            needles,
            numbers,
        }
    }
}

fn needle_of(pattern: &Pattern) -> Option<(Vec<u8>, Confirm)> {
    let needle = pattern.needle()?;
    if pattern.cased {
        // The automaton reads folded text.
        let text = std::str::from_utf8(needle).ok()?;
        return Some((crate::fold::fold(text).into_bytes(), Confirm::Pattern));
    }
    let confirm = match pattern.shape() {
        Shape::Exact => Confirm::Whole,
        Shape::Prefix => Confirm::AtStart,
        Shape::Suffix => Confirm::AtEnd,
        Shape::Contains => Confirm::Anywhere,
        Shape::Glob => Confirm::Pattern,
    };
    Some((needle.to_vec(), confirm))
}

impl Needles {
    /// `None` without needles, or when they are too many for the automaton; their predicates are then evaluated on demand.
    fn build(needles: &[Vec<u8>], predicates: Vec<Vec<(usize, Confirm)>>) -> Option<Self> {
        if needles.is_empty() {
            return None;
        }
        let bytes: usize = needles.iter().map(Vec::len).sum();
        let kind = (bytes <= DFA_NEEDLE_BYTES_MAX).then_some(AhoCorasickKind::DFA);
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(kind)
            .build(needles)
            .ok()?;
        Some(Self {
            automaton,
            predicates,
        })
    }
}

/// What a matcher writes into while it works on an event; kept between events so that nothing is allocated.
#[derive(Debug, Default)]
pub struct Scratch {
    truth: Bits,
    known: Bits,
    candidates: Bits,
    /// By predicate: the last text its pattern was asked about.
    asked: Vec<u64>,
    text_number: u64,
    folded: String,
    buffers: Buffers,
}

impl Matcher {
    /// Appends the rules that match, in the order of their indices.
    pub(crate) fn matches(&self, event: &Event, scratch: &mut Scratch, out: &mut Vec<RuleIndex>) {
        if self.rules.is_empty() {
            return;
        }
        scratch.truth.clear(self.predicates.len());
        scratch.known.copy(&self.known);
        scratch.candidates.copy(&self.always);
        scratch.asked.clear();
        scratch.asked.resize(self.predicates.len(), 0);
        scratch.text_number = 0;
        let mut values: [Value<'_>; SLOTS_MAX] = [const { Value::Null }; SLOTS_MAX];
        for (slot, value) in self.slots.iter().zip(values.iter_mut()) {
            *value = (slot.column.read)(event);
            self.decide(slot, value, scratch);
        }
        for word in 0..scratch.candidates.words() {
            let mut bits = scratch.candidates.word(word);
            while bits != 0 {
                let index = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if let Some((rule, expression)) = self.rules.get(index)
                    && self.evaluate(expression, &values, scratch)
                {
                    out.push(*rule);
                }
            }
        }
    }

    /// Decides the eager predicates of a slot.
    fn decide(&self, slot: &Slot, value: &Value<'_>, scratch: &mut Scratch) {
        match value {
            Value::Text(text) => self.search(slot, text, scratch),
            Value::TextList(list) => {
                for text in *list {
                    self.search(slot, text, scratch);
                }
            }
            Value::Number(number) => self.look_up(slot, *number, scratch),
            Value::U32List(list) => {
                for number in *list {
                    self.look_up(slot, u64::from(*number), scratch);
                }
            }
            _ => {}
        }
    }

    fn look_up(&self, slot: &Slot, number: u64, scratch: &mut Scratch) {
        for predicate in slot.numbers.get(&number).into_iter().flatten() {
            self.confirm(*predicate, scratch);
        }
    }

    fn search(&self, slot: &Slot, text: &str, scratch: &mut Scratch) {
        let Some(needles) = &slot.needles else {
            return;
        };
        let mut folded = std::mem::take(&mut scratch.folded);
        folded.clear();
        fold_into(text, &mut folded);
        scratch.text_number += 1;
        for hit in needles.automaton.find_overlapping_iter(&folded) {
            let tells = needles.predicates.get(hit.pattern().as_usize());
            for (predicate, confirm) in tells.into_iter().flatten() {
                let (at_start, at_end) = (hit.start() == 0, hit.end() == folded.len());
                let holds = match confirm {
                    Confirm::Anywhere => true,
                    Confirm::AtStart => at_start,
                    Confirm::AtEnd => at_end,
                    Confirm::Whole => at_start && at_end,
                    Confirm::Pattern => self.ask(*predicate, text, &folded, scratch),
                };
                if holds {
                    self.confirm(*predicate, scratch);
                }
            }
        }
        scratch.folded = folded;
    }

    /// Asks a pattern about the whole text, once for each text.
    fn ask(&self, predicate: usize, text: &str, folded: &str, scratch: &mut Scratch) -> bool {
        let (Some(asked), Some(Predicate { check, .. })) =
            (scratch.asked.get_mut(predicate), self.predicates.get(predicate))
        else {
            return false;
        };
        if *asked == scratch.text_number || scratch.truth.get(predicate) {
            return false;
        }
        *asked = scratch.text_number;
        match check {
            Check::Pattern(pattern) if pattern.cased => pattern.matches(text.as_bytes()),
            Check::Pattern(pattern) => pattern.matches(folded.as_bytes()),
            _ => false,
        }
    }

    fn confirm(&self, predicate: usize, scratch: &mut Scratch) {
        if scratch.truth.get(predicate) {
            return;
        }
        scratch.truth.set(predicate);
        for rule in self.rules_of.get(predicate).into_iter().flatten() {
            scratch.candidates.set(*rule);
        }
    }

    /// Recursion is as deep as conditions and lists are nested, which the parser bounds.
    fn evaluate(&self, expression: &Expression, values: &[Value<'_>], scratch: &mut Scratch) -> bool {
        match expression {
            Expression::Constant(yes) => *yes,
            Expression::Predicate(index) => self.holds(*index, values, scratch),
            Expression::All(sides) => sides.iter().all(|side| self.evaluate(side, values, scratch)),
            Expression::Any(sides) => sides.iter().any(|side| self.evaluate(side, values, scratch)),
            Expression::Not(inner) => !self.evaluate(inner, values, scratch),
        }
    }

    fn holds(&self, index: usize, values: &[Value<'_>], scratch: &mut Scratch) -> bool {
        if scratch.known.get(index) {
            return scratch.truth.get(index);
        }
        let holds = self.predicates.get(index).is_some_and(|predicate| {
            values
                .get(predicate.slot)
                .is_some_and(|value| predicate.check.holds(value, values, &mut scratch.buffers))
        });
        scratch.known.set(index);
        if holds {
            scratch.truth.set(index);
        }
        holds
    }
}
