//! The queue to the writer: bounded in items and in bytes.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use vonggac_event::{Event, wire};

use crate::budget::{Budget, Reservation};

/// Items that wait for the writer.
const QUEUE_ITEMS: usize = 16 * 1024;
/// Most bytes of the events that wait for the writer.
const EVENTS_BYTES_MAX: usize = 256 << 20;
/// Most bytes of the files that wait for their scan, in all queues together.
pub(crate) const FILES_BYTES_MAX: usize = 256 << 20;

/// What goes to the writer.
pub(crate) enum Item {
    /// An event, ready but for its id.
    Event(Box<Event>),
    /// A file and its bytes, to be scanned.
    File(Box<Event>, Vec<u8>, Reservation),
}

/// An item and the room its event takes.
pub(crate) type Queued = (Item, Reservation);

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct ItemSender {
    items: SyncSender<Queued>,
    budget: Budget,
    /// Whether a full queue is waited for, or drops.
    waits: bool,
    stop: Arc<AtomicBool>,
}

/// Why an item was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many items.
    Items,
    /// Too many bytes.
    Bytes,
}

/// The queue's two ends. `waits` says whether a full queue is waited for.
pub(crate) fn queue(waits: bool, stop: &Arc<AtomicBool>) -> (ItemSender, Receiver<Queued>) {
    let (items, received) = sync_channel(QUEUE_ITEMS);
    let sender = ItemSender {
        items,
        budget: Budget::new(EVENTS_BYTES_MAX),
        waits,
        stop: stop.clone(),
    };
    (sender, received)
}

impl ItemSender {
    /// Sends an item, or says why there is no room.
    ///
    /// # Errors
    /// Only when the queue does not wait.
    pub(crate) fn send(&mut self, item: Item) -> Result<(), Refusal> {
        let bytes = bytes_of(&item);
        if self.waits {
            self.send_waiting(item, bytes);
            return Ok(());
        }
        let room = self.budget.reserve(bytes).ok_or(Refusal::Bytes)?;
        match self.items.try_send((item, room)) {
            Ok(()) => Ok(()),
            // A writer that is gone has told the sensor to stop.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Refusal::Items),
        }
    }

    /// Bytes of the events that wait now.
    pub(crate) fn used_bytes(&self) -> usize {
        self.budget.used_bytes()
    }

    /// Sends an event, waiting for room.
    pub(crate) fn send_event(&mut self, event: Box<Event>) {
        let item = Item::Event(event);
        let bytes = bytes_of(&item);
        self.send_waiting(item, bytes);
    }

    fn send_waiting(&self, item: Item, bytes: usize) {
        let room = self.budget.reserve_waiting(bytes, &self.stop);
        // The writer only goes away first when it failed, which the main task reports.
        let _ = self.items.send((item, room));
    }
}

/// What an item takes beside a file's own bytes, roughly.
fn bytes_of(item: &Item) -> usize {
    let (Item::Event(event) | Item::File(event, ..)) = item;
    size_of::<Event>() + wire::encoded_bytes(&**event)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use vonggac_event::{Body, proto};

    #[test]
    fn large_events_are_bounded_by_their_bytes() {
        let (mut sender, received) = queue(false, &Arc::default());
        let event = Event {
            body: Some(Body::Anomaly(proto::Anomaly {
                detail: "x".repeat(64 << 20),
                ..proto::Anomaly::default()
            })),
            ..Event::default()
        };
        let mut outcomes = (0..5).map(|_| sender.send(Item::Event(Box::new(event.clone()))));
        assert_eq!(outcomes.by_ref().take(3).collect::<Vec<_>>(), [Ok(()); 3]);
        assert_eq!(outcomes.next(), Some(Err(Refusal::Bytes)));
        drop(outcomes);
        drop(received.recv().unwrap());
        assert_eq!(sender.send(Item::Event(Box::new(event))), Ok(()));
    }

    #[test]
    fn small_events_are_bounded_by_their_number() {
        let (mut sender, _received) = queue(false, &Arc::default());
        for _ in 0..QUEUE_ITEMS {
            assert_eq!(sender.send(Item::Event(Box::default())), Ok(()));
        }
        assert_eq!(sender.send(Item::Event(Box::default())), Err(Refusal::Items));
    }
}
