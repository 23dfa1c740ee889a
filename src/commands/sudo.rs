//! What sudo on the hosts is told when it asks for a password.

use secrecy::{ExposeSecret, SecretString};

use super::{Failed, Result, USAGE};
use crate::cli::Global;
use crate::inventory::{Environment, InventoryError, SecretRef};
use crate::report::{Diagnostic, Report};

/// One for each host, in their order: what the operator types, once for all of them, or what each host's reference
/// gives; `None`: its sudo must not ask.
pub(super) async fn passwords(
    global: &Global,
    report: &Report,
    environment: &Environment,
) -> Result<Vec<Option<SecretString>>> {
    let hosts = &environment.hosts;
    if global.ask_sudo_password {
        let question = format!("Password for sudo on the hosts of {}", environment.name);
        let typed = report.asks_for_secrets()(&question).ok_or_else(nobody)?;
        return Ok(vec![Some(typed); hosts.len()]);
    }
    let mut known: Vec<(&SecretRef, SecretString)> = Vec::new();
    let mut passwords = Vec::new();
    for host in hosts {
        let Some(reference) = &host.sudo_password else {
            passwords.push(None);
            continue;
        };
        // A password manager is asked once for what several hosts share.
        let password = match known.iter().find(|(other, _)| other.same_source(reference)) {
            Some((_, password)) => password.clone(),
            None => {
                let resolved = reference.resolve().await;
                let password = resolved.map_err(InventoryError::from)?;
                one_line(&host.name, &password)?;
                known.push((reference, password.clone()));
                password
            }
        };
        passwords.push(Some(password));
    }
    Ok(passwords)
}

/// sudo takes the first line for the password, and the program that it starts would get the others.
fn one_line(host: &str, password: &SecretString) -> Result<()> {
    if !password.expose_secret().contains(['\n', '\r', '\0']) {
        return Ok(());
    }
    Err(usage(
        Diagnostic::new("`sudo_password` has more than one line")
            .host(host)
            .hint("the reference must give the password and nothing else"),
    ))
}

fn nobody() -> Failed {
    usage(
        Diagnostic::new(
            "there is nobody to ask for sudo's password: this is no terminal, or nothing was typed",
        )
        .hint(
            "name a reference in the inventory instead, in the host: `sudo_password: {env: NAME}`",
        ),
    )
}

fn usage(diagnostic: Diagnostic) -> Failed {
    Failed {
        diagnostics: vec![diagnostic],
        code: USAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line() {
        assert!(one_line("ocr1", &"open sesame".into()).is_ok());
        for text in ["a\nb", "a\r", "a\0"] {
            let failed = one_line("ocr1", &text.into()).unwrap_err();
            assert_eq!(failed.code, USAGE);
        }
    }
}
