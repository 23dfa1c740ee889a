//! API keys: one refusal for all faults, before the body is read, and a key file that is reloaded.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ocr_api::keys::{ApiKey, KeyFile, KeyRecord, Quota, Scope, Usage};
use ocr_api::problem::ProblemKind;

use crate::support::client::{connect, read_reply};
use crate::support::pdf::Pdf;
use crate::support::process::wait_for;
use crate::support::server::{new_key, ocr_service};
use crate::support::{Reply, Request, Server};

fn document() -> Vec<u8> {
    Pdf::default().text_page(&["text"]).build()
}

pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut KeyFile)) {
    let mut file = KeyFile::parse(&fs::read(path).unwrap()).unwrap();
    change(&mut file);
    let beside = path.with_extension("new");
    fs::write(&beside, file.to_json()).unwrap();
    fs::rename(beside, path).unwrap();
}

/// Waits until the keys in force are those of the file.
#[track_caller]
pub(crate) fn wait_until_taken(server: &Server) {
    let file = KeyFile::parse(&fs::read(server.keys_file()).unwrap()).unwrap();
    wait_for("the file is loaded", || {
        server.readiness().1.keys.digest == Some(file.digest())
    });
}

#[test]
fn all_refusals_are_identical() {
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
    // No byte of the body is sent.
    assert_eq!(read_reply(&mut *stream).unwrap().status, 403);

    // A client that asks before it sends the body is refused, without a request to continue first.
    let request = request.header("Expect", "100-continue");
    let mut stream = connect(&server.address).unwrap();
    stream.write_all(&request.head()).unwrap();
    assert_eq!(read_reply(&mut *stream).unwrap().status, 403);
}

#[test]
fn adds_and_removes_keys_without_a_restart() {
    let server = Server::start(&["--workers", "1"]);
    let added = new_key(&server.keys_file(), "added");
    let status = |key: &str| {
        server
            .send(&Request::post("/v1/ocr", document()).key(key))
            .status
    };
    wait_for("the new key is accepted", || status(&added) == 200);
    assert_eq!(status(&server.key), 200);

    edit(&server.keys_file(), |file| {
        file.keys[0].revoked = Some("2026-01-01T00:00:00Z".parse().unwrap());
    });
    wait_for("the revoked key is refused", || status(&server.key) == 403);
    assert_eq!(status(&added), 200);
}

#[test]
fn a_torn_or_deleted_file_affects_only_readyz() {
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
    wait_for("the file is valid again", || error().is_none());
}

#[test]
fn starts_with_the_last_valid_copy_if_the_file_is_torn_or_deleted() {
    for torn in [Some("{\"version\":1,\"ke"), None] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        let key = new_key(&path, "test");
        fs::rename(&path, KeyFile::last_good(&path)).unwrap();
        if let Some(text) = torn {
            fs::write(&path, text).unwrap();
        }
        let server = Server::start_in(directory, key, "unix", &["--workers", "1"]);
        server.wait_until_ready();
        assert_eq!(server.ocr("", &document()).status, 200);
        let keys = server.readiness().1.keys;
        assert_eq!(keys.loaded, 1);
        assert!(keys.error.unwrap().contains("keys.json"));

        // The file itself is used again as soon as it is valid.
        let other = ApiKey::generate().unwrap();
        let record = KeyRecord::new(&other, "other", vec![Scope::Ocr], jiff::Timestamp::now());
        let good = KeyFile {
            keys: vec![record],
            ..KeyFile::default()
        };
        fs::write(&path, good.to_json()).unwrap();
        wait_for("the file is loaded", || {
            server.readiness().1.keys.digest == Some(good.digest())
        });
        assert_eq!(server.ocr("", &document()).status, 403);
    }
}

#[test]
fn keys_expire_to_the_second() {
    let server = Server::start(&["--workers", "1"]);
    let key = new_key(&server.keys_file(), "short");
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(1500);
    edit(&server.keys_file(), |file| {
        file.keys[1].expires = Some(ends);
    });
    wait_for("both are loaded", || server.readiness().1.keys.loaded == 2);
    let ask = || {
        let before = jiff::Timestamp::now();
        let reply = server.send(&Request::post("/v1/ocr", document()).key(&key));
        (before, reply.status, jiff::Timestamp::now())
    };
    loop {
        let (before, status, after) = ask();
        if status == 403 {
            assert!(after >= ends, "refused before its end");
            break;
        }
        assert!(before < ends, "served after its end");
    }
}

#[test]
fn counts_the_use_of_keys_across_restarts() {
    let mut server = Server::start_on_socket(&["--workers", "1"]);
    let file = server.directory.path().join("usage.json");
    let from = |address: &str| {
        let request = Request::post("/v1/ocr", document()).header("X-Forwarded-For", address);
        server.send_with_key(request).status
    };
    let read = |file: &Path| -> Usage { serde_json::from_slice(&fs::read(file).unwrap()).unwrap() };
    assert_eq!(from("192.0.2.1"), 200);
    assert_eq!(from("203.0.113.5, 192.0.2.2"), 200);
    wait_for("the counts are written while serving", || file.exists());
    assert_eq!(from("192.0.2.3"), 200);
    let refused = Request::post("/v1/ocr", document()).header("X-Forwarded-For", "192.0.2.9");
    assert_eq!(server.send(&refused).status, 403);
    server.terminate();
    assert!(server.wait().success());

    let id = ApiKey::parse(&server.key).unwrap().id().to_owned();
    let counted = read(&file).keys[&id];
    assert_eq!(counted.count, 3);
    assert_eq!(counted.from, Some([192, 0, 2, 3].into()));
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(&server.key["ocrk_".len() + 9..]), "{text}");
}

#[test]
fn slows_down_guessing_but_no_valid_key_behind_the_same_address() {
    let server = Server::start_on_socket(&["--workers", "1"]);
    let guess = |address: &str| {
        let key = ApiKey::generate().unwrap();
        let request = Request::post("/v1/ocr", document())
            .header("X-Forwarded-For", address)
            .key(key.reveal());
        server.send(&request)
    };
    let started = Instant::now();
    let guesses: Vec<Reply> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..40)
            .map(|_| scope.spawn(|| guess("192.0.2.1")))
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let took = started.elapsed();
    let refused = guesses.iter().filter(|reply| reply.status == 403).count();
    let rejected: Vec<&Reply> = guesses.iter().filter(|reply| reply.status == 429).collect();
    assert_eq!(refused + rejected.len(), 40);
    assert!(
        (10..=20).contains(&refused),
        "{refused} were answered with 403"
    );
    assert!(took >= Duration::from_secs(3), "{took:?}");
    assert!(rejected[0].problem().detail.contains("valid API key"));
    assert!(rejected[0].header("retry-after").is_some());

    // The address is rejected whichever key is wrong, and a valid key is served at once.
    let text = rejected[0].text();
    assert!(
        !text.contains("unknown") && !text.contains("expired"),
        "{text}"
    );
    let good = Request::post("/v1/ocr", document()).header("X-Forwarded-For", "192.0.2.1");
    let started = Instant::now();
    assert_eq!(server.send_with_key(good).status, 200);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(guess("192.0.2.2").status, 403, "another address");
}

#[test]
fn enforces_requests_per_minute() {
    let server = Server::start(&["--workers", "1"]);
    let other = new_key(&server.keys_file(), "other");
    edit(&server.keys_file(), |file| {
        file.keys[0].quota = Some(Quota {
            requests_per_minute: Some(2),
            ..Quota::default()
        });
    });
    wait_until_taken(&server);
    let statuses: Vec<u16> = (0..3).map(|_| server.ocr("", &document()).status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    let reply = server.ocr("", &document());
    assert_eq!(reply.problem().kind, ProblemKind::Quota);
    let after: u32 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&after), "{after}");
    let request = Request::post("/v1/ocr", document()).key(&other);
    assert_eq!(server.send(&request).status, 200, "another key");
}

#[test]
fn refuses_all_requests_until_there_is_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_in(directory, String::new(), "unix", &["--workers", "1"]);
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
    wait_for("the first key is accepted", || {
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
    let verified = file.verify(Some(&first), &[Scope::Ocr], jiff::Timestamp::now());
    assert!(verified.is_ok());
    for key in [&first, &second] {
        assert!(!text.contains(&key["ocrk_".len() + 9..]), "{text}");
    }
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing but the file: {left:?}");
}

#[test]
fn key_new_does_not_change_an_invalid_file() {
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
