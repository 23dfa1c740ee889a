//! Problems of an inventory, and their collection: one run reports all that it can find.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;
use serde_saphyr::Location;

use ocrctl_protocol::Invalid;

use super::form::Text;
use super::suggestion;

/// The hint where something is there twice.
pub(super) const TWICE: &str = "remove one of the two";

/// Where something stands in the file. Lines and columns count from 1, columns and width in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub line: usize,
    pub column: usize,
    pub width: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `None` without a particular place, such as in an empty file.
    pub(super) place: Option<Place>,
    pub(super) message: String,
    /// A correct value or the way to it.
    pub(super) hint: Option<String>,
    /// From this column on, its line is not shown: a secret may stand there.
    pub(super) secret_from: Option<usize>,
}

/// The values of an inventory on their way to their types.
#[derive(Debug)]
pub(super) struct Checks<'a> {
    /// Relative paths start here: where the inventory is.
    base: &'a Path,
    pub problems: Vec<Problem>,
}

impl From<Location> for Place {
    fn from(at: Location) -> Self {
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        Self {
            line: count(at.line()),
            column: count(at.column()),
            width: count(at.span().len()),
        }
    }
}

impl Problem {
    pub(super) fn new(place: Option<Place>, message: impl Into<String>) -> Self {
        Self {
            place: place.filter(|place| place.line > 0),
            message: message.into(),
            hint: None,
            secret_from: None,
        }
    }

    /// Whatever any test finds wrong with an inventory says what would be right.
    #[cfg(test)]
    pub(super) fn assert_hint(&self) {
        let message = &self.message;
        assert!(self.hint.is_some(), "this has no hint: {message}");
    }

    pub(super) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }
}

impl<'a> Checks<'a> {
    pub(super) fn new(base: &'a Path) -> Self {
        Self {
            base,
            problems: Vec::new(),
        }
    }

    /// Notes a problem, to which the caller may add a hint.
    pub(super) fn refuse(&mut self, at: Location, message: impl Into<String>) -> &mut Problem {
        self.problems.push(Problem::new(Some(at.into()), message));
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    /// The value of a field, or `default` where it is absent. An invalid one is noted, and `default` stands in:
    /// nothing is built from an inventory with problems.
    pub(super) fn value<T, Form>(
        &mut self,
        field: &Option<Text<Form>>,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> T {
        field
            .as_ref()
            .and_then(|text| self.parse(text, parse))
            .unwrap_or(default)
    }

    pub(super) fn parse<T, Form>(
        &mut self,
        text: &Text<Form>,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        match parse(&text.value) {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.refuse(text.referenced, invalid.message).hint = invalid.hint;
                None
            }
        }
    }

    /// A path as written: absolute, below the home directory (`~/`), or relative to the inventory.
    pub(super) fn path<Form>(&mut self, text: &Text<Form>) -> PathBuf {
        if text.value.is_empty() {
            self.refuse(text.referenced, "the path is empty")
                .hint("name a file: relative to the inventory, below `~/`, or from `/` on");
        }
        match (text.value.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.base.join(&text.value),
        }
    }

    pub(super) fn base(&self) -> &'a Path {
        self.base
    }
}

/// Reads one of an enum's words. `verdict` is about another: `is not a protocol`.
pub(super) fn word<T: DeserializeOwned>(text: &str, verdict: &str) -> Result<T, Invalid> {
    T::deserialize(StrDeserializer::new(text)).map_err(|NotOneOf(words)| {
        Invalid::new(format!("`{text}` {verdict}")).hint(suggestion::hint(
            text,
            "it is one of",
            words.iter().copied(),
        ))
    })
}

/// The words of an enum that does not have the one that was read.
#[derive(Debug)]
struct NotOneOf(&'static [&'static str]);

impl std::fmt::Display for NotOneOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "one of {:?} is expected", self.0)
    }
}

impl std::error::Error for NotOneOf {}

impl serde::de::Error for NotOneOf {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}
