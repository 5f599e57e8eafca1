//! Threads that stay on one core.

use std::io;
use std::mem;

/// Most cores that can be named.
pub const CORES_MAX: usize = libc::CPU_SETSIZE as usize;

/// Keeps the calling thread on this core, counted from 0.
///
/// # Errors
/// When there is no such core, or this process may not use it.
pub fn stay_on_core(core: usize) -> io::Result<()> {
    if core >= CORES_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: all-zero is an empty set; `core` is below its size; pointer and length describe it.
    let outcome = unsafe {
        let mut cores: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(core, &mut cores);
        libc::sched_setaffinity(0, size_of_val(&cores), &raw const cores)
    };
    match outcome {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_is_not_there_is_refused() {
        assert!(stay_on_core(CORES_MAX).is_err());
        assert!(stay_on_core(CORES_MAX - 1).is_err());
    }
}
