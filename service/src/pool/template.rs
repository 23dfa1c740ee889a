//! Where workers come from: one process that has loaded everything, and makes copies of itself. The only place of the
//! service that starts a program.
#![allow(
    clippy::disallowed_methods,
    reason = "this module owns starting workers: environment, process group, standard streams"
)]

use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::Stdio;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{UnixStream, unix::pipe};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::process::Process;
use super::{PoolSettings, complaints};
use crate::protocol;

/// What a worker may know of the service's environment: where libraries and language data are.
const PASSED_ON: [&str; 3] = ["TESSDATA_PREFIX", "LD_LIBRARY_PATH", "RUST_BACKTRACE"];
/// Bytes: more than there are addresses.
const NO_STACK: &str = "1152921504606846976";
/// Loading the models takes 0.3 s on an idle machine.
const LOADING: Duration = Duration::from_secs(20);
/// Once they are loaded, a copy is made in milliseconds.
const COPYING: Duration = Duration::from_secs(5);

/// The running template. Dropping it ends it, and no worker.
#[derive(Debug)]
pub(super) struct Template {
    process: Child,
    control: UnixStream,
    generation: u64,
    /// Whether it has made a copy.
    loaded: bool,
    /// Combinations of languages that it was asked to load.
    languages: usize,
}

/// Why there is no copy.
#[derive(Debug)]
pub(super) enum NoCopy {
    /// The template has ended or hangs.
    Template(String),
    /// There is none this time.
    Worker(String),
}

impl Template {
    /// Starts one. Which one it is, is counted by the caller.
    pub(super) fn start(settings: &PoolSettings, generation: u64) -> io::Result<Self> {
        let (ours, theirs) = pair()?;
        let worker = &settings.worker;
        let mut command = Command::new(&settings.program);
        command
            .arg("worker")
            .arg("--languages")
            .arg(worker.languages.join(","))
            .arg("--pdfium")
            .arg(&worker.pdfium)
            .arg("--max-pixels")
            .arg(worker.max_pixels.to_string())
            .arg("--second-looks")
            .arg(worker.second_looks.to_string())
            .args(
                worker
                    .line_model
                    .iter()
                    .flat_map(|path| [OsStr::new("--line-model"), path.as_os_str()]),
            )
            .env_clear()
            .envs(
                PASSED_ON
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            // Large pages for the heap, where the kernel has them: a copy is made and ends with a fifth of the work.
            .env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
            // With OpenMP's threads, a page took 5.7 times as long; it reads this when it is loaded.
            .env("OMP_THREAD_LIMIT", "1")
            // The second recognizer's, likewise: the other cores have workers of their own.
            .env("RTEN_NUM_THREADS", "1")
            // And no room for the stack of even that one, so that it is not started: what is copied has to be one thread.
            .env("RUST_MIN_STACK", NO_STACK)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C is for the service, which lets its workers finish.
            .process_group(0)
            .kill_on_drop(true);
        let mut process = command.spawn()?;
        if let Some(stderr) = process.stderr.take() {
            tokio::spawn(complaints::log(stderr, process.id().unwrap_or_default()));
        }
        Ok(Self {
            process,
            control: ours,
            generation,
            loaded: false,
            languages: 0,
        })
    }

    /// Which template it is.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Has it make a copy, which is a child of this process. `languages`: combinations that it is to load for later copies, one
    /// each time. Of no further use after [`NoCopy::Template`].
    pub(super) async fn copy(&mut self, languages: &[String]) -> Result<Process, NoCopy> {
        let limit = if self.loaded { COPYING } else { LOADING };
        let (socket, pid) = match timeout(limit, self.try_copy(languages)).await {
            Ok(Ok(made)) => made,
            Ok(Err(error)) => return Err(NoCopy::Template(error.to_string())),
            Err(_) => {
                return Err(NoCopy::Template(format!(
                    "not ready within {} s",
                    limit.as_secs()
                )));
            }
        };
        self.loaded = true;
        let pid = pid.ok_or_else(|| {
            NoCopy::Worker("the template can't fork; its complaint is in the log".to_owned())
        })?;
        Process::new(pid, socket, self.generation)
            .map_err(|error| NoCopy::Worker(error.to_string()))
    }

    /// The socket to the copy and its process id, if there is one.
    async fn try_copy(&mut self, languages: &[String]) -> io::Result<(UnixStream, Option<Pid>)> {
        let (ours, theirs) = pair()?;
        let (reader, writer) = io::pipe()?;
        let stderr = pipe::Receiver::from_owned_fd(reader.into())?;
        let learn = languages.get(self.languages).map_or("", String::as_str);
        self.languages += usize::from(!learn.is_empty());
        let control = &self.control;
        control
            .async_io(Interest::WRITABLE, || {
                let descriptors = [theirs.as_fd(), writer.as_fd()];
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
                let mut ancillary = SendAncillaryBuffer::new(&mut space);
                ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
                sendmsg(
                    control,
                    &[IoSlice::new(&[0])],
                    &mut ancillary,
                    SendFlags::NOSIGNAL,
                )?;
                Ok(())
            })
            .await?;
        drop((theirs, writer));
        self.control
            .write_all(&protocol::frame(&learn, protocol::MAX_REQUEST)?)
            .await?;
        let mut pid = [0; 4];
        self.control.read_exact(&mut pid).await?;
        let pid = Pid::from_raw(i32::from_le_bytes(pid));
        if let Some(pid) = pid {
            tokio::spawn(complaints::log(stderr, pid.as_raw_pid().unsigned_abs()));
        }
        Ok((ours, pid))
    }

    /// How it ended, for one that has: better than why it does not answer.
    pub(super) async fn end(mut self, error: &str) -> String {
        let status = match timeout(COPYING, self.process.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            _ => error.to_owned(),
        };
        format!("it ended before it was ready ({status}); its complaint is in the log")
    }
}

/// A socket for this process, and its other end for one that waits at it.
fn pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}
