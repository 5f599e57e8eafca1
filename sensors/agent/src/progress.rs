//! How far long work is, on standard error: on a terminal one line that is written over, elsewhere a line every ten seconds.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Time between two states of the line on a terminal.
const STATE_EVERY: Duration = Duration::from_millis(250);
/// Packets between two looks at the clock.
const PACKETS_PER_LOOK: u64 = 1024;
/// Takes the line on a terminal away.
const CLEAR: &str = "\r\x1b[2K";

/// How far the reading of captures is.
pub(crate) struct Progress {
    is_terminal: bool,
    begun: Instant,
    told: Instant,
    file_begun: Instant,
    packets_told: u64,
    is_shown: bool,
}

impl Progress {
    /// `has_output` says that events go to standard output: on a terminal they would stand in the same line.
    pub(crate) fn new(has_output: bool) -> Self {
        let now = Instant::now();
        Self {
            is_terminal: io::stderr().is_terminal() && !(has_output && io::stdout().is_terminal()),
            begun: now,
            told: now,
            file_begun: now,
            packets_told: 0,
            is_shown: false,
        }
    }

    /// Another file begins.
    pub(crate) fn file(&mut self) {
        self.file_begun = Instant::now();
    }

    /// Tells, if it is time to, of `packets` in all and of the bytes of the present file that are read, with its size where it has one.
    pub(crate) fn packets(&mut self, packets: u64, name: &str, bytes: impl FnOnce() -> Option<(u64, u64)>) {
        if !packets.is_multiple_of(PACKETS_PER_LOOK) {
            return;
        }
        let every = if self.is_terminal { STATE_EVERY } else { LINE_EVERY };
        let since = self.told.elapsed();
        if since < every {
            return;
        }
        let rate = (packets - self.packets_told) as f64 / since.as_secs_f64();
        let state = state(bytes(), self.file_begun.elapsed(), packets, rate);
        (self.told, self.packets_told) = (Instant::now(), packets);
        if self.is_terminal {
            self.is_shown = true;
            // Where nobody can be told, nobody waits for it.
            // The cursor stays at its begin, so that what is logged meanwhile stands there.
            let _ = write!(io::stderr(), "{CLEAR}{name}: {state}\r");
        } else {
            tracing::info!("{name}: {state}");
        }
    }

    /// Takes the line away, before something else is said and at the end.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(io::stderr(), "{CLEAR}");
        }
    }

    /// Says what all of it came to, where it took long.
    pub(crate) fn finish(&mut self, packets: u64) {
        self.clear();
        let seconds = self.begun.elapsed().as_secs_f64();
        if seconds >= LINE_EVERY.as_secs_f64() {
            let rate = packets as f64 / seconds;
            tracing::info!(packets, seconds, "read, {rate:.0} packets/s");
        }
    }
}

/// As in `42 %, 123456 packets, 98765 packets/s, 1 min 5 s left`.
fn state(bytes: Option<(u64, u64)>, elapsed: Duration, packets: u64, rate: f64) -> String {
    let counted = format!("{packets} packets, {rate:.0} packets/s");
    let Some((read, size)) = bytes.filter(|(read, size)| *read > 0 && *size > 0) else {
        return counted;
    };
    let share = read as f64 / size as f64;
    let left = elapsed.as_secs_f64() * (1.0 - share) / share;
    let percent = (share * 100.0).floor();
    format!("{percent} %, {counted}, {} left", words(left.round() as u64))
}

fn words(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {seconds} s"),
        _ => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_and_the_time_left_are_told_where_there_is_a_size() {
        let minute = Duration::from_secs(60);
        assert_eq!(
            state(Some((250, 1000)), minute, 5, 2.4),
            "25 %, 5 packets, 2 packets/s, 3 min 0 s left"
        );
        assert_eq!(state(None, minute, 5, 2.4), "5 packets, 2 packets/s");
        assert_eq!(state(Some((0, 10)), minute, 5, 0.0), "5 packets, 0 packets/s");
        assert_eq!(words(59), "59 s");
        assert_eq!(words(7322), "2 h 2 min");
    }
}
