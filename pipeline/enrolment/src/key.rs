//! Keys, and the ids they are derived for.

use std::fmt;
use std::str::FromStr;

use ring::{hkdf, hmac};
use subtle::ConstantTimeEq as _;
use vonggac_event::hexadecimal;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// What the keys of sensors are derived for; another use of the master key takes another text.
const CONTEXT: &[u8] = b"vonggac sensor 1";

/// What the ids of the owner's own sensors are derived for.
const OWN_CONTEXT: &[u8] = b"vonggac own sensor 1";

/// Id of an enrolled sensor: 16 random bytes, told by the console, or those of [`MasterKey::own_id`]; written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SensorId(pub [u8; 16]);

impl TryFrom<&[u8]> for SensorId {
    type Error = &'static str;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self).map_err(|_| "is not 16 bytes long")
    }
}

impl fmt::Display for SensorId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hexadecimal(&self.0))
    }
}

impl fmt::Debug for SensorId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SensorId({self})")
    }
}

impl FromStr for SensorId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_hexadecimal(text)
            .map(Self)
            .ok_or("is not 32 hexadecimal digits")
    }
}

/// The key of a deployment.
#[derive(Clone)]
pub struct MasterKey([u8; KEY_BYTES]);

impl MasterKey {
    /// Takes random bytes for a key.
    pub fn new(random: [u8; KEY_BYTES]) -> Self {
        Self(random)
    }

    /// What stands in the key's file: 64 hexadecimal digits.
    pub fn to_text(&self) -> String {
        hexadecimal(&self.0)
    }

    /// The key of a sensor.
    pub fn sensor_key(&self, id: SensorId, generation: u32) -> SensorKey {
        SensorKey::new(self.derive(&[CONTEXT, &id.0[..], &generation.to_be_bytes()[..]]))
    }

    /// The id of a sensor that whoever holds this key runs without asking a console: of its name and organisation, so that it is the same
    /// each time.
    pub fn own_id(&self, name: &str, organisation: &str) -> SensorId {
        // The length keeps two names from reading as one.
        let length = u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes();
        let bytes = self.derive(&[OWN_CONTEXT, &length[..], name.as_bytes(), organisation.as_bytes()]);
        let mut id = [0; 16];
        id.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        SensorId(id)
    }

    fn derive(&self, info: &[&[u8]]) -> [u8; KEY_BYTES] {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]);
        let mut out = [0; KEY_BYTES];
        // Neither fails for 32 bytes of SHA-256; a key of zeros would be refused by whoever derives it rightly.
        let derived = salt.extract(&self.0);
        if let Ok(okm) = derived.expand(info, hkdf::HKDF_SHA256) {
            let _ = okm.fill(&mut out);
        }
        out
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("MasterKey(…)")
    }
}

impl FromStr for MasterKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_hexadecimal(text.trim())
            .map(Self)
            .ok_or("is not 64 hexadecimal digits")
    }
}

/// The key with which a sensor seals what it sends.
#[derive(Clone)]
pub struct SensorKey {
    bytes: [u8; KEY_BYTES],
    mac: hmac::Key,
}

impl SensorKey {
    pub(crate) fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self {
            bytes,
            mac: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
        }
    }

    pub(crate) fn mac(&self) -> &hmac::Key {
        &self.mac
    }

    pub(crate) fn to_text(&self) -> String {
        hexadecimal(&self.bytes)
    }
}

impl fmt::Debug for SensorKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SensorKey(…)")
    }
}

impl PartialEq for SensorKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.ct_eq(&other.bytes).into()
    }
}

impl Eq for SensorKey {}

/// Bytes of exactly twice as many hexadecimal digits.
pub(crate) fn read_hexadecimal<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * BYTES {
        return None;
    }
    let mut out = [0; BYTES];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let digit = |digit: u8| {
            char::from(digit)
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok())
        };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}
