//! docs/reference/: made of the code, and compared with it by a test. `make reference` writes it anew.

use std::fmt::Write;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};

use crate::cli::Cli;
use crate::report::json::reference as json_lines;
use ocrctl_inventory::fields::{self, Kind, Section};

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
            format!("{:#}\n", fields::json_schema()),
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
    let mut out = "# The inventory\n\n\
        Every field. [inventory.example.yaml](../../inventory.example.yaml) shows all of them at work; editors complete and check by\n\
        `ocrctl schema` ([inventory.schema.json](inventory.schema.json)). Paths start at the inventory, or with `~/`. A default in\n\
        parentheses is in words.\n"
        .to_owned();
    for section in fields::INVENTORY.all() {
        let _ = write!(
            out,
            "\n## {}\n\n{}\n\n| field | value | default | |\n|---|---|---|---|\n",
            section.name, section.about
        );
        for field in section.fields {
            let default = match field.default {
                Some(words) if words.starts_with('(') => words.to_owned(),
                Some(value) => format!("`{value}`"),
                None if section.required.contains(&field.name) => "required".to_owned(),
                None => String::new(),
            };
            let _ = writeln!(
                out,
                "| `{}` | {} | {default} | {} |",
                field.name,
                value(&field.kind),
                field.about
            );
        }
    }
    out
}

fn value(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Word(words) => format!("`{}`", words.join("`, `")),
        Kind::Whole(low, high, None) => format!("{low} to {high}"),
        Kind::Whole(low, high, Some(word)) => format!("{low} to {high}, or `{word}`"),
        Kind::Number(word) => format!("a number, or `{word}`"),
        Kind::Duration => "`30s`, `2m`, `1h`".to_owned(),
        Kind::Size => "`50MB`, `2GiB`".to_owned(),
        Kind::YesOrNo => "`true`, `false`".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Secret => link(&fields::SECRET_SOURCE),
        Kind::List(item) | Kind::Some(item) => format!("list of {}", value(item)),
        Kind::Section(section) => link(section),
        Kind::Named(section) => format!("name: {}", link(section)),
    }
}

fn link(section: &Section) -> String {
    format!("[{}](#{})", section.name, section.name.to_lowercase())
}
