//! What can go wrong.

use std::io;

use vonggac_capture::CaptureError;

/// Errors of the range.
#[derive(Debug, thiserror::Error)]
pub enum RangeError {
    /// The operator named an interface in a way Linux does not take.
    #[error(
        "{name:?} cannot be an interface's name: 1 to 15 letters, digits, '-', '_' or '.', and no '-' in front"
    )]
    InterfaceName {
        /// The name.
        name: String,
    },
    /// The operator named an interface that is not there.
    #[error("there is no interface {name}")]
    NoInterface {
        /// The name.
        name: String,
    },
    /// The interface is there but not up.
    #[error("interface {name} is down; bring it up with `ip link set {name} up`")]
    InterfaceDown {
        /// The name.
        name: String,
    },
    /// An interface of that name exists, and may not be taken away.
    #[error("interface {name} exists already")]
    InterfaceExists {
        /// The name.
        name: String,
    },
    /// The interface did not open for raw frames.
    #[error("cannot send on {name} (root or CAP_NET_RAW is needed): {source}")]
    Open {
        /// The interface.
        name: String,
        /// The system's word.
        source: io::Error,
    },
    /// `ip` could not be started.
    #[error("cannot run `ip` (Debian's package iproute2): {0}")]
    NoIp(io::Error),
    /// `ip` refused.
    #[error("`ip {command}` failed: {message}")]
    Ip {
        /// Its arguments.
        command: String,
        /// What it said.
        message: String,
    },
    /// The capture cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The capture holds frames that an Ethernet interface does not send.
    #[error("frame {number} is of link type {link}: only Ethernet can be played")]
    NotEthernet {
        /// The frame's number in the capture, from 1.
        number: u64,
        /// Its link type, as capture files number it.
        link: u32,
    },
    /// A frame was not taken.
    #[error("cannot send frame {number}: {source}")]
    Send {
        /// The frame's number in the capture, from 1.
        number: u64,
        /// The system's word.
        source: io::Error,
    },
}
