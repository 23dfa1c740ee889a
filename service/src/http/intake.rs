//! From a request to a document that may be read: shared by every route that takes one.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use ocr_api::answer::Document as DocumentAnswer;
use ocr_api::problem::ProblemKind;
use tokio::time::{Instant, timeout_at};

use super::access::{Noted, RequestId};
use super::budget::Share;
use super::error::Rejection;
use super::negotiate::{self, Format};
use super::query::Wanted;
use super::upload::{self, Upload};
use super::{Service, discard};
use crate::document::Document;

/// A client that can't wait as long as the service would.
const DEADLINE_MS: &str = "x-deadline-ms";

/// A request of which nothing has been read but its head.
#[derive(Debug)]
pub(super) struct Incoming {
    id: String,
    query: String,
    headers: HeaderMap,
    body: Body,
}

impl<S: Sync> FromRequest<S> for Incoming {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let (head, body) = request.into_parts();
        let id = head.extensions.get::<RequestId>();
        Ok(Self {
            id: id.map(|RequestId(id)| id.clone()).unwrap_or_default(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
        })
    }
}

/// A document, and what is wanted of it.
#[derive(Debug)]
pub(super) struct Intake {
    /// The request's.
    pub(super) id: String,
    pub(super) format: Format,
    pub(super) wanted: Wanted,
    pub(super) deadline: Instant,
    pub(super) document: Arc<Document>,
    /// The file name that the client gave.
    pub(super) name: Option<String>,
    /// Held until the answer is made.
    pub(super) share: Share,
}

impl Intake {
    /// What an answer says of the document, which has so many pages.
    pub(super) fn describe(&self, pages: u32) -> DocumentAnswer {
        DocumentAnswer {
            name: self.name.clone(),
            kind: self.document.kind,
            sha256: self.document.sha256.clone(),
            pages,
        }
    }
}

/// Takes the document in, after everything that can be said before its first byte. `formats`: those of the route.
pub(super) async fn receive(
    service: &Service,
    incoming: Incoming,
    formats: &[Format],
    noted: &mut Noted,
) -> Result<Intake, Rejection> {
    let mut body = incoming.body.into_data_stream();
    let headers = &incoming.headers;
    let asked = match ask(service, &incoming.query, headers, formats) {
        Ok(asked) => asked,
        Err(rejection) => {
            discard::unless_expected(headers, body);
            return Err(rejection);
        }
    };
    let Asked {
        format,
        wanted,
        deadline,
        mut share,
    } = asked;
    let limit = service.limits.max_upload;
    let upload = upload::receive(headers, &mut body, limit, &mut share);
    let upload = timeout_at(deadline, upload)
        .await
        .unwrap_or_else(|_| Err(upload_too_slow()));
    let Upload {
        bytes,
        kind,
        name,
        sha256,
    } = upload.inspect_err(|_| discard::in_background(body))?;
    noted.document = Some(kind.media_type().to_owned());
    noted.sha256 = Some(sha256.clone());
    noted.bytes = Some(bytes.len() as u64);
    if let Some(left) = service.pool.refused(&sha256) {
        return Err(Rejection::quarantined(left));
    }
    let document = Arc::new(Document {
        id: service.next_document.fetch_add(1, Ordering::Relaxed),
        kind,
        bytes,
        sha256,
    });
    Ok(Intake {
        id: incoming.id,
        format,
        wanted,
        deadline,
        document,
        name,
        share,
    })
}

/// What a request asks for, and the room that it was given.
struct Asked {
    format: Format,
    wanted: Wanted,
    deadline: Instant,
    share: Share,
}

/// Everything that can be said before the document is read.
fn ask(
    service: &Service,
    query: &str,
    headers: &HeaderMap,
    formats: &[Format],
) -> Result<Asked, Rejection> {
    let format = negotiate::choose(headers, formats)?;
    let deadline = Instant::now() + time_limit(headers, service.limits.deadline)?;
    let rules = service.rulebook.rules();
    let wanted = Wanted::parse(query, &service.languages, &rules)?;
    upload::check_length(headers, service.limits.max_upload)?;
    let share = service.budget.enter()?;
    Ok(Asked {
        format,
        wanted,
        deadline,
        share,
    })
}

fn upload_too_slow() -> Rejection {
    Rejection::new(
        ProblemKind::UploadTimeout,
        "The document did not arrive before the deadline; send it over a faster connection.",
    )
}

/// How long this request may take: the client's wish, but no longer than the service allows.
fn time_limit(headers: &HeaderMap, most: Duration) -> Result<Duration, Rejection> {
    let Some(value) = headers.get(DEADLINE_MS) else {
        return Ok(most);
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .filter(|millis| *millis > 0)
        .map(|millis| Duration::from_millis(millis).min(most))
        .ok_or_else(|| {
            Rejection::new(
                ProblemKind::Malformed,
                "X-Deadline-Ms is a whole number of milliseconds.",
            )
        })
}
