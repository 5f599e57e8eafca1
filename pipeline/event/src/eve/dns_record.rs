//! Records of DNS answers, each with its data in the form that EVE has for its type.

use super::json::{List, Object};
use super::text::{address, push_address};
use crate::proto::DnsRecord;

/// A record with its data in the form of its type.
pub(super) fn describe(record: &DnsRecord, item: &mut Object<'_>) {
    item.text("rrname", &record.name);
    item.true_if("rrname_truncated", record.name_truncated);
    item.text("rrtype", &record.type_name);
    item.number("ttl", record.ttl);
    match record.r#type {
        6 => start_of_authority(&record.data, item),
        33 => server(&record.data, item),
        44 => host_key(&record.data, item),
        28 => match record.data.parse() {
            Ok(parsed) => address(item, "rdata", parsed),
            Err(_) => item.text("rdata", &record.data),
        },
        _ => item.text("rdata", rdata(record)),
    }
}

/// The data as Suricata writes it: of a mail exchange, the host alone.
fn rdata(record: &DnsRecord) -> &str {
    match (record.r#type, record.data.split_once(' ')) {
        (15, Some((_, host))) => host,
        _ => &record.data,
    }
}

/// `mname rname serial refresh retry expire minimum` (RFC 1035 section 3.3.13).
fn start_of_authority(data: &str, item: &mut Object<'_>) {
    item.object("soa", |soa| {
        let mut words = data.rsplitn(6, ' ');
        let mut times: Vec<&str> = words.by_ref().take(5).collect();
        times.reverse();
        let names = words.next().unwrap_or_default();
        let (primary, mailbox) = names.split_once(' ').unwrap_or((names, ""));
        soa.text("mname", primary);
        soa.text("rname", mailbox);
        numbers(
            &["serial", "refresh", "retry", "expire", "minimum"],
            times.into_iter(),
            soa,
        );
    });
}

/// `priority weight port name` (RFC 2782).
fn server(data: &str, item: &mut Object<'_>) {
    item.object("srv", |srv| {
        let mut words = data.splitn(4, ' ');
        numbers(&["priority", "weight", "port"], words.by_ref().take(3), srv);
        srv.text("name", words.next().unwrap_or_default());
    });
}

fn numbers<'a>(names: &[&str], words: impl Iterator<Item = &'a str>, object: &mut Object<'_>) {
    for (name, word) in names.iter().zip(words) {
        object.number(name, word.parse::<u32>().unwrap_or(0));
    }
}

/// A key's fingerprint (RFC 4255 section 3.1), in hex: algorithm, kind of hash, hash.
fn host_key(data: &str, item: &mut Object<'_>) {
    let byte = |place: usize| {
        data.get(place..place + 2)
            .and_then(|two| u8::from_str_radix(two, 16).ok())
    };
    let mut places = (0..data.len()).step_by(2).map_while(byte);
    item.object("sshfp", |object| {
        for name in ["algo", "type"] {
            object.number(name, u32::from(places.next().unwrap_or(0)));
        }
        let hash: Vec<String> = places.map(|byte| format!("{byte:02x}")).collect();
        object.text("fingerprint", &hash.join(":"));
    });
}

/// The data alone, as a group of one type lists it.
pub(super) fn append_data(record: &DnsRecord, list: &mut List<'_>) {
    match record.r#type {
        6 | 33 | 44 => list.object(|item| describe(record, item)),
        28 => match record.data.parse() {
            Ok(parsed) => list.plain(|out| push_address(parsed, out)),
            Err(_) => list.text(&record.data),
        },
        _ => list.text(rdata(record)),
    }
}
