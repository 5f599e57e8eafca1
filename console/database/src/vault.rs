//! The console's own secret: what it keeps in the database and nobody who reads the database alone is to know.
//!
//! One key of 32 bytes, in a file beside the console, of which two are derived: one seals (ChaCha20-Poly1305, a random nonce first), one
//! signs (HMAC-SHA256). What is sealed names what it is for, so that it opens nowhere else.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

use crate::{DatabaseError, Result};

/// Bytes of the key.
pub const KEY_BYTES: usize = 32;

/// Seals and signs. Consoles on one database have the same key.
pub struct Vault {
    sealing: LessSafeKey,
    signing: hmac::Key,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Vault(…)")
    }
}

impl Vault {
    /// The vault of a key.
    ///
    /// # Errors
    /// Never for a key of that length.
    pub fn new(key: &[u8; KEY_BYTES]) -> Result<Self> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let derived = hmac::sign(&root, b"vonggac seal 1");
        let sealing = UnboundKey::new(&CHACHA20_POLY1305, derived.as_ref())
            .map_err(|_| DatabaseError::Vault("the key does not do"))?;
        let derived = hmac::sign(&root, b"vonggac sign 1");
        Ok(Self {
            sealing: LessSafeKey::new(sealing),
            signing: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
        })
    }

    /// Seals `plain` for `purpose`.
    pub(crate) fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut body = plain.to_vec();
        self.sealing
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut body,
            )
            .map_err(|_| DatabaseError::Vault("a secret could not be sealed"))?;
        Ok([nonce.as_slice(), &body].concat())
    }

    /// Opens what was sealed for `purpose`.
    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let foreign = DatabaseError::Vault("a secret was sealed with another key, or changed");
        let Some((nonce, body)) = sealed.split_first_chunk::<NONCE_LEN>() else {
            return Err(foreign);
        };
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        match self
            .sealing
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut body)
        {
            Ok(plain) => Ok(plain.to_vec()),
            Err(_) => Err(foreign),
        }
    }

    /// What shows that `text` comes from here.
    pub(crate) fn sign(&self, text: &str) -> Vec<u8> {
        hmac::sign(&self.signing, text.as_bytes()).as_ref().to_vec()
    }

    /// Whether `signature` is [`Self::sign`]'s of `text`, in a time that does not depend on where they differ.
    pub(crate) fn is_signed(&self, text: &str, signature: &[u8]) -> bool {
        hmac::verify(&self.signing, text.as_bytes(), signature).is_ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_alone() {
        let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
        let sealed = vault.seal("totp 1", b"secret").unwrap();
        assert_eq!(vault.open("totp 1", &sealed).unwrap(), b"secret");
        assert_ne!(vault.seal("totp 1", b"secret").unwrap(), sealed);
        assert!(vault.open("totp 2", &sealed).is_err());
        assert!(
            Vault::new(&[8; KEY_BYTES])
                .unwrap()
                .open("totp 1", &sealed)
                .is_err()
        );
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(vault.open("totp 1", &changed).is_err(), "byte {at}");
            assert!(vault.open("totp 1", &sealed[..at]).is_err(), "{at} bytes");
        }
        let signature = vault.sign("text");
        assert!(vault.is_signed("text", &signature));
        assert!(!vault.is_signed("texT", &signature) && !vault.is_signed("text", &signature[1..]));
    }
}
