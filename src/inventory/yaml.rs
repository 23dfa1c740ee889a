//! From the YAML parser's errors, which speak to programmers, to problems that speak to operators.

use serde_saphyr::Error;

use super::problem::{Conceal, Place, Problem};
use super::schema::Inventory;
use super::suggestion;

/// The inventory's raw fields.
pub(super) fn parse(text: &str) -> Result<Inventory, Problem> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| problem(&error, text))
}

fn problem(error: &Error, text: &str) -> Problem {
    let place = error.location().map(Place::from);
    let (message, hint) = match error.without_snippet() {
        Error::SerdeUnknownField {
            field, expected, ..
        } => (
            format!("unknown field `{field}`"),
            Some(suggestion::hint(
                field,
                "the fields here are",
                expected.iter().copied(),
            )),
        ),
        Error::DuplicateMappingKey { key, .. } => (
            match key {
                Some(key) => format!("`{key}` is there twice"),
                None => "a key is there twice".to_owned(),
            },
            Some("remove one of the two".to_owned()),
        ),
        Error::MultipleDocuments { .. } => (
            "a second YAML document begins here".to_owned(),
            Some("an inventory is one document: remove the `---`".to_owned()),
        ),
        Error::NullIntoString { .. } => ("a value is missing".to_owned(), None),
        Error::Unexpected { expected, .. } => unexpected(expected),
        // It would repeat the value, which may be meant as a secret.
        Error::NonFiniteFloat { .. } => {
            ("this is no number that can be used here".to_owned(), None)
        }
        other => (without_position(&other.to_string()), None),
    };
    let mut problem = Problem::new(place, message);
    problem.hint = hint;
    problem.conceal(match error.without_snippet() {
        // A misspelt `password` may have one.
        Error::SerdeUnknownField { .. } => Conceal::AfterKey,
        _ if place.is_some_and(|place| mentions_password(text, place.line)) => Conceal::Value,
        _ => Conceal::Nothing,
    });
    problem
}

fn unexpected(expected: &str) -> (String, Option<String>) {
    match expected {
        "sequence start" => (
            "a list is expected here".to_owned(),
            Some("write it as `[a, b]`, or each entry on a line of its own after `- `".to_owned()),
        ),
        "mapping start" => (
            "fields are expected here".to_owned(),
            Some("write each as `field: value`, indented below".to_owned()),
        ),
        "string scalar" => ("a single value is expected here".to_owned(), None),
        other => (format!("{other} is expected here"), None),
    }
}

/// The parser appends the position, which the problem shows by itself.
fn without_position(message: &str) -> String {
    message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message)
        .to_owned()
}

fn mentions_password(text: &str, line: usize) -> bool {
    text.lines()
        .nth(line.saturating_sub(1))
        .is_some_and(|line| line.contains("password"))
}
