//! One worker process and the socket to it. The only place of the service that starts a program.
#![allow(
    clippy::disallowed_methods,
    reason = "this module owns starting workers: environment, process group, standard streams"
)]

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::{ExitStatus, Stdio};
use std::{fs, io};

use bytes::Bytes;
use ocr_api::health::Engine;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, Command};

use super::PoolSettings;
use super::job::Errand;
use crate::protocol::{self, Incoming, Reply, Request};

/// What a worker may know of the service's environment: where libraries and language data are.
const PASSED_ON: [&str; 3] = ["TESSDATA_PREFIX", "LD_LIBRARY_PATH", "RUST_BACKTRACE"];
/// A line of a library's complaint that is longer says no more.
const MAX_LOGGED_LINE: u64 = 400;

/// A running worker. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    socket: UnixStream,
    /// The document that it has at hand.
    document: Option<u64>,
}

impl Process {
    /// Starts a worker. It is of use after [`Process::ready`].
    pub(super) fn spawn(settings: &PoolSettings) -> io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
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
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C is for the service, which lets its workers finish.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let pid = child.id().unwrap_or_default();
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(log_lines(stderr, pid));
        }
        Ok(Self {
            child,
            socket: UnixStream::from_std(ours)?,
            document: None,
        })
    }

    /// Waits for the worker's word that it has read its sample.
    pub(super) async fn ready(&mut self) -> io::Result<Engine> {
        match self.receive().await? {
            Reply::Ready(engine) => Ok(engine),
            _ => Err(out_of_turn()),
        }
    }

    /// Gives the worker an errand, and waits until it has it whole. An error means that it died before it could begin. Not
    /// to be called again after the future was dropped half-way.
    pub(super) async fn send(&mut self, errand: &Errand) -> io::Result<()> {
        let document = &errand.document;
        let needed = errand.task.of_document() && self.document != Some(document.id);
        let brought = needed.then_some(Incoming {
            kind: document.kind,
            length: document.bytes.len() as u64,
        });
        let request = Request {
            document: brought,
            task: errand.task.clone(),
        };
        self.socket.write_all(&protocol::frame(&request)?).await?;
        if brought.is_some() {
            self.socket.write_all(&document.bytes).await?;
            self.document = Some(document.id);
        }
        if let Some(pixels) = &errand.pixels {
            self.socket.write_all(pixels).await?;
        }
        match self.receive().await? {
            Reply::Begun => Ok(()),
            _ => Err(out_of_turn()),
        }
    }

    /// The answer to the errand. An error means that the worker died at it, or is as good as dead.
    pub(super) async fn receive(&mut self) -> io::Result<Reply> {
        let mut head = [0; 4];
        self.socket.read_exact(&mut head).await?;
        let mut body = vec![0; protocol::frame_length(head)?];
        self.socket.read_exact(&mut body).await?;
        let mut reply = protocol::parse(&body)?;
        if let Reply::File(file) = &mut reply {
            file.bytes = vec![0; file.length()?];
            self.socket.read_exact(&mut file.bytes).await?;
        }
        Ok(reply)
    }

    /// Its process id; 0 when it has ended.
    pub(super) fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Bytes that it has in memory; 0 when it has ended.
    pub(super) fn resident(&self) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.pid())).unwrap_or_default();
        let pages: Option<u64> = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        pages.unwrap_or_default() * rustix::param::page_size() as u64
    }

    /// What follows a reply: as many bytes as it announced.
    pub(super) async fn receive_bytes(&mut self, length: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; length];
        self.socket.read_exact(&mut bytes).await?;
        Ok(bytes.into())
    }

    /// Answers what the worker asked while at an errand.
    pub(super) async fn tell(&mut self, message: &impl Serialize) -> io::Result<()> {
        self.socket.write_all(&protocol::frame(message)?).await
    }

    /// Waits until the worker ends by itself.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends the worker now, and says how it ended: by this, or before.
    pub(super) async fn kill(mut self) -> Option<ExitStatus> {
        // It fails only for a process that has ended already.
        let _ = self.child.start_kill();
        self.child.wait().await.ok()
    }
}

/// Tells the worker to give up what it is at. If it can, it says [`Reply::GivenUp`] soon; it may also have ended by now.
pub(super) fn give_up(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::USR1);
    }
}

fn out_of_turn() -> io::Error {
    io::Error::other("the worker spoke out of turn")
}

/// Workers have no log of their own: what their libraries complain of goes to the service's.
async fn log_lines(stderr: ChildStderr, pid: u32) {
    let mut lines = BufReader::new(stderr);
    loop {
        let mut line = Vec::new();
        match (&mut lines)
            .take(MAX_LOGGED_LINE)
            .read_until(b'\n', &mut line)
            .await
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let line = String::from_utf8_lossy(&line);
                tracing::warn!(pid, line = line.trim_end(), "a worker complains");
            }
        }
    }
}
