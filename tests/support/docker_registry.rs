//! A real docker-registry on loopback, with TLS from an authority of its own, and with nobody, a password or a token
//! server at its door.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test against"
)]

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::token_server::TokenServer;

/// Who may come in.
#[derive(Debug, Clone, Copy)]
pub enum Door {
    /// This user with this password.
    Password(&'static str, &'static str),
    /// The same, who first gets a token for what is to be done (as at Docker Hub and GHCR).
    Token(&'static str, &'static str),
}

/// Ends when dropped, and its images with it.
#[derive(Debug)]
pub struct DockerRegistry {
    pub port: u16,
    pub door: Door,
    dir: TempDir,
    child: Option<Child>,
    tokens: Option<TokenServer>,
}

impl DockerRegistry {
    pub fn start(door: Door) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("ocrctl-test-registry-")
            .tempdir()
            .unwrap();
        let port = free_port();
        issue(dir.path()).unwrap();
        let base = dir.path().display();
        let (auth, tokens) = match door {
            Door::Password(user, password) => {
                htpasswd(&dir.path().join("htpasswd"), user, password);
                let auth = format!("htpasswd: {{ realm: test, path: {base}/htpasswd }}");
                (auth, None)
            }
            Door::Token(user, password) => {
                let tokens = TokenServer::start(user, password);
                fs::write(dir.path().join("tokens.pem"), tokens.certificate()).unwrap();
                let auth = format!(
                    "token: {{ realm: \"{}\", service: test, issuer: test, rootcertbundle: {base}/tokens.pem }}",
                    tokens.realm()
                );
                (auth, Some(tokens))
            }
        };
        let config = format!(
            "version: 0.1\n\
             log: {{ level: info }}\n\
             storage:\n\
             \x20 filesystem: {{ rootdirectory: {base}/images }}\n\
             \x20 delete: {{ enabled: true }}\n\
             http:\n\
             \x20 addr: 127.0.0.1:{port}\n\
             \x20 secret: of-this-test\n\
             \x20 relativeurls: true\n\
             \x20 tls: {{ certificate: {base}/server.pem, key: {base}/server.key }}\n\
             auth:\n\
             \x20 {auth}\n"
        );
        fs::write(dir.path().join("config.yml"), config).unwrap();
        let mut registry = Self {
            port,
            door,
            dir,
            child: None,
            tokens,
        };
        registry.start_again();
        registry
    }

    /// With the images that it had.
    pub fn start_again(&mut self) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(self.dir.path().join("config.yml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("docker-registry is missing: `make test` installs what the tests need");
        self.child = Some(child);
        let began = Instant::now();
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "docker-registry does not answer: {}",
                fs::read_to_string(self.log()).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Such as `127.0.0.1:5000`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn user(&self) -> &'static str {
        let (Door::Password(user, _) | Door::Token(user, _)) = self.door;
        user
    }

    pub fn password(&self) -> &'static str {
        let (Door::Password(_, password) | Door::Token(_, password)) = self.door;
        password
    }

    /// Where tokens are to be had.
    pub fn realm(&self) -> String {
        self.tokens
            .as_ref()
            .map(TokenServer::realm)
            .unwrap_or_default()
    }

    /// PEM of its authority.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// What it wrote, its requests among it.
    pub fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        self.stop();
    }
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn issue(dir: &Path) -> Result<(), rcgen::Error> {
    let mut params = CertificateParams::default();
    let subject = &mut params.distinguished_name;
    subject.push(DnType::CommonName, "a registry's authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = CertificateParams::new(names)?.signed_by(&key, &authority)?;
    fs::write(dir.join("ca.pem"), authority.pem()).unwrap();
    fs::write(dir.join("server.pem"), leaf.pem()).unwrap();
    fs::write(dir.join("server.key"), key.serialize_pem()).unwrap();
    Ok(())
}

fn htpasswd(path: &Path, user: &str, password: &str) {
    let mut child = Command::new("htpasswd")
        .args(["-inB", "-C", "4", user])
        .stdin(Stdio::piped())
        .stdout(fs::File::create(path).unwrap())
        .spawn()
        .expect("htpasswd is missing: `make test` installs what the tests need");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(password.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
}
