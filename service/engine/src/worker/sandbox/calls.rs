//! Seccomp filter of system calls. Calls that decoders, PDFium and Tesseract make are allowed. Calls that only an
//! attacker in the worker would make end the worker at once. All others fail as if the kernel did not know them
//! (`ENOSYS`). C libraries have an older way for that case, so newer C libraries than today's work, too.

use std::collections::BTreeMap;
use std::io;
use std::sync::LazyLock;

use libc::{c_int, c_long};
use ocr_api::answer::DocumentType;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};

/// Calls that are allowed with any arguments. Sockets, descriptors and processes exist already.
const ALLOWED: &[c_long] = &[
    // the socket to the service, standard streams, files that Landlock lets it open
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_ppoll,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_openat,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    // memory; see also `CONDITIONAL`
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    // the second step
    libc::SYS_seccomp,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_restrict_self,
    // its own locks and signals
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // clocks, random numbers, and properties of the machine
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
];

/// Older names of some of these calls, which newer architectures lack.
#[cfg(target_arch = "x86_64")]
const ALLOWED_OLD: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_poll,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_OLD: &[c_long] = &[];

/// Commands of `fcntl` that are allowed. With `F_SETOWN`, `F_SETSIG` and `O_ASYNC` (`F_SETFL`), the kernel would send a
/// signal to any process of the same user, and Landlock forbids that only from version 6 on.
const DESCRIPTORS: &[c_int] = &[
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_DUPFD_CLOEXEC,
];

/// Calls of the second step, which are forbidden after it. So there is no third step.
const STEP: &[c_long] = &[
    libc::SYS_seccomp,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_restrict_self,
    libc::SYS_prctl,
];

/// Calls that search for fonts. An image needs none of them.
const OF_FONTS: &[c_long] = &[
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
];
#[cfg(target_arch = "x86_64")]
const OF_FONTS_OLD: &[c_long] = &[libc::SYS_access, libc::SYS_readlink];
#[cfg(not(target_arch = "x86_64"))]
const OF_FONTS_OLD: &[c_long] = &[];

/// Allowed advice about memory: the kinds that allocators use.
const ADVICE: &[c_int] = &[
    libc::MADV_NORMAL,
    libc::MADV_WILLNEED,
    libc::MADV_DONTNEED,
    libc::MADV_FREE,
    libc::MADV_HUGEPAGE,
    libc::MADV_NOHUGEPAGE,
];

/// Calls that end the process.
const DEADLY: &[c_long] = &[
    // the network
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    // other programs and processes
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    // other identities, roots and name spaces
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setgroups,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_open_by_handle_at,
    // parts of the kernel that attacks have used
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_memfd_create,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
];

#[cfg(target_arch = "x86_64")]
const DEADLY_OLD: &[c_long] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const DEADLY_OLD: &[c_long] = &[];

/// Stands for the worker's own process id in [`Filters::allowed`]. It is above the largest process id.
const THIS_PROCESS: u32 = 0x7fff_fff1;

/// The filters of all workers. A worker that made its own would spend a tenth of a short document's time on it.
struct Filters {
    deadly: BpfProgram,
    allowed: BpfProgram,
    of_pdf: BpfProgram,
    of_image: BpfProgram,
}

static FILTERS: LazyLock<Result<Filters, BackendError>> = LazyLock::new(|| {
    Ok(Filters {
        deadly: deadly()?,
        allowed: allowed()?,
        of_pdf: narrower(&[STEP])?,
        of_image: narrower(&[STEP, OF_FONTS, OF_FONTS_OLD])?,
    })
});

/// Makes the filters, so that copies of this process have them.
pub(in crate::worker) fn prepare() {
    LazyLock::force(&FILTERS);
}

fn filters() -> io::Result<&'static Filters> {
    FILTERS.as_ref().map_err(io::Error::other)
}

/// Restricts all threads of this process.
pub(super) fn restrict() -> io::Result<()> {
    let filters = filters()?;
    let mut allowed = filters.allowed.clone();
    for step in allowed.iter_mut().filter(|step| step.k == THIS_PROCESS) {
        step.k = std::process::id();
    }
    // The first filter must allow the second one to be installed, so it lists what it forbids.
    for filter in [&filters.deadly, &allowed] {
        apply_filter_all_threads(filter).map_err(io::Error::other)?;
    }
    Ok(())
}

/// Restricts this process further, by the type of its document.
pub(super) fn narrow(kind: DocumentType) -> io::Result<()> {
    let filters = filters()?;
    let filter = match kind {
        DocumentType::Pdf => &filters.of_pdf,
        DocumentType::Png
        | DocumentType::Jpeg
        | DocumentType::Tiff
        | DocumentType::Webp
        | DocumentType::Gif
        | DocumentType::Bmp
        | DocumentType::Jp2
        | DocumentType::Heic
        | DocumentType::Avif => &filters.of_image,
    };
    apply_filter_all_threads(filter).map_err(io::Error::other)
}

fn narrower(forbidden: &[&[c_long]]) -> Result<BpfProgram, BackendError> {
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    program(unconditional(forbidden), SeccompAction::Allow, unknown)
}

fn deadly() -> Result<BpfProgram, BackendError> {
    let mut rules = unconditional(&[DEADLY, DEADLY_OLD]);
    // Forbids processes. A new thread fails with `ENOSYS` instead, because it is no attack: libraries work without it.
    let threads = libc::CLONE_THREAD as u64;
    rules.insert(
        libc::SYS_clone,
        vec![rule(&[(0, SeccompCmpOp::MaskedEq(threads), 0)])?],
    );
    program(rules, SeccompAction::Allow, SeccompAction::KillProcess)
}

fn allowed() -> Result<BpfProgram, BackendError> {
    let mut rules = unconditional(&[ALLOWED, ALLOWED_OLD]);
    let executable = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
    for (call, conditions) in [
        // No code except for what is loaded already.
        (libc::SYS_mmap, &[(2, executable.clone(), 0)][..]),
        (libc::SYS_mprotect, &[(2, executable, 0)]),
        // Allows abort(), but no signal that would look like the kernel's out-of-memory kill.
        (
            libc::SYS_tgkill,
            &[
                (0, SeccompCmpOp::Eq, THIS_PROCESS.into()),
                (2, SeccompCmpOp::Eq, libc::SIGABRT as u64),
            ],
        ),
        // For the second step.
        (
            libc::SYS_prctl,
            &[(0, SeccompCmpOp::Eq, libc::PR_SET_NO_NEW_PRIVS as u64)],
        ),
        // Limits of this process may be read.
        (
            libc::SYS_prlimit64,
            &[(0, SeccompCmpOp::Eq, 0), (2, SeccompCmpOp::Eq, 0)],
        ),
    ] {
        rules.insert(call, vec![rule(conditions)?]);
    }
    for (call, argument, values) in [
        (libc::SYS_fcntl, 1, DESCRIPTORS),
        (libc::SYS_madvise, 2, ADVICE),
    ] {
        let rules_of_call = values
            .iter()
            .map(|value| rule(&[(argument, SeccompCmpOp::Eq, *value as u64)]));
        rules.insert(call, rules_of_call.collect::<Result<_, _>>()?);
    }
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    program(rules, unknown, SeccompAction::Allow)
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn unconditional(lists: &[&[c_long]]) -> Rules {
    let calls = lists.iter().copied().flatten();
    calls.map(|call| (*call, Vec::new())).collect()
}

/// A rule of several conditions, which must all hold: an argument's index, a comparison, and a value.
fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, BackendError> {
    let conditions = conditions.iter().map(|(argument, operator, value)| {
        SeccompCondition::new(*argument, SeccompCmpArgLen::Qword, operator.clone(), *value)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

fn program(
    rules: Rules,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, otherwise, matching, arch)?.try_into()
}
