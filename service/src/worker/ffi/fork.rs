//! A copy of this process, memory and all.

use std::io;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// Which of the two processes this is now.
pub(in crate::worker) enum Forked {
    Original { copy: Pid },
    Copy,
}

/// Makes a copy that is a child of this process's parent: who gave it work has to learn how it ended, and it ends with
/// that one. To be called while there is one thread, which is all that a copy has.
pub(in crate::worker) fn fork() -> io::Result<Forked> {
    let parent = getppid();
    match copy()? {
        Some(copy) => Ok(Forked::Original { copy }),
        None => {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // It may have ended before that.
            if getppid() == parent {
                Ok(Forked::Copy)
            } else {
                end()
            }
        }
    }
}

/// `None` in the copy. As `fork` of the C library, without what that does for further threads, and with the caller's parent.
fn copy() -> io::Result<Option<Pid>> {
    let none: libc::c_long = 0;
    // SAFETY: the child goes on with its own copy of this stack, as after `fork`; this process has one thread (see `fork`), so
    // no lock is held by one that the copy lacks. The C library keeps the original's thread id in the copy, which it
    // compares with itself alone, as a copy never has a second thread.
    match unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_PARENT, none, none, none, none) } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(i32::try_from(pid).ok().and_then(Pid::from_raw)),
    }
}

/// Without what the original has to do at its end.
fn end() -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(1) }
}
