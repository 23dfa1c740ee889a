//! Keeps fields.rs in step with what the parser takes.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::*;

const EXAMPLE: &str = include_str!("../../../inventory.example.yaml");

/// The schema takes the text of an inventory. [`super::super::Inventory::parse`] calls this in tests, so that
/// whatever any test has the parser take is tried here, too.
pub fn assert_taken(text: &str) {
    let inventory = serde_saphyr::from_str(text).unwrap();
    let complaints = complaints(&inventory);
    assert!(
        complaints.is_empty(),
        "the parser takes this and `ocrctl schema` does not; correct src/inventory/fields.rs:\n{}\n{text}",
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
                "`{field}` of `{section}` (src/inventory/schema.rs) is not described: add it to the section of that \
                 name in src/inventory/fields.rs, then `make reference`"
            );
        }
    }
    assert_eq!(
        described, parser,
        "src/inventory/fields.rs has what src/inventory/schema.rs has not"
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
                "default of {}.{} in src/inventory/fields.rs, and in inventory.example.yaml",
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

/// The part of JSON Schema that is used here. A keyword that it does not know is a failure.
pub struct Validator<'a> {
    pub root: &'a Value,
}

impl Validator<'_> {
    pub fn check(&self, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
        for (keyword, rule) in schema.as_object().unwrap() {
            if let Some(complaint) = self.keyword(schema, keyword, rule, value, at, out) {
                out.push(format!("{at}: {complaint}"));
            }
        }
    }

    fn takes(&self, schema: &Value, value: &Value) -> bool {
        let mut out = Vec::new();
        self.check(schema, value, "", &mut out);
        out.is_empty()
    }

    fn keyword(
        &self,
        schema: &Value,
        keyword: &str,
        rule: &Value,
        value: &Value,
        at: &str,
        out: &mut Vec<String>,
    ) -> Option<String> {
        let number = |value: &Value| value.as_f64().unwrap();
        let count = || usize::try_from(rule.as_u64().unwrap()).unwrap();
        match (keyword, value) {
            ("$schema" | "title" | "description" | "definitions" | "examples" | "format", _) => {
                None
            }
            ("$ref", _) => {
                let path = rule.as_str().unwrap().strip_prefix('#').unwrap();
                self.check(self.root.pointer(path).unwrap(), value, at, out);
                None
            }
            ("allOf", _) => {
                for schema in rule.as_array().unwrap() {
                    self.check(schema, value, at, out);
                }
                None
            }
            ("anyOf", _) => {
                let all = rule.as_array().unwrap();
                let taken = all.iter().any(|schema| self.takes(schema, value));
                (!taken).then(|| format!("{value} is none of {rule}"))
            }
            ("type", _) => {
                let kinds = rule
                    .as_array()
                    .map_or(std::slice::from_ref(rule), |all| all);
                let fits = kinds.iter().any(|kind| is(kind.as_str().unwrap(), value));
                (!fits).then(|| format!("{value} is no {rule}"))
            }
            ("enum", _) => (!rule.as_array().unwrap().contains(value))
                .then(|| format!("{value} is none of {rule}")),
            ("const", _) => (rule != value).then(|| format!("{value} is not {rule}")),
            ("pattern", Value::String(text)) => {
                let pattern = Regex::new(rule.as_str().unwrap()).unwrap();
                (!pattern.is_match(text)).then(|| format!("{text} is not {rule}"))
            }
            ("minimum", Value::Number(_)) => {
                (number(value) < number(rule)).then(|| format!("{value} is below {rule}"))
            }
            ("exclusiveMinimum", Value::Number(_)) => {
                (number(value) <= number(rule)).then(|| format!("{value} is not above {rule}"))
            }
            ("maximum", Value::Number(_)) => {
                (number(value) > number(rule)).then(|| format!("{value} is above {rule}"))
            }
            ("items", Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.check(rule, item, &format!("{at}[{index}]"), out);
                }
                None
            }
            ("minItems", Value::Array(items)) => {
                (items.len() < count()).then(|| "too few items".to_owned())
            }
            ("minProperties", Value::Object(fields)) => {
                (fields.len() < count()).then(|| "too few fields".to_owned())
            }
            ("maxProperties", Value::Object(fields)) => {
                (fields.len() > count()).then(|| "too many fields".to_owned())
            }
            ("required", Value::Object(fields)) => rule
                .as_array()
                .unwrap()
                .iter()
                .find(|name| !fields.contains_key(name.as_str().unwrap()))
                .map(|name| format!("{name} is missing")),
            ("dependencies", Value::Object(fields)) => rule
                .as_object()
                .unwrap()
                .iter()
                .filter(|(name, _)| fields.contains_key(*name))
                .flat_map(|(_, needed)| needed.as_array().unwrap())
                .find(|name| !fields.contains_key(name.as_str().unwrap()))
                .map(|name| format!("{name} is missing")),
            (
                "properties" | "patternProperties" | "additionalProperties",
                Value::Object(fields),
            ) => {
                for (name, field) in fields {
                    if keyword == Self::owner(schema, name) {
                        let below = match keyword {
                            "properties" => &rule[name],
                            "patternProperties" => {
                                rule.as_object().unwrap().values().next().unwrap()
                            }
                            "additionalProperties" if rule.is_object() => rule,
                            _ => {
                                out.push(format!("{at}: `{name}` is not known"));
                                continue;
                            }
                        };
                        self.check(below, field, &format!("{at}.{name}"), out);
                    }
                }
                None
            }
            (
                "pattern"
                | "minimum"
                | "exclusiveMinimum"
                | "maximum"
                | "items"
                | "minItems"
                | "minProperties"
                | "maxProperties"
                | "required"
                | "dependencies"
                | "properties"
                | "patternProperties"
                | "additionalProperties",
                _,
            ) => None,
            _ => panic!("the keyword {keyword} is not known here"),
        }
    }

    /// The keyword that a field of this name falls under.
    fn owner(schema: &Value, name: &str) -> &'static str {
        let patterns = schema["patternProperties"].as_object();
        if schema["properties"].get(name).is_some() {
            "properties"
        } else if patterns
            .is_some_and(|all| all.keys().any(|it| Regex::new(it).unwrap().is_match(name)))
        {
            "patternProperties"
        } else {
            "additionalProperties"
        }
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    }
}
