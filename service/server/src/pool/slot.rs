//! A slot is the right to use a core. It takes the next job, runs it in a worker of the job's document or in a spare
//! one, and parks the worker for the document's next page.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ocr_protocol::{Reply, Task};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::job::{Job, Outcome, WorkItem};
use super::metrics::Gone;
use super::process::{Process, Received};
use super::{Shared, help};
use crate::memory::Full;

/// Time limit for the sample. A worker reads it in a tenth of a second, so one that takes this long is broken.
const SAMPLE_TIME: Duration = Duration::from_secs(10);

pub(super) async fn run(slot: u32, shared: Arc<Shared>) {
    let mut open = None;
    loop {
        let idle = shared.helpers.idle();
        let (job, _turn) = tokio::select! {
            biased;
            (job, turn) = shared.queue.pop(open, |key| shared.may_begin(key)) => (job, Some(turn)),
            // Pages have priority over parts of pages, which their owners read otherwise.
            job = shared.helpers.pop() => (job, None),
        };
        drop(idle);
        if shared.refuses(&job) {
            job.finish(Outcome::Refused);
            continue;
        }
        open = Some(job.item.document.id);
        if let Some((process, job)) = worker_for(job, &shared).await {
            shared.working.fetch_add(1, Ordering::Relaxed);
            serve(slot, process, job, &shared).await;
            shared.working.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A worker that has the job's document, or none yet. Returns `None` if this slot can't run the job now.
async fn worker_for(mut job: Job, shared: &Arc<Shared>) -> Option<(Process, Job)> {
    let document = Arc::clone(&job.item.document);
    let (id, key) = (document.id, &document.owner.key);
    while let Some(process) = shared.bound.take(id) {
        if shared.may_serve(&process, key) {
            return Some((process, job));
        }
    }
    let process = {
        let (_, abandoned) = job.parts();
        tokio::select! {
            process = shared.spares.take() => process,
            () = abandoned => return None,
        }
    };
    if !shared.may_serve(&process, key) {
        // The key's document has just crashed another copy of the same template.
        shared.spares.put(process, shared.slots);
        match job.item.task {
            Task::Band(_) => job.finish(Outcome::Crashed),
            _ => shared.queue.push_first(job),
        }
        return None;
    }
    if job.item.task != Task::Sample {
        shared.spares.learn(&document.languages);
        let (ended, shared) = (document.ended(), Arc::clone(shared));
        tokio::spawn(async move {
            ended.await;
            shared.bound.end(id);
        });
    }
    Some((process, job))
}

/// Runs a job in a worker. A lost worker is counted before its page is reported as lost, so that both are visible
/// together.
async fn serve(slot: u32, mut process: Process, mut job: Job, shared: &Arc<Shared>) {
    let waited = job.since.elapsed();
    shared.metrics.queue.observe(waited.as_secs_f64());
    let started = Instant::now();
    let time = shared.settings.page_timeout * job.item.task.pages();
    let time = match job.item.task {
        Task::Sample => time.min(SAMPLE_TIME),
        _ => time,
    };
    let end = attempt(&mut process, &mut job, time, shared).await;
    let took = started.elapsed();
    let ms = took.as_millis() as u64;
    if matches!(job.item.task, Task::Read { .. }) {
        shared.load.page_took(took);
        shared.metrics.read.observe(took.as_secs_f64());
    }
    match end {
        End::Answered(Ok(mut reply)) => {
            if let Reply::Page(read) = &mut reply.value {
                read.page.ms = ms;
            }
            // Park the worker before the next page's turn. The document is held until then.
            let document = Arc::clone(&job.item.document);
            park(process, &job.item, shared);
            job.finish(Outcome::Reply(reply));
            drop(document);
        }
        End::Answered(Err(Full)) => job.finish(Outcome::NoRoom),
        End::Died { error, begun } => {
            let generation = process.generation();
            let cause = Cause::of(process.died(&error).await);
            tracing::warn!(slot, ms, begun, ?cause, %error, "a worker died");
            match cause {
                Cause::Kernel => shared.metrics.replaced(Gone::Killed),
                Cause::Crash | Cause::Sandbox => shared.metrics.replaced(Gone::Crashed),
            }
            let of_document = job.item.task.of_document();
            let is_band = matches!(job.item.task, Task::Band(_));
            match (begun, cause) {
                // If no other worker reads a band, the page's own worker does.
                (false, _) if !is_band && job.may_try_again() => shared.queue.push_first(job),
                (true, Cause::Kernel) if of_document && job.may_try_alone() => {
                    shared.queue.push_first(job);
                }
                (true, Cause::Crash | Cause::Sandbox) => {
                    shared.crashed_at(&job, generation);
                    job.finish(Outcome::Crashed);
                }
                _ => job.finish(Outcome::Crashed),
            }
        }
        End::GivenUp(why) => {
            tracing::info!(slot, ms, ?why, "a page was abandoned");
            shared.metrics.replaced(why);
            // Wait for the end of the worker, so that its memory is free before the next page needs some.
            process.kill().await;
            job.finish(Outcome::TimedOut);
        }
    }
}

fn park(process: Process, item: &WorkItem, shared: &Shared) {
    if item.task == Task::Sample {
        shared.spares.put(process, shared.slots);
        return;
    }
    let memory = process.grown();
    if memory > shared.settings.worker_memory {
        shared.metrics.replaced(Gone::Worn);
    } else {
        shared.bound.park(item.document.id, process, memory);
    }
}

/// The end of an attempt at a job.
enum End {
    Answered(Received),
    Died {
        error: io::Error,
        /// True if the worker had received everything, so that the document can be the cause.
        begun: bool,
    },
    GivenUp(Gone),
}

/// Cause of a worker's death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The kernel killed it for lack of memory, or a person did. No program can do that to itself.
    Kernel,
    /// It made a system call that no page needs.
    Sandbox,
    Crash,
}

impl Cause {
    /// Derives the cause from the exit status. `None` stands for a worker that had to be killed because it violated the
    /// protocol.
    fn of(status: Option<ExitStatus>) -> Self {
        let signal = status.and_then(|status| status.signal());
        match signal.and_then(Signal::from_named_raw) {
            Some(Signal::KILL) => Self::Kernel,
            Some(Signal::SYS) => Self::Sandbox,
            _ => Self::Crash,
        }
    }
}

async fn attempt(
    process: &mut Process,
    job: &mut Job,
    limit: Duration,
    shared: &Arc<Shared>,
) -> End {
    let (item, abandoned) = job.parts();
    let conversation = async {
        if let Err(error) = process.send(item).await {
            return End::Died {
                error,
                begun: false,
            };
        }
        match help::answer(process, item, shared).await {
            Ok(reply) => End::Answered(reply),
            Err(error) => End::Died { error, begun: true },
        }
    };
    let mut conversation = pin!(conversation);
    tokio::select! {
        biased;
        end = &mut conversation => end,
        () = abandoned => End::GivenUp(Gone::Abandoned),
        () = sleep(limit) => End::GivenUp(Gone::TimedOut),
    }
}

impl Shared {
    fn refuses(&self, job: &Job) -> bool {
        let document = &job.item.document;
        let now = Instant::now().into_std();
        self.crashes
            .document_refused(&document.owner.key, &document.sha256, now)
            .is_some()
    }

    /// True if new workers are made of a template of which no document of this key has crashed a copy.
    fn may_begin(&self, key: &str) -> bool {
        self.spares.generation() > self.crashes.latest_template(key)
    }

    /// The same for this worker.
    fn may_serve(&self, process: &Process, key: &str) -> bool {
        process.generation() > self.crashes.latest_template(key)
    }

    fn crashed_at(&self, job: &Job, generation: u64) {
        self.spares.crashed(generation);
        if job.item.task == Task::Sample {
            return;
        }
        let document = &job.item.document;
        let (key, sha256) = (&document.owner.key, &document.sha256);
        let now = Instant::now().into_std();
        self.crashes.add(key, sha256, generation, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_every_end_but_a_kill_to_the_document() {
        let of = |wait_status| Cause::of(Some(ExitStatus::from_raw(wait_status)));
        assert_eq!(of(libc::SIGKILL), Cause::Kernel);
        assert_eq!(of(libc::SIGSYS), Cause::Sandbox);
        // The flag stands for a core dump.
        for other in [
            libc::SIGSEGV | 0x80,
            libc::SIGABRT,
            libc::SIGTERM,
            0,
            1 << 8,
        ] {
            assert_eq!(of(other), Cause::Crash, "{other}");
        }
        assert_eq!(Cause::of(None), Cause::Crash);
    }
}
