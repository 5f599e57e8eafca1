//! Compiled rules, grouped so that each packet, chunk and transaction meets few of them.

use std::collections::HashMap;
use std::sync::Arc;

use vonggac_protocol::{Card, Side};

use crate::check;
use crate::compile::{Compiled, Dictionary, compile};
use crate::context::Direction;
use crate::error::RuleError;
use crate::file_test::DigestKind;
use crate::flow_state::FlowState;
use crate::headers::{HeaderRules, HeaderRulesBuilder};
use crate::packet_test::PacketTest;
use crate::parse::ParsedRule;
use crate::payload_groups::{PayloadGroups, PayloadGroupsBuilder};
use crate::prefilter::{Group, Telling, choose, choose_at_start};
use crate::resources::Resources;
use crate::rule::{PayloadScope, Rule, RuleIndex, RuleInfo, Source, Transport};
use crate::stages::{StageBuilders, StageRules, Stages};
use crate::variables::Variables;
use crate::vocabulary::{App, Vocabulary};
use crate::warning::RuleWarning;

/// A set of rules, immutable; workers share it behind an `Arc`.
#[derive(Debug, Default)]
pub struct Engine {
    pub(crate) rules: Vec<Rule>,
    pub(crate) sources: Vec<Source>,
    pub(crate) packet: [[PayloadGroups; 2]; Class::COUNT],
    pub(crate) stream: [PayloadGroups; 2],
    /// Rules on transactions.
    pub(crate) stages: Stages,
    pub(crate) vocabulary: Arc<Vocabulary>,
    /// Rules on headers.
    pub(crate) headers: HeaderRules,
    /// Rules that wait for an event, by its name.
    pub(crate) by_event: HashMap<Box<str>, Vec<RuleIndex>>,
    waits_for_decode_events: bool,
    /// Names of flow bits by their keys.
    bit_names: HashMap<u64, Box<str>>,
    reads_checksums: bool,
}

/// The kinds of packets whose payload rules are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Tcp,
    Udp,
    Icmp,
    Other,
}

impl Class {
    pub(crate) const COUNT: usize = 4;
    pub(crate) const ALL: [Class; Class::COUNT] = [Class::Tcp, Class::Udp, Class::Icmp, Class::Other];

    pub(crate) fn of(protocol: u8) -> Class {
        match protocol {
            6 => Class::Tcp,
            17 => Class::Udp,
            1 | 58 => Class::Icmp,
            _ => Class::Other,
        }
    }

    pub(crate) fn admitted_by(self, transport: Transport) -> bool {
        match transport {
            Transport::Any => true,
            Transport::Tcp => self == Class::Tcp,
            Transport::Udp => self == Class::Udp,
            Transport::Icmp => self == Class::Icmp,
            Transport::Number(number) => self == Class::of(number),
        }
    }

    /// Whether such packets can carry what the rule is about: one of the protocols that its header names, if it names any.
    fn carries(self, rule: &Rule, vocabulary: &Vocabulary) -> bool {
        let carried = |card: &Card| {
            card.transports.iter().any(|transport| match transport {
                vonggac_protocol::Transport::Tcp => self == Class::Tcp,
                vonggac_protocol::Transport::Udp => self == Class::Udp,
            })
        };
        rule.app.is_none_or(|apps| {
            let mut named = vocabulary.apps().filter(|(app, _)| apps.contains(*app));
            named.any(|(_, card)| carried(card))
        })
    }
}

impl Engine {
    /// Compiles rules about the protocols of these cards: each is in the engine or has an error.
    /// Rules that name files are refused: [`Engine::load`] reads them.
    pub fn compile(
        rules: Vec<ParsedRule>,
        variables: &Variables,
        cards: &'static [&'static Card],
    ) -> (Engine, Vec<RuleError>) {
        Engine::load(rules, variables, cards, Resources::default())
    }

    /// Compiles rules with what they name: each is in the engine or has an error.
    pub fn load(
        rules: Vec<ParsedRule>,
        variables: &Variables,
        cards: &'static [&'static Card],
        resources: Resources,
    ) -> (Engine, Vec<RuleError>) {
        let vocabulary = Arc::new(Vocabulary::new(cards));
        let dictionary = Dictionary {
            vocabulary: Arc::clone(&vocabulary),
            resources,
        };
        let (Compiled { rules, sources }, errors) = compile(rules, variables, &dictionary);
        (Arrangement::new(&vocabulary).arrange(rules, sources), errors)
    }

    /// What is odd about the rules: what their authors surely did not mean.
    pub fn warnings(&self) -> Vec<RuleWarning> {
        check::warnings(&self.rules, &self.sources, &self.vocabulary)
    }

    /// An engine without rules.
    pub fn empty() -> Engine {
        Engine::default()
    }

    /// What people are told of a rule. The index must come from a matcher of this engine; one that is
    /// out of range gives an empty description.
    pub fn rule(&self, index: RuleIndex) -> &RuleInfo {
        static NONE: RuleInfo = RuleInfo {
            sid: 0,
            gid: 0,
            rev: 0,
            message: String::new(),
            classtype: String::new(),
            priority: 0,
            action: crate::rule::Action::Alert,
            metadata: Vec::new(),
            references: Vec::new(),
            text: String::new(),
            file: String::new(),
            line: 0,
        };
        self.rules.get(index.index()).map_or(&NONE, |rule| &rule.info)
    }

    /// All rules, in the order they are judged.
    pub fn rules(&self) -> impl Iterator<Item = &RuleInfo> {
        self.rules.iter().map(|rule| &rule.info)
    }

    /// The number of rules.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether any rule looks into streams, so that [`crate::Matcher::stream`] is of use.
    pub fn reads_streams(&self) -> bool {
        self.stream.iter().any(|groups| !groups.is_empty())
    }

    /// Whether any rule asks for checksums, so that they are worth the summing.
    pub fn reads_checksums(&self) -> bool {
        self.reads_checksums
    }

    /// Whether any rule asks for the MD5 of files, and whether any asks for their SHA-1.
    pub fn reads_file_digests(&self) -> [bool; 2] {
        [DigestKind::Md5, DigestKind::Sha1].map(|kind| {
            let mut tests = self.rules.iter().flat_map(|rule| &rule.file_tests);
            tests.any(|test| test.digest() == Some(kind))
        })
    }

    /// Whether any rule waits for an event, so that [`crate::Matcher::events`] is of use.
    pub fn waits_for_events(&self) -> bool {
        !self.by_event.is_empty()
    }

    /// Whether any rule waits for what a decoder may find odd; otherwise nobody need look for it in frames that can be read.
    pub fn waits_for_decode_events(&self) -> bool {
        self.waits_for_decode_events
    }

    /// Names of the bits that rules have set on a flow, in the order in which they were.
    pub fn flow_bits<'e>(&'e self, flow: &'e FlowState) -> impl Iterator<Item = &'e str> {
        let names = flow.bits().iter().filter_map(|bit| self.bit_names.get(bit));
        names.map(|name| &**name)
    }

    /// Bytes that the prefilters' automata take.
    pub fn prefilter_memory_bytes(&self) -> usize {
        let packet = self.packet.iter().flatten();
        packet
            .chain(&self.stream)
            .flat_map(PayloadGroups::groups)
            .map(Group::memory_bytes)
            .chain(self.stages.memory_bytes())
            .sum()
    }

    pub(crate) fn full_rule(&self, index: RuleIndex) -> Option<&Rule> {
        self.rules.get(index.index())
    }

    /// The rules to be judged at a stage.
    pub(crate) fn stage(&self, app: App, side: Side, stage: u8) -> Option<&StageRules> {
        self.stages.get(app, side, stage)
    }
}

/// The groups while rules are put into them.
struct Arrangement {
    packet: [[PayloadGroupsBuilder; 2]; Class::COUNT],
    stream: [PayloadGroupsBuilder; 2],
    stages: StageBuilders,
    vocabulary: Arc<Vocabulary>,
    headers: HeaderRulesBuilder,
    by_event: HashMap<Box<str>, Vec<RuleIndex>>,
}

impl Arrangement {
    fn new(vocabulary: &Arc<Vocabulary>) -> Arrangement {
        let directions = || [Direction::ToServer, Direction::ToClient].map(PayloadGroupsBuilder::new);
        Arrangement {
            packet: Class::ALL.map(|_| directions()),
            stream: directions(),
            stages: StageBuilders::new(vocabulary),
            vocabulary: Arc::clone(vocabulary),
            headers: HeaderRulesBuilder::default(),
            by_event: HashMap::new(),
        }
    }

    fn arrange(mut self, rules: Vec<Rule>, sources: Vec<Source>) -> Engine {
        for (index, rule) in (0u32..).map(RuleIndex).zip(&rules) {
            if let Some(name) = rule.event() {
                self.by_event.entry(name.into()).or_default().push(index);
                continue;
            }
            if rule.judges_packets() {
                self.headers.place(index, rule);
            }
            if rule.payload.is_some() {
                self.place_payload_rule(index, rule);
            }
            if rule.judges_transactions() {
                self.stages.place(index, rule, &sources, &self.vocabulary);
            }
        }
        let apps: Vec<App> = self.vocabulary.apps().map(|(app, _)| app).collect();
        let build = |groups: PayloadGroupsBuilder| groups.build(&apps);
        Engine {
            packet: self.packet.map(|directions| directions.map(build)),
            stream: self.stream.map(build),
            stages: self.stages.build(),
            vocabulary: self.vocabulary,
            headers: self.headers.build(),
            by_event: self.by_event,
            bit_names: rules
                .iter()
                .flat_map(|rule| rule.bit_names.iter().cloned())
                .collect(),
            waits_for_decode_events: rules
                .iter()
                .flat_map(|rule| &rule.packet_tests)
                .any(|test| matches!(test, PacketTest::DecodeEvent(_))),
            reads_checksums: rules
                .iter()
                .flat_map(|rule| &rule.packet_tests)
                .any(PacketTest::is_of_checksums),
            rules,
            sources,
        }
    }

    fn place_payload_rule(&mut self, index: RuleIndex, rule: &Rule) {
        let payload = rule.payload.as_ref();
        let in_stream = payload.and_then(choose).map(|telling| telling.anywhere());
        let in_packet = payload.and_then(choose_at_start);
        let in_packet = in_packet.map(|telling| within_packets(telling, rule));
        for (class, groups) in Class::ALL.iter().zip(&mut self.packet) {
            let in_stream_only = *class == Class::Tcp && rule.payload_scope == PayloadScope::Stream;
            if in_stream_only
                || !class.admitted_by(rule.header.transport)
                || !class.carries(rule, &self.vocabulary)
            {
                continue;
            }
            for groups in groups {
                groups.add(index, rule, in_packet.as_ref());
            }
        }
        if rule.payload_scope != PayloadScope::Packet && Class::Tcp.admitted_by(rule.header.transport) {
            for groups in &mut self.stream {
                groups.add(index, rule, in_stream.as_ref());
            }
        }
    }
}

/// The pattern where only packets of a size that the rule admits are of interest.
fn within_packets(telling: Telling, rule: &Rule) -> Telling {
    let sizes = rule.packet_tests.iter().filter_map(PacketTest::payload_bytes_max);
    let sizes = sizes.filter_map(|size| usize::try_from(size).ok());
    Telling {
        reach: sizes.chain(telling.reach).min(),
        ..telling
    }
}
