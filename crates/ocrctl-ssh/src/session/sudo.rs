//! Giving sudo its password: on standard input, when it asks and never before. Where it does not ask (a login as root,
//! `NOPASSWD`, a ticket that is still good), the password stays here and nothing else can take it for its input.
//!
//! sudo reads standard input byte by byte up to the end of the line, and leaves the rest to the program. Its own way to
//! ask again is no use here: the next line would be the program's.

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::lines::{Lines, TooLong};
use super::stderr::Tail;

/// The line by which a program says that it runs, and that standard input is its own.
pub(super) const UP: &[u8] = br#"{"type":"up"}"#;

/// The outcome of starting by sudo.
#[derive(Debug)]
pub(super) enum Entry {
    /// The program runs.
    In,
    /// sudo asks once more: it did not take what it was given.
    Refused,
    /// The program, or sudo, has ended; it says why.
    Ended,
}

/// Answers sudo until the program behind it is up.
pub(super) async fn pass(
    password: &SecretString,
    stdin: &mut (dyn AsyncWrite + Send + Unpin),
    stdout: &mut Lines,
    stderr: &mut Tail,
) -> Result<Entry, TooLong> {
    let mut given = false;
    loop {
        tokio::select! {
            Some(()) = stderr.asked() => {
                if given {
                    return Ok(Entry::Refused);
                }
                given = true;
                // If the reader is gone, its output says why.
                let _ = give(password, stdin).await;
            }
            line = stdout.next() => match line?.as_deref() {
                Some(UP) => return Ok(Entry::In),
                // A login shell may have something to say.
                Some(_) => {}
                None => return Ok(Entry::Ended),
            },
        }
    }
}

async fn give(
    password: &SecretString,
    stdin: &mut (dyn AsyncWrite + Send + Unpin),
) -> std::io::Result<()> {
    stdin.write_all(password.expose_secret().as_bytes()).await?;
    stdin.write_all(b"\n").await?;
    stdin.flush().await
}
