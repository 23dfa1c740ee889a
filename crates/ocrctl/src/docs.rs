//! Keeps docs/ and README.md true: commands are ocrctl's, inventories are read, links lead somewhere.

#[path = "../../ocrctl-rehearsal/src/blocks.rs"]
mod blocks;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::Cli;
use blocks::blocks;
use ocrctl_inventory::Inventory;

/// Each page and its text.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut found = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    let mut directories = vec![root.join("docs")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                found.push(path);
            }
        }
    }
    let text = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    };
    found.into_iter().map(text).collect()
}

#[test]
fn every_command_is_one() {
    let mut seen = 0;
    for (path, text) in pages() {
        let shell = blocks(&text)
            .into_iter()
            .filter(|(kind, _)| kind.starts_with("sh"))
            .map(|(_, text)| text);
        // README.md has its blocks indented.
        let indented = text.lines().filter(|line| line.starts_with("    ocrctl "));
        let texts = shell.chain(indented.map(|line| line.trim().to_owned()));
        for command in texts.flat_map(|text| commands(&text)) {
            let Err(error) = Cli::parse_from_args(command.iter().map(OsString::from)) else {
                seen += 1;
                continue;
            };
            assert!(
                !error.use_stderr(),
                "{} has `{}`, which is none:\n{error}",
                path.display(),
                command.join(" ")
            );
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn the_workflow_deploys() {
    let text = include_str!("../../../docs/examples/deploy.yml");
    let workflow: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    let steps = workflow["jobs"]["deploy"]["steps"].as_array().unwrap();
    let scripts = steps.iter().filter_map(|step| step["run"].as_str());
    let all: Vec<Vec<String>> = scripts.flat_map(commands).collect();
    for command in &all {
        Cli::parse_from_args(command.iter().map(OsString::from)).unwrap();
    }
    let names: Vec<&str> = all.iter().map(|command| command[1].as_str()).collect();
    assert_eq!(names, ["build", "plan", "deploy"]);
    // GitHub's own advice: what a stranger can write is never part of a script's text.
    let pasted =
        |step: &serde_json::Value| step["run"].as_str().is_some_and(|it| it.contains("${{"));
    assert!(!steps.iter().any(pasted));
}

/// The words of each command of ocrctl's in a shell script; of quotes, only what docs/ has.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in script.replace("\\\n", " ").lines() {
        let (mut words, mut word, mut quote, mut started) =
            (Vec::new(), String::new(), None, false);
        for c in line.chars().chain([' ']) {
            match (quote, c) {
                (Some(open), _) if c == open => quote = None,
                (None, '\'' | '"') => (quote, started) = (Some(c), true),
                (None, '#') if !started => break,
                (None, ' ' | ';' | ')') => {
                    if started {
                        words.push(std::mem::take(&mut word));
                    }
                    started = false;
                    if c != ' ' {
                        words.push(c.to_string());
                    }
                }
                _ => {
                    word.push(c);
                    started = true;
                }
            }
        }
        let ends = |word: &String| {
            [";", ")", "|", "||", "&&", ">", ">>", "<", "2>&1"].contains(&word.as_str())
        };
        for part in words.split(ends) {
            if part.first().is_some_and(|first| first == "ocrctl") {
                found.push(part.to_vec());
            }
        }
    }
    found
}

#[test]
fn every_inventory_is_read() {
    let mut seen = 0;
    for (path, text) in pages() {
        for (_, yaml) in blocks(&text).iter().filter(|(kind, _)| *kind == "yaml") {
            let mut inventory = String::new();
            if !yaml.starts_with("environments:") {
                // Fields of an environment; what it lacks is added.
                inventory += "environments:\n  prod:\n";
                for required in [
                    "names: [ocr.example.org]",
                    "hosts: [{address: ocr1.example.org}]",
                    "image: registry.example.org/example-org/ocr-service:1.0.0",
                ] {
                    let field = required.split_inclusive(':').next().unwrap();
                    if !yaml.lines().any(|line| line.starts_with(field)) {
                        inventory += &format!("    {required}\n");
                    }
                }
                for line in yaml.lines() {
                    inventory += &format!("    {line}\n");
                }
            } else {
                inventory += yaml;
            }
            if let Err(error) = Inventory::parse(&inventory, Path::new("inventory.yaml")) {
                panic!("{}: {:#?}", path.display(), error.diagnostics());
            }
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn every_link_leads_somewhere() {
    for (path, text) in pages() {
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap();
            if target.contains("://") || target.contains(' ') {
                continue;
            }
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(file.exists(), "{} links to {target}", path.display());
            if !section.is_empty() {
                let text = std::fs::read_to_string(&file).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(
                    headings.any(|line| anchor(line) == section),
                    "{} links to {target}, where no such heading is",
                    path.display()
                );
            }
        }
    }
}

/// The name by which a heading can be linked to.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}
