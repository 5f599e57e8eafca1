//! What a browser remembers of good sign-ins, so that strangers' failures do not lock its owner out.
//!
//! A mark stands for one account in one browser: a random id, when it was made, and the console's signature over both and the user name. It
//! gets nobody in; it gives the attempts from there a count of their own. A browser keeps the newest [`MARKS_MAX`], for those who share it.
//!
//! ```text
//!  32 hexadecimal digits . seconds since 1970 . 64 hexadecimal digits [ ~ the next mark ]
//! ```

use data_encoding::HEXLOWER_PERMISSIVE;

use crate::vault::Vault;

/// How long a mark is good for.
pub const MARK_S: i64 = 180 * 24 * 3600;
/// Marks that a browser keeps.
pub const MARKS_MAX: usize = 8;

/// Id of a browser that signed in to `user_name` before, as its `marks` show; of several the newest.
pub fn find(vault: &Vault, marks: &str, user_name: &str, now_us: i64) -> Option<String> {
    marks
        .split('~')
        .take(MARKS_MAX)
        .find_map(|mark| id_of(vault, mark, user_name, now_us))
        .map(str::to_owned)
}

/// The marks after a good sign-in: a new one for `user_name` first, with the id that was there before.
pub fn remember(vault: &Vault, marks: &str, user_name: &str, now_us: i64) -> String {
    let known = find(vault, marks, user_name, now_us);
    let id = known.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
    let made_s = now_us.div_euclid(1_000_000);
    let signature = HEXLOWER_PERMISSIVE.encode(&vault.sign(&signed_text(&id, made_s, user_name)));
    let new = format!("{id}.{made_s}.{signature}");
    let others = marks
        .split('~')
        .filter(|mark| is_shaped(mark) && id_of(vault, mark, user_name, now_us).is_none());
    let all: Vec<&str> = std::iter::once(new.as_str())
        .chain(others)
        .take(MARKS_MAX)
        .collect();
    all.join("~")
}

fn signed_text(id: &str, made_s: i64, user_name: &str) -> String {
    format!("device {id} {made_s} {}", user_name.to_lowercase())
}

/// Whether a mark may go back into a cookie.
fn is_shaped(mark: &str) -> bool {
    mark.len() <= 128
        && mark.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'.')
        && mark.contains('.')
}

fn id_of<'a>(vault: &Vault, mark: &'a str, user_name: &str, now_us: i64) -> Option<&'a str> {
    if !is_shaped(mark) {
        return None;
    }
    let (id, rest) = mark.split_once('.')?;
    let (made_s, signature) = rest.split_once('.')?;
    let made_s: i64 = made_s.parse().ok()?;
    let age_s = now_us.div_euclid(1_000_000).saturating_sub(made_s);
    let signature = HEXLOWER_PERMISSIVE.decode(signature.as_bytes()).ok()?;
    let is_good = vault.is_signed(&signed_text(id, made_s, user_name), &signature);
    (is_good && (0..MARK_S).contains(&age_s)).then_some(id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::NOW_US;
    use crate::vault::KEY_BYTES;

    #[test]
    fn a_mark_is_for_one_account_of_this_console_and_for_half_a_year() {
        let vault = Vault::new(&[7; KEY_BYTES]).unwrap();
        let marks = remember(&vault, "", "Lan", NOW_US);
        let id = find(&vault, &marks, "lan", NOW_US).unwrap();
        assert_eq!((id.len(), find(&vault, &marks, "minh", NOW_US)), (32, None));
        assert_eq!(
            find(&Vault::new(&[8; KEY_BYTES]).unwrap(), &marks, "lan", NOW_US),
            None
        );
        assert_eq!(find(&vault, &marks, "lan", NOW_US + MARK_S * 1_000_000), None);
        assert_eq!(
            find(&vault, &marks, "lan", NOW_US - 1_000_000),
            None,
            "from the future"
        );

        let both = remember(&vault, &marks, "minh", NOW_US);
        assert_eq!(find(&vault, &both, "lan", NOW_US).as_ref(), Some(&id));
        let renewed = remember(&vault, &both, "lan", NOW_US + 1_000_000);
        assert_eq!(find(&vault, &renewed, "lan", NOW_US + 1_000_000), Some(id));
        assert_eq!(renewed.split('~').count(), 2);
        for marks in [
            "",
            "~",
            "..",
            "x.1.00",
            "é.1.00",
            &"0.".repeat(200),
            &marks.replace('.', "~"),
        ] {
            assert_eq!(find(&vault, marks, "lan", NOW_US), None, "{marks}");
        }
        let mut many = String::new();
        for user in 0..20 {
            many = remember(&vault, &many, &format!("user{user}"), NOW_US);
        }
        assert_eq!(many.split('~').count(), MARKS_MAX);
        assert!(many.len() < 1200, "it fits into a cookie");
    }
}
