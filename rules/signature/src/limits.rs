//! Every bound of this crate, in one place.

/// Longest rule, in bytes, after its continuation lines were joined.
pub const RULE_TEXT_BYTES_MAX: usize = 64 * 1024;
/// Most options in one rule.
pub const RULE_OPTIONS_MAX: usize = 512;
/// Longest pattern of one `content`.
pub const CONTENT_BYTES_MAX: usize = 4 * 1024;
/// Longest expression of one `pcre`.
pub const REGEX_BYTES_MAX: usize = 8 * 1024;
/// Deepest nesting of address and port groups, variables included.
pub const GROUP_NESTING_MAX: usize = 16;
/// Most ranges one address or port group may come to.
pub const GROUP_RANGES_MAX: usize = 65_536;
/// Most conditions of one rule on one buffer; also the deepest recursion of the verifier.
pub const STEPS_PER_LIST_MAX: usize = 128;
/// Most named byte variables in one rule.
pub const VARIABLES_MAX: usize = 16;
/// Most transforms on one buffer.
pub const TRANSFORMS_MAX: usize = 8;
/// Longest key of `xor`.
pub const XOR_KEY_BYTES_MAX: usize = 256;
/// Most bytes that `gunzip` and `zlib_deflate` yield.
pub const INFLATE_BYTES_MAX: u64 = 64 * 1024;
/// Most names in one `flowbits` with `|`.
pub const FLOWBIT_ALTERNATIVES_MAX: usize = 16;

/// Occurrences tried while one rule is verified on one buffer, before giving up without a match.
pub const VERIFY_STEPS_MAX: u32 = 3_000;
/// PCRE2's match limit (Suricata's default).
pub const REGEX_MATCH_LIMIT: u32 = 3_500;
/// PCRE2's depth limit (Suricata's default).
pub const REGEX_DEPTH_LIMIT: u32 = 1_500;
/// PCRE2's match limit for expressions with the `O` flag.
pub const REGEX_MATCH_LIMIT_RAISED: u32 = 100_000;
/// Most bytes that `base64_decode` yields.
pub const BASE64_BYTES_MAX: usize = 64 * 1024;

/// Most rules that wait in one direction of a flow for more of the stream; the longest waiting give way.
pub const FLOW_WAITING_MAX: usize = 32;

/// A longer fast pattern is cut to its last bytes: more of it costs memory and tells little.
pub const PREFILTER_PATTERN_BYTES_MAX: usize = 24;

/// Hits reported by one call of the matcher, unless it is told otherwise.
pub const HITS_PER_CALL_MAX: usize = 64;
/// Flow bits kept for one flow.
pub const FLOW_BITS_MAX: usize = 64;
/// Flow counters kept for one flow.
pub const FLOW_COUNTERS_MAX: usize = 32;
/// Rules remembered as reported (or half matched) for one flow; the oldest give way.
pub const FLOW_RULES_MAX: usize = 64;
/// Rows of the threshold table of all matchers that share it; the oldest give way.
pub const THRESHOLD_ENTRIES_MAX: usize = 65_536;
/// Most captures of one expression.
pub const CAPTURES_PER_EXPRESSION_MAX: usize = 8;
/// Longest value of a captured variable; longer ones are cut.
pub const VARIABLE_BYTES_MAX: usize = 1_024;
/// Captured variables kept for one flow.
pub const VARIABLES_PER_FLOW_MAX: usize = 16;
/// Lines of a file of thresholds that are read.
pub const THRESHOLD_CONFIG_LINES_MAX: usize = 65_536;
/// Most ports that `unique_on` tells apart for one tracked address.
pub const UNIQUE_PORTS_MAX: u32 = 256;
/// Sets that rules may name.
pub const DATASETS_MAX: usize = 1_024;
/// Bytes that one set may take.
pub const DATASET_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Longest value of a set of strings.
pub const DATASET_VALUE_BYTES_MAX: usize = 16 * 1024;
/// Digests in one list of a rule.
pub const DIGESTS_PER_LIST_MAX: usize = 20_000_000;
/// Rows of the lists of reputations.
pub const REPUTATIONS_MAX: usize = 4_000_000;
/// Rows of the table of host bits (`xbits`) of all matchers that share it; the oldest give way.
pub const HOST_BITS_MAX: usize = 65_536;
