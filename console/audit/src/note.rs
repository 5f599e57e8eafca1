//! Signed notes and their keys, as C2SP's `signed-note` and `tlog-cosignature` have them.
//!
//! ```text
//!  text, of whole lines
//!                                                            an empty line
//!  — name base64(4 bytes: key's id ‖ signature)              one line or more
//! ```
//! The id of a key is the beginning of SHA-256(name ‖ `\n` ‖ algorithm ‖ public key). Two algorithms are known: Ed25519 over the text
//! (`0x01`), and a witness's (`0x04`), which signs `cosignature/v1`, a time, and the text.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Longest note, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Most signatures of a note.
pub const SIGNATURES_MAX: usize = 64;

const PRIVATE: &str = "PRIVATE+KEY+";

/// Why a note or key cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NoteError {
    /// A key is not written as `name+id+base64`, or the id is not its own.
    #[error("the key is not written as name+id+base64, or its id is not its own")]
    Key,
    /// A key's name is empty, or has white space or a plus sign.
    #[error("the key's name must not be empty nor have white space or '+'")]
    Name,
    /// A note has no text, empty line, and signature lines.
    #[error("it is not a signed note")]
    Note,
    /// A key that is known has signed something else.
    #[error("the signature of {0} is not right")]
    Signature(String),
    /// None of the keys that are known has signed it.
    #[error("no key that was given has signed it")]
    Unsigned,
}

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// The text itself: the log's own signature.
    Ed25519,
    /// The text with the time at which a witness saw it.
    Cosignature,
}

impl Algorithm {
    fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::Cosignature => 4,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Ed25519, Self::Cosignature]
            .into_iter()
            .find(|one| one.byte() == byte)
    }
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let is_plain = |c: char| !c.is_whitespace() && c != '+' && !c.is_control();
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(NoteError::Name);
    }
    Ok(())
}

fn id_of(name: &str, algorithm: u8, public: &[u8; 32]) -> [u8; 4] {
    let hasher = Sha256::new().chain_update(name).chain_update([b'\n', algorithm]);
    let digest: [u8; 32] = hasher.chain_update(public).finalize().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

/// Name, id and key bytes (algorithm and 32 more) of a written key.
fn parse_key(text: &str) -> Result<(&str, &str, u8, [u8; 32]), NoteError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::Key);
    };
    check_name(name)?;
    let bytes = STANDARD.decode(key).map_err(|_| NoteError::Key)?;
    let (algorithm, key) = bytes.split_first().ok_or(NoteError::Key)?;
    let key = key.try_into().map_err(|_| NoteError::Key)?;
    Ok((name, id, *algorithm, key))
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    id: [u8; 4],
    algorithm: Algorithm,
    key: VerifyingKey,
}

impl PublicKey {
    fn new(name: &str, algorithm: Algorithm, key: VerifyingKey) -> Self {
        Self {
            name: name.to_owned(),
            id: id_of(name, algorithm.byte(), key.as_bytes()),
            algorithm,
            key,
        }
    }

    /// Its name: for the log's own key, the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// SHA-256 of the key as it is written: 64 hexadecimal digits, for people to compare.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.to_string());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn is_right(&self, text: &str, signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Ed25519 => self.is_signature(text.as_bytes(), signature),
            Algorithm::Cosignature => {
                let Some((time, signature)) = signature.split_first_chunk::<8>() else {
                    return false;
                };
                let signed = format!("cosignature/v1\ntime {}\n{text}", u64::from_be_bytes(*time));
                self.is_signature(signed.as_bytes(), signature)
            }
        }
    }

    fn is_signature(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    /// `name+id+base64`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.algorithm.byte()];
        bytes.extend_from_slice(self.key.as_bytes());
        write!(out, "{}+{}+{}", self.name, hex(self.id), STANDARD.encode(bytes))
    }
}

impl FromStr for PublicKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, id, algorithm, key) = parse_key(text.trim())?;
        let algorithm = Algorithm::from_byte(algorithm).ok_or(NoteError::Key)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| NoteError::Key)?;
        let public = Self::new(name, algorithm, key);
        if id != hex(public.id) {
            return Err(NoteError::Key);
        }
        Ok(public)
    }
}

/// A key that signs. What it prints as is its public key; [`PrivateKey::to_secret`] tells the secret.
#[derive(Clone)]
pub struct PrivateKey {
    public: PublicKey,
    key: SigningKey,
}

impl PrivateKey {
    /// The key of `name` from 32 random bytes.
    ///
    /// # Errors
    /// [`NoteError::Name`]
    pub fn new(name: &str, seed: [u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        let key = SigningKey::from_bytes(&seed);
        let public = PublicKey::new(name, Algorithm::Ed25519, key.verifying_key());
        Ok(Self { public, key })
    }

    /// Reads `PRIVATE+KEY+name+id+base64`.
    ///
    /// # Errors
    /// [`NoteError::Key`]
    pub fn from_secret(text: &str) -> Result<Self, NoteError> {
        let text = text.trim().strip_prefix(PRIVATE).ok_or(NoteError::Key)?;
        let (name, id, algorithm, seed) = parse_key(text)?;
        let key = Self::new(name, seed)?;
        if algorithm != Algorithm::Ed25519.byte() || id != hex(key.public.id) {
            return Err(NoteError::Key);
        }
        Ok(key)
    }

    /// `PRIVATE+KEY+name+id+base64`: whoever knows it can sign.
    pub fn to_secret(&self) -> String {
        let mut bytes = vec![Algorithm::Ed25519.byte()];
        bytes.extend_from_slice(self.key.as_bytes());
        format!(
            "{PRIVATE}{}+{}+{}",
            self.public.name,
            hex(self.public.id),
            STANDARD.encode(bytes)
        )
    }

    /// Its public key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The note of `text`, which ends with a line's end and has no empty line.
    pub fn sign(&self, text: &str) -> String {
        let mut bytes = self.public.id.to_vec();
        bytes.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n— {} {}\n", self.public.name, STANDARD.encode(bytes))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PrivateKey({})", self.public)
    }
}

/// A line of signature.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SignatureLine {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl SignatureLine {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        check_name(name).ok()?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (id, signature) = bytes.split_first_chunk::<4>()?;
        Some(Self {
            name: name.to_owned(),
            id: *id,
            signature: signature.to_vec(),
        })
    }
}

/// A note: a text with signatures, of which nothing is believed before [`Note::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    /// What is signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks the signatures of `keys`; gives those that have signed. Signatures of other keys are left alone.
    ///
    /// # Errors
    /// [`NoteError::Signature`] when a key's own is wrong, [`NoteError::Unsigned`] when there is none.
    pub fn check<'a>(&self, keys: &'a [PublicKey]) -> Result<Vec<&'a PublicKey>, NoteError> {
        let mut signed = Vec::new();
        for line in &self.signatures {
            let is_its = |key: &&PublicKey| key.name == line.name && key.id == line.id;
            for key in keys.iter().filter(is_its) {
                if !key.is_right(&self.text, &line.signature) {
                    return Err(NoteError::Signature(line.name.clone()));
                }
                signed.push(key);
            }
        }
        if signed.is_empty() {
            return Err(NoteError::Unsigned);
        }
        Ok(signed)
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX || note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Note);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Note)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Note)?;
        let signatures: Option<Vec<_>> = lines.split('\n').map(SignatureLine::parse).collect();
        let signatures = signatures.ok_or(NoteError::Note)?;
        if text.is_empty() || signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::Note);
        }
        Ok(Self {
            text: format!("{text}\n"),
            signatures,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // The keys and note of the documentation of Go's golang.org/x/mod/sumdb/note.
    const SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNATURE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn keys_and_notes_are_those_of_go() {
        let key = PrivateKey::from_secret(SECRET).unwrap();
        assert_eq!(key.public().to_string(), PUBLIC);
        assert_eq!(key.to_secret(), SECRET);
        assert_eq!(PUBLIC.parse::<PublicKey>().as_ref(), Ok(key.public()));
        let note = key.sign(TEXT);
        assert_eq!(note, format!("{TEXT}\n{SIGNATURE}"));
        let read: Note = note.parse().unwrap();
        assert_eq!(read.text(), TEXT);
        assert_eq!(read.check(&[key.public().clone()]).unwrap().len(), 1);
        assert_eq!(read.check(&[]), Err(NoteError::Unsigned));
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }

    #[test]
    fn a_note_that_was_changed_is_refused() {
        let key = PrivateKey::from_secret(SECRET).unwrap();
        let keys = [key.public().clone()];
        let note = key.sign(TEXT);
        for index in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[index] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else {
                continue;
            };
            let outcome = changed
                .parse::<Note>()
                .and_then(|note| note.check(&keys).map(|_| ()));
            assert!(outcome.is_err(), "{index}: {changed}");
        }
        for text in ["", "\n\n", "a\n", "a\n\nb\n", "a\n\n— n AAAA\n"] {
            assert_eq!(text.parse::<Note>(), Err(NoteError::Note), "{text:?}");
        }
    }

    #[test]
    fn a_witness_signs_beside_the_log() {
        let key = PrivateKey::from_secret(SECRET).unwrap();
        let seed = SigningKey::from_bytes(&[7; 32]);
        let witness = PublicKey::new("witness.example/w1", Algorithm::Cosignature, seed.verifying_key());
        assert_eq!(witness.to_string().parse::<PublicKey>().as_ref(), Ok(&witness));
        let time = 1_679_315_147_u64;
        let signature = seed.sign(format!("cosignature/v1\ntime {time}\n{TEXT}").as_bytes());
        let line = |time: u64| {
            let mut bytes = witness.id.to_vec();
            bytes.extend_from_slice(&time.to_be_bytes());
            bytes.extend_from_slice(&signature.to_bytes());
            format!("— {} {}\n", witness.name(), STANDARD.encode(bytes))
        };
        let keys = [key.public().clone(), witness.clone()];
        let both: Note = (key.sign(TEXT) + &line(time)).parse().unwrap();
        assert_eq!(both.check(&keys).unwrap().len(), 2);
        let wrong: Note = (key.sign(TEXT) + &line(time + 1)).parse().unwrap();
        assert_eq!(
            wrong.check(&keys),
            Err(NoteError::Signature(witness.name().to_owned()))
        );
        assert_eq!(
            wrong.check(&keys[..1]).unwrap().len(),
            1,
            "others' signatures are left alone"
        );
    }

    #[test]
    fn keys_that_do_not_do_are_refused() {
        for text in [
            "",
            "a+b",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "x+00000000+AQ==",
        ] {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
        assert!(PrivateKey::from_secret(PUBLIC).is_err());
        assert_eq!(PrivateKey::new("a b", [0; 32]).err(), Some(NoteError::Name));
    }
}
