//! What a host makes of each TCP segment: who is where in the connection, and which segments count (RFC 9293, RFC 5961, RFC 7323).
//!
//! A segment that the receiver would drop must change nothing here: whoever sends it wants the sensor to see another stream than the host.
//! It is told as an anomaly. Where a host's answer depends on what this tap may have missed, the segment is believed when its peer goes on
//! as if it had been; after [`DOUBTS_MAX`] segments in a row that fit nothing, the picture here is held to be wrong and is begun anew.
//!
//! | from | segment | to |
//! |---|---|---|
//! | nothing | SYN | asked: its numbers are an offer, no more |
//! | asked | SYN-ACK that acknowledges an offer | answered; what it acknowledges is how the stream begins |
//! | answered | ACK of the opener that fits an answer | established |
//! | asked | ACK of the opener, no answer seen | established, the answer was missed |
//! | nothing | any other with ACK | established amid the connection |
//! | established | FIN | closing; the stream ends when the FIN is acknowledged |
//! | any | RST in the window | over; goes on if its sender does |
//! | over | SYN | a new connection |

use crate::config::Config;
use crate::flow::{Direction, StreamAnomaly, side, side_mut};
use crate::half::Half;
use vonggac_decode::{Tcp, flag};

/// Scale held for a side whose SYN was not seen: the widest there is, so that nothing is wrongly ignored.
const SCALE_UNKNOWN: u8 = 14;

/// Segments in a row that fit nothing, after which the picture is begun anew.
const DOUBTS_MAX: u8 = 8;

/// How far behind the start of its stream the opener's first segment may be: the ones between were missed.
const MISSED_MAX: u32 = 1024 * 1024;

/// By how much a timestamp may be older than the last one: Linux lets one tick pass.
const TIMESTAMP_SLACK: i32 = 1;

/// Most bytes of a SYN that are held back.
const SYN_DATA_MAX: usize = 16 * 1024;

/// Where one side stands, in Zeek's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    #[default]
    Inactive,
    SynSent,
    /// It speaks, but how it began was not seen.
    Partial,
    Established,
    Closed,
    Reset,
}

/// What a SYN or SYN-ACK says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offer {
    /// Sequence number of its first byte.
    start: u32,
    /// What it acknowledges; `None` for a SYN.
    acknowledges: Option<u32>,
    window_scale: Option<u8>,
    timestamp: Option<u32>,
}

impl Offer {
    /// Whether an acknowledgement is of this SYN, and of no more than all its data.
    fn is_answered_by(&self, acknowledges: u32, data_bytes: usize) -> bool {
        acknowledges.wrapping_sub(self.start) as usize <= data_bytes
    }
}

/// The first of one side's offers and the latest that differs: others are told by what the peer goes on with.
#[derive(Debug, Clone, Copy, Default)]
struct Offers {
    first: Option<Offer>,
    latest: Option<Offer>,
}

impl Offers {
    fn each(&self) -> impl Iterator<Item = Offer> + use<> {
        [self.first, self.latest].into_iter().flatten()
    }

    fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Adds one; `true` when another was there already.
    fn add(&mut self, offer: Offer) -> bool {
        match &mut self.first {
            None => {
                self.first = Some(offer);
                false
            }
            Some(first)
                if first.start == offer.start
                    && (first.acknowledges.is_none() || first.acknowledges == offer.acknowledges) =>
            {
                first.acknowledges = offer.acknowledges;
                false
            }
            Some(_) => {
                self.latest = Some(offer);
                true
            }
        }
    }
}

/// What to do with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Its payload belongs at this offset of its direction.
    Data(i64),
    /// Its payload is held back until it is acknowledged.
    HoldBack,
    /// What was held back of the other direction is settled.
    Settle,
    /// Its payload does not count.
    Ignore,
    /// It belongs to a new connection on the same ports.
    Restart,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) step: Step,
    pub(crate) anomaly: Option<StreamAnomaly>,
}

impl Verdict {
    fn quiet(step: Step) -> Self {
        Self { step, anomaly: None }
    }

    fn ignore(anomaly: StreamAnomaly) -> Self {
        Self {
            step: Step::Ignore,
            anomaly: Some(anomaly),
        }
    }
}

/// A TCP connection.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    stages: [Stage; 2],
    offers: [Offers; 2],
    /// What each side's SYN said, once it is known which of its offers counted.
    settled: [Option<Offer>; 2],
    /// Each side's clock, by its last segment in order.
    clocks: [Option<u32>; 2],
    /// A SYN amid the connection; a SYN-ACK to it proves a new connection.
    stray_syn: Option<(Direction, u32)>,
    /// Where in its direction the last RST lay.
    reset_at: [i64; 2],
    doubts: u8,
    pub(crate) halves: [Half; 2],
    /// The handshake is complete.
    established: bool,
    /// It is not, but the hosts deliver data: that of a SYN was acknowledged, or both sides have asked and answered.
    delivers: bool,
    pub(crate) midstream: bool,
}

impl Connection {
    fn stage(&self, direction: Direction) -> Stage {
        *side(&self.stages, direction)
    }

    fn set_stage(&mut self, direction: Direction, stage: Stage) {
        *side_mut(&mut self.stages, direction) = stage;
    }

    pub(crate) fn half(&self, direction: Direction) -> &Half {
        side(&self.halves, direction)
    }

    pub(crate) fn half_mut(&mut self, direction: Direction) -> &mut Half {
        side_mut(&mut self.halves, direction)
    }

    /// Whether what is said counts for the hosts' applications.
    pub(crate) fn is_established(&self) -> bool {
        self.established || self.delivers
    }

    /// Whether both sides finished, or one reset.
    pub(crate) fn is_over(&self) -> bool {
        self.stages.contains(&Stage::Reset) || self.stages == [Stage::Closed; 2]
    }

    /// Whether a side finished.
    pub(crate) fn is_closing(&self) -> bool {
        self.stages.contains(&Stage::Closed)
    }

    /// Bytes charged for what waits in both directions.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.halves.iter().map(Half::waiting_bytes).sum()
    }

    /// Bytes kept for comparison in both directions.
    pub(crate) fn unacked_bytes(&self) -> usize {
        self.halves.iter().map(Half::unacked_bytes).sum()
    }

    /// Follows a segment.
    pub(crate) fn observe(
        &mut self,
        direction: Direction,
        tcp: &Tcp<'_>,
        missing_bytes: u32,
        config: &Config,
    ) -> Verdict {
        if tcp.has(flag::RST) {
            return self.reset(direction, tcp);
        }
        if !tcp.has(flag::SYN) {
            return self.segment(direction, tcp, missing_bytes, config);
        }
        let acknowledges = tcp.has(flag::ACK).then_some(tcp.acknowledgment);
        let offer = Offer {
            start: tcp.sequence.wrapping_add(1),
            acknowledges,
            window_scale: tcp.options.window_scale,
            timestamp: tcp.options.timestamp,
        };
        match acknowledges {
            None => self.syn(direction, tcp, offer),
            Some(acknowledges) => self.syn_ack(direction, tcp, offer, acknowledges),
        }
    }

    fn syn(&mut self, direction: Direction, tcp: &Tcp<'_>, offer: Offer) -> Verdict {
        if self.is_over() {
            return Verdict::quiet(Step::Restart);
        }
        let can_begin = match self.stage(direction) {
            Stage::Inactive => !self.half(direction).is_known(),
            Stage::SynSent => true,
            _ => false,
        };
        if !can_begin {
            let is_repeat = self.is_start(direction, offer.start);
            if !is_repeat {
                self.stray_syn = Some((direction, tcp.sequence));
            }
            return Verdict {
                step: Step::Ignore,
                anomaly: (!is_repeat).then_some(StreamAnomaly::SynAmidConnection),
            };
        }
        let is_other = side_mut(&mut self.offers, direction).add(offer);
        self.set_stage(direction, Stage::SynSent);
        if is_other {
            // It is told when one of them is answered: who gets no answer may well try anew.
            return Verdict::quiet(Step::Ignore);
        }
        let half = self.half_mut(direction);
        if !half.is_known() {
            half.open(offer.start);
        }
        // Whether a host takes the data of a SYN is its own business; what it acknowledges tells.
        let is_held = !tcp.payload.is_empty() && tcp.payload.len() <= SYN_DATA_MAX && half.is_untouched();
        let is_odd = !tcp.payload.is_empty() && !tcp.options.fast_open;
        Verdict {
            step: if is_held { Step::HoldBack } else { Step::Ignore },
            anomaly: is_odd.then_some(StreamAnomaly::SynData),
        }
    }

    /// Whether a side's stream began with that sequence number.
    fn is_start(&self, direction: Direction, start: u32) -> bool {
        let offers = side(&self.offers, direction);
        offers.each().any(|offer| offer.start == start)
    }

    fn syn_ack(&mut self, direction: Direction, tcp: &Tcp<'_>, offer: Offer, acknowledges: u32) -> Verdict {
        let peer = direction.reverse();
        if self.stray_syn == Some((peer, acknowledges.wrapping_sub(1))) {
            return Verdict::quiet(Step::Restart);
        }
        if self.is_over() {
            return Verdict::quiet(Step::Ignore);
        }
        let own = *side(&self.offers, direction);
        match self.stage(direction) {
            Stage::Inactive => {}
            // Both ask at once (RFC 9293, 3.5), and this answers; or it answers itself.
            Stage::SynSent if own.each().any(|mine| mine.start == offer.start) => {}
            Stage::SynSent => return Verdict::ignore(StreamAnomaly::SynAckInWrongDirection),
            _ if own.each().any(|mine| mine.start == offer.start) => {
                // Where both asked, the second answer completes the handshake.
                let asked = side(&self.offers, peer);
                self.delivers |= asked
                    .each()
                    .any(|theirs| theirs.acknowledges.is_some() && theirs.start == acknowledges);
                return Verdict::quiet(Step::Ignore);
            }
            _ if self.established => return Verdict::ignore(StreamAnomaly::SynAckDiffers),
            _ => {}
        }
        let asked = *side(&self.offers, peer);
        let held_back = self.half(peer).held_back_bytes();
        let ask = asked
            .each()
            .find(|ask| ask.is_answered_by(acknowledges, held_back));
        if ask.is_none() && !asked.is_empty() {
            // Perhaps the SYN that it answers was missed: the opener's next segment tells.
            side_mut(&mut self.offers, direction).add(offer);
            return Verdict::ignore(StreamAnomaly::SynAckWrongAck);
        }
        let is_other = side_mut(&mut self.offers, direction).add(offer);
        if ask != asked.first {
            // What was held back came with the other SYN.
            self.half_mut(peer).drop_held_back();
        }
        if self.half(peer).is_untouched() {
            // The side that was acknowledged knows best where its own stream begins.
            let start = ask.map_or(acknowledges, |ask| ask.start);
            self.half_mut(peer).open(start);
        }
        *side_mut(&mut self.settled, peer) = ask;
        *side_mut(&mut self.clocks, peer) = ask.and_then(|ask| ask.timestamp);
        self.half_mut(peer)
            .acknowledge(acknowledges, u64::from(tcp.window));
        if is_other {
            return Verdict::ignore(StreamAnomaly::SynAckDiffers);
        }
        if self.half(direction).is_untouched() {
            self.half_mut(direction).open(offer.start);
        }
        self.delivers |= ask.is_some_and(|ask| ask.start != acknowledges);
        *side_mut(&mut self.settled, direction) = Some(offer);
        *side_mut(&mut self.clocks, direction) = offer.timestamp;
        self.set_stage(direction, Stage::Established);
        if self.half(peer).fin().is_none() && matches!(self.stage(peer), Stage::SynSent | Stage::Closed) {
            self.set_stage(peer, Stage::Established);
        }
        Verdict {
            step: Step::Settle,
            anomaly: asked.latest.map(|_| StreamAnomaly::SynDiffers),
        }
    }

    fn reset(&mut self, direction: Direction, tcp: &Tcp<'_>) -> Verdict {
        let half = self.half(direction);
        let peer = self.half(direction.reverse());
        let asks = side(&self.offers, direction.reverse());
        let offset = half.offset_of(tcp.sequence);
        let plausible = if self.stage(direction) == Stage::Inactive && !asks.is_empty() {
            // A refusal acknowledges the SYN (RFC 9293, 3.10.7.3).
            let held_back = peer.held_back_bytes();
            tcp.has(flag::ACK)
                && asks
                    .each()
                    .any(|ask| ask.is_answered_by(tcp.acknowledgment, held_back))
        } else if half.is_known() {
            half.is_plausible(offset) && offset.saturating_add(1) >= half.acked().cast_signed()
        } else if peer.is_known() && tcp.has(flag::ACK) {
            peer.is_plausible(peer.offset_of(tcp.acknowledgment))
        } else {
            true
        };
        if !plausible {
            return Verdict::ignore(StreamAnomaly::ResetIgnored);
        }
        self.set_stage(direction, Stage::Reset);
        *side_mut(&mut self.reset_at, direction) = offset;
        Verdict::quiet(Step::Ignore)
    }

    fn segment(
        &mut self,
        direction: Direction,
        tcp: &Tcp<'_>,
        missing_bytes: u32,
        config: &Config,
    ) -> Verdict {
        if !tcp.has(flag::ACK) {
            let alone = self.stage(direction.reverse()) == Stage::Inactive;
            if tcp.has(flag::FIN) && alone && self.stage(direction) == Stage::SynSent {
                self.set_stage(direction, Stage::Closed);
            }
            return Verdict::ignore(StreamAnomaly::NoAck);
        }
        if let Err(anomaly) = self.fit(direction, tcp, config) {
            self.doubts = self.doubts.saturating_add(1);
            if self.doubts < DOUBTS_MAX || anomaly.is_none() {
                return Verdict {
                    step: Step::Ignore,
                    anomaly,
                };
            }
            self.begin_anew(direction, tcp);
        }
        self.doubts = 0;
        self.accept(direction, tcp, missing_bytes)
    }

    /// Whether a segment with ACK fits the connection; what of it is opened by this segment is open afterwards.
    fn fit(
        &mut self,
        direction: Direction,
        tcp: &Tcp<'_>,
        config: &Config,
    ) -> Result<(), Option<StreamAnomaly>> {
        let peer = direction.reverse();
        if !self.half(direction).is_known() && !self.half(peer).is_known() {
            if !config.midstream {
                return Err(None);
            }
            self.midstream = true;
            self.half_mut(direction).open(tcp.sequence);
            self.half_mut(peer).open(tcp.acknowledgment);
            self.set_stage(direction, Stage::Partial);
            return Ok(());
        }
        if !self.established && !self.midstream {
            self.complete(direction, tcp).map_err(Some)?;
        }
        if self.stage(direction) == Stage::Inactive {
            let stage = match self.stage(peer) {
                Stage::Established => Stage::Established,
                _ => Stage::Partial,
            };
            self.set_stage(direction, stage);
        }
        if self.is_old(direction, tcp) {
            return Err(Some(StreamAnomaly::InvalidTimestamp));
        }
        let theirs = self.half(peer);
        if !theirs.can_be_acked(theirs.offset_of(tcp.acknowledgment)) {
            return Err(Some(StreamAnomaly::InvalidAck));
        }
        Ok(())
    }

    /// Brings the handshake to its end, if this segment does.
    fn complete(&mut self, direction: Direction, tcp: &Tcp<'_>) -> Result<(), StreamAnomaly> {
        let peer = direction.reverse();
        let (own, answers) = (*side(&self.offers, direction), *side(&self.offers, peer));
        let asks = |offer: Offer| offer.acknowledges.is_none();
        let is_opener =
            own.each().any(asks) || (own.is_empty() && !answers.is_empty() && !answers.each().any(asks));
        if !is_opener {
            // The one that was asked speaks: after its answer, or before it.
            let answer = own
                .each()
                .find(|mine| tcp.sequence.wrapping_sub(mine.start) < MISSED_MAX);
            let has_answered = answer.is_some();
            // Where both asked, both have answered; where only this side is seen, it speaks because the other has.
            let is_complete =
                answers.is_empty() || answers.each().any(|theirs| theirs.acknowledges.is_some());
            self.established |= has_answered && is_complete;
            // Its answer did not fit what was seen to be asked; the stream begins with it nevertheless.
            if let Some(answer) = answer
                && !self.half(direction).is_known()
            {
                self.half_mut(direction).open(answer.start);
            }
            return match has_answered {
                true => Ok(()),
                false => Err(StreamAnomaly::AckInWrongDirection),
            };
        }
        let fits = |answer: &Offer| {
            let start = answer.acknowledges.unwrap_or(answer.start);
            let starts_there = answer.acknowledges.is_none() || tcp.sequence.wrapping_sub(start) < MISSED_MAX;
            starts_there && tcp.acknowledgment.wrapping_sub(answer.start) < MISSED_MAX
        };
        let exact = |answer: &Offer| fits(answer) && tcp.acknowledgment == answer.start;
        let answer = answers.each().find(exact).or_else(|| answers.each().find(fits));
        let starts_own = own
            .each()
            .find(|mine| tcp.sequence.wrapping_sub(mine.start) < MISSED_MAX);
        match (answer, answers.is_empty()) {
            (Some(answer), _) => self.agree(direction, answer),
            // Its answer was missed.
            (None, true) if starts_own.is_some() => {
                *side_mut(&mut self.settled, direction) = starts_own;
                if let Some(mine) = starts_own
                    && self.half(direction).is_untouched()
                {
                    self.half_mut(direction).open(mine.start);
                    // It would say its SYN's data again if the answer had not taken it.
                    self.half_mut(direction)
                        .acknowledge(tcp.sequence, u64::from(tcp.window));
                }
                self.half_mut(peer).open(tcp.acknowledgment);
            }
            _ => return Err(StreamAnomaly::HandshakeMismatch),
        }
        self.established = true;
        for direction in Direction::BOTH {
            if matches!(self.stage(direction), Stage::SynSent) {
                self.set_stage(direction, Stage::Established);
            }
        }
        Ok(())
    }

    /// Both streams begin as this answer says.
    fn agree(&mut self, opener: Direction, answer: Offer) {
        let answerer = opener.reverse();
        if self.half(answerer).is_untouched() {
            self.half_mut(answerer).open(answer.start);
        }
        if self.stage(answerer) == Stage::Inactive {
            self.set_stage(answerer, Stage::Established);
        }
        *side_mut(&mut self.settled, answerer) = Some(answer);
        *side_mut(&mut self.clocks, answerer) = answer.timestamp;
        let Some(acknowledges) = answer.acknowledges else {
            return;
        };
        if !self.is_start(opener, acknowledges) && self.half(opener).is_untouched() {
            self.half_mut(opener).open(acknowledges);
        }
    }

    /// What was believed does not lead on: this segment is where the streams go on.
    fn begin_anew(&mut self, direction: Direction, tcp: &Tcp<'_>) {
        self.midstream = true;
        self.clocks = [None; 2];
        self.settled = [None; 2];
        let peer = direction.reverse();
        if self.half(direction).is_untouched() {
            self.half_mut(direction).open(tcp.sequence);
        }
        if self.half(peer).is_untouched() {
            self.half_mut(peer).open(tcp.acknowledgment);
        }
        for direction in Direction::BOTH {
            if self.stage(direction) == Stage::SynSent {
                self.set_stage(direction, Stage::Partial);
            }
        }
    }

    /// Whether a segment is a left-over by its sender's clock (RFC 7323, 5), where both sides have agreed to tell the time.
    fn is_old(&self, direction: Direction, tcp: &Tcp<'_>) -> bool {
        let agreed = self
            .settled
            .iter()
            .all(|offer| offer.is_some_and(|offer| offer.timestamp.is_some()));
        match (tcp.options.timestamp, side(&self.clocks, direction)) {
            (Some(now), Some(last)) if agreed => now.wrapping_sub(*last).cast_signed() < -TIMESTAMP_SLACK,
            _ => false,
        }
    }

    fn accept(&mut self, direction: Direction, tcp: &Tcp<'_>, missing_bytes: u32) -> Verdict {
        let peer = direction.reverse();
        let window_bytes = u64::from(tcp.window) << self.scale(direction);
        self.half_mut(peer).acknowledge(tcp.acknowledgment, window_bytes);
        self.established |= self.midstream;
        if !self.half(direction).is_known() {
            // Nothing told where it begins: here, as far as anybody saw.
            self.half_mut(direction).open(tcp.sequence);
        }
        let half = self.half(direction);
        let offset = half.offset_of(tcp.sequence);
        if let Some(now) = tcp.options.timestamp
            && offset <= half.acked().cast_signed()
        {
            // RFC 7323, 4.3: only what is at the left edge moves the clock on.
            let clock = side_mut(&mut self.clocks, direction);
            if clock.is_none_or(|last| now.wrapping_sub(last).cast_signed() > 0) {
                *clock = Some(now);
            }
        }
        let len = tcp.payload.len() as i64 + i64::from(missing_bytes);
        let end = offset.saturating_add(len);
        // Met amid its way, the stream began before what was taken for its beginning: out of order, or the first was made up. Once the
        // receiver has spoken, it is a repetition.
        let is_early =
            self.midstream && self.stage(peer) == Stage::Inactive && offset < 0 && (offset, len) != (-1, 1);
        let mut anomaly = (is_early && len > 0).then_some(StreamAnomaly::OutOfWindow);
        if len > 0
            && self
                .half(direction)
                .fin()
                .is_some_and(|fin| end > fin.cast_signed())
        {
            if self.half(direction).is_fin_acked() {
                return Verdict::ignore(StreamAnomaly::DataAfterFin);
            }
            // Its receiver has not taken the FIN, and its sender goes on.
            self.half_mut(direction).unfinish();
            self.set_stage(direction, Stage::Established);
            anomaly = Some(StreamAnomaly::DataAfterFin);
        }
        if len > 0 && self.stage(direction) == Stage::Reset && offset >= *side(&self.reset_at, direction) {
            self.set_stage(direction, Stage::Established);
            anomaly = Some(StreamAnomaly::ResetDisbelieved);
        }
        let half = self.half_mut(direction);
        if tcp.has(flag::FIN) && half.is_plausible(offset) {
            half.finish_at(end);
            if half.fin().is_some() && self.stage(direction) != Stage::Reset {
                self.set_stage(direction, Stage::Closed);
            }
        }
        Verdict {
            step: Step::Data(offset),
            anomaly,
        }
    }

    fn scale(&self, direction: Direction) -> u8 {
        match (
            side(&self.settled, direction),
            side(&self.settled, direction.reverse()),
        ) {
            (Some(own), Some(theirs)) if own.window_scale.is_none() || theirs.window_scale.is_none() => 0,
            (Some(own), _) => own.window_scale.unwrap_or(0),
            (None, Some(theirs)) if theirs.window_scale.is_none() => 0,
            (None, _) => SCALE_UNKNOWN,
        }
    }

    /// Zeek's `conn_state` of a connection that ends here; `silent` when neither side sent payload.
    pub(crate) fn conn_state(&self, silent: bool) -> &'static str {
        use Stage::{Closed, Established, Inactive, Partial, Reset, SynSent};
        match self.stages {
            [SynSent, Reset] => "REJ",
            [Reset, Reset] if silent => "REJ",
            [Inactive | Partial, Reset] => "RSTRH",
            [_, Reset] => "RSTR",
            [Reset, Inactive | Partial] => "RSTOS0",
            [Reset, _] => "RSTO",
            [Closed, Closed] => "SF",
            [Closed, Inactive | Partial] => "SH",
            [Closed, _] => "S2",
            [Inactive | Partial, Closed] => "SHR",
            [_, Closed] => "S3",
            [SynSent, Inactive] => "S0",
            [Established, Established] => "S1",
            _ => "OTH",
        }
    }
}
