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
//! field: docs/reference/json-lines.md, made of these types.

use jiff::Timestamp;
use schemars::{JsonSchema, Schema};
use serde::ser::Error;
use serde::{Serialize, Serializer};

use crate::probe::Seen;
use ocrctl_protocol::status::Status;
use ocrctl_protocol::{Diagnostic, Event, check, logs};

#[cfg(test)]
pub mod reference;

/// Version of the lines that `line()` makes.
pub const VERSION: u32 = 1;

#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Own<'a> {
    /// The first line, always.
    Header {
        /// Of the lines that follow.
        version: u32,
        /// Version of ocrctl.
        ocrctl: &'a str,
    },
    /// A new key, this once.
    Key {
        /// Its public part.
        id: &'a str,
        /// Owner.
        name: &'a str,
        /// The key itself: a secret.
        key: &'a str,
    },
    /// A new key that was handed over elsewhere (`--out`, `--exec`).
    KeyKept {
        /// Its public part.
        id: &'a str,
        /// Owner.
        name: &'a str,
        /// Place of delivery, in words.
        handed: &'a str,
    },
    /// A host's answers to the requests of `--probe`.
    Probed(&'a Seen),
    /// Result of a doctor's check: one line, or one for each problem.
    #[schemars(transform = failed_schema)]
    Check(#[serde(serialize_with = "failed")] &'a check::Line),
    /// Other output, such as a completion script.
    Data {
        /// The text printed without `--json`.
        text: &'a str,
    },
    /// A host that can't be asked how it is, in the place of its `status`.
    Unreachable {
        /// The reason.
        message: &'a str,
    },
    /// A line that a host logged (`logs`). All of them come in the order of time.
    Log(&'a logs::Line),
    /// A document that was read (`ocr`), in the order of the files. `pages` with `--format text` and `codes`, `codes`
    /// with the latter, `answer` with `json`.
    Read(super::reading::Line<'a>),
    /// Why the command fails; there may be several.
    Error(&'a Diagnostic),
}

/// Writes a doctor's line. A finding of a doctor is called `failed`.
fn failed<S: Serializer>(line: &check::Line, serializer: S) -> Result<S::Ok, S::Error> {
    let mut line = serde_json::to_value(line).map_err(S::Error::custom)?;
    if line["verdict"] == "finding" {
        line["verdict"] = "failed".into();
    }
    line.serialize(serializer)
}

/// The schema of the same.
fn failed_schema(schema: &mut Schema) {
    if let Some(finding) = schema.pointer_mut("/oneOf/1/properties/verdict/const") {
        *finding = "failed".into();
    }
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
