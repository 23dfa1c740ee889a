//! VAT numbers of the European Union's states and of Northern Ireland, with their national checks. The checks agree
//! with python-stdnum's on the numbers of tests/fixtures/codes.tsv. VAT numbers that are a person's personal number are
//! left out: Bulgaria's of 10 digits, Czechia's of 9 and 10, and Latvia's that begin with 0 to 3.

mod checks;

use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Seen, Spec, as_letters, places as pattern};
use checks::passes;

pub(crate) const SPEC: Spec = Spec {
    kind: CodeType::EuVat,
    scheme: "eu-vat",
    labels: &[
        "vat",
        "vat id",
        "vat no",
        "vat number",
        "vat reg no",
        "vat registration",
        "vat identification",
        "umsatzsteuer id",
        "umsatzsteuer idnr",
        "umsatzsteuer identifikationsnummer",
        "umsatzsteueridentifikationsnummer",
        "ust identifikationsnummer",
        "ust id",
        "ust idnr",
        // The I is lost in small type.
        "ust dnr",
        "ustid",
        "ustidnr",
        "uid",
        "btw",
        "btw nummer",
        "btw identificatienummer",
        "tva",
        "tva intra",
        "tva intracom",
        "tva intracommunautaire",
        "partita iva",
        "p iva",
        "iva",
        "iva intracomunitario",
        "nif",
        "n i f",
        "nipc",
        "contribuinte",
        "cif",
        "nip",
        "cvr",
        "moms",
        "momsnr",
        "momsregistreringsnummer",
        "alv",
        "dph",
        "dič",
        "áfa",
        "pvm",
        "pvm kodas",
        "mokėtojo kodas",
        "pvn",
        "pdv",
        "ddv",
        "kmkr",
        "oib",
        "cui",
        "cod fiscal",
        "adószám",
        "közösségi adószám",
    ],
    length: (8, 14),
    separators: &['.', '-'],
    places,
    check,
    believe,
    repair: Repair::Forced,
};

/// Country and the places after it: `d` for a digit, `a` for a letter, `*` for either.
const FORMS: [(&str, &str); 34] = [
    ("AT", "adddddddd"),
    ("BE", "dddddddddd"),
    ("BG", "ddddddddd"),
    ("CY", "dddddddda"),
    ("CZ", "dddddddd"),
    ("DE", "ddddddddd"),
    ("DK", "dddddddd"),
    ("EE", "ddddddddd"),
    ("EL", "ddddddddd"),
    ("ES", "*ddddddd*"),
    ("FI", "dddddddd"),
    ("FR", "ddddddddddd"),
    ("HR", "ddddddddddd"),
    ("HU", "dddddddd"),
    ("IE", "ddddddda"),
    ("IE", "dddddddaa"),
    ("IT", "ddddddddddd"),
    ("LT", "ddddddddd"),
    ("LT", "dddddddddddd"),
    ("LU", "dddddddd"),
    ("LV", "ddddddddddd"),
    ("MT", "dddddddd"),
    ("NL", "dddddddddadd"),
    ("PL", "dddddddddd"),
    ("PT", "ddddddddd"),
    ("RO", "dddddd"),
    ("RO", "ddddddd"),
    ("RO", "dddddddd"),
    ("RO", "ddddddddd"),
    ("RO", "dddddddddd"),
    ("SE", "dddddddddddd"),
    ("SI", "dddddddd"),
    ("SK", "dddddddddd"),
    ("XI", "ddddddddd"),
];

fn places(text: &str) -> Option<Vec<Place>> {
    let country = as_letters(text.get(..2)?);
    let (_, form) = FORMS
        .iter()
        .find(|(name, form)| *name == country && form.len() + 2 == text.len())?;
    Some(pattern(&format!("aa{form}")))
}

fn check(text: &str) -> bool {
    let Some((country, number)) = text.split_at_checked(2) else {
        return false;
    };
    passes(country, number).unwrap_or(false)
}

/// In one run, the country and a check of 1 in 20 or less are enough. With a weaker check, a label is needed somewhere
/// on the page, because article numbers look the same. A number that fails its check is reported only with a label next
/// to it.
fn believe(seen: &Seen<'_>) -> bool {
    const STRONG: [&str; 13] = [
        "ATU", "BE", "CY", "ES", "FR", "IE", "IT", "LU", "MT", "NL", "SE", "SK", "XI",
    ];
    let strong = || STRONG.iter().any(|start| seen.value.starts_with(start));
    seen.labelled || seen.ok && seen.in_one() && (seen.mentioned || strong())
}
