//! Attacks that hide from whoever watches, as packets.
//!
//! An [`Attack`] is one conversation in which one side says something that a rule looks for. A [`Technique`] changes how it is said
//! and leaves what the attacked host hears as it was; what it adds for the watcher alone (chaff) the host drops, or never gets.
//!
//! ```text
//! Attack ─▶ messages ─▶ segments ────────────────▶ datagrams ────────▶ frames
//!           └ message    └ handshake, segmentation, └ fragment, header,
//!                          overlap, chaff             tunnel, tag
//! ```
//!
//! [`build`] applies techniques in that order, whatever order they are named in, so that each works on what the others left of the
//! attack. [`draw`] throws dice for a combination. What a sensor should make of each stands with the tests that ask it.
//!
//! - Invariant: same arguments, same bytes.
//! - Invariant: without chaff, what both sides say is what the attack's messages say.
//! - Invariant: at most one technique of each [`Kind`] in a drawn combination, but for chaff, which adds up.

mod attack;
mod chaff;
mod datagram;
mod fragment;
mod handshake;
mod header;
mod http;
mod link;
mod overlap;
mod segment;
mod segmentation;
mod tunnel;
mod wire_format;

pub use attack::{Attack, Message};
pub use datagram::IpVersion;

use crate::random::Random;
use crate::tcp::Side;
use datagram::{Datagram, render};
use segment::Dialogue;

/// Who attacks, or is attacked by what it asked for.
pub const CLIENT_V4: [u8; 4] = [192, 0, 2, 10];
/// The other end.
pub const SERVER_V4: [u8; 4] = [198, 51, 100, 20];
/// Time of the first packet, microseconds since 1970.
pub const START_US: i64 = crate::START_US_DEFAULT;
/// Most techniques of a drawn combination.
pub const DRAWN_MAX: usize = 4;

/// What a technique works on. The order is that of their application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// How an application says it.
    Message,
    /// How the connection begins, and what of it passes the sensor.
    Handshake,
    /// How what is said is cut into segments, and in which order they come.
    Segmentation,
    /// Segments that say different things about the same bytes.
    Overlap,
    /// Segments for the watcher alone.
    Chaff,
    /// How segments are cut into fragments.
    Fragment,
    /// What stands between IP and TCP.
    Header,
    /// What carries the packets.
    Tunnel,
    /// What stands before IP.
    Tag,
}

/// How a technique does it.
#[derive(Clone, Copy)]
enum Apply {
    Messages(fn(&mut Vec<Message>)),
    Dialogue(fn(&mut Dialogue, &mut Random)),
    Datagrams(fn(&mut Vec<Datagram>, &mut Random)),
}

/// One way to hide.
#[derive(Clone, Copy)]
pub struct Technique {
    /// How it is called, unique among all.
    pub name: &'static str,
    /// What it works on.
    pub kind: Kind,
    /// Attacks it can carry.
    pub attacks: &'static [Attack],
    /// Versions of IP it exists for.
    pub versions: &'static [IpVersion],
    apply: Apply,
}

impl Technique {
    const fn messages(name: &'static str, attacks: &'static [Attack], apply: fn(&mut Vec<Message>)) -> Self {
        Self {
            name,
            kind: Kind::Message,
            attacks,
            versions: &IpVersion::BOTH,
            apply: Apply::Messages(apply),
        }
    }

    const fn dialogue(name: &'static str, kind: Kind, apply: fn(&mut Dialogue, &mut Random)) -> Self {
        Self {
            name,
            kind,
            attacks: &Attack::ALL,
            versions: &IpVersion::BOTH,
            apply: Apply::Dialogue(apply),
        }
    }

    const fn datagrams(name: &'static str, kind: Kind, apply: fn(&mut Vec<Datagram>, &mut Random)) -> Self {
        Self {
            name,
            kind,
            attacks: &Attack::ALL,
            versions: &IpVersion::BOTH,
            apply: Apply::Datagrams(apply),
        }
    }

    const fn only(mut self, versions: &'static [IpVersion]) -> Self {
        self.versions = versions;
        self
    }

    /// Whether it can carry this attack over this version of IP.
    pub fn fits(&self, attack: Attack, version: IpVersion) -> bool {
        self.attacks.contains(&attack) && self.versions.contains(&version)
    }
}

/// Every technique, in the order of their kinds.
pub fn techniques() -> impl Iterator<Item = &'static Technique> {
    [
        http::TECHNIQUES,
        wire_format::TECHNIQUES,
        handshake::TECHNIQUES,
        segmentation::TECHNIQUES,
        overlap::TECHNIQUES,
        chaff::TECHNIQUES,
        fragment::TECHNIQUES,
        header::TECHNIQUES,
        tunnel::TECHNIQUES,
        link::TECHNIQUES,
    ]
    .into_iter()
    .flatten()
}

/// The technique of that name.
pub fn technique(name: &str) -> Option<&'static Technique> {
    techniques().find(|technique| technique.name == name)
}

/// An attack and how it hides.
#[derive(Clone)]
pub struct Case {
    /// What is carried.
    pub attack: Attack,
    /// Over which version of IP.
    pub version: IpVersion,
    /// In which ways it is hidden, in order of application.
    pub techniques: Vec<&'static Technique>,
    /// Everything that is chance follows from it.
    pub seed: u64,
}

impl Case {
    /// Names of the techniques, joined.
    pub fn name(&self) -> String {
        let names: Vec<&str> = self.techniques.iter().map(|technique| technique.name).collect();
        format!(
            "{} {} {}",
            self.attack.name(),
            self.version.name(),
            names.join(" + ")
        )
    }
}

/// Throws dice for an attack and one to [`DRAWN_MAX`] of those techniques that `is_wanted`.
pub fn draw(seed: u64, is_wanted: impl Fn(&Technique) -> bool) -> Case {
    let mut random = Random::stream(seed, "evasion", 0);
    let attack = Attack::ALL[random.below(Attack::ALL.len() as u64) as usize];
    let version = IpVersion::BOTH[random.below(2) as usize];
    let mut pool: Vec<&'static Technique> = techniques()
        .filter(|technique| technique.fits(attack, version) && is_wanted(technique))
        .collect();
    let wanted = random.size(1, DRAWN_MAX);
    let mut chosen: Vec<&'static Technique> = Vec::with_capacity(wanted);
    while chosen.len() < wanted && !pool.is_empty() {
        let drawn = pool.swap_remove(random.below(pool.len() as u64) as usize);
        pool.retain(|other| other.kind != drawn.kind || drawn.kind == Kind::Chaff);
        chosen.push(drawn);
    }
    chosen.sort_by_key(|technique| (technique.kind, technique.name));
    Case {
        attack,
        version,
        techniques: chosen,
        seed,
    }
}

/// The frames of a case with their times, in microseconds since 1970.
pub fn build(case: &Case) -> Vec<(i64, Vec<u8>)> {
    let mut random = Random::stream(case.seed, "evasion", 1);
    let mut techniques = case.techniques.clone();
    techniques.sort_by_key(|technique| technique.kind);
    let mut messages = case.attack.messages(&mut random);
    for technique in &techniques {
        if let Apply::Messages(apply) = technique.apply {
            apply(&mut messages);
        }
    }
    let mut dialogue = Dialogue::new(case.attack, &messages, &mut random);
    for technique in &techniques {
        if let Apply::Dialogue(apply) = technique.apply {
            apply(&mut dialogue, &mut random);
        }
    }
    let mut datagrams = render(&dialogue, case.version);
    for technique in &techniques {
        if let Apply::Datagrams(apply) = technique.apply {
            apply(&mut datagrams, &mut random);
        }
    }
    let frame = |(index, datagram): (usize, Datagram)| (START_US + 1000 * index as i64, datagram.frame());
    datagrams.into_iter().enumerate().map(frame).collect()
}

/// What both sides of an attack say, with its techniques of the application alone: client, then server.
pub fn said(case: &Case) -> [Vec<u8>; 2] {
    let mut messages = case.attack.messages(&mut Random::stream(case.seed, "evasion", 1));
    for technique in &case.techniques {
        if let Apply::Messages(apply) = technique.apply {
            apply(&mut messages);
        }
    }
    [Side::Client, Side::Server].map(|side| {
        let own = messages.iter().filter(|message| message.side == side);
        own.flat_map(|message| message.bytes.clone()).collect()
    })
}
