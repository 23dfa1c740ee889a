//! Test support shared with other crates.

#[path = "../../../tests/support/json_schema.rs"]
pub(crate) mod json_schema;
