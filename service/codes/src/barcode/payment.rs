//! Payment codes: those of the European Payments Council (EPC069-12, "GiroCode") and of the Swiss QR-bill (SIX, QR-bill
//! guidelines).

use super::super::kind::CodeType;
use super::super::types::passes;
use super::Element;

pub(super) fn elements(text: &str) -> Option<Vec<Element>> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let line = |at: usize| lines.get(at).copied().unwrap_or_default();
    let (iban, amount) = match line(0) {
        "BCD" if line(3) == "SCT" => {
            // The currency is right before the amount.
            let amount = line(7)
                .split_at_checked(3)
                .map(|(currency, number)| (number, currency));
            (line(6), amount)
        }
        "SPC" if line(1).starts_with("02") => (line(3), Some((line(18), line(19)))),
        _ => return None,
    };
    let value: String = iban.chars().filter(|c| !c.is_whitespace()).collect();
    let value = value.to_ascii_uppercase();
    let ok = passes(CodeType::Iban, &value);
    let mut elements =
        vec![Element::new(CodeType::Iban, value, iban).checked("iso7064-mod97-10", ok)];
    if let Some((number, currency)) = amount
        && let Some(value) = money(number, currency)
    {
        elements.push(Element::new(
            CodeType::Amount,
            value,
            line_of(number, currency, text),
        ));
    }
    Some(elements)
}

/// Formats `12.3` and `EUR` as `12.30 EUR`.
fn money(number: &str, currency: &str) -> Option<String> {
    let (units, cents) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let good = !units.is_empty()
        && units.len() <= 12
        && digits(units)
        && cents.len() <= 2
        && digits(cents)
        && currency.len() == 3
        && currency.bytes().all(|byte| byte.is_ascii_uppercase());
    good.then(|| format!("{units}.{cents:0<2} {currency}"))
}

/// The number and the currency as they are printed in the code.
fn line_of(number: &str, currency: &str, text: &str) -> String {
    let joined = format!("{currency}{number}");
    if text.contains(&joined) {
        joined
    } else {
        format!("{number} {currency}")
    }
}
