//! The inventory: what an operator writes down about environments and their hosts, read and checked.

pub mod alerts;
mod backup;
mod desired;
mod dns_name;
mod docker_config;
pub mod draft;
pub mod duration;
mod edit;
mod environment;
mod error;
#[cfg(test)]
mod example;
mod firewall;
mod form;
pub mod hooks;
mod host;
mod hygiene;
pub mod json_schema;
pub mod language;
mod ownership;
mod packages;
mod problem;
mod registry;
mod relocate;
mod schema;
mod secret;
mod service;
mod suggestion;
mod target;
#[cfg(test)]
mod tests;
mod tls;
mod yaml;

pub use edit::Value;
pub use environment::Environment;
pub use error::InventoryError;
pub use registry::{Registry, path_in};
pub use relocate::{NewPlace, Relocation, RelocationError};
pub use schema::Connection;
pub use secret::SecretRef;
pub use suggestion::closest;
pub use target::{Jump, Target};
pub use tls::Tls;

use std::path::{Path, PathBuf};

use problem::{Checks, Problem};

/// All environments of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The path as the operator gave it.
    pub path: PathBuf,
    /// In the order of the file.
    pub environments: Vec<Environment>,
}

impl Inventory {
    /// Reads and checks a file. Secrets and other files that it names are not touched.
    pub fn load(path: &Path) -> Result<Self, InventoryError> {
        let text = std::fs::read_to_string(path).map_err(|source| InventoryError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Checks the text of the inventory at `path`, where its relative paths start.
    pub fn parse(text: &str, path: &Path) -> Result<Self, InventoryError> {
        let base = path.parent().filter(|base| !base.as_os_str().is_empty());
        let read = environments(text, base.unwrap_or(Path::new(".")));
        #[cfg(test)]
        match &read {
            Ok(_) => json_schema::assert_taken(text),
            Err(problems) => problems.iter().for_each(Problem::assert_hint),
        }
        read.map(|environments| Self {
            path: path.to_owned(),
            environments,
        })
        .map_err(|problems| InventoryError::Invalid {
            path: path.to_owned(),
            text: text.to_owned(),
            problems,
        })
    }

    pub fn environment(&self, name: &str) -> Result<&Environment, InventoryError> {
        self.environments
            .iter()
            .find(|environment| environment.name == name)
            .ok_or_else(|| InventoryError::UnknownEnvironment {
                path: self.path.clone(),
                name: name.to_owned(),
                known: self.environments.iter().map(|e| e.name.clone()).collect(),
            })
    }
}

fn environments(text: &str, base: &Path) -> Result<Vec<Environment>, Vec<Problem>> {
    let raw = yaml::parse(text).map_err(|problem| vec![problem])?;
    let mut checks = Checks::new(base);
    let mut raw: Vec<_> = raw.environments.into_iter().flatten().collect();
    raw.sort_by_key(|(name, _)| (name.referenced.line(), name.referenced.column()));
    if raw.is_empty() {
        let mut problem = Problem::new(None, "there are no environments");
        problem
            .hint("`ocrctl init` writes an inventory; all fields stand in inventory.example.yaml");
        checks.problems.push(problem);
    }
    let environments: Vec<Environment> = raw
        .iter()
        .filter_map(|(name, raw)| Environment::read(name, &raw.value, &mut checks))
        .collect();
    if checks.problems.is_empty() {
        return Ok(environments);
    }
    checks.problems.sort_by_key(|problem| problem.place);
    Err(checks.problems)
}
