//! An interface that goes down or away, on a veth pair. Without the right to make one, it says so and skips.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use vonggac_capture::{CaptureError, RingOptions, RingSource};

const SMALL: RingOptions = RingOptions {
    block_bytes: 1 << 20,
    blocks: 4,
    fanout_group: None,
};

fn ip(arguments: &[&str]) -> bool {
    let output = Command::new("ip").args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

/// A pair whose near end has an address; taken away when dropped.
struct Pair {
    near: String,
    far: String,
    /// Third number of its network's address: of its own, so that what is sent goes to this pair.
    network: u32,
}

impl Pair {
    /// Makes the pair of this number, 0 or 1, among those of this process.
    fn new(pair: u32) -> Option<Self> {
        let process = std::process::id();
        let pair = Self {
            near: format!("vgc{process}{pair}a"),
            far: format!("vgc{process}{pair}b"),
            network: (2 * process + pair) % 250,
        };
        if pair.make() {
            return Some(pair);
        }
        println!("skipped: making a veth pair needs root and `ip`");
        None
    }

    fn make(&self) -> bool {
        let address = format!("198.18.{}.1/24", self.network);
        ip(&[
            "link", "add", &self.near, "type", "veth", "peer", "name", &self.far,
        ]) && ip(&["addr", "add", &address, "dev", &self.near])
            && ip(&["link", "set", &self.far, "up"])
            && ip(&["link", "set", &self.near, "up"])
    }

    fn send(&self, payload: &[u8]) {
        let socket = UdpSocket::bind((format!("198.18.{}.1", self.network).as_str(), 0)).unwrap();
        socket.set_broadcast(true).unwrap();
        socket
            .send_to(payload, (format!("198.18.{}.255", self.network).as_str(), 9))
            .unwrap();
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        ip(&["link", "del", &self.near]);
    }
}

fn sees(ring: &mut RingSource, payload: &[u8]) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        let frame = ring.next_frame().unwrap();
        if frame.is_some_and(|frame| frame.data.ends_with(payload)) {
            return true;
        }
    }
    false
}

#[test]
fn an_interface_that_goes_away_is_told_once_and_after_what_had_arrived() {
    let Some(pair) = Pair::new(0) else { return };
    let mut ring = RingSource::open(&pair.far, SMALL).unwrap();
    pair.send(b"before");
    assert!(sees(&mut ring, b"before"));
    pair.send(b"last");
    assert!(ip(&["link", "del", &pair.near]));
    let deadline = Instant::now() + Duration::from_secs(10);
    let (mut last, mut told) = (0, 0);
    while told == 0 || last == 0 {
        assert!(Instant::now() < deadline, "last frame {last}, told {told}");
        match ring.next_frame() {
            Ok(Some(frame)) => last += usize::from(frame.data.ends_with(b"last")),
            Ok(None) => {}
            Err(CaptureError::InterfaceGone { name, .. }) => {
                assert_eq!(name, pair.far);
                told += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(matches!(ring.next_frame(), Ok(None)));
    assert_eq!((last, told), (1, 1));

    assert!(pair.make());
    let mut again = RingSource::open(&pair.far, SMALL).unwrap();
    pair.send(b"after");
    assert!(sees(&mut again, b"after"));
}

#[test]
fn an_interface_that_is_down_is_no_tap() {
    let Some(pair) = Pair::new(1) else { return };
    assert!(ip(&["link", "set", &pair.far, "down"]));
    let error = RingSource::open(&pair.far, SMALL).err().unwrap().to_string();
    assert!(error.contains(&pair.far) && error.contains("down"), "{error}");
}
