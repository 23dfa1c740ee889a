use super::*;

const BLACK: u8 = 30;

/// A page at 300 dpi, 12 pixels per millimetre.
fn paper() -> Scan {
    Scan {
        pixels: vec![250; 1400 * 400],
        width: 1400,
        height: 400,
        dpi: Some(300),
    }
}

fn fill(scan: &mut Scan, [left, top, right, bottom]: [usize; 4]) {
    for row in scan.pixels.chunks_exact_mut(1400).take(bottom).skip(top) {
        row[left..right].fill(BLACK);
    }
}

/// Bars at these places, from row 150 to row 230, and a letter behind each but the last.
fn bars_and_letters(places: &[usize]) -> Scan {
    let mut scan = paper();
    for x in places {
        fill(&mut scan, [*x, 150, x + 3, 230]);
    }
    for x in &places[..places.len() - 1] {
        fill(&mut scan, [x + 20, 170, x + 38, 206]);
    }
    scan
}

fn every(distance: usize, count: usize) -> Vec<usize> {
    (0..count).map(|at| 100 + at * distance).collect()
}

fn ink(scan: &Scan) -> usize {
    scan.pixels.iter().filter(|pixel| **pixel == BLACK).count()
}

#[test]
fn removes_lines_and_moves_letters_together() {
    let mut scan = bars_and_letters(&every(60, 9));
    fill(&mut scan, [100, 228, 583, 231]);
    let (closed, cells) = close_up(&scan).unwrap();
    assert_eq!(ink(&closed), 8 * 18 * 36);
    let row = &closed.pixels[190 * 1400..191 * 1400];
    let inked = |x: &usize| row[*x] == BLACK;
    let first = (0..1400).find(inked).unwrap();
    let last = (0..1400).rev().find(inked).unwrap();
    assert_eq!(first, 120);
    assert!((8 * 18..8 * 26).contains(&(last - first)), "{last}");
    // A word that covers all letters, and one that covers the last letter.
    let [left, top, right, bottom] = cells.back([120, 170, last as i32 + 1, 206]);
    assert_eq!((left, top, bottom), (120, 170, 206));
    assert!((right - (100 + 7 * 60 + 38)).abs() <= 2, "{right}");
    let [left, _, right, _] = cells.back([last as i32 - 16, 170, last as i32 + 1, 206]);
    assert!((left - (100 + 7 * 60 + 20)).abs() <= 2, "{left}");
    assert!(right - left < 24, "{left} to {right}");
    // Everything else keeps its place.
    assert_eq!(cells.back([120, 20, 300, 60]), [120, 20, 300, 60]);
    assert_eq!(cells.back([900, 170, 990, 206]), [900, 170, 990, 206]);
}

#[test]
fn keeps_letters_that_fill_their_cells_within_the_row() {
    let places: Vec<usize> = (0..30)
        .map(|at| 2 + at * 48)
        .take_while(|x| *x < 1398)
        .collect();
    let mut scan = bars_and_letters(&places);
    for x in &places[..places.len() - 1] {
        fill(&mut scan, [x + 6, 155, x + 45, 224]);
    }
    fill(&mut scan, [2, 228, places[places.len() - 1] + 3, 231]);
    let before = ink(&scan);
    let (closed, _) = close_up(&scan).unwrap();
    let letters = (places.len() - 1) * 39 * 69;
    assert!(before > letters);
    assert_eq!(ink(&closed), letters);
}

#[test]
fn turns_an_empty_cell_into_a_space() {
    let width_of = |empty: Option<usize>| {
        let places = every(60, 9);
        let mut scan = bars_and_letters(&places);
        fill(&mut scan, [100, 228, 583, 231]);
        if let Some(at) = empty {
            for row in scan.pixels.chunks_exact_mut(1400).take(220).skip(160) {
                row[places[at] + 5..places[at] + 55].fill(250);
            }
        }
        let (closed, _) = close_up(&scan).unwrap();
        let row = &closed.pixels[190 * 1400..191 * 1400];
        let inked: Vec<usize> = (0..1400).filter(|x| row[*x] == BLACK).collect();
        let gaps = inked.windows(2).map(|two| two[1] - two[0]);
        gaps.max().unwrap()
    };
    assert!(width_of(Some(4)) > width_of(None) + 10);
}

#[test]
fn keeps_everything_that_is_not_a_row_of_cells() {
    let lined = |places: &[usize]| {
        let mut scan = bars_and_letters(places);
        let (first, last) = (places[0], places[places.len() - 1]);
        fill(&mut scan, [first, 228, last + 3, 231]);
        scan
    };
    assert!(close_up(&lined(&every(60, 9))).is_some());
    for (what, scan) in [
        ("without a line", bars_and_letters(&every(60, 9))),
        ("too few", lined(&every(60, 4))),
        ("a table", lined(&every(200, 7))),
        (
            "at all distances",
            lined(&[100, 145, 210, 300, 341, 430, 480, 560, 615, 735]),
        ),
        ("nothing", paper()),
    ] {
        assert!(close_up(&scan).is_none(), "{what}");
    }
    let mut tall = lined(&every(60, 9));
    for x in every(60, 9) {
        fill(&mut tall, [x, 20, x + 3, 390]);
    }
    assert!(close_up(&tall).is_none(), "a table of several rows");
}

#[test]
fn searches_pages_of_any_size() {
    for (width, height) in [(0, 0), (1, 1), (33, 2), (2, 70)] {
        let scan = Scan {
            pixels: vec![0; (width * height) as usize],
            width,
            height,
            dpi: None,
        };
        assert!(close_up(&scan).is_none());
    }
}
