//! A rule while its options are read one after the other.

use std::sync::Arc;

use vonggac_protocol::Occurs;

use crate::classification::PRIORITY_DEFAULT;
use crate::context::Direction;
use crate::error::{Complaint, ErrorKind, Problem, combination, over_limit, unsupported, value};
use crate::limits::{STEPS_PER_LIST_MAX, TRANSFORMS_MAX};
use crate::number::{NumberTest, number};
use crate::packet_test::PacketTest;
use crate::parse::{ParsedRule, RuleOption, parse};
use crate::resources::Resources;
use crate::rule::{Check, FlowTest, PayloadScope, Presence, Rule, RuleInfo, Source, Target};
use crate::transform::Transform;
use crate::variables::{Resolver, Variables};
use crate::verify::Step;
use crate::vocabulary::{TermId, TermKind, Vocabulary};

pub(super) use crate::condition::AddressSide;

use super::header::HeaderMeaning;
use super::requires;
use super::{Dictionary, Sources};

/// What a list of conditions looks into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LooksInto {
    Payload,
    Source(Selected),
    Base64,
    Address(AddressSide),
}

/// A buffer as a rule selects it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) source: Source,
    /// In a rule on both sides of a transaction: the side that the rule names.
    pub(super) side: Option<Direction>,
}

#[derive(Debug)]
pub(super) struct DraftList {
    pub(super) looks_into: LooksInto,
    pub(super) presence: Presence,
    pub(super) steps: Vec<Step>,
}

impl Selected {
    fn plain(buffer: TermId, side: Option<Direction>) -> Selected {
        let transforms = Vec::new();
        Selected {
            source: Source { buffer, transforms },
            side,
        }
    }
}

pub(super) struct Draft {
    pub(super) vocabulary: Arc<Vocabulary>,
    /// The rule as far as it is known; lists are added at the end.
    pub(super) rule: Rule,
    pub(super) lists: Vec<DraftList>,
    current: usize,
    /// A buffer that was selected but has no condition yet.
    pending: Option<Selected>,
    /// The list and step of the last content.
    pub(super) last_content: Option<(usize, usize)>,
    /// The list of the last condition that others can be relative to.
    pub(super) last_placed: Option<usize>,
    /// Names of byte variables.
    pub(super) variables: Vec<String>,
    pub(super) resources: Resources,
    pub(super) has_sid: bool,
    pub(super) has_priority: bool,
}

impl Draft {
    /// Compiles one rule.
    pub(super) fn compile(
        parsed: &ParsedRule,
        resolver: &mut Resolver<'_>,
        dictionary: &Dictionary,
        sources: &mut Sources,
    ) -> Result<Rule, Problem> {
        requires::check(parsed, &dictionary.vocabulary)?;
        let mut draft = Draft::start(parsed, resolver, dictionary)?;
        for option in &parsed.options {
            let text = option.value.as_deref().unwrap_or("");
            draft
                .option(&option.name, text)
                .map_err(|complaint| place(option, complaint))?;
        }
        if !draft.has_sid {
            let end = parsed.text.len();
            return Err(Problem::new(end, ErrorKind::Syntax, "the rule has no sid"));
        }
        draft
            .finish(sources)
            .map_err(|complaint| complaint.at(parsed.header.action.offset))
    }

    /// Whether there is such a keyword.
    pub(super) fn knows(keyword: &str, vocabulary: &Arc<Vocabulary>) -> bool {
        let (parsed, _) = parse("", "alert ip any any -> any any (sid:1;)");
        let variables = Variables::default();
        let mut resolver = Resolver::new(&variables);
        let dictionary = Dictionary {
            vocabulary: Arc::clone(vocabulary),
            resources: Resources::default(),
        };
        let draft = parsed
            .first()
            .and_then(|rule| Draft::start(rule, &mut resolver, &dictionary).ok());
        // A keyword that is known complains of something else than that, if at all.
        let complaint = draft.and_then(|mut draft| draft.option(keyword, "").err());
        complaint.is_none_or(|complaint| complaint.kind != ErrorKind::UnsupportedKeyword)
    }

    fn start(
        parsed: &ParsedRule,
        resolver: &mut Resolver<'_>,
        dictionary: &Dictionary,
    ) -> Result<Draft, Problem> {
        let HeaderMeaning {
            action,
            header,
            is_exchange,
            app,
            payload,
        } = HeaderMeaning::read(&parsed.header, resolver, &dictionary.vocabulary)?;
        let info = RuleInfo {
            sid: 0,
            gid: 1,
            rev: 0,
            message: String::new(),
            classtype: String::new(),
            priority: PRIORITY_DEFAULT,
            action,
            metadata: Vec::new(),
            references: Vec::new(),
            text: parsed.text.clone(),
            file: parsed.file.clone(),
            line: parsed.line(),
        };
        let flow = FlowTest {
            only: payload,
            ..FlowTest::default()
        };
        let rule = Rule {
            info,
            header,
            app,
            app_tests: Vec::new(),
            conditions: Vec::new(),
            file_tests: Vec::new(),
            flow,
            is_exchange,
            packet_tests: Vec::new(),
            stream_sizes: Vec::new(),
            state_tests: Vec::new(),
            effects: Vec::new(),
            bit_names: Vec::new(),
            payload: None,
            payload_scope: PayloadScope::Stream,
            targets: Vec::new(),
            threshold: None,
            detection_filter: None,
            suppressions: Vec::new(),
            rate_filters: Vec::new(),
            silent: false,
        };
        let payload = DraftList {
            looks_into: LooksInto::Payload,
            presence: Presence::Required,
            steps: Vec::new(),
        };
        Ok(Draft {
            vocabulary: Arc::clone(&dictionary.vocabulary),
            rule,
            lists: vec![payload],
            current: 0,
            pending: None,
            last_content: None,
            last_placed: None,
            variables: Vec::new(),
            resources: dictionary.resources.clone(),
            has_sid: false,
            has_priority: false,
        })
    }

    fn option(&mut self, name: &str, text: &str) -> Result<(), Complaint> {
        if let Some(result) = self.information(name, text) {
            return result;
        }
        if let Some(result) = self.content_keyword(name, text) {
            return result;
        }
        if let Some(result) = self.byte_keyword(name, text) {
            return result;
        }
        if let Some(result) = self.state_keyword(name, text) {
            return result;
        }
        if let Some(result) = self.condition_keyword(name, text) {
            return result;
        }
        if let Some(result) = self.list_keyword(name, text) {
            return result;
        }
        if let Some(test) = PacketTest::parse(name, text) {
            self.rule.packet_tests.push(test?);
            return Ok(());
        }
        if name == "pkt_data" {
            return self.select(None);
        }
        if let Some(result) = self.term(name, text) {
            return result;
        }
        if let Some(transform) = Transform::parse(name, text) {
            return self.transform(name, transform?);
        }
        Err(unsupported(format!("unsupported keyword {name}")))
    }

    /// Adds a transform to the selected buffer. After conditions on it the buffer is selected anew: those
    /// look at it without this transform.
    fn transform(&mut self, name: &str, transform: Transform) -> Result<(), Complaint> {
        let selected = self
            .pending
            .take()
            .or_else(|| match self.lists.get(self.current) {
                Some(DraftList {
                    looks_into: LooksInto::Source(selected),
                    ..
                }) => Some(selected.clone()),
                _ => None,
            });
        let mut selected =
            selected.ok_or_else(|| combination(format!("{name} must follow the keyword of a buffer")))?;
        if selected.source.transforms.len() >= TRANSFORMS_MAX {
            return Err(over_limit(format!("more than {TRANSFORMS_MAX} transforms")));
        }
        selected.source.transforms.push(transform);
        self.pending = Some(selected);
        Ok(())
    }

    /// Keywords that protocols' cards declare. A buffer's selects what the next conditions look into.
    fn term(&mut self, name: &str, text: &str) -> Option<Result<(), Complaint>> {
        let (id, term) = self.vocabulary.keyword(name)?;
        let kind = term.kind;
        let check = match kind {
            TermKind::Buffer { .. } => {
                let selected = self.named_side(text).map(|side| Selected::plain(id, side));
                return Some(selected.and_then(|selected| self.select(Some(selected))));
            }
            TermKind::Number(card) => NumberTest::parse_named(text, card.names)
                .map(Check::Number)
                .map_err(value),
            TermKind::Own(card) => (card.compile)(text)
                .map(|condition| Check::Own(condition.into()))
                .map_err(value),
        };
        Some(check.map(|check| {
            self.rule.targets.push(Target {
                term: id,
                side: None,
                check,
            })
        }))
    }

    /// The word after a buffer's keyword, which only rules on both sides of a transaction may have.
    fn named_side(&self, text: &str) -> Result<Option<Direction>, Complaint> {
        match text {
            "" => Ok(None),
            "to_server" if self.rule.is_exchange => Ok(Some(Direction::ToServer)),
            "to_client" if self.rule.is_exchange => Ok(Some(Direction::ToClient)),
            _ => Err(value("takes no value")),
        }
    }

    /// Selects the buffer that the next conditions look into; `None` is the payload.
    fn select(&mut self, selected: Option<Selected>) -> Result<(), Complaint> {
        self.check_pending()?;
        if selected.is_none() {
            self.current = 0;
        }
        self.pending = selected;
        Ok(())
    }

    /// As in Suricata a buffer that is selected must have a condition.
    pub(super) fn check_pending(&self) -> Result<(), Complaint> {
        match &self.pending {
            Some(selected) => Err(combination(format!(
                "the buffer {} has no condition",
                self.vocabulary.name(selected.source.buffer)
            ))),
            None => Ok(()),
        }
    }

    /// Selects what is no application buffer.
    pub(super) fn select_list(&mut self, looks_into: &LooksInto) {
        self.pending = None;
        self.current = self.list_of(looks_into);
    }

    pub(super) fn looks_into_payload(&self, list: usize) -> bool {
        let list = self.lists.get(list);
        list.is_some_and(|list| list.looks_into == LooksInto::Payload)
    }

    /// The list that the next condition belongs to.
    pub(super) fn current_list(&mut self) -> usize {
        if let Some(selected) = self.pending.take() {
            let kind = self.vocabulary.term(selected.source.buffer).map(|term| term.kind);
            self.current = match kind {
                Some(TermKind::Buffer {
                    occurs: Occurs::Once, ..
                }) => self.list_of(&LooksInto::Source(selected)),
                _ => self.new_list(LooksInto::Source(selected)),
            };
        }
        self.current
    }

    /// The list that a condition belongs to which may be relative to the one before. After an old modifier
    /// (`content:"x"; http_uri; isdataat:1,relative;`) that is the list the modifier moved the content to.
    pub(super) fn list_of_condition(&mut self, relative: bool) -> usize {
        let none_selected = self.pending.is_none() && self.current == 0;
        match self.last_placed {
            Some(list) if relative && none_selected => list,
            _ => self.current_list(),
        }
    }

    /// The list of a buffer named by a keyword that does not select it for what follows.
    pub(super) fn list_of_keyword(&mut self, keyword: &str) -> Result<usize, Complaint> {
        let buffer = self.vocabulary.buffer(keyword);
        let buffer = buffer.ok_or_else(|| unsupported(format!("{keyword} is not read")))?;
        Ok(self.list_of_buffer(buffer))
    }

    /// The same by the buffer.
    pub(super) fn list_of_buffer(&mut self, buffer: TermId) -> usize {
        let named = Selected::plain(buffer, None);
        // `http.host; pcre:"/x/W"` names the selected buffer once more.
        if self.pending.as_ref() == Some(&named) {
            return self.current_list();
        }
        self.list_of(&LooksInto::Source(named))
    }

    fn list_of(&mut self, looks_into: &LooksInto) -> usize {
        let found = self.lists.iter().position(|list| list.looks_into == *looks_into);
        found.unwrap_or_else(|| self.new_list(looks_into.clone()))
    }

    fn new_list(&mut self, looks_into: LooksInto) -> usize {
        self.lists.push(DraftList {
            looks_into,
            presence: Presence::Required,
            steps: Vec::new(),
        });
        self.lists.len() - 1
    }

    pub(super) fn push(&mut self, list: usize, step: Step) -> Result<usize, Complaint> {
        let steps = match self.lists.get_mut(list) {
            Some(list) => &mut list.steps,
            None => return Err(combination("no such buffer")),
        };
        if steps.len() >= STEPS_PER_LIST_MAX {
            return Err(over_limit(format!(
                "more than {STEPS_PER_LIST_MAX} conditions on one buffer"
            )));
        }
        let places = !matches!(step, Step::Size(_) | Step::Whole(_) | Step::Base64(..));
        steps.push(step);
        let index = steps.len() - 1;
        if places {
            self.last_placed = Some(list);
        }
        Ok(index)
    }

    /// `absent`: says of the selected buffer that it may or must be missing.
    pub(super) fn set_absent(&mut self, text: &str) -> Result<(), Complaint> {
        let presence = match text {
            "" => Presence::Absent,
            "or_else" => Presence::AbsentOr,
            other => return Err(value(format!("{other:?} after absent"))),
        };
        if self.pending.is_none() {
            return Err(combination("absent must follow the keyword of a buffer"));
        }
        let current = self.current_list();
        if let Some(list) = self.lists.get_mut(current) {
            list.presence = presence;
        }
        Ok(())
    }
}

fn place(option: &RuleOption, complaint: Complaint) -> Problem {
    let offset = match complaint.kind {
        ErrorKind::UnsupportedKeyword | ErrorKind::Combination => option.offset,
        _ => option.value_offset,
    };
    let mut problem = complaint.at(offset);
    if problem.kind == ErrorKind::Value {
        problem.message = format!("{}: {}", option.name, problem.message);
    }
    problem
}

pub(super) fn small(text: &str) -> Result<u32, Complaint> {
    number(text).and_then(|n| u32::try_from(n).map_err(|_| value(format!("{n} is too large"))))
}
