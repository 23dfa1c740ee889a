//! Keeps fields.rs in step with what the parser takes.

use std::collections::BTreeMap;

use crate::test_support::json_schema::Validator;
use serde_json::Value;

use super::*;

const EXAMPLE: &str = include_str!("../../../../inventory.example.yaml");

/// The schema takes the text of an inventory. [`super::super::Inventory::parse`] calls this in tests, so that
/// whatever any test has the parser take is tried here, too.
pub fn assert_taken(text: &str) {
    let inventory = serde_saphyr::from_str(text).unwrap();
    let complaints = complaints(&inventory);
    assert!(
        complaints.is_empty(),
        "the parser takes this and `ocrctl schema` does not; correct crates/ocrctl-inventory/src/fields.rs:\n{}\n{text}",
        complaints.join("\n")
    );
}

fn complaints(inventory: &Value) -> Vec<String> {
    let schema = json_schema();
    let mut complaints = Vec::new();
    Validator { root: &schema }.check(&schema, inventory, "inventory", &mut complaints);
    complaints
}

#[test]
fn every_field_of_the_parser_is_described_and_no_other() {
    let parser = fields_of(include_str!("../schema.rs"));
    let described: BTreeMap<&str, Vec<&str>> = INVENTORY
        .all()
        .into_iter()
        .map(|section| {
            let mut names: Vec<&str> = section.fields.iter().map(|field| field.name).collect();
            names.sort_unstable();
            (section.name, names)
        })
        .collect();
    for (section, fields) in &parser {
        for field in fields {
            assert!(
                described
                    .get(section)
                    .is_some_and(|all| all.contains(field)),
                "`{field}` of `{section}` (crates/ocrctl-inventory/src/schema.rs) is not described: add it to the section of that \
                 name in crates/ocrctl-inventory/src/fields.rs, then `make reference`"
            );
        }
    }
    assert_eq!(
        described, parser,
        "crates/ocrctl-inventory/src/fields.rs has what crates/ocrctl-inventory/src/schema.rs has not"
    );
}

#[test]
fn the_example_is_taken_and_its_mistakes_are_not() {
    assert_taken(EXAMPLE);
    for (right, wrong) in [
        ("names: [ocr.example.org]", "nmaes: [ocr.example.org]"),
        ("      page_timeout: 30s", "      page_timout: 30s"),
        ("      page_timeout: 30s", "      page_timeout: 30"),
        ("max_upload: 50MB", "max_upload: 50M"),
        ("max_pages: 2000", "max_pages: 0"),
        ("issuer: acme ", "issuer: acne "),
        ("port: 2222", "port: 70000"),
        ("port: 2222", "port: ssh"),
        ("workers: auto", "workers: all"),
        ("require_sandbox: true", "require_sandbox: maybe"),
        (
            "password: {env: OCR_REGISTRY_PASSWORD}",
            "password: hunter2",
        ),
        (
            "password: {env: OCR_REGISTRY_PASSWORD}",
            "password: {env: A, file: B}",
        ),
        ("      username: ocr-pull\n", ""),
        (
            "        - port: 9100\n          protocol: tcp",
            "        - protocol: tcp",
        ),
        ("languages: [eng]", "languages: []"),
        ("  partner:", "  Partner:"),
        (
            "    image: registry.example.org/example-org/ocr-service:0.1.0",
            "    #",
        ),
    ] {
        assert!(EXAMPLE.contains(right), "{right}");
        let text = EXAMPLE.replacen(right, wrong, 1);
        let inventory = serde_saphyr::from_str(&text).unwrap();
        assert!(!complaints(&inventory).is_empty(), "{wrong} is taken");
    }
}

#[test]
fn each_default_is_that_of_the_example() {
    let example: Value = serde_saphyr::from_str(EXAMPLE).unwrap();
    let prod = &example["environments"]["prod"];
    for field in INVENTORY.all()[1].fields {
        let (Some(section), Some(value)) = (field.kind.section(), prod.get(field.name)) else {
            continue;
        };
        for field in section.fields {
            let Some(written) = value.get(field.name) else {
                continue;
            };
            let text = written.to_string().replace('"', "");
            assert_eq!(
                field.default,
                Some(text.as_str()),
                "default of {}.{} in crates/ocrctl-inventory/src/fields.rs, and in inventory.example.yaml",
                section.name,
                field.name
            );
        }
    }
}

/// The fields of each struct in the text of `schema.rs`, sorted.
fn fields_of(source: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut current = None;
    for line in source.lines() {
        if let Some(rest) = line.strip_prefix("pub(super) struct ") {
            current = rest.split(' ').next();
        } else if line == "}" {
            current = None;
        } else if let (Some(name), Some(rest)) = (current, line.strip_prefix("    pub ")) {
            let field = rest.split(':').next().unwrap();
            found.entry(name).or_default().push(field);
        }
    }
    found.values_mut().for_each(|fields| fields.sort_unstable());
    found
}
