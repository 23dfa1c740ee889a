//! `/openapi.json` and `/metrics` in other programs. schemathesis sends requests that the description allows and
//! forbids, and Prometheus' own parser reads the metrics. Run `service/tests/python.sh` before.
#![allow(
    clippy::disallowed_methods,
    reason = "the tests run the programs that users would"
)]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ocr_api::keys::Scope;

use crate::keys::{edit, wait_until_taken};
use crate::support::pdf::Pdf;
use crate::support::{Request, Server};

fn program(name: &str) -> Command {
    let python = PathBuf::from(env!("CARGO_BIN_EXE_ocr-service")).with_file_name("python");
    let program = python.join("bin").join(name);
    assert!(
        program.exists(),
        "run service/tests/python.sh before the tests"
    );
    Command::new(program)
}

/// A service whose key has all scopes.
fn start() -> Server {
    let server = Server::start(&["--deadline", "20s", "--max-megapixels", "10"]);
    edit(&server.keys_file(), |file| {
        file.keys[0].scopes = Scope::ALL.to_vec();
    });
    wait_until_taken(&server);
    server
}

#[test]
fn schemathesis_finds_no_deviation_from_the_description() {
    let server = start();
    let directory = tempfile::tempdir().unwrap();
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis.toml");
    let hooks = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemathesis_hooks.py");
    let output = program("st")
        .env("SCHEMATHESIS_HOOKS", hooks)
        .args(["--config-file", config, "--no-color", "run"])
        .arg(format!("http://{}/openapi.json", server.address))
        .args(["--header", &format!("Authorization: Bearer {}", server.key)])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "25",
        ])
        .args([
            "--seed",
            "1",
            "--max-response-time",
            "25",
            "--request-timeout",
            "25",
        ])
        .args(["--continue-on-failure", "--generation-database", "none"])
        // It writes its examples into the current directory.
        .current_dir(directory.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("Tested: 8\n"), "{text}");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn the_parser_of_prometheus_reads_the_metrics() {
    let server = start();
    let document = Pdf::default().text_page(&["text"]).build();
    assert!(server.answer("", &document).complete);
    let metrics = server.send_with_key(Request::get("/metrics")).text();
    let script = "
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation, family.name
    assert family.type != 'unknown', family.name
    if family.type == 'histogram':
        buckets = {}
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if k != 'le'}
            if sample.name.endswith('_bucket'):
                buckets.setdefault(str(labels), []).append(sample.value)
        assert all(values == sorted(values) for values in buckets.values()), family.name
    print(family.type, family.name, len(family.samples))
";
    let mut parser = program("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = parser.stdin.take().unwrap();
    stdin.write_all(metrics.as_bytes()).unwrap();
    drop(stdin);
    let output = parser.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}\n{metrics}",
        String::from_utf8_lossy(&output.stderr)
    );
    for family in [
        "counter ocr_pages 1",
        "histogram ocr_queue_wait_seconds",
        "gauge ocr_workers 3",
    ] {
        assert!(text.contains(family), "{family} in {text}");
    }
}
