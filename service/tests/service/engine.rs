//! The build of Tesseract that is used, and that it is reported.
#![allow(
    clippy::disallowed_methods,
    reason = "the tests query the loader, as ldd does"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Server, scan};

const LEVEL: &str = "x86-64-v3";

fn executable() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ocr-service"))
}

/// The Tesseract that the loader chooses for an executable (ld.so(8), queried like ldd does).
fn chosen_for(executable: &Path) -> PathBuf {
    let output = Command::new(executable)
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let line = listed.lines().find(|line| line.contains("libtesseract.so"));
    let path = line.unwrap().split_whitespace().nth(2).unwrap();
    fs::canonicalize(path).unwrap()
}

/// True if this machine's CPU has the vector instructions of the level. CPUs with both have the rest of it.
fn cpu_has_level() -> bool {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap();
    let has = |flag| info.split_whitespace().any(|word| word == flag);
    has("avx2") && has("fma")
}

#[test]
fn prefers_the_build_beside_the_executable_if_the_cpu_supports_it() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("ocr-service");
    fs::copy(executable(), &copy).unwrap();
    let distributed = chosen_for(&copy);
    assert!(!distributed.starts_with(directory.path()));

    let levels = directory.path().join("glibc-hwcaps");
    // `libtesseract.so.5` is a link to `libtesseract.so.5.0.3`.
    let name = distributed.file_name().unwrap().to_string_lossy();
    let soname: Vec<&str> = name.split('.').take(3).collect();
    let library = levels.join(LEVEL).join(soname.join("."));
    fs::create_dir_all(library.parent().unwrap()).unwrap();
    fs::copy(&distributed, &library).unwrap();
    let wanted = if cpu_has_level() {
        library
    } else {
        distributed
    };
    assert_eq!(chosen_for(&copy), fs::canonicalize(wanted).unwrap());
}

#[test]
fn readiness_and_answers_name_the_loaded_build() {
    let server = Server::start(&[]);
    let named = server.readiness().1.engine.library.unwrap();
    let taken = chosen_for(executable());
    let own = taken.to_string_lossy().contains("glibc-hwcaps");
    assert_eq!(named, if own { LEVEL } else { "distribution" });
    let answer = server.answer("", &scan::png(&scan::page(&["Which"])));
    assert_eq!(answer.engine.library, Some(named));
}
