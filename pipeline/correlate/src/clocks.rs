//! Event time: how far the events of each source have come.
//!
//! A *source* is one incarnation of a sensor's spool, the upper 64 bits of an event's id. Each has a clock of its own, so a capture of
//! last month that is read while traffic flows does not make the traffic wait, and is not late itself.
//!
//! ```text
//!  times of the last 8 events of the source     the 4th latest of them     less the lateness
//!  ───────────────────────────────────────▶ watermark (goes on only) ──────────────────▶ settled
//! ```
//! - One event with a time far ahead moves nothing: a watermark goes on only to a time that [`CONFIRMED_BY`] of the last
//!   [`RECENT_EVENTS`] events have reached. Until there are that many the source has no watermark, and nothing of it is over.
//! - When all of the last [`RECENT_EVENTS`] come late, the source's time was turned back (an older capture is read next, or a clock was
//!   set right), and its watermark goes back with it.
//! - A source that falls silent stops where it is. What it holds ends by *arrival*: the pipeline's own time, as it was when the matches
//!   were written to Kafka. Only time in which matches arrive counts, so a pause of the whole pipeline ends nothing.
//!
//! No clock is read here: a replay sees the same arrivals.

use std::collections::{BTreeMap, VecDeque};

use crate::Limits;

/// Events whose times a source's watermark is worked out from.
pub(crate) const RECENT_EVENTS: usize = 8;
/// How many of them must have reached a time before the watermark does.
pub(crate) const CONFIRMED_BY: usize = 4;
/// Most that one silence between two arrivals counts, in microseconds.
const SILENCE_US_MAX: i64 = 60_000_000;

/// The source of an event.
pub(crate) fn source_of(event_id: u128) -> u64 {
    (event_id >> 64) as u64
}

/// How far one source has come.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Clock {
    pub(crate) watermark_us: Option<i64>,
    /// Sequence and time of the last events, in the order they came.
    pub(crate) recent: VecDeque<(u64, i64)>,
    /// When the last of them came, in the time of [`Clocks::active_us`].
    pub(crate) heard_us: i64,
}

/// What became of an event's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Heard {
    /// It is older than what is settled.
    pub(crate) is_late: bool,
    /// The source's watermark went back.
    pub(crate) is_turned_back: bool,
    /// Another source was forgotten for this one.
    pub(crate) is_forgetful: bool,
}

/// The clocks of all sources.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Clocks {
    pub(crate) sources: BTreeMap<u64, Clock>,
    /// Time in which matches arrived, in microseconds from the first.
    pub(crate) active_us: i64,
    /// The latest arrival.
    pub(crate) arrival_us: Option<i64>,
}

impl Clocks {
    /// Lets arrival time go on.
    pub(crate) fn arrive(&mut self, arrival_us: i64) {
        let silence_us = arrival_us.saturating_sub(self.arrival_us.unwrap_or(arrival_us));
        if silence_us > 0 {
            self.active_us = self.active_us.saturating_add(silence_us.min(SILENCE_US_MAX));
        }
        // Producers' clocks differ a little; only one that was far ahead is left behind.
        if self.arrival_us.is_none() || !(-SILENCE_US_MAX..=0).contains(&silence_us) {
            self.arrival_us = Some(arrival_us);
        }
    }

    /// Takes an event's time in.
    pub(crate) fn hear(&mut self, event_id: u128, ts_us: i64, limits: &Limits) -> Heard {
        let source = source_of(event_id);
        let mut heard = Heard::default();
        if !self.sources.contains_key(&source) && self.sources.len() >= limits.sources_max.max(1) {
            heard.is_forgetful = self.forget_quietest();
        }
        let active_us = self.active_us;
        let clock = self.sources.entry(source).or_default();
        clock.heard_us = active_us;
        heard.is_late = clock
            .settled_us(limits)
            .is_some_and(|settled_us| ts_us < settled_us);
        heard.is_turned_back = clock.hear(event_id as u64, ts_us, limits);
        heard
    }

    /// State of `source` that a window of `length_us` needs is over when it lies before this time.
    pub(crate) fn horizon_us(&self, source: u64, length_us: i64, limits: &Limits) -> i64 {
        let Some(clock) = self.sources.get(&source) else {
            return i64::MAX;
        };
        if self.is_stale(clock.heard_us, length_us, limits) {
            return i64::MAX;
        }
        clock
            .settled_us(limits)
            .map_or(i64::MIN, |settled_us| settled_us.saturating_sub(length_us))
    }

    /// Whether what was last touched at `touched_us` of active time has been left alone for too long.
    pub(crate) fn is_stale(&self, touched_us: i64, length_us: i64, limits: &Limits) -> bool {
        let kept_us = length_us
            .saturating_add(limits.lateness_us)
            .saturating_add(limits.idle_us_max);
        self.active_us.saturating_sub(touched_us) > kept_us
    }

    /// Lets go of sources that have been silent for so long that no state of `length_us` or less depends on them.
    pub(crate) fn forget_silent(&mut self, length_us: i64, limits: &Limits) {
        let silent: Vec<u64> = self
            .sources
            .iter()
            .filter(|(_, clock)| self.is_stale(clock.heard_us, length_us, limits))
            .map(|(source, _)| *source)
            .collect();
        for source in silent {
            self.sources.remove(&source);
        }
    }

    /// The lowest and the highest watermark.
    pub(crate) fn watermarks_us(&self) -> Option<(i64, i64)> {
        let all = || self.sources.values().filter_map(|clock| clock.watermark_us);
        all().min().zip(all().max())
    }

    fn forget_quietest(&mut self) -> bool {
        let quietest = self.sources.iter().min_by_key(|(_, clock)| clock.heard_us);
        let source = quietest.map(|(source, _)| *source);
        source.is_some_and(|source| self.sources.remove(&source).is_some())
    }
}

impl Clock {
    fn settled_us(&self, limits: &Limits) -> Option<i64> {
        self.watermark_us
            .map(|watermark_us| watermark_us.saturating_sub(limits.lateness_us))
    }

    /// Takes an event's time in; says whether the watermark went back.
    fn hear(&mut self, sequence: u64, ts_us: i64, limits: &Limits) -> bool {
        // One event may match many rules; it is one witness.
        if self.recent.iter().any(|(known, _)| *known == sequence) {
            return false;
        }
        self.recent.push_back((sequence, ts_us));
        if self.recent.len() > RECENT_EVENTS {
            self.recent.pop_front();
        }
        let mut times: Vec<i64> = self.recent.iter().map(|(_, ts_us)| *ts_us).collect();
        times.sort_unstable_by(|left, right| right.cmp(left));
        let Some(confirmed_us) = times.get(CONFIRMED_BY - 1).copied() else {
            return false;
        };
        let settled_us = self.settled_us(limits).unwrap_or(i64::MIN);
        let is_turned_back =
            times.len() == RECENT_EVENTS && times.first().is_some_and(|latest_us| *latest_us < settled_us);
        if is_turned_back
            || self
                .watermark_us
                .is_none_or(|watermark_us| watermark_us < confirmed_us)
        {
            self.watermark_us = Some(confirmed_us);
        }
        is_turned_back
    }
}

/// What is over of state that matters for one length of time.
pub(crate) struct Over<'a> {
    clocks: &'a Clocks,
    limits: &'a Limits,
    length_us: i64,
    /// The horizon that was asked for last, since neighbours mostly have one source.
    last: Option<(u64, i64)>,
}

impl<'a> Over<'a> {
    pub(crate) fn new(clocks: &'a Clocks, limits: &'a Limits, length_us: i64) -> Self {
        Self {
            clocks,
            limits,
            length_us,
            last: None,
        }
    }

    /// Whether no match of `source` that is in time can meet state of `ts_us` any more.
    pub(crate) fn is_over(&mut self, source: u64, ts_us: i64) -> bool {
        let horizon_us = match self.last {
            Some((known, horizon_us)) if known == source => horizon_us,
            _ => self.clocks.horizon_us(source, self.length_us, self.limits),
        };
        self.last = Some((source, horizon_us));
        ts_us < horizon_us
    }

    /// Whether what was last touched at `touched_us` of active time has been left alone for too long.
    pub(crate) fn is_left_alone(&self, touched_us: i64) -> bool {
        self.clocks.is_stale(touched_us, self.length_us, self.limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn limits() -> Limits {
        Limits {
            lateness_us: 10 * SECOND,
            idle_us_max: 100 * SECOND,
            sources_max: 2,
            ..Limits::default()
        }
    }

    fn hear(clocks: &mut Clocks, source: u64, seconds: &[i64]) -> Vec<Heard> {
        let from = clocks
            .sources
            .get(&source)
            .and_then(|clock| clock.recent.back().copied())
            .map_or(0, |(sequence, _)| sequence);
        seconds
            .iter()
            .zip(from + 1..)
            .map(|(second, sequence)| {
                let id = u128::from(source) << 64 | u128::from(sequence);
                clocks.hear(id, second * SECOND, &limits())
            })
            .collect()
    }

    fn watermark(clocks: &Clocks, source: u64) -> Option<i64> {
        let clock = clocks.sources.get(&source)?;
        clock.watermark_us.map(|watermark_us| watermark_us / SECOND)
    }

    #[test]
    fn a_watermark_follows_what_several_events_have_reached() {
        let mut clocks = Clocks::default();
        hear(&mut clocks, 1, &[1, 2, 3]);
        assert_eq!(watermark(&clocks, 1), None);
        hear(&mut clocks, 1, &[4, 5, 6, 7, 8]);
        assert_eq!(watermark(&clocks, 1), Some(5));
        // Three of the last eight are wrong, again and again.
        for round in 1..20 {
            let far = 1_000_000 * round;
            let now = 8 + round * 5;
            hear(
                &mut clocks,
                1,
                &[now, far, now + 1, far, now + 2, far + 1, now + 3, now + 4],
            );
            assert!(watermark(&clocks, 1).is_some_and(|second| second <= now + 4));
        }
    }

    #[test]
    fn one_event_is_one_witness_however_many_rules_it_matches() {
        let mut clocks = Clocks::default();
        for _ in 0..20 {
            clocks.hear(1 << 64 | 7, 9 * SECOND, &limits());
        }
        assert_eq!(watermark(&clocks, 1), None);
    }

    #[test]
    fn a_source_whose_time_is_turned_back_starts_anew() {
        let mut clocks = Clocks::default();
        hear(&mut clocks, 1, &[1000; 8]);
        let heard = hear(&mut clocks, 1, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let late: Vec<bool> = heard.iter().map(|heard| heard.is_late).collect();
        assert_eq!(late, [true, true, true, true, true, true, true, true, false]);
        let turned: Vec<bool> = heard.iter().map(|heard| heard.is_turned_back).collect();
        assert_eq!(
            turned,
            [false, false, false, false, false, false, false, true, false]
        );
        assert_eq!(watermark(&clocks, 1), Some(6));
    }

    #[test]
    fn sources_do_not_move_each_other_and_are_bounded() {
        let mut clocks = Clocks::default();
        hear(&mut clocks, 1, &[5000; 4]);
        clocks.arrive(0);
        clocks.arrive(1);
        hear(&mut clocks, 2, &[1; 4]);
        assert_eq!(
            (watermark(&clocks, 1), watermark(&clocks, 2)),
            (Some(5000), Some(1))
        );
        assert_eq!(clocks.watermarks_us(), Some((SECOND, 5000 * SECOND)));
        let heard = hear(&mut clocks, 3, &[1]);
        assert!(heard.iter().all(|heard| heard.is_forgetful));
        assert_eq!(clocks.sources.keys().copied().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(
            clocks.horizon_us(1, 0, &limits()),
            i64::MAX,
            "what it held is over"
        );
    }

    #[test]
    fn only_time_in_which_matches_arrive_counts() {
        let mut clocks = Clocks::default();
        for second in [100, 101, 100, 103, 90_103, 90_104] {
            clocks.arrive(second * SECOND);
        }
        assert_eq!(clocks.active_us, 64 * SECOND, "the pause counts a minute");
        // A producer whose clock was a day ahead, and then the others again.
        clocks.arrive(180_000 * SECOND);
        clocks.arrive(90_105 * SECOND);
        clocks.arrive(90_106 * SECOND);
        assert_eq!(clocks.active_us, 125 * SECOND);
    }
}
