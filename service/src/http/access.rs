//! One log line a request, and the request id: in the log, in the answer's header and in every problem.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use ocr_api::code::Code;

use super::Service;
use super::error::Rejection;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_ID: usize = 64;
/// Routes that are asked every second by machines.
const QUIET: [&str; 3] = ["/healthz", "/readyz", "/healthz/recognize"];

/// A request's id: the proxy's, if it sent a sane one.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// What a handler wants in its request's log line. Never a key, nor content.
#[derive(Debug, Clone, Default)]
pub(super) struct Noted {
    pub(super) key: Option<String>,
    pub(super) refused: Option<String>,
    pub(super) document: Option<String>,
    pub(super) sha256: Option<String>,
    pub(super) bytes: Option<u64>,
    pub(super) pages: Option<usize>,
    pub(super) complete: Option<bool>,
    /// How many codes of each type were found. Never the codes.
    pub(super) codes: Option<BTreeMap<String, u32>>,
    /// Where the answer came from: `hit`, `collapsed`, `miss`, `bypass`.
    pub(super) cache: Option<&'static str>,
}

/// What is noted while a request is answered, so that the log has it even if the client goes away meanwhile.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Noted>>);

impl Notes {
    /// Adds what has become known.
    pub(super) fn add(&self, noted: &Noted) {
        let mut notes = self.lock();
        *notes = noted.clone().or(std::mem::take(&mut *notes));
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Noted> {
        // Each note is a single assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The types of codes, and how many there are of each.
pub(super) fn count_codes(codes: &[Code]) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for code in codes {
        *counts.entry(code.kind.clone()).or_default() += 1;
    }
    counts
}

impl Noted {
    /// What is known in `self`, else what is known in `other`.
    pub(super) fn or(self, other: Self) -> Self {
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

/// Adds to what is noted of a response.
pub(super) fn note(response: &mut Response, noted: Noted) {
    let before = response
        .extensions_mut()
        .remove::<Noted>()
        .unwrap_or_default();
    response.extensions_mut().insert(before.or(noted));
}

/// The response of a handler, with what it noted.
pub(super) fn noted(result: Result<Response, Rejection>, noted: Noted) -> Response {
    let mut response = result.unwrap_or_else(IntoResponse::into_response);
    note(&mut response, noted);
    response
}

pub(super) async fn log(
    State(service): State<Arc<Service>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(sane)
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
    // Made of sane characters only, so it is a header value.
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    line.write(&response, problem, &noted);
    response
}

/// Written once: with the response, or when the client went away before there was one.
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
                "the client went away before the answer"
            );
        }
    }
}

/// `iban:2,vin:1`.
pub(super) fn list(codes: &BTreeMap<String, u32>) -> String {
    let counts: Vec<String> = codes
        .iter()
        .map(|(kind, count)| format!("{kind}:{count}"))
        .collect();
    counts.join(",")
}

/// A method's name; a client may make one up.
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

fn sane(value: &HeaderValue) -> Option<String> {
    let id = value.to_str().ok()?;
    let good = (1..=MAX_ID).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    good.then(|| id.to_owned())
}

/// 128 random bits in hex. Should the system have no random numbers, requests can't be told apart in the log, but are served.
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
    fn a_proxys_id_is_taken_if_it_is_sane() {
        let id = |text: &'static str| sane(&HeaderValue::from_static(text));
        assert_eq!(id("a1B2-c_3.4:5").as_deref(), Some("a1B2-c_3.4:5"));
        for wrong in ["", "a b", "a\"b", "{\"x\":1}", "a\tb"] {
            assert_eq!(id(wrong), None, "{wrong}");
        }
        assert_eq!(sane(&HeaderValue::from_str(&"x".repeat(65)).unwrap()), None);
        assert_ne!(new_id(), new_id());
        assert_eq!(new_id().len(), 32);
    }
}
