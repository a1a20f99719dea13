//! The viewer in a real pseudo-terminal: it draws, answers keys, and goes when its terminal goes.
//!
//! The child is this test program itself, told by a variable to be the viewer.

use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::look::{Depth, Glyphs, Look};
use super::running;
use crate::view::{App, made_up};

const CHILD: &str = "ANSATZ_TEST_VIEWER";

/// Not a test of its own: what the child runs.
#[test]
fn viewer_child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let app = App::home(made_up::TABLE, Box::new(made_up::bench()), 2);
    let ended = running::run(app, Look { depth: Depth::Indexed, glyphs: Glyphs::Braille });
    // Written where it can be, and no more of the test harness: its own words would fail on a dead
    // terminal.
    writeln!(std::io::stdout(), "left in peace").unwrap_or_default();
    std::process::exit(i32::from(ended.is_err()));
}

struct Viewer {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    screen: Arc<Mutex<vt100::Parser>>,
    bytes: Arc<Mutex<usize>>,
}

fn open() -> Viewer {
    open_reading_until(None)
}

/// With a mark, nothing is read behind it: the last end of the terminal but the master is then closed.
fn open_reading_until(mark: Option<&'static str>) -> Viewer {
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tui::pty_tests::viewer_child", "--nocapture", "--test-threads=1"]);
    command.env(CHILD, "1");
    command.env("TERM", "xterm-256color");
    let child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let sized = |n| NonZero::new(n).unwrap();
    let screen = Arc::new(Mutex::new(vt100::Parser::new(sized(24), sized(80), 0)));
    let bytes = Arc::new(Mutex::new(0));
    let mut reader = pair.master.try_clone_reader().unwrap();
    let (to, count) = (Arc::clone(&screen), Arc::clone(&bytes));
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            to.lock().unwrap().process(&buffer[..n]);
            *count.lock().unwrap() += n;
            if mark.is_some_and(|mark| to.lock().unwrap().screen().contents().contains(mark)) {
                break;
            }
        }
    });
    let keys = pair.master.take_writer().unwrap();
    Viewer { child, master: Some(pair.master), keys: Some(keys), screen, bytes }
}

impl Viewer {
    fn shown(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn wait_for(&self, what: &str) {
        let begun = Instant::now();
        while !self.shown().contains(what) {
            assert!(begun.elapsed() < Duration::from_secs(20), "no `{what}` in\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn press(&mut self, keys: &str) {
        let writer = self.keys.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    fn ends_within(&mut self, most: Duration) -> portable_pty::ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            if begun.elapsed() > most {
                self.child.kill().unwrap();
                panic!("still there after {most:?}; on the screen:\n{}", self.shown());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.process_id().unwrap())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }
}

#[test]
fn keys_open_a_run_and_leaving_gives_the_terminal_back() {
    let mut viewer = open();
    viewer.wait_for("General-purpose");
    assert!(viewer.screen.lock().unwrap().screen().alternate_screen());
    viewer.press("\r");
    viewer.wait_for("Learning curves in context");
    viewer.press("?");
    viewer.wait_for("Esc closes");
    viewer.press("\x1b");
    viewer.wait_for("Trials 9");
    viewer.press("q");
    viewer.ends_within(Duration::from_secs(5));
    viewer.wait_for("left in peace");
    let screen = viewer.screen.lock().unwrap();
    assert!(!screen.screen().alternate_screen() && !screen.screen().hide_cursor());
}

#[test]
fn when_its_terminal_is_gone_so_is_the_viewer() {
    let mut viewer = open_reading_until(Some("leave"));
    viewer.wait_for("leave");
    viewer.keys = None;
    viewer.master = None;
    assert!(viewer.ends_within(Duration::from_secs(3)).success());
}

#[test]
fn a_signal_ends_it_and_restores_the_terminal() {
    let mut viewer = open();
    viewer.wait_for("General-purpose");
    let pid = rustix::process::Pid::from_raw(viewer.child.process_id().unwrap() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    viewer.ends_within(Duration::from_secs(3));
    viewer.wait_for("left in peace");
    assert!(!viewer.screen.lock().unwrap().screen().alternate_screen());
}

#[test]
fn resizing_in_a_storm_ends_with_a_frame_that_fits() {
    let mut viewer = open();
    viewer.wait_for("General-purpose");
    viewer.press("\r");
    viewer.wait_for("Trials 9");
    let sizes = [(0, 0), (1, 1), (300, 100), (40, 10), (39, 9), (2, 300), (120, 40)];
    for (cols, rows) in sizes.into_iter().cycle().take(70).chain([(80, 24)]) {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        viewer.master.as_ref().unwrap().resize(size).unwrap();
        std::thread::sleep(Duration::from_millis(3));
    }
    *viewer.screen.lock().unwrap() = {
        let sized = |n| NonZero::new(n).unwrap();
        vt100::Parser::new(sized(24), sized(80), 0)
    };
    viewer.press("\x0c"); // Ctrl-L
    viewer.wait_for("Trials 9");
    viewer.press("q");
    viewer.ends_within(Duration::from_secs(5));
}

#[test]
fn an_idle_viewer_says_nothing_and_costs_nothing() {
    let mut viewer = open();
    viewer.wait_for("leave");
    std::thread::sleep(Duration::from_millis(300));
    let (time, bytes) = (viewer.processor_time(), *viewer.bytes.lock().unwrap());
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(*viewer.bytes.lock().unwrap(), bytes);
    let spent = viewer.processor_time() - time;
    assert!(spent <= Duration::from_millis(20), "{spent:?} in two seconds");
    viewer.press("q");
    viewer.ends_within(Duration::from_secs(5));
}
