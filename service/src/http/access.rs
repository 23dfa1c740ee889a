//! One log line a request, and the request id: in the log, in the answer's header and in every problem.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::Rejection;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_ID: usize = 64;
/// Routes that are asked every second by machines.
const QUIET: [&str; 2] = ["/healthz", "/readyz"];

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

pub(super) async fn log(mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(sane)
        .unwrap_or_else(new_id);
    let mut line = Line {
        id: id.clone(),
        method: request.method().clone(),
        path: request.uri().path().chars().take(100).collect(),
        started: Instant::now(),
        written: false,
    };
    request.extensions_mut().insert(RequestId(id.clone()));

    let mut response = next.run(request).await;
    let noted = response
        .extensions_mut()
        .remove::<Noted>()
        .unwrap_or_default();
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
        if QUIET.contains(&self.path.as_str()) {
            tracing::debug!(request_id = self.id, path = self.path, status, "request");
            return;
        }
        tracing::info!(
            request_id = self.id,
            method = self.method.as_str(),
            path = self.path,
            status,
            ms = self.started.elapsed().as_millis() as u64,
            problem,
            key = noted.key,
            refused = noted.refused,
            document = noted.document,
            sha256 = noted.sha256,
            bytes = noted.bytes,
            pages = noted.pages,
            complete = noted.complete,
            "request"
        );
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.written {
            tracing::info!(
                request_id = self.id,
                method = self.method.as_str(),
                path = self.path,
                ms = self.started.elapsed().as_millis() as u64,
                "the client went away before the answer"
            );
        }
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
