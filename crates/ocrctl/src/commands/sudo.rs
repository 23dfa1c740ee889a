//! The passwords for sudo on the hosts.

use secrecy::{ExposeSecret, SecretString};

use super::{Failed, Result, USAGE};
use ocrctl_inventory::{Environment, InventoryError, SecretRef};
use ocrctl_protocol::Diagnostic;

/// One for each host, in their order: what the operator types, once for all of them, or what each host's reference
/// gives; `None` if its sudo must not ask. `ask` is how the operator is asked, where that is wanted.
pub(super) async fn passwords(
    ask: Option<impl Fn(&str) -> Option<SecretString>>,
    environment: &Environment,
) -> Result<Vec<Option<SecretString>>> {
    let hosts = &environment.hosts;
    if let Some(ask) = ask {
        let question = format!("Password for sudo on the hosts of {}", environment.name);
        let typed = ask(&question).ok_or_else(no_answer)?;
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

fn no_answer() -> Failed {
    usage(
        Diagnostic::new(
            "sudo's password can't be asked for: this is no terminal, or nothing was typed",
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
    use std::path::Path;

    use super::*;
    use ocrctl_inventory::Inventory;

    fn environment(directory: &Path) -> Environment {
        let text = "
environments:
  prod:
    names: [ocr.example.org]
    hosts:
      - {address: ocr1, sudo_password: {command: [sh, -c, 'echo >>asked; echo sesame']}}
      - {address: ocr2, sudo_password: {command: [sh, -c, 'echo >>asked; echo sesame']}}
      - {address: ocr3}
    image: registry.example.org/example-org/ocr-service:1
";
        let inventory = Inventory::parse(text, &directory.join("inventory.yaml")).unwrap();
        inventory.environment("prod").unwrap().clone()
    }

    async fn given(
        ask: Option<fn(&str) -> Option<SecretString>>,
        environment: &Environment,
    ) -> Result<Vec<Option<String>>> {
        let passwords = passwords(ask, environment).await?.into_iter();
        let shown = |password: SecretString| password.expose_secret().to_owned();
        Ok(passwords.map(|password| password.map(shown)).collect())
    }

    #[tokio::test]
    async fn fetches_a_shared_password_once() {
        let dir = tempfile::tempdir().unwrap();
        let sesame = Some("sesame".to_owned());
        let environment = environment(dir.path());
        assert_eq!(
            given(None, &environment).await.unwrap(),
            [sesame.clone(), sesame, None]
        );
        let asked = std::fs::read_to_string(dir.path().join("asked")).unwrap();
        assert_eq!(asked, "\n");
    }

    #[tokio::test]
    async fn uses_a_typed_password_for_all_hosts() {
        let dir = tempfile::tempdir().unwrap();
        let environment = environment(dir.path());
        let ask = |question: &str| {
            assert_eq!(question, "Password for sudo on the hosts of prod");
            Some("typed".into())
        };
        let typed = Some("typed".to_owned());
        assert_eq!(
            given(Some(ask), &environment).await.unwrap(),
            [typed.clone(), typed.clone(), typed]
        );
        assert!(!dir.path().join("asked").exists());
        let failed = given(Some(|_| None), &environment).await.unwrap_err();
        assert_eq!(failed.code, USAGE);
        assert!(failed.diagnostics[0].message.contains("can't be asked for"));
    }

    #[test]
    fn a_password_is_one_line() {
        assert!(one_line("ocr1", &"open sesame".into()).is_ok());
        for text in ["a\nb", "a\r", "a\0"] {
            let failed = one_line("ocr1", &text.into()).unwrap_err();
            assert_eq!(failed.code, USAGE);
        }
    }
}
