//! Hears of packets and stream data, and takes them to signatures and protocols.

use crate::conversation::{Conversation, InspectedFlow, State};
use crate::counters::Counters;
use crate::{Config, Sink};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use vonggac_decode::{Assembly, Packet, Transport};
use vonggac_event::hexadecimal;
use vonggac_protocols::community_id;
use vonggac_signature::{Hit, Matcher};
use vonggac_stream::{CONFLICT_NAME, Direction, EndReason, FlowRef, Handler, Interest, StreamAnomaly};

/// Most flows that wait to be woken at once; others learn that their time is over when they end.
const DEADLINES_MAX: usize = 256 * 1024;

/// What all flows of a worker share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) now_us: i64,
    /// Bytes kept of bodies.
    pub(crate) body_bytes: usize,
    /// Bytes kept in windows.
    pub(crate) window_bytes: usize,
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
    pub(crate) conversation: &'a mut Conversation,
}

/// The handler of one call of the inspector.
pub(crate) struct Worker<'a> {
    pub(crate) config: &'a Config,
    pub(crate) counters: &'a mut Counters,
    pub(crate) matcher: &'a mut Matcher,
    pub(crate) shared: &'a mut Shared,
    pub(crate) sink: &'a mut dyn Sink,
    pub(crate) ts_us: i64,
    /// Number of the packet in its capture, from 1; 0 on a tap and where no packet is the cause.
    pub(crate) packet: u64,
    /// A flow is ending without a packet of its own.
    pub(crate) is_flow_end: bool,
}

impl Worker<'_> {
    /// Tells a flow's protocol that the time has come it waited for.
    pub(crate) fn overdue(&mut self, flow: &mut InspectedFlow) {
        self.with_scene(flow, |worker, scene| {
            worker.with_protocol(scene, |protocol, host| protocol.overdue(host));
        });
    }

    /// Runs `work` on a flow and its conversation, which begins here if need be.
    fn with_scene<R>(
        &mut self,
        flow: &mut InspectedFlow,
        work: impl FnOnce(&mut Self, &mut Scene<'_>) -> R,
    ) -> R {
        let mut conversation = flow
            .state
            .take()
            .unwrap_or_else(|| conversation(flow, self.config.community_id_seed));
        let mut scene = Scene {
            flow,
            conversation: &mut conversation,
        };
        let result = work(self, &mut scene);
        flow.state = Some(conversation);
        result
    }
}

fn conversation(flow: &InspectedFlow, community_id_seed: u16) -> Box<Conversation> {
    let (originator, responder) = (flow.originator, flow.responder);
    let mut conversation = Box::<Conversation>::default();
    conversation.community_id = community_id::v1_seeded(
        community_id_seed,
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
        self.with_scene(flow, |worker, scene| {
            if packet.assembly == Assembly::Conflicting {
                worker.anomaly(scene, direction, "network", "fragment_overlap_conflict", "");
            }
            let datagram = match &packet.transport {
                Transport::Udp(udp) if !udp.payload.is_empty() => Some(udp.payload),
                _ => None,
            };
            if let Some(payload) = datagram {
                worker.identify_datagram(scene, direction, payload);
            }
            worker.match_packet(scene, direction, packet);
            if let Some(payload) = datagram {
                worker.feed(scene, direction, payload);
            }
        });
    }

    fn data(&mut self, flow: &mut InspectedFlow, direction: Direction, data: &[u8]) -> Interest {
        self.with_scene(flow, |worker, scene| worker.stream_data(scene, direction, data))
    }

    fn gap(&mut self, flow: &mut InspectedFlow, direction: Direction, bytes: u64) {
        self.with_scene(flow, |worker, scene| {
            worker.scan_rest(scene, direction);
            let window = scene.conversation.window(direction);
            window.seen = window.seen.saturating_add(bytes);
            worker.tell_protocol(scene, direction, |protocol, host, side| {
                protocol.gap(host, side, bytes)
            });
        });
    }

    fn conflict(&mut self, flow: &mut InspectedFlow, direction: Direction, kept: &[u8], other: &[u8]) {
        let detail = format!(
            "{} bytes; kept sha256 {}, other sha256 {}",
            kept.len(),
            hexadecimal(&Sha256::digest(kept)),
            hexadecimal(&Sha256::digest(other))
        );
        self.with_scene(flow, |worker, scene| {
            worker.stream_anomaly(scene, direction, CONFLICT_NAME, &detail);
        });
    }

    fn end_of_stream(&mut self, flow: &mut InspectedFlow, direction: Direction) {
        self.with_scene(flow, |worker, scene| {
            worker.tell_protocol(scene, direction, |protocol, host, side| protocol.end(host, side));
            worker.close_window(scene, direction);
        });
    }

    fn anomaly(&mut self, flow: &mut InspectedFlow, direction: Direction, anomaly: StreamAnomaly) {
        self.with_scene(flow, |worker, scene| {
            worker.stream_anomaly(scene, direction, anomaly.name(), "");
        });
    }

    fn end(&mut self, flow: &mut InspectedFlow, reason: EndReason) {
        let packet = std::mem::take(&mut self.packet);
        self.is_flow_end = true;
        self.with_scene(flow, |worker, scene| {
            worker.with_protocol(scene, |protocol, host| protocol.finish(host));
            for direction in Direction::BOTH {
                worker.close_window(scene, direction);
            }
            worker.flow_event(scene, reason);
        });
        flow.state = None;
        self.packet = packet;
        self.is_flow_end = false;
    }
}
