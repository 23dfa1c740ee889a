//! `POST /v1/ocr` reads a document and answers its text and codes. `POST /v1/codes` answers the codes alone.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ocr_api::answer::{Answer, CodesAnswer};
use ocr_api::issue::sentences;

use super::cache::Replay;
use super::formats::{answer, ndjson, searchable};
use super::intake::negotiate::Format;
use super::intake::{Incoming, Intake};
use super::outcome::access::{self, Noted};
use super::outcome::error::Rejection;
use super::outcome::problems::DocumentProblems;
use super::{Service, reading};

#[utoipa::path(
    post,
    path = "/v1/ocr",
    operation_id = "ocr",
    summary = "Read a document",
    responses(
        (
            status = 200,
            description = "The text of each requested page, and the codes. Missing pages are reported: see `complete`.",
            content(
                (Answer = "application/json"),
                (String = "application/x-ndjson"),
                (String = "text/plain"),
                (String = "text/html"),
                (String = "application/pdf"),
            ),
            headers(("Cache-Status" = String, description = "Source of the answer: cache, another request, or work (RFC 9211)")),
        ),
        DocumentProblems,
    ),
    security(("key" = [])),
)]
pub(super) async fn post(State(service): State<Arc<Service>>, incoming: Incoming) -> Response {
    let mut noted = Noted::default();
    let result = ocr(&service, incoming, &mut noted).await;
    access::noted(result, noted)
}

#[utoipa::path(
    post,
    path = "/v1/codes",
    operation_id = "codes",
    summary = "Find the codes in a document",
    responses(
        (
            status = 200,
            description = "The codes, and the status of each requested page",
            body = CodesAnswer,
            headers(("Cache-Status" = String, description = "Source of the answer: cache, another request, or work (RFC 9211)")),
        ),
        DocumentProblems,
    ),
    security(("key" = [])),
)]
pub(super) async fn post_codes(
    State(service): State<Arc<Service>>,
    incoming: Incoming,
) -> Response {
    let mut noted = Noted::default();
    let result = codes(&service, incoming, &mut noted).await;
    access::noted(result, noted)
}

async fn ocr(
    service: &Arc<Service>,
    incoming: Incoming,
    noted: &mut Noted,
) -> Result<Response, Rejection> {
    let intake = reading::receive(service, incoming, &Format::OF_ANSWER, noted).await?;
    let reading = Replay::begin(service, &intake).await?;
    let source = reading.source();
    noted.cache = Some(source.name());
    if intake.format == Format::NdJson {
        noted.pages = Some(reading.numbers().len());
        let response = ndjson::respond(service, intake, reading).await?;
        return Ok(source.mark(response));
    }
    let answer = collect(service, &intake, reading, noted).await?;
    let response = match intake.format {
        Format::Pdf => searchable::respond(service, intake, answer).await?,
        format => answer::render(&intake.share, &answer, format)?,
    };
    Ok(source.mark(response))
}

async fn codes(
    service: &Arc<Service>,
    incoming: Incoming,
    noted: &mut Noted,
) -> Result<Response, Rejection> {
    let mut intake = reading::receive(service, incoming, &[Format::Json], noted).await?;
    // `codes_only` is set only if it changes the reading. Otherwise, a reading kept for `/v1/ocr` serves this request,
    // too.
    intake.wanted.how.codes_only = intake.wanted.how.codes.is_named();
    let reading = Replay::begin(service, &intake).await?;
    let source = reading.source();
    noted.cache = Some(source.name());
    let answer = collect(service, &intake, reading, noted).await?;
    Ok(source.mark(answer::render_codes(&intake.share, answer)?))
}

/// Collects the whole answer, for formats that need it whole.
async fn collect(
    service: &Service,
    intake: &Intake,
    mut reading: Replay,
    noted: &mut Noted,
) -> Result<Answer, Rejection> {
    let mut pages = Vec::new();
    while let Some((page, _)) = reading.next().await {
        pages.push(page);
    }
    pages.sort_by_key(|page| page.page);
    let document = intake.describe(reading.counted());
    let conclusion = reading.conclude()?;
    noted.pages = Some(pages.len());
    noted.complete = Some(conclusion.complete);
    noted.codes = Some(access::count_codes(&conclusion.codes));
    Ok(Answer {
        id: intake.id.clone(),
        release: service.release.clone(),
        engine: service.pool.engine(),
        complete: conclusion.complete,
        document,
        pages,
        codes: conclusion.codes,
        warnings: sentences(&conclusion.issues),
        issues: conclusion.issues,
    })
}

#[cfg(test)]
mod tests {
    use utoipa::Path;
    use utoipa::openapi::RefOr;

    use super::*;

    #[test]
    fn describes_each_format_of_an_answer() {
        let operation = __path_post::operation();
        let Some(RefOr::T(answer)) = operation.responses.responses.get("200") else {
            panic!("no answer is described");
        };
        let described: Vec<&str> = answer.content.keys().map(String::as_str).collect();
        let formats = Format::OF_ANSWER.map(|format| {
            let (kind, subtype) = format.media_type();
            format!("{kind}/{subtype}")
        });
        assert_eq!(described, formats);
    }
}
