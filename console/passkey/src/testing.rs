//! An authenticator in software, for tests: one ES256 passkey, which says what it is told to say.
#![allow(clippy::unwrap_used, missing_docs)]

use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use sha2::{Digest, Sha256};

use crate::Site;

/// Present and verified.
pub const FLAGS: u8 = 0x05;

pub struct SoftKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    pub id: Vec<u8>,
    pub flags: u8,
    pub sign_count: u32,
}

/// What a browser sends.
pub struct Answer {
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
}

pub fn client_data(kind: &str, challenge: &str, origin: &str) -> Vec<u8> {
    serde_json::json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
        .to_string()
        .into_bytes()
}

pub fn to_text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

impl Default for SoftKey {
    fn default() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        let id = Sha256::digest(pair.public_key().as_ref()).to_vec();
        Self {
            pair,
            random,
            id,
            flags: FLAGS,
            sign_count: 0,
        }
    }
}

impl SoftKey {
    /// The COSE key.
    pub fn cose(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let mut out = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        out.extend(&point[1..33]);
        out.extend([0x22, 0x58, 0x20]);
        out.extend(&point[33..65]);
        out
    }

    fn data(&self, site: &Site, more: u8) -> Vec<u8> {
        let mut out = Sha256::digest(site.id.as_bytes()).to_vec();
        out.push(self.flags | more);
        out.extend(self.sign_count.to_be_bytes());
        out
    }

    /// The attestation object of a registration, attestation `none`.
    pub fn attestation_object(&self, site: &Site) -> Vec<u8> {
        let mut data = self.data(site, 0x40);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose());
        let mut out = vec![0xa3, 0x63];
        out.extend(b"fmt");
        out.push(0x64);
        out.extend(b"none");
        out.push(0x67);
        out.extend(b"attStmt");
        out.extend([0xa0, 0x68]);
        out.extend(b"authData");
        out.push(0x59);
        out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        out.extend(data);
        out
    }

    /// Answers a challenge.
    pub fn answer(&self, site: &Site, challenge: &str) -> Answer {
        let client_data = client_data("webauthn.get", challenge, &site.origin);
        let authenticator_data = self.data(site, 0);
        let signed = [authenticator_data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature = self.pair.sign(&self.random, &signed).unwrap().as_ref().to_vec();
        Answer {
            client_data,
            authenticator_data,
            signature,
        }
    }
}
