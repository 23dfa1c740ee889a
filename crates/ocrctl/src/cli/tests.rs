//! The command line as its users write it.

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    let args = line.split_whitespace().map(OsString::from).collect();
    // Whatever terminal the test runs in.
    Cli::parse_with(Cli::command().term_width(100), args)
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_of_every_command() {
    let commands = [
        "",
        "init",
        "doctor",
        "plan",
        "deploy",
        "rollback",
        "restart",
        "status",
        "logs",
        "history",
        "audit",
        "backup",
        "keys",
        "keys list",
        "keys add",
        "keys revoke",
        "keys sync",
        "rotate-key",
        "cert",
        "cert ca",
        "cert status",
        "cert renew",
        "renew",
        "watch",
        "alerts",
        "alerts test",
        "ocr",
        "build",
        "migrate-registry",
        "rehearse",
        "completions",
        "schema",
        "man",
    ];
    for command in commands {
        let help = parse(&format!("ocrctl {command} --help")).unwrap_err();
        assert_eq!(exit_code(&help), 0);
        let name = format!("help {command}").trim().replace(' ', "_");
        insta::assert_snapshot!(name, help.render());
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    for line in [
        "ocrctl",
        "ocrctl depoly prod",
        "ocrctl plan",
        "ocrctl deploy prod --lock-wait soon",
        "ocrctl keys add prod",
        "ocrctl backup prod",
        "ocrctl backup prod --to a --check b --identity c",
        "ocrctl backup prod --check a",
        "ocrctl deploy prod --restore a",
        "ocrctl deploy prod --identity a",
        "ocrctl keys add prod --name x --expires tomorrow",
        "ocrctl keys add prod --name x --scope everything",
        "ocrctl keys add prod --name x --out f --exec cat",
        "ocrctl rotate-key prod --grace 1h --revoke-now",
        "ocrctl rehearse --release sid",
        "ocrctl rehearse --smoke --skip PDF",
        "ocrctl plan prod --wat",
        "ocrctl logs",
        "ocrctl logs prod --since yesterday",
        "ocrctl logs prod --request a\"b",
        "ocrctl ocr --env prod",
        "ocrctl ocr a.pdf --env prod --url https://ocr.example.org",
        "ocrctl ocr a.pdf --format hocr",
    ] {
        assert_eq!(exit_code(&parse(line).unwrap_err()), USAGE, "{line}");
    }
    insta::assert_snapshot!(
        parse("ocrctl deploy prod --lock-wait soon")
            .unwrap_err()
            .render()
    );
}

#[test]
fn a_program_takes_the_rest_of_the_line() {
    let line = "ocrctl rotate-key prod --revoke-now --exec vault kv put -mount=kv ocr key=-";
    let Command::RotateKey(flags) = parse(line).unwrap().command else {
        panic!("{line}");
    };
    let exec = ["vault", "kv", "put", "-mount=kv", "ocr", "key=-"];
    assert_eq!(flags.handover.exec, exec.map(OsString::from));
    assert!(flags.revoke_now && flags.client.is_none());
}

#[test]
fn flags_go_before_or_after_the_command() {
    for line in [
        "ocrctl --json --yes deploy prod",
        "ocrctl deploy prod --json -y",
    ] {
        let cli = parse(line).unwrap();
        assert!(cli.global.json && cli.global.yes);
    }
    assert_eq!(exit_code(&parse("ocrctl --version").unwrap_err()), 0);
    let task = |line| match parse(line).unwrap().command {
        Command::Agent { task } => task,
        other => panic!("{other:?}"),
    };
    assert_eq!(task("ocrctl agent"), None);
    assert_eq!(
        task("ocrctl agent revert sshd"),
        Some(AgentTask::Revert {
            what: Guarded::Sshd
        })
    );
}
