//! The way of a stream's pieces from reassembly to the handler.

use crate::config::Counters;
use crate::flow::{Direction, Flow, Handler, Interest, StreamAnomaly};
use crate::half::{Half, Out, Piece, Taken};
use crate::tcp::Connection;

/// Hands a direction's pieces to the handler, and counts.
pub(crate) struct Delivery<'a, T, H> {
    pub(crate) flow: &'a mut Flow<T>,
    pub(crate) handler: &'a mut H,
    pub(crate) counters: &'a mut Counters,
    pub(crate) depth_bytes: u64,
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
            depth_bytes,
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
            };
            room = room.saturating_sub(len);
            if room == 0 {
                counters.tcp_depth_reached += 1;
                return Interest::Enough;
            }
            interest
        })
    }

    pub(crate) fn segment(&mut self, half: &mut Half, direction: Direction, offset: i64, payload: &[u8]) {
        let (taken, conflict) = self.with(half, direction, |half, out| half.segment(offset, payload, out));
        match taken {
            Taken::Delivered | Taken::Ignored => {}
            Taken::Waiting => self.counters.tcp_out_of_order += 1,
            Taken::Old => self.counters.tcp_retransmitted += 1,
            Taken::OutOfWindow => {
                self.counters.tcp_out_of_window += 1;
                self.handler
                    .anomaly(self.flow, direction, StreamAnomaly::OutOfWindow);
            }
        }
        if conflict {
            self.counters.tcp_overlap_conflicts += 1;
            self.handler
                .anomaly(self.flow, direction, StreamAnomaly::OverlapConflict);
        }
    }

    /// Gives holes up, first in the direction that grew, until at most `limit_bytes` wait in the flow.
    pub(crate) fn give_up(&mut self, connection: &mut Connection, direction: Direction, limit_bytes: usize) {
        self.handler
            .anomaly(self.flow, direction, StreamAnomaly::WaitingLimit);
        for direction in [direction, direction.reverse()] {
            while connection.waiting_bytes() > limit_bytes && connection.half(direction).waiting_bytes() > 0 {
                self.with(connection.half_mut(direction), direction, Half::pass_hole);
            }
        }
    }

    pub(crate) fn pass_acknowledged(&mut self, half: &mut Half, direction: Direction) {
        if half.waiting_bytes() > 0 {
            self.with(half, direction, Half::pass_acknowledged_holes);
        }
    }

    pub(crate) fn flush(&mut self, half: &mut Half, direction: Direction) {
        if !half.is_skipped() {
            self.with(half, direction, Half::flush);
        }
        if half.force_end() {
            self.handler.end_of_stream(self.flow, direction);
        }
    }
}
