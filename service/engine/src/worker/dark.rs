//! Dark parts of pages, which may have a barcode light on dark.

use super::Scan;

/// Side of the tiles that a page is divided into, in pixels.
const TILE: u32 = 32;
/// Distance of the pixels of a tile that are sampled, across and down.
const STEP: usize = 4;
/// Fewest tiles of a part, across and down. Half an inch at 200 dpi is three tiles.
const FEWEST: u32 = 2;
/// Most parts, the largest first.
const MOST_PARTS: usize = 8;

/// Dark parts with their pixels inverted, and their places. Parts that one of the `found` boxes mostly covers are left
/// out.
pub(super) fn parts(scan: &Scan, found: &[[i32; 4]]) -> Vec<(Scan, i32, i32)> {
    let (columns, rows) = (scan.width.div_ceil(TILE), scan.height.div_ceil(TILE));
    let mut dark = dark_tiles(scan, columns, rows);
    let mut parts: Vec<[u32; 4]> = Vec::new();
    for at in 0..dark.len() {
        if dark[at] {
            let [left, top, right, bottom] = take_region(&mut dark, columns, at);
            if right - left >= FEWEST && bottom - top >= FEWEST {
                parts.push([
                    left * TILE,
                    top * TILE,
                    (right * TILE).min(scan.width),
                    (bottom * TILE).min(scan.height),
                ]);
            }
        }
    }
    parts.retain(|part| !found.iter().any(|other| is_mostly(*part, *other)));
    parts.sort_by_key(|[l, t, r, b]| std::cmp::Reverse(u64::from(r - l) * u64::from(b - t)));
    parts.truncate(MOST_PARTS);
    parts
        .into_iter()
        .map(|[left, top, right, bottom]| {
            let mut part = scan.part(left, top, right - left, bottom - top);
            part.pixels
                .iter_mut()
                .for_each(|pixel| *pixel = 255 - *pixel);
            (part, left.cast_signed(), top.cast_signed())
        })
        .collect()
}

/// For each tile, row by row: true if half of it is far darker than the paper.
fn dark_tiles(scan: &Scan, columns: u32, rows: u32) -> Vec<bool> {
    let width = scan.width as usize;
    let sampled = |from: usize, to: usize, edge: u32| (from..to.min(edge as usize)).step_by(STEP);
    let tile = TILE as usize;
    let tile_pixels = |column: usize, row: usize| {
        sampled(row * tile, (row + 1) * tile, scan.height).flat_map(move |y| {
            sampled(column * tile, (column + 1) * tile, scan.width)
                .map(move |x| scan.pixels[y * width + x])
        })
    };
    let mut seen = [0u32; 256];
    for row in 0..rows as usize {
        for column in 0..columns as usize {
            tile_pixels(column, row).for_each(|pixel| seen[usize::from(pixel)] += 1);
        }
    }
    // Brightness of the paper, or of the brightest pixels if there is no paper. A few specks may be brighter still.
    let all: u32 = seen.iter().sum();
    let mut brighter = 0;
    let paper = (0..=255u8).rev().find(|level| {
        brighter += seen[usize::from(*level)];
        brighter > all / 500
    });
    let threshold = paper.unwrap_or(255) / 2;
    let mut dark = Vec::with_capacity((columns * rows) as usize);
    for row in 0..rows as usize {
        for column in 0..columns as usize {
            let (mut below, mut count) = (0u32, 0u32);
            for pixel in tile_pixels(column, row) {
                below += u32::from(pixel < threshold);
                count += 1;
            }
            dark.push(below * 5 > count * 2);
        }
    }
    dark
}

/// Box, in tiles, of all tiles connected to one. They are removed from `dark`.
fn take_region(dark: &mut [bool], columns: u32, first: usize) -> [u32; 4] {
    let columns = columns as usize;
    let mut edges = [usize::MAX, usize::MAX, 0, 0];
    let mut open = vec![first];
    dark[first] = false;
    while let Some(at) = open.pop() {
        let (x, y) = (at % columns, at / columns);
        edges = [
            edges[0].min(x),
            edges[1].min(y),
            edges[2].max(x + 1),
            edges[3].max(y + 1),
        ];
        let left = (x > 0).then(|| at - 1);
        let right = (x + 1 < columns).then_some(at + 1);
        for next in [left, right, at.checked_sub(columns), Some(at + columns)]
            .into_iter()
            .flatten()
        {
            if dark.get(next) == Some(&true) {
                dark[next] = false;
                open.push(next);
            }
        }
    }
    // A page has so few tiles that this always fits.
    edges.map(|edge| u32::try_from(edge).unwrap_or(0))
}

/// True if a box covers more than half of a part.
fn is_mostly(part: [u32; 4], other: [i32; 4]) -> bool {
    let part = part.map(i64::from);
    let other = other.map(i64::from);
    let side = |low: usize| (part[low + 2].min(other[low + 2]) - part[low].max(other[low])).max(0);
    2 * side(0) * side(1) > (part[2] - part[0]) * (part[3] - part[1])
}
