//! Checks that NGINX serves the certificate that is live on disk: asked like by a client, over TLS on this host.

use std::time::{Duration, Instant};

use super::live_leaf;
use crate::host::{Host, loopback};
use ocrctl_protocol::{Failure, Result};

const EVERY: Duration = Duration::from_millis(50);
/// After a reload, NGINX's old workers still take connections for a moment.
const TAKEN_OVER: Duration = Duration::from_secs(15);
/// Connections in a row that must meet the new ones.
const IN_A_ROW: u32 = 5;

/// Waits until NGINX presents the live certificate to every new connection.
pub async fn until_served(host: &Host, name: &str) -> Result<()> {
    let client = client(host, name)?;
    let url = format!("https://{name}/healthz");
    let began = Instant::now();
    let mut in_a_row = 0;
    while in_a_row < IN_A_ROW {
        // Whatever it answers: no release may be live yet.
        match client.get(&url).send().await {
            Ok(_) => in_a_row += 1,
            Err(error) if began.elapsed() > TAKEN_OVER => {
                return Err(Failure::new(format!(
                    "NGINX was reloaded, but does not serve the certificate on disk: {error:?}"
                ))
                .hint("another program may hold port 443: `ss -ltnp` on the host shows it"));
            }
            Err(_) => {
                in_a_row = 0;
                tokio::time::sleep(EVERY).await;
            }
        }
    }
    Ok(())
}

/// A client of NGINX on this host, which takes no other certificate than the one that is live on disk.
pub fn client(host: &Host, name: &str) -> Result<reqwest::Client> {
    loopback::over_tls(live_leaf(host)?, name)
}
