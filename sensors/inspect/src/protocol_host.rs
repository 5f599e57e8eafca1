//! The sensor, to a protocol that follows a flow.

use crate::conversation::{Known, direction_of};
use crate::signatures::Odd;
use crate::worker::{Scene, Worker};
use vonggac_event::{Body, proto};
use vonggac_protocol::{Card, Host, Limits, Side, Source};
use vonggac_signature::Stage;
use vonggac_stream::Direction;

/// What a protocol talks to while it takes something of its flow.
pub(crate) struct ProtocolHost<'h, 'w, 's> {
    worker: &'h mut Worker<'w>,
    scene: &'h mut Scene<'s>,
    card: &'static Card,
    client: Direction,
}

impl<'h, 'w, 's> ProtocolHost<'h, 'w, 's> {
    /// The host of a known protocol.
    pub(crate) fn new(worker: &'h mut Worker<'w>, scene: &'h mut Scene<'s>, known: &Known) -> Self {
        Self {
            worker,
            scene,
            card: known.card,
            client: known.client,
        }
    }

    fn direction(&self, side: Side) -> Direction {
        direction_of(side, self.client)
    }

    fn tell_odd(
        &mut self,
        side: Side,
        kind: &'static str,
        detail: &str,
        transaction: Option<(Side, &dyn Source)>,
    ) {
        debug_assert!(
            self.card.anomalies.contains(&kind),
            "no anomaly of the card: {kind}"
        );
        let odd = Odd {
            card: self.card,
            kind,
            detail,
            transaction,
        };
        let direction = self.direction(side);
        self.worker.protocol_anomaly(self.scene, direction, &odd);
    }
}

impl Host for ProtocolHost<'_, '_, '_> {
    fn now_us(&self) -> i64 {
        self.worker.ts_us
    }

    fn limits(&self) -> &Limits {
        &self.worker.config.protocol
    }

    fn packet(&self) -> u64 {
        self.worker.packet
    }

    fn event(&mut self, transaction: u64, ts_us: i64, body: Body) {
        self.scene.conversation.note_transaction(transaction);
        self.worker.emit(self.scene, Some(transaction), ts_us, body);
    }

    fn file(&mut self, transaction: u64, side: Side, file: proto::File, data: Vec<u8>) {
        let from_responder = !self.scene.conversation.is_to_server(self.direction(side));
        let file = proto::File {
            from_responder,
            ..file
        };
        self.worker.emit_file(self.scene, transaction, file, data);
    }

    fn anomaly(&mut self, side: Side, kind: &'static str, detail: &str) {
        self.tell_odd(side, kind, detail, None);
    }

    fn anomaly_of(&mut self, side: Side, kind: &'static str, detail: &str, transaction: &dyn Source) {
        self.tell_odd(side, kind, detail, Some((side, transaction)));
    }

    fn count(&mut self, counter: &'static str, by: u64) {
        self.worker.counters.protocols.add(counter, by);
    }

    fn judge(&mut self, side: Side, stage: u8, source: &dyn Source) {
        let direction = self.direction(side);
        let stage = Stage { side, number: stage };
        self.scene.conversation.note_transaction(source.transaction());
        self.worker
            .match_transaction(self.scene, direction, stage, source);
    }

    fn wake(&mut self, at_us: i64) -> bool {
        self.worker.shared.watch(self.scene.flow.reference, at_us)
    }

    fn reserve(&mut self, bytes: usize) -> usize {
        let worker = &mut self.worker;
        let room = worker
            .config
            .body_bytes_max
            .saturating_sub(worker.shared.budgets.body_bytes);
        let granted = bytes.min(room);
        self.scene.conversation.body_bytes += granted;
        worker.shared.budgets.lend_bodies(self.scene, granted);
        granted
    }

    fn release(&mut self, bytes: usize) {
        let held = &mut self.scene.conversation.body_bytes;
        debug_assert!(*held >= bytes, "more given back than taken");
        *held = held.saturating_sub(bytes);
        self.worker.shared.budgets.take_bodies_back(self.scene, bytes);
    }
}
