//! Passwords: argon2id, 19 MiB, 2 passes, 1 lane (OWASP's first choice), as PHC strings.
//!
//! A new one must have twelve characters and be hard to guess: zxcvbn estimates how many guesses it takes, knowing the 30,000 most used
//! passwords, names, dates, keyboards, what people put for letters, and what is near at hand here: the account's names and [`NEAR_WORDS`].
//!
//! Hashing takes tens of milliseconds of a core, so it runs on blocking threads, [`crate::HASHES_MAX`] at a time.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;
use zxcvbn::feedback::Warning;
use zxcvbn::{Score, zxcvbn};

use crate::{DatabaseError, Result};

/// Shortest password, in characters.
pub(crate) const CHARACTERS_MIN: usize = 12;

/// Words that people here try first, which the lists of the world do not have.
const NEAR_WORDS: [&str; 28] = [
    "vonggac",
    "vong gac",
    "vọng gác",
    "matkhau",
    "mat khau",
    "mật khẩu",
    "quantri",
    "quan tri",
    "quản trị",
    "quantrivien",
    "anhyeuem",
    "emyeuanh",
    "yeuem",
    "vietnam",
    "viet nam",
    "việt nam",
    "hanoi",
    "ha noi",
    "saigon",
    "hochiminh",
    "danang",
    "nguyen",
    "mậtkhẩu",
    "việtnam",
    "vọnggác",
    "quảntrị",
    "chungtoi",
    "congan",
];

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

/// Checks that a new password of somebody with these names will do. Takes milliseconds of a core.
fn check_now(password: &str, names: &[String]) -> Result<()> {
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
    if names
        .iter()
        .any(|name| password.to_lowercase() == name.to_lowercase())
    {
        return invalid("must not be a name of the account");
    }
    let near: Vec<&str> = names.iter().map(String::as_str).chain(NEAR_WORDS).collect();
    let estimate = zxcvbn(password, &near);
    if estimate.score() >= Score::Three {
        return Ok(());
    }
    invalid(
        estimate
            .feedback()
            .and_then(|feedback| feedback.warning())
            .map_or("is too easy to guess: add another word or two", in_words),
    )
}

/// What makes a password easy to guess.
fn in_words(warning: Warning) -> &'static str {
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess | Warning::ShortKeyboardPatternsAreEasyToGuess => {
            "is too easy to guess: it follows the keyboard"
        }
        Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => {
            "is too easy to guess: it repeats itself"
        }
        Warning::ThisIsATop10Password | Warning::ThisIsATop100Password | Warning::ThisIsACommonPassword => {
            "is one of the most used passwords"
        }
        Warning::ThisIsSimilarToACommonlyUsedPassword => "is too close to one of the most used passwords",
        Warning::SequencesLikeAbcAreEasyToGuess => {
            "is too easy to guess: it has a sequence such as abc or 123"
        }
        Warning::RecentYearsAreEasyToGuess | Warning::DatesAreOftenEasyToGuess => {
            "is too easy to guess: it has a date or a year"
        }
        Warning::AWordByItselfIsEasyToGuess => "is too easy to guess: add another word or two",
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
        | Warning::CommonNamesAndSurnamesAreEasyToGuess => "is too easy to guess: it is made of names",
    }
}

/// Checks that a new password of somebody with these names will do.
pub(crate) async fn check(password: String, names: [&str; 2]) -> Result<()> {
    let names = names.map(str::to_owned);
    tokio::task::spawn_blocking(move || check_now(&password, &names))
        .await
        .map_err(|error| failed(&error))?
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
    fn a_password_counts_as_it_was_typed() {
        let long = "mười hai con cò, bảy con vạc, và một người gác trên chòi canh !!";
        assert_eq!(long.chars().count(), 64);
        check_now(long, &[]).unwrap();
        let hash = hash_now(long).unwrap();
        assert!(verify_now(long, Some(&hash)).unwrap());
        let cut: String = long.chars().take(63).collect();
        for other in [cut, format!(" {long}"), format!("{long} "), long.to_uppercase()] {
            assert!(!verify_now(&other, Some(&hash)).unwrap(), "{other:?}");
        }
    }

    #[test]
    fn weak_passwords_are_named() {
        let names = ["administrator-1".to_owned(), "Nguyễn Thị Lan".to_owned()];
        let problem = |password: &str| check_now(password, &names).err().map(|error| error.to_string());
        let problem = |password: &str| problem(password).unwrap_or_default();
        assert_eq!(problem("short"), "password must have at least 12 characters");
        assert_eq!(
            problem(&"x".repeat(257)),
            "password must not be longer than 256 bytes"
        );
        assert_eq!(
            problem("Administrator-1"),
            "password must not be a name of the account"
        );
        for (password, expect) in [
            ("passwordpassword", "repeats itself"),
            ("qwertyuiopasdf", "most used passwords"),
            ("aaaaaaaaaaaaaaa", "password is "),
            ("administrator-12", "password is "),
            ("matkhau123456", "password is "),
            ("MậtKhẩu123456", "password is "),
        ] {
            let told = problem(password);
            assert!(told.contains(expect), "{password}: {told}");
        }
        for password in [
            "mười hai ký tự",
            "correct horse battery",
            "a long test password",
            "xo-7w_Rmk2pQ",
        ] {
            assert_eq!(problem(password), "", "{password}");
        }
    }
}
