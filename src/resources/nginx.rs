//! NGINX's configuration, rendered from a template; it goes live only when `nginx -t` accepts it, and
//! the old one comes back otherwise.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tera::Tera;

use super::file::text_diff;
use super::host::Access;
use super::{Host, certificate, hex, loopback, unit};
use crate::agent::{Context, Result, refused};
use crate::protocol::{Action, Change, Detail, Failure};

const TEMPLATE: &str = include_str!("../../templates/nginx/ocr.conf.tera");
const CONFIG: &str = "/etc/nginx/conf.d/ocr.conf";
/// The distribution's welcome page would answer for unknown names.
const DEFAULT_SITE: &str = "/etc/nginx/sites-enabled/default";
/// What the running NGINX has loaded: a hash of its configuration and certificate.
const LOADED: &str = "/var/lib/ocrctl/nginx.loaded";
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Nginx {
    pub names: Vec<String>,
    /// Bytes.
    pub max_upload: u64,
    pub deadline: Duration,
    /// The release's Unix socket, through the `live` link.
    pub socket: String,
    pub facts: Facts,
}

/// What the configuration depends on besides the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub ipv6: bool,
    /// `ssl_reject_handshake` came with 1.19.4; Ubuntu 22.04 has 1.18.
    pub reject_handshake: bool,
}

impl Facts {
    pub fn read(host: &Host) -> Result<Self> {
        let release = host.read_text("/etc/os-release")?.unwrap_or_default();
        let field = |name: &str| {
            release
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .unwrap_or_default()
                .trim_matches('"')
        };
        Ok(Self {
            ipv6: host
                .read("/proc/net/if_inet6")?
                .is_some_and(|text| !text.is_empty()),
            reject_handshake: (field("ID"), field("VERSION_ID")) != ("ubuntu", "22.04"),
        })
    }
}

impl Nginx {
    pub fn render(&self) -> Result<String> {
        let mut context = tera::Context::new();
        context.insert("names", &self.names);
        // A multipart body is larger than the document in it: the service judges the document.
        context.insert("max_body", &(self.max_upload + 1024 * 1024));
        context.insert("read_timeout", &(self.deadline.as_secs() + 10));
        context.insert("socket", &self.socket);
        context.insert("chain", certificate::CHAIN);
        context.insert("key", certificate::KEY);
        context.insert("ipv6", &self.facts.ipv6);
        context.insert("reject_handshake", &self.facts.reject_handshake);
        Tera::default()
            .render_str(TEMPLATE, &context, false)
            .context("rendering templates/nginx/ocr.conf.tera")
    }

    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let wanted = self.render()?;
        let real = host.read_text(CONFIG)?;
        let mut details = Vec::new();
        if real.as_ref() != Some(&wanted) {
            details.push(text_diff(real.as_deref().unwrap_or(""), &wanted));
        }
        if host.access(DEFAULT_SITE)?.is_some() {
            details.push(Detail::Removed {
                text: DEFAULT_SITE.into(),
            });
        }
        let reason = if !details.is_empty() {
            "its configuration differs"
        } else if wanted_loaded(host, &wanted)? != host.read_text(LOADED)? {
            "it has not loaded its configuration or certificate as they are now"
        } else {
            return Ok(None);
        };
        Ok(Some(Change {
            resource: "nginx".into(),
            action: if real.is_none() {
                Action::Create
            } else {
                Action::Update
            },
            reason: reason.into(),
            details,
        }))
    }

    pub async fn apply(&self, host: &Host) -> Result<()> {
        let wanted = self.render()?;
        let before = host.read(CONFIG)?;
        let site = host.link_target(DEFAULT_SITE)?;
        host.write(CONFIG, wanted.as_bytes(), Access::root(0o644))?;
        host.remove(DEFAULT_SITE)?;
        if let Err(failure) = host.run("nginx", &["-t", "-q"], LIMIT).await {
            match before {
                Some(bytes) => host.write(CONFIG, &bytes, Access::root(0o644))?,
                None => host.remove(CONFIG)?,
            }
            if let Some(target) = site {
                host.link(DEFAULT_SITE, &target)?;
            }
            return Err(Failure::new(format!(
                "NGINX refuses its new configuration; the old one is back. {}",
                failure.message
            )));
        }
        start_serving(host, self.names.first().map_or("localhost", String::as_str)).await
    }
}

/// Has NGINX load its configuration and certificate as they are on disk, and waits until it serves them.
///
/// # Errors
/// NGINX refuses them; it goes on with what it has loaded before.
pub async fn load(host: &Host, name: &str) -> Result<()> {
    host.run("nginx", &["-t", "-q"], LIMIT).await?;
    start_serving(host, name).await
}

async fn start_serving(host: &Host, name: &str) -> Result<()> {
    host.run("systemctl", &["reload-or-restart", "nginx"], LIMIT)
        .await
        .map_err(|f| {
            f.hint("another program may hold port 80 or 443: `ss -ltnp` on the host shows it")
        })?;
    if !unit::is_active(host, "nginx").await {
        return Err(Failure::new("NGINX is not running after its reload")
            .hint("`journalctl -u nginx` on the host says why"));
    }
    loopback::until_served(host, name).await?;
    let config = host.read_text(CONFIG)?.unwrap_or_default();
    let loaded = wanted_loaded(host, &config)?
        .ok_or_else(|| refused("there is no certificate for NGINX".into()))?;
    host.write(LOADED, loaded.as_bytes(), Access::root(0o644))
}

/// What NGINX must have loaded with this configuration.
fn wanted_loaded(host: &Host, config: &str) -> Result<Option<String>> {
    let certificate = certificate::live_hash(host)?;
    Ok(certificate.map(|certificate| hex(&Sha256::digest(format!("{config}{certificate}")))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nginx(ipv6: bool, reject_handshake: bool) -> Nginx {
        Nginx {
            names: vec!["ocr.example.org".into(), "api.example.org".into()],
            max_upload: 50_000_000,
            deadline: Duration::from_secs(120),
            socket: "/var/lib/ocr/live/ocr.sock".into(),
            facts: Facts {
                ipv6,
                reject_handshake,
            },
        }
    }

    #[test]
    fn renders() {
        insta::assert_snapshot!(nginx(true, true).render().unwrap());
    }

    #[test]
    fn without_ipv6_nothing_listens_on_it() {
        assert!(!nginx(false, true).render().unwrap().contains("[::]"));
    }

    #[test]
    fn an_old_nginx_closes_instead_of_rejecting_the_handshake() {
        let old = nginx(true, false).render().unwrap();
        assert!(!old.contains("ssl_reject_handshake") && old.contains("return 444"));
    }

    #[test]
    fn facts_come_from_the_host() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        std::fs::create_dir_all(host.path("/etc")).unwrap();
        std::fs::write(
            host.path("/etc/os-release"),
            "ID=ubuntu\nVERSION_ID=\"22.04\"\n",
        )
        .unwrap();
        assert_eq!(
            Facts::read(&host).unwrap(),
            Facts {
                ipv6: false,
                reject_handshake: false
            }
        );
    }
}
