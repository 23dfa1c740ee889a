//! Permitted changes to packages that the hosts have.

use super::problem::{Checks, TWICE};
use ocrctl_protocol::{Invalid, Packages};

use super::schema;

pub(super) fn read(raw: Option<&schema::Packages>, checks: &mut Checks<'_>) -> Packages {
    let mut packages = Packages::default();
    for text in raw.iter().flat_map(|raw| raw.may_remove.iter().flatten()) {
        let Some(name) = checks.parse(text, name) else {
            continue;
        };
        if packages.may_remove.contains(&name) {
            checks
                .refuse(text.referenced, format!("`{name}` is there twice"))
                .hint(TWICE);
        }
        packages.may_remove.push(name);
    }
    packages
}

/// Parses a package name by Debian's policy; an architecture may follow.
fn name(text: &str) -> Result<String, Invalid> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+.-".contains(&b);
    let (name, architecture) = text.split_once(':').unwrap_or((text, "any"));
    let starts = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if name.len() < 2
        || !name.bytes().chain(architecture.bytes()).all(fits)
        || !starts(name)
        || !starts(architecture)
    {
        return Err(
            Invalid::new(format!("`{text}` is not the name of a package"))
                .hint("write it as the plan does, such as `iptables-persistent`"),
        );
    }
    Ok(text.to_owned())
}
