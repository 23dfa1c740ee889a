//! Accepting connections until told to stop; then finishing what has begun.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection;
use super::places::Places;
use super::socket::Stream;
use super::{Limits, Listener};

/// After a failed accept, mostly for want of file descriptors: others have to close first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were open when it was told to stop, those in the backlog included.
    pub open: usize,
    /// Connections that had to be cut, as the time was up.
    pub cut: usize,
}

/// Serves until `stop` is done, then takes what is in the backlog, closes the listener, and finishes what is in flight, for
/// no longer than `drain`.
pub async fn serve(
    listener: Listener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
    drain: Duration,
) -> Drained {
    let (tell, draining) = watch::channel(false);
    let places = Places::new(limits.connections);
    let mut connections = JoinSet::new();
    let start = |connections: &mut JoinSet<()>, stream: Box<dyn Stream>| {
        let Some(place) = places.enter(stream.peer()) else {
            tracing::warn!("a connection was refused: as many as may be are at work");
            return;
        };
        connections.spawn(connection::serve(
            stream,
            place,
            limits.write_rate,
            router.clone(),
            draining.clone(),
        ));
    };
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok(stream) => start(&mut connections, stream),
                // That client has gone already.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "can't accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }

    for stream in listener.close() {
        start(&mut connections, stream);
    }
    tell.send_replace(true);
    while connections.try_join_next().is_some() {}
    let open = connections.len();
    tracing::info!(open, "draining");
    let all_ended = async { while connections.join_next().await.is_some() {} };
    // Whether the time was up shows in what is left.
    let _ = timeout(drain, all_ended).await;
    Drained {
        open,
        cut: connections.len(),
    }
}
