//! A worker process and the socket to it.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use bytes::Bytes;
use ocr_api::health::Engine;
use ocr_protocol::{Binding, MAX_REPLY, MAX_REQUEST, Reply, Request, Task};
use rustix::process::{Pid, WaitOptions, kill_process, waitpid};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use super::job::WorkItem;
use crate::memory::{self, Account, Charged, Full};

/// Time in which a worker whose socket is closed is expected to exit.
const DYING: Duration = Duration::from_secs(2);

/// Approximate memory of a decoded word, relative to its bytes in a frame.
const DECODED: u64 = 8;

/// Largest frame that is not charged, in bytes. Workers ask short questions while they read, and those always have to
/// be answered.
const SMALL: usize = 4096;

/// A worker's reply, if there is room for it.
pub(super) type Received = Result<Charged<Reply>, Full>;

/// A running worker. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    socket: UnixStream,
    /// Number of the template that the worker is a copy of.
    generation: u64,
    /// The document of which the worker has received anything. It never receives anything of another one.
    document: Option<u64>,
    /// True if the worker has the whole document.
    has_bytes: bool,
    /// Bytes of memory that the worker had when it was ready.
    first: u64,
}

impl Process {
    /// A worker that [`super::template`] has made. It can be used after [`Process::ready`].
    pub(super) fn new(pid: Pid, socket: UnixStream, generation: u64) -> io::Result<Self> {
        Ok(Self {
            child: Child::new(pid)?,
            socket,
            generation,
            document: None,
            has_bytes: false,
            first: 0,
        })
    }

    /// Waits until the worker reports that it is in its sandbox.
    pub(super) async fn ready(&mut self) -> io::Result<Engine> {
        match self.receive(&Account::unlimited()).await? {
            Ok(Charged {
                value: Reply::Ready(engine),
                ..
            }) => {
                self.first = self.resident();
                Ok(engine)
            }
            _ => Err(out_of_turn()),
        }
    }

    /// Number of the template that the worker is a copy of.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Sends a work item to the worker, and waits until the worker has received it completely. An error means that the
    /// worker died before it could begin. If the future is dropped before its end, this must not be called again.
    pub(super) async fn send(&mut self, item: &WorkItem) -> io::Result<()> {
        let document = &item.document;
        let mut binding = None;
        if item.task != Task::Sample {
            match self.document {
                None => {
                    binding = Some(Binding {
                        kind: document.kind,
                        languages: document.languages.clone(),
                        password: document.password.clone(),
                    });
                    self.document = Some(document.id);
                }
                Some(other) if other != document.id => {
                    return Err(io::Error::other("the worker has another document"));
                }
                Some(_) => {}
            }
        }
        let brought = item.task.of_document() && !self.has_bytes;
        let request = Request {
            binding,
            document: brought.then_some(document.bytes.len() as u64),
            task: item.task.clone(),
        };
        self.socket
            .write_all(&ocr_protocol::frame(&request, MAX_REQUEST)?)
            .await?;
        if brought {
            self.socket.write_all(&document.bytes).await?;
            self.has_bytes = true;
        }
        if let Some(pixels) = &item.pixels {
            self.socket.write_all(pixels).await?;
        }
        match self.receive(&Account::unlimited()).await? {
            Ok(Charged {
                value: Reply::Begun,
                ..
            }) => Ok(()),
            _ => Err(out_of_turn()),
        }
    }

    /// The reply to the work item. It is charged to the account before it is read, and `Full` if there is no room for
    /// it. An error means that the worker crashed, or is unusable.
    pub(super) async fn receive(&mut self, account: &Arc<Account>) -> io::Result<Received> {
        let mut head = [0; 4];
        self.socket.read_exact(&mut head).await?;
        let length = ocr_protocol::frame_length(head, MAX_REPLY)?;
        let mut charge = account.charge();
        if length > SMALL && charge.grow(length as u64 * DECODED).is_err() {
            return self.pass_over(length).await.map(|()| Err(Full));
        }
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body).await?;
        let mut reply: Reply = ocr_protocol::parse(&body)?;
        drop(body);
        if !reply.is_finite() {
            return Err(out_of_turn());
        }
        match &mut reply {
            Reply::Page(read) => {
                let page = &mut read.page;
                page.words.shrink_to_fit();
                let weight = memory::weight(&(&*page, &read.codes, &read.issues));
                if charge.grow(weight.saturating_sub(charge.bytes())).is_err() {
                    return Ok(Err(Full));
                }
                charge.shrink_to(weight);
            }
            Reply::File(file) => {
                let length = file.length()?;
                if charge.grow(length as u64).is_err() {
                    return self.pass_over(length).await.map(|()| Err(Full));
                }
                file.bytes = vec![0; length];
                self.socket.read_exact(&mut file.bytes).await?;
            }
            _ => {}
        }
        let value = reply;
        Ok(Ok(Charged { value, charge }))
    }

    /// Reads and drops bytes for which there is no room.
    async fn pass_over(&mut self, length: usize) -> io::Result<()> {
        let mut rest = (&mut self.socket).take(length as u64);
        let passed = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
        if passed < length as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Process id of the worker; 0 if it has exited.
    fn pid(&self) -> u32 {
        match self.child.ended {
            Some(_) => 0,
            None => self.child.pid.as_raw_pid().unsigned_abs(),
        }
    }

    /// Bytes of memory by which the worker has grown since it was ready.
    pub(super) fn grown(&self) -> u64 {
        self.resident().saturating_sub(self.first)
    }

    /// Bytes of memory of the worker; 0 if it has exited.
    fn resident(&self) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.pid())).unwrap_or_default();
        let pages: Option<u64> = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        pages.unwrap_or_default() * rustix::param::page_size() as u64
    }

    /// Reads bytes that follow a reply, as many as it announced, if the account has room for them.
    pub(super) async fn receive_bytes(
        &mut self,
        length: usize,
        account: &Arc<Account>,
    ) -> io::Result<Option<Bytes>> {
        let Ok(charge) = account.charge_for(length as u64) else {
            self.pass_over(length).await?;
            return Ok(None);
        };
        let mut value = vec![0; length];
        self.socket.read_exact(&mut value).await?;
        Ok(Some(Charged { value, charge }.into()))
    }

    /// Answers what the worker asked while it works on an item.
    pub(super) async fn reply(&mut self, message: &impl Serialize) -> io::Result<()> {
        self.socket
            .write_all(&ocr_protocol::frame(message, MAX_REQUEST)?)
            .await
    }

    /// Exit status, if the worker has exited.
    pub(super) fn try_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait()
    }

    /// Exit status of a worker whose connection failed. `None` if the worker was still running, or only seemed to have
    /// exited; it is killed.
    pub(super) async fn died(mut self, error: &io::Error) -> Option<ExitStatus> {
        let seems_so = matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
        );
        if seems_so && let Ok(Ok(status)) = timeout(DYING, self.child.wait()).await {
            return Some(status);
        }
        self.kill().await;
        None
    }

    /// Kills the worker. Returns its exit status, which may be from before.
    pub(super) async fn kill(mut self) -> Option<ExitStatus> {
        self.child.kill();
        self.child.wait().await.ok()
    }
}

/// A child of this process, made by its template. Dropping it kills it.
#[derive(Debug)]
struct Child {
    pid: Pid,
    /// Exit status, once it is known. From then on, the process id may belong to another process.
    ended: Option<ExitStatus>,
    /// Signal that any child has exited.
    some_ended: Signal,
}

impl Child {
    fn new(pid: Pid) -> io::Result<Self> {
        Ok(Self {
            pid,
            ended: None,
            some_ended: signal(SignalKind::child())?,
        })
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        let status = wait(self.pid, &mut self.some_ended).await?;
        self.ended = Some(status);
        Ok(status)
    }

    fn try_wait(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            let status = waitpid(Some(self.pid), WaitOptions::NOHANG).ok().flatten();
            self.ended = status.map(|(_, status)| ExitStatus::from_raw(status.as_raw()));
        }
        self.ended
    }

    fn kill(&self) {
        if self.ended.is_none() {
            // This fails only for a process that has exited already.
            let _ = kill_process(self.pid, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended.is_some() {
            return;
        }
        self.kill();
        // Without a runtime, this process is about to end as well.
        if let (Ok(runtime), Ok(mut some_ended)) =
            (Handle::try_current(), signal(SignalKind::child()))
        {
            let pid = self.pid;
            runtime.spawn(async move { wait(pid, &mut some_ended).await });
        }
    }
}

/// Waits for a child's exit, and reaps it. `some_ended` must have been created before this call.
async fn wait(pid: Pid, some_ended: &mut Signal) -> io::Result<ExitStatus> {
    loop {
        match waitpid(Some(pid), WaitOptions::NOHANG)? {
            Some((_, status)) => return Ok(ExitStatus::from_raw(status.as_raw())),
            None => {
                some_ended.recv().await;
            }
        }
    }
}

fn out_of_turn() -> io::Error {
    io::Error::other("the worker spoke out of turn")
}
