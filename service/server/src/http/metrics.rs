//! `GET /metrics`, for Prometheus. It needs a key with the scope `metrics`. The address of a request is no criterion:
//! over a Unix socket all requests come from the proxy, and over loopback they may, too.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ocr_api::answer::Page;
use ocr_api::code::Code;
use ocr_api::keys::KeyFile;
use ocr_api::problem::ProblemKind;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use serde::Serialize;

use super::Service;
use super::outcome::error::Rejection;
use super::outcome::problems::{InternalProblem, KeyProblems};
use crate::pool::{Pool, SECONDS};

type Labels<const N: usize> = [(&'static str, String); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Counters updated while requests are answered. Labels have few values: routes instead of paths, and only keys of the
/// key file.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Counters<3>,
    duration: Histograms<1>,
    upload: Histogram,
    pages: Counters<2>,
    codes: Counters<2>,
    replays: Counters<1>,
    key_requests: Counters<1>,
    key_pages: Counters<1>,
    /// Keys that have series.
    keys: Mutex<BTreeSet<String>>,
    now: Gauges,
}

/// Values that are read when the metrics are requested.
#[derive(Debug, Default)]
struct Gauges {
    workers: Family<Labels<1>, Gauge>,
    queue_jobs: Gauge,
    documents: Gauge,
    document_bytes: Gauge,
    pages_left: Gauge,
    cache_bytes: Gauge,
    cache_answers: Gauge,
}

impl Metrics {
    /// Creates the metrics. `release` is named in `ocr_build_info`.
    pub(super) fn new(release: &str, pool: &Pool) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("ocr"),
            requests: Family::default(),
            duration: Family::new_with_constructor(histogram),
            upload: histogram(),
            pages: Family::default(),
            codes: Family::default(),
            replays: Family::default(),
            key_requests: Family::default(),
            key_pages: Family::default(),
            keys: Mutex::default(),
            now: Gauges::default(),
        };
        metrics.register(release, pool);
        metrics
    }

    fn register(&mut self, release: &str, pool: &Pool) {
        let registry = &mut self.registry;
        registry.register(
            "build",
            "The running release",
            Info::new([
                ("release", release.to_owned()),
                ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ]),
        );
        registry.register(
            "http_requests",
            "Requests answered, by route, method and status",
            self.requests.clone(),
        );
        registry.register(
            "http_request_seconds",
            "Time from a request's head to its answer, by route",
            self.duration.clone(),
        );
        registry.register(
            "upload_seconds",
            "Time from a request's head to the last byte of its document",
            self.upload.clone(),
        );
        registry.register(
            "pages",
            "Pages read for a request, not answered from the cache, by method (none: not read) and status",
            self.pages.clone(),
        );
        registry.register(
            "codes",
            "Codes found by reading, not answered from the cache, by type and check (none: the type has none)",
            self.codes.clone(),
        );
        registry.register(
            "cache_requests",
            "Documents by source of their answer: hit, collapsed (joined a request under way), miss, bypass",
            self.replays.clone(),
        );
        registry.register(
            "key_requests",
            "Requests with a known API key, by its id",
            self.key_requests.clone(),
        );
        registry.register(
            "key_pages",
            "Pages read for an API key, by its id",
            self.key_pages.clone(),
        );
        self.now.register(registry);
        pool.register(registry);
    }

    /// Counts an answered request. `key` is the id of a key in the key file.
    pub(super) fn answered(
        &self,
        (route, method, status): (&str, &str, u16),
        key: Option<&str>,
        time: Duration,
    ) {
        self.requests
            .get_or_create(&[
                ("route", route.to_owned()),
                ("method", method.to_owned()),
                ("status", status.to_string()),
            ])
            .inc();
        self.duration
            .get_or_create(&[("route", route.to_owned())])
            .observe(time.as_secs_f64());
        if let Some(key) = key {
            self.known(key);
            self.key_requests
                .get_or_create(&[("key", key.to_owned())])
                .inc();
        }
    }

    pub(super) fn uploaded(&self, time: Duration) {
        self.upload.observe(time.as_secs_f64());
    }

    /// Counts a page that was answered by work for a key.
    pub(super) fn page(&self, page: &Page, key: &str) {
        self.pages
            .get_or_create(&[("method", name(page.method)), ("status", name(page.status))])
            .inc();
        self.known(key);
        self.key_pages
            .get_or_create(&[("key", key.to_owned())])
            .inc();
    }

    /// Counts codes that were found by work.
    pub(super) fn found(&self, codes: &[Code]) {
        for code in codes {
            let check = match &code.check {
                Some(check) if check.ok => "ok",
                Some(_) => "failed",
                None => "none",
            };
            self.codes
                .get_or_create(&[("type", code.kind.clone()), ("check", check.to_owned())])
                .inc();
        }
    }

    /// Counts a document by the source of its answer, for `ocr_cache_requests_total`.
    pub(super) fn replayed(&self, how: &'static str) {
        self.replays
            .get_or_create(&[("result", how.to_owned())])
            .inc();
    }

    fn known(&self, key: &str) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.contains(key) {
            keys.insert(key.to_owned());
        }
    }

    /// Drops the series of keys that are no longer in the key file.
    fn prune(&self, file: &KeyFile) {
        let there: HashSet<&str> = file.keys.iter().map(|record| record.id.as_str()).collect();
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|key| {
            let keep = there.contains(key.as_str());
            if !keep {
                self.key_requests.remove(&[("key", key.clone())]);
                self.key_pages.remove(&[("key", key.clone())]);
            }
            keep
        });
    }
}

impl Gauges {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "workers",
            "Worker processes: wanted, ready, busy",
            self.workers.clone(),
        );
        registry.register(
            "queue_jobs",
            "Jobs (pages, or counts of a document's pages) that wait for a worker",
            self.queue_jobs.clone(),
        );
        registry.register(
            "documents",
            "Documents in the service",
            self.documents.clone(),
        );
        registry.register(
            "document_bytes",
            "Bytes of documents, pages and answers in the service",
            self.document_bytes.clone(),
        );
        registry.register(
            "pages_left",
            "Pages that the requests in the service still have to get",
            self.pages_left.clone(),
        );
        registry.register(
            "cache_bytes",
            "Approximate memory of cached answers, in bytes",
            self.cache_bytes.clone(),
        );
        registry.register(
            "cache_answers",
            "Cached answers",
            self.cache_answers.clone(),
        );
    }

    fn set(&self, service: &Service) {
        let workers = service.pool.workers();
        let queue = service.pool.queue();
        for (state, count) in [
            ("wanted", workers.total),
            ("ready", workers.ready),
            ("busy", queue.under_way),
        ] {
            self.workers
                .get_or_create(&[("state", state.to_owned())])
                .set(i64::from(count));
        }
        let held = service.budget.all();
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.queue_jobs.set(i64::from(queue.waiting));
        self.documents.set(gauge(held.documents));
        self.document_bytes
            .set(gauge(service.budget.memory().all()));
        self.pages_left.set(gauge(held.pages));
        let (bytes, answers) = service.replays.size();
        self.cache_bytes.set(gauge(bytes));
        self.cache_answers.set(gauge(answers as u64));
    }
}

#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    summary = "Metrics for Prometheus",
    responses(
        (
            status = 200,
            description = "Prometheus' text format. The key needs the scope `metrics`.",
            body = String,
        ),
        KeyProblems,
        InternalProblem,
    ),
    security(("key" = [])),
)]
pub(super) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let metrics = &service.metrics;
    metrics.now.set(&service);
    metrics.prune(&service.keyring.file());
    let mut text = String::new();
    if prometheus_text::encode(&mut text, &metrics.registry).is_err() {
        tracing::error!("the metrics can't be written");
        return Rejection::new(
            ProblemKind::Internal,
            "This is a bug in the service; report it with the request id.",
        )
        .into_response();
    }
    let headers = [
        (CONTENT_TYPE, prometheus_text::CONTENT_TYPE),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

/// The name that a value has in answers.
fn name(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "none".to_owned(),
    }
}
