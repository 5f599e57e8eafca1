//! libchdb's C interface, made safe. The other modules with `unsafe` in them are `imports` and `writes`, which watch what it writes.
//!
//! ```text
//! Library ── connect ──▶ Connection ─┬─ query ─────────▶ Answer             (the whole result)
//!                                    ├─ stream_query ──▶ SelectStream ──▶ Answer, Answer, …
//!                                    └─ stream_insert ─▶ InsertStream ◀── bytes, then finish ──▶ Answer
//! ```
//!
//! Invariant: each handle is freed exactly once, by the `Drop` of its wrapper, and before the handle it came
//! from: streams borrow their connection, connections hold their library.
//! Invariant: one statement at a time on a connection: whatever runs a statement borrows it mutably.
//! Invariant: the library is never unloaded: the engine's threads outlive every handle.
//!
//! Quirks of 26.7.3 that callers must know: after a statement failed, the next stream on the same connection
//! begins with the leftovers of the failed one, so a connection that failed is not to be used again; a
//! `SelectStream` repeats the format's head and tail with every block; and the engine's last words on a refused
//! path go to the standard error.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use crate::error::EmbeddedError;
use crate::exception::Exception;
use crate::{imports, writes};

/// An opaque object of the engine's.
type Handle = *mut c_void;

type Connect = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut Handle;
type CloseConnection = unsafe extern "C" fn(*mut Handle);
/// Statement, format, names, lengths of names, values, lengths of values, count: the same for whole queries,
/// query streams and insert streams.
type Start = unsafe extern "C" fn(
    Handle,
    *const c_char,
    usize,
    *const c_char,
    usize,
    *const *const c_char,
    *const usize,
    *const *const c_char,
    *const usize,
    usize,
) -> Handle;
type Fetch = unsafe extern "C" fn(Handle, Handle) -> Handle;
type Cancel = unsafe extern "C" fn(Handle, Handle);
type Append = unsafe extern "C" fn(Handle, *const c_void, usize) -> c_int;
type HandleToHandle = unsafe extern "C" fn(Handle) -> Handle;
type HandleToNothing = unsafe extern "C" fn(Handle);
type HandleToText = unsafe extern "C" fn(Handle) -> *const c_char;
type HandleToSize = unsafe extern "C" fn(Handle) -> usize;
type HandleToCount = unsafe extern "C" fn(Handle) -> u64;
type SetSignalHandlers = unsafe extern "C" fn(c_int);
type Shutdown = unsafe extern "C" fn() -> c_int;

macro_rules! functions {
    ($($field:ident: $kind:ty = $name:literal,)*) => {
        /// The functions of the C interface that are used here.
        struct Functions { $($field: $kind,)* }

        impl Functions {
            fn resolve(library: &libloading::Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of the chdb.h that belongs to the pinned version of the library;
                // the pointers stay good because the library is never unloaded.
                unsafe { Ok(Self { $($field: *library.get::<$kind>(concat!($name, "\0").as_bytes())?,)* }) }
            }
        }
    };
}

functions! {
    connect: Connect = "chdb_connect",
    close_connection: CloseConnection = "chdb_close_conn",
    query: Start = "chdb_query_with_params_n",
    stream_query: Start = "chdb_stream_query_with_params_n",
    stream_fetch: Fetch = "chdb_stream_fetch_result",
    stream_cancel: Cancel = "chdb_stream_cancel_query",
    stream_insert: Start = "chdb_stream_insert_with_params_n",
    insert_append: Append = "chdb_stream_append",
    insert_done: HandleToHandle = "chdb_stream_done",
    insert_error: HandleToText = "chdb_stream_insert_error",
    insert_destroy: HandleToNothing = "chdb_destroy_insert_stream",
    result_buffer: HandleToText = "chdb_result_buffer",
    result_length: HandleToSize = "chdb_result_length",
    result_error: HandleToText = "chdb_result_error",
    result_rows: HandleToCount = "chdb_result_rows_read",
    storage_rows: HandleToCount = "chdb_result_storage_rows_read",
    storage_bytes: HandleToCount = "chdb_result_storage_bytes_read",
    rows_written: HandleToCount = "chdb_result_rows_written",
    bytes_written: HandleToCount = "chdb_result_bytes_written",
    result_destroy: HandleToNothing = "chdb_destroy_query_result",
    set_signal_handlers: SetSignalHandlers = "chdb_set_signal_handlers_enabled",
    shutdown: Shutdown = "chdb_shutdown",
}

/// The engine's code, loaded.
pub(crate) struct Library {
    functions: Functions,
}

impl Library {
    /// Loads the engine, watches its writes, and tells it to leave the process's signal handlers alone.
    pub(crate) fn load(path: &Path) -> Result<Arc<Self>, EmbeddedError> {
        let unusable = |source| EmbeddedError::LibraryUnusable {
            path: path.to_owned(),
            source,
        };
        // SAFETY: running the initialisers of the library is what loading it is for; it is the engine's
        // published binary, pinned by the checksum in package-lock.json.
        let library = unsafe { libloading::Library::new(path) }.map_err(unusable)?;
        let functions = Functions::resolve(&library).map_err(unusable)?;
        // Its threads run until the process ends, so its code must stay mapped until then.
        std::mem::forget(library);
        let within: *const c_void = (functions.connect as *const ()).cast();
        let watched: *const c_void = (writes::write as *const ()).cast();
        // SAFETY: ours does what write(2) does, with the same arguments; nothing has been asked of the library yet.
        let slots = unsafe { imports::redirect(within, c"write", watched) };
        let unwatched = |reason: String| EmbeddedError::Unwatched {
            path: path.to_owned(),
            reason,
        };
        if slots.map_err(|error| unwatched(error.to_string()))? == 0 {
            let reason = "it does not import write(2) in a way that is known here";
            return Err(unwatched(reason.to_owned()));
        }
        // SAFETY: takes a number, and is meant to be called before the first connection.
        unsafe { (functions.set_signal_handlers)(0) };
        Ok(Arc::new(Self { functions }))
    }

    /// Opens a connection, or tells by `None` that the engine refuses.
    ///
    /// The first one boots the engine on `--path`; later ones join it and must name the same path.
    pub(crate) fn connect(self: &Arc<Self>, arguments: &[CString]) -> Option<Connection> {
        let mut pointers: Vec<*mut c_char> = arguments.iter().map(|text| text.as_ptr().cast_mut()).collect();
        let count = c_int::try_from(pointers.len()).ok()?;
        // SAFETY: `pointers` holds `count` NUL-terminated texts that outlive the call; the engine only reads them.
        let connection = unsafe { (self.functions.connect)(count, pointers.as_mut_ptr()) };
        Some(Connection {
            library: Arc::clone(self),
            connection: NonNull::new(connection)?,
        })
    }

    /// Stops the engine's threads; every connection must be closed before. Says whether it did; 26.7.3 says no
    /// once any statement has run, though all connections are closed.
    ///
    /// There is no way back: afterwards this process cannot connect again.
    pub(crate) fn shutdown(&self) -> bool {
        // SAFETY: takes nothing, and refuses by itself while a connection is open.
        unsafe { (self.functions.shutdown)() == 0 }
    }

    /// Takes ownership of a result handle.
    fn answer(self: &Arc<Self>, handle: Handle) -> Result<Answer, Exception> {
        let handle =
            NonNull::new(handle).ok_or_else(|| Exception::from_engine("the engine returned nothing"))?;
        let answer = Answer {
            library: Arc::clone(self),
            handle,
        };
        match answer.error() {
            Some(exception) => Err(exception),
            None => Ok(answer),
        }
    }
}

/// Copies a text of the engine's; `None` if it is null.
///
/// # Safety
/// `text` is null or points to a NUL-terminated text that stays for the call.
unsafe fn text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and NUL-terminated by the caller's promise.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// Named values for the `{name:Type}` places of a statement, each in TabSeparated's escaped form.
pub(crate) type Parameters = [(String, String)];

/// A session of the engine's: its settings, its current database, its temporary tables.
pub(crate) struct Connection {
    library: Arc<Library>,
    /// What `chdb_connect` returned: a pointer to the handle that everything else wants.
    connection: NonNull<Handle>,
}

// SAFETY: the engine binds a connection to no thread (each call attaches the calling thread by itself), and
// every method here wants the connection for itself alone.
unsafe impl Send for Connection {}

impl Connection {
    fn handle(&self) -> Handle {
        // SAFETY: the engine keeps the place this points to until `close_connection`, which only `drop` calls.
        unsafe { *self.connection.as_ptr() }
    }

    fn start(&mut self, function: Start, statement: &[u8], format: &str, parameters: &Parameters) -> Handle {
        let names: Vec<*const c_char> = parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect();
        let name_lengths: Vec<usize> = parameters.iter().map(|(name, _)| name.len()).collect();
        let values: Vec<*const c_char> = parameters
            .iter()
            .map(|(_, value)| value.as_ptr().cast())
            .collect();
        let value_lengths: Vec<usize> = parameters.iter().map(|(_, value)| value.len()).collect();
        // SAFETY: each pointer goes with its length, all four arrays have `parameters.len()` places, and
        // everything outlives the call, which copies what it keeps.
        unsafe {
            function(
                self.handle(),
                statement.as_ptr().cast(),
                statement.len(),
                format.as_ptr().cast(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                values.as_ptr(),
                value_lengths.as_ptr(),
                parameters.len(),
            )
        }
    }

    /// Runs a statement and holds its whole result.
    pub(crate) fn query(
        &mut self,
        statement: &[u8],
        format: &str,
        parameters: &Parameters,
    ) -> Result<Answer, Exception> {
        let handle = self.start(self.library.functions.query, statement, format, parameters);
        self.library.answer(handle)
    }

    /// Starts a `SELECT` whose result comes block by block.
    pub(crate) fn stream_query(
        &mut self,
        statement: &[u8],
        format: &str,
        parameters: &Parameters,
    ) -> Result<SelectStream<'_>, Exception> {
        let handle = self.start(self.library.functions.stream_query, statement, format, parameters);
        let stream = self.library.answer(handle)?;
        Ok(SelectStream {
            connection: self,
            stream,
            ended: false,
        })
    }

    /// Starts an `INSERT` that has neither `FORMAT` nor data; they come by the stream.
    pub(crate) fn stream_insert(
        &mut self,
        statement: &[u8],
        format: &str,
        parameters: &Parameters,
    ) -> Result<InsertStream<'_>, Exception> {
        let handle = self.start(
            self.library.functions.stream_insert,
            statement,
            format,
            parameters,
        );
        let handle =
            NonNull::new(handle).ok_or_else(|| Exception::from_engine("the engine returned nothing"))?;
        let stream = InsertStream {
            connection: self,
            handle,
        };
        match stream.error() {
            Some(exception) => Err(exception),
            None => Ok(stream),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by `connect`, closed here and nowhere else; what ran on it borrowed it and is gone.
        unsafe { (self.library.functions.close_connection)(self.connection.as_ptr()) }
    }
}

/// A result, or a block of one.
pub(crate) struct Answer {
    library: Arc<Library>,
    handle: NonNull<c_void>,
}

impl Answer {
    fn count(&self, function: HandleToCount) -> u64 {
        // SAFETY: the handle is a live result, and the function only reads a number from it.
        unsafe { function(self.handle.as_ptr()) }
    }

    fn error(&self) -> Option<Exception> {
        // SAFETY: the handle is a live result; the text belongs to it and is copied at once.
        let message = unsafe { text((self.library.functions.result_error)(self.handle.as_ptr())) }?;
        Some(Exception::from_engine(&message))
    }

    /// The formatted bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: both only read from a live result.
        let (buffer, length) = unsafe {
            let functions = &self.library.functions;
            (
                (functions.result_buffer)(self.handle.as_ptr()),
                (functions.result_length)(self.handle.as_ptr()),
            )
        };
        if buffer.is_null() || length == 0 {
            return &[];
        }
        // SAFETY: the engine keeps `length` bytes at `buffer` for as long as the result lives, which this
        // borrow does not outlive, and nothing writes to them.
        unsafe { std::slice::from_raw_parts(buffer.cast(), length) }
    }

    /// What it took and gave.
    pub(crate) fn progress(&self) -> Progress {
        let functions = &self.library.functions;
        Progress {
            read_rows: self.count(functions.storage_rows),
            read_bytes: self.count(functions.storage_bytes),
            written_rows: self.count(functions.rows_written),
            written_bytes: self.count(functions.bytes_written),
            result_rows: self.count(functions.result_rows),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: the handle came from the engine as ours to free, and is freed here only.
        unsafe { (self.library.functions.result_destroy)(self.handle.as_ptr()) }
    }
}

/// Counts of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) read_rows: u64,
    pub(crate) read_bytes: u64,
    pub(crate) written_rows: u64,
    pub(crate) written_bytes: u64,
    pub(crate) result_rows: u64,
}

impl Progress {
    /// Adds those of the next block.
    pub(crate) fn add(&mut self, other: Self) {
        self.read_rows = self.read_rows.saturating_add(other.read_rows);
        self.read_bytes = self.read_bytes.saturating_add(other.read_bytes);
        self.written_rows = self.written_rows.saturating_add(other.written_rows);
        self.written_bytes = self.written_bytes.saturating_add(other.written_bytes);
        self.result_rows = self.result_rows.saturating_add(other.result_rows);
    }
}

/// A `SELECT` under way; dropped before its end, it is cancelled.
pub(crate) struct SelectStream<'connection> {
    connection: &'connection mut Connection,
    stream: Answer,
    ended: bool,
}

impl SelectStream<'_> {
    /// The next block, or `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Answer>, Exception> {
        if self.ended {
            return Ok(None);
        }
        let library = &self.connection.library;
        // SAFETY: connection and stream are live and belong together; `&mut self` keeps others away.
        let block = unsafe {
            (library.functions.stream_fetch)(self.connection.handle(), self.stream.handle.as_ptr())
        };
        let block = library.answer(block);
        self.ended = !matches!(&block, Ok(answer) if !answer.bytes().is_empty());
        Ok(Some(block?).filter(|_| !self.ended))
    }
}

impl Drop for SelectStream<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let cancel = self.connection.library.functions.stream_cancel;
            // SAFETY: connection and stream are live and belong together; the stream is freed after this.
            unsafe { cancel(self.connection.handle(), self.stream.handle.as_ptr()) }
        }
    }
}

/// An `INSERT` under way; dropped without [`finish`](Self::finish), it is cancelled, and only blocks that were
/// already full (a million rows or 256 MB) stay.
pub(crate) struct InsertStream<'connection> {
    connection: &'connection mut Connection,
    handle: NonNull<c_void>,
}

impl InsertStream<'_> {
    fn error(&self) -> Option<Exception> {
        // SAFETY: the handle is a live insert stream; the text belongs to it and is copied at once.
        let message = unsafe {
            text((self.connection.library.functions.insert_error)(
                self.handle.as_ptr(),
            ))
        }?;
        Some(Exception::from_engine(&message))
    }

    /// Gives the engine more bytes of the format; waits while it is busy. Says whether it still wants any: if
    /// not, [`finish`](Self::finish) has the reason.
    pub(crate) fn append(&mut self, data: &[u8]) -> bool {
        let append = self.connection.library.functions.insert_append;
        let pointer = if data.is_empty() {
            ptr::null()
        } else {
            data.as_ptr()
        };
        // SAFETY: the handle is a live insert stream; the engine copies the `data.len()` bytes.
        unsafe { append(self.handle.as_ptr(), pointer.cast(), data.len()) == 0 }
    }

    /// Ends the data and waits until all of it is in parts on disk.
    pub(crate) fn finish(self) -> Result<Progress, Exception> {
        let library = &self.connection.library;
        // SAFETY: the handle is a live insert stream; `self` is dropped right after, so nothing follows.
        let result = unsafe { (library.functions.insert_done)(self.handle.as_ptr()) };
        library.answer(result).map(|answer| answer.progress())
    }
}

impl Drop for InsertStream<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle came from the engine as ours to free (even when it carries an error), and is freed
        // here only; unfinished, the engine cancels it first.
        unsafe { (self.connection.library.functions.insert_destroy)(self.handle.as_ptr()) }
    }
}
