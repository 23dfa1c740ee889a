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
use rustix::process::{Pid, set_child_subreaper};
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::{UnixStream, unix::pipe};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::process::Process;
use super::{PoolSettings, complaints};

/// What a worker may know of the service's environment: where libraries and language data are.
const PASSED_ON: [&str; 3] = ["TESSDATA_PREFIX", "LD_LIBRARY_PATH", "RUST_BACKTRACE"];
/// Loading the models takes 0.2 s on an idle machine.
const LOADING: Duration = Duration::from_secs(20);
/// Once they are loaded, a copy is made in milliseconds.
const COPYING: Duration = Duration::from_secs(5);

/// The template, which is started for the first worker, and again should it have ended.
#[derive(Debug, Default)]
pub(super) struct Template {
    running: Mutex<Option<Running>>,
}

/// Dropping it ends it, and no worker.
#[derive(Debug)]
struct Running {
    process: Child,
    control: UnixStream,
}

impl Template {
    /// A new worker, or why there is none.
    pub(super) async fn worker(&self, settings: &PoolSettings) -> Result<Process, String> {
        let mut running = self.running.lock().await;
        // Taken out: what is left half-way, or is of no use, ends.
        if let Some(mut template) = running.take() {
            match timeout(COPYING, template.copy()).await {
                Ok(Ok(worker)) => {
                    *running = Some(template);
                    return Ok(worker);
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the workers' template is of no use any more");
                }
                Err(_) => tracing::warn!("the workers' template does not answer"),
            }
        }
        let mut template = Running::start(settings)
            .map_err(|error| format!("can't start {}: {error}", settings.program.display()))?;
        match timeout(LOADING, template.copy()).await {
            Ok(Ok(worker)) => {
                *running = Some(template);
                Ok(worker)
            }
            Ok(Err(error)) => {
                let status = timeout(COPYING, template.process.wait()).await;
                let status = match status {
                    Ok(Ok(status)) => status.to_string(),
                    _ => error.to_string(),
                };
                Err(format!(
                    "it ended before it was ready ({status}); its complaint is in the log"
                ))
            }
            Err(_) => Err(format!("not ready within {} s", LOADING.as_secs())),
        }
    }
}

impl Running {
    fn start(settings: &PoolSettings) -> io::Result<Self> {
        // Workers are its children's children, left behind by a parent that has ended.
        set_child_subreaper(Some(rustix::process::getpid()))?;
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
            // With OpenMP's threads, a page took 5.7 times as long; it reads this when it is loaded.
            .env("OMP_THREAD_LIMIT", "1")
            // The second recognizer's, likewise: the other cores have workers of their own.
            .env("RTEN_NUM_THREADS", "1")
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
        })
    }

    /// Has it make a copy, which is a child of this process. Not to be called again after the future was dropped half-way.
    async fn copy(&mut self) -> io::Result<Process> {
        let (ours, theirs) = pair()?;
        let (reader, writer) = io::pipe()?;
        let stderr = pipe::Receiver::from_owned_fd(reader.into())?;
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
        let mut pid = [0; 4];
        self.control.read_exact(&mut pid).await?;
        let pid = Pid::from_raw(i32::from_le_bytes(pid))
            .ok_or_else(|| io::Error::other("it can't fork; its complaint is in the log"))?;
        tokio::spawn(complaints::log(stderr, pid.as_raw_pid().unsigned_abs()));
        Process::new(pid, ours)
    }
}

/// A socket for this process, and its other end for one that waits at it.
fn pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}
