//! Labels: the words that say what a number is.

use super::flow::Flow;

/// Words before a number in which its label is looked for.
const REACH: usize = 6;
/// What may stand between a label and its number. Any other word says that the number is something else's.
const FILLERS: [&str; 20] = [
    "no", "nr", "num", "number", "nummer", "code", "id", "is", "ist", "lautet", "der", "the", "of",
    "reg", "8", "10", "12", "13", "14", "18",
];
/// A table's heading may stand this many times its height above.
const COLUMN: i32 = 60;

/// Whether one of `labels` stands right before a token, with nothing but fillers between, or heads the
/// column that the token stands in. Labels are in lower case, words separated by one space.
pub(super) fn is_labelled(flow: &Flow<'_>, token: usize, labels: &[&str]) -> bool {
    stands_before(flow, token, labels) || heads_column(flow, token, labels)
}

/// Whether a label ends right before a token, but for fillers.
fn stands_before(flow: &Flow<'_>, token: usize, labels: &[&str]) -> bool {
    let before: Vec<String> = flow.tokens[token.saturating_sub(REACH)..token]
        .iter()
        .map(|token| {
            flow.chars(*token)
                .iter()
                .flat_map(|c| c.to_lowercase())
                .collect()
        })
        .collect();
    (0..before.len()).rev().any(|end| {
        let (head, fillers) = before.split_at(end + 1);
        fillers.iter().all(|word| FILLERS.contains(&word.as_str()))
            && labels.iter().any(|label| {
                let label: Vec<&str> = label.split(' ').collect();
                head.ends_with(
                    &label
                        .iter()
                        .map(|word| (*word).to_owned())
                        .collect::<Vec<_>>(),
                )
            })
    })
}

fn heads_column(flow: &Flow<'_>, token: usize, labels: &[&str]) -> bool {
    let here = flow.tokens[token];
    let [left, top, right, bottom] = match flow.words_of(here.start, here.end) {
        [word, ..] => word.bounds,
        [] => return false,
    };
    let height = (bottom - top).max(1);
    flow.words.iter().any(|word| {
        let [l, t, r, b] = word.bounds;
        let above = b <= top && top - t < COLUMN * height;
        above && l < right && left < r && {
            let text = word.text.to_lowercase();
            let text = text.trim_matches(|c: char| !c.is_alphanumeric());
            text.split(|c: char| !c.is_alphanumeric())
                .any(|part| labels.contains(&part))
                || labels.contains(&text)
        }
    })
}
