//! The API key, checked before a byte of the body is read.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use ocr_api::keys::Scope;

use super::access::{self, Noted};
use super::attempts::Verdict;
use super::error::Rejection;
use super::{Service, client, discard};

/// Lets in who has a key for this scope.
pub(super) async fn require_key(
    State((service, scope)): State<(Arc<Service>, Scope)>,
    request: Request,
    next: Next,
) -> Response {
    let from = client::address(&request);
    match service.keyring.verify(bearer(request.headers()), scope) {
        Ok(key) => {
            if let Some(usage) = &service.usage {
                usage.record(&key, Timestamp::now(), from);
            }
            let mut response = next.run(request).await;
            let noted = Noted {
                key: Some(key),
                ..Noted::default()
            };
            access::note(&mut response, noted);
            response
        }
        Err(refused) => {
            // A good key never comes here, however many bad ones its address has sent.
            let rejection = match service.attempts.failed(from) {
                Verdict::At(when) => {
                    tokio::time::sleep_until(when).await;
                    Rejection::key()
                }
                Verdict::TooMany { retry_after } => Rejection::key_attempts(retry_after),
            };
            let (head, body) = request.into_parts();
            discard::unless_expected(&head.headers, body.into_data_stream());
            let mut response = rejection.into_response();
            let noted = Noted {
                key: refused.id,
                refused: Some(refused.why.to_string()),
                ..Noted::default()
            };
            access::note(&mut response, noted);
            response
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(of("bearer  abc ").as_deref(), Some("abc"));
        for wrong in ["Basic abc", "abc", "Bearer"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
