//! Connected parts of a bilevel picture, and groups of related things.

/// Pixels that touch, including at their corners, and the box around them. Right and bottom are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) right: usize,
    pub(super) bottom: usize,
    pub(super) pixels: usize,
}

impl Part {
    pub(super) fn width(&self) -> usize {
        self.right - self.left
    }

    pub(super) fn height(&self) -> usize {
        self.bottom - self.top
    }

    fn with(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
            pixels: self.pixels + other.pixels,
        }
    }
}

/// The parts of a picture. If it has more than `most` runs of pixels, only the first ones count.
pub(super) fn parts(ink: &[bool], width: usize, height: usize, most: usize) -> Vec<Part> {
    let mut runs: Vec<Part> = Vec::new();
    let mut links = Vec::new();
    let mut above = 0..0;
    for row in 0..height {
        let first = runs.len();
        let line = &ink[row * width..(row + 1) * width];
        let mut at = 0;
        while let Some(start) = line[at..].iter().position(|ink| *ink) {
            let left = at + start;
            let length = line[left..].iter().position(|ink| !*ink);
            let right = length.map_or(width, |length| left + length);
            runs.push(Part {
                left,
                top: row,
                right,
                bottom: row + 1,
                pixels: right - left,
            });
            at = right;
        }
        let mut upper = above.clone();
        for lower in first..runs.len() {
            // Runs that end before this one begins don't touch any of the following ones.
            while upper.start < upper.end && runs[upper.start].right < runs[lower].left {
                upper.start += 1;
            }
            let touching = upper
                .clone()
                .take_while(|one| runs[*one].left <= runs[lower].right);
            links.extend(touching.map(|one| (one, lower)));
        }
        above = first..runs.len();
        if runs.len() > most {
            break;
        }
    }
    let mut groups = Groups::new(runs.len());
    for (one, other) in links {
        groups.join(one, other);
    }
    let mut found: Vec<Option<Part>> = vec![None; runs.len()];
    for (at, run) in runs.into_iter().enumerate() {
        let part = &mut found[groups.of(at)];
        *part = Some(part.map_or(run, |part| part.with(run)));
    }
    found.into_iter().flatten().collect()
}

/// Groups of things that are related directly or through others.
pub(super) struct Groups(Vec<usize>);

impl Groups {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The representative of a group.
    fn of(&mut self, at: usize) -> usize {
        let mut one = at;
        while self.0[one] != one {
            self.0[one] = self.0[self.0[one]];
            one = self.0[one];
        }
        one
    }

    pub(super) fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.of(one), self.of(other));
        self.0[one.max(other)] = one.min(other);
    }

    /// The members of each group.
    pub(super) fn members(mut self) -> Vec<Vec<usize>> {
        let count = self.0.len();
        let mut members = vec![Vec::new(); count];
        for at in 0..count {
            let group = self.of(at);
            members[group].push(at);
        }
        members.retain(|group| !group.is_empty());
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts_of(picture: &[&str]) -> Vec<[usize; 5]> {
        let width = picture.first().map_or(0, |row| row.len());
        let ink: Vec<bool> = picture
            .iter()
            .flat_map(|row| row.bytes().map(|byte| byte == b'#'))
            .collect();
        let parts = parts(&ink, width, picture.len(), 1000).into_iter();
        parts
            .map(|part| [part.left, part.top, part.right, part.bottom, part.pixels])
            .collect()
    }

    #[test]
    fn touching_pixels_are_one_part() {
        assert_eq!(parts_of(&["#.#", "###"]), [[0, 0, 3, 2, 5]]);
        assert_eq!(parts_of(&["#..", ".#.", "..#"]), [[0, 0, 3, 3, 3]]);
        assert_eq!(
            parts_of(&["#..#", "#..#"]),
            [[0, 0, 1, 2, 2], [3, 0, 4, 2, 2]]
        );
        assert_eq!(
            parts_of(&["###", "#..", "#.#"]),
            [[0, 0, 3, 3, 5], [2, 2, 3, 3, 1]]
        );
        assert!(parts_of(&["...", "..."]).is_empty());
        assert!(parts_of(&[]).is_empty());
    }

    #[test]
    fn bounds_the_parts_of_noise() {
        let ink: Vec<bool> = (0..10_000).map(|at| at % 2 == 0).collect();
        assert!(parts(&ink, 100, 100, 200).len() <= 250);
    }
}
