//! A connection, from its first byte to its close.

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

use super::Stream;
use super::answered::Answered;
use super::pace::Paced;
use super::places::{Place, Standing};

/// Time in which the head of a request has to arrive. Otherwise, the connection is closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest head of a request, in bytes. Proxies have a similar limit.
const MAX_HEAD: usize = 32 << 10;
/// Largest read buffer of a connection, in bytes. Answers are not copied into it.
const MAX_BUFFER: usize = 64 << 10;
/// Time for which an idle connection stays open after the service begins to stop. A request may be on its way, from a
/// client that connected before.
const QUIET_GRACE: Duration = Duration::from_secs(2);

/// Serves the requests of a connection. Once `draining` is true, the current request is the last one, and its answer
/// announces that.
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

    let grace_over = async {
        // The sender outlives every connection.
        let _ = draining.wait_for(|draining| *draining).await;
        sleep(QUIET_GRACE).await;
    };
    let result = tokio::select! {
        () = place.closed() => {
            tracing::debug!("a connection was closed to make room for another one");
            return;
        }
        result = connection.as_mut() => result,
        () = grace_over => {
            // A request is being answered, and its answer closes the connection. hyper's own shutdown would close a
            // connection whose request has only just begun.
            if at_hand.load(Ordering::Relaxed) == 0 {
                connection.as_mut().graceful_shutdown();
            }
            connection.await
        }
    };
    if let Err(error) = result {
        // The client disconnected during a request, or did not speak HTTP. The service is not at fault.
        tracing::debug!(%error, "connection ended");
    }
}

/// Counts a request while it is being answered.
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
