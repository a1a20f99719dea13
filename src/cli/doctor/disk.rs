//! The runs folder: whether it can be written, what is free, how long a durable write takes.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Finding;
use crate::run::export::bytes;
use crate::run::{free_space, nearest_folder};

/// Everything about the folder of the runs.
pub(super) fn findings(runs: &Path) -> Vec<Finding> {
    let there = nearest_folder(runs);
    let shown = if there == runs { runs.display().to_string() } else { format!("{} (not there yet)", runs.display()) };
    let mut findings = Vec::new();
    match durable_write(&there) {
        Ok(time) => {
            findings.push(Finding::ok("runs folder", format!("{shown}, can be written")));
            let slow = time > Duration::from_millis(200);
            let found = format!("{:.1} ms", time.as_secs_f64() * 1e3);
            findings.push(Finding::unless(slow, "durable write", found, "checkpoints will be felt on this disk"));
        }
        Err(error) => {
            let found = format!("{shown}: {error}");
            let advice = "runs need a folder that can be written: --runs DIR or ANSATZ_RUNS";
            findings.push(Finding::unless(true, "runs folder", found, advice));
        }
    }
    if let Some(free) = free_space(&there) {
        findings.push(Finding::unless(free < 1 << 30, "free disk", bytes(free), "below 1 GiB a long run may fill it"));
    }
    findings
}

/// The median time of five small writes that are seen on the disk.
fn durable_write(folder: &Path) -> io::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let start = Instant::now();
        file.write_all(&[0; 4096])?;
        file.as_file().sync_all()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_judged_by_the_one_above() {
        let room = tempfile::tempdir().unwrap();
        let runs = room.path().join("deep/runs");
        let findings = findings(&runs);
        assert!(findings[0].found.contains("not there yet") && findings[0].advice.is_none());
        assert!(!runs.exists());
    }
}
