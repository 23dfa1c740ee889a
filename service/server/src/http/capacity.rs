//! `GET /v1/capacity`: the service's load and the quota that the key has left.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use jiff::Timestamp;
use ocr_api::capacity::{Allowance, Capacity, KeyCapacity, QueueLoad, WorkerLoad};

use super::Service;
use super::limits::days;
use super::outcome::problems::KeyProblems;
use crate::keyring::Known;

#[utoipa::path(
    get,
    path = "/v1/capacity",
    operation_id = "capacity",
    summary = "Get the service's load",
    responses(
        (
            status = 200,
            description = "The service's load, and the quota that the key has left. This request does not count towards the quota.",
            body = Capacity,
        ),
        KeyProblems,
    ),
    security(("key" = [])),
)]
pub(super) async fn capacity(
    State(service): State<Arc<Service>>,
    Extension(known): Extension<Known>,
) -> impl IntoResponse {
    let workers = service.pool.workers();
    let load = service.pool.load();
    let held = service.budget.all();
    let capacity = Capacity {
        release: service.release.clone(),
        workers: WorkerLoad {
            total: workers.total,
            ready: workers.ready,
            busy: service.pool.queue().under_way,
        },
        queue: QueueLoad {
            documents: held.documents,
            max_documents: service.limits.max_documents as u64,
            pages: held.pages,
        },
        pages_per_second: load.pages_per_second(),
        page_ms: load.page_cost().as_secs_f64() * 1000.0,
        estimated_wait_ms: u64::try_from(service.pool.wait_of(&known.id).as_millis())
            .unwrap_or(u64::MAX),
        key: of_key(&service, &known),
    };
    ([(CACHE_CONTROL, "no-store")], Json(capacity))
}

fn of_key(service: &Service, known: &Known) -> KeyCapacity {
    let quota = known.quota.unwrap_or_default();
    let key: Arc<str> = known.id.as_str().into();
    let requests = service.budget.of(&key).documents;
    let now = Timestamp::now();
    let allowance = |limit: u32, used: u32| Allowance {
        limit,
        left: limit.saturating_sub(used),
    };
    KeyCapacity {
        id: known.id.clone(),
        requests_per_minute: quota.requests_per_minute.map(|limit| Allowance {
            limit,
            left: service.quotas.left(&key, limit),
        }),
        pages_per_day: quota
            .pages_per_day
            .map(|limit| allowance(limit, service.days.used(&key))),
        day_ends: days::midnight(now),
        concurrent_pages: quota
            .concurrent_pages
            .map(|limit| allowance(limit, u32::try_from(requests).unwrap_or(u32::MAX))),
    }
}
