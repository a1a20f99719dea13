//! What a viewer asks of a worker: small files in `control/`.

use std::fs::{self, FileTimes};
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::durable::{self, disk, records};
use super::error::RunError;
use super::folder::Folder;
use super::lock;
use crate::contract::Turn;

/// A request to the worker of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Wait at a checkpoint.
    Pause,
    /// Go on after a pause.
    Continue,
    /// Write checkpoints and end.
    Stop,
    /// Write checkpoints now.
    Checkpoint,
    /// Pause, and make so many calls of a trial's `step` all the same: of the one in work or, if there is
    /// none, of the next.
    Step(u64),
}

const PAUSE: &str = "pause";
const STOP: &str = "stop";
const CHECKPOINT: &str = "checkpoint";
const WATCHING: &str = "watching";
/// How the name of a request to turn a knob begins.
const TURN: &str = "turn-";
/// How that of a request for single steps begins.
const STEP: &str = "step-";
/// The most bytes that either has.
const LONGEST: u64 = 4096;

/// What a request for single steps says.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Steps {
    steps: u64,
}

/// Asks the worker of a run for something; it answers within a step, some tens of milliseconds.
///
/// # Errors
/// [`RunError::Idle`] when the run has no worker, [`RunError::Disk`] when the folder is read-only.
pub fn request(folder: &Folder, request: Request) -> Result<(), RunError> {
    if lock::holder(folder).is_none() {
        return Err(RunError::Idle { run: folder.name() });
    }
    match request {
        Request::Pause => touch(&folder.control(PAUSE)),
        Request::Stop => touch(&folder.control(STOP)),
        Request::Checkpoint => touch(&folder.control(CHECKPOINT)),
        Request::Continue => {
            clear(&folder.control(PAUSE));
            Ok(())
        }
        // The pause first: a worker that sees the steps must know that they are single ones.
        Request::Step(steps) => touch(&folder.control(PAUSE)).and_then(|()| post(folder, STEP, &Steps { steps })),
    }
}

/// Asks the worker of a run to turn a knob. It checks the request and says in the journal what it did.
///
/// # Errors
/// As [`request`].
pub fn turn(folder: &Folder, turn: &Turn) -> Result<(), RunError> {
    if lock::holder(folder).is_none() {
        return Err(RunError::Idle { run: folder.name() });
    }
    post(folder, TURN, turn)
}

/// Leaves a request that stands for itself, whatever others there are.
fn post(folder: &Folder, prefix: &str, request: &impl Serialize) -> Result<(), RunError> {
    // Requests are answered in the order of their names; the process keeps two of a moment apart.
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("{prefix}{since:024}-{}-{count}.json", std::process::id());
    durable::write_sealed(&folder.control(&name), request)
}

/// Tells the worker that somebody looks. A folder that cannot be written is watched all the same,
/// only its panels are as old as its last stop.
pub(super) fn watch(folder: &Folder) {
    touch(&folder.control(WATCHING)).unwrap_or_default();
}

fn touch(path: &Path) -> Result<(), RunError> {
    let times = FileTimes::new().set_modified(SystemTime::now());
    let file = disk::open_to_write(path);
    file.and_then(|file| file.set_times(times)).map_err(|e| RunError::writing(path, e))
}

fn clear(path: &Path) -> bool {
    disk::remove(path).unwrap_or(false)
}

/// What the requests say now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) pause: bool,
    pub(super) stop: bool,
    pub(super) checkpoint: bool,
    pub(super) watched: bool,
}

/// The worker's side: looks at `control/` and forgets what was answered.
#[derive(Debug)]
pub(super) struct Inbox {
    folder: Folder,
    seen: Option<SystemTime>,
    looked: Option<Instant>,
}

/// For how long one look of a viewer counts.
const LOOK: Duration = Duration::from_secs(3);

impl Inbox {
    /// An inbox without the requests to an earlier worker.
    pub(super) fn open(folder: &Folder) -> Self {
        for request in [PAUSE, STOP, CHECKPOINT] {
            clear(&folder.control(request));
        }
        let inbox = Inbox { folder: folder.clone(), seen: None, looked: None };
        inbox.posted::<Steps>(STEP);
        inbox
    }

    /// The requests to turn knobs, in order, or what is wrong with one; each is forgotten.
    pub(super) fn turns(&self) -> Vec<Result<Turn, String>> {
        self.posted(TURN)
    }

    /// The requests for single steps, as [`turns`](Self::turns). To be asked before [`look`](Self::look), which
    /// then sees the pause that belongs to them.
    pub(super) fn steps(&self) -> Vec<Result<u64, String>> {
        self.posted(STEP).into_iter().map(|asked| asked.map(|Steps { steps }| steps)).collect()
    }

    fn posted<T: DeserializeOwned>(&self, prefix: &str) -> Vec<Result<T, String>> {
        let Ok(entries) = fs::read_dir(self.folder.control("")) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort_unstable();
        let read = |name: &String| {
            let path = self.folder.control(name);
            let request = read_request(&path);
            clear(&path).then_some(request)
        };
        names.iter().filter_map(read).collect()
    }

    /// Looks once: four metadata calls.
    pub(super) fn look(&mut self) -> Wishes {
        // That the time changes is what counts: the clocks of two machines need not agree.
        let modified = fs::metadata(self.folder.control(WATCHING)).and_then(|m| m.modified()).ok();
        if modified != self.seen {
            self.seen = modified;
            self.looked = modified.map(|_| Instant::now());
        }
        Wishes {
            pause: self.folder.control(PAUSE).exists(),
            stop: self.folder.control(STOP).exists(),
            checkpoint: clear(&self.folder.control(CHECKPOINT)),
            watched: self.looked.is_some_and(|at| at.elapsed() < LOOK),
        }
    }
}

fn read_request<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
    file.map_err(|e| format!("cannot be read: {e}"))?;
    let line = std::str::from_utf8(&bytes).map_err(|e| e.to_string())?;
    records::unseal(line.trim_end(), &mut { records::FIRST })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::lock::Lock;

    #[test]
    fn requests_reach_a_worker_and_only_a_worker() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        fs::create_dir(place.path().join("control")).unwrap();
        assert!(matches!(request(&folder, Request::Pause), Err(RunError::Idle { .. })));
        touch(&folder.control(STOP)).unwrap();
        let _lock = Lock::take(&folder).unwrap();
        let mut inbox = Inbox::open(&folder);
        assert_eq!(inbox.look(), Wishes::default());
        for wish in [Request::Pause, Request::Checkpoint] {
            request(&folder, wish).unwrap();
        }
        watch(&folder);
        assert_eq!(inbox.look(), Wishes { pause: true, checkpoint: true, watched: true, stop: false });
        // Every request for steps counts, and each brings its pause.
        request(&folder, Request::Continue).unwrap();
        for steps in [1, 1, 40] {
            request(&folder, Request::Step(steps)).unwrap();
        }
        fs::write(folder.control("step-garbage.json"), "{\"steps\": 3}").unwrap();
        let asked = inbox.steps();
        assert_eq!(asked.iter().flatten().collect::<Vec<_>>(), [&1, &1, &40]);
        assert_eq!(asked.iter().filter(|asked| asked.is_err()).count(), 1);
        assert!(inbox.look().pause && inbox.steps().is_empty());
        request(&folder, Request::Step(1)).unwrap();
        assert!(Inbox::open(&folder).steps().is_empty(), "those to an earlier worker are forgotten");
        request(&folder, Request::Continue).unwrap();
        request(&folder, Request::Stop).unwrap();
        assert_eq!(inbox.look(), Wishes { stop: true, watched: true, ..Wishes::default() });
    }
}
