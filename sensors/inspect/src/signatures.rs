//! Signatures: what the matcher is told, and what its hits become.

use crate::conversation::Application;
use crate::flow_events::{captured, direction_name};
use crate::worker::{Scene, Worker};
use vonggac_decode::{Packet, Transport};
use vonggac_event::proto::Signature;
use vonggac_event::{Body, Event, limits};
use vonggac_protocol::{Card, Side, Source};
use vonggac_signature as signature;
use vonggac_signature::{
    Action, Checksums, Context, FlowFacts, Fragment, IcmpFacts, PacketFacts, RuleInfo, Stage, TcpFacts,
    VariableScope,
};
use vonggac_stream::Direction;

fn rule_direction(scene: &Scene<'_>, direction: Direction) -> signature::Direction {
    match scene.conversation.is_to_server(direction) {
        true => signature::Direction::ToServer,
        false => signature::Direction::ToClient,
    }
}

/// What the matcher is told of bytes that `direction` sent.
fn context<'a>(
    ts_us: i64,
    scene: &'a mut Scene<'_>,
    direction: Direction,
    packet: Option<PacketFacts<'a>>,
) -> Context<'a> {
    let (sender, receiver) = (scene.flow.sender(direction), scene.flow.receiver(direction));
    let stream_size = scene.conversation.client_first(scene.flow.stream_bytes);
    let flow_facts = FlowFacts {
        age_s: whole_seconds_between(scene.flow.start_us, ts_us),
        packets: scene.conversation.client_first(scene.flow.packets),
        bytes: scene.conversation.client_first(scene.flow.frame_bytes),
    };
    Context {
        ts_us,
        src: sender.address,
        dst: receiver.address,
        sport: sender.port,
        dport: receiver.port,
        protocol: scene.flow.protocol,
        app: scene.conversation.app,
        app_failed: matches!(scene.conversation.application, Application::Other),
        transaction: None,
        seen_before: 0,
        is_encrypted: matches!(&scene.conversation.application, Application::Known(known) if known.is_over),
        direction: rule_direction(scene, direction),
        established: scene.flow.established,
        flow: Some(&mut scene.conversation.rules),
        packet,
        stream_size,
        flow_facts: Some(flow_facts),
        app_events: &[],
    }
}

fn packet_facts<'a>(packet: &'a Packet<'_>, checksums: Checksums) -> PacketFacts<'a> {
    let tcp = match &packet.transport {
        Transport::Tcp(tcp) => Some(TcpFacts {
            flags: tcp.flags,
            seq: tcp.sequence,
            ack: tcp.acknowledgment,
            window: tcp.window,
            mss: tcp.options.segment_bytes_max,
            window_scale: tcp.options.window_scale,
        }),
        _ => None,
    };
    let icmp = match &packet.transport {
        Transport::Icmp(icmp) => Some(IcmpFacts {
            kind: icmp.kind,
            code: icmp.code,
            id: Some(icmp.id),
            seq: Some(icmp.sequence),
        }),
        _ => None,
    };
    PacketFacts {
        ttl: packet.ttl,
        tos: packet.tos,
        ip_id: packet.ip_id,
        ip_protocol: packet.protocol,
        fragment: Fragment {
            reserved: packet.ip_flags & 4 != 0,
            dont_fragment: packet.ip_flags & 2 != 0,
            more_fragments: packet.ip_flags & 1 != 0,
            offset: 0,
        },
        ip_options: packet.ip_options,
        tcp,
        icmp,
        vlans: packet.vlans.ids(),
        checksums,
        ..PacketFacts::default()
    }
}

/// Whether checksums are right. One that the sender left out, or to its network card, counts as right.
fn checksums(packet: &Packet<'_>) -> Checksums {
    let faults = packet.checksum_faults();
    Checksums {
        network: packet.src.is_ipv4().then_some(!faults.ip),
        transport: (!matches!(packet.transport, Transport::Other(_))).then_some(!faults.transport),
    }
}

/// Seconds are counted by the clock's, as Suricata does: from 0.9 to 1.1 one passes.
fn whole_seconds_between(start_us: i64, end_us: i64) -> u64 {
    let second = |ts_us: i64| ts_us.div_euclid(1_000_000);
    u64::try_from(second(end_us).saturating_sub(second(start_us))).unwrap_or(0)
}

impl Worker<'_> {
    /// Matches a packet.
    pub(crate) fn match_packet(&mut self, scene: &mut Scene<'_>, direction: Direction, packet: &Packet<'_>) {
        if self.matcher.engine().is_empty() {
            return;
        }
        let payload = packet.transport.payload();
        let checksums = match self.matcher.engine().reads_checksums() {
            true => checksums(packet),
            false => Checksums::default(),
        };
        let facts = packet_facts(packet, checksums);
        let mut context = context(self.ts_us, scene, direction, Some(facts));
        if !matches!(packet.transport, Transport::Tcp(_) | Transport::Udp(_)) {
            // A flow's ends name the ICMP type of its first packet; ports do not apply to this one.
            (context.sport, context.dport) = (0, 0);
        }
        let mut hits = std::mem::take(&mut self.shared.hits);
        self.matcher.packet(&mut context, payload, &mut hits);
        self.report(scene, &Found::packet(direction), hits, payload);
    }

    /// Tells something odd in a stream, and matches the rules that wait for it.
    pub(crate) fn stream_anomaly(
        &mut self,
        scene: &mut Scene<'_>,
        direction: Direction,
        name: &str,
        detail: &str,
    ) {
        self.anomaly(scene, direction, "stream", name, detail);
        let stream_events = &[name];
        let facts = PacketFacts {
            stream_events,
            ..PacketFacts::default()
        };
        let mut context = context(self.ts_us, scene, direction, Some(facts));
        let mut hits = std::mem::take(&mut self.shared.hits);
        self.matcher.events(&mut context, &mut hits);
        self.report(scene, &Found::packet(direction), hits, &[]);
    }

    /// Tells something odd that a protocol found, and matches the rules that wait for it: `modbus_invalid_length` is to them
    /// `modbus.invalid_length`.
    pub(crate) fn protocol_anomaly(&mut self, scene: &mut Scene<'_>, direction: Direction, odd: &Odd<'_>) {
        let name = odd.card.name;
        let transaction = odd.transaction.map(|(_, source)| source.transaction());
        self.anomaly_in(scene, direction, transaction, [name, odd.kind, odd.detail]);
        let event = odd
            .kind
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('_'));
        let Some(event) = event.filter(|_| self.matcher.engine().waits_for_events()) else {
            return;
        };
        let event = format!("{name}.{event}");
        let app_events = &[&*event];
        let mut context = Context {
            app_events,
            ..context(self.ts_us, scene, direction, None)
        };
        let mut hits = std::mem::take(&mut self.shared.hits);
        self.matcher.events(&mut context, &mut hits);
        let found = Found {
            transaction: odd.transaction,
            ..Found::packet(direction)
        };
        let excerpt = odd.transaction.map(|(side, source)| source.excerpt(side));
        self.report(scene, &found, hits, &excerpt.unwrap_or_default());
    }

    /// Matches bytes of a stream.
    pub(crate) fn match_stream(&mut self, scene: &mut Scene<'_>, direction: Direction, bytes: &[u8]) {
        let seen_before = match scene.conversation.window(direction).new {
            // Bytes that were not kept: none of them was seen.
            0 => 0,
            new => bytes.len().saturating_sub(new),
        };
        let mut context = context(self.ts_us, scene, direction, None);
        context.seen_before = seen_before;
        let mut hits = std::mem::take(&mut self.shared.hits);
        self.matcher.stream(&mut context, bytes, &mut hits);
        self.report(scene, &Found::stream(direction), hits, bytes);
    }

    /// Matches a stage of a transaction.
    pub(crate) fn match_transaction(
        &mut self,
        scene: &mut Scene<'_>,
        direction: Direction,
        stage: Stage,
        source: &dyn Source,
    ) {
        let mut context = context(self.ts_us, scene, direction, None);
        let mut hits = std::mem::take(&mut self.shared.hits);
        self.matcher.transaction(&mut context, stage, source, &mut hits);
        match hits.is_empty() {
            true => self.shared.hits = hits,
            false => {
                let found = Found {
                    transaction: Some((stage.side, source)),
                    ..Found::stream(direction)
                };
                self.report(scene, &found, hits, &source.excerpt(stage.side));
            }
        }
    }

    fn report(
        &mut self,
        scene: &mut Scene<'_>,
        found: &Found<'_>,
        mut hits: Vec<signature::Hit>,
        excerpt: &[u8],
    ) {
        for hit in hits.drain(..) {
            scene.conversation.signatures = scene.conversation.signatures.saturating_add(1);
            let excerpt_bytes = excerpt.len().min(self.config.payload_excerpt_bytes_max);
            let excerpt = excerpt.get(..excerpt_bytes).unwrap_or_default();
            let rule = self.matcher.engine().rule(hit.rule);
            let body = Signature {
                flow: Some(Box::new(self.flow_so_far(scene))),
                ..signature_body(rule, hit.action, found, scene, excerpt)
            };
            let transaction = found.transaction.map(|(_, source)| source.transaction());
            self.emit(scene, transaction, self.ts_us, Body::Signature(Box::new(body)));
        }
        // Given back so that the next match need not allocate.
        self.shared.hits = hits;
    }
}

/// Something odd that a protocol found.
pub(crate) struct Odd<'a> {
    pub(crate) card: &'a Card,
    /// One of the card's anomalies.
    pub(crate) kind: &'a str,
    pub(crate) detail: &'a str,
    /// The side of a transaction that it is about.
    pub(crate) transaction: Option<(Side, &'a dyn Source)>,
}

/// What a rule was found in.
struct Found<'a> {
    direction: Direction,
    is_stream: bool,
    transaction: Option<(Side, &'a dyn Source)>,
}

impl Found<'_> {
    fn packet(direction: Direction) -> Self {
        Self {
            direction,
            is_stream: false,
            transaction: None,
        }
    }

    fn stream(direction: Direction) -> Self {
        Self {
            is_stream: true,
            ..Self::packet(direction)
        }
    }
}

fn signature_body(
    rule: &RuleInfo,
    action: Action,
    found: &Found<'_>,
    scene: &Scene<'_>,
    excerpt: &[u8],
) -> Signature {
    let app = match scene.conversation.app {
        Some(_) => scene.conversation.app_name,
        None => "",
    };
    let mut body = Signature {
        direction: direction_name(scene, found.direction).into(),
        app: app.into(),
        payload: excerpt.to_vec(),
        is_stream: found.is_stream,
        context: captured(scene, VariableScope::Alert),
        ..rule_body(rule, action)
    };
    if let Some((side, source)) = found.transaction {
        body.transaction = source.event().map(|told| {
            Box::new(Event {
                body: Some(told),
                ..Event::default()
            })
        });
        body.files = source.files(side);
    }
    body
}

/// What an event says of its rule.
pub(crate) fn rule_body(rule: &RuleInfo, action: Action) -> Signature {
    let metadata = rule.metadata.iter().take(limits::LIST_ITEMS_MAX);
    let references = rule.references.iter().take(limits::LIST_ITEMS_MAX);
    Signature {
        gid: rule.gid,
        sid: rule.sid,
        rev: rule.rev,
        message: limits::cut(rule.message.clone(), limits::TEXT_BYTES_MAX),
        classtype: rule.classtype.clone(),
        priority: u32::from(rule.priority),
        action: match action {
            Action::Pass => "pass",
            Action::Drop => "drop",
            Action::Reject => "reject",
            Action::Alert => "alert",
        }
        .into(),
        metadata: metadata.map(|(key, value)| format!("{key} {value}")).collect(),
        references: references.cloned().collect(),
        rule: limits::cut(rule.text.clone(), limits::RULE_TEXT_BYTES_MAX),
        ..Signature::default()
    }
}
