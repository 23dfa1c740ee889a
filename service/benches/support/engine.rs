//! One warm Tesseract in its own process, which does nothing else: no HTTP, no decoding, no words.
//!
//! A process can load only one build of the library. So the benchmark starts itself again, with a directory for the
//! loader.
#![allow(unsafe_code, reason = "Tesseract's C API, as in the worker")]

use std::ffi::{CStr, c_int};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::ptr;
use std::time::{Duration, Instant};

use image::GrayImage;
use leptess::capi;

use super::service::process::on_core;

const ROLE: &str = "--be-an-engine";

pub(crate) struct Engine {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// Wall-clock time and processor time of a page. Other load on the machine affects the former much more.
pub(crate) struct Took {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

/// Runs as an engine if this process was started as one. Called first in `main`.
pub(crate) fn serve_if_asked() {
    if std::env::args().any(|arg| arg == ROLE) {
        serve();
        std::process::exit(0);
    }
}

/// Directory of the distribution's library, the only one that its command uses.
pub(crate) fn distribution() -> PathBuf {
    // Cargo makes the loader search its target directory, where the service's own engine is.
    let output = Command::new("tesseract")
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .expect("the tesseract command: apt-get install tesseract-ocr");
    let listed = String::from_utf8(output.stdout).unwrap();
    let line = listed.lines().find(|line| line.contains("libtesseract.so"));
    let path = line.unwrap().split_whitespace().nth(2).unwrap();
    Path::new(path).parent().unwrap().to_owned()
}

/// Directory in which `make engine` puts the service's own engine, if it exists.
pub(crate) fn own() -> Option<PathBuf> {
    let directory = Path::new(env!("CARGO_BIN_EXE_ocr-service")).parent()?;
    directory
        .join("glibc-hwcaps")
        .is_dir()
        .then(|| directory.to_owned())
}

impl Engine {
    /// Starts an engine. The loader searches `directory` first.
    pub(crate) fn start(directory: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(ROLE)
            .env("LD_LIBRARY_PATH", directory)
            .env("OMP_THREAD_LIMIT", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            to: child.stdin.take().unwrap(),
            from: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// The text of a page, and the time that it took.
    pub(crate) fn read(&mut self, page: &GrayImage) -> (Took, String) {
        writeln!(self.to, "{} {}", page.width(), page.height()).unwrap();
        self.to.write_all(page).unwrap();
        self.to.flush().unwrap();
        let [wall, cpu, length] = numbers(&mut self.from).unwrap();
        let mut text = vec![0; usize::try_from(length).unwrap()];
        self.from.read_exact(&mut text).unwrap();
        let took = Took {
            wall: Duration::from_nanos(wall),
            cpu: Duration::from_nanos(cpu),
        };
        (took, String::from_utf8(text).unwrap())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The process may have exited by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads this many numbers from a line. Returns `None` at the end.
fn numbers<const COUNT: usize>(from: &mut impl BufRead) -> Option<[u64; COUNT]> {
    let mut line = String::new();
    if from.read_line(&mut line).unwrap() == 0 {
        return None;
    }
    let numbers: Vec<u64> = line
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    Some(numbers.try_into().unwrap())
}

fn serve() {
    let mut input = std::io::stdin().lock();
    let mut output = std::io::stdout().lock();
    let id = std::process::id();
    // SAFETY: as in the worker: one handle on one thread, texts copied and freed, pixels that outlive the calls.
    unsafe {
        let handle = capi::TessBaseAPICreate();
        let failed = capi::TessBaseAPIInit2(
            handle,
            ptr::null(),
            c"eng".as_ptr(),
            capi::TessOcrEngineMode_OEM_LSTM_ONLY,
        );
        assert_eq!(failed, 0, "no model for English");
        capi::TessBaseAPISetVariable(handle, c"debug_file".as_ptr(), c"/dev/null".as_ptr());
        capi::TessBaseAPISetPageSegMode(handle, capi::TessPageSegMode_PSM_AUTO);
        while let Some([width, height]) = numbers(&mut input) {
            let mut pixels = vec![0; usize::try_from(width * height).unwrap()];
            input.read_exact(&mut pixels).unwrap();
            let (width, height) = (
                c_int::try_from(width).unwrap(),
                c_int::try_from(height).unwrap(),
            );
            let (began, cpu) = (Instant::now(), on_core(id));
            capi::TessBaseAPISetImage(handle, pixels.as_ptr(), width, height, 1, width);
            capi::TessBaseAPISetSourceResolution(handle, 300);
            assert_eq!(capi::TessBaseAPIRecognize(handle, ptr::null_mut()), 0);
            let text = capi::TessBaseAPIGetUTF8Text(handle);
            let took = began.elapsed().as_nanos();
            let cpu = on_core(id) - cpu;
            let bytes = CStr::from_ptr(text).to_bytes();
            writeln!(output, "{took} {cpu} {}", bytes.len()).unwrap();
            output.write_all(bytes).unwrap();
            output.flush().unwrap();
            capi::TessDeleteText(text);
            capi::TessBaseAPIClear(handle);
        }
        capi::TessBaseAPIDelete(handle);
    }
}
