//! `ocrctl plan ENV`: what a deploy would change.

use super::fleet::Fleet;
use super::{Outcome, Result, archive, environment, limited};
use crate::cli::{Global, Plan};
use crate::report::Report;

pub(super) async fn run(global: &Global, report: &Report, asked: &Plan) -> Result {
    let environment = environment(global, &asked.environment.environment)?;
    let environment = limited(environment, &asked.limit)?;
    let archive = archive::open(report, &asked.archive, &environment)?;
    let desired = archive::desired(&environment, archive.as_ref()).await?;
    let (mut fleet, unreachable) = Fleet::reach(global, report, &environment).await;
    let plans = fleet.plan(&desired).await;
    fleet.close().await;
    let plans = match (plans, unreachable) {
        (Ok(plans), None) => plans,
        (Ok(_), Some(failed)) => return Err(failed),
        (Err(failed), unreachable) => return Err(failed.and(unreachable)),
    };
    if plans.iter().all(|plan| plan.changes.is_empty()) {
        Ok(Outcome::Done)
    } else {
        Ok(Outcome::Changes)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ocrctl_agent::host::Host;
    use ocrctl_agent::requests::plan;
    use ocrctl_agent::resources::Resource;
    use ocrctl_agent::stack;
    use ocrctl_inventory::Inventory;

    #[tokio::test]
    async fn the_example_inventory_plans_a_bare_host() {
        let inventory = Inventory::load(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../inventory.example.yaml"
        )))
        .unwrap();
        let mut environment = inventory.environment("prod").unwrap().clone();
        // The example's credentials and CA are no files of this machine, and a digest needs no request for a tag.
        environment.registry.credentials = None;
        environment.registry.ca = None;
        let mut desired = environment.desired().await.unwrap();
        desired.image = desired.image.pinned(format!("sha256:{}", "0".repeat(64)));

        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let changes = plan(&host, desired.clone()).await.unwrap().changes;
        let names: Vec<&str> = changes
            .iter()
            .map(|change| change.resource.as_str())
            .collect();
        let mut wanted = stack::resources(&host, &desired).await.unwrap();
        // certbot has never been there, nor has sshd, and nobody is to be told anything.
        wanted.retain(|resource| {
            let unneeded = matches!(
                resource,
                Resource::RetiredCertbot(_) | Resource::Sshd(_) | Resource::SecretFile(_)
            );
            !unneeded
        });
        let all = wanted.len();
        assert_eq!(names.len(), all, "everything is to be made: {names:?}");
        assert_eq!(
            (names[0], names[1], names[all - 1]),
            ("packages", "firewall", "release")
        );
    }
}
