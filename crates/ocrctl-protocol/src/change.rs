//! The differences between a host and its desired state, as a plan shows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, FailureKind};

/// One difference between a host and its desired state, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Kind and name, such as `file /etc/ocr/rules.yaml`.
    pub resource: String,
    /// Kind of change.
    pub action: Action,
    /// Why, in one line.
    pub reason: String,
    pub details: Vec<Detail>,
}

impl Change {
    /// Why it can't be made, as failures of an operation that would make it.
    pub fn blocked(&self) -> impl Iterator<Item = Failure> {
        self.details.iter().filter_map(|detail| match detail {
            Detail::Blocked { text, hint } => Some(Failure {
                kind: FailureKind::Refused,
                message: format!("{}: {text}", self.resource),
                hint: Some(hint.clone()),
            }),
            _ => None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Update,
    Delete,
    Start,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Detail {
    /// A unified diff of text.
    Diff {
        /// The diff.
        text: String,
    },
    /// A field that changes.
    Field {
        /// The field.
        name: String,
        /// Its value; null: absent. Secrets are never shown.
        from: Option<String>,
        /// Its new value.
        to: Option<String>,
    },
    /// A line that is added to a set (firewall rules, packages).
    Added {
        /// A line of a set.
        text: String,
    },
    Removed {
        /// The same.
        text: String,
    },
    /// The change can't be made as things are, and a deploy is refused before its first step.
    Blocked {
        /// Why a deploy is refused.
        text: String,
        /// Suggested fix.
        hint: String,
    },
}
