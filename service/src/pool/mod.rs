//! The pool of worker processes. A job is a task on one document; whatever happens to the worker that has it,
//! the job is answered, and the worker replaced.

mod help;
mod job;
mod process;
mod queue;
mod slot;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ocr_api::health::{Engine, Workers};
use tokio::task::JoinSet;

use crate::document::Document;
use crate::protocol::{Fault, FaultKind, How, PageRead, Reply, Task};
use crate::worker::WorkerSettings;
use help::Helpers;
use job::{Job, Outcome};
use queue::Queue;

/// How to run workers.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The executable that has the `worker` command.
    pub program: PathBuf,
    pub worker: WorkerSettings,
    /// Worker processes; at least one.
    pub workers: u32,
    /// A worker that takes longer for a job is killed.
    pub page_timeout: Duration,
}

/// The workers, for as long as it lives. Dropping it kills them.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    workers: u32,
    _slots: JoinSet<()>,
}

/// Why a job has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The document's or the page's fault, or the engine's.
    Fault(Fault),
    /// The worker died at it.
    Crashed,
    /// The worker was killed at it, after the page time-out.
    TimedOut,
}

#[derive(Debug)]
struct Shared {
    settings: PoolSettings,
    queue: Queue,
    helpers: Helpers,
    status: Mutex<Status>,
}

#[derive(Debug, Default)]
struct Status {
    ready: u32,
    error: Option<String>,
    engine: Engine,
}

impl Pool {
    /// Starts the workers; they become ready in the background. Needs a tokio runtime.
    pub fn start(settings: PoolSettings) -> Self {
        let workers = settings.workers.max(1);
        let shared = Arc::new(Shared {
            settings,
            queue: Queue::default(),
            helpers: Helpers::default(),
            status: Mutex::default(),
        });
        let mut slots = JoinSet::new();
        for number in 0..workers {
            slots.spawn(slot::run(number, Arc::clone(&shared)));
        }
        Self {
            shared,
            workers,
            _slots: slots,
        }
    }

    /// The number of worker processes.
    pub fn size(&self) -> u32 {
        self.workers
    }

    /// How many workers are ready, and why others may not be.
    pub fn workers(&self) -> Workers {
        let status = self.shared.status();
        Workers {
            total: self.workers,
            ready: status.ready,
            error: status.error.clone().filter(|_| status.ready < self.workers),
        }
    }

    /// What the workers read with.
    pub fn engine(&self) -> Engine {
        self.shared.status().engine.clone()
    }

    /// The number of pages in a document. Dropping the future frees the worker.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn count(&self, document: &Arc<Document>) -> Result<u32, Failure> {
        match self.run(document, Task::Count).await? {
            Reply::Pages(pages) => Ok(pages),
            other => Err(unexpected(other)),
        }
    }

    /// A page of a document, counted from 1. Dropping the future frees the worker.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn read(
        &self,
        document: &Arc<Document>,
        page: u32,
        how: &How,
    ) -> Result<PageRead, Failure> {
        let task = Task::Read {
            page,
            how: how.clone(),
        };
        match self.run(document, task).await? {
            Reply::Page(read) => Ok(*read),
            other => Err(unexpected(other)),
        }
    }

    async fn run(&self, document: &Arc<Document>, task: Task) -> Result<Reply, Failure> {
        let (job, outcome) = Job::new(Arc::clone(document), task);
        self.shared.queue.push(job);
        match outcome.await {
            Ok(Outcome::Reply(reply)) => Ok(reply),
            Ok(Outcome::TimedOut) => Err(Failure::TimedOut),
            // A slot that goes away without a word took its worker along.
            Ok(Outcome::Crashed) | Err(_) => Err(Failure::Crashed),
        }
    }
}

impl Shared {
    fn status(&self) -> std::sync::MutexGuard<'_, Status> {
        // Every change of it is a single assignment, so a panic elsewhere leaves it whole.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unexpected(reply: Reply) -> Failure {
    match reply {
        Reply::Fault(fault) => Failure::Fault(fault),
        _ => Failure::Fault(Fault::new(
            FaultKind::Engine,
            "The worker answered another question.",
        )),
    }
}
