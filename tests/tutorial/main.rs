//! The blocks of docs/tutorial.md that need no host, run in order as they stand there. Those that need one are a
//! proof of the rehearsal.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests start the program that they test, and fail by panicking"
)]

#[path = "../../crates/ocrctl-rehearsal/src/blocks.rs"]
mod blocks;

use std::path::Path;
use std::process::Command;

const TUTORIAL: &str = include_str!("../../docs/tutorial.md");

#[test]
fn the_tutorial_does_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let executable = Path::new(env!("CARGO_BIN_EXE_ocrctl")).parent().unwrap();
    let blocks = blocks::blocks(TUTORIAL);
    let mut ran = 0;
    for (index, (kind, text)) in blocks.iter().enumerate() {
        let fails = match *kind {
            "sh" => false,
            "sh fails" => true,
            "sh host" | "sh by hand" | "text" => continue,
            other => panic!("`{other}` is no kind of block: see tests/tutorial"),
        };
        let output = Command::new("bash")
            .arg("-c")
            .arg(format!(
                "set -eu\nPATH={}:$PATH\n{text}",
                executable.display()
            ))
            .current_dir(dir.path())
            .env("HOME", dir.path())
            .env_remove("OCRCTL_INVENTORY")
            .output()
            .unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stderr),
            String::from_utf8_lossy(&output.stdout)
        );
        assert_eq!(!output.status.success(), fails, "{text}{said}");
        // What the tutorial shows of it is there, line by line.
        if let Some(("text", shown)) = blocks.get(index + 1).map(|(kind, text)| (*kind, text)) {
            for line in shown.lines() {
                assert!(
                    said.contains(line),
                    "no \"{line}\" in what this says:\n{text}{said}"
                );
            }
        }
        ran += 1;
    }
    assert_eq!(ran, 4, "the blocks that need no host");
}
