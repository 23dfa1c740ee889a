//! The sandbox of running workers, as reported and as the kernel sees it. The unit tests of `worker::sandbox` attempt
//! what it forbids.

use std::fs;
use std::thread;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::support::pdf::Pdf;
use crate::support::process::wait_for;
use crate::support::{Request, Server};

#[track_caller]
fn field(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    line[name.len()..]
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn readyz_and_answers_report_a_complete_sandbox_and_the_kernel_agrees() {
    let server = Server::start(&["--require-sandbox"]);
    let reported = server.readiness().1.engine.sandbox;
    assert_eq!(reported.missing(), [""; 0], "{}", server.log());
    let answer = server.answer("", &Pdf::default().text_page(&["within"]).build());
    assert_eq!(answer.engine.sandbox, reported);

    for pid in server.spares(2) {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
        let status = read("status");
        assert_eq!(field(&status, "NoNewPrivs:"), "1");
        assert_eq!(field(&status, "Seccomp:"), "2");
        let limits = read("limits");
        assert_eq!(field(&limits, "Max core file size"), "0 0 bytes");
        assert_eq!(field(&limits, "Max file size"), "0 0 bytes");
        assert_eq!(field(&limits, "Max processes"), "0 0 processes");
        let memory = field(&limits, "Max address space");
        let memory: u64 = memory.split(' ').next().unwrap().parse().unwrap();
        assert!((1 << 30..4 << 30).contains(&memory), "{memory}");
        assert_eq!(read("oom_score_adj").trim(), "1000");
    }
}

#[test]
fn loads_languages_within_the_sandbox() {
    // A combination is loaded when it is first requested, long after the sandbox was entered.
    let server = Server::start(&["--languages", "eng,osd", "--workers", "1"]);
    let document = Pdf::default().text_page(&["Within the sandbox"]).build();
    let request = Request::post("/v1/ocr?lang=eng%2Bosd&mode=ocr", document);
    let reply = server.send_with_key(request);
    assert_eq!(reply.answer().pages[0].text.trim(), "Within the sandbox");
}

/// Starts a service as on a kernel without Landlock: calls forbidden for this thread are forbidden for its children.
fn start_without_landlock(flags: &'static [&'static str]) -> Server {
    thread::spawn(|| {
        let calls = [libc::SYS_landlock_create_ruleset];
        let filter = SeccompFilter::new(
            calls.map(|call| (call, Vec::new())).into(),
            SeccompAction::Allow,
            SeccompAction::Errno(libc::ENOSYS as u32),
            std::env::consts::ARCH.try_into().unwrap(),
        );
        let program: BpfProgram = filter.unwrap().try_into().unwrap();
        seccompiler::apply_filter(&program).unwrap();
        Server::start_at("127.0.0.1:0", flags)
    })
    .join()
    .unwrap()
}

#[test]
fn reports_an_incomplete_sandbox_and_serves_nothing_if_it_is_required() {
    let server = start_without_landlock(&[]);
    server.wait_until_ready();
    let sandbox = server.readiness().1.engine.sandbox;
    assert_eq!(sandbox.missing(), ["Landlock"]);
    wait_for("it is reported", || server.log().contains("no Landlock"));

    let server = start_without_landlock(&["--require-sandbox"]);
    wait_for("the reason is reported", || {
        let (status, ready) = server.readiness();
        let error = ready.workers.error.unwrap_or_default();
        status == 503 && error.contains("lacks Landlock")
    });
}
