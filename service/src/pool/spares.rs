//! Workers that have been given nothing yet. As many are ready as there are slots, so that a document waits for none to be
//! made. They are copies of the template; after a crash, of a new one, whose addresses and stack canary are others.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ocr_api::health::Engine;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Shared;
use super::metrics::Gone;
use super::process::Process;
use super::template::{NoCopy, Template};
use crate::document::Document;
use crate::pool::job::Errand;
use crate::protocol::{Reply, Task};

/// A copy locks itself in within milliseconds, and reads the sample in a tenth of a second.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two templates after crashes. Loading one takes half a second of a core.
const RENEWED_AFTER: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Combinations of languages that templates are asked to load.
const LEARNT: usize = 6;

#[derive(Debug, Default)]
pub(super) struct Spares {
    state: Mutex<State>,
    /// There is something for [`supply`] to do.
    wanted: Notify,
    made: Notify,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Process>,
    /// Which template they are copies of, counted from 1.
    generation: u64,
    /// One of its copies has crashed.
    crashed: bool,
    /// As many as wanted were ready, and no attempt to make one has failed since.
    works: bool,
    error: Option<String>,
    engine: Engine,
    /// Combinations of languages that documents were in.
    languages: Vec<String>,
}

impl Spares {
    /// The one that is ready for the longest time, as soon as there is one. May be dropped at any time without losing one.
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

    /// Takes back one that was given no document, in place of one that was made meanwhile.
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

    /// Which template new workers are copies of.
    pub(super) fn generation(&self) -> u64 {
        self.state().generation
    }

    /// Notes that a copy of a template has crashed: whatever it was given may have learnt how its memory is laid out.
    pub(super) fn crashed(&self, generation: u64) {
        let mut state = self.state();
        if generation == state.generation {
            state.crashed = true;
            self.wanted.notify_one();
        }
    }

    /// Has later workers know a combination of languages from the start.
    pub(super) fn learn(&self, languages: &str) {
        let mut state = self.state();
        let combined = languages.contains('+');
        let known = state.languages.iter().any(|known| known == languages);
        if combined && !known && state.languages.len() < LEARNT {
            state.languages.push(languages.to_owned());
        }
    }

    /// How many of `wanted` workers there are or would be at once, while `working` have something to do; why not all.
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

    /// Another template is there: copies of the one before are not given to anybody any more.
    fn renewed(&self, generation: u64, engine: Engine) {
        let mut state = self.state();
        state.generation = generation;
        state.engine = engine;
        state.crashed = false;
        let old = std::mem::take(&mut state.ready);
        drop(state);
        drop(old);
    }

    /// Removes those that have ended.
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
        // Each change of it leaves it whole.
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
                    tracing::warn!(%error, "the workers' template is of no use any more");
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
                        // With the one before, the service goes on.
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
                tracing::info!("loading another template, as a worker crashed");
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

/// Another template, of which one copy has read the sample within the sandbox.
async fn load(shared: Arc<Shared>, generation: u64) -> Loaded {
    let settings = &shared.settings;
    let mut template = Template::start(settings, generation)
        .map_err(|error| format!("can't start {}: {error}", settings.program.display()))?;
    let (mut process, engine) = match copy(&mut template, &shared).await {
        Ok(made) => made,
        Err(NoCopy::Template(error)) => return Err(template.end(&error).await),
        Err(NoCopy::Worker(error)) => return Err(error),
    };
    let sample = Errand {
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
            .map_err(|_| io::Error::other("no room for its answer"))
    };
    match timeout(START_TIMEOUT, read).await {
        Ok(Ok(Reply::SampleRead)) => Ok((template, engine)),
        Ok(Ok(Reply::Fault(fault))) => Err(fault.detail),
        Ok(Ok(_)) => Err("it answered another question".to_owned()),
        Ok(Err(error)) => Err(format!("it ended at the sample: {error}")),
        Err(_) => Err(format!("no sample within {} s", START_TIMEOUT.as_secs())),
    }
}

/// A copy within its sandbox.
async fn copy(template: &mut Template, shared: &Shared) -> Result<(Process, Engine), NoCopy> {
    let languages = shared.spares.state().languages.clone();
    let mut process = template.copy(&languages).await?;
    match timeout(START_TIMEOUT, process.ready()).await {
        Ok(Ok(engine)) => {
            let missing = engine.sandbox.missing();
            if shared.settings.require_sandbox && !missing.is_empty() {
                return Err(NoCopy::Worker(format!(
                    "--require-sandbox: its sandbox lacks {}; the log says why",
                    missing.join(", ")
                )));
            }
            Ok((process, engine))
        }
        Ok(Err(error)) => {
            let status = process.kill().await;
            let status = status.map_or_else(|| error.to_string(), |status| status.to_string());
            Err(NoCopy::Worker(format!(
                "it ended before it was ready ({status}); its complaint is in the log"
            )))
        }
        Err(_) => Err(NoCopy::Worker(format!(
            "not ready within {} s",
            START_TIMEOUT.as_secs()
        ))),
    }
}
