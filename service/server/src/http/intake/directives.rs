//! Headers about repetition and caching: `Idempotency-Key` and `Cache-Control`.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue};
use ocr_api::problem::ProblemKind;

use crate::http::outcome::error::Rejection;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
pub(super) const LONGEST: usize = 255;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CacheDirectives {
    pub(crate) idempotency_key: Option<String>,
    /// Asks for new work instead of a cached answer (`no-cache` or `no-store`). The answer for the same
    /// `Idempotency-Key` is used all the same.
    pub(crate) fresh: bool,
    /// Keeps the answer out of the cache (`no-store`).
    pub(crate) no_store: bool,
}

impl CacheDirectives {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Rejection> {
        let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
        let idempotency_key = match (keys.next(), keys.next()) {
            (None, _) => None,
            (Some(value), None) => Some(parse(value).ok_or_else(malformed)?),
            (Some(_), Some(_)) => return Err(malformed()),
        };
        let directives = headers
            .get_all(CACHE_CONTROL)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|directive| directive.trim().to_ascii_lowercase());
        let mut parsed = Self {
            idempotency_key,
            ..Self::default()
        };
        for directive in directives {
            match directive.as_str() {
                "no-cache" => parsed.fresh = true,
                "no-store" => (parsed.fresh, parsed.no_store) = (true, true),
                _ => {}
            }
        }
        Ok(parsed)
    }
}

/// Parses a string of RFC 9651, which is in double quotes. Many clients leave the quotes out, which is accepted.
fn parse(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?.trim();
    let key = match text.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => {
            let plain = |c: char| c.is_ascii_graphic() && !"\",;".contains(c);
            text.chars().all(plain).then(|| text.to_owned())?
        }
    };
    (1..=LONGEST).contains(&key.len()).then_some(key)
}

/// Reads a quoted string behind its first quote.
fn unquote(rest: &str) -> Option<String> {
    let mut key = String::new();
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => key.push(characters.next().filter(|next| "\"\\".contains(*next))?),
            other if (' '..='~').contains(&other) => key.push(other),
            _ => return None,
        }
    }
    characters.next().is_none().then_some(key)
}

fn malformed() -> Rejection {
    Rejection::new(
        ProblemKind::Malformed,
        "Idempotency-Key must be one string of 1 to 255 ASCII characters, such as \"8e03978e-40d5-43dd-bc93-6894a57f9324\".",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str) -> Option<String> {
        parse(&HeaderValue::from_str(value).unwrap())
    }

    #[test]
    fn accepts_keys_with_and_without_quotes() {
        assert_eq!(key("\"a b\\\"c\\\\\"").as_deref(), Some("a b\"c\\"));
        assert_eq!(key("8e03978e-40d5"), key("\"8e03978e-40d5\""));
        let long = format!("\"{}\"", "x".repeat(256));
        for wrong in [
            "", "\"\"", "\"a", "\"a\"b", "a\"b", "a b", "\"a\\b\"", "a,b", "a\tb", &long,
        ] {
            assert_eq!(key(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_cache_bypasses_the_cache_and_no_store_keeps_nothing() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(value));
            let parsed = CacheDirectives::of(&headers).unwrap();
            (parsed.fresh, parsed.no_store)
        };
        assert_eq!(of("max-age=0, No-Cache"), (true, false));
        assert_eq!(of("no-store"), (true, true));
        assert_eq!(of("max-age=0"), (false, false));
        let mut twice = HeaderMap::new();
        twice.append(IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        twice.append(IDEMPOTENCY_KEY, HeaderValue::from_static("b"));
        assert!(CacheDirectives::of(&twice).is_err());
    }
}
