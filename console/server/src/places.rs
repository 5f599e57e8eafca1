//! Who holds how many places: so many of each network, that none takes those of all others.
//!
//! An address counts with its neighbours, IPv4 by /24 and IPv6 by /56, as who fails to sign in does; and once more by what one provider
//! has, IPv4 by /16 and IPv6 by /32, which together hold [`WIDE_TIMES`] as many. A network takes no more than are free of all: the fuller it
//! is, the less each may hold, so that many who each take what they may do not shut out who comes after them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Frame, SizeHint};
use vonggac_database::throttle;

use crate::error::Failure;
use crate::extract;
use crate::state::Console;

/// How many times as many places as a network the provider has that it is of.
const WIDE_TIMES: u32 = 3;

/// The places that are taken; clones are one.
#[derive(Clone)]
pub(crate) struct Places(Arc<Inner>);

struct Inner {
    max: u32,
    taken: Mutex<Taken>,
    refused: AtomicU64,
}

#[derive(Default)]
struct Taken {
    networks: HashMap<IpAddr, u32>,
    wide: HashMap<IpAddr, u32>,
}

/// One place, given back when dropped.
pub(crate) struct Place {
    places: Places,
    network: IpAddr,
    wide: IpAddr,
}

impl Places {
    /// At most `max` for each network.
    pub(crate) fn new(max: u32) -> Self {
        Self(Arc::new(Inner {
            max,
            taken: Mutex::default(),
            refused: AtomicU64::new(0),
        }))
    }

    /// A place for that address, of which `free` are left for all; none when its network has as many as it may.
    pub(crate) fn take(&self, address: IpAddr, free: u32) -> Option<Place> {
        let (network, wide) = (throttle::network(address), provider(address));
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.networks.get(&network).copied().unwrap_or(0);
        let all_near = taken.wide.get(&wide).copied().unwrap_or(0);
        if own >= self.0.max.min(free) || all_near >= self.0.max.saturating_mul(WIDE_TIMES) {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        taken.networks.insert(network, own + 1);
        taken.wide.insert(wide, all_near + 1);
        Some(Place {
            places: self.clone(),
            network,
            wide,
        })
    }

    /// How many were refused since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        give_back(&mut taken.networks, self.network);
        give_back(&mut taken.wide, self.wide);
    }
}

fn give_back(taken: &mut HashMap<IpAddr, u32>, network: IpAddr) {
    match taken.get_mut(&network) {
        Some(own) if *own > 1 => *own -= 1,
        _ => {
            taken.remove(&network);
        }
    }
}

/// The first address of what a provider has: of IPv4 the /16, of IPv6 the /32.
fn provider(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & !0xffff).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 96)).into(),
    }
}

/// Gives each request that a trusted proxy speaks for a place among those of its client's network: the proxy's connections tell nothing.
pub(crate) async fn behind_proxies(State(console): State<Console>, request: Request, next: Next) -> Response {
    let Some(client) = extract::proxied(request.headers(), request.extensions(), &console) else {
        return next.run(request).await;
    };
    let Some(place) = console.proxied_places().take(client, u32::MAX) else {
        let message = "too many requests of this network are open";
        return Failure::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message).into_response();
    };
    next.run(request)
        .await
        .map(|body| Body::new(Held { body, place }))
}

/// A body whose place is taken until it has been sent.
struct Held {
    body: Body,
    #[expect(dead_code, reason = "it is held, not read")]
    place: Place,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_their_places_and_nobody_elses() {
        let places = Places::new(2);
        let take = |address: &str| places.take(address.parse().unwrap(), 100);
        let held = [take("192.0.2.1"), take("::ffff:192.0.2.200")];
        assert!(held.iter().all(Option::is_some));
        assert!(take("192.0.2.7").is_none());
        assert!(take("192.0.3.1").is_some());
        let held_6 = [take("2001:db8:0:100::1"), take("2001:db8:0:1ff::1")];
        assert!(held_6.iter().all(Option::is_some));
        assert!(take("2001:db8:0:1aa::9").is_none());
        assert!(take("2001:db8:0:200::1").is_some());
        assert_eq!(places.refused(), 2);
        drop((held, held_6));
        assert!(take("192.0.2.7").is_some());
        let taken = places.0.taken.lock().unwrap();
        assert!(taken.networks.is_empty() && taken.wide.is_empty());
    }

    /// How many places an address gets that takes whatever it is given, of 2,048 for all.
    fn hoard(places: &Places, held: &mut Vec<Place>, address: &str) -> usize {
        let before = held.len();
        loop {
            let free = 2048 - held.len() as u32;
            match places.take(address.parse().unwrap(), free) {
                Some(place) => held.push(place),
                None => return held.len() - before,
            }
        }
    }

    #[test]
    fn who_comes_late_finds_a_place_also_after_many_who_take_all_they_may() {
        let (places, mut held) = (Places::new(512), Vec::new());
        for network in 0..8 {
            hoard(&places, &mut held, &format!("10.{network}.0.1"));
        }
        assert!(hoard(&places, &mut held, "192.0.2.1") > 0);
    }

    #[test]
    fn the_networks_of_one_provider_leave_a_quarter() {
        let (places, mut held) = (Places::new(512), Vec::new());
        for network in 0..=255 {
            hoard(&places, &mut held, &format!("2001:db8:0:{network:x}00::1"));
        }
        assert_eq!(held.len(), 1536);
        assert_eq!(hoard(&places, &mut held, "192.0.2.1"), 256);
    }
}
