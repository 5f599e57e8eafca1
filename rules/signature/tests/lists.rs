//! Rules that name lists, sets and files.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::sync::Arc;

use support::*;
use vonggac_event::proto::File;
use vonggac_protocols::REGISTRY;
use vonggac_signature::{
    Engine, FlowState, Matcher, ReputationLists, Resources, RuleFiles, Variables, parse,
};

#[derive(Debug)]
struct Files;

impl RuleFiles for Files {
    fn read(&self, rule_file: &str, name: &str) -> Result<String, String> {
        assert_eq!(rule_file, "t.rules");
        match name {
            "names.lst" => Ok("ZXZpbC50ZXN0\n".to_owned()),
            "digests.rep" => Ok("900150983cd24fb0d6963f7d28e17f72,201\n".to_owned()),
            "addresses.lst" => Ok("198.51.100.7\n".to_owned()),
            other => Err(format!("{other} cannot be read")),
        }
    }

    fn saved_path(&self, _: &str, name: &str) -> Result<std::path::PathBuf, String> {
        Ok(name.into())
    }
}

fn loaded(rules: &str) -> Matcher {
    loaded_with(rules, Resources::new(Arc::new(Files)))
}

fn loaded_with(rules: &str, resources: Resources) -> Matcher {
    let (engine, errors) = Engine::load(
        parse("t.rules", rules).0,
        &Variables::default(),
        REGISTRY,
        resources,
    );
    assert!(errors.is_empty(), "{errors:?}");
    Matcher::new(Arc::new(engine))
}

#[test]
fn sets_of_values() {
    let mut matcher = loaded(
        "alert dns any any -> any any (dns.query; dataset:isset,bad,type string,load names.lst; sid:1;)\n\
         alert dns any any -> any any (dns.query; dataset:isnotset,bad; sid:2;)\n\
         alert dns any any -> any any (dns.query; to_md5; datarep:rated,>,200,load digests.rep,type md5; sid:3;)\n\
         alert dns any any -> any any (dns.query; dataset:set,seen,type string,state state.lst; sid:4;)",
    );
    let mut ask = |name: &[u8]| {
        let mut found = on_transaction(&mut matcher, "dns", &[("dns.query", name)]);
        found.sort_unstable();
        found
    };
    assert_eq!(ask(b"evil.test"), [1, 4]);
    assert_eq!(ask(b"evil.test"), [1]);
    assert_eq!(ask(b"abc"), [2, 3, 4]);
    assert_eq!(ask(b"abc"), [2, 3]);
}

#[test]
fn addresses_as_buffers() {
    let mut matcher = loaded(
        "alert ip any any -> any any (ip.dst; dataset:isset,hosts,type ip,load addresses.lst; flow:to_server; sid:1;)\n\
         alert ip any any -> any any (ip.src; dataset:isset,hosts,type ip; flow:to_server; sid:2;)\n\
         alert http any any -> any any (ip.src; content:\"|0a 00|\"; startswith; sid:3;)",
    );
    let mut hits = Vec::new();
    matcher.packet(&mut context(None, None), b"", &mut hits);
    assert_eq!(sids(&matcher, &hits), [1]);
    assert_eq!(on_transaction(&mut matcher, "http", &[]), [3]);
}

#[test]
fn one_file_meets_all_conditions() {
    let mut matcher = loaded(
        "alert http any any -> any any (fileext:\"pdf\"; filesize:>10; sid:1;)\n\
         alert http any any -> any any (fileext:\"pdf\"; http.method; content:\"GET\"; sid:2;)\n\
         alert tcp any any -> any any (filename:\"x\"; sid:3;)",
    );
    let mut run = |files: &[File]| {
        let mut flow = FlowState::default();
        let mut cx = context(Some(&mut flow), app("http"));
        let mut found = judge_with(&mut matcher, &mut cx, "http", &[("http.method", b"GET")], files);
        found.sort_unstable();
        found
    };
    let file = |name: &str, size| File {
        name: name.into(),
        size,
        ..File::default()
    };
    assert_eq!(run(&[file("a.pdf", 11)]), [1, 2]);
    assert_eq!(run(&[file("a.pdf", 9), file("x.txt", 11)]), [2, 3]);
    assert_eq!(run(&[]), [0u32; 0]);
}

#[test]
fn reputation_of_addresses() {
    let mut lists = ReputationLists::default();
    lists.read_categories("3,CnC,x");
    lists.read_addresses("198.51.100.0/24,3,40");
    let known = Resources {
        reputation: Arc::new(lists),
        ..Resources::default()
    };
    const RULES: &str = "\
         alert ip any any -> any any (iprep:dst,CnC,>,30; sid:1;)\n\
         alert ip any any -> any any (iprep:src,CnC,>,0; sid:2;)\n\
         alert ip any any -> any any (iprep:any,CnC,<,50; flow:to_server; sid:3;)\n\
         alert ip any any -> any any (iprep:both,CnC,isset; sid:4;)";
    let run = |matcher: &mut Matcher, flow: &mut FlowState| {
        let mut hits = Vec::new();
        matcher.packet(&mut context(Some(flow), None), b"", &mut hits);
        sids(matcher, &hits)
    };
    let (mut matcher, mut flow) = (loaded_with(RULES, known), FlowState::default());
    assert_eq!(run(&mut matcher, &mut flow), [1, 3]);
    // Rules on addresses alone are asked once per flow and direction.
    assert_eq!(run(&mut matcher, &mut flow), [3]);
    // Without lists nothing is known of any address.
    assert_eq!(run(&mut loaded(RULES), &mut FlowState::default()), [0u32; 0]);
}

#[test]
fn refused() {
    let table = [
        ("dataset:isset,bad,type string;", "must follow the keyword"),
        ("dns.query; dataset:isset,bad;", "no type is given"),
        (
            "dns.query; dataset:isset,bad,type string,load missing;",
            "cannot be read",
        ),
        (
            "dns.query; dataset:isset,bad,type string,format json;",
            "not supported",
        ),
        ("dns.query; dataset:ask,bad,type string;", "unknown command"),
        (
            "dns.query; dataset:isset,bad,type string,state a,save b;",
            "state goes",
        ),
        ("filemd5:missing;", "cannot be read"),
    ];
    for (options, message) in table {
        let text = format!("alert dns any any -> any any ({options} sid:1;)");
        let resources = Resources::new(Arc::new(Files));
        let (_, errors) = Engine::load(
            parse("t.rules", &text).0,
            &Variables::default(),
            REGISTRY,
            resources,
        );
        let error = errors.first().unwrap();
        assert!(error.message.contains(message), "{options}: {error}");
    }
}
