//! The types with a check, one small file each.

mod eu_vat;
mod gs1;
mod iban;
mod isbn;
mod isin;
mod issn;
mod lei;
mod luhn;
mod vin;

use super::spec::Spec;
pub(super) use iban::length as iban_length;

pub(super) const SPECS: [&Spec; 11] = [
    &iban::SPEC,
    &lei::SPEC,
    &eu_vat::SPEC,
    &vin::SPEC,
    &isbn::SPEC,
    &issn::SPEC,
    &isin::SPEC,
    &gs1::SSCC,
    &luhn::IMEI,
    &gs1::GTIN,
    &luhn::CARD,
];
