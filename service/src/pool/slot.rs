//! A place for one worker process: keeps one running there, and feeds it.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ocr_api::health::Engine;
use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::job::{Errand, Job, Outcome};
use super::metrics::Gone;
use super::process::{self, Process, Received};
use super::{Life, Shared, help};
use crate::memory::Full;
use crate::protocol::{Reply, Task};

/// A new worker locks itself in, loads the second recognizer and reads the sample.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Tesseract looks up from its work at every line or so. Rendering and finding the lines it can't interrupt: then another
/// worker, which is there about as soon again, is the sooner way to a free one.
const GRACE: Duration = Duration::from_millis(60);
/// A worker reads the sample in a tenth of a second. One that has not by then reads nothing any more.
const SAMPLE_TIME: Duration = Duration::from_secs(10);
/// Half of those that let go do so within this. For the others a successor is started already, which is ready that much sooner.
const HOPE: Duration = Duration::from_millis(20);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) async fn run(slot: u32, shared: Arc<Shared>) {
    let mut pause = FIRST_PAUSE;
    let mut successor = Successor::new();
    loop {
        let began = Instant::now();
        let started = match successor.join_next().await {
            Some(started) => started.unwrap_or_else(|error| Err(error.to_string())),
            None => start(Arc::clone(&shared)).await,
        };
        match started {
            Ok((process, engine)) => {
                pause = FIRST_PAUSE;
                let ms = began.elapsed().as_millis() as u64;
                tracing::info!(slot, ms, "worker ready");
                shared.worker_ready(engine);
                successor = work(slot, process, &shared).await;
            }
            Err(error) => {
                tracing::error!(slot, error, "worker did not start");
                shared.worker_failed(error);
                shared.metrics.replaced(Gone::Start);
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

type Started = Result<(Process, Engine), String>;
/// The next worker, on its way: at most one. Dropping it ends it.
type Successor = JoinSet<Started>;

async fn start(shared: Arc<Shared>) -> Started {
    let settings = &shared.settings;
    let maker = Arc::clone(&shared);
    // A task of its own, so that the template is not left half-way by whoever needs the worker no more.
    let made = tokio::spawn(async move { maker.template.worker(&maker.settings).await }).await;
    let mut process = made.unwrap_or_else(|error| Err(error.to_string()))?;
    match timeout(START_TIMEOUT, process.ready()).await {
        Ok(Ok(engine)) => {
            let missing = engine.sandbox.missing();
            if settings.require_sandbox && !missing.is_empty() {
                process.kill().await;
                return Err(format!(
                    "--require-sandbox: its sandbox lacks {}; the log says why",
                    missing.join(", ")
                ));
            }
            Ok((process, engine))
        }
        Ok(Err(error)) => {
            let status = process.kill().await;
            let status = status.map_or_else(|| error.to_string(), |status| status.to_string());
            Err(format!(
                "it ended before it was ready ({status}); its complaint is in the log"
            ))
        }
        Err(_) => {
            process.kill().await;
            Err(format!("not ready within {} s", START_TIMEOUT.as_secs()))
        }
    }
}

/// Feeds jobs to a worker until that worker has to be replaced for something that happened. A worn one is replaced in
/// here, when the next one is ready. Returns the successor, if one is on its way.
async fn work(slot: u32, mut process: Process, shared: &Arc<Shared>) -> Successor {
    let mut successor = Successor::new();
    let mut life = Life::default();
    loop {
        let idle = shared.helpers.idle();
        let open = process.document();
        let (job, _turn) = tokio::select! {
            biased;
            Some(started) = successor.join_next() => {
                match started {
                    Ok(Ok((next, _))) => {
                        std::mem::replace(&mut process, next).kill().await;
                        life = Life::default();
                        shared.metrics.replaced(Gone::Worn);
                        tracing::info!(slot, "a worn worker was replaced");
                    }
                    // The old one still works; its next job is a reason to try again.
                    Ok(Err(error)) => tracing::error!(slot, error, "no successor for a worn worker"),
                    Err(error) => tracing::error!(slot, %error, "no successor for a worn worker"),
                }
                continue;
            }
            status = process.ended() => {
                shared.worker_gone(Gone::Idle);
                tracing::warn!(slot, ?status, "an idle worker ended");
                return successor;
            }
            (job, turn) = shared.queue.pop(open) => (job, Some(turn)),
            // Pages go before parts of pages: those are read in any case.
            job = shared.helpers.pop() => (job, None),
        };
        drop(idle);
        if shared.refuses(&job) {
            job.finish(Outcome::Refused);
            continue;
        }
        shared
            .metrics
            .queue
            .observe(job.since.elapsed().as_secs_f64());
        let started = Instant::now();
        if let Next::Replace = serve(slot, &mut process, job, &mut successor, shared).await {
            let status = process.kill().await;
            if status.and_then(|status| status.signal()) == Some(Signal::SYS.as_raw()) {
                tracing::error!(
                    slot,
                    "a worker asked the kernel for what no page takes, and its sandbox ended it"
                );
            }
            tracing::info!(slot, ?status, "worker replaced");
            return successor;
        }
        let resident = process.resident();
        life.add(started.elapsed(), resident);
        if successor.is_empty() && shared.settings.wear.is_worn(life, resident) {
            successor.spawn(start(Arc::clone(shared)));
        }
    }
}

enum Next {
    Keep,
    Replace,
}

/// Whoever learns that a page is lost can also learn that a worker is: the status is changed first.
async fn serve(
    slot: u32,
    process: &mut Process,
    mut job: Job,
    successor: &mut Successor,
    shared: &Arc<Shared>,
) -> Next {
    let started = Instant::now();
    let time = shared.settings.page_timeout * job.errand.task.pages();
    let time = match job.errand.task {
        Task::Sample => time.min(SAMPLE_TIME),
        _ => time,
    };
    let end = attempt(process, &mut job, time, successor, shared).await;
    let took = started.elapsed();
    let ms = took.as_millis() as u64;
    if matches!(job.errand.task, Task::Read { .. }) {
        shared.load.page_took(took);
        shared.metrics.read.observe(took.as_secs_f64());
    }
    match end {
        End::Answered(Ok(mut reply)) => {
            if let Reply::Page(read) = &mut reply.value {
                read.page.ms = ms;
            }
            job.finish(Outcome::Reply(reply));
            Next::Keep
        }
        End::Answered(Err(Full)) => {
            job.finish(Outcome::NoRoom);
            Next::Keep
        }
        End::Died(Death::Before(error)) => {
            tracing::warn!(slot, %error, "a worker died before it began with a page");
            shared.worker_gone(Gone::Crashed);
            if job.may_try_again() {
                shared.queue.push_first(job);
            } else {
                job.finish(Outcome::Crashed);
            }
            Next::Replace
        }
        End::Died(Death::During(error)) => {
            tracing::warn!(slot, ms, %error, "a worker died at a page");
            shared.worker_gone(Gone::Crashed);
            shared.died_of(&job);
            job.finish(Outcome::Crashed);
            Next::Replace
        }
        End::GivenUp { why, let_go } => {
            tracing::info!(slot, ms, let_go, ?why, "a page was given up");
            if !let_go {
                shared.worker_gone(why);
            }
            job.finish(Outcome::TimedOut);
            if let_go { Next::Keep } else { Next::Replace }
        }
    }
}

/// How an attempt at a job ended.
enum End {
    Answered(Received),
    Died(Death),
    GivenUp {
        why: Gone,
        /// The worker has let go of it, and is as warm as before.
        let_go: bool,
    },
}

async fn attempt(
    process: &mut Process,
    job: &mut Job,
    limit: Duration,
    successor: &mut Successor,
    shared: &Arc<Shared>,
) -> End {
    let pid = process.pid();
    let (errand, abandoned) = job.parts();
    let mut conversation = pin!(converse(process, errand, shared));
    let why = tokio::select! {
        biased;
        result = &mut conversation => {
            return result.map_or_else(End::Died, End::Answered);
        }
        () = abandoned => Gone::Abandoned,
        () = sleep(limit) => Gone::TimedOut,
    };
    process::give_up(pid);
    let mut letting_go = pin!(timeout(GRACE, conversation));
    let (end, early) = tokio::select! {
        biased;
        end = &mut letting_go => (end, false),
        () = sleep(HOPE), if successor.is_empty() => {
            successor.spawn(start(Arc::clone(shared)));
            (letting_go.await, true)
        }
    };
    let let_go = matches!(end, Ok(Ok(_)));
    if let_go && early {
        *successor = Successor::new();
    }
    End::GivenUp { why, let_go }
}

/// When a worker died: only in the second case can the document be the cause.
enum Death {
    Before(io::Error),
    During(io::Error),
}

async fn converse(
    process: &mut Process,
    errand: &Errand,
    shared: &Shared,
) -> Result<Received, Death> {
    process.send(errand).await.map_err(Death::Before)?;
    help::answer(process, errand, shared)
        .await
        .map_err(Death::During)
}

impl Shared {
    fn refuses(&self, job: &Job) -> bool {
        let document = &job.errand.document;
        let now = Instant::now().into_std();
        self.crashes
            .document_refused(&document.owner.key, &document.sha256, now)
            .is_some()
    }

    fn died_of(&self, job: &Job) {
        if job.errand.task == Task::Sample {
            return;
        }
        let document = &job.errand.document;
        let now = Instant::now().into_std();
        self.crashes.add(&document.owner.key, &document.sha256, now);
    }

    fn worker_ready(&self, engine: Engine) {
        let mut status = self.status();
        status.ready += 1;
        status.engine = engine;
        status.error = None;
        self.load.has_workers(status.ready);
    }

    fn worker_gone(&self, why: Gone) {
        self.metrics.replaced(why);
        let mut status = self.status();
        status.ready = status.ready.saturating_sub(1);
        self.load.has_workers(status.ready);
    }

    fn worker_failed(&self, error: String) {
        self.status().error = Some(error);
    }
}
