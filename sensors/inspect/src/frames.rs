//! Frames as such: those that could not be read, and the rules that wait for what is wrong with one.

use crate::Inspector;
use crate::LinkType;
use crate::inspector::Sink;
use crate::signatures::rule_body;
use std::net::{IpAddr, Ipv4Addr};
use vonggac_decode::{Diagnosis, DropReason, diagnose};
use vonggac_event::proto::Anomaly;
use vonggac_event::{Body, Event, address_bytes};
use vonggac_signature::{Context, Direction, PacketFacts};

/// A captured frame, and its time.
#[derive(Clone, Copy)]
pub(crate) struct Captured<'a> {
    pub(crate) ts_us: i64,
    pub(crate) link: LinkType,
    pub(crate) frame: &'a [u8],
}

impl Inspector {
    /// Tells of a frame that could not be read: by Suricata's names of what is wrong with it, or else by the reason.
    pub(crate) fn dropped(&mut self, captured: Captured<'_>, reason: DropReason, sink: &mut dyn Sink) {
        self.counters.drop_packet(reason);
        let found = diagnose(captured.link, captured.frame);
        let kinds = match found.events.as_slice() {
            [] => &[reason.name()],
            events => events,
        };
        for kind in kinds {
            if !self.frame_budget.spend(captured.ts_us, &self.config) {
                self.counters.anomalies_suppressed += 1;
                continue;
            }
            let anomaly = Anomaly {
                layer: reason.layer().into(),
                kind: (*kind).into(),
                ..Anomaly::default()
            };
            self.tell(captured.ts_us, &found, Body::Anomaly(anomaly), sink);
        }
        self.match_events(captured.ts_us, &found, sink);
    }

    /// Judges the rules that wait for what is wrong with a frame, if there are any.
    pub(crate) fn match_frame(&mut self, captured: Captured<'_>, sink: &mut dyn Sink) {
        if self.matcher.engine().waits_for_decode_events() {
            let found = diagnose(captured.link, captured.frame);
            self.match_events(captured.ts_us, &found, sink);
        }
    }

    fn match_events(&mut self, ts_us: i64, found: &Diagnosis, sink: &mut dyn Sink) {
        if found.events.is_empty() || !self.matcher.engine().waits_for_decode_events() {
            return;
        }
        let mut context = context(ts_us, found);
        let mut hits = std::mem::take(&mut self.shared.hits);
        self.matcher.events(&mut context, &mut hits);
        for hit in hits.drain(..) {
            let rule = self.matcher.engine().rule(hit.rule);
            let body = Body::Signature(Box::new(rule_body(rule, hit.action)));
            self.tell(ts_us, found, body, sink);
        }
        self.shared.hits = hits;
    }

    /// Gives the sink an event of a frame, which is of no flow.
    fn tell(&mut self, ts_us: i64, found: &Diagnosis, body: Body, sink: &mut dyn Sink) {
        let [src, dst] = found
            .addresses
            .map_or_else(Default::default, |ends| ends.map(address_bytes));
        let [sport, dport] = found.ports.map(u32::from);
        let event = Event {
            ts_us,
            src,
            dst,
            sport,
            dport,
            proto: u32::from(found.protocol),
            packet: self.number(),
            body: Some(body),
            ..Event::default()
        };
        self.counters.event(&event);
        sink.event(event);
    }
}

/// What the matcher is told of a frame. Without an IP header rules for any address hold, as in Suricata.
fn context(ts_us: i64, found: &Diagnosis) -> Context<'_> {
    let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let [src, dst] = found.addresses.unwrap_or([unknown; 2]);
    let [sport, dport] = found.ports;
    let facts = PacketFacts {
        ip_protocol: found.protocol,
        ..PacketFacts::default()
    };
    Context {
        ts_us,
        src,
        dst,
        sport,
        dport,
        protocol: found.protocol,
        app: None,
        app_failed: false,
        transaction: None,
        seen_before: 0,
        is_encrypted: false,
        direction: Direction::ToServer,
        established: false,
        flow: None,
        packet: Some(PacketFacts {
            decode_events: &found.events,
            ..facts
        }),
        stream_size: [0; 2],
        flow_facts: None,
        app_events: &[],
    }
}
