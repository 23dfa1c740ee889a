//! Encrypted PDFs and their passwords.
#![allow(
    clippy::disallowed_methods,
    reason = "the tests encrypt documents by qpdf"
)]

use std::process::{Command, Output};

use ocr_api::answer::CodesAnswer;
use ocr_api::inspection::Inspection;
use ocr_api::problem::ProblemKind;

use crate::support::pdf::Pdf;
use crate::support::{Reply, Request, Server, scan};

const USER: &str = "hush-hush user";
const OWNER: &str = "hush-hush owner";
const RC4_40: &[&str] = &["40"];
const RC4_128: &[&str] = &["128", "--use-aes=n"];
const AES_128: &[&str] = &["128", "--use-aes=y"];
const AES_256: &[&str] = &["256"];

fn qpdf(file: &[u8], args: &[&str]) -> (Output, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.pdf"), file).unwrap();
    let output = Command::new("qpdf")
        .args(args)
        .current_dir(directory.path())
        .output()
        .expect("qpdf should be installed");
    let written = std::fs::read(directory.path().join("b.pdf"));
    (output, written.unwrap_or_default())
}

fn encrypted(file: &[u8], method: &[&str], user: &str, owner: &str) -> Vec<u8> {
    let begin = ["--allow-weak-crypto", "--encrypt", user, owner];
    let (output, written) = qpdf(file, &[&begin, method, &["--", "a.pdf", "b.pdf"]].concat());
    assert!(output.status.success(), "{output:?}");
    written
}

fn letter() -> Vec<u8> {
    let attached = Pdf::default().text_page(&["Attached letter"]).build();
    let files: [(&str, &[u8]); 1] = [("inner.pdf", &attached)];
    Pdf::default()
        .text_page(&["Locked letter"])
        .attached(&files)
        .build()
}

fn send(server: &Server, path: &str, document: &[u8], headers: &[(&str, &str)]) -> Reply {
    let request = Request::post(path, document);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(name, value)
    });
    server.send_with_key(request)
}

fn with_password(server: &Server, path: &str, document: &[u8], password: &str) -> Reply {
    send(server, path, document, &[("X-Document-Password", password)])
}

fn form(path: &str, document: &[u8], password: &str) -> Request {
    let head =
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n";
    let tail = format!(
        "\r\n--edge\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{password}\r\n--edge--\r\n"
    );
    let body = [head.as_bytes(), document, tail.as_bytes()].concat();
    Request::post(path, body).header("Content-Type", "multipart/form-data; boundary=edge")
}

#[track_caller]
fn refused(reply: &Reply, kind: ProblemKind) {
    let problem = reply.problem();
    assert_eq!((problem.kind, problem.status), (kind, 422));
    assert!(!reply.text().contains("hush"), "{}", reply.text());
}

#[test]
fn opens_encrypted_documents_by_either_password() {
    let server = Server::start(&["--workers", "1"]);
    for method in [RC4_40, RC4_128, AES_128, AES_256] {
        let document = encrypted(&letter(), method, USER, OWNER);
        refused(&server.ocr("", &document), ProblemKind::Encrypted);
        let wrong = with_password(&server, "/v1/ocr", &document, "hush wrong");
        refused(&wrong, ProblemKind::Password);
        for password in [USER, OWNER] {
            let reply = with_password(&server, "/v1/ocr", &document, password);
            assert_eq!(
                reply.answer().pages[0].text,
                "Locked letter\n",
                "{method:?}"
            );
            let reply = server.send_with_key(form("/v1/ocr", &document, password));
            assert_eq!(
                reply.answer().pages[0].text,
                "Locked letter\n",
                "{method:?}"
            );
        }
    }
    let accented = "Prüfung süß";
    for method in [AES_128, AES_256] {
        let document = encrypted(&letter(), method, accented, OWNER);
        let reply = with_password(&server, "/v1/ocr", &document, accented);
        assert_eq!(
            reply.answer().pages[0].text,
            "Locked letter\n",
            "{method:?}"
        );
    }
}

#[test]
fn a_password_that_is_not_needed_changes_nothing() {
    let server = Server::start(&["--workers", "1"]);
    let open = encrypted(&letter(), AES_256, "", OWNER);
    let picture = scan::png(&scan::page(&["A picture"]));
    for document in [&letter(), &open, &picture] {
        let without = server.answer("", document).pages[0].text.clone();
        let reply = with_password(&server, "/v1/ocr", document, "hush wrong");
        assert_eq!(reply.answer().pages[0].text, without);
    }
}

#[test]
fn every_route_and_format_takes_a_password() {
    let server = Server::start(&["--workers", "1"]);
    let page = scan::page(&["Scanned and locked"]);
    let scanned = Pdf::default()
        .scan_page(&scan::jpeg(&page), page.width(), page.height())
        .attached(&[("inner.pdf", &letter())])
        .build();
    for method in [RC4_128, AES_256] {
        let document = encrypted(&scanned, method, USER, OWNER);
        let get = |path: &str, accept: &str| {
            let headers = [("X-Document-Password", USER), ("Accept", accept)];
            let reply = send(&server, path, &document, &headers);
            assert_eq!(reply.status, 200, "{path} {accept}: {}", reply.text());
            reply
        };
        let inspection: Inspection =
            serde_json::from_slice(&get("/v1/inspect", "*/*").body).unwrap();
        assert_eq!(inspection.document.pages, 1);
        assert_eq!(inspection.document.attachments.len(), 1);
        let codes: CodesAnswer = serde_json::from_slice(&get("/v1/codes", "*/*").body).unwrap();
        assert_eq!(codes.pages.len(), 1);
        assert!(get("/v1/preview", "*/*").body.starts_with(b"\x89PNG"));
        let text = get("/v1/ocr?attachment=inner.pdf", "text/plain").text();
        assert_eq!(text, "Locked letter\n");
        let lines = get("/v1/ocr", "application/x-ndjson").text();
        assert!(lines.contains("Scanned and locked"), "{lines}");

        let searchable = get("/v1/ocr", "application/pdf").body;
        // 2 is for a file that is not encrypted.
        let (is_encrypted, _) = qpdf(&searchable, &["--is-encrypted", "a.pdf"]);
        assert_eq!(is_encrypted.status.code(), Some(2));
        assert!(qpdf(&searchable, &["--check", "a.pdf"]).0.status.success());
        let read = server.answer("?mode=text", &searchable);
        assert_eq!(read.pages[0].text, "Scanned and locked\n");

        for (path, accept) in [
            ("/v1/inspect", "application/json"),
            ("/v1/codes", "application/json"),
            ("/v1/preview", "image/png"),
            ("/v1/ocr?attachment=1", "application/json"),
            ("/v1/ocr", "application/x-ndjson"),
            ("/v1/ocr", "application/pdf"),
        ] {
            let bare = [("Accept", accept)];
            refused(
                &send(&server, path, &document, &bare),
                ProblemKind::Encrypted,
            );
            let wrong = [("Accept", accept), ("X-Document-Password", "hush wrong")];
            refused(
                &send(&server, path, &document, &wrong),
                ProblemKind::Password,
            );
        }
    }
}

#[test]
fn a_kept_answer_is_only_for_requests_with_its_password() {
    let server = Server::start(&["--workers", "1", "--cache", "1MB"]);
    let document = encrypted(&letter(), AES_256, USER, OWNER);
    let cached = |password: &str| {
        let reply = with_password(&server, "/v1/ocr", &document, password);
        assert_eq!(reply.answer().pages[0].text, "Locked letter\n");
        reply.header("cache-status").unwrap().to_owned()
    };
    assert_eq!(cached(USER), "ocr-service; fwd=miss");
    assert_eq!(cached(USER), "ocr-service; hit");
    refused(&server.ocr("", &document), ProblemKind::Encrypted);
    let wrong = with_password(&server, "/v1/ocr", &document, "hush wrong");
    refused(&wrong, ProblemKind::Password);
    assert_eq!(cached(OWNER), "ocr-service; fwd=miss");

    let retry = |password: Option<&str>| {
        let key = ("Idempotency-Key", "\"one\"");
        let password = password.map(|password| ("X-Document-Password", password));
        let headers: Vec<_> = [key].into_iter().chain(password).collect();
        send(&server, "/v1/ocr", &document, &headers)
    };
    assert_eq!(retry(Some(USER)).status, 200);
    assert_eq!(retry(Some(USER)).status, 200);
    for other in [None, Some("hush wrong")] {
        refused(&retry(other), ProblemKind::IdempotencyKey);
    }
}

#[test]
fn a_password_is_neither_logged_nor_taken_from_the_address() {
    let usage = tempfile::tempdir().unwrap();
    let usage = usage.path().join("usage.json");
    let flags = ["--log", "trace", "--usage", usage.to_str().unwrap()];
    let server = Server::start(&[&["--workers", "1"], &flags[..]].concat());
    let document = encrypted(&letter(), AES_256, USER, OWNER);
    let in_address = server.ocr("?password=hush-hush%20user", &document);
    assert_eq!(in_address.problem().kind, ProblemKind::Malformed);
    assert!(in_address.text().contains("X-Document-Password"));
    assert!(!in_address.text().contains("hush"), "{}", in_address.text());
    let both = form("/v1/ocr", &document, USER).header("X-Document-Password", OWNER);
    let both = server.send_with_key(both);
    assert_eq!(both.problem().kind, ProblemKind::Malformed);
    assert!(!both.text().contains("hush"), "{}", both.text());
    let twice = form("/v1/ocr", &document, USER).header("X-Document-Password", USER);
    assert_eq!(server.send_with_key(twice).status, 200);
    for password in ["", &"x".repeat(256)] {
        let reply = server.send_with_key(form("/v1/ocr", &document, password));
        assert_eq!(reply.problem().kind, ProblemKind::Malformed);
    }
    refused(
        &with_password(&server, "/v1/ocr", &document, "hush wrong"),
        ProblemKind::Password,
    );
    assert_eq!(
        with_password(&server, "/v1/ocr", &document, USER).status,
        200
    );
    let lines = [
        ("X-Document-Password", USER),
        ("Accept", "application/x-ndjson"),
    ];
    assert_eq!(send(&server, "/v1/ocr", &document, &lines).status, 200);
    let log = server.log();
    assert!(log.contains("/v1/ocr"), "{log}");
    assert!(!log.contains("hush"), "{log}");
    let usage = std::fs::read_to_string(usage).unwrap_or_default();
    assert!(!usage.contains("hush"), "{usage}");
}
