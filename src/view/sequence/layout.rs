//! Where the parts of a sequence lie: geometry only, the same for painting and for the mouse.

use unicode_width::UnicodeWidthStr;

use super::Steps;
use crate::base::text::cut;
use crate::contract::{Sequence, Token};
use crate::view::Area;

/// Columns of a token at most: longer ones are cut.
const WIDEST: usize = 16;
/// Columns of a token on the axis at most.
const CELL: u16 = 6;
/// Rows of a track at most.
const TRACK: u16 = 6;

/// What there is to lay out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Whether something is noted at any token.
    pub noted: bool,
    /// Tracks.
    pub tracks: usize,
    /// Rows of the strips of experts.
    pub strips: usize,
    /// Rows of the highest matrix; none without matrices and pathways.
    pub picture: Option<usize>,
}

impl Shape {
    /// What a sequence has.
    pub fn of(sequence: &Sequence) -> Self {
        let pathways = sequence.pathways.as_ref().filter(|pathways| pathways.tokens() > 0);
        let highest = sequence.matrices.iter().map(|matrix| matrix.rows).max();
        Shape {
            noted: sequence.tokens.iter().any(|token| !token.note.is_empty()),
            tracks: sequence.tracks.len(),
            strips: pathways.map_or(0, |pathways| pathways.layers.saturating_mul(pathways.chosen)),
            picture: highest.or(pathways.map(|pathways| 2 * pathways.experts)),
        }
    }
}

/// Where the parts lie, from the corner of their common area.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The tokens: a row of them, one of their notes, one about the token under the cursor, as there is room.
    pub strip: Area,
    /// Whether the strip has a row of notes.
    pub notes: bool,
    /// Whether its last row tells of the token under the cursor.
    pub told: bool,
    /// The tracks that there is room for.
    pub tracks: Vec<Area>,
    /// The row of ticks where something is noted; empty when there is none.
    pub ticks: Area,
    /// The strips of experts, a row each.
    pub strips: Area,
    /// Matrices and flow, side by side.
    pub pictures: Area,
}

/// Lays out a sequence. Every row is used, the tokens drop last.
pub fn parts(width: u16, height: u16, shape: Shape) -> Parts {
    let (notes, told) = (shape.noted && height >= 4, height >= 7);
    let strip = (1 + u16::from(notes) + u16::from(told)).min(height);
    let rest = height - strip;
    let ticks = u16::from(shape.noted && shape.tracks > 0 && rest >= 8);
    let strips = (shape.strips.min(usize::from(rest / 3))) as u16;
    let left = rest - ticks - strips;
    let few = shape.tracks.min(3) as u16;
    let for_pictures = match shape.picture {
        None => 0,
        Some(_) if left < 6 => left,
        Some(rows) => (rows.min(200).div_ceil(2) as u16 + 4).clamp(6, 40).min(left - (2 * few).min(left / 3)),
    };
    let count = shape.tracks.min(usize::from(left - for_pictures)) as u16;
    let high = (left - for_pictures).checked_div(count).unwrap_or(0).min(TRACK);
    let row = |y: u16, height: u16| Area { x: 0, y, width, height };
    let below = strip + count * high;
    let pictures = if shape.picture.is_some() { left - count * high } else { 0 };
    Parts {
        strip: row(0, strip),
        notes,
        told,
        tracks: (0..count).map(|at| row(strip + at * high, high)).collect(),
        ticks: row(below, ticks),
        strips: row(below + ticks, strips),
        pictures: row(below + ticks + strips, pictures),
    }
}

/// Where the page has its sequence: below the header and its title, above the keys.
pub fn sequence_area(width: u16, height: u16) -> Area {
    Area { x: 0, y: 3.min(height), width, height: height.saturating_sub(4) }
}

/// The token that lies at a column and row of an area with a sequence, if one does; graphs have no tokens.
pub(in crate::view) fn token_at(
    read: &Steps,
    (width, height): (u16, u16),
    cursor: usize,
    (x, y): (u16, u16),
) -> Option<usize> {
    let Steps::Sequence(sequence) = read else { return None };
    let parts = parts(width, height, Shape::of(sequence));
    if y < parts.strip.height {
        let slots = strip(&sequence.tokens, width, cursor);
        return slots.iter().find(|slot| (slot.x..slot.x + slot.width).contains(&x)).map(|slot| slot.token);
    }
    let axis = TokenAxis::new(width, sequence.tokens.len());
    let found = axis.token_at(x)?;
    match y {
        y if y < parts.strips.y => Some(found),
        y if y < parts.pictures.y && axis.is_whole() => Some(found),
        y if y < parts.pictures.y => Some(axis.first(cursor) + usize::from(x - axis.left)),
        _ => None,
    }
    .filter(|token| *token < sequence.tokens.len())
}

/// The tokens on an axis from left to right, behind a column of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenAxis {
    /// Columns of the names.
    pub left: u16,
    /// Columns of the axis.
    pub columns: u16,
    tokens: usize,
}

impl TokenAxis {
    /// The axis of some tokens in an area so wide.
    pub fn new(width: u16, tokens: usize) -> Self {
        let left = if width >= 36 { (width / 4).clamp(12, 26) } else { 0 };
        TokenAxis { left, columns: width - left, tokens: tokens.max(1) }
    }

    /// Whether every token has a column of its own.
    pub fn is_whole(&self) -> bool {
        self.tokens <= usize::from(self.columns)
    }

    /// Columns of a token; one when tokens share columns.
    pub fn cell(&self) -> u16 {
        ((usize::from(self.columns) / self.tokens) as u16).clamp(1, CELL)
    }

    /// First column of a token, from the beginning of the axis.
    pub fn column(&self, token: usize) -> u16 {
        let token = token.min(self.tokens - 1);
        if self.is_whole() {
            return token as u16 * self.cell();
        }
        (token * usize::from(self.columns.max(1) - 1) / (self.tokens - 1).max(1)) as u16
    }

    /// Where a token lies between the ends of the axis, 0 to 1.
    pub fn share(&self, token: usize) -> f64 {
        let middle = f64::from(self.column(token)) + f64::from(self.cell() - 1) / 2.0;
        middle / f64::from(self.columns.max(2) - 1)
    }

    /// The token at a column of the area; none left or right of the axis.
    pub fn token_at(&self, x: u16) -> Option<usize> {
        let at = usize::from(x.checked_sub(self.left)?);
        let token = if self.is_whole() {
            at / usize::from(self.cell())
        } else {
            (at * (self.tokens - 1)).div_ceil(usize::from(self.columns.max(2) - 1))
        };
        (token < self.tokens).then_some(token)
    }

    /// The first token of a strip that has one column a token where they are too many for the axis.
    pub fn first(&self, cursor: usize) -> usize {
        let room = usize::from(self.columns);
        cursor.saturating_sub(room / 2).min(self.tokens.saturating_sub(room))
    }
}

/// A token on the strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Which.
    pub token: usize,
    /// First column.
    pub x: u16,
    /// Columns.
    pub width: u16,
}

/// The tokens that a strip shows so that the cursor's is among them, near the middle when they are many. A column is
/// free on either side of each.
pub fn strip(tokens: &[Token], width: u16, cursor: usize) -> Vec<Slot> {
    let wide = |token: &Token| token_text(token, true).width().max(token.note.width().min(WIDEST)).max(1);
    let mut end = 1;
    let mut starts = Vec::with_capacity(tokens.len());
    for token in tokens {
        starts.push((end, wide(token)));
        end += wide(token) + 1;
    }
    let room = usize::from(width);
    let Some((start, wide)) = starts.get(cursor) else { return Vec::new() };
    let offset = (start + wide / 2).saturating_sub(room / 2).min(end.saturating_sub(room));
    // Never a part of a token at the left end.
    let first = starts.iter().position(|(start, _)| *start > offset).unwrap_or(cursor).min(cursor);
    let offset = starts[first].0 - 1;
    let shown = starts.iter().enumerate().skip(first).map_while(|(token, (start, wide))| {
        let (x, wide) = (start - offset, (*wide).min(room.saturating_sub(1).max(1)));
        (x + wide < room || token == cursor).then_some(Slot { token, x: x as u16, width: wide as u16 })
    });
    shown.collect()
}

/// What is written for a token: a blank and control characters are shown, in ASCII if need be.
pub fn token_text(token: &Token, ascii: bool) -> String {
    let (control, blank) = if ascii { ("|", "_") } else { ("⏎", "␣") };
    let text = token.text.replace(char::is_control, control);
    match text.trim() {
        "" if text.is_empty() => if ascii { "." } else { "·" }.to_owned(),
        "" => blank.to_owned(),
        _ => cut(&text, WIDEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_tile_the_area_at_every_size_and_tokens_drop_last() {
        let shapes = [
            Shape::default(),
            Shape { noted: true, tracks: 9, strips: 0, picture: None },
            Shape { noted: false, tracks: 0, strips: 8, picture: Some(16) },
            Shape { noted: true, tracks: 3, strips: 6, picture: Some(32) },
        ];
        for shape in shapes {
            for height in 0..80 {
                let parts = parts(80, height, shape);
                let tracks: u16 = parts.tracks.iter().map(|area| area.height).sum();
                let below = parts.ticks.height + parts.strips.height + parts.pictures.height;
                let used = parts.strip.height + tracks + below;
                assert!(used <= height, "{height}: {parts:?}");
                assert!(shape.picture.is_none() || used == height, "{height}: {parts:?}");
                assert_eq!(parts.strip.height > 0, height > 0);
                assert!(parts.tracks.iter().all(|area| area.height > 0));
            }
        }
        let small = parts(80, 20, shapes[3]);
        assert!(small.tracks.len() == 3 && small.pictures.height >= 5, "{small:?}");
    }

    #[test]
    fn every_token_has_its_place_on_the_axis_and_is_found_there() {
        for (width, tokens) in [(80, 1), (80, 16), (80, 60), (30, 30), (200, 64), (80, 500), (10, 500), (1, 3)] {
            let axis = TokenAxis::new(width, tokens);
            for token in 0..tokens {
                let column = axis.column(token);
                assert!(column < axis.columns.max(1), "{width}, {tokens}: {token}");
                assert!((0.0..=1.0).contains(&axis.share(token)) || width < 3);
                let found = axis.token_at(axis.left + column);
                assert!(axis.is_whole() && found == Some(token) || !axis.is_whole(), "{width}, {tokens}: {token}");
                assert!(width < 3 || found.is_some_and(|found| axis.column(found) == column));
            }
            assert!(axis.first(tokens) <= tokens);
        }
        assert_eq!(TokenAxis::new(80, 16).token_at(3), None);
    }

    #[test]
    fn the_cursor_is_always_on_the_strip() {
        let token = |i: usize| Token { text: "x".repeat(1 + i % 7), ..Token::default() };
        let tokens: Vec<Token> = (0..50).map(token).collect();
        for width in [1, 2, 5, 12, 40, 400] {
            for cursor in 0..50 {
                let slots = strip(&tokens, width, cursor);
                assert!(slots.iter().any(|slot| slot.token == cursor), "{width}: {cursor}");
                let apart = |pair: &[Slot]| pair[0].x + pair[0].width < pair[1].x;
                assert!(slots.windows(2).all(apart));
            }
        }
        assert_eq!(strip(&tokens, 400, 0).len(), 50);
        assert!(strip(&[], 40, 0).is_empty());
    }

    #[test]
    fn a_click_on_strip_track_or_pathway_finds_its_token() {
        let panels = crate::view::made_up::sequence_panels();
        let crate::contract::Body::Sequence(sequence) = &panels[0].body else { panic!("a sequence comes first") };
        let size = (120, 36);
        let parts = parts(size.0, size.1, Shape::of(sequence));
        let axis = TokenAxis::new(size.0, sequence.tokens.len());
        let x = axis.left + axis.column(20);
        for y in [parts.tracks[0].y, parts.strips.y, parts.strips.y + 2] {
            assert_eq!(token_at(&Steps::Sequence(sequence), size, 5, (x, y)), Some(20), "row {y}");
        }
        let slot = strip(&sequence.tokens, size.0, 5)[3];
        assert_eq!(token_at(&Steps::Sequence(sequence), size, 5, (slot.x, 0)), Some(slot.token));
        assert_eq!(token_at(&Steps::Sequence(sequence), size, 5, (2, parts.tracks[0].y)), None, "on a name");
        assert_eq!(token_at(&Steps::Sequence(sequence), size, 5, (x, parts.pictures.y)), None, "on a picture");
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        let text = |text: &str| token_text(&Token { text: text.into(), ..Token::default() }, false);
        assert_eq!(["", " ", "a\nb", "\n"].map(text), ["·", "␣", "a⏎b", "⏎"]);
    }
}
