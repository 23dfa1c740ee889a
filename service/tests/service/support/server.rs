//! A service process with its own key.
#![allow(
    clippy::disallowed_methods,
    reason = "the tests start the service like its users"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ocr_api::answer::Answer;
use ocr_api::health::Readiness;
use rustix::process::Signal;
use tempfile::TempDir;

use super::client::{self, Reply, Request};
use super::process;

pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) key: String,
    pub(crate) directory: TempDir,
    child: Child,
    log: Arc<Mutex<String>>,
    /// Copies the service's output into `log`, until none of its processes is left.
    reader: JoinHandle<()>,
}

/// The executable with given arguments.
pub(crate) fn ocr_service() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ocr-service"))
}

/// Creates a key like an operator, and returns it.
pub(crate) fn new_key(file: &std::path::Path, name: &str) -> String {
    let output = ocr_service()
        .args(["key", "new", "--name", name, "--file"])
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Server {
    /// A ready service on a port of its own, with one key, and two workers unless `flags` set another number.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let server = Self::start_at("127.0.0.1:0", flags);
        server.wait_until_ready();
        server
    }

    /// The same on a Unix socket.
    pub(crate) fn start_on_socket(flags: &[&str]) -> Self {
        let server = Self::start_at("unix", flags);
        server.wait_until_ready();
        server
    }

    /// A service that listens, but may not be ready yet. `unix` stands for a socket in its directory.
    pub(crate) fn start_at(listen: &str, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = new_key(&directory.path().join("keys.json"), "test");
        Self::start_in(directory, key, listen, flags)
    }

    /// A ready service for which the loader searches `libraries` first.
    #[allow(dead_code, reason = "for the benchmarks")]
    pub(crate) fn start_with_libraries(libraries: &Path, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = new_key(&directory.path().join("keys.json"), "test");
        let mut command = ocr_service();
        command.env("LD_LIBRARY_PATH", libraries);
        let server = Self::run(command, directory, key, "127.0.0.1:0", flags);
        server.wait_until_ready();
        server
    }

    /// A ready service that is another build, with a keys file that this build made.
    #[allow(dead_code, reason = "for the benchmarks")]
    pub(crate) fn start_program(program: &Path, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = new_key(&directory.path().join("keys.json"), "test");
        let server = Self::run(Command::new(program), directory, key, "127.0.0.1:0", flags);
        server.wait_until_ready();
        server
    }

    pub(crate) fn start_in(directory: TempDir, key: String, listen: &str, flags: &[&str]) -> Self {
        Self::run(ocr_service(), directory, key, listen, flags)
    }

    fn run(
        mut command: Command,
        directory: TempDir,
        key: String,
        listen: &str,
        flags: &[&str],
    ) -> Self {
        let listen = match listen {
            "unix" => format!("unix:{}/ocr.sock", directory.path().display()),
            other => other.to_owned(),
        };
        command
            .arg("serve")
            .args(["--listen", &listen, "--keys"])
            .arg(directory.path().join("keys.json"))
            .args(flags)
            .env("TEST_SECRET", "of the service alone")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if !flags.contains(&"--workers") {
            command.args(["--workers", "2"]);
        }
        // The tests send the same document repeatedly to have it read each time.
        if !flags.contains(&"--cache") {
            command.args(["--cache", "0"]);
        }
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let address = read_address(&mut stderr, &log);
        let copy = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut log = copy.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self {
            address,
            key,
            directory,
            child,
            log,
            reader,
        }
    }

    pub(crate) fn keys_file(&self) -> PathBuf {
        self.directory.path().join("keys.json")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its worker processes, also those that are being killed: one that has read the sample for the template, or the one of the
    /// last document.
    pub(crate) fn workers(&self) -> Vec<u32> {
        self.named("ocr-worker")
    }

    /// The process that they are copies of.
    pub(crate) fn template(&self) -> u32 {
        self.named("ocr-template")[0]
    }

    fn named(&self, name: &str) -> Vec<u32> {
        let mut children = process::children(self.pid());
        children.retain(|pid| process::name(*pid) == name && !process::has_ended(*pid));
        children
    }

    /// Its workers, once each of them waits for a document and those of ended documents are gone.
    #[track_caller]
    pub(crate) fn spares(&self, count: usize) -> Vec<u32> {
        let mut workers = Vec::new();
        process::wait_for("the workers wait for documents", || {
            workers = self.workers();
            workers.len() == count && workers.iter().all(|pid| process::is_spare(*pid))
        });
        workers
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends a request unchanged.
    pub(crate) fn send(&self, request: &Request) -> Reply {
        request.send(&self.address)
    }

    /// Sends a request with the key.
    pub(crate) fn send_with_key(&self, request: Request) -> Reply {
        self.send(&request.key(&self.key))
    }

    /// Sends a raw body with the key. `query` is as in `/v1/ocr?pages=1`.
    pub(crate) fn ocr(&self, query: &str, document: &[u8]) -> Reply {
        self.send_with_key(Request::post(&format!("/v1/ocr{query}"), document))
    }

    #[track_caller]
    pub(crate) fn answer(&self, query: &str, document: &[u8]) -> Answer {
        self.ocr(query, document).answer()
    }

    /// Readiness over a socket, without the key.
    pub(crate) fn readiness(&self) -> (u16, Readiness) {
        let request = Request::get("/readyz");
        let reply = match self.address.starts_with("unix:") {
            true => self.send(&request),
            false => self.send_with_key(request),
        };
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    #[track_caller]
    pub(crate) fn wait_until_ready(&self) {
        process::wait_for("the service is ready", || {
            client::connect(&self.address).is_ok()
                && self.send(&Request::get("/readyz")).status == 200
        });
    }

    pub(crate) fn terminate(&self) {
        process::signal(self.pid(), Signal::TERM);
    }

    /// Waits for its end, and for the last of its log.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                process::wait_for("the log ends", || self.reader.is_finished());
                return status;
            }
            assert!(
                started.elapsed() < Duration::from_secs(90),
                "the service did not end; its log:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed half-way may have stopped the process.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the log up to the line with the address on which the service listens.
fn read_address(stderr: &mut impl BufRead, log: &Mutex<String>) -> String {
    loop {
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        log.lock().unwrap().push_str(&line);
        if line.is_empty() || line.starts_with("error:") {
            let mut rest = String::new();
            stderr.read_to_string(&mut rest).unwrap();
            panic!("the service did not start:\n{}{rest}", log.lock().unwrap());
        }
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        if event["message"] == "serving" {
            return event["listen"].as_str().unwrap().to_owned();
        }
    }
}
