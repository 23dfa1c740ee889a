//! Nobody else on the ports that clients come in by.

use super::Asked;
use crate::checks::Seen;
use crate::host::{Host, sockets};
use crate::resources::nginx::CONFIG;
use ocrctl_protocol::Result;
use ocrctl_protocol::doctor::PORTS;

pub(super) async fn check(host: &Host, _: &Asked<'_>) -> Result<Seen> {
    let mut listeners = Vec::new();
    for port in PORTS {
        listeners.extend(listener(host, port)?.map(|who| (port, who)));
    }
    Ok(compare(&listeners, host.path(CONFIG).exists()))
}

/// Returns the program that listens on a port beyond loopback, such as `apache2 (process 812)`.
pub(super) fn listener(host: &Host, port: u16) -> Result<Option<String>> {
    let listeners = sockets::listening(host)?;
    let mut on_port = listeners
        .iter()
        .filter(|it| it.protocol == "tcp" && it.port == port && !it.address.is_loopback());
    let Some(found) = on_port.next() else {
        return Ok(None);
    };
    let program = sockets::program(host, &found.inode)?;
    Ok(Some(program.unwrap_or_else(|| "the kernel".to_owned())))
}

/// `deployed`: NGINX has our configuration.
fn compare(listeners: &[(u16, String)], deployed: bool) -> Seen {
    let mut seen = Seen::default();
    for (port, who) in listeners {
        let program = who.split(' ').next().unwrap_or_default();
        let found = format!("{who} listens on port {port}");
        match program {
            "nginx" if deployed => {}
            "nginx" => seen.find(
                format!("{found}, with sites that are not ocrctl's"),
                "move the sites elsewhere (/etc/nginx/sites-enabled, /etc/nginx/conf.d): a deploy adds its own to this \
                 NGINX, and removes the distribution's welcome page",
            ),
            "apache2" | "caddy" | "haproxy" | "lighttpd" => {
                seen.find(found, format!("systemctl disable --now {program}"));
            }
            "docker-proxy" => seen.find(
                format!("{found}, for a container"),
                "`docker ps` shows which container publishes it: remove it",
            ),
            _ => seen.find(found, "stop it, and keep it from starting at the next boot"),
        }
    }
    seen.summary = match listeners {
        [] => "nothing listens on 80 and 443".into(),
        _ => "only the NGINX that was deployed listens on 80 and 443".into(),
    };
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_443(who: &str, deployed: bool) -> Seen {
        compare(&[(443, who.to_owned())], deployed)
    }

    #[test]
    fn others_are_named_and_ours_is_not() {
        assert_eq!(
            compare(&[], false),
            Seen::ok("nothing listens on 80 and 443")
        );
        assert_eq!(on_443("nginx (process 7)", true).findings, []);
        assert!(
            on_443("nginx (process 7)", false).findings[0]
                .fix
                .contains("sites-enabled")
        );
        let apache = on_443("apache2 (process 7)", true).findings.remove(0);
        assert_eq!(
            (apache.found.as_str(), apache.fix.as_str()),
            (
                "apache2 (process 7) listens on port 443",
                "systemctl disable --now apache2"
            )
        );
        assert_eq!(on_443("perl (process 7)", true).findings.len(), 1);
    }
}
