//! scratch
use std::io::Read;
use std::sync::Arc;
use vonggac_event::{Body, Event};
use vonggac_inspect::*;
use vonggac_signature::*;
#[derive(Default)]
struct S(std::collections::BTreeMap<String, u64>);
impl S {
    fn add(&mut self, k: String) {
        *self.0.entry(k).or_default() += 1;
    }
}
impl Sink for S {
    fn event(&mut self, e: Event) {
        match e.body {
            Some(Body::Signature(s)) => self.add(format!("alert {}", s.sid)),
            Some(Body::Http(_)) => self.add("http".into()),
            Some(Body::Tls(_)) => self.add("tls".into()),
            Some(Body::Dns(_)) => self.add("dns".into()),
            Some(Body::Anomaly(a)) => self.add(format!("anomaly {} {}", a.kind, a.detail)),
            Some(Body::Flow(_)) => self.add("flow".into()),
            _ => {}
        }
    }
    fn file(&mut self, e: Event, _: Vec<u8>) {
        if let Some(Body::File(f)) = e.body {
            self.add(format!("fileinfo"));
            let _ = f;
        }
    }
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut rules = Vec::new();
    for f in &args[2..] {
        let t = String::from_utf8_lossy(&std::fs::read(f).unwrap()).into_owned();
        let (r, e) = parse(f, &t);
        rules.extend(r);
        for e in e {
            println!("error {e}");
        }
    }
    let start = std::time::Instant::now();
    let (engine, errors) = Engine::compile(rules, &Variables::default());
    for e in errors.iter().take(5) {
        println!("error {e}");
    }
    let compiled = start.elapsed();
    let mut data = Vec::new();
    std::fs::File::open(&args[1])
        .unwrap()
        .read_to_end(&mut data)
        .unwrap();
    let mut i = Inspector::new(Config::default(), Arc::new(engine));
    let mut s = S::default();
    let start = std::time::Instant::now();
    let mut d = &data[..];
    while let Some((h, r)) = d.split_first_chunk::<16>() {
        let ts = i64::from_le_bytes(h[..8].try_into().unwrap());
        let dlt = u32::from_le_bytes(h[8..12].try_into().unwrap());
        let len = u32::from_le_bytes(h[12..].try_into().unwrap()) as usize;
        i.packet(ts, LinkType::from_dlt(dlt), &r[..len], &mut s);
        d = &r[len..];
    }
    i.finish(&mut s);
    for (k, v) in &s.0 {
        println!("{v} {k}");
    }
    eprintln!(
        "compile {compiled:?} play {:?} received {}",
        start.elapsed(),
        i.counters().packets_received
    );
    if args.len() > 2 && std::env::var("LIST").is_ok() {
        for (k, v) in i.counters().list() {
            if v > 0 {
                eprintln!("{k} {v}");
            }
        }
    }
}
