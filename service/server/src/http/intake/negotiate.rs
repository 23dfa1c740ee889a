//! Chooses the answer's format by the `Accept` header (RFC 9110, 12.5.1).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use ocr_api::problem::ProblemKind;

use crate::http::outcome::error::Rejection;

/// Formats of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    /// One line per page.
    NdJson,
    Text,
    /// hOCR.
    Hocr,
    /// Searchable PDF.
    Pdf,
    /// Picture of a page, for previews only.
    Png,
}

impl Format {
    /// Approximate size of an answer, relative to the JSON of its pages. Zero where pages are not gathered.
    pub(crate) fn size(self) -> u64 {
        match self {
            Self::NdJson | Self::Png => 0,
            Self::Json | Self::Text => 1,
            Self::Hocr | Self::Pdf => 2,
        }
    }

    /// Formats of an answer, the default first.
    pub(crate) const OF_ANSWER: [Self; 5] =
        [Self::Json, Self::NdJson, Self::Text, Self::Hocr, Self::Pdf];

    pub(crate) fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("application", "json"),
            Self::NdJson => ("application", "x-ndjson"),
            Self::Text => ("text", "plain"),
            Self::Hocr => ("text", "html"),
            Self::Pdf => ("application", "pdf"),
            Self::Png => ("image", "png"),
        }
    }
}

/// The format that the client prefers among `formats`; the first of equals.
pub(crate) fn choose(headers: &HeaderMap, formats: &[Format]) -> Result<Format, Rejection> {
    let ranges: Vec<Range> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Range::parse)
        .collect();
    if ranges.is_empty() {
        return Ok(formats.first().copied().unwrap_or(Format::Json));
    }
    let mut best: Option<(Format, f32)> = None;
    for &format in formats {
        let quality = quality(&ranges, format);
        if quality > best.map_or(0.0, |(_, best)| best) {
            best = Some((format, quality));
        }
    }
    best.map(|(format, _)| format).ok_or_else(|| {
        let names: Vec<String> = formats
            .iter()
            .map(|format| {
                let (kind, subtype) = format.media_type();
                format!("{kind}/{subtype}")
            })
            .collect();
        Rejection::new(
            ProblemKind::NotAcceptable,
            format!(
                "Answers of this route come as {}; name one of them in `Accept`.",
                names.join(", ")
            ),
        )
    })
}

/// Quality of the most specific range that matches.
fn quality(ranges: &[Range], format: Format) -> f32 {
    let (kind, subtype) = format.media_type();
    ranges
        .iter()
        .filter_map(|range| Some((range.specificity(kind, subtype)?, range.quality)))
        .max_by_key(|(specificity, _)| *specificity)
        .map_or(0.0, |(_, quality)| quality)
}

struct Range {
    kind: String,
    subtype: String,
    quality: f32,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let (kind, subtype) = parts.next()?.trim().split_once('/')?;
        let quality = parts
            .filter_map(|part| part.trim().strip_prefix("q="))
            .find_map(|q| q.parse().ok())
            .unwrap_or(1.0);
        Some(Self {
            kind: kind.to_ascii_lowercase(),
            subtype: subtype.to_ascii_lowercase(),
            quality,
        })
    }

    fn specificity(&self, kind: &str, subtype: &str) -> Option<u8> {
        match (self.kind.as_str(), self.subtype.as_str()) {
            (k, s) if k == kind && s == subtype => Some(2),
            (k, "*") if k == kind => Some(1),
            ("*", "*") => Some(0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &'static str) -> Option<Format> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        choose(&headers, &Format::OF_ANSWER).ok()
    }

    #[test]
    fn answers_json_unless_another_format_is_preferred() {
        assert_eq!(
            choose(&HeaderMap::new(), &Format::OF_ANSWER).ok(),
            Some(Format::Json)
        );
        assert_eq!(of("*/*"), Some(Format::Json));
        assert_eq!(of("text/plain"), Some(Format::Text));
        assert_eq!(of("TEXT/*"), Some(Format::Text));
        assert_eq!(of("text/plain, */*;q=0.1"), Some(Format::Text));
        assert_eq!(of("text/plain;q=0.5, application/json"), Some(Format::Json));
        assert_eq!(of("application/json;q=0, */*"), Some(Format::NdJson));
        assert_eq!(of("application/x-ndjson"), Some(Format::NdJson));
        assert_eq!(of("text/html"), Some(Format::Hocr));
        assert_eq!(of("application/pdf, */*;q=0.1"), Some(Format::Pdf));
        assert_eq!(of("image/png"), None);
    }
}
