//! Segments that say different things about the same bytes.
//!
//! What waits behind a hole is taken by some systems from the earlier and by others from the later segment (Novak and Sturges,
//! 2007); `tcp_overlap_for_*` are made so that the named one reads the attack and others the decoy:
//!
//! ```text
//! for first:      1 attack ─────────  2 decoy ──────────   3 the first byte
//! for bsd:        1   decoy ────────  2 attack ─────────   3
//! for solaris:    1 attack, decoy ──  2     attack ──────  3
//! ```

use super::segment::{Dialogue, Segment, TTL_TOO_LOW};
use super::{Kind, Technique};
use crate::random::Random;

/// Shortest segment that overlaps are made of.
const BYTES_MIN: usize = 8;

const fn overlap(name: &'static str, apply: fn(&mut Dialogue, &mut Random)) -> Technique {
    Technique::dialogue(name, Kind::Overlap, apply)
}

pub(super) const TECHNIQUES: &[Technique] = &[
    overlap("tcp_overlap_for_first", |dialogue, _| {
        behind_a_hole(dialogue, |segment, length| {
            vec![segment.part(1, length), decoy(segment, 1, length)]
        });
    }),
    overlap("tcp_overlap_for_last", |dialogue, _| {
        behind_a_hole(dialogue, |segment, length| {
            // The later one lies within the earlier, where nobody else takes it.
            let (from, to) = (3.min(length), length.saturating_sub(3));
            let mut early = segment.part(1, length);
            early
                .payload
                .get_mut(from - 1..to - 1)
                .unwrap_or_default()
                .fill(b'x');
            early.is_chaff = true;
            vec![early, segment.part(from, to)]
        });
    }),
    overlap("tcp_overlap_for_bsd", |dialogue, _| {
        behind_a_hole(dialogue, |segment, length| {
            vec![decoy(segment, 2, length), segment.part(1, length)]
        });
    }),
    overlap("tcp_overlap_for_linux", |dialogue, _| {
        behind_a_hole(dialogue, |segment, length| {
            vec![decoy(segment, 1, length - 1), segment.part(1, length)]
        });
    }),
    overlap("tcp_overlap_for_old_linux", |dialogue, _| {
        behind_a_hole(dialogue, |segment, length| {
            vec![decoy(segment, 1, length), segment.part(1, length)]
        });
    }),
    overlap("tcp_overlap_for_solaris", |dialogue, _| {
        behind_a_hole(dialogue, |segment, length| {
            let mut early = decoy(segment, 1, length - 1);
            if let (Some(byte), Some(true_byte)) = (early.payload.first_mut(), segment.payload.get(1)) {
                *byte = *true_byte;
            }
            vec![early, segment.part(2, length)]
        });
    }),
    overlap("tcp_rewritten_before_ack", |dialogue, _| {
        dialogue.replace(|segment| vec![segment.clone(), segment.decoy()]);
    }),
    overlap("tcp_rewritten_after_ack", |dialogue, _| {
        let mut out = Vec::with_capacity(dialogue.segments.len() * 2);
        let mut said: Vec<Segment> = Vec::new();
        for segment in std::mem::take(&mut dialogue.segments) {
            let is_answer = segment.side != dialogue.carrier;
            if dialogue.carries(&segment) {
                said.push(segment.decoy());
            }
            out.push(segment);
            if is_answer {
                out.append(&mut said);
            }
        }
        dialogue.segments = out;
    }),
    overlap("tcp_decoy_dies_first", |dialogue, _| {
        // The host never gets the first, and the sensor cannot know.
        dialogue.replace(|segment| {
            let mut dying = segment.decoy();
            dying.ttl = TTL_TOO_LOW;
            vec![dying, segment.clone()]
        });
    }),
    overlap("tcp_decoy_overtakes", |dialogue, _| {
        // Somebody on the way answers faster with a part of what is to be said (Quantum Insert); the host has it from elsewhere.
        dialogue.replace(|segment| {
            let length = segment.payload.len();
            vec![decoy(segment, 0, length.div_ceil(2)), segment.clone()]
        });
    }),
];

fn decoy(segment: &Segment, from: usize, to: usize) -> Segment {
    segment.part(from, to).decoy()
}

/// Has each segment's first byte come last, after what `make` makes of the rest; too short ones stay.
fn behind_a_hole(dialogue: &mut Dialogue, make: impl Fn(&Segment, usize) -> Vec<Segment>) {
    dialogue.replace(|segment| {
        let length = segment.payload.len();
        if length < BYTES_MIN {
            return vec![segment.clone()];
        }
        let mut segments = make(segment, length);
        segments.push(segment.part(0, 1));
        segments
    });
}
