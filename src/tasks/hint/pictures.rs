//! A picture for each symbol: handwritten digits, and drawn glyphs that are moved, thinned and noisy, all of 8x8 pixels.

use rand::RngExt;

use super::expression::SYMBOLS;
use crate::base::random::{Key, Stream};
use crate::tasks::base_set::Standardise;
use crate::tasks::digits;

/// Side of a picture.
pub const SIDE: usize = 8;

/// Pictures of a glyph in training and in tests.
const DRAWN: [usize; 2] = [100, 40];

/// Standard deviation of the noise on a glyph's pixels; full ink is 1.
const NOISE: f32 = 0.1;

/// `+ - * / ( )` in the order of [`SYMBOLS`], a `#` an inked pixel.
const GLYPHS: [[&str; SIDE]; 6] = [
    ["........", "...#....", "...#....", ".#####..", "...#....", "...#....", "........", "........"],
    ["........", "........", "........", ".#####..", "........", "........", "........", "........"],
    ["........", ".#...#..", "..#.#...", "...#....", "..#.#...", ".#...#..", "........", "........"],
    ["........", ".....#..", "....#...", "...#....", "..#.....", ".#......", "........", "........"],
    ["....#...", "...#....", "..#.....", "..#.....", "..#.....", "..#.....", "...#....", "....#..."],
    ["...#....", "....#...", ".....#..", ".....#..", ".....#..", ".....#..", "....#...", "...#...."],
];

/// Which side of the data; the two share no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To train on.
    Train,
    /// To test on.
    Test,
}

/// All pictures, by their numbers.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// Ink of every pixel, 0 to 1 but for noise, row-major, a picture after the other.
    pixels: Vec<f32>,
    /// Pictures of every symbol: train, test.
    of: Vec<[Vec<u32>; 2]>,
}

impl Pictures {
    /// The digits, and glyphs drawn from streams below `key`.
    pub fn new(key: Key) -> Self {
        let base = digits::base_set(Standardise::GlobalMean);
        let full = base.picture.map_or(1.0, |picture| picture.full);
        let mut pixels: Vec<f32> = (0..base.rows()).flat_map(|row| base.raw(row)).map(|ink| ink / full).collect();
        let mut of = vec![[Vec::new(), Vec::new()]; SYMBOLS.len()];
        for (side, rows) in [&base.train, &base.held_out].into_iter().enumerate() {
            rows.iter().for_each(|row| of[usize::from(base.labels[*row as usize])][side].push(*row));
        }
        let first = SYMBOLS.len() - GLYPHS.len();
        for (at, glyph) in GLYPHS.iter().enumerate() {
            for (side, count) in DRAWN.into_iter().enumerate() {
                let mut stream = key.purpose("glyphs").index(at as u64).index(side as u64).stream();
                for _ in 0..count {
                    of[first + at][side].push((pixels.len() / (SIDE * SIDE)) as u32);
                    pixels.extend(drawn(glyph, &mut stream));
                }
            }
        }
        Pictures { pixels, of }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.pixels.len() / (SIDE * SIDE)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// The ink of all, row-major, a picture after the other.
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }

    /// Pictures of a symbol by its place in [`SYMBOLS`].
    ///
    /// # Panics
    /// If there is no such symbol.
    pub fn of(&self, symbol: usize, side: Side) -> &[u32] {
        &self.of[symbol][side as usize]
    }

    /// A picture for each of some symbols, told by their places in [`SYMBOLS`], drawn at random.
    ///
    /// # Panics
    /// If there are no such symbols.
    pub fn symbols(&self, symbols: &[u8], side: Side, stream: &mut Stream) -> Vec<u32> {
        let one = |symbol: &u8| {
            let all = self.of(usize::from(*symbol), side);
            all[stream.random_range(0..all.len())]
        };
        symbols.iter().map(one).collect()
    }
}

/// A glyph at most a pixel off its place in either direction, more or less inked, in noise.
fn drawn(glyph: &[&str; SIDE], stream: &mut Stream) -> Vec<f32> {
    let [down, across] = [0, 1].map(|_| stream.random_range(-1..=1i32));
    let ink = stream.random_range(0.6..1.0f32);
    let inked = |row: i32, column: i32| {
        let inside = |x: i32| (0..SIDE as i32).contains(&x);
        inside(row) && inside(column) && glyph[row as usize].as_bytes()[column as usize] == b'#'
    };
    let mut pixels = Vec::with_capacity(SIDE * SIDE);
    for at in 0..(SIDE * SIDE) as i32 {
        let (row, column) = (at / SIDE as i32 - down, at % SIDE as i32 - across);
        let noise = stream.random_range(-1.0..1.0f32) * NOISE * 3f32.sqrt();
        pixels.push(if inked(row, column) { ink } else { 0.0 } + noise);
    }
    pixels
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn training_and_test_share_no_picture_and_every_symbol_has_some() {
        let pictures = Pictures::new(Key::new(1));
        let side = |side: Side| -> HashSet<u32> {
            (0..SYMBOLS.len()).flat_map(|symbol| pictures.of(symbol, side).to_vec()).collect()
        };
        let (train, test) = (side(Side::Train), side(Side::Test));
        assert_eq!((train.len(), test.len()), (1400 + 6 * 100, 397 + 6 * 40));
        assert!(train.is_disjoint(&test) && train.len() + test.len() == pictures.len());
        assert!((0..SYMBOLS.len()).all(|symbol| pictures.of(symbol, Side::Test).len() >= 30));
        let symbols = [3, 10, 14, 4, 15];
        let drawn = pictures.symbols(&symbols, Side::Train, &mut Key::new(2).stream());
        let of = |symbol: u8| pictures.of(usize::from(symbol), Side::Train);
        assert!(drawn.iter().zip(symbols).all(|(one, symbol)| of(symbol).contains(one)));
    }

    #[test]
    fn a_glyph_is_recognised_by_its_ink() {
        let pictures = Pictures::new(Key::new(1));
        let ink = |one: u32| pictures.pixels()[one as usize * 64..][..64].iter().sum::<f32>();
        let mean = |symbol: usize| {
            let all = pictures.of(symbol, Side::Train);
            all.iter().map(|one| ink(*one)).sum::<f32>() / all.len() as f32
        };
        // + and * have nine inked pixels, - and / five, ( and ) eight; some of a parenthesis moves over the edge.
        for (symbol, inked) in [(10, 9.0), (11, 5.0), (12, 9.0), (13, 5.0), (14, 7.3), (15, 7.3)] {
            assert!((mean(symbol) - 0.8 * inked).abs() < 0.5, "{symbol}: {}", mean(symbol));
        }
    }
}
