//! A problem on its way to the client. Its body is written by [`super::access`], which knows the request id.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use ocr_api::problem::{MEDIA_TYPE, Problem, ProblemKind};

/// A refused request.
#[derive(Debug, Clone)]
pub(super) struct Rejection {
    problem: Problem,
    /// Seconds.
    retry_after: Option<u32>,
}

impl Rejection {
    pub(super) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            problem: Problem::new(kind, detail),
            retry_after: None,
        }
    }

    /// The same answer whatever is wrong with the key, to the byte: who tries keys learns nothing from it.
    pub(super) fn key() -> Self {
        Self::new(
            ProblemKind::Key,
            "Send a valid API key as `Authorization: Bearer <key>`.",
        )
    }

    /// In place of the 403, again whatever is wrong.
    pub(super) fn key_attempts(retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                ProblemKind::KeyAttempts,
                "Your address sends too many requests without a valid API key; try again after the seconds in Retry-After.",
            )
        }
    }

    pub(super) fn requests_per_minute(retry_after: u32) -> Self {
        Self::quota(
            "This key has made as many requests as it may in a minute; try again after the seconds in Retry-After.",
            retry_after,
        )
    }

    pub(super) fn concurrent_pages(most: u32, retry_after: u32) -> Self {
        let detail = format!(
            "This key may have {most} pages under way at a time, and as many of its requests are being answered; try again \
             after the seconds in Retry-After."
        );
        Self::quota(detail, retry_after)
    }

    pub(super) fn pages_per_day(most: u32, left: u32, wanted: u32, retry_after: u32) -> Self {
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

    pub(super) fn busy(retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                ProblemKind::Busy,
                "As many documents as the service can hold are being read; try again after the seconds in Retry-After.",
            )
        }
    }

    pub(super) fn kind(&self) -> ProblemKind {
        self.problem.kind
    }

    #[cfg(test)]
    pub(super) fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    #[cfg(test)]
    pub(super) fn detail(&self) -> &str {
        &self.problem.detail
    }

    /// The response with its body.
    pub(super) fn render(mut self, request_id: &str) -> Response {
        if self.problem.kind != ProblemKind::Key {
            self.problem.request_id = Some(request_id.to_owned());
        }
        // Strings and a number: nothing here can fail to be JSON.
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
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
