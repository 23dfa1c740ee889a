//! Rules: types of codes that an operator adds as data. `file` reads and checks them, `find` finds their codes.

mod file;
mod find;
mod scheme;

use serde::{Deserialize, Serialize};

pub use file::{MAX_BYTES, Problem, RuleFile};
pub use find::RuleFinder;
pub use scheme::Scheme;

/// A rule that has passed all checks of [`RuleFile::parse`]. Workers get it in this form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Name in `type` and in `?codes=`.
    pub name: String,
    /// Pattern in `regex`'s syntax. The value is the group named `value`, or else the whole match.
    pub pattern: String,
    /// Labels in lower case, words separated by one space.
    pub labels: Vec<String>,
    /// True if a code is reported only with a label.
    pub needs_label: bool,
    pub check: Option<Scheme>,
    /// True if letters are converted to upper case.
    pub upper: bool,
    /// Characters that are removed.
    pub strip: String,
}
