//! Where a report goes.

use std::io::{self, BufRead, IsTerminal, Write};

use anstream::ColorChoice;
use indicatif::ProgressDrawTarget;

use super::secret::Hidden;
use super::style::Styles;

pub(super) struct Streams {
    pub stdin: Box<dyn BufRead + Send>,
    pub stdin_is_terminal: bool,
    /// Have that terminal show nothing of what is typed. `None` if it shows nothing anyway.
    pub hide: fn() -> io::Result<Option<Hidden>>,
    pub stdout: Box<dyn Write + Send>,
    pub stdout_styles: Styles,
    /// True if output can be redrawn in place.
    pub stdout_is_terminal: bool,
    pub stderr: Box<dyn Write + Send>,
    pub stderr_styles: Styles,
    /// Where moving lines are drawn, if standard error is a terminal. Taken by whoever draws.
    pub terminal: Option<ProgressDrawTarget>,
}

impl Streams {
    /// The process's own. Colour: not with `no_color`, NO_COLOR or TERM=dumb, nor where it is not a terminal.
    pub(super) fn of_process(no_color: bool) -> Self {
        let coloured = |choice: ColorChoice| !no_color && !matches!(choice, ColorChoice::Never);
        let (stdout, stderr) = (io::stdout(), io::stderr());
        Self {
            stdin: Box::new(io::BufReader::new(io::stdin())),
            stdin_is_terminal: io::stdin().is_terminal(),
            hide: || Hidden::on(io::stdin()).map(Some),
            stdout_styles: Styles::when(coloured(anstream::AutoStream::choice(&stdout))),
            stderr_styles: Styles::when(coloured(anstream::AutoStream::choice(&stderr))),
            stdout_is_terminal: stdout.is_terminal() && cursor_moves(),
            terminal: (stderr.is_terminal() && cursor_moves()).then(ProgressDrawTarget::stderr),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
        }
    }

    /// A lost standard error can't be reported.
    pub(super) fn stderr(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes());
        let _ = self.stderr.flush();
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "TERM describes the terminal, and no flag repeats it"
)]
fn cursor_moves() -> bool {
    std::env::var("TERM").is_ok_and(|term| term != "dumb")
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams")
            .field("stdin_is_terminal", &self.stdin_is_terminal)
            .finish_non_exhaustive()
    }
}
