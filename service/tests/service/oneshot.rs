//! The routes, called without a network.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use ocr_protocol::WorkerSettings;
use ocr_server::http::{Limits, Offered, ReplayLimits, Service, app};
use ocr_server::keyring::Keyring;
use ocr_server::pool::{Pool, PoolSettings};
use ocr_server::rulebook::Rulebook;
use tower::ServiceExt;

use crate::support::scan::pdfium_path;

async fn routes(keys: PathBuf) -> (Arc<Service>, Router) {
    let languages = vec!["eng".to_owned()];
    let pool = Pool::start(PoolSettings {
        program: env!("CARGO_BIN_EXE_ocr-service").into(),
        worker: WorkerSettings {
            languages: languages.clone(),
            pdfium: pdfium_path(),
            max_pixels: 10_000_000,
            pp_ocr: None,
            second_pass_lines: 0,
        },
        workers: 1,
        page_timeout: Duration::from_secs(30),
        require_sandbox: false,
        worker_memory: 1 << 30,
    });
    let limits = Limits {
        max_pages: 2000,
        max_upload: 1_000_000,
        deadline: Duration::from_secs(60),
        max_documents: 4,
        max_memory: 4_000_000,
        replay: ReplayLimits {
            bytes: 0,
            age: Duration::ZERO,
        },
    };
    let keyring = Keyring::open(keys).await;
    let rulebook = Rulebook::open("/nonexistent/rules.yaml".into()).await;
    let service = Service::new(
        "test".into(),
        Offered {
            languages,
            ..Offered::default()
        },
        limits,
        pool,
        keyring,
        rulebook,
        None,
    );
    let router = app(Arc::clone(&service));
    (service, router)
}

#[tokio::test]
async fn a_service_that_stops_is_healthy_but_not_ready() {
    let (service, router) = routes("/nonexistent/keys.json".into()).await;
    let get = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    for _ in 0..500 {
        if get("/readyz").await.0 == StatusCode::OK {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (status, body) = get("/readyz").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    service.start_draining();
    let (status, body) = get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("\"ready\":false"));
    assert_eq!(get("/healthz").await.0, StatusCode::OK);
}
