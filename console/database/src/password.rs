//! Passwords: argon2id, 19 MiB, 2 passes, 1 lane (OWASP's first choice), as PHC strings.
//!
//! Hashing takes tens of milliseconds of a core, so it runs on blocking threads, [`crate::HASHES_MAX`] at a time.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::{DatabaseError, Result};

/// Shortest password, in characters.
pub(crate) const CHARACTERS_MIN: usize = 12;

/// Longest password, in bytes.
pub(crate) const BYTES_MAX: usize = 256;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// What an unknown user's password is compared with, so that it takes as long as a known one's.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_now("nobody has this password").ok());

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| failed(&error))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: &dyn std::fmt::Display) -> DatabaseError {
    DatabaseError::Hashing(error.to_string())
}

fn hash_now(password: &str) -> Result<String> {
    let salt: [u8; 16] = rand::random();
    let hash: PasswordHash = argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| failed(&error))?;
    Ok(hash.to_string())
}

fn verify_now(password: &str, hash: Option<&str>) -> Result<bool> {
    let against = hash
        .or(NOBODY.as_deref())
        .ok_or_else(|| failed(&"no hash to compare with"))?;
    let parsed = PasswordHash::new(against).map_err(|error| failed(&error))?;
    let same = argon2()?.verify_password(password.as_bytes(), &parsed).is_ok();
    Ok(same && hash.is_some())
}

/// Checks that a new password will do.
pub(crate) fn check(password: &str, user_name: &str) -> Result<()> {
    let invalid = |problem| {
        Err(DatabaseError::Invalid {
            field: "password",
            problem,
        })
    };
    if password.chars().count() < CHARACTERS_MIN {
        return invalid("must have at least 12 characters");
    }
    if password.len() > BYTES_MAX {
        return invalid("must not be longer than 256 bytes");
    }
    if password.eq_ignore_ascii_case(user_name) {
        return invalid("must not be the user name");
    }
    Ok(())
}

/// The PHC string of a password.
pub(crate) async fn hash(gate: &Arc<Semaphore>, password: String) -> Result<String> {
    let permit = Arc::clone(gate)
        .acquire_owned()
        .await
        .map_err(|error| failed(&error))?;
    let work = move || {
        let _permit = permit;
        hash_now(&password)
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| failed(&error))?
}

/// Whether `password` belongs to `hash`; without a hash it never does, and takes as long to say so.
pub(crate) async fn verify(gate: &Arc<Semaphore>, password: String, hash: Option<String>) -> Result<bool> {
    if password.len() > BYTES_MAX {
        return Ok(false);
    }
    let permit = Arc::clone(gate)
        .acquire_owned()
        .await
        .map_err(|error| failed(&error))?;
    let work = move || {
        let _permit = permit;
        verify_now(&password, hash.as_deref())
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| failed(&error))?
}

/// Makes the hash that unknown users are compared with, so that the first of them does not wait longer.
pub(crate) async fn warm_up() {
    let _ = tokio::task::spawn_blocking(|| LazyLock::force(&NOBODY).is_some()).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_verifies() {
        let hash = hash_now("correct horse battery").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_now("correct horse battery", Some(&hash)).unwrap());
        assert!(!verify_now("correct horse batterz", Some(&hash)).unwrap());
        assert!(!verify_now("nobody has this password", None).unwrap());
    }

    #[test]
    fn weak_passwords_are_named() {
        let problem = |password: &str| check(password, "administrator-1").unwrap_err().to_string();
        assert_eq!(problem("short"), "password must have at least 12 characters");
        assert_eq!(
            problem(&"x".repeat(257)),
            "password must not be longer than 256 bytes"
        );
        assert_eq!(problem("Administrator-1"), "password must not be the user name");
        assert!(check("mười hai ký tự", "a").is_ok());
    }
}
