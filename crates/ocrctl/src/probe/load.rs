//! Clients that send one document after another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::{Place, Seen, document};

/// One page that is read in milliseconds: the load is of requests, not of recognition.
const SHORT: &[u8] = include_bytes!("../../../../vagrant/documents/letter.pdf");
/// A page that is recognized: whatever happens meanwhile meets requests in flight.
const LONG: &[u8] = include_bytes!("../../../../vagrant/documents/scan.jpg");
/// Whatever happens, it ends.
const LIMIT: Duration = Duration::from_secs(900);

/// The requests to send.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Between two requests of a client with short ones.
    pub pause: Duration,
    /// Pages of the longest document; 0: none is sent.
    pub pages: usize,
}

#[derive(Debug)]
pub struct Load {
    stopping: Arc<AtomicBool>,
    answers: Arc<Mutex<Vec<Answered>>>,
    clients: Vec<JoinHandle<()>>,
}

/// One request, as it ended.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) ended: Instant,
    pub(super) at: Timestamp,
    pub(super) took: Duration,
    pub(super) short: bool,
    /// Which answered; or why none did.
    pub(super) release: Result<String, String>,
}

impl Load {
    pub fn start(place: &Place, key: &str, plan: Plan) -> Self {
        let mut load = Self {
            stopping: Arc::default(),
            answers: Arc::default(),
            clients: Vec::new(),
        };
        for client in [&place.kept, &place.kept, &place.fresh] {
            load.client(place, client, key, (SHORT.to_vec(), true), plan.pause);
        }
        let scan = LONG.to_vec();
        load.client(place, &place.kept, key, (scan, false), Duration::ZERO);
        if plan.pages > 0 {
            let pages = document::of_pages(LONG, plan.pages);
            load.client(place, &place.fresh, key, (pages, false), Duration::ZERO);
        }
        load
    }

    fn client(
        &mut self,
        place: &Place,
        client: &reqwest::Client,
        key: &str,
        (document, short): (Vec<u8>, bool),
        pause: Duration,
    ) {
        let (place, client, key) = (place.clone(), client.clone(), key.to_owned());
        let (stopping, answers) = (self.stopping.clone(), self.answers.clone());
        self.clients.push(tokio::spawn(async move {
            let began = Instant::now();
            while !stopping.load(Ordering::Relaxed) && began.elapsed() < LIMIT {
                let sent = Instant::now();
                let answer = place.read(&client, &key, &document).await;
                let answered = Answered {
                    ended: Instant::now(),
                    at: Timestamp::now(),
                    took: sent.elapsed(),
                    short,
                    release: answer.map(|answer| answer.release),
                };
                let failed = answered.release.is_err();
                answers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(answered);
                // One that fails at once is not asked a thousand times a second.
                let pause = if failed {
                    pause.max(Duration::from_millis(100))
                } else {
                    pause
                };
                tokio::time::sleep(pause).await;
            }
        }));
    }

    /// Lets the requests that are under way end.
    pub async fn stop(self) -> Seen {
        self.stopping.store(true, Ordering::Relaxed);
        for client in self.clients {
            let _ = client.await;
        }
        let mut all = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        Seen::of(std::mem::take(&mut all))
    }
}
