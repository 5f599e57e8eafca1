//! Making an event fit its limit.
//!
//! An event is made of what came from the wire, each field bounded by its parser. Should their sum still be over
//! [`MESSAGE_BYTES_MAX`](crate::limits::MESSAGE_BYTES_MAX), its lists are cut to [`LIST_ITEMS_MAX`] items, and then its longest texts to
//! one common length: short ones (names, hashes, addresses) stay as they are. Which fields are texts and lists comes from the schema, so a
//! new class of event is cut like the others.

use crate::Event;
use crate::limits::LIST_ITEMS_MAX;
use crate::wire::encoded_bytes;

/// A field that may be long.
pub enum Long<'a> {
    /// Text.
    Text(&'a mut String),
    /// Bytes that are no id and no address.
    Bytes(&'a mut Vec<u8>),
    /// A list, before its items.
    List(&'a mut dyn Truncate),
}

/// A list that can be cut.
pub trait Truncate {
    /// Keeps the first `items` at most.
    fn keep(&mut self, items: usize);
}

impl<T> Truncate for Vec<T> {
    fn keep(&mut self, items: usize) {
        self.truncate(items);
    }
}

/// Something with long fields; implemented from the schema.
pub trait LongFields {
    /// Calls `visit` with each, and with those of the messages in it.
    fn long_fields(&mut self, visit: &mut dyn FnMut(Long<'_>));
}

impl<T: LongFields> LongFields for Box<T> {
    fn long_fields(&mut self, visit: &mut dyn FnMut(Long<'_>)) {
        (**self).long_fields(visit);
    }
}

/// Cuts `event` until its wire form has at most `bytes_max` bytes, version byte included; says whether anything was cut. Below some
/// kilobytes nothing more can be cut.
pub fn cut(event: &mut Event, bytes_max: usize) -> bool {
    if encoded_bytes(event) <= bytes_max {
        return false;
    }
    event.long_fields(&mut |field| {
        if let Long::List(list) = field {
            list.keep(LIST_ITEMS_MAX);
        }
    });
    let excess = encoded_bytes(event).saturating_sub(bytes_max);
    if excess > 0 {
        let level = level(lengths(event), excess);
        event.long_fields(&mut |field| match field {
            Long::Text(text) => text.truncate(text.floor_char_boundary(level)),
            Long::Bytes(bytes) => bytes.truncate(level),
            Long::List(_) => {}
        });
    }
    true
}

fn lengths(event: &mut Event) -> Vec<usize> {
    let mut lengths = Vec::new();
    event.long_fields(&mut |field| match field {
        Long::Text(text) => lengths.push(text.len()),
        Long::Bytes(bytes) => lengths.push(bytes.len()),
        Long::List(_) => {}
    });
    lengths
}

/// The greatest length to which all longer ones must be cut so that together they lose at least `excess`.
fn level(mut lengths: Vec<usize>, excess: usize) -> usize {
    lengths.sort_unstable_by(|one, other| other.cmp(one));
    let mut sum = 0;
    for (count, &length) in (1..).zip(&lengths) {
        sum += length;
        let next = lengths.get(count).copied().unwrap_or(0);
        // Cut to `next`, the first `count` lose this much.
        if sum - count * next >= excess {
            return (sum - excess) / count;
        }
    }
    0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::limits::MESSAGE_BYTES_MAX;
    use crate::proto::{self, Counter, event::Body};
    use crate::wire;
    use proptest::prelude::*;

    #[test]
    fn only_the_longest_are_cut() {
        let check = |lengths: &[usize], excess, expect| {
            assert_eq!(
                level(lengths.to_vec(), excess),
                expect,
                "{lengths:?} less {excess}"
            );
        };
        check(&[10, 100, 20], 30, 70);
        check(&[10, 100, 100], 30, 85);
        check(&[10, 100, 20], 85, 17);
        check(&[10, 20], 100, 0);
        check(&[], 1, 0);
    }

    #[test]
    fn what_fits_stays_and_what_does_not_loses_its_longest_text() {
        let mut event = Event {
            event_id: vec![1; 16],
            tenant: "moh".into(),
            body: Some(Body::Http(proto::Http {
                host: "example.vn".into(),
                uri: "/đ".repeat(1 << 20),
                ..proto::Http::default()
            })),
            ..Event::default()
        };
        assert!(cut(&mut event, MESSAGE_BYTES_MAX));
        let bytes = wire::to_bytes(&event);
        assert!(bytes.len() <= MESSAGE_BYTES_MAX && bytes.len() > MESSAGE_BYTES_MAX - 8);
        let Some(Body::Http(http)) = &event.body else {
            panic!()
        };
        assert_eq!((&*http.host, &*event.tenant), ("example.vn", "moh"));
        assert!(!cut(&mut event, MESSAGE_BYTES_MAX));
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            8 => "[a-zđ]{0,40}",
            1 => (0_usize..2_000_000).prop_map(|length| "ế".repeat(length / 3)),
        ]
    }

    fn list() -> impl Strategy<Value = Vec<String>> {
        prop_oneof![
            4 => proptest::collection::vec(text(), 0..5),
            1 => (0_usize..400_000).prop_map(|items| vec!["item".to_owned(); items]),
        ]
    }

    prop_compose! {
        fn tls()(version in text(), subject in text(), issuer in text(), san_dns in list(), client_alpn in list()) -> Body {
            Body::Tls(proto::Tls { version, subject, issuer, san_dns, client_alpn, ..proto::Tls::default() })
        }
    }

    prop_compose! {
        fn dns()(query in text(), answers in list(), ttls in 0_usize..400_000) -> Body {
            Body::Dns(proto::Dns { query, answers, ttls: vec![u32::MAX; ttls], ..proto::Dns::default() })
        }
    }

    prop_compose! {
        fn signature()(message in text(), metadata in list(), payload in 0_usize..2_000_000, rule in text()) -> Body {
            let payload = vec![7; payload];
            Body::Signature(Box::new(proto::Signature { message, metadata, payload, rule, ..proto::Signature::default() }))
        }
    }

    prop_compose! {
        fn stats()(names in list()) -> Body {
            let counters = names.into_iter().map(|name| Counter { name, value: u64::MAX }).collect();
            Body::Stats(proto::Stats { counters, ..proto::Stats::default() })
        }
    }

    prop_compose! {
        fn event()(sensor in text(), tenant in text(), body in prop_oneof![tls(), dns(), signature(), stats()]) -> Event {
            Event { event_id: vec![9; 16], sensor, tenant, src: vec![1; 16], dst: vec![2; 16], body: Some(body), ..Event::default() }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_event_fits_after_cutting(mut event in event()) {
            let was_over = wire::to_bytes(&event).len() > MESSAGE_BYTES_MAX;
            prop_assert_eq!(cut(&mut event, MESSAGE_BYTES_MAX), was_over);
            let bytes = wire::to_bytes(&event);
            prop_assert!(bytes.len() <= MESSAGE_BYTES_MAX);
            prop_assert_eq!(wire::decode_event(&bytes).unwrap(), event);
        }
    }
}
