//! What every actor works with: the timeline, the ports, the seed, and the doings that more than one of them has.

use std::net::IpAddr;

use crate::dns::{Answer, Data, Lookup, RecordType, look_up};
use crate::packet::Station;
use crate::random::Random;
use crate::tcp::{Connection, Route, Stack};
use crate::timeline::Timeline;
use crate::world::{Ports, Server, Site};

pub(crate) struct Stage {
    pub(crate) timeline: Timeline,
    pub(crate) ports: Ports,
    pub(crate) seed: u64,
}

/// A connection to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) client: Station,
    pub(crate) server: Station,
    pub(crate) port: u16,
    pub(crate) stack: Stack,
    pub(crate) step: Option<&'static str>,
}

impl Stage {
    pub(crate) fn random(&self, label: &str, index: u64) -> Random {
        Random::stream(self.seed, label, index)
    }

    pub(crate) fn start_us(&self) -> i64 {
        self.timeline.start_us()
    }

    pub(crate) fn end_us(&self) -> i64 {
        self.timeline.end_us()
    }

    /// The route of a call, from the client's next port; hosts outside are further away.
    pub(crate) fn route(&mut self, call: &Call, random: &mut Random) -> Route {
        let inside = |station: &Station| station.ttl != 52;
        let round_trip_us = if inside(&call.client) && inside(&call.server) {
            random.between(150, 900)
        } else {
            random.between(4000, 38_000)
        };
        Route {
            client: call.client,
            client_port: self.ports.next(&call.client, random),
            server: call.server,
            server_port: call.port,
            stack: call.stack,
            round_trip_us,
            step: call.step,
        }
    }

    /// An established connection.
    pub(crate) fn connect(&mut self, call: &Call, random: &mut Random, start_us: i64) -> Connection<'_> {
        let route = self.route(call, random);
        Connection::open(&mut self.timeline, random.fork(), &route, start_us)
    }

    /// A question to the agency's resolver.
    pub(crate) fn ask(
        &mut self,
        client: Station,
        random: &mut Random,
        query: &str,
        kind: RecordType,
        answer: &Answer,
        start_us: i64,
    ) -> i64 {
        let lookup = Lookup {
            client,
            resolver: Server::Resolver.station(),
            query,
            kind,
            step: None,
        };
        look_up(
            &mut self.timeline,
            &mut self.ports,
            random,
            &lookup,
            answer,
            start_us,
        )
    }

    /// The lookups a browser does before it goes to a site, all sent at once; gives back when the last is answered.
    pub(crate) fn resolve(
        &mut self,
        client: Station,
        random: &mut Random,
        site: &Site,
        start_us: i64,
    ) -> i64 {
        let alias = site.alias.map(|alias| Data::Cname(alias.to_owned()));
        let records = |last: Data| Answer::Records(alias.clone().into_iter().chain([last]).collect());
        let v4 = records(Data::Address(site.station().address));
        let mut end_us = self.ask(client, random, site.name, RecordType::A, &v4, start_us);
        let v6 = match site.station_v6() {
            Some(station) => records(Data::Address(station.address)),
            None => Answer::Empty,
        };
        end_us = end_us.max(self.ask(client, random, site.name, RecordType::Aaaa, &v6, start_us + 40));
        if random.chance(350) {
            let https = if random.chance(500) {
                records(Data::Https(&["h2", "h3"]))
            } else {
                Answer::Empty
            };
            end_us = end_us.max(self.ask(
                client,
                random,
                site.name,
                RecordType::Https,
                &https,
                start_us + 90,
            ));
        }
        end_us
    }

    /// The lookup of one of the agency's own servers.
    pub(crate) fn resolve_server(
        &mut self,
        client: Station,
        random: &mut Random,
        server: Server,
        start_us: i64,
    ) -> i64 {
        let answer = Answer::Records(vec![Data::Address(server.station().address)]);
        self.ask(client, random, &server.name(), RecordType::A, &answer, start_us)
    }
}

/// The name under which an IPv4 address is looked up backwards.
pub(crate) fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let mut name = String::with_capacity(72);
            for byte in v6.octets().iter().rev() {
                name.push_str(&format!("{:x}.{:x}.", byte & 0xf, byte >> 4));
            }
            name.push_str("ip6.arpa");
            name
        }
    }
}
