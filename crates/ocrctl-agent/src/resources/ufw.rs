//! UFW's own files: the part of them that is ours, and putting in force what they say.

use std::time::Duration;

use crate::host::{Access, Host};
use ocrctl_protocol::Result;

const LIMIT: Duration = Duration::from_secs(60);
/// All that hold what is in force.
pub(super) const FILES: [&str; 6] = [
    "/etc/ufw/ufw.conf",
    "/etc/ufw/user.rules",
    "/etc/ufw/user6.rules",
    "/etc/default/ufw",
    OWN[0],
    OWN[1],
];
/// Those in which a part is ours, for IPv4 and IPv6.
pub(super) const OWN: [&str; 2] = ["/etc/ufw/after.rules", "/etc/ufw/after6.rules"];
pub(super) const BEGIN: &str = "# BEGIN ocrctl: ports that containers publish\n";
const END: &str = "# END ocrctl\n";

/// Our part of each file.
pub(super) fn read(host: &Host) -> Result<[Option<String>; 2]> {
    let mut found = [None, None];
    for (found, file) in found.iter_mut().zip(OWN) {
        let text = host.read_text(file)?.unwrap_or_default();
        *found = parts(&text).map(|(_, block, _)| block.to_owned());
    }
    Ok(found)
}

/// Splits the text into the part before ours, ours, and the part after.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (block, after) = rest.split_once(END)?;
    Some((before, block, after))
}

/// Exchanges our part of each file.
pub(super) fn write(host: &Host, wanted: &[Option<String>; 2]) -> Result<()> {
    for (wanted, file) in wanted.iter().zip(OWN) {
        let text = host.read_text(file)?.unwrap_or_default();
        let (before, after) = match parts(&text) {
            Some((before, _, after)) => (before, after),
            None => (text.as_str(), ""),
        };
        let new = match wanted {
            Some(block) => {
                let gap = if before.is_empty() || before.ends_with('\n') {
                    ""
                } else {
                    "\n"
                };
                format!("{before}{gap}{BEGIN}{block}{END}{after}")
            }
            None => format!("{before}{after}"),
        };
        if new != text {
            let access = host.access(file)?.unwrap_or(Access::root(0o640));
            host.write(file, new.as_bytes(), access)?;
        }
    }
    Ok(())
}

/// Puts in force what UFW's files say.
pub(super) async fn load(host: &Host) -> Result<()> {
    let conf = host.read_text("/etc/ufw/ufw.conf")?.unwrap_or_default();
    let enabled = setting(&conf, "ENABLED").is_some_and(|v| v.eq_ignore_ascii_case("yes"));
    let arguments: &[&str] = match enabled {
        true => &["reload"],
        false => &["--force", "disable"],
    };
    host.run("ufw", arguments, LIMIT).await?;
    forget(host).await
}

/// UFW adds and exchanges rules when it reads its files, but takes none out of a chain that the files no longer name.
async fn forget(host: &Host) -> Result<()> {
    for (block, program) in read(host)?.iter().zip(["iptables", "ip6tables"]) {
        if block.is_some() {
            continue;
        }
        // Without the chain there is nothing of ours.
        let list = ["-w", "-S", "DOCKER-USER"];
        let rules = host.run(program, &list, LIMIT).await.unwrap_or_default();
        if rules.contains("--comment ocrctl") || rules.contains("--comment \"ocrctl\"") {
            let flush = ["-w", "-F", "DOCKER-USER"];
            host.run(program, &flush, LIMIT).await?;
        }
    }
    Ok(())
}

/// The value of `NAME=value` or `NAME="value"`.
pub(super) fn setting(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let value = line.trim().strip_prefix(name)?.strip_prefix('=')?;
        Some(value.trim_matches('"').to_owned())
    })
}
