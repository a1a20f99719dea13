//! Room on the disk of a folder, which need not be there yet.

use std::path::{Path, PathBuf};

use super::durable::disk;

/// The folder itself, or the nearest above it that is there.
pub fn nearest_folder(path: &Path) -> PathBuf {
    let above = path.ancestors().find(|folder| folder.is_dir() && !folder.as_os_str().is_empty());
    above.unwrap_or(Path::new(".")).to_owned()
}

/// Bytes that may still be written below a folder, if the system tells.
pub fn free_space(path: &Path) -> Option<u64> {
    disk::free(&nearest_folder(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_has_the_room_of_the_one_above() {
        let room = tempfile::tempdir().unwrap();
        let runs = room.path().join("deep/runs");
        assert_eq!(nearest_folder(&runs), room.path());
        assert_eq!(nearest_folder(Path::new("runs-that-are-nowhere")), Path::new("."));
        assert!(free_space(&runs).is_some_and(|free| free > 0) && !runs.exists());
    }
}
