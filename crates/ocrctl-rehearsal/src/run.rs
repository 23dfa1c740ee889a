//! `ocrctl rehearse`: deploy to machines made for the purpose, and prove that it works.

use std::path::PathBuf;

use crate::written::Proofs;
use crate::{Provider, Rehearsal, Settings, Verdict};
use ocrctl::cli::{self, Cli, Command, Enter, Release};
use ocrctl::commands::{Failed, Outcome, Result};
use ocrctl::report::Report;
use ocrctl_protocol::Diagnostic;

pub async fn run(cli: Cli, report: &Report) -> Result {
    let Command::Rehearse(arguments) = cli.command else {
        return Err(Failed::usage(
            Diagnostic::new("this executable only rehearses")
                .hint("`ocrctl rehearse` starts it; everything else is done by ocrctl"),
        ));
    };
    let here = std::env::current_dir().map_err(|error| Failed::new(Diagnostic::of(&error)))?;
    let release = match arguments.release {
        Release::Bookworm => "bookworm",
        Release::Trixie => "trixie",
        Release::Jammy => "jammy",
        Release::Noble => "noble",
    };
    let provider = match arguments.provider {
        cli::Provider::Docker => Provider::Docker,
        cli::Provider::Libvirt => Provider::Libvirt,
        cli::Provider::Virtualbox => Provider::Virtualbox,
    };
    if arguments.only == ["?"] {
        Rehearsal::all().for_each(|name| report.data(&format!("{name}\n")));
        return Ok(Outcome::Done);
    }
    let docker = provider == Provider::Docker;
    if docker && matches!(arguments.release, Release::Jammy | Release::Noble) {
        let told = format!("there is no container of {release}: Ubuntu is rehearsed in VMs");
        return Err(Failed::usage(
            Diagnostic::new(told).hint("add `--provider libvirt` or `--provider virtualbox`"),
        ));
    }
    // A directory holds one set of machines.
    let name = match docker {
        true => release.to_owned(),
        false => format!("{release}-{}", provider.name()),
    };
    let state = arguments.state;
    let state = here.join(state.unwrap_or_else(|| PathBuf::from(".rehearsal").join(name)));
    let ocrctl = match arguments.ocrctl {
        Some(path) => here.join(path),
        None => std::env::current_exe()
            .map_err(|error| Failed::new(Diagnostic::of(&error)))?
            .with_file_name("ocrctl"),
    };
    let settings = Settings {
        ocrctl,
        release: release.to_owned(),
        provider,
        by_ssh: arguments.enter == Some(Enter::Ssh),
        smoke: arguments.smoke,
        image: arguments.image,
        scripts: here.join("vagrant"),
        state: state.clone(),
    };
    let mut rehearsal =
        Rehearsal::new(settings, &arguments.only, &arguments.skip).map_err(|part| {
            Failed::usage(
                Diagnostic::new(format!("no proof has `{part}` in its name"))
                    .hint("`ocrctl rehearse --only ?` lists them"),
            )
        })?;
    let mut proofs = Proofs::of(release, provider);
    let proved = rehearsal.run(|outcome| {
        proofs.add(outcome);
        let seconds = outcome.took.as_secs_f64();
        let line = match &outcome.verdict {
            Verdict::Held(seen) => format!("ok     {seconds:6.1} s  {}: {seen}\n", outcome.name),
            Verdict::LeftOut(why) => format!("left out         {}: {why}\n", outcome.name),
            Verdict::Failed(_) => format!(
                "FAILED {seconds:6.1} s  {}:\n{}\n",
                outcome.name, outcome.verdict
            ),
        };
        report.data(&line);
    });
    let proved = proved.await;
    proofs.write(&state).map_err(|error| {
        Failed::new(Diagnostic::new(format!(
            "the report can't be written: {error}"
        )))
    })?;
    if !arguments.keep && proved {
        rehearsal
            .down()
            .await
            .map_err(|error| Failed::new(Diagnostic::of(&error)))?;
    }
    let summary = proofs.summary();
    if !proved {
        return Err(Failed::new(Diagnostic::new(summary).hint(
            "the machines are left as they are: `make rehearse-down` removes them",
        )));
    }
    report.data(&format!("{summary}\n"));
    if arguments.smoke && arguments.keep {
        let access = rehearsal.access().await;
        report.data(&access.map_err(|error| Failed::new(Diagnostic::of(&error)))?);
    }
    Ok(Outcome::Done)
}
