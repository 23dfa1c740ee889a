//! The pool of worker processes. A job is a task on one document. Whatever happens to its worker, the job is answered,
//! and the worker is replaced.

mod bound;
mod complaints;
mod crashes;
mod help;
mod job;
mod load;
mod metrics;
mod process;
mod queue;
mod slot;
mod spares;
mod template;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ocr_api::health::{Engine, Workers};
use ocr_api::inspection::PageInspection;
use ocr_protocol::WorkerSettings;
use ocr_protocol::{Counted, Fault, FaultKind, File, How, Mode, Overlay, PageRead, Reply, Task};
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;

use crate::document::Document;
use crate::memory::Charged;
use bound::{Bound, Room};
use crashes::Crashes;
use help::Helpers;
use job::{Job, Outcome};
pub use load::Load;
use metrics::Metrics;
pub(crate) use metrics::SECONDS;
use queue::Queue;
pub use queue::QueueLength;
use spares::Spares;

/// Settings of the pool.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Executable with the `worker` command.
    pub program: PathBuf,
    pub worker: WorkerSettings,
    /// Number of worker processes; at least one.
    pub workers: u32,
    /// Time limit for a job. A job that takes longer is abandoned, and its worker is killed.
    pub page_timeout: Duration,
    /// Rejects workers whose sandbox is incomplete.
    pub require_sandbox: bool,
    /// Most bytes by which a worker may grow and still continue with its document. All waiting workers together may
    /// hold as much.
    pub worker_memory: u64,
}

/// The worker processes. Dropping the pool kills them.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    workers: u32,
    _slots: JoinSet<()>,
}

/// Reason for which a job has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A fault of the document, the page or the engine.
    Fault(Fault),
    /// The worker crashed at it.
    Crashed,
    /// It was abandoned after the page time-out.
    TimedOut,
    /// There was no memory for the answer.
    NoRoom,
    /// It was not tried, because the document crashed workers. It is refused for this much longer.
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
    slots: u32,
    spares: Spares,
    bound: Bound,
    /// Slots whose worker is at work.
    working: AtomicU32,
}

impl Pool {
    /// Starts the workers, which become ready in the background. Needs a tokio runtime.
    pub fn start(settings: PoolSettings) -> Self {
        let workers = settings.workers.max(1);
        let room = Room {
            // Room for two documents per slot, which may take turns.
            processes: 2 * workers as usize,
            memory: settings.worker_memory,
        };
        let shared = Arc::new(Shared {
            settings,
            queue: Queue::default(),
            crashes: Crashes::default(),
            load: Arc::default(),
            metrics: Metrics::default(),
            helpers: Helpers::default(),
            slots: workers,
            spares: Spares::default(),
            bound: Bound::new(room),
            working: AtomicU32::new(0),
        });
        let mut slots = JoinSet::new();
        slots.spawn(spares::supply(Arc::clone(&shared)));
        for number in 0..workers {
            slots.spawn(slot::run(number, Arc::clone(&shared)));
        }
        Self {
            shared,
            workers,
            _slots: slots,
        }
    }

    /// Most workers that are at work at a time.
    pub fn size(&self) -> u32 {
        self.workers
    }

    /// Number of ready workers, and the error that keeps others from becoming ready.
    pub fn workers(&self) -> Workers {
        let (ready, error) = self.shared.ready();
        Workers {
            total: self.workers,
            ready,
            error: error.filter(|_| ready < self.workers),
        }
    }

    /// The load: pages to read, and the cost of a page.
    pub fn load(&self) -> &Arc<Load> {
        &self.shared.load
    }

    /// Number of jobs that wait or are under way.
    pub fn queue(&self) -> QueueLength {
        self.shared.queue.length()
    }

    /// Estimated wait of one more page of a key for a worker.
    pub fn wait_of(&self, key: &str) -> Duration {
        let ahead = self.shared.queue.ahead_of(key);
        let ready = self.workers().ready;
        if ahead == 0 && self.queue().under_way < ready {
            return Duration::ZERO;
        }
        // On average, half of each page under way is left.
        self.load().wait_for(ahead, self.workers) + self.load().page_cost() / (2 * ready.max(1))
    }

    /// Registers the pool's metrics.
    pub fn register(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
    }

    /// Versions of the engine that the workers use.
    pub fn engine(&self) -> Engine {
        self.shared.spares.engine()
    }

    /// Time for which a key's document is still refused, because it crashed workers.
    pub fn document_refused(&self, key: &str, sha256: &str) -> Option<Duration> {
        self.shared
            .crashes
            .document_refused(key, sha256, Instant::now())
    }

    /// Time for which all of a key's documents are still refused, because several of them crashed workers.
    pub fn key_refused(&self, key: &str) -> Option<Duration> {
        self.shared.crashes.key_refused(key, Instant::now())
    }

    /// Counts the pages of a document, and collects what is known before they are read. Dropping the future frees the
    /// worker.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn count(&self, document: &Arc<Document>) -> Result<Counted, Failure> {
        match self.run(document, Task::Count).await?.value {
            Reply::Counted(counted) => Ok(counted),
            other => Err(unexpected(other)),
        }
    }

    /// Reads a page of a document, counted from 1. Dropping the future frees the worker.
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

    /// Makes a searchable PDF of these pages. Dropping the future frees the worker.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn compose(
        &self,
        document: &Arc<Document>,
        pages: Vec<Overlay>,
        keep_active: bool,
    ) -> Result<Charged<File>, Failure> {
        self.file(document, Task::Compose { pages, keep_active })
            .await
    }

    async fn file(&self, document: &Arc<Document>, task: Task) -> Result<Charged<File>, Failure> {
        let Charged { value, charge } = self.run(document, task).await?;
        match value {
            Reply::File(value) => Ok(Charged { value, charge }),
            other => Err(unexpected(other)),
        }
    }

    /// Extracts a file that is embedded in a document, counted from 1, of at most `limit` bytes. Dropping the future
    /// frees the worker.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn extract(
        &self,
        document: &Arc<Document>,
        attachment: u32,
        limit: u64,
    ) -> Result<Charged<Vec<u8>>, Failure> {
        let task = Task::Extract { attachment, limit };
        let Charged { value, charge } = self.file(document, task).await?;
        Ok(Charged {
            value: value.bytes,
            charge,
        })
    }

    /// Inspects a page, counted from 1. Dropping the future frees the worker.
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

    /// Draws a page as PNG of at most `side` pixels a side. Dropping the future frees the worker.
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
        let Charged { value, charge } = self.file(document, task).await?;
        Ok(Charged {
            value: value.bytes,
            charge,
        })
    }

    /// Has every free worker read the embedded sample, before any waiting job. A worker that hangs is replaced. Returns
    /// the failure of each worker that failed.
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
            // A slot that panicked has killed its worker.
            Ok(Outcome::Crashed) | Err(_) => Err(Failure::Crashed),
        }
    }
}

impl Shared {
    /// Number of ready workers, and the error that keeps others from becoming ready.
    fn ready(&self) -> (u32, Option<String>) {
        let working = self.working.load(Ordering::Relaxed);
        self.spares.ready(self.slots, working)
    }

    fn count_ready(&self) {
        self.load.has_workers(self.ready().0);
    }
}

fn unexpected(reply: Reply) -> Failure {
    match reply {
        Reply::Fault(fault) => Failure::Fault(fault),
        _ => Failure::Fault(Fault::new(
            FaultKind::Engine,
            "The worker's reply does not match the request.",
        )),
    }
}
