//! The part of SMTP (RFC 5321) that hands a letter to a relay: EHLO, STARTTLS (RFC 3207) or TLS from the start (RFC 8314),
//! AUTH (RFC 4954), and the letter. It waits, so it has a thread of its own.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConnection, RootCertStore, StreamOwned};

use ocrctl_protocol::Credentials;
use ocrctl_protocol::alerts::{Email, MailSecurity};
use ocrctl_protocol::causes::chain;

/// For each thing that is waited for.
const ANSWER: Duration = Duration::from_secs(10);
/// RFC 5321, 4.5.3.1.5 has 512; some say more.
const LONGEST_LINE: usize = 4096;
const MOST_LINES: usize = 100;

#[derive(Debug)]
pub(super) struct Relay {
    /// The relay's name in its certificate.
    name: String,
    address: SocketAddr,
    security: MailSecurity,
    ca: Option<String>,
    credentials: Option<Credentials>,
    /// The host's name in the greeting.
    hello: String,
}

impl Relay {
    pub(super) fn new(email: &Email, address: SocketAddr, hello: &str) -> Self {
        Self {
            name: email.relay.clone(),
            address,
            security: email.security,
            ca: email.ca.clone(),
            credentials: email.credentials.clone(),
            hello: hello.to_owned(),
        }
    }
}

/// Hands over a letter with CRLF ends and no line that begins with a dot.
///
/// # Errors
/// The relay's answer, without the text sent to it.
pub(super) fn send(relay: &Relay, from: &str, to: &[String], letter: &str) -> Result<(), String> {
    let socket = TcpStream::connect_timeout(&relay.address, ANSWER).map_err(connecting)?;
    socket.set_read_timeout(Some(ANSWER)).map_err(connecting)?;
    socket.set_write_timeout(Some(ANSWER)).map_err(connecting)?;
    let mut dialogue = match relay.security {
        MailSecurity::Tls => Dialogue(encrypted(relay, socket)?),
        MailSecurity::Starttls | MailSecurity::None => Dialogue(Stream::Plain(socket)),
    };
    dialogue.expect(220)?;
    let hello = format!("EHLO {}", relay.hello);
    let mut offers = dialogue.say(&hello, 250)?;
    if relay.security == MailSecurity::Starttls {
        if !offers
            .iter()
            .any(|offer| offer.eq_ignore_ascii_case("STARTTLS"))
        {
            return Err("the relay does not offer STARTTLS".to_owned());
        }
        dialogue.say("STARTTLS", 220)?;
        let Dialogue(Stream::Plain(socket)) = dialogue else {
            return Err("the connection is encrypted already".to_owned());
        };
        dialogue = Dialogue(encrypted(relay, socket)?);
        // Offers made before encryption don't count.
        offers = dialogue.say(&hello, 250)?;
    }
    if let Some(credentials) = &relay.credentials {
        authenticate(&mut dialogue, &offers, credentials)?;
    }
    dialogue.say(&format!("MAIL FROM:<{from}>"), 250)?;
    for to in to {
        dialogue.say(&format!("RCPT TO:<{to}>"), 250)?;
    }
    dialogue.say("DATA", 354)?;
    dialogue.say(&format!("{letter}."), 250)?;
    // It has the letter, however it takes leave.
    let _ = dialogue.say("QUIT", 221);
    Ok(())
}

fn authenticate(
    dialogue: &mut Dialogue,
    offers: &[String],
    credentials: &Credentials,
) -> Result<(), String> {
    let mechanisms = offers.iter().find_map(|offer| {
        let upper = offer.to_ascii_uppercase();
        Some(upper.strip_prefix("AUTH ")?.to_owned())
    });
    let mechanisms = mechanisms.ok_or("the relay takes no password")?;
    let (username, password) = (&credentials.username, credentials.password.expose());
    if mechanisms.split(' ').any(|it| it == "PLAIN") {
        let both = STANDARD.encode(format!("\0{username}\0{password}"));
        dialogue.say(&format!("AUTH PLAIN {both}"), 235)?;
    } else if mechanisms.split(' ').any(|it| it == "LOGIN") {
        dialogue.say("AUTH LOGIN", 334)?;
        dialogue.say(&STANDARD.encode(username), 334)?;
        dialogue.say(&STANDARD.encode(password), 235)?;
    } else {
        return Err(format!(
            "the relay takes passwords by {mechanisms} alone, not by PLAIN or LOGIN"
        ));
    }
    Ok(())
}

fn encrypted(relay: &Relay, socket: TcpStream) -> Result<Stream, String> {
    let mut roots = RootCertStore::empty();
    match &relay.ca {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|error| chain(&error))?;
                roots.add(certificate).map_err(|error| chain(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| chain(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(relay.name.clone()).map_err(|error| chain(&error))?;
    let connection =
        ClientConnection::new(Arc::new(config), name).map_err(|error| chain(&error))?;
    Ok(Stream::Tls(Box::new(StreamOwned::new(connection, socket))))
}

fn connecting(error: io::Error) -> String {
    format!("connecting to the relay: {error}")
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

struct Dialogue(Stream);

impl Dialogue {
    /// Gives the lines of the answer, which must be of this code.
    fn say(&mut self, line: &str, code: u16) -> Result<Vec<String>, String> {
        let line = format!("{line}\r\n");
        match &mut self.0 {
            Stream::Plain(stream) => stream.write_all(line.as_bytes()),
            Stream::Tls(stream) => stream
                .write_all(line.as_bytes())
                .and_then(|()| stream.flush()),
        }
        .map_err(|error| format!("talking to the relay: {}", chain(&error)))?;
        self.expect(code)
    }

    fn expect(&mut self, code: u16) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        loop {
            let line = self
                .line()
                .map_err(|error| format!("the relay does not answer: {}", chain(&error)))?;
            let last = line.as_bytes().get(3) != Some(&b'-');
            let expected = line.starts_with(&code.to_string());
            if !expected || lines.len() > MOST_LINES {
                return Err(format!("the relay answers: {line}"));
            }
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if last {
                return Ok(lines);
            }
        }
    }

    /// Byte by byte: nothing that comes after it, in the clear perhaps, is taken along.
    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\n") && line.len() < LONGEST_LINE {
            match &mut self.0 {
                Stream::Plain(stream) => stream.read_exact(&mut byte)?,
                Stream::Tls(stream) => stream.read_exact(&mut byte)?,
            }
            line.push(byte[0]);
        }
        let line = String::from_utf8_lossy(&line);
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        Ok(line.trim_end().chars().map(printable).collect())
    }
}

#[cfg(test)]
mod tests;
