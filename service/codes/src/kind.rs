//! Types of codes, by name, and the selection of a request.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::rules::Rule;

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// A built-in type. More specific types come first: if two types match the same characters, the first one is
        /// reported.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum CodeType { $($(#[$doc])* #[serde(rename = $text)] $name,)+ }

        impl CodeType {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Name in `type` and in `?codes=`.
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
    /// Card-like numbers. They are sensitive and have a weak check, so they are searched for only on request.
    Luhn = "luhn";
    /// Found by its label, as are the next three.
    InvoiceNumber = "invoice_number";
    OrderNumber = "order_number";
    Date = "date";
    Amount = "amount";
    /// Batch or lot, by GS1's application identifier 10.
    Batch = "batch";
    /// Serial number, by GS1's application identifier 21.
    SerialNumber = "serial_number";
    /// Content of a barcode that is of no other wanted type.
    Barcode = "barcode";
}

impl CodeType {
    /// True if it occurs only in barcodes, so that no text need be read for it.
    fn needs_barcode(self) -> bool {
        matches!(self, Self::Batch | Self::SerialNumber | Self::Barcode)
    }

    /// True if it can occur in a barcode.
    fn fits_barcode(self) -> bool {
        // These have no check of their own in a barcode, so without a label they would be guesses.
        !matches!(
            self,
            Self::InvoiceNumber | Self::EuVat | Self::Isin | Self::Luhn
        )
    }
}

/// Types and rules that a request wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    types: BTreeSet<CodeType>,
    /// The wanted ones of the rules that were in force when the request arrived.
    rules: Vec<Rule>,
    /// True if the client named them.
    named: bool,
}

impl Default for Selection {
    fn default() -> Self {
        Self::all(&[])
    }
}

/// Error for an unknown type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a type of code")]
pub struct UnknownType(String);

impl Selection {
    /// The default selection of a request.
    pub fn all(rules: &[Rule]) -> Self {
        let on = |kind: &CodeType| *kind != CodeType::Luhn;
        Self {
            types: CodeType::ALL.iter().copied().filter(on).collect(),
            rules: rules.to_vec(),
            named: false,
        }
    }

    /// Parses `none`, or names of types and of `rules`, separated by commas.
    ///
    /// # Errors
    /// Returns the first unknown name.
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

    /// True if barcodes have to be searched for.
    pub fn wants_barcodes(&self) -> bool {
        !self.rules.is_empty() || self.types.iter().any(|kind| kind.fits_barcode())
    }

    /// True if the client named types or rules.
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// True if the text can't add anything: the client named all types, and each was `found` in barcodes or occurs
    /// nowhere else.
    pub fn is_answered(&self, found: impl Fn(&str) -> bool) -> bool {
        self.named
            && self
                .types
                .iter()
                .all(|kind| kind.needs_barcode() || found(kind.name()))
            && self.rules.iter().all(|rule| found(&rule.name))
    }
}
