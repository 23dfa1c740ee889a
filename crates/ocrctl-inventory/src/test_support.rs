//! What unit tests share with those of other crates.

#[path = "../../../tests/support/json_schema.rs"]
pub(crate) mod json_schema;
