//! The Play page: the engine's library carries the page of ClickHouse's own server, whole.
//!
//! It is looked for when it is first asked for, between its title and the end of its document.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use memchr::memmem;

/// What its document contains and no other does.
const TITLE: &[u8] = b"<title>ClickHouse Query</title>";
/// How its document begins and ends.
const BEGIN: &[u8] = b"<!DOCTYPE html>";
const END: &[u8] = b"</html>";
/// Size of the pieces in which the library is read.
const READ_BYTES: usize = 4 << 20;
/// Largest page.
const PAGE_BYTES_MAX: usize = 8 << 20;
/// How far before its title its document begins, at most.
const PREFACE_BYTES_MAX: usize = 64 << 10;
/// The page may speak to this server and to nobody else; scripts and styles stand in it, and so does the WebAssembly
/// that colours statements.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; \
                                 style-src 'unsafe-inline'; img-src data: blob:; font-src data:; connect-src 'self'; \
                                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Finds the page in a library; `None` if it has none.
///
/// # Errors
/// The system's.
pub(crate) fn find(library: &Path) -> io::Result<Option<Vec<u8>>> {
    find_in(File::open(library)?)
}

fn find_in(mut library: impl Read) -> io::Result<Option<Vec<u8>>> {
    let title = memmem::Finder::new(TITLE);
    let mut window = Vec::new();
    loop {
        let length = window.len();
        let read = library
            .by_ref()
            .take(READ_BYTES as u64)
            .read_to_end(&mut window)?;
        // A title may begin at the end of the piece before.
        let from = length.saturating_sub(TITLE.len());
        if let Some(at) = title.find(window.get(from..).unwrap_or_default()) {
            let at = from.saturating_add(at);
            let begin = memmem::rfind(window.get(..at).unwrap_or_default(), BEGIN);
            return match begin {
                Some(begin) => finish(window.split_off(begin), library),
                None => Ok(None),
            };
        }
        if read == 0 {
            return Ok(None);
        }
        window.drain(..window.len().saturating_sub(PREFACE_BYTES_MAX));
    }
}

/// Reads on until the document ends.
fn finish(mut page: Vec<u8>, mut library: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut looked_at = 0_usize;
    loop {
        if let Some(at) = memmem::find(page.get(looked_at..).unwrap_or_default(), END) {
            page.truncate(looked_at.saturating_add(at).saturating_add(END.len()));
            return Ok(Some(page));
        }
        looked_at = page.len().saturating_sub(END.len());
        let read = library.by_ref().take(READ_BYTES as u64).read_to_end(&mut page)?;
        if read == 0 || page.len() > PAGE_BYTES_MAX {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_page_is_found_wherever_it_lies() {
        let page = b"<!DOCTYPE html>\n<html><head><title>ClickHouse Query</title></head>.</html>".to_vec();
        let other = b"<!DOCTYPE html><title>Other</title></html>";
        for before in [
            0,
            1,
            READ_BYTES - 30,
            READ_BYTES - 10,
            READ_BYTES,
            READ_BYTES * 2 - 70,
        ] {
            let mut library = vec![b'x'; before];
            library.extend_from_slice(&page);
            library.extend_from_slice(other);
            assert_eq!(
                find_in(library.as_slice()).unwrap(),
                Some(page.clone()),
                "{before}"
            );
        }
        assert_eq!(find_in(other.as_slice()).unwrap(), None);
        let cut = page.get(..50).unwrap();
        assert_eq!(find_in(cut).unwrap(), None);
    }
}
