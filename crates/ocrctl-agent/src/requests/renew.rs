//! Renewing the certificate apart from a deploy: by the host's own timer, or because an operator asks.

use std::time::Duration;

use crate::host::journal::{Journal, State};
use crate::host::lock::Lock;
use crate::host::{Host, Operation};
use crate::resources::certificate::renewal::{Ended, Renewal};
use crate::resources::certificate::schedule::Asker;
use crate::resources::certificate::settings::Settings;
use crate::resources::certificate::{Surroundings, status};
use ocrctl_protocol::{FailureKind, Level, Result};

/// A deploy may be under way.
const WAIT_OF_TIMER: Duration = Duration::from_secs(30 * 60);
/// The operator's name in the lock and the journal.
const TIMER: &str = "the host's timer";

/// Runs `ocrctl renew` on a host and reports progress to `tell`.
///
/// # Errors
/// There is no new certificate where there should be one, or the one in place is near its end: systemd then shows the
/// service as failed.
pub async fn by_timer(host: &Host, mut tell: impl FnMut(&str)) -> Result<()> {
    let (Ended::NotDue(what) | Ended::Renewed(what)) =
        when_due(host, &Surroundings::of_host()?, &mut tell).await?;
    tell(&what);
    let status = status::read(host, jiff::Timestamp::now()).await?;
    match status.problems.as_slice() {
        [] => Ok(()),
        problems => Err(ocrctl_protocol::Failure::new(format!(
            "the certificate needs attention: {}",
            problems.join("; ")
        ))),
    }
}

/// Renews where that is due, one run after the other.
pub async fn when_due(
    host: &Host,
    surroundings: &Surroundings,
    tell: &mut dyn FnMut(&str),
) -> Result<Ended> {
    let _lock = Lock::take(host, TIMER, "renewal", WAIT_OF_TIMER).await?;
    let settings = Settings::read(host)?;
    let renewal = Renewal {
        host,
        settings: &settings,
        external_account: None,
        surroundings,
        asker: Asker::Timer,
        renew_now: false,
        now: jiff::Timestamp::now(),
    };
    let ended = renewal.run(tell).await;
    let (state, detail) = match &ended {
        Ok(Ended::NotDue(_)) => return ended,
        Ok(Ended::Renewed(what)) => (State::Done, what.clone()),
        Err(failure) => (State::Failed, failure.message.clone()),
    };
    Journal::of(host).add(TIMER, "renewal", state, Some(detail))?;
    ended
}

/// `ocrctl cert renew`.
pub async fn for_operator(
    host: &Host,
    operation: &mut Operation,
    operator: &str,
    force: bool,
) -> Result<()> {
    let _lock = Lock::take(host, operator, "renewal", Duration::ZERO).await?;
    let settings = Settings::read(host)?;
    let surroundings = Surroundings::of_host()?;
    let renewal = Renewal {
        host,
        settings: &settings,
        external_account: None,
        surroundings: &surroundings,
        asker: if force { Asker::Force } else { Asker::Operator },
        renew_now: force,
        now: jiff::Timestamp::now(),
    };
    let journal = Journal::of(host);
    journal.add(operator, "renewal", State::Began, None)?;
    let events = &operation.events;
    let mut tell = |what: &str| events.progress("certificate", what, None);
    let ended = renewal.run(&mut tell).await;
    let (state, detail) = match &ended {
        Ok(Ended::NotDue(why)) => (State::Done, format!("not due: {why}")),
        Ok(Ended::Renewed(what)) => (State::Done, what.clone()),
        Err(failure) => (State::Failed, failure.message.clone()),
    };
    journal.add(operator, "renewal", state, Some(detail.clone()))?;
    match ended {
        Ok(_) => {
            events.note(Level::Info, detail);
            Ok(())
        }
        Err(failure) => Err(ocrctl_protocol::Failure {
            kind: FailureKind::Failed,
            ..failure
        }),
    }
}
