use std::net::TcpListener;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

use super::*;
use ocrctl_protocol::Secret;

trait Talk: Read + Write {}
impl<T: Read + Write> Talk for T {}

/// A relay for one letter: says `offers` and keeps what it hears.
fn listen(stream: &mut dyn Talk, offers: &[&str], heard: &mut String) -> bool {
    let mut data = false;
    loop {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\n") {
            if stream.read_exact(&mut byte).is_err() {
                return false;
            }
            line.push(byte[0]);
        }
        let line = String::from_utf8(line).unwrap();
        heard.push_str(&line);
        let mut say = |line: &str| {
            stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
            stream.flush().unwrap();
        };
        match line.split_whitespace().next().unwrap_or_default() {
            "." if data => {
                data = false;
                say("250 taken");
            }
            _ if data => {}
            "EHLO" => {
                for offer in offers {
                    say(&format!("250-{offer}"));
                }
                say("250 SIZE 1000000");
            }
            "STARTTLS" => {
                say("220 go on");
                return true;
            }
            "AUTH" if line.contains("AGh1bnRlcgBodW50ZXIy") => say("235 welcome"),
            "AUTH" => say("535 5.7.8 wrong password"),
            "DATA" => {
                data = true;
                say("354 go on");
            }
            "QUIT" => {
                say("221 bye");
                return false;
            }
            _ => say("250 well"),
        }
    }
}

/// A relay that encrypts, and the authority behind its certificate.
fn start(offers: &'static [&'static str]) -> (Relay, std::thread::JoinHandle<String>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(["relay.test".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![own.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = Relay {
        name: "relay.test".into(),
        address: listener.local_addr().unwrap(),
        security: MailSecurity::Starttls,
        ca: Some(own.pem()),
        credentials: None,
        hello: "ocr1".into(),
    };
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(b"220 relay.test ESMTP\r\n").unwrap();
        let mut heard = String::new();
        if listen(&mut socket, offers, &mut heard) {
            heard.push_str("-- encrypted --\n");
            let connection = ServerConnection::new(Arc::new(config)).unwrap();
            let mut stream = StreamOwned::new(connection, socket);
            listen(&mut stream, &["AUTH PLAIN LOGIN"], &mut heard);
        }
        heard
    });
    (relay, server)
}

fn credentials(password: &str) -> Option<Credentials> {
    Some(Credentials {
        username: "hunter".into(),
        password: Secret(password.to_owned().into()),
    })
}

fn send_one(relay: &Relay) -> Result<(), String> {
    send(
        relay,
        "a@example.org",
        &["b@example.org".to_owned()],
        "Subject: x\r\n\r\nyes\r\n",
    )
}

#[test]
fn password_and_letter_go_encrypted() {
    let (mut relay, server) = start(&["STARTTLS"]);
    relay.credentials = credentials("hunter2");
    send_one(&relay).unwrap();
    let heard = server.join().unwrap();
    let (clear, encrypted) = heard.split_once("-- encrypted --\n").unwrap();
    assert_eq!(clear, "EHLO ocr1\r\nSTARTTLS\r\n");
    for line in [
        "EHLO ocr1\r\nAUTH PLAIN ",
        "RCPT TO:<b@example.org>\r\n",
        "\r\nyes\r\n.\r\nQUIT",
    ] {
        assert!(encrypted.contains(line), "{line}\n{encrypted}");
    }
}

#[test]
fn reports_a_wrong_password_in_the_relays_words() {
    let (mut relay, server) = start(&["STARTTLS"]);
    relay.credentials = credentials("hunter3");
    let error = send_one(&relay).unwrap_err();
    assert_eq!(error, "the relay answers: 535 5.7.8 wrong password");
    drop(server);
}

#[test]
fn without_encryption_or_with_a_strangers_nothing_is_sent() {
    let (relay, server) = start(&["SIZE"]);
    assert_eq!(
        send_one(&relay).unwrap_err(),
        "the relay does not offer STARTTLS"
    );
    assert_eq!(server.join().unwrap(), "EHLO ocr1\r\n");
    let (mut relay, server) = start(&["STARTTLS"]);
    relay.name = "another.test".into();
    send_one(&relay).unwrap_err();
    assert!(!server.join().unwrap_or_default().contains("MAIL"));
}
