//! Text as people type it in a hurry: in small letters, and without the marks of Vietnamese.

/// Letters with marks, by what they are without.
const MARKED: [(char, &str); 7] = [
    ('a', "àáảãạăằắẳẵặâầấẩẫậ"),
    ('d', "đ"),
    ('e', "èéẻẽẹêềếểễệ"),
    ('i', "ìíỉĩị"),
    ('o', "òóỏõọôồốổỗộơờớởỡợ"),
    ('u', "ùúủũụưừứửữự"),
    ('y', "ỳýỷỹỵ"),
];

/// The text in small letters and without marks, whether they are part of the letter or follow it.
pub fn folded(text: &str) -> String {
    let is_mark = |letter: &char| matches!(letter, '\u{300}'..='\u{36f}');
    let letters = text.chars().flat_map(char::to_lowercase);
    letters.filter(|letter| !is_mark(letter)).map(bare).collect()
}

fn bare(letter: char) -> char {
    let found = MARKED.iter().find(|(_, marked)| marked.contains(letter));
    found.map_or(letter, |(bare, _)| *bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_without_their_marks() {
        for (text, expect) in [
            ("Thành phố Huế", "thanh pho hue"),
            ("ĐẮK LẮK", "dak lak"),
            ("Bộ Nông nghiệp và Môi trường", "bo nong nghiep va moi truong"),
            // The same letters, with their marks behind them.
            ("Hue\u{302}\u{301}", "hue"),
            ("Quý Mỹ Tý kỳ ỵ", "quy my ty ky y"),
            ("Ministry 1", "ministry 1"),
        ] {
            assert_eq!(folded(text), expect);
        }
    }
}
