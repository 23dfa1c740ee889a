//! Forms of values, for the JSON Schema: what editors check before the parser does, which alone knows what else it refuses.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Location;

/// A value with its place in the file. `Form` is what its JSON Schema is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Spanned<T, Form = T> {
    pub value: T,
    pub referenced: Location,
    form: std::marker::PhantomData<Form>,
}

/// A scalar, whatever YAML would make of it: `22`, `no` and `1.5` are text until a field says otherwise.
pub(super) type Text<Form = Plain> = Spanned<String, Form>;

impl<'de, T: Deserialize<'de>, Form> Deserialize<'de> for Spanned<T, Form> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            value: spanned.value,
            referenced: spanned.referenced,
            form: std::marker::PhantomData,
        })
    }
}

impl<T, Form: JsonSchema> JsonSchema for Spanned<T, Form> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Form::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Form>()
    }
}

macro_rules! form {
    ($(#[$about:meta])* $form:ident $(<$($limit:ident),*>)?: $schema:tt) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub(super) enum $form $(<$(const $limit: u32),*>)? {}

        impl $(<$(const $limit: u32),*>)? JsonSchema for $form $(<$($limit),*>)? {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                std::any::type_name::<Self>().into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

form!(
    /// Text. `1000` is a user's name, too.
    Plain: { "type": ["string", "number"] }
);
form!(Path: { "type": ["string", "number"], "format": "path" });
form!(
    /// A whole number, perhaps in quotes.
    Whole<LOW, HIGH>: { "anyOf": [
        { "type": "integer", "minimum": LOW, "maximum": HIGH },
        { "type": "string", "pattern": "^[0-9]+$" },
    ] }
);
form!(WholeOrAuto<LOW, HIGH>: { "anyOf": [
    { "type": "integer", "minimum": LOW, "maximum": HIGH },
    { "type": "string", "pattern": "^[0-9]+$" },
    { "enum": ["auto"] },
] });
form!(Cores: { "anyOf": [
    { "type": "number", "exclusiveMinimum": 0 },
    { "type": "string", "pattern": "^[0-9.]+$" },
    { "enum": ["all"] },
] });
form!(Duration: { "type": "string", "pattern": "^[0-9]+\\s*[smh]$", "examples": ["30s", "2m", "1h"] });
form!(Size: {
    "type": "string",
    "pattern": "^[0-9]+([.][0-9]+)?\\s*([KkMmGgTt][Ii]?)?[Bb]$",
    "examples": ["50MB", "2GiB"],
});
form!(YesOrNo: { "anyOf": [{ "type": "boolean" }, { "enum": ["true", "false"] }] });

/// Sections by names of the operator's choice.
pub(super) fn named<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "patternProperties": { "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$": generator.subschema_for::<T>() },
        "additionalProperties": false,
    })
}
