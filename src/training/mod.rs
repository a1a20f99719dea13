//! What every study does whatever its paper: a grid of cells becomes trials, a learner is trained and
//! saved, results are gathered by condition, and measured checks become a verdict.

mod cells;
mod checks;
mod judgement;
mod learner;
mod saved;
#[cfg(test)]
pub(crate) mod testing;

pub use cells::{Cell, Evidence, Recorded, cell_of, plain_name, specs};
pub use checks::Checks;
pub use judgement::{Measured, decided, missing, seed_rows, undecided, word};
pub use learner::{Learner, Pass, Trained};
pub use saved::{checkpoint, field, state};
