//! `--json`: one JSON object a line on standard output, and nothing else there.
//!
//! Each line has a `type` and a `time` (RFC 3339, UTC), and a `host` where it is about one. The first line is
//!
//! ```json
//! {"time":"2026-03-01T12:00:00.500Z","type":"header","version":1,"ocrctl":"0.1.0"}
//! ```
//!
//! `version` is that of the lines that follow. It rises when a type or a field is removed or changes its
//! meaning; readers ignore types and fields that they do not know. The events of [`ocrctl_protocol::Event`] come
//! under their own names, in the order of what happens, and with them the lines of `Own`. All of them, field by
//! field: docs/reference/json-lines.md, made of `reference.rs`.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::probe::Seen;
use ocrctl_protocol::status::Status;
use ocrctl_protocol::{Diagnostic, Event, logs};

#[cfg(test)]
pub mod reference;

/// Version of the lines that `line()` makes.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Own<'a> {
    Header {
        version: u32,
        ocrctl: &'a str,
    },
    Key {
        id: &'a str,
        name: &'a str,
        key: &'a str,
    },
    KeyKept {
        id: &'a str,
        name: &'a str,
        handed: &'a str,
    },
    Probed(&'a Seen),
    Check(&'a ocrctl_protocol::doctor::Line),
    Data {
        text: &'a str,
    },
    Unreachable {
        message: &'a str,
    },
    Log(&'a logs::Line),
    Read(super::reading::Line<'a>),
    Error(&'a Diagnostic),
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Body<'a> {
    Event(&'a Event),
    Own(Own<'a>),
    Status(#[serde(serialize_with = "as_status")] &'a Status),
}

/// Writes the event of this name.
fn as_status<S: Serializer>(status: &Status, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Tagged<'a> {
        r#type: &'static str,
        #[serde(flatten)]
        status: &'a Status,
    }
    let r#type = "status";
    Tagged { r#type, status }.serialize(serializer)
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(flatten)]
    body: Body<'a>,
}

/// The line, without its end.
pub(super) fn line(now: Timestamp, host: Option<&str>, body: Body<'_>) -> String {
    let time = now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    // Strings and numbers only: nothing here can fail to be JSON.
    serde_json::to_string(&Line { time, host, body }).unwrap_or_default()
}
