//! Standard output takes results and nothing else; standard error takes what is said on the way.

use std::io::{self, IsTerminal, Write};

use unicode_width::UnicodeWidthStr;

use super::failure::Failure;

/// Prints a result.
///
/// # Errors
/// When standard output does not take it; see [`Failure::output`].
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}

/// Prints a table: on a terminal every line is cut to fit.
///
/// # Errors
/// As [`print`].
pub(super) fn print_table(table: &str) -> Result<(), Failure> {
    if !io::stdout().is_terminal() {
        return print(table);
    }
    let room = width();
    print(&table.lines().map(|line| cut(line, room) + "\n").collect::<String>())
}

/// A line cut to so many columns, with an ellipsis where something is missing.
fn cut(line: &str, room: usize) -> String {
    if line.width() <= room {
        return line.to_owned();
    }
    let mut kept = String::new();
    for c in line.chars() {
        kept.push(c);
        if kept.width() >= room {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

/// Prints a JSON document.
///
/// # Errors
/// As [`print`].
pub(super) fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

/// Says something on the way. Where nobody listens, nothing is said.
pub(super) fn tell(text: &str) {
    writeln!(io::stderr().lock(), "{text}").unwrap_or_default();
}

/// Columns of the terminal that text goes to; 100 where there is none.
pub(super) fn width() -> usize {
    if !io::stdout().is_terminal() {
        return 100;
    }
    crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns).clamp(40, 200))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_their_columns() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "long…");
        assert_eq!(cut("日本語", 5), "日本…");
    }
}
