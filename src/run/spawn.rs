//! Starting a worker as a process of its own, which outlives the terminal.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::durable::disk;
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
    let mut command = own_command("worker", folder)?;
    command.arg("--threads").arg(threads.to_string());
    spawn(folder, command)
}

/// Starts `ansatz diagnose FOLDER --trial TRIAL` by itself: the card comes into the run's folder, and what
/// it prints otherwise goes to `worker.log`.
///
/// # Errors
/// [`RunError::Usage`] when the trial has no checkpoint yet; [`RunError::Failed`] when it cannot be started.
pub fn spawn_diagnose(folder: &Folder, trial: &str, threads: usize) -> Result<(), RunError> {
    if !folder.checkpoint(trial).exists() {
        return Err(RunError::Usage(format!("{trial} has no checkpoint yet")));
    }
    let mut command = own_command("diagnose", folder)?;
    command.args(["--trial", trial, "--threads"]).arg(threads.to_string());
    let log = folder.log();
    let open = || disk::open_to_append(&log).map_err(|e| RunError::writing(&log, e));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(open()?);
    let child = command.spawn().map_err(|e| RunError::Failed(format!("the card cannot be made: {e}")))?;
    reap(child);
    Ok(())
}

/// This program with a command for a run.
fn own_command(word: &str, folder: &Folder) -> Result<Command, RunError> {
    let program = std::env::current_exe().map_err(|e| RunError::Failed(format!("cannot find the program: {e}")))?;
    let path = folder.path().canonicalize().map_err(|e| RunError::reading(folder.path(), &e))?;
    let mut command = Command::new(program);
    command.arg(word).arg(path);
    Ok(command)
}

/// Starts `command` as the worker of a run. It is the worker itself that leaves the session.
fn spawn(folder: &Folder, mut command: Command) -> Result<Spawned, RunError> {
    let log = folder.log();
    let open = || disk::open_to_append(&log).map_err(|e| RunError::writing(&log, e));
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
    use crate::run::durable::fault::{Fault, Faults};
    use crate::run::testing::TABLE;
    use crate::run::worker::tests::{all_bytes, bytes, state, toy, until};
    use crate::run::{Request, WorkOptions, request, work};

    const FOLDER: &str = "ANSATZ_TEST_WORKER_FOLDER";
    const ABORT: &str = "ANSATZ_TEST_WORKER_ABORTS";

    /// Not a test by itself: the process that the test below starts, kills and starts again.
    #[test]
    #[ignore = "is the worker process of another test"]
    fn worker_process() {
        let Some(folder) = std::env::var_os(FOLDER) else { return };
        let folder = Folder::open(folder.as_ref()).unwrap();
        if let Some(at) = std::env::var(ABORT).ok().and_then(|at| at.parse().ok()) {
            let _faults = Faults::below(folder.path(), Fault::Abort(at));
            let options = WorkOptions { checkpoint_every: Duration::ZERO, ..WorkOptions::threads(1) };
            work(&folder, TABLE, &options).unwrap();
            return;
        }
        let checkpoint_every = Duration::from_millis(10);
        let options = WorkOptions { own_session: true, checkpoint_every, ..WorkOptions::threads(2) };
        work(&folder, TABLE, &options).unwrap();
    }

    fn worker_command(folder: &Folder) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--ignored", "run::spawn::tests::worker_process"]).env(FOLDER, folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The process ends at every point at which it changes the folder, in the middle of writes too.
    #[test]
    fn an_abort_at_any_point_leaves_no_trace() {
        let place = tempfile::tempdir().unwrap();
        let set = ["steps=20", "seeds=1"];
        let unbroken = toy(place.path(), &set);
        work(&unbroken, TABLE, &WorkOptions::threads(1)).unwrap();
        let expected = all_bytes(&unbroken);
        let mut at = 0;
        loop {
            at += 1;
            let folder = toy(place.path(), &set);
            let status = worker_command(&folder).env(ABORT, at.to_string()).status().unwrap();
            if status.success() {
                break;
            }
            work(&folder, TABLE, &WorkOptions::threads(2)).unwrap();
            assert_eq!(all_bytes(&folder), expected, "aborted at point {at}");
            std::fs::remove_dir_all(folder.path()).unwrap();
        }
        assert!(at > 100, "only {at} points");
    }

    #[test]
    fn fifty_that_start_at_once_are_one() {
        let place = tempfile::tempdir().unwrap();
        let set = ["steps=60", "nap=500"];
        let unbroken = toy(place.path(), &set);
        work(&unbroken, TABLE, &WorkOptions::threads(1)).unwrap();
        let folder = toy(place.path(), &set);
        let mut all: Vec<Child> = (0..50).map(|_| worker_command(&folder).spawn().unwrap()).collect();
        let done = all.iter_mut().filter_map(|child| child.wait().unwrap().success().then_some(())).count();
        assert!(done >= 1);
        assert_eq!(bytes(&folder), bytes(&unbroken));
        let journal = state(&folder).journal;
        assert_eq!(journal.iter().filter(|(_, _, text)| text.starts_with("worker started")).count(), 1);
    }

    #[test]
    fn signals_ask_for_checkpoints_and_for_a_rest() {
        let place = tempfile::tempdir().unwrap();
        let folder = toy(place.path(), &["nap=2000", "steps=60000", "seeds=1"]);
        let worker = start(&folder).unwrap();
        let signal = |signal| {
            let pid = rustix::process::Pid::from_raw(worker.pid as i32).unwrap();
            rustix::process::kill_process(pid, signal).unwrap();
        };
        let status = || state(&folder).status;
        until("it runs", || status() == Status::Running);
        signal(rustix::process::Signal::USR1);
        until("checkpoints", || state(&folder).journal.iter().any(|(_, _, t)| t == "checkpoints on request"));
        signal(rustix::process::Signal::TSTP);
        until("its rest", || status() == Status::Stalled);
        let step = || crate::run::Saved::read(&folder.checkpoint("plain.s0")).unwrap().checkpoint.step;
        let at = step();
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(step(), at);
        signal(rustix::process::Signal::CONT);
        until("it runs again", || status() == Status::Running && step() > at);
        // One that is stopped from outside is seen at once, too.
        signal(rustix::process::Signal::STOP);
        until("its stop", || status() == Status::Stalled);
        assert_eq!(crate::run::summary(folder.path()).unwrap().status, Status::Stalled);
        signal(rustix::process::Signal::CONT);
        request(&folder, Request::Stop).unwrap();
        until("its end", || status() == Status::Stopped);
    }

    fn start(folder: &Folder) -> Result<Spawned, RunError> {
        spawn(folder, worker_command(folder))
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
