//! The way of a worker's events and files to the writer, in batches.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::TrySendError;

use vonggac_event::{Body, Event};
use vonggac_inspect::Sink;

use crate::budget::Budget;
use crate::queue::{Batch, Item, ItemSender, Refusal};
use crate::scan::{Scanning, WaitingFile};

/// The way to the writer.
pub(crate) struct Out {
    items: ItemSender,
    scanning: Scanning,
    /// Bytes of files that wait for their scan, wherever.
    files: Budget,
    stop: Arc<AtomicBool>,
    batch: Batch,
    pub(crate) tally: OutTally,
}

/// What became of events and files.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OutTally {
    /// Events and files on their way, dropped or not.
    pub(crate) made: u64,
    pub(crate) dropped_queue_full: u64,
    pub(crate) dropped_bytes_full: u64,
    /// Files that went on without their scan.
    pub(crate) unscanned_queue_full: u64,
    pub(crate) unscanned_bytes_full: u64,
    pub(crate) unscanned_scanner_gone: u64,
}

impl Out {
    pub(crate) fn new(items: ItemSender, scanning: Scanning, files: Budget, stop: Arc<AtomicBool>) -> Self {
        Self {
            items,
            scanning,
            files,
            stop,
            batch: Batch::default(),
            tally: OutTally::default(),
        }
    }

    /// Sends what has gathered.
    pub(crate) fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let count = batch.len() as u64;
        match self.items.send(batch) {
            Ok(()) => {}
            Err(Refusal::Batches) => self.tally.dropped_queue_full += count,
            Err(Refusal::Bytes) => self.tally.dropped_bytes_full += count,
        }
    }

    /// Bytes that wait now: files for their scan, events for the writer.
    pub(crate) fn waiting_bytes(&self) -> (usize, usize) {
        (self.files.used_bytes(), self.items.used_bytes())
    }

    fn push(&mut self, item: Item) {
        if self.batch.push(item) {
            self.flush();
        }
    }
}

impl Sink for Out {
    fn event(&mut self, event: Event) {
        self.tally.made += 1;
        self.push(Item::Event(Box::new(event)));
    }

    fn file(&mut self, event: Event, data: Vec<u8>) {
        self.tally.made += 1;
        let event = Box::new(event);
        let item = match &self.scanning {
            Scanning::Off => Item::Event(event),
            Scanning::Inline => {
                let room = match self.files.reserve(data.len()) {
                    Some(room) => room,
                    None => {
                        // Its room may be that of files in the batch.
                        self.flush();
                        self.files.reserve_waiting(data.len(), &self.stop)
                    }
                };
                Item::File(event, data, room)
            }
            Scanning::Aside(files) => {
                let Some(room) = self.files.reserve(data.len()) else {
                    self.tally.unscanned_bytes_full += 1;
                    return self.push(unscanned(event));
                };
                match files.try_send(WaitingFile { event, data, room }) {
                    Ok(()) => return,
                    Err(TrySendError::Full(file)) => {
                        self.tally.unscanned_queue_full += 1;
                        unscanned(file.event)
                    }
                    Err(TrySendError::Disconnected(file)) => {
                        self.tally.unscanned_scanner_gone += 1;
                        unscanned(file.event)
                    }
                }
            }
        };
        self.push(item);
    }
}

/// The event of a file for whose scan there was no room.
fn unscanned(mut event: Box<Event>) -> Item {
    if let Some(Body::File(file)) = event.body.as_mut() {
        "skipped".clone_into(&mut file.scan);
    }
    Item::Event(event)
}
