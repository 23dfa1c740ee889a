//! The pool of worker processes. A job is a task on one document; whatever happens to the worker that has it,
//! the job is answered, and the worker replaced.

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
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;

use crate::document::Document;
use crate::memory::Charged;
use crate::protocol::WorkerSettings;
use crate::protocol::{Counted, Fault, FaultKind, File, How, Mode, Overlay, PageRead, Reply, Task};
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
    /// Bytes that a worker may have more after a page than before it, to go on with its document; and those that wait together.
    pub worker_memory: u64,
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
    slots: u32,
    spares: Spares,
    bound: Bound,
    /// Slots whose worker has something to do.
    working: AtomicU32,
}

impl Pool {
    /// Starts the workers; they become ready in the background. Needs a tokio runtime.
    pub fn start(settings: PoolSettings) -> Self {
        let workers = settings.workers.max(1);
        let room = Room {
            // Two documents for each slot can take turns.
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

    /// How many workers may have something to do at a time.
    pub fn size(&self) -> u32 {
        self.workers
    }

    /// How many workers are ready, and why others may not be.
    pub fn workers(&self) -> Workers {
        let (ready, error) = self.shared.ready();
        Workers {
            total: self.workers,
            ready,
            error: error.filter(|_| ready < self.workers),
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
        self.shared.spares.engine()
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

    /// The number of pages in a document, and what else is known before they are read. Dropping the future frees the worker.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn count(&self, document: &Arc<Document>) -> Result<Counted, Failure> {
        match self.run(document, Task::Count).await?.value {
            Reply::Counted(counted) => Ok(counted),
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

    /// A file that is embedded in a document, counted from 1, of at most `limit` bytes. Dropping the future frees the worker.
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
        let Charged { value, charge } = self.file(document, task).await?;
        Ok(Charged {
            value: value.bytes,
            charge,
        })
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
    /// How many workers there are, and why not all.
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
            "The worker answered another question.",
        )),
    }
}
