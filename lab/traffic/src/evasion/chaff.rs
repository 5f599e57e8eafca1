//! Segments for the watcher alone: the host drops them, or they die on the way.

use super::segment::{Dialogue, Segment, TTL_TOO_LOW};
use super::{Kind, Technique};
use crate::tcp::{ACK, FIN, PSH, RST, SYN};

/// Beyond every window that was told.
const BEYOND: u32 = 0x0020_0000;

macro_rules! chaff {
    ($name:literal, $where:ident, |$segment:ident| $change:expr) => {
        Technique::dialogue($name, Kind::Chaff, |dialogue: &mut Dialogue, _| {
            $where(dialogue, |$segment: &mut Segment| $change);
        })
    };
}

pub(super) const TECHNIQUES: &[Technique] = &[
    chaff!("chaff_checksum", before, |segment| segment.is_damaged = true),
    chaff!("chaff_null_flags", before, |segment| segment.flags = 0),
    chaff!("chaff_without_ack", before, |segment| segment.flags = PSH),
    chaff!("chaff_old_timestamp", before, |segment| {
        segment.clocks = segment
            .clocks
            .map(|[own, echo]| [own.wrapping_sub(100_000), echo]);
    }),
    chaff!("chaff_out_of_window", before, |segment| {
        segment.sequence = segment.sequence.wrapping_add(BEYOND);
    }),
    chaff!("chaff_before_window", before, |segment| {
        segment.sequence = segment.sequence.wrapping_sub(BEYOND);
    }),
    chaff!("chaff_future_ack", before, |segment| {
        segment.acknowledgement = segment.acknowledgement.wrapping_add(0x2000_0000);
    }),
    chaff!("chaff_syn", before, |segment| segment.flags = SYN),
    chaff!("chaff_syn_ack", before, |segment| segment.flags = SYN | ACK),
    chaff!("chaff_reset_blind", before, |segment| {
        reset(segment);
        segment.sequence = segment.sequence.wrapping_add(BEYOND);
    }),
    chaff!("chaff_reset_old", before, |segment| {
        reset(segment);
        segment.sequence = segment.sequence.wrapping_sub(BEYOND);
    }),
    chaff!("chaff_reset_checksum", before, |segment| {
        reset(segment);
        segment.is_damaged = true;
    }),
    chaff!("chaff_reset_dies", before, |segment| {
        reset(segment);
        segment.ttl = TTL_TOO_LOW;
    }),
    chaff!("chaff_reset_with_data_dies", before, |segment| {
        segment.flags = RST | ACK;
        segment.ttl = TTL_TOO_LOW;
    }),
    chaff!("chaff_reset_by_receiver_dies", before, |segment| {
        reset(segment);
        segment.side = segment.side.other();
        (segment.sequence, segment.acknowledgement) = (segment.acknowledgement, segment.sequence);
        segment.ttl = TTL_TOO_LOW;
    }),
    chaff!("chaff_fin_blind", before, |segment| {
        finish(segment);
        segment.sequence = segment.sequence.wrapping_add(BEYOND);
    }),
    chaff!("chaff_fin_without_ack", before, |segment| {
        finish(segment);
        segment.flags = FIN;
    }),
    chaff!("chaff_fin_checksum", before, |segment| {
        finish(segment);
        segment.is_damaged = true;
    }),
    chaff!("chaff_fin_dies", before, |segment| {
        finish(segment);
        segment.ttl = TTL_TOO_LOW;
    }),
    chaff!("chaff_fin_with_data_dies", before, |segment| {
        segment.flags = FIN | ACK;
        segment.ttl = TTL_TOO_LOW;
    }),
];

fn reset(segment: &mut Segment) {
    segment.flags = RST | ACK;
    segment.payload.clear();
    segment.clocks = None;
}

fn finish(segment: &mut Segment) {
    segment.flags = FIN | ACK;
    segment.payload.clear();
}

/// Puts a changed decoy before each segment of what the carrier says.
fn before(dialogue: &mut Dialogue, change: impl Fn(&mut Segment)) {
    dialogue.replace(|segment| {
        let mut decoy = segment.decoy();
        change(&mut decoy);
        vec![decoy, segment.clone()]
    });
}
