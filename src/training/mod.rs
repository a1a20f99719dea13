//! What every study does whatever its paper: a learner is trained, kept and shown to
//! instruments, and measured checks become a verdict.

mod judgement;
mod learner;
pub mod sequence_to_sequence;
mod subject;
#[cfg(test)]
pub(crate) mod testing;
mod turned;

pub use judgement::{Measured, Ruling, hold, missing, verdict};
pub use learner::{Learner, Pass, Trained, burst};
pub use turned::{Turned, turned};
