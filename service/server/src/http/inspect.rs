//! `POST /v1/inspect` describes a document and estimates the cost of reading it. `POST /v1/preview` draws a page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ocr_api::inspection::{Inspection, PageInspection, TextLayer};
use ocr_api::issue::{Issue, IssueCode, sentences};
use tokio::time::timeout_at;

use super::Service;
use super::formats::written;
use super::intake::negotiate::Format;
use super::intake::upload::Binary;
use super::intake::{Incoming, Intake};
use super::outcome::access::{self, Noted};
use super::outcome::error::Rejection;
use super::outcome::problems::DocumentProblems;
use super::reading::conclusion::{cut_off, too_late, unread_for};
use super::reading::estimate;
use super::reading::spread::Spread;
use super::reading::{self, of_failure};

/// Longer side of a preview, in pixels. Text is legible, and the preview is drawn quickly.
const PREVIEW_SIDE: u32 = 1600;

#[utoipa::path(
    post,
    path = "/v1/inspect",
    operation_id = "inspect",
    summary = "Inspect a document",
    description = "Takes the parameters of `/v1/ocr`; `codes` and `strict` have no effect here.",
    responses(
        (
            status = 200,
            description = "The size and text layer of each requested page, and an estimate of the cost of reading them. Nothing is recognized.",
            body = Inspection,
        ),
        DocumentProblems,
    ),
    security(("key" = [])),
)]
pub(super) async fn post(State(service): State<Arc<Service>>, incoming: Incoming) -> Response {
    let mut noted = Noted::default();
    let result = inspect(&service, incoming, &mut noted).await;
    access::noted(result, noted)
}

#[utoipa::path(
    post,
    path = "/v1/preview",
    operation_id = "preview",
    summary = "Draw a page of a document",
    description = "Takes the parameters of `/v1/ocr`; only `pages` has an effect here.",
    responses(
        (
            status = 200,
            description = "A picture of the first requested page",
            body = inline(Binary),
            content_type = "image/png",
        ),
        DocumentProblems,
    ),
    security(("key" = [])),
)]
pub(super) async fn post_preview(
    State(service): State<Arc<Service>>,
    incoming: Incoming,
) -> Response {
    let mut noted = Noted::default();
    let result = preview(&service, incoming, &mut noted).await;
    access::noted(result, noted)
}

async fn inspect(
    service: &Arc<Service>,
    incoming: Incoming,
    noted: &mut Noted,
) -> Result<Response, Rejection> {
    let intake = reading::receive(service, incoming, &[Format::Json], noted).await?;
    let mut counted = reading::count(service, &intake, &intake.deadline.into()).await?;
    let numbers = intake
        .wanted
        .pages
        .of(counted.pages, service.limits.max_pages)?;
    let beyond = intake.wanted.pages.beyond(counted.pages);
    counted.issues.extend(beyond);
    reading::charge_entries(&intake, &counted, numbers.len())?;
    noted.pages = Some(numbers.len());
    let (pages, unread) = look(service, &intake, numbers).await?;
    let sound = pages
        .iter()
        .filter(|page| page.text_layer == Some(TextLayer::Sound))
        .count();
    let mut issues = counted.issues.clone();
    issues.extend(unread);
    let inspection = Inspection {
        id: intake.id.clone(),
        release: service.release.clone(),
        document: intake.describe(&counted),
        text_share: sound as f64 / pages.len().max(1) as f64,
        estimate: estimate::of(&pages),
        pages,
        warnings: sentences(&issues),
        issues,
    };
    written::json(&intake.share, &inspection)
}

/// Inspects each page and collects the issues. Rejects the document if no page could be inspected.
async fn look(
    service: &Arc<Service>,
    intake: &Intake,
    numbers: Vec<u32>,
) -> Result<(Vec<PageInspection>, Vec<Issue>), Rejection> {
    let (service, document) = (Arc::clone(service), Arc::clone(&intake.document));
    let mode = intake.wanted.how.mode;
    let at_once = service.pool.size() as usize;
    let mut spread = Spread::new(numbers, at_once, intake.deadline, move |number| {
        let (service, document) = (Arc::clone(&service), Arc::clone(&document));
        async move { service.pool.inspect(&document, number, mode).await }
    });
    let mut pages = Vec::new();
    let mut unread = Vec::new();
    let mut first_failure = None;
    while let Some((number, result)) = spread.next().await {
        let (status, reason) = match result {
            Some(Ok(page)) => {
                pages.push(page);
                continue;
            }
            Some(Err(failure)) => {
                let (status, reason) = unread_for(&failure);
                first_failure.get_or_insert(failure);
                (status, reason)
            }
            None => cut_off(),
        };
        unread.push(Issue::new(IssueCode::Unread, reason).on_page(number));
        pages.push(PageInspection {
            page: number,
            status,
            method: None,
            text_layer: None,
            width: None,
            height: None,
            dpi: None,
        });
    }
    if pages.iter().all(|page| page.text_layer.is_none()) {
        return Err(first_failure.map_or_else(too_late, of_failure));
    }
    pages.sort_by_key(|page| page.page);
    unread.sort_by_key(|issue| issue.page);
    Ok((pages, unread))
}

async fn preview(
    service: &Arc<Service>,
    incoming: Incoming,
    noted: &mut Noted,
) -> Result<Response, Rejection> {
    let intake = reading::receive(service, incoming, &[Format::Png], noted).await?;
    let counted = reading::count(service, &intake, &intake.deadline.into()).await?;
    let page = intake.wanted.pages.first_of(counted.pages)?;
    let drawn = service.pool.preview(&intake.document, page, PREVIEW_SIDE);
    let png = timeout_at(intake.deadline, drawn)
        .await
        .map_err(|_| too_late())?
        .map_err(of_failure)?;
    let headers = [(CONTENT_TYPE, "image/png"), (CACHE_CONTROL, "no-store")];
    Ok((headers, written::file(png)).into_response())
}
