//! The sensor's own file of thresholds, `threshold.config`.
//!
//! ```text
//! threshold gen_id 1, sig_id 2002087, type limit, track by_src, count 1, seconds 60
//! event_filter …                              the same by another name
//! suppress gen_id 1, sig_id 2002087, track by_src, ip [10.0.0.0/8,$HOME_NET]
//! rate_filter gen_id 1, sig_id 1000, track by_rule, count 100, seconds 60, new_action drop, timeout 30
//! ```
//! A line that ends in a backslash goes on in the next; lines that start with `#` are comments. `sig_id 0`
//! speaks of all rules of the group, `gen_id 0` beside it of all groups.

use std::sync::Arc;

use crate::compile::threshold_keywords::{ThresholdWords, track};
use crate::error::{Complaint, ErrorKind, RuleError, over_limit, unsupported, value};
use crate::limits::{RULE_TEXT_BYTES_MAX, THRESHOLD_CONFIG_LINES_MAX};
use crate::number::number;
use crate::ranges::RangeSet;
use crate::rule::{Action, Threshold, Track};
use crate::variables::{Resolver, Variables};

use super::{RateFilter, Suppression, SuppressionSide};

/// What a file of thresholds says, for [`crate::Engine::apply_thresholds`].
#[derive(Debug, Clone, Default)]
pub struct ThresholdConfig {
    pub(super) lines: Vec<Line>,
}

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) number: u32,
    pub(super) gid: u32,
    pub(super) sid: u32,
    pub(super) says: Says,
}

#[derive(Debug, Clone)]
pub(super) enum Says {
    Threshold(Threshold),
    Suppress(Suppression),
    RateFilter(RateFilter),
}

impl ThresholdConfig {
    /// Reads a file; each line is either among the thresholds or has an error.
    pub fn parse(file: &str, text: &str, variables: &Variables) -> (ThresholdConfig, Vec<RuleError>) {
        let mut resolver = Resolver::new(variables);
        let (mut config, mut errors) = (ThresholdConfig::default(), Vec::new());
        for (number, line) in joined_lines(text) {
            let read = if config.lines.len() < THRESHOLD_CONFIG_LINES_MAX {
                read_line(&line, number, &mut resolver)
            } else {
                Err(over_limit(format!(
                    "more than {THRESHOLD_CONFIG_LINES_MAX} lines"
                )))
            };
            match read {
                Ok(line) => config.lines.push(line),
                Err(complaint) => errors.push(RuleError {
                    file: file.to_owned(),
                    line: number,
                    column: 1,
                    message: complaint.message,
                    sid: None,
                    kind: complaint.kind,
                }),
            }
        }
        (config, errors)
    }

    /// The number of lines that say something.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// The lines that say something, continued ones joined, each with the number of its first.
fn joined_lines(text: &str) -> Vec<(u32, String)> {
    let mut joined = Vec::new();
    let mut lines = text.lines().zip(1u32..);
    while let Some((first, number)) = lines.next() {
        let (mut whole, mut line) = (String::new(), first);
        while let Some(head) = line.trim_end().strip_suffix('\\') {
            whole.push_str(head);
            line = lines.next().map_or("", |(next, _)| next);
        }
        whole.push_str(line);
        let says = whole.trim();
        if !says.is_empty() && !says.starts_with('#') {
            joined.push((number, says.to_owned()));
        }
    }
    joined
}

/// The words of a line before it is known what they come to.
#[derive(Default)]
struct Words<'t> {
    gid: Option<u32>,
    sid: Option<u32>,
    addresses: Option<&'t str>,
    track: Option<&'t str>,
    new_action: Option<&'t str>,
    timeout: Option<u32>,
    count: Option<u32>,
    seconds: Option<u32>,
    threshold: ThresholdWords,
}

fn read_line(line: &str, number: u32, resolver: &mut Resolver<'_>) -> Result<Line, Complaint> {
    if line.len() > RULE_TEXT_BYTES_MAX {
        return Err(over_limit(format!("a line of {} bytes", line.len())));
    }
    let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let command = command.trim_end_matches(':');
    let words = Words::read(rest, command == "suppress" || command == "rate_filter")?;
    let missing = |name: &str| value(format!("{name} is missing"));
    let gid = words.gid.ok_or_else(|| missing("gen_id"))?;
    let sid = words.sid.ok_or_else(|| missing("sig_id"))?;
    if gid == 0 && sid != 0 {
        return Err(value("gen_id 0 goes with sig_id 0 only"));
    }
    let says = match command {
        "threshold" | "event_filter" => Says::Threshold(words.threshold.threshold()?),
        "suppress" => Says::Suppress(words.suppression(resolver)?),
        "rate_filter" => Says::RateFilter(words.rate_filter()?),
        other => {
            return Err(Complaint {
                kind: ErrorKind::Syntax,
                message: format!("{other:?} is neither threshold, event_filter, suppress nor rate_filter"),
            });
        }
    };
    Ok(Line {
        number,
        gid,
        sid,
        says,
    })
}

impl<'t> Words<'t> {
    /// `own`: whether track, count and seconds are the line's own and no threshold's.
    fn read(text: &'t str, own: bool) -> Result<Words<'t>, Complaint> {
        let mut words = Words::default();
        for word in outside_brackets(text) {
            let (name, rest) = word.split_once(char::is_whitespace).unwrap_or((word, ""));
            let rest = rest.trim();
            match name {
                "gen_id" => words.gid = Some(small(rest)?),
                "sig_id" => words.sid = Some(small(rest)?),
                "ip" if own => words.addresses = Some(rest),
                "track" if own => words.track = Some(rest),
                "count" if own => words.count = Some(small(rest)?),
                "seconds" if own => words.seconds = Some(small(rest)?),
                "new_action" if own => words.new_action = Some(rest),
                "timeout" if own => words.timeout = Some(small(rest)?),
                _ if !own && words.threshold.take(name, rest)? => {}
                _ => return Err(value(format!("unknown words {word:?}"))),
            }
        }
        Ok(words)
    }

    fn suppression(&self, resolver: &mut Resolver<'_>) -> Result<Suppression, Complaint> {
        match (self.track, self.addresses) {
            // Without addresses the rule never reports.
            (None, None) => Ok(Suppression {
                side: SuppressionSide::Either,
                addresses: Arc::new(RangeSet::all()),
            }),
            (Some(track), Some(addresses)) => Ok(Suppression {
                side: match track {
                    "by_src" => SuppressionSide::Source,
                    "by_dst" => SuppressionSide::Destination,
                    "by_either" => SuppressionSide::Either,
                    other => return Err(value(format!("track {other:?} is unknown"))),
                },
                addresses: resolver.addresses(addresses)?,
            }),
            _ => Err(value("track and ip go together")),
        }
    }

    fn rate_filter(&self) -> Result<RateFilter, Complaint> {
        let missing = |name: &str| value(format!("{name} is missing"));
        let action = match self.new_action.ok_or_else(|| missing("new_action"))? {
            "alert" => Action::Alert,
            "drop" => Action::Drop,
            "pass" => Action::Pass,
            "reject" => Action::Reject,
            other => return Err(unsupported(format!("new_action {other:?} is not supported"))),
        };
        let track = track(self.track.ok_or_else(|| missing("track"))?)?;
        if track == Track::Flow {
            return Err(unsupported("a rate_filter cannot track by_flow"));
        }
        let count = self.count.filter(|count| *count > 0);
        Ok(RateFilter {
            track,
            count: count.ok_or_else(|| value("count is missing or 0"))?,
            seconds: self.seconds.ok_or_else(|| missing("seconds"))?,
            action,
            timeout: self.timeout.ok_or_else(|| missing("timeout"))?,
        })
    }
}

fn small(text: &str) -> Result<u32, Complaint> {
    number(text).and_then(|n| u32::try_from(n).map_err(|_| value(format!("{n} is too large"))))
}

/// Splits at the commas that stand in no bracket.
fn outside_brackets(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0usize;
    let words = text.split(move |character: char| {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    });
    words.map(str::trim).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_that_are_read() {
        let text = "# a comment\n\
                    threshold gen_id 1, sig_id 5, type limit, track by_rule, count 3, seconds 1000\n\
                    event_filter gen_id 1, sig_id 0, type both, track by_src, \\\n  count 1, seconds 60\n\
                    suppress gen_id 0, sig_id 0, track by_either, ip [10.0.0.0/8,!10.1.0.0/16,$HOME_NET]\n\
                    suppress gen_id 1, sig_id 7\n\
                    rate_filter: gen_id 1, sig_id 8, track by_both, count 10, seconds 60, new_action drop, timeout 300\n";
        let (config, errors) = ThresholdConfig::parse("t", text, &Variables::default());
        assert!(errors.is_empty(), "{errors:?}");
        let places: Vec<_> = config.lines.iter().map(|l| (l.number, l.gid, l.sid)).collect();
        assert_eq!(places, [(2, 1, 5), (3, 1, 0), (5, 0, 0), (6, 1, 7), (7, 1, 8)]);
    }

    #[test]
    fn errors_say_where() {
        let table = [
            ("limit gen_id 1, sig_id 5", "neither threshold"),
            ("suppress gen_id 1", "sig_id is missing"),
            ("suppress gen_id 0, sig_id 5", "goes with sig_id 0"),
            ("suppress gen_id 1, sig_id 5, track by_src", "go together"),
            (
                "suppress gen_id 1, sig_id 5, track by_rule, ip 1.2.3.4",
                "is unknown",
            ),
            (
                "suppress gen_id 1, sig_id 5, track by_src, ip 1.2.3",
                "is no address",
            ),
            (
                "threshold gen_id 1, sig_id 5, type limit, count 1, seconds 2",
                "track is missing",
            ),
            ("threshold gen_id 1, sig_id 5, ip 1.2.3.4", "unknown words"),
            (
                "rate_filter gen_id 1, sig_id 5, track by_rule, count 1, seconds 2, new_action sdrop, timeout 3",
                "not supported",
            ),
            (
                "rate_filter gen_id 1, sig_id 5, track by_rule, count 1, seconds 2, new_action drop",
                "timeout is missing",
            ),
        ];
        for (line, message) in table {
            let (config, errors) = ThresholdConfig::parse("t", &format!("\n{line}"), &Variables::default());
            assert!(config.is_empty(), "{line}");
            let error = errors.first().unwrap();
            assert_eq!(error.line, 2, "{line}");
            assert!(error.message.contains(message), "{line}: {error}");
        }
    }
}
