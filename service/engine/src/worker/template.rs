//! The process that workers are copies of. It has loaded libraries, models and language data, and never sees a
//! document. A worker is ready as soon as a copy has entered its sandbox. All copies share the memory of the loaded
//! data.

use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Signal, set_parent_process_death_signal};

use super::ffi::descriptors::close_others;
use super::ffi::fork::{Forked, fork};
use super::ffi::heap;
use super::receive_message;

/// Names in `ps`.
const NAME: &std::ffi::CStr = c"ocr-template";
const WORKER_NAME: &std::ffi::CStr = c"ocr-worker";

/// Ends the template together with the service, because a service that was killed can't end its template.
pub(super) fn end_with_the_service() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Closes descriptors inherited from the service, except for the standard streams. Workers must not have them.
pub(super) fn close_inherited_descriptors() {
    if let Err(error) = close_others() {
        // Linux before 5.9, or a container's filter of system calls.
        let _ = writeln!(io::stderr(), "inherited descriptors stay open: {error}");
    }
}

/// Makes a copy for each pair of descriptors that arrives: the socket to the service, and standard error. With them
/// come languages of earlier documents, joined in Tesseract's syntax; `learn` loads them for this copy and later ones.
/// Answers with the copy's process id, or 0 if there is none. Returns the socket in the copy. Returns `None` in the
/// template when the service has closed its end.
pub(super) fn copies(
    mut control: UnixStream,
    mut learn: impl FnMut(&str),
) -> io::Result<Option<UnixStream>> {
    rustix::thread::set_name(NAME)?;
    heap::settle();
    while let Some([socket, stderr]) = receive(&control)? {
        let languages: String = receive_message(&mut control)?;
        if !languages.is_empty() {
            learn(&languages);
            heap::settle();
        }
        match fork() {
            Ok(Forked::Original { copy }) => {
                (&control).write_all(&copy.as_raw_pid().to_le_bytes())?;
            }
            Err(error) => {
                let _ = writeln!(io::stderr(), "can't fork: {error}");
                (&control).write_all(&0i32.to_le_bytes())?;
            }
            Ok(Forked::Copy) => {
                drop(control);
                rustix::thread::set_name(WORKER_NAME)?;
                // Replaces the template's socket, which a worker must not hold.
                rustix::stdio::dup2_stdin(&socket)?;
                rustix::stdio::dup2_stderr(&stderr)?;
                return Ok(Some(UnixStream::from(socket)));
            }
        }
    }
    Ok(None)
}

/// Returns `None` when the service has closed its end.
fn receive(control: &UnixStream) -> io::Result<Option<[OwnedFd; 2]>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        control,
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let descriptors: Vec<OwnedFd> = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    let both = <[OwnedFd; 2]>::try_from(descriptors);
    both.map(Some)
        .map_err(|_| io::Error::other("a request for a worker without its two descriptors"))
}
