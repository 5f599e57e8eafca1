//! Files that bodies become: their names, sizes, and whether all is there.

use crate::exchange::{Step, play};
use crate::recorder::Recorder;
use Step::{Client, Server, ServerGap};
use vonggac_event::proto;
use vonggac_protocol::Side;

const GET: &[u8] = b"GET http://a.example/dir/%61.exe?b=c HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// What one GET is answered with.
fn get(response: &[u8]) -> Recorder {
    play(&[Client(GET), Server(response)])
}

/// The file of one side, which is the only one.
fn only_file(recorder: &Recorder, side: Side) -> &proto::File {
    let mut files = recorder.files.iter().filter(|(from, ..)| *from == side);
    let (_, file, _) = files.next().unwrap();
    assert!(files.next().is_none(), "one file");
    file
}

#[test]
fn a_file_is_called_by_its_disposition_or_by_the_whole_path() {
    let check = |header: &str, name: &str| {
        let response = format!("HTTP/1.1 200 ok\r\n{header}Content-Length: 1\r\n\r\na");
        let recorder = get(response.as_bytes());
        assert_eq!(only_file(&recorder, Side::Server).name, name);
        assert!(recorder.could_read("file.name", name.as_bytes()));
    };
    check("", "/dir/a.exe");
    check(
        "Content-Disposition: attachment; filename=\"b c.exe\"\r\n",
        "b c.exe",
    );
    check(
        "Content-Disposition: attachment; filename=b; filename*=UTF-8''%63\r\n",
        "c",
    );
    // Browsers look at all lines of the name.
    check(
        "Content-Disposition: inline\r\nContent-Disposition: attachment; filename=b\r\n",
        "b",
    );
    let root = play(&[
        Client(b"GET / HTTP/1.1\r\n\r\n"),
        Server(b"HTTP/1.1 200 ok\r\n\r\na"),
    ]);
    assert_eq!(only_file(&root, Side::Server).name, "/");
}

#[test]
fn what_is_not_all_of_a_file_is_not_told_as_whole() {
    let check = |response: &[u8], is_whole: bool, places: (u64, u64)| {
        let recorder = get(response);
        let file = only_file(&recorder, Side::Server);
        let shown = response.escape_ascii();
        assert_eq!(file.complete, is_whole, "{shown}");
        assert_eq!(file.sha256.is_empty(), !is_whole, "{shown}");
        assert_eq!((file.start, file.end), places, "{shown}");
    };
    check(b"HTTP/1.1 200 ok\r\nContent-Length: 2\r\n\r\nab", true, (0, 0));
    check(b"HTTP/1.1 200 ok\r\nContent-Length: 3\r\n\r\nab", false, (0, 0));
    check(
        b"HTTP/1.1 206 ok\r\nContent-Length: 2\r\nContent-Range: bytes 5-6/9\r\n\r\nab",
        false,
        (5, 6),
    );
    check(
        b"HTTP/1.1 206 ok\r\nContent-Length: 2\r\nContent-Range: bytes 0-1/2\r\n\r\nab",
        true,
        (0, 0),
    );
    check(b"HTTP/1.1 206 ok\r\nContent-Length: 2\r\n\r\nab", false, (0, 0));
    check(
        b"HTTP/1.1 200 ok\r\nContent-Encoding: compress\r\nContent-Length: 2\r\n\r\nab",
        false,
        (0, 0),
    );
}

/// Somebody who sends one bomb after the other is not decoded for any more; nobody else is, and what is small all the same is.
#[test]
fn small_bombs_of_a_connection_are_added_up() {
    let answer = |coding: &str, body: &[u8]| {
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 ok\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n");
        [head.as_bytes(), body].concat()
    };
    // Four mebibytes of zeros; `abc`, stored.
    let bomb = answer("br", b"\x9b\xff\xff\x3f\xf8\x27\0\xe2\xb1\x40\x20\xf7\xfe\x07");
    let small = answer(
        "gzip",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01\x03\0\xfc\xffabc\xc2\x41\x24\x35\x03\0\0\0",
    );
    let mut steps = Vec::new();
    for _ in 0..10 {
        steps.extend([Client(GET), Server(&bomb)]);
    }
    steps.extend([Client(GET), Server(&small)]);
    let recorder = play(&steps);
    let sizes: Vec<u64> = recorder.files.iter().map(|(_, file, _)| file.size).collect();
    let made: u64 = sizes.iter().sum();
    assert!((400 << 10..650 << 10).contains(&made), "{sizes:?}");
    assert!(sizes.first() > Some(&(90 << 10)), "{sizes:?}");
    assert_eq!(sizes.last(), Some(&3), "{sizes:?}");
}

#[test]
fn a_hole_is_counted_and_a_body_lost_as_a_whole_is_still_a_file() {
    let check = |steps: &[Step<'_>], size, missed| {
        let recorder = play(steps);
        let file = only_file(&recorder, Side::Server);
        assert_eq!(
            (file.size, file.missed_bytes, file.complete),
            (size, missed, false)
        );
    };
    let head = b"HTTP/1.1 200 ok\r\nContent-Length: 6\r\n\r\n";
    check(
        &[
            Client(GET),
            Server(head),
            Server(b"ab"),
            ServerGap(3),
            Server(b"f"),
        ],
        6,
        3,
    );
    check(&[Client(GET), Server(head), ServerGap(6)], 6, 6);
}

#[test]
fn every_line_of_a_header_is_seen() {
    let request = b"GET /x HTTP/1.1\r\nHost: good.example\r\nHost: evil.example\r\nUser-Agent: a\r\nUser-Agent: b\r\n\r\n";
    let recorder = play(&[Client(request)]);
    for (buffer, value) in [
        ("http.host", &b"good.example"[..]),
        ("http.host", b"evil.example"),
        ("http.user_agent", b"a, b"),
        ("http.request_header", b"Host: good.example, evil.example"),
    ] {
        assert!(recorder.could_read(buffer, value), "{buffer}");
    }
    let absolute = play(&[Client(
        b"GET http://good.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    )]);
    assert!(absolute.could_read("http.host", b"good.example"));
    assert!(absolute.could_read("http.host", b"evil.example"));
}
