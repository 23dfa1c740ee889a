//! Copies of this process, including its memory.

use std::io;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// The process that continues: the original or the copy.
pub(in crate::worker) enum Forked {
    Original { copy: Pid },
    Copy,
}

/// Makes a copy that is a child of this process's parent. The parent gives it work, so it has to learn of its end, and
/// the copy ends with the parent. Called while there is one thread, because a copy has only that one.
pub(in crate::worker) fn fork() -> io::Result<Forked> {
    let parent = getppid();
    match copy()? {
        Some(copy) => Ok(Forked::Original { copy }),
        None => {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have ended before that.
            if getppid() == parent {
                Ok(Forked::Copy)
            } else {
                end()
            }
        }
    }
}

/// Returns `None` in the copy. It is `fork` of the C library without the parts for further threads, and with the
/// caller's parent as the copy's parent.
fn copy() -> io::Result<Option<Pid>> {
    let none: libc::c_long = 0;
    // SAFETY: the child continues with its own copy of this stack, as after `fork`. This process has one thread (see
    // `fork`), so no lock is held by a thread that the copy lacks. The C library keeps the original's thread id in the
    // copy. It compares the id only with itself, because a copy never has a second thread.
    match unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_PARENT, none, none, none, none) } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(i32::try_from(pid).ok().and_then(Pid::from_raw)),
    }
}

/// Ends the copy without the original's cleanup.
fn end() -> ! {
    // SAFETY: takes a number and does not return.
    unsafe { libc::_exit(1) }
}
