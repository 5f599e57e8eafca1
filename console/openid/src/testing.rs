//! For tests: a provider's key in software, which signs whatever it is told.
#![allow(clippy::unwrap_used, missing_docs)]

use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// A key of P-256 with an id.
#[derive(Debug)]
pub struct SoftProvider {
    id: String,
    key: EcdsaKeyPair,
}

impl SoftProvider {
    pub fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
        Self {
            id: id.to_owned(),
            key,
        }
    }

    /// The set of its one key.
    pub fn keys(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap().split_at(32);
        let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig", "x": x, "y": y }] })
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({ "alg": "ES256", "kid": self.id, "typ": "JWT" }), claims)
    }

    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let mark = self.key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64URL_NOPAD.encode(mark.as_ref()))
    }

    /// The same that nobody signed.
    pub fn unsigned(&self, claims: &Value) -> String {
        format!("{}.", message(&json!({ "alg": "none", "kid": self.id }), claims))
    }

    /// The same signed with a secret.
    pub fn hashed(secret: &[u8], claims: &Value) -> String {
        let message = message(&json!({ "alg": "HS256" }), claims);
        let mark = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        format!("{message}.{}", BASE64URL_NOPAD.encode(mark.as_ref()))
    }
}

fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}
