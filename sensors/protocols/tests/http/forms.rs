//! Files in forms.

use crate::exchange::{Step, play};
use crate::recorder::Recorder;
use Step::{Client, ClientGap};

/// A form with this body, in pieces of so many bytes.
fn post(content_type: &str, body: &[u8], piece: usize) -> Recorder {
    let head = format!(
        "POST /up HTTP/1.1\r\nHost: a.example\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), body].concat();
    let pieces: Vec<_> = request.chunks(piece).map(Client).collect();
    play(&pieces)
}

/// Name, content and completeness of each file.
fn files(recorder: &Recorder) -> Vec<(String, String, bool)> {
    let files = recorder.files.iter();
    files
        .map(|(_, file, data)| {
            let data = String::from_utf8_lossy(data).into_owned();
            assert_eq!(file.sha256.is_empty(), !file.complete);
            (file.name.clone(), data, file.complete)
        })
        .collect()
}

fn check(content_type: &str, body: &str, expect: &[(&str, &str, bool)]) {
    for piece in [usize::MAX, 1, 7] {
        let told = files(&post(content_type, body.as_bytes(), piece));
        let told: Vec<_> = told
            .iter()
            .map(|(name, data, is_whole)| (name.as_str(), data.as_str(), *is_whole))
            .collect();
        assert_eq!(told, expect, "{body:?} in pieces of {piece}");
    }
}

const FORM: &str = "multipart/form-data; boundary=XX";

fn part(name: &str, content: &str) -> String {
    format!("--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n{content}\r\n")
}

#[test]
fn each_part_with_a_file_name_is_a_file() {
    let field = "--XX\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nvalue\r\n";
    let body = [
        field,
        &part("a.exe", "MZ\r\n-\r\n--X"),
        &part("b", ""),
        &part("c", "\r\n"),
        "--XX--\r\n",
    ]
    .concat();
    check(
        FORM,
        &body,
        &[("a.exe", "MZ\r\n-\r\n--X", true), ("c", "\r\n", true)],
    );
    check(
        "Multipart/Form-Data; charset=utf-8; Boundary=\"XX\"",
        &body,
        &[("a.exe", "MZ\r\n-\r\n--X", true), ("c", "\r\n", true)],
    );
}

#[test]
fn forms_are_read_as_lenient_servers_read_them() {
    // Bare LF.
    let bare = [part("a", "1"), part("b", "2"), "--XX--".into()]
        .concat()
        .replace('\r', "");
    check(FORM, &bare, &[("a", "1", true), ("b", "2", true)]);
    // PHP goes on behind what ends a form.
    let behind = [&part("a", "1"), "--XX--\r\n", &part("b", "2"), "--XX--\r\n"].concat();
    check(FORM, &behind, &[("a", "1", true), ("b", "2", true)]);
    // What only begins like a delimiter is data.
    let longer = [&part("a", "1\r\n--XXY\r\n2"), "--XX--\r\n"].concat();
    check(FORM, &longer, &[("a", "1\r\n--XXY\r\n2", true)]);
    // Blanks behind the boundary; text before the first.
    let padded = "preamble\r\n--XX \t\r\nContent-Disposition: form-data; filename=a\r\n\r\n1\r\n--XX-- \r\n";
    check(FORM, padded, &[("a", "1", true)]);
}

#[test]
fn what_is_not_whole_is_not_told_as_whole() {
    check(FORM, part("a", "12").as_str(), &[("a", "12\r\n", false)]);
    // Without a delimiter it is no form but one file.
    check(FORM, "MZ", &[("/up", "MZ", true)]);
    check("multipart/form-data", "MZ", &[("/up", "MZ", true)]);
    let head = "POST /up HTTP/1.1\r\nHost: a.example\r\nContent-Type: multipart/form-data; boundary=XX\r\nContent-Length: 200\r\n\r\n";
    let start = [head, &part("a", "12345678")].concat();
    let start = start.trim_end_matches("678\r\n");
    let recorder = play(&[
        Client(start.as_bytes()),
        ClientGap(3),
        Client(b"\r\n"),
        Client(part("b", "2").as_bytes()),
        Client(b"--XX--\r\n"),
    ]);
    let told = files(&recorder);
    assert_eq!(
        told,
        [
            ("a".into(), "12345".into(), false),
            ("b".into(), "2".into(), true)
        ]
    );
    let sizes: Vec<_> = recorder.files.iter().map(|(_, file, _)| file.size).collect();
    assert_eq!(sizes, [8, 1]);
}

#[test]
fn rules_read_file_by_file() {
    let body = [
        &part("a.php", "<?php first"),
        &part("b.png", "second"),
        "--XX--\r\n",
    ]
    .concat();
    let recorder = post(FORM, body.as_bytes(), 5);
    for (buffer, value) in [
        ("file.name", &b"a.php"[..]),
        ("file.name", b"b.png"),
        ("file.data", b"<?php first"),
        ("file.data", b"second"),
        ("http.request_body", b"second\r\n--XX--"),
    ] {
        assert!(recorder.could_read(buffer, value), "{buffer}");
    }
    // Suricata's file-match-crossed: no rule may find one half in one file and one in another.
    assert!(!recorder.could_read("file.data", b"--XX"));
}

#[test]
fn what_a_form_may_take_is_bounded() {
    let many = [part("a", "1").repeat(100), "--XX--\r\n".into()].concat();
    let recorder = post(FORM, many.as_bytes(), usize::MAX);
    assert_eq!(recorder.files.len(), 64);
    assert!(recorder.counts.contains(&"http_form_files_limit"));
    let long = [
        "--XX\r\nA: ",
        &"b".repeat(20_000),
        "\r\n\r\n",
        &part("a", "1"),
        "--XX--\r\n",
    ]
    .concat();
    let recorder = post(FORM, long.as_bytes(), 100);
    assert_eq!(files(&recorder), [("a".into(), "1".into(), true)]);
    assert_eq!(recorder.anomalies, ["head of a part over the limit"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn cutting_changes_nothing(words in proptest::collection::vec(0_usize..16, 0..40), piece in 1_usize..30) {
        const WORDS: [&str; 16] = [
            "--XX", "\r\n--XX\r\n", "\n--XX--", "\r\n", "\n", "\r", "-", "X",
            "Content-Disposition: form-data; filename=a\r\n\r\n", "filename=b", "data",
            "Content-Disposition: form-data; filename=\"b\"\n\n", "--XX\r\n", " ", "\0", "\r\n--XXY",
        ];
        let body: String = words.into_iter().filter_map(|word| WORDS.get(word)).copied().collect();
        let whole = files(&post(FORM, body.as_bytes(), usize::MAX));
        proptest::prop_assert_eq!(&whole, &files(&post(FORM, body.as_bytes(), piece)));
        proptest::prop_assert_eq!(&whole, &files(&post(FORM, body.as_bytes(), 1)));
    }
}
