//! The operator's own commands around a change, such as one that tells a chat. They run here, not on the hosts, and
//! have the event as JSON on standard input.

use std::time::Duration;

use serde::Serialize;

use super::fleet::{Fleet, Switched};
use super::{Failed, Result};
use crate::report::Report;
use ocrctl_command::Program;
use ocrctl_inventory::Environment;
use ocrctl_protocol::{Diagnostic, Level};

/// A hook that hangs does not hang the deploy for ever.
const LIMIT: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Moment {
    PreDeploy,
    PostDeploy,
    PostRollback,
}

/// The input of a hook. `version` rises when a field is removed or changes its meaning.
#[derive(Debug, Serialize)]
struct Event<'a> {
    version: u32,
    event: Moment,
    environment: &'a str,
    operator: &'a str,
    /// RFC 3339.
    time: String,
    /// The image that the inventory names.
    image: String,
    hosts: Vec<HostEvent<'a>>,
    /// `done` or `failed`; nothing before it began.
    outcome: Option<&'static str>,
    error: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct HostEvent<'a> {
    name: &'a str,
    /// Releases before and after; of a host that was not changed, neither.
    from: Option<&'a str>,
    to: Option<&'a str>,
}

/// Runs the environment's hook of this moment, if it has one. `ended` is how the change went.
pub(super) async fn run(
    report: &Report,
    environment: &Environment,
    fleet: &Fleet<'_>,
    moment: Moment,
    ended: Option<&Result<Vec<Switched>>>,
) -> Result<()> {
    let hooks = &environment.hooks;
    let (name, command) = match moment {
        Moment::PreDeploy => ("pre_deploy", &hooks.pre_deploy),
        Moment::PostDeploy => ("post_deploy", &hooks.post_deploy),
        Moment::PostRollback => ("post_rollback", &hooks.post_rollback),
    };
    let Some((program, arguments)) = command.split_first() else {
        return Ok(());
    };
    let switched: &[Switched] = match ended {
        Some(Ok(switched)) => switched,
        _ => &[],
    };
    let error = match ended {
        Some(Err(failed)) => failed
            .diagnostics
            .first()
            .map(|first| first.message.as_str()),
        _ => None,
    };
    let hosts = fleet.names().map(|name| {
        let host = switched.iter().find(|switched| switched.host == name);
        HostEvent {
            name,
            from: host.and_then(|host| host.from.as_deref()),
            to: host.and_then(|host| host.to.as_deref()),
        }
    });
    let event = Event {
        version: 1,
        event: moment,
        environment: &environment.name,
        operator: fleet.operator(),
        time: jiff::Timestamp::now().to_string(),
        image: environment.image.to_string(),
        hosts: hosts.collect(),
        outcome: ended.map(|ended| if ended.is_ok() { "done" } else { "failed" }),
        error,
    };
    let input = serde_json::to_vec(&event).unwrap_or_default();
    report.note(None, Level::Info, format!("running the hook {name}"));
    let ran = Program::new(program)
        .args(arguments)
        .input(input)
        .timeout(LIMIT)
        .run()
        .await;
    ran.map(|_| ()).map_err(|error| {
        let hint = match moment {
            Moment::PreDeploy => "nothing was changed",
            Moment::PostDeploy | Moment::PostRollback => {
                "the hosts are as reported above; only the hook failed"
            }
        };
        Failed::new(Diagnostic::new(format!("hooks.{name}: {error}")).hint(hint))
    })
}
