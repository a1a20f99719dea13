//! The viewer in a pseudo-terminal with a screen. Nothing here sleeps: the idle signal says when all
//! that was sent is on the screen, and a deadline far beyond any machine's need is only for failing.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::room::{PROGRAM, Room};

const DEADLINE: Duration = Duration::from_secs(60);

/// How a viewer is opened.
pub(super) struct Opening<'a> {
    room: &'a Room,
    size: (u16, u16),
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    signals: bool,
}

/// A viewer on its home screen, 80 by 24, in 256 colours and braille unless told otherwise.
pub(super) fn viewer(room: &Room) -> Opening<'_> {
    Opening { room, size: (80, 24), arguments: Vec::new(), variables: Vec::new(), signals: true }
}

impl Opening<'_> {
    /// Columns and rows.
    pub(super) fn size(self, size: (u16, u16)) -> Self {
        Opening { size, ..self }
    }

    /// Further arguments.
    pub(super) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(ToString::to_string));
        self
    }

    /// A variable of its environment, which has nothing of the test's own.
    pub(super) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without the idle signal: as people start it.
    pub(super) fn silent(self) -> Self {
        Opening { signals: false, ..self }
    }

    /// Starts it, and waits for its first frame.
    pub(super) fn open(self) -> Viewer {
        let pair = native_pty_system().openpty(pty_size(self.size)).unwrap();
        let mut command = CommandBuilder::new(PROGRAM);
        command.arg("--runs");
        command.arg(self.room.runs());
        command.args(&self.arguments);
        command.cwd(self.room.path());
        command.env_clear();
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        if self.signals {
            command.env("ANSATZ_IDLE_SIGNAL", "1");
        }
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        let mut child = on_one_core(|| pair.slave.spawn_command(command)).unwrap();
        drop(pair.slave);
        let pid = Pid::from_raw(child.process_id().unwrap() as i32).unwrap();
        let seen = Arc::new(Seen { state: Mutex::new(State::new(self.size)), changed: Condvar::new() });
        let reader = pair.master.try_clone_reader().unwrap();
        let (read, waited) = (Arc::clone(&seen), Arc::clone(&seen));
        std::thread::spawn(move || read.read(reader));
        std::thread::spawn(move || waited.ended(child.wait().unwrap()));
        let keys = pair.master.take_writer().unwrap();
        let viewer = Viewer { master: Some(pair.master), keys: Some(keys), seen, pid, sent: 0, signals: self.signals };
        drop(viewer.until("first frame", |state| state.idle().is_some() || (!self.signals && !state.bytes.is_empty())));
        viewer
    }
}

/// Starts something on one core of this machine, so that estimates and workers are the same on all;
/// one after another each takes its turn.
fn on_one_core<R>(start: impl FnOnce() -> R) -> R {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let all = sched_getaffinity(None).unwrap();
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).collect();
    let mut one = CpuSet::new();
    one.set(cores[TURN.fetch_add(1, Ordering::Relaxed) % cores.len()]);
    sched_setaffinity(None, &one).unwrap();
    let started = start();
    sched_setaffinity(None, &all).unwrap();
    started
}

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn sized(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap_or(NonZeroU16::MIN)
}

/// What an idle signal said, and the screen at that moment.
#[derive(Clone)]
struct Idle {
    keys: u64,
    size: (u16, u16),
    screen: vt100::Screen,
}

/// Collects the last idle signal.
#[derive(Default)]
struct Signals(Option<Idle>);

impl vt100::Callbacks for Signals {
    fn unhandled_osc(&mut self, screen: &mut vt100::Screen, params: &[&[u8]]) {
        let words: Vec<&str> = params.iter().filter_map(|word| std::str::from_utf8(word).ok()).collect();
        let ["7777", "ansatz-idle", keys, size] = words[..] else { return };
        let keys = keys.strip_prefix("keys=").unwrap().parse().unwrap();
        let (width, height) = size.strip_prefix("size=").unwrap().split_once('x').unwrap();
        let size = (width.parse().unwrap(), height.parse().unwrap());
        self.0 = Some(Idle { keys, size, screen: screen.clone() });
    }
}

/// What came out of the terminal so far.
pub(super) struct State {
    parser: vt100::Parser<Signals>,
    /// Every byte.
    pub(super) bytes: Vec<u8>,
    ended: Option<ExitStatus>,
    /// Whether all that it wrote was read.
    read_to_its_end: bool,
    /// Whether nothing more is to be read.
    deaf: bool,
}

impl State {
    fn new((cols, rows): (u16, u16)) -> Self {
        let parser = vt100::Parser::new_with_callbacks(sized(rows), sized(cols), 0, Signals::default());
        State { parser, bytes: Vec::new(), ended: None, read_to_its_end: false, deaf: false }
    }

    fn idle(&self) -> Option<&Idle> {
        self.parser.callbacks().0.as_ref()
    }

    /// The last whole frame; without the idle signal what has arrived of it.
    pub(super) fn screen(&self) -> &vt100::Screen {
        self.idle().map_or(self.parser.screen(), |idle| &idle.screen)
    }

    /// The screen as it is now, a frame or not.
    pub(super) fn terminal(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    fn text(&self) -> String {
        let screen = self.screen();
        let rows = screen.rows(0, screen.size().1.get()).map(|row| row.trim_end().to_owned());
        rows.collect::<Vec<_>>().join("\n")
    }
}

struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

impl Seen {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn read(&self, mut reader: Box<dyn Read + Send>) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            let mut state = self.state();
            state.parser.process(&buffer[..n]);
            state.bytes.extend_from_slice(&buffer[..n]);
            self.changed.notify_all();
            if state.deaf {
                break;
            }
        }
        self.state().read_to_its_end = true;
        self.changed.notify_all();
    }

    fn ended(&self, status: ExitStatus) {
        self.state().ended = Some(status);
        self.changed.notify_all();
    }
}

/// A running viewer.
pub(super) struct Viewer {
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    seen: Arc<Seen>,
    pid: Pid,
    sent: u64,
    signals: bool,
}

impl Viewer {
    /// Waits until something is so.
    pub(super) fn until(&self, what: &str, is_so: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let begun = Instant::now();
        let mut state = self.seen.state();
        while !is_so(&state) {
            let left = DEADLINE.saturating_sub(begun.elapsed());
            let ended = state.ended.clone().map_or(String::new(), |status| format!(" ({status})"));
            assert!(!left.is_zero() && ended.is_empty(), "no {what}{ended}; on the screen:\n{}", state.text());
            state = self.seen.changed.wait_timeout(state, left).unwrap().0;
        }
        state
    }

    /// Presses keys, as a terminal sends them, and waits until they are handled and on the screen.
    pub(super) fn press(&mut self, keys: &str) -> &mut Self {
        for (bytes, count) in chunks(keys) {
            self.send(bytes.as_bytes());
            self.sent += count;
            if self.signals {
                let sent = self.sent;
                let state = self.until("answer to keys", |state| state.idle().is_some_and(|idle| idle.keys >= sent));
                assert_eq!(state.idle().unwrap().keys, sent, "more keys than were pressed, {keys:?}");
            }
        }
        self
    }

    /// Sends bytes, and waits for nothing.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let writer = self.keys.as_mut().unwrap();
        writer.write_all(bytes).unwrap();
        writer.flush().unwrap();
    }

    /// Changes the size, and waits for a frame of it.
    pub(super) fn resize(&mut self, size: (u16, u16)) -> &mut Self {
        self.resize_at_once(size);
        drop(self.until("frame of the new size", |state| state.idle().is_some_and(|idle| idle.size == size)));
        self
    }

    /// Changes the size, and waits for nothing.
    pub(super) fn resize_at_once(&mut self, size: (u16, u16)) {
        let mut state = self.seen.state();
        state.parser.set_size(sized(size.1), sized(size.0));
        // What was drawn for another size is no frame of this one.
        state.parser.callbacks_mut().0 = None;
        self.master.as_ref().unwrap().resize(pty_size(size)).unwrap();
    }

    /// The last whole frame, in lines without trailing blanks.
    pub(super) fn screen(&self) -> String {
        self.seen.state().text()
    }

    /// The frame without its first line, which says how much of the disk is free now.
    pub(super) fn below_the_head(&self) -> String {
        self.screen().lines().skip(1).collect::<Vec<_>>().join("\n")
    }

    /// What came out so far.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.seen.state()
    }

    /// Waits for a frame that says something.
    pub(super) fn wait_for(&self, text: &str) -> String {
        self.until(&format!("`{text}`"), |state| state.text().contains(text)).text()
    }

    /// That the screen says all of this now.
    pub(super) fn shows(&mut self, texts: &[&str]) -> &mut Self {
        let screen = self.screen();
        for text in texts {
            assert!(screen.contains(text), "no `{text}` in\n{screen}");
        }
        self
    }

    /// That the screen says nothing of this now.
    pub(super) fn hides(&mut self, texts: &[&str]) -> &mut Self {
        let screen = self.screen();
        for text in texts {
            assert!(!screen.contains(text), "`{text}` in\n{screen}");
        }
        self
    }

    /// The line that holds a text.
    pub(super) fn line(&self, text: &str) -> String {
        let screen = self.screen();
        let line = screen.lines().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("no `{text}` in\n{screen}")).to_owned()
    }

    /// Goes down a list until the selected line has a text, or the pane beside the list is about it.
    pub(super) fn select(&mut self, text: &str) -> &mut Self {
        let about = format!("─ {text} ─");
        let is_selected = |screen: &str| {
            screen.lines().any(|line| (line.starts_with('▸') && line.contains(text)) || line.contains(&about))
        };
        for _ in 0..200 {
            if is_selected(&self.screen()) {
                return self;
            }
            self.press("j");
        }
        panic!("`{text}` cannot be selected in\n{}", self.screen());
    }

    /// Waits for its end.
    pub(super) fn ends(&self) -> ExitStatus {
        let begun = Instant::now();
        let mut state = self.seen.state();
        loop {
            if let Some(status) = state.ended.as_ref().filter(|_| state.read_to_its_end) {
                return status.clone();
            }
            let left = DEADLINE.saturating_sub(begun.elapsed());
            assert!(!left.is_zero(), "still there; on the screen:\n{}", state.text());
            state = self.seen.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Waits until it has stopped, as Ctrl-Z does it.
    pub(super) fn stops(&self) {
        waitid(WaitId::Pid(self.pid), WaitIdOptions::STOPPED).unwrap();
    }

    /// Closes its terminal.
    pub(super) fn hang_up(&mut self) {
        // The reader holds the terminal too: it lets go after the next bytes, which a redraw brings.
        self.seen.state().deaf = true;
        let before = self.seen.state().bytes.len();
        self.send(b"\x0c");
        drop(self.until("redraw", |state| state.bytes.len() > before));
        self.keys = None;
        self.master = None;
    }

    /// That nothing is drawn for a while.
    pub(super) fn stays_still(&self, time: Duration) {
        let begun = Instant::now();
        let mut state = self.seen.state();
        let bytes = state.bytes.len();
        while let Some(left) = time.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
            state = self.seen.changed.wait_timeout(state, left).unwrap().0;
            let said = String::from_utf8_lossy(&state.bytes[bytes..]).into_owned();
            assert!(said.is_empty(), "nothing happened, and it said {said:?}");
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let state = self.seen.state();
        if state.ended.is_none() {
            _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

/// Keys in parts that may be sent at once, with their number: a lone Esc ends a part, since with what
/// follows it would be another key.
fn chunks(keys: &str) -> Vec<(&str, u64)> {
    let mut chunks = Vec::new();
    let (mut rest, mut at, mut count) = (keys, 0, 0);
    while at < rest.len() {
        let left = &rest[at..];
        let sequence = left.strip_prefix("\x1b[").and_then(|body| body.find(|c: char| !c.is_ascii_digit() && c != ';'));
        let length = sequence.map_or(left.chars().next().map_or(0, char::len_utf8), |end| end + 3);
        (at, count) = (at + length, count + 1);
        if at == rest.len() || (left.starts_with('\x1b') && sequence.is_none()) {
            chunks.push((&rest[..at], count));
            (rest, at, count) = (&rest[at..], 0, 0);
        }
    }
    chunks
}

#[test]
fn keys_are_counted_as_the_viewer_reads_them() {
    assert_eq!(chunks("ab\r"), [("ab\r", 3)]);
    assert_eq!(chunks("\x1b[A\x1b[5~j"), [("\x1b[A\x1b[5~j", 3)]);
    assert_eq!(chunks("x\x1bq\x1b"), [("x\x1b", 2), ("q\x1b", 2)]);
}
