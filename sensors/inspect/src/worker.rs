//! Hears of packets and stream data, and takes them to signatures and protocols.

use crate::application::{self, Verdict};
use crate::body::hexadecimal;
use crate::conversation::{Application, Conversation, Facts, InspectedFlow, State, Window, of};
use crate::counters::Counters;
use crate::{Config, Sink, dns, http, tls};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use vonggac_decode::{Assembly, Packet, Transport};
use vonggac_event::proto::{self, Anomaly};
use vonggac_event::{Body, Event, address_bytes, limits};
use vonggac_protocols::community_id;
use vonggac_signature::{App, Buffer, Hit, Matcher};
use vonggac_stream::{CONFLICT_NAME, Direction, EndReason, Flow, FlowRef, Handler, Interest, StreamAnomaly};

/// Most flows whose DNS answers are watched at once; in others a query is given up when its flow ends.
const DEADLINES_MAX: usize = 256 * 1024;

/// From that place in a direction on, signatures look at that many new bytes at once rather than at each segment.
const BATCH_AFTER_BYTES: u64 = 16 * 1024;
const BATCH_BYTES: usize = 2560;

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
    pub(crate) decoded: Vec<u8>,
}

/// When a flow's oldest DNS query is overdue.
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
    pub(crate) shared: &'a mut Shared,
    pub(crate) sink: &'a mut dyn Sink,
    pub(crate) ts_us: i64,
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
        vlan: u32::from(flow.vlan),
        icmp_type: u32::from(icmp_type),
        icmp_code: u32::from(icmp_code),
        body: Some(body),
        ..Event::default()
    }
}

impl Worker<'_> {
    /// Gives the sink an event of a flow.
    pub(crate) fn emit(&mut self, scene: &Scene<'_>, ts_us: i64, body: Body) {
        let counter = match &body {
            Body::Flow(_) => &mut self.counters.events_flow,
            Body::Dns(_) => &mut self.counters.events_dns,
            Body::Http(_) => &mut self.counters.events_http,
            Body::Tls(_) => &mut self.counters.events_tls,
            Body::Signature(_) => &mut self.counters.events_signature,
            _ => &mut self.counters.events_anomaly,
        };
        *counter += 1;
        self.counters.events += 1;
        self.sink.event(event(scene, ts_us, body));
    }

    /// Gives the sink a file.
    pub(crate) fn emit_file(&mut self, scene: &Scene<'_>, ts_us: i64, file: proto::File, data: Vec<u8>) {
        self.counters.events += 1;
        self.counters.events_file += 1;
        self.sink.file(event(scene, ts_us, Body::File(file)), data);
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
        self.emit(scene, self.ts_us, body);
    }

    /// Reports a flow's DNS queries whose answers are overdue.
    pub(crate) fn dns_overdue(&mut self, flow: &mut InspectedFlow) {
        self.work(flow, |worker, scene, parts| {
            if let Application::Dns(dns) = parts.application {
                dns::overdue(worker, scene, dns);
            }
        });
    }

    /// Runs `work` on a flow and its conversation, which begins here if need be.
    fn work<R>(
        &mut self,
        flow: &mut InspectedFlow,
        work: impl FnOnce(&mut Self, &mut Scene<'_>, &mut Parts<'_>) -> R,
    ) -> R {
        let mut conversation = flow.state.take().unwrap_or_else(|| begin(flow));
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
        if matches!(parts.application, Application::Unknown) {
            let window = of(parts.windows, direction);
            let known = if kept { window.bytes.as_slice() } else { data };
            let is_start = window.seen == known.len() as u64;
            match application::tell(known, is_start, direction, scene.flow) {
                Verdict::Wait => {}
                Verdict::Other => *parts.application = Application::Other,
                Verdict::Is(told, client) => {
                    *parts.application = told;
                    let start = known.to_vec();
                    self.begin_application(scene, parts, client, direction, &start);
                }
            }
        } else {
            self.feed(scene, parts.application, direction, data);
        }
        self.look(scene, parts, direction, (!kept).then_some(data));
        self.enter_tunnel(scene, parts);
        let wanted = match &parts.application {
            Application::Unknown | Application::Dns(_) | Application::Http(_) => true,
            Application::Tls(tls) => !tls.is_over(),
            Application::Other => false,
        };
        match wanted || !of(parts.windows, direction).closed {
            true => Interest::More,
            false => Interest::Enough,
        }
    }

    /// Feeds a protocol that was told by the start of `direction` what both sides have said so far, the client first.
    fn begin_application(
        &mut self,
        scene: &mut Scene<'_>,
        parts: &mut Parts<'_>,
        client: Direction,
        direction: Direction,
        start: &[u8],
    ) {
        scene.facts.is_turned = scene.flow.midstream && client == Direction::Responder;
        let other = of(parts.windows, direction.reverse());
        let is_start = other.seen == other.bytes.len() as u64;
        let other = match is_start {
            true => other.bytes.clone(),
            false => Vec::new(),
        };
        for side in [client, client.reverse()] {
            let said = if side == direction { start } else { &other };
            if !said.is_empty() {
                self.feed(scene, parts.application, side, said);
            }
        }
    }

    /// What follows HTTP in a tunnel (after CONNECT, an upgrade, HTTP/2's preface) is told anew.
    fn enter_tunnel(&mut self, scene: &mut Scene<'_>, parts: &mut Parts<'_>) {
        let Application::Http(http) = parts.application else {
            return;
        };
        if http.is_tunnel() {
            http::finish(self, scene, http);
            *parts.application = Application::Unknown;
            for window in parts.windows.iter_mut() {
                self.forget(window);
                window.seen = 0;
            }
        }
    }

    fn feed(
        &mut self,
        scene: &mut Scene<'_>,
        application: &mut Application,
        direction: Direction,
        data: &[u8],
    ) {
        scene.facts.app = match application {
            Application::Dns(_) => Some(App::Dns),
            Application::Http(_) => Some(App::Http),
            Application::Tls(_) => Some(App::Tls),
            Application::Unknown | Application::Other => None,
        };
        scene.facts.app_name = application.name();
        match application {
            Application::Dns(dns) => dns::stream(self, scene, dns, direction, data),
            Application::Http(http) => http::data(self, scene, http, direction, data),
            Application::Tls(tls) => tls::data(self, scene, tls, direction, data),
            Application::Unknown | Application::Other => {}
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
            Application::Tls(tls) => tls.is_over(),
            // The window also shows what protocol this is; after that only rules need it.
            Application::Unknown => false,
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
        if window.new > 0 {
            self.match_stream(scene, direction, &window.bytes);
        }
        self.forget(window);
        window.closed = true;
    }

    fn udp(&mut self, scene: &mut Scene<'_>, parts: &mut Parts<'_>, direction: Direction, payload: &[u8]) {
        if let Application::Dns(dns) = parts.application {
            dns::datagram(self, scene, dns, direction, payload);
        }
    }

    fn flow_event(&mut self, scene: &Scene<'_>, reason: EndReason) {
        let Flow {
            mut packets,
            mut ip_bytes,
            mut tcp_flags,
            ..
        } = *scene.flow;
        if scene.facts.is_turned {
            packets.reverse();
            ip_bytes.reverse();
            tcp_flags.reverse();
        }
        let ([orig_packets, resp_packets], [orig_bytes, resp_bytes]) = (packets, ip_bytes);
        let [orig_flags, resp_flags] = tcp_flags;
        let body = Body::Flow(proto::Flow {
            start_us: scene.flow.start_us,
            end_us: scene.flow.last_us,
            orig_packets,
            resp_packets,
            orig_bytes,
            resp_bytes,
            app: scene.facts.app_name.into(),
            conn_state: scene.flow.conn_state.into(),
            orig_tcp_flags: u32::from(orig_flags),
            resp_tcp_flags: u32::from(resp_flags),
            end_reason: reason.name().into(),
            missed_bytes: scene.flow.missed_bytes,
            signatures: scene.facts.signatures,
            ..proto::Flow::default()
        });
        self.emit(scene, scene.flow.last_us, body);
    }
}

/// What of a conversation is not [`Facts`].
pub(crate) struct Parts<'a> {
    pub(crate) application: &'a mut Application,
    pub(crate) windows: &'a mut [Window; 2],
}

fn begin(flow: &InspectedFlow) -> Box<Conversation> {
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
            if let Some(payload) = datagram
                && matches!(parts.application, Application::Unknown)
            {
                let (told, client) = application::tell_datagram(payload, direction, scene.flow);
                *parts.application = told;
                // Who asked is not known by who was seen first, when that is an answer.
                let is_first = scene.flow.packets.iter().sum::<u64>() == 1;
                scene.facts.is_turned = is_first && client == Direction::Responder;
                if matches!(parts.application, Application::Dns(_)) {
                    scene.facts.app = Some(App::Dns);
                    scene.facts.app_name = "dns";
                }
            }
            worker.match_packet(scene, direction, packet);
            if let Some(payload) = datagram {
                worker.udp(scene, parts, direction, payload);
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
            if window.new > 0 {
                worker.match_stream(scene, direction, &window.bytes);
            }
            worker.forget(window);
            window.seen = window.seen.saturating_add(bytes);
            match parts.application {
                Application::Dns(dns) => dns.lose(direction),
                Application::Http(http) => http::gap(worker, scene, http, direction, bytes),
                Application::Tls(tls) => tls::gap(worker, scene, tls, direction, bytes),
                Application::Unknown | Application::Other => {}
            }
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
            if let Application::Http(http) = parts.application {
                http::end_of_stream(worker, scene, http, direction);
            }
            worker.close(scene, of(parts.windows, direction), direction);
        });
    }

    fn anomaly(&mut self, flow: &mut InspectedFlow, _: Direction, anomaly: StreamAnomaly) {
        self.work(flow, |worker, scene, _| {
            Worker::anomaly(worker, scene, "stream", anomaly.name(), "")
        });
    }

    fn end(&mut self, flow: &mut InspectedFlow, reason: EndReason) {
        self.work(flow, |worker, scene, parts| {
            match parts.application {
                Application::Dns(dns) => dns::finish(worker, scene, dns),
                Application::Http(http) => http::finish(worker, scene, http),
                Application::Tls(tls) => tls::finish(worker, scene, tls),
                Application::Unknown | Application::Other => {}
            }
            for direction in Direction::BOTH {
                worker.close(scene, of(parts.windows, direction), direction);
            }
            worker.flow_event(scene, reason);
        });
        flow.state = None;
    }
}
