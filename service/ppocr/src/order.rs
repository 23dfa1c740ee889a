//! Order of reading: pieces of text side by side are one row, and columns are read one after the other.

use crate::line::{Line, Word};
use crate::rectangle::{LEVEL, Rectangle};
use crate::regions;

/// Least share of the smaller height by which two pieces of a row overlap.
const SAME_ROW: f32 = 0.5;
/// Fewest rows of a column, and least width of a gutter in heights of a line.
const COLUMN: usize = 4;
const GUTTER: f32 = 1.0;
/// Least width of a column's typical line, in heights of a line. Narrower ones are those of a table, which is read row
/// by row.
const PROSE: f32 = 8.0;
/// Distance between two lines that separates paragraphs, in heights of a line.
const PARAGRAPH: f32 = 1.0;

/// A piece of text: the words of one detected line.
#[derive(Debug)]
struct Piece {
    /// Seen so that most of the text is level.
    bounds: [f32; 4],
    words: Vec<Word>,
}

impl Piece {
    fn height(&self) -> f32 {
        self.bounds[3] - self.bounds[1]
    }

    fn middle(&self) -> f32 {
        f32::midpoint(self.bounds[1], self.bounds[3])
    }
}

/// Rows of text in the order of reading, from detected lines and their places.
pub(crate) fn of(found: Vec<(Vec<Word>, Rectangle)>) -> Vec<Line> {
    let along = regions::direction(found.iter().map(|(_, place)| place)).unwrap_or(LEVEL);
    let pieces = found.into_iter().map(|(words, place)| Piece {
        bounds: place.bounds(along),
        words,
    });
    let mut lines = Vec::new();
    read(rows(pieces.collect()), &mut lines);
    lines
}

fn around(bounds: impl Iterator<Item = [f32; 4]>) -> [f32; 4] {
    bounds
        .reduce(|a, b| {
            [
                a[0].min(b[0]),
                a[1].min(b[1]),
                a[2].max(b[2]),
                a[3].max(b[3]),
            ]
        })
        .unwrap_or_default()
}

/// Pieces from top to bottom, those side by side together, from left to right.
fn rows(mut pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    pieces.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
    let mut rows: Vec<Vec<Piece>> = Vec::new();
    for piece in pieces {
        let fits = |row: &&mut Vec<Piece>| {
            row.iter().all(|other| {
                let overlap =
                    piece.bounds[3].min(other.bounds[3]) - piece.bounds[1].max(other.bounds[1]);
                let apart =
                    piece.bounds[0].max(other.bounds[0]) - piece.bounds[2].min(other.bounds[2]);
                let least = piece.height().min(other.height());
                overlap >= least * SAME_ROW && apart > -least
            })
        };
        match rows.iter_mut().rev().take(3).find(fits) {
            Some(row) => row.push(piece),
            None => rows.push(vec![piece]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.bounds[0].total_cmp(&b.bounds[0]));
    }
    rows.sort_by(|a, b| top(a).total_cmp(&top(b)));
    rows
}

fn top(row: &[Piece]) -> f32 {
    let middles: f32 = row.iter().map(Piece::middle).sum();
    middles / row.len().max(1) as f32
}

/// Reads rows one after the other, and columns among them column by column.
fn read(mut rows: Vec<Vec<Piece>>, lines: &mut Vec<Line>) {
    let Some((range, gutter)) = columns(&rows) else {
        append(rows, lines);
        return;
    };
    let rest = rows.split_off(range.end);
    let within = rows.split_off(range.start);
    append(rows, lines);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for piece in within.into_iter().flatten() {
        if f32::midpoint(piece.bounds[0], piece.bounds[2]) < gutter {
            left.push(piece);
        } else {
            right.push(piece);
        }
    }
    for column in [left, right] {
        read(self::rows(column), lines);
    }
    read(rest, lines);
}

/// The longest run of rows with a gutter between columns of prose, and the gutter's place.
fn columns(rows: &[Vec<Piece>]) -> Option<(std::ops::Range<usize>, f32)> {
    let height = typical(rows.iter().flatten().map(Piece::height))?;
    let mut best: Option<(std::ops::Range<usize>, f32)> = None;
    for start in 0..rows.len() {
        if best
            .as_ref()
            .is_some_and(|(range, _)| range.len() >= rows.len() - start)
        {
            break;
        }
        for gap in gaps(&rows[start]) {
            let (mut left, mut right) = gap;
            let mut end = start;
            for row in &rows[start..] {
                let Some((l, r)) = free(row, (left, right), height * GUTTER) else {
                    break;
                };
                (left, right) = (l, r);
                end += 1;
            }
            let gutter = f32::midpoint(left, right);
            let longer = best
                .as_ref()
                .is_none_or(|(range, _)| end - start > range.len());
            if longer && are_prose(&rows[start..end], gutter, height) {
                best = Some((start..end, gutter));
            }
        }
    }
    best
}

fn typical(values: impl Iterator<Item = f32>) -> Option<f32> {
    let mut sorted: Vec<f32> = values.collect();
    sorted.sort_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// Gaps between neighbours of a row.
fn gaps(row: &[Piece]) -> Vec<(f32, f32)> {
    row.windows(2)
        .map(|two| (two[0].bounds[2], two[1].bounds[0]))
        .filter(|(left, right)| left < right)
        .collect()
}

/// The part of a gap that no piece of this row covers, if it is wide enough.
fn free(row: &[Piece], gap: (f32, f32), least: f32) -> Option<(f32, f32)> {
    let mut edges = vec![f32::MIN];
    edges.extend(
        row.iter()
            .flat_map(|piece| [piece.bounds[0], piece.bounds[2]]),
    );
    edges.push(f32::MAX);
    edges
        .chunks_exact(2)
        .map(|two| (two[0].max(gap.0), two[1].min(gap.1)))
        .filter(|(left, right)| right - left >= least)
        .max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
}

fn are_prose(rows: &[Vec<Piece>], gutter: f32, height: f32) -> bool {
    [true, false].iter().all(|is_left| {
        let side = rows
            .iter()
            .flatten()
            .filter(|piece| (f32::midpoint(piece.bounds[0], piece.bounds[2]) < gutter) == *is_left);
        let widths: Vec<f32> = side
            .map(|piece| piece.bounds[2] - piece.bounds[0])
            .collect();
        widths.len() >= COLUMN
            && typical(widths.into_iter()).is_some_and(|width| width >= height * PROSE)
    })
}

fn append(rows: Vec<Vec<Piece>>, lines: &mut Vec<Line>) {
    let mut below: Option<f32> = None;
    for row in rows {
        let bounds = around(row.iter().map(|piece| piece.bounds));
        let height = bounds[3] - bounds[1];
        let begins_paragraph = below.is_none_or(|below| bounds[1] - below > height * PARAGRAPH);
        below = Some(bounds[3]);
        lines.push(Line {
            words: row.into_iter().flat_map(|piece| piece.words).collect(),
            begins_paragraph,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, left: f32, top: f32, width: f32) -> (Vec<Word>, Rectangle) {
        let place = Rectangle {
            center: (left + width / 2.0, top + 5.0),
            along: LEVEL,
            length: width,
            height: 10.0,
        };
        let word = Word {
            text: text.to_owned(),
            confidence: 1.0,
            bounds: place.bounds(LEVEL),
        };
        (vec![word], place)
    }

    fn texts(lines: &[Line]) -> Vec<String> {
        let text = |line: &Line| {
            let words: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
            words.join(" ")
        };
        lines.iter().map(text).collect()
    }

    #[test]
    fn reads_items_and_prices_row_by_row() {
        let pieces = (0..6).flat_map(|row| {
            let top = row as f32 * 20.0;
            [
                piece("9.00", 300.0, top + 2.0, 40.0),
                piece("Item", 0.0, top, 120.0),
            ]
        });
        assert_eq!(texts(&of(pieces.collect())), ["Item 9.00"; 6]);
    }

    #[test]
    fn reads_columns_of_prose_one_after_the_other() {
        let mut pieces = vec![
            piece("title", 40.0, 0.0, 250.0),
            piece("end", 0.0, 160.0, 330.0),
        ];
        for row in 1..6 {
            let top = row as f32 * 25.0;
            pieces.push(piece(&format!("r{row}"), 180.0, top, 150.0));
            pieces.push(piece(&format!("l{row}"), 0.0, top + 1.0, 150.0));
        }
        let wanted = [
            "title", "l1", "l2", "l3", "l4", "l5", "r1", "r2", "r3", "r4", "r5", "end",
        ];
        assert_eq!(texts(&of(pieces)), wanted);
    }

    #[test]
    fn reads_leaning_pages_row_by_row() {
        for degrees in [-45.0_f32, 30.0, 45.0, 90.0, 180.0] {
            let (sine, cosine) = degrees.to_radians().sin_cos();
            let pieces = (0..4).flat_map(|row| {
                let top = row as f32 * 20.0;
                [
                    piece("9.00", 300.0, top, 40.0),
                    piece("Item", 0.0, top, 120.0),
                ]
            });
            let leaning = pieces.map(|(words, mut place)| {
                let (x, y) = place.center;
                place.center = (x * cosine - y * sine, x * sine + y * cosine);
                place.along = (cosine, sine);
                (words, place)
            });
            assert_eq!(texts(&of(leaning.collect())), ["Item 9.00"; 4], "{degrees}");
        }
    }

    #[test]
    fn marks_paragraphs() {
        let lines = of(vec![
            piece("a", 0.0, 0.0, 100.0),
            piece("b", 0.0, 14.0, 100.0),
            piece("c", 0.0, 50.0, 100.0),
        ]);
        let begins: Vec<bool> = lines.iter().map(|line| line.begins_paragraph).collect();
        assert_eq!(begins, [true, false, true]);
    }
}
