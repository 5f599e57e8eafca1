//! How what is said is cut into segments, and in which order they come.

use super::segment::{Dialogue, Segment, URG};
use super::{Kind, Technique};
use crate::random::Random;

const fn cutting(name: &'static str, apply: fn(&mut Dialogue, &mut Random)) -> Technique {
    Technique::dialogue(name, Kind::Segmentation, apply)
}

pub(super) const TECHNIQUES: &[Technique] = &[
    cutting("tcp_seg_1", |dialogue, _| {
        dialogue.replace(|segment| segment.parts(1))
    }),
    cutting("tcp_seg_7", |dialogue, _| {
        dialogue.replace(|segment| segment.parts(7))
    }),
    cutting("tcp_seg_random", |dialogue, random| {
        dialogue.replace(|segment| at_random(segment, random))
    }),
    cutting("tcp_order_reversed", |dialogue, _| {
        dialogue.replace(|segment| segment.parts(8).into_iter().rev().collect());
    }),
    cutting("tcp_order_first_last", |dialogue, _| {
        dialogue.replace(|segment| {
            let mut parts = segment.parts(8);
            parts.rotate_left(1);
            parts
        });
    }),
    cutting("tcp_order_random", |dialogue, random| {
        dialogue.replace(|segment| {
            let mut parts = at_random(segment, random);
            shuffle(&mut parts, random);
            parts
        });
    }),
    cutting("tcp_twice", |dialogue, _| {
        dialogue.replace(|segment| {
            segment
                .parts(16)
                .into_iter()
                .flat_map(|part| [part.clone(), part])
                .collect()
        });
    }),
    cutting("tcp_overlap_same_bytes", |dialogue, _| {
        // Each begins before the end of the one before it.
        dialogue.replace(|segment| {
            let length = segment.payload.len();
            let starts = (0..length).step_by(8);
            starts
                .map(|from| segment.part(from, (from + 12).min(length)))
                .collect()
        });
    }),
    cutting("tcp_overlap_same_bytes_reversed", |dialogue, _| {
        dialogue.replace(|segment| {
            let length = segment.payload.len();
            let starts = (0..length).step_by(8).rev();
            starts
                .map(|from| segment.part(from, (from + 12).min(length)))
                .collect()
        });
    }),
    cutting("tcp_urgent_byte", |dialogue, _| {
        // Amid what is said stands a byte that the receiver takes out (RFC 6093, 3).
        let is_first = |segment: &Segment| dialogue.carries(segment) && segment.payload.len() > 30;
        let Some(at) = dialogue.segments.iter().position(is_first) else {
            return;
        };
        if let Some(segment) = dialogue.segments.get_mut(at) {
            let middle = segment.payload.len() / 4;
            segment.payload.insert(middle, b'!');
            segment.flags |= URG;
            segment.urgent = middle as u16 + 1;
        }
        dialogue.stretch(at, 1);
    }),
    cutting("tcp_options_odd", |dialogue, _| {
        // No-operations, an experiment (RFC 4727), and the end.
        for segment in &mut dialogue.segments {
            segment
                .options
                .extend_from_slice(&[1, 1, 253, 4, 0xab, 0xcd, 1, 0]);
        }
    }),
    cutting("tcp_keep_alives", |dialogue, _| {
        dialogue.replace(|segment| {
            let mut probe = segment.part(0, 1);
            probe.sequence = probe.sequence.wrapping_sub(1);
            probe.payload = vec![0];
            probe.is_chaff = true;
            vec![probe, segment.clone()]
        });
    }),
];

fn at_random(segment: &Segment, random: &mut Random) -> Vec<Segment> {
    let mut parts = Vec::new();
    let mut from = 0;
    while from < segment.payload.len() {
        let to = (from + random.size(1, 20)).min(segment.payload.len());
        parts.push(segment.part(from, to));
        from = to;
    }
    parts
}

pub(super) fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.size(0, last));
    }
}
