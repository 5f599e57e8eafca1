//! A function that a loaded library imports, taken from elsewhere than it was linked to.
//!
//! ```text
//!  dl_iterate_phdr ──▶ the library's headers ──▶ its relocations ──▶ slots that hold the function's address ◀── another address
//! ```
//! The dynamic linker fills such a slot for each way the library uses the function; most lie where nothing may be written any more.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Relocations that put the address of a symbol into a slot: as data, in the table of globals, in the table of functions.
#[cfg(target_arch = "x86_64")]
const ADDRESSES: [u64; 3] = [1, 6, 7];
#[cfg(target_arch = "aarch64")]
const ADDRESSES: [u64; 3] = [257, 1025, 1026];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ADDRESSES: [u64; 0] = [];

/// Keys of the dynamic section's entries, as the ELF specification numbers them.
mod key {
    pub(super) const NONE: i64 = 0;
    pub(super) const PLT_BYTES: i64 = 2;
    pub(super) const TEXTS: i64 = 5;
    pub(super) const SYMBOLS: i64 = 6;
    pub(super) const RELOCATIONS: i64 = 7;
    pub(super) const RELOCATIONS_BYTES: i64 = 8;
    pub(super) const PLT: i64 = 23;
}

/// An entry of the dynamic section.
#[repr(C)]
struct Entry {
    key: i64,
    value: usize,
}

/// A relocation with an addend.
#[repr(C)]
struct Relocation {
    offset: usize,
    info: u64,
    addend: isize,
}

/// Where a library lies in memory, and its headers.
#[derive(Clone, Copy)]
struct Module {
    base: usize,
    headers: *const libc::Elf64_Phdr,
    count: usize,
}

impl Module {
    /// The library that an address lies in.
    fn around(address: *const c_void) -> Option<Self> {
        let mut search = Search {
            address: address as usize,
            found: None,
        };
        // SAFETY: the callback is given what it expects, and `search` outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(Search::look), ptr::from_mut(&mut search).cast()) };
        search.found
    }

    fn headers(&self) -> &[libc::Elf64_Phdr] {
        // SAFETY: the linker keeps `count` headers there for as long as the library is loaded, which is for ever here.
        unsafe { std::slice::from_raw_parts(self.headers, self.count) }
    }

    fn header(&self, kind: u32) -> Option<&libc::Elf64_Phdr> {
        self.headers().iter().find(|header| header.p_type == kind)
    }

    /// What the dynamic section has under a key.
    fn value(&self, key: i64) -> Option<usize> {
        let mut entry = (self.base + self.header(libc::PT_DYNAMIC)?.p_vaddr as usize) as *const Entry;
        loop {
            // SAFETY: the section is mapped, and ends with an entry of key 0, which is never passed.
            let Entry { key: own, value } = unsafe { entry.read() };
            match own {
                key::NONE => return None,
                own if own == key => return Some(value),
                // SAFETY: not the last one.
                _ => entry = unsafe { entry.add(1) },
            }
        }
    }

    /// What the dynamic section points to; some linkers have made the offset an address, some have not.
    fn address(&self, key: i64) -> Option<usize> {
        let value = self.value(key)?;
        Some(if value < self.base {
            self.base + value
        } else {
            value
        })
    }

    fn relocations(&self, table: i64, bytes: i64) -> &[Relocation] {
        match (self.address(table), self.value(bytes)) {
            // SAFETY: the linker has read this very table of so many bytes, and nobody writes to it.
            (Some(table), Some(bytes)) => unsafe {
                std::slice::from_raw_parts(table as *const Relocation, bytes / size_of::<Relocation>())
            },
            _ => &[],
        }
    }

    /// Whether the linker has made the page of an address readable only, after it had filled it.
    fn is_sealed(&self, address: usize, page: usize) -> bool {
        self.header(libc::PT_GNU_RELRO).is_some_and(|header| {
            let start = self.base + header.p_vaddr as usize;
            let end = start + header.p_memsz as usize;
            (start / page..end / page).contains(&(address / page))
        })
    }
}

struct Search {
    address: usize,
    found: Option<Module>,
}

impl Search {
    unsafe extern "C" fn look(info: *mut libc::dl_phdr_info, _bytes: usize, search: *mut c_void) -> c_int {
        // SAFETY: the linker gives its own live `info`, and `search` is the one given to `dl_iterate_phdr`.
        let (info, search) = unsafe { (&*info, &mut *search.cast::<Self>()) };
        let module = Module {
            base: info.dlpi_addr as usize,
            headers: info.dlpi_phdr,
            count: usize::from(info.dlpi_phnum),
        };
        let is_it = !module.headers.is_null()
            && module.headers().iter().any(|header| {
                let start = module.base + header.p_vaddr as usize;
                header.p_type == libc::PT_LOAD
                    && (start..start + header.p_memsz as usize).contains(&search.address)
            });
        if is_it {
            search.found = Some(module);
        }
        c_int::from(is_it)
    }
}

/// Makes the library that `within` lies in call `to` wherever it calls the function `name` of another library; gives the number of slots
/// that were changed.
///
/// # Safety
/// `to` is a function like the one it takes the place of, and no other thread runs code of the library yet. The library is never
/// unloaded.
///
/// # Errors
/// The system's, if a page cannot be made writable.
pub(crate) unsafe fn redirect(within: *const c_void, name: &CStr, to: *const c_void) -> io::Result<usize> {
    let Some(module) = Module::around(within) else {
        return Ok(0);
    };
    let (Some(symbols), Some(texts)) = (module.address(key::SYMBOLS), module.address(key::TEXTS)) else {
        return Ok(0);
    };
    let is_it = |relocation: &Relocation| {
        let (kind, symbol) = (relocation.info & 0xffff_ffff, (relocation.info >> 32) as usize);
        if symbol == 0 || !ADDRESSES.contains(&kind) {
            return false;
        }
        // SAFETY: the linker has resolved this relocation by the same tables: the symbol is in them, and its name ends with a NUL.
        let own = unsafe {
            let symbol = &*(symbols as *const libc::Elf64_Sym).add(symbol);
            CStr::from_ptr((texts as *const c_char).add(symbol.st_name as usize))
        };
        own == name
    };
    // SAFETY: takes a number.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) })
        .map_err(|_| io::Error::last_os_error())?;
    let tables = [
        module.relocations(key::RELOCATIONS, key::RELOCATIONS_BYTES),
        module.relocations(key::PLT, key::PLT_BYTES),
    ];
    let mut changed = 0;
    for relocation in tables
        .into_iter()
        .flatten()
        .filter(|relocation| is_it(relocation))
    {
        let slot = module.base + relocation.offset;
        let sealed = module.is_sealed(slot, page);
        let protect = |protection| {
            let start = (slot - slot % page) as *mut c_void;
            // SAFETY: one page of the library's own data, which stays readable all the while.
            match unsafe { libc::mprotect(start, page, protection) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        if sealed {
            protect(libc::PROT_READ | libc::PROT_WRITE)?;
        }
        // SAFETY: the slot is an aligned pointer of the library's, writable now, which only calls of the function read.
        let place = unsafe { AtomicPtr::from_ptr(slot as *mut *mut c_void) };
        place.store(
            to.cast_mut().wrapping_byte_offset(relocation.addend),
            Ordering::Release,
        );
        if sealed {
            protect(libc::PROT_READ)?;
        }
        changed += 1;
    }
    Ok(changed)
}
