//! The pool of worker processes. A job is a task on one document; whatever happens to the worker that has it,
//! the job is answered, and the worker replaced.

mod complaints;
mod crashes;
mod help;
mod job;
mod load;
mod metrics;
mod process;
mod queue;
mod slot;
mod template;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ocr_api::health::{Engine, Workers};
use ocr_api::inspection::PageInspection;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;

use crate::document::Document;
use crate::memory::Charged;
use crate::protocol::WorkerSettings;
use crate::protocol::{Fault, FaultKind, File, How, Mode, Overlay, PageRead, Reply, Task};
use crashes::Crashes;
use help::Helpers;
use job::{Job, Outcome};
pub use load::Load;
use metrics::Metrics;
pub(crate) use metrics::SECONDS;
use queue::Queue;
pub use queue::QueueLength;
use template::Template;

/// How to run workers.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The executable that has the `worker` command.
    pub program: PathBuf,
    pub worker: WorkerSettings,
    /// Worker processes; at least one.
    pub workers: u32,
    /// A job that takes longer is given up, and its worker killed if it does not let go of it.
    pub page_timeout: Duration,
    /// Use no worker whose sandbox lacks something.
    pub require_sandbox: bool,
    pub wear: Wear,
}

/// When a worker is worn, and replaced between two jobs. Whatever a library leaks or a large page leaves in its heap ends
/// with its process.
#[derive(Debug, Clone, Copy)]
pub struct Wear {
    /// Jobs that a worker does.
    pub jobs: u32,
    /// Bytes in memory that it may have after a job.
    pub memory: u64,
}

/// A worker that has worked for so long is replaced if it has grown, too: a successor costs half a percent of that.
const GROWN_AFTER: Duration = Duration::from_secs(30);

/// What a worker has done so far.
#[derive(Debug, Clone, Copy, Default)]
struct Life {
    jobs: u32,
    busy: Duration,
    /// Bytes in memory after its first job.
    first: u64,
}

impl Life {
    /// Adds a job, after which it has so many bytes in memory.
    fn add(&mut self, took: Duration, resident: u64) {
        if self.jobs == 0 {
            self.first = resident;
        }
        self.jobs += 1;
        self.busy += took;
    }
}

impl Wear {
    fn is_worn(self, life: Life, resident: u64) -> bool {
        // By a tenth.
        let grown = resident > life.first / 10 * 11;
        life.jobs >= self.jobs || resident > self.memory || grown && life.busy >= GROWN_AFTER
    }
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
    /// It was given up after the page time-out.
    TimedOut,
    /// There was no memory for the answer.
    NoRoom,
    /// It was not tried: workers died of the document.
    Refused(Duration),
}

#[derive(Debug)]
struct Shared {
    settings: PoolSettings,
    queue: Queue,
    crashes: Crashes,
    load: Arc<Load>,
    metrics: Metrics,
    helpers: Helpers,
    template: Template,
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
            crashes: Crashes::default(),
            load: Arc::default(),
            metrics: Metrics::default(),
            helpers: Helpers::default(),
            template: Template::default(),
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

    /// How much there is to do, and what a page costs.
    pub fn load(&self) -> &Arc<Load> {
        &self.shared.load
    }

    /// The jobs at hand.
    pub fn queue(&self) -> QueueLength {
        self.shared.queue.length()
    }

    /// How long one more page of a key would wait for a worker.
    pub fn wait_of(&self, key: &str) -> Duration {
        let ahead = self.shared.queue.ahead_of(key);
        let ready = self.workers().ready;
        if ahead == 0 && self.queue().under_way < ready {
            return Duration::ZERO;
        }
        // And on the average half of what is under way.
        self.load().wait_for(ahead, self.workers) + self.load().page_cost() / (2 * ready.max(1))
    }

    /// Has a registry read what the pool counts.
    pub fn register(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
    }

    /// What the workers read with.
    pub fn engine(&self) -> Engine {
        self.shared.status().engine.clone()
    }

    /// For how long a key's document is still refused, because workers crashed at it.
    pub fn document_refused(&self, key: &str, sha256: &str) -> Option<Duration> {
        self.shared
            .crashes
            .document_refused(key, sha256, Instant::now())
    }

    /// For how long all of a key's documents are still refused, because workers crashed at several of them.
    pub fn key_refused(&self, key: &str) -> Option<Duration> {
        self.shared.crashes.key_refused(key, Instant::now())
    }

    /// The number of pages in a document. Dropping the future frees the worker.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn count(&self, document: &Arc<Document>) -> Result<u32, Failure> {
        match self.run(document, Task::Count).await?.value {
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
    ) -> Result<Charged<PageRead>, Failure> {
        let task = Task::Read {
            page,
            how: how.clone(),
        };
        let Charged { value, charge } = self.run(document, task).await?;
        match value {
            Reply::Page(read) => Ok(Charged {
                value: *read,
                charge,
            }),
            other => Err(unexpected(other)),
        }
    }

    /// A searchable PDF of these pages. Dropping the future frees the worker.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn compose(
        &self,
        document: &Arc<Document>,
        pages: Vec<Overlay>,
    ) -> Result<Charged<File>, Failure> {
        let Charged { value, charge } = self.run(document, Task::Compose { pages }).await?;
        match value {
            Reply::File(value) => Ok(Charged { value, charge }),
            other => Err(unexpected(other)),
        }
    }

    /// What a page is like, counted from 1. Dropping the future frees the worker.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn inspect(
        &self,
        document: &Arc<Document>,
        page: u32,
        mode: Mode,
    ) -> Result<PageInspection, Failure> {
        let task = Task::Inspect { page, mode };
        match self.run(document, task).await?.value {
            Reply::Inspected(page) => Ok(page),
            other => Err(unexpected(other)),
        }
    }

    /// A picture of a page, as PNG of at most `side` pixels a side. Dropping the future frees the worker.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn preview(
        &self,
        document: &Arc<Document>,
        page: u32,
        side: u32,
    ) -> Result<Charged<Vec<u8>>, Failure> {
        let task = Task::Preview { page, side };
        let Charged { value, charge } = self.run(document, task).await?;
        match value {
            Reply::File(file) => Ok(Charged {
                value: file.bytes,
                charge,
            }),
            other => Err(unexpected(other)),
        }
    }

    /// Has every worker that is free read the embedded sample, before whatever waits. One that hangs at it is replaced.
    /// Gives why each that failed did.
    pub async fn read_samples(&self) -> Vec<Failure> {
        let document = Arc::new(Document::none());
        let outcomes: Vec<_> = (0..self.workers().ready)
            .map(|_| {
                let (job, outcome) = Job::new(Arc::clone(&document), Task::Sample);
                self.shared.queue.push_first(job);
                outcome
            })
            .collect();
        let mut failures = Vec::new();
        for outcome in outcomes {
            failures.extend(match outcome.await {
                Ok(Outcome::Reply(Charged {
                    value: Reply::SampleRead,
                    ..
                })) => None,
                Ok(Outcome::Reply(other)) => Some(unexpected(other.value)),
                Ok(Outcome::TimedOut) => Some(Failure::TimedOut),
                Ok(Outcome::NoRoom) => Some(Failure::NoRoom),
                Ok(Outcome::Crashed | Outcome::Refused) | Err(_) => Some(Failure::Crashed),
            });
        }
        failures
    }

    async fn run(&self, document: &Arc<Document>, task: Task) -> Result<Charged<Reply>, Failure> {
        let (job, outcome) = Job::new(Arc::clone(document), task);
        self.shared.queue.push(job);
        match outcome.await {
            Ok(Outcome::Reply(reply)) => Ok(reply),
            Ok(Outcome::TimedOut) => Err(Failure::TimedOut),
            Ok(Outcome::NoRoom) => Err(Failure::NoRoom),
            Ok(Outcome::Refused) => Err(Failure::Refused(
                self.document_refused(&document.owner.key, &document.sha256)
                    .unwrap_or_default(),
            )),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_worn_by_jobs_by_memory_and_by_growth_once_it_has_worked_for_a_while() {
        let wear = Wear {
            jobs: 100,
            memory: 400,
        };
        let after = |jobs: &[(u64, u64)]| {
            let mut life = Life::default();
            for (seconds, resident) in jobs {
                life.add(Duration::from_secs(*seconds), *resident);
            }
            wear.is_worn(life, jobs.last().unwrap().1)
        };
        assert!(!after(&[(1, 100); 99]) && after(&[(1, 100); 100]));
        assert!(!after(&[(1, 400)]) && after(&[(1, 401)]));
        assert!(!after(&[(1, 100), (28, 120)]) && after(&[(1, 100), (29, 120)]));
        // It was large once.
        assert!(!after(&[(1, 100), (29, 120), (1, 100)]));
    }
}
