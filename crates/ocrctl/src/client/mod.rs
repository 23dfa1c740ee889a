//! A client of the service: a document over HTTPS, its answer page by page. It sends no `Idempotency-Key`: with one, the
//! service tells pages when all are there, and reads on when the client has gone. A refusal that says when to come back
//! (429, 503) has cost nothing, and what was read whole is kept for the next time anyway.

mod document;
mod error;
mod gather;

pub use document::Document;
pub use error::ClientError;

use std::time::Duration;

use ocr_api::answer::{Answer, CodesAnswer};
use ocr_api::capacity::Capacity;
use ocr_api::keys::ApiKey;
use ocr_api::problem::{Problem, ProblemKind};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url};

use gather::Gathering;

const CONNECT: Duration = Duration::from_secs(15);
/// Without a byte: longer than a service lets a document take, and an upload over a slow line.
const SILENCE: Duration = Duration::from_secs(900);
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The number of times that a document is sent at most.
const TRIES: u32 = 6;
/// A Retry-After longer than this is not waited out.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Where a busy service does not say when to come back.
const PAUSE: Duration = Duration::from_secs(2);

/// A service, and the key that it is asked with.
#[derive(Debug)]
pub struct Service {
    http: Client,
    base: Url,
    key: ApiKey,
}

/// The parts of an answer that are wanted, and the parameters.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub kind: Kind,
    pub query: &'a [(&'a str, &'a str)],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The pages' text; words are let go as they come.
    Text,
    /// All that the service answers.
    Whole,
    Codes,
}

#[derive(Debug)]
pub enum Read {
    Text(Answer),
    Whole(Answer),
    Codes(CodesAnswer),
}

/// The progress of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Sending,
    Pages { done: usize, of: usize },
    Waiting { seconds: u64 },
}

type Result<T> = std::result::Result<T, ClientError>;

impl Service {
    /// `http`: how it is reached. `base`: `https://…`, without a path.
    pub fn new(http: ClientBuilder, base: Url, key: ApiKey) -> Result<Self> {
        let http = http
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .tcp_keepalive(KEEPALIVE)
            // A key goes to whom it was meant for.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("ocrctl/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ClientError::of(&base, error))?;
        Ok(Self { http, base, key })
    }

    /// Asks how busy the service is, which also shows that it answers and knows the key. `None` if it does not report
    /// it.
    pub async fn capacity(&self) -> Result<Option<Capacity>> {
        let request = self.http.get(self.url("/v1/capacity", &[]));
        let response = self.send(request).await?;
        match response.status() {
            StatusCode::OK => {
                let body = response.bytes().await.map_err(|error| self.failed(error))?;
                Ok(serde_json::from_slice(&body).ok())
            }
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
                Err(self.refused(response).await.0)
            }
            _ => Ok(None),
        }
    }

    /// Has a document read; one that is refused for now is sent again, some times.
    pub async fn read(
        &self,
        document: &Document,
        asked: Asked<'_>,
        seen: impl Fn(Progress),
    ) -> Result<Read> {
        // The endpoint for codes needs no recognition, but it does not report pages while they are read.
        let named = asked
            .query
            .iter()
            .any(|(name, value)| *name == "codes" && *value != "none");
        let mut codes_alone = asked.kind == Kind::Codes && named;
        let mut tries = 0;
        loop {
            tries += 1;
            seen(Progress::Sending);
            let response = self.post(document, asked, codes_alone).await?;
            if response.status() == StatusCode::OK {
                if codes_alone {
                    return self.codes(response).await.map(Read::Codes);
                }
                let mut answer = self.answer(response, asked.kind, &seen).await?;
                answer.document.name = Some(document.name.clone());
                return Ok(match asked.kind {
                    Kind::Text => Read::Text(answer),
                    Kind::Whole => Read::Whole(answer),
                    Kind::Codes => Read::Codes(answer.into()),
                });
            }
            let (error, again) = self.refused(response).await;
            // A key may be for codes alone.
            if error.kind() == Some(ProblemKind::Key) && asked.kind == Kind::Codes && !codes_alone {
                codes_alone = true;
                continue;
            }
            match again.filter(|pause| tries < TRIES && *pause <= LONGEST_WAIT) {
                Some(pause) => {
                    let seconds = pause.as_secs();
                    seen(Progress::Waiting { seconds });
                    tokio::time::sleep(pause).await;
                }
                None => return Err(error),
            }
        }
    }

    async fn post(
        &self,
        document: &Document,
        asked: Asked<'_>,
        codes_alone: bool,
    ) -> Result<Response> {
        let (path, accept) = match codes_alone {
            true => ("/v1/codes", "application/json"),
            false => ("/v1/ocr", "application/x-ndjson"),
        };
        let request = self
            .http
            .post(self.url(path, asked.query))
            .header(ACCEPT, accept)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, document.size())
            .body(document.body().await?);
        self.send(request).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let request = request.bearer_auth(self.key.reveal());
        request.send().await.map_err(|error| self.failed(error))
    }

    /// The lines of an answer, as one.
    async fn answer(
        &self,
        mut response: Response,
        kind: Kind,
        seen: &impl Fn(Progress),
    ) -> Result<Answer> {
        let mut gathering = Gathering::new(kind == Kind::Whole);
        while let Some(bytes) = response.chunk().await.map_err(|error| self.failed(error))? {
            gathering.take(&bytes, |done, of| seen(Progress::Pages { done, of }))?;
        }
        gathering.end()
    }

    async fn codes(&self, response: Response) -> Result<CodesAnswer> {
        let body = response.bytes().await.map_err(|error| self.failed(error))?;
        serde_json::from_slice(&body).map_err(|source| ClientError::NotUnderstood { source })
    }

    /// Turns any other response into an error, with the time to wait before another try.
    async fn refused(&self, response: Response) -> (ClientError, Option<Duration>) {
        let status = response.status();
        let after = response.headers().get(RETRY_AFTER);
        let after = after.and_then(|value| value.to_str().ok()?.parse().ok());
        let mut after = after.map(Duration::from_secs);
        let body = response.bytes().await.unwrap_or_default();
        let Ok(problem) = serde_json::from_slice::<Problem>(&body) else {
            // A proxy's own words.
            let busy = status == StatusCode::SERVICE_UNAVAILABLE;
            return (
                ClientError::Status { status },
                busy.then(|| after.unwrap_or(PAUSE)),
            );
        };
        // An unknown key gets no better answer later, and a harmful document must not be sent again and again.
        if !matches!(problem.kind, ProblemKind::Quota | ProblemKind::Busy) {
            after = None;
        }
        let error = ClientError::Refused {
            key: self.key.id().to_owned(),
            problem: Box::new(problem),
        };
        (error, after)
    }

    fn failed(&self, error: reqwest::Error) -> ClientError {
        ClientError::of(&self.base, error)
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

#[cfg(test)]
mod tests;
