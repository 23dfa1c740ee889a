//! Against servers that write down what they get.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;
use crate::watch::message::Kind;
use ocrctl_protocol::alerts::{Email, MailSecurity};

/// Answers each connection by `serve` and keeps what that gives.
fn server(serve: fn(TcpStream) -> String) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = got.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            // Recorded before the answer, so that a caller with an answer finds it.
            let mut kept = kept.lock().unwrap();
            kept.push(serve(stream));
        }
    });
    (port, got)
}

fn http(stream: TcpStream, status: &str) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0);
    }
    let length = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    (&stream).write_all(answer.as_bytes()).unwrap();
    format!(
        "{}\n{}",
        head.lines().next().unwrap(),
        String::from_utf8(body).unwrap()
    )
}

/// A relay as far as a letter goes.
fn smtp(stream: TcpStream) -> String {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let say = |line: &str| {
        (&stream)
            .write_all(format!("{line}\r\n").as_bytes())
            .unwrap()
    };
    say("220 relay.test ESMTP");
    let mut all = String::new();
    let mut data = false;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return all;
        }
        all.push_str(&line);
        match line.trim_end() {
            "." if data => {
                data = false;
                say("250 taken");
            }
            _ if data => {}
            "DATA" => {
                data = true;
                say("354 go on");
            }
            "QUIT" => {
                say("221 bye");
                return all;
            }
            _ => say("250 well"),
        }
    }
}

fn message() -> Message {
    Message {
        environment: "prod".into(),
        host: "ocr1".into(),
        kind: Kind::Problem,
        with: Some(ocrctl_protocol::health::Part::Disk),
        what: "/ is 95 % full".into(),
        since: jiff::Timestamp::UNIX_EPOCH,
        at: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn url(port: u16) -> Option<Secret> {
    Some(Secret(format!("http://127.0.0.1:{port}/T0/hunter2").into()))
}

fn letter(channels: &Channels) -> Letter {
    Letter {
        message: message(),
        channels: channels.of_messages(),
    }
}

#[tokio::test]
async fn a_webhook_gets_the_line_and_the_fields() {
    let (port, got) = server(|stream| http(stream, "200 OK"));
    let channels = Channels(Alerts {
        webhook: url(port),
        ..Alerts::default()
    });
    let mut outbox = vec![letter(&channels)];
    assert_eq!(channels.deliver(&mut outbox).await, [""; 0]);
    assert!(outbox.is_empty());
    let got = got.lock().unwrap();
    let (request, body) = got[0].split_once('\n').unwrap();
    assert_eq!(request, "POST /T0/hunter2 HTTP/1.1");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["text"], "PROBLEM ocr1 (prod): disk: / is 95 % full");
    assert_eq!(
        (&body["kind"], &body["with"]),
        (&"problem".into(), &"disk".into())
    );
}

#[tokio::test]
async fn keeps_undelivered_messages_and_hides_the_url() {
    let (port, got) = server(|stream| http(stream, "500 Broken"));
    let channels = Channels(Alerts {
        webhook: url(port),
        ..Alerts::default()
    });
    let mut outbox = vec![letter(&channels), letter(&channels)];
    let failed = channels.deliver(&mut outbox).await;
    assert_eq!((outbox.len(), failed.len()), (2, 1));
    assert!(
        failed[0].contains("500") && !failed[0].contains("hunter2"),
        "{failed:?}"
    );
    assert_eq!(
        got.lock().unwrap().len(),
        1,
        "the second waits for the first"
    );

    // Nobody listens there any more.
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let gone = Channels(Alerts {
        webhook: url(closed),
        ping: url(closed),
        ..Alerts::default()
    });
    let told = gone.test(&message()).await;
    let told: Vec<String> = told.into_iter().filter_map(|it| it.error).collect();
    assert_eq!(told.len(), 2);
    assert!(!told.concat().contains("hunter2"), "{told:?}");

    // Messages to channels that left the inventory are dropped.
    assert_eq!(Channels::default().deliver(&mut outbox).await, [""; 0]);
    assert!(outbox.is_empty());
}

#[tokio::test]
async fn an_email_goes_through_the_relay() {
    let (port, got) = server(smtp);
    let channels = Channels(Alerts {
        email: Some(Email {
            from: "ocr@ocr.example.org".into(),
            to: vec!["operations@example.org".into(), "other@example.org".into()],
            relay: "127.0.0.1".into(),
            port,
            security: MailSecurity::None,
            ca: None,
            credentials: None,
        }),
        ..Alerts::default()
    });
    let mut outbox = vec![letter(&channels)];
    assert_eq!(channels.deliver(&mut outbox).await, [""; 0]);
    let mut said = String::new();
    for _ in 0..50 {
        said = got.lock().unwrap().concat();
        if !said.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for line in [
        "EHLO ocr1",
        "MAIL FROM:<ocr@ocr.example.org>",
        "RCPT TO:<other@example.org>",
        "Subject: PROBLEM ocr1 (prod): disk: / is 95 % full",
        "Date: Thu, 01 Jan 1970 00:00:00 +0000",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
}

#[tokio::test]
async fn a_relay_that_shall_encrypt_and_does_not_gets_nothing() {
    let (port, got) = server(smtp);
    let email = Email {
        from: "ocr@ocr.example.org".into(),
        to: vec!["operations@example.org".into()],
        relay: "127.0.0.1".into(),
        port,
        security: MailSecurity::Starttls,
        ca: None,
        credentials: None,
    };
    mail::send(&email, &message()).await.unwrap_err();
    assert!(!got.lock().unwrap().concat().contains("Subject"));
}
