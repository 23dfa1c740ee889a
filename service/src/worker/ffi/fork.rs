//! A copy of this process, memory and all.

use std::io::{self, Read, Write};

use rustix::process::{Pid, WaitOptions, getpid, getppid, waitpid};

/// Which of the two processes this is now.
pub(in crate::worker) enum Forked {
    Original {
        copy: Pid,
    },
    /// Its parent is the original's parent, which adopts what its children leave behind.
    Copy,
}

/// Forks twice, so that the copy is not this process's child: who gave it work has to learn how it ended. To be called
/// while there is one thread, which is all that a copy has.
pub(in crate::worker) fn fork() -> io::Result<Forked> {
    let parent = getppid();
    let (mut reader, mut writer) = io::pipe()?;
    match copy()? {
        Some(between) => {
            drop(writer);
            waitpid(Some(between), WaitOptions::empty())?;
            let mut pid = [0; 4];
            reader.read_exact(&mut pid)?;
            let copy = Pid::from_raw(i32::from_le_bytes(pid));
            let copy = copy.ok_or_else(|| io::Error::other("a worker without a process"))?;
            Ok(Forked::Original { copy })
        }
        None => {
            let between = Some(getpid());
            match copy() {
                Ok(None) => {
                    // Not before it is adopted is its parent the one that it has to end with.
                    while getppid() == between {
                        std::thread::yield_now();
                    }
                    if getppid() == parent {
                        Ok(Forked::Copy)
                    } else {
                        end(true)
                    }
                }
                Ok(Some(pid)) => {
                    let told = writer.write_all(&pid.as_raw_pid().to_le_bytes());
                    end(told.is_err())
                }
                Err(_) => end(true),
            }
        }
    }
}

/// `None` in the copy.
fn copy() -> io::Result<Option<Pid>> {
    // SAFETY: this process has one thread (see `fork`), so no lock is held by one that the copy lacks.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// Without what the original has to do at its end.
fn end(failed: bool) -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(i32::from(failed)) }
}
