//! The queue to the writer: batches of items, bounded in batches and in bytes.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use vonggac_event::{Event, wire};

use crate::budget::{Budget, Reservation};

/// Batches that wait for the writer.
const QUEUE_BATCHES: usize = 4 * 1024;
/// Most bytes of the events that wait for the writer.
const EVENTS_BYTES_MAX: usize = 256 << 20;
/// Most bytes of the files that wait for their scan, in all queues together.
pub(crate) const FILES_BYTES_MAX: usize = 256 << 20;
/// A batch with so many items, or so many bytes of events, waits for no more.
const BATCH_ITEMS: usize = 256;
const BATCH_BYTES: usize = 512 << 10;

/// What goes to the writer.
pub(crate) enum Item {
    /// An event, ready but for its id.
    Event(Box<Event>),
    /// A file and its bytes, to be scanned.
    File(Box<Event>, Vec<u8>, Reservation),
}

/// Items on their way to the writer, in order.
#[derive(Default)]
pub(crate) struct Batch {
    items: Vec<Item>,
    bytes: usize,
}

/// A batch's items and the room that their events take.
pub(crate) type Queued = (Vec<Item>, Reservation);

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct ItemSender {
    batches: SyncSender<Queued>,
    budget: Budget,
    /// Whether a full queue is waited for, or drops.
    waits: bool,
    stop: Arc<AtomicBool>,
}

/// Why a batch was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many batches.
    Batches,
    /// Too many bytes.
    Bytes,
}

impl Batch {
    /// Adds an item; says whether the batch is full.
    pub(crate) fn push(&mut self, item: Item) -> bool {
        self.bytes += bytes_of(&item);
        self.items.push(item);
        self.items.len() >= BATCH_ITEMS || self.bytes >= BATCH_BYTES
    }

    /// A batch of these events.
    pub(crate) fn of(events: impl IntoIterator<Item = Event>) -> Self {
        let mut batch = Self::default();
        for event in events {
            batch.push(Item::Event(Box::new(event)));
        }
        batch
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// The queue's two ends. `waits` says whether a full queue is waited for.
pub(crate) fn queue(waits: bool, stop: &Arc<AtomicBool>) -> (ItemSender, Receiver<Queued>) {
    let (batches, received) = sync_channel(QUEUE_BATCHES);
    let sender = ItemSender {
        batches,
        budget: Budget::new(EVENTS_BYTES_MAX),
        waits,
        stop: stop.clone(),
    };
    (sender, received)
}

impl ItemSender {
    /// Sends a batch, or says why there is no room.
    ///
    /// # Errors
    /// Only when the queue does not wait.
    pub(crate) fn send(&self, batch: Batch) -> Result<(), Refusal> {
        if self.waits {
            self.send_waiting(batch);
            return Ok(());
        }
        let room = self.budget.reserve(batch.bytes).ok_or(Refusal::Bytes)?;
        match self.batches.try_send((batch.items, room)) {
            Ok(()) => Ok(()),
            // A writer that is gone has told the sensor to stop.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Refusal::Batches),
        }
    }

    /// Bytes of the events that wait now.
    pub(crate) fn used_bytes(&self) -> usize {
        self.budget.used_bytes()
    }

    /// Sends a batch, waiting for room.
    pub(crate) fn send_waiting(&self, batch: Batch) {
        let room = self.budget.reserve_waiting(batch.bytes, &self.stop);
        // The writer only goes away first when it failed, which the main task reports.
        let _ = self.batches.send((batch.items, room));
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
        let (sender, received) = queue(false, &Arc::default());
        let event = Event {
            body: Some(Body::Anomaly(proto::Anomaly {
                detail: "x".repeat(64 << 20),
                ..proto::Anomaly::default()
            })),
            ..Event::default()
        };
        let large = || Batch::of([event.clone()]);
        let outcomes: Vec<_> = (0..4).map(|_| sender.send(large())).collect();
        assert_eq!(outcomes, [Ok(()), Ok(()), Ok(()), Err(Refusal::Bytes)]);
        drop(received.recv().unwrap());
        assert_eq!(sender.send(large()), Ok(()));
    }

    #[test]
    fn small_batches_are_bounded_by_their_number() {
        let (sender, _received) = queue(false, &Arc::default());
        let small = || Batch::of([Event::default()]);
        for _ in 0..QUEUE_BATCHES {
            assert_eq!(sender.send(small()), Ok(()));
        }
        assert_eq!(sender.send(small()), Err(Refusal::Batches));
    }

    #[test]
    fn a_batch_says_when_it_is_full() {
        let mut batch = Batch::default();
        let full = (0..BATCH_ITEMS).map(|_| batch.push(Item::Event(Box::default())));
        assert_eq!(full.filter(|is_full| *is_full).count(), 1);
        assert_eq!(batch.len(), BATCH_ITEMS);
    }
}
