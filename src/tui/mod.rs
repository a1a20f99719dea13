//! The terminal: painters, screens, input, and the guard that always gives the terminal back.

mod canvas;
mod look;
mod paint;
mod pen;
mod screen;

pub use look::{Depth, Glyphs, Look};
