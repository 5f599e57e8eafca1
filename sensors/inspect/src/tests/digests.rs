//! Digests of files, and rules that ask for them.

use super::{Kept, REGISTRY, parse, talk::Talk};
use crate::{Config, Inspector, LinkType};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use vonggac_event::hexadecimal;
use vonggac_signature::{Engine, Resources, RuleFiles, Variables};

/// RFC 1321, A.5 and RFC 3174, 7.3 have those of `abc`.
const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
const SHA1: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";

/// Most bytes of a body that rules read here.
const RULE_BODY_BYTES_MAX: usize = 1000;

/// Lists that have what their names say.
#[derive(Debug)]
struct Named;

impl RuleFiles for Named {
    fn read(&self, _: &str, name: &str) -> Result<String, String> {
        Ok(format!("{name}\n"))
    }
}

/// Plays an exchange that carries a body, with rules.
fn heard(rules: &str, body: &[u8]) -> Kept {
    let mut talk = Talk::tcp(80);
    talk.open();
    talk.client(b"GET /x.bin HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    talk.server(head.as_bytes());
    for piece in body.chunks(1400) {
        talk.server(piece);
    }
    talk.close();
    let (rules, errors) = parse("test.rules", rules);
    let resources = Resources::new(Arc::new(Named));
    let (engine, broken) = Engine::load(rules, &Variables::default(), REGISTRY, resources);
    assert!(errors.is_empty() && broken.is_empty(), "{errors:?} {broken:?}");
    let mut config = Config::default();
    config.protocol.rule_body_bytes_max = RULE_BODY_BYTES_MAX;
    let mut inspector = Inspector::new(config, Arc::new(engine));
    let mut kept = Kept::default();
    for (ts_us, frame) in &talk.frames {
        inspector.packet(*ts_us, LinkType::Ethernet, frame, &mut kept);
    }
    inspector.finish(&mut kept);
    kept
}

#[test]
fn digests_are_reckoned_when_rules_ask_for_them() {
    let check = |keyword: &str, digest: &str, expect: [&str; 2]| {
        let kept = heard(
            &format!("alert http any any -> any any ({keyword}:{digest}; sid:1;)"),
            b"abc",
        );
        let file = kept.file_events()[0];
        assert_eq!([file.md5.as_str(), file.sha1.as_str()], expect);
        assert_eq!(kept.sids(), [1], "{keyword}");
    };
    check("filemd5", MD5, [MD5, ""]);
    check("filesha1", SHA1, ["", SHA1]);
    check("filesha256", &hexadecimal(&Sha256::digest(b"abc")), ["", ""]);
}

#[test]
fn a_file_longer_than_what_rules_read_is_judged_at_its_end() {
    let body = [b'x'; 5 * RULE_BODY_BYTES_MAX];
    let digest = hexadecimal(&Sha256::digest(body));
    let rules = format!(
        "alert http any any -> any any (filesha256:{digest}; sid:1;)
alert http any any -> any any (filesize:5000; sid:2;)
alert http any any -> any any (filesize:<1000; sid:3;)"
    );
    assert_eq!(heard(&rules, &body).sids(), [1, 2]);
    assert_eq!(heard(&rules, b"abc").sids(), [3]);
}
