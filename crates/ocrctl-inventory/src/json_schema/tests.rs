//! Keeps the schema in step with what the parser takes.

use super::*;

const EXAMPLE: &str = include_str!("../../../../inventory.example.yaml");

/// The schema takes the text of an inventory. [`super::super::Inventory::parse`] calls this in tests, so that
/// whatever any test has the parser take is tried here, too.
pub fn assert_taken(text: &str) {
    let complaints = complaints(text);
    assert!(
        complaints.is_empty(),
        "the parser takes this and `ocrctl schema` does not; correct its form in crates/ocrctl-inventory/src/schema.rs:\n{}\n{text}",
        complaints.join("\n")
    );
}

fn complaints(text: &str) -> Vec<String> {
    let inventory = serde_saphyr::from_str(text).unwrap();
    let validator = jsonschema::validator_for(&super::inventory()).unwrap();
    let errors = validator.iter_errors(&inventory);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn every_field_has_a_comment() {
    let schema = super::inventory();
    let sections = schema["definitions"].as_object().unwrap().values();
    for section in sections.chain([&schema]) {
        assert!(section["description"].is_string(), "{section}");
        for (name, field) in section["properties"].as_object().unwrap() {
            assert!(field["description"].is_string(), "{name}");
        }
    }
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
        ("engine: auto", "engine: pp-ocr"),
        ("  partner:", "  Partner:"),
        (
            "    image: registry.example.org/example-org/ocr-service:0.1.0",
            "    #",
        ),
    ] {
        assert!(EXAMPLE.contains(right), "{right}");
        let text = EXAMPLE.replacen(right, wrong, 1);
        assert!(!complaints(&text).is_empty(), "{wrong} is taken");
    }
}

#[test]
fn each_default_is_that_of_the_example() {
    let example: Value = serde_saphyr::from_str(EXAMPLE).unwrap();
    let prod = example["environments"]["prod"].as_object().unwrap();
    let schema = super::inventory();
    let definitions = &schema["definitions"];
    for (name, written) in prod {
        let field = &definitions["Environment"]["properties"][name];
        let Some(section) = field["allOf"][0]["$ref"].as_str() else {
            continue;
        };
        let section = &schema.pointer(&section[1..]).unwrap()["properties"];
        for (name, written) in written.as_object().unwrap() {
            let about = section[name]["description"].as_str().unwrap();
            let default = about.split_once(" Default: ").map(|(_, default)| default);
            let written = format!("{}.", written.to_string().replace('"', ""));
            assert_eq!(
                default,
                Some(written.as_str()),
                "{name} in inventory.example.yaml"
            );
        }
    }
}
