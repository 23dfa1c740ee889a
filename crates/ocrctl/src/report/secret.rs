//! Asking for what must not be seen: a passphrase is typed without being shown.

use std::io::{self, BufRead, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::signal::{Signal, raise};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;

const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const ERASE: [u8; 2] = [0x08, 0x7f];
const ERASE_LINE: u8 = 0x15;

/// A terminal that shows nothing of what is typed for as long as this lives.
#[derive(Debug)]
pub(super) struct Hidden {
    terminal: OwnedFd,
    before: Termios,
}

impl Hidden {
    /// It also hands over each key at once, Ctrl-C too: a signal would leave the terminal silent.
    pub(super) fn on(terminal: impl AsFd) -> io::Result<Self> {
        let terminal = terminal.as_fd().try_clone_to_owned()?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent
            .local_flags
            .remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
        tcsetattr(&terminal, SetArg::TCSAFLUSH, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // The reader is gone.
        let _ = tcsetattr(&self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}

/// Reads a line; `None` if none was typed, or it is no text.
pub(super) fn read(stdin: &mut dyn BufRead, hidden: Option<Hidden>) -> Option<SecretString> {
    let typed = line(stdin);
    drop(hidden);
    match typed {
        Ok(typed) => typed
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(SecretString::from),
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            // Ctrl-C would have ended the process if the terminal had handled it.
            let _ = raise(Signal::SIGINT);
            None
        }
        Err(_) => None,
    }
}

fn line(stdin: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
    // Its capacity is not outgrown, or copies would stay behind.
    let mut typed = Vec::with_capacity(4096);
    let mut key = [0];
    loop {
        match stdin.read(&mut key) {
            Ok(0) => return Ok((!typed.is_empty()).then_some(typed)),
            Ok(_) => {}
            // A signal that is no concern of ours; Ctrl-C comes as a key.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        match key[0] {
            b'\n' | b'\r' => return Ok(Some(typed)),
            END if typed.is_empty() => return Ok(None),
            END => return Ok(Some(typed)),
            INTERRUPT => return Err(ErrorKind::Interrupted.into()),
            ERASE_LINE => typed.clear(),
            key if ERASE.contains(&key) => {
                // A character of several bytes goes as a whole.
                while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            key if typed.len() < typed.capacity() => typed.push(key),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn typed(keys: &str) -> Option<String> {
        let mut stdin = keys.as_bytes();
        read(&mut stdin, None).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn a_line_ends_with_enter_and_can_be_corrected() {
        assert_eq!(typed("open sesame\rrest").unwrap(), "open sesame");
        assert_eq!(typed("oo\x7fpeñ\x08n\n").unwrap(), "open");
        assert_eq!(typed("wrong\x15right\n").unwrap(), "right");
        assert_eq!(typed("\n").unwrap(), "");
        assert_eq!(typed("\x04"), None);
        assert_eq!(typed(""), None);
    }

    /// Checks that a terminal shows no input while it is hidden, and shows it afterwards.
    #[test]
    fn a_terminal_is_silent_and_speaks_again() {
        let pair = nix::pty::openpty(None, None).unwrap();
        let echo = || {
            tcgetattr(&pair.slave)
                .unwrap()
                .local_flags
                .contains(LocalFlags::ECHO)
        };
        assert!(echo());
        let hidden = Hidden::on(&pair.slave).unwrap();
        assert!(!echo());
        drop(hidden);
        assert!(echo());
    }
}
