//! Properties that hold for any request, checked by fuzzing.

#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a fuzzer detects failures by panics"
)]

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use futures_util::stream;

use super::coding::{Coding, Decoder};
use super::directives::CacheDirectives;
use super::form::{self, FilePart, Form};
use super::negotiate::{self, Format};
use super::parameters::{Parameter, Parameters};
use super::query::{Offered, Wanted};
use super::upload::{self, Upload};
use crate::document;
use crate::http::intake;
use crate::http::limits::budget::Budget;
use crate::http::limits::days::Days;
use crate::http::limits::share::Share;
use crate::http::limits::{Limits, ReplayLimits};
use crate::http::outcome::error::Rejection;
use crate::keyring::Known;

/// A query is either rejected, or parses to the same values when it is written again.
pub fn query(bytes: &[u8]) {
    let offered = Offered {
        languages: vec!["eng".to_owned(), "deu".to_owned()],
        ..Offered::default()
    };
    let Ok(query) = std::str::from_utf8(bytes) else {
        return;
    };
    let parse = |query: &str| Wanted::of(&Parameters::of_query(query)?, &offered, &[]);
    let Ok(wanted) = parse(query) else {
        return;
    };
    // None is named, or each is offered.
    let named = wanted
        .how
        .languages
        .split('+')
        .filter(|name| !name.is_empty());
    let is_offered = |name: &str| offered.languages.iter().any(|known| known == name);
    assert!({ named }.all(is_offered));
    let text = wanted.pages.normalized();
    let again = if text.is_empty() {
        String::new()
    } else {
        format!("pages={text}")
    };
    let again = parse(&again).expect("a query that was written here is valid");
    assert_eq!(again.pages.normalized(), text);
    for count in [1, 7, 300] {
        let pages = wanted.pages.of(count, 200).ok();
        assert_eq!(again.pages.of(count, 200).ok(), pages);
        assert!(pages.as_ref().is_none_or(|pages| pages.len() <= 200));
        let pages = pages.unwrap_or_default();
        assert!(pages.is_sorted_by(|a, b| a < b));
        assert!(pages.iter().all(|page| (1..=count).contains(page)));
    }
}

/// Takes lines of `Name: value`. The chosen format is one that was offered, no deadline is later than the service's,
/// and an `Idempotency-Key` reads back.
pub fn headers(bytes: &[u8]) {
    let headers = parse_headers(bytes);
    for offered in [&Format::OF_ANSWER[..], &[Format::Json], &[Format::Png]] {
        if let Ok(format) = negotiate::choose(&headers, offered) {
            assert!(offered.contains(&format));
            let mut plain = HeaderMap::new();
            let (kind, subtype) = format.media_type();
            let name = format!("{kind}/{subtype}");
            plain.insert(ACCEPT, name.parse().expect("a media type"));
            assert_eq!(negotiate::choose(&plain, offered).ok(), Some(format));
        }
    }
    let most = Duration::from_secs(120);
    if let Ok(limit) = intake::time_limit(&headers, most) {
        assert!(limit > Duration::ZERO && limit <= most);
    }
    if let Ok(directives) = CacheDirectives::of(&headers) {
        assert!(directives.fresh || !directives.no_store);
        if let Some(key) = directives.idempotency_key {
            assert!((1..=255).contains(&key.len()) && key.is_ascii());
            let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
            let mut plain = HeaderMap::new();
            plain.insert("idempotency-key", quoted.parse().expect("printable"));
            let again = CacheDirectives::of(&plain).expect("a string of RFC 9651");
            assert_eq!(again.idempotency_key, Some(key));
        }
    }
    let _ = upload::check(&headers, 1000);
}

fn parse_headers(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// Takes a content type, a line end, and a body. The result does not depend on the pieces in which the body arrives,
/// and stays within the limit. A file in a form is read back unchanged.
pub fn upload(bytes: &[u8]) {
    const LIMIT: u64 = 4096;
    let at = bytes.iter().position(|byte| *byte == b'\n');
    let (content_type, body) = bytes.split_at(at.unwrap_or(bytes.len()));
    let body = body.get(1..).unwrap_or_default();
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    let whole = take(&headers, body, usize::MAX, LIMIT);
    let pieces = take(&headers, body, 7, LIMIT);
    assert_eq!(whole.as_ref().map(outcome), pieces.as_ref().map(outcome));
    if let Ok(upload) = &whole {
        assert!(!upload.bytes.is_empty() && upload.bytes.len() as u64 <= LIMIT);
        assert_eq!(document::sniff(&upload.bytes), Some(upload.kind));
        let name = upload.name.as_deref().unwrap_or_default();
        assert!(name.chars().count() <= 255 && !name.contains(['/', '\\', '\n']));
    }

    const BOUNDARY: &str = "----boundary-of-the-form";
    let within = body
        .windows(BOUNDARY.len())
        .any(|part| part == BOUNDARY.as_bytes());
    if within || body.len() as u64 > LIMIT || document::sniff(body).is_none() {
        return;
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
    );
    let form = [
        head.as_bytes(),
        body,
        b"\r\n--",
        BOUNDARY.as_bytes(),
        b"--\r\n",
    ]
    .concat();
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    headers.insert(CONTENT_TYPE, content_type.parse().expect("a content type"));
    let upload = take(&headers, &form, 11, LIMIT).expect("a form that is in order");
    assert_eq!(upload.bytes, body);
}

/// Takes a content type, a line end, and a form. The result does not depend on the pieces in which the form arrives,
/// and is no larger than the form. A form made of the result has the same result.
pub fn form(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == b'\n');
    let (content_type, body) = bytes.split_at(at.unwrap_or(bytes.len()));
    let body = body.get(1..).unwrap_or_default();
    let Ok(whole) = take_form(content_type, body, usize::MAX) else {
        assert!(take_form(content_type, body, 3).is_err());
        return;
    };
    let pieces = take_form(content_type, body, 3).expect("it is a form");
    let (data, file, parameters) = &whole;
    assert_eq!((data, parameters), (&pieces.0, &pieces.2));
    assert!(data.len() <= body.len());
    assert!((body.len() - data.len()) as u64 <= form::OVERHEAD);
    let name = file.name.as_deref().unwrap_or_default();
    assert!(name.chars().count() <= 255);
    assert!(!name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | '\u{202e}')));

    const BOUNDARY: &str = "----boundary-of-the-form";
    let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let mut again = Vec::new();
    for (parameter, value) in parameters.iter() {
        let name = parameter.name();
        assert_eq!(Parameter::named(name), Some(parameter));
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name={name}\r\n\r\n");
        again.extend_from_slice(head.as_bytes());
        again.extend_from_slice(value.as_bytes());
        again.extend_from_slice(b"\r\n");
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=file; filename*=utf-8''{encoded}\r\n\r\n"
    );
    again.extend_from_slice(head.as_bytes());
    again.extend_from_slice(data);
    again.extend_from_slice(format!("\r\n--{BOUNDARY}--").as_bytes());
    let within = |part: &[u8]| {
        part.windows(BOUNDARY.len())
            .any(|part| part == BOUNDARY.as_bytes())
    };
    if within(body) || (again.len() - data.len()) as u64 > form::OVERHEAD {
        return;
    }
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let again = take_form(content_type.as_bytes(), &again, 5).expect("a form that is in order");
    assert_eq!((data, parameters), (&again.0, &again.2));
    assert_eq!(again.1.name.as_deref(), Some(name));
}

fn take_form(
    content_type: &[u8],
    body: &[u8],
    size: usize,
) -> Result<(Vec<u8>, FilePart, Parameters), ()> {
    let mut form = Form::of(content_type).map_err(drop)?.ok_or(())?;
    let mut data = Vec::new();
    for piece in body.chunks(size) {
        let mut file = |bytes: &[u8]| -> Result<(), Rejection> {
            data.extend_from_slice(bytes);
            Ok(())
        };
        form.push(piece, &mut file).map_err(drop)?;
    }
    let (file, parameters) = form.finish().map_err(drop)?;
    Ok((data, file, parameters))
}

/// Takes a compressed body, gzip or deflate depending on its first byte. The result does not depend on the pieces in
/// which the body arrives, and stays within the limit.
pub fn coding(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else {
        return;
    };
    let coding = match first % 2 {
        0 => Coding::Gzip,
        _ => Coding::Deflate,
    };
    let whole = decode(coding, body, usize::MAX);
    assert_eq!(whole, decode(coding, body, 1));
    assert_eq!(whole, decode(coding, body, coding.piece()));
}

/// Decodes a body up to a limit.
fn decode(coding: Coding, body: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(coding, Limited(Vec::new()));
    for piece in body.chunks(size) {
        decoder.push(piece).ok()?;
    }
    decoder.finish().ok()?;
    Some(std::mem::take(&mut decoder.get_mut().0))
}

#[derive(Debug)]
struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        const LIMIT: usize = 1 << 20;
        if self.0.len() + bytes.len() > LIMIT {
            return Err(io::Error::other("too much"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn outcome(upload: &Upload) -> (&Bytes, &str, Option<&str>) {
    (&upload.bytes, &upload.sha256, upload.name.as_deref())
}

/// Reads the document in a body that arrives in pieces of this size. Errors are not told apart.
fn take(headers: &HeaderMap, body: &[u8], size: usize, limit: u64) -> Result<Upload, ()> {
    let pieces: Vec<Result<Bytes, Infallible>> = body
        .chunks(size)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    let mut body = Body::from_stream(stream::iter(pieces)).into_data_stream();
    let known = Known {
        id: "k".to_owned(),
        quota: None,
    };
    let limits = Limits {
        max_pages: 2000,
        max_upload: limit,
        deadline: Duration::from_secs(1),
        max_documents: 1,
        max_memory: u64::MAX >> 1,
        replay: ReplayLimits {
            bytes: 0,
            age: Duration::ZERO,
        },
    };
    let budget = Budget::new(&limits, Arc::default());
    let share = Share::enter(&budget, &Days::new(None), &known, false).map_err(drop)?;
    runtime()
        .expect("a runtime")
        .block_on(upload::receive(headers, &mut body, limit, &share))
        .map_err(drop)
}

/// A runtime without timers or I/O, since nothing here waits.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().build()
}
