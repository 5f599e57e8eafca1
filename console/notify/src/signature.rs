//! Signatures of webhooks, as Standard Webhooks 1.0.0 says: HMAC-SHA256 over `id.timestamp.body`, in base64 after `v1,`.

use data_encoding::BASE64;
use ring::hmac;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret that is made here; the specification wants 24 to 64.
pub const SECRET_BYTES: usize = 32;
/// Fewest bytes of one that is taken.
const SECRET_BYTES_MIN: usize = 24;
/// Most bytes of one that is taken.
const SECRET_BYTES_MAX: usize = 64;

/// What sender and receiver share.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl Secret {
    /// The secret of these bytes; none when they are too few or too many.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let fits = (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len());
        fits.then(|| Self(bytes.to_vec()))
    }

    /// The secret that a text such as `whsec_MfKQ…` holds.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text.strip_prefix(PREFIX)?.as_bytes()).ok()?;
        Self::from_bytes(&bytes)
    }

    /// As it is given to who receives, `whsec_` and base64.
    pub fn to_text(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(&self.0))
    }

    /// The value of `webhook-signature` of a message.
    pub fn sign(&self, id: &str, at_s: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{at_s}.").as_bytes());
        context.update(body);
        format!("v1,{}", BASE64.encode(context.sign().as_ref()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_published_example() {
        let secret = Secret::from_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            secret.sign(
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                br#"{"test": 2432232314}"#
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn secrets_are_read_as_they_are_written_and_have_a_length() {
        let secret = Secret::from_bytes(&[9; SECRET_BYTES]).unwrap();
        assert_eq!(Secret::from_text(&secret.to_text()), Some(secret));
        for bytes in [0, 23, 65] {
            assert_eq!(Secret::from_bytes(&vec![1; bytes]), None, "{bytes} bytes");
        }
        assert_eq!(Secret::from_text("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), None);
    }
}
