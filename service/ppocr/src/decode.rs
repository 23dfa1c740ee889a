//! Characters from a recognizer's output (connectionist temporal classification, Graves 2006).

/// The class for the gap between two characters, and for no character.
const BLANK: usize = 0;

/// Texts of a model's classes.
#[derive(Debug)]
pub(crate) struct Dictionary {
    texts: Vec<String>,
    /// Classes of ASCII characters.
    ascii: Vec<usize>,
}

impl Dictionary {
    /// One character a line. The model has a class for the space behind them.
    pub(crate) fn of(lines: &str) -> Self {
        let texts = lines.lines().map(|line| match line {
            // The ideographic space.
            "\u{3000}" => " ".to_owned(),
            line => line.to_owned(),
        });
        let texts: Vec<String> = texts.chain([" ".to_owned()]).collect();
        let is_ascii = |text: &String| text.len() == 1;
        let ascii = (BLANK + 1..).zip(&texts);
        Self {
            ascii: ascii
                .filter(|(_, text)| is_ascii(text))
                .map(|(class, _)| class)
                .collect(),
            texts,
        }
    }

    fn text(&self, class: usize) -> &str {
        let at = class.checked_sub(BLANK + 1);
        at.and_then(|at| self.texts.get(at))
            .map_or("", String::as_str)
    }
}

/// Characters that are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Characters {
    All,
    /// Those that a code can have.
    Ascii,
}

/// A character that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Glyph {
    pub(crate) text: String,
    /// Greatest probability at its steps, 0 to 1.
    pub(crate) confidence: f32,
    /// Middle of its steps, as a share of the line's width.
    pub(crate) at: f32,
    /// Greatest probability of a space between it and the character before, 0 to 1.
    pub(crate) space_before: f32,
}

/// Takes the most probable class at each step. Repetitions are one character, unless a blank separates them. `values`
/// has one probability for each of `classes` at each step.
pub(crate) fn decode(
    values: &[f32],
    classes: usize,
    dictionary: &Dictionary,
    characters: Characters,
) -> Vec<Glyph> {
    let steps = values.chunks_exact(classes.max(1));
    let count = steps.len() as f32;
    let mut glyphs: Vec<Glyph> = Vec::new();
    let mut before = BLANK;
    let mut first = 0;
    let mut space = 0.0;
    for (step, probabilities) in steps.enumerate() {
        let (class, probability) = match characters {
            Characters::All => most_probable(probabilities, 0..classes),
            Characters::Ascii => most_probable(probabilities, dictionary.ascii.iter().copied()),
        };
        // The space is the last class.
        space = probabilities.last().copied().unwrap_or(0.0).max(space);
        if class != BLANK {
            if class != before {
                first = step;
                glyphs.push(Glyph {
                    text: dictionary.text(class).to_owned(),
                    confidence: 0.0,
                    at: 0.0,
                    space_before: std::mem::take(&mut space),
                });
            }
            if let Some(glyph) = glyphs.last_mut() {
                glyph.confidence = glyph.confidence.max(probability);
                glyph.at = ((first + step) as f32 / 2.0 + 0.5) / count;
            }
        }
        before = class;
    }
    glyphs
}

fn most_probable(probabilities: &[f32], among: impl Iterator<Item = usize>) -> (usize, f32) {
    let blank = probabilities.first().copied().unwrap_or_default();
    // Most steps are gaps, and none of thousands of classes can be more probable then.
    if blank > 0.5 {
        return (BLANK, blank);
    }
    let mut best = (BLANK, blank);
    for class in among {
        let probability = probabilities.get(class).copied().unwrap_or_default();
        if probability > best.1 {
            best = (class, probability);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_repeated_classes_and_separates_them_at_blanks() {
        let dictionary = Dictionary::of("a\nb\n");
        let row = |class: usize, probability: f32| {
            let mut row = [0.0; 4];
            row[class] = probability;
            row
        };
        let values = [
            row(0, 0.9),
            row(1, 0.6),
            row(1, 0.8),
            [0.9, 0.0, 0.0, 0.1],
            row(1, 0.4),
            row(3, 0.9),
            row(2, 0.7),
            row(0, 1.0),
        ]
        .concat();
        let glyphs = decode(&values, 4, &dictionary, Characters::All);
        let text: String = glyphs.iter().map(|glyph| glyph.text.as_str()).collect();
        assert_eq!(text, "aa b");
        assert_eq!(glyphs[0].confidence, 0.8);
        assert_eq!(glyphs[0].at, 2.0 / 8.0);
        assert_eq!(glyphs[1].confidence, 0.4);
        assert_eq!(glyphs[1].space_before, 0.1);
        let [foreign, ascii] = [Characters::All, Characters::Ascii].map(|characters| {
            let row = [0.1, 0.6, 0.3, 0.0];
            decode(&row, 4, &Dictionary::of("\u{4e00}\nb\n"), characters)[0]
                .text
                .clone()
        });
        assert_eq!((foreign.as_str(), ascii.as_str()), ("\u{4e00}", "b"));
        assert!(decode(&[], 4, &dictionary, Characters::All).is_empty());
    }
}
