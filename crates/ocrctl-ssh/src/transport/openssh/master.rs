//! The background `ssh` that holds a connection, and its end.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnosis;
use super::invocation::Invocation;

/// Ends its `ssh` when dropped, channels still open or not, and removes its directory.
pub(super) struct Master {
    ssh: Invocation,
    control: PathBuf,
}

impl Master {
    pub(super) fn new(ssh: Invocation) -> Self {
        let control = ssh.control();
        Self { ssh, control }
    }

    pub(super) fn control(&self) -> &Path {
        &self.control
    }

    /// Returns the last output of `ssh`, such as the reason of a lost connection.
    pub(super) fn last_words(&self) -> String {
        diagnosis::last_words(&self.ssh.read_log())
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        if let Err(error) = terminate(&self.control) {
            // It has ended by itself, or will once it is idle.
            tracing::debug!(%error, "the ssh master could not be told to end");
        }
    }
}

/// Tell a master to end, as `ssh -O exit` does, and wait until it has.
/// Messages are from OpenSSH's PROTOCOL.mux, sections 1 and 4.
fn terminate(control: &Path) -> io::Result<()> {
    const HELLO: u32 = 1;
    const VERSION: u32 = 4;
    const TERMINATE: u32 = 0x1000_0005;
    const REQUEST_ID: u32 = 0;

    let mut socket = UnixStream::connect(control)?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    socket.set_write_timeout(Some(Duration::from_secs(1)))?;
    for [kind, value] in [[HELLO, VERSION], [TERMINATE, REQUEST_ID]] {
        let words = [8, kind, value].map(u32::to_be_bytes);
        socket.write_all(words.as_flattened())?;
    }
    // Its hello, its consent, and then the end of the stream because it is gone.
    io::copy(&mut socket.take(4096), &mut io::sink())?;
    Ok(())
}
