//! `POST /v1/ocr`: one document in, its text and codes out. `POST /v1/codes`: the same, but the codes alone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use ocr_api::answer::{Answer, Document as DocumentAnswer};
use ocr_api::problem::ProblemKind;
use tokio::time::{Instant, timeout_at};

use super::access::{self, Noted, RequestId};
use super::error::Rejection;
use super::query::Wanted;
use super::share::Share;
use super::upload::{self, Upload};
use super::{Service, answer, discard, negotiate, reading};
use crate::document::Document;
use crate::keyring::Known;

/// A client that can't wait as long as the service would.
const DEADLINE_MS: &str = "x-deadline-ms";

pub(super) async fn post(
    State(service): State<Arc<Service>>,
    Extension(RequestId(id)): Extension<RequestId>,
    Extension(known): Extension<Known>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let format = negotiate::format(&headers);
    let request = (id, known, query, headers, body);
    respond(&service, request, format, |answer, format| {
        answer::render(&answer, format)
    })
    .await
}

pub(super) async fn post_codes(
    State(service): State<Arc<Service>>,
    Extension(RequestId(id)): Extension<RequestId>,
    Extension(known): Extension<Known>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let format = negotiate::json(&headers);
    let request = (id, known, query, headers, body);
    respond(&service, request, format, |answer, _| {
        answer::render_codes(answer)
    })
    .await
}

/// Reads the document, unless no format is left to answer in, and renders what was read.
async fn respond<F>(
    service: &Service,
    (id, known, query, headers, body): (String, Known, Option<String>, HeaderMap, Body),
    format: Result<F, Rejection>,
    render: impl FnOnce(Answer, F) -> Response,
) -> Response {
    let mut noted = Noted::default();
    let mut response = match format {
        Ok(format) => handle(service, id, &known, query, &headers, body, &mut noted)
            .await
            .map(|answer| render(answer, format)),
        Err(rejection) => {
            discard::unless_expected(&headers, body.into_data_stream());
            Err(rejection)
        }
    }
    .unwrap_or_else(IntoResponse::into_response);
    access::note(&mut response, noted);
    response
}

async fn handle(
    service: &Service,
    id: String,
    known: &Known,
    query: Option<String>,
    headers: &HeaderMap,
    body: Body,
    noted: &mut Noted,
) -> Result<Answer, Rejection> {
    let mut body = body.into_data_stream();
    let Asked {
        wanted,
        deadline,
        mut share,
    } = match ask(
        service,
        known,
        query.as_deref().unwrap_or_default(),
        headers,
    ) {
        Ok(asked) => asked,
        Err(rejection) => {
            discard::unless_expected(headers, body);
            return Err(rejection);
        }
    };
    let limit = service.limits.max_upload;
    let upload = upload::receive(headers, &mut body, limit, &mut share);
    let began = Instant::now();
    let upload = timeout_at(deadline, upload)
        .await
        .unwrap_or_else(|_| Err(upload_too_slow()));
    let Upload {
        bytes,
        kind,
        name,
        sha256,
    } = upload.inspect_err(|_| discard::in_background(body))?;
    service.metrics.uploaded(began.elapsed());
    noted.document = Some(kind.media_type().to_owned());
    noted.sha256 = Some(sha256.clone());
    noted.bytes = Some(bytes.len() as u64);

    let document = Arc::new(Document {
        id: service.next_document.fetch_add(1, Ordering::Relaxed),
        kind,
        bytes,
        owner: share.owner().clone(),
    });
    let reading = reading::read(&service.pool, &document, &wanted, deadline, &share).await?;
    let answer = Answer {
        id,
        release: service.release.clone(),
        engine: service.pool.engine(),
        complete: reading.pages.iter().all(|page| page.status.is_complete()),
        document: DocumentAnswer {
            name,
            kind,
            sha256,
            pages: reading.count,
        },
        pages: reading.pages,
        codes: reading.codes,
        warnings: reading.warnings,
    };
    noted.pages = Some(answer.pages.len());
    noted.complete = Some(answer.complete);
    Ok(answer)
}

/// What a request asks for, and the room that it was given.
struct Asked {
    wanted: Wanted,
    deadline: Instant,
    /// Held until the answer is made.
    share: Share,
}

/// Everything that can be said before the document is read.
fn ask(
    service: &Service,
    known: &Known,
    query: &str,
    headers: &HeaderMap,
) -> Result<Asked, Rejection> {
    let deadline = Instant::now() + time_limit(headers, service.limits.deadline)?;
    let wanted = Wanted::parse(query, &service.languages)?;
    upload::check_length(headers, service.limits.max_upload)?;
    let share = Share::enter(service, known)?;
    Ok(Asked {
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
