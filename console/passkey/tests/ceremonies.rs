//! Both ceremonies of WebAuthn, with each thing wrong that section 7 tells to look at.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;
use vonggac_passkey::testing::{SoftKey, client_data};
use vonggac_passkey::{Assertion, PasskeyError, Seen, Site, check, register};

const CHALLENGE: &str = "Y2hhbGxlbmdl";

fn site() -> Site {
    Site {
        id: "soc.example".into(),
        origin: "https://soc.example".into(),
    }
}

fn created(origin: &str) -> Vec<u8> {
    client_data("webauthn.create", CHALLENGE, origin)
}

#[test]
fn a_passkey_is_registered_and_answers() {
    let mut key = SoftKey::default();
    let made = register(
        &site(),
        CHALLENGE,
        &created("https://soc.example"),
        &key.attestation_object(&site()),
    );
    let made = made.unwrap();
    assert_eq!((&made.id, &made.public_key), (&key.id, &key.cose()));
    key.sign_count = 7;
    key.flags |= 0x18;
    let answer = key.answer(&site(), CHALLENGE);
    let assertion = Assertion {
        client_data: &answer.client_data,
        authenticator_data: &answer.authenticator_data,
        signature: &answer.signature,
    };
    let seen = check(&site(), CHALLENGE, &made.public_key, &assertion);
    assert_eq!(
        seen,
        Ok(Seen {
            sign_count: 7,
            is_backed_up: true
        })
    );
    let other = SoftKey::default().cose();
    assert_eq!(
        check(&site(), CHALLENGE, &other, &assertion),
        Err(PasskeyError::Signature)
    );
    assert_eq!(
        check(&site(), "bm90IGl0", &made.public_key, &assertion),
        Err(PasskeyError::Question)
    );
    for at in 0..answer.signature.len() {
        let mut signature = answer.signature.clone();
        signature[at] ^= 1;
        let changed = Assertion {
            signature: &signature,
            ..assertion
        };
        assert!(
            check(&site(), CHALLENGE, &made.public_key, &changed).is_err(),
            "byte {at}"
        );
    }
}

#[test]
fn what_is_of_another_site_or_of_nobody_is_refused() {
    let key = SoftKey::default();
    let object = key.attestation_object(&site());
    let refused =
        |client_data: &[u8], object: &[u8]| register(&site(), CHALLENGE, client_data, object).unwrap_err();
    for origin in [
        "http://soc.example",
        "https://soc.example:444",
        "https://evil.example",
        "",
    ] {
        assert_eq!(
            refused(&created(origin), &object),
            PasskeyError::Origin,
            "{origin}"
        );
    }
    let get = client_data("webauthn.get", CHALLENGE, "https://soc.example");
    assert_eq!(refused(&get, &object), PasskeyError::Question);
    assert_eq!(refused(b"{}", &object), PasskeyError::ClientData);
    let framed = String::from_utf8(created("https://soc.example"))
        .unwrap()
        .replace("false", "true");
    assert_eq!(refused(framed.as_bytes(), &object), PasskeyError::Origin);

    let good = created("https://soc.example");
    let elsewhere = Site {
        id: "evil.example".into(),
        ..site()
    };
    assert_eq!(
        refused(&good, &key.attestation_object(&elsewhere)),
        PasskeyError::Origin
    );
    for flags in [0x00, 0x01, 0x04] {
        let mut key = SoftKey::default();
        key.flags = flags;
        assert_eq!(
            refused(&good, &key.attestation_object(&site())),
            PasskeyError::NotVerified
        );
    }
    for length in 0..object.len() {
        refused(&good, &object[..length]);
    }
}

proptest! {
    #[test]
    fn nothing_from_a_browser_panics(at in 0_usize..300, to: u8, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let key = SoftKey::default();
        let good = created("https://soc.example");
        let mut object = key.attestation_object(&site());
        if let Some(byte) = object.get_mut(at) {
            *byte = to;
        }
        let _ = register(&site(), CHALLENGE, &good, &object);
        let _ = register(&site(), CHALLENGE, &good, &bytes);
        let _ = register(&site(), CHALLENGE, &bytes, &object);
        let assertion = Assertion { client_data: &good, authenticator_data: &bytes, signature: &bytes };
        let _ = check(&site(), CHALLENGE, &bytes, &assertion);
    }
}
