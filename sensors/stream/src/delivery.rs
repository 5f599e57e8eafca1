//! The way of a stream's pieces from reassembly to the handler.

use crate::config::Counters;
use crate::flow::{CONFLICTS_FLOW_MAX, Direction, Flow, Handler, Interest, StreamAnomaly};
use crate::half::{Half, Out, Piece, Segment, Taken};
use crate::tcp::Connection;

/// Hands a direction's pieces to the handler, and counts.
pub(crate) struct Delivery<'a, T, H> {
    pub(crate) flow: &'a mut Flow<T>,
    pub(crate) handler: &'a mut H,
    pub(crate) counters: &'a mut Counters,
    /// What was told of the flow.
    pub(crate) told: &'a mut Told,
    pub(crate) depth_bytes: u64,
    /// Most delivered bytes of a direction that are kept until they are acknowledged.
    pub(crate) unacked_max: usize,
    pub(crate) now_us: i64,
}

/// What a flow's handler was told already.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// A bit for each kind of anomaly.
    kinds: [u32; 2],
    conflicts: u8,
}

impl Told {
    /// Whether an anomaly of that direction is the first of its kind.
    pub(crate) fn is_first(&mut self, direction: Direction, anomaly: StreamAnomaly) -> bool {
        let bit = 1 << (anomaly as u32);
        let kinds = crate::flow::side_mut(&mut self.kinds, direction);
        let is_first = *kinds & bit == 0;
        *kinds |= bit;
        is_first
    }
}

impl<T, H: Handler<T>> Delivery<'_, T, H> {
    /// Runs `work` on `half` with an outlet that leads to the handler.
    fn with<R>(
        &mut self,
        half: &mut Half,
        direction: Direction,
        work: impl FnOnce(&mut Half, &mut Out<'_>) -> R,
    ) -> R {
        let Self {
            flow,
            handler,
            counters,
            told,
            depth_bytes,
            ..
        } = self;
        let mut room = match *depth_bytes {
            0 => u64::MAX,
            depth => depth.saturating_sub(half.delivered()),
        };
        work(half, &mut |piece| {
            let (interest, len) = match piece {
                Piece::Data(bytes) => {
                    let kept = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
                    let interest = handler.data(flow, direction, bytes.get(..kept).unwrap_or_default());
                    (interest, bytes.len() as u64)
                }
                Piece::Gap(bytes) => {
                    counters.tcp_gaps += 1;
                    counters.tcp_gap_bytes += bytes;
                    flow.missed_bytes += bytes;
                    handler.gap(flow, direction, bytes);
                    (Interest::More, bytes)
                }
                Piece::Conflict { kept, other } => {
                    counters.tcp_overlap_conflicts += 1;
                    if told.conflicts < CONFLICTS_FLOW_MAX {
                        told.conflicts += 1;
                        handler.conflict(flow, direction, kept, other);
                    }
                    return Interest::More;
                }
            };
            room = room.saturating_sub(len);
            if room == 0 {
                counters.tcp_depth_reached += 1;
                return Interest::Enough;
            }
            interest
        })
    }

    /// Tells of an anomaly, unless it was told.
    pub(crate) fn anomaly(&mut self, direction: Direction, anomaly: StreamAnomaly) {
        if self.told.is_first(direction, anomaly) {
            self.handler.anomaly(self.flow, direction, anomaly);
        }
    }

    pub(crate) fn segment(&mut self, half: &mut Half, direction: Direction, segment: Segment<'_>) {
        let taken = self.with(half, direction, |half, out| half.segment(segment, out));
        match taken {
            Taken::Delivered | Taken::Ignored => {}
            Taken::Waiting => self.counters.tcp_out_of_order += 1,
            Taken::Old => self.counters.tcp_retransmitted += 1,
            Taken::OutOfWindow => {
                self.counters.tcp_dropped_by_host += 1;
                self.anomaly(direction, StreamAnomaly::OutOfWindow);
            }
        }
    }

    /// Delivers what was held back of a direction.
    pub(crate) fn settle(&mut self, half: &mut Half, direction: Direction) {
        let unacked_max = self.unacked_max;
        self.with(half, direction, |half, out| half.settle(unacked_max, out));
    }

    /// Gives holes up, first in the direction that grew, until at most `limit_bytes` wait in the flow.
    pub(crate) fn give_up(&mut self, connection: &mut Connection, direction: Direction, limit_bytes: usize) {
        self.anomaly(direction, StreamAnomaly::WaitingLimit);
        let unacked_max = self.unacked_max;
        for direction in [direction, direction.reverse()] {
            connection.half_mut(direction).drop_held_back();
            while connection.waiting_bytes() > limit_bytes && connection.half(direction).waiting_bytes() > 0 {
                self.with(connection.half_mut(direction), direction, |half, out| {
                    half.pass_hole(unacked_max, out);
                });
            }
        }
    }

    pub(crate) fn pass_acknowledged(&mut self, half: &mut Half, direction: Direction) {
        let (now_us, unacked_max) = (self.now_us, self.unacked_max);
        self.with(half, direction, |half, out| {
            half.pass_acknowledged_holes(now_us, unacked_max, out);
        });
    }

    pub(crate) fn flush(&mut self, half: &mut Half, direction: Direction) {
        half.drop_held_back();
        half.forget_unacked();
        if !half.is_skipped() {
            self.with(half, direction, Half::flush);
        }
        if half.force_end() {
            self.handler.end_of_stream(self.flow, direction);
        }
    }
}
