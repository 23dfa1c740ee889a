//! The watcher of a host: `ocrctl watch`, every 30 s by a timer. It checks, repairs what it can, and reports what has
//! changed. It needs neither its operator nor the controller.

mod channel;
mod judge;
mod mail;
mod message;
pub mod metrics;
mod repair;
pub mod settings;
mod smtp;
mod state;

use std::time::Duration;

use jiff::Timestamp;

use crate::health;
use crate::host::journal::{Journal, State as Ending};
use crate::host::lock::Lock;
use crate::host::{Host, Operation, systemd};
use crate::resources::release::Release;
use channel::Channels;
use judge::Facts;
use message::Message;
use ocrctl_protocol::alerts::Delivery;
use ocrctl_protocol::health::NginxState;
use ocrctl_protocol::{FailureKind, Result};
use repair::{Attempt, Repair};
use settings::Settings;
use state::State;

/// The operator's name in the lock and the journal.
pub const WATCHER: &str = "the host's watcher";
/// A run that is under way goes first.
const TURN: Duration = Duration::from_secs(60);
/// Problems that pass within this time are not reported.
const SECOND_LOOK: Duration = Duration::from_secs(3);
/// A repair can reveal another problem, so that there are two rounds.
const ROUNDS: usize = 2;

/// Runs once. `tell` gets the lines for the host's journal.
///
/// # Errors
/// The state can't be written, so that everything would be reported again.
pub async fn run(host: &Host, mut tell: impl FnMut(&str)) -> Result<()> {
    let Some(settings) = Settings::read(host)? else {
        tell("nothing was deployed here yet");
        return Ok(());
    };
    let _turn = Lock::take_for_watch(host, TURN).await?;
    if let Err(failure) = Journal::of(host).turn() {
        tell(&failure.message);
    }
    let channels = Channels::read(host)?;
    let mut state = State::read(host);
    // Whoever holds it is about to change what would be judged.
    if !Lock::held(host)
        && let Some((facts, told)) = look(host, &settings, &mut state).await?
    {
        for message in told {
            tell(&message.text());
            state.send(message, &channels);
        }
        if let Err(failure) = metrics::write(host, &settings, &facts, &state) {
            tell(&failure.message);
        }
    }
    // First, as what is sent and forgotten would be sent again.
    state.write(host)?;
    for failed in channels.deliver(&mut state.outbox).await {
        tell(&failed);
    }
    if state.open.is_empty()
        && let Some(Err(failed)) = channels.ping().await
    {
        tell(&format!("ping: {failed}"));
    }
    state.write(host)
}

/// `ocrctl alerts test`.
pub async fn test(host: &Host) -> Result<Vec<Delivery>> {
    let Some(settings) = Settings::read(host)? else {
        return Ok(Vec::new());
    };
    let channels = Channels::read(host)?;
    Ok(channels.test(&Message::test(&settings)).await)
}

/// Checks and repairs. `None` if an operation has begun meanwhile, which may explain everything.
async fn look(
    host: &Host,
    settings: &Settings,
    state: &mut State,
) -> Result<Option<(Facts, Vec<Message>)>> {
    let mut facts = read(host).await;
    let first = judge::problems(&facts, &state.open);
    let mut last = first.clone();
    if judge::has_new(&first, &state.open) {
        tokio::time::sleep(SECOND_LOOK).await;
        facts = read(host).await;
        last = judge::problems(&facts, &state.open);
    }
    let mut attempts: Vec<Attempt> = Vec::new();
    for _ in 0..ROUNDS {
        let repairs = judge::repairs(&last, &facts, state, settings);
        if repairs.is_empty() {
            break;
        }
        let lock = match Lock::take(host, WATCHER, "repair", Duration::ZERO).await {
            Err(failure) if failure.kind == FailureKind::Locked => return Ok(None),
            lock => lock?,
        };
        // Seen before the lock was ours: it may have been an operation that has ended since.
        facts = read(host).await;
        last = judge::problems(&facts, &state.open);
        for repair in judge::repairs(&last, &facts, state, settings) {
            let attempt = attempt(host, settings, repair).await;
            state.repaired(&attempt);
            attempts.push(attempt);
        }
        drop(lock);
        facts = read(host).await;
        last = judge::problems(&facts, &state.open);
    }
    if Lock::held(host) {
        return Ok(None);
    }
    let told = judge::changes(&mut state.open, &first, &last, &attempts, facts.at);
    state.run = Some(facts.at);
    let told = told.into_iter().map(|change| change.of(settings)).collect();
    Ok(Some((facts, told)))
}

async fn attempt(host: &Host, settings: &Settings, repair: Repair) -> Attempt {
    let mut operation = Operation::alone();
    let outcome = repair::apply(host, settings, repair, &mut operation).await;
    let attempt = Attempt {
        at: Timestamp::now(),
        repair,
        outcome: outcome.map_err(|failure| failure.message),
    };
    let (state, detail) = match &attempt.outcome {
        Ok(Some(done)) => (Ending::Done, done.clone()),
        Ok(None) => return attempt,
        Err(failed) => (Ending::Failed, format!("{}: {failed}", repair.doing())),
    };
    // With a full disk there is no room for the entry; the message is sent all the same.
    let _ = Journal::of(host).add(WATCHER, "repair", state, Some(detail));
    attempt
}

async fn read(host: &Host) -> Facts {
    let at = Timestamp::now();
    let health = health::read(host, at).await;
    let starting = judge::starting(&health, at);
    // One that does not even answer would only be waited for.
    let answers = health
        .release
        .as_ref()
        .is_some_and(|live| live.says.is_some());
    let recognition = if answers && !starting {
        Release::recognition(host).await
    } else {
        None
    };
    Facts {
        at,
        nginx_runs: matches!(health.nginx, NginxState::Answers { .. })
            || systemd::is_active(host, "nginx").await,
        docker_runs: health.release.is_some() || systemd::is_active(host, "docker").await,
        health,
        recognition,
    }
}
