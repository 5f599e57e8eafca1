//! Hears of packets and stream data, and takes them to signatures and protocols.

use crate::application::{self, START_BYTES_MAX};
use crate::conversation::{Application, Conversation, Facts, InspectedFlow, Known, State, Window, of};
use crate::counters::Counters;
use crate::protocol_host::ProtocolHost;
use crate::signatures::Wanted;
use crate::{Config, Sink};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use vonggac_decode::{Assembly, Packet, Transport};
use vonggac_event::proto::{self, Anomaly};
use vonggac_event::{Body, Event, address_bytes, limits};
use vonggac_protocol::Transport as Carrier;
use vonggac_protocol::{Host, Next, Protocol, Side, Start, hexadecimal};
use vonggac_protocols::{REGISTRY, community_id};
use vonggac_signature::{App, Buffer, Hit, Matcher};
use vonggac_stream::{CONFLICT_NAME, Direction, EndReason, FlowRef, Handler, Interest, StreamAnomaly};

/// Most flows that wait to be woken at once; others learn that their time is over when they end.
const DEADLINES_MAX: usize = 256 * 1024;

/// From that place in a direction on, signatures look at that many new bytes at once rather than at each segment.
const BATCH_AFTER_BYTES: u64 = 16 * 1024;
const BATCH_BYTES: usize = 2560;

/// How often the protocol of one flow may give way to another.
const UPGRADES_MAX: u8 = 8;

const ICMP: u8 = 1;
const ICMP_V6: u8 = 58;

/// What all flows of a worker share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) now_us: i64,
    /// Bytes kept of bodies.
    pub(crate) body_bytes: usize,
    /// Bytes kept in windows.
    window_bytes: usize,
    deadlines: VecDeque<Deadline>,
    pub(crate) hits: Vec<Hit>,
}

/// When a flow's protocol is to be woken.
pub(crate) struct Deadline {
    at_us: i64,
    pub(crate) flow: FlowRef,
}

impl Shared {
    /// Takes the first deadline that is over.
    pub(crate) fn due(&mut self, now_us: i64) -> Option<Deadline> {
        let is_due = self
            .deadlines
            .front()
            .is_some_and(|deadline| deadline.at_us <= now_us);
        is_due.then(|| self.deadlines.pop_front()).flatten()
    }

    /// Asks for a flow to be looked at; `false` when too many are.
    pub(crate) fn watch(&mut self, flow: FlowRef, at_us: i64) -> bool {
        let has_room = self.deadlines.len() < DEADLINES_MAX;
        if has_room {
            self.deadlines.push_back(Deadline { at_us, flow });
        }
        has_room
    }
}

/// A flow that is being worked on.
pub(crate) struct Scene<'a> {
    pub(crate) flow: &'a InspectedFlow,
    pub(crate) facts: &'a mut Facts,
}

/// The handler of one call of the inspector.
pub(crate) struct Worker<'a> {
    pub(crate) config: &'a Config,
    pub(crate) counters: &'a mut Counters,
    pub(crate) matcher: &'a mut Matcher,
    pub(crate) wanted: &'a Wanted,
    pub(crate) shared: &'a mut Shared,
    pub(crate) sink: &'a mut dyn Sink,
    pub(crate) ts_us: i64,
    /// Number of the packet in its capture, from 1; 0 on a tap and where no packet is the cause.
    pub(crate) packet: u64,
    /// A flow is ending without a packet of its own.
    pub(crate) is_flow_end: bool,
}

/// An event of a flow, without what the sensor fills in.
fn event(scene: &Scene<'_>, ts_us: i64, body: Body) -> Event {
    let Scene { flow, facts } = scene;
    let (src, dst) = match facts.is_turned {
        true => (flow.responder, flow.originator),
        false => (flow.originator, flow.responder),
    };
    // A flow of ICMP has type and code in place of the ports of its ends.
    let (icmp_type, icmp_code) = match flow.protocol {
        ICMP | ICMP_V6 => (flow.originator.port, flow.responder.port),
        _ => (0, 0),
    };
    Event {
        ts_us,
        flow_id: flow.id,
        community_id: facts.community_id.clone(),
        src: address_bytes(src.address),
        dst: address_bytes(dst.address),
        sport: u32::from(src.port),
        dport: u32::from(dst.port),
        proto: u32::from(flow.protocol),
        vlan: u32::from(flow.vlans.inner()),
        outer_vlan: u32::from(flow.vlans.outer()),
        icmp_type: u32::from(icmp_type),
        icmp_code: u32::from(icmp_code),
        body: Some(body),
        ..Event::default()
    }
}

impl Worker<'_> {
    /// Gives the sink an event of a flow.
    pub(crate) fn emit(&mut self, scene: &Scene<'_>, transaction: Option<u64>, ts_us: i64, body: Body) {
        let event = self.place(transaction, event(scene, ts_us, body));
        self.counters.event(&event);
        self.sink.event(event);
    }

    /// Gives the sink a file.
    pub(crate) fn emit_file(
        &mut self,
        scene: &Scene<'_>,
        transaction: u64,
        file: proto::File,
        data: Vec<u8>,
    ) {
        let event = self.place(Some(transaction), event(scene, self.ts_us, Body::File(file)));
        self.counters.event(&event);
        self.sink.file(event, data);
    }

    /// Says where in the capture and in its flow an event has its cause.
    fn place(&self, transaction: Option<u64>, event: Event) -> Event {
        Event {
            tx_id: transaction,
            packet: self.packet,
            at_flow_end: self.is_flow_end,
            ..event
        }
    }

    /// Reports an anomaly of a flow, unless it had enough of them.
    pub(crate) fn anomaly(&mut self, scene: &mut Scene<'_>, layer: &str, kind: &str, detail: &str) {
        scene.facts.anomalies = scene.facts.anomalies.saturating_add(1);
        if scene.facts.anomalies > self.config.anomalies_flow_max {
            self.counters.anomalies_suppressed += 1;
            return;
        }
        let body = Body::Anomaly(Anomaly {
            layer: layer.into(),
            kind: kind.into(),
            detail: limits::cut(detail.into(), limits::TEXT_BYTES_MAX),
            ..Anomaly::default()
        });
        self.emit(scene, None, self.ts_us, body);
    }

    /// Tells a flow's protocol that the time has come it waited for.
    pub(crate) fn overdue(&mut self, flow: &mut InspectedFlow) {
        self.work(flow, |worker, scene, parts| {
            if let Application::Known(known) = parts.application {
                known.with_host(worker, scene, |protocol, host| protocol.overdue(host));
            }
        });
    }

    /// Runs `work` on a flow and its conversation, which begins here if need be.
    fn work<R>(
        &mut self,
        flow: &mut InspectedFlow,
        work: impl FnOnce(&mut Self, &mut Scene<'_>, &mut Parts<'_>) -> R,
    ) -> R {
        let mut conversation = flow.state.take().unwrap_or_else(|| conversation(flow));
        let Conversation {
            facts,
            application,
            windows,
        } = &mut *conversation;
        let mut scene = Scene { flow, facts };
        let mut parts = Parts { application, windows };
        let result = work(self, &mut scene, &mut parts);
        flow.state = Some(conversation);
        result
    }

    fn stream_data(
        &mut self,
        scene: &mut Scene<'_>,
        parts: &mut Parts<'_>,
        direction: Direction,
        data: &[u8],
    ) -> Interest {
        let kept = self.keep(of(parts.windows, direction), data);
        let is_told_anew = match parts.application {
            Application::Unknown => self.tell(scene, parts, direction, (!kept).then_some(data)),
            _ => self.feed(scene, parts, direction, data),
        };
        if !is_told_anew {
            self.look(scene, parts, direction, (!kept).then_some(data));
        }
        let wanted = match &parts.application {
            Application::Unknown => true,
            Application::Known(known) => !known.is_over,
            Application::Other => false,
        };
        match wanted || !of(parts.windows, direction).closed {
            true => Interest::More,
            false => Interest::Enough,
        }
    }

    /// Tells the protocol of a stream by one direction's first bytes, which are in its window unless they are `loose`. `true` when that
    /// protocol gave way to another.
    fn tell(
        &mut self,
        scene: &mut Scene<'_>,
        parts: &mut Parts<'_>,
        direction: Direction,
        loose: Option<&[u8]>,
    ) -> bool {
        let window = of(parts.windows, direction);
        let said = loose.unwrap_or(&window.bytes);
        let is_start = window.seen == said.len() as u64;
        let told = match is_start {
            true => application::tell(&start(scene.flow, direction, Carrier::Tcp, said)),
            false => None,
        };
        let Some((place, speaker)) = told else {
            let both_spoke = scene.flow.payload_bytes.iter().all(|bytes| *bytes > 0);
            if both_spoke && (!is_start || said.len() >= START_BYTES_MAX) {
                *parts.application = Application::Other;
            }
            return false;
        };
        let said = said.to_vec();
        let other = of(parts.windows, direction.reverse());
        let is_start = other.seen == other.bytes.len() as u64;
        let answered = match is_start {
            true => other.bytes.clone(),
            false => Vec::new(),
        };
        let (client, said) = match speaker {
            Side::Client => (direction, [said, answered]),
            Side::Server => (direction.reverse(), [answered, said]),
        };
        scene.facts.is_turned = scene.flow.midstream && client == Direction::Responder;
        self.begin(scene, parts, place, Carrier::Tcp, client);
        self.feed_both(scene, parts, client, said)
    }

    /// Begins to follow a protocol.
    fn begin(
        &mut self,
        scene: &mut Scene<'_>,
        parts: &mut Parts<'_>,
        place: usize,
        carrier: Carrier,
        client: Direction,
    ) {
        let Some(card) = REGISTRY.get(place) else { return };
        scene.facts.app = App::from_name(card.name);
        scene.facts.app_name = card.name;
        *parts.application = Application::Known(Known {
            place,
            card,
            protocol: (card.begin)(carrier),
            client,
            is_over: false,
        });
    }

    /// Feeds a protocol what client and server have said so far. `true` when it gave way to another.
    fn feed_both(
        &mut self,
        scene: &mut Scene<'_>,
        parts: &mut Parts<'_>,
        client: Direction,
        said: [Vec<u8>; 2],
    ) -> bool {
        let mut is_told_anew = false;
        for (direction, said) in [client, client.reverse()].into_iter().zip(said) {
            if said.is_empty() {
                continue;
            }
            match is_told_anew {
                false => is_told_anew = self.feed(scene, parts, direction, &said),
                true => {
                    self.stream_data(scene, parts, direction, &said);
                }
            }
        }
        is_told_anew
    }

    /// Feeds the protocol what a direction said. `true` when it gave way to another.
    fn feed(
        &mut self,
        scene: &mut Scene<'_>,
        parts: &mut Parts<'_>,
        direction: Direction,
        data: &[u8],
    ) -> bool {
        self.tell_protocol(scene, parts, direction, |protocol, host, side| {
            protocol.data(host, side, data)
        })
    }

    /// Tells the protocol, unless it is done, what became of a direction.
    fn tell_protocol(
        &mut self,
        scene: &mut Scene<'_>,
        parts: &mut Parts<'_>,
        direction: Direction,
        tell: impl FnOnce(&mut dyn Protocol, &mut dyn Host, Side) -> Next,
    ) -> bool {
        let Application::Known(known) = parts.application else {
            return false;
        };
        if known.is_over {
            return false;
        }
        let side = known.side(direction);
        let next = known.with_host(self, scene, |protocol, host| tell(protocol, host, side));
        self.go_on(scene, parts, next)
    }

    /// Does what a protocol asks for. `true` when it gave way to another.
    fn go_on(&mut self, scene: &mut Scene<'_>, parts: &mut Parts<'_>, next: Next) -> bool {
        let Application::Known(known) = parts.application else {
            return false;
        };
        match next {
            Next::More => false,
            Next::Encrypted => {
                known.is_over = true;
                false
            }
            Next::Upgrade(said) => {
                let client = known.client;
                self.tell_anew(scene, parts, client, *said);
                true
            }
        }
    }

    /// What follows is another protocol, of which client and server have said something already.
    fn tell_anew(
        &mut self,
        scene: &mut Scene<'_>,
        parts: &mut Parts<'_>,
        client: Direction,
        said: [Vec<u8>; 2],
    ) {
        scene.facts.app = None;
        scene.facts.upgrades = scene.facts.upgrades.saturating_add(1);
        for direction in Direction::BOTH {
            let window = of(parts.windows, direction);
            self.look_at_rest(scene, window, direction);
            self.forget(window);
            window.seen = 0;
        }
        *parts.application = match scene.facts.upgrades > UPGRADES_MAX {
            true => {
                self.counters.upgrade_limit += 1;
                Application::Other
            }
            false => Application::Unknown,
        };
        for (direction, said) in [client, client.reverse()].into_iter().zip(said) {
            if !said.is_empty() {
                self.stream_data(scene, parts, direction, &said);
            }
        }
    }

    /// Appends to a window; `false` when there is no room or the window is closed.
    fn keep(&mut self, window: &mut Window, data: &[u8]) -> bool {
        window.seen = window.seen.saturating_add(data.len() as u64);
        if window.closed {
            return false;
        }
        if self.shared.window_bytes.saturating_add(data.len()) > self.config.rule_overlap_bytes_max {
            self.counters.rule_overlap_limit += 1;
            self.forget(window);
            return false;
        }
        window.bytes.extend_from_slice(data);
        window.new += data.len();
        self.shared.window_bytes += data.len();
        true
    }

    fn forget(&mut self, window: &mut Window) {
        self.shared.window_bytes = self.shared.window_bytes.saturating_sub(window.bytes.len());
        window.bytes = Vec::new();
        window.new = 0;
    }

    /// Lets signatures look at a direction's new bytes, or at `loose` ones that were not kept.
    fn look(
        &mut self,
        scene: &mut Scene<'_>,
        parts: &mut Parts<'_>,
        direction: Direction,
        loose: Option<&[u8]>,
    ) {
        let over = match &parts.application {
            // The window also shows what protocol this is; after that only rules need it.
            Application::Unknown => false,
            Application::Known(known) if known.is_over => true,
            _ => !self.matcher.engine().uses(Buffer::Stream),
        };
        let window = of(parts.windows, direction);
        if window.closed {
            return;
        }
        if let Some(data) = loose {
            self.match_stream(scene, direction, data);
        } else if window.seen <= BATCH_AFTER_BYTES || window.new >= BATCH_BYTES {
            self.match_stream(scene, direction, &window.bytes);
            let past = window.bytes.len().saturating_sub(self.config.rule_overlap_bytes);
            window.bytes.drain(..past);
            window.new = 0;
            self.shared.window_bytes = self.shared.window_bytes.saturating_sub(past);
        }
        if over || window.seen >= self.config.rule_stream_bytes_max {
            self.counters.rule_stream_limit += u64::from(!over);
            self.close(scene, window, direction);
        }
    }

    /// Lets signatures look at what they have not seen, and forgets the window.
    fn close(&mut self, scene: &mut Scene<'_>, window: &mut Window, direction: Direction) {
        self.look_at_rest(scene, window, direction);
        self.forget(window);
        window.closed = true;
    }

    /// Lets signatures look at what they have not seen.
    fn look_at_rest(&mut self, scene: &mut Scene<'_>, window: &Window, direction: Direction) {
        if window.new > 0 {
            self.match_stream(scene, direction, &window.bytes);
        }
    }

    /// Tells the protocol of a datagram, unless the flow's is known.
    fn tell_datagram(
        &mut self,
        scene: &mut Scene<'_>,
        parts: &mut Parts<'_>,
        direction: Direction,
        payload: &[u8],
    ) {
        if !matches!(parts.application, Application::Unknown) {
            return;
        }
        let told = application::tell(&start(scene.flow, direction, Carrier::Udp, payload));
        let Some((place, speaker)) = told else { return };
        let client = match speaker {
            Side::Client => direction,
            Side::Server => direction.reverse(),
        };
        // Who asked is not known by who was seen first, when that is an answer.
        let is_first = scene.flow.packets.iter().sum::<u64>() == 1;
        scene.facts.is_turned = is_first && client == Direction::Responder;
        self.begin(scene, parts, place, Carrier::Udp, client);
    }

    fn flow_event(&mut self, scene: &Scene<'_>, reason: EndReason) {
        let body = proto::Flow {
            conn_state: scene.flow.conn_state.into(),
            end_reason: reason.name().into(),
            ..flow_so_far(scene)
        };
        self.emit(scene, None, scene.flow.last_us, Body::Flow(body));
    }
}

/// A flow up to now, from the client to the server.
pub(crate) fn flow_so_far(scene: &Scene<'_>) -> proto::Flow {
    let Scene { flow, facts } = scene;
    let turned = |[originator, responder]: [u64; 2]| match facts.is_turned {
        true => [responder, originator],
        false => [originator, responder],
    };
    let [orig_packets, resp_packets] = turned(flow.packets);
    let [orig_bytes, resp_bytes] = turned(flow.ip_bytes);
    let [orig_frame_bytes, resp_frame_bytes] = turned(flow.frame_bytes);
    let [orig_flags, resp_flags] = turned(flow.tcp_flags.map(u64::from));
    proto::Flow {
        start_us: flow.start_us,
        end_us: flow.last_us,
        orig_packets,
        resp_packets,
        orig_bytes,
        resp_bytes,
        orig_frame_bytes,
        resp_frame_bytes,
        app: facts.app_name.into(),
        app_failed: facts.app_name.is_empty() && flow.payload_bytes != [0; 2],
        orig_tcp_flags: orig_flags as u32,
        resp_tcp_flags: resp_flags as u32,
        missed_bytes: flow.missed_bytes,
        signatures: facts.signatures,
        ..proto::Flow::default()
    }
}

/// What of a conversation is not [`Facts`].
pub(crate) struct Parts<'a> {
    pub(crate) application: &'a mut Application,
    pub(crate) windows: &'a mut [Window; 2],
}

impl Known {
    /// Lets the protocol talk to the sensor.
    fn with_host<R>(
        &mut self,
        worker: &mut Worker<'_>,
        scene: &mut Scene<'_>,
        talk: impl FnOnce(&mut dyn Protocol, &mut ProtocolHost<'_, '_, '_>) -> R,
    ) -> R {
        let mut host = ProtocolHost::new(worker, scene, self);
        talk(&mut *self.protocol, &mut host)
    }
}

fn start<'a>(flow: &InspectedFlow, direction: Direction, transport: Carrier, bytes: &'a [u8]) -> Start<'a> {
    Start {
        transport,
        bytes,
        ports: [flow.sender(direction).port, flow.receiver(direction).port],
    }
}

fn conversation(flow: &InspectedFlow) -> Box<Conversation> {
    let (originator, responder) = (flow.originator, flow.responder);
    let mut conversation = Box::<Conversation>::default();
    conversation.facts.community_id = community_id::v1(
        originator.address,
        responder.address,
        originator.port,
        responder.port,
        flow.protocol,
    );
    conversation
}

impl Handler<State> for Worker<'_> {
    fn packet(&mut self, flow: &mut InspectedFlow, direction: Direction, packet: &Packet<'_>) {
        self.work(flow, |worker, scene, parts| {
            if packet.assembly == Assembly::Conflicting {
                worker.anomaly(scene, "network", "fragment_overlap_conflict", "");
            }
            let datagram = match &packet.transport {
                Transport::Udp(udp) if !udp.payload.is_empty() => Some(udp.payload),
                _ => None,
            };
            if let Some(payload) = datagram {
                worker.tell_datagram(scene, parts, direction, payload);
            }
            worker.match_packet(scene, direction, packet);
            if let Some(payload) = datagram {
                worker.feed(scene, parts, direction, payload);
            }
        });
    }

    fn data(&mut self, flow: &mut InspectedFlow, direction: Direction, data: &[u8]) -> Interest {
        self.work(flow, |worker, scene, parts| {
            worker.stream_data(scene, parts, direction, data)
        })
    }

    fn gap(&mut self, flow: &mut InspectedFlow, direction: Direction, bytes: u64) {
        self.work(flow, |worker, scene, parts| {
            let window = of(parts.windows, direction);
            worker.look_at_rest(scene, window, direction);
            worker.forget(window);
            window.seen = window.seen.saturating_add(bytes);
            worker.tell_protocol(scene, parts, direction, |protocol, host, side| {
                protocol.gap(host, side, bytes)
            });
        });
    }

    fn conflict(&mut self, flow: &mut InspectedFlow, _: Direction, kept: &[u8], other: &[u8]) {
        let detail = format!(
            "{} bytes; kept sha256 {}, other sha256 {}",
            kept.len(),
            hexadecimal(&Sha256::digest(kept)),
            hexadecimal(&Sha256::digest(other))
        );
        self.work(flow, |worker, scene, _| {
            Worker::anomaly(worker, scene, "stream", CONFLICT_NAME, &detail);
        });
    }

    fn end_of_stream(&mut self, flow: &mut InspectedFlow, direction: Direction) {
        self.work(flow, |worker, scene, parts| {
            worker.tell_protocol(scene, parts, direction, |protocol, host, side| {
                protocol.end(host, side)
            });
            worker.close(scene, of(parts.windows, direction), direction);
        });
    }

    fn anomaly(&mut self, flow: &mut InspectedFlow, _: Direction, anomaly: StreamAnomaly) {
        self.work(flow, |worker, scene, _| {
            Worker::anomaly(worker, scene, "stream", anomaly.name(), "")
        });
    }

    fn end(&mut self, flow: &mut InspectedFlow, reason: EndReason) {
        let packet = std::mem::take(&mut self.packet);
        self.is_flow_end = true;
        self.work(flow, |worker, scene, parts| {
            if let Application::Known(known) = parts.application {
                known.with_host(worker, scene, |protocol, host| protocol.finish(host));
            }
            for direction in Direction::BOTH {
                worker.close(scene, of(parts.windows, direction), direction);
            }
            worker.flow_event(scene, reason);
        });
        flow.state = None;
        self.packet = packet;
        self.is_flow_end = false;
    }
}
