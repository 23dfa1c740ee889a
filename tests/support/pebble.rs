//! A real ACME server (Pebble) on loopback with the DNS that it asks (pebble-challtestsrv), and port 80 of the
//! host that it validates.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test against"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// Ends when dropped.
#[derive(Debug)]
pub struct Pebble {
    pub directory: String,
    /// PEM of the authority behind the directory's own certificate.
    pub ca: String,
    pub dns: SocketAddr,
    /// Where it validates names.
    pub http_port: u16,
    management: SocketAddr,
    dir: TempDir,
    settings: Settings,
    pebble: Option<Child>,
    dns_server: Child,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Nonces rejected, in percent.
    pub reject_nonces: u8,
    /// Only accounts with the binding of [`EXTERNAL_ACCOUNT`].
    pub external_accounts_only: bool,
}

/// Key id and HMAC key.
pub const EXTERNAL_ACCOUNT: (&str, &str) = (
    "kid-1",
    "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
);

impl Pebble {
    pub fn start(settings: Settings) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("ocrctl-test-pebble-")
            .tempdir()
            .unwrap();
        let [acme, management_of_pebble, http, dns, management] = free_ports();
        let ca = certificate(dir.path());
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{acme}"),
            "managementListenAddress": format!("127.0.0.1:{management_of_pebble}"),
            "certificate": dir.path().join("server.crt"),
            "privateKey": dir.path().join("server.key"),
            "httpPort": http,
            "tlsPort": 1,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": settings.external_accounts_only,
            "externalAccountMACKeys": {EXTERNAL_ACCOUNT.0: EXTERNAL_ACCOUNT.1},
            "certificateValidityPeriod": 7_776_000,
        }});
        fs::write(dir.path().join("pebble.json"), config.to_string()).unwrap();
        let dns_server = Command::new("pebble-challtestsrv")
            .args([
                "-defaultIPv6",
                "",
                "-http01",
                "",
                "-https01",
                "",
                "-tlsalpn01",
                "",
            ])
            .args(if has_doh() { &["-doh", ""][..] } else { &[] })
            .args(["-defaultIPv4", "127.0.0.1"])
            .args(["-dns01", &format!("127.0.0.1:{dns}")])
            .args(["-management", &format!("127.0.0.1:{management}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pebble-challtestsrv is missing: `make test` installs what the tests need");
        let mut pebble = Self {
            directory: format!("https://127.0.0.1:{acme}/dir"),
            ca,
            dns: (Ipv4Addr::LOCALHOST, dns).into(),
            http_port: http,
            management: (Ipv4Addr::LOCALHOST, management).into(),
            dir,
            settings,
            pebble: None,
            dns_server,
        };
        until_listening(pebble.management);
        pebble.up();
        pebble
    }

    /// Starts the ACME server, which has forgotten all that was before.
    pub fn up(&mut self) {
        let pebble = Command::new("pebble")
            .arg("-config")
            .arg(self.dir.path().join("pebble.json"))
            .args(["-dnsserver", &self.dns.to_string()])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env(
                "PEBBLE_WFE_NONCEREJECT",
                self.settings.reject_nonces.to_string(),
            )
            // Each order is validated anew.
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pebble is missing: `make test` installs what the tests need");
        self.pebble = Some(pebble);
        let address = self.directory.split('/').nth(2).unwrap();
        until_listening(address.parse().unwrap());
    }

    pub fn down(&mut self) {
        if let Some(mut pebble) = self.pebble.take() {
            let _ = pebble.kill();
            let _ = pebble.wait();
        }
    }

    /// Changes what DNS says, by a call of challtestsrv's management interface such as `add-a`.
    pub fn dns(&self, call: &str, body: &serde_json::Value) {
        let body = body.to_string();
        let mut stream = TcpStream::connect(self.management).unwrap();
        write!(
            stream,
            "POST /{call} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{call}: {answer}");
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.down();
        let _ = self.dns_server.kill();
        let _ = self.dns_server.wait();
    }
}

/// Port 80 of a host: serves the files of a directory, as NGINX does its webroot.
#[derive(Debug)]
pub struct Webroot {
    /// Whether answers to challenges are withheld; a preflight's token is served all the same.
    pub withholds: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
    address: SocketAddr,
}

impl Webroot {
    pub fn serve(root: PathBuf, port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).unwrap();
        let withholds = Arc::new(AtomicBool::new(false));
        let stopping = Arc::new(AtomicBool::new(false));
        let (flag, stop) = (withholds.clone(), stopping.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                if let Ok(stream) = stream {
                    let _ = answer(stream, &root, flag.load(Ordering::Relaxed));
                }
            }
        });
        Self {
            withholds,
            stopping,
            address,
        }
    }
}

impl Drop for Webroot {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(mut stream: TcpStream, root: &Path, withholds: bool) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(());
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or("/");
    let file = root.join(path.trim_start_matches('/'));
    match fs::read(&file) {
        Ok(bytes) if !withholds || path.contains("preflight") => {
            write!(
                stream,
                "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n",
                bytes.len()
            )?;
            stream.write_all(&bytes)
        }
        _ => write!(
            stream,
            "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        ),
    }
}

/// The directory's own certificate and key; gives the authority.
fn certificate(dir: &Path) -> String {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "the directory's authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    fs::write(dir.join("server.crt"), leaf.pem()).unwrap();
    fs::write(dir.join("server.key"), key.serialize_pem()).unwrap();
    ca.pem()
}

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
        .collect();
    std::array::from_fn(|at| listeners[at].local_addr().unwrap().port())
}

/// Debian 13's has a port more, which would be everybody's.
fn has_doh() -> bool {
    let help = Command::new("pebble-challtestsrv").arg("--help").output();
    help.is_ok_and(|output| String::from_utf8_lossy(&output.stderr).contains("-doh"))
}

fn until_listening(address: SocketAddr) {
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "nothing listens on {address}"
        );
        sleep(Duration::from_millis(20));
    }
}
