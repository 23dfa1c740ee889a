//! What runs where is a crate, and no crate of the host depends on one of the operator's machine, nor the serving process on
//! what parses documents; within a crate, modules import each other in one direction.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test asks cargo, and fails by panicking"
)]

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// What passes between the service, its clients and ocrctl.
    Api,
    Both,
    Host,
    Operator,
    /// The operator's machine too, above everything: nothing depends on it.
    Rehearsal,
    /// What the serving process and its workers have in common.
    Service,
    /// Parses documents, in worker processes.
    Worker,
    /// Serves requests, and parses no document.
    Server,
    /// The executable of both.
    Executable,
}

const CRATES: [(&str, Side); 16] = [
    ("ocrctl-protocol", Side::Both),
    ("ocrctl-command", Side::Both),
    ("ocrctl-registry", Side::Both),
    ("ocrctl-agent", Side::Host),
    ("ocrctl-inventory", Side::Operator),
    ("ocrctl-ssh", Side::Operator),
    ("ocrctl", Side::Operator),
    ("ocrctl-rehearsal", Side::Rehearsal),
    ("ocr-api", Side::Api),
    ("ocr-codes", Side::Service),
    ("ocr-protocol", Side::Service),
    ("ocr-image", Side::Worker),
    ("ocr-ppocr", Side::Worker),
    ("ocr-engine", Side::Worker),
    ("ocr-server", Side::Server),
    ("ocr-service", Side::Executable),
];

/// Whether a crate may depend on another one. `ocrctl` is the executable that starts the agent as well.
fn allowed(from: (&str, Side), to: Side) -> bool {
    use Side::{Api, Both, Executable, Host, Operator, Rehearsal, Server, Service, Worker};
    match (from.1, to) {
        (Api, _) => false,
        (_, Api) => true,
        (Both | Host | Operator | Rehearsal, Both) => true,
        (Host, Host) | (Operator, Operator) => true,
        (Operator, Host) => from.0 == "ocrctl",
        (Rehearsal, Operator) => true,
        (Service | Worker | Server | Executable, Service) => true,
        (Worker, Worker) => true,
        (Executable, Worker | Server) => true,
        _ => false,
    }
}

#[test]
fn no_crate_depends_on_one_that_runs_elsewhere() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(ROOT)
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let sides: BTreeMap<&str, Side> = CRATES.into();
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(&side) = sides.get(name) else {
            panic!("say in tests/layers on which side {name} runs");
        };
        seen.insert(name.to_owned());
        // Those of its tests as well.
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            if let Some(&to) = sides.get(on) {
                assert!(
                    allowed((name, side), to),
                    "{name} ({side:?}) depends on {on} ({to:?})"
                );
            }
        }
    }
    assert_eq!(seen.len(), CRATES.len(), "{seen:?}");
}

/// Crates that a crate is built of, by Cargo.lock.
fn built_of(root: &str) -> BTreeSet<String> {
    let lock = std::fs::read_to_string(Path::new(ROOT).join("Cargo.lock")).unwrap();
    let mut dependencies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]\n").skip(1) {
        let name = package.split('"').nth(1).unwrap();
        let listed = package.lines().filter_map(|line| line.strip_prefix(" \""));
        let listed = listed.filter_map(|line| line.split([' ', '"']).next());
        dependencies.entry(name).or_default().extend(listed);
    }
    let mut found = BTreeSet::new();
    let mut next = vec![root];
    while let Some(name) = next.pop() {
        if found.insert(name.to_owned()) {
            next.extend(dependencies.get(name).into_iter().flatten());
        }
    }
    found
}

#[test]
fn the_serving_process_compiles_no_c() {
    let compilers = ["cc", "cmake"];
    let compiles_c = |name: &str| {
        let built_of = built_of(name);
        compilers
            .iter()
            .any(|compiler| built_of.contains(*compiler))
    };
    assert!(compiles_c("ocr-engine"));
    for name in ["ocr-server", "ocr-image", "ocr-ppocr"] {
        assert!(!compiles_c(name), "{name}");
    }
}

fn modules_of(name: &str) -> imports::Graph {
    let folder = match name.strip_prefix("ocr-") {
        Some("service") => "service".to_owned(),
        Some(part) => format!("service/{part}"),
        None => format!("crates/{name}"),
    };
    imports::of(&Path::new(ROOT).join(folder).join("src"))
}

#[test]
fn modules_do_not_import_each_other_in_circles() {
    let mut modules = 0;
    for (name, _) in CRATES {
        let graph = modules_of(name);
        modules += graph.len();
        if let Some(circle) = imports::circle(&graph) {
            panic!("{name}: {}", circle.join(" → "));
        }
    }
    assert!(modules > 450, "{modules}");
}

#[test]
fn folders_of_the_routes_do_not_import_each_other_in_circles() {
    let folders = imports::children(&modules_of("ocr-server"), "http");
    for folder in ["cache", "formats", "intake", "limits", "outcome", "reading"] {
        assert!(folders.contains_key(&vec![folder.to_owned()]), "{folder}");
    }
    if let Some(circle) = imports::circle(&folders) {
        panic!("{}", circle.join(" → "));
    }
}
