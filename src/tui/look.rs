//! How things look: colour depth, glyphs, and the styles made of them.
//!
//! The default background is never painted; colours only ever add to what letters, dashes and words
//! already say. The series palette is Okabe and Ito's (2008), told apart by colour-blind people too.

use ratatui::style::{Color, Modifier, Style};

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: bold, dim, reverse and underline only.
    None,
    /// The sixteen named ones.
    Sixteen,
    /// The 256 of xterm.
    Indexed,
    /// 24 bits.
    True,
}

/// Which glyphs the terminal's font has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Glyphs {
    /// ASCII only.
    Ascii,
    /// Box drawing and block elements.
    Blocks,
    /// Braille patterns too.
    Braille,
}

/// Colour depth and glyphs together: all that a painter must know about the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Colours.
    pub depth: Depth,
    /// Glyphs.
    pub glyphs: Glyphs,
}

/// Okabe and Ito's palette, the ones legible on black and on white first.
const SERIES: [(u8, u8, u8); 8] = [
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
    (240, 228, 66),
    (153, 153, 153),
];
const SERIES_16: [Color; 8] = [
    Color::Cyan,
    Color::Yellow,
    Color::Green,
    Color::Magenta,
    Color::Red,
    Color::Blue,
    Color::LightYellow,
    Color::DarkGray,
];

/// Cividis, an even ramp for all eyes (Nuñez, Anderton and Renslow 2018), at nine places.
const RAMP: [(u8, u8, u8); 9] = [
    (0, 34, 78),
    (18, 53, 112),
    (59, 73, 108),
    (87, 93, 109),
    (112, 113, 115),
    (138, 134, 120),
    (165, 157, 112),
    (203, 186, 105),
    (254, 232, 56),
];

/// The same among xterm's 256 colours, whose cube has no dark blues of its own.
const RAMP_256: [u8; 9] = [17, 18, 60, 242, 245, 144, 186, 222, 228];

/// Values of both signs: sky blue below zero, orange above, brighter the further from it; dark at zero.
const TWO_SIDED: [(u8, u8, u8); 7] =
    [(190, 228, 255), (86, 180, 233), (20, 94, 142), (34, 34, 38), (148, 84, 0), (230, 159, 0), (255, 232, 170)];

impl Look {
    /// The look of tests and files: all glyphs, no colour.
    pub const PLAIN: Look = Look { depth: Depth::None, glyphs: Glyphs::Braille };

    fn colour(self, rgb: (u8, u8, u8), named: Color) -> Option<Color> {
        match self.depth {
            Depth::None => None,
            Depth::Sixteen => Some(named),
            Depth::Indexed => Some(Color::Indexed(indexed(rgb))),
            Depth::True => Some(Color::Rgb(rgb.0, rgb.1, rgb.2)),
        }
    }

    fn ink(self, rgb: (u8, u8, u8), named: Color) -> Style {
        self.colour(rgb, named).map_or_else(Style::new, |colour| Style::new().fg(colour))
    }

    /// Ordinary text.
    pub fn text(self) -> Style {
        Style::new()
    }

    /// Headings and what is selected.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What is there but not to be looked at first.
    pub fn dim(self) -> Style {
        match self.depth {
            Depth::None => Style::new().add_modifier(Modifier::DIM),
            _ => self.ink((138, 138, 138), Color::DarkGray),
        }
    }

    /// Frames and rules.
    pub fn rule(self) -> Style {
        match self.depth {
            Depth::None => Style::new().add_modifier(Modifier::DIM),
            _ => self.ink((98, 98, 98), Color::DarkGray),
        }
    }

    /// What has the focus, keys.
    pub fn accent(self) -> Style {
        self.ink(SERIES[0], Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// Good news.
    pub fn good(self) -> Style {
        self.ink((0, 178, 130), Color::Green)
    }

    /// Look here.
    pub fn warning(self) -> Style {
        self.ink(SERIES[1], Color::Yellow)
    }

    /// Something is wrong.
    pub fn bad(self) -> Style {
        self.ink((226, 102, 10), Color::Red).add_modifier(Modifier::BOLD)
    }

    /// The selected line of a list.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A series by its place.
    pub fn series(self, at: usize) -> Style {
        self.ink(SERIES[at % 8], SERIES_16[at % 8])
    }

    /// Whether cells can carry the ramp as background.
    pub fn has_ramp(self) -> bool {
        self.depth >= Depth::Indexed
    }

    /// Whether two values fit into one cell, one above the other.
    pub fn has_halves(self) -> bool {
        self.has_ramp() && self.glyphs >= Glyphs::Blocks
    }

    /// A place on the ramp, 0 to 1; only meaningful when [`Look::has_ramp`].
    pub fn ramp(self, at: f64) -> Color {
        match self.depth {
            Depth::Indexed => Color::Indexed(RAMP_256[(at.clamp(0.0, 1.0) * 8.0).round() as usize]),
            _ => self.colour(mix(&RAMP, at), Color::Reset).unwrap_or(Color::Reset),
        }
    }

    /// A place on the ramp of values of both signs, 0 the most negative, 0.5 zero; only meaningful when
    /// [`Look::has_ramp`].
    pub fn two_sided(self, at: f64) -> Color {
        self.colour(mix(&TWO_SIDED, at), Color::Reset).unwrap_or(Color::Reset)
    }

    /// Its shade where there is no colour: lines below zero, blocks above.
    pub fn two_sided_shade(self, at: f64) -> char {
        let shades = match self.glyphs {
            Glyphs::Ascii => ['%', '=', '-', '.', '+', '*', '#'],
            _ => ['≡', '=', '-', '·', '░', '▒', '█'],
        };
        shades[((at.clamp(0.0, 1.0) * 7.0) as usize).min(6)]
    }

    /// A grey, 0 dark to 1 bright; only meaningful when [`Look::has_ramp`].
    pub fn grey(self, at: f64) -> Color {
        let level = (at.clamp(0.0, 1.0) * 255.0) as u8;
        match self.depth {
            Depth::Indexed => Color::Indexed(232 + (at.clamp(0.0, 1.0) * 23.0).round() as u8),
            _ => self.colour((level, level, level), Color::Reset).unwrap_or(Color::Reset),
        }
    }

    /// Text that can be read on a place of the ramp.
    pub fn on_ramp(self, at: f64) -> Style {
        let text = if at > 0.45 { (0, 0, 0) } else { (255, 255, 255) };
        let text = self.colour(text, Color::Reset).unwrap_or(Color::Reset);
        Style::new().bg(self.ramp(at)).fg(text)
    }

    /// A shade for a place on the ramp where there is no colour to say it.
    pub fn shade(self, at: f64) -> char {
        let shades: &[char] = match self.glyphs {
            Glyphs::Ascii => &[' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'],
            _ => &['·', '░', '▒', '▓', '█'],
        };
        let place = (at.clamp(0.0, 1.0) * shades.len() as f64) as usize;
        shades[place.min(shades.len() - 1)]
    }

    /// One of two glyphs: the second when only ASCII can be shown.
    pub fn glyph<'a>(self, full: &'a str, ascii: &'a str) -> &'a str {
        if self.glyphs == Glyphs::Ascii { ascii } else { full }
    }
}

/// Between the colours of a ramp.
fn mix(ramp: &[(u8, u8, u8)], at: f64) -> (u8, u8, u8) {
    let place = at.clamp(0.0, 1.0) * (ramp.len() - 1) as f64;
    let below = (place as usize).min(ramp.len() - 2);
    let share = place - below as f64;
    let between = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    let (low, high) = (ramp[below], ramp[below + 1]);
    (between(low.0, high.0), between(low.1, high.1), between(low.2, high.2))
}

/// The nearest of xterm's 256 colours: of its 6x6x6 cube or of its greys.
fn indexed((r, g, b): (u8, u8, u8)) -> u8 {
    const LEVELS: [i32; 6] = [0, 95, 135, 175, 215, 255];
    let near = |v: u8| (0..6).min_by_key(|i| (LEVELS[*i] - i32::from(v)).abs()).unwrap_or(0);
    let away =
        |x: i32, y: i32, z: i32| (x - i32::from(r)).pow(2) + (y - i32::from(g)).pow(2) + (z - i32::from(b)).pow(2);
    let (x, y, z) = (near(r), near(g), near(b));
    let cube = away(LEVELS[x], LEVELS[y], LEVELS[z]);
    let grey = ((i32::from(r) + i32::from(g) + i32::from(b)) / 3 - 3).clamp(0, 238) / 10;
    let grey = grey.min(23);
    let level = 8 + 10 * grey;
    if away(level, level, level) < cube { (232 + grey) as u8 } else { (16 + 36 * x + 6 * y + z) as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_of_256_is_exact_on_the_cube() {
        assert_eq!(indexed((0, 0, 0)), 16);
        assert_eq!(indexed((255, 255, 255)), 231);
        assert_eq!(indexed((95, 135, 255)), 69);
        assert_eq!(indexed((128, 128, 128)), 244);
    }

    #[test]
    fn without_colour_there_is_none() {
        let look = Look::PLAIN;
        for style in [look.dim(), look.accent(), look.bad(), look.good(), look.series(3), look.selected()] {
            assert!(style.fg.is_none() && style.bg.is_none(), "{style:?}");
        }
        assert!(!look.has_ramp());
    }

    #[test]
    fn both_signs_are_told_apart_and_zero_is_dark() {
        let light = |at: f64| {
            let (r, g, b) = mix(&TWO_SIDED, at);
            0.3 * f64::from(r) + 0.6 * f64::from(g) + 0.1 * f64::from(b)
        };
        for i in 1..=10 {
            let (near, far) = (f64::from(i - 1) / 20.0, f64::from(i) / 20.0);
            assert!(light(0.5 + far) > light(0.5 + near) && light(0.5 - far) > light(0.5 - near));
        }
        let shade = |at| Look::PLAIN.two_sided_shade(at);
        assert_eq!([0.0, 0.3, 0.5, 0.7, 1.0].map(shade), ['≡', '-', '·', '░', '█']);
    }

    #[test]
    fn the_ramp_rises_in_brightness() {
        let light = |at: f64| {
            let (r, g, b) = mix(&RAMP, at);
            0.3 * f64::from(r) + 0.6 * f64::from(g) + 0.1 * f64::from(b)
        };
        assert!((1..=20).all(|i| light(f64::from(i) / 20.0) > light(f64::from(i - 1) / 20.0)));
    }
}
