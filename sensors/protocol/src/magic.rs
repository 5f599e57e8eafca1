//! The type of a body by its first bytes, for the few types an analyst acts on.

/// Bytes from the start that [`sniff`] looks at.
pub(crate) const SNIFF_BYTES: usize = 512;

const SIGNATURES: [(&[u8], &str); 24] = [
    (b"MZ", "application/x-dosexec"),
    (b"\x7fELF", "application/x-executable"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/x-rar"),
    (b"MSCF", "application/vnd.ms-cab-compressed"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "text/rtf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"dex\n03", "application/vnd.android.dex"),
    (b"#!", "text/x-shellscript"),
    (b"<?xml", "text/xml"),
    (b"<?php", "text/x-php"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"wOFF", "font/woff"),
    (b"ITSF", "application/vnd.ms-htmlhelp"),
    (b"L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
];

/// The media type that the first bytes show; `None` when they show none.
pub(crate) fn sniff(start: &[u8]) -> Option<&'static str> {
    let by_signature = SIGNATURES
        .into_iter()
        .find(|(signature, _)| start.starts_with(signature))
        .map(|(_, mime)| mime);
    by_signature.or_else(|| {
        let text = start.trim_ascii_start();
        let is = |tag: &[u8]| {
            text.get(..tag.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(tag))
        };
        (is(b"<!doctype html") || is(b"<html")).then_some("text/html")
    })
}

#[cfg(test)]
mod tests {
    use super::sniff;

    #[test]
    fn types_are_told_by_their_first_bytes() {
        for (start, expect) in [
            (&b"MZ\x90"[..], Some("application/x-dosexec")),
            (b"  <!DOCTYPE HTML>", Some("text/html")),
            (b"%PDF-1.7", Some("application/pdf")),
            (b"hello", None),
            (b"", None),
        ] {
            assert_eq!(sniff(start), expect);
        }
    }
}
