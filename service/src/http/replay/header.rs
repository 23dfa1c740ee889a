//! What a client says of repetition: `Idempotency-Key` and `Cache-Control`.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue};
use ocr_api::problem::ProblemKind;

use super::super::error::Rejection;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const LONGEST: usize = 255;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::http) struct Wish {
    pub(in crate::http) idempotency_key: Option<String>,
    /// Not an answer that is kept (`no-cache` or `no-store`), unless it is that of the same `Idempotency-Key`.
    pub(in crate::http) fresh: bool,
    /// Nor is this one to be kept.
    pub(in crate::http) no_store: bool,
}

impl Wish {
    pub(in crate::http) fn of(headers: &HeaderMap) -> Result<Self, Rejection> {
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
        let mut wish = Self {
            idempotency_key,
            ..Self::default()
        };
        for directive in directives {
            match directive.as_str() {
                "no-cache" => wish.fresh = true,
                "no-store" => (wish.fresh, wish.no_store) = (true, true),
                _ => {}
            }
        }
        Ok(wish)
    }
}

/// A string of RFC 9651, which is in double quotes; or without them, as many clients send it.
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

/// The rest of a string behind its first quote.
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
        "Idempotency-Key is one string of 1 to 255 characters of ASCII, such as \"8e03978e-40d5-43dd-bc93-6894a57f9324\".",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str) -> Option<String> {
        parse(&HeaderValue::from_str(value).unwrap())
    }

    #[test]
    fn a_key_comes_with_quotes_or_without() {
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
    fn no_cache_looks_past_what_is_kept_and_no_store_keeps_nothing() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(value));
            let wish = Wish::of(&headers).unwrap();
            (wish.fresh, wish.no_store)
        };
        assert_eq!(of("max-age=0, No-Cache"), (true, false));
        assert_eq!(of("no-store"), (true, true));
        assert_eq!(of("max-age=0"), (false, false));
        let mut twice = HeaderMap::new();
        twice.append(IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        twice.append(IDEMPOTENCY_KEY, HeaderValue::from_static("b"));
        assert!(Wish::of(&twice).is_err());
    }
}
