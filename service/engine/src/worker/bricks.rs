//! Morphological opening of bilevel pictures: removes each black place that is narrower or lower than a brick.
//!
//! A run of `n` black pixels begins where a run of `n / 2` begins and another one begins `n / 2` behind it. So runs are
//! found by doubling, in a few passes over the picture. Leptonica makes one pass per pixel of the brick.

/// A bilevel picture: rows of equally many words, one bit per pixel, the most significant one leftmost. Outside of it,
/// everything is white.
pub(super) struct Bits<'a> {
    /// Bits behind the last pixel of a row are 0.
    pub(super) words: &'a mut [u32],
    /// Words per row, at least 1.
    pub(super) stride: usize,
}

const WORD: usize = u32::BITS as usize;

impl Bits<'_> {
    /// Keeps what bricks of `width` × `height` pixels cover that are completely on black. Both are at least 1.
    pub(super) fn open(&mut self, width: usize, height: usize) {
        let rows = self.words.chunks_exact_mut(self.stride);
        rows.for_each(|row| keep_runs(row, width, Ends::First));
        self.keep_columns(height, Ends::First);
        self.keep_columns(height, Ends::All);
        let rows = self.words.chunks_exact_mut(self.stride);
        rows.for_each(|row| keep_runs(row, width, Ends::All));
    }

    fn keep_columns(&mut self, length: usize, ends: Ends) {
        let rows = self.words.len() / self.stride;
        for step in steps(length) {
            match ends {
                Ends::First => {
                    for row in 0..rows {
                        let (these, below) =
                            self.words[row * self.stride..].split_at_mut(self.stride);
                        match below.chunks_exact(self.stride).nth(step - 1) {
                            Some(below) => these.iter_mut().zip(below).for_each(|(a, b)| *a &= b),
                            None => these.fill(0),
                        }
                    }
                }
                Ends::All => {
                    for row in (step..rows).rev() {
                        let (above, these) = self.words.split_at_mut(row * self.stride);
                        let above = &above[(row - step) * self.stride..];
                        these
                            .iter_mut()
                            .zip(&above[..self.stride])
                            .for_each(|(a, b)| *a |= b);
                    }
                }
            }
        }
    }
}

/// Pixels of a run that represent it.
#[derive(Clone, Copy)]
enum Ends {
    /// From all pixels to the first one: erosion.
    First,
    /// From the first pixel to all: dilation.
    All,
}

fn keep_runs(row: &mut [u32], length: usize, ends: Ends) {
    if row.iter().all(|word| *word == 0) {
        return;
    }
    for step in steps(length) {
        let (words, bits) = (step / WORD, step % WORD);
        let joined =
            |near: u32, far: u32, shift: fn(u32, u32) -> u32, back: fn(u32, u32) -> u32| {
                if bits == 0 {
                    near
                } else {
                    shift(near, bits as u32) | back(far, (WORD - bits) as u32)
                }
            };
        match ends {
            Ends::First => {
                for at in 0..row.len() {
                    let word = |at: usize| row.get(at).copied().unwrap_or(0);
                    let behind = joined(
                        word(at + words),
                        word(at + words + 1),
                        |a, n| a << n,
                        |a, n| a >> n,
                    );
                    row[at] &= behind;
                }
            }
            Ends::All => {
                for at in (0..row.len()).rev() {
                    let word = |back: usize| at.checked_sub(back).map_or(0, |at| row[at]);
                    let before = joined(word(words), word(words + 1), |a, n| a >> n, |a, n| a << n);
                    row[at] |= before;
                }
            }
        }
    }
}

/// Steps by which 1 grows to `length`. No step is larger than the value before it.
fn steps(length: usize) -> impl Iterator<Item = usize> {
    let mut reached = 1;
    std::iter::from_fn(move || {
        let step = reached.min(length.saturating_sub(reached));
        reached += step;
        (step > 0).then_some(step)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_reach_the_length_by_doubling() {
        for length in 1..200 {
            let mut reached = 1;
            for step in steps(length) {
                assert!(step <= reached);
                reached += step;
            }
            assert_eq!(reached, length);
        }
        assert_eq!(steps(0).count(), 0);
    }
}
