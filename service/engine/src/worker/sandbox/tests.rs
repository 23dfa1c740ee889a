//! Tests of the sandbox from within. A process that has entered it can't leave. So each attempt runs in a process of
//! its own: this test program, which runs only the test `attempt`.
#![allow(
    clippy::disallowed_methods,
    unsafe_code,
    reason = "a document that has taken a worker over would make the same calls"
)]

use std::ffi::{CStr, c_int};
use std::os::unix::process::{ExitStatusExt, parent_id};
use std::process::{Command, Output};
use std::{env, fs, io, ptr};

use super::*;

const ATTEMPT: &str = "SANDBOX_ATTEMPT";
/// Environment variable with the type of the document, if there is one.
const KIND: &str = "SANDBOX_KIND";
const MAX_PIXELS: u64 = 1_000_000;
/// Constants of `fcntl.h` and `asm-generic/ioctls.h` that the crate `libc` lacks.
const F_SETSIG: c_int = 10;
const FIOSETOWN: c_int = 0x8901;

/// Attempts one action within the sandbox, and prints the outcome.
#[test]
#[ignore = "the other tests run it, in a process of its own"]
fn attempt() {
    let Ok(what) = env::var(ATTEMPT) else { return };
    let (data, parent) = (env::temp_dir(), parent_id());
    // The test harness has one more thread than a worker. This thread is restricted like a worker's.
    let sandbox = restrict(&data, MAX_PIXELS, true);
    if let Ok(kind) = env::var(KIND) {
        let kind = [DocumentType::Pdf, DocumentType::Png]
            .into_iter()
            .find(|known| known.media_type() == kind);
        narrow(&sandbox, kind.unwrap()).unwrap();
    }
    let outcome = attempts(&what, parent);
    println!("{sandbox:?}\noutcome: {outcome}");
}

fn attempts(what: &str, parent: u32) -> String {
    let here = env::temp_dir();
    let file = |result: io::Result<()>| match result {
        Ok(()) => "done".to_owned(),
        Err(error) => format!("{error}"),
    };
    match what {
        "nothing" => "done".to_owned(),
        "read language data" => file(fs::read_dir(here).map(|_| ())),
        "read a font" => file(fs::read_dir("/usr/share/fonts").map(|_| ())),
        "start a thread" => file(std::thread::Builder::new().spawn(|| ()).map(|_| ())),
        "read elsewhere" => file(fs::read("/etc/passwd").map(|_| ())),
        "list elsewhere" => file(fs::read_dir("/etc").map(|_| ())),
        "read the memory of others" => {
            file(fs::File::open(format!("/proc/{parent}/mem")).map(|_| ()))
        }
        "write where it reads" => file(fs::write(here.join("sandbox-test"), "x")),
        "write elsewhere" => file(fs::write("/var/tmp/sandbox-test", "x")),
        "truncate" => file(
            fs::File::options()
                .write(true)
                .truncate(true)
                .open("/etc/hosts")
                .map(|_| ()),
        ),
        "remove" => file(fs::remove_file("/etc/hosts")),
        "make a directory" => file(fs::create_dir(here.join("sandbox-directory"))),
        "rename" => file(fs::rename("/etc/hosts", "/etc/hosts-renamed")),
        "discard its messages" => file(fs::write("/dev/null", "x")),
        "take too much memory" => {
            let mut much: Vec<u8> = Vec::new();
            match much.try_reserve_exact(2 << 30) {
                Ok(()) => "done".to_owned(),
                Err(error) => error.to_string(),
            }
        }
        "take what a page needs" => {
            let mut enough: Vec<u8> = Vec::new();
            match enough.try_reserve_exact(600 << 20) {
                Ok(()) => "done".to_owned(),
                Err(error) => error.to_string(),
            }
        }
        "make data executable" => {
            // SAFETY: a new mapping of a page, which nothing uses.
            let page = unsafe {
                libc::mmap(
                    ptr::null_mut(),
                    4096,
                    libc::PROT_READ | libc::PROT_EXEC,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                )
            };
            file(if page == libc::MAP_FAILED {
                Err(io::Error::last_os_error())
            } else {
                Ok(())
            })
        }
        call => file(raw(call, parent)),
    }
}

/// A system call that should end the process.
fn raw(call: &str, parent: u32) -> io::Result<()> {
    let path: &CStr = c"/bin/true";
    let argv = [path.as_ptr(), ptr::null()];
    // SAFETY: calls with arguments that the kernel checks; the harmful ones are those that must not work.
    let result = unsafe {
        match call {
            "socket" => libc::syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0),
            "unix socket" => libc::syscall(libc::SYS_socket, libc::AF_UNIX, libc::SOCK_STREAM, 0),
            "exec" => libc::syscall(
                libc::SYS_execve,
                path.as_ptr(),
                argv.as_ptr(),
                argv[1..].as_ptr(),
            ),
            "fork" => libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0),
            "clone3" => libc::syscall(libc::SYS_clone3, ptr::null::<u8>(), 0),
            "ptrace" => libc::syscall(libc::SYS_ptrace, libc::PTRACE_ATTACH, parent, 0, 0),
            "process_vm_readv" => libc::syscall(libc::SYS_process_vm_readv, parent, 0, 0, 0, 0, 0),
            "kill" => libc::syscall(libc::SYS_kill, parent, libc::SIGCONT),
            "tgkill" => libc::syscall(libc::SYS_tgkill, parent, parent, libc::SIGCONT),
            "abort another process" => {
                libc::syscall(libc::SYS_tgkill, parent, parent, libc::SIGABRT)
            }
            "bpf" => libc::syscall(libc::SYS_bpf, 0, 0, 0),
            "io_uring" => libc::syscall(libc::SYS_io_uring_setup, 1, 0),
            "userfaultfd" => libc::syscall(libc::SYS_userfaultfd, 0),
            "own the signals of a descriptor" => {
                libc::syscall(libc::SYS_fcntl, 0, libc::F_SETOWN, parent)
            }
            "choose the signal of a descriptor" => {
                libc::syscall(libc::SYS_fcntl, 0, F_SETSIG, libc::SIGKILL)
            }
            "have a descriptor signal" => {
                libc::syscall(libc::SYS_fcntl, 0, libc::F_SETFL, libc::O_ASYNC)
            }
            "have a descriptor signal by ioctl" => {
                libc::syscall(libc::SYS_ioctl, 0, libc::FIOASYNC, &raw const parent)
            }
            "own the signals of a descriptor by ioctl" => {
                libc::syscall(libc::SYS_ioctl, 0, FIOSETOWN, &raw const parent)
            }
            "lock a file" => libc::syscall(libc::SYS_fcntl, 0, libc::F_SETLK, ptr::null::<u8>()),
            "end by the kernel's signal" => libc::syscall(
                libc::SYS_tgkill,
                libc::getpid(),
                libc::syscall(libc::SYS_gettid),
                libc::SIGKILL,
            ),
            "be signalled when a parent ends" => {
                libc::syscall(libc::SYS_prctl, libc::PR_SET_PDEATHSIG, libc::SIGKILL)
            }
            "be traced" => libc::syscall(libc::SYS_prctl, libc::PR_SET_PTRACER, parent),
            "poison memory" => libc::syscall(
                libc::SYS_madvise,
                ptr::null::<u8>(),
                4096,
                libc::MADV_HWPOISON,
            ),
            "set a timer" => libc::syscall(
                libc::SYS_timer_create,
                libc::CLOCK_REALTIME,
                ptr::null::<u8>(),
                0,
            ),
            "set an alarm" => libc::syscall(libc::SYS_setitimer, 0, ptr::null::<u8>(), 0),
            "slow others down" => {
                libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, parent, 19)
            }
            "schedule others" => {
                libc::syscall(libc::SYS_sched_setscheduler, parent, libc::SCHED_IDLE, 0)
            }
            "bind others to a core" => {
                libc::syscall(libc::SYS_sched_setaffinity, parent, 8, &raw const parent)
            }
            "queue a signal" => libc::syscall(libc::SYS_rt_sigqueueinfo, parent, libc::SIGCONT, 0),
            "send a descriptor" => libc::syscall(libc::SYS_sendmsg, 0, ptr::null::<u8>(), 0),
            "install a filter" => {
                libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, 0)
            }
            "make rules for files" => {
                libc::syscall(libc::SYS_landlock_create_ruleset, ptr::null::<u8>(), 0, 1)
            }
            "change its name" => libc::syscall(libc::SYS_prctl, libc::PR_SET_NAME, c"x".as_ptr()),
            "list a directory" => libc::syscall(libc::SYS_getdents64, 0, ptr::null::<u8>(), 0),
            "mount" => libc::syscall(libc::SYS_mount, 0, 0, 0, 0, 0),
            "unshare" => libc::syscall(libc::SYS_unshare, libc::CLONE_NEWUSER),
            "lift a limit" => {
                let limit = libc::rlimit {
                    rlim_cur: 1 << 40,
                    rlim_max: 1 << 40,
                };
                libc::syscall(libc::SYS_prlimit64, 0, libc::RLIMIT_AS, &raw const limit, 0)
            }
            other => panic!("no attempt is named {other}"),
        }
    };
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn run(what: &str) -> Output {
    command(what).output().unwrap()
}

fn command(what: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .arg(
            concat!(module_path!(), "::attempt")
                .split_once("::")
                .unwrap()
                .1,
        )
        .env(ATTEMPT, what);
    command
}

/// Attempts the action in a worker with a document of this type.
#[track_caller]
fn outcome_with(kind: DocumentType, what: &str) -> String {
    let output = command(what).env(KIND, kind.media_type()).output().unwrap();
    printed_outcome(what, &output)
}

#[track_caller]
fn outcome(what: &str) -> String {
    printed_outcome(what, &run(what))
}

#[track_caller]
fn printed_outcome(what: &str, output: &Output) -> String {
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let outcome = printed
        .lines()
        .find_map(|line| line.strip_prefix("outcome: "));
    outcome
        .unwrap_or_else(|| panic!("{what}: {output:?}"))
        .to_owned()
}

#[track_caller]
fn assert_refused(what: &str, with: c_int) {
    assert_eq!(
        outcome(what),
        io::Error::from_raw_os_error(with).to_string(),
        "{what}"
    );
}

#[test]
fn all_restrictions_are_in_force() {
    let printed = run("nothing").stdout;
    let printed = String::from_utf8_lossy(&printed);
    let wanted = "no_new_privs: true, rlimits: true, landlock: Some(";
    assert!(printed.contains(wanted), "{printed}");
    assert!(printed.contains("seccomp: true"), "{printed}");
}

#[test]
fn allows_everything_that_reading_a_page_needs() {
    for what in [
        "read language data",
        "discard its messages",
        "take what a page needs",
    ] {
        assert_eq!(outcome(what), "done", "{what}");
    }
}

#[test]
fn denies_access_to_other_files() {
    for what in [
        "read elsewhere",
        "list elsewhere",
        "read the memory of others",
        "write where it reads",
        "write elsewhere",
        "truncate",
    ] {
        assert_refused(what, libc::EACCES);
    }
    for what in ["remove", "make a directory", "rename"] {
        assert_refused(what, libc::ENOSYS);
    }
}

#[test]
fn calls_of_attackers_end_the_process() {
    for what in [
        "socket",
        "unix socket",
        "exec",
        "fork",
        "ptrace",
        "process_vm_readv",
        "kill",
        "queue a signal",
        "send a descriptor",
        "bpf",
        "io_uring",
        "userfaultfd",
        "mount",
        "unshare",
    ] {
        let output = run(what);
        assert_eq!(
            output.status.signal(),
            Some(libc::SIGSYS),
            "{what}: {output:?}"
        );
    }
}

#[test]
fn optional_calls_of_c_libraries_fail_as_unknown() {
    for what in [
        "clone3",
        "tgkill",
        "abort another process",
        "make data executable",
        "lift a limit",
        "own the signals of a descriptor",
        "choose the signal of a descriptor",
        "have a descriptor signal",
        "own the signals of a descriptor by ioctl",
        "have a descriptor signal by ioctl",
        "lock a file",
        "end by the kernel's signal",
        "be signalled when a parent ends",
        "be traced",
        "poison memory",
        "set a timer",
        "set an alarm",
        "slow others down",
        "schedule others",
        "bind others to a core",
    ] {
        assert_refused(what, libc::ENOSYS);
    }
}

#[test]
fn with_a_document_only_a_pdf_can_read_fonts() {
    let denied = io::Error::from_raw_os_error(libc::EACCES).to_string();
    let (pdf, image) = (DocumentType::Pdf, DocumentType::Png);
    for kind in [pdf, image] {
        assert_eq!(outcome_with(kind, "read language data"), denied);
        assert_eq!(outcome_with(kind, "read elsewhere"), denied);
        assert_eq!(outcome_with(kind, "discard its messages"), "done");
        assert_eq!(outcome_with(kind, "take what a page needs"), "done");
    }
    // Directories of fonts may be missing.
    if fs::read_dir("/usr/share/fonts").is_ok() {
        assert_eq!(outcome_with(pdf, "read a font"), "done");
    }
    assert_ne!(outcome_with(image, "read a font"), "done");
}

#[test]
fn with_a_document_the_sandbox_can_t_be_changed() {
    let unknown = io::Error::from_raw_os_error(libc::ENOSYS).to_string();
    for kind in [DocumentType::Pdf, DocumentType::Png] {
        for what in [
            "install a filter",
            "make rules for files",
            "change its name",
        ] {
            assert_eq!(outcome_with(kind, what), unknown, "{what}");
        }
    }
    assert_eq!(outcome_with(DocumentType::Png, "list a directory"), unknown);
}

#[test]
fn denies_threads() {
    assert_ne!(outcome("start a thread"), "done");
}

#[test]
fn bounds_memory() {
    assert!(outcome("take too much memory").contains("memory"));
}
