//! The inventory's JSON Schema, in the dialect that all editors know (draft 07), from the parser's own structs. It takes
//! all that the parser takes.

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::assert_taken;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Value, json};

use super::schema::Inventory;

/// Of `ocrctl schema`.
pub fn inventory() -> Value {
    generate(SchemaSettings::draft07())
}

/// The same, but each `required` has all fields in the order of the source.
pub fn in_order() -> Value {
    generate(SchemaSettings::draft07().for_serialize())
}

fn generate(settings: SchemaSettings) -> Value {
    settings
        .with_transform(RecursiveTransform(plain_words))
        .with_transform(RecursiveTransform(on_one_line))
        .with_transform(RecursiveTransform(section))
        .into_generator()
        .into_root_schema_for::<Inventory>()
        .to_value()
}

/// Makes one list of the words of an enum, whether its variants have comments or not.
pub fn plain_words(schema: &mut Schema) {
    let words = schema
        .get("oneOf")
        .and_then(Value::as_array)
        .and_then(|all| {
            let words = all
                .iter()
                .map(|one| match (one.get("const"), one.get("enum")) {
                    (Some(word), _) => Some(vec![word.clone()]),
                    (None, Some(words)) => words.as_array().cloned(),
                    (None, None) => None,
                });
            words.collect::<Option<Vec<_>>>()
        });
    if let Some(words) = words {
        schema.remove("oneOf");
        schema.insert("enum".into(), words.concat().into());
    }
    if schema.get("enum").is_some() {
        schema.remove("type");
    }
}

/// Joins the lines of a comment.
pub fn on_one_line(schema: &mut Schema) {
    if let Some(Value::String(about)) = schema.get_mut("description") {
        *about = about.replace('\n', " ");
    }
}

/// A field is absent or has a value. But a section whose fields are all commented out is null, and so is such a list.
fn section(schema: &mut Schema) {
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        for field in fields.values_mut() {
            if field["type"] != json!(["array", "null"]) || field.get("minItems").is_some() {
                not_null(field);
            }
        }
        if schema.get("required").is_none() && schema.get("minProperties").is_none() {
            schema.insert("type".into(), json!(["object", "null"]));
        }
    }
}

/// Takes null from the values of a field.
pub fn not_null(field: &mut Value) {
    let Some(field) = field.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(any)) = field.get_mut("anyOf") {
        any.retain(|one| *one != json!({ "type": "null" }));
        if let [one] = any.as_mut_slice() {
            let one = one.take();
            field.remove("anyOf");
            if one.get("$ref").is_some() {
                // Beside a `$ref`, draft 07 reads nothing else.
                field.insert("allOf".into(), json!([one]));
            } else if let Value::Object(one) = one {
                for (keyword, rule) in one {
                    field.entry(keyword).or_insert(rule);
                }
            }
        }
    }
    if let Some(Value::Array(words)) = field.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Array(kinds)) = field.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_mut_slice() {
            let kind = kind.take();
            field.insert("type".into(), kind);
        }
    }
}
