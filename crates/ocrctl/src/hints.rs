//! Holds that whoever reads an error reads what to do about it. Mistakes in an inventory are held where they are
//! collected (`inventory/problem.rs`).

use std::path::{Path, PathBuf};

/// Error types that tell nobody by themselves, and who gives their hint.
const WITHIN_OTHERS: [(&str, &str); 9] = [
    ("Unfit", "SessionError"),
    ("HandshakeError", "TransportError"),
    ("LoginError", "TransportError"),
    ("HandshakeFailure", "resources/guard.rs"),
    ("SourceError", "commands/build.rs"),
    ("ContextError", "commands/build.rs"),
    ("NoAcme", "AcmeError"),
    ("DnsError", "AcmeError"),
    ("ProofError", "ocrctl-rehearsal/src/run.rs"),
];

fn sources(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("hints.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // Tests have errors of their own.
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            found.push((path, product.to_owned()));
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let crates = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for entry in std::fs::read_dir(crates).unwrap() {
        sources(&entry.unwrap().path().join("src"), &mut found);
    }
    found
}

#[test]
fn every_error_type_has_a_hint() {
    let mut seen = 0;
    for (path, text) in all() {
        for after in text.split("thiserror::Error").skip(1) {
            let mut lines = after.lines().skip(1).map(str::trim_start);
            let head = lines.find(|line| line.contains("enum ") || line.contains("struct "));
            let name = head
                .and_then(|line| line.split_once("enum ").or(line.split_once("struct ")))
                .map(|(_, rest)| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap())
                .unwrap();
            seen += 1;
            let has_one = text.contains("fn hint(&self")
                || text.contains("hint: Option<String>")
                || text.contains(".hint(");
            assert!(
                has_one || WITHIN_OTHERS.iter().any(|(within, _)| *within == name),
                "{name} in {} has no hint: give it `fn hint(&self)`, or say in {} who gives it",
                path.display(),
                file!()
            );
        }
    }
    assert!(seen > 12, "{seen}");
}

/// A hint that is an `Option` gets that from an error within, and is not left out.
#[test]
fn no_hint_is_left_out() {
    for (path, text) in all() {
        for after in text.split("fn hint(&self) -> Option<").skip(1) {
            let body = after.split("\n    }\n").next().unwrap();
            let left_out = body
                .lines()
                .any(|line| line.contains("return None") || line.trim_end().ends_with("=> None,"));
            // Told by diagnostics of its own.
            assert!(
                !left_out || path.ends_with("ocrctl-inventory/src/relocate.rs"),
                "a hint is left out in {}:{body}",
                path.display()
            );
        }
    }
}
