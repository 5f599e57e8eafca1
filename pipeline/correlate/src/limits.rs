//! Bounds of the state, and what they took.

/// Bounds of the state, and the lengths of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a direct alert takes in the matches of its group, in microseconds of event time.
    pub suppress_us: i64,
    /// How long a correlation's alert goes on before the next window that holds starts another, in microseconds of event time.
    /// Never less than the correlation's timespan.
    pub alert_us_max: i64,
    /// How late a match may come, in microseconds of event time behind the watermark of its source. It has to be longer than one
    /// partition of `events` may fall behind the others, for example while it moves to another pipeline.
    pub lateness_us: i64,
    /// How long state whose source is silent, or that nothing touches, is kept beyond its length and the lateness, in
    /// microseconds of time in which matches arrive.
    pub idle_us_max: i64,
    /// Most sources with a clock.
    pub sources_max: usize,
    /// Most groups of one target, tenant and exercise.
    pub groups_per_rule_max: usize,
    /// Most matches kept of one group.
    pub matches_per_group_max: usize,
    /// Most matches kept of one target, tenant and exercise.
    pub matches_per_rule_max: usize,
    /// Most matches kept of all.
    pub matches_max: usize,
    /// Most memory of all groups, as [`Held::bytes`] estimates it.
    pub bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            suppress_us: 3_600_000_000,
            alert_us_max: 86_400_000_000,
            lateness_us: 900_000_000,
            idle_us_max: 3_600_000_000,
            sources_max: 4096,
            groups_per_rule_max: 100_000,
            matches_per_group_max: 20_000,
            matches_per_rule_max: 2_000_000,
            matches_max: 4_000_000,
            bytes_max: 512 << 20,
        }
    }
}

/// What happened to matches since the engine was made, and what limits took; not part of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Matches that came.
    pub matches: u64,
    /// Those that had come before.
    pub duplicates: u64,
    /// Those that came later than [`Limits::lateness_us`]; they count as well as what is left of their window lets them.
    pub late: u64,
    /// Those without a rule or an event id, which count nowhere.
    pub malformed: u64,
    /// Those for a correlation that is not in force, or not with this rule, which count nowhere.
    pub unknown_target: u64,
    /// Groups of correlations that are gone or have changed, left out when a snapshot was restored.
    pub groups_dropped: u64,
    /// Groups given up for others of their rule.
    pub groups_evicted: u64,
    /// Groups given up because all rules together held too much: those of the rule that held most, of the tenant that held most.
    pub groups_evicted_for_all: u64,
    /// Matches given up for later ones of their group.
    pub matches_evicted: u64,
    /// Open alerts closed early for others of their group.
    pub alerts_closed_early: u64,
    /// Alerts that reached [`Limits::alert_us_max`] while their condition went on.
    pub alerts_of_age: u64,
    /// Revisions of alerts that went out in a later one.
    pub revisions_gathered: u64,
    /// Sources forgotten for others; what they held is over then.
    pub sources_evicted: u64,
    /// Watermarks that went back, since the time of their source did.
    pub watermarks_turned_back: u64,
}

impl Counters {
    /// The counters by name, for metrics. Each only grows.
    pub fn list(&self) -> [(&'static str, u64); 14] {
        [
            ("correlate_matches_total", self.matches),
            ("correlate_matches_duplicate_total", self.duplicates),
            ("correlate_matches_late_total", self.late),
            ("correlate_matches_malformed_total", self.malformed),
            ("correlate_matches_unknown_target_total", self.unknown_target),
            ("correlate_matches_evicted_total", self.matches_evicted),
            ("correlate_groups_dropped_total", self.groups_dropped),
            ("correlate_groups_evicted_total", self.groups_evicted),
            (
                "correlate_groups_evicted_for_all_total",
                self.groups_evicted_for_all,
            ),
            ("correlate_alerts_closed_early_total", self.alerts_closed_early),
            ("correlate_alerts_of_age_total", self.alerts_of_age),
            ("correlate_revisions_gathered_total", self.revisions_gathered),
            ("correlate_sources_evicted_total", self.sources_evicted),
            (
                "correlate_watermarks_turned_back_total",
                self.watermarks_turned_back,
            ),
        ]
    }
}

/// What the engine holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Groups.
    pub groups: u64,
    /// Matches kept of them.
    pub matches: u64,
    /// Their memory, estimated.
    pub bytes: u64,
    /// Sources with a clock.
    pub sources: u64,
    /// The lowest watermark of a source, in microseconds since 1970; 0 when no source has one.
    pub watermark_lowest_us: i64,
    /// The highest.
    pub watermark_highest_us: i64,
}

impl Held {
    /// The same by name, for metrics. Each may fall.
    pub fn list(&self) -> [(&'static str, f64); 6] {
        let seconds = |us: i64| us as f64 / 1e6;
        [
            ("correlate_groups", self.groups as f64),
            ("correlate_matches", self.matches as f64),
            ("correlate_state_bytes", self.bytes as f64),
            ("correlate_sources", self.sources as f64),
            (
                "correlate_watermark_lowest_seconds",
                seconds(self.watermark_lowest_us),
            ),
            (
                "correlate_watermark_highest_seconds",
                seconds(self.watermark_highest_us),
            ),
        ]
    }
}
