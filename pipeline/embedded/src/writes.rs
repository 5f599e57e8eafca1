//! The engine's writes to its files, watched.
//!
//! libchdb goes on after a `write` that failed as if it had succeeded (26.7 has the line that throws commented out): a disk that fills
//! would leave parts of tables with empty files in them, and inserts that are confirmed and gone. So its writes come here. One that finds
//! no room waits until there is some, and with it the insert or the merge it belongs to; one that fails for another reason ends the
//! process at once, and with it everything that is half written: the next start takes none of it.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tracing::{error, info};

use crate::counters::Sample;

/// Pause between two tries of a write that waits for room.
const PAUSE: Duration = Duration::from_millis(200);
/// What a process whose disk fails ends with: `EX_IOERR` of sysexits.h.
const DISK_FAILED: c_int = 74;
/// What a process ends with that stops while writes wait: nothing is wrong with it.
const STOPPED: c_int = 0;

/// Writes that wait for room now.
static WAITING: AtomicU64 = AtomicU64::new(0);
/// Writes that have had to wait.
static WAITED: AtomicU64 = AtomicU64::new(0);

/// How many writes wait for room on the disk.
pub(crate) fn waiting() -> u64 {
    WAITING.load(Ordering::Relaxed)
}

/// What is told of them.
pub(crate) fn samples() -> [Sample; 2] {
    [
        Sample::gauge("embedded_writes_waiting", waiting()),
        Sample::counter("embedded_writes_waited_total", WAITED.load(Ordering::Relaxed)),
    ]
}

/// Ends the process without the engine's own end, which would wait for the writes that wait for room.
pub(crate) fn end_without_them() -> ! {
    // SAFETY: takes a number; what is in memory only is not to be kept.
    unsafe { libc::_exit(STOPPED) }
}

/// The engine's `write`.
///
/// # Safety
/// As for write(2): `data` points to `length` bytes.
pub(crate) unsafe extern "C" fn write(file: c_int, data: *const c_void, length: usize) -> isize {
    let mut wait = None;
    loop {
        // SAFETY: by the caller's promise.
        let written = unsafe { libc::write(file, data, length) };
        if written > 0 || length == 0 {
            return written;
        }
        let reason = io::Error::last_os_error();
        match (written, reason.raw_os_error()) {
            (-1, Some(libc::EINTR)) => return written,
            _ if !is_regular(file) => {
                set_errno(&reason);
                return written;
            }
            (0, _) | (_, Some(libc::ENOSPC | libc::EDQUOT)) => {
                wait.get_or_insert_with(|| Wait::begin(file));
                thread::sleep(PAUSE);
            }
            _ => {
                let path = path(file);
                error!(%path, error = %reason, "the disk refuses a write of the engine; this process ends before anything counts on it");
                // SAFETY: takes a number; nothing of what is half written may go on.
                unsafe { libc::_exit(DISK_FAILED) }
            }
        }
    }
}

/// A write that waits, from its first failure to its end.
struct Wait;

impl Wait {
    fn begin(file: c_int) -> Self {
        WAITED.fetch_add(1, Ordering::Relaxed);
        if WAITING.fetch_add(1, Ordering::Relaxed) == 0 {
            let path = path(file);
            error!(%path, "no space left on the engine's disk; its writes wait until there is some");
        }
        Self
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if WAITING.fetch_sub(1, Ordering::Relaxed) == 1 {
            info!("the engine's writes have found room");
        }
    }
}

/// Whether it is a file that holds data, and not a terminal or a socket.
fn is_regular(file: c_int) -> bool {
    let mut state = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `state` has the size that the call fills, and is read only when it did.
    unsafe {
        libc::fstat(file, state.as_mut_ptr()) == 0
            && state.assume_init().st_mode & libc::S_IFMT == libc::S_IFREG
    }
}

fn path(file: c_int) -> String {
    let link = fs::read_link(format!("/proc/self/fd/{file}"));
    link.map_or_else(|_| format!("file {file}"), |path| path.display().to_string())
}

/// Puts back what the engine asks for after a call that failed.
fn set_errno(error: &io::Error) {
    if let Some(code) = error.raw_os_error() {
        // SAFETY: the thread's own place for it.
        unsafe { *libc::__errno_location() = code }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;

    use super::*;

    fn give(file: &File, data: &[u8]) -> (isize, Option<i32>) {
        // SAFETY: the bytes are there.
        let written = unsafe { write(file.as_raw_fd(), data.as_ptr().cast(), data.len()) };
        (written, io::Error::last_os_error().raw_os_error())
    }

    #[test]
    fn what_is_written_is_in_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(give(file.as_file(), b"abc").0, 3);
        assert_eq!(give(file.as_file(), b"").0, 0);
        let mut text = String::new();
        File::open(file.path())
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "abc");
    }

    /// Whoever writes to something else than a file is told, as by the system.
    #[test]
    fn a_device_that_is_full_holds_nobody_up() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(give(&full, b"abc"), (-1, Some(libc::ENOSPC)));
        assert_eq!(waiting(), 0);
    }
}
