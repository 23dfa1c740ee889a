//! The types of codes, by name, and which of them a request wants.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::rules::Rule;

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
    /// Found by its label, as are the next three.
    InvoiceNumber = "invoice_number";
    OrderNumber = "order_number";
    Date = "date";
    Amount = "amount";
    /// A batch or lot, by GS1's application identifier 10.
    Batch = "batch";
    /// By GS1's application identifier 21.
    SerialNumber = "serial_number";
    /// What a barcode holds, where it is of no other wanted type.
    Barcode = "barcode";
}

impl CodeType {
    /// Whether it stands in barcodes alone, so that text need not be read for it.
    fn needs_barcode(self) -> bool {
        matches!(self, Self::Batch | Self::SerialNumber | Self::Barcode)
    }

    /// Whether a barcode can hold it.
    fn fits_barcode(self) -> bool {
        // What is in a barcode without a label would be a guess: these have no check of their own there.
        !matches!(
            self,
            Self::InvoiceNumber | Self::EuVat | Self::Isin | Self::Luhn
        )
    }
}

/// The types and rules that a request wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    types: BTreeSet<CodeType>,
    /// Of the rules in force when the request came, those that are wanted.
    rules: Vec<Rule>,
    /// Whether the client named them.
    named: bool,
}

impl Default for Selection {
    fn default() -> Self {
        Self::all(&[])
    }
}

/// There is no such type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no type of code `{0}`")]
pub struct UnknownType(String);

impl Selection {
    /// What is looked for when a request does not say.
    pub fn all(rules: &[Rule]) -> Self {
        let on = |kind: &CodeType| *kind != CodeType::Luhn;
        Self {
            types: CodeType::ALL.iter().copied().filter(on).collect(),
            rules: rules.to_vec(),
            named: false,
        }
    }

    /// `none`, or names of types and of `rules`, separated by commas.
    ///
    /// # Errors
    /// A name that is none.
    pub fn parse(text: &str, rules: &[Rule]) -> Result<Self, UnknownType> {
        let mut wanted = Self {
            types: BTreeSet::new(),
            rules: Vec::new(),
            named: true,
        };
        if text == "none" {
            return Ok(wanted);
        }
        for name in text.split(',').map(str::trim) {
            let kind = CodeType::ALL.iter().find(|kind| kind.name() == name);
            let rule = rules.iter().find(|rule| rule.name == name);
            match (kind, rule) {
                (Some(kind), _) => {
                    wanted.types.insert(*kind);
                }
                (None, Some(rule)) if !wanted.rules.contains(rule) => {
                    wanted.rules.push(rule.clone());
                }
                (None, Some(_)) => {}
                (None, None) => return Err(UnknownType(name.to_owned())),
            }
        }
        Ok(wanted)
    }

    pub fn has(&self, kind: CodeType) -> bool {
        self.types.contains(&kind)
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn is_empty(&self) -> bool {
        self.types.is_empty() && self.rules.is_empty()
    }

    /// Whether barcodes are worth a look.
    pub fn wants_barcodes(&self) -> bool {
        !self.rules.is_empty() || self.types.iter().any(|kind| kind.fits_barcode())
    }

    /// Whether types or rules were asked for by name.
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// Whether nothing is left that text could give: every type was asked for by name, and each is among those that were
    /// `found` in barcodes, or is nowhere else.
    pub fn is_answered(&self, found: impl Fn(&str) -> bool) -> bool {
        self.named
            && self
                .types
                .iter()
                .all(|kind| kind.needs_barcode() || found(kind.name()))
            && self.rules.iter().all(|rule| found(&rule.name))
    }
}
