//! A place for one worker process: keeps one running there, and feeds it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ocr_api::health::Engine;
use tokio::time::{Instant, sleep, timeout};

use super::job::{Errand, Job, Outcome};
use super::process::Process;
use super::{Shared, help};
use crate::protocol::Reply;

/// Loading a model takes 0.1 s on an idle machine.
const START_TIMEOUT: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) async fn run(slot: u32, shared: Arc<Shared>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        match start(&shared).await {
            Ok((process, engine)) => {
                pause = FIRST_PAUSE;
                let ms = started.elapsed().as_millis() as u64;
                tracing::info!(slot, ms, "worker ready");
                shared.worker_ready(engine);
                work(slot, process, &shared).await;
            }
            Err(error) => {
                tracing::error!(slot, error, "worker did not start");
                shared.worker_failed(error);
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn start(shared: &Shared) -> Result<(Process, Engine), String> {
    let mut process = Process::spawn(&shared.settings)
        .map_err(|error| format!("can't start {}: {error}", shared.settings.program.display()))?;
    match timeout(START_TIMEOUT, process.ready()).await {
        Ok(Ok(engine)) => Ok((process, engine)),
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

/// Feeds jobs to a worker until that worker has to be replaced.
async fn work(slot: u32, mut process: Process, shared: &Shared) {
    loop {
        let idle = shared.helpers.idle();
        let job = tokio::select! {
            biased;
            status = process.ended() => {
                shared.worker_gone();
                tracing::warn!(slot, ?status, "an idle worker ended");
                return;
            }
            job = shared.queue.pop() => job,
            // Pages go before parts of pages: those are read in any case.
            job = shared.helpers.pop() => job,
        };
        drop(idle);
        if let Next::Replace = serve(slot, &mut process, job, shared).await {
            let status = process.kill().await;
            tracing::info!(slot, ?status, "worker replaced");
            return;
        }
    }
}

enum Next {
    Keep,
    Replace,
}

/// Whoever learns that a page is lost can also learn that a worker is: the status is changed first.
async fn serve(slot: u32, process: &mut Process, mut job: Job, shared: &Shared) -> Next {
    let started = Instant::now();
    let (errand, abandoned) = job.parts();
    let result = tokio::select! {
        result = timeout(shared.settings.page_timeout, converse(process, errand, shared)) => result,
        () = abandoned => {
            shared.worker_gone();
            tracing::info!(slot, "nobody waits for the page any more");
            return Next::Replace;
        }
    };
    let ms = started.elapsed().as_millis() as u64;
    match result {
        Ok(Ok(mut reply)) => {
            if let Reply::Page(read) = &mut reply {
                read.page.ms = ms;
            }
            job.finish(Outcome::Reply(reply));
            Next::Keep
        }
        Ok(Err(Death::Before(error))) => {
            tracing::warn!(slot, %error, "a worker died before it began with a page");
            shared.worker_gone();
            if job.may_try_again() {
                shared.queue.push_again(job);
            } else {
                job.finish(Outcome::Crashed);
            }
            Next::Replace
        }
        Ok(Err(Death::During(error))) => {
            tracing::warn!(slot, ms, %error, "a worker died at a page");
            shared.worker_gone();
            job.finish(Outcome::Crashed);
            Next::Replace
        }
        Err(_) => {
            tracing::warn!(slot, ms, "a page took too long");
            shared.worker_gone();
            job.finish(Outcome::TimedOut);
            Next::Replace
        }
    }
}

/// When a worker died: only in the second case can the document be the cause.
enum Death {
    Before(io::Error),
    During(io::Error),
}

async fn converse(process: &mut Process, errand: &Errand, shared: &Shared) -> Result<Reply, Death> {
    process.send(errand).await.map_err(Death::Before)?;
    help::answer(process, errand, shared)
        .await
        .map_err(Death::During)
}

impl Shared {
    fn worker_ready(&self, engine: Engine) {
        let mut status = self.status();
        status.ready += 1;
        status.engine = engine;
        status.error = None;
    }

    fn worker_gone(&self) {
        let mut status = self.status();
        status.ready = status.ready.saturating_sub(1);
    }

    fn worker_failed(&self, error: String) {
        self.status().error = Some(error);
    }
}
