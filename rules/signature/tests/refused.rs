//! Rules that are refused, left out, or give way to others.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use vonggac_protocols::REGISTRY;
use vonggac_signature::{Engine, ErrorKind, Variables, parse};

#[test]
fn compile_errors_say_where() {
    let table = [
        ("alret udp any any -> any any (sid:1;)", 1, "unknown action"),
        ("alert upd any any -> any any (sid:1;)", 7, "unknown protocol"),
        (
            "alert udp $NOPE any -> any any (sid:1;)",
            11,
            "unknown variable $NOPE",
        ),
        ("alert udp any 99999 -> any any (sid:1;)", 15, "is no port"),
        ("alert udp any any <- any any (sid:1;)", 19, "unknown direction"),
        (
            "alert udp any any -> any any (content:\"|zz|\"; sid:1;)",
            39,
            "hexadecimal",
        ),
        (
            "alert udp any any -> any any (content:\"a\"; lua:x.lua; sid:1;)",
            44,
            "unsupported keyword lua",
        ),
        (
            "alert udp any any -> any any (nocase; sid:1;)",
            31,
            "must follow a content",
        ),
        (
            "alert udp any any -> any any (content:\"abc\"; depth:2; sid:1;)",
            52,
            "less than the pattern",
        ),
        (
            "alert udp any any -> any any (pcre:\"/(/\"; sid:1;)",
            36,
            "pcre: ",
        ),
        ("alert udp any any -> any any (content:\"a\";)", 44, "no sid"),
        (
            "alert udp any any -> any any (metadata:k v, title_vi; sid:1;)",
            40,
            "title_vi says nothing",
        ),
        (
            "alert dns any any -> any any (http.uri; content:\"a\"; sid:1;)",
            1,
            "never has http.uri",
        ),
        (
            "alert udp any any -> any any (byte_test:1,>,n,0; sid:1;)",
            41,
            "neither number nor byte variable",
        ),
        (
            "alert udp any any -> any any (dotprefix; sid:1;)",
            31,
            "must follow the keyword of a buffer",
        ),
        (
            "alert http any any -> any any (dsize:1; http.uri; content:\"a\"; sid:1;)",
            1,
            "cannot both be met",
        ),
    ];
    for (text, column, message) in table {
        let (parsed, errors) = parse("x", text);
        assert!(errors.is_empty(), "{text}: {errors:?}");
        let (engine, errors) = Engine::compile(parsed, &Variables::default(), REGISTRY);
        assert!(engine.is_empty(), "{text}");
        let error = errors.first().unwrap();
        assert_eq!((error.line, error.column), (1, column), "{text}: {error}");
        assert!(error.message.contains(message), "{text}: {error}");
    }
}

#[test]
fn requirements_come_before_other_keywords() {
    let text = "alert udp any any -> any any (no.such; requires: version >= 9; sid:1;)\n\
                alert udp any any -> any any (content:\"a\"; requires: keyword no.such; sid:2;)\n\
                alert udp any any -> any any (content:\"a\"; requires: version >= 7.0.3, keyword content; sid:3;)";
    let (parsed, _) = parse("x", text);
    let (engine, errors) = Engine::compile(parsed, &Variables::default(), REGISTRY);
    assert_eq!(engine.rules().map(|info| info.sid).collect::<Vec<_>>(), [3]);
    assert!(
        errors.iter().all(|error| error.kind == ErrorKind::Requirement),
        "{errors:?}"
    );
}

#[test]
fn the_higher_revision_is_kept() {
    let text = "alert udp any any -> any any (msg:\"1\"; sid:1; rev:1;)\n\
                alert udp any any -> any any (msg:\"3\"; sid:1; rev:3;)\n\
                alert udp any any -> any any (msg:\"2\"; sid:1; rev:2;)\n\
                alert udp any any -> any any (msg:\"g\"; sid:1; gid:2;)";
    let (parsed, _) = parse("x", text);
    let (engine, errors) = Engine::compile(parsed, &Variables::default(), REGISTRY);
    let messages: Vec<&str> = engine.rules().map(|info| info.message.as_str()).collect();
    assert_eq!(messages, ["3", "g"]);
    assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [1, 3]);
    assert!(errors.iter().all(|error| error.message.contains("duplicate")));
}
