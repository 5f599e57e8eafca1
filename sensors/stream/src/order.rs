//! Slots of a table in the order in which they were put there: several queues, of which a slot stands in one at most. Putting, taking
//! and looking cost the same however many there are.

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Link {
    previous: u32,
    next: u32,
    /// The queue it stands in.
    queue: Option<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    oldest: u32,
    newest: u32,
}

/// Doubly linked queues over the numbers of slots.
#[derive(Debug)]
pub struct Order<const QUEUES: usize> {
    links: Vec<Link>,
    queues: [Ends; QUEUES],
}

impl<const QUEUES: usize> Default for Order<QUEUES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const QUEUES: usize> Order<QUEUES> {
    /// Without any slot.
    pub fn new() -> Self {
        let empty = Ends {
            oldest: NONE,
            newest: NONE,
        };
        Self {
            links: Vec::new(),
            queues: [empty; QUEUES],
        }
    }

    /// The slot that stands longest in a queue.
    pub fn oldest(&self, queue: usize) -> Option<u32> {
        let ends = self.queues.get(queue)?;
        (ends.oldest != NONE).then_some(ends.oldest)
    }

    /// The queue that a slot stands in.
    pub fn queue_of(&self, slot: u32) -> Option<usize> {
        self.links.get(slot as usize)?.queue.map(usize::from)
    }

    /// Puts a slot at the end of a queue, from wherever it stood.
    pub fn push(&mut self, slot: u32, queue: usize) {
        self.remove(slot);
        let Some(ends) = self.queues.get_mut(queue) else {
            return;
        };
        let newest = std::mem::replace(&mut ends.newest, slot);
        if ends.oldest == NONE {
            ends.oldest = slot;
        }
        let absent = Link {
            previous: NONE,
            next: NONE,
            queue: None,
        };
        if self.links.len() <= slot as usize {
            self.links.resize(slot as usize + 1, absent);
        }
        if let Some(link) = self.links.get_mut(newest as usize) {
            link.next = slot;
        }
        if let Some(link) = self.links.get_mut(slot as usize) {
            *link = Link {
                previous: newest,
                next: NONE,
                queue: Some(queue as u8),
            };
        }
    }

    /// Takes a slot out of its queue.
    pub fn remove(&mut self, slot: u32) {
        let Some(link) = self.links.get_mut(slot as usize) else {
            return;
        };
        let (previous, next) = (link.previous, link.next);
        let Some(ends) = link
            .queue
            .take()
            .and_then(|queue| self.queues.get_mut(usize::from(queue)))
        else {
            return;
        };
        if ends.oldest == slot {
            ends.oldest = next;
        }
        if ends.newest == slot {
            ends.newest = previous;
        }
        if let Some(link) = self.links.get_mut(previous as usize) {
            link.next = next;
        }
        if let Some(link) = self.links.get_mut(next as usize) {
            link.previous = previous;
        }
    }
}
