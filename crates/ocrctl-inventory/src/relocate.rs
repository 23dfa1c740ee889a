//! An environment's image in another place: what `migrate-registry` makes of the inventory.

use std::fs::Permissions;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::edit::{self, Value};
use super::registry::Registry;
use super::{Environment, Inventory, InventoryError};
use ocrctl_protocol::{ImageRef, replace};

/// Where an image is to be found from now on.
#[derive(Debug)]
pub struct NewPlace {
    pub image: ImageRef,
    /// The field `registry`: `Some(None)` removes it, `None` leaves it alone.
    pub registry: Option<Option<Value>>,
}

/// A changed inventory that is not written yet.
#[derive(Debug)]
pub struct Relocation {
    path: PathBuf,
    old: String,
    new: String,
    /// The environment as it will be.
    pub environment: Environment,
}

/// Why an inventory can't be changed.
#[derive(Debug, thiserror::Error)]
pub enum RelocationError {
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    #[error("{} can't be changed without changing more than that", path.display())]
    Shape { path: PathBuf, fields: String },
    #[error("the inventory {} can't be written: {source}", path.display())]
    Unwritable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the inventory {} has been changed meanwhile", path.display())]
    Changed { path: PathBuf },
}

impl RelocationError {
    pub fn hint(&self) -> Option<String> {
        match self {
            // Told by its own diagnostics.
            Self::Inventory(_) => None,
            Self::Shape { fields, .. } => Some(format!(
                "write it yourself, as anchors and merges need a reader who knows what is meant: {fields}"
            )),
            Self::Unwritable { .. } => Some(
                "a new file takes its place: you must be allowed to write to its directory".into(),
            ),
            Self::Changed { .. } => {
                Some("run this again: what is copied already is not copied twice".into())
            }
        }
    }
}

impl Relocation {
    /// Changes `image` and `registry` of an environment and nothing else.
    pub fn plan(
        inventory: &Inventory,
        environment: &str,
        place: &NewPlace,
    ) -> Result<Self, RelocationError> {
        let path = inventory.path.clone();
        let old = std::fs::read_to_string(&path).map_err(|source| InventoryError::Unreadable {
            path: path.clone(),
            source,
        })?;
        // The comparison below needs the text's own values.
        let before = Inventory::parse(&old, &path)?;
        let image = Value::Text(place.image.to_string());
        let fields = match &place.registry {
            Some(Some(registry)) => {
                format!("image: {}, registry: {}", image.flow(), registry.flow())
            }
            Some(None) => format!("image: {}, and no registry", image.flow()),
            None => format!("image: {}", image.flow()),
        };
        let refuse = |path: &Path| RelocationError::Shape {
            path: path.to_owned(),
            fields: fields.clone(),
        };
        let at = |field| ["environments", environment, field];
        let mut new =
            edit::set(&old, &at("image"), Some(&image), None).ok_or_else(|| refuse(&path))?;
        if let Some(registry) = &place.registry {
            new = edit::set(&new, &at("registry"), registry.as_ref(), Some("image"))
                .ok_or_else(|| refuse(&path))?;
        }
        let after = match Inventory::parse(&new, &path) {
            Ok(after) => after,
            // The change makes no sense, or was written to the wrong place.
            Err(error) => {
                if let Some(Some(registry)) = &place.registry {
                    Registry::from_value(registry, environment, &place.image, &path)?;
                }
                tracing::debug!(%error, "the changed inventory can't be read");
                return Err(refuse(&path));
            }
        };
        let mut expected = before.clone();
        for it in &mut expected.environments {
            if it.name == environment {
                it.image = place.image.clone();
                match &place.registry {
                    Some(Some(value)) => {
                        it.registry =
                            Registry::from_value(value, environment, &place.image, &path)?;
                    }
                    Some(None) => it.registry = Registry::default(),
                    None => {}
                }
            }
        }
        if after != expected {
            return Err(refuse(&path));
        }
        let environment = after.environment(environment)?.clone();
        Ok(Self {
            path,
            old,
            new,
            environment,
        })
    }

    /// Returns the changes as a unified diff; empty if there are none.
    pub fn diff(&self) -> String {
        let name = self.path.display().to_string();
        TextDiff::from_lines(&self.old, &self.new)
            .unified_diff()
            .context_radius(2)
            .header(&name, &name)
            .to_string()
    }

    /// Checks that [`Relocation::write`] will find a place to write to, before a long copy.
    pub fn can_be_written(&self) -> Result<(), RelocationError> {
        self.real()
            .and_then(|(path, _)| tempfile::tempfile_in(path.parent().unwrap_or(Path::new("/"))))
            .map(|_| ())
            .map_err(|source| self.unwritable(source))
    }

    /// Replaces the file at once, unless it has been changed since it was read.
    pub fn write(&self) -> Result<(), RelocationError> {
        let unwritable = |source| self.unwritable(source);
        if std::fs::read_to_string(&self.path).map_err(unwritable)? != self.old {
            return Err(RelocationError::Changed {
                path: self.path.clone(),
            });
        }
        self.real()
            .and_then(|(path, permissions)| {
                replace(&path, self.new.as_bytes(), |file| {
                    file.set_permissions(permissions)
                })
            })
            .map_err(unwritable)
    }

    /// The inventory itself, where its path is a link to it, and its permissions.
    fn real(&self) -> std::io::Result<(PathBuf, Permissions)> {
        let path = self.path.canonicalize()?;
        // Also refuses a file that is read-only for this user, which a rename would not.
        let file = std::fs::OpenOptions::new().append(true).open(&path)?;
        Ok((path, file.metadata()?.permissions()))
    }

    fn unwritable(&self, source: std::io::Error) -> RelocationError {
        RelocationError::Unwritable {
            path: self.path.clone(),
            source,
        }
    }
}

impl Registry {
    /// The field `registry` of an environment with this image, as if it stood in the inventory at `path`.
    pub fn from_value(
        value: &Value,
        environment: &str,
        image: &ImageRef,
        path: &Path,
    ) -> Result<Self, InventoryError> {
        let text = format!(
            "environments: {{{environment}: {{names: [a.example], hosts: [{{address: a.example}}], \
             image: \"{image}\", registry: {}}}}}",
            value.flow()
        );
        let inventory = Inventory::parse(&text, path)?;
        Ok(inventory.environment(environment)?.registry.clone())
    }
}

#[cfg(test)]
mod tests;
