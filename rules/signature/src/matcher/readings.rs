//! What one call reads of a transaction, each buffer once.

use std::fmt;

use vonggac_event::proto::File;
use vonggac_protocol::{Instances, Side, Source};

use crate::vocabulary::App;

/// What was read of one side of a transaction so far.
pub(super) struct Readings<'s> {
    pub(super) source: &'s dyn Source,
    pub(super) app: App,
    pub(super) side: Side,
    /// By the buffer's place in the card.
    buffers: Vec<Option<Instances<'s>>>,
    files: Option<Vec<File>>,
}

impl fmt::Debug for Readings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readings")
            .field("app", &self.app)
            .field("side", &self.side)
            .finish_non_exhaustive()
    }
}

impl<'s> Readings<'s> {
    /// Nothing read yet.
    pub(super) fn new(source: &'s dyn Source, app: App, side: Side) -> Readings<'s> {
        Readings {
            source,
            app,
            side,
            buffers: Vec::new(),
            files: None,
        }
    }

    /// The instances of the buffer at that place in the protocol's card.
    pub(super) fn buffer(&mut self, place: usize) -> &Instances<'s> {
        if self.buffers.len() <= place {
            self.buffers.resize_with(place + 1, || None);
        }
        let read = |source: &'s dyn Source, side| {
            let mut instances = Instances::new();
            source.read(side, place, &mut instances);
            instances
        };
        // The place is there: it was made above.
        match self.buffers.get_mut(place) {
            Some(buffer) => buffer.get_or_insert_with(|| read(self.source, self.side)),
            None => const { &Vec::new() },
        }
    }

    /// The files that the side carries.
    pub(super) fn files(&mut self) -> &[File] {
        let (source, side) = (self.source, self.side);
        self.files.get_or_insert_with(|| source.files(side))
    }

    /// Whether one of the values of the number at that place is so.
    pub(super) fn any_number(&self, place: usize, is_so: impl Fn(u64) -> bool) -> bool {
        let mut values = Vec::new();
        self.source.numbers(self.side, place, &mut values);
        values.into_iter().any(is_so)
    }
}
