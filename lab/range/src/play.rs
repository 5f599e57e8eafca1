//! `vonggac lab play`: sends a capture on an interface.
//!
//! Frames leave at the distances they were captured at, divided by the speed. A player that falls behind catches up by
//! at most [`CATCH_UP_MAX`]; what is beyond is added to the rest of the play and reported, so that a hiccup never becomes
//! a flood. Frames longer than the interface takes are left out and counted: sent + oversize = read, exactly.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use pnet::datalink::{self, Channel, Config, DataLinkSender};

use vonggac_capture::{FileSource, LINK_ETHERNET};

use crate::RangeError;

/// How far behind its time a frame may be sent without the rest being put off.
pub const CATCH_UP_MAX: Duration = Duration::from_millis(200);

/// How often a frame is tried again when the interface's queue is full, a millisecond apart.
const RETRIES_MAX: u32 = 2000;

/// Bytes of an Ethernet header, which an MTU does not count.
const ETHERNET_HEADER_BYTES: usize = 14;

/// What to play, and where.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Capture file to play: pcap or pcapng, also gzip-compressed; - is standard input.
    #[arg(long, value_name = "PCAP")]
    pub read: PathBuf,
    /// Interface to send on.
    #[arg(long, value_name = "IF")]
    pub interface: String,
    /// How many times faster than it was captured.
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = parse_speed, conflicts_with = "max")]
    pub speed: f64,
    /// As fast as the interface takes it.
    #[arg(long)]
    pub max: bool,
}

impl Arguments {
    fn pace(&self) -> Pace {
        if self.max {
            Pace::Unbounded
        } else {
            Pace::Times(self.speed)
        }
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.001..=1_000_000.0).contains(&speed) => Ok(speed),
        _ => Err("a number from 0.001 to 1000000 is needed".to_owned()),
    }
}

/// How fast to play.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many times faster than captured.
    Times(f64),
    /// Without waiting.
    Unbounded,
}

/// What became of a play.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Frames in the capture.
    pub read: u64,
    /// Frames sent.
    pub sent: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Frames left out because the interface takes none as long.
    pub oversize: u64,
    /// How long the rest was put off in all, because the player could not keep up.
    pub put_off: Duration,
    /// How long it took.
    pub took: Duration,
}

/// Takes frames to send.
pub trait FrameOut {
    /// Sends one frame.
    ///
    /// # Errors
    /// The system's own.
    fn send(&mut self, frame: &[u8]) -> io::Result<()>;
}

/// Tells the time and waits; the system's, or a test's.
pub trait Clock {
    /// Time since some beginning.
    fn now(&mut self) -> Duration;
    /// Waits.
    fn sleep(&mut self, duration: Duration);
}

/// The system's clock.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// Begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&mut self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&mut self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// An interface opened for raw frames.
pub struct Interface {
    name: String,
    sender: Box<dyn DataLinkSender>,
    frame_bytes_max: usize,
}

impl Interface {
    /// Opens an interface of the current network namespace.
    ///
    /// # Errors
    /// [`RangeError::NoInterface`], [`RangeError::InterfaceDown`], or [`RangeError::Open`] where the right is missing.
    pub fn open(name: &str) -> Result<Self, RangeError> {
        let interface = datalink::interfaces()
            .into_iter()
            .find(|interface| interface.name == name)
            .ok_or_else(|| RangeError::NoInterface {
                name: name.to_owned(),
            })?;
        if !interface.is_up() {
            return Err(RangeError::InterfaceDown {
                name: name.to_owned(),
            });
        }
        let open = |source| RangeError::Open {
            name: name.to_owned(),
            source,
        };
        let config = Config {
            promiscuous: false,
            ..Config::default()
        };
        let sender = match datalink::channel(&interface, config).map_err(open)? {
            Channel::Ethernet(sender, _) => sender,
            _ => return Err(open(io::Error::from(io::ErrorKind::Unsupported))),
        };
        let mtu = std::fs::read_to_string(format!("/sys/class/net/{name}/mtu")).map_err(open)?;
        let mtu: usize = mtu
            .trim()
            .parse()
            .map_err(|_| open(io::Error::from(io::ErrorKind::InvalidData)))?;
        Ok(Self {
            name: name.to_owned(),
            sender,
            frame_bytes_max: mtu + ETHERNET_HEADER_BYTES,
        })
    }

    /// Longest frame it takes, in bytes.
    pub fn frame_bytes_max(&self) -> usize {
        self.frame_bytes_max
    }
}

impl FrameOut for Interface {
    fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        let mut retries = 0;
        loop {
            let error = match self.sender.send_to(frame, None) {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => error,
                None => return Err(io::Error::from(io::ErrorKind::Unsupported)),
            };
            let full = error.raw_os_error() == Some(libc::ENOBUFS)
                || matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                );
            if !full || retries == RETRIES_MAX {
                return Err(error);
            }
            retries += 1;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Plays a capture to `out`, leaving out frames longer than `frame_bytes_max`.
///
/// # Errors
/// Where the capture is broken, together with the report on what was sent before; or as soon as a frame is not taken.
pub fn play(
    source: &mut FileSource,
    out: &mut dyn FrameOut,
    clock: &mut dyn Clock,
    pace: Pace,
    frame_bytes_max: usize,
) -> (Report, Result<(), RangeError>) {
    let mut report = Report::default();
    let began = clock.now();
    let result = play_all(source, out, clock, pace, frame_bytes_max, &mut report);
    report.took = clock.now().saturating_sub(began);
    (report, result)
}

fn play_all(
    source: &mut FileSource,
    out: &mut dyn FrameOut,
    clock: &mut dyn Clock,
    pace: Pace,
    frame_bytes_max: usize,
    report: &mut Report,
) -> Result<(), RangeError> {
    let mut start = clock.now();
    let mut first_us = None;
    while let Some(frame) = source.next_frame()? {
        report.read += 1;
        if frame.link != LINK_ETHERNET {
            return Err(RangeError::NotEthernet {
                number: report.read,
                link: frame.link,
            });
        }
        if let Pace::Times(speed) = pace {
            // A capture whose times go back is played without waiting there.
            let since_us = frame
                .ts_us
                .saturating_sub(*first_us.get_or_insert(frame.ts_us))
                .max(0);
            let due = start + Duration::from_micros((since_us as f64 / speed) as u64);
            let now = clock.now();
            if due > now {
                clock.sleep(due - now);
            } else if now - due > CATCH_UP_MAX {
                let late = now - due - CATCH_UP_MAX;
                start += late;
                report.put_off += late;
            }
        }
        if frame.data.len() > frame_bytes_max {
            report.oversize += 1;
            continue;
        }
        out.send(frame.data).map_err(|source| RangeError::Send {
            number: report.read,
            source,
        })?;
        report.sent += 1;
        report.bytes += frame.data.len() as u64;
    }
    Ok(())
}

/// Plays, and says what was sent.
///
/// # Errors
/// As [`Interface::open`] and [`play`].
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut source = FileSource::open(&arguments.read)?;
    let mut interface = Interface::open(&arguments.interface)?;
    let frame_bytes_max = interface.frame_bytes_max();
    let mut clock = SystemClock::start();
    let (report, result) = play(
        &mut source,
        &mut interface,
        &mut clock,
        arguments.pace(),
        frame_bytes_max,
    );
    tracing::info!(
        read = report.read,
        sent = report.sent,
        bytes = report.bytes,
        oversize = report.oversize,
        put_off_ms = report.put_off.as_millis() as u64,
        took_ms = report.took.as_millis() as u64,
        interface = %interface.name,
        "played"
    );
    if report.oversize > 0 {
        tracing::warn!(
            oversize = report.oversize,
            frame_bytes_max,
            "frames were left out: the interface's MTU is too small"
        );
    }
    result.with_context(|| {
        format!(
            "playing stopped after {} frames on {}",
            report.sent, interface.name
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use vonggac_traffic::{PacketSink, pcap};

    use super::*;

    #[derive(Default)]
    struct Desk {
        now: Duration,
        /// How long each frame takes to send.
        sending: Duration,
        sent: Vec<(Duration, usize)>,
    }

    /// A clock and a wire in one would be borrowed twice, so the clock is shared.
    struct Shared<'a>(&'a std::cell::RefCell<Desk>);

    impl Clock for Shared<'_> {
        fn now(&mut self) -> Duration {
            self.0.borrow().now
        }

        fn sleep(&mut self, duration: Duration) {
            self.0.borrow_mut().now += duration;
        }
    }

    impl FrameOut for Shared<'_> {
        fn send(&mut self, frame: &[u8]) -> io::Result<()> {
            let mut desk = self.0.borrow_mut();
            let now = desk.now;
            desk.sent.push((now, frame.len()));
            desk.now = now + desk.sending;
            Ok(())
        }
    }

    fn check(frames: &[(i64, usize)], pace: Pace, sending_ms: u64) -> (Report, Vec<(u64, usize)>) {
        let mut writer = pcap::Writer::new(Vec::new()).unwrap();
        for (timestamp_ms, length) in frames {
            writer.packet(timestamp_ms * 1000, &vec![0; *length]).unwrap();
        }
        let file = writer.finish().unwrap();
        let desk = std::cell::RefCell::new(Desk {
            sending: Duration::from_millis(sending_ms),
            ..Desk::default()
        });
        let mut source = FileSource::new(Box::new(io::Cursor::new(file)), Path::new("x")).unwrap();
        let (report, result) = play(&mut source, &mut Shared(&desk), &mut Shared(&desk), pace, 1514);
        result.unwrap();
        let sent = desk
            .borrow()
            .sent
            .iter()
            .map(|(at, length)| (at.as_millis() as u64, *length))
            .collect();
        (report, sent)
    }

    #[test]
    fn distances_are_kept_and_divided() {
        let frames = [(1000, 60), (1100, 61), (1300, 62)];
        assert_eq!(
            check(&frames, Pace::Times(1.0), 0).1,
            [(0, 60), (100, 61), (300, 62)]
        );
        assert_eq!(
            check(&frames, Pace::Times(10.0), 0).1,
            [(0, 60), (10, 61), (30, 62)]
        );
        assert_eq!(check(&frames, Pace::Unbounded, 0).1, [(0, 60), (0, 61), (0, 62)]);
    }

    #[test]
    fn times_that_go_back_do_not_wait() {
        assert_eq!(
            check(&[(500, 60), (400, 61), (600, 62)], Pace::Times(1.0), 0).1,
            [(0, 60), (0, 61), (100, 62)]
        );
    }

    #[test]
    fn a_slow_interface_puts_the_rest_off() {
        let (report, sent) = check(&[(0, 60), (10, 61), (20, 62), (1010, 63)], Pace::Times(1.0), 500);
        // 490 ms late at the second frame: 290 ms are put off; 690 ms at the third, and so on.
        assert_eq!(sent, [(0, 60), (500, 61), (1000, 62), (1790, 63)]);
        assert_eq!(report.put_off, Duration::from_millis(780));
        assert_eq!((report.read, report.sent, report.bytes), (4, 4, 246));
    }

    #[test]
    fn long_frames_are_counted() {
        let (report, sent) = check(&[(0, 1514), (0, 1515), (0, 60)], Pace::Unbounded, 0);
        assert_eq!(sent.len(), 2);
        assert_eq!((report.read, report.sent, report.oversize), (3, 2, 1));
    }

    #[test]
    fn speeds_are_bounded() {
        assert_eq!(parse_speed("2.5"), Ok(2.5));
        for text in ["0", "-1", "nan", "inf", "x", "1e9"] {
            assert!(parse_speed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn unknown_interfaces_are_named() {
        let error = Interface::open("vg-nowhere").err().unwrap();
        assert_eq!(error.to_string(), "there is no interface vg-nowhere");
    }
}
