//! One-time codes by time (RFC 6238): HMAC-SHA1, six digits, half minutes since 1970, as every authenticator app has them.

use data_encoding::BASE32_NOPAD;
use ring::hmac;

/// Bytes of a secret: as many as the hash has (RFC 4226, section 4).
const SECRET_BYTES: usize = 20;
/// Length of a step.
const STEP_US: i64 = 30 * 1_000_000;
/// How many steps a clock may be off, either way.
const DRIFT_STEPS: i64 = 1;
/// Digits of a code.
pub(crate) const DIGITS: usize = 6;

/// What the app and the console share.
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    pub(crate) fn random() -> Self {
        Self(rand::random::<[u8; SECRET_BYTES]>().to_vec())
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// 32 characters of base 32, as people type it into an app.
    pub(crate) fn to_text(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// The step that `code` stands for, later than `last_step` and no further from `now_us` than clocks may differ.
    pub(crate) fn step_of(&self, code: &str, last_step: i64, now_us: i64) -> Option<i64> {
        if code.len() != DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let given: u32 = code.parse().ok()?;
        let now = now_us.div_euclid(STEP_US);
        (now - DRIFT_STEPS..=now + DRIFT_STEPS).find(|step| *step > last_step && self.code(*step) == given)
    }

    /// The code of a step.
    pub(crate) fn code(&self, step: i64) -> u32 {
        self.number(step) % 10_u32.pow(DIGITS as u32)
    }

    /// RFC 4226, section 5.3.
    fn number(&self, step: i64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let offset = usize::from(bytes.last().copied().unwrap_or(0) & 0x0f);
        let four = bytes.get(offset..).and_then(<[u8]>::first_chunk::<4>);
        u32::from_be_bytes(four.copied().unwrap_or_default()) & 0x7fff_ffff
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let secret = Secret(b"12345678901234567890".to_vec());
        for (second, expect) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(secret.number(second / 30) % 100_000_000, expect, "{second}");
        }
        assert_eq!(secret.to_text(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn a_code_counts_once_and_near_its_time_alone() {
        let secret = Secret(b"12345678901234567890".to_vec());
        let (code, step, second_us) = ("287082", 1, 1_000_000);
        let at = |second: i64, last: i64| secret.step_of(code, last, second * second_us);
        for second in [0, 29, 30, 59, 60, 89] {
            assert_eq!(at(second, 0), Some(step), "{second}");
            assert_eq!(at(second, step), None, "it was used");
        }
        assert_eq!((at(-1, -9), at(90, 0)), (None, None));
        for code in ["", "28708", "2870820", "28708x", "+87082", "２87082"] {
            assert_eq!(secret.step_of(code, 0, 59 * second_us), None, "{code}");
        }
    }
}
