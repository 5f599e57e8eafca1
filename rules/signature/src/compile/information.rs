//! Keywords that tell people something and decide nothing: `msg`, `sid`, `classtype`, `metadata` …

use vonggac_event::limits::{RULE_DESCRIPTION_BYTES_MAX, RULE_TITLE_BYTES_MAX};

use crate::classification::{PRIORITY_DEFAULT, classtype_priority};
use crate::error::{Complaint, over_limit, value};
use crate::number::number;

use super::draft::{Draft, small};

impl Draft {
    /// Keywords that tell people something and decide nothing.
    pub(super) fn information(&mut self, name: &str, text: &str) -> Option<Result<(), Complaint>> {
        let info = &mut self.rule.info;
        let result = match name {
            "msg" => quoted(text).map(|message| info.message = message),
            "sid" => small(text).map(|sid| {
                info.sid = sid;
                self.has_sid = true;
            }),
            "gid" => small(text).map(|gid| info.gid = gid),
            "rev" => small(text).map(|rev| info.rev = rev),
            "classtype" => {
                info.classtype = text.trim_matches('"').to_owned();
                if !self.has_priority {
                    info.priority = classtype_priority(&info.classtype).unwrap_or(PRIORITY_DEFAULT);
                }
                Ok(())
            }
            "priority" => number(text).and_then(|priority| {
                info.priority = u8::try_from(priority)
                    .ok()
                    .filter(|priority| *priority > 0)
                    .ok_or_else(|| value("a priority is 1 to 255"))?;
                self.has_priority = true;
                Ok(())
            }),
            "metadata" => text
                .split(',')
                .map(str::trim)
                .filter(|pair| !pair.is_empty())
                .try_for_each(|pair| {
                    let (key, rest) = pair.split_once(char::is_whitespace).unwrap_or((pair, ""));
                    let rest = rest.trim();
                    check_vietnamese(key, rest)?;
                    info.metadata.push((key.to_owned(), rest.to_owned()));
                    Ok(())
                }),
            "target" if matches!(text, "src_ip" | "dest_ip") => {
                info.metadata.push(("target".to_owned(), text.to_owned()));
                Ok(())
            }
            "target" => Err(value("the target is src_ip or dest_ip")),
            "reference" => {
                info.references.push(text.to_owned());
                Ok(())
            }
            // What it requires was judged before all else.
            "tag" | "prefilter" | "requires" => Ok(()),
            _ => return None,
        };
        Some(result)
    }
}

/// What a rule says in Vietnamese must be something, and no longer than an alert carries.
fn check_vietnamese(key: &str, text: &str) -> Result<(), Complaint> {
    let bytes_max = match key {
        "title_vi" => RULE_TITLE_BYTES_MAX,
        "description_vi" => RULE_DESCRIPTION_BYTES_MAX,
        _ => return Ok(()),
    };
    if text.is_empty() {
        return Err(value(format!("{key} says nothing")));
    }
    if text.len() > bytes_max {
        return Err(over_limit(format!("{key} is longer than {bytes_max} bytes")));
    }
    Ok(())
}

fn quoted(text: &str) -> Result<String, Complaint> {
    let inside = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or_else(|| value("the text must stand in double quotes"))?;
    let mut result = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => result.extend(characters.next()),
            other => result.push(other),
        }
    }
    Ok(result)
}
