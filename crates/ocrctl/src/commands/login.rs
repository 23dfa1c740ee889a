//! Credentials of a registry, as flags give them.

use std::path::Path;

use super::{Failed, Result, USAGE};
use crate::cli::Login;
use ocrctl_inventory::{Value, path_in};
use ocrctl_protocol::Diagnostic;

/// The flags as a field `registry` of the inventory; paths on the command line start where it is given.
pub(super) fn value(login: &Login<'_>, inventory: &Path) -> Result<Option<Value>> {
    let path = |path: &Path| {
        path_in(inventory, path)
            .map(Value::Text)
            .map_err(|error| Failed::new(Diagnostic::of(&error)))
    };
    let mut fields = Vec::new();
    if let Some(username) = login.username {
        fields.push(("username", Value::Text(username.to_owned())));
    }
    if let Some(reference) = login.password {
        let field = match reference.split_once(':') {
            Some(("env", name)) => ("env", Value::Text(name.to_owned())),
            Some(("file", file)) => ("file", path(Path::new(file))?),
            Some(("command", words)) => (
                "command",
                Value::List(words.split_whitespace().map(str::to_owned).collect()),
            ),
            // It may be the password: not a word of it is repeated.
            _ => {
                return Err(usage(
                    format!(
                        "--{}-password is not a reference to a password",
                        login.prefix
                    ),
                    "say where it is: env:NAME, file:PATH or command:WORDS; arguments can be read by everyone on this machine",
                ));
            }
        };
        fields.push(("password", Value::Fields(vec![field])));
    }
    if let Some(config) = login.docker_config {
        fields.push(("docker_config", path(config)?));
    }
    if let Some(ca) = login.ca {
        fields.push(("ca", path(ca)?));
    }
    Ok((!fields.is_empty()).then_some(Value::Fields(fields)))
}

pub(super) fn usage(message: String, hint: &str) -> Failed {
    Failed {
        diagnostics: vec![Diagnostic::new(message).hint(hint)],
        code: USAGE,
    }
}
