//! A user's list of regular expressions, one a line.

use std::path::Path;

use super::program::Program;

/// What of a list can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The programs, in order.
    pub programs: Vec<Program>,
    /// Lines that are none.
    pub skipped: usize,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file cannot be read.
    #[error("{file} cannot be read: {source}")]
    Read {
        /// File.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// No line is a program.
    #[error("{file}: none of {lines} lines is a program, expected lines such as [a-z]{{1,2}}0?; the first: {first}")]
    Empty {
        /// File.
        file: String,
        /// Lines that are neither empty nor a comment.
        lines: usize,
        /// What is wrong with the first.
        first: String,
    },
}

/// The lines of a text that are expressions: neither empty nor a comment behind `#`.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl List {
    /// Reads a text.
    pub fn parse(text: &str) -> List {
        let read: Vec<Option<Program>> = lines(text).map(|line| Program::parse(line).ok()).collect();
        let skipped = read.iter().filter(|program| program.is_none()).count();
        List { programs: read.into_iter().flatten().collect(), skipped }
    }
}

/// Reads a file; lines that cannot be programs are counted.
///
/// # Errors
/// When it cannot be read, or no line is a program.
pub fn read(path: &Path) -> Result<List, ListError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ListError::Read { file: file.clone(), source })?;
    let list = List::parse(&text);
    if list.programs.is_empty() {
        let first = lines(&text)
            .next()
            .map_or("there are no lines".into(), |line| Program::parse(line).err().unwrap_or_default());
        return Err(ListError::Empty { file, lines: list.skipped, first });
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_program_is_counted() {
        let list = List::parse("# mine\n\n[a-z]+\n a?0 \nx{3}\n(a|b)*\n");
        let texts: Vec<String> = list.programs.iter().map(ToString::to_string).collect();
        assert_eq!((texts, list.skipped), (vec!["[a-z]{1,}".into(), "a?0".into()], 2));
    }

    #[test]
    fn a_file_without_a_program_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "(a|b)\n").unwrap();
        let message = read(file.path()).unwrap_err().to_string();
        assert!(message.contains("none of 1 lines") && message.contains("`(a|b)` is no part"), "{message}");
        std::fs::write(file.path(), "aa\n").unwrap();
        assert_eq!(read(file.path()).unwrap().programs.len(), 1);
        assert!(read(Path::new("no such list")).unwrap_err().to_string().contains("no such list cannot be read"));
    }
}
