//! A capture played on a real veth pair arrives whole. Without the right to make one, it says so and skips.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use pnet::datalink::{self, Channel, Config};
use vonggac_capture::FileSource;
use vonggac_range::RangeError;
use vonggac_range::generate::{Arguments, write};
use vonggac_range::play::{FrameOut, Interface, Pace, SystemClock, play};
use vonggac_range::veth::{Leftover, Options, Veth, can_create_veth};

/// Frames under way at most, so that the tap's plain socket never overflows however busy the machine is.
const WINDOW_FRAMES: u64 = 32;

/// How long a frame may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(20);

fn options(tag: char, leftover: Leftover) -> Options {
    let number = std::process::id();
    Options {
        near: format!("vg{tag}{number}a"),
        far: format!("vg{tag}{number}b"),
        leftover,
        ..Options::default()
    }
}

fn exists(name: &str) -> bool {
    datalink::interfaces()
        .iter()
        .any(|interface| interface.name == name)
}

/// An interface that waits for its frames to arrive.
struct Windowed {
    interface: Interface,
    arrived: Receiver<Vec<u8>>,
    sent: u64,
    frames: Vec<Vec<u8>>,
}

impl Windowed {
    fn await_all_but(&mut self, under_way: u64) -> io::Result<()> {
        while self.sent > self.frames.len() as u64 + under_way {
            self.frames
                .push(self.arrived.recv_timeout(ARRIVAL_MAX).map_err(io::Error::other)?);
        }
        Ok(())
    }
}

impl FrameOut for Windowed {
    fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.interface.send(frame)?;
        self.sent += 1;
        self.await_all_but(WINDOW_FRAMES)
    }
}

/// Passes on every frame that the tap sees, until it is told to stop.
fn listen(tap: &datalink::NetworkInterface, stop: Arc<AtomicBool>) -> (Receiver<Vec<u8>>, JoinHandle<()>) {
    let read_timeout = Some(Duration::from_millis(100));
    let config = Config {
        read_buffer_size: 65_536,
        read_timeout,
        ..Config::default()
    };
    let Channel::Ethernet(_, mut receiver) = datalink::channel(tap, config).unwrap() else {
        panic!("no channel")
    };
    let (pass_on, arrived) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            match receiver.next() {
                Ok(frame) => pass_on.send(frame.to_vec()).unwrap(),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    (arrived, thread)
}

#[test]
fn everything_played_arrives_and_nothing_else() {
    if let Err(reason) = can_create_veth() {
        println!("skipped: {reason}");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let out: PathBuf = directory.path().join("a.pcap");
    let truth = write(&Arguments {
        duration: 60,
        users: 1,
        ..Arguments::sample(out.clone(), None)
    })
    .unwrap();

    let veth = Veth::create(options('w', Leftover::Refuse)).unwrap();
    let tap = datalink::interfaces()
        .into_iter()
        .find(|interface| interface.name == veth.far())
        .unwrap();
    assert!(
        tap.ips
            .iter()
            .all(|network| !matches!(network.ip(), IpAddr::V6(_)))
    );
    let stop = Arc::new(AtomicBool::new(false));
    let (arrived, counter) = listen(&tap, stop.clone());
    let interface = Interface::open(veth.near()).unwrap();
    let frame_bytes_max = interface.frame_bytes_max();
    assert_eq!(frame_bytes_max, 9014);
    let mut wire = Windowed {
        interface,
        arrived,
        sent: 0,
        frames: Vec::new(),
    };
    let mut reader = FileSource::open(&out).unwrap();
    let (report, result) = play(
        &mut reader,
        &mut wire,
        &mut SystemClock::start(),
        Pace::Unbounded,
        frame_bytes_max,
    );
    result.unwrap();
    wire.await_all_but(0).unwrap();
    stop.store(true, Ordering::Relaxed);
    counter.join().unwrap();
    assert_eq!(
        (report.read, report.sent, report.oversize),
        (truth.packets, truth.packets, 0)
    );
    assert!(
        wire.arrived.try_recv().is_err(),
        "something else talks on the pair"
    );

    let mut reader = FileSource::open(&out).unwrap();
    for (number, frame) in wire.frames.iter().enumerate() {
        assert!(
            reader.next_frame().unwrap().unwrap().data == frame.as_slice(),
            "frame {number} differs"
        );
    }

    let near = veth.near().to_owned();
    drop(veth);
    assert!(!exists(&near), "the pair is gone");
}

#[test]
fn a_pair_left_behind_is_replaced_only_when_asked() {
    if let Err(reason) = can_create_veth() {
        println!("skipped: {reason}");
        return;
    }
    let left = Veth::create(options('l', Leftover::Refuse)).unwrap();
    let name = left.near().to_owned();
    assert!(matches!(
        Veth::create(options('l', Leftover::Refuse)),
        Err(RangeError::InterfaceExists { .. })
    ));
    assert!(exists(&name));
    // As after a kill: nobody's guard runs.
    std::mem::forget(left);
    drop(Veth::create(options('l', Leftover::Replace)).unwrap());
    assert!(!exists(&name));
    // An interface that is no veth is never taken away.
    let loopback = Options {
        near: "lo".to_owned(),
        ..options('x', Leftover::Replace)
    };
    assert!(matches!(
        Veth::create(loopback),
        Err(RangeError::InterfaceExists { .. })
    ));
}
