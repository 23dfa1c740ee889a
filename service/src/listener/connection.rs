//! One connection, from its first byte to its close.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio::time::sleep;

use super::answered::Answered;
use super::pace::Paced;
use super::places::{Place, Standing};
use super::socket::Stream;

/// A request's head arrives within this, or the connection is closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head; a proxy's own limit is about this.
const MAX_HEAD: usize = 32 << 10;
/// Bytes of a connection's buffer for what it reads. Answers are not copied into one.
const MAX_BUFFER: usize = 64 << 10;
/// When the service stops: how long a connection on which nothing is asked stays open. Its request may be on the way,
/// from a client that connected before.
const QUIET_GRACE: Duration = Duration::from_secs(2);

/// Serves the requests of a connection. Once `draining` is true, the request at hand is the last one, and its answer
/// says so.
pub(super) async fn serve(
    stream: Box<dyn Stream>,
    place: Arc<Place>,
    write_rate: u64,
    router: Router,
    mut draining: watch::Receiver<bool>,
) {
    let at_hand = Arc::new(AtomicUsize::new(0));
    let peer = stream.peer();
    let service = {
        let router = TowerToHyperService::new(router);
        let place = Arc::clone(&place);
        let (at_hand, draining) = (Arc::clone(&at_hand), draining.clone());
        service_fn(move |mut request: hyper::Request<Incoming>| {
            let guard = AtHand::new(&at_hand);
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            request.extensions_mut().insert(Standing::new(&place));
            let place = Arc::clone(&place);
            let response = router.call(request);
            let draining = draining.clone();
            async move {
                let _guard = guard;
                let mut response: Response = response.await?;
                if *draining.borrow() {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                if let Some(answering) = place.answering() {
                    response = response.map(|body| Answered::body(body, answering));
                }
                Ok::<_, Infallible>(response)
            }
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(MAX_HEAD)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(Paced::new(stream, write_rate)), service);
    tokio::pin!(connection);

    let told = async {
        // The sender outlives every connection.
        let _ = draining.wait_for(|draining| *draining).await;
        sleep(QUIET_GRACE).await;
    };
    let result = tokio::select! {
        () = place.closed() => {
            tracing::debug!("a connection was closed for another one");
            return;
        }
        result = connection.as_mut() => result,
        () = told => {
            // With a request at hand, its answer closes the connection; hyper's own shutdown would close one that
            // has only just begun.
            if at_hand.load(Ordering::Relaxed) == 0 {
                connection.as_mut().graceful_shutdown();
            }
            connection.await
        }
    };
    if let Err(error) = result {
        // A client that went away in the middle, or did not speak HTTP: its affair.
        tracing::debug!(%error, "connection ended");
    }
}

/// A request that is being answered.
struct AtHand(Arc<AtomicUsize>);

impl AtHand {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for AtHand {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
