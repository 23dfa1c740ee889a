//! The API key, checked before a byte of the body is read.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ocr_api::keys::Scope;

use super::access::{self, Noted};
use super::error::Rejection;
use super::{Service, discard};

pub(super) async fn require_key(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    match allowed(&service, request.headers()) {
        Ok(key) => {
            let mut response = next.run(request).await;
            let noted = Noted {
                key: Some(key),
                ..Noted::default()
            };
            access::note(&mut response, noted);
            response
        }
        Err(reason) => {
            let (head, body) = request.into_parts();
            discard::unless_expected(&head.headers, body.into_data_stream());
            let mut response = Rejection::key().into_response();
            let noted = Noted {
                refused: Some(reason),
                ..Noted::default()
            };
            access::note(&mut response, noted);
            response
        }
    }
}

/// The id of a good key, or the reason, for the log alone.
fn allowed(service: &Service, headers: &HeaderMap) -> Result<String, String> {
    let presented = bearer(headers).ok_or("missing")?;
    let record = service
        .keyring
        .verify(presented)
        .map_err(|refusal| refusal.to_string())?;
    if !record.allows(Scope::Ocr) {
        return Err(format!("key {} is not for this route", record.id));
    }
    Ok(record.id)
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
