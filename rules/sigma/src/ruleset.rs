//! Rules bound to the classes of this platform.

use std::collections::HashMap;

use vonggac_event::{Class, Column, Event, Kind, Severity};

use crate::correlation::{Correlation, CorrelationDocument, CorrelationKind, Feed, Named};
use crate::document::{Content, Document, Rule, RuleDocument};
use crate::expression::expression;
use crate::matcher::{Builder, Matcher, Scratch};
use crate::{Fault, Place, RuleError};

/// A rule's place in its [`RuleSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIndex(pub u32);

/// A rule or correlation for log sources that this platform has no events of.
#[derive(Debug, Clone)]
pub struct NotApplicable {
    /// What it says of itself.
    pub rule: Rule,
    /// Why it does not apply.
    pub reason: String,
}

/// Compiled rules and correlations.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    classes: Vec<Class>,
    correlations: Vec<Correlation>,
    not_applicable: Vec<NotApplicable>,
    /// In the order of [`Class::ALL`].
    matchers: Vec<Matcher>,
}

impl RuleSet {
    /// Binds documents to classes; those that cannot be bound come back as errors, and the others work without them.
    pub fn compile(documents: Vec<Document>) -> (Self, Vec<RuleError>) {
        let mut compiler = Compiler::default();
        let mut correlations = Vec::new();
        for Document(content) in documents {
            match content {
                Content::Rule(document) => compiler.rule(document),
                Content::Correlation(document) => correlations.push(document),
            }
        }
        for document in &correlations {
            compiler.announce(document);
        }
        for document in correlations {
            compiler.correlation(document);
        }
        let set = Self {
            rules: compiler.rules,
            classes: compiler.classes,
            correlations: compiler.correlations,
            not_applicable: compiler.not_applicable,
            matchers: compiler.builders.into_iter().map(Builder::build).collect(),
        };
        (set, compiler.errors)
    }

    /// Appends the rules that match `event`, in the order of their indices.
    pub fn matches(&self, event: &Event, scratch: &mut Scratch, out: &mut Vec<RuleIndex>) {
        let matcher = Class::of(event)
            .and_then(|class| Class::ALL.iter().position(|other| *other == class))
            .and_then(|position| self.matchers.get(position));
        if let Some(matcher) = matcher {
            matcher.matches(event, scratch, out);
        }
    }

    /// The rule at `index`.
    ///
    /// # Panics
    /// When the index is of another set.
    pub fn rule(&self, index: RuleIndex) -> &Rule {
        &self.rules[index.0 as usize]
    }

    /// The class of events that the rule at `index` looks at; `None` when the index is of another set.
    pub fn class(&self, index: RuleIndex) -> Option<Class> {
        self.classes.get(index.0 as usize).copied()
    }

    /// Every rule with its index.
    pub fn rules(&self) -> impl Iterator<Item = (RuleIndex, &Rule)> {
        self.rules
            .iter()
            .enumerate()
            .map(|(index, rule)| (RuleIndex(index as u32), rule))
    }

    /// Every correlation.
    pub fn correlations(&self) -> &[Correlation] {
        &self.correlations
    }

    /// What was left out because no class covers it.
    pub fn not_applicable(&self) -> &[NotApplicable] {
        &self.not_applicable
    }
}

/// What an id or a name stands for.
#[derive(Clone)]
enum Known {
    Rule(RuleIndex),
    Correlation,
    NotApplicable(String),
    Broken,
}

struct Compiler {
    builders: Vec<Builder>,
    rules: Vec<Rule>,
    classes: Vec<Class>,
    correlations: Vec<Correlation>,
    not_applicable: Vec<NotApplicable>,
    known: HashMap<String, Known>,
    errors: Vec<RuleError>,
}

impl Default for Compiler {
    fn default() -> Self {
        Self {
            builders: Class::ALL.into_iter().map(Builder::new).collect(),
            rules: Vec::new(),
            classes: Vec::new(),
            correlations: Vec::new(),
            not_applicable: Vec::new(),
            known: HashMap::new(),
            errors: Vec::new(),
        }
    }
}

impl Compiler {
    /// Enters a document's id and name; false when the id is taken.
    fn know(&mut self, rule: &Rule, known: Known) -> bool {
        if self.known.contains_key(&rule.id) {
            let place = Place {
                line: rule.line,
                column: 1,
            };
            let message = format!("id {} is taken by another rule", rule.id);
            self.errors.push(Fault::new(place, message).in_file(&rule.file));
            return false;
        }
        self.known.insert(rule.id.clone(), known.clone());
        if let Some(name) = &rule.name {
            self.known.entry(name.clone()).or_insert(known);
        }
        true
    }

    fn rule(&mut self, document: RuleDocument) {
        let class = match document.logsource.class() {
            Ok(class) => class,
            Err(reason) => {
                if self.know(&document.rule, Known::NotApplicable(reason.clone())) {
                    self.not_applicable.push(NotApplicable {
                        rule: document.rule,
                        reason,
                    });
                }
                return;
            }
        };
        let index = RuleIndex(u32::try_from(self.rules.len()).unwrap_or(u32::MAX));
        let Some(builder) = self.builders.iter_mut().find(|builder| builder.class == class) else {
            return;
        };
        match expression(builder, &document) {
            Ok(expression) => {
                if !self.know(&document.rule, Known::Rule(index)) {
                    return;
                }
                if let Some(builder) = self.builders.iter_mut().find(|builder| builder.class == class) {
                    builder.add(index, expression);
                }
                let mut rule = document.rule;
                if rule.level == Severity::Unspecified {
                    rule.level = Severity::Medium;
                }
                self.rules.push(rule);
                self.classes.push(class);
            }
            Err(fault) => {
                self.errors.push(fault.in_file(&document.rule.file));
                self.know(&document.rule, Known::Broken);
            }
        }
    }

    /// Makes a correlation's name known before any is bound, so that a chain gets the error that says so.
    fn announce(&mut self, document: &CorrelationDocument) {
        for name in std::iter::once(&document.rule.id).chain(&document.rule.name) {
            self.known.entry(name.clone()).or_insert(Known::Correlation);
        }
    }

    fn correlation(&mut self, document: CorrelationDocument) {
        let is_taken = !matches!(self.known.get(&document.rule.id), Some(Known::Correlation))
            || self
                .correlations
                .iter()
                .any(|other| other.rule.id == document.rule.id);
        if is_taken {
            self.know(&document.rule, Known::Correlation);
            return;
        }
        match self.bind(&document) {
            Ok(Bound::Feeds(feeds)) => {
                let mut rule = document.rule;
                if rule.level == Severity::Unspecified {
                    let levels = feeds.iter().map(|feed| self.level(feed.rule));
                    rule.level = levels.max().unwrap_or(Severity::Medium);
                }
                self.correlations.push(Correlation {
                    rule,
                    kind: document.kind,
                    feeds,
                    group_by: document.group_by.into_iter().map(|named| named.text).collect(),
                    fields: document.fields.into_iter().map(|named| named.text).collect(),
                    timespan_us: document.timespan_us,
                    bounds: document.bounds,
                    generate: document.generate,
                });
            }
            Ok(Bound::NotApplicable(reason)) => self.not_applicable.push(NotApplicable {
                rule: document.rule,
                reason,
            }),
            Err(fault) => self.errors.push(fault.in_file(&document.rule.file)),
        }
    }

    fn level(&self, index: RuleIndex) -> Severity {
        self.rules
            .get(index.0 as usize)
            .map_or(Severity::Medium, |rule| rule.level)
    }

    fn bind(&self, document: &CorrelationDocument) -> Result<Bound, Fault> {
        let mut feeds: Vec<Feed> = Vec::new();
        for named in &document.rules {
            let fault = |message: String| Err(Fault::new(named.place, message));
            let index = match self.known.get(&named.text) {
                Some(Known::Rule(index)) => *index,
                Some(Known::NotApplicable(reason)) => {
                    return Ok(Bound::NotApplicable(format!("rule {}: {reason}", named.text)));
                }
                Some(Known::Correlation) => {
                    return fault(format!(
                        "{} is a correlation; chained correlations are not supported yet",
                        named.text
                    ));
                }
                Some(Known::Broken) => return fault(format!("rule {} has errors", named.text)),
                None => return fault(format!("there is no rule {}", named.text)),
            };
            if feeds.iter().any(|feed| feed.rule == index) {
                return fault(format!("rule {} stands twice", named.text));
            }
            feeds.push(self.feed(document, index)?);
        }
        Ok(Bound::Feeds(feeds))
    }

    fn feed(&self, document: &CorrelationDocument, index: RuleIndex) -> Result<Feed, Fault> {
        let (Some(rule), Some(class)) = (
            self.rules.get(index.0 as usize),
            self.classes.get(index.0 as usize).copied(),
        ) else {
            return Err(Fault::new(Place::default(), "the rule is gone"));
        };
        let column = |named: &Named| aliased(document, rule, named).and_then(|named| column(class, named));
        let columns = |names: &[Named]| names.iter().map(column).collect::<Result<Vec<_>, _>>();
        let values = columns(&document.fields)?;
        let is_numeric = matches!(
            document.kind,
            CorrelationKind::ValueSum | CorrelationKind::ValueAverage
        );
        if let (true, Some(value), Some(named)) = (is_numeric, values.first(), document.fields.first())
            && !matches!(value.kind, Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64)
        {
            return Err(Fault::new(
                named.place,
                format!("field {} is not a number", named.text),
            ));
        }
        Ok(Feed {
            rule: index,
            rule_id: rule.id.clone(),
            group: columns(&document.group_by)?,
            values,
        })
    }
}

enum Bound {
    Feeds(Vec<Feed>),
    NotApplicable(String),
}

/// The field that a correlation's field means in the events of `rule`.
fn aliased<'a>(document: &'a CorrelationDocument, rule: &Rule, named: &'a Named) -> Result<&'a Named, Fault> {
    let mut entries = document
        .aliases
        .iter()
        .filter(|(alias, ..)| *alias == named.text)
        .peekable();
    if entries.peek().is_none() {
        return Ok(named);
    }
    entries
        .find(|(_, of, _)| *of == rule.id || Some(of) == rule.name.as_ref())
        .map(|(_, _, field)| field)
        .ok_or_else(|| {
            Fault::new(
                named.place,
                format!("alias {} says no field for rule {}", named.text, rule.title),
            )
        })
}

fn column(class: Class, named: &Named) -> Result<&'static Column, Fault> {
    class.column(&named.text).ok_or_else(|| {
        Fault::new(
            named.place,
            format!("class {} has no field {}", class.name(), named.text),
        )
    })
}
