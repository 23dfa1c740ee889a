//! docs/reference/: made of the code, and compared with it by a test. `make reference` writes it anew.

use std::fmt::Write;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};
use serde_json::Value;

use crate::cli::Cli;
use crate::report::json::reference as json_lines;
use ocrctl_inventory::json_schema;

/// Set by `make reference`.
const WRITE: &str = "OCRCTL_WRITE_REFERENCE";

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "a test has no flags: this says that it writes what it else compares"
)]
fn the_reference_is_that_of_the_code() {
    let files = [
        ("command-line.md", command_line()),
        ("inventory.md", inventory()),
        (
            "inventory.schema.json",
            format!("{:#}\n", json_schema::inventory()),
        ),
        ("json-lines.md", json_lines::markdown()),
        (
            "json-lines.schema.json",
            format!("{:#}\n", json_lines::schema()),
        ),
    ];
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("docs/reference");
    let write = std::env::var(WRITE).is_ok();
    for (name, text) in files {
        let path = directory.join(name);
        if write {
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(&path, text).unwrap();
            continue;
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == text,
            "docs/reference/{name} is not what the code says; run `make reference` and look at the difference:\n{}",
            similar::TextDiff::from_lines(there.as_str(), text.as_str())
                .unified_diff()
                .context_radius(1)
                .iter_hunks()
                .take(3)
                .map(|hunk| hunk.to_string())
                .collect::<String>()
        );
    }
}

fn command_line() -> String {
    let mut command = Cli::command()
        .term_width(100)
        .color(clap::ColorChoice::Never);
    command.build();
    let mut out = "# The command line\n\nWhat `--help` says, of every command. What is under \"Everywhere\" each of\nthem takes; it is not repeated.\n".to_owned();
    describe(command, &mut out);
    out
}

fn describe(mut command: Command, out: &mut String) {
    let name = command.get_bin_name().unwrap_or("ocrctl").to_owned();
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(
        out,
        "\n## {name}\n\n```text\n{}\n```\n",
        lines.join("\n").trim_end()
    );
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        let hidden = |argument: Arg| {
            let hidden = argument.is_global_set() || argument.is_hide_set();
            argument.hide(hidden)
        };
        describe(below.clone().mut_args(hidden), out);
    }
}

fn inventory() -> String {
    let schema = json_schema::inventory();
    // A `serde_json::Value` has its fields by their names; this has them as they are written down.
    let in_order = json_schema::in_order();
    let mut out = "# The inventory\n\n\
        Every field. [inventory.example.yaml](../../inventory.example.yaml) shows all of them at work; editors complete and check by\n\
        `ocrctl schema` ([inventory.schema.json](inventory.schema.json)). Paths start at the inventory, or with `~/`. A default in\n\
        parentheses is in words.\n"
        .to_owned();
    let mut sections = vec!["Inventory"];
    let mut next = 0;
    while let Some(name) = sections.get(next).copied() {
        next += 1;
        let path = match name {
            "Inventory" => String::new(),
            _ => format!("/definitions/{name}"),
        };
        let section = schema.pointer(&path).unwrap();
        let required: Vec<&str> = strings(&section["required"]);
        let _ = write!(
            out,
            "\n## {name}\n\n{}\n\n| field | value | default | |\n|---|---|---|---|\n",
            section["description"].as_str().unwrap()
        );
        for field in strings(&in_order.pointer(&path).unwrap()["required"]) {
            let value = &section["properties"][field];
            let about = value["description"].as_str().unwrap();
            let (about, default) = match about.split_once(" Default: ") {
                Some((about, default)) => (about, default.trim_end_matches('.')),
                None if required.contains(&field) => (about, "required"),
                None => (about, ""),
            };
            let default = match default {
                "" | "required" => default.to_owned(),
                words if words.starts_with('(') => words.to_owned(),
                value => format!("`{value}`"),
            };
            let _ = writeln!(out, "| `{field}` | {} | {default} | {about} |", form(value));
            if let Some(below) = section_of(value).filter(|it| !sections.contains(it)) {
                sections.push(below);
            }
        }
        // References to secrets come last.
        sections[next..].sort_by_key(|it| *it == "SecretSource");
    }
    out
}

fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

/// The section that a value is made of, if there is one.
fn section_of(value: &Value) -> Option<&str> {
    match value {
        Value::Object(rules) => rules.iter().find_map(|(name, rule)| match name.as_str() {
            "$ref" => rule.as_str()?.rsplit('/').next(),
            _ => section_of(rule),
        }),
        Value::Array(rules) => rules.iter().find_map(section_of),
        _ => None,
    }
}

fn form(value: &Value) -> String {
    if let Some(section) = section_of(value) {
        let link = format!("[{section}](#{})", section.to_lowercase());
        return match (value.get("items"), value.get("patternProperties")) {
            (Some(_), _) => format!("list of {link}"),
            (_, Some(_)) => format!("name: {link}"),
            _ => link,
        };
    }
    if let Some(items) = value.get("items") {
        return format!("list of {}", form(items));
    }
    let words = [&value["enum"], &value["examples"]].map(strings).concat();
    match value["anyOf"].as_array().map(Vec::as_slice) {
        _ if !words.is_empty() => format!("`{}`", words.join("`, `")),
        Some([whole, _]) if whole["type"] == "integer" => whole_number(whole),
        Some([whole, _, word]) if whole["type"] == "integer" => {
            format!("{}, or {}", whole_number(whole), form(word))
        }
        Some([_, _, word]) => format!("a number, or {}", form(word)),
        Some([_, words]) => form(words),
        _ if value["format"] == "path" => "path".to_owned(),
        _ => "text".to_owned(),
    }
}

fn whole_number(value: &Value) -> String {
    format!("{} to {}", value["minimum"], value["maximum"])
}
