//! docs/reference/json-lines.md and its schema, from the types of the lines and their comments.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Value, json};

use super::*;
use ocrctl_inventory::json_schema::{not_null, on_one_line, plain_words};

/// A line of each type, and of each of its forms.
const EXAMPLES: &str = include_str!("examples.jsonl");

/// docs/reference/json-lines.schema.json: of one line.
pub fn schema() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": format!("A line of `ocrctl --json`, version {VERSION}"),
        "anyOf": lines(),
    })
}

/// The schema of each type of line.
fn lines() -> Vec<Value> {
    let settings = SchemaSettings::draft07()
        .for_serialize()
        .with(|settings| settings.inline_subschemas = true);
    let mut generator = settings.into_generator();
    let types = [
        generator.root_schema_for::<Event>(),
        generator.root_schema_for::<Own>(),
    ];
    let mut lines = Vec::new();
    for mut schema in types {
        RecursiveTransform(plain_words).transform(&mut schema);
        RecursiveTransform(on_one_line).transform(&mut schema);
        RecursiveTransform(absent_or_not_null).transform(&mut schema);
        lines.extend(schema.to_value()["oneOf"].as_array().unwrap().clone());
    }
    lines.sort_by_key(|line| type_of(line) != "header");
    for line in &mut lines {
        line["properties"]["time"] = json!({ "type": "string", "format": "date-time" });
        line["properties"]["host"] = json!({ "type": "string" });
        line["required"].as_array_mut().unwrap().push("time".into());
    }
    lines
}

/// A field that may be absent is left out instead of being null.
fn absent_or_not_null(schema: &mut Schema) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let required = required.as_array().cloned().unwrap_or_default();
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, field) in fields.into_iter().flatten() {
        if !required.iter().any(|it| it == name) {
            not_null(field);
        }
    }
}

fn type_of(line: &Value) -> &str {
    line["properties"]["type"]["const"].as_str().unwrap()
}

fn examples(of: &str) -> Vec<Value> {
    let examples = EXAMPLES
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    examples
        .filter(|example: &Value| example["type"] == of)
        .collect()
}

#[test]
fn each_type_of_line_has_an_example_that_is_written_like_that() {
    let mut seen = 0;
    for line in lines() {
        let of = type_of(&line);
        assert!(
            !examples(of).is_empty(),
            "add a line of type `{of}` to examples.jsonl, then `make reference`"
        );
        for mut example in examples(of) {
            seen += 1;
            if let Ok(event) = serde_json::from_value::<Event>(example.clone()) {
                assert_eq!(serde_json::to_value(event).unwrap(), example);
            }
            let unknown = |name: &&String| {
                line["properties"].get(name).is_none() && line.get("oneOf").is_none()
            };
            assert_eq!(
                example.as_object().unwrap().keys().find(unknown),
                None,
                "{example}"
            );
            example["time"] = "2026-03-01T12:00:00.500Z".into();
            if let Err(error) = jsonschema::validate(&line, &example) {
                panic!("{of}: {error} at {}", error.instance_path());
            }
        }
    }
    assert_eq!(seen, EXAMPLES.lines().count(), "of an unknown type");
}

/// docs/reference/json-lines.md.
pub fn markdown() -> String {
    let mut out = format!(
        "# Lines of `--json`, version {VERSION}\n\n\
         With `--json`, standard output is one JSON object a line and nothing else. Each has `type` and `time` (RFC 3339, UTC), and\n\
         `host` where it is about one. `version` in the first line rises when a type or a field is removed or changes its meaning;\n\
         readers ignore types and fields that they do not know. The same as a JSON Schema: [json-lines.schema.json](json-lines.schema.json).\n\n\
         `?` after a type: or null. `*`: may be absent.\n"
    );
    for line in lines() {
        let (of, about) = (type_of(&line), text(&line["description"]));
        out += &format!("\n## `{of}`\n\n{about}\n\n| field | type | |\n|---|---|---|\n");
        let mut rows = String::new();
        fields(&line, "", &mut rows);
        out += &rows;
        out += "\n```json\n";
        for example in examples(of) {
            out += &format!("{example}\n");
        }
        out += "```\n";
    }
    out
}

/// Writes a row for each field of an object, and for those below it.
fn fields(object: &Value, at: &str, out: &mut String) {
    write_fields(object, object, at, "", out);
    let variants = object["oneOf"].as_array().into_iter().flatten();
    let variants: Vec<&Value> = variants.collect();
    let tag = variants.iter().find_map(|variant| {
        let mut fields = variant["properties"].as_object()?.iter();
        fields.find(|(_, field)| field.get("const").is_some())
    });
    let Some((tag, _)) = tag else {
        return;
    };
    let word = |variant: &Value| text(&variant["properties"][tag]["const"]).to_owned();
    let words: Vec<String> = variants.iter().map(|variant| word(variant)).collect();
    let meanings = variants.iter().filter_map(|variant| {
        Some(format!(
            "`{}`: {}",
            word(variant),
            variant["description"].as_str()?
        ))
    });
    let meanings: Vec<String> = meanings.collect();
    *out += &format!(
        "| `{at}{tag}` | {} | {} |\n",
        words.join("\\|"),
        meanings.join(" ")
    );
    for variant in variants {
        let mut fields = variant.clone();
        fields["properties"].as_object_mut().unwrap().remove(tag);
        write_fields(&fields, variant, at, &word(variant), out);
    }
}

fn write_fields(object: &Value, required: &Value, at: &str, with: &str, out: &mut String) {
    let Some(properties) = object["properties"].as_object() else {
        return;
    };
    let required: Vec<&str> = required["required"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text)
        .collect();
    // In the order of the source, then those that may be absent.
    let optional = properties
        .keys()
        .map(String::as_str)
        .filter(|name| !required.contains(name));
    for name in required.iter().copied().chain(optional) {
        let Some(field) = properties.get(name) else {
            continue;
        };
        if at.is_empty() && ["time", "host", "type"].contains(&name) {
            continue;
        }
        let star = if required.contains(&name) && with.is_empty() {
            ""
        } else {
            "*"
        };
        write_field(field, &format!("{at}{name}"), star, with, out);
    }
}

fn write_field(field: &Value, path: &str, star: &str, with: &str, out: &mut String) {
    let about = match (with, text(&field["description"])) {
        ("", about) => about.to_owned(),
        (with, "") => format!("With `{with}`."),
        (with, about) => format!("With `{with}`: {about}"),
    };
    let (field, null) = without_null(field);
    let null = if null { "?" } else { "" };
    let items = &field["items"];
    let map = &field["additionalProperties"];
    let (below, path) = match () {
        () if items.is_object() => (items, format!("{path}[]")),
        () if map.is_object() => (map, format!("{path}.ID")),
        () => (&field, path.to_owned()),
    };
    let words = below["enum"].as_array().into_iter().flatten().map(text);
    let words: Vec<&str> = words.collect();
    let kind = match text(&below["type"]) {
        _ if !words.is_empty() => words.join("\\|"),
        _ if text(&below["format"]) == "date-time" => "time".to_owned(),
        "string" => "text".to_owned(),
        "boolean" => "yes/no".to_owned(),
        "" => "object".to_owned(),
        other => other.to_owned(),
    };
    // Of an object that is always there, its fields say all.
    if kind != "object" || !about.is_empty() || !(null.is_empty() && star.is_empty()) {
        let row = format!("| `{path}` | {kind}{null}{star} | ");
        // A field of several variants has one row.
        let there = out.find(&row);
        match there.and_then(|at| Some(at + out[at..].find(" |\n")?)) {
            Some(end) => out.insert_str(end, &format!(" {about}")),
            None => *out += &format!("{row}{about} |\n"),
        }
    }
    fields(below, &format!("{path}."), out);
}

/// The schema without null, and if null is allowed.
fn without_null(field: &Value) -> (Value, bool) {
    if let Some([one, null]) = field["anyOf"].as_array().map(Vec::as_slice)
        && null["type"] == "null"
    {
        return (one.clone(), true);
    }
    let mut field = field.clone();
    let mut null = false;
    if let Some(words) = field["enum"].as_array_mut() {
        null = words.iter().any(Value::is_null);
        words.retain(|word| !word.is_null());
    }
    if let Some([kind, _]) = field["type"].as_array().map(Vec::as_slice) {
        field["type"] = kind.clone();
        null = true;
    }
    (field, null)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
