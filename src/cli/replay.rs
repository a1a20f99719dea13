//! `ansatz replay`: a finished run again, which must come out the same.

use serde_json::json;

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use super::run::Threads;
use crate::run;

/// Replays a run.
#[derive(clap::Args)]
pub(super) struct Replay {
    /// The run; the newest without it
    run: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Job for Replay {
    const NAME: &'static str = "replay";
    const ABOUT: &'static str = "Do a finished run again and compare every byte";
    const EXAMPLES: &'static str = "  ansatz replay\n  ansatz replay gpicl-quick --threads 1";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        let threads = self.threads.or_of(&folder)?;
        let aside = tempfile::Builder::new().prefix("ansatz-replay-").tempdir();
        let aside = aside.map_err(|e| Failure::failed(format!("there is no place for the replay: {e}")))?;
        output::tell(&format!("{} is done again with {threads} threads", place.handle(&folder)));
        let (files, different) = run::replay(&folder, place.table, threads, aside.path())?;
        if self.json {
            let list: Vec<String> = different.iter().map(ToString::to_string).collect();
            output::print(&format!("{}\n", json!({ "files": files, "different": list })))?;
        } else {
            for difference in &different {
                output::print(&format!("{difference}\n"))?;
            }
            let same = files - different.len();
            output::print(&format!("{same} of {files} files are the same, byte for byte\n"))?;
        }
        Ok(u8::from(!different.is_empty()))
    }
}
