//! Who holds how many places: so many of each network, that none takes those of all others.
//!
//! An address counts with its neighbours, IPv4 by /24 and IPv6 by /56, as who fails to sign in does.

use std::collections::HashMap;
use std::net::IpAddr;
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

/// The places that are taken; clones are one.
#[derive(Clone)]
pub(crate) struct Places(Arc<Inner>);

struct Inner {
    max: u32,
    /// By network.
    taken: Mutex<HashMap<IpAddr, u32>>,
    refused: AtomicU64,
}

/// One place, given back when dropped.
pub(crate) struct Place {
    places: Places,
    network: IpAddr,
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

    /// A place for that address; none when its network has as many as it may.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Place> {
        let network = throttle::network(address);
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.entry(network).or_default();
        if *own >= self.0.max {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        *own += 1;
        Some(Place {
            places: self.clone(),
            network,
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
        match taken.get_mut(&self.network) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                taken.remove(&self.network);
            }
        }
    }
}

/// Gives each request that a trusted proxy speaks for a place among those of its client's network: the proxy's connections tell nothing.
pub(crate) async fn behind_proxies(State(console): State<Console>, request: Request, next: Next) -> Response {
    let Some(client) = extract::proxied(request.headers(), request.extensions(), &console) else {
        return next.run(request).await;
    };
    let Some(place) = console.proxied_places().take(client) else {
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
        let take = |address: &str| places.take(address.parse().unwrap());
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
        assert!(places.0.taken.lock().unwrap().is_empty());
    }
}
