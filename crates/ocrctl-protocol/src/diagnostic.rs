//! The message about a failure.

use std::error::Error;

use schemars::JsonSchema;
use serde::Serialize;

use crate::Failure;

/// One failure: `error: MESSAGE`, the place in a file, the causes, and what to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Diagnostic {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    pub message: String,
    /// Lines of a file with a mark under what is meant. For people only.
    #[serde(skip)]
    pub excerpt: Option<String>,
    /// From the nearest to the deepest.
    pub causes: Vec<String>,
    /// Suggested fix.
    pub hint: Option<String>,
}

impl Diagnostic {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    /// An error and its sources. A source that its error already quotes is not repeated.
    pub fn of(error: &dyn Error) -> Self {
        let mut diagnostic = Self::new(error.to_string());
        let mut said = diagnostic.message.clone();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !said.contains(&text) {
                diagnostic.causes.push(text.clone());
                said = text;
            }
            source = cause.source();
        }
        diagnostic
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    pub fn excerpt(mut self, excerpt: impl Into<String>) -> Self {
        self.excerpt = Some(excerpt.into());
        self
    }
}

impl From<&Failure> for Diagnostic {
    fn from(failure: &Failure) -> Self {
        Self {
            hint: failure.hint.clone(),
            ..Self::new(&failure.message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Option<Box<Layer>> {
        let (text, rest) = texts.split_first()?;
        let source = layers(rest);
        Some(Box::new(Layer { text, source }))
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = layers(&["the host is down: no route", "no route", "os error 113"]).unwrap();
        let diagnostic = Diagnostic::of(&*error);
        assert_eq!(diagnostic.message, "the host is down: no route");
        assert_eq!(diagnostic.causes, ["os error 113"]);
    }
}
