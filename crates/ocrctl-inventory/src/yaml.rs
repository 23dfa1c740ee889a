//! From the YAML parser's errors, which speak to programmers, to problems that speak to operators.

use serde_saphyr::Error;

use super::problem::{Place, Problem};
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
        Error::NullIntoString { .. } => (
            "a value is missing".to_owned(),
            Some("write it behind the colon, or remove the line".to_owned()),
        ),
        Error::Unexpected { expected, .. } => unexpected(expected),
        // It would repeat the value, which may be meant as a secret.
        Error::NonFiniteFloat { .. } => (
            "this is no number that can be used here".to_owned(),
            Some("put it in quotes if it is text".to_owned()),
        ),
        other => {
            let message = without_position(&other.to_string());
            let hint = syntax_hint(&message);
            (message, hint)
        }
    };
    let mut problem = Problem::new(place, message);
    problem.hint = hint;
    problem.secret_from = place.and_then(|place| secret_from(error, place, text));
    problem
}

/// Where nothing better is known.
const SEE_REFERENCE: &str = "inventory.example.yaml shows every field with its form";

/// The column where a secret may begin in the line that is complained about, by what its keys are called.
fn secret_from(error: &Error, place: Place, text: &str) -> Option<usize> {
    let misspelt = match error.without_snippet() {
        Error::SerdeUnknownField { field, .. } => {
            suggestion::closest(field, ["password"]).map(|_| place.column + place.width)
        }
        _ => None,
    };
    let line = text.lines().nth(place.line - 1)?.to_ascii_lowercase();
    let told = ["pass", "secret", "token", "pwd"]
        .iter()
        .filter_map(|word| line.find(word))
        .min()
        .map(|key| key + line[key..].find(':').map_or(0, |colon| colon + 1))
        .map(|bytes| line[..bytes].chars().count() + 1);
    misspelt.into_iter().chain(told).min()
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
        "string scalar" => (
            "a single value is expected here".to_owned(),
            Some("write it behind the colon, without brackets or braces".to_owned()),
        ),
        other => (
            format!("{other} is expected here"),
            Some(SEE_REFERENCE.to_owned()),
        ),
    }
}

/// Suggests the usual cause of the parser's message.
fn syntax_hint(message: &str) -> Option<String> {
    if message.contains("tab") {
        Some("indent with spaces".to_owned())
    } else if message.starts_with("mapping values are not allowed") {
        Some("put quotes around a value with `: ` in it, and check the indentation".to_owned())
    } else {
        Some("this is not YAML from here on, or from a line before: check quotes, brackets and indentation".to_owned())
    }
}

/// The parser appends the position, which the problem shows by itself.
fn without_position(message: &str) -> String {
    message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message)
        .to_owned()
}
