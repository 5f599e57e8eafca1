//! What browsers and servers put up with, and attackers hide behind (HTTP Evader's kinds).

use super::{Direction, describe, run};
use crate::http::{Event, ResponseHead};

/// The bodies of responses to one GET, and whether each is whole; the same byte by byte.
fn check(head: &[u8], body: &[u8], expect: &str) {
    let input = [head, body].concat();
    let whole = run(Direction::Response, &["GET"], &[&input]);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    let shown = input.escape_ascii().to_string();
    assert_eq!(
        describe(&run(Direction::Response, &["GET"], &bytes)),
        describe(&whole),
        "byte by byte: {shown}"
    );
    let told: Vec<String> = whole
        .iter()
        .filter_map(|event| match event {
            Event::Response(head) => Some(interim(head).into()),
            Event::Body(body) => Some(String::from_utf8_lossy(body).into_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(told.join("|"), expect, "{shown}");
}

fn interim(head: &ResponseHead) -> &'static str {
    match head.is_interim {
        true => "interim",
        false => "final",
    }
}

const OK: &[u8] = b"HTTP/1.1 200 ok\r\n";
const CHUNKS: &[u8] = b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";

#[test]
fn what_is_said_to_come_in_chunks_and_does_not_is_read_all_the_same() {
    let said = |more: &str| [OK, b"Transfer-Encoding: chunked\r\n", more.as_bytes(), b"\r\n"].concat();
    check(&said(""), CHUNKS, "final|abc");
    check(&said(""), b"<html>", "final|<html>");
    check(&said(""), b" \r\n<html>", "final| \r\n<html>");
    // Of hex digits, without a line end: no size.
    check(&said(""), b"beef", "final|beef");
    check(
        &said("Content-Length: 4\r\n"),
        b"<ok>HTTP/1.1 200 ok\r\nContent-Length: 2\r\n\r\nhi",
        "final|<ok>|final|hi",
    );
}

#[test]
fn chunks_are_found_behind_any_spelling() {
    for header in [
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding: x chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chu\0nked",
        "Transfer\0-Encoding: chunked",
        "Transfer-Encoding :chunked",
        "Transfer-Encoding\r\n :\r\n chunked",
        "Transfer-Encoding: \r chunked",
        "Transfer-Encoding:\n\0chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\r\n \r\nTransfer-Encoding: chunked",
        "X: y\r\n\r\r\nTransfer-Encoding: chunked",
    ] {
        check(
            &[OK, header.as_bytes(), b"\r\n\r\n"].concat(),
            CHUNKS,
            "final|abc",
        );
    }
    check(
        &[OK, b"Transfer-Encoding: chunked\r\n\r\n"].concat(),
        b"\x0b3\x0b\r\nabc\r\n0\r\n\r\n",
        "final|abc",
    );
}

#[test]
fn a_line_of_blanks_ends_a_head_when_no_header_follows() {
    for end in [
        "\n \n",
        "\r\n \r\n\r\n",
        "\n\t\n",
        "\n\r\r\n",
        "\n\r\r\n\r\n",
        "\n\n",
        "\n\r\n",
        "\r\n\x0b\r\n\r\n",
    ] {
        let head = [OK, b"Content-Length: 3", end.as_bytes()].concat();
        check(&head, b"a@b", "final|a@b");
    }
}

#[test]
fn of_two_lengths_the_longer_counts_unless_a_message_begins_at_the_shorter() {
    for length in ["3 6", "6 3", "3( 6)", "3\r\nContent-Length: 6", "3\r\n 6"] {
        let head = [OK, b"Content-Length: ", length.as_bytes(), b"\r\n\r\n"].concat();
        check(&head, b"abcdef", "final|abcdef");
        check(
            &head,
            b"abcHTTP/1.1 200 ok\r\nContent-Length: 1\r\n\r\nd",
            "final|abc|final|d",
        );
        check(&head, b"abc", "final|abc");
    }
}

#[test]
fn a_status_line_is_found_behind_junk() {
    let rest = b"Content-Length: 1\r\n\r\na";
    for before in [
        "\0",
        " \r\n\t\r\n",
        "foobar\r\n",
        "SIP/2.0 200 ok\r\n",
        " foobar\r\n",
        "\r\r",
    ] {
        check(&[before.as_bytes(), OK].concat(), rest, "final|a");
    }
    // In the midst of a line it is text.
    check(
        b"no HTTP/1.1 200 ok\r\n",
        rest,
        "final|no HTTP/1.1 200 ok\r\nContent-Length: 1\r\n\r\na",
    );
    check(b"HTTP/1.1 200 ok\rContent-Length: 1\rX: y\r\n\n", b"a", "final|a");
}

#[test]
fn a_body_is_read_where_there_should_be_none() {
    for status in ["100", "102", "204", "304", "101"] {
        let head = format!("HTTP/1.1 {status} x\r\nContent-Length: 3\r\n\r\n");
        check(head.as_bytes(), b"abc", "final|abc");
    }
    let next = b"HTTP/1.1 200 ok\r\nContent-Length: 1\r\n\r\na";
    check(
        b"HTTP/1.1 304 x\r\nContent-Length: 3\r\n\r\n",
        next,
        "final|final|a",
    );
    check(
        b"HTTP/1.1 100 x\r\nContent-Length: 3\r\n\r\n",
        next,
        "interim|final|a",
    );
    check(b"HTTP/1.1 100 x\r\n\r\n", next, "interim|final|a");
}

#[test]
fn what_is_behind_the_last_response_is_no_response() {
    let head = b"HTTP/1.1 200 ok\r\nContent-Length: 1\r\n\r\n";
    check(head, b"aXXXX", "final|a");
    check(
        head,
        b"aXXXXHTTP/1.1 200 ok\r\nContent-Length: 1\r\n\r\nb",
        "final|a|final|b",
    );
}
