//! The right to compute: a slot takes the next task, has a worker of the task's document do it, or a spare one, and sets the
//! worker aside for the document's next page.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::job::{Errand, Job, Outcome};
use super::metrics::Gone;
use super::process::{Process, Received};
use super::{Shared, help};
use crate::memory::Full;
use crate::protocol::{Reply, Task};

/// A worker reads the sample in a tenth of a second. One that has not by then reads nothing any more.
const SAMPLE_TIME: Duration = Duration::from_secs(10);

pub(super) async fn run(slot: u32, shared: Arc<Shared>) {
    let mut open = None;
    loop {
        let idle = shared.helpers.idle();
        let (job, _turn) = tokio::select! {
            biased;
            (job, turn) = shared.queue.pop(open, |key| shared.may_begin(key)) => (job, Some(turn)),
            // Pages go before parts of pages: those are read in any case.
            job = shared.helpers.pop() => (job, None),
        };
        drop(idle);
        if shared.refuses(&job) {
            job.finish(Outcome::Refused);
            continue;
        }
        open = Some(job.errand.document.id);
        if let Some((process, job)) = worker_for(job, &shared).await {
            shared.working.fetch_add(1, Ordering::Relaxed);
            serve(slot, process, job, &shared).await;
            shared.working.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A worker that has the job's document or nothing yet. `None` where the job is not to be done now, by this slot.
async fn worker_for(mut job: Job, shared: &Arc<Shared>) -> Option<(Process, Job)> {
    let document = Arc::clone(&job.errand.document);
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
        // The key's document crashed another copy of the same template just now.
        shared.spares.put(process, shared.slots);
        match job.errand.task {
            Task::Band(_) => job.finish(Outcome::Crashed),
            _ => shared.queue.push_first(job),
        }
        return None;
    }
    if job.errand.task != Task::Sample {
        shared.spares.learn(&document.languages);
        let (ended, shared) = (document.ended(), Arc::clone(shared));
        tokio::spawn(async move {
            ended.await;
            shared.bound.end(id);
        });
    }
    Some((process, job))
}

/// Has a worker do a job. Whoever learns that a page is lost can also learn that a worker is: that is counted first.
async fn serve(slot: u32, mut process: Process, mut job: Job, shared: &Arc<Shared>) {
    let waited = job.since.elapsed();
    shared.metrics.queue.observe(waited.as_secs_f64());
    let started = Instant::now();
    let time = shared.settings.page_timeout * job.errand.task.pages();
    let time = match job.errand.task {
        Task::Sample => time.min(SAMPLE_TIME),
        _ => time,
    };
    let end = attempt(&mut process, &mut job, time, shared).await;
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
            // Before the next page's turn comes; the document is held until then.
            let document = Arc::clone(&job.errand.document);
            set_aside(process, &job.errand, shared);
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
            let of_document = job.errand.task.of_document();
            let is_band = matches!(job.errand.task, Task::Band(_));
            match (begun, cause) {
                // A band is read by the page's own worker, if by no other.
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
            tracing::info!(slot, ms, ?why, "a page was given up");
            shared.metrics.replaced(why);
            // Its memory is free before the next page takes some.
            process.kill().await;
            job.finish(Outcome::TimedOut);
        }
    }
}

fn set_aside(process: Process, errand: &Errand, shared: &Shared) {
    if errand.task == Task::Sample {
        shared.spares.put(process, shared.slots);
        return;
    }
    let memory = process.grown();
    if memory > shared.settings.worker_memory {
        shared.metrics.replaced(Gone::Worn);
    } else {
        shared.bound.park(errand.document.id, process, memory);
    }
}

/// How an attempt at a job ended.
enum End {
    Answered(Received),
    Died {
        error: io::Error,
        /// It had all that it needed: the document can be the cause.
        begun: bool,
    },
    GivenUp(Gone),
}

/// What a worker died of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The kernel ended it, for want of memory, or a person did: no program is able to do that to itself.
    Kernel,
    /// It asked the kernel for what no page takes.
    Sandbox,
    Crash,
}

impl Cause {
    /// By how it ended; `None` for one that had to be killed as it did not keep to what was agreed.
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
    let (errand, abandoned) = job.parts();
    let conversation = async {
        if let Err(error) = process.send(errand).await {
            return End::Died {
                error,
                begun: false,
            };
        }
        match help::answer(process, errand, shared).await {
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
        let document = &job.errand.document;
        let now = Instant::now().into_std();
        self.crashes
            .document_refused(&document.owner.key, &document.sha256, now)
            .is_some()
    }

    /// Whether workers are made of a template that no document of this key has crashed a copy of.
    fn may_begin(&self, key: &str) -> bool {
        self.spares.generation() > self.crashes.latest_template(key)
    }

    /// The same of this worker.
    fn may_serve(&self, process: &Process, key: &str) -> bool {
        process.generation() > self.crashes.latest_template(key)
    }

    fn crashed_at(&self, job: &Job, generation: u64) {
        self.spares.crashed(generation);
        if job.errand.task == Task::Sample {
            return;
        }
        let document = &job.errand.document;
        let (key, sha256) = (&document.owner.key, &document.sha256);
        let now = Instant::now().into_std();
        self.crashes.add(key, sha256, generation, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_kill_by_somebody_else_is_not_the_documents_fault() {
        let of = |wait_status| Cause::of(Some(ExitStatus::from_raw(wait_status)));
        assert_eq!(of(libc::SIGKILL), Cause::Kernel);
        assert_eq!(of(libc::SIGSYS), Cause::Sandbox);
        // The flag is for a core that was dumped.
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
