//! `ansatz set`: a knob is turned while a run runs.

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::contract::{Knob, Turn};
use crate::run;

/// Turns a knob.
#[derive(clap::Args)]
#[command(allow_missing_positional = true)]
pub(super) struct Set {
    /// The run; the newest without it
    run: Option<String>,
    /// The knob and its new value
    #[arg(value_name = "KNOB=VALUE", required = true)]
    assignment: String,
    /// The trial; all that run now without it
    #[arg(long, value_name = "NAME")]
    trial: Option<String>,
}

impl Job for Set {
    const NAME: &'static str = "set";
    const ABOUT: &'static str = "Turn a knob of a run while it runs";
    const EXAMPLES: &'static str =
        "  ansatz set learning_rate=1e-4\n  ansatz set gpicl-full learning_rate=1e-4 --trial K-inf.s0";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        let study = folder.study(place.table)?;
        let (knob, value) = parse(&self.assignment)?;
        Knob::check(study.knobs(), &knob, value).map_err(Failure::usage)?;
        run::turn(&folder, &Turn { knob, value, trial: self.trial })?;
        let name = place.handle(&folder);
        output::tell(&format!("{name} was asked for {}; its journal says what came of it", self.assignment));
        Ok(0)
    }
}

fn parse(assignment: &str) -> Result<(String, f64), Failure> {
    let wrong =
        || Failure::usage(format!("`{assignment}` is not KNOB=VALUE with a number, such as learning_rate=1e-4"));
    let (knob, value) = assignment.split_once('=').ok_or_else(wrong)?;
    Ok((knob.trim().to_owned(), value.trim().parse().map_err(|_| wrong())?))
}
