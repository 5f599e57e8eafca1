//! What the sensor should tell of each technique.

use vonggac_evasion::Told;

/// What the sensor should tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// The attack: every host hears it, and so must the sensor.
    Alert,
    /// The attack, and that somebody tried to hide it.
    AlertAnd(&'static str),
    /// That somebody tried to hide something: what the host heard only the host knows.
    Anomaly(&'static str),
    /// That a frame cannot be read which hosts may read.
    Frame(&'static str),
}

use Expect::{Alert, AlertAnd, Anomaly, Frame};

/// The name of overlaps with other bytes.
pub(crate) const OVERLAP: &str = "reassembly_overlap_different_data";

/// What each technique is answered with by a sensor that takes overlaps as BSD does.
pub(crate) const EXPECTED: &[(Expect, &[&str])] = &[
    (
        Alert,
        &[
            "http_header_case",
            "http_header_folding",
            "http_header_long",
            "http_header_many",
            "http_lines_end_lf",
            "http_version_10",
            "http_continue_first",
            "http_method_odd",
            "http_method_lower_case",
            "http_target_absolute",
            "http_target_percent",
            "http_target_dots",
            "http_target_slashes",
            "http_target_after_spaces",
            "http_target_after_tab",
            "http_empty_lines_first",
            "http_pipelined",
            "http_after_body",
            "http_chunks_of_1",
            "http_chunks_with_extensions",
            "http_chunk_sizes_padded",
            "http_chunked_case",
            "http_gzip",
            "http_gzip_old_name",
            "http_gzip_twice",
            "http_gzip_twice_in_two_lines",
            "http_gzip_chunked",
            "http_gzip_in_two_members",
            "http_body_to_the_end",
            "tls_records_of_1",
            "tls_records_of_16",
            "tls_record_version_30",
            "tls_record_version_33",
            "dns_name_case",
            "dns_second_of_three",
            "dns_padded",
        ],
    ),
    (AlertAnd("http_response_invalid_protocol"), &["http_version_none"]),
    // Two readings of one message: who smuggles wants the server's to be another than the watcher's.
    // Some servers decode a path twice; `http.uri` is decoded once.
    (Anomaly("http_double_encoded_uri"), &["http_target_percent_twice"]),
    (Anomaly("http_malformed"), &["http_smuggled"]),
    (
        Anomaly("http_duplicate_content_length_field_in_request"),
        &["http_length_twice"],
    ),
    (
        Alert,
        &[
            "tcp_wrap",
            "tcp_fast_open",
            "tcp_syn_again",
            "tcp_synack_again",
            "tcp_simultaneous_open",
            "tcp_split_handshake",
            "tcp_syn_missed",
            "tcp_synack_missed",
            "tcp_last_ack_missed",
            "tcp_midstream",
            "tcp_one_sided",
            "tcp_reused_after_fin",
            "tcp_reused_after_reset",
            "tcp_refused_first",
        ],
    ),
    (
        AlertAnd("syn_data_without_fast_open"),
        &["tcp_syn_data_refused", "tcp_syn_data_taken"],
    ),
    (
        AlertAnd("3whs_syn_resend_diff_seq_on_syn_recv"),
        &["tcp_syn_other_before", "tcp_syn_other_after"],
    ),
    (
        AlertAnd("3whs_synack_in_wrong_direction"),
        &["tcp_synack_by_the_asker"],
    ),
    (AlertAnd("3whs_synack_with_wrong_ack"), &["tcp_synack_wrong_ack"]),
    (
        AlertAnd("3whs_synack_resend_with_diff_seq"),
        &[
            "tcp_synack_other_before",
            "tcp_synack_other_after",
            "chaff_syn_ack",
        ],
    ),
    (
        Alert,
        &[
            "tcp_seg_1",
            "tcp_seg_7",
            "tcp_seg_random",
            "tcp_order_reversed",
            "tcp_order_first_last",
            "tcp_order_random",
            "tcp_twice",
            "tcp_overlap_same_bytes",
            "tcp_overlap_same_bytes_reversed",
            "tcp_options_odd",
            "tcp_keep_alives",
            "tcp_rewritten_after_ack",
        ],
    ),
    (AlertAnd("urgent_data"), &["tcp_urgent_byte"]),
    (
        AlertAnd(OVERLAP),
        &[
            "tcp_overlap_for_first",
            "tcp_overlap_for_bsd",
            "tcp_rewritten_before_ack",
        ],
    ),
    (
        Anomaly(OVERLAP),
        &[
            "tcp_overlap_for_last",
            "tcp_overlap_for_linux",
            "tcp_overlap_for_old_linux",
            "tcp_overlap_for_solaris",
            "tcp_decoy_dies_first",
            "tcp_decoy_overtakes",
            "chaff_fin_with_data_dies",
            "ip4_chaff_bad_option",
        ],
    ),
    // What lies before the window, and a FIN beyond it, changes nothing anywhere.
    (Alert, &["chaff_before_window", "chaff_fin_blind"]),
    // The receiver says nothing after it that would show the reset to be somebody else's, unless it answers.
    (Alert, &["chaff_reset_by_receiver_dies"]),
    (
        AlertAnd("invalid_checksum"),
        &[
            "chaff_checksum",
            "chaff_reset_checksum",
            "chaff_fin_checksum",
            "ip_chaff_checksum",
        ],
    ),
    (
        AlertAnd("pkt_without_ack"),
        &["chaff_null_flags", "chaff_without_ack", "chaff_fin_without_ack"],
    ),
    (AlertAnd("pkt_invalid_timestamp"), &["chaff_old_timestamp"]),
    (AlertAnd("est_packet_out_of_window"), &["chaff_out_of_window"]),
    (AlertAnd("pkt_invalid_ack"), &["chaff_future_ack"]),
    (AlertAnd("est_syn_resend_diff_seq"), &["chaff_syn"]),
    (
        AlertAnd("rst_out_of_window"),
        &["chaff_reset_blind", "chaff_reset_old"],
    ),
    (
        AlertAnd("suspected_rst_inject"),
        &["chaff_reset_dies", "chaff_reset_with_data_dies"],
    ),
    (AlertAnd("data_after_fin"), &["chaff_fin_dies"]),
    (
        Alert,
        &[
            "ip_frag_8",
            "ip_frag_24",
            "ip_frag_reversed",
            "ip_frag_random_order",
            "ip_frag_twice",
            "ip_frag_overlap_same_bytes",
            "ip_frag_within_another",
            "ip_frag_never_finished",
            "ip_frag_beyond_64k",
            "ip_frag_decoy_checksum",
            "ip_frag_atomic",
            "ip4_options_nop",
            "ip4_options_router_alert",
            "ip4_options_record_route",
            "ip4_options_longest",
            "ip6_hop_by_hop",
            "ip6_destination_options",
            "ip6_routing_done",
            "ip6_authentication",
            "ip6_chain_of_8",
        ],
    ),
    (AlertAnd("fragment_overlap_conflict"), &["ip_frag_decoy_second"]),
    // Systems differ in whose bytes they take, and some drop the whole datagram.
    (
        Anomaly("fragment_overlap_conflict"),
        &["ip_frag_decoy_first", "ip_frag_decoy_dies_first"],
    ),
    (Frame("ipv6.exthdr_dupl_dh"), &["ip6_chain_of_20"]),
    (
        Alert,
        &[
            "tunnel_ip_in_ip",
            "tunnel_ip_in_ip_4_deep",
            "tunnel_gre",
            "tunnel_gre_all_fields",
            "tunnel_gre_ethernet",
            "tunnel_vxlan",
            "tunnel_geneve",
            "tunnel_gtp_user",
            "tunnel_gtp_user_extended",
            "tunnel_teredo",
            "vlan_1",
            "vlan_2",
            "vlan_3",
            "vlan_of_each_side",
            "mpls",
            "pppoe",
        ],
    ),
    (Frame("tunnel_limit"), &["tunnel_ip_in_ip_5_deep"]),
    (Frame("vlan.too_many_layers"), &["vlan_4"]),
];

/// What is expected of a technique.
pub(crate) fn expected(name: &str) -> Expect {
    let found = EXPECTED.iter().find(|(_, names)| names.contains(&name));
    found
        .unwrap_or_else(|| panic!("{name}: say in this table what is expected of it"))
        .0
}

/// Whether the sensor told what it should.
pub(crate) fn is_met(expect: Expect, told: &Told) -> bool {
    match expect {
        Alert => told.alert,
        AlertAnd(name) => told.alert && told.anomalies.contains(name),
        Anomaly(name) => told.anomalies.contains(name),
        Frame(name) => told.frames.contains(name),
    }
}
