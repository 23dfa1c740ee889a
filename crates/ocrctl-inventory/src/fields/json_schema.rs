//! The inventory's JSON Schema, in the dialect that all editors know (draft 07). It takes all that the parser takes.

use serde_json::{Map, Value, json};

use super::{INVENTORY, Kind, SECRET_SOURCE, Section};

/// Of `ocrctl schema`.
pub fn json_schema() -> Value {
    let definitions: Map<String, Value> = INVENTORY
        .all()
        .into_iter()
        .filter(|section| section.name != INVENTORY.name)
        .map(|section| (section.name.to_owned(), mapping(section)))
        .collect();
    let mut schema = mapping(&INVENTORY);
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "The inventory of ocrctl".into();
    schema["definitions"] = Value::Object(definitions);
    schema
}

fn mapping(section: &'static Section) -> Value {
    let properties: Map<String, Value> = section
        .fields
        .iter()
        .map(|field| {
            let mut schema = value(&field.kind);
            let about = match field.default {
                Some(default) => format!("{} Default: {default}.", field.about),
                None => field.about.to_owned(),
            };
            // Beside a `$ref`, draft 07 reads nothing else.
            if schema.get("$ref").is_some() {
                schema = json!({ "allOf": [schema] });
            }
            schema["description"] = about.trim().into();
            (field.name.to_owned(), schema)
        })
        .collect();
    // A section whose fields are all commented out is null.
    let kinds = match section.required {
        [] if section.name != SECRET_SOURCE.name => json!(["object", "null"]),
        _ => json!("object"),
    };
    let mut schema = json!({
        "type": kinds,
        "description": section.about,
        "properties": properties,
        "additionalProperties": false,
    });
    if !section.required.is_empty() {
        schema["required"] = json!(section.required);
    }
    for [a, b] in section.together {
        schema["dependencies"] = json!({ *a: [b], *b: [a] });
    }
    if section.name == SECRET_SOURCE.name {
        schema["minProperties"] = 1.into();
        schema["maxProperties"] = 1.into();
    }
    schema
}

fn value(kind: &Kind) -> Value {
    match kind {
        // `1000` is a user's name, too.
        Kind::Text | Kind::Path => json!({ "type": ["string", "number"] }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Whole(low, high, word) => or_word(
            json!({ "type": "integer", "minimum": low, "maximum": high }),
            "^[0-9]+$",
            *word,
        ),
        Kind::Number(word) => or_word(
            json!({ "type": "number", "exclusiveMinimum": 0 }),
            "^[0-9.]+$",
            Some(word),
        ),
        Kind::Duration => {
            json!({ "type": "string", "pattern": "^[0-9]+\\s*[smh]$", "examples": ["30s", "2m", "1h"] })
        }
        Kind::Size => json!({
            "type": "string",
            "pattern": "^[0-9]+([.][0-9]+)?\\s*([KkMmGgTt][Ii]?)?[Bb]$",
            "examples": ["50MB", "2GiB"],
        }),
        Kind::YesOrNo => json!({ "anyOf": [{ "type": "boolean" }, { "enum": ["true", "false"] }] }),
        Kind::Secret => json!({ "$ref": reference(&SECRET_SOURCE) }),
        Kind::List(item) => json!({ "type": ["array", "null"], "items": value(item) }),
        Kind::Some(item) => json!({ "type": "array", "items": value(item), "minItems": 1 }),
        Kind::Section(section) => json!({ "$ref": reference(section) }),
        Kind::Named(section) => json!({
            "type": "object",
            "minProperties": 1,
            "patternProperties": { "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$": { "$ref": reference(section) } },
            "additionalProperties": false,
        }),
    }
}

/// A number, the same in quotes, or a word.
fn or_word(number: Value, quoted: &str, word: Option<&str>) -> Value {
    let mut any = vec![number, json!({ "type": "string", "pattern": quoted })];
    any.extend(word.map(|word| json!({ "enum": [word] })));
    json!({ "anyOf": any })
}

fn reference(section: &Section) -> String {
    format!("#/definitions/{}", section.name)
}
