//! Events of a flow.

use crate::conversation::InspectedFlow;
use crate::unanswered::{PACKETS_MAX, Unanswered};
use crate::worker::{Scene, Worker};
use vonggac_event::proto::{self, Anomaly};
use vonggac_event::{Body, Event, address_bytes, limits};
use vonggac_protocols::community_id;
use vonggac_signature::{self as signature, VariableScope};
use vonggac_stream::{Direction, EndReason};

const ICMP: u8 = 1;
const ICMP_V6: u8 = 58;

impl Worker<'_> {
    /// Gives the sink an event of a flow.
    pub(crate) fn emit(&mut self, scene: &Scene<'_>, transaction: Option<u64>, ts_us: i64, body: Body) {
        let event = self.event(scene, transaction, ts_us, body);
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
        let event = self.event(scene, Some(transaction), self.ts_us, Body::File(file));
        self.counters.event(&event);
        self.sink.file(event, data);
    }

    /// An event of a flow, without what the sensor fills in.
    fn event(&self, scene: &Scene<'_>, transaction: Option<u64>, ts_us: i64, body: Body) -> Event {
        let community_id = scene.conversation.community_id.get_or_init(|| {
            let seed = self.config.community_id_seed;
            community_id(scene.flow, seed)
        });
        Event {
            community_id: community_id.clone(),
            tx_id: transaction,
            packet: self.packet,
            at_flow_end: self.is_flow_end,
            ..of_flow(scene, ts_us, body)
        }
    }

    /// Reports an anomaly of a flow, unless it had enough of them.
    pub(crate) fn anomaly(
        &mut self,
        scene: &mut Scene<'_>,
        direction: Direction,
        layer: &str,
        kind: &str,
        detail: &str,
    ) {
        self.anomaly_in(scene, direction, None, [layer, kind, detail]);
    }

    /// Likewise, of a transaction; in words layer, kind and detail.
    pub(crate) fn anomaly_in(
        &mut self,
        scene: &mut Scene<'_>,
        direction: Direction,
        transaction: Option<u64>,
        [layer, kind, detail]: [&str; 3],
    ) {
        scene.conversation.anomalies = scene.conversation.anomalies.saturating_add(1);
        if scene.conversation.anomalies > self.config.anomalies_flow_max {
            self.counters.anomalies_suppressed += 1;
            return;
        }
        let body = Body::Anomaly(Anomaly {
            layer: layer.into(),
            kind: kind.into(),
            detail: limits::cut(detail.into(), limits::TEXT_BYTES_MAX),
            direction: direction_name(scene, direction).into(),
        });
        self.emit(scene, transaction, self.ts_us, body);
    }

    /// A flow up to now, from the client to the server.
    pub(crate) fn flow_so_far(&self, scene: &Scene<'_>) -> proto::Flow {
        let bits = self.matcher.engine().flow_bits(&scene.conversation.rules);
        proto::Flow {
            bits: bits.map(str::to_owned).collect(),
            variables: captured(scene, VariableScope::Flow),
            packet_variables: captured(scene, VariableScope::Packet),
            ..counted(scene)
        }
    }

    /// Tells the sums of flows without answer, once their window is over.
    pub(crate) fn tell_sums_if_due(&mut self) {
        if self
            .shared
            .unanswered
            .is_over(self.shared.now_us, &self.config.unanswered)
        {
            self.tell_sums();
        }
    }

    /// Tells the sums of flows without answer, and begins a window of them anew.
    pub(crate) fn tell_sums(&mut self) {
        for event in self.shared.unanswered.end_window() {
            self.counters.event(&event);
            self.sink.event(event);
        }
    }

    /// Gives the sink the event of a flow that is over, or adds it to a sum.
    pub(crate) fn flow_event(&mut self, scene: &Scene<'_>, reason: EndReason) {
        self.tell_sums_if_due();
        if let Some(flow) = unanswered(scene) {
            let (now_us, limits) = (self.shared.now_us, &self.config.unanswered);
            if self.shared.unanswered.sum_up(&flow, now_us, limits) {
                self.counters.flows_summed += 1;
                return;
            }
        }
        let body = proto::Flow {
            conn_state: scene.flow.conn_state.into(),
            end_reason: reason.name().into(),
            ..self.flow_so_far(scene)
        };
        self.emit(scene, None, scene.flow.last_us, Body::Flow(body));
    }
}

fn community_id(flow: &InspectedFlow, seed: u16) -> String {
    let (originator, responder) = (flow.originator, flow.responder);
    community_id::v1(
        seed,
        originator.address,
        responder.address,
        originator.port,
        responder.port,
        flow.protocol,
    )
}

/// What a sum needs of a flow that nobody answered; `None` for one that was, or of which there is more to tell.
fn unanswered(scene: &Scene<'_>) -> Option<Unanswered> {
    let Scene { flow, conversation } = scene;
    let is_unanswered = flow.packets.contains(&0) && flow.packets.iter().sum::<u64>() <= PACKETS_MAX;
    let is_remarkable =
        conversation.signatures > 0 || conversation.anomalies > 0 || !conversation.app_name.is_empty();
    if !is_unanswered || is_remarkable {
        return None;
    }
    Some(Unanswered {
        id: flow.id,
        src: flow.originator.address,
        dst: flow.responder.address,
        // ICMP has its type there.
        dport: match flow.protocol {
            ICMP | ICMP_V6 => 0,
            _ => flow.responder.port,
        },
        protocol: flow.protocol,
        vlans: flow.vlans,
        conn_state: flow.conn_state,
        start_us: flow.start_us,
        end_us: flow.last_us,
        packets: flow.packets,
        ip_bytes: flow.ip_bytes,
        frame_bytes: flow.frame_bytes,
        tcp_flags: flow.tcp_flags,
    })
}

/// An event of a flow, of what the flow itself tells.
fn of_flow(scene: &Scene<'_>, ts_us: i64, body: Body) -> Event {
    let Scene { flow, conversation } = scene;
    let [src, dst] = conversation.client_first([flow.originator, flow.responder]);
    // A flow of ICMP has type and code in place of the ports of its ends.
    let (icmp_type, icmp_code) = match flow.protocol {
        ICMP | ICMP_V6 => (flow.originator.port, flow.responder.port),
        _ => (0, 0),
    };
    Event {
        ts_us,
        flow_id: flow.id,
        src: address_bytes(src.address),
        dst: address_bytes(dst.address),
        sport: u32::from(src.port),
        dport: u32::from(dst.port),
        proto: u32::from(flow.protocol),
        vlan: u32::from(flow.vlans.inner()),
        outer_vlan: u32::from(flow.vlans.outer()),
        middle_vlan: u32::from(flow.vlans.middle()),
        icmp_type: u32::from(icmp_type),
        icmp_code: u32::from(icmp_code),
        body: Some(body),
        ..Event::default()
    }
}

/// What rules captured of that scope.
pub(crate) fn captured(scene: &Scene<'_>, scope: VariableScope) -> Vec<proto::Variable> {
    let all = scene.conversation.rules.variables().iter();
    let variable = |variable: &signature::Variable| proto::Variable {
        name: variable.name.to_string(),
        value: variable.value.to_vec(),
    };
    all.filter(|variable| variable.scope == scope)
        .map(variable)
        .collect()
}

/// A flow up to now, from the client to the server, without what rules know of it.
fn counted(scene: &Scene<'_>) -> proto::Flow {
    let Scene { flow, conversation } = scene;
    let [orig_packets, resp_packets] = conversation.client_first(flow.packets);
    let [orig_bytes, resp_bytes] = conversation.client_first(flow.ip_bytes);
    let [orig_frame_bytes, resp_frame_bytes] = conversation.client_first(flow.frame_bytes);
    let [orig_flags, resp_flags] = conversation.client_first(flow.tcp_flags);
    proto::Flow {
        start_us: flow.start_us,
        end_us: flow.last_us,
        orig_packets,
        resp_packets,
        orig_bytes,
        resp_bytes,
        orig_frame_bytes,
        resp_frame_bytes,
        app: conversation.app_name.into(),
        app_failed: conversation.app_name.is_empty() && flow.payload_bytes != [0; 2],
        orig_tcp_flags: u32::from(orig_flags),
        resp_tcp_flags: u32::from(resp_flags),
        missed_bytes: flow.missed_bytes,
        signatures: conversation.signatures,
        transactions: conversation.transactions,
        app_before: conversation.app_before.into(),
        ..proto::Flow::default()
    }
}

/// Which way a direction goes, as events say it.
pub(crate) fn direction_name(scene: &Scene<'_>, direction: Direction) -> &'static str {
    match scene.conversation.is_to_server(direction) {
        true => "to_server",
        false => "to_client",
    }
}
