//! `ansatz diagnose`: the bias card of a trained trial.

use super::failure::Failure;
use super::job::{Job, Place};
use super::output;
use super::progress::Steps;
use super::run::Threads;
use crate::run::{self, BiasCard, Folder, export::cards_text};

/// Makes a bias card.
#[derive(clap::Args)]
pub(super) struct Diagnose {
    /// The run; the newest without it
    run: Option<String>,
    /// The trial, by its name; the first that has a model without it
    #[arg(long, value_name = "NAME")]
    trial: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

impl Job for Diagnose {
    const NAME: &'static str = "diagnose";
    const ABOUT: &'static str = "Print the bias card of a trained trial: what its model assumed";
    const EXAMPLES: &'static str = "  ansatz diagnose\n  ansatz diagnose gpicl-quick --trial K-4.s0\n  ansatz diagnose --json | jq .readings[].instrument";

    fn start(self, place: &Place) -> Result<u8, Failure> {
        let folder = run::find(&place.runs, self.run.as_deref())?;
        let threads = self.threads.or_of(&folder)?;
        let card = made(&folder, place, self.trial.as_deref(), threads)?;
        if self.json {
            let document = serde_json::to_value(&card).map_err(|e| Failure::failed(e.to_string()))?;
            output::print_json(&document)?;
        } else {
            output::print(&cards_text(&[card]))?;
        }
        Ok(0)
    }
}

/// Makes a card and shows how far it is.
pub(super) fn made(folder: &Folder, place: &Place, trial: Option<&str>, threads: usize) -> Result<BiasCard, Failure> {
    let steps = Steps::new();
    let card = run::bias_card(folder, place.table, trial, threads, &mut |done, of, next| steps.tell(done, of, next));
    steps.end();
    Ok(card?)
}
