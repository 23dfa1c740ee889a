//! The whole host on one page: an environment's desired state as the ordered list of its resources.

use crate::agent::{Result, keys};
use crate::protocol::Desired;
use crate::resources::certificate::Certificate;
use crate::resources::directory::{Directory, Group};
use crate::resources::file::{Content, File};
use crate::resources::firewall::{Firewall, ssh_port};
use crate::resources::host::Access;
use crate::resources::nginx::{Facts, Nginx};
use crate::resources::package::Packages;
use crate::resources::release::{CONTAINER_ID, LIVE, Release, SLOTS};
use crate::resources::unit::{Unit, Units};
use crate::resources::{Host, Resource};

/// In the order in which they are applied: what something needs stands before it.
pub fn resources(host: &Host, desired: &Desired) -> Result<Vec<Resource>> {
    let mut list = vec![Resource::Packages(Packages {
        names: vec!["ca-certificates", "ufw", "nginx", "docker.io"],
    })];
    // Closed before anything of ours opens.
    list.push(Resource::Firewall(Firewall {
        ssh_port: ssh_port(host)?,
        allow: desired.firewall.clone(),
    }));
    list.push(root_directory("/var/lib/ocrctl", 0o755));
    list.push(root_directory("/var/lib/ocrctl/webroot", 0o755));
    list.push(Resource::Certificate(Certificate {
        environment: desired.environment.clone(),
        names: desired.names.clone(),
        tls: desired.tls.clone(),
    }));
    list.push(Resource::Nginx(Nginx {
        names: desired.names.clone(),
        max_upload: desired.service.max_upload,
        deadline: desired.service.deadline,
        socket: format!("{LIVE}/ocr.sock"),
        facts: Facts::read(host)?,
    }));
    list.push(Resource::Units(Units {
        units: vec![
            Unit {
                name: "docker.service",
                package: "docker.io",
            },
            Unit {
                name: "nginx.service",
                package: "nginx",
            },
            Unit {
                name: "ufw.service",
                package: "ufw",
            },
        ],
    }));
    if let Some(ca) = &desired.registry.ca {
        let registry = desired.image.split('/').next().unwrap_or_default();
        // Docker reads it at each pull.
        list.push(Resource::File(File {
            path: format!("/etc/docker/certs.d/{registry}/ca.crt"),
            content: Content::Exact(ca.clone()),
            access: Access::root(0o644),
        }));
    }
    list.push(Resource::Directory(Directory {
        path: "/etc/ocr".into(),
        uid: 0,
        group: Group::Id(CONTAINER_ID),
        mode: 0o750,
    }));
    list.push(Resource::File(File {
        path: keys::PATH.into(),
        content: Content::Initial(keys::initial(host)?),
        access: keys::ACCESS,
    }));
    if let Some((path, json)) = keys::initial_copy(host)? {
        list.push(Resource::File(File {
            path,
            content: Content::Initial(json),
            access: keys::ACCESS,
        }));
    }
    list.push(root_directory("/var/lib/ocr", 0o755));
    // A socket in it belongs to NGINX's group too: the set-group-ID bit hands it on.
    list.extend(SLOTS.map(|slot| {
        Resource::Directory(Directory {
            path: slot.directory(),
            uid: CONTAINER_ID,
            group: Group::Name("www-data"),
            mode: 0o2750,
        })
    }));
    list.push(Resource::Release(Box::new(Release::of(desired))));
    Ok(list)
}

fn root_directory(path: &str, mode: u32) -> Resource {
    Resource::Directory(Directory {
        path: path.into(),
        uid: 0,
        group: Group::Id(0),
        mode,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::agent::plan;
    use crate::inventory::Inventory;

    #[tokio::test]
    async fn the_example_inventory_plans_a_bare_host() {
        let inventory = Inventory::load(Path::new("inventory.example.yaml")).unwrap();
        let mut environment = inventory.environment("prod").unwrap().clone();
        // What it refers to is the operator's; a tag would have to be asked for.
        environment.registry.credentials = None;
        environment.registry.ca = None;
        let mut desired = environment.desired().await.unwrap();
        desired.image = format!("registry.example.org/o/n@sha256:{}", "0".repeat(64));

        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let changes = plan(&host, desired.clone()).await.unwrap().changes;
        let names: Vec<&str> = changes
            .iter()
            .map(|change| change.resource.as_str())
            .collect();
        let all = resources(&host, &desired).unwrap().len();
        assert_eq!(names.len(), all, "everything is to be made: {names:?}");
        assert_eq!(
            (names[0], names[1], names[all - 1]),
            ("packages", "firewall", "release")
        );
    }
}
