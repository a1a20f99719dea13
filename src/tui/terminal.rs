//! The terminal while the viewer has it: raw mode, alternate screen, and always given back.

use std::io::{self, BufWriter, Stdout, Write};
use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Frame;
use ratatui::backend::{Backend, ClearType, CrosstermBackend};

use super::guard;

/// Whether the terminal is the viewer's now. One for the process: there is one terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether the mouse is listened to while the terminal is taken.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// The terminal; given back when dropped, on a panic, and by [`give_back`].
pub(super) struct Terminal {
    // Never dropped: ratatui's own drop complains on stderr when the terminal is gone, and panics when
    // stderr is gone with it. [`give_back`] shows the cursor instead.
    screen: ManuallyDrop<ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When it cannot be put into raw mode or written to.
    pub(super) fn take() -> io::Result<Self> {
        give_back_on_panic();
        take()?;
        // One write a frame: the whole frame fits into the buffer nearly always.
        let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 16, io::stdout()));
        let screen = ratatui::Terminal::new(backend).inspect_err(|_| give_back())?;
        Ok(Terminal { screen: ManuallyDrop::new(screen) })
    }

    /// Takes it again after [`give_back`]; the next frame is drawn whole.
    ///
    /// # Errors
    /// As [`Terminal::take`].
    pub(super) fn take_again(&mut self) -> io::Result<()> {
        take()?;
        self.forget()
    }

    /// Forgets what is on the screen, so that the next frame is drawn whole. Asks the terminal
    /// nothing: a question that is never answered would block.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        self.screen.backend_mut().clear_region(ClearType::All)?;
        self.screen.swap_buffers();
        Ok(())
    }

    /// Listens to the mouse, or leaves it to the terminal.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub(super) fn mouse(&mut self, on: bool) -> io::Result<()> {
        MOUSE.store(on, Ordering::SeqCst);
        match on {
            true => execute!(io::stdout(), EnableMouseCapture),
            false => execute!(io::stdout(), DisableMouseCapture),
        }
    }

    /// Draws a frame, shown at once by terminals that know synchronized updates (DEC mode 2026).
    ///
    /// # Errors
    /// When it cannot be written to.
    pub(super) fn draw(&mut self, paint: impl FnOnce(&mut Frame)) -> io::Result<()> {
        let size = self.screen.size()?;
        if size.width == 0 || size.height == 0 {
            return Ok(());
        }
        queue!(self.screen.backend_mut(), BeginSynchronizedUpdate)?;
        self.screen.draw(paint)?;
        execute!(self.screen.backend_mut(), EndSynchronizedUpdate)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    if MOUSE.load(Ordering::SeqCst) {
        execute!(io::stdout(), EnableMouseCapture).inspect_err(|_| give_back())?;
    }
    execute!(io::stdout(), EnterAlternateScreen, Hide).inspect_err(|_| give_back())
}

/// Gives the terminal back; harmless when it was given back already.
pub(super) fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that is gone cannot be restored: whatever fails here fails for good.
        let mut out = io::stdout();
        if MOUSE.load(Ordering::SeqCst) {
            _ = execute!(out, DisableMouseCapture);
        }
        _ = execute!(out, EndSynchronizedUpdate, LeaveAlternateScreen, Show);
        _ = out.flush();
        _ = disable_raw_mode();
    }
}

/// A panic in any thread gives the terminal back before its message is printed, unless it is that of
/// a painter.
fn give_back_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !guard::catches(info) {
                give_back();
                before(info);
            }
        }));
    });
}
