//! `GET /openapi.json`: the routes as OpenAPI 3.1. Each handler describes its route, and [`super::intake`] the request of
//! those that take a document. The tests run a fuzzer that compares the description with the service.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use ocr_api::problem::Problem;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa::{PartialSchema, ToSchema};

use super::outcome::problems::MethodProblem;
use super::{Service, intake};

/// The description without the routes.
pub(super) fn without_routes(release: &str) -> OpenApi {
    let info = InfoBuilder::new()
        .title("ocr-service")
        .version(release)
        .description(Some(
            "Documents in, text and structured codes out. Errors are application/problem+json (RFC 9457).",
        ));
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key: `Authorization: Bearer ocrk_…`."))
        .build();
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    let components = ComponentsBuilder::new()
        .security_scheme("key", SecurityScheme::Http(key))
        .schemas_from_iter(schemas);
    OpenApiBuilder::new()
        .info(info.build())
        .components(Some(components.build()))
        .build()
}

/// The description as JSON. Every route with POST takes a document.
pub(super) fn json(mut api: OpenApi, languages: &[String]) -> String {
    let paths = api.paths.paths.values_mut();
    for operation in paths.filter_map(|path| path.post.as_mut()) {
        intake::describe(operation, languages);
    }
    // The description consists of strings, numbers and lists, which always serialize.
    api.to_json().unwrap_or_default()
}

#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    summary = "This document",
    responses((status = 200, description = "This document", body = Object), MethodProblem),
)]
pub(super) async fn openapi_json(State(service): State<Arc<Service>>) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, service.openapi.get().cloned().unwrap_or_default())
}
