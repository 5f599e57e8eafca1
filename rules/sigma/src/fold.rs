//! Case folding: one character to one character, so that `?` and offsets mean the same before and after.

/// Appends `text` in folded form to `out`.
pub(crate) fn fold_into(text: &str, out: &mut String) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        if let Some(tail) = out.get_mut(start..) {
            tail.make_ascii_lowercase();
        }
        return;
    }
    out.extend(text.chars().map(fold_character));
}

/// `text` in folded form.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(text, &mut out);
    out
}

fn fold_character(character: char) -> char {
    if character == 'ς' {
        return 'σ';
    }
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_any_script_fold() {
        for (text, expect) in [
            ("AbC", "abc"),
            ("ĐỨC", "đức"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("ς", "σ"),
            ("İ", "İ"),
        ] {
            assert_eq!(fold(text), expect);
        }
    }
}
