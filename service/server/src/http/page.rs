//! `GET /`: a page on which people try the service. The page needs no key; its requests to the service do.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

use super::Service;

/// Allows the page's own script and style, and pictures from the page itself or from documents that the person chose.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

pub(super) fn routes() -> Router<Arc<Service>> {
    let html = include_str!("page/index.html");
    let script = include_str!("page/page.js");
    let style = include_str!("page/page.css");
    Router::new()
        .route("/", get(|| async { file("text/html", html) }))
        .route(
            "/page.js",
            get(|| async { file("text/javascript", script) }),
        )
        .route("/page.css", get(|| async { file("text/css", style) }))
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        // The next release has its own version of the page.
        (CACHE_CONTROL, "no-cache".to_owned()),
    ];
    (headers, text)
}
