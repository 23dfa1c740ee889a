//! Errors that wrap others: what the top says is often only where it happened.

use std::error::Error;

/// An error with all its causes, in one line; what a cause only repeats is left out.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Self>>);

    #[test]
    fn causes_follow_and_are_not_repeated() {
        let inner = Layer("refused", None);
        let middle = Layer("connecting: refused", Some(Box::new(inner)));
        let outer = Layer("asking", Some(Box::new(middle)));
        assert_eq!(chain(&outer), "asking: connecting: refused");
    }
}
