//! `ansatz step`: a run goes on for single steps and waits again.

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::run::{self, Request};

/// Single steps.
#[derive(clap::Args)]
pub(super) struct Step {
    /// The run; the newest without it
    run: Option<String>,
    /// How many; each is some tens of milliseconds of training of one trial
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
}

impl Job for Step {
    const NAME: &'static str = "step";
    const ABOUT: &'static str = "Pause a run and let it go on step by step";
    const EXAMPLES: &'static str = "  ansatz step\n  ansatz step gpicl-quick --count 10";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        run::request(&folder, Request::Step(self.count))?;
        let (name, count) = (place.handle(&folder), self.count);
        let steps = if count == 1 { "step" } else { "steps" };
        output::tell(&format!("{name} makes {count} {steps} and waits; `ansatz resume {name}` goes on"));
        Ok(0)
    }
}
