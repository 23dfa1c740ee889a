//! A problem on its way to the client. [`super::access`] writes its body, because it knows the request id.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use ocr_api::issue::Issue;
use ocr_api::problem::{MEDIA_TYPE, Problem, ProblemKind, UnreadPage};

/// Codings of a request's body that are supported, for `Accept-Encoding`.
pub(crate) const ACCEPTED_CODINGS: &str = "gzip, deflate";

/// A rejected request.
#[derive(Debug, Clone)]
pub(crate) struct Rejection {
    /// Boxed, because most functions return no rejection.
    problem: Box<Problem>,
    /// Seconds for `Retry-After`.
    retry_after: Option<u32>,
}

impl Rejection {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            problem: Box::new(Problem::new(kind, detail)),
            retry_after: None,
        }
    }

    /// The same answer for every fault of a key, to the byte, so that a client that guesses keys learns nothing from
    /// it.
    pub(crate) fn key() -> Self {
        Self::new(
            ProblemKind::Key,
            "Send a valid API key as `Authorization: Bearer <key>`.",
        )
    }

    /// The 429 in place of that 403. It is the same for every fault of a key, too.
    pub(crate) fn key_attempts(retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                ProblemKind::KeyAttempts,
                "Your address sends too many requests without a valid API key; try again after the seconds in Retry-After.",
            )
        }
    }

    pub(crate) fn requests_per_minute(retry_after: u32) -> Self {
        Self::quota(
            "This key has made as many requests as it may in a minute; try again after the seconds in Retry-After.",
            retry_after,
        )
    }

    pub(crate) fn concurrent_pages(most: u32, retry_after: u32) -> Self {
        let detail = format!(
            "This key may have {most} pages under way at a time, and as many of its requests are being answered; try again \
             after the seconds in Retry-After."
        );
        Self::quota(detail, retry_after)
    }

    pub(crate) fn pages_per_day(most: u32, left: u32, wanted: u32, retry_after: u32) -> Self {
        let detail = format!(
            "This key may have {most} pages read in a day; {left} are left today, and the request needs {wanted}. The day \
             begins at midnight UTC, after the seconds in Retry-After."
        );
        Self::quota(detail, retry_after)
    }

    fn quota(detail: impl Into<String>, retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(ProblemKind::Quota, detail)
        }
    }

    /// Rejects a quarantined document. `left` is the time until it is accepted again.
    pub(crate) fn quarantined(left: Duration) -> Self {
        let seconds = u32::try_from(left.as_secs() + 1).unwrap_or(u32::MAX);
        let until = Timestamp::now() + Duration::from_secs(u64::from(seconds));
        let until = until.strftime("%Y-%m-%dT%H:%M:%SZ");
        Self {
            retry_after: Some(seconds),
            ..Self::new(
                ProblemKind::Quarantined,
                format!(
                    "This document crashed two workers, so it is refused until {until}. Export it again; if it is \
                     well formed, report it with the request id."
                ),
            )
        }
    }

    /// Rejects all documents of a key that crashed too many workers. `left` is the time until they are accepted again.
    pub(crate) fn crashes(left: Duration) -> Self {
        Self {
            retry_after: Some(u32::try_from(left.as_secs() + 1).unwrap_or(u32::MAX)),
            ..Self::new(
                ProblemKind::Crashes,
                "Several documents of this key crashed their workers within ten minutes, so its further ones are refused for \
                 the seconds in Retry-After, and for longer after each further crash. Leave the broken documents out; if they \
                 are well formed, report them with the ids of their requests.",
            )
        }
    }

    pub(crate) fn busy(retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                ProblemKind::Busy,
                "The service holds as many documents as it can; try again after the seconds in Retry-After.",
            )
        }
    }

    /// Rejects an incomplete or doubtful answer for a client that asked for that with `strict`.
    pub(crate) fn incomplete(unread: Vec<UnreadPage>, issues: Vec<Issue>) -> Self {
        const LISTED: usize = 3;
        let pages = unread
            .iter()
            .map(|page| format!("Page {}: {}", page.page, page.detail));
        let mut listed: Vec<String> = pages
            .chain(issues.iter().map(Issue::sentence))
            .take(LISTED)
            .collect();
        let more = (unread.len() + issues.len()).saturating_sub(LISTED);
        if more > 0 {
            listed.push(format!("{more} more are in `pages` and `issues`."));
        }
        listed.push("Without `strict`, the answer has the pages that were read.".to_owned());
        let mut this = Self::new(ProblemKind::Incomplete, listed.join(" "));
        this.problem.pages = unread;
        this.problem.issues = issues;
        this
    }

    pub(crate) fn kind(&self) -> ProblemKind {
        self.problem.kind
    }

    #[cfg(test)]
    pub(crate) fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    #[cfg(test)]
    pub(crate) fn detail(&self) -> &str {
        &self.problem.detail
    }

    /// The body for the client.
    pub(crate) fn into_problem(mut self, request_id: &str) -> Problem {
        if self.problem.kind != ProblemKind::Key {
            self.problem.request_id = Some(request_id.to_owned());
        }
        *self.problem
    }

    /// The response with its body.
    pub(crate) fn render(self, request_id: &str) -> Response {
        let retry_after = self.retry_after;
        let kind = self.kind();
        let problem = self.into_problem(request_id);
        // The problem consists of strings and numbers, which always serialize.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if kind == ProblemKind::Encoding {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED_CODINGS));
        }
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
