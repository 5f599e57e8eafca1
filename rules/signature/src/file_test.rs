//! Conditions on a file that is being transferred: `filename`, `fileext`, `filemagic`, `filesize`,
//! `filemd5`, `filesha1`, `filesha256`. All of a rule's must hold of one and the same file.

use std::collections::HashSet;
use std::sync::Arc;

use crate::content::{Pattern, parse_content};
use crate::context::FileFacts;
use crate::error::{Complaint, over_limit, value};
use crate::hexadecimal;
use crate::limits::DIGESTS_PER_LIST_MAX;
use crate::number::{NumberTest, size_test};
use crate::resources::RuleFiles;

/// One condition on a file.
#[derive(Debug, Clone)]
pub(crate) enum FileTest {
    Name(TextTest),
    Extension(TextTest),
    Magic(TextTest),
    Size(NumberTest),
    Digest(DigestTest),
}

/// Text that must be somewhere in another, or must not; case does not matter.
#[derive(Debug, Clone)]
pub(crate) struct TextTest {
    negated: bool,
    pattern: Pattern,
}

/// A list of digests that the file's must be on, or must not.
#[derive(Debug, Clone)]
pub(crate) struct DigestTest {
    negated: bool,
    of: DigestKind,
    list: Arc<HashSet<Vec<u8>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigestKind {
    Md5,
    Sha1,
    Sha256,
}

impl FileTest {
    /// The condition that the keyword with that value asks for; `None` if the keyword is another's.
    /// `rule_file` is the file of the rule, which lists are named relative to.
    pub(crate) fn parse(
        keyword: &str,
        text: &str,
        files: &dyn RuleFiles,
        rule_file: &str,
    ) -> Option<Result<FileTest, Complaint>> {
        let digest = |of| DigestTest::read(of, text, files, rule_file).map(FileTest::Digest);
        Some(match keyword {
            "filename" => TextTest::parse(text).map(FileTest::Name),
            "fileext" => TextTest::parse(text).map(FileTest::Extension),
            "filemagic" => TextTest::parse(text).map(FileTest::Magic),
            "filesize" => size_test(text).map(FileTest::Size),
            "filemd5" => digest(DigestKind::Md5),
            "filesha1" => digest(DigestKind::Sha1),
            "filesha256" => digest(DigestKind::Sha256),
            _ => return None,
        })
    }

    /// The digest that it asks for.
    pub(crate) fn digest(&self) -> Option<DigestKind> {
        match self {
            FileTest::Digest(test) => Some(test.of),
            _ => None,
        }
    }

    /// Whether it can hold only of a file that is there to its end.
    pub(crate) fn asks_for_all(&self) -> bool {
        match self {
            FileTest::Digest(_) => true,
            FileTest::Size(test) => !matches!(test, NumberTest::Greater(_) | NumberTest::GreaterOrEqual(_)),
            FileTest::Name(_) | FileTest::Extension(_) | FileTest::Magic(_) => false,
        }
    }

    pub(crate) fn holds(&self, file: &FileFacts<'_>) -> bool {
        match self {
            FileTest::Name(test) => file.name.is_some_and(|name| test.holds(name)),
            FileTest::Extension(test) => file.name.is_some_and(|name| test.ends(name)),
            FileTest::Magic(test) => file.magic.is_some_and(|magic| test.holds(magic.as_bytes())),
            FileTest::Size(test) => size_holds(*test, file),
            FileTest::Digest(test) => test.holds(file),
        }
    }
}

/// While a file is not complete, only that it is larger than something is certain.
fn size_holds(test: NumberTest, file: &FileFacts<'_>) -> bool {
    match test {
        NumberTest::Greater(_) | NumberTest::GreaterOrEqual(_) => test.holds(file.bytes),
        _ => file.is_complete && test.holds(file.bytes),
    }
}

impl TextTest {
    fn parse(text: &str) -> Result<TextTest, Complaint> {
        let (negated, bytes) = parse_content(text)?;
        let mut pattern = Pattern::new(bytes);
        pattern.ignore_case();
        Ok(TextTest { negated, pattern })
    }

    fn holds(&self, text: &[u8]) -> bool {
        self.pattern.find(text).is_some() != self.negated
    }

    /// Whether the text is what stands after the last dot of a name.
    fn ends(&self, name: &[u8]) -> bool {
        let extension = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
        let has_one = extension.len() < name.len();
        let is_it = extension.len() == self.pattern.len() && self.pattern.stands_at_start(extension);
        (has_one && is_it) != self.negated
    }
}

impl DigestTest {
    fn read(
        of: DigestKind,
        text: &str,
        files: &dyn RuleFiles,
        rule_file: &str,
    ) -> Result<DigestTest, Complaint> {
        let (negated, name) = match text.trim().strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, text.trim()),
        };
        let list = files.read(rule_file, name).map_err(value)?;
        let mut digests = HashSet::new();
        for (line, number) in list.lines().zip(1u32..) {
            // What stands beside the digest (md5sum's file name) says nothing.
            let Some(word) = line
                .split_whitespace()
                .next()
                .filter(|word| !word.starts_with('#'))
            else {
                continue;
            };
            let digest = hexadecimal::bytes(word)
                .filter(|digest| digest.len() == of.bytes())
                .ok_or_else(|| value(format!("{name}:{number}: {word:?} is no digest")))?;
            digests.insert(digest);
            if digests.len() > DIGESTS_PER_LIST_MAX {
                return Err(over_limit(format!(
                    "{name}: more than {DIGESTS_PER_LIST_MAX} digests"
                )));
            }
        }
        Ok(DigestTest {
            negated,
            of,
            list: Arc::new(digests),
        })
    }

    /// A digest is known of complete files only.
    fn holds(&self, file: &FileFacts<'_>) -> bool {
        let digest = match self.of {
            DigestKind::Md5 => file.md5.map(|digest| digest.as_slice()),
            DigestKind::Sha1 => file.sha1.map(|digest| digest.as_slice()),
            DigestKind::Sha256 => file.sha256.map(|digest| digest.as_slice()),
        };
        digest.is_some_and(|digest| self.list.contains(digest) != self.negated)
    }
}

impl DigestKind {
    fn bytes(self) -> usize {
        match self {
            DigestKind::Md5 => 16,
            DigestKind::Sha1 => 20,
            DigestKind::Sha256 => 32,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Debug)]
    struct Lists;

    impl RuleFiles for Lists {
        fn read(&self, _: &str, name: &str) -> Result<String, String> {
            match name {
                "known" => Ok("# list\n900150983cd24fb0d6963f7d28e17f72  abc.txt\n".to_owned()),
                "broken" => Ok("9001\n".to_owned()),
                other => Err(format!("{other} cannot be read")),
            }
        }
    }

    const ABC: [u8; 16] = [
        0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0, 0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72,
    ];

    #[test]
    fn conditions() {
        let file = FileFacts {
            name: Some(b"a.r.PDF"),
            magic: Some("PDF document, version 1.6"),
            bytes: 2048,
            is_complete: true,
            md5: Some(&ABC),
            ..FileFacts::default()
        };
        let table = [
            ("filename", "\"R.pdf\"", true),
            ("filename", "!\"R.pdf\"", false),
            ("filename", "\"x\"", false),
            ("fileext", "\"pdf\"", true),
            ("fileext", "\"pd\"", false),
            ("fileext", "!\"doc\"", true),
            ("filemagic", "\"pDf\"", true),
            ("filemagic", "!\"version 1.5\"", true),
            ("filesize", ">1KB", true),
            ("filesize", "2KB", true),
            ("filesize", "1KB<>2MB", true),
            ("filesize", "<2048", false),
            ("filemd5", "known", true),
            ("filemd5", "!known", false),
        ];
        for (keyword, text, expected) in table {
            let test = FileTest::parse(keyword, text, &Lists, "r").unwrap().unwrap();
            assert_eq!(test.holds(&file), expected, "{keyword}:{text}");
            let unknown = FileFacts::default();
            let certain = keyword == "filesize" && text.starts_with('>');
            assert!(
                certain || !test.holds(&unknown),
                "{keyword}:{text} of nothing known"
            );
        }
    }

    #[test]
    fn incomplete_files_are_at_least_so_large() {
        let part = FileFacts {
            bytes: 200,
            ..FileFacts::default()
        };
        let holds = |text| {
            let test = FileTest::parse("filesize", text, &Lists, "r").unwrap().unwrap();
            test.holds(&part)
        };
        assert!(holds(">100"));
        assert!(!holds("<300") && !holds("200") && !holds("100<>300"));
    }

    #[test]
    fn refused() {
        let table = [
            ("filename", "a"),
            ("filesize", "1XB"),
            ("filesize", ""),
            ("filesize", "99999999999GB"),
            ("filemd5", "missing"),
            ("filemd5", "broken"),
            ("filesha1", "known"),
        ];
        for (keyword, text) in table {
            assert!(
                FileTest::parse(keyword, text, &Lists, "r").unwrap().is_err(),
                "{keyword}:{text}"
            );
        }
    }
}
