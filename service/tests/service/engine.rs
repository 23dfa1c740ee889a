//! Which build of Tesseract is used, and that it is told.
#![allow(
    clippy::disallowed_methods,
    reason = "the tests ask the loader, as ldd does"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Server, scan};

const LEVEL: &str = "x86-64-v3";

fn executable() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ocr-service"))
}

/// The Tesseract that the loader takes for an executable (ld.so(8), as ldd asks it).
fn taken_for(executable: &Path) -> PathBuf {
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

/// Whether this machine's CPU has the level's vectors; whatever has both has the rest of it.
fn cpu_has_level() -> bool {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap();
    let has = |flag| info.split_whitespace().any(|word| word == flag);
    has("avx2") && has("fma")
}

#[test]
fn a_build_beside_the_executable_is_preferred_where_the_cpu_has_its_level() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("ocr-service");
    fs::copy(executable(), &copy).unwrap();
    let distributed = taken_for(&copy);
    assert!(!distributed.starts_with(directory.path()));

    let levels = directory.path().join("glibc-hwcaps");
    // `libtesseract.so.5.0.3` is what `libtesseract.so.5` leads to.
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
    assert_eq!(taken_for(&copy), fs::canonicalize(wanted).unwrap());
}

#[test]
fn readiness_and_answers_name_the_build_that_was_loaded() {
    let server = Server::start(&[]);
    let named = server.readiness().1.engine.library.unwrap();
    let taken = taken_for(executable());
    let own = taken.to_string_lossy().contains("glibc-hwcaps");
    assert_eq!(named, if own { LEVEL } else { "distribution" });
    let answer = server.answer("", &scan::png(&scan::page(&["Which"])));
    assert_eq!(answer.engine.library, Some(named));
}
