//! Spare workers, which have received nothing yet. As many are ready as there are slots, so that no document waits for
//! one to be made. They are copies of the template. After a crash, they are copies of a new template with other
//! addresses and another stack canary.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ocr_api::health::Engine;
use ocr_protocol::{Reply, Task};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Shared;
use super::metrics::Gone;
use super::process::Process;
use super::template::{NoCopy, Template};
use crate::document::Document;
use crate::pool::job::WorkItem;

/// Time limit for a new worker. A copy enters its sandbox within milliseconds, and reads the sample in a tenth of a
/// second.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Shortest time between two templates after crashes. Loading one takes half a second of a core.
const RENEWED_AFTER: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Most combinations of languages that templates load in advance.
const LEARNT: usize = 6;

#[derive(Debug, Default)]
pub(super) struct Spares {
    state: Mutex<State>,
    /// Wakes [`supply`] when there is work for it.
    wanted: Notify,
    made: Notify,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Process>,
    /// Number of the template that they are copies of, counted from 1.
    generation: u64,
    /// True if a copy of this template has crashed.
    crashed: bool,
    /// True if enough workers were ready, and none has failed to start since.
    works: bool,
    error: Option<String>,
    engine: Engine,
    /// Combinations of languages of documents so far.
    languages: Vec<String>,
}

impl Spares {
    /// Takes the worker that has been ready longest, as soon as there is one. The future may be dropped at any time
    /// without losing one.
    pub(super) async fn take(&self) -> Process {
        loop {
            if let Some(process) = self.next() {
                return process;
            }
            self.made.notified().await;
        }
    }

    fn next(&self) -> Option<Process> {
        let mut state = self.state();
        let process = state.ready.pop_front()?;
        if !state.ready.is_empty() {
            self.made.notify_one();
        }
        self.wanted.notify_one();
        Some(process)
    }

    /// Takes back a worker that received no document. It replaces one that was made meanwhile.
    pub(super) fn put(&self, process: Process, wanted: u32) {
        let mut state = self.state();
        if process.generation() == state.generation {
            state.ready.push_front(process);
            let surplus = state.ready.len().saturating_sub(wanted as usize);
            let kept = state.ready.len() - surplus;
            let gone = state.ready.split_off(kept);
            self.made.notify_one();
            drop(state);
            drop(gone);
        }
    }

    /// Number of the template that new workers are copies of.
    pub(super) fn generation(&self) -> u64 {
        self.state().generation
    }

    /// Records that a copy of a template has crashed. Its document may have learnt the layout of its memory.
    pub(super) fn crashed(&self, generation: u64) {
        let mut state = self.state();
        if generation == state.generation {
            state.crashed = true;
            self.wanted.notify_one();
        }
    }

    /// Makes later workers load a combination of languages at their start.
    pub(super) fn learn(&self, languages: &str) {
        let mut state = self.state();
        let combined = languages.contains('+');
        let known = state.languages.iter().any(|known| known == languages);
        if combined && !known && state.languages.len() < LEARNT {
            state.languages.push(languages.to_owned());
        }
    }

    /// Number of workers out of `wanted` that are ready or would be at once, while `working` are at work. Also the
    /// error that keeps others from becoming ready.
    pub(super) fn ready(&self, wanted: u32, working: u32) -> (u32, Option<String>) {
        let state = self.state();
        if state.works {
            return (wanted, None);
        }
        let spare = u32::try_from(state.ready.len()).unwrap_or(u32::MAX);
        (
            spare.saturating_add(working).min(wanted),
            state.error.clone(),
        )
    }

    pub(super) fn engine(&self) -> Engine {
        self.state().engine.clone()
    }

    fn lacks(&self, wanted: u32) -> bool {
        self.state().ready.len() < wanted as usize
    }

    fn is_stale(&self) -> bool {
        self.state().crashed
    }

    fn add(&self, process: Process, wanted: u32) {
        let mut state = self.state();
        state.ready.push_back(process);
        if state.ready.len() >= wanted as usize {
            state.works = true;
            state.error = None;
        }
        self.made.notify_one();
    }

    fn failed(&self, error: String) {
        let mut state = self.state();
        state.works = false;
        state.error = Some(error);
    }

    /// Switches to another template. Copies of the one before are dropped.
    fn renewed(&self, generation: u64, engine: Engine) {
        let mut state = self.state();
        state.generation = generation;
        state.engine = engine;
        state.crashed = false;
        let old = std::mem::take(&mut state.ready);
        drop(state);
        drop(old);
    }

    /// Removes workers that have exited.
    fn sweep(&self, shared: &Shared) {
        self.state().ready.retain_mut(|process| {
            let status = process.try_ended();
            if let Some(status) = status {
                shared.metrics.replaced(Gone::Idle);
                tracing::warn!(?status, "an idle worker ended");
            }
            status.is_none()
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Loaded = Result<(Template, Engine), String>;

/// Keeps spares ready, for as long as it is polled.
pub(super) async fn supply(shared: Arc<Shared>) {
    let spares = &shared.spares;
    let mut some_ended = signal(SignalKind::child()).ok();
    let mut template: Option<Template> = None;
    let mut loading: JoinSet<Loaded> = JoinSet::new();
    let mut renewable = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        if template.is_none() && loading.is_empty() {
            loading.spawn(load(Arc::clone(&shared), spares.generation() + 1));
        }
        if let Some(running) = template.as_mut().filter(|_| spares.lacks(shared.slots)) {
            match copy(running, &shared).await {
                Ok((process, _)) => {
                    pause = FIRST_PAUSE;
                    spares.add(process, shared.slots);
                }
                Err(NoCopy::Template(error)) => {
                    tracing::warn!(%error, "the workers' template failed");
                    template = None;
                }
                Err(NoCopy::Worker(error)) => {
                    tracing::error!(error, "worker did not start");
                    shared.metrics.replaced(Gone::Start);
                    spares.failed(error);
                    shared.bound.clear();
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            shared.count_ready();
            continue;
        }
        tokio::select! {
            Some(loaded) = loading.join_next() => {
                match loaded.unwrap_or_else(|error| Err(error.to_string())) {
                    Ok((running, engine)) => {
                        tracing::info!(generation = running.generation(), "workers ready");
                        pause = FIRST_PAUSE;
                        spares.renewed(running.generation(), engine);
                        template = Some(running);
                        shared.queue.wake();
                    }
                    Err(error) => {
                        tracing::error!(error, "worker did not start");
                        shared.metrics.replaced(Gone::Start);
                        // The service continues with the template before.
                        if template.is_none() {
                            spares.failed(error);
                        }
                        sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
                shared.count_ready();
            }
            () = spares.wanted.notified() => {}
            () = sleep_until(renewable), if spares.is_stale() && loading.is_empty() => {
                tracing::info!("loading another template, because a worker crashed");
                renewable = Instant::now() + RENEWED_AFTER;
                loading.spawn(load(Arc::clone(&shared), spares.generation() + 1));
            }
            () = ended(&mut some_ended) => {
                spares.sweep(&shared);
                shared.bound.sweep();
            }
        }
    }
}

async fn ended(some_ended: &mut Option<Signal>) {
    match some_ended {
        Some(some_ended) => {
            some_ended.recv().await;
        }
        None => pending().await,
    }
}

/// Loads another template. One copy of it has read the sample in its sandbox.
async fn load(shared: Arc<Shared>, generation: u64) -> Loaded {
    let settings = &shared.settings;
    let mut template = Template::start(settings, generation)
        .map_err(|error| format!("can't start {}: {error}", settings.program.display()))?;
    let (mut process, engine) = match copy(&mut template, &shared).await {
        Ok(made) => made,
        Err(NoCopy::Template(error)) => return Err(template.end(&error).await),
        Err(NoCopy::Worker(error)) => return Err(error),
    };
    let sample = WorkItem {
        document: Arc::new(Document::none()),
        task: Task::Sample,
        pixels: None,
        alone: false,
    };
    let read = async {
        process.send(&sample).await?;
        let received = process.receive(sample.document.charge.account()).await?;
        received
            .map(|charged| charged.value)
            .map_err(|_| io::Error::other("no memory for its answer"))
    };
    match timeout(START_TIMEOUT, read).await {
        Ok(Ok(Reply::SampleRead)) => Ok((template, engine)),
        Ok(Ok(Reply::Fault(fault))) => Err(fault.detail),
        Ok(Ok(_)) => Err("its reply does not match the request".to_owned()),
        Ok(Err(error)) => Err(format!("it crashed at the sample: {error}")),
        Err(_) => Err(format!(
            "it did not read the sample within {} s",
            START_TIMEOUT.as_secs()
        )),
    }
}

/// A copy in its sandbox.
async fn copy(template: &mut Template, shared: &Shared) -> Result<(Process, Engine), NoCopy> {
    let languages = shared.spares.state().languages.clone();
    let mut process = template.copy(&languages).await?;
    match timeout(START_TIMEOUT, process.ready()).await {
        Ok(Ok(engine)) => {
            let missing = engine.sandbox.missing();
            if shared.settings.require_sandbox && !missing.is_empty() {
                return Err(NoCopy::Worker(format!(
                    "--require-sandbox: its sandbox lacks {}; the log has the reason",
                    missing.join(", ")
                )));
            }
            Ok((process, engine))
        }
        Ok(Err(error)) => {
            let status = process.kill().await;
            let status = status.map_or_else(|| error.to_string(), |status| status.to_string());
            Err(NoCopy::Worker(format!(
                "it ended before it was ready ({status}); its error output is in the log"
            )))
        }
        Err(_) => Err(NoCopy::Worker(format!(
            "it was not ready within {} s",
            START_TIMEOUT.as_secs()
        ))),
    }
}
