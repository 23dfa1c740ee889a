//! The output for operators, logs and programs.

use std::sync::Arc;

use indicatif::{ProgressDrawTarget, TermLike};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::style::Styles;
use super::*;
use ocrctl_protocol::{Action, Change, Detail, Failure, FailureKind, ReleaseInfo, StepState};

#[derive(Debug, Clone, Default)]
pub(super) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal of 80 columns that keeps what was written to it, without the cursor's movements.
impl TermLike for Captured {
    fn width(&self) -> u16 {
        80
    }
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn write_line(&self, line: &str) -> io::Result<()> {
        self.clone().write_all(format!("{line}\n").as_bytes())
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.clone().write_all(text.as_bytes())
    }
    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) struct Console {
    pub(super) stdout: Captured,
    pub(super) stderr: Captured,
    pub(super) report: Report,
}

pub(super) fn console(options: Options, input: Option<&'static str>) -> Console {
    let (stdout, stderr) = (Captured::default(), Captured::default());
    let streams = Streams {
        stdin: Box::new(input.unwrap_or_default().as_bytes()),
        stdin_is_terminal: input.is_some(),
        hide: || Ok(None),
        stdout: Box::new(stdout.clone()),
        stdout_styles: Styles::default(),
        stdout_is_terminal: false,
        stderr: Box::new(stderr.clone()),
        stderr_styles: Styles::default(),
        terminal: None,
    };
    let clock = || "2026-03-01T12:00:00.5Z".parse().unwrap();
    let report = Report::on(streams, options, clock);
    Console {
        stdout,
        stderr,
        report,
    }
}

pub(super) fn json() -> Options {
    Options {
        json: true,
        ..Options::default()
    }
}

fn change(resource: &str, action: Action, reason: &str, details: Vec<Detail>) -> Change {
    Change {
        resource: resource.into(),
        action,
        reason: reason.into(),
        details,
    }
}

fn changes() -> Vec<Change> {
    let field = |name: &str, from: Option<&str>, to: Option<&str>| Detail::Field {
        name: name.into(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
    };
    let text = |text: &str| text.to_owned();
    vec![
        change(
            "packages",
            Action::Create,
            "not installed",
            vec![
                Detail::Added {
                    text: text("nginx"),
                },
                Detail::Added { text: text("ufw") },
                Detail::Removed {
                    text: text("iptables-persistent"),
                },
                Detail::Blocked {
                    text: text("apt would remove it"),
                    hint: text("name it in the inventory"),
                },
            ],
        ),
        change(
            "firewall",
            Action::Update,
            "rules differ",
            vec![
                Detail::Removed {
                    text: text("allow 8080/tcp from 0.0.0.0/0"),
                },
                Detail::Added {
                    text: text("allow 443/tcp from 0.0.0.0/0"),
                },
            ],
        ),
        change(
            "file /etc/nginx/sites-enabled/ocr.conf",
            Action::Update,
            "content differs",
            vec![Detail::Diff {
                text: text(
                    "--- on the host\n+++ wanted\n@@ -1,2 +1,2 @@\n server {\n-  listen 80;\n+  listen 443 ssl;\n",
                ),
            }],
        ),
        change(
            "file /etc/nginx/\x1b[31mold",
            Action::Delete,
            "not ours",
            vec![],
        ),
        change(
            "release",
            Action::Create,
            "the image is new",
            vec![
                field(
                    "image",
                    Some("registry.example.org/ocr@sha256:aaaa"),
                    Some("registry.example.org/ocr@sha256:bbbb"),
                ),
                field("memory", None, Some("2GiB")),
            ],
        ),
        change("unit nginx.service", Action::Start, "stopped", vec![]),
    ]
}

fn step(index: usize, resource: &str, state: StepState) -> Event {
    Event::Step {
        index,
        total: 2,
        resource: resource.into(),
        state,
    }
}

/// A deploy from plan to end.
fn deploy() -> Vec<Event> {
    let progress = |current| Event::Progress {
        resource: "release".into(),
        message: "pulling".into(),
        current,
        total: current.map(|_| 100),
    };
    vec![
        Event::Hello {
            version: 1,
            notices: vec!["a deploy of 2026-02-28 lost its controller and completed".into()],
        },
        Event::Planned {
            changes: vec![change("release", Action::Create, "there is none", vec![])],
            fingerprint: "abc".into(),
        },
        step(0, "firewall", StepState::Started),
        Event::ConfirmReachable {
            change: "sshd".into(),
            seconds: 60,
        },
        step(0, "firewall", StepState::Done { ms: 1234 }),
        step(1, "release", StepState::Started),
        progress(Some(50)),
        progress(Some(60)),
        progress(None),
        Event::Note {
            level: Level::Warning,
            text: "the image is 400 days old".into(),
        },
        step(1, "release", StepState::Done { ms: 40 }),
        Event::Applied {
            before: None,
            release: Some(ReleaseInfo {
                id: "bbbb-cccc".into(),
                slot: "a".into(),
                image: "registry.example.org/ocr@sha256:bbbb".into(),
            }),
        },
    ]
}

impl Report {
    /// For tests of commands: somebody at a terminal answers with these lines, or nobody does. Also gives what was said.
    pub fn answered(lines: Option<&'static str>) -> (Self, impl Fn() -> String) {
        let console = console(Options::default(), lines);
        let stderr = console.stderr;
        (console.report, move || stderr.text())
    }
}

#[test]
fn a_plan() {
    insta::assert_snapshot!(plan::render("ocr1", &changes(), false, &Styles::default()));
    insta::assert_snapshot!(plan::render("ocr1", &[], false, &Styles::default()));
}

#[test]
fn a_plan_leaves_out_what_new_files_contain_unless_asked() {
    let new = |resource: &str, reason: &str, text: &str| {
        let text = text.to_owned();
        change(
            resource,
            Action::Create,
            reason,
            vec![Detail::Diff { text }],
        )
    };
    let missing = "missing; will be created";
    let changes = [
        new(
            "file /etc/ocr/rules.yaml",
            missing,
            "@@ -0,0 +1,2 @@\n+a: 1\n+b: 2\n",
        ),
        new("file /etc/ocr/name", missing, "@@ -0,0 +1 @@\n+ocr\n"),
        new("sshd", "it will be restarted", "@@ -0,0 +1 @@\n+Port 22\n"),
    ];
    let render = |diff| plan::render("ocr1", &changes, diff, &Styles::default());
    assert_eq!(
        render(false),
        "ocr1\n  \
           + file /etc/ocr/rules.yaml (2 lines)\n  \
           + file /etc/ocr/name (1 line)\n  \
           + sshd (1 line)\n      \
               it will be restarted\n      \
               --diff shows what new files contain\n\
         Plan: 3 to create\n"
    );
    assert!(render(true).contains("\n      +b: 2\n"));
    assert!(!render(true).contains("--diff"));
}

#[test]
fn a_plan_in_colour() {
    let coloured = plan::render("ocr1", &changes(), false, &Styles::coloured());
    insta::assert_snapshot!(coloured.replace('\x1b', "␛"));
}

#[test]
fn progress_in_plain_lines() {
    let console = console(Options::default(), None);
    for event in deploy() {
        console.report.event("ocr1", &event);
    }
    console.report.finish().unwrap();
    let stderr = console.stderr.text();
    assert!(!stderr.contains(['\r', '\x1b']));
    insta::assert_snapshot!(stderr);
    insta::assert_snapshot!(console.stdout.text());
}

#[test]
fn verbose_plain_lines_tell_each_stage_once() {
    let options = Options {
        verbose: true,
        ..Options::default()
    };
    let console = console(options, None);
    for event in deploy() {
        console.report.event("ocr1", &event);
    }
    assert_eq!(console.stderr.text().matches("release: pulling").count(), 1);
}

#[test]
fn progress_on_a_terminal() {
    let screen = Captured::default();
    let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let mut terminal = terminal::Terminal::new(target);
    terminal.line("ocr1: before any step");
    terminal.step("ocr1", (0, 2), "packages", &StepState::Started);
    terminal.step("ocr2", (0, 2), "packages", &StepState::Started);
    terminal.progress("ocr1", "packages: nginx".into(), Some((3, 4)));
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.line("ocr1: [1/2] packages: done");
    terminal.step("ocr2", (0, 2), "packages", &StepState::Failed);
    terminal.end_all();
    terminal.line("ocr1: after the last step");
    let text = screen.text();
    for seen in [
        "ocr1: before any step",
        "ocr1: after the last step",
        "ocr1 packages: nginx [",
        "75%",
        "ocr2 [1/2] packages (",
        "ocr1: [1/2] packages: done",
    ] {
        assert!(text.contains(seen), "{seen} is not in {text}");
    }
}

#[test]
fn json_lines() {
    let console = console(json(), None);
    for event in deploy() {
        console.report.event("ocr1", &event);
    }
    let report = &console.report;
    report.event(
        "ocr2",
        &Event::Failed(Failure {
            kind: FailureKind::Locked,
            message: "alice deploys since 11:58".into(),
            hint: Some("wait with --lock-wait 5m".into()),
        }),
    );
    report.note(None, Level::Info, "1 of 2 hosts is done");
    report.key("7h3k", "scanner", "ocrk_7h3k_secret").unwrap();
    report.key_kept("7h3k", "scanner", "written to scanner.key");
    report.data("complete -c ocrctl\n");
    report.error(&Diagnostic::new("it failed").host("ocr2").hint("try again"));
    report.finish().unwrap();
    let stdout = console.stdout.text();
    for line in stdout.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(
            value["type"].is_string() && value["time"].is_string(),
            "{line}"
        );
    }
    let version = concat!("\"", env!("CARGO_PKG_VERSION"), "\"");
    insta::assert_snapshot!(stdout.replace(version, "\"VERSION\""));
    assert_eq!(console.stderr.text(), "");
}

#[test]
fn errors() {
    let console = console(Options::default(), None);
    let mut error = Diagnostic::new("the host can't be reached").host("ocr1");
    error.causes = vec!["ssh: connect to host ocr1 port 22: No route to host".into()];
    console.report.error(&error.hint("is it switched on?"));
    let excerpt = "  |\n4 | hosst: []\n  | ^^^^^";
    console
        .report
        .error(&Diagnostic::new("inventory.yaml:4:1: unknown field").excerpt(excerpt));
    insta::assert_snapshot!(console.stderr.text());
    assert_eq!(console.stdout.text(), "");
}

#[test]
fn a_table_of_keys() {
    use ocr_api::keys::{ApiKey, Scope};
    let console = console(Options::default(), None);
    let created = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut keys: Vec<KeyRecord> = ["scanner", "mail room"]
        .map(|name| {
            KeyRecord::new(
                &ApiKey::generate().unwrap(),
                name,
                vec![Scope::Ocr, Scope::Codes],
                created,
            )
        })
        .into();
    keys[0].id = "7h3k9w2m".into();
    keys[1].id = "a1".into();
    keys[1].revoked = Some("2026-02-01T00:00:00Z".parse().unwrap());
    keys[0].expires = Some("2026-04-01T00:00:00Z".parse().unwrap());
    let mut usage = Usage::default();
    let last = "2026-03-01T11:59:58Z".parse().unwrap();
    usage.record("7h3k9w2m", last, Some([192, 0, 2, 7].into()));
    console.report.keys(&keys, &usage);
    console.report.keys(&[], &usage);
    let said = use_in_words(usage.keys.get("7h3k9w2m").copied());
    let words = "let in 1 request, the last at 2026-03-01 11:59:58 UTC from 192.0.2.7";
    assert_eq!(
        (said.as_str(), use_in_words(None)),
        (words, "was never used".into())
    );
    insta::assert_snapshot!(console.stdout.text());
}

#[test]
fn a_secret_is_asked_for_on_a_terminal_and_not_shown() {
    let ask = |input, options| {
        let console = console(options, input);
        let answer = console.report.asks_for_secrets()("Passphrase for /key");
        let answer = answer.map(|secret| secret.expose_secret().to_owned());
        (answer, console.stderr.text(), console.stdout.text())
    };
    for options in [Options::default(), json()] {
        let (answer, stderr, stdout) = ask(Some("open sesame\n"), options);
        assert_eq!(answer.as_deref(), Some("open sesame"));
        assert_eq!(stderr, "Passphrase for /key: \n");
        assert!(!stdout.contains("sesame"));
    }
    assert_eq!(
        ask(None, Options::default()),
        (None, String::new(), String::new())
    );
}

#[test]
fn a_question() {
    let ask = |input, yes| {
        let console = console(Options::default(), input);
        let answer = console.report.confirm("Apply these changes to prod?", yes);
        (
            answer.map_err(|e| Diagnostic::from(&e)),
            console.stderr.text(),
        )
    };
    let prompt = "Apply these changes to prod? [y/N] ".to_owned();
    assert_eq!(ask(Some("y\n"), false), (Ok(true), prompt.clone()));
    assert_eq!(ask(Some("\n"), false), (Ok(false), prompt.clone()));
    assert_eq!(ask(Some(""), false), (Ok(false), prompt));
    assert_eq!(ask(None, true), (Ok(true), String::new()));
    let (refused, stderr) = ask(None, false);
    assert_eq!(stderr, "");
    insta::assert_debug_snapshot!(refused.unwrap_err());
}

#[test]
fn fails_on_unwritable_output_unless_the_reader_is_gone() {
    struct Full(io::ErrorKind);
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let finish = |kind| {
        let console = console(Options::default(), None);
        console.report.lock().streams.stdout = Box::new(Full(kind));
        console.report.data("a certificate");
        console.report.finish()
    };
    let console = console(Options::default(), None);
    console.report.lock().streams.stdout = Box::new(Full(io::ErrorKind::BrokenPipe));
    let key = console.report.key("7h3k", "scanner", "ocrk_7h3k_secret");
    assert!(key.is_err(), "a key that nobody has seen is lost");
    assert!(finish(io::ErrorKind::StorageFull).is_err());
    assert!(finish(io::ErrorKind::BrokenPipe).is_ok());
}

#[test]
fn a_full_screen_is_drawn_in_place_and_given_back() {
    let console = console(Options::default(), None);
    console.report.lock().streams.stdout_is_terminal = true;
    let host = HostStatus::unseen("ocr1", "it is off");
    let screen = console.report.full_screen();
    console.report.statuses("prod", std::slice::from_ref(&host));
    drop(screen);
    let drawn = console.stdout.text();
    assert!(drawn.starts_with(screen::ENTER) && drawn.ends_with(screen::LEAVE));
    assert!(drawn.contains("\x1b[1;1Hprod: 1 host") && !drawn.contains('\n'));
    console.report.statuses("prod", &[host]);
    let after = console.stdout.text();
    assert!(after[drawn.len()..].starts_with("prod: 1 host"), "{after}");
}

#[test]
fn json_of_statuses_and_logs_has_a_line_each() {
    let console = console(json(), None);
    let screen = console.report.full_screen();
    let off = HostStatus::unseen("ocr1", "it is off");
    console.report.statuses("prod", &[off]);
    drop(screen);
    let line = logs::Line {
        at: "2026-03-01T12:00:00Z".parse().unwrap(),
        from: logs::Source::OcrB,
        text: "a".into(),
    };
    console.report.log_lines(&[("ocr1".into(), line)]);
    let lines: Vec<Value> = console
        .stdout
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3, "and the header");
    assert_eq!(lines[1]["type"], "unreachable");
    assert_eq!(lines[1]["message"], "it is off");
    assert_eq!(lines[2]["type"], "log");
    assert_eq!(
        (&lines[2]["from"], &lines[2]["host"]),
        (&"ocr-b".into(), &"ocr1".into())
    );
}
