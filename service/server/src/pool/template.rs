//! Source of workers: one process that has loaded everything and makes copies of itself. This is the only place where
//! the service starts a program.
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

/// Environment variables that workers inherit: places of libraries and language data.
const PASSED_ON: [&str; 3] = ["TESSDATA_PREFIX", "LD_LIBRARY_PATH", "RUST_BACKTRACE"];
/// Time limit for loading the models, which takes 0.3 s on an idle machine.
const LOADING: Duration = Duration::from_secs(20);
/// Time limit for a copy once they are loaded. A copy takes milliseconds.
const COPYING: Duration = Duration::from_secs(5);

/// The running template. Dropping it ends it, but no worker.
#[derive(Debug)]
pub(super) struct Template {
    process: Child,
    control: UnixStream,
    generation: u64,
    /// True once it has made a copy.
    loaded: bool,
    /// Combinations of languages that it was asked to load.
    languages: usize,
}

/// Reason for which there is no copy.
#[derive(Debug)]
pub(super) enum NoCopy {
    /// The template has ended or hangs.
    Template(String),
    /// This copy failed; the next one may succeed.
    Worker(String),
}

impl Template {
    /// Starts a template. The caller counts the generations.
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
            .arg("--second-pass-lines")
            .arg(worker.second_pass_lines.to_string())
            .args(
                worker
                    .pp_ocr
                    .iter()
                    .flat_map(|path| [OsStr::new("--pp-ocr"), path.as_os_str()]),
            )
            .env_clear()
            .envs(
                PASSED_ON
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            // Large pages for the heap, where the kernel has them. Making and ending a copy then takes a fifth of the
            // work.
            .env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
            // With OpenMP's threads, a page took 5.7 times as long. OpenMP reads this when it is loaded.
            .env("OMP_THREAD_LIMIT", "1")
            // Of ONNX Runtime, which would start a thread and look for the network.
            .env("ORT_DISABLE_TELEMETRY", "1")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C goes to the service, which lets its workers finish.
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

    /// Number of the template.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Makes a copy, which is a child of this process. `languages` are combinations to load for later copies, one with
    /// each call. After [`NoCopy::Template`], the template can't be used any more.
    pub(super) async fn copy(&mut self, languages: &[String]) -> Result<Process, NoCopy> {
        let limit = if self.loaded { COPYING } else { LOADING };
        let (socket, pid) = match timeout(limit, self.try_copy(languages)).await {
            Ok(Ok(made)) => made,
            Ok(Err(error)) => return Err(NoCopy::Template(error.to_string())),
            Err(_) => {
                return Err(NoCopy::Template(format!(
                    "it was not ready within {} s",
                    limit.as_secs()
                )));
            }
        };
        self.loaded = true;
        let pid = pid.ok_or_else(|| {
            NoCopy::Worker("the template can't fork; its error output is in the log".to_owned())
        })?;
        Process::new(pid, socket, self.generation)
            .map_err(|error| NoCopy::Worker(error.to_string()))
    }

    /// The socket to the copy, and its process id if there is a copy.
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
            .write_all(&ocr_protocol::frame(&learn, ocr_protocol::MAX_REQUEST)?)
            .await?;
        let mut pid = [0; 4];
        self.control.read_exact(&mut pid).await?;
        let pid = Pid::from_raw(i32::from_le_bytes(pid));
        if let Some(pid) = pid {
            tokio::spawn(complaints::log(stderr, pid.as_raw_pid().unsigned_abs()));
        }
        Ok((ours, pid))
    }

    /// Exit status of a template that has ended, which explains more than its missing answer.
    pub(super) async fn end(mut self, error: &str) -> String {
        let status = match timeout(COPYING, self.process.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            _ => error.to_owned(),
        };
        format!("it ended before it was ready ({status}); its error output is in the log")
    }
}

/// A socket for this process, and its other end for a process that uses blocking I/O.
fn pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}
