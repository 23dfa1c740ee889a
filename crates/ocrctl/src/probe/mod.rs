//! A load of real requests on a deployed service while something else goes on, and what became of each.

mod document;
mod load;

pub use load::{Load, Plan};

use std::time::Duration;

use jiff::Timestamp;
use ocr_api::answer::Answer;
use ocr_api::schema::Time;
use reqwest::{Client, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use ocrctl_protocol::causes::chain;

/// Where a service is reached.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its connections are kept for the next request.
    pub kept: Client,
    /// Each request has a connection of its own.
    pub fresh: Client,
    /// `https://…`, without a path.
    pub base: String,
}

impl Place {
    /// Reads a document; anything but a whole answer is an error.
    pub async fn read(
        &self,
        client: &Client,
        key: &str,
        document: &[u8],
    ) -> Result<Answer, String> {
        let request = client
            .post(format!("{}/v1/ocr", self.base))
            .bearer_auth(key)
            // An answer that was kept would prove nothing of the workers.
            .header("Cache-Control", "no-store, no-cache")
            .body(document.to_vec());
        let response = request.send().await.map_err(|error| chain(&error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| chain(&error))?;
        if status != StatusCode::OK {
            let text: String = text.chars().take(200).collect();
            return Err(format!("{status}: {text}"));
        }
        match serde_json::from_str::<Answer>(&text) {
            Ok(answer) if answer.complete => Ok(answer),
            Ok(_) => Err("the answer is not complete".to_owned()),
            Err(error) => Err(format!("the answer can't be read: {error}")),
        }
    }
}

/// The outcome of a load.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Seen {
    /// Number of requests.
    pub requests: u64,
    /// Number of failed requests.
    pub failed: u64,
    /// Errors, and how often each occurred.
    pub errors: Vec<Failing>,
    /// Half of the short requests took that at most.
    pub p50_ms: u64,
    /// The same of 95 in 100.
    pub p95_ms: u64,
    /// The longest time without an answer to any request.
    pub longest_gap_ms: u64,
    /// The request that lasted longest.
    pub longest_ms: u64,
    /// The releases that answered, each with the time of its first answer, in that order.
    pub releases: Vec<Answering>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Failing {
    /// The failure.
    pub error: String,
    /// Number of times.
    pub count: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Answering {
    /// A release that answered.
    pub release: String,
    /// Time of its first answer.
    #[schemars(with = "Time")]
    pub first: Timestamp,
}

impl Seen {
    fn of(mut answers: Vec<load::Answered>) -> Self {
        answers.sort_by_key(|answer| answer.ended);
        let mut seen = Self::default();
        let mut last = None;
        let mut short = Vec::new();
        for answer in answers {
            seen.requests += 1;
            let took = milliseconds(answer.took);
            seen.longest_ms = seen.longest_ms.max(took);
            match answer.release {
                Ok(release) => {
                    if let Some(last) = last {
                        let gap = answer.ended.duration_since(last);
                        seen.longest_gap_ms = seen.longest_gap_ms.max(milliseconds(gap));
                    }
                    last = Some(answer.ended);
                    if answer.short {
                        short.push(took);
                    }
                    if !seen.releases.iter().any(|it| it.release == release) {
                        let first = answer.at;
                        seen.releases.push(Answering { release, first });
                    }
                }
                Err(error) => {
                    seen.failed += 1;
                    match seen.errors.iter_mut().find(|it| it.error == error) {
                        Some(known) => known.count += 1,
                        None => seen.errors.push(Failing { error, count: 1 }),
                    }
                }
            }
        }
        short.sort_unstable();
        (seen.p50_ms, seen.p95_ms) = (quantile(&short, 50), quantile(&short, 95));
        seen
    }

    /// In a sentence.
    pub fn told(&self) -> String {
        let failed = match self.failed {
            0 => "none failed".to_owned(),
            1 => "1 failed".to_owned(),
            many => format!("{many} failed"),
        };
        format!(
            "{} requests, {failed}; half of the short ones took {} ms at most and 95 of 100 {} ms, the longest {:.1} s; \
             {} ms at most without an answer",
            self.requests,
            self.p50_ms,
            self.p95_ms,
            self.longest_ms as f64 / 1000.0,
            self.longest_gap_ms
        )
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The smallest value that `percent` of them do not exceed; 0: there are none.
fn quantile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn counts_answers_and_their_longest_gap() {
        let began = Instant::now();
        let answer =
            |at: u64, took: u64, short: bool, release: Result<&str, &str>| load::Answered {
                ended: began + Duration::from_millis(at),
                at: Timestamp::now(),
                took: Duration::from_millis(took),
                short,
                release: release.map(str::to_owned).map_err(str::to_owned),
            };
        let seen = Seen::of(vec![
            answer(40, 10, true, Ok("one")),
            answer(10, 10, true, Ok("one")),
            answer(20, 10, true, Err("503: busy")),
            answer(900, 890, false, Ok("two")),
            answer(910, 30, true, Ok("two")),
        ]);
        assert_eq!((seen.requests, seen.failed), (5, 1));
        assert_eq!(
            (seen.errors[0].error.as_str(), seen.errors[0].count),
            ("503: busy", 1)
        );
        assert_eq!((seen.p50_ms, seen.p95_ms), (10, 30));
        assert_eq!((seen.longest_gap_ms, seen.longest_ms), (860, 890));
        let releases: Vec<&str> = seen.releases.iter().map(|it| it.release.as_str()).collect();
        assert_eq!(releases, ["one", "two"]);
        assert!(seen.told().contains("5 requests, 1 failed"));
        assert_eq!(Seen::of(vec![]).p95_ms, 0);
    }
}
