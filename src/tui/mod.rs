//! The terminal: painters, screens, input, and the guard that always gives the terminal back.
//!
//! The viewer is a client that may die at any time: it reads run folders and leaves small requests.

mod canvas;
mod detect;
mod guard;
mod idle;
mod input;
mod look;
mod paint;
mod pen;
mod picture;
mod running;
mod screen;
mod still;
mod terminal;
mod waiting;

use anyhow::{Context, anyhow};

use crate::contract::Entry;
use crate::run::Folder;
use crate::view::{App, Bench, Folders};

pub use detect::{Wanted, look};
pub use look::{Depth, Glyphs, Look};
pub use still::{screen_svg, screen_text};

/// Why the viewer did not open: wrong use, not a failure; the program's exit code is 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}; `ansatz run` and `ansatz show` work without one")]
pub struct NoTerminal(&'static str);

/// Opens the viewer on its home screen.
///
/// # Errors
/// [`NoTerminal`] when there is no terminal to draw on, or when the terminal cannot be used.
pub fn open(bench: Folders, look: Look) -> anyhow::Result<()> {
    check()?;
    let (systems, cores) = (bench.systems, bench.threads);
    show(App::home(systems, Box::new(bench), cores), look)
}

/// Opens the viewer on its home screen and begins the tour.
///
/// # Errors
/// As [`open`].
pub fn tour(bench: Folders, look: Look) -> anyhow::Result<()> {
    check()?;
    let (systems, cores) = (bench.systems, bench.threads);
    let mut app = App::home(systems, Box::new(bench), cores);
    app.begin_tour();
    show(app, look)
}

/// Opens the viewer on one run.
///
/// # Errors
/// As [`open`], and when the run cannot be read.
pub fn watch(mut bench: Folders, folder: &Folder, look: Look) -> anyhow::Result<()> {
    check()?;
    let (systems, cores): (&'static [Entry], usize) = (bench.systems, bench.threads);
    let feed = bench.open(folder.path()).map_err(|error| anyhow!(error))?;
    show(App::watching(systems, Box::new(bench), feed, cores), look)
}

fn check() -> Result<(), NoTerminal> {
    detect::obstacle().map_or(Ok(()), |why| Err(NoTerminal(why)))
}

fn show(app: App, look: Look) -> anyhow::Result<()> {
    running::run(app, look).context("the terminal cannot be used")
}
