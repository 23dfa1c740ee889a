//! The host's end: `ocrctl agent` reads requests from standard input and answers with events on
//! standard output. It is root, it is no daemon, and it finishes what it began when its controller
//! is gone.

mod apply;
mod backup;
mod history;
pub mod keys;
mod logs;
pub mod renew;
pub mod restart;
pub mod status;
mod usage;

pub use apply::{Planned, plan};

use std::io::{BufRead, Read};

use tokio::sync::mpsc;

use crate::host::journal::Journal;
use crate::host::lock::Lock;
use crate::host::{Host, Operation};
use crate::resources::certificate::status as certificate;
use crate::resources::release::{Release, record};
use ocrctl_protocol::{Event, Level, PIECE, Request, Result, VERSION, refused};

/// Serves one connection until its standard input ends.
pub async fn run() {
    ignore_hangup();
    let mut operation = Operation::of(read_requests());
    operation.events.send(Event::Up);
    Box::pin(serve(&Host::real(), &mut operation)).await;
    operation.events.finish();
}

/// SIGHUP would end a rollout whose controller lost its connection. A closed standard output is an
/// error of `write`, which [`Emitter`](crate::host::Emitter) notes; Rust ignores SIGPIPE already.
fn ignore_hangup() {
    use tokio::signal::unix::{SignalKind, signal};
    // A handler that nobody polls is a signal ignored.
    if let Ok(hangup) = signal(SignalKind::hangup()) {
        std::mem::forget(hangup);
    }
}

fn read_requests() -> mpsc::UnboundedReceiver<std::result::Result<Request, String>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        while let Ok(Some(request)) = read_request(&mut input) {
            if sender.send(request).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The next request, with the bytes that follow it; `None` if there is no more.
fn read_request(
    input: &mut impl BufRead,
) -> std::io::Result<Option<std::result::Result<Request, String>>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    // serde's message can quote the input, and the input holds secrets: say where, not what.
    let mut request = serde_json::from_str(&line)
        .map_err(|e| format!("column {} of {} bytes", e.column(), line.len()));
    if let Ok(Request::Piece { length, data, .. }) = &mut request {
        input.take(*length).read_to_end(data)?;
        if *length > PIECE || data.len() as u64 != *length {
            return Ok(None);
        }
    }
    Ok(Some(request))
}

async fn serve(host: &Host, operation: &mut Operation) {
    let mut planned: Option<Planned> = None;
    let mut operator = String::from("unknown");
    while let Some(request) = operation.next().await {
        let outcome = match request {
            Err(position) => Err(refused(format!("a request is not understood ({position})"))),
            Ok(request) => answer(host, operation, request, &mut planned, &mut operator).await,
        };
        if let Err(failure) = outcome {
            operation.events.send(Event::Failed(failure));
        }
    }
}

async fn answer(
    host: &Host,
    operation: &mut Operation,
    request: Request,
    planned: &mut Option<Planned>,
    operator: &mut String,
) -> Result<()> {
    match request {
        Request::Hello {
            version,
            operator: name,
        } => {
            if version != VERSION {
                return Err(refused(format!(
                    "the controller speaks protocol {version}, this agent {VERSION}"
                )));
            }
            *operator = name;
            operation.events.send(Event::Hello {
                version: VERSION,
                notices: Journal::of(host).notices(),
            });
        }
        Request::Plan { desired } => {
            let plan = apply::plan(host, *desired).await?;
            for warning in &plan.warnings {
                operation.events.note(Level::Warning, warning.clone());
            }
            operation.events.send(Event::Planned {
                changes: plan.changes.clone(),
                fingerprint: plan.fingerprint(),
            });
            *planned = Some(plan);
        }
        Request::Apply {
            fingerprint,
            lock_wait,
        } => {
            let plan = planned
                .take()
                .filter(|plan| plan.fingerprint() == fingerprint)
                .ok_or_else(|| refused("there is no such plan on this connection".into()))?;
            apply::deploy(host, operation, operator, plan, lock_wait).await?;
        }
        Request::Releases => {
            let live = Release::live(host).await;
            let kept = record::kept(record::all(host)?);
            operation.events.send(Event::Releases { live, kept });
        }
        Request::History => {
            let entries = history::of(&Journal::of(host).entries(), Lock::held(host));
            operation.events.send(Event::History { entries });
        }
        Request::Rollback {
            desired,
            to,
            lock_wait,
        } => {
            apply::rollback(host, operation, operator, *desired, &to, lock_wait).await?;
        }
        Request::Restart { lock_wait } => {
            restart::restart(host, operation, operator, lock_wait).await?;
        }
        Request::Pull { desired, lock_wait } => {
            apply::pull(host, operation, operator, *desired, lock_wait).await?;
        }
        Request::TestAlerts => {
            let deliveries = crate::watch::test(host).await?;
            operation.events.send(Event::AlertsTested { deliveries });
        }
        Request::Keys { request } => {
            let keys = keys::answer(host, &operation.events, operator, request).await?;
            operation.events.send(Event::Keys(Box::new(keys)));
        }
        Request::Ca => {
            let pem = crate::resources::certificate::authority(host)?;
            operation.events.send(Event::Ca { pem });
        }
        Request::Certificate => {
            let status = certificate::read(host, jiff::Timestamp::now()).await?;
            operation.events.send(Event::Certificate(status));
        }
        Request::RenewCertificate { force } => {
            renew::for_operator(host, operation, operator, force).await?;
            let status = certificate::read(host, jiff::Timestamp::now()).await?;
            operation.events.send(Event::Certificate(status));
        }
        Request::Status { desired } => {
            let status = status::read(host, desired.map(|desired| *desired)).await;
            operation.events.send(Event::Status(Box::new(status)));
        }
        Request::Logs { scope } => logs::tell(host, operation, &scope).await?,
        Request::Audit { scope } => {
            let lines = crate::audit::audit(host, &scope).await;
            operation.events.send(Event::Audited { lines });
        }
        Request::Doctor { scope } => {
            let examined = crate::doctor::examine(host, &scope).await?;
            operation.events.send(Event::Examined(Box::new(examined)));
        }
        Request::Backup {
            environment,
            host: name,
            recipients,
        } => {
            let sealed = backup::seal(host, operator, &environment, &name, &recipients).await?;
            operation.events.send(sealed);
        }
        Request::RecordBackup { digest } => {
            operation
                .events
                .send(backup::record(host, operator, digest)?);
        }
        Request::Restore {
            contents,
            fingerprint,
        } => {
            let event = backup::restore(host, operator, &contents, fingerprint.as_deref()).await?;
            operation.events.send(event);
        }
        // Meant for an operation that has ended meanwhile.
        Request::Confirm | Request::Cancel | Request::Piece { .. } => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_follow_a_piece_and_a_cut_one_is_the_end() {
        let piece = b"{\"type\":\"piece\",\"id\":1,\"length\":3,\"packed\":false}\n";
        let mut input = piece.to_vec();
        input.extend(b"\n\0{");
        input.extend(b"{\"type\":\"cancel\"}\nnonsense\n");
        input.extend(piece);
        input.extend(b"ab");
        let mut input = input.as_slice();
        let mut next = || read_request(&mut input).unwrap();
        match next() {
            Some(Ok(Request::Piece { id: 1, data, .. })) => assert_eq!(data, b"\n\0{"),
            other => panic!("{other:?}"),
        }
        assert!(matches!(next(), Some(Ok(Request::Cancel))));
        assert!(matches!(next(), Some(Err(_))));
        assert!(next().is_none());
    }
}
