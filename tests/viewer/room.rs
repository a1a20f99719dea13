//! A folder of one's own with runs in it, and the program that made them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};

/// The program under test.
pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_ansatz");
/// Name of the finished run.
pub(super) const FINISHED: &str = "representation-bias-small";

/// A working directory with a folder `runs`. Workers that still run in it end with it.
pub(super) struct Room(tempfile::TempDir);

impl Room {
    /// Without a run.
    pub(super) fn empty() -> Self {
        Room(tempfile::tempdir().unwrap())
    }

    /// With the finished run.
    pub(super) fn finished() -> Self {
        let room = Room::empty();
        copy(finished(), &room.runs().join(FINISHED));
        room
    }

    /// With the finished run once more, under another name.
    pub(super) fn finished_as(&self, name: &str) {
        copy(finished(), &self.runs().join(name));
    }

    /// The working directory.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The folder of the runs.
    pub(super) fn runs(&self) -> PathBuf {
        self.path().join("runs")
    }

    /// Every run there is.
    pub(super) fn folders(&self) -> Vec<ansatz::run::Folder> {
        let entries = fs::read_dir(self.runs()).into_iter().flatten();
        entries.filter_map(|entry| ansatz::run::Folder::open(&entry.ok()?.path()).ok()).collect()
    }

    /// What a file of some kind below the runs says, all of them together.
    pub(super) fn read(&self, name: &str) -> String {
        let mut text = String::new();
        below(&self.runs(), &mut |path| {
            if path.ends_with(name) {
                text += &fs::read_to_string(path).unwrap();
            }
        });
        text
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let holders = self.folders().into_iter().filter_map(|folder| ansatz::run::holder(&folder));
        for pid in holders.filter_map(|holder| Pid::from_raw(i32::try_from(holder.pid).ok()?)) {
            _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn below(folder: &Path, see: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { below(&path, see) } else { see(&path) }
    }
}

/// The finished run: made by the program when first asked for, some seconds, and shared by copying.
fn finished() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("viewer").join(FINISHED);
        _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        let preset = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/viewer/small.ron");
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg(preset).arg("--out").arg(&folder).args(["--threads", "2"]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
