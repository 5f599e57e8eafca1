//! Output formats: which of them the engine can give block by block, and what their media types are.
//!
//! The engine's streams write the format's head and tail anew with every block. So a format is streamed only if
//! it has neither, or if its head can be told from the rows and taken off every block but the first. All others
//! are run whole, under a limit.

/// How a format's blocks join up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    /// Blocks just follow one another.
    Plain,
    /// Each block begins with the count, names and (if `types`) types of the columns, in RowBinary's way.
    BinaryHead { types: bool },
    /// Each block begins with this many lines of column names and types.
    /// In CSV, a line end within double quotes does not count.
    LinesHead { lines: usize, quoted: bool },
    /// Blocks do not join: head, tail or numbering spans the result.
    Whole,
}

/// How blocks of a format join, by its name in any case.
pub(crate) fn joining(format: &str) -> Joining {
    match format.to_ascii_lowercase().as_str() {
        "rowbinary"
        | "native"
        | "jsoneachrow"
        | "jsonlines"
        | "ndjson"
        | "jsonstringseachrow"
        | "jsoncompacteachrow"
        | "jsoncompactstringseachrow"
        | "tabseparated"
        | "tsv"
        | "tabseparatedraw"
        | "tsvraw"
        | "raw"
        | "csv"
        | "lineasstring"
        | "tskv"
        | "msgpack"
        | "rawblob"
        | "null" => Joining::Plain,
        "rowbinarywithnames" => Joining::BinaryHead { types: false },
        "rowbinarywithnamesandtypes" => Joining::BinaryHead { types: true },
        "csvwithnames" => Joining::LinesHead {
            lines: 1,
            quoted: true,
        },
        "csvwithnamesandtypes" => Joining::LinesHead {
            lines: 2,
            quoted: true,
        },
        "tabseparatedwithnames"
        | "tsvwithnames"
        | "jsoncompacteachrowwithnames"
        | "jsoncompactstringseachrowwithnames" => Joining::LinesHead {
            lines: 1,
            quoted: false,
        },
        "tabseparatedwithnamesandtypes"
        | "tsvwithnamesandtypes"
        | "jsoncompacteachrowwithnamesandtypes"
        | "jsoncompactstringseachrowwithnamesandtypes" => Joining::LinesHead {
            lines: 2,
            quoted: false,
        },
        _ => Joining::Whole,
    }
}

/// The `Content-Type` that ClickHouse gives a format.
pub(crate) fn media_type(format: &str) -> &'static str {
    let name = format.to_ascii_lowercase();
    let begins = |prefix: &str| name.starts_with(prefix);
    match name.as_str() {
        "jsoneachrow" | "jsonlines" | "ndjson" | "jsonstringseachrow" => {
            "application/x-ndjson; charset=UTF-8"
        }
        "xml" => "application/xml; charset=UTF-8",
        "markdown" => "text/markdown; charset=UTF-8",
        "msgpack" | "native" | "null" | "parquet" | "arrow" | "arrowstream" | "orc" | "avro" | "rawblob" => {
            "application/octet-stream"
        }
        _ if begins("rowbinary") => "application/octet-stream",
        _ if begins("json") => "application/json; charset=UTF-8",
        _ if begins("csv") => "text/csv; charset=UTF-8; header=absent",
        _ if begins("tabseparated") || begins("tsv") => "text/tab-separated-values; charset=UTF-8",
        _ => "text/plain; charset=UTF-8",
    }
}

/// Takes the repeated heads off a result's blocks.
pub(crate) struct Joiner {
    joining: Joining,
    head: Option<Vec<u8>>,
}

impl Joiner {
    /// For blocks that join so.
    pub(crate) fn new(joining: Joining) -> Self {
        Self { joining, head: None }
    }

    /// What of the next block belongs into the result.
    pub(crate) fn rows<'block>(&mut self, block: &'block [u8]) -> &'block [u8] {
        match &self.head {
            Some(head) => block.strip_prefix(head.as_slice()).unwrap_or(block),
            None => {
                let length = match self.joining {
                    Joining::Plain | Joining::Whole => Some(0),
                    Joining::BinaryHead { types } => binary_head(block, types),
                    Joining::LinesHead { lines, quoted } => lines_head(block, lines, quoted),
                };
                self.head = Some(block.get(..length.unwrap_or(0)).unwrap_or_default().to_vec());
                block
            }
        }
    }
}

/// Length of RowBinaryWithNames' head: a count, and that many texts (twice, with types).
fn binary_head(block: &[u8], types: bool) -> Option<usize> {
    let (columns, mut position) = varint(block, 0)?;
    let texts = columns.checked_mul(if types { 2 } else { 1 })?;
    for _ in 0..texts {
        let (length, begin) = varint(block, position)?;
        position = begin.checked_add(length).filter(|end| *end <= block.len())?;
    }
    Some(position)
}

/// Reads a LEB128 number at a position; gives it and where it ends.
fn varint(block: &[u8], position: usize) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (index, byte) in block.get(position..)?.iter().take(9).enumerate() {
        let shift = u32::try_from(index).ok()?.checked_mul(7)?;
        value |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((value, position.checked_add(index)?.checked_add(1)?));
        }
    }
    None
}

/// Length of the first lines.
fn lines_head(block: &[u8], lines: usize, quoted: bool) -> Option<usize> {
    let mut seen = 0_usize;
    let mut inside = false;
    for (index, byte) in block.iter().enumerate() {
        match byte {
            b'"' if quoted => inside = !inside,
            b'\n' if !inside => seen = seen.saturating_add(1),
            _ => continue,
        }
        if seen == lines {
            return index.checked_add(1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, blocks: &[&[u8]], joined: &[u8]) {
        let mut joiner = Joiner::new(joining(format));
        let result: Vec<u8> = blocks
            .iter()
            .flat_map(|block| joiner.rows(block).to_vec())
            .collect();
        assert_eq!(result, joined, "{format}");
    }

    #[test]
    fn heads_are_kept_once() {
        check("TSV", &[b"a\n", b"a\n"], b"a\na\n");
        check(
            "CSVWithNames",
            &[b"\"a\nb\"\n1\n", b"\"a\nb\"\n2\n"],
            b"\"a\nb\"\n1\n2\n",
        );
        check("TSVWithNames", &[b"a\"b\n1\n", b"a\"b\n2\n"], b"a\"b\n1\n2\n");
        check(
            "TSVWithNamesAndTypes",
            &[b"a\nInt8\n1\n", b"a\nInt8\n2\n"],
            b"a\nInt8\n1\n2\n",
        );
        check(
            "RowBinaryWithNamesAndTypes",
            &[b"\x01\x01a\x04Int8\x07", b"\x01\x01a\x04Int8\x08"],
            b"\x01\x01a\x04Int8\x07\x08",
        );
        check(
            "rowbinarywithnames",
            &[b"\x01\x01a\x07", b"\x01\x01a\x08"],
            b"\x01\x01a\x07\x08",
        );
    }

    #[test]
    fn broken_heads_leave_the_block_alone() {
        check(
            "RowBinaryWithNamesAndTypes",
            &[b"\xff\xff\xff", b"\xff"],
            b"\xff\xff\xff\xff",
        );
        check("CSVWithNames", &[b"no line end"], b"no line end");
    }

    #[test]
    fn unknown_formats_are_run_whole() {
        for format in ["JSON", "Parquet", "Pretty", "Values", "nonsense", "Vertical"] {
            assert_eq!(joining(format), Joining::Whole, "{format}");
        }
        assert_eq!(media_type("JSON"), "application/json; charset=UTF-8");
        assert_eq!(media_type("RowBinary"), "application/octet-stream");
    }
}
