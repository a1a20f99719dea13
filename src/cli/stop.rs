//! `ansatz stop`: a worker writes checkpoints and ends.

use std::time::{Duration, Instant};

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use crate::run::{self, Request};

/// How long a worker may take to come to a checkpoint before we stop looking.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stops a run.
#[derive(clap::Args)]
pub(super) struct Stop {
    /// The run; the newest without it
    run: Option<String>,
}

impl Job for Stop {
    const NAME: &'static str = "stop";
    const ABOUT: &'static str = "End the worker of a run at a checkpoint";
    const EXAMPLES: &'static str = "  ansatz stop\n  ansatz stop gpicl-quick";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        run::request(&folder, Request::Stop)?;
        let name = place.handle(&folder);
        let asked = Instant::now();
        while run::holder(&folder).is_some() {
            if asked.elapsed() > PATIENCE {
                output::tell(&format!("{name} was asked to stop and has not come to a checkpoint yet"));
                return Ok(0);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        output::tell(&format!("{name} has stopped; `ansatz resume {name}` goes on"));
        Ok(0)
    }
}
