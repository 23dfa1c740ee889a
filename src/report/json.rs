//! `--json`: one JSON object a line on standard output, and nothing else there.
//!
//! Each line has a `type` and a `time` (RFC 3339, UTC), and a `host` where it is about one. The first line is
//!
//! ```json
//! {"time":"2026-03-01T12:00:00.500Z","type":"header","version":1,"ocrctl":"0.1.0"}
//! ```
//!
//! `version` is that of the lines that follow. It rises when a type or a field is removed or changes its
//! meaning; readers ignore types and fields that they do not know. Then come, in the order of what happens:
//!
//! - the events of [`crate::protocol::Event`] under their own names: `hello`, `planned`, `step`, `progress`,
//!   `note`, `confirm_reachable`, `applied`, `pulled`, `keys`, `ca`, `certificate`, `history`, `releases`, `audited`, `restored`, `failed`; with `deploy --restore`,
//!   a first `planned` tells what the backup would change;
//! - in `audited`, `lines` has one object for each finding and for each check without any: `check` is its name,
//!   `verdict` is `ok` (with `seen`), `finding` (with `found` and `mend`) or `could_not_run` (with `why`);
//! - `check`: one of a doctor's, with `check`, its name, and `verdict`: `ok` (with `seen`), `failed` (with `found` and
//!   `mend`) or `could_not_run` (with `why`);
//! - `key`: a new key's `id`, `name` and `key`, this once; `key_kept`: one that was `handed` over elsewhere;
//! - `data`: other output, as `text`;
//! - `error`: why the command fails, with `message`, `causes` and `hint`.

use jiff::Timestamp;
use serde::Serialize;

use crate::protocol::Event;

use super::diagnostic::Diagnostic;

/// Version of the lines that [`line()`] makes.
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
    Check(&'a crate::protocol::doctor::Line),
    Data {
        text: &'a str,
    },
    Error(&'a Diagnostic),
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Body<'a> {
    Event(&'a Event),
    Own(Own<'a>),
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
