//! Descriptors that this process was started with.

use std::io;

use rustix::stdio;

/// Closes whatever is open beyond the standard streams. To be called before anything else has opened something.
pub(in crate::worker) fn close_others() -> io::Result<()> {
    let first: libc::c_long = libc::c_long::from(stdio::raw_stderr()) + 1;
    let (last, flags): (libc::c_long, libc::c_long) = (libc::c_long::from(u32::MAX), 0);
    // SAFETY: nothing in this process owns a descriptor yet that is not a standard stream.
    match unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
