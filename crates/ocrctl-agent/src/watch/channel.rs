//! Where messages go. One that does not arrive is sent again with the next run; what fails is told without the URL, which is
//! a secret.

use std::time::Duration;

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use super::mail;
use super::message::Message;
use super::settings::ALERTS;
use crate::host::Host;
use ocrctl_protocol::alerts::{Alerts, Delivery};
use ocrctl_protocol::causes::chain;
use ocrctl_protocol::{Result, Secret};

const ANSWER: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Channel {
    Webhook,
    Email,
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Email => "email",
        }
    }
}

/// The channels of the last deploy.
#[derive(Debug, Default)]
pub(super) struct Channels(Alerts);

/// The body of a webhook: all fields, and the line that Slack and its like show.
#[derive(Serialize)]
struct Posted<'a> {
    text: String,
    #[serde(flatten)]
    message: &'a Message,
}

/// A message that has to go out yet.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Letter {
    pub(super) message: Message,
    pub(super) channels: Vec<Channel>,
}

impl Channels {
    pub(super) fn read(host: &Host) -> Result<Self> {
        match host.read(ALERTS)? {
            None => Ok(Self::default()),
            // serde's message can quote what it does not understand.
            Some(json) => match serde_json::from_slice(&json) {
                Ok(alerts) => Ok(Self(alerts)),
                Err(_) => Err(ocrctl_protocol::Failure::new(format!(
                    "{ALERTS} is not as a deploy writes it"
                ))
                .hint("deploy again")),
            },
        }
    }

    /// Those that messages go to.
    pub(super) fn of_messages(&self) -> Vec<Channel> {
        let webhook = self.0.webhook.as_ref().map(|_| Channel::Webhook);
        let email = self.0.email.as_ref().map(|_| Channel::Email);
        webhook.into_iter().chain(email).collect()
    }

    /// Sends what waits, the oldest first, and forgets what has arrived. Gives what failed; where one does not arrive, those
    /// behind it are not tried.
    pub(super) async fn deliver(&self, outbox: &mut Vec<Letter>) -> Vec<String> {
        let mut failed = Vec::new();
        for channel in [Channel::Webhook, Channel::Email] {
            for letter in outbox.iter_mut() {
                if !letter.channels.contains(&channel) {
                    continue;
                }
                // It may have been taken out of the inventory.
                if self.of_messages().contains(&channel)
                    && let Err(why) = self.send(channel, &letter.message).await
                {
                    failed.push(format!(
                        "{}: {why}; the next run tries again",
                        channel.name()
                    ));
                    break;
                }
                letter.channels.retain(|other| *other != channel);
            }
        }
        outbox.retain(|letter| !letter.channels.is_empty());
        failed
    }

    /// A message over each, and the ping.
    pub(super) async fn test(&self, message: &Message) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for channel in self.of_messages() {
            deliveries.push(Delivery {
                channel: channel.name().to_owned(),
                error: self.send(channel, message).await.err(),
            });
        }
        if let Some(outcome) = self.ping().await {
            deliveries.push(Delivery {
                channel: "ping".to_owned(),
                error: outcome.err(),
            });
        }
        deliveries
    }

    /// Reports that all is well; `None` without such a channel.
    pub(super) async fn ping(&self) -> Option<std::result::Result<(), String>> {
        let url = self.0.ping.as_ref()?;
        Some(request(|client| client.get(url.expose())).await)
    }

    async fn send(&self, channel: Channel, message: &Message) -> std::result::Result<(), String> {
        match channel {
            Channel::Webhook => match &self.0.webhook {
                Some(url) => post(url, message).await,
                None => Ok(()),
            },
            Channel::Email => match &self.0.email {
                Some(email) => mail::send(email, message).await,
                None => Ok(()),
            },
        }
    }
}

async fn post(url: &Secret, message: &Message) -> std::result::Result<(), String> {
    let posted = Posted {
        text: message.text(),
        message,
    };
    request(|client| client.post(url.expose()).json(&posted)).await
}

async fn request(
    make: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder,
) -> std::result::Result<(), String> {
    let client = reqwest::Client::builder()
        .timeout(ANSWER)
        .user_agent(concat!("ocrctl/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| chain(&error))?;
    let answer = make(&client).send().await;
    match answer.map(|answer| answer.status()) {
        Ok(status) if status.is_success() => Ok(()),
        Ok(StatusCode::NOT_FOUND) => Err("it answers 404: there is nothing at this URL".to_owned()),
        Ok(status) => Err(format!("it answers {status}")),
        Err(error) => Err(chain(&error.without_url())),
    }
}

#[cfg(test)]
mod tests;
