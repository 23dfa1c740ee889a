//! The HTTP routes: from a request to an answer or a problem. A file here is a route or several; what routes have in
//! common is in folders, each of which uses only those above it:
//!
//! | folder     | contents                                                                   |
//! |------------|----------------------------------------------------------------------------|
//! | `outcome`  | problems, and the line in the log                                          |
//! | `limits`   | what a request and a key may use                                           |
//! | `intake`   | from a request to a document: key, parameters, body                        |
//! | `reading`  | from a document to its pages and the conclusion about them                 |
//! | `cache`    | readings that are kept, and those that several requests wait for           |
//! | `formats`  | from a reading to the answer that the client asked for                     |

mod cache;
mod capacity;
mod formats;
mod health;
mod inspect;
mod intake;
mod limits;
mod metrics;
mod ocr;
mod openapi;
mod outcome;
mod page;
mod reading;

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use ocr_api::keys::Scope;
use ocr_api::problem::ProblemKind;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::keyring::Keyring;
use crate::memory::Memory;
use crate::pool::Pool;
use crate::rulebook::Rulebook;
use crate::usage::UsageLog;
use cache::Replays;
use intake::auth::{self, Gate};
#[cfg(fuzzing)]
pub use intake::fuzzing;
pub use intake::query::Offered;
use limits::attempts::Attempts;
use limits::budget::Budget;
use limits::days::Days;
use limits::quota::Quotas;
pub use limits::{Limits, ReplayLimits};
use metrics::Metrics;
use outcome::access;
use outcome::error::Rejection;

/// State that the routes share.
#[derive(Debug)]
pub struct Service {
    release: String,
    offered: Offered,
    limits: Limits,
    pool: Pool,
    keyring: Arc<Keyring>,
    rulebook: Arc<Rulebook>,
    /// Log of key usage. `None` if usage is not recorded.
    usage: Option<Arc<UsageLog>>,
    attempts: Attempts,
    quotas: Quotas,
    days: Arc<Days>,
    budget: Arc<Budget>,
    metrics: Metrics,
    replays: Arc<Replays>,
    /// Body of `/openapi.json`, which the router describes.
    openapi: OnceLock<Bytes>,
    next_document: AtomicU64,
    draining: AtomicBool,
}

impl Service {
    /// Creates the state.
    pub fn new(
        release: String,
        offered: Offered,
        limits: Limits,
        pool: Pool,
        keyring: Arc<Keyring>,
        rulebook: Arc<Rulebook>,
        usage: Option<Arc<UsageLog>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            budget: Budget::new(&limits, Arc::clone(pool.load())),
            days: Days::new(usage.clone()),
            metrics: Metrics::new(&release, &pool),
            replays: Replays::new(limits.replay),
            openapi: OnceLock::new(),
            release,
            offered,
            limits,
            pool,
            keyring,
            rulebook,
            usage,
            attempts: Attempts::default(),
            quotas: Quotas::default(),
            next_document: AtomicU64::new(1),
            draining: AtomicBool::new(false),
        })
    }

    /// Drops answers that are too old, in an endless loop.
    pub fn tidy(&self) -> impl Future<Output = ()> + Send + use<> {
        Arc::clone(&self.replays).tidy()
    }

    /// Memory that requests hold.
    pub fn memory(&self) -> Arc<Memory> {
        Arc::clone(self.budget.memory())
    }

    /// Makes `/readyz` answer 503 from now on, so that the service gets no new work.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

/// Router of all routes.
pub fn app(service: Arc<Service>) -> Router {
    let keyed = |gate: Gate| {
        axum::middleware::from_fn_with_state((Arc::clone(&service), gate), auth::require_key)
    };
    let ocr = OpenApiRouter::default()
        .routes(routes!(ocr::post))
        .layer(keyed(Gate::work(&[Scope::Ocr])));
    let codes = OpenApiRouter::default()
        .routes(routes!(ocr::post_codes))
        .layer(keyed(Gate::work(&[Scope::Codes])));
    let either = OpenApiRouter::default()
        .routes(routes!(inspect::post))
        .routes(routes!(inspect::post_preview))
        .layer(keyed(Gate::work(&[Scope::Ocr, Scope::Codes])));
    let capacity = OpenApiRouter::default()
        .routes(routes!(capacity::capacity))
        .layer(keyed(Gate::look(&Scope::ALL)));
    let readyz = OpenApiRouter::default()
        .routes(routes!(health::readyz))
        .layer(axum::middleware::from_fn_with_state(
            (Arc::clone(&service), Gate::look(&Scope::ALL)),
            auth::check_key,
        ));
    let metrics = OpenApiRouter::default()
        .routes(routes!(metrics::metrics))
        .layer(keyed(Gate::look(&[Scope::Metrics])));
    let (described, api) = OpenApiRouter::with_openapi(openapi::without_routes(&service.release))
        .merge(ocr)
        .merge(codes)
        .merge(either)
        .merge(capacity)
        .merge(metrics)
        .routes(routes!(health::healthz))
        .merge(readyz)
        .routes(routes!(openapi::openapi_json))
        .split_for_parts();
    let openapi = || openapi::json(api, &service.offered.languages).into();
    service.openapi.get_or_init(openapi);
    described
        .merge(page::routes())
        .route("/healthz/recognize", post(health::recognize))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&service),
            access::log,
        ))
        .with_state(service)
}

async fn not_found() -> Rejection {
    Rejection::new(
        ProblemKind::NotFound,
        "Send documents to POST /v1/ocr, /v1/codes or /v1/inspect. / is a page to try the service on; /healthz and /readyz report its state.",
    )
}

async fn wrong_method() -> Rejection {
    Rejection::new(
        ProblemKind::Method,
        "Send documents with POST; read /healthz and /readyz with GET.",
    )
}

/// Turns a panic into a problem, so that a bug costs one request. The panic's message is not logged, because it could
/// quote a document.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request handler panicked");
    Rejection::new(
        ProblemKind::Internal,
        "This is a bug in the service; report it with the request id.",
    )
    .into_response()
}
