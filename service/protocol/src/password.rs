//! Password of a document.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Password that a client sent for a document. It is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    /// The password itself, for what opens the document.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_reveal_it() {
        assert_eq!(
            format!("{:?}", Some(Password::new("hush"))),
            "Some(Password(…))"
        );
    }
}
