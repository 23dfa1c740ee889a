//! The distribution's certbot as the client of the authority: it orders and renews by its own timer, and a hook
//! has what it got put in force.

use std::time::Duration;

use super::Host;
use super::live::{Issued, Pair};
use super::obtain::WEBROOT;
use super::problem::Problem;
use super::settings::Settings;
use ocrctl_command::Program;
use ocrctl_protocol::{
    Action, Authority, Change, Context, Detail, ExternalAccount, Failure, KeyType, Result,
};

/// certbot runs these after each renewal.
pub const HOOK: &str = "/etc/letsencrypt/renewal-hooks/deploy/ocrctl";
pub const HOOK_TEXT: &str = include_str!("../../../../../templates/certbot/deploy-hook.sh");
/// For an authority whose directory has a certificate of its own authority: certbot's timer must trust it too.
pub const DROP_IN: &str = "/etc/systemd/system/certbot.service.d/ocrctl.conf";
pub const DROP_IN_TEXT: &str =
    include_str!("../../../../../templates/systemd/certbot.service.d.conf");
pub const DIRECTORY_CA: &str = "/etc/ocrctl/directory-ca.pem";
const LIMIT: Duration = Duration::from_secs(300);
/// Further runs where a nonce was rejected twice in a row.
const NONCES: usize = 2;

/// Returns certbot's name of the certificate.
fn lineage(environment: &str) -> String {
    format!("ocrctl-{environment}")
}

/// Reads certbot's certificate for the environment, if there is one.
pub fn held(host: &Host, settings: &Settings) -> Result<Option<Pair>> {
    let directory = format!("/etc/letsencrypt/live/{}", lineage(&settings.environment));
    let chain = host.read_text(&format!("{directory}/fullchain.pem"))?;
    let key = host.read_text(&format!("{directory}/privkey.pem"))?;
    Ok(chain.zip(key).map(|(chain, key)| Pair {
        chain,
        key,
        issued: Issued::by(&settings.issuer),
    }))
}

/// Has certbot get a certificate: a first one or another one in its place.
pub async fn obtain(
    host: &Host,
    settings: &Settings,
    authority: &Authority,
    external_account: Option<&ExternalAccount>,
) -> std::result::Result<Pair, Problem> {
    let lineage = lineage(&settings.environment);
    let key_type = match authority.key_type {
        KeyType::EcdsaP256 => ["--key-type", "ecdsa", "--elliptic-curve", "secp256r1"],
        KeyType::Rsa2048 => ["--key-type", "rsa", "--rsa-key-size", "2048"],
    };
    let mut arguments = vec![
        "certonly",
        "--non-interactive",
        "--agree-tos",
        "--no-eff-email",
        "--no-directory-hooks",
        "--force-renewal",
        "--renew-with-new-domains",
        "--webroot",
        "--webroot-path",
        WEBROOT,
        "--server",
        &authority.directory,
        "--cert-name",
        &lineage,
    ];
    arguments.extend(key_type);
    match &authority.contact {
        Some(address) => arguments.extend(["--email", address]),
        None => arguments.push("--register-unsafely-without-email"),
    }
    for name in &settings.names {
        arguments.extend(["--domain", name]);
    }
    // Its key is a secret: in a file of root's, for as long as certbot runs.
    let binding = match external_account {
        Some(account) => Some(binding(account)?),
        None => None,
    };
    let run = async || {
        let mut program = Program::new("certbot")
            .env("LC_ALL", "C.UTF-8")
            .timeout(LIMIT);
        if authority.directory_ca.is_some() {
            // Read by certbot's HTTP library.
            program = program.env("REQUESTS_CA_BUNDLE", DIRECTORY_CA);
        }
        if let Some(file) = &binding {
            program = program.args([std::ffi::OsStr::new("--config"), file.path().as_os_str()]);
        }
        let output = program.args(&arguments).output().await;
        output.context("running certbot")
    };
    let mut output = run().await?;
    for _ in 0..NONCES {
        // An authority may reject a nonce at any time (RFC 8555, 6.5); certbot tries only once more.
        if output.status.success() || !nonce_rejected(&String::from_utf8_lossy(&output.stderr)) {
            break;
        }
        output = run().await?;
    }
    if !output.status.success() {
        return Err(problem(&String::from_utf8_lossy(&output.stderr)));
    }
    held(host, settings)?.ok_or_else(|| {
        let mut problem = Problem::from(Failure::new(
            "certbot ended well, but there is no certificate of its",
        ));
        problem.ordered = true;
        problem
    })
}

/// Returns whether certbot gave up because the authority rejected its nonce. certbot prints the error's description
/// or the authority's own words, never its type (`badNonce`).
fn nonce_rejected(stderr: &str) -> bool {
    stderr.contains("anti-replay nonce")
}

fn binding(account: &ExternalAccount) -> Result<tempfile::NamedTempFile> {
    use std::io::Write;
    let doing = "handing certbot the external account";
    let mut file = tempfile::Builder::new()
        .prefix("ocrctl-certbot-")
        .suffix(".ini")
        .tempfile_in("/run")
        .context(doing)?;
    writeln!(
        file,
        "eab-kid = {}\neab-hmac-key = {}",
        account.key_id,
        account.hmac_key.expose().trim()
    )
    .context(doing)?;
    Ok(file)
}

/// certbot's last words, without its frame.
fn problem(stderr: &str) -> Problem {
    let noise = |line: &&str| {
        let line = line.trim();
        !(line.is_empty()
            || line.starts_with("Saving debug log")
            || line.starts_with("Ask for help")
            || line.starts_with("See the logfile")
            || line.starts_with("Some challenges"))
    };
    let said: Vec<&str> = stderr.lines().filter(noise).map(str::trim).collect();
    let words = said[said.len().saturating_sub(12)..].join("\n");
    let mut problem = Problem::from(
        Failure::new(format!("certbot gave no certificate:\n{words}"))
            .hint("/var/log/letsencrypt/letsencrypt.log on the host says more"),
    );
    // It does not say how far it came.
    problem.ordered = true;
    problem
}

/// certbot's certificate of this environment, once certbot is no longer the issuer: it would go on renewing it.
#[derive(Debug)]
pub struct Retired {
    pub environment: String,
}

impl Retired {
    fn renewal(&self) -> String {
        format!(
            "/etc/letsencrypt/renewal/{}.conf",
            lineage(&self.environment)
        )
    }

    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let mut details = Vec::new();
        for path in [self.renewal(), HOOK.to_owned(), DROP_IN.to_owned()] {
            if host.access(&path)?.is_some() {
                details.push(Detail::Removed { text: path });
            }
        }
        Ok((!details.is_empty()).then(|| Change {
            resource: "certbot".into(),
            action: Action::Delete,
            reason: "it still renews a certificate that is no longer its business".into(),
            details,
        }))
    }

    pub async fn apply(&self, host: &Host) -> Result<()> {
        host.remove(HOOK)?;
        host.remove(DROP_IN)?;
        if host.access(&self.renewal())?.is_some() {
            let lineage = lineage(&self.environment);
            let arguments = ["delete", "--non-interactive", "--cert-name", &lineage];
            host.run("certbot", &arguments, LIMIT).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_nonce_is_recognized_by_what_certbot_prints() {
        // Printed by certbot 2.1 to 5.8, at registration and at orders.
        for printed in [
            "Unable to register an account with ACME server. Error returned by the ACME server: JWS has an invalid \
             anti-replay nonce: lFkXQqY17kyiqnOdp9tAJw\n",
            "An unexpected error occurred:\nThe client sent an unacceptable anti-replay nonce :: JWS has an invalid \
             anti-replay nonce: lFkXQqY17kyiqnOdp9tAJw\n",
        ] {
            assert!(nonce_rejected(printed), "{printed}");
        }
        assert!(!nonce_rejected(
            "Certbot failed to authenticate some domains (authenticator: webroot)."
        ));
    }

    #[test]
    fn its_last_words_are_shown_without_their_frame() {
        let said = "Saving debug log to /var/log/letsencrypt/letsencrypt.log\n\
                    Requesting a certificate for ocr.example.org\n\n\
                    Certbot failed to authenticate some domains (authenticator: webroot).\n\
                      Domain: ocr.example.org\n  Type:   dns\n\
                    Some challenges have failed.\nAsk for help or search for solutions\n";
        let problem = problem(said);
        assert!(problem.ordered);
        assert!(
            problem
                .failure
                .message
                .ends_with("Domain: ocr.example.org\nType:   dns")
        );
        assert!(!problem.failure.message.contains("Ask for help"));
    }
}
