//! Keys on every host of an environment, or on none.

use futures_util::future::join_all;
use ocr_api::keys::KeyFile;

use crate::commands::fleet::KeyHost;
use crate::commands::{Failed, Result};
use ocrctl_protocol::{Diagnostic, HostKeys, KeyRequest};

/// All hosts, and their keys as they were last read.
#[derive(Debug)]
pub(in crate::commands) struct AllHosts<H> {
    /// For what the operator is told to do.
    environment: String,
    hosts: Vec<H>,
    states: Vec<HostKeys>,
}

impl<H: KeyHost> AllHosts<H> {
    /// Reads the keys of all hosts. One that can't be read fails it.
    pub(in crate::commands) async fn read(environment: &str, mut hosts: Vec<H>) -> Result<Self> {
        let read = join_all(hosts.iter_mut().map(|host| host.keys(KeyRequest::List))).await;
        let states = crate::commands::fleet::all(read)?;
        Ok(Self {
            environment: environment.to_owned(),
            hosts,
            states,
        })
    }

    /// Each host with its keys.
    pub(in crate::commands) fn states(&self) -> impl Iterator<Item = (&str, &HostKeys)> {
        let names = self.hosts.iter().map(KeyHost::name);
        names.zip(&self.states)
    }

    /// The keys that all hosts have. Hosts that differ, or whose file can't be used, are an error: a change could not be
    /// the same everywhere.
    pub(in crate::commands) fn common(&self) -> Result<KeyFile> {
        let mut diagnostics: Vec<Diagnostic> = self
            .states()
            .filter_map(|(name, state)| {
                let error = state.error.as_ref()?;
                let text = format!("its key file can't be used: {error}");
                Some(Diagnostic::new(text).host(name))
            })
            .collect();
        let first = self.states.first();
        if diagnostics.is_empty()
            && let Some((name, _)) = self
                .states()
                .find(|(_, state)| Some(&state.digest) != first.map(|f| &f.digest))
        {
            let text = "its keys are not those of the other hosts";
            diagnostics.push(Diagnostic::new(text).host(name));
        }
        if let Some(last) = diagnostics.last_mut() {
            last.hint = Some(format!(
                "nothing was changed; `ocrctl keys list {0}` shows more, `ocrctl keys sync {0}` repairs it",
                self.environment
            ));
        }
        match Failed::all(diagnostics) {
            Some(failed) => Err(failed),
            None => Ok(first.map(HostKeys::file).unwrap_or_default()),
        }
    }

    /// Gives every host these keys. If one fails, those that have them already are put back.
    pub(in crate::commands) async fn replace(&mut self, file: &KeyFile, what: &str) -> Result<()> {
        let before = self.states.clone();
        let requests = self.states.iter().map(|state| KeyRequest::Replace {
            expected: state.digest.clone(),
            file: file.clone(),
            what: what.to_owned(),
        });
        let hosts = self.hosts.iter_mut();
        let replaced = join_all(
            hosts
                .zip(requests)
                .map(|(host, request)| host.keys(request)),
        )
        .await;
        let mut failures = Vec::new();
        let mut changed = Vec::new();
        for (at, result) in replaced.into_iter().enumerate() {
            match result {
                Ok(state) => {
                    changed.push(at);
                    self.states[at] = state;
                }
                Err(failed) => failures.push(failed),
            }
        }
        let Some(mut failed) = Failed::together(failures) else {
            return Ok(());
        };
        for at in changed {
            let (host, state) = (&mut self.hosts[at], &self.states[at]);
            let back = KeyRequest::Replace {
                expected: state.digest.clone(),
                file: before[at].file(),
                what: format!("put back: {what}"),
            };
            let told = match host.keys(back).await {
                Ok(state) => {
                    self.states[at] = state;
                    Diagnostic::new("its keys were put back as they were")
                }
                Err(error) => {
                    let mut told = Diagnostic::new("its keys could not be put back");
                    told.causes = error.diagnostics.into_iter().map(|d| d.message).collect();
                    told.hint(format!(
                        "`ocrctl keys list {0}` shows how the hosts differ, `ocrctl keys sync {0}` repairs it",
                        self.environment
                    ))
                }
            };
            failed.diagnostics.push(told.host(self.hosts[at].name()));
        }
        Err(failed)
    }

    /// Gives each host that differs these keys. What fails on one is left to the next time.
    pub(super) async fn sync(&mut self, file: &KeyFile) -> Result<()> {
        let digest = Some(file.digest());
        let mut failures = Vec::new();
        for (host, state) in self.hosts.iter_mut().zip(&mut self.states) {
            if state.digest == digest {
                continue;
            }
            let request = KeyRequest::Replace {
                expected: state.digest.clone(),
                file: file.clone(),
                what: "given the keys of all hosts".into(),
            };
            match host.keys(request).await {
                Ok(now) => *state = now,
                Err(failed) => failures.push(failed),
            }
        }
        Failed::together(failures).map_or(Ok(()), Err)
    }

    /// Hosts whose running service has other keys than its file.
    pub(in crate::commands) fn behind(&self) -> Vec<Diagnostic> {
        self.states()
            .filter_map(|(name, state)| {
                let service = state.service.as_ref()?;
                let differs = service.digest.is_some() && service.digest != state.digest;
                differs.then(|| {
                    let why = service.error.as_deref().unwrap_or("it does not say why");
                    let text = format!("the running service has not taken the keys over: {why}");
                    Diagnostic::new(text).host(name)
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocr_api::keys::{ApiKey, KeyRecord};
    use ocrctl_agent::host::{Emitter, Host};
    use ocrctl_agent::requests::keys;
    use ocrctl_agent::resources::key_file;

    /// The real host's end on a tree of its own.
    struct Local {
        name: &'static str,
        root: tempfile::TempDir,
        /// Requests that it answers before it is gone.
        lives: usize,
    }

    impl Local {
        fn deployed(name: &'static str, file: &KeyFile) -> Self {
            let root = tempfile::tempdir().unwrap();
            let host = Host::at(root.path());
            host.write(key_file::PATH, file.to_json().as_bytes(), key_file::ACCESS)
                .unwrap();
            let lives = usize::MAX;
            Self { name, root, lives }
        }

        fn file(&self) -> KeyFile {
            let host = Host::at(self.root.path());
            KeyFile::parse(&host.read(key_file::PATH).unwrap().unwrap()).unwrap()
        }
    }

    impl KeyHost for &mut Local {
        fn name(&self) -> &str {
            self.name
        }

        async fn keys(&mut self, request: KeyRequest) -> Result<HostKeys> {
            if self.lives == 0 {
                return Err(Failed::new(Diagnostic::new("gone").host(self.name)));
            }
            self.lives -= 1;
            let host = Host::at(self.root.path());
            keys::answer(&host, &Emitter::nowhere(), "ann", request)
                .await
                .map_err(|failure| crate::commands::failed(self.name, &failure))
        }
    }

    fn file(names: &[&str]) -> KeyFile {
        let record = |name: &&str| {
            let key = ApiKey::generate().unwrap();
            KeyRecord::new(&key, name, vec![], jiff::Timestamp::now())
        };
        KeyFile {
            keys: names.iter().map(record).collect(),
            ..KeyFile::default()
        }
    }

    #[tokio::test]
    async fn all_hosts_change_together() {
        let old = file(&["one"]);
        let new = file(&["two"]);
        let (mut a, mut b) = (Local::deployed("a", &old), Local::deployed("b", &old));
        let mut all = AllHosts::read("prod", vec![&mut a, &mut b]).await.unwrap();
        assert_eq!(all.common().unwrap(), old);
        all.replace(&new, "changed").await.unwrap();
        assert_eq!(all.common().unwrap(), new);
        assert_eq!((a.file(), b.file()), (new.clone(), new));
    }

    #[tokio::test]
    async fn when_one_host_fails_the_others_are_put_back() {
        let old = file(&["one"]);
        let (mut a, mut b, mut c) = (
            Local::deployed("a", &old),
            Local::deployed("b", &old),
            Local::deployed("c", &old),
        );
        b.lives = 1;
        let mut all = AllHosts::read("prod", vec![&mut a, &mut b, &mut c])
            .await
            .unwrap();
        let failed = all.replace(&file(&["two"]), "changed").await.unwrap_err();
        let said: Vec<_> = failed
            .diagnostics
            .iter()
            .map(|d| (d.host.as_deref(), d.message.as_str()))
            .collect();
        let back = "its keys were put back as they were";
        assert_eq!(
            said,
            [(Some("b"), "gone"), (Some("a"), back), (Some("c"), back)]
        );
        for host in [&a, &b, &c] {
            assert_eq!(host.file(), old);
        }
    }

    #[tokio::test]
    async fn a_host_that_can_t_be_put_back_is_named() {
        let old = file(&["one"]);
        let (mut a, mut b) = (Local::deployed("a", &old), Local::deployed("b", &old));
        (a.lives, b.lives) = (2, 1);
        let mut all = AllHosts::read("prod", vec![&mut a, &mut b]).await.unwrap();
        let failed = all.replace(&file(&["two"]), "changed").await.unwrap_err();
        let last = failed.diagnostics.last().unwrap();
        assert_eq!(last.host.as_deref(), Some("a"));
        assert!(last.message.contains("could not be put back"));
        assert!(last.hint.as_ref().unwrap().contains("keys sync"));
    }

    #[tokio::test]
    async fn hosts_that_differ_are_refused_until_they_are_synced() {
        let old = file(&["one", "two"]);
        // A host that has joined, and one whose file is torn and has no copy.
        let (mut a, mut b, mut c) = (
            Local::deployed("a", &old),
            Local::deployed("b", &KeyFile::default()),
            Local::deployed("c", &old),
        );
        std::fs::write(c.root.path().join("etc/ocr/keys.json"), "{").unwrap();
        let mut all = AllHosts::read("prod", vec![&mut a, &mut b, &mut c])
            .await
            .unwrap();
        let refused = all.common().unwrap_err();
        assert_eq!(refused.diagnostics[0].host.as_deref(), Some("c"));
        assert!(
            refused.diagnostics[0]
                .hint
                .as_ref()
                .unwrap()
                .contains("keys sync")
        );
        all.sync(&old).await.unwrap();
        assert_eq!(all.common().unwrap(), old);
        assert_eq!((b.file(), c.file()), (old.clone(), old));
    }

    #[tokio::test]
    async fn a_host_that_is_gone_at_the_start_changes_nothing() {
        let old = file(&["one"]);
        let (mut a, mut b) = (Local::deployed("a", &old), Local::deployed("b", &old));
        b.lives = 0;
        assert!(AllHosts::read("prod", vec![&mut a, &mut b]).await.is_err());
        assert_eq!(a.file(), old);
    }
}
