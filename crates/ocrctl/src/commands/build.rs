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
use ocrctl_inventory::{Environment, Inventory, Registry, language};
use ocrctl_protocol::{Diagnostic, Event, Failure, ImageRef, Level};

/// Where a base image can't be pulled, it is made from packages.
const BASE_IMAGES: Duration = Duration::from_secs(1800);

pub(super) async fn run(global: &Global, report: &Report, asked: &Build) -> Result {
    let (environment, languages) = wanted(&global.inventory, asked.environment.as_deref())?;
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
    let context = Context::pack(&source)?;
    let text = format!("{name} is {version} of {}", source.revision);
    let build = engine::Build {
        context: context.tar,
        dockerfile: "service/Dockerfile",
        name,
        arguments: vec![
            ("VERSION", version.clone()),
            ("REVISION", source.revision),
            ("SOURCE_DATE_EPOCH", source.time.to_string()),
            ("LANGUAGES", languages.join(",")),
        ],
        labels: vec![(SBOM_LABEL, SBOM.to_owned())],
        anew: asked.no_cache,
    };
    let id = engine.build(build, |line| tell(report, line)).await?;
    report.note(None, Level::Info, text);
    match environment.filter(|_| asked.push) {
        None => report.data(&format!("{id}\n")),
        Some(environment) => {
            let reference = push(global, report, &engine, &environment, &version, asked).await?;
            report.data(&format!("{reference}\n"));
        }
    }
    Ok(Outcome::Done)
}

/// The named environment, and the languages whose models go into the image: its own, or else those of all environments.
/// Without an inventory, English.
fn wanted(inventory: &Path, name: Option<&str>) -> Result<(Option<Environment>, Vec<String>)> {
    let mut languages: Vec<String> = Vec::new();
    let environment = match name {
        Some(name) => {
            let environment = Inventory::load(inventory)?.environment(name)?.clone();
            languages.clone_from(&environment.service.languages);
            Some(environment)
        }
        None if inventory.exists() => {
            for environment in Inventory::load(inventory)?.environments {
                languages.extend(environment.service.languages);
            }
            languages.sort();
            languages.dedup();
            None
        }
        None => {
            languages.push("eng".to_owned());
            None
        }
    };
    match languages.iter().find(|it| !language::is_known(it)) {
        Some(unknown) => Err(unknown_language(inventory, unknown)),
        None => Ok((environment, languages)),
    }
}

fn unknown_language(inventory: &Path, name: &str) -> Failed {
    let near = language::near(name);
    let hint = match near.as_slice() {
        [] => "`apt-cache search tesseract-ocr-` lists them; Tesseract writes `_` where packages write `-`".to_owned(),
        near => format!("did you mean {}?", near.join(", ")),
    };
    usage(
        format!(
            "there is no package with a model of Tesseract for `{name}`, which `service.languages` names in {}",
            inventory.display()
        ),
        &hint,
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    fn languages(inventory: Option<&str>, name: Option<&str>) -> Result<String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("inventory.yaml");
        if let Some(text) = inventory {
            std::fs::write(&path, text).unwrap();
        }
        Ok(wanted(&path, name)?.1.join(","))
    }

    #[test]
    fn installs_languages_of_one_environment_or_of_all() {
        let environment = |name: &str, languages: &str| {
            format!(
                "  {name}:\n    names: [{name}.example.org]\n    hosts: [address: {name}.example.org]\n    \
                 image: registry.example.org/o/n:1\n    service: {{languages: [{languages}]}}\n"
            )
        };
        let two = format!(
            "environments:\n{}{}",
            environment("prod", "rus, chi_sim"),
            environment("staging", "eng, rus")
        );
        assert_eq!(languages(Some(&two), Some("prod")).unwrap(), "rus,chi_sim");
        assert_eq!(languages(Some(&two), None).unwrap(), "chi_sim,eng,rus");
        assert_eq!(languages(None, None).unwrap(), "eng");

        let unknown = two.replace("chi_sim", "chi");
        let failed = languages(Some(&unknown), Some("prod")).unwrap_err();
        let diagnostic = &failed.diagnostics[0];
        assert!(diagnostic.message.contains("`chi`"));
        assert!(diagnostic.hint.as_deref().unwrap().contains("chi_tra"));
    }
}
