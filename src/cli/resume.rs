//! `ansatz resume`: a run goes on, after a pause or from its last checkpoint.

use std::time::Duration;

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use super::run::Threads;
use super::wait::Waiting;
use crate::run::{self, Folder, Request};

/// Resumes a run.
#[derive(clap::Args)]
pub(super) struct Resume {
    /// The run; the newest without it
    run: Option<String>,
    /// Go back first: to the last kept checkpoint at or before this step (eight are kept until a trial is done)
    #[arg(long, value_name = "STEP")]
    from: Option<u64>,
    /// The trial that goes back; those that ended early without it
    #[arg(long, value_name = "NAME", requires = "from")]
    trial: Option<String>,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    waiting: Waiting,
}

impl Job for Resume {
    const NAME: &'static str = "resume";
    const ABOUT: &'static str = "Go on with a run that was paused, stopped or killed";
    const EXAMPLES: &'static str = "  ansatz resume\n  ansatz resume gpicl-quick --detach\n  \
                                    ansatz resume --from 500     a trial diverged: back to step 500";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        let name = place.handle(&folder);
        if let Some(step) = self.from {
            for (trial, at) in run::go_back(&folder, self.trial.as_deref(), step)? {
                output::tell(&format!("{trial} went back to step {at}"));
            }
        }
        if reaches_a_worker(&folder) {
            output::tell(&format!("{name} has a worker, which goes on"));
            return self.waiting.follow(&folder, None, place);
        }
        let threads = self.threads.or_of(&folder)?;
        output::tell(&format!("{name} goes on with {threads} threads"));
        let worker = run::spawn_worker(&folder, threads)?;
        self.waiting.follow(&folder, Some(worker), place)
    }
}

/// A worker that was just killed holds its run for so long at most.
const DYING: Duration = Duration::from_millis(100);

/// Asks the worker of a run, if there is one that lives, to go on.
fn reaches_a_worker(folder: &Folder) -> bool {
    let reached = run::holder(folder).is_some() && run::request(folder, Request::Continue).is_ok();
    if reached {
        std::thread::sleep(DYING);
    }
    reached && run::holder(folder).is_some()
}
