//! Public keys as COSE has them (RFC 9053): ES256, EdDSA with Ed25519, RS256.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use crate::cbor::{self, Value};

/// The kinds of keys that are offered, by COSE's numbers, the best first.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// Most bytes of an RSA modulus: 8192 bits.
const MODULUS_BYTES_MAX: usize = 1024;

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// ECDSA on P-256 with SHA-256: the point, uncompressed.
    Es256(Vec<u8>),
    /// Ed25519.
    EdDsa(Vec<u8>),
    /// RSA, PKCS #1 v1.5 with SHA-256.
    Rs256 {
        /// Modulus.
        n: Vec<u8>,
        /// Exponent.
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// Of a COSE key; none for one of another kind or shape.
    pub fn read(cose: &[u8]) -> Option<Self> {
        let (map, rest) = cbor::read(cose).ok()?;
        let number = |label| match map.by_number(label) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        };
        let bytes = |label| match map.by_number(label) {
            Some(Value::Bytes(bytes)) => Some(*bytes),
            _ => None,
        };
        if !rest.is_empty() {
            return None;
        }
        // Key type, algorithm, curve: labels 1, 3 and -1.
        match (number(1)?, number(3)?) {
            (2, ES256) if number(-1)? == 1 => {
                let (x, y) = (bytes(-2)?, bytes(-3)?);
                let is_point = x.len() == 32 && y.len() == 32;
                is_point.then(|| Self::Es256([&[4], x, y].concat()))
            }
            (1, EDDSA) if number(-1)? == 6 => {
                let x = bytes(-2)?;
                (x.len() == 32).then(|| Self::EdDsa(x.to_vec()))
            }
            (3, RS256) => {
                let (n, e) = (bytes(-1)?, bytes(-2)?);
                let fits = n.len() <= MODULUS_BYTES_MAX && e.len() <= 8;
                fits.then(|| Self::Rs256 {
                    n: n.to_vec(),
                    e: e.to_vec(),
                })
            }
            _ => None,
        }
    }

    /// Whether `signature` is this key's of `message`.
    pub fn is_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(point) => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
                key.verify(message, signature).is_ok()
            }
            Self::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key)
                .verify(message, signature)
                .is_ok(),
            Self::Rs256 { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
        }
    }
}
