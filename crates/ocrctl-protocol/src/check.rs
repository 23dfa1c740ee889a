//! The results of checks, of an audit and of a doctor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A check gives one line, or one for each finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Name of the check, such as `ssh keys`.
    pub check: String,
    #[serde(flatten)]
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing has to be done.
    Ok {
        /// The examined state.
        seen: String,
    },
    /// Something has to be done.
    Finding {
        /// The problem.
        found: String,
        #[serde(flatten)]
        fix: Fix,
    },
    /// It could not be looked at, which says nothing about what would have been found.
    CouldNotRun {
        /// The reason.
        why: String,
    },
}

/// The way to fix a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// The command that fixes it, or advice where no command can.
    pub fix: String,
    /// The same as `fix`, which this was called; not given from 0.2 on.
    mend: String,
}

impl From<String> for Fix {
    fn from(fix: String) -> Self {
        Self {
            mend: fix.clone(),
            fix,
        }
    }
}

impl Line {
    pub fn new(check: &str, verdict: Verdict) -> Self {
        Self {
            check: check.to_owned(),
            verdict,
        }
    }
}
