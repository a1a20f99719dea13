//! Waiting for keys, signals and time without spinning, and noticing a terminal that is gone.
//!
//! crossterm 0.29 spins for ever once its terminal is gone (measured: 65 to 94 % of a core), and its
//! own `poll` then never returns. So the wait is a `poll(2)` of our own that looks for a hang-up, and
//! crossterm is only asked when there is something to read. It is built with `use-dev-tty`: its other
//! source of events is told of input only once, and forgets it when a resize comes at the same time
//! (measured: after seventy resizes no key arrived any more).

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::SigId;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};

use super::terminal::give_back;

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// There is input.
    Input,
    /// A signal came, or nothing happened in time.
    Other,
    /// The terminal is gone.
    HungUp,
}

/// What signals ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// End.
    pub(super) leave: bool,
    /// Stop until continued.
    pub(super) suspend: bool,
    /// Draw everything again: after a continue.
    pub(super) redraw: bool,
    /// The size changed.
    pub(super) resize: bool,
}

#[derive(Default)]
struct Flags {
    leave: Arc<AtomicBool>,
    suspend: Arc<AtomicBool>,
    redraw: Arc<AtomicBool>,
    resize: Arc<AtomicBool>,
}

/// Waits for the terminal and for signals.
pub(super) struct Waiting {
    wake: UnixStream,
    flags: Flags,
    registered: Vec<SigId>,
}

impl Waiting {
    /// Begins to listen to signals, and watches the terminal for a hang-up from a thread of its own,
    /// which ends the process should the viewer be stuck in the terminal when it goes.
    ///
    /// # Errors
    /// When signals cannot be listened to.
    pub(super) fn new() -> io::Result<Self> {
        let (wake, signal) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let mut waiting = Waiting { wake, flags: Flags::default(), registered: Vec::new() };
        let flags = &waiting.flags;
        let wanted = [
            (SIGTERM, &flags.leave),
            (SIGHUP, &flags.leave),
            (SIGINT, &flags.leave),
            (SIGQUIT, &flags.leave),
            (SIGTSTP, &flags.suspend),
            (SIGCONT, &flags.redraw),
            (SIGWINCH, &flags.resize),
        ];
        for (number, flag) in wanted {
            waiting.registered.push(signal_hook::flag::register(number, Arc::clone(flag))?);
            waiting.registered.push(signal_hook::low_level::pipe::register(number, signal.try_clone()?)?);
        }
        std::thread::Builder::new().name("hang-up".into()).spawn(watch_for_hang_up)?;
        Ok(waiting)
    }

    /// Waits for input, a signal or the time.
    pub(super) fn wait(&self, most: Duration) -> Woken {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.wake, PollFlags::IN)];
        let timeout = Timespec { tv_sec: most.as_secs() as i64, tv_nsec: most.subsec_nanos().into() };
        let polled = poll(&mut fds, Some(&timeout));
        let terminal = fds[0].revents();
        if terminal.intersects(GONE) {
            return Woken::HungUp;
        }
        self.drain();
        if polled.is_ok() && terminal.contains(PollFlags::IN) { Woken::Input } else { Woken::Other }
    }

    fn drain(&self) {
        let mut bytes = [0; 64];
        while io::Read::read(&mut &self.wake, &mut bytes).is_ok_and(|n| n > 0) {}
    }

    /// What signals asked for since the last time.
    pub(super) fn asked(&self) -> Asked {
        let take = |flag: &AtomicBool| flag.swap(false, Ordering::SeqCst);
        Asked {
            leave: take(&self.flags.leave),
            suspend: take(&self.flags.suspend),
            redraw: take(&self.flags.redraw),
            resize: take(&self.flags.resize),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

const GONE: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);
/// How long the viewer may take to leave by itself once its terminal is gone.
const GRACE: Duration = Duration::from_millis(300);
/// What shells report for a process that a hang-up ended: 128 + SIGHUP.
const HUNG_UP: i32 = 129;

/// Sleeps in the kernel until the terminal is gone, then ends a process that is still there.
fn watch_for_hang_up() {
    let stdin = io::stdin();
    loop {
        let mut fds = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::empty())];
        match poll(&mut fds, None) {
            Ok(_) if fds[0].revents().intersects(GONE) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
    std::thread::sleep(GRACE);
    give_back();
    std::process::exit(HUNG_UP);
}

/// Stops the process as Ctrl-Z does, and returns when it is continued.
///
/// # Errors
/// When the signal cannot be sent.
pub(super) fn stop_here() -> io::Result<()> {
    signal_hook::low_level::emulate_default_handler(SIGTSTP)
}
