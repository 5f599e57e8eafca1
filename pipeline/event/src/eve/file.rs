//! `fileinfo`, and `files` of an alert.

use super::json::Object;
use crate::proto::File;

/// One file.
pub(super) fn describe(file: &File, tx_id: Option<u64>, object: &mut Object<'_>) {
    object.text_if("filename", filename(file));
    object.boolean("gaps", file.has_gaps || file.missed_bytes > 0);
    object.text("state", state(file));
    object.text_if("md5", &file.md5);
    object.text_if("sha1", &file.sha1);
    object.text_if("sha256", &file.sha256);
    object.boolean("stored", file.stored);
    if file.stored {
        object.number("file_id", file.file_id);
    }
    object.number("size", file.size);
    if file.end != 0 {
        object.number("start", file.start);
        object.number("end", file.end);
    }
    if let Some(tx_id) = tx_id {
        object.number("tx_id", tx_id);
    }
    object.text_if("mime", &file.mime);
    object.text_if("scan", &file.scan);
    object.texts("yara", file.yara_rules.iter().map(String::as_str));
}

/// The name that the protocol gave. Where that is no more than the end of the path, the path: so Suricata names a file of HTTP.
fn filename(file: &File) -> &str {
    let path = file.uri.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    if file.name.is_empty() || file.name == last {
        if path.is_empty() { &file.name } else { path }
    } else {
        &file.name
    }
}

fn state(file: &File) -> &str {
    match (file.state.as_str(), file.complete) {
        ("", true) => "CLOSED",
        ("", false) => "TRUNCATED",
        (state, _) => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_http_is_named_by_its_path() {
        let check = |name: &str, uri: &str, expect: &str| {
            let file = File {
                name: name.into(),
                uri: uri.into(),
                ..File::default()
            };
            assert_eq!(filename(&file), expect, "{name} of {uri}");
        };
        check("x.bin", "/a/x.bin?q=1", "/a/x.bin");
        check("", "/", "/");
        check("report.pdf", "/download?id=7", "report.pdf");
        check("a.txt", "", "a.txt");
    }
}
