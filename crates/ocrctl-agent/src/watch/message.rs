//! Messages to people: of a problem, a repair, or a recovery.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::settings::Settings;
use ocrctl_protocol::health::Part;
use ocrctl_protocol::hex;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Something is wrong.
    Problem,
    /// The host has repaired a problem before it was reported.
    #[serde(alias = "mended")]
    Repaired,
    /// The reported problem is over.
    Recovered,
    /// Nothing has happened.
    Test,
}

/// A change of a host's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) kind: Kind,
    pub(super) with: Part,
    /// One line.
    pub(super) what: String,
    pub(super) since: Timestamp,
    pub(super) at: Timestamp,
}

/// A change, ready to be sent. Webhooks get these fields, and `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) environment: String,
    pub(super) host: String,
    pub(super) kind: Kind,
    /// `None` in a test.
    pub(super) with: Option<Part>,
    pub(super) what: String,
    pub(super) since: Timestamp,
    pub(super) at: Timestamp,
}

impl Change {
    pub(super) fn of(self, settings: &Settings) -> Message {
        Message {
            environment: settings.environment.clone(),
            host: settings.host.clone(),
            kind: self.kind,
            with: Some(self.with),
            what: self.what,
            since: self.since,
            at: self.at,
        }
    }
}

impl Message {
    pub(super) fn test(settings: &Settings) -> Self {
        let now = Timestamp::now();
        Self {
            environment: settings.environment.clone(),
            host: settings.host.clone(),
            kind: Kind::Test,
            with: None,
            what: "a test of the alerts: nothing is wrong".to_owned(),
            since: now,
            at: now,
        }
    }

    /// In one line, such as `PROBLEM ocr1 (prod): disk: / is 95 % full`.
    pub(super) fn text(&self) -> String {
        let kind = match self.kind {
            Kind::Problem => "PROBLEM",
            Kind::Repaired => "REPAIRED",
            Kind::Recovered => "RECOVERED",
            Kind::Test => "TEST",
        };
        let with = self
            .with
            .map(|with| format!("{}: ", name(with)))
            .unwrap_or_default();
        let lasted = match self.kind {
            Kind::Recovered => format!(
                " (it lasted {})",
                lasted(self.at.duration_since(self.since))
            ),
            _ => String::new(),
        };
        let (host, environment, what) = (&self.host, &self.environment, &self.what);
        format!("{kind} {host} ({environment}): {with}{what}{lasted}")
    }

    /// The same whenever it is sent.
    pub(super) fn id(&self) -> String {
        let digest = Sha256::digest(format!("{self:?}"));
        format!("{}@{}", &hex(&digest)[..24], self.host)
    }

    /// For an e-mail.
    pub(super) fn body(&self) -> String {
        format!(
            "{}\r\n\r\nseen at {}\r\n`ocrctl status {}` shows how it is now.\r\n",
            self.text(),
            self.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
            self.environment
        )
    }
}

/// Returns the JSON name.
pub(super) fn name(with: Part) -> String {
    match serde_json::to_value(with) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

fn lasted(time: SignedDuration) -> String {
    match time.as_secs().max(0) {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_where_and_what_and_how_long() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let message = |kind| Message {
            environment: "prod".into(),
            host: "ocr1".into(),
            kind,
            with: Some(Part::Disk),
            what: "/ is 95 % full".into(),
            since: at(0),
            at: at(600),
        };
        assert_eq!(
            message(Kind::Problem).text(),
            "PROBLEM ocr1 (prod): disk: / is 95 % full"
        );
        assert_eq!(
            message(Kind::Recovered).text(),
            "RECOVERED ocr1 (prod): disk: / is 95 % full (it lasted 10 min)"
        );
    }
}
