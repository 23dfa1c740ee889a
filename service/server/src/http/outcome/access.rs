//! One log line per request, and the request id. The id stands in the log, in a header of the answer and in every
//! problem.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use ocr_api::code::Code;

use super::error::Rejection;
use crate::http::Service;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_ID: usize = 64;
/// Routes that machines call every second. Their requests are logged at debug level.
const QUIET: [&str; 3] = ["/healthz", "/readyz", "/healthz/recognize"];

/// A request's id. It is the proxy's if the proxy sent a valid one.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Fields that a handler adds to its request's log line. Keys and content are never among them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted {
    pub(crate) key: Option<String>,
    pub(crate) refused: Option<String>,
    pub(crate) document: Option<String>,
    pub(crate) sha256: Option<String>,
    pub(crate) bytes: Option<u64>,
    pub(crate) pages: Option<usize>,
    pub(crate) complete: Option<bool>,
    /// Number of codes found, by type. The codes themselves are never logged.
    pub(crate) codes: Option<BTreeMap<String, u32>>,
    /// Source of the answer: `hit`, `collapsed`, `miss` or `bypass`.
    pub(crate) cache: Option<&'static str>,
}

/// Log fields collected while a request is answered. The log line has them even if the client disconnects before the
/// answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Noted>>);

impl Notes {
    /// Merges fields that have become known. New values replace old ones.
    pub(crate) fn add(&self, noted: &Noted) {
        let mut notes = self.lock();
        *notes = noted.clone().or(std::mem::take(&mut *notes));
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Noted> {
        // Each note is a single assignment, so a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts codes by type.
pub(crate) fn count_codes(codes: &[Code]) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for code in codes {
        *counts.entry(code.kind.clone()).or_default() += 1;
    }
    counts
}

impl Noted {
    /// Fills fields that are missing in `self` from `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            key: self.key.or(other.key),
            refused: self.refused.or(other.refused),
            document: self.document.or(other.document),
            sha256: self.sha256.or(other.sha256),
            bytes: self.bytes.or(other.bytes),
            pages: self.pages.or(other.pages),
            complete: self.complete.or(other.complete),
            codes: self.codes.or(other.codes),
            cache: self.cache.or(other.cache),
        }
    }
}

/// Adds log fields to a response.
pub(crate) fn note(response: &mut Response, noted: Noted) {
    let before = response
        .extensions_mut()
        .remove::<Noted>()
        .unwrap_or_default();
    response.extensions_mut().insert(before.or(noted));
}

/// Turns a handler's result into a response that carries its log fields.
pub(crate) fn noted(result: Result<Response, Rejection>, noted: Noted) -> Response {
    let mut response = result.unwrap_or_else(IntoResponse::into_response);
    note(&mut response, noted);
    response
}

pub(crate) async fn log(
    State(service): State<Arc<Service>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(valid_id)
        .unwrap_or_else(new_id);
    let notes = Notes::default();
    let route = request.extensions().get::<MatchedPath>();
    let mut line = Line {
        service,
        notes: notes.clone(),
        route: route.map_or("other", MatchedPath::as_str).to_owned(),
        id: id.clone(),
        method: request.method().clone(),
        path: request.uri().path().chars().take(100).collect(),
        started: Instant::now(),
        written: false,
    };
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(notes.clone());

    let mut response = next.run(request).await;
    let noted = response
        .extensions_mut()
        .remove::<Noted>()
        .unwrap_or_default()
        .or(notes.lock().clone());
    let rejection = response.extensions_mut().remove::<Rejection>();
    let problem = rejection.as_ref().map(|rejection| rejection.kind().urn());
    if let Some(rejection) = rejection {
        response = rejection.render(&id);
    }
    // A request id has only characters that are valid in a header value.
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    line.write(&response, problem, &noted);
    response
}

/// The log line of a request. It is written once: with the response, or when the client disconnects before there is
/// one.
struct Line {
    service: Arc<Service>,
    notes: Notes,
    route: String,
    id: String,
    method: Method,
    path: String,
    started: Instant,
    written: bool,
}

impl Line {
    fn write(&mut self, response: &Response, problem: Option<&str>, noted: &Noted) {
        self.written = true;
        let status = response.status().as_u16();
        let time = self.started.elapsed();
        self.service.metrics.answered(
            (&self.route, method_label(&self.method), status),
            noted.key.as_deref(),
            time,
        );
        if QUIET.contains(&self.path.as_str()) {
            tracing::debug!(request_id = self.id, path = self.path, status, "request");
            return;
        }
        tracing::info!(
            request_id = self.id,
            method = self.method.as_str(),
            path = self.path,
            status,
            ms = time.as_millis() as u64,
            problem,
            key = noted.key,
            refused = noted.refused,
            document = noted.document,
            sha256 = noted.sha256,
            bytes = noted.bytes,
            pages = noted.pages,
            complete = noted.complete,
            codes = noted.codes.as_ref().map(list),
            cache = noted.cache,
            "request"
        );
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.written {
            let noted = self.notes.lock();
            tracing::info!(
                request_id = self.id,
                method = self.method.as_str(),
                path = self.path,
                ms = self.started.elapsed().as_millis() as u64,
                key = noted.key,
                document = noted.document,
                sha256 = noted.sha256,
                bytes = noted.bytes,
                "the client disconnected before the answer"
            );
        }
    }
}

/// Formats counts by type: `iban:2,vin:1`.
pub(crate) fn list(codes: &BTreeMap<String, u32>) -> String {
    let counts: Vec<String> = codes
        .iter()
        .map(|(kind, count)| format!("{kind}:{count}"))
        .collect();
    counts.join(",")
}

/// The method's name for metrics. A client may invent methods, so unknown ones are all `other`.
fn method_label(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::OPTIONS
        | Method::PUT
        | Method::DELETE
        | Method::PATCH => method.as_str(),
        _ => "other",
    }
}

fn valid_id(value: &HeaderValue) -> Option<String> {
    let id = value.to_str().ok()?;
    let good = (1..=MAX_ID).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    good.then(|| id.to_owned())
}

/// Generates 128 random bits in hex. If the system has no random numbers, requests are still served, but their log
/// lines can't be told apart.
fn new_id() -> String {
    let mut random = [0u8; 16];
    if getrandom::fill(&mut random).is_err() {
        return "-".to_owned();
    }
    format!("{:032x}", u128::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_valid_request_id_from_the_proxy() {
        let id = |text: &'static str| valid_id(&HeaderValue::from_static(text));
        assert_eq!(id("a1B2-c_3.4:5").as_deref(), Some("a1B2-c_3.4:5"));
        for wrong in ["", "a b", "a\"b", "{\"x\":1}", "a\tb"] {
            assert_eq!(id(wrong), None, "{wrong}");
        }
        assert_eq!(
            valid_id(&HeaderValue::from_str(&"x".repeat(65)).unwrap()),
            None
        );
        assert_ne!(new_id(), new_id());
        assert_eq!(new_id().len(), 32);
    }
}
