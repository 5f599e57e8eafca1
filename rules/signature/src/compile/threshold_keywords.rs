//! `threshold` and `detection_filter`.

use crate::error::{Complaint, combination, over_limit, unsupported, value};
use crate::limits::UNIQUE_PORTS_MAX;
use crate::rule::{PortSide, Threshold, ThresholdKind, Track, Transport};

use super::draft::{Draft, small};

impl Draft {
    pub(super) fn threshold(&mut self, text: &str) -> Result<(), Complaint> {
        let words = ThresholdWords::read(text)?;
        if words.unique.is_some() {
            return Err(value("unique_on belongs to detection_filter"));
        }
        self.rule.threshold = Some(words.threshold()?);
        Ok(())
    }

    pub(super) fn detection_filter(&mut self, text: &str) -> Result<(), Complaint> {
        let mut words = ThresholdWords::read(text)?;
        if words.kind.is_some() {
            return Err(value("a detection_filter has no type"));
        }
        words.kind = Some(Kind::DetectionFilter);
        let filter = words.threshold()?;
        let has_ports = match self.rule.header.transport {
            Transport::Tcp | Transport::Udp | Transport::Number(6 | 17 | 132) => true,
            Transport::Any => self.rule.app.is_some(),
            _ => false,
        };
        if filter.unique.is_some() && !has_ports {
            return Err(combination("unique_on needs a protocol with ports"));
        }
        self.rule.detection_filter = Some(filter);
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Limit,
    Threshold,
    Both,
    Backoff,
    DetectionFilter,
}

/// The words of a threshold as they were read, in a rule or in the sensor's own file.
#[derive(Debug, Default)]
pub(crate) struct ThresholdWords {
    kind: Option<Kind>,
    track: Option<Track>,
    count: Option<u32>,
    seconds: Option<u32>,
    multiplier: Option<u32>,
    unique: Option<PortSide>,
}

impl ThresholdWords {
    fn read(text: &str) -> Result<ThresholdWords, Complaint> {
        let mut words = ThresholdWords::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (name, rest) = word.split_once(char::is_whitespace).unwrap_or((word, ""));
            if !words.take(name, rest.trim())? {
                return Err(value(format!("unknown words {word:?}")));
            }
        }
        Ok(words)
    }

    /// Whether the words are some of these.
    pub(crate) fn take(&mut self, name: &str, rest: &str) -> Result<bool, Complaint> {
        match name {
            "type" => self.kind = Some(kind(rest)?),
            "track" => self.track = Some(track(rest)?),
            "count" => self.count = Some(small(rest)?),
            "seconds" => self.seconds = Some(small(rest)?),
            "multiplier" => self.multiplier = Some(small(rest)?),
            "unique_on" => {
                self.unique = Some(match rest {
                    "src_port" => PortSide::Source,
                    "dst_port" => PortSide::Destination,
                    other => return Err(value(format!("unique_on {other:?} is unknown"))),
                });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn threshold(self) -> Result<Threshold, Complaint> {
        let missing = |name: &str| value(format!("{name} is missing"));
        let kind = self.kind.ok_or_else(|| missing("type"))?;
        let track = self.track.ok_or_else(|| missing("track"))?;
        let count = self.count.ok_or_else(|| missing("count"))?;
        if count == 0 {
            return Err(value("count must be at least 1"));
        }
        if self.unique.is_some() && count > UNIQUE_PORTS_MAX {
            return Err(over_limit(format!(
                "unique_on counts up to {UNIQUE_PORTS_MAX} ports"
            )));
        }
        let (kind, seconds) = match kind {
            Kind::Backoff => (backoff(track, self.multiplier)?, 0),
            _ if self.multiplier.is_some() => return Err(value("multiplier belongs to type backoff")),
            Kind::Limit => (ThresholdKind::Limit, self.window()?),
            Kind::Threshold => (ThresholdKind::Threshold, self.window()?),
            Kind::Both => (ThresholdKind::Both, self.window()?),
            Kind::DetectionFilter => (ThresholdKind::DetectionFilter, self.window()?),
        };
        Ok(Threshold {
            kind,
            track,
            count,
            seconds,
            unique: self.unique,
        })
    }

    fn window(&self) -> Result<u32, Complaint> {
        self.seconds.ok_or_else(|| value("seconds is missing"))
    }
}

fn backoff(track: Track, multiplier: Option<u32>) -> Result<ThresholdKind, Complaint> {
    if track != Track::Flow {
        return Err(value("type backoff needs track by_flow"));
    }
    match multiplier {
        None => Err(value("multiplier is missing")),
        Some(0 | 1) => Err(value("multiplier must be at least 2")),
        Some(multiplier) => Ok(ThresholdKind::Backoff { multiplier }),
    }
}

fn kind(text: &str) -> Result<Kind, Complaint> {
    Ok(match text {
        "limit" => Kind::Limit,
        "threshold" => Kind::Threshold,
        "both" => Kind::Both,
        "backoff" => Kind::Backoff,
        other => return Err(unsupported(format!("threshold type {other:?} is not supported"))),
    })
}

pub(crate) fn track(text: &str) -> Result<Track, Complaint> {
    Ok(match text {
        "by_src" => Track::Source,
        "by_dst" => Track::Destination,
        "by_rule" => Track::Rule,
        "by_both" => Track::Both,
        "by_flow" => Track::Flow,
        other => return Err(unsupported(format!("track {other:?} is not supported"))),
    })
}
