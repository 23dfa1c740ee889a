//! Descriptors that this process inherited.

use std::io;

use rustix::stdio;

/// Closes all descriptors except for the standard streams. Called before anything else opens a descriptor.
pub(in crate::worker) fn close_others() -> io::Result<()> {
    let first: libc::c_long = libc::c_long::from(stdio::raw_stderr()) + 1;
    let (last, flags): (libc::c_long, libc::c_long) = (libc::c_long::from(u32::MAX), 0);
    // SAFETY: no code in this process owns a descriptor yet, except for the standard streams.
    match unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
