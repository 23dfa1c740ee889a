//! Checks values against the JSON Schemas that ocrctl prints.

use regex::Regex;
use serde_json::Value;

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
