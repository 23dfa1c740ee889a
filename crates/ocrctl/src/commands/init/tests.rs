//! The questions to the operator, and the file written from the answers.

use std::ffi::OsString;

use super::*;
use crate::cli::{Cli, Command};

fn asked(line: &str, inventory: &Path) -> (Global, Init) {
    let arguments = line.split_whitespace().map(OsString::from);
    let arguments = [
        OsString::from("ocrctl"),
        "--inventory".into(),
        inventory.into(),
        "init".into(),
    ]
    .into_iter()
    .chain(arguments);
    let cli = Cli::parse_from_args(arguments).unwrap();
    let Command::Init(asked) = cli.command else {
        panic!("{line}");
    };
    (cli.global, asked)
}

/// Runs `init` with these flags and answers; returns the result, the output and the file.
fn init(flags: &str, answers: Option<&'static str>) -> (Result, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("inventory.yaml");
    let (global, asked) = asked(flags, &path);
    let (report, said) = Report::answered(answers);
    let result = run(&global, &report, &asked);
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    (result, said(), written)
}

#[test]
fn five_answers_and_mistakes_corrected_at_once() {
    let (result, said, written) = init(
        "",
        Some(
            "https://ocr.example.org\nocr.example.org\n\
             root@ocr1.example.org:ssh\ndeploy@ocr1.example.org:2222\n\
             ocr-service\nregistry.example.org/example-org/ocr-service:1.0.0\n\
             letsencrypt\nocr@example.org\n\
             ocr-pull hunter2\nocr-pull env:OCR_REGISTRY_PASSWORD\n",
        ),
    );
    result.unwrap();
    assert!(!said.contains("hunter2"), "{said}");
    insta::assert_snapshot!("five_answers", written);
    insta::assert_snapshot!(
        "what_is_asked",
        said.replace(&said[said.find("wrote").unwrap()..], "")
    );
}

#[test]
fn enter_is_enough_but_for_the_name() {
    let (result, said, written) = init("", Some("\nocr.example.org\n\n\n\n\n"));
    result.unwrap();
    assert!(said.contains("there is no name"), "{said}");
    assert!(
        written.contains("address: ocr.example.org\n        user: root"),
        "{written}"
    );
    assert!(
        written.contains("image: registry.example.org/ocr-service:"),
        "{written}"
    );
    assert!(
        written.contains("tls: {issuer: acme}") && !written.contains("registry: {"),
        "{written}"
    );
}

#[test]
fn takes_flags_without_a_terminal() {
    let flags = "--name a.example --name b.example --host 192.0.2.1 --image docker.io/o/ocr:1 \
                 --certificate self_signed --registry-username u --registry-password file:secret --environment staging";
    let (result, _, written) = init(flags, None);
    result.unwrap();
    let inventory = Inventory::parse(&written, Path::new("inventory.yaml")).unwrap();
    let staging = inventory.environment("staging").unwrap();
    assert_eq!(staging.names, ["a.example", "b.example"]);
    assert!(staging.registry.credentials.is_some());
}

#[test]
fn names_missing_flags_without_a_terminal() {
    let (result, _, written) = init("--host ocr1", None);
    let failed = result.unwrap_err();
    assert_eq!(failed.code, super::super::USAGE);
    let message = &failed.diagnostics[0].message;
    assert_eq!(
        message,
        "there is no terminal to ask on, and these are not given: --name, --image"
    );
    assert!(failed.diagnostics[0].hint.is_some() && written.is_empty());
    let (result, ..) = init("--name a.example --host ocr1 --image ocr:1", None);
    let message = &result.unwrap_err().diagnostics[0].message;
    assert_eq!(message, "--image: `ocr:1` does not name its registry");
}

#[test]
fn answers_that_end_write_nothing() {
    let (result, _, written) = init("", Some("ocr.example.org\n"));
    assert!(result.is_err() && written.is_empty());
}

#[test]
fn keeps_an_existing_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("inventory.yaml");
    std::fs::write(&path, "mine").unwrap();
    let (global, asked) = asked("--name a.example --host h --image docker.io/o/ocr:1", &path);
    let failed = run(&global, &Report::answered(None).0, &asked).unwrap_err();
    assert!(failed.diagnostics[0].message.contains("is there already"));
    assert!(create(&path, "other").is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}
