//! Whether the conditions of a rule on one buffer hold, all together.
//!
//! Conditions are steps that read or move a cursor. When a step that depends on the cursor fails,
//! the step before that placed it is tried at its next occurrence, and so on back: `content:"a";
//! content:"b"; distance:0; within:1` finds `ab` in `aXab`. What such trying costs is bounded by a
//! budget; when it is used up, the rule does not match and the caller counts it.

use crate::base64::Base64Range;
use crate::bytes::{ByteExtract, ByteJump, ByteTest, ByteVariables, DataAt, resolve};
use crate::capture::{Capture, Variable};
use crate::content::Content;
use crate::number::NumberTest;
use crate::pattern::Expression;
use crate::whole_test::WholeTest;

/// One condition on a buffer.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Content(Content),
    Regex(Expression),
    Test(ByteTest),
    Jump(ByteJump),
    Extract(ByteExtract),
    DataAt(DataAt),
    Size(NumberTest),
    Whole(WholeTest),
    /// Decodes, then asks the steps within of the decoded bytes.
    Base64(Base64Range, StepList),
}

impl Step {
    /// Whether the step reads the cursor.
    pub(crate) fn is_relative(&self) -> bool {
        match self {
            Step::Content(content) => content.is_relative(),
            Step::Regex(expression) => expression.relative,
            Step::Test(test) => test.field.relative,
            Step::Jump(jump) => jump.field.relative,
            Step::Extract(extract) => extract.field.relative,
            Step::DataAt(data_at) => data_at.relative,
            Step::Size(_) | Step::Whole(_) => false,
            Step::Base64(range, _) => range.relative,
        }
    }

    /// Whether the step places the cursor.
    fn moves_cursor(&self) -> bool {
        match self {
            Step::Content(content) => !content.negated,
            Step::Regex(expression) => !expression.negated,
            Step::Jump(_) | Step::Extract(_) => true,
            Step::Test(_) | Step::DataAt(_) | Step::Size(_) | Step::Whole(_) | Step::Base64(..) => false,
        }
    }

    fn uses_variables(&self) -> bool {
        match self {
            Step::Content(content) => content.uses_variable(),
            Step::Test(test) => test.field.uses_variable() || test.value.is_variable(),
            Step::Jump(jump) => jump.field.uses_variable() || jump.post_offset.is_variable(),
            Step::Extract(_) => true,
            Step::DataAt(data_at) => data_at.position.is_variable(),
            Step::Regex(_) | Step::Size(_) | Step::Whole(_) => false,
            Step::Base64(_, steps) => steps.uses_variables,
        }
    }
}

/// The conditions on one buffer, in the order they are tried.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepList {
    steps: Box<[Step]>,
    /// For each step: whether its place matters to what follows, so that other places are worth trying.
    branches: Box<[bool]>,
    uses_variables: bool,
}

impl StepList {
    pub(crate) fn new(steps: Vec<Step>) -> StepList {
        let mut branches = vec![false; steps.len()];
        let mut cursor_is_read = false;
        for (step, branch) in steps.iter().zip(branches.iter_mut()).rev() {
            *branch = cursor_is_read;
            if step.is_relative() {
                cursor_is_read = true;
            } else if step.moves_cursor() {
                cursor_is_read = false;
            }
        }
        let uses_variables = steps.iter().any(Step::uses_variables);
        StepList {
            steps: steps.into_boxed_slice(),
            branches: branches.into_boxed_slice(),
            uses_variables,
        }
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// What one verification may still cost, and what stopped it.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) steps_left: u32,
    pub(crate) exhausted: bool,
    pub(crate) regex_failures: u32,
    /// What expressions captured, if the conditions hold.
    pub(crate) captured: Vec<Variable>,
}

impl Budget {
    pub(crate) fn new(steps: u32) -> Budget {
        Budget {
            steps_left: steps,
            exhausted: false,
            regex_failures: 0,
            captured: Vec::new(),
        }
    }

    fn spend(&mut self) -> Result<(), Outcome> {
        match self.steps_left.checked_sub(1) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => {
                self.exhausted = true;
                Err(Outcome::Final)
            }
        }
    }
}

/// Whether all conditions hold on the data.
pub(crate) fn holds(
    list: &StepList,
    data: &[u8],
    variables: &mut ByteVariables,
    budget: &mut Budget,
) -> bool {
    let mut run = Run {
        list,
        data,
        variables,
        budget,
    };
    run.from(0, 0) == Outcome::Match
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Match,
    /// Another place for an earlier step may still help.
    Retry,
    /// Nothing that an earlier step does can help.
    Final,
}

struct Run<'r> {
    list: &'r StepList,
    data: &'r [u8],
    variables: &'r mut ByteVariables,
    budget: &'r mut Budget,
}

impl Run<'_> {
    /// The outcome of the steps from `index` on. Recursion is as deep as the list is long.
    fn from(&mut self, mut index: usize, mut cursor: usize) -> Outcome {
        let list = self.list;
        while let Some(step) = list.steps.get(index) {
            let holds = match step {
                Step::Content(content) if content.negated => self.absent(content, cursor),
                Step::Content(content) => return self.content(content, index, cursor),
                Step::Regex(expression) if expression.negated => self.regex_absent(expression, cursor),
                Step::Regex(expression) => return self.regex(expression, index, cursor),
                Step::Test(test) => test.holds(self.data, cursor, self.variables),
                Step::DataAt(data_at) => data_at.holds(self.data, cursor, self.variables),
                Step::Size(size) => size.holds(self.data.len() as u64),
                Step::Whole(test) => test.holds(self.data),
                Step::Jump(jump) => self.moved(jump.target(self.data, cursor, self.variables), &mut cursor),
                Step::Extract(extract) => {
                    let target = extract.extract(self.data, cursor, self.variables);
                    self.moved(target, &mut cursor)
                }
                Step::Base64(range, steps) => match range.decode(self.data, cursor) {
                    Some(decoded) => holds(steps, &decoded, self.variables, self.budget),
                    None => false,
                },
            };
            if !holds {
                return self.failure(step);
            }
            index += 1;
        }
        Outcome::Match
    }

    fn moved(&self, target: Option<usize>, cursor: &mut usize) -> bool {
        if let Some(target) = target {
            *cursor = target;
        }
        target.is_some()
    }

    /// A failing step that looks at nothing an earlier step decided fails for good.
    fn failure(&self, step: &Step) -> Outcome {
        if self.budget.exhausted || !(step.is_relative() || self.list.uses_variables) {
            Outcome::Final
        } else {
            Outcome::Retry
        }
    }

    fn branches(&self, index: usize) -> bool {
        self.list.branches.get(index).copied().unwrap_or(true)
    }

    fn content(&mut self, content: &Content, index: usize, cursor: usize) -> Outcome {
        let mut window = self.window(content, cursor);
        while let Some((start, end)) = window {
            if let Err(outcome) = self.budget.spend() {
                return outcome;
            }
            let Some(found) = self.find(content, start, end) else {
                break;
            };
            match self.from(index + 1, found + content.pattern.len()) {
                Outcome::Retry if self.branches(index) => window = Some((found + 1, end)),
                // What follows did not look at where this was found; what came before may matter to it.
                Outcome::Retry => break,
                outcome => return outcome,
            }
        }
        if self.budget.exhausted || !(content.is_relative() || self.list.uses_variables) {
            Outcome::Final
        } else {
            Outcome::Retry
        }
    }

    fn absent(&mut self, content: &Content, cursor: usize) -> bool {
        match self.window(content, cursor) {
            Some((start, end)) => self.find(content, start, end).is_none(),
            None => true,
        }
    }

    /// Where the pattern may lie, start and end; `None` if nowhere.
    fn window(&self, content: &Content, cursor: usize) -> Option<(usize, usize)> {
        let length = i64::try_from(self.data.len()).ok()?;
        let amount = |amount: Option<_>| amount.map(|amount| resolve(amount, self.variables));
        let offset = amount(content.offset).unwrap_or(0);
        let (mut start, mut end) = (offset, length);
        if let Some(depth) = amount(content.depth) {
            end = end.min(offset.saturating_add(depth));
        }
        if content.is_relative() {
            let base = i64::try_from(cursor)
                .ok()?
                .checked_add(amount(content.distance).unwrap_or(0))?;
            start = start.max(base);
            if let Some(within) = amount(content.within) {
                end = end.min(base.saturating_add(within));
            }
        }
        if content.starts {
            end = end.min(i64::try_from(content.pattern.len()).ok()?);
        }
        if content.ends {
            start = start.max(length.checked_sub(i64::try_from(content.pattern.len()).ok()?)?);
        }
        let (start, end) = (usize::try_from(start.max(0)).ok()?, usize::try_from(end).ok()?);
        (start <= end).then_some((start, end))
    }

    fn find(&self, content: &Content, start: usize, end: usize) -> Option<usize> {
        let window = self.data.get(start..end)?;
        if content.ends {
            // Nothing but the last bytes of the data will do.
            let whole = end == self.data.len() && window.len() == content.pattern.len();
            return (whole && content.pattern.stands_at_start(window)).then_some(start);
        }
        Some(start + content.pattern.find(window)?)
    }

    fn regex(&mut self, expression: &Expression, index: usize, cursor: usize) -> Outcome {
        let base = if expression.relative { cursor } else { 0 };
        let mut from = 0;
        while let Some(subject) = self.data.get(base..)
            && from <= subject.len()
        {
            if let Err(outcome) = self.budget.spend() {
                return outcome;
            }
            let found = match expression.regex.find_at(subject, from) {
                Ok(Some(found)) => (found.start(), found.end()),
                Ok(None) => break,
                Err(_) => {
                    self.budget.regex_failures += 1;
                    break;
                }
            };
            match self.from(index + 1, base + found.1) {
                Outcome::Retry if self.branches(index) => from = found.0 + 1,
                Outcome::Retry => break,
                outcome => {
                    if outcome == Outcome::Match && !expression.captures.is_empty() {
                        let captured = Capture::take(&expression.captures, &expression.regex, subject, from);
                        self.budget.captured.extend(captured);
                    }
                    return outcome;
                }
            }
        }
        if self.budget.exhausted || !(expression.relative || self.list.uses_variables) {
            Outcome::Final
        } else {
            Outcome::Retry
        }
    }

    fn regex_absent(&mut self, expression: &Expression, cursor: usize) -> bool {
        let base = if expression.relative { cursor } else { 0 };
        let Some(subject) = self.data.get(base..) else {
            return true;
        };
        match expression.regex.is_match(subject) {
            Ok(found) => !found,
            Err(_) => {
                self.budget.regex_failures += 1;
                false
            }
        }
    }
}
