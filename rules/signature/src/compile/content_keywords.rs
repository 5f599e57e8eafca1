//! `content` and its modifiers, `pcre`, sizes, and older spellings of both.

use crate::buffer::Buffer;
use crate::bytes::DataAt;
use crate::content::{Amount, Content, FastPattern, parse_content};
use crate::error::{Complaint, combination, value};
use crate::number::{Dash, NumberTest, number};
use crate::pattern::parse_expression;
use crate::verify::Step;

use super::draft::{Draft, LooksInto};

impl Draft {
    /// Takes the keyword if it is one of these.
    pub(super) fn content_keyword(&mut self, name: &str, text: &str) -> Option<Result<(), Complaint>> {
        if let Some(buffer) = Buffer::from_modifier(name) {
            return Some(self.move_last_content(name, buffer));
        }
        Some(match name {
            "content" => self.content(text),
            "uricontent" => self.content_in(Buffer::HttpUri, text).map(|_| ()),
            "tls.subject" => self.content_in(Buffer::TlsCertSubject, text).map(|_| ()),
            "tls.issuerdn" => self.content_in(Buffer::TlsCertIssuer, text).map(|_| ()),
            "tls.fingerprint" => self
                .content_in(Buffer::TlsCertFingerprint, text)
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
            "tls.version" => self.tls_version(text, |version| Some(version.to_owned())),
            "ssl_version" => self.tls_version(text, old_version_name),
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

    fn content_in(&mut self, buffer: Buffer, text: &str) -> Result<&mut Content, Complaint> {
        let (negated, bytes) = parse_content(text)?;
        let list = self.list_of_buffer(buffer);
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
    fn move_last_content(&mut self, keyword: &str, buffer: Buffer) -> Result<(), Complaint> {
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
            Some(buffer) => self.list_of_buffer(buffer),
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
        let test = NumberTest::parse(text, Dash::Excluded)?;
        let list = self.current_list();
        self.push(list, Step::Size(test)).map(|_| ())
    }

    fn uri_length(&mut self, text: &str) -> Result<(), Complaint> {
        let (length, form) = text.split_once(',').unwrap_or((text, "norm"));
        let buffer = match form.trim() {
            "norm" => Buffer::HttpUri,
            "raw" => Buffer::HttpUriRaw,
            other => return Err(value(format!("unknown word {other:?}"))),
        };
        let test = NumberTest::parse(length, Dash::Excluded)?;
        let list = self.list_of_buffer(buffer);
        self.push(list, Step::Size(test)).map(|_| ())
    }

    /// A list of versions, any of which will do; `!` before the first turns the list round.
    fn tls_version(&mut self, text: &str, name: fn(&str) -> Option<String>) -> Result<(), Complaint> {
        let text = text.trim_matches('"');
        let negated = text.starts_with('!');
        let mut versions = Vec::new();
        for word in text.split(',') {
            let word = word.trim().trim_start_matches('!');
            let version = name(word).ok_or_else(|| value(format!("unknown version {word:?}")))?;
            if version.is_empty()
                || !version
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
            {
                return Err(value(format!("unknown version {word:?}")));
            }
            versions.push(version.replace('.', "\\."));
        }
        let sign = if negated { "!" } else { "" };
        let parsed = parse_expression(&format!("{sign}\"/^(?:{})$/i\"", versions.join("|")))?;
        let list = self.list_of_buffer(Buffer::TlsVersion);
        self.push(list, Step::Regex(parsed.expression)).map(|_| ())
    }
}

impl Content {
    fn ignore_case(&mut self) {
        self.pattern.ignore_case();
    }
}

fn old_version_name(word: &str) -> Option<String> {
    let name = match word.to_ascii_lowercase().as_str() {
        "sslv2" => "SSLv2",
        "sslv3" => "SSLv3",
        "tls1.0" => "1.0",
        "tls1.1" => "1.1",
        "tls1.2" => "1.2",
        "tls1.3" => "1.3",
        _ => return None,
    };
    Some(name.to_owned())
}
