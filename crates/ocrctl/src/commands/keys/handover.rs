//! A new key on its way to its client: printed, written to a file, or given to a program. It exists nowhere else, so the
//! hosts keep it only if that went well.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ocr_api::keys::{ApiKey, KeyFile};

use super::all_hosts::AllHosts;
use super::interrupts::Interrupts;
use crate::cli;
use crate::commands::fleet::KeyHost;
use crate::commands::{Failed, Result, USAGE};
use crate::report::Report;
use ocrctl_command::Program;
use ocrctl_protocol::{Diagnostic, Level};

/// For a program that asks its user, or a service far away.
const EXEC_LIMIT: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(in crate::commands) enum Handover {
    Print,
    File(PathBuf),
    Exec(Vec<OsString>),
}

impl Handover {
    /// From the command line. What can be known to fail is refused before any host is asked.
    pub(in crate::commands) fn of(flags: &cli::Handover) -> Result<Self> {
        match (&flags.out, flags.exec.as_slice()) {
            (Some(path), _) => {
                check_file(path)?;
                Ok(Self::File(path.clone()))
            }
            (None, []) => Ok(Self::Print),
            (None, program) => Ok(Self::Exec(program.to_vec())),
        }
    }

    /// Makes all hosts know a key and hands it over, or neither.
    pub(in crate::commands) async fn issue<H: KeyHost>(
        &self,
        report: &Report,
        interrupts: &mut Interrupts,
        hosts: &mut AllHosts<H>,
        new: &Issued<'_>,
    ) -> Result<()> {
        let before = hosts.common()?;
        self.prepare(new.key)?;
        let what = &new.what;
        let replaced = interrupts
            .finish(report, hosts.replace(&new.file, what))
            .await;
        if let Err(failed) = replaced {
            self.abandon();
            return Err(failed);
        }
        let handed = match Failed::all(hosts.behind()) {
            None => self.complete(report, interrupts, new).await,
            Some(behind) => Err(behind),
        };
        let Err(mut failed) = handed else {
            return Ok(());
        };
        self.abandon();
        let what = format!("put back: {what}");
        let back = interrupts
            .finish(report, hosts.replace(&before, &what))
            .await;
        let told = match back {
            Ok(()) => Diagnostic::new("the new key was taken back; the hosts are as they were"),
            Err(more) => {
                failed.diagnostics.extend(more.diagnostics);
                let id = new.key.id();
                Diagnostic::new(format!(
                    "the hosts know the key {id}, but no one was given it"
                ))
                .hint(format!("`ocrctl keys revoke {} {id}`", new.environment))
            }
        };
        failed.diagnostics.push(told);
        Err(failed)
    }

    /// Before the hosts change: a key that they know must not be lost for want of a place.
    fn prepare(&self, key: &ApiKey) -> Result<()> {
        let Self::File(path) = self else {
            return Ok(());
        };
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            let written = writeln!(file, "{}", key.reveal()).and_then(|()| file.sync_all());
            // Half a key is of no use.
            written.inspect_err(|_| self.abandon())
        };
        write().map_err(|error| unwritable(path, &error))
    }

    async fn complete(
        &self,
        report: &Report,
        interrupts: &mut Interrupts,
        new: &Issued<'_>,
    ) -> Result<()> {
        let (key, name) = (new.key, new.name);
        match self {
            Self::Print => {
                let printed = async { report.key(key.id(), name, key.reveal()) };
                match interrupts.abandon(printed).await {
                    Some(printed) => printed.map_err(|error| {
                        Failed::new(Diagnostic::new(format!(
                            "the key could not be printed: {error}"
                        )))
                    }),
                    None => Err(stopped()),
                }
            }
            Self::File(path) => {
                if interrupts.abandon(async {}).await.is_none() {
                    return Err(stopped());
                }
                report.key_kept(key.id(), name, &format!("written to {}", path.display()));
                Ok(())
            }
            Self::Exec(program) => {
                let run = exec(program, key);
                let said = interrupts
                    .abandon(run)
                    .await
                    .unwrap_or_else(|| Err(stopped()))?;
                if !said.is_empty() {
                    report.note(None, Level::Info, said);
                }
                let name_of = program.first().map(|p| p.to_string_lossy().into_owned());
                let to = format!("given to `{}`", name_of.unwrap_or_default());
                report.key_kept(key.id(), name, &to);
                Ok(())
            }
        }
    }

    /// The key is not going to be good.
    fn abandon(&self) {
        if let Self::File(path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A key that is to be made known, and what the hosts have with it.
#[derive(Debug)]
pub(in crate::commands) struct Issued<'a> {
    pub(in crate::commands) environment: &'a str,
    pub(in crate::commands) key: &'a ApiKey,
    pub(in crate::commands) name: &'a str,
    pub(in crate::commands) file: KeyFile,
    /// For the journals.
    pub(in crate::commands) what: String,
}

/// Runs a program with the key, and no line end, on its standard input; gives what it printed, without the key.
async fn exec(program: &[OsString], key: &ApiKey) -> Result<String> {
    let Some((name, arguments)) = program.split_first() else {
        return Ok(String::new());
    };
    let without_key = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.trim().replace(key.reveal(), "(the key)")
    };
    let output = Program::new(name.to_string_lossy())
        .args(arguments)
        .input(key.reveal())
        .timeout(EXEC_LIMIT)
        .output()
        .await
        .map_err(|error| Failed::new(Diagnostic::of(&error)))?;
    if output.status.success() {
        return Ok(without_key(&output.stdout));
    }
    let name = name.to_string_lossy();
    let mut text = format!(
        "`{name}` did not take the key: it ended with {}",
        output.status
    );
    let said = without_key(&output.stderr);
    if !said.is_empty() {
        text = format!("{text}:\n{said}");
    }
    let hint = format!("try `{name}` by hand with some other line, then run this again");
    Err(Failed::new(Diagnostic::new(text).hint(hint)))
}

fn stopped() -> Failed {
    Failed::new(Diagnostic::new("stopped by Ctrl-C").hint("run this again for a new key"))
}

fn check_file(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(unwritable(path, &std::io::ErrorKind::AlreadyExists.into()));
    }
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    match parent.metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(unwritable(path, &std::io::ErrorKind::NotADirectory.into())),
        Err(error) => Err(unwritable(path, &error)),
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failed {
    let path = path.display();
    let diagnostic = match error.kind() {
        std::io::ErrorKind::AlreadyExists => Diagnostic::new(format!(
            "{path} is there already; a key never overwrites anything"
        ))
        .hint("name another --out, or move that one away"),
        _ => Diagnostic::new(format!("{path} can't be written: {error}"))
            .hint("no key was made; name another --out"),
    };
    Failed {
        code: USAGE,
        ..Failed::new(diagnostic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn flags(out: &Path) -> cli::Handover {
        cli::Handover {
            out: Some(out.to_owned()),
            exec: Vec::new(),
        }
    }

    #[test]
    fn a_key_goes_into_a_file_of_its_own_and_never_over_another() {
        let directory = tempfile::tempdir().unwrap();
        let key = ApiKey::generate().unwrap();
        let path = directory.path().join("scanner.key");
        let handover = Handover::of(&flags(&path)).unwrap();
        handover.prepare(&key).unwrap();
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(written.trim(), key.reveal());

        // Nor when it came to be there meanwhile, nor through a link to nowhere.
        let other = ApiKey::generate().unwrap();
        assert_eq!(handover.prepare(&other).unwrap_err().code, USAGE);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
        let link = directory.path().join("link");
        symlink(directory.path().join("nowhere"), &link).unwrap();
        for taken in [&path, &link] {
            let failed = Handover::of(&flags(taken)).unwrap_err();
            assert!(failed.diagnostics[0].message.contains("never overwrites"));
        }
        let nowhere = directory.path().join("no").join("such");
        assert!(Handover::of(&flags(&nowhere)).is_err());

        handover.abandon();
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_program_gets_the_key_on_its_input_and_can_t_make_us_show_it() {
        let key = ApiKey::generate().unwrap();
        let sh = |script: &str| ["sh", "-c", script].map(OsString::from);
        let script = format!("test \"$(cat)\" = {}", key.reveal());
        assert_eq!(exec(&sh(&script), &key).await.unwrap(), "");
        let said = exec(&sh("echo stored: $(cat)"), &key).await.unwrap();
        assert_eq!(said, "stored: (the key)");
        let failed = exec(&sh("cat >&2; exit 3"), &key).await.unwrap_err();
        let message = &failed.diagnostics[0].message;
        assert!(message.contains("exit status: 3") && !message.contains(key.reveal()));
        let missing = exec(&["no-such-program".into()], &key).await.unwrap_err();
        assert!(missing.diagnostics[0].message.contains("not installed"));
    }
}
