//! References to secrets.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};

use super::{Path, Spanned, Text};

/// A reference, by what it is made of.
pub(crate) type Secret = Spanned<SecretRef, SecretSource>;

/// Where a secret is to be found. A secret written out is told apart and dropped at once: no error shows it.
#[derive(Debug)]
pub(crate) enum SecretRef {
    Reference(Box<SecretSource>),
    WrittenOut,
}

/// Place of a secret. It is read when it is needed and stored on no host; one line end at its end is dropped.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct SecretSource {
    /// An environment variable of ocrctl.
    pub env: Option<Text>,
    /// A file.
    pub file: Option<Text<Path>>,
    /// A program and its arguments; what it prints is the secret.
    #[schemars(length(min = 1))]
    pub command: Option<Spanned<Vec<Text>>>,
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = SecretRef;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a reference to a secret")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                SecretSource::deserialize(MapAccessDeserializer::new(map))
                    .map(|source| SecretRef::Reference(Box::new(source)))
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_i128<E: Error>(self, _: i128) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_u128<E: Error>(self, _: u128) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }
        }

        deserializer.deserialize_any(Either)
    }
}
