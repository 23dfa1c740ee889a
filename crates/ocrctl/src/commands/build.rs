//! `ocrctl build [ENV] [--push]`: the service's image, from a clone of this repository.

mod engine;

use std::path::Path;
use std::time::Duration;

use self::engine::Builder;
use super::login::{usage, value};
use super::{Failed, Outcome, Result};
use crate::cli::{Build, Global};
use crate::image::{Context, ContextError, SBOM, SBOM_LABEL, Source, SourceError};
use crate::report::Report;
use ocrctl_command::{CommandError, Program};
use ocrctl_inventory::{Environment, Inventory, Registry};
use ocrctl_protocol::{Diagnostic, Event, Failure, ImageRef, Level};

/// Where a base image can't be pulled, it is made from packages.
const BASE_IMAGES: Duration = Duration::from_secs(1800);

pub(super) async fn run(global: &Global, report: &Report, asked: &Build) -> Result {
    let environment = match &asked.environment {
        Some(name) => Some(
            Inventory::load(&global.inventory)?
                .environment(name)?
                .clone(),
        ),
        None => None,
    };
    let source = Source::read(&asked.source).await?;
    let version = asked.release.clone().unwrap_or(source.version.clone());
    let name = match &environment {
        Some(environment) => named(&environment.image, &version)?,
        None => asked.image.clone(),
    };
    if asked.push && source.dirty {
        return Err(Failed::new(
            Diagnostic::new("the clone has uncommitted changes, so that the pushed image could not be traced to a commit")
                .hint("commit them, or build without --push"),
        ));
    }
    let engine = Builder::of_operator().await?;
    base_images(report, &source.root).await?;
    let id = build(report, &engine, &source, &version, &name, asked.no_cache).await?;
    match environment.filter(|_| asked.push) {
        None => report.data(&format!("{id}\n")),
        Some(environment) => {
            let reference = push(global, report, &engine, &environment, &version, asked).await?;
            report.data(&format!("{reference}\n"));
        }
    }
    Ok(Outcome::Done)
}

/// The environment's image with this version as its tag.
fn named(image: &ImageRef, version: &str) -> Result<String> {
    let name = format!("{}/{}:{version}", image.registry, image.repository);
    match ImageRef::parse(&name) {
        Ok(_) => Ok(name),
        Err(invalid) => Err(usage(
            format!("the image can't be called {name}: {}", invalid.message),
            "name the release with --release, such as `--release 1.5.0`",
        )),
    }
}

async fn base_images(report: &Report, root: &Path) -> Result<()> {
    tell(report, "base images");
    let script = root.join("service/base-images.sh");
    let output = Program::new("bash")
        .arg(script)
        .timeout(BASE_IMAGES)
        .run()
        .await?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        tell(report, line);
    }
    Ok(())
}

async fn build(
    report: &Report,
    engine: &Builder,
    source: &Source,
    version: &str,
    name: &str,
    anew: bool,
) -> Result<String> {
    let context = Context::pack(source)?;
    let build = engine::Build {
        context: context.tar,
        dockerfile: "service/Dockerfile",
        name: name.to_owned(),
        arguments: vec![
            ("VERSION", version.to_owned()),
            ("REVISION", source.revision.clone()),
            ("SOURCE_DATE_EPOCH", source.time.to_string()),
        ],
        labels: vec![(SBOM_LABEL, SBOM.to_owned())],
        anew,
    };
    let id = engine.build(build, |line| tell(report, line)).await?;
    let text = format!("{name} is {version} of {}", source.revision);
    report.note(None, Level::Info, text);
    Ok(id)
}

async fn push(
    global: &Global,
    report: &Report,
    engine: &Builder,
    environment: &Environment,
    version: &str,
    asked: &Build,
) -> Result<String> {
    let login = value(&asked.push_login.login(), &global.inventory)?;
    let registry = match login {
        Some(login) => Registry::from_value(
            &login,
            &environment.name,
            &environment.image,
            &global.inventory,
        )?,
        None => environment.registry.clone(),
    };
    let access = environment.registry_access(&registry).await?;
    let image = &environment.image;
    let repository = image.place();
    let digest = engine
        .push(
            image,
            version,
            access.credentials.as_ref(),
            |status, part| {
                let event = Event::Progress {
                    resource: "push".into(),
                    message: status.to_owned(),
                    current: part.map(|part| part.0),
                    total: part.map(|part| part.1),
                };
                report.event(&repository, &event);
            },
        )
        .await?;
    Ok(format!("{repository}:{version}@{digest}"))
}

fn tell(report: &Report, line: &str) {
    let event = Event::Progress {
        resource: "build".into(),
        message: line.trim().to_owned(),
        current: None,
        total: None,
    };
    report.event("image", &event);
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self::new(Diagnostic::from(&failure))
    }
}

impl From<CommandError> for Failed {
    fn from(error: CommandError) -> Self {
        Self::new(Diagnostic::of(&error).hint(error.hint()))
    }
}

impl From<SourceError> for Failed {
    fn from(error: SourceError) -> Self {
        Self::new(
            Diagnostic::of(&error)
                .hint("run this in a git clone of ocrctl's repository, or name one with --source"),
        )
    }
}

impl From<ContextError> for Failed {
    fn from(error: ContextError) -> Self {
        let hint = "the clone may be damaged or changing: `git status`, then run this again";
        Self::new(Diagnostic::of(&error).hint(hint))
    }
}
