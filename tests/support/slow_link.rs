//! A link to a port of this machine that has latency and a limited rate, and whose cable can be pulled.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

const PART: usize = 8 << 10;
/// Parts that are on their way at once.
const ON_THE_WAY: usize = 64;

/// Lives as long as its connections do.
#[derive(Debug)]
pub struct SlowLink {
    pub port: u16,
    pulled: Arc<AtomicBool>,
}

impl SlowLink {
    /// `latency` each way; `rate` in bytes a second each way.
    pub fn to(port: u16, latency: Duration, rate: u32) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let this = Self {
            port: listener.local_addr().unwrap().port(),
            pulled: Arc::default(),
        };
        let pulled = Arc::clone(&this.pulled);
        spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
                    continue;
                };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (sender, receiver) = sync_channel(ON_THE_WAY);
                    let pulled = Arc::clone(&pulled);
                    spawn(move || take_in(from, &sender, latency, rate));
                    spawn(move || let_out(to, &receiver, &pulled));
                }
            }
        });
        this
    }

    /// From now on nothing arrives, and nobody is told.
    pub fn pull_the_cable(&self) {
        self.pulled.store(true, Ordering::SeqCst);
    }
}

/// Nothing in a part is the end of the stream.
type Part = (Instant, Vec<u8>);

fn take_in(mut from: TcpStream, on: &SyncSender<Part>, latency: Duration, rate: u32) {
    let mut free_at = Instant::now();
    loop {
        let mut part = vec![0; PART];
        let length = from.read(&mut part).unwrap_or_default();
        part.truncate(length);
        let taken = Duration::from_secs(1) * u32::try_from(length).unwrap() / rate;
        free_at = free_at.max(Instant::now()) + taken;
        if on.send((free_at + latency, part)).is_err() || length == 0 {
            return;
        }
    }
}

fn let_out(mut to: TcpStream, parts: &Receiver<Part>, pulled: &AtomicBool) {
    for (at, part) in parts {
        sleep(at.saturating_duration_since(Instant::now()));
        if pulled.load(Ordering::SeqCst) {
            // What comes further is taken in and lost.
            continue;
        }
        if part.is_empty() {
            let _ = to.shutdown(Shutdown::Write);
        } else if to.write_all(&part).is_err() {
            return;
        }
    }
}
