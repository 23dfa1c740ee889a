//! Rules: types of codes that an operator adds, as data. `file` reads and checks them, `find` finds their codes.

mod file;
mod find;
mod scheme;

use serde::{Deserialize, Serialize};

pub use file::{MAX_BYTES, Problem, RuleFile};
pub use find::RuleFinder;
pub use scheme::Scheme;

/// A rule that has passed every check of [`RuleFile::parse`]; workers get it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// As in `type` and in `?codes=`.
    pub name: String,
    /// In `regex`'s syntax. A group named `value` is the value; else the whole match is.
    pub pattern: String,
    /// In lower case, words separated by one space.
    pub labels: Vec<String>,
    /// Whether a code is reported only where a label stands by it.
    pub needs_label: bool,
    pub check: Option<Scheme>,
    /// Whether letters are made upper case.
    pub upper: bool,
    /// Characters that are taken out.
    pub strip: String,
}
