//! The secret of a token, and how it is written.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

use crate::{DatabaseError, Result};

/// What stands before every token, for whoever looks for leaked ones.
const PREFIX: &str = "vgt_";
/// Random bytes.
const SECRET_BYTES: usize = 32;
/// Bytes of the checksum after them.
const CHECK_BYTES: usize = 4;

/// The secret of a token. It is printed by [`TokenSecret::to_text`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret([u8; SECRET_BYTES]);

impl TokenSecret {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    pub(crate) fn digest(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }

    fn check(&self) -> Vec<u8> {
        let mut digest = Sha256::new_with_prefix(PREFIX)
            .chain_update(self.0)
            .finalize()
            .to_vec();
        digest.truncate(CHECK_BYTES);
        digest
    }

    /// `vgt_` and 58 letters and digits.
    pub fn to_text(&self) -> String {
        let bytes = [self.0.as_slice(), &self.check()].concat();
        format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("TokenSecret(…)")
    }
}

impl FromStr for TokenSecret {
    type Err = DatabaseError;

    /// # Errors
    /// [`DatabaseError::BadToken`] for what was never a token of any console.
    fn from_str(text: &str) -> Result<Self> {
        let digits = text.strip_prefix(PREFIX).ok_or(DatabaseError::BadToken)?;
        let is_lower = !digits.bytes().any(|byte| byte.is_ascii_uppercase());
        let bytes = BASE32_NOPAD
            .decode(digits.to_ascii_uppercase().as_bytes())
            .map_err(|_| DatabaseError::BadToken)?;
        let split = bytes.split_first_chunk::<SECRET_BYTES>();
        let (secret, check) = split.ok_or(DatabaseError::BadToken)?;
        let secret = Self(*secret);
        if !is_lower || secret.check() != check {
            return Err(DatabaseError::BadToken);
        }
        Ok(secret)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_from_its_text_and_nothing_else_does() {
        let secret = TokenSecret(*b"0123456789abcdef0123456789abcdef");
        let text = secret.to_text();
        // As another program writes it: `printf` of the bytes, `sha256sum`, `base32`.
        assert_eq!(
            text,
            "vgt_gaytemzugu3doobzmfrggzdfmyydcmrtgq2tmnzyhfqwey3emvtamrde6e"
        );
        assert_eq!(text.parse::<TokenSecret>().unwrap(), secret);
        assert_eq!(format!("{secret:?}"), "TokenSecret(…)");
        let random = TokenSecret::random();
        assert_eq!(random.to_text().parse::<TokenSecret>().unwrap(), random);
        for at in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            let letter = wrong.get_mut(at).unwrap();
            *letter = if *letter == b'a' { b'b' } else { b'a' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(wrong.parse::<TokenSecret>().is_err(), "{wrong}");
            assert!(text.get(..at).unwrap().parse::<TokenSecret>().is_err());
        }
        for wrong in [
            text.to_uppercase(),
            format!("{text}a"),
            text.replace("vgt_", "vgt_é"),
        ] {
            assert!(wrong.parse::<TokenSecret>().is_err(), "{wrong}");
        }
    }
}
