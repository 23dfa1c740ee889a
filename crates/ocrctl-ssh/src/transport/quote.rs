//! Words for the shell that sshd starts: the SSH protocol carries a command as one string.

use ocrctl_command::quoted;

use super::TransportError;

/// The command line from which a POSIX shell makes exactly `argv`.
pub(super) fn command_line(argv: &[&str]) -> Result<String, TransportError> {
    if argv.iter().any(|word| word.contains('\0')) {
        return Err(TransportError::NulInArgument);
    }
    let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
    Ok(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_readable() {
        let line = command_line(&["sudo", "-n", "/opt/ocrctl/bin/x"]).unwrap();
        assert_eq!(line, "sudo -n /opt/ocrctl/bin/x");
    }

    #[test]
    fn an_empty_word_is_a_word() {
        assert_eq!(command_line(&["a", "", "b"]).unwrap(), "a '' b");
    }

    #[test]
    fn quotes_and_exclamation_marks_are_escaped() {
        assert_eq!(
            command_line(&["it's", "$HOME", "hi!"]).unwrap(),
            r"'it'\''s' '$HOME' 'hi'\!''"
        );
    }

    #[test]
    fn an_assignment_is_a_word() {
        assert_eq!(command_line(&["A=b"]).unwrap(), "'A=b'");
    }

    #[test]
    fn nul_is_refused() {
        assert!(command_line(&["a\0b"]).is_err());
    }
}
