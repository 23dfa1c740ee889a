//! A load on the deployed service, for as long as something else goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::client::Client;
use super::{ProofError, wrong};

/// One page that is read in milliseconds: the load is of requests, not of recognition.
const SHORT: &[u8] = include_bytes!("../../vagrant/documents/letter.pdf");
/// A page that is recognized: whatever happens meanwhile meets requests in flight.
const LONG: &[u8] = include_bytes!("../../vagrant/documents/scan.jpg");

/// Clients that send one page after another for as long as something else goes on.
pub(super) struct Load {
    stopping: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<Result<(), String>>>,
}

impl Load {
    const CLIENTS: usize = 4;
    /// Whatever happens, it ends.
    const LIMIT: Duration = Duration::from_secs(180);

    pub(super) fn start(client: Client, key: &str) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let served = Arc::new(AtomicU64::new(0));
        let clients = (0..Self::CLIENTS)
            .map(|number| {
                let document = if number == 0 { LONG } else { SHORT };
                let (client, key) = (client.clone(), key.to_owned());
                let (stopping, served) = (stopping.clone(), served.clone());
                tokio::spawn(async move {
                    let began = Instant::now();
                    while !stopping.load(Ordering::Relaxed) && began.elapsed() < Self::LIMIT {
                        client
                            .ocr(&key, document)
                            .await
                            .map_err(|error| error.to_string())?;
                        served.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        Self {
            stopping,
            served,
            clients,
        }
    }

    /// How many requests were served; one that failed fails the proof.
    pub(super) async fn stop(self) -> Result<String, ProofError> {
        self.stopping.store(true, Ordering::Relaxed);
        for client in self.clients {
            match client.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return wrong(format!("a request failed under load: {error}")),
                Err(error) => return wrong(error.to_string()),
            }
        }
        Ok(format!(
            "{} requests, none failed",
            self.served.load(Ordering::Relaxed)
        ))
    }
}
