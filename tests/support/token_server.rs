//! The part of a registry of the GHCR kind that Debian does not have: a server that gives tokens for scopes. It signs
//! what docker-registry verifies (<https://distribution.github.io/distribution/spec/auth/jwt/>).

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{Certificate, CertificateParams, KeyPair, SigningKey};
use serde_json::json;

/// Seconds. Short, so that a copy outlives its tokens.
const LIFETIME: u64 = 60;

/// Serves until the process ends.
#[derive(Debug)]
pub struct TokenServer {
    port: u16,
    certificate: String,
}

impl TokenServer {
    pub fn start(user: &str, password: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["tokens".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let pem = certificate.pem();
        let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let user = user.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer(stream, &expected, &user, &key, &certificate);
            }
        });
        Self {
            port,
            certificate: pem,
        }
    }

    pub fn realm(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}

fn answer(
    mut stream: TcpStream,
    expected: &str,
    user: &str,
    key: &KeyPair,
    certificate: &Certificate,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let mut authorized = false;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            authorized |= name.eq_ignore_ascii_case("authorization") && value == expected;
        }
    }
    let (status, body) = if authorized {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let token = token(path, user, key, certificate);
        ("200 OK", json!({ "token": token }).to_string())
    } else {
        ("401 Unauthorized", "{}".to_owned())
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A token for exactly the scopes that the path asks for, such as `repository:a/b:pull,push`.
fn token(path: &str, user: &str, key: &KeyPair, certificate: &Certificate) -> String {
    let url = reqwest::Url::parse(&format!("http://x{path}")).unwrap();
    let access: Vec<_> = url
        .query_pairs()
        .filter(|(name, _)| name == "scope")
        .filter_map(|(_, scope)| {
            let mut parts = scope.splitn(3, ':').map(str::to_owned);
            let (kind, name, actions) = (parts.next()?, parts.next()?, parts.next()?);
            let actions: Vec<&str> = actions.split(',').collect();
            Some(json!({ "type": kind, "name": name, "actions": actions }))
        })
        .collect();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let header =
        json!({ "typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(certificate.der())] });
    let claims = json!({
        "iss": "test", "aud": "test", "sub": user, "jti": now.to_string(),
        "iat": now, "nbf": now - 5, "exp": now + LIFETIME, "access": access,
    });
    let encode = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = raw(&key.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// JWS wants both numbers side by side, 32 bytes each (RFC 7518, 3.4); the signature has them in DER.
fn raw(der: &[u8]) -> Vec<u8> {
    let mut numbers = &der[2..];
    let mut out = Vec::new();
    for _ in 0..2 {
        let length = usize::from(numbers[1]);
        let number = &numbers[2..2 + length];
        let number = &number[number.len().saturating_sub(32)..];
        out.extend(std::iter::repeat_n(0, 32 - number.len()));
        out.extend_from_slice(number);
        numbers = &numbers[2 + length..];
    }
    out
}
