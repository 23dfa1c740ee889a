//! Faults between us and a real certificate authority, for those that a real one does not make on request.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use instant_acme::Error;
use jiff::SignedDuration;

/// Faults of the test that runs in this thread.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    faults: Vec<(String, Fault)>,
    requests: Vec<String>,
    clock_ahead: SignedDuration,
}

/// An answer given instead of the authority's.
#[derive(Debug, Clone)]
pub enum Fault {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// The connection is lost.
    Nothing,
}

thread_local! {
    static CURRENT: RefCell<Faults> = RefCell::default();
}

impl Faults {
    pub fn current() -> Self {
        CURRENT.with_borrow(Clone::clone)
    }

    /// The next request whose URL contains `part` meets this fault.
    pub fn add(&self, part: &str, fault: Fault) {
        self.0.lock().unwrap().faults.push((part.to_owned(), fault));
    }

    /// The authority's clock is that far ahead.
    pub fn set_clock(&self, ahead: SignedDuration) {
        self.0.lock().unwrap().clock_ahead = ahead;
    }

    pub(super) fn clock_ahead(&self) -> SignedDuration {
        self.0.lock().unwrap().clock_ahead
    }

    /// Counts the requests to URLs that contain `part`, faults included.
    pub fn requests(&self, part: &str) -> usize {
        let plan = self.0.lock().unwrap();
        plan.requests
            .iter()
            .filter(|url| url.contains(part))
            .count()
    }

    pub(super) fn next(&self, request: &reqwest::Request) -> Option<Fault> {
        let mut plan = self.0.lock().unwrap();
        let url = request.url().to_string();
        let at = plan.faults.iter().position(|(part, _)| url.contains(part));
        plan.requests.push(url);
        at.map(|at| plan.faults.remove(at).1)
    }
}

impl Fault {
    /// A problem document (RFC 8555, 6.7).
    pub fn problem(status: u16, kind: &str, headers: Vec<(&'static str, String)>) -> Self {
        let body = serde_json::json!({
            "type": format!("urn:ietf:params:acme:error:{kind}"),
            "detail": "as the test wants it",
            "status": status,
        });
        Self::Answer {
            status,
            headers,
            body: body.to_string(),
        }
    }

    pub(super) fn answer(self) -> Result<reqwest::Response, Error> {
        match self {
            Self::Nothing => Err(Error::Other("the connection was lost".into())),
            Self::Answer {
                status,
                headers,
                body,
            } => {
                let mut builder = ::http::Response::builder()
                    .status(status)
                    .header("content-type", "application/problem+json");
                for (name, value) in headers {
                    builder = builder.header(name, value);
                }
                Ok(builder.body(body).unwrap().into())
            }
        }
    }
}
