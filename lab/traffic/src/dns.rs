//! DNS messages (RFC 1035) and lookups over UDP.

use std::net::IpAddr;

use crate::community::FlowKey;
use crate::packet::{Station, udp};
use crate::random::Random;
use crate::timeline::Timeline;
use crate::truth::Protocol;
use crate::world::Ports;

/// A record type, by IANA's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordType {
    A = 1,
    Cname = 5,
    Ptr = 12,
    Mx = 15,
    Txt = 16,
    Aaaa = 28,
    Https = 65,
}

/// What an answer's record holds.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Address(IpAddr),
    Cname(String),
    Ptr(String),
    Mx(u16, String),
    Text(String),
    /// Application protocols of an HTTPS record (RFC 9460).
    Https(&'static [&'static str]),
}

/// What the resolver says.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Records(Vec<Data>),
    /// The name exists, but has no such record.
    Empty,
    NameError,
}

fn name(name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 2);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out
}

fn data(data: &Data) -> (RecordType, Vec<u8>) {
    match data {
        Data::Address(IpAddr::V4(v4)) => (RecordType::A, v4.octets().to_vec()),
        Data::Address(IpAddr::V6(v6)) => (RecordType::Aaaa, v6.octets().to_vec()),
        Data::Cname(target) => (RecordType::Cname, name(target)),
        Data::Ptr(target) => (RecordType::Ptr, name(target)),
        Data::Mx(preference, target) => (
            RecordType::Mx,
            [&preference.to_be_bytes(), &name(target)[..]].concat(),
        ),
        Data::Text(text) => {
            let strings = text.as_bytes().chunks(255);
            (
                RecordType::Txt,
                strings
                    .flat_map(|part| [&[part.len() as u8], part].concat())
                    .collect(),
            )
        }
        Data::Https(protocols) => {
            let names: Vec<u8> = protocols
                .iter()
                .flat_map(|name| [&[name.len() as u8], name.as_bytes()].concat())
                .collect();
            let mut out = vec![0, 1, 0, 0, 1];
            out.extend_from_slice(&(names.len() as u16).to_be_bytes());
            out.extend_from_slice(&names);
            (RecordType::Https, out)
        }
    }
}

fn record(owner: &[u8], kind: u16, lifetime_s: u32, content: &[u8]) -> Vec<u8> {
    let mut out = owner.to_vec();
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    out.extend_from_slice(&lifetime_s.to_be_bytes());
    out.extend_from_slice(&(content.len() as u16).to_be_bytes());
    out.extend_from_slice(content);
    out
}

/// An OPT record that allows 1232 bytes (RFC 6891).
const OPTIONS: [u8; 11] = [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0];

fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    [id, flags]
        .iter()
        .chain(&counts)
        .flat_map(|word| word.to_be_bytes())
        .collect()
}

fn question(query: &str, kind: RecordType) -> Vec<u8> {
    let mut out = name(query);
    out.extend_from_slice(&(kind as u16).to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    out
}

pub(crate) fn request(id: u16, query: &str, kind: RecordType) -> Vec<u8> {
    [
        header(id, 0x0100, [1, 0, 0, 1]),
        question(query, kind),
        OPTIONS.to_vec(),
    ]
    .concat()
}

/// The SOA record of a negative answer, owned by the query's last two labels.
fn authority(query: &str) -> Vec<u8> {
    let labels: Vec<&str> = query.split('.').collect();
    let zone = labels
        .get(labels.len().saturating_sub(2)..)
        .unwrap_or_default()
        .join(".");
    let mut content = name(&format!("ns1.{zone}"));
    content.extend_from_slice(&name(&format!("hostmaster.{zone}")));
    for value in [2_026_112_101_u32, 7200, 900, 1_209_600, 300] {
        content.extend_from_slice(&value.to_be_bytes());
    }
    record(&name(&zone), 6, 300, &content)
}

pub(crate) fn response(id: u16, query: &str, kind: RecordType, answer: &Answer) -> Vec<u8> {
    // 8180: response, recursion wanted and available; 3 is NXDOMAIN.
    let (flags, answers, authorities) = match answer {
        Answer::Records(records) => (0x8180, records.as_slice(), Vec::new()),
        Answer::Empty => (0x8180, &[][..], authority(query)),
        Answer::NameError => (0x8183, &[][..], authority(query)),
    };
    let counts = [1, answers.len() as u16, u16::from(!authorities.is_empty()), 1];
    let mut out = [header(id, flags, counts), question(query, kind)].concat();
    // The first record is owned by the name asked for, at offset 12; those after an alias by what it points to.
    let mut owner = vec![0xc0, 12];
    for item in answers {
        let (kind, content) = data(item);
        out.extend_from_slice(&record(&owner, kind as u16, 300, &content));
        if let Data::Cname(target) = item {
            owner = name(target);
        }
    }
    out.extend_from_slice(&authorities);
    out.extend_from_slice(&OPTIONS);
    out
}

/// Who asks whom, and for which step of an intrusion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup<'a> {
    pub(crate) client: Station,
    pub(crate) resolver: Station,
    pub(crate) query: &'a str,
    pub(crate) kind: RecordType,
    pub(crate) step: Option<&'static str>,
}

/// A question and its answer, in a flow of their own; gives back when the answer is there.
pub(crate) fn look_up(
    timeline: &mut Timeline,
    ports: &mut Ports,
    random: &mut Random,
    lookup: &Lookup<'_>,
    answer: &Answer,
    start_us: i64,
) -> i64 {
    let port = ports.next(&lookup.client, random);
    let flow = timeline.flow(
        FlowKey {
            src: lookup.client.address,
            sport: port,
            dst: lookup.resolver.address,
            dport: 53,
            proto: Protocol::Udp,
        },
        lookup.step,
    );
    let (id, asked, answered) = (random.next() as u16, random.next() as u16, random.next() as u16);
    let message = request(id, lookup.query, lookup.kind);
    timeline.push(
        flow,
        start_us,
        &udp(&lookup.client, &lookup.resolver, asked, (port, 53), &message),
    );
    let end_us = start_us
        + if random.chance(700) {
            random.between(180, 700)
        } else {
            random.between(6000, 45_000)
        };
    let message = response(id, lookup.query, lookup.kind, answer);
    timeline.push(
        flow,
        end_us,
        &udp(&lookup.resolver, &lookup.client, answered, (53, port), &message),
    );
    end_us
}
