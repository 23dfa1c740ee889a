//! API keys: one refusal for all, before the body is read; and the file, which is followed as it changes.

use std::fs;
use std::path::Path;

use ocr_api::keys::{ApiKey, KeyFile, Scope};

use crate::support::client::{connect, read_reply};
use crate::support::pdf::Pdf;
use crate::support::process::wait_for;
use crate::support::server::{new_key, ocr_service};
use crate::support::{Reply, Request, Server};

fn document() -> Vec<u8> {
    Pdf::default().text_page(&["text"]).build()
}

fn edit(path: &Path, change: impl FnOnce(&mut KeyFile)) {
    let mut file = KeyFile::parse(&fs::read(path).unwrap()).unwrap();
    change(&mut file);
    let beside = path.with_extension("new");
    fs::write(&beside, file.to_json()).unwrap();
    fs::rename(beside, path).unwrap();
}

#[test]
fn every_refusal_is_the_same_to_the_byte() {
    let server = Server::start(&["--workers", "1"]);
    let keys: Vec<String> = (0..4)
        .map(|at| new_key(&server.keys_file(), &format!("k{at}")))
        .collect();
    edit(&server.keys_file(), |file| {
        file.keys[1].expires = Some("2020-01-01T00:00:00Z".parse().unwrap());
        file.keys[2].revoked = Some("2020-01-01T00:00:00Z".parse().unwrap());
        file.keys[3].not_before = Some("2999-01-01T00:00:00Z".parse().unwrap());
        file.keys[4].scopes = vec![Scope::Metrics];
    });
    wait_for("five keys are loaded", || {
        server.readiness().1.keys.loaded == 5
    });

    let unknown = ApiKey::generate().unwrap().reveal().to_owned();
    let mut typo = server.key.clone();
    typo.replace_range(20..21, if &typo[20..21] == "x" { "y" } else { "x" });
    let mut refused: Vec<Reply> = [&unknown, &typo, "nonsense", ""]
        .into_iter()
        .chain(keys.iter().map(String::as_str))
        .map(|key| server.send(&Request::post("/v1/ocr", document()).key(key)))
        .collect();
    refused.push(server.send(&Request::post("/v1/ocr", document())));
    let basic = Request::post("/v1/ocr", document()).header("Authorization", "Basic eDp5");
    refused.push(server.send(&basic));

    let visible = |reply: &Reply| {
        let mut headers = reply.headers.clone();
        headers.retain(|(name, _)| name != "date" && name != "x-request-id");
        (reply.status, headers, reply.body.clone())
    };
    for reply in &refused {
        assert_eq!(reply.status, 403);
        assert_eq!(visible(reply), visible(&refused[0]));
        assert!(reply.header("x-request-id").is_some());
    }
    assert_eq!(server.ocr("", &document()).status, 200);
}

#[test]
fn the_key_is_checked_before_the_body_is_read() {
    let server = Server::start(&["--workers", "1"]);
    let request = Request::post("/v1/ocr", Vec::new()).header("Content-Length", "40000000");
    let mut stream = connect(&server.address).unwrap();
    stream.write_all(&request.head()).unwrap();
    // Not a byte of the body is sent.
    assert_eq!(read_reply(&mut *stream).unwrap().status, 403);

    // A client that asks whether to send it is told no, and not to go ahead first.
    let request = request.header("Expect", "100-continue");
    let mut stream = connect(&server.address).unwrap();
    stream.write_all(&request.head()).unwrap();
    assert_eq!(read_reply(&mut *stream).unwrap().status, 403);
}

#[test]
fn keys_come_and_go_without_a_restart() {
    let server = Server::start(&["--workers", "1"]);
    let added = new_key(&server.keys_file(), "added");
    let status = |key: &str| {
        server
            .send(&Request::post("/v1/ocr", document()).key(key))
            .status
    };
    wait_for("the new key is good", || status(&added) == 200);
    assert_eq!(status(&server.key), 200);

    edit(&server.keys_file(), |file| {
        file.keys[0].revoked = Some("2026-01-01T00:00:00Z".parse().unwrap());
    });
    wait_for("the revoked key is refused", || status(&server.key) == 403);
    assert_eq!(status(&added), 200);
}

#[test]
fn a_torn_or_deleted_file_changes_nothing_but_readyz() {
    let server = Server::start(&["--workers", "1"]);
    let good = fs::read(server.keys_file()).unwrap();
    let error = || server.readiness().1.keys.error;

    fs::write(server.keys_file(), &good[..good.len() / 2]).unwrap();
    wait_for("the torn file is noticed", || error().is_some());
    assert_eq!(server.ocr("", &document()).status, 200);
    let (status, ready) = server.readiness();
    assert_eq!((status, ready.ready, ready.keys.loaded), (200, true, 1));

    fs::remove_file(server.keys_file()).unwrap();
    wait_for("the missing file is noticed", || {
        error().is_some_and(|error| error.contains("No such file"))
    });
    assert_eq!(server.ocr("", &document()).status, 200);

    fs::write(server.keys_file(), &good).unwrap();
    wait_for("the file is good again", || error().is_none());
}

#[test]
fn without_a_file_everybody_is_refused_until_there_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_in(directory, String::new(), "127.0.0.1:0", &["--workers", "1"]);
    server.wait_until_ready();
    let (_, ready) = server.readiness();
    assert!(ready.ready);
    assert_eq!(ready.keys.loaded, 0);
    assert!(ready.keys.error.unwrap().contains("keys.json"));
    let someone = ApiKey::generate().unwrap();
    let request = Request::post("/v1/ocr", document()).key(someone.reveal());
    assert_eq!(server.send(&request).status, 403);

    let key = new_key(&server.keys_file(), "first");
    let request = Request::post("/v1/ocr", document()).key(&key);
    wait_for("the first key is good", || {
        server.send(&request).status == 200
    });
}

#[test]
fn key_new_prints_the_key_once_and_stores_its_hash() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    let first = new_key(&path, "Ada");
    let second = new_key(&path, "Bob");
    assert_ne!(first, second);
    let text = fs::read_to_string(&path).unwrap();
    let file = KeyFile::parse(text.as_bytes()).unwrap();
    let names: Vec<&str> = file.keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["Ada", "Bob"]);
    assert!(file.verify(&first, jiff::Timestamp::now()).is_ok());
    for key in [&first, &second] {
        assert!(!text.contains(&key["ocrk_".len() + 9..]), "{text}");
    }
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing but the file: {left:?}");
}

#[test]
fn key_new_leaves_a_file_alone_that_it_does_not_understand() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    fs::write(&path, "{\"version\": 9").unwrap();
    let output = ocr_service()
        .args(["key", "new", "--name", "x", "--file"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("keys.json") && message.contains("hint:"),
        "{message}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"version\": 9");
}
