//! Who runs `ocrctl`, with an inventory of one environment.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::docker_registry::DockerRegistry;

pub struct Operator {
    pub dir: TempDir,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Operator {
    /// The environment `prod` has this image of this registry.
    pub fn of(registry: &DockerRegistry, image: &str) -> Self {
        let operator = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        operator.write("old-password", registry.password());
        let inventory = format!(
            "environments:\n\
             \x20 prod:\n\
             \x20   names: [ocr.example.org]\n\
             \x20   hosts: [{{address: 192.0.2.1}}]\n\
             \x20   image: {}/{image}   # live\n\
             \x20   registry:\n\
             \x20     username: {}\n\
             \x20     password: {{file: old-password}}   # see the wiki\n\
             \x20     ca: {}\n",
            registry.address(),
            registry.user(),
            registry.ca().display(),
        );
        operator.write("inventory.yaml", &inventory);
        operator
    }

    /// Writes a file beside the inventory; gives its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub fn inventory(&self) -> PathBuf {
        self.dir.path().join("inventory.yaml")
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Flags that name a repository of a registry, and how to get in.
    pub fn to(&self, registry: &DockerRegistry, repository: &str) -> Vec<String> {
        let password = self.write("new-password", registry.password());
        [
            "--to",
            &format!("{}/{repository}", registry.address()),
            "--to-username",
            registry.user(),
            "--to-password",
            &format!("file:{password}"),
            "--to-ca",
            &registry.ca().display().to_string(),
        ]
        .map(str::to_owned)
        .into()
    }

    pub fn start(&self, to: &[String], more: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_ocrctl"))
            .arg("--inventory")
            .arg(self.inventory())
            .args(["migrate-registry", "prod"])
            .args(to)
            .args(more)
            .arg("--state")
            .arg(self.state())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub fn run(&self, to: &[String], more: &[&str]) -> Ran {
        Ran::of(self.start(to, more).wait_with_output().unwrap())
    }
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran = Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        };
        assert!(
            !format!("{}{}", ran.stdout, ran.stderr).contains("hunter"),
            "a password is shown: {ran:?}"
        );
        ran
    }

    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }

    /// Standard error must say all of this.
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(
                self.stderr.contains(word),
                "\"{word}\" is not in: {}",
                self.stderr
            );
        }
        self
    }

    pub fn bytes_sent(&self) -> u64 {
        let (before, _) = self.stderr.split_once(" bytes sent").expect(&self.stderr);
        before.rsplit(' ').next().unwrap().parse().unwrap()
    }
}
