//! Starting a worker as a process of its own, which outlives the terminal.

use std::fs::OpenOptions;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::error::RunError;
use super::folder::Folder;
use super::{lock, progress};

/// How long a worker may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts `ansatz worker FOLDER --threads N` and waits until it has the run; gives its process id.
/// What it prints goes to `worker.log`.
///
/// # Errors
/// [`RunError::Busy`] when a worker has the run; [`RunError::Failed`] when the new one ends at once,
/// with the last that it printed.
pub fn spawn_worker(folder: &Folder, threads: usize) -> Result<u32, RunError> {
    if let Some(holder) = lock::holder(folder) {
        return Err(RunError::Busy { run: folder.name(), holder: holder.to_string() });
    }
    let program = std::env::current_exe().map_err(|e| RunError::Failed(format!("cannot find the program: {e}")))?;
    let path = folder.path().canonicalize().map_err(|e| RunError::reading(folder.path(), &e))?;
    let mut command = Command::new(program);
    command.arg("worker").arg(path).arg("--threads").arg(threads.to_string());
    spawn(folder, command)
}

/// Starts `command` as the worker of a run. It is the worker itself that leaves the session.
fn spawn(folder: &Folder, mut command: Command) -> Result<u32, RunError> {
    let log = folder.log();
    let open = || OpenOptions::new().append(true).create(true).open(&log).map_err(|e| RunError::writing(&log, e));
    command.stdin(Stdio::null()).stdout(open()?).stderr(open()?);
    let mut child = command.spawn().map_err(|e| RunError::Failed(format!("a worker cannot be started: {e}")))?;
    let pid = child.id();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && progress::read(folder).is_none_or(|p| p.worker.pid != pid) {
        if let Ok(Some(status)) = child.try_wait() {
            // A run that has nothing left to do ends well before it has written anything.
            return if status.success() { Ok(pid) } else { Err(ended(folder, pid)) };
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    reap(child);
    Ok(pid)
}

/// Waits for the worker in the background, so that it leaves no zombie while this process lives.
fn reap(mut child: Child) {
    std::thread::spawn(move || child.wait());
}

fn ended(folder: &Folder, pid: u32) -> RunError {
    let text = std::fs::read_to_string(folder.log()).unwrap_or_default();
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing");
    RunError::Failed(format!("the worker (process {pid}) ended at once: {last}"))
}
