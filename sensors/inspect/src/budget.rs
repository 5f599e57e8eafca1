//! The budgets that all flows of a worker share, and who gives back when one is spent.
//!
//! Nobody can tell by one look who hoards. But whoever fills a budget holds it: so much in few flows, or little in very many. Bodies are
//! given back by the flow that holds most; of those that hold alike (the same power of two), by the one that has held it longest. Windows are
//! given back by the flow that did not speak for longest: first of those whose handshake was not seen, which cost their sender nothing; then of
//! those with long windows, since who waits amid a request has a short one; then of the rest.

use crate::Config;
use crate::conversation::{InspectedFlow, Window, of};
use crate::worker::{Scene, Worker};
use vonggac_stream::{Direction, Order};

/// Queues of flows with bodies: one for each power of two.
const SIZES: usize = usize::BITS as usize;

/// Queues of flows with windows: by what is known of the flow, then by length.
const STANDINGS: usize = 4;

/// From this length on windows are long.
const LONG_BYTES: usize = 2048;

/// Of which budget something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bodies,
    Windows,
}

/// What is spent of the budgets, and by whom.
#[derive(Default)]
pub(crate) struct Budgets {
    pub(crate) body_bytes: usize,
    pub(crate) window_bytes: usize,
    with_bodies: Order<SIZES>,
    with_windows: Order<STANDINGS>,
}

impl Budgets {
    /// Notes that a flow, whose sum is right already, holds so many bytes of bodies more.
    pub(crate) fn lend_bodies(&mut self, scene: &Scene<'_>, bytes: usize) {
        self.body_bytes += bytes;
        self.line_up_bodies(scene);
    }

    /// The same for bytes that it gives back.
    pub(crate) fn take_bodies_back(&mut self, scene: &Scene<'_>, bytes: usize) {
        self.body_bytes = self.body_bytes.saturating_sub(bytes);
        self.line_up_bodies(scene);
    }

    fn line_up_bodies(&mut self, scene: &Scene<'_>) {
        let slot = scene.flow.reference.slot();
        let size = scene.conversation.body_bytes.checked_ilog2();
        match size.map(|size| size as usize) {
            None => self.with_bodies.remove(slot),
            size if size == self.with_bodies.queue_of(slot) => {}
            Some(size) => self.with_bodies.push(slot, size),
        }
    }

    /// Charges what a window's memory has grown or shrunk by.
    pub(crate) fn charge_window(&mut self, scene: &mut Scene<'_>, direction: Direction) {
        let slot = scene.flow.reference.slot();
        let window = of(&mut scene.conversation.windows, direction);
        let before = std::mem::replace(&mut window.charged, window.bytes.capacity());
        if before == 0 && window.charged == 0 {
            return;
        }
        self.window_bytes = self.window_bytes.saturating_sub(before) + window.charged;
        match scene
            .conversation
            .windows
            .iter()
            .map(|window| window.charged)
            .sum()
        {
            0_usize => self.with_windows.remove(slot),
            _ => self.with_windows.push(slot, standing(scene)),
        }
    }

    /// Who gives back next, and of what; `None` while both budgets have room.
    pub(crate) fn next_to_shed(&self, config: &Config) -> Option<(u32, Kind)> {
        // So much is left for what one packet may bring.
        let bodies_max = config.body_bytes_max - config.body_bytes_max / 8;
        if self.body_bytes > bodies_max {
            let largest = (0..SIZES).rev().find_map(|size| self.with_bodies.oldest(size));
            return largest.map(|slot| (slot, Kind::Bodies));
        }
        if self.window_bytes > config.rule_overlap_bytes_max {
            let least = (0..STANDINGS).find_map(|standing| self.with_windows.oldest(standing));
            return least.map(|slot| (slot, Kind::Windows));
        }
        None
    }

    /// Asks a slot for nothing of that budget any more.
    pub(crate) fn forget(&mut self, slot: u32, kind: Kind) {
        match kind {
            Kind::Bodies => self.with_bodies.remove(slot),
            Kind::Windows => self.with_windows.remove(slot),
        }
    }
}

/// The queue of a flow with windows.
fn standing(scene: &Scene<'_>) -> usize {
    let is_long = |window: &Window| window.charged >= LONG_BYTES;
    let has_long = scene.conversation.windows.iter().any(is_long);
    match (scene.flow.midstream, has_long) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}

impl Worker<'_> {
    /// Has a flow give back what it holds of a budget.
    pub(crate) fn shed(&mut self, flow: &mut InspectedFlow, kind: Kind) {
        self.with_scene(flow, |worker, scene| match kind {
            Kind::Bodies => worker.shed_bodies(scene),
            Kind::Windows => {
                worker.counters.rule_overlap_limit += 1;
                for direction in Direction::BOTH {
                    worker.scan_rest(scene, direction);
                }
            }
        });
    }

    fn shed_bodies(&mut self, scene: &mut Scene<'_>) {
        self.counters.body_memory_shed += 1;
        let before = scene.conversation.body_bytes;
        self.with_protocol(scene, |protocol, host| protocol.shed(host));
        if scene.conversation.body_bytes >= before {
            // It holds what it cannot give back; the others shall.
            self.shared
                .budgets
                .forget(scene.flow.reference.slot(), Kind::Bodies);
        }
    }
}
