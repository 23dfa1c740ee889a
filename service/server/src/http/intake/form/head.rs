//! Headers of a form's part (RFC 7578, 4.2 and 4.8), and header values with parameters.

use httparse::{EMPTY_HEADER, Status};

use crate::http::intake::parameters;

/// Most headers per part. Three of them have a meaning.
const MAX_HEADERS: usize = 16;
/// Longest file name, in characters.
const MAX_NAME: usize = 255;

/// Parameters of a header's value, by name.
type Parameters = Vec<(String, Vec<u8>)>;

/// Properties of a part, read from its headers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PartHead {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
}

/// Reason for which a part's headers are rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the headers of a part are not well formed")]
    Headers,
    #[error("the Content-Disposition of a part does not have exactly one name")]
    Name,
    #[error("a part has a Content-Transfer-Encoding; send its bytes unencoded")]
    TransferEncoding,
}

impl PartHead {
    /// Parses header lines and the empty line that ends them.
    pub(super) fn parse(lines: &[u8]) -> Result<Self, Malformed> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let headers = match httparse::parse_headers(lines, &mut headers) {
            Ok(Status::Complete((_, headers))) => headers,
            Ok(Status::Partial) | Err(_) => return Err(Malformed::Headers),
        };
        let mut head = Self::default();
        let mut disposition = None;
        for header in headers {
            let value = header.value;
            if header.name.eq_ignore_ascii_case("content-disposition") {
                if disposition.replace(value).is_some() {
                    return Err(Malformed::Name);
                }
            } else if header.name.eq_ignore_ascii_case("content-type") {
                head.content_type = Some(text(value));
            } else if header
                .name
                .eq_ignore_ascii_case("content-transfer-encoding")
            {
                let plain = [&b"binary"[..], b"8bit", b"7bit"];
                if !plain.iter().any(|known| value.eq_ignore_ascii_case(known)) {
                    return Err(Malformed::TransferEncoding);
                }
            }
        }
        let (kind, parameters) = disposition.and_then(split).ok_or(Malformed::Name)?;
        if !kind.eq_ignore_ascii_case(b"form-data") {
            return Err(Malformed::Name);
        }
        let get = |name: &str| {
            let found = parameters.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_slice())
        };
        head.name = text(get("name").ok_or(Malformed::Name)?);
        // Browsers write a quotation mark in a file name as `%22`.
        let plain = || get("filename").map(|name| text(name).replace("%22", "\""));
        let extended = get("filename*").and_then(extended_value);
        head.file_name = extended.or_else(plain).map(|name| short_name(&name));
        Ok(head)
    }
}

/// Splits a header's value from its parameters: `form-data; name="file"; filename="a b.pdf"`. The names of the
/// parameters become lower case. Returns `None` if the value is malformed or repeats a parameter.
pub(super) fn split(value: &[u8]) -> Option<(&[u8], Parameters)> {
    let semicolon = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b';');
    let (first, mut rest) = value.split_at(semicolon(value).unwrap_or(value.len()));
    let mut parameters = Parameters::new();
    loop {
        rest = rest.trim_ascii_start();
        let Some(behind) = rest.strip_prefix(b";") else {
            return rest.is_empty().then(|| (first.trim_ascii(), parameters));
        };
        rest = behind.trim_ascii_start();
        if rest.is_empty() {
            return Some((first.trim_ascii(), parameters));
        }
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let name = std::str::from_utf8(rest[..equals].trim_ascii()).ok()?;
        let name = name.to_ascii_lowercase();
        rest = rest[equals + 1..].trim_ascii_start();
        let value = if let Some(quoted) = rest.strip_prefix(b"\"") {
            let (value, behind) = unquote(quoted)?;
            rest = behind;
            value
        } else {
            let (value, behind) = rest.split_at(semicolon(rest).unwrap_or(rest.len()));
            rest = behind;
            value.trim_ascii_end().to_vec()
        };
        if parameters.iter().any(|(known, _)| *known == name) {
            return None;
        }
        parameters.push((name, value));
    }
}

/// Reads a quoted string behind its first quote, and returns what follows it. A backslash that escapes nothing is kept,
/// because some clients send a Windows path without escaping it. A quote at which the string can't end is kept, too.
fn unquote(quoted: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let ends = |behind: &[u8]| {
        let next = behind.trim_ascii_start();
        next.is_empty() || next.starts_with(b";")
    };
    let mut value = Vec::new();
    let mut rest = quoted;
    loop {
        let (byte, behind) = rest.split_first()?;
        rest = match (byte, behind.first()) {
            (b'"', _) if ends(behind) => return Some((value, behind)),
            (b'\\', Some(escaped @ (b'"' | b'\\'))) => {
                value.push(*escaped);
                &behind[1..]
            }
            _ => {
                value.push(*byte);
                behind
            }
        };
    }
}

/// Decodes UTF-8, or else Latin-1.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => latin1(bytes),
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Decodes an extended value such as `UTF-8'en'%e2%82%ac%20rates.pdf` (RFC 8187).
fn extended_value(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = parameters::percent_decode(encoded)?;
    if charset.eq_ignore_ascii_case(b"utf-8") {
        String::from_utf8(bytes).ok()
    } else {
        let is_latin1 = charset.eq_ignore_ascii_case(b"iso-8859-1");
        is_latin1.then(|| latin1(&bytes))
    }
}

/// Shortens a path to its last part and limits its length. Removes characters that control a terminal or reverse the
/// text behind them.
fn short_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let reverses = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    last.chars()
        .filter(|c| !c.is_control() && !reverses(*c))
        .take(MAX_NAME)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disposition(value: &[u8]) -> Result<PartHead, Malformed> {
        PartHead::parse(&[b"Content-Disposition: ", value, b"\r\n\r\n"].concat())
    }

    fn file_name(parameters: &[u8]) -> Option<String> {
        let value = [b"form-data; name=\"file\"; ", parameters].concat();
        disposition(&value).unwrap().file_name
    }

    #[test]
    fn reads_file_names_in_every_form_that_clients_send() {
        let head = PartHead::parse(
            b"content-type: image/png\r\nContent-Disposition: form-data; name=file;filename=\"a;b.png\";\r\nX: y\r\n\r\n",
        );
        let wanted = PartHead {
            name: "file".into(),
            file_name: Some("a;b.png".into()),
            content_type: Some("image/png".into()),
        };
        assert_eq!(head, Ok(wanted));
        for (parameters, wanted) in [
            (&b"filename=\"\xc3\xa4 \xe2\x82\xac.pdf\""[..], "ä €.pdf"),
            (b"filename=\"\xe4.pdf\"", "ä.pdf"),
            (b"filename=\"a \\\"b\\\".pdf\"", "a \"b\".pdf"),
            (b"filename=\"a %22b%22.pdf\"", "a \"b\".pdf"),
            (b"filename=\"a \"b\".pdf\" ; x=y", "a \"b\".pdf"),
            (b"filename=plain name.pdf", "plain name.pdf"),
            (b"filename*=UTF-8''%e2%82%ac%20rates.pdf", "€ rates.pdf"),
            (
                b"filename=\"x.pdf\"; filename*=utf-8'de'%C3%A4.pdf",
                "ä.pdf",
            ),
            (b"filename*=iso-8859-1''%e4.pdf; filename=x.pdf", "ä.pdf"),
            (b"filename=x.pdf; filename*=utf-8''%e4.pdf", "x.pdf"),
            (b"filename=x.pdf; filename*=koi8-r''%c1.pdf", "x.pdf"),
        ] {
            assert_eq!(file_name(parameters).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn strips_paths_and_control_characters_from_file_names() {
        assert_eq!(
            file_name(b"filename=\"../../etc/scan.pdf\"").unwrap(),
            "scan.pdf"
        );
        assert_eq!(
            file_name(b"filename=\"C:\\docs\\scan.pdf\"").unwrap(),
            "scan.pdf"
        );
        assert_eq!(
            file_name(b"filename*=UTF-8''..%2f%2e%2e%2Fx%00%0a%1b.pdf").unwrap(),
            "x.pdf"
        );
        assert_eq!(
            file_name("filename=\"a\u{202e}fdp.exe\"".as_bytes()).unwrap(),
            "afdp.exe"
        );
        let long = format!("filename={}", "x".repeat(1000));
        assert_eq!(file_name(long.as_bytes()).unwrap().len(), 255);
    }

    #[test]
    fn rejects_parts_without_exactly_one_name() {
        for wrong in [
            &b"form-data"[..],
            b"form-data; filename=\"x\"",
            b"attachment; name=\"file\"",
            b"form-data; name=\"file",
            b"form-data; name=\"file\" x",
            b"form-data; name=file; name=other",
            b"form-data; name",
        ] {
            assert_eq!(disposition(wrong), Err(Malformed::Name), "{wrong:?}");
        }
        assert_eq!(PartHead::parse(b"\r\n"), Err(Malformed::Name));
        assert_eq!(
            PartHead::parse(b"no colon\r\n\r\n"),
            Err(Malformed::Headers)
        );
        let many = b"X: y\r\n".repeat(17);
        assert_eq!(
            PartHead::parse(&[&many[..], b"\r\n"].concat()),
            Err(Malformed::Headers)
        );
        let coded = b"Content-Disposition: form-data; name=file\r\nContent-Transfer-Encoding: base64\r\n\r\n";
        assert_eq!(PartHead::parse(coded), Err(Malformed::TransferEncoding));
    }
}
