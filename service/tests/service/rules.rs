//! Rules of the operator: checked by a command, applied by real workers, reloaded.

use std::path::Path;

use crate::support::pdf::Pdf;
use crate::support::process::wait_for;
use crate::support::{Server, server};

const TICKETS: &str = "version: 1\nrules:\n  - name: ticket\n    pattern: 'T-\\d{4}'\n    labels: [ticket]\n    \
                       needs_label: true\n    strip: '-'\n    matches: ['Ticket: T-1234']\n    must_not_match: ['T-1234']\n";

fn check(file: &Path) -> (bool, String, String) {
    let output = server::ocr_service()
        .args(["rules", "check"])
        .arg(file)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn checks_a_file_before_it_is_installed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.yaml");
    std::fs::write(&file, TICKETS).unwrap();
    let (good, output, _) = check(&file);
    assert!(
        good && output.contains("ticket: \"Ticket: T-1234\" gives T1234"),
        "{output}"
    );
    assert!(
        output.contains("ticket: \"T-1234\" gives nothing") && output.contains("1 rules, valid")
    );
    assert!(
        check(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/rules.example.yaml"
        )))
        .0
    );

    std::fs::write(
        &file,
        TICKETS
            .replace("name: ticket", "name: iban")
            .replace("T-\\d", "(T-\\d"),
    )
    .unwrap();
    let (good, _, complaint) = check(&file);
    assert!(!good);
    for wanted in [
        "rules.yaml: line 3, column 11: ",
        "rules.yaml: line 4, column 14: ",
    ] {
        assert!(complaint.contains(wanted), "{complaint}");
    }
    assert!(!check(&directory.path().join("missing.yaml")).0);
}

#[test]
fn reloads_rules_while_running_and_ignores_an_invalid_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.yaml");
    let server = Server::start(&["--workers", "2", "--rules", file.to_str().unwrap()]);
    let document = Pdf::default()
        .text_page(&["Ticket: T-2026", "IBAN BE68 5390 0754 7034"])
        .build();
    let found = |query: &str| -> Vec<String> {
        let codes = server.answer(query, &document).codes;
        codes
            .into_iter()
            .map(|code| format!("{} {}", code.kind, code.value))
            .collect()
    };
    let iban = "iban BE68539007547034";
    assert_eq!(found(""), [iban]);
    assert!(server.readiness().1.rules.error.is_none());
    let problem = server.ocr("?codes=ticket", &document).problem();
    assert!(problem.detail.contains("`ticket`"), "{}", problem.detail);

    std::fs::write(&file, TICKETS).unwrap();
    wait_for("the rule is in force", || {
        server.readiness().1.rules.loaded == 1
    });
    for _ in 0..3 {
        assert_eq!(found(""), ["ticket T2026", iban]);
    }
    assert_eq!(found("?codes=ticket"), ["ticket T2026"]);
    assert_eq!(found("?codes=iban"), [iban]);
    let problem = server.ocr("?codes=tickets", &document).problem();
    assert!(
        problem.detail.contains("barcode, ticket."),
        "{}",
        problem.detail
    );

    std::fs::write(&file, "version: 1\nrules: [{name: x").unwrap();
    wait_for("the bad file is reported", || {
        server.readiness().1.rules.error.is_some()
    });
    let (status, readiness) = server.readiness();
    assert_eq!((status, readiness.rules.loaded), (200, 1));
    assert!(readiness.rules.error.unwrap().contains("line 2"));
    assert_eq!(found("?codes=ticket"), ["ticket T2026"]);

    std::fs::write(&file, TICKETS.replace("T-\\d{4}", "T-(?P<value>\\d{4})")).unwrap();
    wait_for("the new file is loaded", || {
        server.readiness().1.rules.error.is_none()
    });
    assert_eq!(found("?codes=ticket"), ["ticket 2026"]);
    std::fs::remove_file(&file).unwrap();
    wait_for("the rules are gone", || {
        server.readiness().1.rules.loaded == 0
    });
    assert_eq!(found(""), [iban]);
}
