//! Metrics and the log.

use std::collections::BTreeMap;

use ocr_api::keys::Scope;

use crate::keys::{edit, wait_until_taken};
use crate::load::another_key;
use crate::support::pdf::Pdf;
use crate::support::process::wait_for;
use crate::support::{Request, Server};

const IBAN: &str = "DE89370400440532013000";

/// A service with a key that has access to the metrics.
pub(crate) fn start(arguments: &[&str]) -> Server {
    let server = Server::start(arguments);
    edit(&server.keys_file(), |file| {
        file.keys[0].scopes.push(Scope::Metrics);
    });
    wait_until_taken(&server);
    server
}

/// The series of `/metrics` and their values.
pub(crate) fn metrics(server: &Server) -> BTreeMap<String, f64> {
    let reply = server.send_with_key(Request::get("/metrics"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = reply.text();
    let series = text.lines().filter(|line| !line.starts_with('#'));
    series
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[test]
fn metrics_count_requests_pages_and_codes_and_need_their_scope() {
    let server = start(&["--cache", "1MB", "--workers", "1"]);
    let other = another_key(&server);
    let before = metrics(&server);
    for key in [None, Some(other.as_str())] {
        let request = Request::get("/metrics");
        let request = key.map_or(request.clone(), |key| request.key(key));
        assert_eq!(server.send(&request).status, 403);
    }
    let document = Pdf::default().text_page(&[&format!("IBAN {IBAN}")]).build();
    for _ in 0..2 {
        assert!(server.answer("", &document).complete);
    }
    assert_eq!(server.ocr("", b"nonsense").status, 415);
    assert_eq!(server.send(&Request::get("/no/such/path")).status, 404);

    let series = metrics(&server);
    let id = |at: usize| {
        let file = std::fs::read(server.keys_file()).unwrap();
        ocr_api::keys::KeyFile::parse(&file).unwrap().keys[at]
            .id
            .clone()
    };
    let value = |name: &str| series.get(name).copied();
    let expected = [
        (
            "ocr_http_requests_total{route=\"/v1/ocr\",method=\"POST\",status=\"200\"}",
            2.0,
        ),
        (
            "ocr_http_requests_total{route=\"/v1/ocr\",method=\"POST\",status=\"415\"}",
            1.0,
        ),
        (
            "ocr_http_requests_total{route=\"/metrics\",method=\"GET\",status=\"403\"}",
            2.0,
        ),
        (
            "ocr_http_requests_total{route=\"other\",method=\"GET\",status=\"404\"}",
            1.0,
        ),
        ("ocr_pages_total{method=\"text\",status=\"ok\"}", 1.0),
        ("ocr_codes_total{type=\"iban\",check=\"ok\"}", 1.0),
        ("ocr_cache_requests_total{result=\"miss\"}", 1.0),
        ("ocr_cache_requests_total{result=\"hit\"}", 1.0),
        ("ocr_cache_answers", 1.0),
        ("ocr_workers{state=\"wanted\"}", 1.0),
        ("ocr_workers{state=\"ready\"}", 1.0),
        ("ocr_workers{state=\"busy\"}", 0.0),
        ("ocr_queue_jobs", 0.0),
        ("ocr_documents", 0.0),
        ("ocr_worker_restarts_total{reason=\"crashed\"}", 0.0),
        ("ocr_page_seconds_count", 1.0),
        ("ocr_upload_seconds_count", 2.0),
        // For the count of pages, and for the page.
        ("ocr_queue_wait_seconds_count", 2.0),
        ("ocr_http_request_seconds_count{route=\"/v1/ocr\"}", 3.0),
    ];
    for (name, count) in expected {
        assert_eq!(value(name), Some(count), "{name} in {series:#?}");
    }
    // The three requests since the last look at the metrics, and that look itself. The key was also used to wait for
    // readiness.
    let of_key = format!("ocr_key_requests_total{{key=\"{}\"}}", id(0));
    assert_eq!(series[&of_key] - before[&of_key], 4.0);
    assert_eq!(
        value(&format!("ocr_key_pages_total{{key=\"{}\"}}", id(0))),
        Some(1.0)
    );
    assert!(
        series
            .keys()
            .any(|name| name.starts_with("ocr_build_info{release="))
    );

    // The series of a key disappear together with the key.
    let gone = format!("ocr_key_requests_total{{key=\"{}\"}}", id(1));
    assert!(series.contains_key(&gone), "{series:#?}");
    edit(&server.keys_file(), |file| {
        file.keys.pop();
    });
    wait_until_taken(&server);
    assert!(!metrics(&server).contains_key(&gone));
}

#[test]
fn monitoring_uses_only_exported_metrics() {
    let server = start(&["--cache", "1MB", "--workers", "1"]);
    server.answer("", &Pdf::default().text_page(&[IBAN]).build());
    let exported: Vec<String> = metrics(&server)
        .into_keys()
        .map(|series| series.split('{').next().unwrap().to_owned())
        .collect();
    let monitoring = concat!(env!("CARGO_MANIFEST_DIR"), "/../monitoring");
    for file in ["alerts.yaml", "grafana-dashboard.json"] {
        let text = std::fs::read_to_string(format!("{monitoring}/{file}")).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named: Vec<&str> = words.filter(|word| word.starts_with("ocr_")).collect();
        assert!(named.len() > 5, "{file}");
        for name in named {
            assert!(exported.iter().any(|it| it == name), "{name} in {file}");
        }
    }
}

#[test]
fn logs_one_line_per_request_without_content_or_keys() {
    let server = start(&["--cache", "1MB", "--workers", "1"]);
    let text = "Confidential Zanzibar";
    let document = Pdf::default()
        .text_page(&[text, &format!("IBAN {IBAN}")])
        .build();
    let form = Request::form(
        "/v1/ocr",
        "file",
        "zanzibar-file.pdf",
        "application/pdf",
        &document,
    );
    let reply = server.send_with_key(form);
    let answer = reply.answer();
    assert!(answer.pages[0].text.contains(text));
    assert_eq!(answer.codes[0].value, IBAN);
    server.ocr("?lang=zanzibar", &document);
    server.send(&Request::get("/zanzibar").key(&server.key));

    let lines = || -> Vec<serde_json::Value> {
        let log = server.log();
        let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &serde_json::Value| line["path"] == "/v1/ocr")
            .collect()
    };
    wait_for("the lines are written", || lines().len() == 2);
    let line = &lines()[0];
    let id = reply.header("x-request-id").unwrap();
    let file = std::fs::read(server.keys_file()).unwrap();
    let key = &ocr_api::keys::KeyFile::parse(&file).unwrap().keys[0];
    assert_eq!(line["request_id"], id);
    assert_eq!(line["key"], key.id);
    assert_eq!(line["sha256"], answer.document.sha256);
    assert_eq!(line["pages"], 1);
    assert_eq!(line["codes"], "iban:1");
    assert_eq!(line["cache"], "miss");
    assert_eq!(line["complete"], true);
    assert_eq!(line["status"], 200);

    // The search would find the words: the path of a request is logged. A reply may arrive before the log line of its
    // request.
    wait_for("the path is logged", || server.log().contains("/zanzibar"));
    let log = server.log();
    for secret in [
        IBAN,
        "Confidential",
        "Zanzibar",
        "zanzibar-file",
        "lang=",
        &server.key,
    ] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn logs_disconnected_clients_with_key_and_document() {
    use crate::support::client::connect;
    use crate::support::process::signal;
    use rustix::process::Signal;

    let server = start(&["--cache", "1MB", "--workers", "1"]);
    signal(server.spares(1)[0], Signal::STOP);
    let mut stream = connect(&server.address).unwrap();
    Request::post("/v1/ocr", Pdf::default().text_page(&["gone"]).build())
        .key(&server.key)
        .send_over(&mut *stream);
    wait_for("it is under way", || {
        crate::load::capacity(&server, &server.key).workers.busy == 1
    });
    drop(stream);
    let gone = || -> Option<serde_json::Value> {
        let log = server.log();
        let mut lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.find(|line: &serde_json::Value| {
            line["message"] == "the client disconnected before the answer"
        })
    };
    wait_for("it is logged", || gone().is_some());
    let line = gone().unwrap();
    assert!(
        line["key"].is_string() && line["sha256"].is_string(),
        "{line}"
    );
}
