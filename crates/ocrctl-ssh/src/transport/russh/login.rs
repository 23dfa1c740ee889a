//! Being let in: each key is offered without proof first, so that a passphrase is asked for only where its key is
//! wanted.

use std::sync::Arc;
use std::time::Duration;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use russh::{MethodKind, MethodSet, Signer};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::client::{Client, ConnectionNotes};
use super::identity::{self, Identity, KeyFile, Offers};
use super::route::Hop;
use crate::transport::error::Unreachable;
use crate::transport::{Options, TransportError};

/// A login may ask a directory service, or for a touch of a security key.
const LOGIN: Duration = Duration::from_secs(20);
/// For the host's last words.
const GOODBYE: Duration = Duration::from_secs(1);
/// Attempts at typing a passphrase.
const TRIES: usize = 3;

/// The state of a login.
pub(super) struct Login<'a> {
    handle: &'a mut Handle<Client>,
    hop: &'a Hop,
    notes: &'a ConnectionNotes,
    options: &'a Options,
    /// Asked for once, and only for a key that needs it.
    rsa_hash: Option<HashAlg>,
    /// Keys that were refused, and keys that could not be offered.
    tried: Vec<String>,
    /// Methods that the host would have accepted.
    methods: MethodSet,
}

/// The host's answer to an offer.
enum Answer {
    In,
    Refused,
    /// The host wants this key, and it needs a passphrase.
    Locked,
    Failed(String),
}

/// The means to sign with a key.
enum Proof<'a> {
    Agent(&'a mut AgentClient<UnixStream>),
    Key(&'a Arc<PrivateKey>),
    /// None: it is to be seen whether the host wants the key.
    Locked,
}

/// Signs, or says why not.
enum By<'a> {
    Agent(&'a mut AgentClient<UnixStream>),
    LockedKey,
}

#[derive(Debug, thiserror::Error)]
enum LoginError {
    #[error("a passphrase is needed")]
    Locked,
    #[error("the agent did not sign ({0})")]
    Agent(russh::keys::Error),
    #[error(transparent)]
    Protocol(#[from] russh::Error),
    #[error("the connection is gone")]
    Gone(#[from] russh::SendError),
}

impl<'a> Login<'a> {
    pub(super) fn new(
        handle: &'a mut Handle<Client>,
        hop: &'a Hop,
        notes: &'a ConnectionNotes,
        options: &'a Options,
    ) -> Self {
        Self {
            handle,
            hop,
            notes,
            options,
            rsa_hash: None,
            tried: Vec::new(),
            methods: MethodSet::empty(),
        }
    }

    /// Offers one key after the other until the host is content.
    pub(super) async fn run(mut self) -> Result<(), TransportError> {
        let mut agent = None;
        let mut held = Vec::new();
        if let Some(socket) = &self.hop.identities.agent {
            match timeout(
                self.limit(),
                identity::agent(socket, self.handle.agent_session_binding()),
            )
            .await
            {
                Ok(Ok((client, identities))) => {
                    agent = Some(client);
                    held = identities;
                }
                Ok(Err(problem)) => self.tried.push(problem),
                Err(_) => self.tried.push("the agent does not answer".into()),
            }
        }
        let offers = Offers::of(&self.hop.identities, held);
        self.tried.extend(offers.unusable);
        if offers.identities.is_empty() {
            let none = timeout(self.limit(), self.handle.authenticate_none(&self.hop.user)).await;
            match none {
                Ok(Ok(AuthResult::Success)) => return Ok(()),
                Ok(Ok(AuthResult::Failure {
                    remaining_methods, ..
                })) => {
                    self.methods = remaining_methods;
                }
                Ok(Err(_)) => {}
                Err(_) => return Err(self.too_slow()),
            }
        }
        let mut locked = None;
        for offer in offers.identities {
            let answer = match &offer {
                Identity::Agent(_) => match agent.as_mut() {
                    Some(agent) => self.offer(&offer, Proof::Agent(agent)).await?,
                    None => continue,
                },
                Identity::File(file) => match self.offer_file(file, &offer).await? {
                    Answer::Locked => {
                        locked.get_or_insert_with(|| file.path.clone());
                        Answer::Locked
                    }
                    answer => answer,
                },
            };
            match answer {
                Answer::In => return Ok(()),
                // It has lost patience: what it says of that comes a moment later.
                _ if self.handle.is_closed() => {
                    let _ = timeout(GOODBYE, &mut *self.handle).await;
                    break;
                }
                Answer::Refused => self.tried.push(format!("{offer} was refused")),
                Answer::Locked => self.tried.push(format!("{offer} needs a passphrase")),
                Answer::Failed(problem) => self.tried.push(format!("{offer}: {problem}")),
            }
        }
        Err(match locked {
            Some(path) => TransportError::Passphrase {
                host: self.hop.name.clone(),
                path,
            },
            None => self.denied(),
        })
    }

    /// For each step that waits for the host or the agent, not for the operator.
    fn limit(&self) -> Duration {
        self.options.connect_timeout + LOGIN
    }

    async fn offer_file(
        &mut self,
        file: &KeyFile,
        offer: &Identity,
    ) -> Result<Answer, TransportError> {
        let passphrases = &self.options.credentials.passphrases;
        let opened = file
            .open()
            .cloned()
            .or_else(|| passphrases.opened(&file.path));
        let proof = opened.as_ref().map_or(Proof::Locked, Proof::Key);
        match self.offer(offer, proof).await? {
            Answer::Locked => {}
            answer => return Ok(answer),
        }
        let _turn = passphrases.turn().await;
        let key = match passphrases.opened(&file.path) {
            Some(key) => Some(key),
            None => self.ask(file).await,
        };
        match key {
            Some(key) => self.offer(offer, Proof::Key(&key)).await,
            None => Ok(Answer::Locked),
        }
    }

    async fn ask(&self, file: &KeyFile) -> Option<Arc<PrivateKey>> {
        let passphrases = &self.options.credentials.passphrases;
        let mut question = format!("Passphrase for {}", file.path.display());
        for _ in 0..TRIES {
            let passphrase = passphrases.ask(question).await?;
            if let Some(key) = file.unlock(&passphrase) {
                passphrases.remember(&file.path, Arc::clone(&key));
                return Some(key);
            }
            question = format!(
                "That does not open it. Passphrase for {}",
                file.path.display()
            );
        }
        None
    }

    async fn offer(
        &mut self,
        offer: &Identity,
        mut proof: Proof<'_>,
    ) -> Result<Answer, TransportError> {
        let limit = self.limit();
        let public = offer.public();
        let Ok(hash) = timeout(limit, self.hash_for(&public)).await else {
            return Err(self.too_slow());
        };
        if let Some(certificate) = offer.certificate() {
            let offered = self.offer_certificate(certificate.clone(), hash, &mut proof);
            let Ok(answer) = timeout(limit, offered).await else {
                return Err(self.too_slow());
            };
            match self.answer(answer) {
                // The key alone may do.
                Answer::Refused => {}
                answer => return Ok(answer),
            }
        }
        let offered = self.offer_key(public, hash, &mut proof);
        match timeout(limit, offered).await {
            Ok(answer) => Ok(self.answer(answer)),
            Err(_) => Err(self.too_slow()),
        }
    }

    async fn offer_key(
        &mut self,
        public: PublicKey,
        hash: Option<HashAlg>,
        proof: &mut Proof<'_>,
    ) -> Result<AuthResult, LoginError> {
        let user = &self.hop.user;
        let mut by = match proof {
            Proof::Key(key) => {
                let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
                return Ok(self.handle.authenticate_publickey(user, key).await?);
            }
            Proof::Agent(agent) => By::Agent(agent),
            Proof::Locked => By::LockedKey,
        };
        self.handle
            .authenticate_publickey_with(user, public, hash, &mut by)
            .await
    }

    async fn offer_certificate(
        &mut self,
        certificate: Certificate,
        hash: Option<HashAlg>,
        proof: &mut Proof<'_>,
    ) -> Result<AuthResult, LoginError> {
        let user = &self.hop.user;
        let mut by = match proof {
            Proof::Key(key) => {
                let key = Arc::clone(key);
                return Ok(self
                    .handle
                    .authenticate_openssh_cert(user, key, certificate)
                    .await?);
            }
            Proof::Agent(agent) => By::Agent(agent),
            Proof::Locked => By::LockedKey,
        };
        self.handle
            .authenticate_certificate_with(user, certificate, hash, &mut by)
            .await
    }

    fn answer(&mut self, answer: Result<AuthResult, LoginError>) -> Answer {
        match answer {
            Ok(AuthResult::Success) => Answer::In,
            Ok(AuthResult::Failure {
                remaining_methods,
                partial_success,
            }) => {
                if !remaining_methods.is_empty() {
                    self.methods = remaining_methods;
                }
                match partial_success {
                    true => {
                        Answer::Failed("was accepted, and the host wants more than a key".into())
                    }
                    false => Answer::Refused,
                }
            }
            Err(LoginError::Locked) => Answer::Locked,
            Err(error) => Answer::Failed(error.to_string()),
        }
    }

    /// With what a signature of an RSA key is made; SHA-1 is not offered.
    async fn hash_for(&mut self, key: &PublicKey) -> Option<HashAlg> {
        if !key.algorithm().is_rsa() {
            return None;
        }
        if self.rsa_hash.is_none() {
            let best = self.handle.best_supported_rsa_hash().await;
            self.rsa_hash = best.ok().flatten().flatten().or(Some(HashAlg::Sha512));
        }
        self.rsa_hash
    }

    fn denied(self) -> TransportError {
        let methods: Vec<&str> = self.methods.iter().map(<&str>::from).collect();
        let mut reason = match self.notes.end() {
            // Such as that there were too many keys.
            said if !said.is_empty() => said,
            _ => format!("Permission denied ({})", methods.join(",")),
        };
        if !methods.is_empty() && !self.methods.contains(&MethodKind::PublicKey) {
            reason.push_str("; it takes no keys");
        }
        let mut tried = self.tried;
        if tried.is_empty() {
            tried.push("there was no key to offer".into());
        }
        TransportError::Denied {
            host: self.hop.name.clone(),
            user: self.hop.user.clone(),
            reason,
            tried,
        }
    }

    fn too_slow(&self) -> TransportError {
        TransportError::Unreachable {
            host: self.hop.name.clone(),
            reason: Unreachable::Timeout(" (the login was not done)".into()),
        }
    }
}

impl Signer for By<'_> {
    type Error = LoginError;

    async fn auth_sign(
        &mut self,
        key: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, Self::Error> {
        match self {
            Self::Agent(agent) => agent
                .sign_request(key, hash, data)
                .await
                .map_err(LoginError::Agent),
            Self::LockedKey => Err(LoginError::Locked),
        }
    }
}
