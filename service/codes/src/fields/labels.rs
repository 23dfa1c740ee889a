//! Labels of fields, in the languages of most European invoices.

use super::super::flow::Flow;
use super::super::kind::CodeType;
use super::super::label::nearly;

pub(super) const KINDS: [CodeType; 4] = [
    CodeType::InvoiceNumber,
    CodeType::OrderNumber,
    CodeType::Date,
    CodeType::Amount,
];

/// A label on a page: characters from `start` up to `end`.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) start: usize,
    pub(super) end: usize,
    /// True for a general word that is weak evidence on its own.
    pub(super) bare: bool,
    /// True if the label's language writes the day before the month. `None` for English, in which both orders are used.
    pub(super) day_first: Option<bool>,
}

/// Labels of a kind in lower case, separated by `|`: those in English, those in other languages, and the bare ones of
/// both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Labels {
    english: &'static str,
    others: &'static str,
    bare_english: &'static str,
    bare_others: &'static str,
}

const INVOICE: Labels = Labels {
    english: "invoice number|invoice no|invoice nr|invoice num|invoice id|inv no|bill number|bill no|tax invoice no|\
              tax invoice number",
    others: "rechnungsnummer|rechnungsnr|rechnungs nr|rechnungs nummer|rechnung nr|rechnung nummer|numéro de facture|\
             n de facture|nº de facture|no de facture|facture n|facture nº|facture no|número de factura|numero de factura|\
             nº de factura|nº factura|factura n|factura nº|factura no|numero fattura|n fattura|nº fattura|fattura n|fattura nº|\
             fattura numero|factuurnummer|factuurnr|factuur nr|factuur nummer",
    bare_english: "invoice",
    bare_others: "rechnung|facture|factura|fattura|factuur",
};

const ORDER: Labels = Labels {
    english: "order number|order no|order nr|order id|purchase order number|purchase order no|purchase order|po number|\
              po no|p o number|p o no|your order|your order no|your order number|sales order|sales order no",
    others: "bestellnummer|bestellnr|bestell nr|bestellung nr|auftragsnummer|auftragsnr|auftrags nr|auftrag nr|\
             numéro de commande|n de commande|nº de commande|commande n|commande nº|bon de commande|número de pedido|\
             numero de pedido|nº de pedido|pedido n|pedido nº|numero ordine|numero d ordine|ordine n|ordine nº|\
             bestelnummer|bestelnr|ordernummer|ordernr",
    bare_english: "order|po",
    bare_others: "bestellung|auftrag|commande|pedido|ordine|bestelling",
};

const DATE: Labels = Labels {
    english: "invoice date|order date|issue date|date of issue|date issued|billing date|bill date|due date|payment due|\
              delivery date|date of delivery|document date|statement date|tax date|date of invoice|date due",
    others: "rechnungsdatum|ausstellungsdatum|belegdatum|lieferdatum|leistungsdatum|bestelldatum|fälligkeitsdatum|\
             fällig am|zahlbar bis|date de facture|date de facturation|date d émission|date d échéance|\
             date de commande|fecha de factura|fecha de emisión|fecha de vencimiento|fecha factura|data fattura|\
             data di emissione|data scadenza|data di scadenza|factuurdatum|vervaldatum|besteldatum|leverdatum",
    bare_english: "date|dated",
    bare_others: "datum|fecha|data",
};

const AMOUNT: Labels = Labels {
    english: "grand total|total amount|total amount due|total due|amount due|balance due|amount payable|total payable|\
              invoice total|order total|invoice amount|total to pay|amount to pay|gross total|total gross|gross amount",
    others: "gesamtbetrag|rechnungsbetrag|endbetrag|gesamtsumme|rechnungssumme|endsumme|zahlbetrag|bruttobetrag|\
             gesamt brutto|summe brutto|zu zahlen|zu zahlender betrag|total ttc|montant total|montant ttc|\
             montant total ttc|net à payer|total à payer|importe total|total a pagar|total factura|totale fattura|\
             importo totale|totale da pagare|totale dovuto|totaalbedrag|totaal te betalen|te betalen|totaal incl btw|factuurbedrag",
    bare_english: "total|amount",
    bare_others: "gesamt|summe|betrag|montant|importe|importo|totale|totaal|bedrag",
};

impl Labels {
    pub(super) fn of(kind: CodeType) -> Self {
        match kind {
            CodeType::InvoiceNumber => INVOICE,
            CodeType::OrderNumber => ORDER,
            CodeType::Date => DATE,
            _ => AMOUNT,
        }
    }

    /// Occurrences on a page. Of overlapping ones, the longest.
    pub(super) fn on(self, flow: &Flow<'_>) -> Vec<Label> {
        let lists = [
            (self.english, false, None),
            (self.others, false, Some(true)),
            (self.bare_english, true, None),
            (self.bare_others, true, Some(true)),
        ];
        let phrases: Vec<(Vec<&str>, bool, Option<bool>)> = lists
            .into_iter()
            .flat_map(|(list, bare, day_first)| {
                list.split('|')
                    .map(move |label| (label.split(' ').collect(), bare, day_first))
            })
            .collect();
        let mut found = Vec::new();
        let mut at = 0;
        while at < flow.tokens.len() {
            let rest = &flow.lower[at..];
            let exact = |words: &[&str]| {
                words.len() <= rest.len()
                    && words.iter().zip(rest).all(|(word, token)| word == token)
            };
            let longest = phrases
                .iter()
                .filter(|(words, ..)| exact(words))
                .max_by_key(|(words, ..)| words.len());
            let misread = || {
                let mut phrases = phrases
                    .iter()
                    .filter(|(_, bare, _)| flow.recognized && !bare);
                phrases.find(|(words, ..)| nearly(rest, words))
            };
            let Some((words, bare, day_first)) = longest.or_else(misread) else {
                at += 1;
                continue;
            };
            let (first, last) = (flow.tokens[at], flow.tokens[at + words.len() - 1]);
            let one_line = !flow.raw_chars(first.start, last.end).contains(&'\n');
            // In "Sub-total", "net total" and "due on the date", the word is part of another phrase.
            let begins = flow.begins(at) && (!bare || !flow.has_word_before(at));
            if one_line && begins {
                found.push(Label {
                    start: first.start,
                    end: last.end,
                    bare: *bare,
                    day_first: *day_first,
                });
            }
            at += words.len();
        }
        found
    }
}
