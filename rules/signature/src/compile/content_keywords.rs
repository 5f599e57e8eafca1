//! `content` and its modifiers, `pcre`, sizes, and older spellings of both.

use crate::bytes::DataAt;
use crate::content::{Amount, Content, FastPattern, parse_content};
use crate::error::{Complaint, combination, value};
use crate::number::{Dash, number, number_test};
use crate::pattern::parse_expression;
use crate::verify::Step;
use crate::vocabulary::TermId;

use super::draft::{Draft, LooksInto};

impl Draft {
    /// Takes the keyword if it is one of these.
    pub(super) fn content_keyword(&mut self, name: &str, text: &str) -> Option<Result<(), Complaint>> {
        if let Some(buffer) = self.vocabulary.modifier(name) {
            return Some(self.move_last_content(name, buffer));
        }
        Some(match name {
            "content" => self.content(text),
            "uricontent" => self.content_in("http.uri", text).map(|_| ()),
            "tls.subject" => self.content_in("tls.cert_subject", text).map(|_| ()),
            "tls.issuerdn" => self.content_in("tls.cert_issuer", text).map(|_| ()),
            "tls.fingerprint" => self
                .content_in("tls.cert_fingerprint", text)
                .map(Content::ignore_case),
            "nocase" => self.last_content(name).map(Content::ignore_case),
            "rawbytes" => self.last_content(name).map(|_| ()),
            "offset" | "depth" | "distance" | "within" => self.position(name, text),
            "startswith" => self.last_content(name).map(|content| content.starts = true),
            "endswith" => self.last_content(name).map(|content| content.ends = true),
            "fast_pattern" => self.fast_pattern(text),
            "pcre" => self.expression(text),
            "isdataat" => self.data_at(text),
            "bsize" => self.size(text),
            "urilen" => self.uri_length(text),
            "absent" => self.set_absent(text),
            "base64_data" => {
                self.select_list(&LooksInto::Base64);
                Ok(())
            }
            _ => return None,
        })
    }

    fn content(&mut self, text: &str) -> Result<(), Complaint> {
        let (negated, bytes) = parse_content(text)?;
        let list = self.current_list();
        let step = self.push(list, Step::Content(Content::new(bytes, negated)))?;
        self.last_content = Some((list, step));
        Ok(())
    }

    fn content_in(&mut self, buffer: &str, text: &str) -> Result<&mut Content, Complaint> {
        let (negated, bytes) = parse_content(text)?;
        let list = self.list_of_keyword(buffer)?;
        let step = self.push(list, Step::Content(Content::new(bytes, negated)))?;
        self.last_content = Some((list, step));
        self.last_content("content")
    }

    fn last_content(&mut self, keyword: &str) -> Result<&mut Content, Complaint> {
        let content = self.last_content.and_then(|(list, step)| {
            match self.lists.get_mut(list).and_then(|list| list.steps.get_mut(step)) {
                Some(Step::Content(content)) => Some(content),
                _ => None,
            }
        });
        content.ok_or_else(|| combination(format!("{keyword} must follow a content")))
    }

    /// `content:"x"; http_uri;`: the content before belongs to that buffer.
    fn move_last_content(&mut self, keyword: &str, buffer: TermId) -> Result<(), Complaint> {
        self.last_content(keyword)?;
        let Some((from, step)) = self.last_content else {
            return Ok(());
        };
        let Some(list) = self.lists.get_mut(from).filter(|list| step < list.steps.len()) else {
            return Ok(());
        };
        let moved = list.steps.remove(step);
        let target = self.list_of_buffer(buffer);
        let step = self.push(target, moved)?;
        self.last_content = Some((target, step));
        Ok(())
    }

    fn position(&mut self, keyword: &str, text: &str) -> Result<(), Complaint> {
        let amount = self.amount(text)?;
        let content = self.last_content(keyword)?;
        let length = i64::try_from(content.pattern.len()).unwrap_or(i64::MAX);
        if let Amount::Number(number) = amount {
            if matches!(keyword, "depth" | "within") && number < length {
                return Err(value(format!(
                    "{number} is less than the pattern's {length} bytes"
                )));
            }
            if keyword == "offset" && number < 0 {
                return Err(value("an offset cannot be negative"));
            }
        }
        let place = match keyword {
            "offset" => &mut content.offset,
            "depth" => &mut content.depth,
            "distance" => &mut content.distance,
            _ => &mut content.within,
        };
        if place.replace(amount).is_some() {
            return Err(combination(format!("{keyword} is given twice for one content")));
        }
        Ok(())
    }

    fn fast_pattern(&mut self, text: &str) -> Result<(), Complaint> {
        let fast = match text.split_once(',') {
            None if text.is_empty() => FastPattern::Whole,
            None if text == "only" => FastPattern::Only,
            None => return Err(value(format!("{text:?} after fast_pattern"))),
            Some((offset, length)) => {
                let index =
                    |text| number(text).and_then(|n| usize::try_from(n).map_err(|_| value("too large")));
                FastPattern::Part {
                    offset: index(offset)?,
                    length: index(length)?,
                }
            }
        };
        let content = self.last_content("fast_pattern")?;
        if let FastPattern::Part { offset, length } = fast
            && (length == 0
                || offset
                    .checked_add(length)
                    .is_none_or(|end| end > content.pattern.len()))
        {
            return Err(value("the part lies outside of the pattern"));
        }
        content.fast = Some(fast);
        Ok(())
    }

    fn expression(&mut self, text: &str) -> Result<(), Complaint> {
        let parsed = parse_expression(text)?;
        let list = match parsed.buffer {
            Some(flag) => {
                let buffer = self.vocabulary.flag(flag);
                self.list_of_buffer(buffer.ok_or_else(|| value(format!("unknown pcre flag {flag:?}")))?)
            }
            None => self.current_list(),
        };
        self.push(list, Step::Regex(parsed.expression)).map(|_| ())
    }

    fn data_at(&mut self, text: &str) -> Result<(), Complaint> {
        let (negated, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut words = text.split(',').map(str::trim);
        let position = self.amount(words.next().unwrap_or(""))?;
        let mut relative = false;
        for word in words {
            match word {
                "relative" => relative = true,
                "rawbytes" => {}
                other => return Err(value(format!("unknown word {other:?}"))),
            }
        }
        let list = self.list_of_condition(relative);
        self.push(
            list,
            Step::DataAt(DataAt {
                negated,
                position,
                relative,
            }),
        )
        .map(|_| ())
    }

    fn size(&mut self, text: &str) -> Result<(), Complaint> {
        let test = number_test(text, Dash::Excluded)?;
        let list = self.current_list();
        self.push(list, Step::Size(test)).map(|_| ())
    }

    fn uri_length(&mut self, text: &str) -> Result<(), Complaint> {
        let (length, form) = text.split_once(',').unwrap_or((text, "norm"));
        let buffer = match form.trim() {
            "norm" => "http.uri",
            "raw" => "http.uri.raw",
            other => return Err(value(format!("unknown word {other:?}"))),
        };
        let test = number_test(length, Dash::Excluded)?;
        let list = self.list_of_keyword(buffer)?;
        self.push(list, Step::Size(test)).map(|_| ())
    }
}

impl Content {
    fn ignore_case(&mut self) {
        self.pattern.ignore_case();
    }
}
