//! Replay: a finished run again, from its preset and what was changed while it ran; the same bytes
//! must come out.

use std::fs;
use std::path::{Path, PathBuf};

use super::durable::{Keep, disk, replace};
use super::error::RunError;
use super::folder::Folder;
use super::worker::{WorkOptions, work};
use crate::contract::Entry;

/// A file that came out different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where in the run's folder.
    pub file: PathBuf,
    /// The first byte that is different, from 0.
    pub byte: usize,
    /// The line that it is in, from 1, where the file is text.
    pub line: Option<usize>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is different from byte {} on", self.file.display(), self.byte)?;
        self.line.map_or(Ok(()), |line| write!(f, " (line {line})"))
    }
}

/// Does a finished run again in the folder `place` and compares metrics, last checkpoints and verdict
/// byte by byte. Gives how many files were compared, and those that are different.
///
/// # Errors
/// [`RunError::Usage`] when the run is not finished; what [`work`] refuses.
pub fn replay(
    folder: &Folder,
    table: &'static [Entry],
    threads: usize,
    place: &Path,
) -> Result<(usize, Vec<Difference>), RunError> {
    if !folder.verdict().exists() {
        let name = folder.name();
        return Err(RunError::Usage(format!("{name} is not finished: `ansatz resume {name}` goes on with it first")));
    }
    let again = copy(folder, place)?;
    work(&again, table, &WorkOptions::threads(threads))?;
    let mut files = vec![PathBuf::from("verdict.json")];
    for trial in folder.manifest()?.trials {
        let of = Path::new("trials").join(&trial.name);
        files.extend(["metrics.jsonl", "checkpoint.safetensors"].map(|file| of.join(file)));
    }
    let compare = |file: &PathBuf| {
        // A trial that broke before its first checkpoint has none, in both.
        let read = |folder: &Folder| fs::read(folder.path().join(file)).unwrap_or_default();
        first_difference(&read(folder), &read(&again)).map(|(byte, line)| Difference { file: file.clone(), byte, line })
    };
    Ok((files.len(), files.iter().filter_map(compare).collect()))
}

/// A run that has not begun, with the preset, the trials and the changes of another.
fn copy(folder: &Folder, place: &Path) -> Result<Folder, RunError> {
    let again = Folder::at(place);
    let make = |path: &Path| disk::make_folder(path).map_err(|e| RunError::writing(path, e));
    make(&again.control(""))?;
    let mut files = vec![(folder.preset(), again.preset()), (folder.manifest_path(), again.manifest_path())];
    for trial in folder.manifest()?.trials {
        make(&again.trial(&trial.name, ""))?;
        if folder.changes(&trial.name).exists() {
            files.push((folder.changes(&trial.name), again.changes(&trial.name)));
        }
    }
    for (from, to) in files {
        let bytes = fs::read(&from).map_err(|e| RunError::reading(&from, &e))?;
        replace(&to, &bytes, Keep::Fleeting).map_err(|e| RunError::writing(&to, e))?;
    }
    Ok(again)
}

fn first_difference(one: &[u8], other: &[u8]) -> Option<(usize, Option<usize>)> {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    if same == one.len() && same == other.len() {
        return None;
    }
    let line = std::str::from_utf8(one).is_ok().then(|| one[..same].iter().filter(|b| **b == b'\n').count() + 1);
    Some((same, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told() {
        assert_eq!(first_difference(b"a\nb", b"a\nb"), None);
        assert_eq!(first_difference(b"a\nb", b"a\nc"), Some((2, Some(2))));
        assert_eq!(first_difference(b"a\nb", b"a\nbc"), Some((3, Some(2))));
        assert_eq!(first_difference(b"\xff\xfe", b"\xff"), Some((1, None)));
    }
}
