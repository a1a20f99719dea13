//! The idle signal: tells whoever drives the viewer from a program that everything it sent was handled
//! and is on the screen, so that no test has to guess how long to wait.
//!
//! Asked for with the variable `ANSATZ_IDLE_SIGNAL`; the sequence is one of those that terminals skip
//! (`OSC 7777`). docs/viewer.md says what is in it.

use std::io::{self, Write};

use crossterm::event::Event;

use super::input;

const VARIABLE: &str = "ANSATZ_IDLE_SIGNAL";

/// What the signal says, while it is wanted.
pub(super) struct Idle {
    wanted: bool,
    keys: u64,
}

impl Idle {
    /// As the environment asks for.
    pub(super) fn from_environment() -> Self {
        Idle { wanted: std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty()), keys: 0 }
    }

    /// Whether anybody waits for it.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Counts the keys of an event that was handled.
    pub(super) fn count(&mut self, event: &Event) {
        self.keys += input::presses(event);
    }

    /// Says that the last frame, drawn for `size` (columns, rows), shows all that came in.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub(super) fn say(&self, size: (u16, u16)) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(sequence(self.keys, size).as_bytes())?;
        out.flush()
    }
}

fn sequence(keys: u64, (width, height): (u16, u16)) -> String {
    format!("\x1b]7777;ansatz-idle;keys={keys};size={width}x{height}\x07")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_is_one_sequence_that_terminals_skip() {
        assert_eq!(sequence(12, (80, 24)), "\x1b]7777;ansatz-idle;keys=12;size=80x24\x07");
        let sized = |n| std::num::NonZero::new(n).unwrap();
        let mut parser = vt100::Parser::new(sized(2), sized(20), 0);
        parser.process(format!("be{}hind", sequence(3, (1, 1))).as_bytes());
        assert_eq!(parser.screen().contents().trim_end(), "behind");
    }
}
