//! YAML as a tree that knows its places.
//!
//! Built from the parser's events with a stack of its own, so depth is ours to bound; an alias costs as many nodes as it
//! copies. A duplicate key is an error: one of the two would be lost.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::{DEPTH_MAX, Fault, NODES_MAX, Place};

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) data: Data,
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    /// As written, quotes and escapes resolved.
    pub(crate) text: String,
    pub(crate) value: Plain,
    /// Whether the text stands in the file as it is, so that an offset in it is an offset in the line.
    pub(crate) quote: Quote,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quote {
    Plain,
    Quoted,
    Block,
}

/// What a plain scalar means under YAML's core schema; a quoted one is always text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Plain {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text,
}

/// A document of a file, with the first and last line of its text.
pub(crate) struct YamlDocument {
    pub(crate) root: Node,
    pub(crate) first_line: u32,
    pub(crate) last_line: u32,
}

impl Node {
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(scalar) if scalar.value != Plain::Null => Some(&scalar.text),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar(scalar) if scalar.value == Plain::Null)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let Data::Mapping(pairs) = &self.data else {
            return None;
        };
        pairs
            .iter()
            .find(|(name, _)| name.text() == Some(key))
            .map(|(_, value)| value)
    }

    fn count(&self) -> usize {
        1 + match &self.data {
            Data::Scalar(_) => 0,
            Data::Sequence(items) => items.iter().map(Self::count).sum(),
            Data::Mapping(pairs) => pairs.iter().map(|(key, value)| key.count() + value.count()).sum(),
        }
    }
}

/// Reads every document; at a fault, those before it come back with the fault.
pub(crate) fn load(text: &str) -> (Vec<YamlDocument>, Option<Fault>) {
    let mut builder = Builder::default();
    let mut fault = None;
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let mark = error.marker();
                Err(Fault::new(
                    place(mark.line(), mark.col()),
                    format!("not YAML: {}", error.info()),
                ))
            }
        };
        if let Err(found) = step {
            fault = Some(found);
            break;
        }
    }
    let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    let mut documents = builder.documents;
    let starts: Vec<u32> = documents.iter().map(|document| document.first_line).collect();
    for (index, document) in documents.iter_mut().enumerate() {
        // The next document's first line follows its `---`.
        document.last_line = starts.get(index + 1).map_or(lines, |next| next.saturating_sub(2));
    }
    if fault.is_some()
        && let Some(last) = documents.last_mut()
    {
        last.last_line = last
            .last_line
            .min(builder.document_line.saturating_sub(2))
            .max(last.first_line);
    }
    (documents, fault)
}

fn place(line: usize, column: usize) -> Place {
    Place {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column.saturating_add(1)).unwrap_or(u32::MAX),
    }
}

#[derive(Default)]
struct Builder {
    documents: Vec<YamlDocument>,
    stack: Vec<Open>,
    anchors: Vec<(usize, Node)>,
    nodes: usize,
    document_line: u32,
}

/// A sequence or mapping that has not ended.
struct Open {
    place: Place,
    anchor: usize,
    items: Vec<Node>,
    is_mapping: bool,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let place = place(span.start.line(), span.start.col());
        match event {
            Event::DocumentStart(explicit) => {
                self.document_line = place.line + u32::from(explicit);
                self.anchors.clear();
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag
                    .as_ref()
                    .is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let node = Node {
                    place,
                    data: Data::Scalar(scalar(text.into_owned(), style, is_text)),
                };
                self.add(node, anchor)?;
            }
            Event::SequenceStart(anchor, _) => self.open(place, anchor, false)?,
            Event::MappingStart(anchor, _) => self.open(place, anchor, true)?,
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(anchor) => {
                let node = self
                    .anchors
                    .iter()
                    .find(|(id, _)| *id == anchor)
                    .map(|(_, node)| node.clone());
                let node =
                    node.ok_or_else(|| Fault::new(place, "alias of an anchor that is not complete"))?;
                self.count(node.count(), place)?;
                self.attach(node);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn count(&mut self, more: usize, place: Place) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > NODES_MAX {
            return Err(Fault::new(place, format!("file has over {NODES_MAX} YAML nodes")));
        }
        Ok(())
    }

    fn open(&mut self, place: Place, anchor: usize, is_mapping: bool) -> Result<(), Fault> {
        if self.stack.len() >= DEPTH_MAX {
            return Err(Fault::new(place, format!("YAML is nested over {DEPTH_MAX} deep")));
        }
        self.stack.push(Open {
            place,
            anchor,
            items: Vec::new(),
            is_mapping,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let Some(open) = self.stack.pop() else {
            return Ok(());
        };
        let data = if open.is_mapping {
            Data::Mapping(pairs(open.items)?)
        } else {
            Data::Sequence(open.items)
        };
        let node = Node {
            place: open.place,
            data,
        };
        self.add(node, open.anchor)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        self.count(1, node.place)?;
        if anchor > 0 {
            let copies = node.count();
            self.count(copies, node.place)?;
            self.anchors.push((anchor, node.clone()));
        }
        self.attach(node);
        Ok(())
    }

    fn attach(&mut self, node: Node) {
        match self.stack.last_mut() {
            Some(open) => open.items.push(node),
            None => self.documents.push(YamlDocument {
                root: node,
                first_line: self.document_line,
                last_line: 0,
            }),
        }
    }
}

fn pairs(items: Vec<Node>) -> Result<Vec<(Node, Node)>, Fault> {
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut seen = std::collections::HashSet::new();
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        if let Data::Scalar(scalar) = &key.data
            && !seen.insert(scalar.text.clone())
        {
            return Err(Fault::new(
                key.place,
                format!("key {} stands twice in this mapping", scalar.text),
            ));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

fn scalar(text: String, style: ScalarStyle, is_text: bool) -> Scalar {
    let quote = match style {
        ScalarStyle::Plain => Quote::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Quote::Quoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Quote::Block,
    };
    let value = if quote == Quote::Plain && !is_text {
        plain(&text)
    } else {
        Plain::Text
    };
    Scalar { text, value, quote }
}

/// YAML 1.2.2, section 10.3.2.
fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    let radix = |digits: &str, radix| i128::from_str_radix(digits, radix).ok();
    let integer = match text.as_bytes() {
        [b'0', b'x', b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => {
            radix(text.get(2..).unwrap_or_default(), 16)
        }
        [b'0', b'o', b'0'..=b'7', ..] => radix(text.get(2..).unwrap_or_default(), 8),
        _ => text.parse::<i128>().ok(),
    };
    if let Some(integer) = integer {
        return Plain::Integer(integer);
    }
    let looks_like_float = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        && text.bytes().any(|byte| byte.is_ascii_digit());
    match text.parse::<f64>() {
        Ok(number) if looks_like_float && number.is_finite() => Plain::Float(number),
        _ => Plain::Text,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let check = |text: &str, expect: Plain| assert_eq!(plain(text), expect, "{text}");
        check("~", Plain::Null);
        check("true", Plain::Bool(true));
        check("yes", Plain::Text);
        check("0x1F", Plain::Integer(31));
        check("-7", Plain::Integer(-7));
        check("1.5", Plain::Float(1.5));
        check("1.2.3", Plain::Text);
        check("e", Plain::Text);
        check(".inf", Plain::Text);
        check("10.0.0.0/8", Plain::Text);
    }

    #[test]
    fn bombs_are_bounded() {
        let check = |text: &str, part: &str| {
            let (_, fault) = load(text);
            let message = fault.unwrap().message;
            assert!(message.contains(part), "{message}");
        };
        check(&"[".repeat(100), "deep");
        check(&"[".repeat(10_000), "");
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for step in 1..9 {
            let list = vec![format!("*a{}", step - 1); 10].join(", ");
            laughs.push_str(&format!("a{step}: &a{step} [{list}]\n"));
        }
        check(&laughs, "YAML nodes");
        check(&format!("[{}]", "x,".repeat(NODES_MAX + 1)), "YAML nodes");
        check("a: 1\na: 2\n", "stands twice");
    }

    #[test]
    fn documents_know_their_lines() {
        let (documents, fault) = load("# head\na: 1\n---\nb: 2\nc: 3\n---\nd: 4\n");
        assert_eq!(fault, None);
        let lines: Vec<_> = documents
            .iter()
            .map(|document| (document.first_line, document.last_line))
            .collect();
        assert_eq!(lines, [(2, 2), (4, 5), (7, 7)]);
    }
}
