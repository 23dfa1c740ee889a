//! The Unix socket for the host's proxy, and persistent TCP connections.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use ocr_api::problem::ProblemKind;
use rustix::process::Signal;

use crate::support::client::{connect, read_reply};
use crate::support::process::signal;
use crate::support::server::ocr_service;
use crate::support::{Reply, Request, Server};

#[test]
fn the_socket_belongs_to_the_group_of_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let group = 12345;
    let changed = std::os::unix::fs::chown(directory.path(), None, Some(group));
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o2770)).unwrap();
    let server = Server::start_in(directory, String::new(), "unix", &["--workers", "1"]);
    server.wait_until_ready();
    let path = server.directory.path().join("ocr.sock");
    let found = fs::symlink_metadata(path).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.mode() & 0o7777, 0o660);
    if changed.is_ok() {
        // Only root can give a directory to another group. For other users, the group is their own.
        assert_eq!(found.gid(), group);
    }
    let names: Vec<_> = fs::read_dir(server.directory.path())
        .unwrap()
        .flatten()
        .collect();
    assert_eq!(names.len(), 1, "nothing but the socket: {names:?}");
}

#[test]
fn replaces_the_socket_of_a_killed_service() {
    let mut server = Server::start_on_socket(&["--workers", "1"]);
    signal(server.pid(), Signal::KILL);
    server.wait();
    let path = server.directory.path().join("ocr.sock");
    assert!(path.exists(), "a killed service can't clean up");
    let directory = std::mem::replace(&mut server.directory, tempfile::tempdir().unwrap());
    let again = Server::start_in(directory, server.key.clone(), "unix", &["--workers", "1"]);
    again.wait_until_ready();
}

#[test]
fn a_stopped_service_leaves_no_socket() {
    let mut server = Server::start_on_socket(&["--workers", "1"]);
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    assert!(!server.directory.path().join("ocr.sock").exists());
}

fn start_fails(path: &std::path::Path) -> String {
    let output = ocr_service()
        .arg("serve")
        .arg("--listen")
        .arg(format!("unix:{}", path.display()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn replaces_no_live_socket_and_no_other_file() {
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("live.sock");
    let listener = UnixListener::bind(&live).unwrap();
    let message = start_fails(&live);
    assert!(message.contains("another process listens"), "{message}");
    drop(listener);

    let file = directory.path().join("notes.txt");
    fs::write(&file, "mine").unwrap();
    let message = start_fails(&file);
    assert!(message.contains("not a socket"), "{message}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn requests_work_over_the_socket() {
    let server = Server::start_on_socket(&["--workers", "1"]);
    assert_eq!(server.send(&Request::get("/healthz")).status, 200);
}

#[test]
fn acknowledges_a_head_sent_before_its_body_at_once() {
    let server = Server::start(&["--workers", "1"]);
    // Nagle's algorithm is on.
    let mut stream = connect(&server.address).unwrap();
    let request = Request::post("/v1/ocr", b"not a document".to_vec()).key(&server.key);
    let mut times: Vec<Duration> = (0..41)
        .map(|_| {
            let began = Instant::now();
            request.send_over(&mut *stream);
            assert_eq!(read_reply(&mut *stream).unwrap().status, 415);
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    // The kernel's delay is at least 40 ms, and affects all but the first few.
    assert!(times[20] < Duration::from_millis(40), "{times:?}");
}

#[test]
fn clients_without_a_key_see_only_readiness() {
    let short = r#"{"ready":true}"#;
    let tcp = Server::start(&["--workers", "1"]);
    let socket = Server::start_on_socket(&["--workers", "1"]);
    let get = |server: &Server, headers: &[(&str, &str)]| {
        let request = headers
            .iter()
            .fold(Request::get("/readyz"), |request, (name, value)| {
                request.header(name, value)
            });
        server.send(&request)
    };
    let forwarded = ("X-Forwarded-For", "127.0.0.1");
    assert_eq!(get(&tcp, &[]).text(), short);
    assert_eq!(get(&tcp, &[forwarded]).text(), short);
    // A forwarded request, and a header that a client set before the proxy's.
    assert_eq!(get(&socket, &[forwarded]).text(), short);
    assert_eq!(
        get(&socket, &[("X-Forwarded-For", ""), forwarded]).text(),
        short
    );
    assert_eq!(get(&socket, &[("X-Forwarded-For", "")]).text(), short);
    // The host itself, and clients with a key.
    let is_whole = |reply: Reply| {
        let ready: ocr_api::health::Readiness = serde_json::from_slice(&reply.body).unwrap();
        assert!(ready.engine.tesseract.is_some());
    };
    is_whole(get(&socket, &[]));
    for server in [&tcp, &socket] {
        let key = format!("Bearer {}", server.key);
        is_whole(get(server, &[("Authorization", &key), forwarded]));
        // Invalid keys are refused like anywhere else.
        let wrong = ("Authorization", "Bearer ocrk_nonsense");
        assert_eq!(
            get(server, &[wrong, forwarded]).problem().kind,
            ProblemKind::Key
        );
    }
}
