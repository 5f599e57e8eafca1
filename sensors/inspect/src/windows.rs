//! The windows through which signatures look at streams.

use crate::conversation::{Application, Conversation, Window, of};
use crate::worker::{Scene, Worker};
use vonggac_stream::Direction;

/// Fewer new bytes than this are few.
const FEW_BYTES: usize = 64;
/// How often signatures look at few new bytes of a direction at once; then they wait for more, so that bytes sent one by one cost no more than
/// others.
const FEW_SCANS_MAX: u8 = 64;

/// From that place in a direction on, signatures look at that many new bytes at once rather than at each segment.
const BATCH_AFTER_BYTES: u64 = 16 * 1024;
const BATCH_BYTES: usize = 2560;

impl Worker<'_> {
    /// Appends to a direction's window; `false` when the window is closed.
    pub(crate) fn append(&mut self, scene: &mut Scene<'_>, direction: Direction, data: &[u8]) -> bool {
        let window = scene.conversation.window(direction);
        window.seen = window.seen.saturating_add(data.len() as u64);
        self.reopen_if_read(window);
        if window.closed {
            return false;
        }
        window.bytes.extend_from_slice(data);
        window.new += data.len();
        self.shared.budgets.charge_window(scene, direction);
        true
    }

    /// Lets signatures look at a direction's new bytes, or at `loose` ones that were not kept.
    pub(crate) fn scan_stream(&mut self, scene: &mut Scene<'_>, direction: Direction, loose: Option<&[u8]>) {
        let window = scene.conversation.window(direction);
        if window.closed {
            return;
        }
        let (seen, is_full) = (window.seen, window.new >= BATCH_BYTES);
        let is_early = seen <= BATCH_AFTER_BYTES && window.is_worth_a_scan();
        if let Some(data) = loose {
            self.match_stream(scene, direction, data);
        } else if is_early || is_full {
            self.scan_window(scene, direction);
            self.slide(scene, direction);
        }
        let is_over = self.is_over(scene.conversation);
        let is_deep = seen >= self.config.rule_stream_bytes_max;
        if is_over || is_deep {
            self.counters.rule_stream_limit += u64::from(!is_over);
            self.close_window(scene, direction);
            let is_read = self.matcher.engine().reads_streams();
            scene.conversation.window(direction).is_unread = !is_deep && !is_read;
        }
    }

    /// Opens a window that was closed as no rule read streams, when rules that were loaded since do.
    fn reopen_if_read(&self, window: &mut Window) {
        let is_deep = window.seen >= self.config.rule_stream_bytes_max;
        if window.is_unread && !is_deep && self.matcher.engine().reads_streams() {
            (window.closed, window.is_unread) = (false, false);
        }
    }

    /// Whether nobody needs the windows any more.
    fn is_over(&self, conversation: &Conversation) -> bool {
        match &conversation.application {
            // They also show what protocol this is; after that only rules need them.
            Application::Unknown => false,
            Application::Known(known) if known.is_over => true,
            Application::Known(_) | Application::Other => !self.matcher.engine().reads_streams(),
        }
    }

    /// Lets signatures look at what they have not seen, and closes the window.
    pub(crate) fn close_window(&mut self, scene: &mut Scene<'_>, direction: Direction) {
        self.scan_rest(scene, direction);
        scene.conversation.window(direction).closed = true;
    }

    /// Lets signatures look at what they have not seen, and empties the window: what comes next does not follow upon it.
    pub(crate) fn scan_rest(&mut self, scene: &mut Scene<'_>, direction: Direction) {
        if scene.conversation.window(direction).new > 0 {
            self.scan_window(scene, direction);
        }
        self.clear(scene, direction);
    }

    fn scan_window(&mut self, scene: &mut Scene<'_>, direction: Direction) {
        let bytes = std::mem::take(&mut scene.conversation.window(direction).bytes);
        self.match_stream(scene, direction, &bytes);
        scene.conversation.window(direction).bytes = bytes;
    }

    /// Leaves of a window as much as rules look at again.
    fn slide(&mut self, scene: &mut Scene<'_>, direction: Direction) {
        let overlap_bytes = self.config.rule_overlap_bytes;
        let window = scene.conversation.window(direction);
        let past = window.bytes.len().saturating_sub(overlap_bytes);
        window.bytes.drain(..past);
        window.new = 0;
        if window.bytes.capacity() > 2 * (overlap_bytes + BATCH_BYTES) {
            // Much came at once, as behind a hole.
            window.bytes.shrink_to(overlap_bytes + BATCH_BYTES);
            self.shared.budgets.charge_window(scene, direction);
        }
    }

    fn clear(&mut self, scene: &mut Scene<'_>, direction: Direction) {
        let window = scene.conversation.window(direction);
        window.bytes = Vec::new();
        window.new = 0;
        self.shared.budgets.charge_window(scene, direction);
    }
}

impl Window {
    /// Whether there are enough new bytes, or few came seldom until now.
    fn is_worth_a_scan(&mut self) -> bool {
        if self.new >= FEW_BYTES {
            return true;
        }
        let has_room = self.few_scans < FEW_SCANS_MAX;
        self.few_scans = self.few_scans.saturating_add(u8::from(has_room));
        has_room
    }
}

impl Conversation {
    /// The window of a direction.
    pub(crate) fn window(&mut self, direction: Direction) -> &mut Window {
        of(&mut self.windows, direction)
    }
}
