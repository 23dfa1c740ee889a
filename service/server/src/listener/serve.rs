//! Accepts connections until the service stops, then finishes the requests under way.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection;
use super::places::Places;
use super::{Limits, Listener, Stream};

/// Pause after a failed accept. Mostly, the process has no file descriptors left, and others have to be closed first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections at the end of serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were open when the service began to stop, including those in the backlog.
    pub open: usize,
    /// Connections that were cut at the end of the drain time.
    pub cut: usize,
}

/// Serves until `stop` completes. Then accepts the connections in the backlog, closes the listener, and finishes the
/// requests in flight, within `drain`.
pub async fn serve(
    listener: Listener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
    drain: Duration,
) -> Drained {
    let (start_draining, draining) = watch::channel(false);
    let places = Places::new(limits.connections);
    let mut connections = JoinSet::new();
    let start = |connections: &mut JoinSet<()>, stream: Box<dyn Stream>| {
        let Some(place) = places.enter(stream.peer()) else {
            tracing::warn!("a connection was refused, because all connections are at work");
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
                // The client has disconnected already.
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
    start_draining.send_replace(true);
    while connections.try_join_next().is_some() {}
    let open = connections.len();
    tracing::info!(open, "draining");
    let all_ended = async { while connections.join_next().await.is_some() {} };
    // The connections that are left show whether the time was up.
    let _ = timeout(drain, all_ended).await;
    Drained {
        open,
        cut: connections.len(),
    }
}
