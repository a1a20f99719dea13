//! Faults of the disk and of the process, for tests: at the n-th change of a folder something happens.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(in crate::run) enum Fault {
    /// Nothing; points are counted.
    Never,
    /// The process ends at point `.0`, from 1.
    Abort(u64),
    /// The system refuses point `.0` and all behind it, with an error number.
    Refuse(u64, i32),
    /// The system refuses point `.0` alone.
    RefuseOnce(u64, i32),
    /// The disk takes so many bytes more.
    Room(i64),
}

/// The faults of one folder, until dropped.
#[derive(Clone, Debug)]
pub(in crate::run) struct Faults(Arc<Plan>);

#[derive(Debug)]
struct Plan {
    root: PathBuf,
    fault: Fault,
    passed: AtomicU64,
    room: AtomicI64,
    tripped: AtomicBool,
}

static PLANS: RwLock<Vec<Arc<Plan>>> = RwLock::new(Vec::new());

impl Faults {
    /// Faults for everything below `root`.
    pub(in crate::run) fn below(root: &Path, fault: Fault) -> Faults {
        let room = if let Fault::Room(bytes) = fault { bytes } else { i64::MAX };
        let plan = Arc::new(Plan {
            root: root.to_owned(),
            fault,
            passed: AtomicU64::new(0),
            room: AtomicI64::new(room),
            tripped: AtomicBool::new(false),
        });
        PLANS.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&plan));
        Faults(plan)
    }

    /// How many points were passed.
    pub(in crate::run) fn passed(&self) -> u64 {
        self.0.passed.load(Ordering::Relaxed)
    }

    /// Whether anything happened.
    pub(in crate::run) fn tripped(&self) -> bool {
        self.0.tripped.load(Ordering::Relaxed)
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        PLANS.write().unwrap_or_else(PoisonError::into_inner).retain(|plan| !Arc::ptr_eq(plan, &self.0));
    }
}

fn plan(path: &Path) -> Option<Arc<Plan>> {
    let plans = PLANS.read().unwrap_or_else(PoisonError::into_inner);
    plans.iter().find(|plan| path.starts_with(&plan.root)).cloned()
}

/// Passes a point.
pub(super) fn point(path: &Path) -> io::Result<()> {
    let Some(plan) = plan(path) else { return Ok(()) };
    let number = plan.passed.fetch_add(1, Ordering::Relaxed) + 1;
    let refused = match plan.fault {
        Fault::Abort(at) if number == at => std::process::abort(),
        Fault::Refuse(at, error) if number >= at => Some(error),
        Fault::RefuseOnce(at, error) if number == at => Some(error),
        _ => None,
    };
    let Some(error) = refused else { return Ok(()) };
    plan.tripped.store(true, Ordering::Relaxed);
    Err(io::Error::from_raw_os_error(error))
}

/// How many of `bytes` the disk takes, and what it then says.
pub(super) fn room(path: &Path, bytes: &[u8]) -> (usize, io::Result<()>) {
    let whole = (bytes.len(), Ok(()));
    let Some(plan) = plan(path).filter(|plan| matches!(plan.fault, Fault::Room(_))) else { return whole };
    let before = plan.room.fetch_sub(bytes.len() as i64, Ordering::Relaxed);
    if before >= bytes.len() as i64 {
        return whole;
    }
    plan.tripped.store(true, Ordering::Relaxed);
    let full = rustix::io::Errno::NOSPC.raw_os_error();
    (before.max(0) as usize, Err(io::Error::from_raw_os_error(full)))
}
