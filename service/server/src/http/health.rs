//! `/healthz` and `/readyz` answer without a key. `/readyz` reports more to clients with a key and to the host itself.
//! `/healthz/recognize` is for the host alone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use ocr_api::health::{
    Health, HealthStatus, Load, Readiness, Ready, Recognition, RecognitionStatus,
};
use utoipa::openapi::schema::{AnyOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::intake::client;
use super::outcome::problems::{KeyProblems, MethodProblem};
use super::{Service, not_found};
use crate::keyring::Known;
use crate::pool::Failure;

/// Longest wait for a worker that is busy with a page, on top of the time limit of the sample itself.
const FREE: Duration = Duration::from_secs(15);

#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    summary = "Check that the process answers",
    responses((status = 200, description = "The process answers", body = Health), MethodProblem),
)]
pub(super) async fn healthz(State(service): State<Arc<Service>>) -> impl IntoResponse {
    let health = Health {
        status: HealthStatus::Ok,
        release: service.release.clone(),
    };
    ([(CACHE_CONTROL, "no-store")], Json(health))
}

/// Answer of `/readyz`, with a key or without one.
struct Either;

impl PartialSchema for Either {
    fn schema() -> RefOr<Schema> {
        let either = AnyOfBuilder::new()
            .item(Ref::from_schema_name(Readiness::name()))
            .item(Ref::from_schema_name(Ready::name()));
        Schema::AnyOf(either.build()).into()
    }
}

impl ToSchema for Either {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Readiness::name().into_owned(), Readiness::schema()));
        schemas.push((Ready::name().into_owned(), Ready::schema()));
        Readiness::schemas(schemas);
    }
}

#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    summary = "Check that every worker has read a sample; with a key, get the service's state",
    responses(
        (status = 200, description = "Every worker is ready", body = inline(Either)),
        (
            status = 503,
            description = "Not every worker is ready, or the service is stopping",
            body = inline(Either),
        ),
        KeyProblems,
    ),
    security((), ("key" = [])),
)]
pub(super) async fn readyz(State(service): State<Arc<Service>>, request: Request) -> Response {
    let workers = service.pool.workers();
    let ready = workers.ready == workers.total && !service.draining.load(Ordering::Relaxed);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let headers = [(CACHE_CONTROL, "no-store")];
    // The load and the versions of the engine are reported only to clients with a key and to the host.
    if request.extensions().get::<Known>().is_none() && !client::is_host(&request) {
        return (status, headers, Json(Ready { ready })).into_response();
    }
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
    (status, headers, Json(readiness)).into_response()
}

/// Has the workers read the sample again, now. So it checks that documents are read, and not just that the process
/// answers. It costs workers' time, so clients over the proxy or TCP get 404.
pub(super) async fn recognize(State(service): State<Arc<Service>>, request: Request) -> Response {
    if !client::is_host(&request) {
        return not_found().await.into_response();
    }
    let began = Instant::now();
    let (status, error) = read_samples(&service).await;
    let recognition = Recognition {
        status,
        release: service.release.clone(),
        error,
        ms: began.elapsed().as_millis() as u64,
    };
    let status = match status {
        RecognitionStatus::Failed => StatusCode::SERVICE_UNAVAILABLE,
        RecognitionStatus::Ok | RecognitionStatus::Busy => StatusCode::OK,
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(recognition)).into_response()
}

async fn read_samples(service: &Service) -> (RecognitionStatus, Option<String>) {
    let workers = service.pool.workers();
    let failed = |why: String| (RecognitionStatus::Failed, Some(why));
    if workers.ready == 0 {
        let why = workers.error.map(|error| format!(": {error}"));
        return failed(format!("no worker is ready{}", why.unwrap_or_default()));
    }
    match tokio::time::timeout(FREE, service.pool.read_samples()).await {
        Ok(failures) => match failures.first() {
            None => (RecognitionStatus::Ok, None),
            Some(first) => failed(format!(
                "{} of {} workers did not read the sample: {}",
                failures.len(),
                workers.ready,
                describe(first)
            )),
        },
        // A free worker would have taken the sample at once.
        Err(_) if service.pool.queue().under_way > 0 => (RecognitionStatus::Busy, None),
        Err(_) => failed("no worker accepts work".to_owned()),
    }
}

fn describe(failure: &Failure) -> String {
    match failure {
        Failure::Fault(fault) => fault.detail.clone(),
        Failure::Crashed => "the worker crashed".to_owned(),
        Failure::TimedOut => "the worker hung and was replaced".to_owned(),
        Failure::NoRoom => "there was no memory for the answer".to_owned(),
        Failure::Refused(_) => "the sample was refused".to_owned(),
    }
}
