//! The terminal: size, colours, letters, and what lies between it and the program.

use std::env;
use std::io::{self, IsTerminal};

use super::Finding;
use crate::tui::{self, Depth, Glyphs, Look, Wanted};

/// What a good font shows: braille and block curves, a ramp, boxes, wide letters.
pub(super) const GLYPHS: &str = "  braille  ⡀⠄⠂⠁⠈⠐⠠⢀⣀⣤⣶⣿   blocks  ▁▂▃▄▅▆▇█ ▀▄▌▐   ramp  ░▒▓█
  boxes    ┌─┬─┐ ╭──╮ ┏━┓   marks   ● ■ ▲ ◆ ▼ ✕     wide  |日本|é|
           └─┴─┘ ╰──╯ ┗━┛
";

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// Everything about the terminal.
pub(super) fn findings() -> Vec<Finding> {
    let here = io::stdout().is_terminal() && io::stdin().is_terminal();
    let advice = "the viewer needs one; run, show and list do not";
    let term = variable("TERM").filter(|term| !term.is_empty());
    let shown = term.clone().unwrap_or_else(|| "not set".into());
    let mut findings = vec![
        Finding::unless(!here, "terminal", if here { "yes" } else { "no" }, advice),
        Finding::unless(
            term.is_none_or(|term| term == "dumb"),
            "TERM",
            shown,
            "set it to what your terminal is, for example xterm-256color",
        ),
    ];
    if let Some((columns, rows)) = crossterm::terminal::size().ok().filter(|_| here) {
        let small = columns < 60 || rows < 15;
        findings.push(Finding::unless(small, "size", format!("{columns}x{rows}"), "below 60x15 only numbers fit"));
    }
    let Look { depth, glyphs } = tui::look(Wanted::default());
    let colours = match depth {
        Depth::True => "truecolor",
        Depth::Indexed => "256",
        Depth::Sixteen => "16",
        Depth::None => "none: shapes and letters carry everything",
    };
    findings.push(Finding::ok("colours", colours));
    let (plain, letters) = match glyphs {
        Glyphs::Braille => (false, "braille"),
        Glyphs::Blocks => (false, "blocks"),
        Glyphs::Ascii => (true, "ASCII"),
    };
    findings.push(Finding::unless(plain, "letters", letters, "a UTF-8 locale such as LANG=C.UTF-8 shows finer curves"));
    findings.push(Finding::ok("between", between()));
    findings
}

/// What lies between the program and the person.
fn between() -> String {
    let names = [("TMUX", "tmux"), ("STY", "screen"), ("SSH_CONNECTION", "ssh"), ("MOSH_CONNECTION", "mosh")];
    let found: Vec<&str> =
        names.into_iter().filter(|(name, _)| variable(name).is_some()).map(|(_, word)| word).collect();
    if found.is_empty() { "nothing: a local terminal".into() } else { found.join(", ") }
}

/// A bar that runs evenly from blue to yellow where the terminal has the colours; empty elsewhere.
pub(super) fn colour_bar() -> String {
    if !io::stdout().is_terminal() {
        return String::new();
    }
    let depth = tui::look(Wanted::default()).depth;
    let cell = |i: u32| match depth {
        Depth::True => format!("\u{1b}[48;2;{};{};{}m ", i * 5, 60 + i * 3, 180 - i * 3),
        Depth::Indexed => format!("\u{1b}[48;5;{}m ", 232 + i / 2),
        Depth::Sixteen => format!("\u{1b}[4{}m ", i / 6),
        Depth::None => String::new(),
    };
    let bar: String = (0..48).map(cell).collect();
    if bar.is_empty() { bar } else { format!("  colours  {bar}\u{1b}[0m\n") }
}
