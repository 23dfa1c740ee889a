//! NGINX's files as they are on a host, and the order of lines.

use super::*;
use crate::host::Access;

const START: i64 = 1_772_366_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

fn access(second: i64, id: &str) -> String {
    format!(
        r#"{{"time":"x","request_id":"{id}","status":200,"ended":{}.250,"seconds":0.1}}"#,
        START + second
    ) + "\n"
}

fn host() -> (tempfile::TempDir, Host) {
    let root = tempfile::tempdir().unwrap();
    let host = Host::at(root.path());
    (root, host)
}

fn write(host: &Host, path: &str, text: &str) {
    host.write(path, text.as_bytes(), Access::root(0o640))
        .unwrap();
}

fn append(host: &Host, path: &str, text: &str) {
    use std::io::Write;
    let file = std::fs::OpenOptions::new()
        .append(true)
        .open(host.path(path));
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

fn texts(log: &mut File) -> Vec<String> {
    std::iter::from_fn(|| log.next().unwrap())
        .map(|line| line.text)
        .collect()
}

#[test]
fn only_what_is_new_enough_is_read_however_long_the_log_is() {
    let (_root, host) = host();
    let long: String = (0..20_000).map(|second| access(second, "r")).collect();
    write(&host, ACCESS_LOG, &long);
    let mut log = File::open(&host, ACCESS_LOG, Source::Access, at(19_990)).unwrap();
    let lines = texts(&mut log);
    assert_eq!(lines.len(), 10);
    assert!(lines[0].contains(&format!("{}.250", START + 19_990)));
    let mut all = File::open(&host, ACCESS_LOG, Source::Access, at(0)).unwrap();
    assert_eq!(texts(&mut all).len(), 20_000);
    let mut none = File::open(&host, ACCESS_LOG, Source::Access, at(30_000)).unwrap();
    assert_eq!(texts(&mut none).len(), 0);
}

#[test]
fn a_log_goes_on_from_the_one_that_was_turned_and_a_torn_line_waits() {
    let (_root, host) = host();
    let mut missing = File::open(&host, ACCESS_LOG, Source::Access, at(0)).unwrap();
    assert_eq!(texts(&mut missing).len(), 0);
    write(&host, &format!("{ACCESS_LOG}.1"), &access(1, "before"));
    write(&host, ACCESS_LOG, &(access(2, "after") + "{\"torn"));
    let mut log = File::open(&host, ACCESS_LOG, Source::Access, at(0)).unwrap();
    let first = log.next().unwrap().unwrap();
    assert!(first.text.contains("before"), "{first:?}");
    assert_eq!(first.at, at(1) + SignedDuration::from_millis(250));
    assert!(texts(&mut log)[0].contains("after"));
    append(&host, ACCESS_LOG, "\":1}\n");
    let rest = log.next().unwrap().unwrap();
    assert_eq!(rest.text, "{\"torn\":1}");
    assert_eq!(
        rest.at,
        at(2) + SignedDuration::from_millis(250),
        "as the one before it"
    );
}

#[tokio::test]
async fn follows_new_lines_through_a_rotation() {
    let (_root, host) = host();
    write(&host, ACCESS_LOG, &access(1, "old"));
    let mut log = File::open(&host, ACCESS_LOG, Source::Access, at(0)).unwrap();
    assert_eq!(texts(&mut log).len(), 1);
    let (sender, mut lines) = mpsc::channel(8);
    let following = tokio::spawn(log.follow(sender));
    append(&host, ACCESS_LOG, &access(2, "added"));
    assert!(lines.recv().await.unwrap().text.contains("added"));
    append(&host, ACCESS_LOG, &access(3, "last"));
    let turned = format!("{ACCESS_LOG}.1");
    std::fs::rename(host.path(ACCESS_LOG), host.path(&turned)).unwrap();
    write(&host, ACCESS_LOG, &access(4, "first"));
    assert!(lines.recv().await.unwrap().text.contains("last"));
    assert!(lines.recv().await.unwrap().text.contains("first"));
    drop(lines);
    append(&host, ACCESS_LOG, &access(5, "unheard"));
    following.await.unwrap().unwrap();
}

#[test]
fn an_error_of_nginx_has_the_hosts_own_time() {
    let (_root, host) = host();
    let text = "2026/03/01 12:00:00 [warn] 1#1: *2 upstream\n and more of it\n";
    write(&host, ERROR_LOG, text);
    let mut log = File::open(&host, ERROR_LOG, Source::Error, Timestamp::UNIX_EPOCH).unwrap();
    let first = log.next().unwrap().unwrap();
    let local = jiff::tz::TimeZone::system().to_datetime(first.at);
    assert_eq!((local.hour(), local.day()), (12, 1));
    assert_eq!(log.next().unwrap().unwrap().at, first.at);
}

#[test]
fn a_line_that_is_too_long_is_cut() {
    let (_root, host) = host();
    write(&host, ERROR_LOG, &("x".repeat(200_000) + "\nnext\n"));
    let mut log = File::open(&host, ERROR_LOG, Source::Error, Timestamp::UNIX_EPOCH).unwrap();
    let lines = texts(&mut log);
    assert_eq!((lines[0].len(), &*lines[1]), (64 * 1024, "next"));
}

#[test]
fn lines_come_in_the_order_of_time_whatever_their_source() {
    let line = |second: i64| {
        Some(Line {
            at: at(second),
            from: Source::OcrA,
            text: String::new(),
        })
    };
    assert_eq!(earliest(&[line(3), None, line(1), line(2)]), Some(2));
    assert_eq!(earliest(&[None, None]), None);
}

#[test]
fn a_request_is_named_by_the_whole_of_its_id() {
    assert!(names(r#"{"request_id":"ab12","status":200}"#, "ab12"));
    assert!(!names(r#"{"request_id":"ab123"}"#, "ab12"));
    assert!(!names(r#"{"request_id":"x-ab12"}"#, "ab12"));
    assert!(names("ab123 ab12", "ab12"));
}

#[tokio::test]
async fn sends_only_the_lines_of_a_request_in_batches() {
    let mut events = Emitter::nowhere();
    let mut batch = Batch::new(&events, Some("me"));
    for id in ["me", "you"] {
        let text = format!("request {id}");
        let from = Source::Access;
        batch
            .add(Line {
                at: at(0),
                from,
                text,
            })
            .await;
    }
    assert_eq!(batch.lines.len(), 1);
    for _ in 1..BATCH {
        let (from, text) = (Source::Access, "me".to_owned());
        batch
            .add(Line {
                at: at(0),
                from,
                text,
            })
            .await;
    }
    assert_eq!(batch.lines.len(), 0, "sent");
    events.finish();
}
