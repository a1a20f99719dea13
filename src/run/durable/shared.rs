//! Lines that several processes append to one file: each stands for itself, with its own checksum.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::records::{FIRST, seal, unseal};
use super::{Keep, disk};
use crate::run::error::RunError;

/// Adds a value as a line of its own.
///
/// # Errors
/// [`RunError::Disk`] when it cannot be written.
pub(in crate::run) fn append(path: &Path, value: &impl Serialize, keep: Keep) -> Result<(), RunError> {
    let (mut line, _) = seal(value, FIRST).map_err(|e| RunError::broken(path, e))?;
    // One write of a file opened to append: lines of several processes do not mix.
    let mut write = || -> io::Result<()> {
        let mut file = disk::open_to_append(path)?;
        let is_new = file.seek(SeekFrom::End(0))? == 0;
        if !is_new {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                line.insert(0, '\n'); // a killed writer left half a line
            }
        }
        disk::write_all(&mut file, path, line.as_bytes())?;
        if keep == Keep::Durable {
            disk::sync(&file, path)?;
            let folder = path.parent().filter(|_| is_new);
            folder.map_or(Ok(()), disk::sync_folder)?;
        }
        Ok(())
    };
    write().map_err(|e| RunError::writing(path, e))
}

/// The values of such lines; those that are damaged, torn or of another kind are left out.
pub(in crate::run) fn values<T: DeserializeOwned>(lines: &str) -> impl Iterator<Item = T> {
    lines.lines().filter_map(|line| unseal(line, &mut { FIRST }).ok())
}
