//! `ocrctl migrate-registry ENV --to REGISTRY/ORG/NAME`: the image in another registry, under the same digest, and
//! the environment's hosts and inventory with it.
//!
//! The order is that of what can go wrong: the inventory changes last, when the image is there, verified, and pulled
//! by every host. A run that was cut is taken up by running it again.

mod copy;

use std::path::{Path, PathBuf};

use oci_client::RegistryOperation;
use tokio::signal::unix::{SignalKind, signal};

use self::copy::{Copy, Noted, Plan, Stop, Wanted};
use super::fleet::Fleet;
use super::login::{usage, value};
use super::{Failed, Outcome, Result, USAGE};
use crate::cli::{Global, MigrateRegistry};
use crate::report::Report;
use ocrctl_inventory::{
    Environment, Inventory, NewPlace, Registry, Relocation, RelocationError, Value,
};
use ocrctl_protocol::{Diagnostic, Event, ImageRef, Level};
use ocrctl_registry::{RegistryError, Repository};

pub(super) async fn run(global: &Global, report: &Report, asked: &MigrateRegistry) -> Result {
    let inventory = Inventory::load(&global.inventory)?;
    let environment = inventory.environment(&asked.operation.environment)?;
    let image = new_image(&asked.to, &environment.image)?;
    let wanted = wanted(&environment.image, &asked.tag)?;
    let login = value(&asked.to_login.login(), &inventory.path)?;
    let place = NewPlace {
        registry: new_registry(environment, &image, login),
        image,
    };
    let relocation = Relocation::plan(&inventory, &environment.name, &place)?;
    let (source, target) = repositories(environment, &relocation, asked, &inventory.path).await?;
    let plan = Plan::make(&source, &target, &wanted)
        .await
        .map_err(|error| failed(&error, &source))?;

    let diff = if asked.copy_only {
        String::new()
    } else {
        relocation.diff()
    };
    if plan.is_done() && diff.is_empty() {
        let text = format!("{} is all there; nothing is to be done", target.place);
        report.note(None, Level::Info, text);
        return Ok(Outcome::Done);
    }
    report.data(&format!("{plan}{diff}"));
    if asked.dry_run {
        return Ok(Outcome::Changes);
    }
    if !diff.is_empty() {
        relocation.can_be_written()?;
    }
    let question = if diff.is_empty() {
        format!("Copy this to {}?", target.place)
    } else {
        format!(
            "Copy this, have {} pull from there, and change the inventory so?",
            environment.name
        )
    };
    if !report.confirm(&question, global.yes)? {
        report.note(None, Level::Info, "nothing was changed");
        return Ok(Outcome::Changes);
    }
    copy(report, asked, &source, &target, &plan).await?;
    if diff.is_empty() {
        return Ok(Outcome::Done);
    }
    move_hosts(global, report, asked, &relocation).await
}

/// Has the hosts pull, changes the inventory, and shows what a deploy would do now: nothing.
async fn move_hosts(
    global: &Global,
    report: &Report,
    asked: &MigrateRegistry,
    relocation: &Relocation,
) -> Result {
    let environment = &relocation.environment;
    let desired = environment.desired().await?;
    let mut fleet = Fleet::connect(global, report, environment).await?;
    fleet.pull(&desired, asked.operation.lock_wait).await?;
    relocation.write()?;
    let text = format!(
        "{} names {} now",
        global.inventory.display(),
        environment.image
    );
    report.note(None, Level::Info, text);
    let plans = fleet.plan(&desired).await?;
    fleet.close().await;
    if plans.iter().any(|plan| !plan.changes.is_empty()) {
        let text = "these changes are not of the migration: `ocrctl deploy` makes them";
        report.note(None, Level::Warning, text);
    }
    Ok(Outcome::Done)
}

async fn copy(
    report: &Report,
    asked: &MigrateRegistry,
    source: &Repository,
    target: &Repository,
    plan: &Plan,
) -> Result<()> {
    let stop = Stop::default();
    let noted = Noted::at(&state_directory(asked)?);
    let progress = |sent: u64, total: u64| {
        let event = Event::Progress {
            resource: "image".into(),
            message: "copying".into(),
            current: Some(sent.min(total)),
            total: Some(total),
        };
        report.event(&target.place, &event);
    };
    let copy = Copy::new(source, target, &noted, &stop, &progress);
    let mut run = std::pin::pin!(copy.run(plan));
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| Failed::new(Diagnostic::of(&error)))?;
    let ended = loop {
        tokio::select! {
            ended = &mut run => break ended,
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        let text = "stopping when the parts on their way have arrived";
        report.note(None, Level::Info, text);
        stop.ask();
    };
    let place = Some(target.place.as_str());
    match ended {
        Ok(mounted) => {
            let text = format!(
                "copied and verified, digest for digest: {} bytes sent, {mounted} blobs mounted",
                copy.sent()
            );
            report.note(place, Level::Info, text);
            Ok(())
        }
        Err(error) => {
            report.note(place, Level::Info, format!("{} bytes sent", copy.sent()));
            Err(failed(&error, source))
        }
    }
}

/// The repository that is moved from, and the one that is moved to.
async fn repositories(
    environment: &Environment,
    relocation: &Relocation,
    asked: &MigrateRegistry,
    inventory: &Path,
) -> Result<(Repository, Repository)> {
    let access = environment.registry_access(&environment.registry).await?;
    let broken = |error: RegistryError| Failed::new(Diagnostic::new(error.to_string()));
    let source = Repository::of(&environment.image, &access).map_err(broken)?;
    let new = &relocation.environment;
    let mut registry = new.registry.clone();
    if let Some(push) = value(&asked.push_login.login(), inventory)? {
        let push = Registry::from_value(&push, &new.name, &new.image, inventory)?;
        registry.credentials = push.credentials;
    }
    let access = new.registry_access(&registry).await?;
    let target = Repository::of(&new.image, &access).map_err(broken)?;
    for (repository, operation) in [
        (&source, RegistryOperation::Pull),
        (&target, RegistryOperation::Push),
    ] {
        let logged_in = repository.log_in(operation).await;
        logged_in.map_err(|error| failed(&error, &source))?;
    }
    Ok((source, target))
}

/// The image under its new name, with the tag and digest that it has.
fn new_image(to: &str, old: &ImageRef) -> Result<ImageRef> {
    // The name of an image has one of both; a repository has none.
    let named = ImageRef::parse(&format!("{to}:tag")).map_err(|invalid| {
        let hint = "name a repository, such as `--to ghcr.io/example-org/ocr-service`: tags and digests stay as they are";
        usage(format!("--to: {}", invalid.message.replace(":tag", "")), hint)
    })?;
    Ok(ImageRef {
        registry: named.registry,
        repository: named.repository,
        ..old.clone()
    })
}

/// Returns the new `registry` of the inventory. In the same registry, it stays unless a flag changes it.
fn new_registry(
    environment: &Environment,
    image: &ImageRef,
    login: Option<Value>,
) -> Option<Option<Value>> {
    match login {
        Some(login) => Some(Some(login)),
        None if environment.image.registry == image.registry => None,
        None => Some(None),
    }
}

fn wanted(image: &ImageRef, tags: &[String]) -> Result<Vec<Wanted>> {
    let mut wanted = Vec::new();
    for tag in tags {
        ImageRef::parse(&format!("registry.example/name:{tag}")).map_err(|invalid| {
            usage(
                format!("--tag: {}", invalid.message),
                "name a tag, such as `--tag 1.5.0`",
            )
        })?;
        wanted.push(Wanted::Tag(tag.clone()));
    }
    wanted.push(match (&image.digest, &image.tag) {
        (Some(digest), tag) => Wanted::Digest(digest.clone(), tag.clone()),
        (None, tag) => Wanted::Tag(tag.clone().unwrap_or_default()),
    });
    wanted.dedup();
    Ok(wanted)
}

fn state_directory(asked: &MigrateRegistry) -> Result<PathBuf> {
    let home = || std::env::home_dir().map(|home| home.join(".local/state/ocrctl"));
    asked.state.clone().or_else(home).ok_or_else(|| {
        usage(
            "there is no home directory to note half-sent uploads in".into(),
            "name a directory with --state",
        )
    })
}

/// Reports a registry's failure and the place of its settings: the inventory for the old one, the flags for the new
/// one.
fn failed(error: &RegistryError, source: &Repository) -> Failed {
    let (credentials, ca) = if error.place() == source.place {
        (
            "registry.username and registry.password in the inventory",
            "registry.ca",
        )
    } else {
        (
            "--to-username and --to-password (or --push-…), and that they may push there",
            "--to-ca",
        )
    };
    let hint = match error {
        RegistryError::Refused { .. } => format!("check {credentials}"),
        RegistryError::Unreachable { reason, .. } if reason.contains("UnknownIssuer") => {
            format!("its certificate is from an unknown authority: name the PEM file by {ca}")
        }
        RegistryError::Unreachable { reason, .. } if reason.contains("CaUsedAsEndEntity") => {
            "its certificate is an authority's own: a server needs one of its own, signed by that"
                .into()
        }
        _ => error.hint(),
    };
    Failed::new(Diagnostic::new(error.to_string()).hint(hint))
}

impl From<RelocationError> for Failed {
    fn from(error: RelocationError) -> Self {
        match error {
            RelocationError::Inventory(error) => error.into(),
            error => {
                let mut diagnostic = Diagnostic::new(error.to_string());
                diagnostic.hint = error.hint();
                Self {
                    diagnostics: vec![diagnostic],
                    code: USAGE,
                }
            }
        }
    }
}
