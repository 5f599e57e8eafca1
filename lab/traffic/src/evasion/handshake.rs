//! How a connection begins, told wrong, twice, or not at all.

use super::segment::{Dialogue, Segment, TTL_TOO_LOW};
use super::{Kind, Technique};
use crate::tcp::{ACK, FIN, RST, SYN, Side};

/// Fast Open with a cookie (RFC 7413), padded.
const FAST_OPEN: [u8; 12] = [34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1];

/// How far off a made-up number is: nowhere near any window.
const FAR: u32 = 0x2345_6789;

/// Where the handshake's segments stand.
const SYN_AT: usize = 0;
const ANSWER_AT: usize = 1;
const LAST_AT: usize = 2;

/// A technique that leaves nothing to chance.
macro_rules! opening {
    ($name:literal, |$dialogue:ident| $body:expr) => {
        Technique::dialogue($name, Kind::Handshake, |$dialogue: &mut Dialogue, _| $body)
    };
}
pub(super) const TECHNIQUES: &[Technique] = &[
    opening!("tcp_wrap", |dialogue| {
        // Both streams pass 2^32 within the first message.
        for side in [Side::Client, Side::Server] {
            let start = dialogue.segments.iter().find(|segment| segment.side == side);
            let start = start.map_or(0, |segment| segment.sequence);
            dialogue.renumber(side, 0_u32.wrapping_sub(20).wrapping_sub(start));
        }
    }),
    opening!("tcp_syn_data_refused", |dialogue| {
        if let Some(syn) = dialogue.segments.get_mut(SYN_AT) {
            syn.payload = vec![b'x'; 24];
        }
    }),
    opening!("tcp_syn_data_taken", |dialogue| speak_in_syn(dialogue, &[])),
    opening!("tcp_fast_open", |dialogue| speak_in_syn(dialogue, &FAST_OPEN)),
    opening!("tcp_syn_other_before", |dialogue| insert(
        dialogue,
        SYN_AT,
        SYN_AT,
        shift_sequence
    )),
    opening!("tcp_syn_other_after", |dialogue| insert(
        dialogue,
        ANSWER_AT,
        SYN_AT,
        shift_sequence
    )),
    opening!("tcp_syn_again", |dialogue| insert(
        dialogue,
        ANSWER_AT,
        SYN_AT,
        |_| {}
    )),
    opening!("tcp_synack_by_the_asker", |dialogue| {
        insert(dialogue, ANSWER_AT, SYN_AT, |segment| {
            shift_sequence(segment);
            segment.flags = SYN | ACK;
            segment.acknowledgement = FAR;
        });
    }),
    opening!("tcp_synack_wrong_ack", |dialogue| {
        insert(dialogue, ANSWER_AT, ANSWER_AT, |segment| {
            segment.acknowledgement = segment.acknowledgement.wrapping_add(FAR);
        });
    }),
    opening!("tcp_synack_other_before", |dialogue| {
        insert(dialogue, ANSWER_AT, ANSWER_AT, |segment| {
            shift_sequence(segment);
            segment.ttl = TTL_TOO_LOW;
        });
    }),
    opening!("tcp_synack_other_after", |dialogue| insert(
        dialogue,
        LAST_AT,
        ANSWER_AT,
        shift_sequence
    )),
    opening!("tcp_synack_again", |dialogue| insert(
        dialogue,
        LAST_AT,
        ANSWER_AT,
        |_| {}
    )),
    opening!("tcp_simultaneous_open", |dialogue| meet(dialogue, true)),
    opening!("tcp_split_handshake", |dialogue| meet(dialogue, false)),
    opening!("tcp_syn_missed", |dialogue| drop_at(dialogue, &[SYN_AT])),
    opening!("tcp_synack_missed", |dialogue| drop_at(dialogue, &[ANSWER_AT])),
    opening!("tcp_last_ack_missed", |dialogue| drop_at(dialogue, &[LAST_AT])),
    opening!("tcp_midstream", |dialogue| drop_at(
        dialogue,
        &[LAST_AT, ANSWER_AT, SYN_AT]
    )),
    opening!("tcp_one_sided", |dialogue| {
        let carrier = dialogue.carrier;
        dialogue.segments.retain(|segment| segment.side == carrier);
    }),
    opening!("tcp_reused_after_fin", |dialogue| precede(dialogue, false)),
    opening!("tcp_reused_after_reset", |dialogue| precede(dialogue, true)),
    opening!("tcp_refused_first", |dialogue| {
        insert(dialogue, SYN_AT, SYN_AT, shift_sequence);
        insert(dialogue, SYN_AT + 1, ANSWER_AT + 1, |segment| {
            segment.flags = RST | ACK;
            segment.acknowledgement = segment.acknowledgement.wrapping_add(FAR);
            segment.sequence = 0;
        });
    }),
];

fn shift_sequence(segment: &mut Segment) {
    segment.sequence = segment.sequence.wrapping_add(FAR);
}

/// Puts a changed copy of the segment at `of` before the one at `at`.
fn insert(dialogue: &mut Dialogue, at: usize, of: usize, change: impl FnOnce(&mut Segment)) {
    let Some(mut copy) = dialogue.segments.get(of).cloned() else {
        return;
    };
    copy.is_chaff = true;
    change(&mut copy);
    dialogue.segments.insert(at, copy);
}

/// Takes segments out, the last first.
fn drop_at(dialogue: &mut Dialogue, places: &[usize]) {
    for at in places {
        dialogue.segments.remove(*at);
    }
}

/// Lets the client's first words come with its SYN, and the server take them.
fn speak_in_syn(dialogue: &mut Dialogue, options: &[u8]) {
    let is_first = |segment: &Segment| segment.side == Side::Client && !segment.payload.is_empty();
    let Some(at) = dialogue.segments.iter().position(is_first) else {
        return;
    };
    let said = dialogue.segments.remove(at);
    if let Some(syn) = dialogue.segments.get_mut(SYN_AT) {
        syn.payload.clone_from(&said.payload);
        syn.options = options.to_vec();
    }
    let length = said.payload.len() as u32;
    if let Some(answer) = dialogue.segments.get_mut(ANSWER_AT) {
        answer.acknowledgement = answer.acknowledgement.wrapping_add(length);
    }
    if let Some(last) = dialogue.segments.get_mut(LAST_AT) {
        last.sequence = last.sequence.wrapping_add(length);
    }
}

/// Both ask (RFC 9293, 3.5): the client answers the server's SYN, and the server the client's, or only acknowledges the answer.
fn meet(dialogue: &mut Dialogue, both_answer: bool) {
    let handshake: Vec<Segment> = dialogue.segments.drain(..=LAST_AT).collect();
    let [syn, answer, last] = handshake.as_slice() else {
        return;
    };
    let mut other_syn = answer.clone();
    other_syn.flags = SYN;
    other_syn.acknowledgement = 0;
    let mut client_answer = last.clone();
    client_answer.flags = SYN | ACK;
    client_answer.sequence = syn.sequence;
    let mut server_answer = answer.clone();
    if !both_answer {
        server_answer.flags = ACK;
        server_answer.sequence = answer.end();
    }
    let met = [syn.clone(), other_syn, client_answer, server_answer];
    dialogue.segments.splice(..0, met);
}

/// Another connection on the same ports goes before.
fn precede(dialogue: &mut Dialogue, is_reset: bool) {
    let mut before: Vec<Segment> = dialogue.segments.iter().take(LAST_AT + 1).cloned().collect();
    let Some(last) = before.last().cloned() else {
        return;
    };
    let end = |side, flags, sequence, acknowledgement| Segment {
        side,
        flags,
        sequence,
        acknowledgement,
        clocks: last.clocks.map(|[own, echo]| {
            if side == last.side {
                [own, echo]
            } else {
                [echo, own]
            }
        }),
        ..last.clone()
    };
    let (own, other) = (last.sequence, last.acknowledgement);
    if is_reset {
        before.push(end(Side::Client, RST | ACK, own, other));
    } else {
        before.push(end(Side::Client, FIN | ACK, own, other));
        before.push(end(Side::Server, FIN | ACK, other, own.wrapping_add(1)));
        before.push(end(Side::Client, ACK, own.wrapping_add(1), other.wrapping_add(1)));
    }
    for segment in &mut before {
        // An earlier connection: other numbers, and a clock that is not yet as far.
        segment.is_chaff = true;
        segment.sequence = segment.sequence.wrapping_sub(FAR);
        if segment.flags & ACK != 0 {
            segment.acknowledgement = segment.acknowledgement.wrapping_sub(FAR);
        }
        segment.clocks = segment
            .clocks
            .map(|clocks| clocks.map(|clock| clock.saturating_sub(5000)));
    }
    dialogue.segments.splice(..0, before);
}
