//! JSON, written straight into bytes (RFC 8259), without anything built in between.

/// An object under way; it is closed when [`Object::write`] or [`Object::object`] returns.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

/// A list under way.
pub(super) struct List<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    /// Writes one object.
    pub(super) fn write(out: &'a mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        let mut object = Object { out, is_empty: true };
        fill(&mut object);
        object.out.push(b'}');
    }

    /// A text, also an empty one.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.key(name);
        string(text, self.out);
    }

    /// A text, unless it is empty.
    pub(super) fn text_if(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.text(name, text);
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self, name: &str, value: impl Into<u64>) {
        self.key(name);
        number(value.into(), self.out);
    }

    /// A whole number, unless it is 0.
    pub(super) fn number_if(&mut self, name: &str, value: impl Into<u64>) {
        let value = value.into();
        if value != 0 {
            self.number(name, value);
        }
    }

    /// True or false.
    pub(super) fn boolean(&mut self, name: &str, value: bool) {
        self.key(name);
        boolean(value, self.out);
    }

    /// True, or nothing.
    pub(super) fn true_if(&mut self, name: &str, value: bool) {
        if value {
            self.boolean(name, true);
        }
    }

    /// A text that `write` appends in quotes; it must need no escapes.
    pub(super) fn plain(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.key(name);
        self.out.push(b'"');
        write(self.out);
        self.out.push(b'"');
    }

    /// An object, unless nothing is put into it.
    pub(super) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.nested(name, b"{}", |out| {
            let mut inner = Object { out, is_empty: true };
            fill(&mut inner);
            inner.is_empty
        });
    }

    /// A list, unless nothing is put into it.
    pub(super) fn list(&mut self, name: &str, fill: impl FnOnce(&mut List<'_>)) {
        self.nested(name, b"[]", |out| {
            let mut inner = List { out, is_empty: true };
            fill(&mut inner);
            inner.is_empty
        });
    }

    /// What `fill` puts between two brackets, or nothing when it says that it is empty.
    fn nested(&mut self, name: &str, [open, close]: &[u8; 2], fill: impl FnOnce(&mut Vec<u8>) -> bool) {
        let (start, was_empty) = (self.out.len(), self.is_empty);
        self.key(name);
        self.out.push(*open);
        if fill(self.out) {
            self.out.truncate(start);
            self.is_empty = was_empty;
        } else {
            self.out.push(*close);
        }
    }

    /// A list of texts, unless it is empty.
    pub(super) fn texts<'t>(&mut self, name: &str, texts: impl IntoIterator<Item = &'t str>) {
        self.list(name, |list| texts.into_iter().for_each(|text| list.text(text)));
    }

    fn key(&mut self, name: &str) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        string(name, self.out);
        self.out.push(b':');
    }
}

impl List<'_> {
    pub(super) fn text(&mut self, text: &str) {
        self.next();
        string(text, self.out);
    }

    pub(super) fn number(&mut self, value: impl Into<u64>) {
        self.next();
        number(value.into(), self.out);
    }

    /// A text that `write` appends in quotes; it must need no escapes.
    pub(super) fn plain(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.next();
        self.out.push(b'"');
        write(self.out);
        self.out.push(b'"');
    }

    pub(super) fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        self.next();
        Object::write(self.out, fill);
    }

    fn next(&mut self) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
    }
}

/// A string in quotes: quotes, backslashes and control characters escaped (RFC 8259 section 7), all else as it is.
fn string(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    out.reserve(rest.len() + 2);
    out.push(b'"');
    if !is_plain(rest) {
        rest = escaped(rest, out);
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends bytes up to the last one that needs an escape; gives what is left.
fn escaped<'t>(mut rest: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    while let Some(place) = rest.iter().position(|&byte| needs_escape(byte)) {
        let (plain, special) = rest.split_at(place);
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else {
            break;
        };
        escape(byte, out);
        rest = after;
    }
    rest
}

/// Whether no byte needs an escape. Nearly all text and every name is so: eight bytes are looked at at once.
fn is_plain(text: &[u8]) -> bool {
    if let Some(last) = text.last_chunk() {
        let (eights, _) = text.as_chunks();
        return eights
            .iter()
            .chain([last])
            .all(|eight| are_plain(u64::from_le_bytes(*eight)));
    }
    match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            are_plain(u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)))
        }
        _ => !text.iter().copied().any(needs_escape),
    }
}

fn are_plain(eight: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The highest bit of a byte is set if that byte, or one below it, is less than `least`, which is 128 at most.
    let below = |bytes: u64, least: u8| bytes.wrapping_sub(ONES * u64::from(least)) & !bytes & (ONES << 7);
    let is = |byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
    below(eight, 0x20) | is(b'"') | is(b'\\') == 0
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        _ => {
            out.extend_from_slice(b"\\u00");
            hex(byte, out);
        }
    }
}

/// A byte as two hexadecimal digits, lower case.
pub(super) fn hex(byte: u8, out: &mut Vec<u8>) {
    for digit in [byte >> 4, byte & 15] {
        out.push(if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        });
    }
}

fn boolean(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// A number in decimal digits.
pub(super) fn number(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn written(fill: impl FnOnce(&mut Object<'_>)) -> Value {
        let mut out = Vec::new();
        Object::write(&mut out, fill);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn what_is_empty_leaves_no_trace() {
        let found = written(|object| {
            object.object("nothing", |inner| inner.text_if("text", ""));
            object.list("none", |_| {});
            object.text_if("text", "");
            object.number_if("zero", 0_u32);
            object.object("some", |inner| {
                inner.object("nothing", |_| {});
                inner.true_if("yes", true);
            });
            object.object("nothing", |_| {});
        });
        assert_eq!(found, json!({ "some": { "yes": true } }));
    }

    proptest! {
        #[test]
        fn every_text_and_number_comes_back(name in ".*", text in "(?s).*", list in prop::collection::vec("(?s).*", 0..4), value: u64) {
            let found = written(|object| {
                object.object("o", |object| {
                    object.text(&name, &text);
                });
                object.texts("l", list.iter().map(String::as_str));
                object.list("n", |list| list.number(value));
                object.number("v", value);
            });
            let mut expect = json!({ "o": { name: text }, "n": [value], "v": value });
            if !list.is_empty() {
                expect["l"] = json!(list);
            }
            prop_assert_eq!(found, expect);
        }
    }
}
