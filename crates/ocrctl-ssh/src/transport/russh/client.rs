//! Our side of the protocol: which algorithms, which host key, and what the host says beside the answers.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use russh::client::{ChannelOpenHandle, Config, DisconnectReason, Handler, Msg, Session};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelId, ChannelOpenFailure, Preferred};

use super::known_hosts::{KnownKeys, Verdict};
use super::route::{Hop, Keys};
use crate::transport::{ALIVE_QUESTIONS, HostKey, Options, TransportError};
use ocrctl_protocol::ssh_algorithms;

/// Events of a connection apart from answers. Shared with readers who need the reason of its end.
#[derive(Debug, Clone, Default)]
pub(super) struct ConnectionNotes(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    /// Why the connection is gone.
    end: Option<String>,
    /// Why the last channel was not opened.
    refusal: Option<String>,
}

/// Takes the events of one connection.
#[derive(Debug)]
pub(super) struct Client {
    name: String,
    is_jump: bool,
    /// For the hop that the connection leads to; the keys are needed once.
    keys: Keys,
    notes: ConnectionNotes,
}

/// Why a handshake ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error(transparent)]
    Protocol(#[from] russh::Error),
    #[error("{0}")]
    HostKey(Box<TransportError>),
}

impl ConnectionNotes {
    pub(super) fn end(&self) -> String {
        self.lock().end.clone().unwrap_or_default()
    }

    pub(super) fn refusal(&self) -> Option<String> {
        self.lock().refusal.take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Takes the keys out of the hop.
    pub(super) fn of(hop: &mut Hop, notes: ConnectionNotes) -> Self {
        Self {
            name: hop.name.clone(),
            is_jump: hop.is_jump,
            keys: std::mem::replace(&mut hop.keys, Keys::Pinned(Vec::new())),
            notes,
        }
    }

    /// Returns the protocol settings for the hop. Key types that it is known by come first, or it would present
    /// another key.
    pub(super) fn config(&self, options: &Options) -> Config {
        let known = match &self.keys {
            Keys::Pinned(keys) => keys.iter().map(|key| key.kind().to_owned()).collect(),
            Keys::Known { keys, .. } => keys.kinds(),
        };
        Config {
            preferred: preferred(&known),
            keepalive_interval: Some(options.alive_interval),
            keepalive_max: ALIVE_QUESTIONS,
            nodelay: true,
            ..Config::default()
        }
    }
    fn check(&self, presented: &PublicKey) -> Result<(), TransportError> {
        let line = presented.to_openssh().unwrap_or_default();
        let Some(key) = HostKey::parse(&line) else {
            return Err(TransportError::Ssh {
                host: self.name.clone(),
                message: "it presents a key that can't be read".into(),
            });
        };
        match &self.keys {
            Keys::Pinned(keys) if keys.contains(&key) => Ok(()),
            Keys::Pinned(keys) => Err(TransportError::ChangedHostKey {
                host: self.name.clone(),
                expected: keys.iter().map(|key| key.fingerprint.clone()).collect(),
                pinned: true,
                found: Some(key.fingerprint),
                offending: None,
            }),
            Keys::Known { name, keys } => self.check_known(presented, key, name, keys),
        }
    }

    fn check_known(
        &self,
        presented: &PublicKey,
        key: HostKey,
        name: &str,
        keys: &KnownKeys,
    ) -> Result<(), TransportError> {
        let host = self.name.clone();
        match keys.judge(presented) {
            Verdict::Known => Ok(()),
            Verdict::Changed(others) => Err(TransportError::ChangedHostKey {
                host,
                expected: others
                    .iter()
                    .map(|known| known.key.fingerprint(HashAlg::Sha256).to_string())
                    .collect(),
                pinned: false,
                found: Some(key.fingerprint),
                offending: others.first().map(|known| known.place.clone()),
            }),
            Verdict::Revoked(known) => Err(TransportError::RevokedHostKey {
                host,
                found: key.fingerprint,
                place: known.place.clone(),
            }),
            Verdict::Unknown => match &keys.authority {
                Some(place) => Err(TransportError::HostCertificate {
                    host,
                    place: place.clone(),
                }),
                None if self.is_jump => Err(TransportError::UnknownJumpHostKey {
                    host,
                    entry: format!("{name} {}", key.line),
                    fingerprint: key.fingerprint,
                }),
                None => Err(TransportError::UnknownHostKey {
                    host,
                    key: Some(key),
                }),
            },
        }
    }
}

/// The host may open nothing towards us: every kind of channel that it could ask for is refused, by dropping what
/// would accept it.
impl Handler for Client {
    type Error = HandshakeError;

    async fn check_server_key(
        &mut self,
        presented: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        self.check(&presented.public_key())
            .map(|()| true)
            .map_err(|error| HandshakeError::HostKey(Box::new(error)))
    }

    async fn channel_open_failure(
        &mut self,
        _channel: ChannelId,
        _reason: ChannelOpenFailure,
        description: &str,
        _language: &str,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.notes.lock().refusal = Some(description.to_owned());
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        let (said, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => (info.message, Ok(())),
            DisconnectReason::Error(error) => {
                let said = match &error {
                    HandshakeError::Protocol(russh::Error::KeepaliveTimeout) => {
                        "the host gave no sign of life any more".to_owned()
                    }
                    HandshakeError::Protocol(russh::Error::Disconnect | russh::Error::HUP) => {
                        "the host closed it".to_owned()
                    }
                    HandshakeError::Protocol(russh::Error::IO(error)) => match error.kind() {
                        std::io::ErrorKind::UnexpectedEof => "the host closed it".to_owned(),
                        std::io::ErrorKind::TimedOut => {
                            "the host gave no sign of life any more".to_owned()
                        }
                        _ => error.to_string(),
                    },
                    other => other.to_string(),
                };
                (said, Err(error))
            }
        };
        self.notes.lock().end.get_or_insert(said);
        result
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _connected_address: &str,
        _connected_port: u32,
        _originator_address: &str,
        _originator_port: u32,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _channel: Channel<Msg>,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host_to_connect: &str,
        _port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Algorithms, with the key types that a host is known by ahead of others.
pub(super) fn preferred(known: &[String]) -> Preferred {
    let mut preferred = ssh_algorithms::preferred();
    let mut kinds = vec![
        Algorithm::Ed25519,
        ecdsa(EcdsaCurve::NistP256),
        ecdsa(EcdsaCurve::NistP384),
        ecdsa(EcdsaCurve::NistP521),
        rsa(HashAlg::Sha512),
        rsa(HashAlg::Sha256),
    ];
    // A stable sort: what is known moves to the front. RSA keys are called `ssh-rsa`, whatever the hash.
    kinds.sort_by_key(|kind| {
        let name = match kind {
            Algorithm::Rsa { .. } => "ssh-rsa".to_owned(),
            kind => kind.to_string(),
        };
        !known.contains(&name)
    });
    preferred.key = Cow::Owned(kinds);
    preferred
}

fn ecdsa(curve: EcdsaCurve) -> Algorithm {
    Algorithm::Ecdsa { curve }
}

fn rsa(hash: HashAlg) -> Algorithm {
    Algorithm::Rsa { hash: Some(hash) }
}
