//! A core that writes down what a protocol tells it.

use vonggac_event::{Body, proto};
use vonggac_protocol::{Card, Host, Instances, Limits, Protocol, Side, Source, Transport};

/// What was told, in the order of telling.
pub(crate) struct Recorder {
    card: &'static Card,
    pub(crate) limits: Limits,
    pub(crate) events: Vec<Body>,
    pub(crate) files: Vec<(Side, proto::File, Vec<u8>)>,
    /// For each judgement, what rules could read: keyword and value.
    pub(crate) read: Vec<(&'static str, Vec<u8>)>,
    pub(crate) anomalies: Vec<String>,
    pub(crate) counts: Vec<&'static str>,
    /// Bytes taken out of the budget and not given back.
    pub(crate) reserved: usize,
    /// What the budget holds.
    pub(crate) budget: usize,
}

impl Recorder {
    pub(crate) fn new(card: &'static Card) -> Self {
        Self {
            card,
            limits: Limits::default(),
            events: Vec::new(),
            files: Vec::new(),
            read: Vec::new(),
            anomalies: Vec::new(),
            counts: Vec::new(),
            reserved: 0,
            budget: usize::MAX,
        }
    }

    /// Begins to follow a stream.
    pub(crate) fn begin(&self) -> Box<dyn Protocol> {
        (self.card.begin)(Transport::Tcp)
    }

    /// Whether rules could read `value` within the buffer of that keyword.
    pub(crate) fn could_read(&self, keyword: &str, value: &[u8]) -> bool {
        self.read
            .iter()
            .filter(|(name, _)| *name == keyword)
            .any(|(_, held)| contains(held, value))
    }
}

/// Whether `part` occurs in `whole`.
pub(crate) fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

impl Host for Recorder {
    fn now_us(&self) -> i64 {
        0
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn packet(&self) -> u64 {
        1
    }

    fn event(&mut self, _: u64, _: i64, body: Body) {
        self.events.push(body);
    }

    fn file(&mut self, _: u64, side: Side, file: proto::File, data: Vec<u8>) {
        self.files.push((side, file, data));
    }

    fn anomaly(&mut self, _: Side, kind: &'static str, detail: &str) {
        assert!(
            self.card.anomalies.contains(&kind),
            "{kind} stands not on the card"
        );
        self.anomalies.push(detail.to_owned());
    }

    fn count(&mut self, counter: &'static str, by: u64) {
        if by > 0 {
            self.counts.push(counter);
        }
    }

    fn judge(&mut self, side: Side, stage: u8, source: &dyn Source) {
        for (place, card) in self.card.buffers.iter().enumerate() {
            if card.stage > stage || !card.sides.contain(side) {
                continue;
            }
            let mut held = Instances::new();
            source.read(side, place, &mut held);
            let held = held.iter().map(|value| (card.keyword, value.to_vec()));
            self.read.extend(held);
        }
    }

    fn wake(&mut self, _: i64) -> bool {
        true
    }

    fn reserve(&mut self, bytes: usize) -> usize {
        let granted = bytes.min(self.budget.saturating_sub(self.reserved));
        self.reserved += granted;
        granted
    }

    fn release(&mut self, bytes: usize) {
        assert!(bytes <= self.reserved, "more given back than taken");
        self.reserved -= bytes;
    }
}
