//! Keeps inventory.example.yaml true: it is valid, complete, and names the defaults that are in force.

use std::path::Path;

use super::{Connection, Environment, Inventory, json_schema};

const EXAMPLE: &str = include_str!("../../../inventory.example.yaml");

fn environment(text: &str, name: &str) -> Environment {
    let inventory = Inventory::parse(text, Path::new("inventory.example.yaml")).unwrap();
    inventory.environment(name).unwrap().clone()
}

#[test]
fn each_default_in_it_is_the_default() {
    let bare = "
environments:
  prod:
    names: [ocr.example.org]
    hosts: [{address: ocr1.example.org}]
    image: registry.example.org/example-org/ocr-service:0.1.0
";
    assert_eq!(environment(EXAMPLE, "prod"), environment(bare, "prod"));
}

#[test]
fn every_field_with_a_default_is_in_the_part_that_shows_defaults() {
    let prod = EXAMPLE.split("  staging:").next().unwrap();
    // Left out, rules are the host's own and the runtime is Docker's choice: there is nothing to write.
    let without_default = |field: &str| ["rules", "runtime"].contains(&field);
    for section in ["Service", "Firewall", "Packages", "Hygiene"] {
        for field in fields(section).iter().filter(|f| !without_default(f)) {
            assert!(has(prod, field), "`{field}` is missing in prod");
        }
    }
}

#[test]
fn every_field_is_in_it() {
    let schema = json_schema::inventory();
    for section in schema["definitions"].as_object().unwrap().keys() {
        for field in fields(section) {
            assert!(has(EXAMPLE, &field), "`{field}` is missing");
        }
    }
}

#[test]
fn reads_fields_without_a_default() {
    let staging = environment(EXAMPLE, "staging");
    let host = &staging.hosts[0];
    assert_eq!((host.name.as_str(), host.port), ("staging1", Some(2222)));
    assert_eq!(host.user.as_deref(), Some("deploy"));
    assert_eq!(host.host_keys.len(), 1);
    assert!(host.identity_file.as_ref().unwrap().is_absolute());
    assert_eq!(host.connection, Connection::Openssh);
    assert!(host.sudo_password.is_some());
    assert_eq!(host.jump[0].to_string(), "deploy@bastion.example.org:22");
    assert_eq!(
        staging.firewall.allow[0].from.as_deref(),
        Some("10.0.0.0/8")
    );
    let ownership = &staging.ownership;
    assert_eq!(ownership.organization.as_deref(), Some("example-org"));
    assert_eq!(ownership.ssh_keys.len(), 2);
    assert!(
        ownership
            .ssh_keys
            .iter()
            .all(|key| key.starts_with("SHA256:"))
    );
    assert_eq!(ownership.sudoers, ["deploy"]);
    assert_eq!(staging.backup_recipients.len(), 1);
}

fn fields(section: &str) -> Vec<String> {
    let schema = json_schema::inventory();
    let fields = &schema["definitions"][section]["properties"];
    fields.as_object().unwrap().keys().cloned().collect()
}

/// Returns whether a key of this name occurs.
fn has(text: &str, field: &str) -> bool {
    text.match_indices(&format!("{field}:"))
        .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}
