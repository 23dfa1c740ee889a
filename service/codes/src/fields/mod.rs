//! Fields without a check, which are known only by their labels: numbers of invoices and orders, dates, amounts.

pub(super) mod amount;
pub(super) mod date;
mod labels;
mod number;
mod place;

use super::flow::Flow;
use super::kind::{CodeType, Selection};
use labels::{Label, Labels};

/// Most labels per kind. A page is not trusted to have few.
const MOST_LABELS: usize = 100;

/// A value with a label: characters of the flow from `start` up to `end`.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) kind: CodeType,
    pub(super) value: String,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Characters of the label.
    pub(super) label: (usize, usize),
}

/// A value that was read: its normal form, its start and its end.
#[derive(Debug, PartialEq, Eq)]
struct Value {
    text: String,
    start: usize,
    end: usize,
}

/// The wanted fields on a page, and warnings about fields that were left out.
pub(super) fn on_page(flow: &Flow<'_>, wanted: &Selection) -> (Vec<Field>, Vec<String>) {
    let mut fields: Vec<Field> = Vec::new();
    let mut ambiguous = Vec::new();
    let order = date::Order::of(flow);
    for kind in labels::KINDS {
        if !wanted.has(kind) {
            continue;
        }
        for label in Labels::of(kind).on(flow).into_iter().take(MOST_LABELS) {
            let read = |start: usize| match kind {
                CodeType::Date => date::read(flow, start, order.or(label.day_first)),
                CodeType::Amount => Ok(amount::read(flow, start)),
                _ => Ok(number::read(flow, start, label.bare)),
            };
            match value_of(flow, &label, kind, &read) {
                Ok(Some(value)) => {
                    // If two labels have the same value, the first one is more specific.
                    if fields.iter().all(|field| {
                        field.kind != kind || value.end <= field.start || field.end <= value.start
                    }) {
                        fields.push(Field {
                            kind,
                            value: value.text,
                            start: value.start,
                            end: value.end,
                            label: (label.start, label.end),
                        });
                    }
                }
                Ok(None) => {}
                Err(date::Ambiguous(text)) => ambiguous.push(text),
            }
        }
    }
    fields.sort_by_key(|field| field.start);
    ambiguous.dedup();
    let warnings = ambiguous.into_iter().take(3).map(|text| {
        format!("the date {text} may begin with its day or its month; it is not among the codes.")
    });
    (fields, warnings.collect())
}

/// The value behind a label, to its right on the page, or below it.
fn value_of(
    flow: &Flow<'_>,
    label: &Label,
    kind: CodeType,
    read: &impl Fn(usize) -> Result<Option<Value>, date::Ambiguous>,
) -> Result<Option<Value>, date::Ambiguous> {
    if let Some(value) = read(label.end)? {
        return Ok(Some(value));
    }
    let last = flow.word_at(label.end - 1);
    if flow.line_ends_after(label.end)
        && let Some(word) = flow.word_to_the_right(last)
        && let Some(value) = read(flow.start_of(word))?
    {
        return Ok(Some(value));
    }
    // Above a column of prices, "Total" is not a label of the first price.
    if label.bare && kind != CodeType::Date {
        return Ok(None);
    }
    let first = flow.word_at(label.start);
    let Some(under) = flow.word_below(first, last) else {
        return Ok(None);
    };
    let value = read(flow.start_of(under))?;
    // A heading with several values below it belongs to a table.
    let more = flow
        .word_below(under, under)
        .is_some_and(|next| matches!(read(flow.start_of(next)), Ok(Some(_))));
    Ok(value.filter(|_| !more))
}
