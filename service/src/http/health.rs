//! `/healthz` and `/readyz`, without a key.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use ocr_api::health::{Health, HealthStatus, Load, Readiness};

use super::Service;

pub(super) async fn healthz(State(service): State<Arc<Service>>) -> impl IntoResponse {
    let health = Health {
        status: HealthStatus::Ok,
        release: service.release.clone(),
    };
    ([(CACHE_CONTROL, "no-store")], Json(health))
}

pub(super) async fn readyz(State(service): State<Arc<Service>>) -> impl IntoResponse {
    let workers = service.pool.workers();
    let ready = workers.ready == workers.total && !service.draining.load(Ordering::Relaxed);
    let queue = service.pool.queue();
    let readiness = Readiness {
        ready,
        release: service.release.clone(),
        workers,
        load: Some(Load {
            busy: queue.under_way,
            waiting: queue.waiting,
            documents: service.budget.all().documents,
        }),
        keys: service.keyring.status(),
        rules: service.rulebook.status(),
        engine: service.pool.engine(),
    };
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(readiness))
}
