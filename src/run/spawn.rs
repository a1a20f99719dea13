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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Status;
    use crate::run::testing::TABLE;
    use crate::run::worker::tests::{bytes, state, toy, until};
    use crate::run::{Request, WorkOptions, request, work};

    const FOLDER: &str = "ANSATZ_TEST_WORKER_FOLDER";

    /// Not a test by itself: the process that the test below starts, kills and starts again.
    #[test]
    #[ignore = "is the worker process of another test"]
    fn worker_process() {
        let Some(folder) = std::env::var_os(FOLDER) else { return };
        let folder = Folder::open(folder.as_ref()).unwrap();
        let checkpoint_every = Duration::from_millis(10);
        let options = WorkOptions { own_session: true, checkpoint_every, ..WorkOptions::threads(2) };
        work(&folder, TABLE, &options).unwrap();
    }

    fn start(folder: &Folder) -> Result<Spawned, RunError> {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--ignored", "run::spawn::tests::worker_process"]).env(FOLDER, folder.path());
        spawn(folder, command)
    }

    #[test]
    fn a_killed_process_is_seen_at_once_and_leaves_no_trace_in_the_results() {
        let place = tempfile::tempdir().unwrap();
        let set = ["nap=1000", "steps=600"];
        let unbroken = toy(place.path(), &set);
        work(&unbroken, TABLE, &WorkOptions::threads(2)).unwrap();
        let folder = toy(place.path(), &set);
        let signal = |pid: u32, signal| {
            let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
            rustix::process::kill_process(pid, signal).unwrap();
        };
        let worker = start(&folder).unwrap();
        let pid = worker.pid;
        assert_eq!(lock::holder(&folder).unwrap().pid, pid);
        assert!(matches!(spawn_worker(&folder, 1), Err(RunError::Busy { .. })));
        let session = rustix::process::getsid(rustix::process::Pid::from_raw(pid as i32)).unwrap();
        assert_eq!(session.as_raw_nonzero().get(), pid as i32);
        until("a checkpoint", || folder.checkpoint("plain.s1").exists());
        // A closed terminal does not touch it; kill -9 does.
        signal(pid, rustix::process::Signal::HUP);
        std::thread::sleep(Duration::from_millis(20));
        assert!(lock::holder(&folder).is_some());
        signal(pid, rustix::process::Signal::KILL);
        until("its end", || lock::holder(&folder).is_none());
        until("its code", || worker.ended() == Some(None));
        assert_eq!(state(&folder).status, Status::Stopped);
        // Asked to end by the system, it ends at a checkpoint.
        let pid = start(&folder).unwrap().pid;
        signal(pid, rustix::process::Signal::TERM);
        until("its end", || lock::holder(&folder).is_none());
        assert!(state(&folder).journal.last().unwrap().2.contains("stopped at a checkpoint"));
        start(&folder).unwrap();
        until("the verdict", || state(&folder).status == Status::Done);
        assert_eq!(bytes(&folder), bytes(&unbroken));
        assert!(request(&folder, Request::Pause).is_err());
    }

    #[test]
    fn a_worker_that_ends_at_once_is_told_with_its_last_words() {
        let place = tempfile::tempdir().unwrap();
        let folder = toy(place.path(), &[]);
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such thing >&2; exit 3"]);
        let error = spawn(&folder, command).unwrap_err().to_string();
        assert!(error.ends_with("ended at once: no such thing"), "{error}");
    }
}
