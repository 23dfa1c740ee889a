//! NGINX's configuration, rendered from a template; it goes live only when `nginx -t` accepts it, and
//! the old one comes back otherwise.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tera::Tera;

use super::certificate;
use super::file::text_diff;
use crate::host::{Access, Host, dpkg, systemd};
use crate::resources::certificate::served;
use ocrctl_protocol::{Action, Change, Context, Detail, Failure, Result, hex, refused};

const TEMPLATE: &str = include_str!("../../../../templates/nginx/ocr.conf.tera");
pub const CONFIG: &str = "/etc/nginx/conf.d/ocr.conf";
/// The log paths of the template.
pub const ACCESS_LOG: &str = "/var/log/nginx/ocr.access.log";
pub const ERROR_LOG: &str = "/var/log/nginx/ocr.error.log";
/// The distribution's welcome page would answer for unknown names.
const DEFAULT_SITE: &str = "/etc/nginx/sites-enabled/default";
/// A hash of the configuration and certificate that the running NGINX has loaded.
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

/// Facts of the host that the configuration depends on besides the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub ipv6: bool,
    pub version: Version,
}

/// NGINX's, such as 1.26.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32, u32);

impl Version {
    const REJECT_HANDSHAKE: Self = Self(1, 19, 4);
    const KEEPALIVE_MIN_TIMEOUT: Self = Self(1, 27, 4);

    /// Of a package's version, such as `1.22.1-9+deb12u3`.
    fn of_package(text: &str) -> Option<Self> {
        let upstream = text.rsplit(':').next()?.split(['-', '+', '~']).next()?;
        let mut numbers = upstream.split('.').map(|number| number.parse().ok());
        Some(Self(
            numbers.next()??,
            numbers.next()??,
            numbers.next().flatten().unwrap_or(0),
        ))
    }

    /// Returns the facts of the NGINX that a release of the distribution will install.
    fn of_release(id: &str, release: &str) -> Self {
        match (id, release) {
            ("debian", "12") => Self(1, 22, 1),
            ("debian", "13") => Self(1, 26, 3),
            ("ubuntu", "24.04") => Self(1, 24, 0),
            ("ubuntu", "26.04") => Self(1, 28, 0),
            // Ubuntu 22.04's, which every later one understands.
            _ => Self(1, 18, 0),
        }
    }
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
        let installed = dpkg::version(host, "nginx")?;
        Ok(Self {
            ipv6: host
                .read("/proc/net/if_inet6")?
                .is_some_and(|text| !text.is_empty()),
            version: installed
                .and_then(|version| Version::of_package(&version))
                .unwrap_or_else(|| Version::of_release(field("ID"), field("VERSION_ID"))),
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
        let version = self.facts.version;
        let reject_handshake = version >= Version::REJECT_HANDSHAKE;
        let keepalive_min_timeout = version >= Version::KEEPALIVE_MIN_TIMEOUT;
        context.insert("reject_handshake", &reject_handshake);
        context.insert("keepalive_min_timeout", &keepalive_min_timeout);
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
        if let Err(failure) = check(host).await {
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

/// Returns whether NGINX runs with a configuration of ours. Its package starts it with one of its own.
pub async fn is_serving(host: &Host) -> Result<bool> {
    Ok(host.read(LOADED)?.is_some() && systemd::is_active(host, "nginx").await)
}

/// That NGINX would take its configuration and certificate as they are on disk.
pub async fn check(host: &Host) -> Result<()> {
    host.run("nginx", &["-t", "-q"], LIMIT).await.map(|_| ())
}

/// Has NGINX load its configuration and certificate as they are on disk, and waits until it serves them.
///
/// # Errors
/// NGINX refuses them; it goes on with what it has loaded before.
pub async fn load(host: &Host, name: &str) -> Result<()> {
    check(host).await?;
    start_serving(host, name).await
}

async fn start_serving(host: &Host, name: &str) -> Result<()> {
    host.run("systemctl", &["reload-or-restart", "nginx"], LIMIT)
        .await
        .map_err(|f| {
            f.hint("another program may hold port 80 or 443: `ss -ltnp` on the host shows it")
        })?;
    if !systemd::is_active(host, "nginx").await {
        return Err(Failure::new("NGINX is not running after its reload")
            .hint("`journalctl -u nginx` on the host says why"));
    }
    served::until_served(host, name).await?;
    let config = host.read_text(CONFIG)?.unwrap_or_default();
    let loaded = wanted_loaded(host, &config)?
        .ok_or_else(|| refused("there is no certificate for NGINX".into()))?;
    host.write(LOADED, loaded.as_bytes(), Access::root(0o644))
}

/// Returns the hash that NGINX must have loaded with this configuration.
fn wanted_loaded(host: &Host, config: &str) -> Result<Option<String>> {
    let certificate = certificate::live_hash(host)?;
    Ok(certificate.map(|certificate| hex(&Sha256::digest(format!("{config}{certificate}")))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nginx(ipv6: bool, version: Version) -> Nginx {
        Nginx {
            names: vec!["ocr.example.org".into(), "api.example.org".into()],
            max_upload: 50_000_000,
            deadline: Duration::from_secs(120),
            socket: "/var/lib/ocr/live/ocr.sock".into(),
            facts: Facts { ipv6, version },
        }
    }

    #[test]
    fn renders() {
        insta::assert_snapshot!(nginx(true, Version(1, 28, 0)).render().unwrap());
    }

    #[test]
    fn without_ipv6_nothing_listens_on_it() {
        let config = nginx(false, Version(1, 26, 3)).render().unwrap();
        assert!(!config.contains("[::]"));
    }

    #[test]
    fn an_old_nginx_gets_nothing_that_it_does_not_know() {
        let old = nginx(true, Version(1, 18, 0)).render().unwrap();
        assert!(!old.contains("ssl_reject_handshake") && old.contains("return 444"));
        let middle = nginx(true, Version(1, 27, 3)).render().unwrap();
        assert!(middle.contains("ssl_reject_handshake"));
        assert!(!middle.contains("keepalive_min_timeout"));
        let new = nginx(true, Version(1, 27, 4)).render().unwrap();
        assert!(new.contains("keepalive_min_timeout"));
    }

    #[test]
    fn the_version_is_that_of_the_package_or_of_the_one_to_come() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let put = |path: &str, text: &str| host.write(path, text.as_bytes(), Access::root(0o644));
        put("/etc/os-release", "ID=ubuntu\nVERSION_ID=\"22.04\"\n").unwrap();
        assert_eq!(Facts::read(&host).unwrap().version, Version(1, 18, 0));
        put("/etc/os-release", "ID=debian\nVERSION_ID=\"13\"\n").unwrap();
        assert_eq!(Facts::read(&host).unwrap().version, Version(1, 26, 3));
        let status = "Package: nginx-common\nStatus: install ok installed\nVersion: 9\n\n\
                      Package: nginx\nStatus: install ok installed\nVersion: 1.29.1-1~noble\n";
        put("/var/lib/dpkg/status", status).unwrap();
        assert_eq!(Facts::read(&host).unwrap().version, Version(1, 29, 1));
    }
}
