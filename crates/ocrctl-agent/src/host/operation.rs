//! An operation on the host as its controller sees it: events go there, and what it says meanwhile comes from there.

use std::time::Duration;

use tokio::sync::mpsc;

use super::Emitter;
use ocrctl_protocol::{Event, Request};

/// An operation's connection to its controller: the events it sends, and the requests that come meanwhile.
#[derive(Debug)]
pub struct Operation {
    pub events: Emitter,
    requests: mpsc::UnboundedReceiver<std::result::Result<Request, String>>,
    cancelled: bool,
}

impl Operation {
    /// An operation of a controller: requests come on standard input, events go to standard output.
    pub fn of(requests: mpsc::UnboundedReceiver<std::result::Result<Request, String>>) -> Self {
        Self {
            events: Emitter::stdout(),
            requests,
            cancelled: false,
        }
    }

    /// The controller's next request, or where it can't be understood; `None` once its input has ended.
    pub async fn next(&mut self) -> Option<std::result::Result<Request, String>> {
        self.requests.recv().await
    }

    /// An operation of the host itself: events are dropped, and no request comes.
    pub fn alone() -> Self {
        let (_, requests) = mpsc::unbounded_channel();
        Self {
            events: Emitter::nowhere(),
            requests,
            cancelled: false,
        }
    }

    /// Returns whether the controller has asked to stop. A controller that has disconnected has not.
    pub fn cancelled(&mut self) -> bool {
        while let Ok(request) = self.requests.try_recv() {
            if matches!(request, Ok(Request::Cancel)) {
                self.cancelled = true;
            }
        }
        self.cancelled
    }

    /// Where events go, and what the controller sends while an image comes from its archive.
    pub fn split(&mut self) -> (&Emitter, Incoming<'_>) {
        let Self {
            events,
            requests,
            cancelled,
        } = self;
        let incoming = Incoming {
            requests,
            cancelled,
        };
        (events, incoming)
    }

    /// Has the controller confirm that it reaches the host over a new connection, and waits for it.
    pub async fn confirmation(&mut self, change: &str, within: Duration) -> Confirmation {
        // Not the late answer to an earlier question.
        self.cancelled();
        self.events.send(Event::ConfirmReachable {
            change: change.to_owned(),
            seconds: within.as_secs(),
        });
        let answer = async {
            loop {
                match self.requests.recv().await {
                    Some(Ok(Request::Confirm)) => return Confirmation::Confirmed,
                    Some(Ok(Request::Cancel)) => self.cancelled = true,
                    Some(_) => {}
                    None => return Confirmation::Gone,
                }
            }
        };
        let answer = tokio::time::timeout(within, answer).await;
        answer.unwrap_or(Confirmation::Unconfirmed)
    }
}

/// The controller's answer to whether it reaches the host over a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    Confirmed,
    Unconfirmed,
    /// There is no controller any more, or there never was one.
    Gone,
}

/// Requests that the controller sends during an operation.
#[derive(Debug)]
pub struct Incoming<'a> {
    requests: &'a mut mpsc::UnboundedReceiver<std::result::Result<Request, String>>,
    cancelled: &'a mut bool,
}

/// A piece of an archive, or the end of the transfer.
#[derive(Debug)]
pub enum Arrived {
    Piece {
        id: u64,
        packed: bool,
        data: Vec<u8>,
    },
    Cancelled,
    /// The controller has gone.
    End,
}

impl Incoming<'_> {
    /// Waits until the controller cancels or disconnects.
    pub async fn enough(self) {
        while let Some(request) = self.requests.recv().await {
            if matches!(request, Ok(Request::Cancel)) {
                return;
            }
        }
    }

    pub async fn next(&mut self) -> Arrived {
        loop {
            match self.requests.recv().await {
                Some(Ok(Request::Piece {
                    id, packed, data, ..
                })) => return Arrived::Piece { id, packed, data },
                Some(Ok(Request::Cancel)) => {
                    *self.cancelled = true;
                    return Arrived::Cancelled;
                }
                Some(_) => {}
                None => return Arrived::End,
            }
        }
    }
}
