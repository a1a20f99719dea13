//! The text format of the authors' files, `IN: <words> OUT: <actions>`, one example a line.

use std::io::{self, Write};

use super::Example;

/// A line that is no example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}, found `{found}`")]
pub struct LineError {
    /// Counted from 1.
    pub line: usize,
    /// What should stand there.
    pub expected: &'static str,
    /// The beginning of what does.
    pub found: String,
}

/// Reads a file; any words and actions are taken. Empty lines are passed over.
///
/// # Errors
/// At the first line that is not of the form `IN: <words> OUT: <actions>`.
pub fn read(text: &str) -> Result<Vec<Example>, LineError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| example(line).map_err(|expected| refused(at + 1, expected, line))).collect()
}

fn example(line: &str) -> Result<Example, &'static str> {
    let rest = line.trim().strip_prefix("IN:").ok_or("`IN: <words> OUT: <actions>`")?;
    let (command, actions) = rest.split_once("OUT:").ok_or("`OUT:` and actions after the command")?;
    let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
    let example = Example { command: words(command), actions: words(actions) };
    match (example.command.is_empty(), example.actions.is_empty()) {
        (true, _) => Err("words between `IN:` and `OUT:`"),
        (_, true) => Err("actions after `OUT:`"),
        _ => Ok(example),
    }
}

fn refused(line: usize, expected: &'static str, found: &str) -> LineError {
    const SHOWN: usize = 60;
    let cut = found.chars().count() > SHOWN;
    let found = found.chars().take(SHOWN).chain(cut.then_some('…')).collect();
    LineError { line, expected, found }
}

/// Writes a file.
///
/// # Errors
/// When `out` does not take it.
pub fn write(examples: &[Example], out: &mut dyn Write) -> io::Result<()> {
    examples.iter().try_for_each(|example| writeln!(out, "{example}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_byte_for_byte() {
        let all = super::super::commands();
        let mut text = Vec::new();
        write(&all, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("IN: walk OUT: I_WALK\nIN: walk twice OUT: I_WALK I_WALK\n"));
        assert_eq!(text.len(), 4_080_388, "as many bytes as the published tasks.txt");
        assert_eq!(read(&text).unwrap(), all);
    }

    #[test]
    fn other_vocabularies_empty_lines_and_line_ends_of_other_systems_are_taken() {
        let found = read("\nIN:  dax3  fep OUT: I_DAX3\r\n\n").unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].command_text().as_str(), found[0].actions[0].as_str()), ("dax3 fep", "I_DAX3"));
    }

    #[test]
    fn errors_name_the_line() {
        for (text, line, told) in [
            ("IN: jump OUT: I_JUMP\njump OUT: I_JUMP", 2, "IN:"),
            ("IN: jump I_JUMP", 1, "OUT:"),
            ("IN: OUT: I_JUMP", 1, "words"),
            ("\n\nIN: jump OUT:", 3, "actions"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.line, line);
            let message = error.to_string();
            assert!(message.starts_with(&format!("line {line}:")) && message.contains(told), "{message}");
        }
        assert!(read(&"x".repeat(500)).unwrap_err().to_string().chars().count() < 140);
    }
}
