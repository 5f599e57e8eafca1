//! Passkeys: the server's half of WebAuthn (level 2, sections 7.1 and 7.2), without the wire and without state.
//!
//! ```text
//!  browser ── clientDataJSON: type, challenge, origin ──┐
//!  authenticator ── authenticator data ─────────────────┴─▶ register ─▶ Credential, to be kept
//!       rpIdHash 32 │ flags 1 │ count 4 │ aaguid 16 │ length 2 │ id │ COSE key        check ─▶ Seen
//! ```
//! No attestation is asked for, so none is looked at: any authenticator will do. Present and verified (a PIN, a finger, a face) must both be
//! said: a passkey stands for two factors. Keys are ES256, EdDSA or RS256; `ring` verifies. Challenges are made, and seen to be used once,
//! elsewhere.
//!
//! Invariant: nothing that comes from a browser panics; CBOR is read with definite lengths, to a depth of [`cbor::DEPTH_MAX`].

pub mod cbor;
pub mod key;
#[cfg(feature = "testing")]
pub mod testing;

use cbor::Value;
use data_encoding::BASE64URL_NOPAD;
use key::PublicKey;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Longest id of a credential, in bytes.
pub const CREDENTIAL_ID_BYTES_MAX: usize = 1023;

/// Where passkeys are good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its id: the host name that people reach the console at.
    pub id: String,
    /// What browsers call it, as in `https://soc.example`.
    pub origin: String,
}

/// Why an answer does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasskeyError {
    /// What the browser says of itself is no JSON of that shape.
    #[error("the browser's data cannot be read")]
    ClientData,
    /// It answers something else.
    #[error("the answer is to another question")]
    Question,
    /// It comes from another site's page.
    #[error("the answer comes from another site")]
    Origin,
    /// What the authenticator says has another shape.
    #[error("the authenticator's data cannot be read: {0}")]
    Authenticator(&'static str),
    /// Nobody touched it, or nobody showed who it is.
    #[error("the authenticator has not seen who holds it")]
    NotVerified,
    /// The key is of a kind that was not offered.
    #[error("the key is of a kind that is not supported")]
    Key,
    /// The signature is not the key's.
    #[error("the signature is wrong")]
    Signature,
}

/// A new passkey, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id: 1 to 1023 bytes.
    pub id: Vec<u8>,
    /// Its public key, as COSE has it.
    pub public_key: Vec<u8>,
    /// How often it has signed, as it says; 0 when it does not count.
    pub sign_count: u32,
    /// Whether it may leave the authenticator, as synchronised passkeys do.
    pub is_backed_up: bool,
}

/// What a good answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How often the passkey has signed, as it says; 0 when it does not count.
    pub sign_count: u32,
    /// Whether it has left the authenticator.
    pub is_backed_up: bool,
}

/// What an authenticator answered at sign-in.
#[derive(Debug, Clone, Copy)]
pub struct Assertion<'a> {
    /// `clientDataJSON`.
    pub client_data: &'a [u8],
    /// Authenticator data.
    pub authenticator_data: &'a [u8],
    /// Its signature.
    pub signature: &'a [u8],
}

/// Reads a new passkey (section 7.1). `challenge` is the one that was given out, in base64url.
///
/// # Errors
/// What is wrong with the answer.
pub fn register(
    site: &Site,
    challenge: &str,
    client_data: &[u8],
    attestation_object: &[u8],
) -> Result<Credential, PasskeyError> {
    check_client_data(site, "webauthn.create", challenge, client_data)?;
    let broken = PasskeyError::Authenticator;
    let (object, rest) = cbor::read(attestation_object).map_err(|_| broken("no CBOR"))?;
    if !rest.is_empty() {
        return Err(broken("something after the object"));
    }
    let Some(Value::Bytes(data)) = object.by_text("authData") else {
        return Err(broken("no authData"));
    };
    let data = AuthenticatorData::read(site, data)?;
    let (id, key) = data.attested.ok_or(broken("no credential"))?;
    PublicKey::read(&key).ok_or(PasskeyError::Key)?;
    Ok(Credential {
        id,
        public_key: key,
        sign_count: data.sign_count,
        is_backed_up: data.is_backed_up,
    })
}

/// Checks an answer at sign-in against the key that was kept (section 7.2).
///
/// # Errors
/// What is wrong with the answer.
pub fn check(
    site: &Site,
    challenge: &str,
    public_key: &[u8],
    assertion: &Assertion<'_>,
) -> Result<Seen, PasskeyError> {
    check_client_data(site, "webauthn.get", challenge, assertion.client_data)?;
    let data = AuthenticatorData::read(site, assertion.authenticator_data)?;
    let key = PublicKey::read(public_key).ok_or(PasskeyError::Key)?;
    let hash = Sha256::digest(assertion.client_data);
    let signed = [assertion.authenticator_data, hash.as_slice()].concat();
    if !key.is_signed(&signed, assertion.signature) {
        return Err(PasskeyError::Signature);
    }
    Ok(Seen {
        sign_count: data.sign_count,
        is_backed_up: data.is_backed_up,
    })
}

/// The challenge that an answer says it is to; what is made of it must be seen to be one's own.
///
/// # Errors
/// [`PasskeyError::ClientData`].
pub fn challenge_of(client_data: &[u8]) -> Result<Vec<u8>, PasskeyError> {
    let data = ClientData::read(client_data)?;
    BASE64URL_NOPAD
        .decode(data.challenge.as_bytes())
        .map_err(|_| PasskeyError::ClientData)
}

/// `CollectedClientData`; members that come to it later mean nothing here.
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    is_cross_origin: bool,
}

impl ClientData {
    fn read(bytes: &[u8]) -> Result<Self, PasskeyError> {
        serde_json::from_slice(bytes).map_err(|_| PasskeyError::ClientData)
    }
}

fn check_client_data(site: &Site, kind: &str, challenge: &str, bytes: &[u8]) -> Result<(), PasskeyError> {
    let data = ClientData::read(bytes)?;
    if data.kind != kind || data.challenge != challenge {
        return Err(PasskeyError::Question);
    }
    if data.origin != site.origin || data.is_cross_origin {
        return Err(PasskeyError::Origin);
    }
    Ok(())
}

struct AuthenticatorData {
    sign_count: u32,
    is_backed_up: bool,
    /// Id and COSE key of a new credential.
    attested: Option<(Vec<u8>, Vec<u8>)>,
}

impl AuthenticatorData {
    const PRESENT: u8 = 0x01;
    const VERIFIED: u8 = 0x04;
    const BACKED_UP: u8 = 0x10;
    const ATTESTED: u8 = 0x40;
    const EXTENSIONS: u8 = 0x80;

    /// Reads what is for `site` and of somebody who was seen.
    fn read(site: &Site, bytes: &[u8]) -> Result<Self, PasskeyError> {
        let broken = PasskeyError::Authenticator;
        let short = broken("it ends early");
        let (hash, rest) = bytes.split_first_chunk::<32>().ok_or(short)?;
        let ([flags], rest) = rest.split_first_chunk::<1>().ok_or(short)?;
        let (count, mut rest) = rest.split_first_chunk::<4>().ok_or(short)?;
        if *hash != Sha256::digest(site.id.as_bytes())[..] {
            return Err(PasskeyError::Origin);
        }
        let has = |flag: u8| flags & flag != 0;
        if !has(Self::PRESENT) || !has(Self::VERIFIED) {
            return Err(PasskeyError::NotVerified);
        }
        let mut attested = None;
        if has(Self::ATTESTED) {
            let (_aaguid, after) = rest.split_first_chunk::<16>().ok_or(short)?;
            let (length, after) = after.split_first_chunk::<2>().ok_or(short)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (id, after) = after.split_at_checked(length).ok_or(short)?;
            if id.is_empty() || id.len() > CREDENTIAL_ID_BYTES_MAX {
                return Err(broken("an id of that length"));
            }
            let (_, end) = cbor::read(after).map_err(|_| broken("the key is no CBOR"))?;
            let key = after
                .get(..after.len().saturating_sub(end.len()))
                .unwrap_or_default();
            attested = Some((id.to_vec(), key.to_vec()));
            rest = end;
        }
        if has(Self::EXTENSIONS) {
            rest = cbor::read(rest).map_err(|_| broken("extensions are no CBOR"))?.1;
        }
        if !rest.is_empty() {
            return Err(broken("something after its end"));
        }
        Ok(Self {
            sign_count: u32::from_be_bytes(*count),
            is_backed_up: has(Self::BACKED_UP),
            attested,
        })
    }
}
