//! Which sensor sent a message, and for which organisation: credentials of sensors, the seal on what they send, and the register in which
//! the console tells the pipelines what they may send.
//!
//! A deployment has one [`MasterKey`], which the console and the pipelines hold. The key of a sensor is derived from it by HKDF (RFC 5869)
//! from the sensor's id and the generation of its [`Credential`], so nobody keeps a list of secrets; a credential that is renewed has the next
//! generation. A sensor seals each message with its key:
//!
//! ```text
//! [2: u8][sensor id: 16][generation: u32, big endian][HMAC-SHA256, the first 16 bytes: 16][message as by vonggac_event::wire]
//! ```
//!
//! The code covers all bytes but its own. What opens is what that sensor sent; whether its events may be of an organisation says the
//! [`Register`]. It does no I/O, reads no clock and draws no random numbers.

mod credential;
mod key;
mod register;
mod seal;

pub use credential::{Credential, CredentialError};
pub use key::{KEY_BYTES, MasterKey, SensorId, SensorKey};
pub use register::{Claim, Enrolled, Register, RegisterError, Stranger};
pub use seal::{Opener, SEAL_BYTES, SealError, Sealed, VERSION, open, peel, seal};
