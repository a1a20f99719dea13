//! A user's own sentences: SCAN's lines of text, PCFG SET's pair of files, HINT's JSON.

use std::path::Path;

use super::corpus::{scan_language, scan_sentence};
use super::value::{Language, Sentence};
use super::{hint, pcfg};
use crate::tasks;

/// What a file holds, told by its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// `.json`: a list of `{expr, head, res}`.
    Hint,
    /// `.src`, with `.tgt` beside it.
    Pcfg,
    /// Anything else: lines `IN: .. OUT: ..`.
    Scan,
}

impl Format {
    fn of(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => Format::Hint,
            Some("src") => Format::Pcfg,
            _ => Format::Scan,
        }
    }

    fn language(self) -> Language {
        match self {
            Format::Hint => hint::language(),
            Format::Pcfg => pcfg::language(),
            Format::Scan => scan_language(),
        }
    }
}

/// The language of two files with training and test sentences.
///
/// # Errors
/// With the file and the entry where it cannot be read, has a word of unknown arity, or holds no sentence; and where
/// the two are not of one format.
pub(super) fn read(train: &Path, test: &Path) -> Result<(Language, [Vec<Sentence>; 2]), String> {
    let format = Format::of(train);
    if Format::of(test) != format {
        let [train, test] = [train, test].map(|path| path.display().to_string());
        return Err(format!("{test}: expected the same format as {train} has, told by the ending"));
    }
    let language = format.language();
    let part = |path: &Path| {
        let found = sentences(path, format, &language).map_err(|error| format!("{}: {error}", path.display()))?;
        if found.is_empty() { Err(format!("{}: expected a sentence at least", path.display())) } else { Ok(found) }
    };
    let parts = [part(train)?, part(test)?];
    Ok((language, parts))
}

fn sentences(path: &Path, format: Format, language: &Language) -> Result<Vec<Sentence>, String> {
    let text = |path: &Path| std::fs::read_to_string(path).map_err(|error| error.to_string());
    match format {
        Format::Hint => {
            let expressions = tasks::hint::read(&text(path)?).map_err(|error| error.to_string())?;
            Ok(expressions.iter().filter_map(|one| hint::sentence(one, language)).collect())
        }
        Format::Pcfg => {
            let beside = path.with_extension("tgt");
            let targets = text(&beside).map_err(|error| format!("{}: {error}", beside.display()))?;
            let lines = tasks::pcfg_set::read(&text(path)?, &targets)?;
            Ok(lines.iter().filter_map(|line| pcfg::sentence(line, language)).collect())
        }
        Format::Scan => {
            let lines = tasks::scan::read(&text(path)?).map_err(|error| error.to_string())?;
            let sentence = |line| scan_sentence(line, language).map_err(|error| format!("`{line}`: {error}"));
            lines.iter().map(sentence).collect()
        }
    }
}
