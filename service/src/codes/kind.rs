//! The built-in types, by name, and which of them a request wants.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// A built-in type. The more telling ones come first: where two types fit the same characters, the first is taken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum CodeType { $($(#[$doc])* #[serde(rename = $text)] $name,)+ }

        impl CodeType {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// As in `type` and in `?codes=`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

types! {
    Iban = "iban";
    Lei = "lei";
    EuVat = "eu_vat";
    Vin = "vin";
    Isbn = "isbn";
    Issn = "issn";
    Isin = "isin";
    Sscc = "sscc";
    Imei = "imei";
    Gtin = "gtin";
    /// Card-like numbers. Sensitive, and a weak check: only when it is asked for.
    Luhn = "luhn";
}

/// The types that a request wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection(BTreeSet<CodeType>);

impl Default for Selection {
    fn default() -> Self {
        let off = CodeType::Luhn;
        Self(
            CodeType::ALL
                .iter()
                .copied()
                .filter(|kind| *kind != off)
                .collect(),
        )
    }
}

/// There is no such type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no type of code `{0}`")]
pub struct UnknownType(String);

impl Selection {
    /// `none`, or names separated by commas.
    ///
    /// # Errors
    /// A name that is none.
    pub fn parse(text: &str) -> Result<Self, UnknownType> {
        if text == "none" {
            return Ok(Self(BTreeSet::new()));
        }
        let known = |name: &str| {
            let name = name.trim();
            let kind = CodeType::ALL
                .iter()
                .copied()
                .find(|kind| kind.name() == name);
            kind.ok_or_else(|| UnknownType(name.to_owned()))
        };
        text.split(',')
            .map(known)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub fn has(&self, kind: CodeType) -> bool {
        self.0.contains(&kind)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
