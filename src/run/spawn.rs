//! Starting a worker as a process of its own, which outlives the terminal.

use std::fs::OpenOptions;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::error::RunError;
use super::folder::Folder;
use super::{lock, progress};

/// How long a worker may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// A worker that this process started.
#[derive(Clone, Debug)]
pub struct Spawned {
    /// Its process.
    pub pid: u32,
    ended: Arc<OnceLock<Option<i32>>>,
}

impl Spawned {
    /// Its exit code once it has ended; `Some(None)` when a signal killed it.
    pub fn ended(&self) -> Option<Option<i32>> {
        self.ended.get().copied()
    }
}

/// Starts `ansatz worker FOLDER --threads N` and waits until it has the run.
/// What it prints goes to `worker.log`.
///
/// # Errors
/// [`RunError::Busy`] when a worker has the run; [`RunError::Failed`] when the new one ends at once,
/// with the last that it printed.
pub fn spawn_worker(folder: &Folder, threads: usize) -> Result<Spawned, RunError> {
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
fn spawn(folder: &Folder, mut command: Command) -> Result<Spawned, RunError> {
    let log = folder.log();
    let open = || OpenOptions::new().append(true).create(true).open(&log).map_err(|e| RunError::writing(&log, e));
    command.stdin(Stdio::null()).stdout(open()?).stderr(open()?);
    let mut child = command.spawn().map_err(|e| RunError::Failed(format!("a worker cannot be started: {e}")))?;
    let pid = child.id();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && progress::read(folder).is_none_or(|p| p.worker.pid != pid) {
        if let Ok(Some(status)) = child.try_wait() {
            // A run that has nothing left to do ends before it has written anything.
            let nothing_to_do = status.success() || folder.verdict().exists();
            let spawned = Spawned { pid, ended: Arc::new(OnceLock::from(status.code())) };
            return if nothing_to_do { Ok(spawned) } else { Err(ended_at_once(folder, pid, status)) };
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(Spawned { pid, ended: reap(child) })
}

/// Waits for the worker in the background, so that it leaves no zombie while this process lives.
fn reap(mut child: Child) -> Arc<OnceLock<Option<i32>>> {
    let ended = Arc::new(OnceLock::new());
    let code = Arc::clone(&ended);
    std::thread::spawn(move || code.set(child.wait().ok().and_then(|status| status.code())));
    ended
}

fn ended_at_once(folder: &Folder, pid: u32, status: ExitStatus) -> RunError {
    let text = std::fs::read_to_string(folder.log()).unwrap_or_default();
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing");
    let says = format!("the worker (process {pid}) ended at once: {}", last.trim_start_matches("error: "));
    match status.code() {
        Some(4) => RunError::writing(folder.path(), std::io::Error::other(says)),
        _ => RunError::Failed(says),
    }
}
